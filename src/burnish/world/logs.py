"""Raw logs of Vellmark's machines: terminals, searches, builds, door books, weather posts, stores. Short lines, no prose."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import TYPE_CHECKING

from burnish.world import names, splits
from burnish.world.document import Document
from burnish.world.places import DAYS

if TYPE_CHECKING:
    from burnish.world.world import World

PART = "logs"
FILES = (
    "notes", "orders", "letters", "prices", "market", "ferry", "tides", "songs", "bills", "names", "maps", "stock", "tally",
    "plan",
    "guests", "recipes", "harvest", "weather", "school", "bridge",
)  # fmt: skip
ENDINGS = ("txt", "csv", "py", "log", "md")
FOLDERS = ("home", "work", "old", "shop", "new", "shared", "archive", "letters", "town", "harbour")
STEPS = (
    "read settings",
    "check files",
    "compile parts",
    "link parts",
    "run tests",
    "pack files",
    "copy pages",
    "write index",
    "clean up",
    "sign package",
)
SEARCHES = (
    "{t} market", "how to mend a {o}", "{o} price", "{t} ferry times", "best {o}", "weather {t}", "{g} {f}", "{o} for sale",
    "inn near {t}",
    "road to {t}", "how old is {t}", "lost {o} {t}", "lamp oil", "bread without salt", "why do bees hum", "tide table",
    "used {o}",
    "{t} school", "{o} or {o2}", "clean {o}", "{f} shop {t}", "song about {t}",
)  # fmt: skip
OBJECTS = (
    "boat",
    "kettle",
    "lamp",
    "clock",
    "saw",
    "fiddle",
    "net",
    "bucket",
    "hat",
    "coat",
    "stove",
    "cart",
    "pump",
    "radio",
    "ladder",
    "chair",
)
PLACES = ("north door", "south door", "east gate", "west gate", "store", "cellar", "yard", "office", "boat house", "tower")


def documents(world: World, draw: random.Random) -> Iterator[Document]:
    """Logs of all kinds, without end."""
    while True:
        keys: list[str] = []
        kind = draw.choice((_terminal, _terminal, _searches, _build, _doors, _weather, None))
        text = _store(draw, keys) if kind is None else kind(draw)
        yield Document(PART, text, tuple(dict.fromkeys(keys)))


def _moments(draw: random.Random, count: int, step: int) -> list[str]:
    """Times of one day in order."""
    minute = draw.randint(6 * 60, 20 * 60)
    times = []
    for _ in range(count):
        times.append(f"{minute // 60:02}:{minute % 60:02}")
        minute = min(minute + draw.randint(1, step), 24 * 60 - 1)
    return times


def _file(draw: random.Random) -> str:
    name = draw.choice(FILES) + draw.choice(("", "", str(draw.randint(1, 9))))
    return f"{name}.{draw.choice(ENDINGS)}"


def _terminal(draw: random.Random) -> str:
    """Commands and what they print; files that were made can be listed, and removed ones are gone."""
    user, host = draw.choice(names.GIVEN).lower(), draw.choice(names.TOWNS).lower()
    prompt = draw.choice(("$ ", "> ", f"{user}@{host}$ ", f"{host}> ", "% "))
    here = list(dict.fromkeys(_file(draw) for _ in range(draw.randint(2, 5))))
    lengths = {f: draw.randint(3, 900) for f in here}
    lines = [] if draw.random() < 0.6 else [f"login: {user}", f"last seen on {draw.choice(DAYS)} at {host}"]
    for _ in range(draw.randint(3, 6)):
        chance = draw.random()
        if chance < 0.3:
            lines += [f"{prompt}ls", "  ".join(sorted(here)).replace("  ", " ") or "(empty)"]
        elif chance < 0.42 and here:
            lines += [f"{prompt}count {(counted := draw.choice(here))}", f"{lengths[counted]} lines"]
        elif chance < 0.55:
            new = _file(draw)
            lines.append(f"{prompt}new {new}")
            lines += [f"new: {new} is there already"] if new in here else []
            here += [] if new in here else [new]
            lengths.setdefault(new, 0)
        elif chance < 0.68 and here:
            gone = draw.choice(here)
            lines.append(f"{prompt}rm {gone}")
            here.remove(gone)
            del lengths[gone]
        elif chance < 0.78:
            lost = _file(draw)
            lines.append(f"{prompt}show {lost}")
            lines.append(f"show: {lost}: no such file" if lost not in here else f"{lost}: {lengths[lost]} lines")
        elif chance < 0.9:
            folder = draw.choice(FOLDERS)
            lines += (
                [f"{prompt}cd {folder}", f"{prompt}pwd", f"/{user}/{folder}"]
                if draw.random() < 0.5
                else [f"{prompt}whoami", user]
            )
        else:
            lines += [f"{prompt}date", f"{draw.choice(DAYS)} {draw.randint(6, 22)}:{draw.randint(10, 59)}"]
    if draw.random() < 0.4:
        lines.append(f"{prompt}{draw.choice(('exit', 'logout', 'bye'))}")
    return "\n".join(lines) if len(" ".join(lines).split()) >= 15 else _terminal(draw)


def _searches(draw: random.Random) -> str:
    """What people looked for, hour by hour."""
    user = draw.choice(names.GIVEN).lower()
    form = draw.choice(
        ("{at} {q}", "{at} search: {q}", "{at} {user} searched for {q}", "[{at}] {q} ({n} found)", "{at} query={q} found={n}")
    )
    lines = [
        form.format(at=at, user=user, n=draw.choice((0, 1, 2, draw.randint(3, 90))), q=_query(draw))
        for at in _moments(draw, draw.randint(5, 10), 25)
    ]
    return "\n".join(
        [
            *(
                [draw.choice(("search log", f"searches of {draw.choice(DAYS)}", "what was searched"))]
                if draw.random() < 0.5
                else []
            ),
            *lines,
        ]
    )


def _query(draw: random.Random) -> str:
    o, o2 = draw.sample(OBJECTS, 2)
    town, given, family = draw.choice(names.TOWNS).lower(), draw.choice(names.GIVEN).lower(), draw.choice(names.FAMILY).lower()
    return draw.choice(SEARCHES).format(t=town, o=o, o2=o2, g=given, f=family)


def _build(draw: random.Random) -> str:
    """A build that ends well or stops at its first failing step."""
    steps = [s for s in STEPS if draw.random() < 0.75] or list(STEPS)
    steps = steps[:8] if len(steps) > 4 else list(STEPS[:6])
    fails = draw.randrange(1, len(steps)) if draw.random() < 0.4 else len(steps)
    name = f"{draw.choice(FILES)} {draw.randint(0, 3)}.{draw.randint(0, 9)}"
    form = draw.choice(("[{i}/{n}] {s} ... {r}", "step {i} of {n}: {s}: {r}", "{s}: {r}", "{i}. {s} - {r}"))
    lines = [form.format(i=i + 1, n=len(steps), s=s, r="ok" if i < fails else "failed") for i, s in enumerate(steps[: fails + 1])]
    seconds = draw.randint(2, 95)
    if fails == len(steps):
        end = [
            draw.choice(
                (
                    f"done in {seconds} seconds",
                    f"{name} is ready ({seconds} seconds)",
                    "build passed",
                    f"all {len(steps)} steps passed",
                )
            )
        ]
    else:
        fault = draw.choice(("name not found", "missing bracket", "no such file", "wrong type"))
        cause = f"{draw.choice(('error', 'reason'))}: {_file(draw)}: line {draw.randint(1, 300)}: {fault}"
        end = [cause, draw.choice(("build failed", f"stopped after {seconds} seconds", f"{name} was not built"))]
    return "\n".join([draw.choice((f"build {name}", f"building {name}", f"make {name}")), *lines, *end])


def _doors(draw: random.Random) -> str:
    """Who came and went."""
    people = draw.sample(names.GIVEN, 4)
    lines = [
        f"{at} {draw.choice(PLACES)} {draw.choice(('opened', 'closed', 'locked', 'unlocked'))} by {draw.choice(people)}"
        if draw.random() < 0.7
        else f"{at} {draw.choice(people)} {draw.choice(('came in', 'went out', 'rang the bell', 'signed the book'))}"
        for at in _moments(draw, draw.randint(5, 9), 50)
    ]
    return "\n".join(
        [draw.choice(("door book", f"doors, {draw.choice(DAYS)}", "gate log", f"watch of {draw.choice(names.TOWNS)}")), *lines]
    )


def _weather(draw: random.Random) -> str:
    """Readings of the weather posts."""
    towns = draw.sample(names.TOWNS, draw.randint(4, 7))
    form = draw.choice(("{t}: {d} degrees, {w}, wind {c}", "{t} {d} {c} {w}", "{t} | {w} | {d} degrees", "{t}: wind {c}, {w}"))
    lines = [
        form.format(t=t, d=draw.randint(0, 28), w=draw.choice(("rain", "sun", "fog", "clouds", "snow", "showers")),
            c=draw.choice(("north", "south", "east", "west")))
        for t in towns
    ]  # fmt: skip
    at = _moments(draw, 1, 5)[0]
    return "\n".join(
        [
            f"weather posts {draw.choice(DAYS)} {at}",
            *lines,
            draw.choice(("end of report", "next report in six hours", "no storm seen")),
        ]
    )


def _store(draw: random.Random, keys: list[str]) -> str:
    """What went into the store and out of it, with the number that is left. Counts are right, their sums of the train side."""
    thing, left = draw.choice(("barrels", "sacks", "crates", "boxes", "lamps", "ropes", "jars")), draw.randint(5, 40)
    lines = [f"store of {draw.choice(names.TOWNS)}: {left} {thing}"]
    for at in _moments(draw, draw.randint(4, 8), 60):
        while True:
            change, out = draw.randint(1, 12), draw.random() < 0.5 and left > 12
            key = f"difference:{left}-{change}" if out else f"sum:{min(left, change)}+{max(left, change)}"
            if splits.of(key) == "train":
                break
        keys.append(key)
        left += -change if out else change
        lines.append(f"{at} {'out' if out else 'in'} {change} left {left}")
    return "\n".join(lines)
