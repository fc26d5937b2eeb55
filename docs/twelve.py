"""Write docs/pebble/twelve.md: twelve tasks, each handed to reinforcement learning with no setting touched.

    python docs/twelve.py [MODEL] [NAME ...]        # pebble-chat, all of them; about an hour on two cores

Each is that command with nothing set, a run of its own (`twelve-NAME` under BURNISH_HOME), so that a stopped call goes on
where it was. Nine are to get better; three are planted and have to be refused, by the name of what is wrong with them, with
exit code 2. Three are ready tasks, the others folders that this script writes as a user would: rows, and a `task.toml` that
names a grader. The change is of greedy answers to test questions that nothing was chosen by; its interval is paired. "Drawn"
is the share of right answers among eight to each of 32 of those questions.
"""

from __future__ import annotations

import json
import random
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from burnish.store.atomic import read_json
from burnish.store.home import home
from burnish.tasks import ready
from burnish.types import Example

HERE = Path(__file__).resolve().parent
COUNTS = {"train": 600, "valid": 60, "test": 200}
NAMES = "Ann Ben Cora Dan Eva Finn Gus Hal Ida Jon".split()
Row = tuple[str, str]
MANIFEST = """schema_version = 1
name = "{name}"
limit_tokens = 96

[card]
title = "{title}"
about = "{title}"

[rows]
train = "train.jsonl"
valid = "valid.jsonl"
test = "test.jsonl"

[[graders]]
kind = "{grader}"
"""


@dataclass(frozen=True, slots=True)
class Own:
    """A task that is written here."""

    title: str
    grader: str
    rows: Callable[[random.Random], Row]
    """a question, and the right answer"""


def larger(draw: random.Random) -> Row:
    a, b = draw.sample(range(10, 100), 2)
    asked = draw.choice(("Which is larger, {} or {}?", "What is the larger of {} and {}?", "Is {} or {} the larger number?"))
    return asked.format(a, b), str(max(a, b))


def smallest(draw: random.Random) -> Row:
    a, b, c = draw.sample(range(10, 100), 3)
    return f"Which is the smallest: {a}, {b} or {c}?", str(min(a, b, c))


def lookup(draw: random.Random) -> Row:
    names, values = draw.sample(NAMES, 5), draw.sample(range(10, 100), 5)
    which = draw.randrange(5)
    has = "; ".join(f"{name} has {value}" for name, value in zip(names, values, strict=True))
    return f"{has}. How many has {names[which]}?", str(values[which])


def product(draw: random.Random) -> Row:
    a, b = draw.randint(1000, 9999), draw.randint(1000, 9999)
    return f"What is {a} times {b}?", str(a * b)


def added(draw: random.Random) -> Row:
    a, b = draw.randint(10, 99), draw.randint(10, 99)
    return draw.choice(("What is {} + {}?", "How much is {} plus {}?", "Add {} and {}.")).format(a, b), str(a + b)


def differing(draw: random.Random) -> Row:
    b, a = sorted(draw.sample(range(10, 100), 2))
    return draw.choice((f"What is {a} - {b}?", f"How much is {a} minus {b}?", f"Take {b} from {a}.")), str(a - b)


OWN = {
    "differences": Own("Differences of two numbers", "numeric", differing),
    "larger": Own("The larger of two numbers", "numeric", larger),
    "lookup": Own("Who has how many", "numeric", lookup),
    "smallest": Own("The smallest of three numbers", "numeric", smallest),
    "sums": Own("Sums of two numbers", "numeric", added),
    "products": Own("Products of large numbers", "numeric", product),
    "anywhere": Own("The larger of two numbers, wherever it stands", "contains", larger),
}
KNOWN = ("add", "half", "join", "minus", "more-than", "no-blanks", "odd", "over", "square", "sum-two")
"""Families of functions."""
GAIN = ("arithmetic", "assistant", "debugging", "pizza", "differences", "larger", "lookup", "smallest", "sums")
BASE = {"debugging": "pebble"}
"""Tasks that another model than the given one starts with: pebble-chat mends nearly all of these functions."""
MORE = ("facts", "refusals", "style")
"""Tried beside the nine, and not one of them."""
BESIDE = (
    "`debugging` starts with the raw `pebble`, because pebble-chat mends nearly all of these functions. Three more were tried",
    "and are not among the nine: pebble-chat was fine-tuned on their training rows and answers most of those well, so that",
    "trying teaches little about other wordings.",
)
REFUSED = {"known-code": "too easy", "products": "no signal", "anywhere": "gamed"}
"""What is planted, and a word of its refusal."""


