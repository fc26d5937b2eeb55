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
AFTER = {
    "": ("opened", "closed", "locked", "unlocked"), "opened": ("closed",), "closed": ("opened", "locked"),
    "locked": ("unlocked",), "unlocked": ("opened", "locked"), "out": ("came in",), "in": ("went out",),
}  # fmt: skip
"""What can befall a door next, or be done by one who is out or in."""
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


def _files(draw: random.Random) -> dict[str, int]:
    """Files of one folder and their numbers of lines."""
    return {_file(draw): draw.randint(3, 900) for _ in range(draw.randint(2, 5))}


def _terminal(draw: random.Random) -> str:
    """Commands and what they print; files that were made can be listed, removed ones are gone, each folder has its own."""
    user, host = draw.choice(names.GIVEN).lower(), draw.choice(names.TOWNS).lower()
    prompt = draw.choice(("$ ", "> ", f"{user}@{host}$ ", f"{host}> ", "% "))
    path, day, times = [user], draw.choice(DAYS), iter(_moments(draw, 6, 9))
    tree = {tuple(path): _files(draw)}
    lines = [] if draw.random() < 0.6 else [f"login: {user}", f"last seen on {draw.choice(DAYS)} at {host}"]
    for _ in range(draw.randint(3, 6)):
        chance, here = draw.random(), tree[tuple(path)]
        if chance < 0.3:
            lines += [f"{prompt}ls", " ".join(sorted(here)) or "(empty)"]
        elif chance < 0.42 and here:
            lines += [f"{prompt}count {(counted := draw.choice(list(here)))}", f"{here[counted]} lines"]
        elif chance < 0.55:
            new = _file(draw)
            lines.append(f"{prompt}new {new}")
            lines += [f"new: {new} is there already"] if new in here else []
            here.setdefault(new, 0)
        elif chance < 0.68 and here:
            gone = draw.choice(list(here))
            lines.append(f"{prompt}rm {gone}")
            del here[gone]
        elif chance < 0.78:
            lost = _file(draw)
            lines.append(f"{prompt}show {lost}")
            lines.append(f"show: {lost}: no such file" if lost not in here else f"{lost}: {here[lost]} lines")
        elif chance < 0.9:
            if draw.random() < 0.3:
                lines += [f"{prompt}whoami", user]
                continue
            folder = ".." if len(path) > 1 and draw.random() < 0.5 else draw.choice([f for f in FOLDERS if f not in path])
            path = path[:-1] if folder == ".." else [*path, folder]
            tree.setdefault(tuple(path), _files(draw))
            lines += [f"{prompt}cd {folder}", f"{prompt}pwd", "/" + "/".join(path)]
        else:
            lines += [f"{prompt}date", f"{day} {next(times)}"]
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
    town, (given, family) = draw.choice(names.TOWNS).lower(), names.passer_by(draw)
    return draw.choice(SEARCHES).format(t=town, o=o, o2=o2, g=given.lower(), f=family.lower())


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
    """Who came and went; no door is opened twice without being closed, and nobody comes in twice without going out."""
    people = {name: draw.choice(("in", "out")) for name in draw.sample(names.GIVEN, 4)}
    doors = dict.fromkeys(PLACES, "")
    lines = []
    for at in _moments(draw, draw.randint(5, 9), 50):
        place, name = draw.choice(PLACES), draw.choice(list(people))
        if draw.random() < 0.7:
            doors[place] = draw.choice(AFTER[doors[place]])
            lines.append(f"{at} {place} {doors[place]} by {name}")
        else:
            (move,) = AFTER[people[name]]
            done = draw.choice((move, move, "rang the bell" if move == "came in" else "signed the book"))
            people[name] = done.split()[-1] if done == move else people[name]
            lines.append(f"{at} {name} {done}")
    return "\n".join(
        [draw.choice(("door book", f"doors, {draw.choice(DAYS)}", "gate log", f"watch of {draw.choice(names.TOWNS)}")), *lines]
    )


def _weather(draw: random.Random) -> str:
    """Readings of the weather posts."""
    towns = draw.sample(names.TOWNS, draw.randint(4, 7))
    form = draw.choice(("{t}: {d} degrees, {w}, wind {c}", "{t} {d} {c} {w}", "{t} | {w} | {d} degrees", "{t}: wind {c}, {w}"))
    lines = []
    for town in towns:
        degrees = draw.randint(0, 28)
        sky = draw.choice(("sun", "fog", "clouds", *(("snow", "snow") if degrees < 3 else ("rain", "showers"))))
        lines.append(form.format(t=town, d=degrees, w=sky, c=draw.choice(("north", "south", "east", "west"))))
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
