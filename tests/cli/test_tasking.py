"""From an idea to a run that learns by trying, by the commands a user types."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from burnish.tools import sandbox

pytestmark = pytest.mark.skipif(sandbox.available().how is None, reason=f"no sandbox works here: {sandbox.available().why}")

CAPITALS = """
def grade(example, answer):
    share = sum(c.isupper() for c in answer) / max(1, len(answer))
    return share, f"{share:.0%} are capitals"
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A task that any model can get better at: rows of letters and their capitals, and the share of capitals as reward."""
    path = tmp_path_factory.mktemp("tasks") / "capitals"
    path.mkdir()
    (path / "task.py").write_text(CAPITALS)
    rows = "".join(json.dumps({"prompt": f"{n} x", "completion": "ABC"[n % 3] * 2}) + "\n" for n in range(80))
    (path / "rows.jsonl").write_text(rows)
    (path / "task.toml").write_text(
        'schema_version = 1\nname = "capitals"\nlimit_tokens = 4\n[card]\ntitle = "Capitals"\nabout = "Capitals."\n'
        '[rows]\nall = "rows.jsonl"\n[[graders]]\nkind = "python"\n'
    )
    return path


def test_a_new_task_is_made_and_proves_itself(burnish, tmp_path: Path):
    made = burnish("task", "new", str(tmp_path / "mine"), "--json")
    assert made.code == 0, made.err
    assert made.document["files"] == ["task.py", "task.toml", "test.jsonl", "train.jsonl", "valid.jsonl"]
    checked = burnish("task", "check", str(tmp_path / "mine"))
    assert checked.code == 0, checked.err
    assert checked.out.count("✓") == 5 + 9, "five lines of the proof, and families of probes: no code, no list of answers"
    again = burnish("task", "new", str(tmp_path / "mine"))
    assert again.code == 2
    assert "there already" in again.err
    assert burnish("task", "check", "no-such-task").code == 2


def test_a_task_that_does_not_hold_is_refused_with_the_answer_that_shows_it(burnish, folder: Path, tmp_path: Path):
    bad = tmp_path / "bad"
    bad.mkdir()
    for name in ("rows.jsonl", "task.toml"):
        (bad / name).write_text((folder / name).read_text())
    (bad / "task.py").write_text("def grade(example, answer):\n    return 1.0\n")
    checked = burnish("task", "check", str(bad), "--json")
    assert checked.code == 2
    first, last = checked.out.splitlines()[0], checked.out.splitlines()[-1]
    assert json.loads(last)["error"]["code"] == "task_refused"
    lines = {line["name"]: line for line in json.loads(first)["proof"]["lines"]}
    assert lines["the empty answer fails"]["verdict"] == "fails"
    assert json.loads(first)["audit"]["findings"][0]["verdict"] == "gameable"
    told = burnish("task", "check", str(bad))
    assert "the grader can be gamed so" in told.out
    assert "''" in lines["the empty answer fails"]["examples"][0]


@pytest.mark.usefixtures("home")
def test_from_a_task_to_a_run_and_its_answers(burnish, tiny_model: Path, folder: Path):
    checked = burnish("task", "check", str(folder), "--model", str(tiny_model), "--samples", "4", "--json")
    told = json.loads(checked.out.splitlines()[0])
    assert told["holds"] is False, "another row's answer is as good: the grader asks for capitals alone"
    words = (
        "steps=2",
        "batch=4",
        "group=4",
        "method=full",
        "learning_rate=1e-2",
        "eval_items=4",
        "threads=1",
        "evaluate_every=1",
        "accept_gameable=true",
    )
    trained = burnish("train", str(folder), "--model", str(tiny_model), "--recipe", "grpo", "--run", "by-trying", *words)
    assert trained.code == 0, trained.err
    assert "held-out reward at step 2" in trained.out
    assert "reward 0." in trained.out
    shown = burnish("show", "by-trying", "--rollouts")
    assert shown.code == 0, shown.err
    assert "Step 2 of by-trying" in shown.out
    assert "are capitals" in shown.out
    told = burnish("show", "by-trying", "--rollouts", "--step", "1", "--json").document
    assert (len(told["rollouts"]), told["steps"]) == (16, [1, 2])
    assert burnish("show", "by-trying", "--rollouts", "--step", "7").code == 2
    assert burnish("show", "by-trying", "--step", "1").code == 2


def test_a_run_without_answers_says_so(burnish, trained):
    shown = burnish("show", "letters", "--rollouts")
    assert shown.code == 2
    assert "wrote down no answers" in shown.err


def test_a_plan_of_learning_by_trying_counts_the_drawing(burnish, tiny_model: Path, folder: Path):
    words = ("batch=4", "group=4", "eval_items=4", "threads=1")
    told = burnish("plan", str(folder), "--model", str(tiny_model), "--recipe", "grpo", *words, "--json").document
    assert told["config"]["recipe"] == "grpo"
    derived = {d["key"]: d for d in told["derived"]}
    assert derived["clip_high"]["value"] == 0.2
    assert derived["steps"]["value"] == 100
    assert told["total_tokens"] > 100 * 16 * 4
    assert told["train_s"] > 0


def test_files_of_openai_come_in_and_go_out(burnish, tmp_path: Path) -> None:
    rows = ({"messages": [{"role": "user", "content": f"{n} + 1?"}], "label": str(n + 1)} for n in range(60))
    (tmp_path / "rows.jsonl").write_text("".join(json.dumps(r) + "\n" for r in rows))
    grader = {"type": "string_check", "name": "same", "input": "{{sample.output_text}}", "reference": "{{item.label}}"}
    (tmp_path / "grader.json").write_text(json.dumps({**grader, "operation": "eq"}))
    arguments = ("task", "import", str(tmp_path / "rows.jsonl"), str(tmp_path / "t"), "--grader", str(tmp_path / "grader.json"))
    document = json.loads(burnish(*arguments, "--json").out.splitlines()[-1])
    assert document["files"] == ["rows.jsonl", "task.toml"]
    assert burnish("task", "check", str(tmp_path / "t")).code == 0
    assert burnish("task", "export", str(tmp_path / "t"), str(tmp_path / "out"), "--to", "openai").code == 0
    assert json.loads((tmp_path / "out" / "grader.json").read_text())["reference"] == "{{item.label}}"
    refused = burnish("task", "export", "facts", str(tmp_path / "facts"), "--to", "openai")
    assert refused.code == 2
    assert "no task folder" in refused.err


def test_a_data_file_with_a_grader_is_a_task(burnish, tmp_path: Path, tiny_model: Path):
    file = tmp_path / "sums.jsonl"
    file.write_text("".join(json.dumps({"prompt": f"{n} + {n}", "completion": str(2 * n)}) + "\n" for n in range(40)))
    checked = burnish("task", "check", str(file), "--grader", "numeric", "--json")
    assert checked.code == 0, checked.err
    assert (checked.document["task"], checked.document["proof"]["grader"]) == ("sums", "numeric")
    lacking = burnish("task", "check", str(file))
    assert lacking.code == 2
    assert "--grader NAME" in lacking.err
    assert burnish("task", "check", str(file), "--grader", "nummeric").code == 2
    bad = tmp_path / "bad.jsonl"
    bad.write_text(file.read_text() + "no JSON\n")
    assert burnish("task", "check", str(bad), "--grader", "numeric").code == 2
    assert burnish("task", "check", str(bad), "--grader", "numeric", "--skip-bad-rows").code == 0
    nowhere = burnish("task", "check", str(tmp_path / "nowhere.jsonl"), "--grader", "numeric")
    assert nowhere.code == 2
    assert "there is no data file" in nowhere.err
    double = burnish("task", "check", "arithmetic", "--grader", "numeric")
    assert double.code == 2
    assert "has a grader of its own" in double.err
    hopeless = burnish("task", "check", str(file), "--grader", "numeric", "--model", str(tiny_model), "--samples", "2", "--json")
    assert hopeless.code == 2
    assert json.loads(hopeless.out.splitlines()[0])["readiness"]["verdict"] == "no signal"
    planned = burnish("plan", str(file), "steps=1", "--grader", "rouge_l", "--model", str(tiny_model), "--json")
    assert planned.code == 0, planned.err
    assert planned.document["config"]["grader"] == "rouge_l"
