"""What a task proves about itself without any model: its graders let the given answers pass, and nothing that is none.

The answers that rows come with must be worth more than an empty one and than those of other rows; the same answer must always be
worth the same; and a grader must not fail. A reward that breaks these rules teaches something else than the task says. Of a task
with an environment the same is asked of whole ways through it, and what the rows call must work.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from burnish.protocols import Grader
from burnish.tasks import probes
from burnish.tasks.environment import Setting, question_of
from burnish.tasks.graders.paid import PAID
from burnish.tasks.judging import grade
from burnish.tasks.probes.rows import own_answer
from burnish.tasks.task import Task
from burnish.tasks.tooluse import ToolUse
from burnish.tasks.walk import Walk, walk
from burnish.tasks.written import WrittenSetting
from burnish.tools.function import ERROR
from burnish.types import Example, Message, Score

ROWS = 48
"""Rows that are tried, of all splits."""
SHOWN = 3
PASSES = 0.5
"""An answer passes that is worth more than this part of the row's own."""
WHY_CHARS = 300
"""Of the first grader's failure that a line shows."""
FORGIVEN = 0.05
"""Share of rows whose own answer another row's may pass for: some questions have the same answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One property, and whether it holds. examples: rows where it does not, in words."""

    name: str
    verdict: Literal["holds", "fails", "not checked"]
    detail: str
    todo: str = ""
    examples: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """All of them for one task."""

    task: str
    grader: str
    rows: int
    lines: tuple[Line, ...]
    seconds: float
    """of one grading, in the median"""

    @property
    def holds(self) -> bool:
        """Whether nothing fails."""
        return not any(line.verdict == "fails" for line in self.lines)


def audit(task: Task) -> probes.Audit:
    """Whether a task's rewards can be had without doing it: wrong answers of many kinds are graded."""
    rows, allowed = (*task.train, *task.valid, *task.test), (task.means.allowed,)
    return audited(rows, task.grader, task.environment, allowed=allowed, limit_tokens=task.limit_tokens)


def audited(
    rows: Sequence[Example],
    grader: Grader,
    setting: Setting | None,
    *,
    allowed: Sequence[str] = (),
    limit_tokens: int | None = None,
) -> probes.Audit:
    """The same of rows and how they are judged. Where tools are all that an environment has, an answer without a call is final:
    then wrong answers are graded as of a task without one, and ways through it beside."""
    if setting is None:
        return probes.audit(rows, grader, allowed=allowed, limit_tokens=limit_tokens)
    ways = probes.audit(rows, grader, environment=setting.open, allowed=allowed, limit_tokens=limit_tokens)
    if not isinstance(setting, ToolUse) and not (isinstance(setting, WrittenSetting) and not setting.has.environment):
        return ways
    bare = [replace(e, messages=(*question_of(e), *(m for m in e.messages[-1:] if m.role == "assistant"))) for e in rows]
    texts = probes.audit(bare, grader, allowed=allowed, limit_tokens=limit_tokens)  # what tools said is not in the question
    of_ways = {f.family: f for f in ways.findings if f.verdict != "not checked"}
    findings = tuple(of_ways.get(f.family, f) for f in texts.findings)
    return replace(texts, findings=findings, graded=texts.graded + ways.graded)


def prove(task: Task, *, rows: int = ROWS) -> Proof:
    """Try a task's grader on its own rows; where it has an environment, go their ways through it. Code of a task
    folder runs in the sandbox and is ended there; an environment of this process that hangs is waited for."""
    chosen = _spread((*task.train, *task.valid, *task.test), rows)
    bench = Bench(task.grader, task.environment)
    known = [Known(e, best) for e in chosen if (best := bench.best(e)) is not None]
    tried = bench.environment is not None
    lines = [
        _own(known, len(chosen), tried),
        *([_calls(known)] if tried else []),
        _nothing(bench, known),
        _others(bench, known),
        _same(bench, known),
        _errors(known, tried),
    ]
    return Proof(
        task=task.name,
        grader=task.grader.name,
        rows=len(chosen),
        lines=tuple(lines),
        seconds=float(np.median(bench.seconds)) if bench.seconds else 0.0,
    )


def worth_of_own(example: Example, grader: Grader, setting: Setting | None) -> float:
    """What a row's own answer is worth, or the best of its own ways; NaN where it has none, or it was not judged."""
    own = Bench(grader, setting).best(example)
    return float("nan") if own is None or own.score.error is not None else own.score.value


