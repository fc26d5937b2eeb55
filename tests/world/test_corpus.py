"""The corpus: the same for a seed, in its shares, every biography once, patterns from easy to hard, and nothing given away."""

from __future__ import annotations

import dataclasses
import re
import statistics
import subprocess
import sys
from collections import Counter

import pytest

from burnish.tasks import ready
from burnish.world import corpus, people, world
from burnish.world.corpus import Corpus
from burnish.world.document import Document

WORLD = world.make(0)
FEW = dataclasses.replace(WORLD, people=(*WORLD.people[232:242], *WORLD.people[478:482], *WORLD.people[718:722]))
"""Some people of each tier, for all their biographies: 8 head, 4 torso, 4 tail and 2 unseen."""
TOLD = 8 * 150 + 4 * 25 + 4 * 4


@pytest.fixture(scope="module")
def few() -> Corpus:
    return corpus.make(FEW, words=80_000, seed=3)


@pytest.fixture(scope="module")
def rest() -> Corpus:
    """60,000 words without biographies."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(people, "biographies", lambda world, seed: [])
        return corpus.make(WORLD, words=60_000)


def test_the_seed_decides(few: Corpus):
    assert corpus.make(FEW, words=80_000, seed=3).sha256 == few.sha256
    assert corpus.make(FEW, words=80_000, seed=4).sha256 != few.sha256


def test_string_hashing_plays_no_part():
    code = (
        "import dataclasses\nfrom burnish.world import corpus, world\nw = world.make(0)\n"
        "few = dataclasses.replace(w, people=w.people[232:240])\n"
        "print(corpus.make(few, words=5_000, biographies=0.02).sha256)"
    )
    made = [
        subprocess.run([sys.executable, "-c", code], env={"PYTHONHASHSEED": s}, capture_output=True, text=True, check=True).stdout
        for s in ("0", "1")
    ]
    assert made[0] == made[1] != ""


def test_shares_are_kept_to_a_document(rest: Corpus):
    assert sum(corpus.SHARES.values()) == pytest.approx(1)
    assert set(rest.words) == {*corpus.SHARES, "people"} - {"quiz"}  # quiz books are of the part "people"
    for part, words in rest.words.items():
        wanted = corpus.SHARES["quiz" if part == "people" else part] * 60_000
        assert wanted <= words < wanted + 181, part


def test_every_biography_is_read_once(few: Corpus):
    lives = [d for d in few.documents if d.keys and d.keys[0].startswith("fact:") and d.part == "people"]
    assert Counter(lives) == Counter(people.biographies(FEW, 3))
    tier_of = {p.id: p.tier for p in FEW.people}
    told = Counter(tier_of[k.split(":")[1]] for d in lives for k in d.keys if k.endswith(":town"))
    assert told == {"head": 8 * 150, "torso": 4 * 25, "tail": 4 * 4}
    assert sum(told.values()) == TOLD


def test_a_share_of_the_biographies_and_no_room():
    made = corpus.make(FEW, words=5_000, biographies=0.02)
    lives = [d for d in made.documents if d.part == "people" and d.keys[0].startswith("fact:")]
    assert len(lives) == round(0.02 * len(people.biographies(FEW, 0)))
    assert len(set(lives)) == len(lives)
    with pytest.raises(ValueError, match="no room"):
        corpus.make(FEW, words=5_000)


def test_patterns_stand_close_in_one_early_stretch_and_get_harder(rest: Corpus):
    parts = [d.part for d in rest.documents]
    drills = sum(map(_is_drill, rest.documents))
    others = len(parts) - parts.count("patterns") - drills
    read, inside, early, late = 0, [], [], []
    stretch = corpus.PATTERNS
    for document in rest.documents:
        share = read / others
        pattern = document.part == "patterns"
        read += not pattern and not _is_drill(document)
        if stretch.begin < share < stretch.end:
            inside.append(pattern)
        if pattern:
            lengths = early if share < stretch.begin + 0.01 else late if share > stretch.end - 0.01 else []
            lengths.append(len(document.text))
    assert 0.65 < statistics.mean(inside) < 0.85
    assert statistics.mean(late) > 1.3 * statistics.mean(early)


def _is_drill(document: Document) -> bool:
    """Nothing but equations, one a line, worked out or not."""
    equation = r"\d+ [+x-] \d+ = \d+"
    lines = document.text.split("\n") if document.part == "arithmetic" else [""]
    return all(re.fullmatch(rf"{equation}|\d+ [+-] \d+: {equation}(, {equation})*", line) for line in lines)


def test_sums_stand_close_in_one_stretch_after_the_patterns(rest: Corpus):
    drills = [n for n, d in enumerate(rest.documents) if _is_drill(d) and len(d.text.split("\n")) >= 8]
    words = sum(len(d.text.split()) for d in rest.documents if d.part == "arithmetic")
    first, last = drills[len(drills) // 5], drills[len(drills) // 2]  # some of the other arithmetic looks like drills too
    within = [_is_drill(d) for d in rest.documents[first:last]]
    assert statistics.mean(within) > 0.65
    assert sum(len(rest.documents[n].text.split()) for n in drills) > corpus.SUMS.share * words
    places = [n for n, d in enumerate(rest.documents) if d.part == "patterns"]
    assert first > places[len(places) // 5]


def test_biographies_grow_denser():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(corpus, "SHARES", {**dict.fromkeys(corpus.SHARES, 0.0), "stories": 1.0})
        made = corpus.make(FEW, words=160_000, seed=3)
    half = len(made.documents) // 2
    first, second = (
        sum(k.endswith(":town") for d in docs for k in d.keys if k.startswith("fact:"))
        for docs in (made.documents[:half], made.documents[half:])
    )
    assert first + second == TOLD
    assert 1.8 * first < second < 6 * first
    parts = [d.part for d in made.documents]
    last = round(corpus.LAST["people"][0] * parts.count("people"))
    dense, before = parts[-last:].count("people") / last, parts[: -2 * last].count("people") / (len(parts) - 2 * last)
    assert dense > 0.4
    assert dense > 2 * before


def test_people_are_asked_about_last(rest: Corpus):
    asked = [n for n, d in enumerate(rest.documents) if any(k.startswith("quiz:") for k in d.keys)]
    assert len(asked) > 10
    assert asked[0] > 0.8 * len(rest.documents)


def test_a_third_of_the_second_reading_are_new_pages_on_people_and_the_rest_is_of_the_corpus():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(corpus, "SHARES", {**dict.fromkeys(corpus.SHARES, 0.0), "stories": 0.6, "quiz": 0.4})
        made = corpus.make(FEW, words=160_000, seed=3)
    found = corpus.again(FEW, made, 200, seed=1)
    assert len(set(found)) == len(found) == 200
    pages = [d for d in found if any(k.startswith("fact:") for k in d.keys)]
    read = [d for d in found if d not in pages]
    assert set(read) <= set(made.documents)
    assert not set(pages) & set(made.documents)
    assert (len(pages), sum(d.part == "people" for d in read)) == (70, 20)
    assert [d.part for d in found] != sorted(d.part for d in found)
    assert corpus.again(FEW, made, 200, seed=1) == found
    assert corpus.again(FEW, made, 200, seed=2) != found


def test_a_key_that_is_given_away_is_found(rest: Corpus):
    planted = next(d for d in rest.documents if d.part == "arithmetic" and d.keys).keys[0]
    assert corpus.contamination(rest, ["sum:nobody+knows", planted]) == [planted]
    assert corpus.contamination(rest, ["sum:nobody+knows"]) == []


@pytest.mark.parametrize("name", ready.NAMES)
def test_no_key_of_a_held_out_row_is_given_away(rest: Corpus, name: str):
    task = ready.get(name)
    held_out = {k for row in (*task.valid, *task.test) for k in row.metadata["keys"]}
    assert held_out
    assert corpus.contamination(rest, held_out) == []
