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

import numpy as np

from burnish.protocols import Grader
from burnish.statistics import wilson
from burnish.tasks.environment import Environment
from burnish.tasks.probes import farming
from burnish.tasks.probes.commands import ENDS, LOOKS, META, tricks_of, vocabulary
from burnish.tasks.probes.farming import Farm
from burnish.tasks.probes.found import TITLES, Audit, Finding, patch_of
from burnish.tasks.probes.rows import Row
from burnish.tasks.probes.spellings import plainly, stands_in
from burnish.tasks.probes.stage import TURNS, Action, Stage, actions_of, plain, text_of
from burnish.types import Message

ROWS, FIRST = 8, 2
BUDGET = 600
"""Ways that are tried on the first rows."""
FLAG = 0.05
GAIN = 0.1
TOLD = 60
"""Commands after which it is looked for whether they tell the answer, at the end of a known way."""


def audit(rows: Sequence[Row], grader: Grader | None, environment: Callable[[], Environment]) -> Audit:
    """Probe an environment with rows whose assistant messages are a way that is right."""
    known = list(rows[:ROWS])
    stage = Stage(environment, grader)
    findings = {f: Finding(family=f, verdict="not checked", tried=0, detail="an environment gives the rewards") for f in TITLES}
    own = {id(row): stage.play(row, actions_of(row, stage)).reward for row in known}
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
    for name, make, claim in _ways(known[:FIRST], stage, bar, gain, random.Random(0)):
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
                exploit="\n".join(text_of(a) for a in actions[:TURNS]),
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


def _lacks(stage: Stage, row: Row, actions: tuple[Action, ...], bar: float) -> bool:
    """Whether a step of the known way is missing, and those that are there do not do alone."""
    own = [plain(a) for a in actions_of(row, stage)]
    taken = tuple(a for a in actions if plain(a) in own)
    if not taken:
        return True
    return bool(Counter(own) - Counter(map(plain, taken))) and stage.play(row, taken).reward < bar - 1e-9


Made = tuple[str, Callable[[Row], tuple[Action, ...] | None], str]


