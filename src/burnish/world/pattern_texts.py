"""Copying in plain English: who has what, passages quoted word for word, lists in another order, the third word of a row."""

from __future__ import annotations

import random

from burnish.world import names
from burnish.world.grammar import joined, tidy
from burnish.world.pattern_words import COMMON, KINDS, LOOKS, NOUNS, PLACES, about_tokens, distinct

HAS = ("{n} has a {t}", "{n} has the {t}", "{n} holds a {t}", "a {t} is with {n}", "{n} brought a {t}", "{n} found a {t}",
       "{n} carries a {t}", "there is a {t} with {n}", "{n} keeps a {t}", "a {t} belongs to {n}")  # fmt: skip
AGAIN = (
    "The {t} is with {n}.", "{n} has the {t}.", "The {t}? {n} has it.", "The {t} belongs to {n}.", "With {n} is the {t}.",
    "So {n} has the {t}.", "{n} still has the {t}.", "Ask {n} for the {t}.", "{n} shows the {t}.", "Who has the {t}? {n}.",
    "What does {n} have? The {t}.", "It is {n} who has the {t}.", "Give the {t} back to {n}.", "The {t} of {n} is here.",
)  # fmt: skip
LIVES = ("{n} lives in {t}", "{n} comes from {t}", "{n} went to {t}", "{n} is in {t}", "the home of {n} is {t}",
         "{n} sails to {t}")  # fmt: skip
LIVES_AGAIN = ("{n} is in {t}.", "Look for {n} in {t}.", "In {t} we met {n}.", "{n}? In {t}.", "Write to {n} in {t}.",
               "Who is in {t}? {n}.", "Where is {n}? In {t}.", "The one in {t} is {n}.", "{n} waits in {t}.",
               "A letter for {n} goes to {t}.")  # fmt: skip
LIKES = ("{n} likes {t}", "{n} asked for {t}", "{n} sells {t}", "{n} said {t}", "the word of {n} is {t}", "{n} chose {t}",
         "{n} wrote {t}")  # fmt: skip
LIKES_AGAIN = ("{n}? {t}.", "{t} was for {n}.", "For {n} it is {t}.", "{n} again: {t}.", "What was it for {n}? {t}.",
               "We note {t} for {n}.", "It was {n} who wanted {t}.", "Remember: {n}, {t}.")  # fmt: skip
ASIDES = (
    "It rains a little.", "Then they eat.", "An hour goes by.", "The wind turns.", "A dog barks outside.",
    "Nobody speaks for a while.", "It is late now.", "The bell rings twice.", "They all walk home.", "Somebody laughs.",
    "The lamp burns low.", "Morning comes.",
)  # fmt: skip
SENTENCES: tuple[str, ...] = (
    "{n} put the {t} behind the {p}.", "the {t} of {n} fell into the {p}.", "near the {p} stood a {l} {o}.",
    "{n} and {m} met at the {p}.", "a {l} {o} is worth {x} marks.", "nobody but {n} may open the {t}.",
    "in {w} they sell a {t} for {x} marks.", "{n} walked {x} miles to {w}.", "keep the {o} far from the {p}.",
    "the road from {w} to {v} is {l}.", "{m} gave {n} a {t} and a {o}.", "under the {p} lies a {t}.",
    "{x} people live behind the {p}.", "{n} said that the {o} was {l}.", "the {p} of {w} is open until {x}.",
    "first {n} came, then {m}.", "we need {x} of them and a {t}.", "{w} has a {l} {p}.", "the word on the {o} was {c}.",
    "do not {d} the {o} before {x}.",
)  # fmt: skip
VERBS = tuple("break bring carry clean count dry fill hide lend move open paint sell touch turn wash".split())
QUOTES = (
    "{n} read: {q}", "{n} wrote: {q}", "The letter says: {q}", "Once more: {q}", "{n} said it again: {q}", "As {n} put it: {q}",
    "On the wall stood: {q}", "The copy reads: {q}", "{q} So it was written.", "{q} That is what {n} said.", "Word for word: {q}",
    "{n} called out: {q}", "From the page: {q}", "{n} repeats: {q}", "They all remember it: {q}",
)  # fmt: skip
INTRODUCED = ("{n} wrote: {q}", "A note by {n}: {q}", "{q}", "{q}", "On the wall stood: {q}", "The letter of {n}: {q}",
              "Text: {q}", "{n} told us: {q}", "Page {x}: {q}")  # fmt: skip
PLACE_WORDS = ("first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth")
LIST_HEADS = ("We need {l}.", "{l}.", "The list: {l}.", "{n} bought {l}.", "In the bag: {l}.", "Today: {l}.", "Words: {l}.",
              "{n} counted {l}.", "To learn: {l}.", "They are called {l}.")  # fmt: skip
NTH = ("The {p} is {x}.", "The {p} one is {x}.", "{p}: {x}.", "Which is the {p}? {x}.")
AFTER = ("After {a} comes {b}.", "{a} is followed by {b}.", "What comes after {a}? {b}.", "Next to {a} stands {b}.")
ENDS = ("The last is {z}.", "It begins with {a}.", "It ends with {z}.", "First {a}, last {z}.")
LIST_SAME = ("Again: {l}.", "That is: {l}.", "All of them: {l}.", "{n} says: {l}.", "{n} repeats {l}.",
             "Nothing is missing: {l}.", "Once more: {l}.", "In the same order: {l}.")  # fmt: skip
LIST_MIXED = ("In another order: {l}.", "Once more, mixed: {l}.", "All of them: {l}.", "Or so: {l}.", "Mixed up: {l}.",
              "Shuffled: {l}.", "Or else: {l}.")  # fmt: skip


