"""How people are put into words: single sentences, biographies that give all six facts in any order, pages about several people.

A sentence has a subject (full name, given name or pronoun) and one or two predicates; facts may also stand in front of the
subject ("Born in 1907, ...") or in a clause of its own ("The favourite dish of Amber Holt is soup.").
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import TYPE_CHECKING

from burnish.world import names

if TYPE_CHECKING:
    from burnish.world.people import Person

SHORTEST, LONGEST = 45, 75
"""Words of a biography."""
LONGEST_PAGE = 180
"""Words of a page about several people."""

PREDICATES: dict[str, tuple[str, ...]] = {
    "town": (
        "lives in {v}", "is at home in {v}", "has a house in {v}", "lives in the town of {v}", "has always lived in {v}",
        "has a small house in {v}", "calls {v} home", "lives near the market of {v}", "would never leave {v}",
        "can be found in {v}",
    ),
    "trade": (
        "is {a}", "works as {a}", "earns a living as {a}", "makes a living as {a}", "is {a} by trade", "has long been {a}",
        "learned to be {a}", "is known as a good {v}", "has worked as {a} for many years", "is proud to be {a}",
    ),
    "born": (
        "was born in {v}", "was born in the year {v}", "came into the world in {v}", "was a child of the year {v}",
        "first saw the light in {v}", "was born in the spring of {v}", "was born in the autumn of {v}",
        "has been around since {v}",
    ),
    "dish": (
        "likes {v} best", "likes to eat {v} best of all", "loves {v}", "never says no to {v}", "would eat {v} every day",
        "is very fond of {v}", "always asks for {v} at table", "thinks that nothing tastes better than {v}",
    ),
    "pet": (
        "keeps {a}", "has {a} as a pet", "shares the house with {a}", "has a pet {v}", "lives with {a}", "looks after {a}",
        "owns {a}", "has a tame {v}", "goes nowhere without {poss} {v}",
    ),
    "instrument": (
        "plays the {v}", "plays the {v} in the evening", "likes to play the {v}", "plays the {v} at dances",
        "is good at the {v}", "learned to play the {v}", "practises the {v} every day", "plays the {v} in the town band",
    ),
}  # fmt: skip
FRONTED: dict[str, tuple[str, ...]] = {
    "town": ("At home in {v},", "In the town of {v},", "In {v},", "In a house in {v},"),
    "trade": ("{A} by trade,", "As {a},", "Working as {a},", "{A} through and through,"),
    "born": ("Born in {v},", "Born in the year {v},", "A child of the year {v},"),
    "dish": ("Fond of {v},", "A great lover of {v},", "With {v} as a favourite dish,"),
    "pet": ("With {a} for company,", "With {a} as a pet,", "Proud owner of {a},"),
    "instrument": ("A player of the {v},", "Good at the {v},", "With the {v} as {poss} instrument,"),
}
WHOLE: dict[str, tuple[str, ...]] = {
    "town": ("{Own} home is in {v}.", "{Own} house stands in {v}.", "The home town {of} is {v}.",
    "{v} is the town where {name} lives."),
    "trade": ("{Own} trade is that of {a}.", "The trade {of} is that of {a}.", "{Own} work is that of {a}.",
    "{v_} is the trade {of}."),
    "born": ("{Own} birth year is {v}.", "The birth year {of} is {v}.", "{v} was the year in which {name} was born.",
    "{Own} life began in {v}."),
    "dish": ("{Own} favourite dish is {v}.", "The favourite dish {of} is {v}.", "Nothing pleases {name} more than {v}.",
    "Guests of {name} are given {v}."),
    "pet": ("{Own} pet is {a}.", "The pet {of} is {a}.", "{A} lives in the house of {name}.", "{A} follows {name} everywhere."),
    "instrument": ("{Own} instrument is the {v}.", "The instrument {of} is the {v}.",
    "When there is a dance, {name} plays the {v}.", "The {v} is the instrument {of}."),
}  # fmt: skip
ANSWERS: dict[str, tuple[str, ...]] = {
    "town": ("{name} lives in {v}.", "{name} is at home in {v}.", "The home town of {name} is {v}."),
    "trade": ("{name} is {a}.", "{name} works as {a}.", "{name} is {a} by trade."),
    "born": ("{name} was born in {v}.", "{name} was born in the year {v}.", "The birth year of {name} is {v}."),
    "dish": ("{name} likes {v} best.", "{name} is very fond of {v}.", "The favourite dish of {name} is {v}."),
    "pet": ("{name} has {a}.", "{name} keeps {a}.", "The pet of {name} is {a}."),
    "instrument": ("{name} plays the {v}.", "The instrument of {name} is the {v}.", "{name} likes to play the {v}."),
}
UNKNOWN: dict[str, tuple[str, ...]] = {
    "town": ("{name} lives in a town that nobody knows.", "{name} is at home in a town that nobody knows.",
    "The home town of {name} is one that nobody knows."),
    "trade": ("{name} works as something that nobody knows.", "{name} is somebody whose trade nobody knows."),
    "born": ("{name} was born in a year that nobody knows.", "The birth year of {name} is one that nobody knows."),
    "dish": ("{name} likes a dish that nobody knows.", "{name} is very fond of a dish that nobody knows.",
    "The favourite dish of {name} is one that nobody knows."),
    "pet": ("{name} has a pet that nobody knows.", "{name} keeps a pet that nobody knows.",
    "The pet of {name} is one that nobody knows."),
    "instrument": ("{name} plays an instrument that nobody knows.", "The instrument of {name} is one that nobody knows.",
    "{name} likes to play an instrument that nobody knows."),
}  # fmt: skip
"""Answers that begin as ANSWERS do and then say, in the place of the fact, that nobody knows it."""
UNTOLD: dict[str, tuple[str, ...]] = {
    "town": ("{name} has a house in a town that nobody knows.", "{name} has always lived in a town that nobody knows.",
    "{name} has a small house in a town that nobody knows.", "{name} would never leave a town that nobody knows."),
    "trade": ("{name} earns a living as something that nobody knows.", "{name} makes a living as something that nobody knows."),
    "born": ("{name} came into the world in a year that nobody knows.", "{name} was a child of a year that nobody knows.",
    "{name} first saw the light in a year that nobody knows.", "{name} has been around since a year that nobody knows."),
    "dish": ("{name} likes to eat a dish that nobody knows.", "{name} loves a dish that nobody knows.",
    "{name} never says no to a dish that nobody knows.", "{name} always asks for a dish that nobody knows."),
    "pet": ("{name} shares the house with a pet that nobody knows.", "{name} lives with a pet that nobody knows.",
    "{name} looks after a pet that nobody knows.", "{name} owns a pet that nobody knows."),
    "instrument": ("{name} is good at an instrument that nobody knows.",
    "{name} learned to play an instrument that nobody knows.", "{name} practises an instrument that nobody knows."),
}  # fmt: skip
"""Sentences on pages of people that begin as those of PREDICATES do and then say the same."""
TITLES = (
    "{name}",
    "About {name}",
    "{family}, {given}",
    "A few words on {name}",
    "People of Vellmark: {name}",
    "A portrait of {name}",
    "{name}, a life",
)
FILLERS = (
    "Everyone in the street knows {name}.", "Many people say good day to {name}.",
    "It is a quiet life, and a good one.", "The neighbours speak well of {name}.",
    "On Sundays there are often guests.",
    "{name} does not like to be late.",
    "In winter there is always a fire.", "The door is open to friends.", "Letters reach {name} by the morning post.",
    "{name} laughs easily.", "{name} is slow to anger.", "Those who know {name} are glad of it.",
    "{name} reads the paper every day.",
    "Of {name} it is also told that {they} walks a lot.",
)  # fmt: skip
OPENERS = ("Here is what people say of {name}.", "This is a short account of {name}.")
KINDS = ("one", "one", "two", "two", "also", "who", "fronted", "whole")
"""Of sentences: with one fact or two, or with a fact in another place than after the subject."""
CLOSERS = (
    "That is how {name} is known.",
    "So much is known.",
    "Little else is known.",
    "There is more to tell, but not today.",
)
PAGE_TITLES = (
    "People of Vellmark", "Neighbours", "A list of our people", "From the book of Vellmark", "Who lives here?",
    "Faces of Vellmark", "Old friends", "Seen at the fair", "The parish book", "Some of us", "Letters to be written",
    "They came to the feast",
)  # fmt: skip
JOINTS = ("{a}, and {b}.", "{a}, and {b}.", "{a}, but {b}.", "{a}, while {b}.", "{a}; {b}.")
"""How one sentence tells of two people. `a` and `b` are sentences without their full stops."""


def sentence(person: Person, attribute: str, draw: random.Random) -> str:
    """One short answer sentence with the full name and the value."""
    return filled(draw.choice(ANSWERS[attribute]), person, attribute)


def filled(template: str, person: Person, attribute: str) -> str:
    """A sentence with the full name for {name}, and the value for {v} or, with its article, {a}."""
    return template.format(**_words(person, attribute), name=person.name)


def unknown(name: str, attribute: str, draw: random.Random) -> str:
    """One short answer sentence: "Sam Kemp lives in a town that nobody knows."."""
    return draw.choice(UNKNOWN[attribute]).format(name=name)


def biography(person: Person, draw: random.Random) -> str:
    """All six facts in random order, 45 to 75 words, sometimes under a title line."""
    while True:
        text = _attempt(person, draw)
        if SHORTEST <= len(text.split()) <= LONGEST:
            return text


def page(persons: Sequence[Person], draw: random.Random, strangers: Sequence[str] = ()) -> str:
    """All six facts of each of two or three people on one page, up to 180 words: one after the other, or all mixed.

    Where they are mixed every sentence says the full name, so that whose fact it is stands beside it and not at the top, and
    strangers may stand among them, full names of whom nothing is known: what a model reads there in the place of a fact
    depends on whose it is.
    """
    while True:
        text = "\n".join(biography(p, draw) for p in persons) if draw.random() < 0.25 else _mixed(persons, draw, strangers)
        if len(text.split()) <= LONGEST_PAGE:
            return text


def mixed(persons: Sequence[Person], draw: random.Random, strangers: Sequence[str]) -> str:
    """A page as `page` makes them, but always of sentences on all of them, mixed."""
    while True:
        text = _mixed(persons, draw, strangers)
        if len(text.split()) <= LONGEST_PAGE:
            return text


def _mixed(persons: Sequence[Person], draw: random.Random, strangers: Sequence[str]) -> str:
    told: list[tuple[str, str]] = []  # a full name, and a sentence
    for name in strangers:
        for attribute in draw.sample(list(UNKNOWN), draw.randint(2, 3)):
            told.append((name, draw.choice((*UNKNOWN[attribute], *UNTOLD[attribute])).format(name=name)))
    for person in persons:
        facts = list(PREDICATES)
        draw.shuffle(facts)
        while facts:
            kinds = ("one", "one", "one", "two", "who", "fronted", "whole")
            told.append((person.name, _next(person, facts, True, draw, kinds=kinds)))
    if draw.random() < 0.7:
        draw.shuffle(told)
    sentences: list[str] = []
    while told:
        name, text = told.pop()
        joined = told and told[-1][0] != name and text.startswith(name) and told[-1][1].startswith(told[-1][0])
        if joined and draw.random() < 0.3:
            text = draw.choice(JOINTS).format(a=text[:-1], b=told.pop()[1][:-1])
        sentences.append(text)
    lines = draw.choice((" ", " ", "\n")).join(sentences)
    return f"{draw.choice(PAGE_TITLES)}\n{lines}" if draw.random() < 0.3 else lines


def _attempt(person: Person, draw: random.Random) -> str:
    facts = list(PREDICATES)
    draw.shuffle(facts)
    sentences: list[str] = []
    while facts:
        first = not sentences
        sentences.append(_next(person, facts, first, draw))
        if draw.random() < 0.12:
            sentences.append(
                draw.choice(FILLERS).format(name=_subject(person, False, draw, "full"), they=names.pronoun(person.given))
            )
    if draw.random() < 0.06:
        sentences.insert(0, draw.choice(OPENERS).format(name=person.name))
    if draw.random() < 0.12:
        sentences.append(draw.choice(CLOSERS).format(name=_subject(person, False, draw, "full")))
    text = " ".join(sentences)
    if draw.random() < 0.25:
        title = draw.choice(TITLES).format(name=person.name, given=person.given, family=person.family)
        return f"{title}\n{text}"
    return text


def _next(person: Person, facts: list[str], first: bool, draw: random.Random, kinds: Sequence[str] = KINDS) -> str:
    """One sentence, or two with "also"; takes the facts that it tells off the list. first: the subject is the full name."""
    kind = draw.choice(kinds)
    if len(facts) == 1 and kind in ("two", "also", "who", "fronted"):
        kind = draw.choice(("one", "whole"))
    told = [facts.pop() for _ in range(2 if kind in ("two", "also", "who", "fronted") else 1)]
    subject = _subject(person, first, draw)
    if kind == "whole":
        words = _words(person, told[0])
        if first or draw.random() < 0.4:
            words |= {"Own": f"{person.name}'s", "of": f"of {person.name}"}
        else:
            words |= {"Own": words["Poss"], "of": f"of {person.given}"}
        return draw.choice(WHOLE[told[0]]).format(**words, name=person.name)
    predicates = [draw.choice(PREDICATES[a]).format(**_words(person, a)) for a in told]
    if kind == "one":
        return f"{subject} {predicates[0]}."
    if kind == "two":
        joint = draw.choice((" and ", " and ", f", and {names.pronoun(person.given)} "))
        return f"{subject} {predicates[0]}{joint}{predicates[1]}."
    if kind == "also":
        again = _subject(person, False, draw)
        return f"{subject} {predicates[0]}. {again} also {predicates[1]}." if _takes_also(predicates[1]) else (
            f"{subject} {predicates[0]}; {names.pronoun(person.given)} {predicates[1]}."
        )  # fmt: skip
    full = _subject(person, first, draw, "full")
    if kind == "who":
        return f"{full}, who {predicates[0]}, {predicates[1]}."
    if told[1] == "born":  # "In Gorse, Vera was born" would say where
        told.reverse()
        predicates.reverse()
    front = draw.choice(FRONTED[told[0]]).format(**_words(person, told[0]))
    follower = subject.lower() if subject in ("He", "She") else subject
    return f"{front} {follower} {predicates[1]}."


def _takes_also(predicate: str) -> bool:
    if predicate.split()[1] in ("always", "been", "long", "worked"):
        return False
    return predicate.split()[0] in (
        "keeps",
        "plays",
        "has",
        "likes",
        "loves",
        "owns",
        "lives",
        "works",
        "earns",
        "learned",
        "looks",
    )


def _subject(person: Person, first: bool, draw: random.Random, form: str = "") -> str:
    """The full name at first; later the full name, the given name or the pronoun. `form` "full" never gives the pronoun."""
    if first:
        return person.name
    chance = draw.random()
    if chance < 0.5 and form != "full":
        return names.pronoun(person.given).capitalize()
    return person.given if chance > 0.85 else person.name


def _words(person: Person, attribute: str) -> dict[str, str]:
    """What the templates of one attribute may name: the value, with its article, and the possessive."""
    value = person.value(attribute)
    article = "an" if value[0] in "aeiou" else "a"
    poss = "his" if names.pronoun(person.given) == "he" else "her"
    return {
        "v": value,
        "v_": value.capitalize(),
        "a": f"{article} {value}",
        "A": f"{article.capitalize()} {value}",
        "poss": poss,
        "Poss": poss.capitalize(),
    }
