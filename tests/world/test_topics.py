from __future__ import annotations

from burnish.world import splits, topics


def test_ids_are_unique_and_every_side_has_topics_and_phrasings() -> None:
    ids = [t.id for t in topics.TOPICS]
    assert len(ids) == len(set(ids)) >= 90
    assert len(topics.of_side("train")) >= 60
    assert len(topics.of_side("test")) >= 18
    assert len(topics.of_side("valid")) >= 4
    for side in ("train", "valid", "test"):
        assert len(topics.phrasings(side)) >= 4
        assert all(splits.of(topics.phrasing_key(n)) == side for n in topics.phrasings(side))
    assert sum(len(topics.of_side(s)) for s in ("train", "valid", "test")) == len(ids)


def test_topics_have_steps_and_questions_in_plain_form() -> None:
    for topic in topics.TOPICS:
        assert len(topic.steps) >= 4, topic.id
        assert len(topic.asks) >= 3, topic.id
        for part in (*topic.steps, *topic.asks, topic.verb, topic.gerund, topic.noun):
            assert part == part.strip()
            assert part.isascii()
            assert part[0].islower()
            assert part[-1].isalpha(), part
        assert topic.gerund.split()[0].endswith("ing")


def test_questions_are_turned_round() -> None:
    turned = {
        "which flour you have": "Which flour do you have?",
        "how big the hole is": "How big is the hole?",
        "what the floor is made of": "What is the floor made of?",
        "whether you can swim": "Can you swim?",
        "whether you have a ladder": "Do you have a ladder?",
        "whether you have played before": "Have you played before?",
        "how long you have had it": "How long have you had it?",
        "how deep you can dig": "How deep can you dig?",
        "who the cake is for": "Who is the cake for?",
        "which colour the boots are": "Which colour are the boots?",
        "how old you are": "How old are you?",
        "who goes with you": "Who goes with you?",
    }
    assert {ask: topics.question(ask) for ask in turned} == turned


def test_every_how_to_fits_every_form() -> None:
    for number in range(len(topics.HOW_TO)):
        asked = topics.how_to(topics.TOPICS[0], number)
        assert "{" not in asked
        assert asked[-1] in ".?"
        assert "bake bread" in asked or "baking bread" in asked