def holders(draw: random.Random, level: float) -> tuple[str, tuple[str, ...]]:
    """People and what each has, where each is or what each likes, then the same again, in other words and any order."""
    count = draw.randint(2 + round(level), 3 + round(4 * level))
    people = draw.sample(names.GIVEN, count)
    first, again, things = draw.choice((
        (HAS, AGAIN, [f"{look} {noun}" for look, noun in zip(draw.sample(LOOKS, count), draw.sample(NOUNS, count), strict=True)]),
        (HAS, AGAIN, draw.sample(NOUNS, count)),
        (LIVES, LIVES_AGAIN, draw.sample(names.TOWNS, count)),
        (LIKES, LIKES_AGAIN, distinct(draw.choice(("word", "number", "invented", "town", "code")), count, draw)),
    ))  # fmt: skip
    held = list(zip(people, things, strict=True))
    clause = draw.choice(first)
    one_form = draw.random() < 0.5
    clauses = [(clause if one_form else draw.choice(first)).format(n=n, t=t) for n, t in held]
    text = ". ".join(c[0].upper() + c[1:] for c in clauses) + "." if draw.random() < 0.5 else joined(clauses) + "."
    forms = draw.sample(again, draw.randint(1, min(4, len(again))))
    said = [text]
    room = 60 + 130 * level
    while True:
        if draw.random() < 0.15 + 0.35 * level:
            said.append(draw.choice(ASIDES))
        for name, thing in draw.sample(held, count):
            if len(said) > count and about_tokens(" ".join(said)) > room:
                whole = " ".join(said)
                # What was said (not a thing that someone has) must come again letter for letter, so no capitals are put in.
                return whole[0].upper() + whole[1:] if first is LIKES else tidy(whole), ()
            said.append(draw.choice(forms).format(n=name, t=thing))


def passage(draw: random.Random, sentences: int) -> list[str]:
    """Sentences about nothing, so that no word of them can be guessed."""
    found: list[str] = []
    for sentence in draw.sample(SENTENCES, sentences):
        (n, m), (w, v) = draw.sample(names.GIVEN, 2), draw.sample(names.TOWNS, 2)
        look = draw.choice(LOOKS)
        found.append(tidy(sentence.format(
            n=n, m=m, w=w, v=v, t=draw.choice(NOUNS) if draw.random() < 0.5 else KINDS["thing"](draw),
            o=draw.choice(NOUNS), l=look, p=draw.choice(PLACES), x=draw.randint(2, 99), c=draw.choice(COMMON),
            d=draw.choice(VERBS),
        )))  # fmt: skip
    return found


def quotation(draw: random.Random, level: float) -> tuple[str, tuple[str, ...]]:
    """A passage, then the whole of it or single sentences again, word for word."""
    sentences = passage(draw, draw.randint(1 + round(level), 2 + round(3 * level)))
    name = draw.choice(names.GIVEN)
    mark = draw.choice(("", '"', '"'))

    def quoted(form: str, said: str) -> str:
        return form.format(n=draw.choice((name, name, draw.choice(names.GIVEN))), x=draw.randint(2, 99), q=mark + said + mark)

    lines = [quoted(draw.choice(INTRODUCED), " ".join(sentences))]
    room = 60 + 140 * level
    numbered = len(sentences) > 1 and draw.random() < 0.3
    joint = draw.choice(("\n", "\n", " "))
    while len(lines) == 1 or about_tokens(" ".join(lines)) < room:
        if draw.random() < 0.25 * level:
            lines.append(draw.choice(ASIDES))
        at = draw.randrange(len(sentences))
        if numbered:
            lines.append(f"The {PLACE_WORDS[at]} sentence is: {sentences[at]}")
        else:
            whole = len(lines) < 2 or draw.random() < 0.4
            lines.append(quoted(draw.choice(QUOTES), " ".join(sentences) if whole else sentences[at]))
    return joint.join(lines), ()


def lists(draw: random.Random, level: float) -> tuple[str, tuple[str, ...]]:
    """A list, then in another order, or asked by place: the third word, what comes after, the last."""
    kind = draw.choice(("word", "noun", "name", "town", "number", "letter", "syllable", "invented", "code", "place"))
    items = distinct(kind, draw.randint(3 + round(2 * level), 5 + round(5 * level)), draw)
    name = draw.choice(names.GIVEN)
    lines = [draw.choice(LIST_HEADS).format(n=name, l=", ".join(items))]
    room = 60 + 120 * level
    forms = draw.sample(_BY_PLACE, draw.randint(1, 2)) if draw.random() < 0.6 else [_shuffled]
    while len(lines) == 1 or about_tokens(" ".join(lines)) < room:
        lines.append(draw.choice(forms)(items, name, draw))
    return draw.choice(("\n", " ")).join(lines), ()


def _shuffled(items: list[str], name: str, draw: random.Random) -> str:
    order = draw.choice((items, items[::-1], draw.sample(items, len(items))))
    form = draw.choice(LIST_SAME if order == items else ("Backwards: {l}.",) if order == items[::-1] else LIST_MIXED)
    return form.format(n=name, l=", ".join(order))


def _nth(items: list[str], name: str, draw: random.Random) -> str:
    at = draw.randrange(min(len(items), len(PLACE_WORDS)))
    return draw.choice(NTH).format(p=PLACE_WORDS[at], x=items[at])


def _after(items: list[str], name: str, draw: random.Random) -> str:
    at = draw.randrange(len(items) - 1)
    return draw.choice(AFTER).format(a=items[at], b=items[at + 1])


def _ends(items: list[str], name: str, draw: random.Random) -> str:
    return draw.choice(ENDS).format(a=items[0], z=items[-1])


_BY_PLACE = (_nth, _nth, _after, _after, _ends, _shuffled)
