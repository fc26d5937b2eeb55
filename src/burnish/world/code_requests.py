"""Worded requests for a Python function. Some wordings are held out: their places decide the side."""

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
    "Code {s} for me. It {gives} {w}.",
    "{s} is to {give} {w}. Please write it.",
    "Please define {s}. I want it to {give} {w}.",
    "What I need is {s}, a function that returns {w}.",
    "Write me {s}; it must return {w}.",
    "A function {s} is needed. It {gives} {w}.",
    "Please code {s}. It returns {w}.",
    "Help me with {s}. It has to return {w}.",
    "Can I have {s}? It {gives} {w}.",
    "Let {s} {give} {w}. Write it.",
    "Would you define {s}, which {gives} {w}?",
    "I am looking for {s}. It returns {w}.",
    "My program lacks {s}. It is to return {w}.",
    "Try to write {s}. It {gives} {w}.",
    "The function {s} is missing. It has to return {w}.",
    "Do you know how to code {s}? It {gives} {w}.",
    "Please give me Python for {s}, which returns {w}.",
    "And now {s}, please. It {gives} {w}.",
    "Next, write {s}, and let it {give} {w}.",
    "Will you write {s}? It {gives} {w}.",
    "Let me have the code of {s}, which returns {w}.",
)
_SIDES: dict[splits.Side, tuple[int, ...]] = {
    "train": (*range(11), *range(16, len(WORDINGS))),
    "valid": (11, 12),
    "test": (13, 14, 15),
}


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
