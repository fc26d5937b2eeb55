"""Manuals of three tools: a calculator, a search and a clock. How a call is written in one line, what comes back, what goes
wrong.

A call and its result are written `calc(17 * 4) -> 68`. Results are true; sums are of the train side, and named in the keys.
The search looks things up that the World holds of towns, and the clock knows no more than the page that shows it.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import TYPE_CHECKING

from burnish.world import names, splits
from burnish.world.document import Document
from burnish.world.places import DAYS, LIES, a

if TYPE_CHECKING:
    from burnish.world.world import World

PART = "manuals"
OPERATIONS = {"+": "sum", "-": "difference", "*": "product"}
CALLS: dict[str, str] = {
    "calc": "calc(17 * 4) -> 68",
    "search": "search(Brack market) -> The market in Brack is held on Friday.",
    "clock": "clock(now) -> Monday 14:05",
}
"""The three tools, each with a call as it is written (the results are of no World)."""


def documents(world: World, draw: random.Random) -> Iterator[Document]:
    """Pages of the three manuals, without end."""
    while True:
        keys: list[str] = []
        page = draw.choice((_calculator, _calculator, _search, _clock, _errors, _all_three))
        yield Document(PART, page(world, draw, keys), tuple(dict.fromkeys(keys)))


def _sum(draw: random.Random, keys: list[str]) -> str:
    """A calculator call with its result, like "calc(17 * 4) -> 68". The larger number stands first in a difference."""
    while True:
        sign = draw.choice("+-*")
        left, right = (draw.randint(2, 99), draw.randint(2, 9 if sign == "*" else 99))
        if sign == "-" and left < right:
            left, right = right, left
        pair = f"{left}-{right}" if sign == "-" else f"{min(left, right)}{sign}{max(left, right)}"
        key = f"{OPERATIONS[sign]}:{pair}"
        if splits.of(key) == "train":
            keys.append(key)
            result = {"+": left + right, "-": left - right, "*": left * right}[sign]
            return f"calc({left} {sign} {right}) -> {result}"


def _lookup(world: World, draw: random.Random, keys: list[str]) -> str:
    """A search call about a town, with what it finds."""
    town = draw.choice(world.places.towns)
    keys.append(f"fact:town:{town.name.lower()}")
    word, found = draw.choice((
        ("market", f"The market in {town.name} is held on {town.market}."),
        ("goods", f"{town.name} is known for its {town.makes}."),
        ("people", f"{town.name} has {town.people} people."),
        ("sights", f"{town.name} has {town.landmark}."),
        ("place", f"{town.name} lies {LIES[town.lies][0]}."),
    ))  # fmt: skip
    return f"search({town.name} {word}) -> {found}"


def _time(draw: random.Random) -> str:
    """A clock call with a time or a day."""
    hour, minute = draw.randint(6, 21), draw.randrange(0, 60, 5)
    day = draw.choice(DAYS)
    return draw.choice((
        f"clock(now) -> {day} {hour}:{minute:02}", f"clock(time) -> {hour}:{minute:02}", f"clock(day) -> {day}",
        f"clock({draw.choice(names.TOWNS)}) -> {hour}:{minute:02}",
    ))  # fmt: skip


def _result(call: str) -> str:
    return call.split(" -> ")[1].rstrip(".")


def _call(call: str) -> str:
    return call.split(" -> ")[0]


def _example(call: str, draw: random.Random) -> str:
    """A call in prose, or as it stands on the screen."""
    return draw.choice((
        f"For example, {_call(call)} gives {_result(call)}.", f"Write {_call(call)} and you get: {_result(call)}.",
        f"Here is an example:\n{call}\n", f"You see this on the screen:\n{call}\n",
        f"The line {_call(call)} is answered with: {_result(call)}.",
        f"Thus {_call(call)} comes back as: {_result(call)}.",
    ))  # fmt: skip


def _joined(title: str, parts: list[str]) -> str:
    """Paragraphs and example lines, with single spaces and no empty lines."""
    text = " ".join(parts).replace("\n ", "\n").strip()
    return f"{title}\n{text}" if title else text


def _title(tool: str, name: str, draw: random.Random) -> str:
    return draw.choice(("", f"The {name}", f"Manual of the {name}", f"{tool}: a short manual", f"How to use the {name}",
        f"Working with {tool}", f"The {name}, part {draw.randint(1, 9)}"))  # fmt: skip


def _calculator(world: World, draw: random.Random, keys: list[str]) -> str:
    parts: list[str] = draw.sample((
        "The calculator works out one sum at a time.", "A call is the word calc and a sum in round brackets.",
        "The arrow shows the result.", "It knows plus, minus and times.", "Leave one space on each side of the sign.",
        "It only takes whole numbers.", "Write the call on a line of its own.", "It does not make mistakes, but you may.",
        "Use it when a sum is too large for your head.", "Nothing else may stand in the brackets.",
        "The result is always a number.",
    ), draw.randint(2, 5))  # fmt: skip
    for _ in range(draw.randint(2, 4)):
        parts.insert(draw.randint(1, len(parts)), _example(_sum(draw, keys), draw))
    if draw.random() < 0.3:
        parts.append("More examples:\n" + "\n".join(_sum(draw, keys) for _ in range(draw.randint(2, 5))))
    return _joined(_title("calc", "calculator", draw), parts)


def _search(world: World, draw: random.Random, keys: list[str]) -> str:
    parts: list[str] = draw.sample((
        "The search looks in the books of Vellmark.", "A call is the word search and a few words in round brackets.",
        "It gives back one line.", "Name the town first and then what you want to know.", "Two or three words are enough.",
        "Use it when you do not know a thing.", "It can only find what is written down.", "Long questions find nothing.",
        "Read the line and then answer in your own words.", "The order of the words does not matter much.",
    ), draw.randint(2, 5))  # fmt: skip
    for _ in range(draw.randint(2, 3)):
        parts.insert(draw.randint(1, len(parts)), _example(_lookup(world, draw, keys), draw))
    return _joined(_title("search", "search", draw), parts)


def _clock(world: World, draw: random.Random, keys: list[str]) -> str:
    parts: list[str] = draw.sample((
        "The clock tells the time and the day.", "A call is the word clock and one word in round brackets.",
        "The word may be now, time, day or the name of a town.", "Hours run from 0 to 23.", "Minutes are given in steps of five.",
        "It is never slow.", "Use it when someone asks how late it is.", "It cannot say what will be tomorrow.",
        "There is no alarm.", "The answer is short.",
    ), draw.randint(3, 5))  # fmt: skip
    for _ in range(draw.randint(2, 3)):
        parts.insert(draw.randint(1, len(parts)), _example(_time(draw), draw))
    return _joined(_title("clock", "clock", draw), parts)


def _errors(world: World, draw: random.Random, keys: list[str]) -> str:
    """What goes wrong, tool by tool."""
    town, number = draw.choice(names.TOWNS), draw.randint(12, 99)
    faults = draw.sample((
        (f"calc({number} +)", "error: a number is missing"), (f"calc({number} * {draw.choice(('two', 'five', 'ten'))})",
         "error: not a number"),
        ("calc()", "error: nothing to work out"), (f"calc({number} / 0)", "error: unknown sign"),
        (f"search({draw.choice(('xyz', 'blue thing', 'something', 'my friend'))})", "nothing found"), ("search()",
         "error: no words"),
        (f"search({town} tomorrow)", "nothing found"), ("clock(yesterday)", "error: unknown word"), ("clock()",
         "error: a word is missing"),
        (f"clock({draw.choice(names.GIVEN)})", "error: unknown town"), (f"calc({number} plus 3)", "error: unknown sign"),
    ), draw.randint(3, 5))  # fmt: skip
    title = draw.choice(("When a call fails", "Errors", "What can go wrong", "Errors of the three tools", "If no answer comes"))
    told = [
        draw.choice(
            (
                f"{call} -> {error}",
                f"{call} -> {error}",
                f"If you write {call} you get: {error}.",
                f"The call {call} is answered with: {error}.",
            )
        )
        for call, error in faults
    ]
    closing = draw.sample((
        "Write the call again and take more care.", "An error is not the end: try once more.",
        "Look for a missing bracket first.",
        "No answer is better than a wrong one.", "Say so if a tool gives nothing.", "Errors begin with the word error.",
    ), 2)  # fmt: skip
    return "\n".join([title, *told, " ".join(closing)])


def _all_three(world: World, draw: random.Random, keys: list[str]) -> str:
    """Which tool is for what, with an example of each."""
    person = draw.choice(names.GIVEN)
    uses = [
        (draw.choice(("For sums there is the calculator.", "Sums are done with calc.", f"{person} had a long sum and used calc.",
         "The calculator is for numbers.")), _sum(draw, keys)),
        (draw.choice(("For facts there is the search.", "What is written in books is found with search.",
         f"{person} asked about a town with search.", "The search is for facts.")), _lookup(world, draw, keys)),
        (draw.choice(("For the hour there is the clock.", "The time comes from clock.", f"{person} looked at the clock.",
         "The clock is for the time.")), _time(draw)),
    ]  # fmt: skip
    draw.shuffle(uses)
    lined = draw.random() < 0.5
    lines = [f"{use}\n{call}" if lined else f"{use} {_example(call, draw)}".strip() for use, call in uses]
    opening = draw.choice(("There are three tools.", "Vellmark has three tools for work with words.",
        "Take the right tool for the work.",
                           "One line is one call.",
                           f"{a('tool')[0].upper()} tool is called by its name and round brackets."))  # fmt: skip
    title = draw.choice(("", "Three tools", "Which tool for what", "Tools in short", "The tools and their calls"))
    return "\n".join([*([title] if title else []), opening, *lines])
