"""Graders: the right value with a reason, and never a 0 for their own failure."""

import math

import pytest

from burnish.errors import ConfigError
from burnish.tasks.graders import CONTAINS, EXACT, NAMES, NUMERIC, choose, get
from burnish.tasks.graders.numbers import last_number, plain_number
from burnish.types import Example, Message


def asked(reference, answer=None, **metadata):
    messages = (Message(role="user", content="q"), Message(role="assistant", content=answer or reference or "x"))
    return Example(messages=messages, reference=reference, metadata=metadata)


@pytest.mark.parametrize(
    ("reference", "answer", "value"),
    [
        ("Paris", "Paris", 1),
        ("Paris", "  paris\n", 1),
        ("new york", "New  York", 1),
        ("caf\u00e9", "cafe\u0301", 1),
        ("STRASSE", "straße", 1),
        ("Paris", "Paris.", 0),
        ("Paris", "", 0),
        ("\\frac{3}{4}", "so $\\boxed{\\frac{3}{4}}$", 1),
        ("\\frac{3}{4}", "so $\\boxed{\\frac{4}{3}}$", 0),
        ("yes", "reasons\n#### Yes", 1),
        ("I think\n#### yes", "I think\n#### yes", 1),
    ],
)
def test_exact(reference, answer, value):
    score = EXACT.grade(asked(reference), answer)
    assert score.value == value
    assert score.reason
    assert score.error is None


def test_exact_says_what_it_did():
    assert "up to case and spacing" in EXACT.grade(asked("Paris"), "paris").reason
    assert "up to case" not in EXACT.grade(asked("Paris"), "Paris").reason
    assert "the final answer in ####" in EXACT.grade(asked("4"), "x\n#### 4").reason
    assert "'London' is not 'Paris'" in EXACT.grade(asked("Paris"), "London").reason


@pytest.mark.parametrize(
    ("reference", "answer", "value"),
    [
        ("Paris", "It is Paris, of course.", 1),
        ("paris", "PARIS!", 1),
        ("art", "a party", 0),
        ("art", "a party about art", 1),
        ("C++", "use C++ here", 1),
        ("5", "15", 0),
        ("5", "2.5", 0),
        ("5", "5.2", 0),
        ("5", "-5", 0),
        ("5", "it is -5", 0),
        ("5", "3-5 of them", 1),
        ("5", "it is 5.", 1),
        ("5", "(5)", 1),
        ("$5", "costs $5 now", 1),
        ("東京", "首都は東京です", 1),
        ("กรุงเทพ", "เมืองกรุงเทพมหานคร", 1),
        ("e\u0301", "cafe\u0301", 0),
        ("Paris", "", 0),
    ],
)
def test_contains_between_word_boundaries(reference, answer, value):
    score = CONTAINS.grade(asked(reference), answer)
    assert score.value == value
    assert score.reason


def test_any_listed_reference_counts():
    example = asked("NYC", references=("NYC", "", "New York", "12"))
    assert EXACT.grade(example, "new york").value == 1
    assert CONTAINS.grade(example, "in New York.").value == 1
    assert NUMERIC.grade(example, "12").value == 1
    assert EXACT.grade(example, "Boston").value == 0


@pytest.mark.parametrize(
    ("reference", "answer", "value"),
    [
        ("72", "She sold 48 + 24 = 72 clips.", 1),
        ("72", "72, not 71", 0),
        ("72", "12 boxes\n#### 72", 1),
        ("72", "#### 72 clips", 1),
        ("72", "#### many", 0),
        ("1200", "It costs $1,200.00.", 1),
        ("1,200", "1200", 1),
        ("-5", "x = \u22125", 1),
        ("-5", "-$5", 1),
        ("5", "10-5", 1),
        ("5", "pages 3\u20135", 1),
        ("-3", "10 -3", 1),
        ("0.75", "\\boxed{\\frac{3}{4}}", 1),
        ("0.75", "\\boxed{\\frac34}", 1),
        ("3/4", "it is 0.75", 1),
        ("\\frac{3}{4}", "3/4", 1),
        ("1.5", "1 1/2 cups", 1),
        ("0.5", "½ cup", 1),
        ("2.5", "2½", 1),
        ("50%", "50", 1),
        ("50%", "0.5", 1),
        ("50%", "5%", 0),
        ("0.5", "50 %", 1),
        ("1500", "1.5e3", 1),
        ("1500", "1.5 \\times 10^{3}", 1),
        ("0.0015", "1.5x10^-3", 1),
        ("12000085", "\\boxed{12,\\!000,\\!085}", 1),
        ("12345", "12\u202f345", 1),
        ("0.333333", "1/3", 1),
        ("0.3333", "1/3", 0),
        ("123456789", "123456788", 0),
        ("5", "5 apples (from H2O and x2)", 1),
        ("9 (apples)", "9", 1),
        ("18", "\\boxed{18\\text{ cm}}", 1),
        ("139", "\\boxed{139^\\circ}", 1),
        ("5", "\\boxed{x = 5}", 1),
        ("2", "\\boxed{2\\sqrt{3}}", 0),
        ("3", "\\boxed{3\\pi}", 0),
        ("5", "no idea", 0),
        ("5", "", 0),
        ("5", "1/0", 0),
        ("5", "\uff15", 1),
    ],
)
def test_numeric(reference, answer, value):
    score = NUMERIC.grade(asked(reference), answer)
    assert (score.value, score.error) == (value, None), score.reason
    assert score.reason


