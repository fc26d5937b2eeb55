"""A formula over named numbers, such as `0.5 * form + max(meaning, 0)`: arithmetic alone, read by Python's parser and worked
out here.

+ - * / and ^ (or **, a power), comparisons (1 where they hold, else 0), min max abs floor ceil exp sqrt log. Everything else
is refused when it is read. These are the operations of OpenAI's `calculate_output`, and the comparisons.
"""

from __future__ import annotations

import ast
import math
import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from burnish.errors import ConfigError

LIMIT_CHARACTERS = 2000
FUNCTIONS: Mapping[str, tuple[Callable[..., Any], int, int]] = {
    "min": (min, 2, 64),
    "max": (max, 2, 64),
    "abs": (abs, 1, 1),
    "floor": (math.floor, 1, 1),
    "ceil": (math.ceil, 1, 1),
    "exp": (math.exp, 1, 1),
    "sqrt": (math.sqrt, 1, 1),
    "log": (math.log, 1, 1),
}
"""Each with the fewest and most numbers that it takes."""
_BINARY: Mapping[type[ast.operator], Callable[[float, float], float]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.Pow: math.pow,
}
_UNARY: Mapping[type[ast.unaryop], Callable[[float], float]] = {ast.USub: operator.neg, ast.UAdd: operator.pos}
_COMPARE: Mapping[type[ast.cmpop], Callable[[float, float], bool]] = {
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
}


@dataclass(frozen=True, slots=True)
class Formula:
    """A formula that was read. `names` are the numbers that it needs, in the order of the text."""

    text: str
    names: tuple[str, ...]
    tree: ast.expr = field(repr=False, compare=False)

    @staticmethod
    def parse(text: str) -> Formula:
        """Raises ConfigError for anything but arithmetic."""
        if len(text) > LIMIT_CHARACTERS:
            raise _refused(text, f"it has {len(text)} characters, at most {LIMIT_CHARACTERS} are read")
        try:
            tree = ast.parse(text.strip().replace("^", "**"), mode="eval").body
            _check(tree, text)
        except (SyntaxError, ValueError, OverflowError) as error:
            raise _refused(text, error.msg if isinstance(error, SyntaxError) else str(error)) from None
        except (RecursionError, MemoryError):
            raise _refused(text, "it is nested too deeply") from None
        called = {id(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
        names = [node for node in ast.walk(tree) if isinstance(node, ast.Name) and id(node) not in called]
        ordered = sorted(names, key=lambda node: (node.lineno, node.col_offset))
        return Formula(text, tuple(dict.fromkeys(node.id for node in ordered)), tree)

    def of(self, values: Mapping[str, float]) -> float:
        """Its value; NaN or infinite where arithmetic says so. Raises ArithmeticError or ValueError where there is none."""
        return float(_value(self.tree, values))


def _refused(text: str, why: str) -> ConfigError:
    todo = f"use numbers, names, + - * / ^, comparisons and {', '.join(FUNCTIONS)}"
    return ConfigError(f"the formula cannot be read: {why}", seen=text[:200], todo=todo)


def _check(node: ast.expr, text: str) -> None:
    """Refuse every node that is not arithmetic."""
    match node:
        case ast.Constant(value=bool()):
            raise _refused(text, f"{node.value} is no number")
        case ast.Constant(value=int() | float() as number) if math.isfinite(float(number)):
            return
        case ast.Name():
            if node.id in FUNCTIONS:
                raise _refused(text, f"{node.id} is a function and needs parentheses")
        case ast.BinOp() if type(node.op) in _BINARY:
            _check(node.left, text)
            _check(node.right, text)
        case ast.UnaryOp() if type(node.op) in _UNARY:
            _check(node.operand, text)
        case ast.Compare() if all(type(op) in _COMPARE for op in node.ops):
            for each in (node.left, *node.comparators):
                _check(each, text)
        case ast.Call(func=ast.Name(id=name), keywords=[]) if name in FUNCTIONS:
            _, least, most = FUNCTIONS[name]
            if not least <= len(node.args) <= most:
                raise _refused(
                    text, f"{name} takes {least if least == most else f'{least} to {most}'} numbers, not {len(node.args)}"
                )
            for each in node.args:
                _check(each, text)
        case _:
            raise _refused(text, f"{ast.unparse(node)!r:.60} is no arithmetic")


def _value(node: Any, values: Mapping[str, float]) -> float:
    match node:
        case ast.Constant(value=int() | float() as number):
            return float(number)
        case ast.Name():
            return values[node.id]
        case ast.BinOp():
            return _BINARY[type(node.op)](_value(node.left, values), _value(node.right, values))
        case ast.UnaryOp():
            return _UNARY[type(node.op)](_value(node.operand, values))
        case ast.Compare():
            sides = [_value(each, values) for each in (node.left, *node.comparators)]
            return float(all(_COMPARE[type(op)](a, b) for op, a, b in zip(node.ops, sides, sides[1:], strict=False)))
        case _:
            return float(FUNCTIONS[node.func.id][0](*(_value(each, values) for each in node.args)))
