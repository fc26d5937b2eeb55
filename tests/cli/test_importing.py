"""`burnish task import` and `export`: which source is of which kind, and what is said of one that is of none."""

from __future__ import annotations

import json
from pathlib import Path


def test_options_of_another_kind_are_refused(burnish, tmp_path: Path):
    rows, out = tmp_path / "rows.jsonl", str(tmp_path / "out")
    rows.write_text("{}\n")
    grader = tmp_path / "grader.json"
    grader.write_text("{}")
    for words, said in (
        ((str(rows),), "no --grader"),
        ((str(rows), "--grader", str(grader), "--actions", "a,b"), "--actions"),
        (("gym:gymnasium:FrozenLake-v1", "--grader", str(grader)), "--grader"),
        ((str(tmp_path), "--rows", "8"), "--rows"),
        ((str(tmp_path),), "no task of Harbor"),
        (("gym:gymnasium:FrozenLake-v1", "--with", "slippery"), "KEY=VALUE"),
    ):
        refused = burnish("task", "import", *words[:1], out, *words[1:])
        assert refused.code == 2, words
        assert said in refused.err
    assert not Path(out).exists()


def test_a_task_goes_to_openai_and_back_and_to_verifiers(burnish, tmp_path: Path):
    task = tmp_path / "mine"
    assert burnish("task", "new", str(task)).code == 0
    text = (task / "task.toml").read_text()
    (task / "task.toml").write_text(text[: text.rindex("[[graders]]")])
    files, back, package = tmp_path / "files", tmp_path / "back", tmp_path / "package"
    assert burnish("task", "export", str(task), str(files), "--to", "openai").code == 0
    again = burnish(
        *("task", "import", str(files / "train.jsonl"), str(back)),
        *("--grader", str(files / "grader.json"), "--valid", str(files / "valid.jsonl"), "--json"),
    )
    assert again.code == 0, again.err
    assert "train.jsonl" in again.document["files"]
    made = burnish("task", "export", str(task), str(package), "--to", "verifiers", "--json")
    assert made.code == 0, made.err
    assert {"pyproject.toml", "mine/__init__.py", "mine/grading.py", "mine/test.jsonl"} <= set(made.document["files"])
    assert len([json.loads(line) for line in (package / "mine" / "test.jsonl").read_text().splitlines()]) == 60
