"""Mathematics by math-verify, in the sandbox."""

from __future__ import annotations

import importlib.util

import pytest

from burnish.errors import ConfigError
from burnish.tasks import graders
from burnish.tasks.graders.maths import Maths
from burnish.tools import sandbox
from burnish.types import Example, Score

needs_sandbox = pytest.mark.skipif(sandbox.available().how is None, reason=f"no sandbox works here: {sandbox.available().why}")


def grade(reference: str | None, answer: str, timeout_s: float = 10.0) -> Score:
    return Maths(timeout_s=timeout_s).grade(Example(messages=(), reference=reference), answer)


@pytest.mark.parametrize(
    ("reference", "answer", "value"),
    [
        ("1/2", "\\boxed{0.5}", 1),
        ("42", "so\n#### 42", 1),
        ("42", "so\n#### 43", 0),
        ("1,2", "1,2", 1),
        ("The proof.\n#### 7", "\\boxed{7}", 1),
    ],
)
def test_numbers_are_compared_without_the_sandbox(
    monkeypatch: pytest.MonkeyPatch, reference: str, answer: str, value: int
) -> None:
    monkeypatch.setattr(sandbox, "run", None)
    assert grade(reference, answer).value == value


@needs_sandbox
@pytest.mark.parametrize(
    ("reference", "answer", "value"),
    [
        ("x^2+2x+1", "It is \\boxed{(x+1)^2}.", 1),
        ("(x+1)^2", "\\boxed{x^2+2x+2}", 0),
        ("\\sqrt{8}", "so it is $2\\sqrt{2}$", 1),
        ("\\{1,2\\}", "\\boxed{\\{2,1\\}}", 1),
        ("[0,1)", "\\boxed{[0,1)}", 1),
        ("[0,1)", "\\boxed{[0,1]}", 0),
        ("x+1", "no idea", 0),
        ("x+1", "", 0),
        ("x+1", '"); print("\\n1")', 0),
    ],
)
def test_what_numbers_do_not_decide_is_put_to_math_verify(reference: str, answer: str, value: int) -> None:
    score = grade(reference, answer)
    assert (score.value, score.error) == (value, None)


@needs_sandbox
def test_what_cannot_be_compared_is_an_error() -> None:
    assert grade(None, "x").error is not None
    slow = grade("x^2", "\\boxed{x}", timeout_s=0.01)
    assert slow.error is not None
    assert "more than 0.01 seconds" in slow.error
    nothing = grade("?!", "\\boxed{x}")
    assert nothing.error is not None
    assert "reads no mathematics in the reference" in nothing.error


def test_a_library_that_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ConfigError, match=r"math-verify, which is not installed.*burnish\[math\]"):
        graders.get("maths")


def test_names_for_plain_files() -> None:
    assert graders.get("rouge_l").name == "rouge_l"
    assert graders.get("rouge_l").grade(Example(messages=(), reference="a b"), "a c").value == 0.5
    assert "cosine" not in graders.NAMES
