from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from task_checks import check, echoed, foreign, gold, kinds

from burnish.tasks.library import style
from burnish.tasks.task import Task
from burnish.types import Example

MANNER = {m.id: m for m in style.MANNERS}
PLURAL = [food for food in style.FOODS if food not in style.MASSES]


@pytest.fixture(scope="module")
def task() -> Task:
    return style.make()


def test_rows_and_grader(task: Task) -> None:
    check(task)
    assert (len(task.train), len(task.valid), len(task.test)) == (800, 60, 300)
    assert set(kinds(task.test)) == set(MANNER)
    assert foreign(task) < 0.01
    assert echoed(task) < 0.01


def test_rows_are_the_same_each_time(task: Task) -> None:
    assert style.make().test == task.test


def test_some_manners_are_set_by_a_system_message(task: Task) -> None:
    roles = [row.messages[0].role for row in task.test]
    assert 30 < roles.count("system") < 200


def _words(row: Example, *, little: bool = False) -> list[str]:
    """Of the statement; without the small ones unless `little`."""
    words = re.findall(r"\w+", " ".join(row.metadata["said"]))
    return words if little else [w for w in words if w.lower() not in style._LITTLE]


def _put(row: Example, *sentences: str) -> str:
    """In the manner of the row."""
    return style.put(MANNER[row.metadata["kind"]], list(sentences))


def _said(row: Example) -> list[str]:
    return list(row.metadata["said"])


def _verbless(row: Example) -> str:
    """The names, numbers and things alone."""
    verbs = r"is|are|was|will|be|has|had|\w+ed|sold|ate|takes|came|found|goes|waits|sleeps|hid|met|saw"
    return ", ".join(w for w in _words(row) if not re.fullmatch(verbs, w)) + "."


def _first_verb(row: Example) -> str:
    return next(w for w in _words(row) if re.fullmatch(r"is|are|was|will|has|painted|sold|ate|takes|came|goes|waits", w))


WRONG: dict[str, Callable[[Example], str]] = {
    "a bag of facts": lambda row: _put(row, _verbless(row)),
    "a sorted bag": lambda row: _put(row, ", ".join(sorted(_words(row), key=str.lower)) + "."),
    "turned round": lambda row: _put(row, " ".join(_words(row, little=True)[::-1]) + "."),
    "no verb": lambda row: _put(row, *(re.sub(rf" {_first_verb(row)}\b", "", s) for s in _said(row))),
    "denied": lambda row: _put(row, *(re.sub(rf" ({_first_verb(row)})\b", r" \1 not", s) for s in _said(row))),
    "denied at first": lambda row: _put(row, f"It is not so that {_said(row)[0]}", *_said(row)[1:]),
    "a number more": lambda row: _put(row, *_said(row)[:-1], _said(row)[-1][:-1] + " at 111."),
    "a person more": lambda row: _put(row, *_said(row)[:-1], _said(row)[-1][:-1] + " with Zell."),
    "nothing said": lambda row: _put(row, "Good."),
    "the last word lost": lambda row: _put(row, *_said(row)[:-1], _said(row)[-1].rsplit(" ", 1)[0] + "."),
    "much more said": lambda row: _put(row, *_said(row)[:-1], _said(row)[-1][:-1] + " and what a fine day this is for us."),
    "in another manner": lambda row: style.put(next(m for m in style.MANNERS if m.id != row.metadata["kind"]), _said(row)),
    "in two manners": lambda row: f"Hear ye! {gold(row)}" if row.metadata["kind"] != "herald" else f"Ahoy! {gold(row)}",
    "said as it was": lambda row: " ".join(_said(row)),
    "the request again": lambda row: _put(row, " ".join(m.content for m in row.messages[:-1])),
    "a list of one line": lambda row: f"- {' '.join(_said(row))}",
    "a list with an empty line": lambda row: f"- {' '.join(_said(row))}\n- ",
    "a list of facts": lambda row: "\n".join(f"- {word}" for word in _words(row)),
}  # fmt: skip


@pytest.mark.parametrize("manner", list(MANNER))
@pytest.mark.parametrize("attack", list(WRONG))
def test_wrong_answers_fail(task: Task, attack: str, manner: str) -> None:
    rows = [row for row in task.test if row.metadata["kind"] == manner]
    for row in rows:
        wrong = WRONG[attack](row)
        assert wrong != gold(row)
        assert task.grader.grade(row, wrong).value == 0.0, (wrong, gold(row))


@pytest.mark.parametrize(
    ("manner", "change"),
    [
        ("herald", lambda said: said.replace("Hear ye! ", "Hear ye! Good people, ")),
        ("sailor", lambda said: said.replace(", aye.", ", mates, aye!")),
        ("letter", lambda said: said.replace(" Yours truly", "\nYours truly.")),
        ("granny", lambda said: said.replace("My dear child, ", "My dear child, you know, ")),
        ("capitals", lambda said: said.replace(".", "!")),
        ("list", lambda said: said.replace(".", "")),
    ],
)
def test_right_answers_in_other_words_pass(task: Task, manner: str, change: Callable[[str], str]) -> None:
    for row in task.test:
        if row.metadata["kind"] == manner:
            score = task.grader.grade(row, change(gold(row)))
            assert score.value == 1.0, (score.reason, change(gold(row)))


def test_a_lost_fact_and_a_lost_manner_are_told_apart(task: Task) -> None:
    row = next(r for r in task.test if r.metadata["kind"] == "herald")
    fact = _words(row)[-1]
    assert f"{fact.lower()!r} is missing" in task.grader.grade(row, gold(row).replace(fact, "nobody")).reason
    assert "begin" in task.grader.grade(row, gold(row).removeprefix("Hear ye! ")).reason
    assert "end" in task.grader.grade(row, gold(row).removesuffix(" So it is.")).reason


def test_what_is_to_be_said_stands_in_the_request(task: Task) -> None:
    for row in task.test:
        assert " ".join(row.metadata["said"]) in row.messages[-2].content, row
        assert len(row.metadata["said"]) == (2 if row.metadata["kind"] == "list" else len(row.metadata["said"]))


def test_sentences_are_right(task: Task) -> None:
    """Foods agree with their verbs, ferries leave at an hour, and two sentences share no number, name or thing."""
    for row in (*task.train, *task.valid, *task.test):
        for said in row.metadata["said"]:
            assert not re.search(rf"there is ({'|'.join(PLURAL)})\b|the ({'|'.join(PLURAL)}) costs", said), said
            leaves = re.search(r"leaves at (\d+)", said)
            assert leaves is None or 1 <= int(leaves[1]) <= 12, said
        facts = [set(re.findall(r"\b(?:[A-Z]\w+|\d+)\b", s[0].lower() + s[1:])) for s in row.metadata["said"]]
        assert len(facts) == 1 or not facts[0] & facts[1], row


def test_clusters_are_sentences(task: Task) -> None:
    for rows, least in ((task.train, 40), (task.valid, 6), (task.test, 10)):
        assert len({row.metadata["cluster"] for row in rows}) >= least
        for row in rows:
            frame = style.SENTENCES[int(row.metadata["cluster"].removeprefix("sentence:"))]
            like = re.sub(r"\b([Aa]) (?=\{)", r"\1n? ", frame).removesuffix(".")
            like = re.sub(r"\{(a_)?\w+\}", lambda m: r"[Aa]n? \w+" if m[1] else r"\w+", like)
            assert re.fullmatch(rf"{like}\.", row.metadata["said"][0]), row
