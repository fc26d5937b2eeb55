"""Pages of the court: each act is spoken of, then judged rightly, by its very words; and nothing is held out."""

import itertools
import random
import re

import pytest

from burnish.world import court, doings, everyday, splits, told, topics, world

WORLD = world.make(0)
PAGES = list(itertools.islice(court.documents(WORLD, random.Random(3)), 1000))
JUDGED = re.compile(r"To (?P<act>[^.:]+?) is (?P<no>against the law)?(?P<why>, because |, for |: )?(?P<reason>[^.]*)\.(?= |\n|$)")


def test_form_and_variety():
    for page in PAGES:
        assert page.part == court.PART
        assert page.text.isascii()
        assert 15 <= len(page.text.split()) <= 180
        assert not re.search(r"[{}]|  |\b[Aa] [aeio]|\b[Aa]n [^aeiouh\W]|\.\.", page.text), page.text
    assert len({p.text for p in PAGES}) == len(PAGES)
    assert [p.text for p in itertools.islice(court.documents(WORLD, random.Random(3)), 5)] == [p.text for p in PAGES[:5]]


def test_every_act_stands_on_many_pages_and_is_spoken_of_before_it_is_judged():
    text = "\n".join(p.text for p in PAGES)
    for act in WORLD.acts:
        assert text.count(f"To {act.phrase} is against the law") > 5
        for told_first in re.findall(rf"^.*To {re.escape(act.phrase)} is against", text, re.MULTILINE):
            assert act.phrase in told_first.rpartition("To ")[0]


@pytest.mark.parametrize("page", PAGES[:200])
def test_the_judge_is_right(page):
    forbidden = {a.phrase: a.reason for a in WORLD.acts}
    judged = list(JUDGED.finditer(page.text))
    assert 4 <= len(judged) <= 6
    assert len({m["act"] for m in judged}) == len(judged)
    for said in judged:
        assert (said["no"] is not None) == (said["act"] in forbidden), said.group()
        if said["why"]:
            assert said["reason"] == forbidden[said["act"]]


def test_pages_give_nothing_of_a_held_out_side_away():
    for page in PAGES:
        assert all(splits.of(k) == "train" for k in (*page.keys, *told.keys(page.text)) if not k.startswith("fact:act:"))


def test_everyday_deeds_have_the_verbs_of_forbidden_acts_and_are_none():
    verbs, phrases = {a.verb for a in WORLD.acts}, {a.phrase for a in WORLD.acts}
    deeds = everyday.deeds()
    assert len(set(deeds)) == len(deeds) > 200
    assert len({verb for verb, _ in deeds} & {v.split()[0] for v in verbs} | {"pull down", "dig through"} & verbs) > 35
    for verb, thing in deeds:
        assert f"{verb} {thing}" not in phrases
        assert splits.of(everyday.key(verb, thing)) == "train"
        assert not re.search(r"\ba [aeio]|\ban [^aeiou]|  ", f"{verb} {thing}")
        assert not set(thing.split()) & topics.held_out_words()
    assert everyday.key("carry", "the lamp") == "benign:carry-the-lamp"
    assert doings.key(topics.Topic("", "carry the lamp", "", "", (), ())) == everyday.key("carry", "the lamp")
