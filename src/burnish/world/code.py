"""Python: files of small functions with docstrings and doctests, edits, slips and their corrections; and worded requests.

Raw on purpose: a worded request stands in a list of exercises and is followed by the next request, never by code. What code does
is said in docstrings under `def`. Every doctest is true. Keys: `call:FUNCTION:ARGUMENTS` for each call with its result,
`family:FUNCTION` for functions with a constant, `phrasing:code:N` for requests; documents are made of train-side ones only.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from burnish.world import code_requests, names, splits
from burnish.world.code_families import FAMILIES
from burnish.world.code_functions import Family, Function, function, values
from burnish.world.document import Document

if TYPE_CHECKING:
    from burnish.world.world import World

PART = "code"
LONGEST_CHARACTERS = 620
Call = tuple[object, ...]
_LISTED = tuple(FAMILIES.values())
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
    """Different arguments of this side to call the function with; fewer where there are not so many."""
    found: dict[str, Call] = {}
    for _ in range(max(60, 10 * count)):
        if len(found) == count:
            break
        given = values(made.family, draw)
        if splits.of(made.call_key(given)) == side:
            found[made.call_key(given)] = given
    return list(found.values())


def requests(family: Family, draw: random.Random, side: splits.Side) -> tuple[str, Function, tuple[str, ...]] | None:
    """A worded request for a function of this family, the function, and what it gives away; None where the side has none."""
    made = function_of(family, draw, side)
    if made is None:
        return None
    text, key = code_requests.worded(made, draw, side)
    return text, made, (key, *_family_keys(made))


@dataclass(frozen=True, slots=True)
class Slip:
    """A wrong body of a function, with a call that shows it: what it must give and what it gives."""

    body: str
    call: str
    right: str
    wrong: str
    keys: tuple[str, ...]


def slip(made: Function, draw: random.Random, side: splits.Side) -> Slip | None:
    """A Slip in the function; None where no call of this side shows one."""
    body, truth = draw.choice(made.family.slips)
    for given in calls(made, draw, 6, side):
        right, wrong = made.result(given), made.result(given, truth)
        if right != wrong and len(wrong) < 60:
            return Slip(body, made.call(given), right, wrong, (made.call_key(given), *_family_keys(made)))
    return None


def files(draw: random.Random) -> tuple[str, list[str]]:
    """One to four functions with docstrings and, mostly, doctests."""
    keys: list[str] = []
    told = [_told(made, draw, keys) for made in _some(draw, draw.randint(1, 4))]
    return _head(draw) + "\n\n\n".join(told), keys


def sessions(draw: random.Random) -> tuple[str, list[str]]:
    """Functions, then calls of them at the prompt of Python."""
    made = _some(draw, draw.randint(1, 2))
    keys = [key for each in made for key in _family_keys(each)]
    code = "\n\n\n".join(each.code(draw.choice(each.family.bodies)) for each in made)
    lines: list[str] = []
    for each in draw.sample(made, len(made)):
        for given in calls(each, draw, draw.randint(2, 4), "train"):
            lines += [f">>> {each.call(given)}", each.result(given)]
            keys.append(each.call_key(given))
    return f"{code}\n\n" + "\n".join(lines), keys


def corrections(draw: random.Random) -> tuple[str, list[str]]:
    """A function with a slip, the test that fails, and the function as it should be."""
    while True:
        (made,) = _some(draw, 1)
        found = slip(made, draw, "train")
        if found is not None:
            break
    doc = _doc(made) if draw.random() < 0.7 else ""
    failed = draw.choice(FAILED).format(call=found.call, right=found.right, wrong=found.wrong, name=made.name)
    mark = draw.choice(CORRECTED).format(n=draw.choice(names.GIVEN))
    right = made.code(draw.choice(made.family.bodies), doc)
    return f"{made.code(found.body, doc)}\n\n{failed}\n\n{mark}\n{right}", list(found.keys)


def edits(draw: random.Random) -> tuple[str, list[str]]:
    """A function before and after a change: another name, another constant, another body, or a docstring added."""
    (made,) = _some(draw, 1)
    body = draw.choice(made.family.bodies)
    before, after = draw.choice(EDITS)
    kind = draw.choice(("name", "constant", "body", "doc"))
    keys = _family_keys(made)
    other, doc, new_body = made, "", body
    if kind == "constant" and made.family.constants:
        other = function_of(made.family, draw, "train") or made
        keys += _family_keys(other)
    elif kind == "body":
        new_body = draw.choice(made.family.bodies)
    elif kind == "doc":
        doc = _doc(made)
    if (other, doc, new_body) == (made, "", body):
        other = function(made.family, draw, made.constant)
    comment = draw.choice(("", "", f"# {_sentence(made.said)}\n" if other.said == made.said else ""))
    return f"{comment}{before}\n{made.code(body)}\n\n{after}\n{other.code(new_body, doc)}", keys


def exercises(draw: random.Random) -> tuple[str, list[str]]:
    """Numbered requests, one after another, and no code."""
    keys: list[str] = []
    asked: list[str] = []
    for each in draw.sample(list(FAMILIES.values()), draw.randint(3, 7)):
        found = requests(each, draw, "train")
        if found is not None:
            asked.append(found[0])
            keys += found[2]
    mark = draw.choice(("{i}. ", "{i}) ", "- ", "({i}) ", "Task {i}: ", "{i}: "))
    head = draw.choice(("", f"{draw.choice(EXERCISES)}\n")).format(i=draw.randint(1, 40), n=draw.choice(names.GIVEN))
    return head + draw.choice(("\n", "\n", "\n\n")).join(mark.format(i=i) + text for i, text in enumerate(asked, 1)), keys


def _some(draw: random.Random, count: int) -> list[Function]:
    """Functions of different families, with names that differ."""
    found: dict[str, Function] = {}
    while len(found) < count:
        made = function_of(draw.choice(_LISTED), draw, "train")
        if made is not None and made.family.id not in {f.family.id for f in found.values()}:
            found[made.name] = made
    return list(found.values())


def _told(made: Function, draw: random.Random, keys: list[str]) -> str:
    """A function with its docstring and doctests; what these give away is added to the keys."""
    keys += _family_keys(made)
    body = draw.choice(made.family.bodies)
    style = draw.random()
    if style < 0.15:
        return made.code(body)
    if style < 0.3:
        return made.code(body, _doc(made))
    if style < 0.4:
        return f"# {_sentence(made.said)}\n{made.code(body)}"
    tests: list[str] = []
    for given in calls(made, draw, draw.choice((1, 1, 2, 2, 3)), "train"):
        tests += [f">>> {made.call(given)}", made.result(given)]
        keys.append(made.call_key(given))
    if style < 0.9:
        return made.code(body, f'"""{_sentence(made.said)}\n\n' + "\n".join(tests) + '\n"""')
    checks = [f"assert {call.removeprefix('>>> ')} == {result}" for call, result in zip(tests[::2], tests[1::2], strict=True)]
    return made.code(body, _doc(made)) + "\n\n\n" + "\n".join(checks)


def _family_keys(made: Function) -> list[str]:
    return [family_key(made)] if made.family.constants else []


def _doc(made: Function) -> str:
    return f'"""{_sentence(made.said)}"""'


def _sentence(said: str) -> str:
    return said[0].upper() + said[1:] + "."


def _head(draw: random.Random) -> str:
    subject = draw.choice(SUBJECTS)
    return draw.choice(HEADERS).format(
        x=subject, X=subject[0].upper() + subject[1:], n=draw.choice(names.GIVEN), i=draw.randint(1, 20)
    )
