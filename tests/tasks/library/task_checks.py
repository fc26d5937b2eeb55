"""What every task of the language rooms owes: splits that share nothing, gold that passes, other answers that do not."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from burnish.tasks.keys import prompt_text
from burnish.tasks.task import Task
from burnish.types import Example
from burnish.world import splits


def gold(row: Example) -> str:
    return row.messages[-1].content


def check(task: Task, *, longest: int = 90) -> None:
    """Splits, form, and the grader on ideal, empty and foreign answers."""
    for side, rows in (("train", task.train), ("valid", task.valid), ("test", task.test)):
        assert len({prompt_text(r) for r in rows}) == len(rows)
        for row in rows:
            assert row.metadata["keys"]
            assert all(splits.of(k) == side for k in row.metadata["keys"]), row
            assert row.reference == gold(row) or task.grader.grade(row, str(row.reference)).value == 1.0
            assert row.messages[-1].role == "assistant"
            assert all(m.weight == 0 for m in row.messages[:-1] if m.role == "assistant")
            assert sum(len(m.content.split()) for m in row.messages) <= longest
            assert all(m.content.isascii() and m.content == m.content.strip() for m in row.messages)
            score = task.grader.grade(row, gold(row))
            assert score.value == 1.0, (score.reason, row)
            assert task.grader.grade(row, "").value == 0.0
    prompts = {prompt_text(r) for r in task.train}
    assert not prompts & {prompt_text(r) for r in (*task.valid, *task.test)}


def foreign(task: Task) -> float:
    """Share of test rows that pass with the ideal answer of another row (of what is not about the same thing)."""
    pairs = zip(task.test, task.test[7:], strict=False)
    scores = [task.grader.grade(row, gold(other)).value for row, other in pairs if _about(row) != _about(other)]
    return sum(scores) / len(scores)


def _about(row: Example) -> object:
    return row.metadata.get("cluster", id(row))


def echoed(task: Task) -> float:
    """Share of test rows that pass by repeating what the user said last."""
    return sum(task.grader.grade(r, r.messages[-2].content).value for r in task.test) / len(task.test)


def passing(task: Task, kind: str, attack: Callable[[Example], str]) -> list[str]:
    """Answers of an attack on all test rows of a kind that the grader lets pass, each with its question."""
    rows = [r for r in task.test if r.metadata["kind"] == kind]
    assert rows, kind
    made = [(r, attack(r)) for r in rows]
    return [f"{r.messages[-2].content} | {answer}" for r, answer in made if task.grader.grade(r, answer).value != 0.0]


def failing(task: Task, kind: str, good: Callable[[Example], str]) -> list[str]:
    """Good answers in other words to all test rows of a kind that do not pass, each with the reason."""
    scores = [(task.grader.grade(r, good(r)), good(r)) for r in task.test if r.metadata["kind"] == kind]
    assert scores, kind
    return [f"{answer} | {score.reason}" for score, answer in scores if score.value != 1.0]


def clusters(rows: tuple[Example, ...], kind: str) -> int:
    """How many different things the rows of a kind are about."""
    return len({r.metadata["cluster"] for r in rows if r.metadata["kind"] == kind})


def kinds(rows: tuple[Example, ...]) -> Counter[str]:
    return Counter(r.metadata["kind"] for r in rows)
