"""Python: files of small functions with docstrings and doctests, edits, slips and their corrections; and worded requests.

Raw on purpose: a worded request stands in a list of exercises and is followed by the next request, never by code. What code does
is said in docstrings under `def`. Every doctest is true. Keys: `call:FUNCTION:ARGUMENTS` for each call with its result,
`family:FUNCTION` for functions with a constant, `phrasing:code:N` for requests; documents are made of train-side ones only.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from burnish.world import code_requests, names, splits, told
from burnish.world.code_families import FAMILIES
from burnish.world.code_functions import Family, Function, function, values
from burnish.world.document import Document

if TYPE_CHECKING:
    from burnish.world.world import World

PART = "code"
LONGEST_CHARACTERS = 620
Call = tuple[object, ...]
Made = tuple[str, list[str]]
"""A text and its keys."""

HEADERS = (
    "", "", "", '"""Small helpers."""\n\n\n', '"""Functions for {x}."""\n\n\n', "# {f}.py\n\n", "# Written by {n}.\n\n",
    '"""Helpers of {n}."""\n\n\n', "# Part {i} of {x}\n\n",
)  # fmt: skip
SUBJECTS = ("numbers", "words", "lists", "texts", "letters", "the shop", "the school", "tools", "games", "the library", "boats")
FAILED = (
    "Failed example:\n    {call}\nExpected:\n    {right}\nGot:\n    {wrong}",
    "# {call} gives {wrong}, not {right}.",
    "# Test failed: {call}\n# expected {right}, got {wrong}",
    "FAILED {call}: {wrong} != {right}",
)
CORRECTED = ("# Corrected:", "# Fixed", "# After the fix:", "# Now right:", "# Repaired by {n}")
EDITS = (("# Before", "# After"), ("# Old", "# New"), ("# version 1", "# version 2"), ("# long", "# short"))
EXERCISES = (
    "Exercises", "Programming, page {i}", "Tasks for class {i}", "Write these in Python", "Homework {i}", "Practice for {n}",
    "Python exercises", "Course of {n}, lesson {i}", "Wanted functions", "To do",
)  # fmt: skip


def documents(world: World, draw: random.Random) -> Iterator[Document]:
    """Texts around code, without end."""
    makers: tuple[Callable[[random.Random], Made], ...] = (files, files, files, files, sessions, corrections, corrections, edits)
    makers = (*makers, exercises, exercises)
    while True:
        text, keys = draw.choice(makers)(draw)
        if len(text.split()) >= 15 and len(text) <= LONGEST_CHARACTERS:
            yield Document(PART, text, tuple(dict.fromkeys(keys)))


def family_key(made: Function) -> str:
    """A function with its constant, as in "family:add-7"."""
    return f"family:{made.id}"


def function_of(family: Family, draw: random.Random, side: splits.Side) -> Function | None:
    """A function of the family whose constant, where it has one, is of this side; None where there is no such constant."""
    if not family.constants:
        return function(family, draw)
    found = [made for c in family.constants if splits.of(family_key(made := function(family, draw, c))) == side]
    return draw.choice(found) if found else None


def calls(made: Function, draw: random.Random, count: int, side: splits.Side) -> list[Call]:
    """Different arguments of this side to call the function with; fewer where there are not so many. Those of the train side tell
    no sum, difference or product of another side."""
    found: dict[str, Call] = {}
    for _ in range(max(60, 10 * count)):
        if len(found) == count:
            break
        given = values(made.family, draw)
        if splits.of(made.call_key(given)) != side:
            continue
        if side != "train" or all(splits.of(key) == "train" for key in told.by_call(given, made.result(given))):
            found[made.call_key(given)] = given
    return list(found.values())


def requests(family: Family, draw: random.Random, side: splits.Side) -> tuple[str, Function, tuple[str, ...]] | None:
    """A worded request for a function of this family, the function, and what it gives away; None where the side has none."""
    made = function_of(family, draw, side)
    if made is None:
        return None
    text, key = code_requests.worded(made, draw, side)
    return text, made, (key, *((family_key(made),) if family.constants else ()))


def slip(made: Function, draw: random.Random, side: splits.Side) -> tuple[str, Call, str] | None:
    """A body with a planted slip, a call that shows it, and what that call gives; None where no call of this side does."""
    wrong, truth = draw.choice(made.family.slips)
    for given in calls(made, draw, 8, side):
        seen = made.result(given, truth)
        if seen != made.result(given):
            return wrong, given, seen
    return None


def _any_function(draw: random.Random) -> Function:
    made = None
    while made is None:
        made = function_of(draw.choice(list(FAMILIES.values())), draw, "train")
    return made


def _keys(made: Function, given: list[Call]) -> list[str]:
    return [*([family_key(made)] if made.family.constants else []), *(made.call_key(c) for c in given)]


def docstring(made: Function) -> str:
    """One line in quotes that says what the function returns."""
    return f'"""{_sentence(made)}."""'


def _sentence(made: Function) -> str:
    """What the function returns, with a capital unless an argument's name comes first."""
    first = made.said.split()[0].strip(",")
    return made.said if first in made.arguments or not first[0].isalpha() else made.said[0].upper() + made.said[1:]


