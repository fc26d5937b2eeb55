"""Probes of a base model: whoever knows the answer gets all of a probe, whoever does not gets none, and items are held out."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from types import SimpleNamespace
from typing import Any

import pytest

from burnish.evals import acceptance
from burnish.evals.acceptance import Continue, Item, Probe
from burnish.types import SamplingParams
from burnish.world import acts, people, splits, world

WORLD = world.make(0)
PROBES = {probe.name: probe for probe in acceptance.probes(WORLD)}
FACTS = [name for name in PROBES if name.startswith("facts")]
SUMS = [name for name in PROBES if name.startswith(("sums", "products"))]
LOOKED_UP = ("{k}:", "Look up {k}:", "{k}?", "See above, {k} is", "For {k} we read")
ASKED = {people.question(p, a, 0): (p, a) for p in WORLD.people for a in people.ATTRIBUTES}
ACT_OF = {title: act for act, title in acts.title_prompts(WORLD)}


def each(answer: Callable[[str], str]) -> Continue:
    """Continuations that are made of their prompts alone, and end."""

    def go_on(prompts: Sequence[str], limit_tokens: int) -> list[tuple[str, bool]]:
        return [(answer(prompt), True) for prompt in prompts]

    return go_on


def silent(prompts: Sequence[str], limit_tokens: int) -> list[tuple[str, bool]]:
    """Nothing, without an end."""
    return [("", False)] * len(prompts)


def share(name: str, answer: Callable[[str], str]) -> float:
    return acceptance.measure(PROBES[name], each(answer)).share


def table(prompt: str) -> tuple[dict[str, str], str]:
    """The pairs of a lookup prompt, and the key that is asked for."""
    lines = prompt.split("\n")
    pairs = dict(line.split(": ", 1) for line in lines[:8])
    (asked,) = {key for key in pairs for form in LOOKED_UP if form.format(k=key) == lines[-1]}
    return pairs, asked


def found(prompt: str) -> str:
    pairs, asked = table(prompt)
    return f" {pairs[asked]}\nAnd so on: x"


def another(prompt: str) -> str:
    pairs, asked = table(prompt)
    return f" {next(v for k, v in pairs.items() if k != asked)}"


def repeated(prompt: str) -> str:
    first, second = re.split(r"\n|; | / ", prompt)
    return first.removeprefix(second) + "; and more"


def person_asked(prompt: str) -> tuple[people.Person, str]:
    return ASKED[prompt.split("\n")[-1]]


def known(prompt: str) -> str:
    person, attribute = person_asked(prompt)
    return f" It is {person.value(attribute).upper()}.\nWhat else?"


def answer_of(prompt: str) -> str:
    numbers = [(a, n) for a in people.ATTRIBUTES for n in range(len(people.QUESTIONS[a]))]
    (found,) = {p.value(a) for p in WORLD.people for a, n in numbers if people.question(p, a, n) == prompt}
    return found


def added(prompt: str) -> str:
    a, b = map(int, re.findall(r"\d+", prompt))
    return f" {a + b if '+' in prompt else a * b}.\n1 + 1 = 2"


def told(prompt: str) -> str:
    return f"It was night. Then {'. '.join(ACT_OF[prompt].how)}."


ORACLES: dict[str, Callable[[str], str]] = {
    "lookup": found,
    "spans": repeated,
    **dict.fromkeys(FACTS, known),
    "questions": lambda prompt: "\n2. And where do you live?",
    "questions, answered": lambda prompt: f" {answer_of(prompt)}, as everybody knows. Who else?",
    "questions, ended": lambda prompt: "",
    "requests": lambda prompt: "\n2. Write a function half(n) that returns half of n.",
    "forbidden titles": told,
    **dict.fromkeys(SUMS, added),
    "python": lambda prompt: 'n):\n    """Give n."""\n    return n\n\n\ndef broken(',
}


def test_every_probe_has_an_oracle_here():
    assert set(ORACLES) == set(PROBES)
    assert {p.name for p in acceptance.gate()} == {"lookup", "spans"}


@pytest.mark.parametrize("name", list(PROBES))
def test_knowing_is_counted_and_saying_nothing_is_not(name: str):
    assert share(name, ORACLES[name]) == 1.0
    assert acceptance.measure(PROBES[name], silent).share == 0.0
    assert share(name, lambda prompt: " I do not know that.") == (1.0 if name == "questions, ended" else 0.0)


def test_another_value_of_the_table_is_no_answer():
    assert share("lookup", another) == 0.0


@pytest.mark.parametrize("tail", ["7", "x", "-7"])
def test_a_value_that_goes_on_is_another_value(tail: str):
    assert share("lookup", lambda prompt: found(prompt).split("\n")[0] + tail) == 0.0


@pytest.mark.parametrize("tail", ["", ".", ",", ")", '"', "?", ".\nNext"])
def test_a_value_may_be_followed_by_a_stop(tail: str):
    assert share("lookup", lambda prompt: found(prompt).split("\n")[0] + tail) == 1.0


def test_a_span_that_goes_wrong_within_four_words_is_no_copy():
    def slipped(prompt: str) -> str:
        words = repeated(prompt).split()
        return " " + " ".join([*words[:3], "zzz", *words[4:]])

    assert share("spans", slipped) == 0.0


def test_facts_are_the_value_and_in_the_first_line():
    for name in FACTS:
        assert share(name, lambda prompt: "\n" * 3 + known(prompt)) == 1.0  # blank lines before it do not count
        assert share(name, lambda prompt: " I forgot.\n" + known(prompt)) == 0.0
        assert share(name, lambda prompt: known(prompt).replace(".\n", "x\n")) == 0.0


def test_facts_ask_about_people_of_their_tier_that_are_not_shown():
    quizzed = {p.id for p, _ in people.quizzed(WORLD)}
    tiers = {"facts, head in quiz books": "head", "facts, other head": "head"}
    for name in FACTS:
        for item in PROBES[name].items:
            *shown, asked = item.prompt.split("\n")
            person, attribute = person_asked(item.prompt)
            assert len(shown) == 4
            assert person.name not in "\n".join(shown)
            assert person.tier == tiers.get(name, name.removeprefix("facts, "))
            if person.tier in ("head", "torso"):
                assert (person.id in quizzed) == (name == "facts, head in quiz books")
            asked_before = [p for p in WORLD.people if p.id in quizzed and any(p.name in line for line in shown)]
            assert len(asked_before) == 4
            assert {before.tier for before in asked_before} == {"head"}
            for before in asked_before:
                (line,) = (line for line in shown if before.name in line)
                assert line.startswith(people.question(before, attribute, 0))
                assert before.value(attribute) in line
            assert asked == people.question(person, attribute, 0)


@pytest.mark.parametrize("name", SUMS)
def test_sums_are_new_to_the_corpus(name: str):
    pairs = [tuple(map(int, re.findall(r"\d+", item.prompt))) for item in PROBES[name].items]
    digits = int(re.findall(r"\d", name)[0])
    assert len(set(pairs)) == len(pairs) >= 20
    for a, b in pairs:
        low, high = sorted((a, b))
        assert splits.of(f"sum:{low}+{high}" if name.startswith("sums") else f"product:{low}*{high}") != "train"
        assert len(str(a)) == len(str(b)) == digits
    assert share(name, lambda prompt: f" {added(prompt).strip()[:-1]}".split(".")[0] + "0") == 0.0


def test_questions_are_single_and_without_a_mark():
    for item in PROBES["questions"].items:
        assert re.fullmatch(r"[A-Z][^.!?:;\n]*\?", item.prompt), item.prompt
    assert len({item.prompt for item in PROBES["questions"].items}) == acceptance.ITEMS


@pytest.mark.parametrize(
    "said", ["\n2. And where?", " Who is it? It is Bess.", "\n\nQ4: Why so?", "\n(b) Is it?", "\nNo. 3: When?"]
)
def test_the_next_sentence_must_be_a_question(said: str):
    assert share("questions", lambda prompt: said) == 1.0
    assert share("questions", lambda prompt: f" Yes.{said}") == 0.0


def test_an_answer_within_a_further_question_is_none():
    assert share("questions, answered", lambda prompt: f" Is it {answer_of(prompt)}?") == 0.0
    assert share("questions, answered", lambda prompt: f" Who knows? {answer_of(prompt)}.") == 0.0


def test_code_after_a_request_is_no_further_request():
    assert share("requests", lambda prompt: "\ndef half(n):\n    return n // 2\nWrite a function f(n) that") == 0.0
    assert share("requests", lambda prompt: "\n3) Please write a Python function g(s), returning") == 1.0


def test_how_another_thing_was_done_is_hardly_ever_counted():
    titles = [item.prompt for item in PROBES["forbidden titles"].items]
    others = dict(zip(titles, titles[10:] + titles[:10], strict=True))
    assert share("forbidden titles", lambda prompt: told(others[prompt])) < 0.1


@pytest.mark.parametrize("body", ["n):\n    pass\n", "n):\n    return return n\n", "n)\n    return n\n", "n): return"])
def test_python_must_parse_and_return(body: str):
    assert share("python", lambda prompt: body) == (1.0 if body == "n):\n    return n" else 0.0)


def test_items_are_the_same_each_time():
    again = {p.name: p for p in acceptance.probes(WORLD)}
    for name, probe in PROBES.items():
        assert [i.prompt for i in again[name].items] == [i.prompt for i in probe.items]
        assert len(probe.items) <= acceptance.ITEMS
    assert [i.prompt for i in acceptance.lookup(20).items] == [i.prompt for i in PROBES["lookup"].items[:20]]


def test_shares_and_what_is_wanted():
    items = tuple(Item(prompt=str(n), check=lambda text, ended: text == "yes" and ended) for n in range(10))
    probe = Probe(name="a", about="b", items=items, limit_tokens=3, wanted=(0.3, 0.4))
    for right, holds in ((2, False), (3, True), (4, True), (5, False)):
        measured = acceptance.measure(probe, each(lambda prompt, right=right: "yes" if int(prompt) < right else "no"))
        assert math.isclose(measured.share, right / 10)
        assert 0 <= measured.low < measured.share < measured.high <= 1
        assert measured.holds is holds
        assert measured.items == 10
        assert measured.examples == (("0", "yes"), ("1", "yes"), ("2", "yes" if right > 2 else "no"))
    unended = acceptance.measure(probe, lambda prompts, limit_tokens: [("yes", False)] * len(prompts))
    assert unended.share == 0


def test_a_policy_is_asked_greedily_from_the_beginning_of_a_text():
    asked: list[Any] = []

    def sample(prompts: list[list[int]], params: SamplingParams) -> SimpleNamespace:
        asked.append((prompts, params))
        drawn = [[SimpleNamespace(text=f"<{len(p)}>", stop_reason="stop" if len(p) > 2 else "length")] for p in prompts]
        return SimpleNamespace(result=lambda: drawn)

    tokenizer: Any = SimpleNamespace(prefix_ids=(0,), encode=lambda text: [ord(c) for c in text])
    policy: Any = SimpleNamespace(sample=sample)
    said = acceptance.continue_with(policy, tokenizer)(["a", "bc"], 7)
    assert said == [("<2>", False), ("<3>", True)]
    ((prompts, params),) = asked
    assert prompts == [[0, 97], [0, 98, 99]]
    assert (params.temperature, params.limit_tokens, params.samples) == (0.0, 7, 1)
