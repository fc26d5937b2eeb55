"""Graders that need no model: JSON by schema, likeness of texts, comparisons and formulas."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from burnish.errors import ConfigError
from burnish.tasks import entries
from burnish.tasks.graders.combine import Combine
from burnish.tasks.graders.formula import Formula
from burnish.tasks.graders.json_schema import JsonSchema, json_in
from burnish.tasks.graders.likeness import MEASURES, cosine
from burnish.tasks.graders.make import make
from burnish.tasks.graders.rubric import Criterion, Rubric
from burnish.tasks.graders.similarity import Similar
from burnish.tasks.graders.stringcheck import Check
from burnish.tasks.graders.templates import Template, values_of
from burnish.tasks.graders.text import CONTAINS, EXACT
from burnish.tasks.judging import grade
from burnish.tasks.manifest import Manifest
from burnish.types import Example, Message, Score


def row(reference: str | None = "Paris", **columns: Any) -> Example:
    return Example(messages=(Message(role="user", content="Capital?"),), reference=reference, metadata=columns)


def made(toml: str, **files: str) -> Any:
    """The grader of the `[[graders]]` tables of a manifest."""
    import tomllib

    head = 'schema_version = 1\nname = "t"\n[card]\ntitle = "T"\nabout = "A"\n[rows]\nall = "r"\n'
    return make(Manifest.load(base=tomllib.loads(head + toml)).graders, files.__getitem__)


# -- json_schema


TOWN = {
    "type": "object",
    "properties": {"name": {"type": "string", "pattern": "^[A-Z]"}, "people": {"type": "integer", "minimum": 0}},
    "required": ["name"],
    "additionalProperties": False,
}


@pytest.mark.parametrize(
    ("answer", "value", "reason"),
    [
        ('{"name": "Paris", "people": 2}', 1, "the answer is valid"),
        ('Here:\n```json\n{"name": "Paris"}\n```\nDone.', 1, "the fenced block is valid"),
        ('First {"name": 3}, no: {"name": "Paris"} it is', 1, "the last JSON in the answer is valid"),
        ('{"name": "Paris"} no: {"name": 3}', 0, "$.name: 3 is not of type"),
        ('{"name": "paris", "people": -1}', 0, "$.name: 'paris' does not match '^[A-Z]'; $.people: -1 is less"),
        ('{"people": 1}', 0, "$: 'name' is a required property"),
        ('{"name": "Paris", "x": {"name": "Paris"}}', 0, "Additional properties"),
        ("Paris", 0, "there is no JSON"),
        ("", 0, "there is no JSON"),
        ('{"name": "Paris"', 0, "there is no JSON"),
        ('{"name": "Paris", "people": NaN}', 0, "there is no JSON"),
        ("[" * 100_000, 0, "there is no JSON"),
        ('{"a' * 50_000, 0, "there is no JSON"),
        ("x" * 300_000, 0, "too many"),
    ],
)
def test_json_is_found_and_held_against_its_schema(answer: str, value: int, reason: str) -> None:
    score = JsonSchema.of(TOWN).grade(row(), answer)
    assert (score.value, score.error) == (value, None)
    assert reason in score.reason


@pytest.mark.parametrize("odd", ['{"a": 1e400}', "1e999", "NaN", '{"a": "\\ud800"}', "[" * 900 + "]" * 900])
def test_an_answer_cannot_make_its_graders_fail(odd: str) -> None:
    """An error is left out of what is learned from, so that a model could hide wrong answers behind it."""
    assert "output_json" not in values_of(row(), odd)["sample"]
    endless = {"$defs": {"n": {"items": {"$ref": "#/$defs/n"}, "properties": {"a": {"multipleOf": 0.1}}}}, "$ref": "#/$defs/n"}
    grader = JsonSchema.of({**endless, "type": "object", "required": ["b"]})
    assert grade(grader, row(), odd).value == 0.0
    template = Check("eq", Template.parse("{{sample.output_json.a}}"), Template.parse("1"))
    assert grade(template, row(), odd).value == 0.0


def test_json_of_many_levels_is_read() -> None:
    assert json_in("[" * 100 + "]" * 100) is not None
    assert json_in("[" * 101 + "]" * 101) is None


def test_the_last_whole_json_counts_and_not_what_is_inside_it() -> None:
    assert json_in('so {"a": {"b": [1, {"c": 2}]}} done') == ({"a": {"b": [1, {"c": 2}]}}, "the last JSON in the answer")
    assert json_in('[1, 2] and {"a": 1}') == ({"a": 1}, "the last JSON in the answer")
    assert json_in('{"a": 1} and [1, 2]') == ([1, 2], "the last JSON in the answer")
    assert json_in("null") == (None, "the answer")
    assert json_in("```\n[1]\n```\n```\n[2]\n```") == ([2], "the fenced block")


@pytest.mark.parametrize(
    ("schema", "why"),
    [
        ({"type": "objekt"}, "no JSON Schema"),
        ({"$ref": "https://example.org/s.json"}, "nothing outside"),
        ({"type": "string", "pattern": "(a)\\1"}, "linear time"),
        ({"patternProperties": {"^a": {}}}, "patternProperties"),
        ({"$ref": "#/$defs/b", "$defs": {"a": {}}}, "what is not in it"),
    ],
)
def test_a_schema_that_cannot_be_kept_to_is_refused(schema: dict[str, Any], why: str) -> None:
    with pytest.raises(ConfigError, match=why):
        JsonSchema.of(schema)


def test_a_schema_stands_in_a_file_or_in_the_manifest() -> None:
    grader = made('[[graders]]\nkind = "json_schema"\nfile = "town.json"', **{"town.json": json.dumps(TOWN)})
    assert grader.grade(row(), '{"name": "Rome"}').value == 1
    inline = made('[[graders]]\nkind = "json_schema"\ninline = { type = "array", items = { type = "integer" } }')
    assert [inline.grade(row(), a).value for a in ("[1, 2]", '["a"]')] == [1, 0]
    with pytest.raises(ConfigError, match="not JSON"):
        made('[[graders]]\nkind = "json_schema"\nfile = "town.json"', **{"town.json": "{"})
    local = {"$defs": {"n": {"type": "integer"}}, "type": "array", "items": {"$ref": "#/$defs/n"}}
    assert [JsonSchema.of(local).grade(row(), a).value for a in ("[1]", '["a"]')] == [1, 0]


# -- likeness


GOLDEN = [
    # text, reference; sacrebleu 2.6.0 sentence_bleu / 100, nltk 3.10.4 sentence_gleu on words of 13a, rouge_score 0.1.2 F1 of
    # rouge1, rouge2, rouge3, rougeL, rapidfuzz 3.14.6 ratio / 100
    ("the cat sat on the mat", "the cat is on the mat", 0.379918, 0.5, 0.833333, 0.6, 0.25, 0.833333, 0.930233),
    ("It's a 3.5% rise, isn't it?", "It is a 3.5% rise; isn't it.", 0.317622, 0.382353, 0.888889, 0.75, 0.714286, 0.888889,
     0.872727),
    ("a b c d e f", "a b c d e f", 1, 1, 1, 1, 1, 1, 1),
    ("completely different words here", "nothing in common at all with it", 0, 0, 0, 0, 0, 0, 0.285714),
    ("cat", "the cat sat", 0.135335, 0.166667, 0.5, 0, 0, 0.5, 0.428571),
    ("the the the the the the the", "the cat is on the mat", 0.078098, 0.090909, 0.307692, 0, 0, 0.307692, 0.541667),
    ("Paris", "paris", 0, 0, 1, 0, 0, 1, 0.8),
    ("", "the cat", 0, 0, 0, 0, 0, 0, 0),
]  # fmt: skip
NAMES = ("bleu", "gleu", "rouge_1", "rouge_2", "rouge_3", "rouge_l", "fuzzy_match")


@pytest.mark.parametrize("case", GOLDEN)
def test_measures_are_those_of_the_libraries_that_define_them(case: tuple[Any, ...]) -> None:
    text, reference, *wanted = case
    assert [MEASURES[name](text, reference) for name in NAMES] == pytest.approx(wanted, abs=1e-6)


@pytest.mark.parametrize(
    ("text", "reference", "wanted"),
    [  # nltk 3.10.4 single_meteor_score without a WordNet
        ("the cat sat on the mat", "the cat is on the mat", 0.806667),
        ("cats running home", "a cat runs home", 0.754986),
        ("on the mat sat the cat", "the cat sat on the mat", 0.5),
        ("generously relational", "generous relation", 0.9375),
        ("x", "y", 0.0),
        ("", "y", 0.0),
    ],
)
def test_meteor_aligns_words_then_stems(text: str, reference: str, wanted: float) -> None:
    assert MEASURES["meteor"](text, reference) == pytest.approx(wanted, abs=1e-6)


def test_rouge_by_hand() -> None:
    # "a b c" and "a c b d": 3 shared words, F1 = 2*3/(3+4); bigrams ab bc / ac cb bd share none; subsequence a b or a c, 2*2/7
    assert MEASURES["rouge_1"]("a b c", "a c b d") == pytest.approx(6 / 7)
    assert MEASURES["rouge_2"]("a b c", "a c b d") == 0
    assert MEASURES["rouge_l"]("a b c", "a c b d") == pytest.approx(4 / 7)
    assert MEASURES["rouge_5"]("a b c d e f", "z a b c d e") == pytest.approx(2 * 1 / (2 + 2))
    assert MEASURES["rouge_1"]("Żółw", "żółw") == 1, "letters beyond ASCII count"


@given(st.text("ab c.", max_size=30), st.text("ab c.", max_size=30), st.sampled_from(sorted(MEASURES)))
def test_measures_stay_between_0_and_1(text: str, reference: str, name: str) -> None:
    assert 0 <= MEASURES[name](text, reference) <= 1
    if text == reference and len(re.findall("[a-z]+", text)) > 4 and name != "meteor":
        assert MEASURES[name](text, text) == pytest.approx(1)


def test_similar_takes_the_most_alike_reference_and_marks_what_passes() -> None:
    several = Example(messages=(), reference="Paris", metadata={"references": ["Paris", "the city of Paris"]})
    score = Similar("rouge_1", pass_threshold=0.8).grade(several, "city of Paris")
    assert score.value == pytest.approx(6 / 7)
    assert score.marks == ("passes",)
    assert "the city of Paris" in score.reason
    assert Similar("rouge_1", pass_threshold=0.9).grade(several, "city of Paris").marks == ("does not pass",)
    assert Similar("bleu").grade(row(None), "x").error is not None
    with pytest.raises(ConfigError, match="cosine compares embeddings"):
        Similar("cosine")
    assert cosine([1, 0], [1, 1]) == pytest.approx(0.5**0.5)
    assert cosine([0, 0], [1, 1]) != cosine([0, 0], [1, 1])


def test_a_library_that_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "rapidfuzz", None)
    monkeypatch.setitem(sys.modules, "rapidfuzz.fuzz", None)
    with pytest.raises(ConfigError, match=r"fuzzy_match needs the library rapidfuzz.*burnish\[graders\]"):
        Similar("fuzzy_match")


# -- templates and comparisons


def test_templates_are_filled_from_the_row_and_the_answer() -> None:
    example = row(a={"b": [1, {"c d": "deep"}]}, n=4, yes=True)
    values = values_of(example, '{"x": [10, 20]}')
    filled = Template.parse(
        "{{item.reference}} {{ item.a.b[1]['c d'] }} {{item.n}} {{item.yes}} {{sample.output_json.x[1]}} {{item.a}}"
    ).fill(values)
    assert filled == 'Paris deep 4 true 20 {"b": [1, {"c d": "deep"}]}'
    assert Template.parse(" {{ item.n }} ").whole() == ("item", "n")
    assert Template.parse("{{ item.n }}.").whole() is None


@pytest.mark.parametrize(
    "text",
    [
        "{{ item }}",
        "{{ item.a|upper }}",
        "{{ item.a.__class__() }}",
        "{{ 7 * 7 }}",
        "{{ cycler.a }}",
        "{% for x in item.a %}{% endfor %}",
        "{{ sample.output_tools[0].function.name }}",
        "{{ item['a'] + 1 }}",
        "{{}}",
    ],
)
def test_templates_are_paths_and_nothing_else(text: str) -> None:
    with pytest.raises(ConfigError):
        Template.parse(text)


def test_what_an_answer_holds_is_no_template() -> None:
    assert Template.parse("{{sample.output_text}}").fill(values_of(row(), "{{item.reference}}")) == "{{item.reference}}"


@pytest.mark.parametrize(
    ("operation", "answer", "reference", "value"),
    [
        ("eq", "Paris", "Paris", 1), ("eq", "paris", "Paris", 0), ("eq", "Paris ", "Paris", 0),
        ("ne", "Paris", "Paris", 0), ("ne", "paris", "Paris", 1),
        ("like", "It is Paris.", "Paris", 1), ("like", "It is paris.", "Paris", 0), ("like", "Par", "Paris", 0),
        ("ilike", "It is PARIS.", "paris", 1), ("ilike", "It is Rome.", "paris", 0),
    ],
)  # fmt: skip
def test_comparisons_are_letter_by_letter(operation: Any, answer: str, reference: str, value: int) -> None:
    assert Check(operation).grade(row(reference), answer).value == value


def test_a_missing_column_is_an_error_and_a_missing_part_of_the_answer_is_wrong() -> None:
    no_column = Check("eq", reference=Template.parse("{{item.nothing}}")).grade(row(), "Paris")
    assert no_column.error is not None
    assert "item.nothing" in no_column.error
    of_json = Check("ne", Template.parse("{{sample.output_json.town}}"))
    assert of_json.grade(row(), '{"town": "Rome"}').value == 1
    lacking = of_json.grade(row(), "no JSON")
    assert (lacking.value, lacking.error) == (0, None)
    assert "not JSON" in lacking.reason


# -- formulas


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0.5 * a + 0.5 * b", 1.25),
        ("2 * a ^ 2", 0.5),
        ("-a ** 2", -0.25),
        ("2 ^ 3 ^ 2", 512),
        ("min(a, b) + max(a, b, 3)", 3.5),
        ("floor(b / a) + ceil(a)", 5),
        ("sqrt(b * 2) - exp(0) + log(exp(1)) + abs(-a)", 2.5),
        ("b > a", 1),
        ("(a >= 0.5) * (0 < a < b)", 1),
        ("b * (a == 1)", 0),
        ("b != 2", 0),
    ],
)
def test_formulas_are_arithmetic(text: str, value: float) -> None:
    assert Formula.parse(text).of({"a": 0.5, "b": 2.0}) == pytest.approx(value)


@pytest.mark.parametrize(
    "text",
    [
        "a.b", "a[0]", "__import__('os')", "a if b else c", "lambda: 1", "(a, b)", "'x' * 9", "a and b", "pow(2, 3)", "min(a)",
        "sqrt", "max(*a)", "min(a, b, key=c)", "[x for x in a]", "a; b", "a = 1", "", "1e999", "9" * 1999, "a" * 3000,
        "(" * 500 + "a" + ")" * 500, "True + 1", "1j", "a @ b", "a // b", "a % b", "~a", "0.5 * a +  0.5 * b)",
    ],
)  # fmt: skip
def test_everything_else_is_no_formula(text: str) -> None:
    with pytest.raises(ConfigError, match="formula cannot be read"):
        Formula.parse(text)


class Says:
    concurrency = 2

    def __init__(self, name: str, value: float, error: str | None = None) -> None:
        self.name, self.value, self.error = name, value, error

    def grade(self, example: Example, answer: str) -> Score:
        return Score(
            value=float("nan") if self.error else self.value, reason=f"as {self.name}", error=self.error, marks=(self.name,)
        )


def test_a_combination_shows_its_parts_and_fails_with_them() -> None:
    both = Combine(Formula.parse("a / b"), (Says("a", 1), Says("b", 4)))
    score = both.grade(row(), "x")
    assert (score.value, score.parts, score.marks) == (0.25, (("a", 1), ("b", 4)), ("a", "b"))
    assert "a / b = 0.25" in score.reason
    assert "as b" in score.reason
    for broken, why in (
        ((Says("a", 1), Says("b", 0)), "division by zero"),
        ((Says("a", 1), Says("b", 1, "no model")), "b: no model"),
    ):
        failed = Combine(Formula.parse("a / b"), broken).grade(row(), "x")
        assert failed.error is not None
        assert why in failed.error
        assert failed.value != failed.value
    powers = Combine(Formula.parse("(0 - a) ^ 0.5 + b"), (Says("a", 1), Says("b", 1))).grade(row(), "x")
    assert powers.error is not None
    assert "has no value" in powers.error


def test_combinations_in_a_manifest() -> None:
    grader = made(
        """
        [[graders]]
        kind = "combine"
        formula = "(words >= 1) * (0.25 * same + 0.75 * like)"
        [[graders.graders]]
        kind = "exact"
        name = "same"
        [[graders.graders]]
        kind = "similarity"
        metric = "rouge_1"
        name = "like"
        [[graders.graders]]
        kind = "length"
        at_most = 3
        name = "words"
        """
    )
    assert grader.grade(row(), "Paris").value == 1
    assert grader.grade(row(), "in Paris").value == pytest.approx(0.75 * 2 / 3)
    assert grader.grade(row(), "it is in Paris").value == 0
    start = '[[graders]]\nkind = "combine"\nformula = "a"\n'
    for body, why in (
        ('[[graders.graders]]\nkind = "exact"\n', "needs a name"),
        ('[[graders.graders]]\nkind = "exact"\nname = "b"\n', "no grader of the combination is called"),
        ('[[graders.graders]]\nkind = "exact"\nname = "a"\nweight = 2.0\n', "weight of a is not read"),
        ('[[graders.graders]]\nkind = "exact"\nname = "a"\n' * 2, "same name"),
        ('[[graders.graders]]\nkind = "combine"\nname = "a"\nformula = "1"\ngraders = []', "kind must be one of"),
        ('[[graders.graders]]\nkind = "exact"\nname = "a"\n[[graders.graders]]\nkind = "contains"\nname = "c"', "does not use c"),
        ("graders = []", "needs graders"),
    ):
        with pytest.raises(ConfigError, match=why):
            made(start + body)


# -- rubric


def test_a_rubric_lists_what_is_met() -> None:
    rubric = Rubric(
        (
            Criterion(name="right", grader=CONTAINS, weight=3),
            Criterion(name="short", grader=EXACT),
            Criterion(name="half", grader=Says("half", 0.5), at_least=0.5),
        )
    )
    score = rubric.grade(row(), "It is Paris")
    assert score.value == pytest.approx(4 / 5)
    assert score.parts == (("right", 1.0), ("short", 0.0), ("half", 1.0))
    assert score.reason.startswith("+ right (3): ")
    assert "- short (1): " in score.reason
    failed = Rubric((Criterion(name="a", grader=Says("a", 1, "gone")), *rubric.criteria)).grade(row(), "Paris")
    assert failed.error == "a: gone"
    assert "? a (1)" in failed.reason


def test_entries_know_their_files_and_schema_version_1_stays_valid() -> None:
    manifest = Manifest.load(
        base={
            "schema_version": 1,
            "name": "t",
            "card": {"title": "T", "about": "A"},
            "rows": {"all": "r.jsonl"},
            "graders": [
                {"kind": "exact", "weight": 2.0},
                {"kind": "regex", "pattern": "x"},
                {"kind": "length", "at_least": 1, "at_most": 5},
                {"kind": "python", "function": "f", "timeout_s": 2.0},
                {"kind": "rubric", "criteria": [{"name": "s", "grader": {"kind": "json_schema", "file": "s.json"}}]},
                {"kind": "python", "file": "other.py"},
            ],
        }
    )
    assert entries.files_of(manifest.graders) == ["s.json", "other.py"]
    assert [e.weight for e in manifest.graders] == [2, 1, 1, 1, 1, 1]
