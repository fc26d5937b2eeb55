"""What a family of small Python functions is, and one function of it with its names chosen (the families: code_families.py).

In names, words and code `$a`, `$b`, `$c` are the arguments, `$k` is the constant of a family that has one (as code), `$word` the
constant as it is spelled in a name. `truth` computes what the function must return; tests run every body against it.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from string import Template
from typing import Any, Literal

Group = Literal["number", "text", "list", "test"]
NUMBER_WORDS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")
WORDS = tuple(
    """apple boat tree kite lamp stone river bread cup door garden hat key moon nut oar pear rain ship table wall wind bell book
    candle drum egg fish goat hill ink jam lake milk nest otter plum rope salt tin wool""".split()
)
PALINDROMES = ("level", "noon", "anna", "otto", "eve", "deed", "civic")


@dataclass(frozen=True, slots=True)
class Family:
    """One kind of function. `names`, `says`, `bodies` and `slips` are alternatives; the first body is the shortest."""

    id: str
    group: Group
    names: tuple[str, ...]
    arguments: tuple[tuple[str, tuple[str, ...]], ...]
    """for each argument what it is (see `values`), and what it may be called"""
    says: tuple[str, ...]
    bodies: tuple[str, ...]
    slips: tuple[tuple[str, Callable[..., object]], ...]
    """bodies that are wrong for many arguments, by one slip, and what they return instead"""
    truth: Callable[..., object]
    """takes the constant first, where there is one"""
    constants: tuple[int | str, ...] = ()


@dataclass(frozen=True, slots=True)
class Function:
    """One function of a family: constant, name and names of arguments are chosen."""

    family: Family
    constant: int | str | None
    name: str
    arguments: tuple[str, ...]
    said: str

    @property
    def id(self) -> str:
        """The family with its constant, as in "add-7": the same whatever the function is called."""
        return self.family.id if self.constant is None else f"{self.family.id}-{str(self.constant).lower().replace(' ', '-')}"

    @property
    def head(self) -> str:
        """The `def` line."""
        return f"def {self.name}({', '.join(self.arguments)}):"

    @property
    def signature(self) -> str:
        """As it is called in requests: "double(n)"."""
        return f"{self.name}({', '.join(self.arguments)})"

    def code(self, body: str, doc: str = "") -> str:
        """The whole function with one of its family's bodies."""
        lines = [self.head, *(f"    {line}" if line else "" for line in (*doc.splitlines(), *self.fill(body).splitlines()))]
        return "\n".join(lines)

    def fill(self, template: str) -> str:
        """A text of the family with this function's words put in."""
        return _filled(template, self.constant, self.arguments)

    def call(self, values: tuple[object, ...]) -> str:
        """A call as it is written."""
        return f"{self.name}({', '.join(map(_shown, values))})"

    def call_key(self, values: tuple[object, ...]) -> str:
        """What a call gives away."""
        return f"call:{self.id}:{','.join(map(_shown, values))}"

    def result(self, values: tuple[object, ...], truth: Callable[..., object] | None = None) -> str:
        """What a call must return, as Python shows it; or what it returns with a slip that has this truth."""
        return repr((truth or self.family.truth)(*(() if self.constant is None else (self.constant,)), *values))


_CALLED: dict[str, tuple[str, ...]] = {
    "number": ("n", "x", "number", "value"), "text": ("s", "text", "word"), "sentence": ("text", "s", "line"), "letter": ("c",
    "letter"), "numbers": ("numbers", "values", "items"), "words": ("words", "parts", "items"), "names": ("names", "people"),
}  # fmt: skip
_SEVERAL = (("a", "x", "first"), ("b", "y", "second"), ("c", "z", "third"))


def family(
    id: str,
    group: Group,
    kinds: str,
    names: str,
    *,
    says: tuple[str, ...],
    bodies: tuple[str, ...],
    slips: tuple[tuple[str, Callable[..., Any]], ...],
    truth: Callable[..., Any],
    constants: tuple[int | str, ...] = (),
    called: tuple[tuple[str, ...], ...] = (),
) -> Family:
    """A Family. `kinds` of its arguments and its `names` are separated by blanks; arguments have usual names unless `called`."""
    arguments: list[tuple[str, tuple[str, ...]]] = []
    several = kinds.split().count("number") > 1
    for n, kind in enumerate(kinds.split()):
        arguments.append((kind, called[n] if called else _SEVERAL[n] if several else _CALLED[kind]))
    return Family(id, group, tuple(names.split()), tuple(arguments), says, bodies, slips, truth, constants)


def function(family: Family, draw: random.Random, constant: int | str | None = None) -> Function:
    """A function of the family; where it has constants and none is given, one is drawn."""
    if family.constants and constant is None:
        constant = draw.choice(family.constants)
    arguments = _called(family, draw)
    name = _filled(draw.choice(family.names), constant, arguments)
    return Function(family, constant, name, arguments, _filled(draw.choice(family.says), constant, arguments))


def values(family: Family, draw: random.Random) -> tuple[object, ...]:
    """Arguments for a call."""
    found: list[object] = []
    for kind, _ in family.arguments:
        match kind:
            case "number":
                found.append(draw.randint(0, 9) if draw.random() < 0.3 else draw.randint(2, 60))
            case "text":
                found.append(
                    draw.choice(PALINDROMES) if family.id == "palindrome" and draw.random() < 0.5 else draw.choice(WORDS)
                )
            case "sentence":
                found.append(" ".join(draw.sample(WORDS, draw.randint(2, 4))))
            case "letter":
                found.append(draw.choice("aeilnoprst"))
            case "numbers":
                found.append(
                    [draw.randint(0, 9) if draw.random() < 0.6 else draw.randint(2, 30) for _ in range(draw.randint(2, 5))]
                )
            case "words":
                found.append(draw.sample(WORDS, draw.randint(2, 4)))
            case "names":
                found.append(draw.sample(("Ada", "Ben", "Eva", "Ida", "Leo", "Mia", "Sam", "Tom"), draw.randint(2, 3)))
    # What is looked for should often be there.
    if isinstance(found[0], list) and len(found) == 2 and draw.random() < 0.6:
        found[1] = draw.choice(found[0])
    if family.id in ("has-letter", "count-letter") and draw.random() < 0.5:
        found[1] = draw.choice(str(found[0]))
    return tuple(found)


def _called(family: Family, draw: random.Random) -> tuple[str, ...]:
    """Names for the arguments. Those that come in equal numbers belong together: "a, b" or "first, second", never "a, y"."""
    choices = [each for _, each in family.arguments]
    if len({len(each) for each in choices}) == 1:
        return draw.choice(list(zip(*choices, strict=True)))
    return tuple(draw.choice(each) for each in choices)


def _filled(template: str, constant: int | str | None, arguments: tuple[str, ...]) -> str:
    words = dict(zip("abc", arguments, strict=False))
    if constant is not None:
        words["k"] = _shown(constant) if isinstance(constant, str) else str(constant)
        words["word"] = (
            NUMBER_WORDS[constant] if isinstance(constant, int) and constant < 13 else str(constant).lower().replace(" ", "_")
        )
    return Template(template).substitute(words)


def _shown(value: object) -> str:
    """As code, texts in double quotes."""
    if isinstance(value, str):
        return f'"{value}"'
    if isinstance(value, list):
        return f"[{', '.join(map(_shown, value))}]"
    return repr(value)
