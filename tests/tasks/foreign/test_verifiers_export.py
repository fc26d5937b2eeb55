"""Environment packages for verifiers: what they say an answer is worth is what burnish says."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from burnish.errors import ConfigError
from burnish.tasks import folder
from burnish.tasks.foreign import verifiers
from burnish.tasks.judging import grade
from burnish.tools import sandbox

needs_sandbox = pytest.mark.skipif(sandbox.available().how is None, reason=f"no sandbox works here: {sandbox.available().why}")
ROWS = [
    {"prompt": f"What is {n} + {n}?", "completion": str(2 * n), "unit": "none" if n % 2 else "metres", "n": n} for n in range(40)
]
ANSWERS = [
    "",
    "6",
    " 6 ",
    "#### 6",
    "It is 6.",
    "it is 7",
    "6 metres",
    "none",
    "\\boxed{6}",
    "a 6 b 7",
    "METRES",
    "6\n",
    '{"n": 6}',
]
CODE = """
import re
BIG = re.compile("[A-Z]+")

def grade(example, answer):
    assert len(answer) < 9, "too long to be judged"
    return sum(c in answer for c in example["reference"] + example["metadata"]["unit"]) / 10, "letters"

def other(sample, item):
    return {"value": len(sample["output_text"]) / 7 + sample.get("output_json", {"n": 0})["n"] / 9 + (item["unit"] == "none")}
"""
GRADERS = {
    "exact": 'kind = "exact"',
    "contains": 'kind = "contains"',
    "numeric": 'kind = "numeric"',
    "length": 'kind = "length"\nat_least = 2\nat_most = 3',
    "regex": 'kind = "regex"\npattern = "\\\\b{reference}\\\\b|M.*S$"',
    "string_check": 'kind = "string_check"\noperation = "ilike"\nreference = "{{item.unit}}"',
    "python": 'kind = "python"',
    "sample": 'kind = "python"\nfunction = "other"\ntakes = "sample, item"',
    "combine": """kind = "combine"
formula = "0.1 * a + max(b, 0.3) / (c + 0.7)"
graders = [{kind = "exact", name = "a"}, {kind = "numeric", name = "b"}, {kind = "length", name = "c", at_least = 2}]""",
    "rubric": """kind = "rubric"
criteria = [{name = "has", weight = 0.7, grader = {kind = "contains"}}, {name = "short", grader = {kind = "length", at_most = 1}}]
""",
}
SCORES = """
import importlib, json, sys
sys.modules["burnish"] = None  # whoever imports it fails
module = importlib.import_module(sys.argv[1] + ".grading")
found = []
for row, answer in json.load(sys.stdin):
    try:
        found.append(module.score(row, answer))
    except Exception as error:
        found.append([None, str(error)])
print(json.dumps(found))
"""


def task(path: Path, *graders: str, rows: list[dict[str, Any]] = ROWS) -> Path:
    path.mkdir()
    (path / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (path / "task.py").write_text(CODE)
    head = 'schema_version = 1\nname = "sums.1"\n[card]\ntitle = "Sums"\nabout = "Say \\"it\\"."\n[rows]\nall = "rows.jsonl"\n'
    (path / "task.toml").write_text(head + "".join(f"[[graders]]\n{g}\n" for g in graders))
    return path


def scores(package: Path, name: str, asked: list[tuple[dict[str, Any], str]], *, program: str = SCORES) -> list[Any]:
    ran = subprocess.run(
        [sys.executable, "-S", "-c", program, name], input=json.dumps(asked), cwd=package, capture_output=True, text=True
    )
    assert ran.returncode == 0, ran.stderr
    return json.loads(ran.stdout)


def compare(path: Path, out: Path, answers: list[str] = ANSWERS) -> list[float | None]:
    """Every answer to some rows, graded here and, in a fresh interpreter without burnish, there."""
    found = folder.load(path)
    rows = [
        json.loads(line) for side in ("test", "train") for line in (out / "sums_1" / f"{side}.jsonl").read_text().splitlines()
    ]
    examples = [*found.test, *found.train]
    assert len(rows) == len(examples) == 36
    picked = [n for n, e in enumerate(examples) if e.reference in ("6", "8", "20")]
    asked = [(n, answer) for n in picked for answer in answers]
    theirs = scores(out, "sums_1", [(rows[n]["row"], answer) for n, answer in asked])
    ours = [grade(found.grader, examples[n], answer) for n, answer in asked]
    for (n, answer), a, (b, more) in zip(asked, ours, theirs, strict=True):
        assert (a.value if a.error is None else None) == b, (examples[n].reference, answer, a, more)
        if b is not None:
            assert more == dict(a.parts)
    return [b for b, _ in theirs]


@needs_sandbox
def test_all_kinds_score_the_same_without_burnish(tmp_path: Path) -> None:
    for kind, grader in GRADERS.items():
        out = tmp_path / f"out-{kind}"
        path = task(tmp_path / kind, grader)
        verifiers.take(path, out)
        few = ANSWERS[1::4] if kind in ("python", "sample", "regex") else ANSWERS
        got = compare(path, out, few)
        assert len(set(got)) > 1, f"{kind} tells answers apart"


@needs_sandbox
def test_a_mean_of_graders_is_the_same_number_and_an_error_stays_one(tmp_path: Path) -> None:
    thirds = [f"{GRADERS[k]}\nweight = {w}" for k, w in (("exact", 0.1), ("contains", 0.3), ("length", 0.7), ("python", 1.1))]
    path, out = task(tmp_path / "task", *thirds), tmp_path / "out"
    verifiers.take(path, out)
    got = compare(path, out, ["6", "a 6", "{mark}", "it is 6 or 7"])
    assert None in got, "the function refused the long one"
    assert any(v not in (None, 0.0, 1.0) for v in got)


def test_what_runs_answers_is_graded_by_burnish_there_too(tmp_path: Path) -> None:
    path = task(tmp_path / "task", 'kind = "python"')
    (path / "task.py").write_text("def grade(example, answer):\n    exec(answer, found := {})\n    return found['x'] == 1\n")
    verifiers.take(path, tmp_path / "out")
    assert 'dependencies = ["verifiers", "burnish"]' in (tmp_path / "out" / "pyproject.toml").read_text()
    assert folder.digest(tmp_path / "out" / "sums_1" / "task") == folder.digest(path)
    assert folder.digest(path) in (tmp_path / "out" / "README.md").read_text()
    if sandbox.available().how is not None:
        row = json.loads((tmp_path / "out" / "sums_1" / "test.jsonl").read_text().splitlines()[0])["row"]
        program = SCORES.replace('sys.modules["burnish"] = None', f"sys.path += {sys.path!r}")
        got = scores(tmp_path / "out", "sums_1", [(row, "x = 1"), (row, "x = 2")], program=program)
        assert [value for value, _ in got] == [1.0, 0.0]


STAND_IN = '''
"""As much of verifiers as the package uses."""
class TaskData:
    def __init__(self, **given): self.__dict__.update(given)
class TasksetConfig:
    task = None
class Task:
    def __init__(self, data, config=None): self.data = data
    def __class_getitem__(cls, of): return cls
    async def score(self, trace, runtime=None):
        for name in dir(self):
            if hasattr(getattr(self, name), "is_reward"): trace.rewards[name] = await getattr(self, name)(trace)
class Taskset(Task):
    def __init__(self, config): self.config = config
class Trace: root_reply = None
Runtime = object
def reward(function):
    function.is_reward = True
    return function
'''
USES = """
import asyncio, json, sys
from types import SimpleNamespace as Of
import sums_1
taskset = getattr(sums_1, sums_1.__all__[0])
config = sys.modules["sums_1.taskset"].Config()
tasks = list(taskset(config).load())
every = list(tasks)
for config.split in ("valid", "test"):
    every += taskset(config).load()
