"""calc: an exact calculator. Whole numbers, decimals and fractions of any size up to a bound; nothing is rounded in between.

An expression is read by Python's own parser and walked here; nothing but the operations below is ever computed, and each result's
size is bounded before it is computed, so that no expression takes long.
"""

from __future__ import annotations

import ast
import re
from decimal import Context, Decimal
from fractions import Fraction

from burnish.tools.function import Function, function

LIMIT_CHARACTERS = 500
LIMIT_DEPTH = 50
LIMIT_BITS = 4_096
"""Of numerator and denominator of every number."""
PLACES = 12
"""Decimals of a result that has no end."""
_SIGNS = str.maketrans({"\u2212": "-", "\u2013": "-", "\u00d7": "*", "\u00b7": "*", "\u00f7": "/", "^": "^"})
_GROUPED = re.compile(r"(?<![\d.,])\d{1,3}(?:,\d{3})+(?![\d,])")
_WRITTEN = re.compile(r"[0-9eE_.+\-*/%() \t]+")
"""All that a plain expression is made of; names and quotes never reach the parser, which would warn of some."""
_ONLY = "only numbers, + - * / // % ** and brackets can be worked out"
_TIMES = re.compile(r"(?<=[\d)]) ?[xX] ?(?=[\d(])")


class Unreadable(ValueError):
    """What cannot be worked out, and why, for whoever wrote it."""


def value(expression: str) -> Fraction:
    """The exact value of an expression of + - * / // % ** (or ^), brackets and numbers, thousands perhaps grouped by commas.

    Raises Unreadable.
    """
    if len(expression) > LIMIT_CHARACTERS:
        raise Unreadable(f"the expression is longer than {LIMIT_CHARACTERS} characters")
    plain = _GROUPED.sub(lambda m: m[0].replace(",", ""), expression.translate(_SIGNS))
    plain = _TIMES.sub(" * ", plain).replace("^", "**").strip().removesuffix("=").strip()
    if not plain:
        raise Unreadable("nothing to work out")
    if not _WRITTEN.fullmatch(plain):
        raise Unreadable(_ONLY)
    try:
        tree = ast.parse(plain, mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise Unreadable(f"{expression.strip()!r} is no expression of numbers and + - * / ( )") from None
    return _value(tree, plain, 0)


def written(number: Fraction) -> str:
    """A number as people write it: whole, as a decimal where it ends, else rounded, with the fraction beside it."""
    if number.denominator == 1:
        return _digits(number.numerator)
    rest = number.denominator
    for prime in (2, 5):
        while rest % prime == 0:
            rest //= prime
    context = Context(prec=2 * LIMIT_BITS)
    if rest == 1:
        return format(context.divide(Decimal(number.numerator), Decimal(number.denominator)).normalize(context), "f")
    scaled = round(number * 10**PLACES)
    near = format(Decimal(scaled).scaleb(-PLACES, context), "f")
    return f"{near} (rounded; exactly {number.numerator}/{number.denominator})"


def calc(expression: str) -> str:
    """Works out a sum exactly, such as 17 * 4 or (3 + 5) / 2.

    Args:
        expression: Numbers with + - * / // % ** and brackets.
    """
    return written(value(expression))


def calculator() -> Function:
    """The tool."""
    return function(calc)


def _digits(number: int) -> str:
    return format(Decimal(number), "f")  # int's own text is refused from 4,300 digits on


def _value(node: ast.expr, source: str, depth: int) -> Fraction:
    if depth > LIMIT_DEPTH:
        raise Unreadable("the brackets are nested too deeply")
    match node:
        case ast.Constant(value=bool()):
            pass
        case ast.Constant(value=int() as number):
            return _bounded(Fraction(number))
        case ast.Constant(value=float()):
            written_as = ast.get_source_segment(source, node) or ""
            _, _, power = written_as.lower().partition("e")
            if len(power) > 4 or abs(int(power or 0)) > LIMIT_BITS // 4:
                raise Unreadable("a number is too large")
            return _bounded(Fraction(written_as.replace("_", "")))
        case ast.UnaryOp(op=ast.USub() | ast.UAdd() as sign, operand=operand):
            inner = _value(operand, source, depth + 1)
            return -inner if isinstance(sign, ast.USub) else inner
        case ast.BinOp(left=left, op=operation, right=right):
            return _bounded(_operate(_value(left, source, depth + 1), operation, _value(right, source, depth + 1)))
    raise Unreadable(_ONLY)


def _operate(left: Fraction, operation: ast.operator, right: Fraction) -> Fraction:
    match operation:
        case ast.Add():
            return left + right
        case ast.Sub():
            return left - right
        case ast.Mult():
            return left * right
        case ast.Div() | ast.FloorDiv() | ast.Mod() if right == 0:
            raise Unreadable("division by zero")
        case ast.Div():
            return left / right
        case ast.FloorDiv():
            return Fraction(left // right)
        case ast.Mod():
            return left % right
        case ast.Pow():
            return _power(left, right)
    raise Unreadable("only + - * / // % ** can be worked out")


def _power(base: Fraction, exponent: Fraction) -> Fraction:
    if exponent.denominator != 1:
        raise Unreadable("an exponent must be a whole number")
    if base == 0 and exponent < 0:
        raise Unreadable("division by zero")
    bits = max(abs(base.numerator).bit_length(), base.denominator.bit_length())
    if base not in (0, 1, -1) and abs(exponent.numerator) * max(bits - 1, 1) > LIMIT_BITS:
        raise Unreadable("the result is too large")
    return Fraction(base ** (exponent.numerator % 2 if base in (1, -1) else exponent.numerator))


def _bounded(number: Fraction) -> Fraction:
    if max(abs(number.numerator).bit_length(), number.denominator.bit_length()) > LIMIT_BITS:
        raise Unreadable("the result is too large")
    return number
