from __future__ import annotations

import random

import pytest

from burnish.world import grammar


def test_alternatives_words_and_articles() -> None:
    draw = random.Random(1)
    found = {grammar.expand("[one|two [big|small]|] {a} met a {b}.", draw, a="Mina", b="owl") for _ in range(60)}
    assert found == {"One Mina met an owl.", "Two big Mina met an owl.", "Two small Mina met an owl.", "Mina met an owl."}


def test_articles_follow_sound() -> None:
    assert grammar.tidy("a one, a useful ox, a egg, A apple, a oven") == "A one, a useful ox, an egg, An apple, an oven"


def test_capitals_and_spaces() -> None:
    assert grammar.tidy('it rained.  then   "go!" said  Mina . ') == 'It rained. Then "go!" said Mina.'


def test_unbalanced_brackets_are_our_mistake() -> None:
    with pytest.raises(AssertionError):
        grammar.expand("[a|b", random.Random(0))