Way = tuple[Message, ...]


@dataclass(frozen=True, slots=True)
class Tried:
    """An answer, or a way of several messages, and what came of it."""

    said: Way
    walk: Walk

    @property
    def score(self) -> Score:
        return self.walk.score

    @property
    def text(self) -> str:
        """As a reader sees it."""
        return "; ".join(_text(m) for m in self.said)


@dataclass(frozen=True, slots=True)
class Known:
    """A row with an answer that it calls right. own: its own."""

    example: Example
    own: Tried


class Bench:
    """Where answers are tried; in an environment, ways."""

    def __init__(self, grader: Grader, environment: Setting | None) -> None:
        self.grader, self.environment = grader, environment
        self.seconds: list[float] = []
        """of each"""

    def try_(self, example: Example, said: Way) -> Tried:
        """What an answer is worth, or a way: in an environment each message is a turn."""
        started = time.perf_counter()
        if self.environment is None:
            made = Walk(score=grade(self.grader, example, said[-1].content))
        else:
            made = walk(self.environment, self.grader, example, said)
        self.seconds.append(time.perf_counter() - started)
        return Tried(said, made)

    def best(self, example: Example) -> Tried | None:
        """The row's own answer; in an environment the best of the ways that its messages may mean. None where it has none."""
        tried = [self.try_(example, said) for said in (_ways(example) if self.environment else _answer(example))]
        return max(tried, key=lambda t: -1.0 if t.score.error else t.score.value, default=None)

    def nothing(self, example: Example) -> Tried:
        """What it is worth to say nothing, at every turn."""
        turns = 1 if self.environment is None else self.environment.limits.turns
        return self.try_(example, (_said(""),) * turns)


def _said(text: str) -> Message:
    return Message(role="assistant", content=text)


def _answer(example: Example) -> list[Way]:
    own = own_answer(example)
    return [] if own is None else [(_said(own),)]


def _ways(example: Example) -> list[Way]:
    """What may be meant by a row's messages: what was said after its question, calls included; all that was said, where the whole
    row is one way; or its answer as one command a line."""
    asked = len(question_of(example))
    after = tuple(m for m in example.messages[asked:] if m.role == "assistant")
    every = tuple(m for m in example.messages if m.role == "assistant")
    answers = [] if len(every) > 1 or any(m.tool_calls for m in every) else _answer(example)
    lines = [tuple(_said(line) for line in way[0].content.splitlines() if line.strip()) for way in answers]
    return list(dict.fromkeys(way for way in (after, every, *answers, *lines) if way and any(map(_text, way))))


def _text(message: Message) -> str:
    calls = [f"{c.name}({c.arguments})" for c in message.tool_calls]
    return " ".join([*([message.content] if message.content else []), *calls])


def _spread(examples: Sequence[Example], count: int) -> list[Example]:
    """So many of them, evenly over all."""
    if len(examples) <= count:
        return list(examples)
    return [examples[i] for i in np.linspace(0, len(examples) - 1, count).round().astype(int)]


def _row(known: Known, tried: Tried) -> str:
    text, score = tried.text, tried.score
    shown = text if len(text) <= 60 else text[:59] + "…"
    return f"row {known.example.line}: {shown!r} is worth {score.value:.2g}: {score.reason}"


def _own(known: Sequence[Known], rows: int, ways: bool) -> Line:
    name = "the rows' own ways pass" if ways else "the rows' own answers pass"
    if not known:
        detail = "no row has an answer or a reference"
        return Line(
            name=name, verdict="not checked", detail=detail, todo="give some rows a reference, so that this can be checked"
        )
    judged = [k for k in known if k.own.score.error is None]
    if not judged:
        return Line(name=name, verdict="not checked", detail="the grader could judge none of them")
    best = max(k.own.score.value for k in judged)
    wrong = [k for k in judged if k.own.score.value <= PASSES * max(best, 0.0)]
    none = f"; {rows - len(known)} rows have none" if rows > len(known) else ""
    todo = "the grader refuses what the rows call right: mend one of them"
    if ways:
        todo = "what the rows say does not lead to a reward: let them hold conversations with the calls, or one command a line"
    return Line(
        name=name,
        verdict="fails" if wrong else "holds",
        detail=f"{len(judged) - len(wrong)} of {len(judged)}{none}",
        todo=todo if wrong else "",
        examples=tuple(_row(k, k.own) for k in wrong[:SHOWN]),
    )


