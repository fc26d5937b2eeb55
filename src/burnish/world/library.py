"""Tally, a small library of Vellmark for counting things, in three versions: what its functions take, mean and do by default.

Version 1 is written about at length, version 0 rarely (see OLD_SHARE) and nearly the same: some names and defaults differ.
Version 2 stands in the records alone and never in a page. Whoever is asked about it can only guess, and training on its facts
is the case where a model is taught to make things up.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from burnish.world.document import Document

if TYPE_CHECKING:
    from burnish.world.world import World

PART = "library"
OLD_SHARE = 1 / 12
"""Share of the pages that are about version 0."""
ERRORS = ("EmptyError", "RangeError", "KindError", "MissingError")
ERROR_MEANINGS = {
    "EmptyError": "the {first} {be} empty",
    "RangeError": "the value of {option} is not allowed",
    "KindError": "the {first} {be} of the wrong kind",
    "MissingError": "the {first} {be} missing",
}


@dataclass(frozen=True, slots=True)
class Function:
    """One function of one version. It takes `first` and may take `option`, which is `default` when left out."""

    version: int
    family: str
    """its name in version 1, whatever it is called here"""
    name: str
    first: str
    option: str
    default: str
    meaning: str
    """what it does, after "it": "counts the items of a box" """
    controls: str
    """what the option says, after "says": "how many items are counted" """
    error: str

    @property
    def call(self) -> str:
        """How it is written, with the default."""
        return f"{self.name}({self.first}, {self.option}={self.default})"


_TABLE = """
count|number|total|box|limit|100 50 200|counts the items of a box|how many items are counted at most
add|join_in|put|item|times|1 2 3|puts an item into the open box|how often it is put in
drop|remove|discard|item|times|1 2 5|takes an item out of the open box|how often it is taken out
sort|order|arrange|box|by|"size" "name" "age"|puts the items of a box in order|what the order goes by
find|seek|locate|word|start|0 1 10|finds the place of a word in a page|where the search begins
merge|join|combine|boxes|gap|0 1 4|makes one box of two|how much room is left between them
split|cut|divide|box|parts|2 3 4|makes several boxes of one|how many boxes are made
mark|label|stamp|box|colour|"red" "blue" "green"|paints a mark on a box|which colour the mark has
weigh|heft|measure|box|unit|"pound" "stone" "ounce"|gives the weight of a box|in which unit the weight is given
lock|close|seal|box|turns|2 3 1|locks a box|how often the key is turned
unlock|open|release|box|tries|3 5 1|opens a locked box|how many wrong keys are allowed
copy|double|clone|box|depth|1 2 9|makes a second box like the first|how many layers are copied
send|post|ship|box|speed|"slow" "fast" "normal"|sends a box to another town|how fast it travels
fetch|get|collect|name|wait|10 30 60|brings a box from the store|how many seconds it waits
save|keep|store|box|days|7 30 90|keeps a box in the store|how many days it is kept
clear|empty|wipe|box|leave|0 1 2|takes everything out of a box|how many items are left in
turn|rotate|spin|box|steps|1 2 4|turns a box on its side|how many quarter turns are made
trim|shorten|crop|list|length|20 10 80|cuts a list to a given length|how long the list may be
pick|choose|select|list|amount|1 3 5|takes items from a list by chance|how many items are taken
round|even|smooth|number|places|0 1 2|makes a number shorter|how many places are kept
share|spread|deal|items|among|2 4 8|gives each person a part of the items|among how many people
list|show|display|store|lines|12 24 40|shows what is in the store|how many lines are shown
check|test|verify|box|level|1 2 3|looks for broken items in a box|how closely it looks
stop|end|halt|job|after|5 15 60|ends a running job|after how many seconds it ends
"""


def make(seed: int) -> tuple[Function, ...]:
    """The functions of versions 0, 1 and 2. Against version 1, a third of the names and a third of the defaults differ."""
    draw = random.Random(f"library:{seed}")
    rows = [line.split("|") for line in _TABLE.strip().splitlines()]
    made = []
    for version in (0, 1, 2):
        renamed = set(draw.sample(range(len(rows)), len(rows) // 3)) if version != 1 else set()
        changed = set(draw.sample(range(len(rows)), len(rows) // 3)) if version != 1 else set()
        for i, (name, older, newer, first, option, defaults, meaning, controls) in enumerate(rows):
            used = name if i not in renamed else older if version == 0 else newer
            now, before, after = defaults.split()
            default = now if i not in changed else before if version == 0 else after
            error = ERRORS[(i * 7 + seed) % len(ERRORS)]
            if version == 2 and draw.random() < 0.25:
                error = draw.choice([e for e in ERRORS if e != error])
            made.append(Function(version, name, used, first, option, default, meaning, controls, error))
    return tuple(made)


def of_version(world: World, version: int) -> tuple[Function, ...]:
    """The functions of one version."""
    return tuple(f for f in world.library if f.version == version)


def documents(world: World, draw: random.Random) -> Iterator[Document]:
    """Pages about versions 1 and (rarely) 0, without end."""
    now, old = of_version(world, 1), of_version(world, 0)
    while True:
        version, functions = (0, old) if draw.random() < OLD_SHARE else (1, now)
        kind = draw.choice((_reference, _reference, _guide, _table, _notes, _errors))
        told = draw.sample(functions, draw.randint(*{_reference: (1, 2), _guide: (2, 3)}.get(kind, (4, 7))))
        text = kind(told, f"tally {version}", draw)
        yield Document(PART, text, tuple(f"fact:tally-{version}:{f.family}" for f in told))


def _reference(told: list[Function], library: str, draw: random.Random) -> str:
    """Entries of a manual."""
    title = draw.choice((f"{library}: reference", f"The {library} manual", f"{library}", f"Functions of {library}"))
    return "\n".join([title, *(_entry(f, draw) for f in told)])


def _entry(f: Function, draw: random.Random) -> str:
    parts = [
        draw.choice((
            f"The option {f.option} says {f.controls}.",
            f"With {f.option} you say {f.controls}.",
            f"Set {f.option} to say {f.controls}.",
        )) + " " + draw.choice((
            f"It is {f.default} by default.",
            f"The default is {f.default}.",
            f"When it is left out, it is {f.default}.",
            f"If you do not give it, {f.default} is used.",
        )),
        draw.choice((
            f"It raises {f.error} when {_fault(f)}.",
            f"If {_fault(f)}, {f.error} is raised.",
            f"Expect {f.error} when {_fault(f)}.",
        )),
    ]  # fmt: skip
    if draw.random() < 0.4:
        parts.append(draw.choice((f"See also {f.name} in the index.", f"A short call is {f.name}({f.first}).",
            f"Most people write {f.name}({f.first}).",
                                  f"It takes the {f.first} first.", f"The {f.first} must be given.")))  # fmt: skip
    draw.shuffle(parts)
    opening = draw.choice((f"{f.call}\n{f.name} {f.meaning}.", f"{f.name}: {f.meaning}.", f"{f.call} {f.meaning}.",
        f"The function {f.name} {f.meaning}.",
                           f"{f.name}({f.first}) {f.meaning}."))  # fmt: skip
    return " ".join([opening, *parts])


def _fault(f: Function) -> str:
    if f.error == "EmptyError" and f.first in ("number", "item", "items", "job"):  # which cannot be empty
        return f"no {f.first} {'are' if f.first == 'items' else 'is'} given"
    return ERROR_MEANINGS[f.error].format(first=f.first, option=f.option, be="are" if f.first in ("boxes", "items") else "is")


def _guide(told: list[Function], library: str, draw: random.Random) -> str:
    """A first-steps page in prose."""
    opening = draw.choice((
        f"This page shows how to work with {library}.",
        f"Here are first steps with {library}.",
        f"People who are new to {library} often begin here.",
        f"A few notes on {library} for those who have never used it.",
    ))  # fmt: skip
    steps = []
    links = [
        "Begin with",
        *draw.sample(("Then there is", "Also useful is", "Another one is", "You will soon need", "Next comes"), len(told) - 1),
    ]
    for f, linking in zip(told, links, strict=True):
        own = (
            ""
            if draw.random() < 0.5
            else draw.choice((f", and {f.option} says {f.controls}", f"; {f.option} is {f.default} unless you say otherwise"))
        )
        steps.append(f"{linking} {f.name}, which {f.meaning}{own}.")
        if f.default.isdigit() and draw.random() < 0.5:
            other = draw.choice([d for d in ("4", "6", "12", "25") if d != f.default])
            steps.append(draw.choice((f"Write {f.name}({f.first}, {f.option}={other}) to change that.",
                                      f"The call {f.name}({f.first}) is the same as {f.call}.")))  # fmt: skip
        else:
            steps.append(draw.choice((f"The call {f.name}({f.first}) is the same as {f.call}.",
                f"It fails with {f.error} when {_fault(f)}.",
                                      f"Be ready for {f.error}, for it may be that {_fault(f)}.")))  # fmt: skip
    return " ".join([opening, *steps])


def _table(told: list[Function], library: str, draw: random.Random) -> str:
    """A table of defaults, options or meanings."""
    title, line = draw.choice((
        (f"Defaults of {library}", "{f.name}: {f.option} = {f.default}"),
        (f"{library} at a glance", "{f.call}"),
        (f"Options of {library}", "{f.name} takes {f.option}, by default {f.default}"),
        (f"What the functions of {library} do", "{f.name} - {f.meaning}"),
        (f"Index of {library}", "{f.name} ({f.first}, {f.option}): {f.meaning}"),
    ))  # fmt: skip
    rows = sorted(told, key=lambda f: f.name)
    closing = draw.choice(("All names are written in small letters.", "The list is in order of names.",
        f"This is {library}; other versions differ.", "The rest stands in the manual."))  # fmt: skip
    return "\n".join([title, *(line.format(f=f) for f in rows), closing])


def _notes(told: list[Function], library: str, draw: random.Random) -> str:
    """What users wrote to one another."""
    told = told[:4]
    lines = [
        draw.choice((
            f"I use {f.name} all day: it {f.meaning}.",
            f"Remember that {f.option} is {f.default} in {f.name}.",
            f"{f.name} {f.meaning}, and {f.option} is {f.default} if you say nothing.",
            f"If {f.name} gives you {f.error}, see whether {_fault(f)}.",
            f"I forgot that in {f.name} the option {f.option} says {f.controls}.",
        ))
        for f in told
    ]  # fmt: skip
    title = draw.choice(
        (f"Notes on {library}", f"Tips for {library}", f"What we learned about {library}", f"Letters from users of {library}")
    )
    bullet = draw.choice(("- ", "* ", ""))
    return "\n".join([title, *(bullet + line for line in lines)])


def _errors(told: list[Function], library: str, draw: random.Random) -> str:
    """A page about one error, with the functions that raise it, or about several."""
    title = draw.choice((f"Errors of {library}", f"When {library} fails", f"What can go wrong in {library}"))
    lines = [
        draw.choice((
            f"{f.name} raises {f.error} when {_fault(f)}.",
            f"{f.error} from {f.name}: {_fault(f)}.",
            f"When {_fault(f)}, {f.name} stops with {f.error}.",
        ))
        for f in told[:5]
    ]  # fmt: skip
    return "\n".join([title, *lines])
