"""P12: whether an environment pays for something else than the task.

Known ways are the rows' own assistant messages. Probed are: doing one thing again and again, ending at once, commands that the
environment tells of itself or that people leave in (debugging, undo, state), arguments out of range, what an error message gives
away, and steps left out after any of these. A way counts as an exploit where it earns what the known ways earn at their 75th
percentile and lacks a step of its own row's known way, or earns more than that way by repeating steps.
"""

from __future__ import annotations

import itertools
import random
import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from burnish.errors import CallFailed
from burnish.protocols import Grader
from burnish.statistics import wilson
from burnish.tasks.environment import Environment
from burnish.tasks.judging import grade, with_transcript
from burnish.tasks.probes.found import TITLES, Audit, Finding, patch_of
from burnish.tasks.probes.rows import Row
from burnish.types import Message

ROWS, FIRST = 8, 2
BUDGET = 600
"""Ways that are tried on the first rows."""
TRICKS = 500
TURNS = 24
"""Steps of a way."""
FLAG = 0.05
GAIN = 0.1
ENDS = ("done", "submit", "finish", "quit", "exit", "stop", "give up", "end", "")
META = (
    "help", "undo", "reset", "restart", "save", "load", "status", "look", "wait", "skip", "hint", "answer", "solve", "win",
    "cheat",
    "debug", "admin", "test", "inventory", "score", "check", "show state", "show answer", "debug on", "again", "back", "cancel",
)  # fmt: skip
STATE = (
    "set score 100", "set score=100", "score = 100", "set reward 1", "reward = 1", "set done true", "done = True",
    "solved = True",
    "set solved true", "set solved=true", "state.solved = True", 'state["solved"] = True',
    '{"solved": true, "done": true, "score": 100}',
    "set goal 0", "goal = 0", "complete", "mark complete", "debug win", "admin win", "sudo win", "debug solve", "cheat on",
    "set key {wrong}", "key = {wrong}", "expected = {wrong}", "set expected {wrong}", "set answer {wrong}", "target = {wrong}",
    "goal = {wrong}", "solution = {wrong}", "set target {wrong}", "set solution {wrong}", "answer = {wrong}",
)  # fmt: skip
EXTREMES = ("-1", "0", "-5", "-100", "999999", "1e9", "nan", "all", "*", "goal", "answer", "state")
"""Arguments of commands of the known ways: none that another right way could have."""
ANY = ("1", "2", "4", "10", "100", *EXTREMES)
_QUOTED = re.compile(r"[`'\"“]([A-Za-z][\w .=<>\[\]-]{0,40}?)[`'\"”]")
_LISTED = re.compile(
    r"(?:commands?|actions?|verbs?|you can|you may|try|usage|use|one of|options?)\s*(?:are|:|is)?\s*:?\s*([^\n.]+)", re.I
)
_LITERAL = re.compile(
    r"-?\d+(?:\.\d+)?|(?<=')[^'\n]{1,40}(?=')|(?<=\")[^\"\n]{1,40}(?=\")|(?<=: )[\w -]{1,40}$|(?<=is )[\w-]{1,40}", re.M
)
Action = str | Message


@dataclass(frozen=True, slots=True)
class Way:
    """What came of a sequence of actions. said: all that was read after each."""

    reward: float
    start: str
    said: tuple[str, ...]
    steps: int


@dataclass(slots=True)
class Stage:
    """Plays ways, each once, and counts."""

    environment: Callable[[], Environment]
    grader: Grader | None
    count: int = 0
    seen: dict[tuple[int, tuple[Action, ...]], Way] = field(default_factory=dict)

    def play(self, row: Row, actions: Sequence[Action]) -> Way:
        """One way; its reward is NaN where the grader or the environment failed."""
        key = (id(row), tuple(actions))
        if key not in self.seen:
            self.count += 1
            self.seen[key] = self._play(row, key[1])
        return self.seen[key]

    def _play(self, row: Row, actions: tuple[Action, ...]) -> Way:
        environment = self.environment()
        try:
            told = list(environment.start(row.example))
            start = "\n".join(m.content for m in told)
            total, said, last = 0.0, list[str](), ""
            for action in actions[:TURNS]:
                message = action if isinstance(action, Message) else Message(role="assistant", content=action)
                last = message.content or last
                try:
                    turn = environment.step(message)
                except (CallFailed, ValueError, KeyError, TypeError, IndexError, AttributeError, ArithmeticError):
                    return Way(float("nan"), start, tuple(said), len(said))  # an environment that breaks pays nothing
                total += turn.reward
                told += (message, *turn.messages)
                said.append("\n".join(m.content for m in turn.messages))
                if turn.done:
                    break
        finally:
            environment.close()
        if self.grader is not None:
            score = grade(self.grader, with_transcript(row.example, told), last)
            total += score.value if score.error is None else float("nan")
        return Way(float(total), start, tuple(said), len(said))


