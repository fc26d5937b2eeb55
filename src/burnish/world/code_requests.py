"""Worded requests for a Python function. The last wordings are held out: their places decide the side."""

from __future__ import annotations

import random

from burnish.world import splits
from burnish.world.code_functions import Function

WORDINGS: tuple[str, ...] = (
    "Write a function {s} that returns {w}.",
    "Write {s}, which {gives} {w}.",
    "Please write a Python function {s}, returning {w}.",
    "I need a function {s} that {gives} {w}.",
    "Define {s} so that it returns {w}.",
    "Make a function {s}. It should return {w}.",
    "Can you write {s}? It returns {w}.",
    "Write Python code for {s}: {w}.",
    "Program a function called {n}. {s} returns {w}.",
    "Give me a function {s}. It {gives} {w}.",
    "Write the function {s}. It returns {w}.",
    "In Python, write {s} to return {w}.",
    "Could you program {s}? It {gives} {w}.",
    "We want a function {s} which returns {w}.",
    "Show me {s} in Python. It should {give} {w}.",
    "How would you write {s}, which must return {w}?",
)
_SIDES: dict[splits.Side, range] = {"train": range(11), "valid": range(11, 13), "test": range(13, 16)}


def key(number: int) -> str:
    """Of a wording, on the side of its place."""
    return marked(f"phrasing:code:{number}", next(side for side, places in _SIDES.items() if number in places))


def marked(key: str, side: splits.Side) -> str:
    """The key with the first letter after it that puts it on this side."""
    return next(each for mark in "abcdefghijklmnopqrstuvwxyz" if splits.of(each := key + mark) == side)


def worded(made: Function, draw: random.Random, side: splits.Side) -> tuple[str, str]:
    """A request in a wording of this side, and the wording's key."""
    number = draw.choice(_SIDES[side])
    asks = made.said.split()[0] in ("whether", "how")  # one tells whether, and gives a number
    words = {"give": "tell", "gives": "tells"} if asks else {"give": "give", "gives": "gives"}
    return WORDINGS[number].format(s=made.signature, n=made.name, w=made.said, **words), key(number)
