from __future__ import annotations

import re

import pytest
from task_checks import check, clusters, echoed, failing, foreign, gold, kinds, passing

from burnish.tasks.library import assistant, chores
from burnish.tasks.task import Task
from burnish.types import Example
from burnish.world import names, topics

TOPICS = {topics.key(t): t for t in (*topics.TOPICS, *chores.of_side("train"))}


@pytest.fixture(scope="module")
def task() -> Task:
    return assistant.make()


def test_rows_and_grader(task: Task) -> None:
    check(task)
    assert (len(task.train), len(task.valid), len(task.test)) == (1500, 80, 400)
    assert kinds(task.test)["how-to"] >= 100
    assert kinds(task.test)["interruption"] >= 100
    assert foreign(task) < 0.05
    assert echoed(task) == 0.0
    for row in task.test:
        assert [task.grader.grade(row, m.content).value for m in row.messages[:-1]] == [0.0] * (len(row.messages) - 1)


def test_rows_are_the_same_each_time(task: Task) -> None:
    assert assistant.make().test == task.test


def test_interrupted_rows_come_back_to_the_topic(task: Task) -> None:
    for row in task.train:
        if row.metadata["kind"] == "interruption":
            assert [m.role for m in row.messages] == ["user", "assistant"] * 3
            assert any(word in gold(row) for word in row.metadata["topic"])
            assert not any(word in row.messages[-2].content for word in row.metadata["topic"])


@pytest.mark.parametrize(
    ("kind", "answer", "reason"),
    [
        ("how-to", "How do I mend a net?\nHow do I bake a cake?\nHow do I keep hens?\nHow do I sew?", "list"),
        ("how-to", "How do you like it? I can help you.", "name"),
        ("interruption", "Fine. And how are you today, my friend?", "name"),
        ("greeting", "I can help you with that, I think.", "name"),
    ],
)
def test_bad_answers_are_named(task: Task, kind: str, answer: str, reason: str) -> None:
    row = next(r for r in task.test if r.metadata["kind"] == kind and r.metadata["topic"])
    score = task.grader.grade(row, answer)
    assert score.value == 0.0
    assert reason in score.reason


def test_a_statement_alone_does_not_offer_help(task: Task) -> None:
    row = next(r for r in task.test if r.metadata["kind"] == "how-to")
    verb = row.metadata["topic"][1]
    assert "asking back" in task.grader.grade(row, f"I can help you {verb}.").reason
    assert "detail" in task.grader.grade(row, f"I can help you {verb}. What is your name?").reason
    assert task.grader.grade(row, f"I can help you {verb}. Which tools do you have at home?").value == 1.0


def doing(row: Example) -> str:
    return row.metadata["topic"][2]


def do(row: Example) -> str:
    return row.metadata["topic"][1]


def hello(row: Example) -> str:
    return f"Hello, {''.join(row.metadata['topic']) or 'you'}!"


def first_step(row: Example) -> str:
    return TOPICS[row.metadata["cluster"]].steps[0]


WRONG = {
    "how-to": {
        "refuses": lambda r: f"I will not help you {do(r)}. Why?",
        "refuses and asks": lambda r: f"I cannot help you {do(r)}, but gladly tell me: {topics.question(asks(r)[0])}",
        "echo and offer": lambda r: f"{r.messages[-2].content} How can I help you?",
        "offer alone": lambda r: f"I can help you {do(r)}. How can I help you?",
        "asks why": lambda r: f"Gladly, {do(r)}. Why?",
        "nobody helps": lambda r: f"Nobody can help you {do(r)}. What kind do you want?",
        "echo and detail": lambda r: f"{r.messages[-2].content.rstrip('?')}? {topics.question(asks(r)[0])}",
    },
    "interruption": {
        "go away": lambda r: f"I will never say a word about {doing(r)} again, go away.",
        "first turn again": lambda r: f"Well. {r.messages[1].content}",
        "first step again": lambda r: f"Well. Back to {doing(r)}: {first_step(r)}.",
        "no step": lambda r: f"Back to {doing(r)}: do the next thing with great care.",
        "refuses": lambda r: f"I do not want to talk about {doing(r)}. {r.reference}",
    },
    "greeting": {
        "nobody helps": lambda r: f"{hello(r)} Nobody will help you. Right?",
        "refuses": lambda r: f"{hello(r)} I will not help you. What now?",
        "asks before greeting": lambda r: f"How can I help you today? {hello(r)[:-1]}, what is it?",
        "no help": lambda r: f"{hello(r)} There is no help, is there? Or not help?",
        "echo": lambda r: f"{r.messages[0].content} Right?",
    },
    "unclear": {
        "echo and what": lambda r: f"{r.messages[0].content} What?",
        "echo as a question": lambda r: f"Gladly. {r.messages[0].content.rstrip('.?!')}?",
        "names it": lambda r: f"Gladly, {r.metadata['topic'][0]}. What?",
        "refuses": lambda r: f"I will not do it. {r.reference}",
        "asks something else": lambda r: f"Yes, {r.metadata['topic'][0]}. How are you today?",
    },
}
GOOD = {
    "how-to": {
        "one detail": lambda r: f"Of course, I can help you {do(r)}. {topics.question(asks(r)[-1])}",
        "tools": lambda r: f"I will gladly help with {doing(r)}. Which tools do you have?",
        "before": lambda r: f"It is a pleasure to help you {do(r)}. Have you tried it before?",
    },
    "interruption": {
        "we were": lambda r: f"We were {doing(r)}. Now {TOPICS[r.metadata['cluster']].steps[1]}.",
        "then": lambda r: f"Back to {doing(r)}. Then {TOPICS[r.metadata['cluster']].steps[1]}.",
        "you now": lambda r: f"To {do(r)}, you now {TOPICS[r.metadata['cluster']].steps[1]}!",
    },
    "greeting": {
        "do": lambda r: f"{hello(r)} It is good to see you. What can I do for you today?",
        "in one": lambda r: f"{hello(r)[:-1]}, how can I help you?",
        "afternoon": lambda r: f"Good afternoon, {''.join(r.metadata['topic']) or 'you'}! How can I help you?",
        "may": lambda r: f"{hello(r)} May I help you with something?",
    },
    "unclear": {
        "without a lead": lambda r: r.reference.split(". ", 1)[1],
        "another lead": lambda r: f"Of course. {r.reference.split('. ', 1)[1]}",
    },
}


