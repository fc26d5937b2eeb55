"""`burnish tasks` and `burnish world build`: what they list, and what they refuse."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
from rich.console import Console

from burnish.cli import world
from burnish.cli.screen import Screen
from burnish.evals.acceptance import Found
from burnish.runs.build import Built
from burnish.runs.build_chat import Attempt
from burnish.tasks import ready


def test_tasks_is_one_line_a_task(burnish):
    typed = burnish("tasks")
    assert typed.code == 0
    for name in (*ready.NAMES, *ready.WITH_TOOLS, ready.EVERYTHING):
        (line,) = [line for line in typed.out.splitlines() if line.split()[:1] == [name]]
        assert line.split()[1:4] == [str(len(getattr(ready.get(name), side))) for side in ("train", "valid", "test")]
        assert ready.get(name).card.title in line
    assert len(typed.out.splitlines()) < 20
    listed = burnish("tasks", "--json").document["tasks"]
    assert [t["name"] for t in listed] == [*ready.NAMES, *ready.WITH_TOOLS, ready.EVERYTHING]
    assert all(t["card"]["limits"] and t["rows"]["test"] for t in listed)


def test_the_commands_that_it_names_are_understood(burnish):
    lines = burnish("tasks", "facts").out.splitlines()
    told = [line.split("#")[0].split("burnish ")[-1].split() for line in lines if "burnish " in line]
    assert ["train", "facts", "--model", "pebble"] in told
    assert ["data", "check", "facts", "--model", "pebble"] in told
    checked = burnish("data", "check", "facts", "--model", "micro", "--rows", "1")
    assert checked.code == 0, checked.err


def test_tasks_of_a_name_shows_its_card_and_two_rows_of_different_kinds(burnish):
    text = " ".join(burnish("tasks", "facts").out.split())
    assert " ".join(ready.get("facts").card.limits.split()) in text
    told = burnish("tasks", "facts", "--json").document
    assert (told["name"], len(told["examples"])) == ("facts", 2)
    known = {tuple(m.content for m in e.messages): e.metadata["kind"] for e in ready.get("facts").test}
    assert {known[tuple(m["content"] for m in row)] for row in told["examples"]} == {"known", "unknown"}
    assert all(m["content"] in text for row in told["examples"] for m in row)


def test_an_unknown_task_is_refused_with_the_nearest(burnish):
    typed = burnish("tasks", "fact", "--json")
    assert typed.code == 2
    assert "did you mean facts?" in typed.document["error"]["todo"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "--out"),
        (("--preset", "boulder", "--out", "new"), "boulder"),
        (("--preset", "micro", "--out", "new", "--seed", "one"), "'--seed'"),
        (("--preset", "micro", "--out", "old"), "another build"),
    ],
)
def test_world_build_refuses_before_it_makes_anything(
    words: tuple[str, ...], said: str, burnish, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "old" / "work").mkdir(parents=True)
    (tmp_path / "old" / "work" / "build.json").write_text(json.dumps({"preset": "pebble", "seed": 0, "overrides": []}))
    typed = burnish("world", "build", *words, "--json")
    assert typed.code in (1, 2)
    assert said in str(typed.document["error"]["what"]) + str(typed.document["error"]["seen"])
    assert not list(tmp_path.rglob("corpus*"))
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize(("pass_8", "outside"), [(0.9, False), (0.5, True)])
def test_world_build_marks_what_is_outside_of_its_range(pass_8: float, outside: bool):
    def found(name: str, share: float) -> Found:
        return Found(name=name, about="", share=share, low=0.0, high=1.0, items=9, wanted=(0.9, 1.0), examples=())

    built = Built(
        model=Path("m/pebble"), chat=Path("m/pebble-chat"), start=Attempt(rows=9, model="r", pass_1=0.4, pass_8=pass_8),
        found=(found("lookup", 0.95), found("spans", 0.5)), ngram=(found("lookup", 0.1), found("spans", 0.2)),
    )  # fmt: skip
    out = Console(file=io.StringIO(), width=100)
    world._tell(Screen(out, out, False), built)
    assert isinstance(out.file, io.StringIO)
    text = out.file.getvalue()
    assert "outside of what is wanted: spans\n" in text.replace(" \n", "\n")
    assert ("right (pass@1)" in text, f"{pass_8:.0%}" in text, "m/pebble-chat" in text) == (True, True, True)
    assert text.partition("Where reinforcement learning starts")[2].count("outside of what is wanted") == outside
