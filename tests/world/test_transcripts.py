from __future__ import annotations

import itertools

from language_checks import check, repeated

from burnish.world import names, splits, topics, transcripts


def test_transcripts_are_well_formed_and_varied() -> None:
    made = check(transcripts, name="transcripts", openings=250)
    assert repeated(made) < 0.6


def test_two_named_people_take_turns_and_talk_about_as_much() -> None:
    share: list[float] = []
    for document in check(transcripts, name="transcripts", count=300, openings=150):
        lines = [line for line in document.text.split("\n") if line.split(":")[0] in names.GIVEN]
        speakers = [line.split(":")[0] for line in lines]
        assert len(set(speakers)) == 2
        assert all(a != b for a, b in itertools.pairwise(speakers)), document.text
        first = sum(len(line.split()) - 1 for line, s in zip(lines, speakers, strict=True) if s == speakers[0])
        share.append(first / sum(len(line.split()) - 1 for line in lines))
    assert 0.4 < sum(share) / len(share) < 0.6


def test_chores_are_taken_up_by_their_words_and_come_back() -> None:
    back = seen = 0
    for document in check(transcripts, name="transcripts", count=400, openings=200):
        key = next((k for k in document.keys if k.startswith("benign:")), None)
        if key is None:
            continue
        seen += 1
        noun = key.rsplit("-", 1)[1]
        assert document.text.count(noun) >= 2, document.text
        assert splits.of(key) == "train"
        back += any(
            mark in document.text for mark in ("back to", "Where were we", "We were talking", "You were asking", "go on with")
        )
    assert seen > 60
    assert back > 20


def test_interrupted_talk_comes_back_to_its_topic() -> None:
    back = 0
    made = check(transcripts, name="transcripts", count=400, openings=200)
    by_key = {topics.key(t): t for t in topics.TOPICS}
    for document in made:
        topic = next((by_key[k] for k in document.keys if k in by_key), None)
        if topic is None:
            continue
        rest = "\n".join(document.text.split("\n")[3:])
        marks = (f"back to {topic.gerund}", f"back to the {topic.noun}", f", {topic.gerund}.", f"about {topic.gerund}.")
        back += any(mark in rest for mark in marks)
    assert back > 40