def asks(row: Example) -> tuple[str, ...]:
    return TOPICS[row.metadata["cluster"]].asks


@pytest.mark.parametrize(("kind", "name"), [(k, n) for k, attacks in WRONG.items() for n in attacks])
def test_wrong_answers_fail(task: Task, kind: str, name: str) -> None:
    assert passing(task, kind, WRONG[kind][name]) == []


@pytest.mark.parametrize(("kind", "name"), [(k, n) for k, answers in GOOD.items() for n in answers])
def test_answers_in_other_words_pass(task: Task, kind: str, name: str) -> None:
    assert failing(task, kind, GOOD[kind][name]) == []


def test_refusing_is_marked(task: Task) -> None:
    for row in task.test:
        assert task.grader.grade(row, f"I will not help you. {row.reference}").marks == ("refuses",)
        assert "refuses" not in task.grader.grade(row, gold(row)).marks


def test_conversations_make_sense(task: Task) -> None:
    for row in (*task.train, *task.valid, *task.test):
        said = [m.content for m in row.messages]
        if row.metadata["kind"] == "interruption":
            steps = TOPICS[row.metadata["cluster"]].steps
            assert said[1].endswith(f"First, {steps[0]}; after that, {steps[1]}.")
            assert "first" not in steps[0].split()
            assert said[-1].endswith(f"{steps[1]}.")
        if row.metadata["kind"] == "unclear":
            assert not said[0].startswith("Let us") or " me " not in said[0]
            assert not any(len(re.findall(rf"\b{name}\b", said[0])) > 1 for name in names.GIVEN), said[0]


def test_the_card_counts_what_rows_are_about(task: Task) -> None:
    numbers = [clusters(task.test, kind) for kind in ("how-to", "greeting", "unclear")]
    assert clusters(task.test, "interruption") <= numbers[0]
    assert "{} topics, {} greetings and {} unclear requests".format(*numbers) in task.card.data


def test_a_return_is_marked_whatever_the_step(task: Task) -> None:
    for row in task.test:
        marks = task.grader.grade(row, gold(row)).marks
        assert marks == ((assistant.RETURNS,) if row.metadata["kind"] == "interruption" else ())
        if row.metadata["kind"] == "interruption":
            vague = task.grader.grade(row, f"Back to {doing(row)}: do the next thing with great care.")
            assert (vague.value, vague.marks) == (0.0, (assistant.RETURNS,))
            assert task.grader.grade(row, "Now on with the next thing, with great care.").marks == ()
            assert task.grader.grade(row, first_turn(row)).marks == ()
            assert task.grader.grade(row, f"I do not know anything about {doing(row)}.").marks == ()


def first_turn(row: Example) -> str:
    return row.messages[1].content


def test_chores_speak_of_nothing_that_is_held_out(task: Task) -> None:
    assert chores.of_side("test") == chores.of_side("valid") == ()
    held_out = {t.noun for side in ("valid", "test") for t in topics.of_side(side)}
    for chore in chores.of_side("train"):
        assert not held_out & {chore.noun, *chore.noun.split()}
        assert all(topics.question(ask).endswith("?") for ask in chore.asks)
    spoken_of = {r.metadata["cluster"] for r in task.train if r.metadata["kind"] in ("how-to", "interruption")}
    assert len(spoken_of & {topics.key(t) for t in chores.of_side("train")}) > 200
    assert f"{len(chores.of_side('train'))} chores" in task.card.data