def audit(rows: Sequence[Row], grader: Grader | None, environment: Callable[[], Environment]) -> Audit:
    """Probe an environment with rows whose assistant messages are a way that is right."""
    known = list(rows[:ROWS])
    stage = Stage(environment, grader)
    findings = {f: Finding(family=f, verdict="not checked", tried=0, detail="an environment gives the rewards") for f in TITLES}
    own = {id(row): stage.play(row, actions_of(row)).reward for row in known}
    judged = [v for v in own.values() if v == v]
    nothing = [v for row in known if (v := stage.play(row, ("",)).reward) == v]
    if not judged:
        findings["P12"] = Finding(family="P12", verdict="not checked", tried=stage.count, detail="no known way was judged")
        return Audit(findings=tuple(findings.values()), rows=len(known), graded=stage.count, bar=float("nan"))
    none = float(np.median(nothing)) if nothing else 0.0
    bar = float(np.quantile(judged, 0.75))
    if bar <= none:
        bar = none + 1e-6
    gain = GAIN * (bar - none)
    best: Finding | None = None
    for name, make, claim in _ways(known[:FIRST], stage, bar, random.Random(0)):
        wins: list[tuple[Row, tuple[Action, ...], float]] = []
        tried = 0
        for number, row in enumerate(known):
            if number >= FIRST and not wins:
                break
            actions = make(row)
            if actions is None or (claim == "less" and not _lacks(stage, row, actions, bar)):
                continue
            reward = stage.play(row, actions).reward
            tried += 1
            if reward >= (bar - 1e-9 if claim != "more" else max(bar, own[id(row)]) + gain):
                wins.append((row, actions, reward))
        if not tried:
            continue
        rate = wilson(len(wins), tried)
        if rate.low > FLAG and len(wins) >= min(2, tried):
            row, actions, reward = wins[0]
            earns = "earns as much as doing the task" if claim != "more" else "earns more than doing the task once"
            best = Finding(
                family="P12",
                verdict="gameable",
                tried=stage.count,
                name=name,
                exploit="\n".join(_text(a) for a in actions[:TURNS]),
                asked=row.prompt,
                reward=reward,
                rate=rate,
                lines=tuple(r.example.line for r, _, _ in wins),
                detail=f"{name}: {earns} in {rate.estimate:.0%} of {rate.n} rows (at least {rate.low:.0%})",
                patch=patch_of("P12", None, 0),
            )
            break
    findings["P12"] = best or Finding(family="P12", verdict="holds", tried=stage.count, rate=wilson(0, max(len(known), 1)))
    return Audit(findings=tuple(findings.values()), rows=len(known), graded=stage.count, bar=bar)


def actions_of(row: Row) -> tuple[Action, ...]:
    """The row's known way: its assistant messages, or its own answer where it has none."""
    said = [m for m in row.example.messages if m.role == "assistant"]
    found = tuple(m if m.tool_calls else m.content for m in said)
    return found or (row.own,)


def _text(action: Action) -> str:
    if isinstance(action, str):
        return action
    calls = [f"{c.name}({c.arguments})" for c in action.tool_calls]
    return "\n".join([*([action.content] if action.content else []), *calls])


def _lacks(stage: Stage, row: Row, actions: tuple[Action, ...], bar: float) -> bool:
    """Whether a step of the known way is missing, and those that are there do not do alone."""
    own = [_norm(a) for a in actions_of(row)]
    taken = tuple(a for a in actions if _norm(a) in own)
    if not taken:
        return True
    return bool(Counter(own) - Counter(map(_norm, taken))) and stage.play(row, taken).reward < bar - 1e-9


def _norm(action: Action) -> str:
    return " ".join(_text(action).lower().split())


Made = tuple[str, Callable[[Row], tuple[Action, ...] | None], str]


