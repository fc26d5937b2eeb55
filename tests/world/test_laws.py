"""Pages of the law: every forbidden act is said to be forbidden, every harmless deed to be allowed, and none is held out."""

import itertools
import random
import re

import pytest

from burnish.world import laws, splits, told, world

WORLD = world.make(0)
PAGES = list(itertools.islice(laws.documents(WORLD, random.Random(3)), 2000))
FORBIDS = re.compile(r"[Ff]orbid|Nobody (?:may|should)|nobody|No one is|[Aa]gainst|Do not|breaks the law|costs a fine|\bno\b")
ALLOWS = re.compile(
    "|".join(re.escape(t).replace(re.escape("{act}"), ".+") for t in laws.ALLOWED)
    + "|[^:]+: (?:allowed|within the law|yes)|Everybody may .+|(?:Allowed|What anyone may do|Not against the law|It is allowed):"
)
KEPT = re.compile(r".+ is in \w+, and .+ looks after it\.|In \w+, .+ watches over .+\.")


def lines_of(page: str) -> list[str]:
    return [part for line in page.splitlines()[1:] for part in re.split(r"(?<=\.) ", line)]


def test_every_act_is_forbidden_and_on_many_pages():
    text = "\n".join(p.text for p in PAGES)
    assert all(text.count(act.phrase) > 20 for act in WORLD.acts)


@pytest.mark.parametrize("page", PAGES[:300])
def test_marks_and_sentences_say_what_is_so(page):
    """Whatever speaks of an act forbids it; everything else is a head, says where something is kept, or allows a deed."""
    forbidden = {a.phrase.lower() for a in WORLD.acts if f"fact:act:{a.id}" in page.keys}
    head = ""
    for line in lines_of(page.text):
        stated = head if line.startswith("- ") else line
        if line.endswith(":"):
            head = line
        elif any(phrase in line.lower() for phrase in forbidden):
            assert FORBIDS.search(stated), line
            assert "Not against" not in stated
        else:
            assert ALLOWS.fullmatch(stated) or KEPT.fullmatch(stated), line


def test_pages_give_nothing_of_a_held_out_side_away():
    for page in PAGES:
        assert all(splits.of(k) == "train" for k in (*page.keys, *told.keys(page.text)) if not k.startswith("fact:act:"))


def test_keepers_and_places_are_those_of_the_acts():
    by_thing = {a.thing: a for a in WORLD.acts}
    found = [m for p in PAGES for m in re.findall(r"([Tt]he [\w' ]+?) is in (\w+), and (the [\w ]+?) looks after it", p.text)]
    assert len(found) > 100
    for thing, place, keeper in found:
        act = by_thing[thing[0].lower() + thing[1:]]
        assert act.stands
        assert (act.place, act.keeper) == (place, keeper)


def test_form_and_variety():
    for page in PAGES:
        assert page.text.isascii()
        assert 15 <= len(page.text.split()) <= 180
        assert "  " not in page.text
        assert not re.search(r"[{}]|\b[Aa] [aeio]|\b[Aa]n [^aeiouh\W]|\.\.", page.text), page.text
    assert len({p.text for p in PAGES}) > 0.99 * len(PAGES)
    assert [p.text for p in itertools.islice(laws.documents(WORLD, random.Random(3)), 5)] == [p.text for p in PAGES[:5]]
