"""The calculator: exact, bounded, and never anything but a calculator."""

import time

import pytest

from burnish.tools.calculator import Unreadable, calc, calculator, value


@pytest.mark.parametrize(
    ("expression", "result"),
    [
        ("17 * 4", "68"), ("3+5*2", "13"), ("(3 + 5) / 2", "4"), ("1/8", "0.125"), ("0.1 + 0.2", "0.3"), ("-7 // 2", "-4"),
        ("-7 % 3", "2"), ("2 ** 10", "1024"), ("2^-2", "0.25"), ("12,345 * 1,000", "12345000"), ("17 × 4 ÷ 2", "34"),
        ("6 x 7", "42"), ("17 * 4 =", "68"), ("--5", "5"), ("1e3 + 1", "1001"), ("123456789 * 987654321", "121932631112635269"),
        ("0 ** 0", "1"), ("(-1) ** 999999999999", "-1"), ("1_000 + 1", "1001"),
        ("1/3", "0.333333333333 (rounded; exactly 1/3)"), ("-2/3", "-0.666666666667 (rounded; exactly -2/3)"),
    ],
)  # fmt: skip
def test_results_are_exact(expression, result):
    assert calc(expression) == result


@pytest.mark.parametrize(
    ("expression", "why"),
    [
        ("", "nothing to work out"), ("12 +", "no expression"), ("1 / 0", "division by zero"), ("0 ** -1", "division by zero"),
        ("5 % 0", "division by zero"), ("9 ** 9 ** 9", "too large"), ("2 ** 0.5", "whole number"), ("1e9999", "too large"),
        ("1e-99999", "too large"), ("__import__('os')", "only numbers"), ("a + 1", "only numbers"), ("True + 1", "only numbers"),
        ("1 < 2", "only numbers"), ("(1).real", "only numbers"), ("'a' * 3", "only numbers"), ("1 << 9", "only numbers"),
        ("1or 2", "only numbers"),
        ("(" * 60 + "1" + ")" * 60 + "+-" * 60 + "1", "nested"), ("1+" * 300 + "1", "longer than"), ("1j", "only numbers"),
        ("[x for x in (1,)]", "only numbers"), ("10 ** 1300", "too large"),
    ],
)  # fmt: skip
def test_what_cannot_be_worked_out_says_why(expression, why):
    began = time.perf_counter()
    with pytest.raises(Unreadable, match=why.replace("+", r"\+")):
        value(expression)
    assert time.perf_counter() - began < 5


def test_as_a_tool():
    tool = calculator()
    assert tool.name == "calc"
    assert tool.call('{"expression": "6*7"}').text == "42"
    assert tool.call('{"expression": "6*"}').text.startswith("error: Unreadable: ")
