"""Patterns: what they repeat is really repeated, they grow harder, and what the gate asks for stands in none of them."""

from __future__ import annotations

import itertools
import random

from burnish.world import patterns, splits
from burnish.world.document import Document
from burnish.world.world import make


def drawn(level: float, count: int = 300, seed: int = 1) -> list[Document]:
    source = patterns.documents(make(0), random.Random(seed), level)
    return [next(source) for _ in range(count)]


def test_a_seed_gives_the_same_texts_and_another_seed_others():
    assert drawn(0.5, 50) == drawn(0.5, 50)
    assert drawn(0.5, 50) != drawn(0.5, 50, seed=2)


def test_texts_are_varied_plain_and_within_bounds():
    for level in (0.0, 0.5, 1.0):
        texts = [d.text for d in drawn(level)]
        assert len(set(texts)) > 0.97 * len(texts)
        assert len({t[:12] for t in texts}) > 0.5 * len(texts)
        for text in texts:
            assert text.isascii()
            assert 15 <= len(text.split()) <= 180
            assert "User:" not in text


def test_every_key_is_of_the_training_side():
    keys = [key for level in (0.0, 1.0) for d in drawn(level) for key in d.keys]
    assert len(keys) > 200
    assert all(splits.of(key) == "train" for key in keys)


def repeated_share(text: str) -> float:
    """Share of the words whose pair with the word before occurred earlier in the text."""
    words, seen, hits = text.split(), set[tuple[str, str]](), 0
    for pair in itertools.pairwise(words):
        hits += pair in seen
        seen.add(pair)
    return hits / len(words)


def test_texts_repeat_themselves_and_the_easy_ones_most():
    easy, hard = ([repeated_share(d.text) for d in drawn(level)] for level in (0.0, 1.0))
    assert sum(easy) / len(easy) > 0.4
    assert sum(hard) / len(hard) > 0.25


def test_they_grow_longer_with_their_level():
    words = [sum(len(d.text.split()) for d in drawn(level)) for level in (0.0, 0.5, 1.0)]
    assert words == sorted(words)
    assert words[2] > 1.3 * words[0]


def test_a_lookup_can_be_answered_from_its_table_alone():
    draw = random.Random(3)
    for _ in range(100):
        prompt, answer = patterns.lookup_items(draw, pairs=8)
        assert answer.startswith(" ")
        before, _, last = prompt.rpartition("\n")
        assert answer.strip() in before, (prompt, answer)
        assert answer.split() != last.split()[-len(answer.split()) :]
        assert sum(len(line.split()) > 0 for line in prompt.split("\n")) >= 9


def test_a_span_has_been_read_once_when_it_is_asked_for():
    draw = random.Random(4)
    for _ in range(100):
        prompt, rest = patterns.span_items(draw)
        assert prompt.count(rest.strip()) == 1
        assert len(rest.split()) >= 2


def test_what_the_gate_asks_for_is_in_no_text():
    draw = random.Random(5)
    asked = {patterns.span_items(draw)[1].strip() for _ in range(100)}
    texts = "\n".join(d.text for level in (0.0, 0.5, 1.0) for d in drawn(level))
    assert not [span for span in asked if len(span.split()) > 3 and span in texts]