def _calls(known: Sequence[Known]) -> Line:
    """Whether what the rows call is there, and says what the rows say it did."""
    name = "the rows' calls say what the rows say"
    read, bad, other = 0, list[str](), 0
    for k in known:
        said = [m.content for m in k.example.messages if m.role == "tool"]
        got = [m.content for m in k.own.walk.read if m.role == "tool"]
        read += len(got)
        bad += [f"row {k.example.line}: {k.own.text!r} reads {text!r}" for text in got if text.startswith(ERROR)]
        other += sum(a != b for a, b in zip(said, got, strict=False)) if said else 0
    if not read:
        return Line(name=name, verdict="not checked", detail="no row calls a tool")
    return Line(
        name=name,
        verdict="fails" if bad else "holds",
        detail=f"{read} calls, {len(bad)} answered with an error, {other} otherwise than in the row",
        todo="the model would be taught calls that do not work: mend the rows or the tools" if bad else "",
        examples=tuple(bad[:SHOWN]),
    )


def _apart(name: str, known: Sequence[Known], found: Sequence[Tried], allowed: float) -> Line:
    """Answers that must not pass for the row's own."""
    pairs = [
        (k, f)
        for k, f in zip(known, found, strict=True)
        if k.own.score.error is None and f.score.error is None and k.own.score.value > 0
    ]
    wins = [(k, f) for k, f in pairs if f.score.value > PASSES * k.own.score.value]
    if not pairs:
        return Line(name=name, verdict="not checked", detail="no row's own answer passes")
    bad = len(wins) > allowed * len(pairs)
    return Line(
        name=name,
        verdict="fails" if bad else "holds",
        detail=f"it would pass in {len(wins)} of {len(pairs)} rows",
        todo="a model would learn to answer so: let the grader ask for more" if bad else "",
        examples=tuple(_row(k, f) for k, f in wins[:SHOWN]) if bad else (),
    )


def _nothing(bench: Bench, known: Sequence[Known]) -> Line:
    name = "the empty answer fails" if bench.environment is None else "saying nothing fails"
    return _apart(name, known, [bench.nothing(k.example) for k in known], 0.0)


def _others(bench: Bench, known: Sequence[Known]) -> Line:
    """Each row is answered with the answer of the row half a list away, where that is another one. Of an environment that alone
    pays, no more than shown: several ways may lead to its end."""
    said = [known[(n + len(known) // 2) % len(known)].own.said for n in range(len(known))]
    some = [(k, other) for k, other in zip(known, said, strict=True) if other != k.own.said]
    found = [bench.try_(k.example, other) for k, other in some]
    name = "another row's answer fails" if bench.environment is None else "another row's way fails"
    line = _apart(name, [k for k, _ in some], found, FORGIVEN)
    if line.verdict == "fails" and bench.grader is PAID:
        return replace(line, verdict="not checked", detail=f"{line.detail}; several ways may lead there", todo="", examples=())
    return line


def _same(bench: Bench, known: Sequence[Known]) -> Line:
    """Everything is done twice."""
    again = [bench.try_(k.example, k.own.said) for k in known]
    differ = [
        (k, t)
        for k, t in zip(known, again, strict=True)
        if k.own.walk.turns != t.walk.turns
        or (k.own.score.error is None) != (t.score.error is None)
        or (t.score.error is None and k.own.score.value != t.score.value)
    ]
    ways = bench.environment is not None
    return Line(
        name="the same way always goes the same" if ways else "the same answer is always worth the same",
        verdict="fails" if differ else ("holds" if known else "not checked"),
        detail=f"{len(differ)} of {len(known)} differ when {'gone' if ways else 'graded'} twice",
        todo=f"take chance, time and order out of the {'environment and the ' if ways else ''}grader" if differ else "",
        examples=tuple(_row(*d) for d in differ[:SHOWN]),
    )


def _errors(known: Sequence[Known], ways: bool) -> Line:
    failed = [k for k in known if k.own.score.error is not None]
    what = "own ways" if ways else "own answers"
    why = f": {failed[0].own.score.error:.{WHY_CHARS}}" if failed else ""
    return Line(
        name="neither grader nor environment fails" if ways else "the grader does not fail",
        verdict="fails" if failed else ("holds" if known else "not checked"),
        detail=f"{len(failed)} of {len(known)} of the rows' {what} could not be judged{why}",
        todo=f"see what it says, and mend the {'environment, the ' if ways else ''}grader or the rows" if failed else "",
        examples=tuple(_row(k, k.own) for k in failed[:SHOWN]),
    )