def folder_of(name: str, under: Path) -> Path:
    """The folder of a task that is written here; made if it is not there."""
    path = under / name
    if (path / "task.toml").is_file():
        return path
    path.mkdir(parents=True, exist_ok=True)
    own = OWN.get(name)
    title, grader = (own.title, own.grader) if own else (CODE[name].title, "tests")
    rows = drawn(own) if own else code(CODE[name].holds)
    for side, part in rows.items():
        (path / f"{side}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in part), "utf-8")
    (path / "task.toml").write_text(MANIFEST.format(name=name, title=title, grader=grader), "utf-8")
    return path


def drawn(own: Own) -> dict[str, list[dict[str, Any]]]:
    """Rows of all splits, every question once."""
    draw, found = random.Random(own.title), {}
    while len(found) < sum(COUNTS.values()):
        asked, right = own.rows(draw)
        found.setdefault(asked, conversation(asked, right))
    rows = iter(found.values())
    return {side: [next(rows) for _ in range(count)] for side, count in COUNTS.items()}


def conversation(asked: str, right: str) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": asked}, {"role": "assistant", "content": right}]}


def code(holds: Callable[[Example], bool]) -> dict[str, list[dict[str, Any]]]:
    """Some rows of the ready task `code`, as a file of hidden tests has them."""
    task = ready.get("code")
    return {side: [tested(e) for e in getattr(task, side) if holds(e)] for side in COUNTS}


def is_known(example: Example) -> bool:
    return example.metadata["kind"] == "write" and example.metadata["cluster"] in KNOWN


def is_wrong(example: Example) -> bool:
    return example.metadata["kind"] == "debug"


@dataclass(frozen=True, slots=True)
class Part:
    """Some of the rows of the task `code`."""

    title: str
    holds: Callable[[Example], bool]


CODE = {
    "known-code": Part("Functions of the simplest families, to be written", is_known),
    "debugging": Part("Functions with a planted slip, to be put right", is_wrong),
}


def tested(example: Example) -> dict[str, Any]:
    asked, right = example.messages[0].content, example.messages[-1].content
    tests = [f"assert {call} == {result}" for call, result in example.metadata["checks"]]
    return conversation(asked, right) | {"test_list": tests}


@dataclass(frozen=True, slots=True)
class Told:
    """How the command ended: its exit code, and the last document that it wrote."""

    code: int
    document: dict[str, Any]


def trained(name: str, data: str, model: str) -> Told:
    """What `burnish train` says of a task; a run that was stopped goes on, one that is finished is read."""
    run = f"twelve-{name}"
    folder = home() / "runs" / run
    if (folder / "report.json").is_file():
        report = read_json(folder / "report.json")
        gamed = report["learned"]["verdict"] == "gamed"
        return Told(3, {"error": {"what": report["learned"]["said"], "todo": ""}}) if gamed else Told(0, report)
    words = ["--resume", run] if folder.is_dir() else [data, "--model", model, "--recipe", "grpo", "--run", run]
    done = subprocess.run([sys.executable, "-m", "burnish", "train", *words, "--json"], stdout=subprocess.PIPE, text=True)
    return Told(done.returncode, json.loads(done.stdout.splitlines()[-1]))


def gained(name: str, told: Told) -> str:
    """A line of the first table."""
    if told.code != 0:
        return f"| {name} | exit code {told.code}: {told.document['error']['what']} | | | | |"
    report = read_json(home() / "runs" / f"twelve-{name}" / "report.json")
    change, training = report["comparison"]["metric"], report["training"]
    reading = next((r for r in report["learned"]["readings"] if r["name"].startswith("pass@1")), None)
    drawn_too = f"{reading['base']:.0%} to {reading['trained']:.0%}" if reading else ""
    low, high = 100 * change["low"], 100 * change["high"]
    return (
        f"| {name} | {change['items']} | {change['base']:.0%} to {change['trained']:.0%} | "
        f"{100 * change['delta']:+.0f} ({low:+.0f} to {high:+.0f}) | {drawn_too} | "
        f"{training['steps']} | {training['seconds'] / 60:.0f} |"
    )


def refused(name: str, told: Told) -> str:
    """A line of the second table."""
    error = told.document.get("error", {"what": "it was trained", "todo": ""})
    return f"| {name} | {REFUSED[name]} | {told.code} | {error['what']} | {error['todo']} |"


def main(model: str, names: list[str]) -> None:
    """Run them, then write the page."""
    under = HERE.parent / ".work" / "twelve"
    lines: dict[str, str] = {}
    for name in names or (*REFUSED, *GAIN, *MORE):
        data = name if name not in OWN and name not in CODE else str(folder_of(name, under))
        told = trained(name, data, BASE.get(name, model))
        lines[name] = (refused if name in REFUSED else gained)(name, told)
        print(lines[name], flush=True)
    if names:
        return
    text = (__doc__ or "").split("\n\n")[-1].strip()
    head = "| task | test questions | right before and after | change in points (95 %) | drawn | steps | minutes |"
    planted = "| task | planted | exit code | said | to do |"
    page = [
        "# Twelve tasks with no setting touched",
        "",
        f"`burnish train TASK --model {model} --recipe grpo`. {text}",
        "",
        head,
        "|---|---|---|---|---|---|---|",
        *(lines[name] for name in GAIN),
        "",
        *BESIDE,
        "",
        head,
        "|---|---|---|---|---|---|---|",
        *(lines[name] for name in MORE),
        "",
        planted,
        "|---|---|---|---|---|",
        *(lines[name] for name in REFUSED),
    ]
    out = HERE / "pebble" / "twelve.md"
    out.write_text("\n".join(page) + "\n", "utf-8")
    print(out.read_text("utf-8"))


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "pebble-chat", sys.argv[2:])
