"""Names are many, short, unlike one another, and no other word of the people's attributes."""

from __future__ import annotations

from burnish.world import names, people


def test_lists_are_full_and_share_no_word():
    assert len(names.GIVEN) >= 115
    assert len(names.FAMILY) >= 115
    assert len(names.TOWNS) == 64
    everything = [*names.GIVEN, *names.FAMILY, *names.TOWNS]
    assert len(everything) == len(set(everything))
    assert all(n.isascii() and n.isalpha() and n[0].isupper() and n[1:].islower() and len(n) <= 8 for n in everything)


def test_no_name_is_a_value_of_an_attribute():
    values = {v.lower() for a, vs in people.VALUES.items() if a != "town" for v in vs}
    assert not values & {n.lower() for n in (*names.GIVEN, *names.FAMILY, *names.TOWNS)}


def test_pronouns():
    assert set(names.GIVEN) >= names.HE
    assert (names.pronoun("Oscar"), names.pronoun("Amber")) == ("he", "she")
    assert 0.4 < len(names.HE) / len(names.GIVEN) < 0.6