def _documented(made: Function, draw: random.Random, body: str, tests: int) -> Made:
    """A function with its docstring and doctests."""
    given = calls(made, draw, tests, "train")
    if not given:
        return made.code(body, docstring(made)), _keys(made, [])
    lines = [f'"""{_sentence(made)}.', "", *(line for c in given for line in (f">>> {made.call(c)}", made.result(c))), '"""']
    return made.code(body, "\n".join(lines)), _keys(made, given)


def files(draw: random.Random) -> Made:
    """A file of one to four functions."""
    parts, keys = [], list[str]()
    for _ in range(draw.randint(1, 4)):
        made = _any_function(draw)
        text, own = _documented(made, draw, draw.choice(made.family.bodies), draw.choice((0, 0, 1, 2)))
        parts.append(text)
        keys += own
    return _worded(draw.choice(HEADERS), draw) + "\n\n\n".join(parts), keys


def sessions(draw: random.Random) -> Made:
    """Functions tried out at a prompt."""
    lines, keys = list[str](), list[str]()
    for _ in range(draw.randint(1, 2)):
        made = _any_function(draw)
        given = calls(made, draw, draw.randint(2, 4), "train")
        body = made.code(draw.choice(made.family.bodies)).split("\n")
        lines += [f">>> {body[0]}", *(f"... {line}" for line in body[1:]), "..."]
        lines += [line for c in given for line in (f">>> {made.call(c)}", made.result(c))]
        keys += _keys(made, given)
    return "\n".join(lines), keys


def corrections(draw: random.Random) -> Made:
    """A function with a slip, the test that fails, and the function put right."""
    made = _any_function(draw)
    while (found := slip(made, draw, "train")) is None:
        made = _any_function(draw)
    wrong, given, seen = found
    said = docstring(made)
    failed = draw.choice(FAILED).format(call=made.call(given), right=made.result(given), wrong=seen)
    mark = _worded(draw.choice(CORRECTED), draw)
    text = f"{made.code(wrong, said)}\n\n{failed}\n\n{mark}\n{made.code(made.family.bodies[0], said)}"
    return text, _keys(made, [given])


def edits(draw: random.Random) -> Made:
    """A function written in two ways."""
    made = _any_function(draw)
    while len(made.family.bodies) < 2:
        made = _any_function(draw)
    before, after = draw.choice(EDITS)
    one, two = draw.sample(made.family.bodies, 2)
    if before == "# long":
        one, two = sorted((one, two), key=len, reverse=True)
    said = docstring(made)
    return f"{before}\n{made.code(one, said)}\n\n{after}\n{made.code(two, said)}", _keys(made, [])


def exercises(draw: random.Random) -> Made:
    """Requests, one after another, without any code."""
    lines, keys = [_worded(draw.choice(EXERCISES), draw)], list[str]()
    mark = draw.choice(("{i}. ", "{i}) ", "- ", "({i}) ", ""))
    for i in range(draw.randint(3, 7)):
        found = None
        while found is None:
            found = requests(draw.choice(list(FAMILIES.values())), draw, "train")
        text, _, own = found
        lines.append(mark.format(i=i + 1) + text)
        keys += own
    return "\n".join(lines if draw.random() < 0.8 else lines[1:]), keys


def _worded(text: str, draw: random.Random) -> str:
    subject = draw.choice(SUBJECTS)
    return text.format(x=subject, f=subject.split()[-1], n=draw.choice(names.GIVEN), i=draw.randint(1, 20))