good = [t for t in every if t.data.row["reference"] == "6"]
parts = {}
trace = Of(root_reply=None, rewards={}, assistant_messages=[Of(content=" 6 ")], record_metrics=parts.update)
asyncio.run(good[0].score(trace))
print(json.dumps([len(tasks), tasks[0].data.id, [t.data.prompt for t in good], [t.data.system_prompt for t in good],
    trace.rewards, parts, asyncio.run(tasks[0].validate(None))]))
"""


def test_the_taskset_gives_rows_and_scores_a_trace(tmp_path: Path) -> None:
    told = [{"role": "system", "content": "Add."}, {"role": "user", "content": "What is 3 + 3?"}]
    more = [[{"role": "user", "content": r["prompt"]}, {"role": "assistant", "content": r["completion"]}] for r in ROWS[10:]]
    rows = [{"messages": said} for said in ([*told, {"role": "assistant", "content": "6"}], *more)]
    path, out = task(tmp_path / "task", GRADERS["exact"], GRADERS["length"], rows=rows), tmp_path / "out"
    verifiers.take(path, out)
    (out / "verifiers").mkdir()
    (out / "verifiers" / "__init__.py").write_text("")
    (out / "verifiers" / "v1.py").write_text(STAND_IN)
    count, first, prompts, systems, rewards, parts, valid = scores(out, "", [], program=USES)
    split = folder.load(path)
    assert count == len(split.train)
    assert first == "train-0"
    assert valid is True
    assert (prompts, systems, rewards, parts) == (["What is 3 + 3?"], ["Add."], {"worth": 0.5}, {"exact": 1.0, "length": 0.0})


def test_what_verifiers_cannot_be_told_is_refused_by_name(tmp_path: Path) -> None:
    tools = task(tmp_path / "tools", GRADERS["exact"])
    (tools / "task.py").write_text("def add(a: int, b: int) -> int:\n    '''Add.'''\n    return a + b\ntools = [add]\n")
    with pytest.raises(ConfigError, match="tools or an environment"):
        verifiers.take(tools, tmp_path / "out")
    judge = task(tmp_path / "judge", 'kind = "judge"\nmodel = "pebble-chat"')
    with pytest.raises(ConfigError, match="opens on this machine"):
        verifiers.take(judge, tmp_path / "out")
    assert not (tmp_path / "out").exists()
    (tmp_path / "out").mkdir()
    with pytest.raises(ConfigError, match="there already"):
        verifiers.take(judge, tmp_path / "out")


def test_names_that_are_taken_get_another() -> None:
    assert verifiers.module_name("my-task.2") == "my_task_2"
    assert [verifiers.module_name(n) for n in ("json", "2-plus", "class", "verifiers")] == [
        "task_json", "task_2_plus", "task_class", "task_verifiers",
    ]  # fmt: skip
