"""Part of P12: what an environment pays for again and again.

On a row's known way, and after each step of it, short cycles of commands are looked for that are paid each time they are gone
through: one command, two (do and undo), three. What is found is gone through until the way ends, and counts where that earns more
than the known way, or as much without it. Paid on the way to a goal, once or by how near it is, no cycle can be.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from burnish.tasks.probes.rows import Row
from burnish.tasks.probes.stage import TURNS, Action, Point, Stage, plain

BUDGET = 5000
"""Steps of the environment in the search on one row."""
PLACES = 10
"""Steps of the known way after which cycles are looked for."""
WIDTH = (14, 6)
"""Commands that are followed up after the first and after the second of a cycle."""
REPEATS = 3
"""Times in a row that a cycle must be paid for."""
PAID = 1e-6


@dataclass(frozen=True, slots=True)
class Farm:
    """A way that goes through a cycle until it ends. earned: by what is repeated in it."""

    actions: tuple[Action, ...]
    cycle: tuple[Action, ...]
    reward: float
    earned: float


def farms(row: Row, stage: Stage, own: Sequence[Action], commands: Sequence[str]) -> Iterator[Farm]:
    """Ways with a cycle that is paid each time, as they are found."""
    first = Point.start(row, stage)
    candidates: list[Action] = [*dict.fromkeys([*own, *commands])]
    tried = set[tuple[Action, ...]]()
    try:
        for series in _series(own, candidates):
            if found := _series_farm(row, stage, series):
                yield found
        places = _places(own, stage.play(row, own).paid)
        point = first
        for number in range(len(own)):
            if first.spent[0] > BUDGET:
                return
            if number in places:
                for cycle in _cycles(point, own[number], candidates, BUDGET):
                    for start in (point.actions, ()):
                        if (*start, *cycle) not in tried and len(start) < TURNS // 2:
                            tried.add((*start, *cycle))
                            if found := _farm(row, stage, tuple(own), start, cycle):
                                yield found
            point = point.after(own[number])
            if point.done:
                return
    finally:
        first.close()


def _places(own: Sequence[Action], paid: Sequence[float]) -> set[int]:
    """Numbers of steps before which cycles are looked for: at the start, before and after what is paid, and evenly between."""
    near = [0, *(n + by for n, p in enumerate(paid) if p > PAID for by in (0, 1))]
    even = [round(n * (len(own) - 1) / (PLACES - 1)) for n in range(PLACES)]
    return set([n for n in dict.fromkeys([*near, *even]) if n < len(own)][:PLACES])


def _cycles(point: Point, onward: Action, candidates: Sequence[Action], budget: int) -> Iterator[tuple[Action, ...]]:
    """Cycles of up to three commands from a state that are paid three times in a row. onward: what the known way does here."""
    order = [onward, *(c for c in candidates if c != onward)]
    here = point.key()
    idle = point.after("xyzzy 17")
    moved: list[tuple[Action, Point]] = []
    for action in order:
        if point.spent[0] > budget:
            return
        then = point.after(action)
        if then.done:
            continue
        if then.pay > PAID and _again(then, (action,), REPEATS - 1):
            yield (action,)
        if then.pay > PAID or _did(then, here, idle):
            moved.append((action, then))
    moved.sort(key=lambda each: -each[1].pay)
    for action, then in moved[: WIDTH[0]]:
        second: list[tuple[Action, Point]] = []
        at, nothing = then.key(), then.after("xyzzy 17")
        for other in order:
            if point.spent[0] > budget:
                return
            later = then.after(other)
            if later.done:
                continue
            if then.pay + later.pay > PAID and _again(later, (action, other), REPEATS - 1):
                yield (action, other)
            if later.pay > PAID or _did(later, at, nothing):
                second.append((other, later))
        second.sort(key=lambda each: -each[1].pay)
        for other, later in second[: WIDTH[1]]:
            if other == action and then.pay <= PAID:
                continue
            for third in order[: 2 * WIDTH[0]]:
                if point.spent[0] > budget:
                    return
                end = later.after(third)
                if not end.done and then.pay + later.pay + end.pay > PAID and _again(end, (action, other, third), 2):
                    yield (action, other, third)


def _did(point: Point, before: str | None, idle: Point) -> bool:
    """Whether something came of a command, judged by the state, or where that is not told by what is read."""
    key = point.key()
    return point.said != idle.said if key is None or before is None else key not in (before, idle.key())


def _again(point: Point, cycle: Sequence[Action], times: int) -> bool:
    for _ in range(times):
        paid = 0.0
        for action in cycle:
            point = point.after(action)
            paid += point.pay
            if point.done:
                return False
        if paid <= PAID:
            return False
    return True


def _farm(row: Row, stage: Stage, own: tuple[Action, ...], start: tuple[Action, ...], cycle: tuple[Action, ...]) -> Farm | None:
    """The best way with that cycle: gone through to the end, or so that the known way's rest still fits."""
    rest = own[len(start) :]
    ways = []
    for room, end in ((TURNS - len(start), ()), (TURNS - len(own), rest)):
        times = room // len(cycle)
        if times <= REPEATS:
            continue
        actions = (*start, *cycle * times, *end)
        way = stage.play(row, actions)
        paid = way.paid[len(start) :]
        each = [sum(paid[n : n + len(cycle)]) for n in range(0, min(len(paid), times * len(cycle)), len(cycle))]
        if way.ended and not end and each:
            each = each[:-1]  # what the end pays is not paid again
        again = [p for p in each[1:] if p > PAID]
        if way.reward == way.reward and len(again) >= REPEATS - 1:
            ways.append(Farm(actions[: way.steps], cycle, way.reward, sum(again)))
    return max(ways, key=lambda farm: farm.reward, default=None)


def _series(own: Sequence[Action], candidates: Sequence[Action]) -> Iterator[tuple[Action, ...]]:
    """One verb with a new thing each time."""
    verbs = dict.fromkeys(c.split()[0] for c in candidates if isinstance(c, str) and len(c.split()) > 1)
    for verb in list(verbs)[:10]:
        yield tuple(f"{verb} {thing}" for thing in FRESH)
        yield tuple(f"{verb} {n}" for n in range(1, TURNS + 1))


FRESH = tuple(
    a + b for a in ("ab", "cer", "dol", "fin", "gam", "lut") for b in ("o", "ire", "ant", "um", "esk", "y", "ard", "ine")
)
"""Names of nothing."""


def _series_farm(row: Row, stage: Stage, series: tuple[Action, ...]) -> Farm | None:
    kept = tuple(a for a in series if not row.holds_right(plain(a)))
    probed = stage.play(row, kept[:REPEATS])
    if probed.ended or sum(p > PAID for p in probed.paid) < REPEATS:
        return None
    way = stage.play(row, kept)
    paid = way.paid[:-1] if way.ended else way.paid
    again = [p for p in paid[1:] if p > PAID]
    return Farm(kept[: way.steps], kept[:1], way.reward, sum(again)) if way.reward == way.reward else None
