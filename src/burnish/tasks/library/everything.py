"""The task `everything`: all ready tasks in one, so that one model learns them together and each is judged by its own grader."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from burnish.tasks import ready
from burnish.tasks.graders.references import cannot_judge
from burnish.tasks.task import Card, Task
from burnish.types import Example, Score
from burnish.world.world import World

TAKEN = {"arithmetic": 1200}
"""Of tasks that have more training rows than fine-tuning needs: so many of them, the first."""
CARD = Card(
    title="Everything",
    about="The rows of every ready task: " + ", ".join(ready.NAMES) + ".",
    data=f"Each task's rows with its own splits, mixed; of arithmetic the first {TAKEN['arithmetic']:,} training rows.",
    grading="Each row is judged by the grader of its task.",
    limits="A mean over tasks of unlike difficulty and number of rows: look at the tasks one by one.",
)


@dataclass(frozen=True, slots=True)
class EachItsOwn:
    """The grader of the task that a row comes from."""

    name: str = "each-its-own"
    concurrency: int = field(default=2, repr=False)

    def grade(self, example: Example, answer: str) -> Score:
        """What that grader says."""
        task = example.metadata.get("task")
        if task not in ready.NAMES:
            return cannot_judge("the row does not name its task")
        return ready.get(str(task)).grader.grade(example, answer)


def make(world: World | None = None) -> Task:
    """All ready tasks on the World of seed 0."""
    assert world is None, "ready tasks are those of the World of seed 0"
    tasks = [ready.get(name) for name in ready.NAMES]
    return Task(
        name=ready.EVERYTHING,
        card=CARD,
        grader=EachItsOwn(),
        train=mixed({t.name: t.train[: TAKEN.get(t.name)] for t in tasks}, "train"),
        valid=mixed({t.name: t.valid for t in tasks}, "valid"),
        test=mixed({t.name: t.test for t in tasks}, "test"),
        limit_tokens=max(t.limit_tokens for t in tasks),
    )


def mixed(rows: Mapping[str, Sequence[Example]], seed: str) -> tuple[Example, ...]:
    """The rows of several tasks in a random order, each marked with its task. Manners of style are no kinds here."""
    found = []
    for name, own in rows.items():
        for row in own:
            marks = {**row.metadata, "task": name}
            if name == "style":
                marks["manner"] = marks.pop("kind")  # a table of kinds would be mostly manners; the grader reads it here too
            found.append(replace(row, metadata=marks))
    random.Random(f"everything:{seed}").shuffle(found)
    return tuple(found)