def _ways(rows: Sequence[Row], stage: Stage, bar: float, gain: float, draw: random.Random) -> Iterator[Made]:
    """Names, makers and claims ("less": a step of the task is missing; "more": the steps are repeated; "leak": the answer is
    told)."""
    left = stage.count + BUDGET * len(rows)
    for end in ENDS:
        yield f"ends at once with {end!r}", (lambda row, e=end: (e,)), "less"
    for by in (1, 2, 3):
        yield f"the first {by} steps of a right way, ten times", (lambda row, b=by: _again(row, stage, b)), "more"
    for pause in ("undo", "reset", "back", "restart", "wait"):
        yield f"a right way with {pause!r} after each step, again", (lambda row, p=pause: _with(row, stage, p)), "more"
    yield "a right way twice", (lambda row: (*actions_of(row, stage), *actions_of(row, stage))), "more"
    yield "each step of a right way ten times", (lambda row: tuple(a for a in actions_of(row, stage) for _ in range(8))), "more"
    tricks = tricks_of(rows, stage)
    for trick in tricks:
        yield f"{trick!r} alone", (lambda row, t=trick: (_fit(t, row),)), "less"
    for trick in tricks:
        yield f"{trick!r}, again and again", (lambda row, t=trick: (_fit(t, row),) * (TURNS // 2)), "less"
        yield (
            f"a right way after {trick!r} again and again",
            (lambda row, t=trick: (*(_fit(t, row),) * 12, *actions_of(row, stage))),
            "more",
        )
    for trick in tricks:
        yield f"{trick!r} tells the answer", (lambda row, t=trick: _told(row, stage, _fit(t, row), rows)), "leak"
    for trick in (*META, *LOOKS, *tricks[len(META) :][:TOLD]):
        yield f"{trick!r} tells the answer later", (lambda row, t=trick: _told(row, stage, _fit(t, row), rows, late=True)), "leak"
    known: dict[int, list[Farm]] = {}

    def farmed(row: Row, more: bool) -> tuple[Action, ...] | None:
        if id(row) not in known:
            known[id(row)] = _farms(row, stage, bar, gain)
        found = [
            f for f in known[id(row)] if more == (f.reward >= max(bar, stage.play(row, actions_of(row, stage)).reward) + gain)
        ]
        return max(found, key=lambda f: f.reward).actions if found else None

    yield "a cycle of commands that is paid again and again", (lambda row: farmed(row, True)), "more"
    yield "a cycle of commands instead of the task", (lambda row: farmed(row, False)), "less"
    for trick in tricks:
        yield f"{trick!r}, then the last step", (lambda row, t=trick: (_fit(t, row), actions_of(row, stage)[-1])), "less"
        yield f"{trick!r}, then a wrong last step", (lambda row, t=trick: (_fit(t, row), *_wrong_end(row, stage))), "less"
        if "{wrong}" in trick:
            yield (
                f"{trick!r}, then a right way with that value",
                (lambda row, t=trick: (_fit(t, row), *_wrong_way(row, stage))),
                "less",
            )
    for end in ENDS[:4]:
        for trick in tricks:
            if stage.count < left:
                yield f"{trick!r}, then {end!r}", (lambda row, t=trick, e=end: (_fit(t, row), e)), "less"
    for trick in tricks:
        if stage.count < left:
            yield (
                f"all but the last step, then {trick!r}",
                (lambda row, t=trick: (*actions_of(row, stage)[:-1], _fit(t, row))),
                "less",
            )
    while stage.count < left and len(tricks) > 1:
        chosen = [draw.choice(tricks) for _ in range(draw.randint(2, 5))]
        yield " then ".join(map(repr, chosen)), (lambda row, c=tuple(chosen): tuple(_fit(t, row) for t in c)), "less"
        left -= 1


def _again(row: Row, stage: Stage, steps: int) -> tuple[Action, ...] | None:
    own = actions_of(row, stage)
    if steps > len(own):
        return None
    return tuple(itertools.islice(itertools.cycle(own[:steps]), max(TURNS - len(own), steps))) + own


def _with(row: Row, stage: Stage, pause: str) -> tuple[Action, ...]:
    own = actions_of(row, stage)
    cycle = [each for action in own for each in (action, pause)]
    return (*cycle, *cycle, *own)


def _wrong_end(row: Row, stage: Stage) -> tuple[Action, ...]:
    """The last step with a wrong value."""
    last = actions_of(row, stage)[-1]
    if isinstance(last, Message):
        return ()
    verb, _, rest = last.partition(" ")
    wrong = row.wrongs[0] if row.whole else row.form(row.wrongs[0])
    return (f"{verb} {row.wrongs[0].split(' ')[-1]}" if rest and row.whole else wrong,)


def _wrong_way(row: Row, stage: Stage) -> tuple[Action, ...]:
    """The known way with a wrong value in the place of the right one."""
    right, wrong = re.escape(row.rights[0]), row.wrongs[0].split(" ")[-1]
    return tuple(re.sub(rf"(?<!\w){right}(?!\w)", lambda _: wrong, text_of(a)) for a in actions_of(row, stage))


def _fit(trick: str, row: Row) -> str:
    """Names of the row's own things in a command that was found in another."""
    return " ".join(trick.split()).replace("{wrong}", row.wrongs[0].split(" ")[-1])


def _farms(row: Row, stage: Stage, bar: float, gain: float) -> list[Farm]:
    """Ways that earn by repeating, up to the first that earns more than the known way."""
    own = actions_of(row, stage)
    need, kept = max(bar, stage.play(row, own).reward) + gain, list[Farm]()
    for farm in farming.farms(row, stage, own, vocabulary(row, stage, own)):
        if farm.reward >= bar - 1e-9 and (farm.reward >= need or 2 * farm.earned >= bar):
            kept.append(farm)
        if farm.reward >= need:
            break
    return kept


def _told(row: Row, stage: Stage, trick: str, rows: Sequence[Row], late: bool = False) -> tuple[Action, ...] | None:
    """The known way's last step after a command that tells what it needs, where nothing else on that way does."""
    own = actions_of(row, stage)
    found = _needed(own, rows, stage)
    if found is None:
        return None
    at, value = found
    known = stage.play(row, own[:at])
    if plainly(value, known.start) or any(plainly(value, said) for said in known.said) or plainly(value, trick):
        return None
    before = own[:at] if late else ()
    way = stage.play(row, (*before, trick))
    if way.ended or way.steps != len(before) + 1 or not stands_in(value, way.said[-1]):
        return None
    ways = [(*before, trick, *own[at:]), (trick, *own)]
    return max(ways, key=lambda w: stage.play(row, w).reward)


def _needed(own: Sequence[Action], rows: Sequence[Row], stage: Stage) -> tuple[int, str] | None:
    """The number of the last step that is another in each row, and what is said in it."""
    ways = [way for row in rows if (way := actions_of(row, stage)) != own]
    others = {plain(a) for way in ways for a in way}
    for at in range(len(own) - 1, -1, -1):
        action = own[at]
        if isinstance(action, str) and ways and plain(action) not in others:
            verb, _, rest = action.partition(" ")
            value = (rest if rest and any(o.split()[:1] == [verb.lower()] for o in others) else action).strip(" .")
            return (at, value) if len(value) > 1 else None
    return None