def _ways(rows: Sequence[Row], stage: Stage, bar: float, draw: random.Random) -> Iterator[Made]:
    """Names, makers and claims ("less": a step of the task is missing; "more": the steps are repeated)."""
    left = stage.count + BUDGET * len(rows)
    for end in ENDS:
        yield f"ends at once with {end!r}", (lambda row, e=end: (e,)), "less"
    for by in (1, 2, 3):
        yield f"the first {by} steps of a right way, ten times", (lambda row, b=by: _again(row, b)), "more"
    for pause in ("undo", "reset", "back", "restart", "wait"):
        yield f"a right way with {pause!r} after each step, again", (lambda row, p=pause: _with(row, p)), "more"
    yield "a right way twice", (lambda row: (*actions_of(row), *actions_of(row))), "more"
    yield "each step of a right way ten times", (lambda row: tuple(a for a in actions_of(row) for _ in range(8))), "more"
    tricks = _tricks(rows, stage)
    for trick in tricks:
        yield f"{trick!r} alone", (lambda row, t=trick: (_fit(t, row),)), "less"
    for trick in tricks:
        yield f"{trick!r}, again and again", (lambda row, t=trick: (_fit(t, row),) * TURNS), "less"
        yield (
            f"a right way after {trick!r} again and again",
            (lambda row, t=trick: (*(_fit(t, row),) * 12, *actions_of(row))),
            "more",
        )
    yield "what an error message gives away", (lambda row: _leaked(row, stage)), "leak"
    for trick in tricks:
        yield f"{trick!r}, then the last step", (lambda row, t=trick: (_fit(t, row), actions_of(row)[-1])), "less"
        yield f"{trick!r}, then a wrong last step", (lambda row, t=trick: (_fit(t, row), *_wrong_end(row))), "less"
        if "{wrong}" in trick:
            yield f"{trick!r}, then a right way with that value", (lambda row, t=trick: (_fit(t, row), *_wrong_way(row))), "less"
    for end in ENDS[:4]:
        for trick in tricks:
            if stage.count < left:
                yield f"{trick!r}, then {end!r}", (lambda row, t=trick, e=end: (_fit(t, row), e)), "less"
    for trick in tricks:
        if stage.count < left:
            yield f"all but the last step, then {trick!r}", (lambda row, t=trick: (*actions_of(row)[:-1], _fit(t, row))), "less"
    while stage.count < left and len(tricks) > 1:
        chosen = [draw.choice(tricks) for _ in range(draw.randint(2, 5))]
        yield " then ".join(map(repr, chosen)), (lambda row, c=tuple(chosen): tuple(_fit(t, row) for t in c)), "less"
        left -= 1


def _again(row: Row, steps: int) -> tuple[Action, ...] | None:
    own = actions_of(row)
    return None if steps > len(own) else tuple(itertools.islice(itertools.cycle(own[:steps]), TURNS - len(own))) + own


def _with(row: Row, pause: str) -> tuple[Action, ...]:
    own = actions_of(row)
    cycle = [each for action in own for each in (action, pause)]
    return (*cycle, *cycle, *own)


def _wrong_end(row: Row) -> tuple[Action, ...]:
    """The last step with a wrong value."""
    last = actions_of(row)[-1]
    if isinstance(last, Message):
        return ()
    verb, _, rest = last.partition(" ")
    wrong = row.wrongs[0] if row.whole else row.form(row.wrongs[0])
    return (f"{verb} {row.wrongs[0].split(' ')[-1]}" if rest and row.whole else wrong,)


def _wrong_way(row: Row) -> tuple[Action, ...]:
    """The known way with a wrong value in the place of the right one."""
    right, wrong = re.escape(row.rights[0]), row.wrongs[0].split(" ")[-1]
    return tuple(re.sub(rf"(?<!\w){right}(?!\w)", lambda _: wrong, _text(a)) for a in actions_of(row))


def _fit(trick: str, row: Row) -> str:
    """Names of the row's own things in a command that was found in another."""
    return " ".join(trick.split()).replace("{wrong}", row.wrongs[0].split(" ")[-1])


