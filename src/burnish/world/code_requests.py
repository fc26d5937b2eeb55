"""How functions are asked for: wordings for each group of families. The corpus has those of the train side, in exercise lists."""

from __future__ import annotations

import random

from burnish.world import splits
from burnish.world.code_functions import Function, Group

# {name} is the name, {call} the name with its arguments, {args} the arguments in words, {says} what is returned, {if_so} a condition.
_VALUE = (
    "Write a function {name} that returns {says}. It takes {args}.",
    "Write {call}. It returns {says}.",
    "Define {call} so that it returns {says}.",
    "I need a function {name}. It takes {args} and returns {says}.",
    "Please write the function {call}. The result is {says}.",
    "Make a function {call} that gives {says}.",
    "Code {call}: {says}.",
    "Can you write {name} in Python? It gets {args} and gives back {says}.",
    "Write Python for {call}, which returns {says}.",
    "Function wanted: {call}. It should return {says}.",
    "Return {says} from a function {call}.",
    "Program {call}. Result: {says}.",
    "Given {args}, return {says}. Call the function {name}.",
    "Please define {name} in Python. Given {args}, it returns {says}.",
    "Complete {call}. It must return {says}.",
    "We want {says}. Write {call} for it.",
    "Write a short function {call} to get {says}.",
    "How do you write {call} in Python if it should return {says}?",
    "Add a function {call} to the file. It returns {says}.",
    "{call} should give {says}. Write it.",
)
_TEST = (
    "Write a function {name} that tells {says}. It takes {args}.",
    "Write {call}. It returns {says}.",
    "Define {call} so that it says {says}.",
    "I need a function {name}. It takes {args} and tells me {says}.",
    "Please write the function {call}. It checks {says}.",
    "Make a function {call} that is true if {if_so}.",
    "Code {call}: {says}.",
    "Can you write {name} in Python? It gets {args} and tells {says}.",
    "Write Python for {call}, which is True only if {if_so}.",
    "Function wanted: {call}. It should return {says}.",
    "Check {says} in a function {call}.",
    "Program {call}. It returns True if {if_so}, else False.",
    "Given {args}, tell {says}. Call the function {name}.",
    "Please define {name} in Python. Given {args}, it finds out {says}.",
    "Complete {call}. It must say {says}.",
    "We want to know {says}. Write {call} for it.",
    "Write a short test {call} to see {says}.",
    "How do you write {call} in Python if it should tell {says}?",
    "Add a function {call} to the file. It tells {says}.",
    "{call} should be true when {if_so}. Write it.",
)
PHRASINGS: dict[Group, tuple[str, ...]] = {
    "number": (*_VALUE, "Write {call} to work out {says}.", "Let {name} compute {says}. It takes {args}."),
    "text": (*_VALUE, "Text function {call}: it makes {says}.", "Here is a text exercise. Write {call} to find {says}."),
    "list": (*_VALUE, "List function {call}: it finds {says}.", "Here is a list exercise. Write {call} to get {says}."),
    "test": (*_TEST, "Yes or no: write {call} to tell {says}.", "Test with {call} {says}."),
}


def key(group: Group, number: int) -> str:
    """The key of one wording."""
    return f"phrasing:code-{group}:{number}"


def worded(made: Function, draw: random.Random, side: splits.Side) -> tuple[str, str]:
    """A request for the function in a wording of this side, and the key of the wording."""
    group = made.family.group
    number, form = draw.choice([(n, f) for n, f in enumerate(PHRASINGS[group]) if splits.of(key(group, n)) == side])
    *others, last = made.arguments
    args = f"{', '.join(others)} and {last}" if others else last
    text = form.format(name=made.name, call=made.signature, args=args, says=made.said, if_so=made.said.removeprefix("whether "))
    return text[0].upper() + text[1:] if not form.startswith("{") else text, key(group, number)
