"""Task folders: what a manifest may say, what its graders make of answers, and what a task proves about itself."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from burnish.errors import BurnishError, ConfigError
from burnish.tasks import folder, prove, ready, scaffold
from burnish.tasks.graders.pattern import Matches
from burnish.tasks.graders.program import Calls
from burnish.tasks.graders.shape import Length
from burnish.tasks.graders.weighted import Weighted
from burnish.tasks.task import Card, Task
from burnish.tools import sandbox
from burnish.types import Example, Message, Score

needs_sandbox = pytest.mark.skipif(sandbox.available().how is None, reason=f"no sandbox works here: {sandbox.available().why}")
CARD = '[card]\ntitle = "T"\nabout = "A"\n'


def example(reference: str = "Paris", asked: str = "Capital of France?") -> Example:
    messages = (Message(role="user", content=asked), Message(role="assistant", content=reference))
    return Example(messages=messages, reference=reference, metadata={"kind": "town"}, line=3)


def made(path: Path, manifest: str, **files: str) -> Path:
    path.mkdir()
    (path / "task.toml").write_text(manifest)
    for name, text in files.items():
        (path / name.replace("__", ".")).write_text(text)
    return path


def rows(count: int, start: int = 0) -> str:
    return "".join(json.dumps({"prompt": f"{n} + 1", "completion": str(n + 1)}) + "\n" for n in range(start, start + count))


@needs_sandbox
def test_a_new_task_works_as_it_stands(tmp_path: Path) -> None:
    path = scaffold.new(tmp_path / "My Task")
    task = ready.find(str(path))
    assert task is not None
    assert (task.name, len(task.train), len(task.valid), len(task.test), task.limit_tokens) == ("my-task", 200, 40, 60, 32)
    words = [{e.messages[-1].content for e in side} for side in (task.train, task.valid, task.test)]
    assert not words[0] & (words[1] | words[2])
    assert not words[1] & words[2]
    row = task.train[0]
    assert task.grader.grade(row, row.messages[-1].content).value == 1.0
    half = task.grader.grade(row, row.messages[-1].content[:1])
    assert 0 < half.value < 0.5
    assert dict(half.parts)["exact"] == 0.0
    assert "letters stand in the right place" in half.reason
    proof = prove.prove(task, rows=6)
    assert proof.holds, proof
    with pytest.raises(ConfigError, match="there already"):
        scaffold.new(tmp_path / "My Task")


@pytest.mark.parametrize(
    ("manifest", "why"),
    [
        (f'schema_version = 2\nname = "t"\n{CARD}[rows]\nall = "r.jsonl"\n[[graders]]\nkind = "exact"', "schema_version"),
        (f'schema_version = 1\nname = "T t"\n{CARD}[rows]\nall = "r.jsonl"\n[[graders]]\nkind = "exact"', "name"),
        (f'schema_version = 1\nname = "t"\n{CARD}[rows]\nall = "r.jsonl"', "graders"),
        (
            f'schema_version = 1\nname = "t"\n{CARD}[rows]\ntrain = "r.jsonl"\n[[graders]]\nkind = "exact"',
            "train, valid and test",
        ),
        (
            f'schema_version = 1\nname = "t"\n{CARD}[rows]\nall = "r.jsonl"\ntest = "r.jsonl"\n[[graders]]\nkind = "exact"',
            "either all",
        ),
        (f'schema_version = 1\nname = "t"\n{CARD}[rows]\nall = "../r.jsonl"\n[[graders]]\nkind = "exact"', "outside"),
        (f'schema_version = 1\nname = "t"\n{CARD}[rows]\nall = "q.jsonl"\n[[graders]]\nkind = "exact"', "not there"),
        (f'schema_version = 1\nname = "t"\n{CARD}[rows]\nall = "r.jsonl"\n[[graders]]\nkind = "exakt"', 'mean "exact"'),
        (
            f'schema_version = 1\nname = "t"\n{CARD}[rows]\nall = "r.jsonl"\n[graders]\nkind = "exact"',
            r"graders must be a list of .*each under \[\[graders\]\]",
        ),
        (f'schema_version = 1\nname = "t"\n{CARD}[rows]\nall = "r.jsonl"\n[[graders]]\nkind = "regex"', "needs a pattern"),
        (
            f'schema_version = 1\nname = "t"\n{CARD}[rows]\nall = "r.jsonl"\n[[graders]]\nkind = "exact"\npattern = "x"',
            "pattern is not a setting",
        ),
        (
            f'schema_version = 1\nname = "t"\n{CARD}[rows]\nall = "r.jsonl"\n[[graders]]\nkind = "regex"\npattern = "("',
            "cannot be read",
        ),
        (f'schema_version = 1\nname = "t"\n{CARD}[rows]\nall = "r.jsonl"\n[[graders]]\nkind = "python"', "not there"),
        (
            f'schema_version = 1\nname = "t"\nnmae = "x"\n{CARD}[rows]\nall = "r.jsonl"\n[[graders]]\nkind = "exact"',
            "nmae is .*mean name\\? there are name, .*card",
        ),
        (
            f'schema_version = 1\nname = "t"\n{CARD}[rows]\nall = "r.jsonl"\n[limits]\nturn = 3\n[[graders]]\nkind = "exact"',
            r"limits\.turn is .*mean limits\.turns\? limits has turns, .*step_s",
        ),
    ],
)
def test_a_manifest_that_is_wrong_says_what(tmp_path: Path, manifest: str, why: str) -> None:
    path = made(tmp_path / "t", manifest, r__jsonl=rows(60))
    with pytest.raises(BurnishError, match=why):
        folder.load(path)


def test_one_file_is_split_by_hash(tmp_path: Path) -> None:
    manifest = f'schema_version = 1\nname = "t"\n{CARD}[rows]\nall = "r.jsonl"\n[[graders]]\nkind = "exact"'
    task = folder.load(made(tmp_path / "t", manifest, r__jsonl=rows(400)))
    sizes = [len(side) for side in (task.train, task.valid, task.test)]
    assert sum(sizes) == 400
    assert all(20 < size < 65 for size in sizes[1:])
    asked = [{e.messages[0].content for e in side} for side in (task.train, task.valid, task.test)]
    assert not asked[0] & (asked[1] | asked[2])
    assert not asked[1] & asked[2]


def test_the_digest_follows_every_file_that_decides(tmp_path: Path) -> None:
    manifest = f'schema_version = 1\nname = "t"\n{CARD}[rows]\nall = "r.jsonl"\n[[graders]]\nkind = "python"'
    path = made(tmp_path / "t", manifest, r__jsonl=rows(60), task__py="def grade(example, answer):\n    return 1\n")
    seen = {folder.digest(path)}
    (path / "notes.txt").write_text("nothing that decides")
    assert folder.digest(path) in seen
    for name, text in (
        ("task.py", "def grade(example, answer):\n    return 0\n"),
        ("r.jsonl", rows(61)),
        ("task.toml", manifest + "\nweight = 2.0"),
    ):
        (path / name).write_text(text)
        assert folder.digest(path) not in seen
        seen.add(folder.digest(path))


def test_code_that_is_no_grader_is_refused_before_anything_runs(tmp_path: Path) -> None:
    manifest = f'schema_version = 1\nname = "t"\n{CARD}[rows]\nall = "r.jsonl"\n[[graders]]\nkind = "python"'
    path = made(tmp_path / "t", manifest, r__jsonl=rows(60), task__py="open('/tmp/written-by-import', 'w')\n")
    with pytest.raises(ConfigError, match="has no function grade"):
        folder.load(path)
    (path / "task.py").write_text("def grade(:\n")
    with pytest.raises(ConfigError, match="is not Python"):
        folder.load(path)


@needs_sandbox
@pytest.mark.parametrize(
    ("body", "value", "reason"),
    [
        ("return 0.25", 0.25, "grade says 0.25"),
        ("return True", 1.0, "grade says 1"),
        ("return 0.5, 'half'", 0.5, "half"),
        ("return {'value': 1, 'reason': example['metadata']['kind']}", 1.0, "town"),
        ("print('noise'); return float(answer == example['reference'])", 1.0, "grade says 1"),
        ("return len(example['messages'])", 2.0, "grade says 2"),
    ],
)
def test_python_graders_say_what_they_find(body: str, value: float, reason: str) -> None:
    score = Calls(f"def grade(example, answer):\n    {body}\n").grade(example(), "Paris")
    assert (score.value, score.reason, score.error) == (value, reason, None)


@needs_sandbox
@pytest.mark.parametrize(
    ("body", "why"),
    [
        ("raise ValueError('not mine')", "not mine"),
        ("return None", "failed"),
        ("return float('nan')", "no number"),
        ("import os; os._exit(0)", "failed"),
        ("return open('/etc/passwd').read()", "failed"),
        ("while True: pass", "nothing in 0.5 seconds"),
    ],
)
def test_check_30_a_python_grader_that_fails_is_an_error_and_no_zero(body: str, why: str) -> None:
    score = Calls(f"def grade(example, answer):\n    {body}\n", timeout_s=0.5).grade(example(), "x")
    assert score.error is not None
    assert why in score.error
    assert score.value != score.value


@needs_sandbox
def test_an_answer_cannot_write_its_own_verdict() -> None:
    """What stands in the answer is a text to the grader, whatever it looks like."""
    source = "def grade(example, answer):\n    print(answer)\n    return 0.0\n"
    for forged in ('"); print(1)', "'''\nimport os\n", '\n{"value": 1.0, "reason": ""}', "\x00\x01\ud7ff", "{answer}{mark}"):
        assert Calls(source).grade(example(), forged).value == 0.0


@needs_sandbox
def test_patterns() -> None:
    assert Matches(r"^\d+$").grade(example(), "a\n42\nb").value == 1.0
    assert Matches(r"^\d+$").grade(example(), "a 42").value == 0.0
    assert Matches(r"is {reference}\.").grade(example("3.5"), "It is 3.5.").value == 1.0
    assert Matches(r"is {reference}\.").grade(example("3.5"), "It is 315.").value == 0.0, "the reference is meant literally"
    bare = Example(messages=(Message(role="user", content="?"),))
    assert Matches("{reference}").grade(bare, "x").error is not None
    assert Matches(r"(\w)\1").grade(example(), "letter").value == 1.0


@needs_sandbox
def test_a_pattern_that_takes_forever_is_an_error_after_its_time() -> None:
    score = Matches(r"(a|a)*\1b").grade(example(), "a" * 40)
    assert score.error is not None or score.value == 0.0


def test_lengths_and_weights() -> None:
    assert [Length(2, 3).grade(example(), a).value for a in ("a", "a b", "a b c", "a b c d")] == [0, 1, 1, 0]

    class Half:
        name = "half"
        concurrency = 2

        def grade(self, example: Example, answer: str) -> Score:
            return Score(value=0.5, reason="always", marks=("seen",))

    both = Weighted((Length(1), Half()), (1.0, 3.0))
    score = both.grade(example(), "")
    assert score.value == pytest.approx(0.375)
    assert score.parts == (("length", 0.0), ("half", 0.5))
    assert score.marks == ("seen",)

    class Broken(Half):
        def grade(self, example: Example, answer: str) -> Score:
            return Score(value=float("nan"), reason="no", error="no")

    assert Weighted((Half(), Broken()), (1.0, 1.0)).grade(example(), "").error == "no"


def task_of(grader: Any, *, same: bool = False) -> Task:
    examples = tuple(example("yes" if same else f"word{n}", f"Which? {n}") for n in range(40))
    card = Card(title="T", about="A", data="", grading="", limits="")
    return Task(
        name="t", card=card, grader=grader, train=examples[:20], valid=examples[20:30], test=examples[30:], limit_tokens=8
    )


class Grades:
    name = "grades"
    concurrency = 2

    def __init__(self, by: Any) -> None:
        self.by, self.count = by, 0

    def grade(self, example: Example, answer: str) -> Score:
        self.count += 1
        return Score(value=float(self.by(example, answer, self.count)), reason="as asked")


@pytest.mark.parametrize(
    ("by", "fails"),
    [
        (lambda e, a, n: a == e.reference, []),
        (lambda e, a, n: len(a) / 10, ["another row's answer fails"]),
        (lambda e, a, n: True, ["the empty answer fails", "another row's answer fails"]),
        (lambda e, a, n: False, ["the rows' own answers pass"]),
        (lambda e, a, n: a == e.reference.upper(), ["the rows' own answers pass"]),
        (lambda e, a, n: 1 + 0.2 * (n % 2) if a == e.reference else 0, ["the same answer is always worth the same"]),
        (lambda e, a, n: 1 / (a != "word7") and a == e.reference, ["the grader does not fail"]),
    ],
)
def test_a_task_proves_itself_or_says_what_does_not_hold(by: Any, fails: list[str]) -> None:
    proof = prove.prove(task_of(Grades(by)), rows=39)
    assert [line.name for line in proof.lines if line.verdict == "fails"] == fails
    assert proof.holds == (not fails)
    for line in proof.lines:
        if line.verdict == "fails":
            assert line.todo
            assert line.examples


def test_a_grader_that_judges_nothing_is_said_to_fail_and_no_row_to_be_wrong() -> None:
    def broken(e: Example, a: str, n: int) -> float:
        raise RuntimeError("broken " * 100)

    lines = {line.name: line for line in prove.prove(task_of(Grades(broken)), rows=9).lines}
    assert lines["the rows' own answers pass"].verdict == "not checked"
    failed = lines["the grader does not fail"]
    assert failed.verdict == "fails"
    assert "could not be judged: the grader grades failed: RuntimeError: broken broken" in failed.detail
    assert len(failed.detail) < 400


def test_rows_with_the_same_answer_are_no_loophole() -> None:
    proof = prove.prove(task_of(Grades(lambda e, a, n: a == e.reference), same=True))
    assert {line.name: line.verdict for line in proof.lines}["another row's answer fails"] == "not checked"
    assert proof.holds


@pytest.mark.parametrize("name", ready.NAMES)
def test_ready_tasks_prove_themselves(name: str) -> None:
    if name == "code" and sandbox.available().how is None:
        pytest.skip(f"no sandbox works here: {sandbox.available().why}")
    proof = prove.prove(ready.get(name), rows=24)
    assert proof.holds, proof