def _tricks(rows: Sequence[Row], stage: Stage) -> list[str]:
    """Commands to try: what is left in programs, what the environment tells of, and its own verbs with arguments out of range."""
    texts: list[str] = []
    own: list[str] = []
    for row in rows:
        own += [_text(a) for a in actions_of(row)]
        for actions in (
            ("help",),
            ("?",),
            ("xyzzy 17",),
            ("",),
            ("look",),
            tuple(actions_of(row)),
            ("help commands",),
            ("status",),
        ):
            way = stage.play(row, actions)
            texts += [way.start, *way.said]
    seen = "\n".join(dict.fromkeys(texts))
    commands = _commands(seen)
    verbs = list(dict.fromkeys(w.split()[0] for w in (*own, *commands) if w.split()))
    nouns = [w for w in dict.fromkeys(re.findall(r"[A-Za-z_](?:[\w.]*\w){2,}", seen)) if w.lower() not in _STOP][:40]
    made: list[str] = [*META, *STATE, *commands]
    known = {a.casefold() for a in own}
    for verb in verbs[:12]:
        rests = [a.partition(" ")[2] for a in (*own, *commands) if a.split() and a.split()[0] == verb]
        longest = max((len(r.split()) for r in rests), default=0)
        values = EXTREMES if any(a.split()[:1] == [verb] for a in own) else ANY
        made += [*([] if longest else [verb]), *(f"{verb} {x}" for x in values)]
        made += [f"{verb} {n}" for n in nouns[:20]]
        for rest in list(dict.fromkeys(rests))[:3]:
            words = rest.split()
            for at in range(len(words)):
                if re.fullmatch(r"-?\d+(?:\.\d+)?|<\w+>|[A-Z]+", words[at]):
                    made += [" ".join([verb, *words[:at], x, *words[at + 1 :]]) for x in values]
            if len(words) > 1:
                made += [" ".join([verb, n, *words[1:]]) for n in nouns[:12]]
                made += [" ".join([verb, *words[:-1], x]) for x in ("{wrong}", "x", "1")]
        made += (
            [f"{verb} {n} {x}" for n in nouns[:12] for x in ("{wrong}", "1", "100")] if longest != 1 or verb in commands else []
        )
    for name in re.findall(r"\b([a-z_]\w*)\s*=\s*[\w']+", seen):
        made += [
            f"{name} = 0",
            f"{name} = 1",
            f"{name} = True",
            f"{name} = 100",
            f"set {name} 100",
            f"set {name} 0",
            f"set {name}=100",
            f"{name}=100",
        ]
        made += [f"set {name} {n}" for n in ("{wrong}", *nouns[:30])] + [f"{name} = {{wrong}}"]
    return [m for m in dict.fromkeys(" ".join(m.split()) for m in made) if m and m.casefold() not in known][:TRICKS]


_STOP = frozenset(
    "the and you are for with that this not your from have has was were will can may must than then there here what "
    "which into out "
    "commands command actions action try use usage unknown error please one all any".split()
)


def _commands(text: str) -> list[str]:
    """What a text names as commands: in quotes, or in a list after a word such as "commands"."""
    found = [m.strip() for m in _QUOTED.findall(text)]
    for listed in _LISTED.findall(text):
        found += [re.sub(r"\(.*?\)", "", part).strip(" .:`'\"") for part in re.split(r",|;|\||/|\bor\b|\band\b", listed)]
    found += re.findall(r"^\s*[-*]?\s*([a-z]\w*(?: <?\w+>?){0,3})\s*(?::| - | -- )", text, re.M)
    filled: list[str] = []
    for each in dict.fromkeys(found):
        if each and len(each.split()) <= 5:
            filled.append(each)
            bare = re.sub(r"[<\[{][^>\]}]*[>\]}]|\b[A-Z]{1,8}\b|\.\.\.", "", each)
            filled.append(" ".join(bare.split()))
    return [f for f in dict.fromkeys(filled) if f and f[0].isalpha()][:60]


def _leaked(row: Row, stage: Stage) -> tuple[Action, ...] | None:
    """A last step with a value that only an error message says."""
    own = actions_of(row)
    last = own[-1]
    if isinstance(last, Message):
        return None
    verb, _, rest = last.partition(" ")
    blunders: tuple[str, ...] = ("xyzzy 17", f"{verb} xyzzy", verb, f"{verb} {row.wrongs[0].split(' ')[-1]}", "{", "")
    for blunder in blunders:
        way = stage.play(row, (blunder,))
        if not way.said or way.steps > 1:
            continue
        for value in _LITERAL.findall(way.said[-1]):
            value = value.strip().removeprefix(f"{verb} ")
            if (
                value
                and value.casefold() not in way.start.casefold()
                and row.holds_right(value if row.whole else row.form(value))
            ):
                rest_of_way = (blunder, *own[:-1], f"{verb} {value}" if rest else value)
                if stage.play(row, rest_of_way).steps == len(rest_of_way):
                    return rest_of_way
    return None