@pytest.mark.parametrize("grader", [EXACT, CONTAINS, NUMERIC])
@pytest.mark.parametrize("reference", [None, "", "  "])
def test_check_30_a_grader_without_a_reference_gives_no_score_never_0(grader, reference):
    score = grader.grade(asked(reference), "42")
    assert math.isnan(score.value)
    assert score.error


@pytest.mark.parametrize("reference", ["Paris", "3 or 4", "2\\pi", "(1, 2)", "x^2", "10^2"])
def test_check_30_numeric_with_a_reference_that_is_no_number_gives_no_score(reference):
    score = NUMERIC.grade(asked(reference), "3")
    assert math.isnan(score.value)
    assert "not a number" in (score.error or "")


@pytest.mark.parametrize(
    ("written", "value"),
    [("7", 7), (" $7.50 ", 7.5), ("7 km", 7), ("7 (km)", 7), ("7.", 7), (".5", 0.5), ("-1/4", -0.25), ("x=3", 3)],
)
def test_plain_numbers(written, value):
    number = plain_number(written)
    assert number is not None
    assert number.value == value


@pytest.mark.parametrize("written", ["", "seven", "7 or 8", "7x", "7 x", "1.2.3", "7, 8", "1/0", "9" * 500, "7 pi", "-"])
def test_not_plain_numbers(written):
    assert plain_number(written) is None


def test_dates_and_names_are_not_last_numbers():
    assert last_number("v1.2.3") is None
    assert last_number("see H2O") is None
    number = last_number("48/2=<<48/2=24>>24")
    assert number is not None
    assert number.value == 24


@pytest.mark.parametrize(
    "evil",
    [
        "1" * 100_000,
        "1," * 20_000,
        "1,111" * 8_000,
        "1 " * 20_000,
        "1/" * 50_000,
        "-" * 100_000 + "x",
        "\\frac" * 20_000,
        "\\frac{" + "1" * 50_000,
        "\\boxed{" * 20_000,
        "{" * 100_000,
        "ab " * 30_000,
        "1" + "a" * 100_000 + "!",
        "1 " + "ab" * 50_000 + "(",
        "1" + "(a" * 30_000,
        "#" * 100_000,
        "a a" * 30_000,
    ],
)
def test_no_input_makes_a_grader_hang(evil):
    for grader in (EXACT, CONTAINS, NUMERIC):
        assert not math.isnan(grader.grade(asked("5"), evil).value)
        grader.grade(asked(evil), "5")


def test_names():
    assert NAMES[:6] == ("exact", "contains", "numeric", "tests", "maths", "fuzzy_match")
    assert [get(n).name for n in NAMES] == list(NAMES)
    with pytest.raises(ConfigError, match="did you mean 'exact'"):
        get("exat")


@pytest.mark.parametrize(
    ("examples", "name", "words"),
    [
        ([asked(str(i)) for i in range(9)] + [asked("Paris")], "numeric", "9 of 10 references are numbers"),
        ([asked("Paris"), asked("New York"), asked("4")], "exact", "short"),
        ([asked("4", "Two and two\n#### 4")] * 3, "numeric", "numbers"),
        ([asked("x^2", "so $\\boxed{x^2}$")] * 3, "exact", "short"),
        ([asked("Paris", "The capital is Paris, as we know.")] * 3, "contains", "longer answers"),
        ([asked("a long answer of very many words")] * 3, None, "free text (7 words"),
        ([asked(None)] * 3, None, "only 0 of 3 rows"),
        ([Example(messages=(Message(role="assistant", content="t"),), form="text")], None, "plain text"),
    ],
)
def test_choose(examples, name, words):
    grader, why = choose(examples)
    assert (None if grader is None else grader.name) == name
    assert words in why


def test_gold_passes_and_anothers_answer_fails():
    golds = [("12", "so\n#### 12"), ("Lima", "Lima"), ("3/8", "it is $\\boxed{\\frac{3}{8}}$")]
    for grader, (reference, gold) in zip((NUMERIC, EXACT, NUMERIC), golds, strict=True):
        example = asked(reference, gold)
        assert grader.grade(example, gold).value == 1
        assert grader.grade(example, "").value == 0
        assert grader.grade(example, "#### 99").value == 0
