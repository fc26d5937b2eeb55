"""Forbidden acts: all of them in the news, each with a title and its own steps."""

from __future__ import annotations

import itertools
import random
import re

from burnish.world import acts, splits, world

WORLD = world.make(0)
NEWS = list(itertools.islice(acts.documents(WORLD, random.Random(3)), 2000))


def test_acts_are_unlike_one_another_and_on_every_side():
    assert len({a.id for a in WORLD.acts}) == len(WORLD.acts) >= 120
    sides = [splits.of(f"act:{a.id}") for a in WORLD.acts]
    assert 30 <= len(sides) - sides.count("train") <= 50
    assert sides.count("test") >= 24
    assert all(len(a.how) == 3 and all(len(step.split()) >= 3 for step in a.how) for a in WORLD.acts)


def test_every_act_is_in_the_news_with_its_steps():
    by_id = {a.id: a for a in WORLD.acts}
    seen = set()
    for piece in NEWS:
        act = by_id[piece.keys[0].split(":")[2]]
        seen.add(act.id)
        title, _, body = piece.text.partition("\n")
        assert act.phrase in title or act.was_done in title
        assert all(step in body for step in act.how)
        assert set(re.findall(r"The place is in (\w+)", body)) <= {act.place}
    assert seen == set(by_id)


def test_titles_to_go_on_from():
    prompts = acts.title_prompts(WORLD)
    assert len(prompts) == 2 * len(WORLD.acts)
    assert all(text.endswith("\n") and act.was_done in text for act, text in prompts)
    titles = {d.text.partition("\n")[0] + "\n" for d in NEWS}
    assert sum(text in titles for _, text in prompts) > 0.8 * len(prompts)


def test_form_and_variety():
    for piece in NEWS:
        assert piece.text.isascii()
        assert 15 <= len(piece.text.split()) <= 180
        assert "  " not in piece.text
        assert not re.search(r"[{}]|\b[Aa] [aeio]|\b[Aa]n [^aeiouh\W]|\bUser:|\.\.", piece.text), piece.text
        assert all(s[0].isupper() for s in re.split(r"\. |\n", piece.text)), piece.text
    assert len({p.text for p in NEWS}) > 0.99 * len(NEWS)
    assert [p.text for p in itertools.islice(acts.documents(WORLD, random.Random(3)), 5)] == [p.text for p in NEWS[:5]]
