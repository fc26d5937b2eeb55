"""Small stories of Vellmark: who wants what, who has it, where it is. People and things are drawn afresh for each.

Two kinds. Plots (see story_plots.py) are rows of beats with alternatives. Chains move things between people and places by
rules, keep the true state, and end by saying it, so that the last sentences can only be foretold by having read the first.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from burnish.world import names, topics
from burnish.world.document import Document
from burnish.world.grammar import expand, joined, sentence
from burnish.world.story_plots import ANIMALS, FOODS, HARD, LOOKS, MATERIALS, OPEN, PLACES, PLOTS, SPOTS, THINGS, TRADES

if TYPE_CHECKING:
    from burnish.world.world import World

PART = "stories"
LONGEST = 150
"""words"""

TITLES = (
    "The {thing}", "{a} and the {thing}", "{a} and {b}", "A story of {a}", "How it went with the {thing}", "{b} and the {thing}",
    "The day of the {thing}", "What {a} did", "A small story", "A story for the evening", "{a}, {b} and the {thing}",
    "At {place}",
)  # fmt: skip
MORALS = (
    "So it goes.", "That is the whole story.", "And that was the end of it.", "[Who|He who] shares has more.", "It is good to "
    "have friends.",
    "Think first, then act.", "Everyone was [content|tired and happy].", "[Grandmother|The old people] [told|tell] it [like "
    "this|so].",
    "Nobody [lost anything|was the poorer] by it.", "The rest you can guess.", "And if it is not true, it is a good story.",
    "[What|Whatever] goes round comes round.", "They [speak|laugh] of it still.",
)  # fmt: skip


def documents(world: World, draw: random.Random) -> Iterator[Document]:
    """Stories without end: two thirds plots, one third chains."""
    known = topics.of_side("train")
    tellers: tuple[Callable[[random.Random], tuple[str, dict[str, str]]], ...] = (_trades, _handing_on, _moves, _shares)
    while True:
        topic = draw.choice(known)
        keys: tuple[str, ...] = ()
        if draw.random() < 0.66:
            beats = PLOTS[draw.choice(tuple(PLOTS))]
            words = cast(draw, topic)
            text = " ".join(t for b in beats if (t := _beat(b, draw, words)))
            if any(words[w] in text for w in ("do", "doing", "first")):
                keys = (topics.key(topic),)
        else:
            text, words = draw.choice(tellers)(draw)
        if draw.random() < 0.2:
            text += " " + expand(draw.choice(MORALS), draw)
        if draw.random() < 0.3:
            text = f"{expand(draw.choice(TITLES), draw, **words)}\n{text}"
        if len(text.split()) <= LONGEST:
            yield Document(PART, text, keys)


def cast(draw: random.Random, topic: topics.Topic) -> dict[str, str]:
    """People, things and places for one story, as the words that a plot may name."""
    words: dict[str, str] = {}
    for role, name in zip("abc", draw.sample(names.GIVEN, 3), strict=True):
        words |= person(role, name)
    noun, other = draw.sample(THINGS, 2)
    words["it_"], words["thing"], words["other"] = noun, look(noun, draw), draw.choice((other, look(other, draw)))
    words["thing_"] = f"my {words['thing']}"
    words["place"], words["place2"] = draw.sample(PLACES, 2)
    words["spot"], words["spot2"] = draw.sample(SPOTS, 2)
    words["town"], words["town2"] = draw.sample(names.TOWNS, 2)
    words["animal"], words["animal2"] = draw.sample(ANIMALS, 2)
    words["food"], words["trade"] = draw.choice(FOODS), draw.choice(TRADES)
    low, high = sorted(draw.sample(range(2, 13), 2))
    words["number"], words["number2"] = str(high), str(low)
    words["do"], words["doing"], words["first"] = topic.verb, topic.gerund, topic.steps[0]
    words["open"] = expand(draw.choice(OPEN), draw)
    return words


def look(noun: str, draw: random.Random) -> str:
    """The thing with an adjective that suits it."""
    return f"{draw.choice(LOOKS + MATERIALS if noun in HARD else LOOKS)} {noun}"


def person(role: str, name: str) -> dict[str, str]:
    """A name and its pronouns as words: {a}, {a_he}, {a_him}, {a_his}, {a_himself}, and with a capital {a_He}."""
    he = names.pronoun(name)
    him, his = ("him", "his") if he == "he" else ("her", "her")
    return {
        role: name,
        f"{role}_he": he,
        f"{role}_him": him,
        f"{role}_his": his,
        f"{role}_himself": f"{him}self",
        f"{role}_He": he.capitalize(),
    }


def _beat(beat: str, draw: random.Random, words: dict[str, str]) -> str:
    if beat.startswith("?"):
        return expand(beat[1:], draw, **words) if draw.random() < 0.6 else ""
    # Alternatives outside any bracket are allowed at the top of a beat.
    return expand(f"[{beat}]", draw, **words)


def _things(draw: random.Random, count: int) -> list[str]:
    """So many things that differ in noun, some with a look."""
    return [look(n, draw) if draw.random() < 0.6 else n for n in draw.sample(THINGS, count)]


def _words_of(people: list[str], things: list[str], place: str) -> dict[str, str]:
    return {"a": people[0], "b": people[1], "thing": things[0], "place": place}


def _trades(draw: random.Random) -> tuple[str, dict[str, str]]:
    """One person trades from thing to thing with others; who ends with what is told at the end."""
    hero, *others = draw.sample(names.GIVEN, draw.randint(3, 5))
    things = _things(draw, len(others) + 1)
    place = draw.choice(PLACES)
    words = person("a", hero) | {"place": place, "thing": things[0], "open": expand(draw.choice(OPEN), draw)}
    told = [expand(draw.choice((
        "{open}, {a} had [nothing but|only] a {thing}.", "{a} owned a {thing} and wanted something better.",
        "{open}, {a} went to {place} with a {thing}.", "All that {a} had was a {thing}.",
    )), draw, **words)]  # fmt: skip
    for other, have, new in zip(others, things, things[1:], strict=False):
        told.append(expand(draw.choice((
            "{b} had a {new} and [wanted|needed] a {have}, so they traded.", "For the {have}, {b} gave {a_him} a {new}.",
            '"[I give you|Take] my {new} for your {have}," said {b}, and {a} [agreed|took it|said yes].',
            "{a} gave {b} the {have} and got a {new} [for it|in return].", "[Then|Next] {a_he} met {b}, who [gave|handed] "
            "{a_him} a {new} for the {have}.",
            '"That is a [good|nice|handsome] {have}," said {b}. "[Shall we trade|Will you take] my {new}[ for it|]?" [So they '
            'did.|"Done," said {a}.]',
        )), draw, **words, b=other, have=have, new=new))  # fmt: skip
    ends = [f"{other} [has|had] the {thing}" for other, thing in zip(others, things, strict=False)]
    draw.shuffle(ends)
    told.append(expand(draw.choice((
        "[In the end|So at last] {a} had a {last}.", "[In the evening|At the end of the day] {a} went home with a {last}.",
        "Now the {last} belongs to {a}.",
    )), draw, **words, last=things[-1]))  # fmt: skip
    said = joined([expand(e.replace("[has|had]", "has"), draw) for e in ends])
    told.append(draw.choice((f"And the others? {said}.", f"{said}.", f"As for the rest, {said}.", f"Today {said}.")))
    return " ".join(told), _words_of([hero, *others], things, place)


def _handing_on(draw: random.Random) -> tuple[str, dict[str, str]]:
    """Two or three things go from hand to hand; asked at the end is who has each."""
    people = draw.sample(names.GIVEN, draw.randint(3, 4))
    things = _things(draw, draw.randint(2, 3))
    place = draw.choice(PLACES)
    holder = dict(zip(things, people, strict=False))
    told = [
        expand("[{p} had a {t}|{p} came with a {t}|A {t} belonged to {p}|{p} was the owner of a {t}].", draw, p=p, t=t)
        for t, p in holder.items()
    ]  # fmt: skip
    if draw.random() < 0.6:
        told.insert(0, f"{expand(draw.choice(OPEN), draw)}, {joined(people)} met at {place}.")
    for _ in range(draw.randint(2, 4)):
        thing = draw.choice(things)
        giver = holder[thing]
        taker = draw.choice([p for p in people if p != giver])
        holder[thing] = taker
        told.append(expand(draw.choice((
            "{g} gave the {t} to {k}.", "{g} lent {k} the {t}.", "{k} asked {g} for the {t} and got it.", "Then {g} handed "
            "the {t} to {k}.",
            '"[May I have|Can you lend me] the {t}?" asked {k}. "[Yes|Of course|Take it]," said {g}.', "{k} took the {t} from "
            "{g}.",
            '"[Here|This is for you], {k}," said {g}, and gave {k_him} the {t}.', "{g} left the {t} with {k}.",
        )), draw, g=giver, t=thing, **person("k", taker)))  # fmt: skip
    order = draw.sample(things, len(things))
    told += [
        expand(draw.choice((
            "[Now|In the end] {k} has the {t}.", "The {t} is with {k} now.", "So it is {k} who has the {t}.", "Who has the "
            "{t}? {k} has it.",
            "If you want the {t}, ask {k}.",
        )), draw, k=holder[t], t=t)
        for t in order
    ]  # fmt: skip
    return " ".join(told), _words_of(people, things, place)


def _moves(draw: random.Random) -> tuple[str, dict[str, str]]:
    """Somebody puts a thing away, another moves it, the first looks in the wrong place."""
    first, second = draw.sample(names.GIVEN, 2)
    thing = _things(draw, 1)[0]
    noun = thing.split()[-1]
    spot, spot2 = draw.sample(SPOTS, 2)
    place, place2 = draw.sample(PLACES, 2)
    words = (
        person("a", first)
        | person("b", second)
        | {"t": thing, "n": noun, "s": spot, "s2": spot2, "place": place, "place2": place2}
    )
    words["open"] = expand(draw.choice(OPEN), draw)
    beats = (
        "[{open}, {a} put a {t} {s} and went to {place}.|{a} had a {t}. {a_He} hid it {s} before {a_he} went to {place}.|"
        "{a} left for {place}. {a_His} {t} stayed at home, {s}.]",
        "[While {a_he} was away, {b} came home|Then {b} came in|{b} came by an hour later] and [saw the {n}|found the {n} "
        "there].",
        '?["[What is that doing here|It will get wet there|That is no place for a {n}]?" said {b}.|{b} needed the room for '
        "{b_his} own things.|"
        "{b} only wanted to be tidy.]",
        "[{b_He} took it and put it {s2}.|{b_He} carried it off and laid it {s2}.|So {b} moved the {n}: now it was {s2}.]",
        "?[Then {b_he} went to {place2}.|After that {b_he} forgot all about it.]",
        "[{a} came back from {place} and looked {s}|In the evening {a} was back and went to look {s}], [but it was empty|but "
        "there was no {n}|in vain].",
        '["[Where is my {t}|Somebody has taken my {t}]!" cried {a}. "It was {s}."|{a} [turned the house upside down|'
        "nearly cried].|"
        "{a} thought that it had been stolen.]",
        '["It is {s2}," said {b}. "I put it there."|Then {b} came back from {place2} and told {a_him}: it was {s2}.|'
        '"Look {s2}," said {b}.]',
        "[And so it was.|There the {n} was.|{a} went to look, and found it {s2}.|{a} looked {s2} and had to laugh.]",
    )
    words |= {"a_His": words["a_his"].capitalize(), "b_He": words["b_he"].capitalize()}
    text = " ".join(t for b in beats if (t := _beat(b, draw, words)))
    return text, _words_of([first, second], [thing], place)


def _shares(draw: random.Random) -> tuple[str, dict[str, str]]:
    """Several people say what they want; each gets it, or what another wanted, and says so."""
    people = draw.sample(names.GIVEN, draw.randint(3, 4))
    host, *guests = people
    wishes = dict(zip(guests, _things(draw, len(guests)), strict=True))
    place = draw.choice(PLACES)
    words = person("h", host) | {"place": place, "open": expand(draw.choice(OPEN), draw), "all": joined(guests)}
    told = [expand(draw.choice((
        "{open}, {h} was going to [the fair|the market|town]. {all} each [had|made] a wish.",
        "{h} was about to leave for {place}. \"What shall I bring you?\" {h_he} asked.",
        "{open}, {h} asked {all} what they [wanted|wished for].",
    )), draw, **words)]  # fmt: skip
    told += [
        expand(draw.choice((
            '"I [want|would like] a {t}," said {p}.', "{p} [wanted|wished for|asked for] a {t}.", 'Said {p}: "[Bring me|'
            'Please bring me] a {t}."',
            "For {p} it was to be a {t}.",
        )), draw, p=p, t=t)
        for p, t in wishes.items()
    ]  # fmt: skip
    given = dict(wishes)
    one, two = draw.sample(guests, 2)
    swap = draw.random() < 0.4
    if swap:
        given[one], given[two] = given[two], given[one]
    told.append(expand(draw.choice((
        "In the evening {h} [was back|came home|stood at the door].", "{h} came back [tired|late|with a full bag].",
        "It was dark when {h} came back.",
    )), draw, **words))  # fmt: skip
    told += [
        expand(draw.choice(("{p} got [the|a] {t}.", '"Here is the {t}," said {h}, and gave it to {p}.', "{h} gave {p} [the|a] "
        "{t}.")), draw, p=p, t=given[p], h=host)
        for p in draw.sample(guests, len(guests))
    ]  # fmt: skip
    if swap:
        told.append(expand(draw.choice((
            '"But I wanted the {t}," said {p}, and {q} said: "And I the {u}." So they changed.',
            "That was the wrong way round: {p} had wanted the {t} and {q} the {u}. They [laughed and|] changed.",
        )), draw, p=one, q=two, t=wishes[one], u=wishes[two]))  # fmt: skip
    else:
        told.append(expand(draw.choice((
            "{h} had forgotten nothing.", "Each had what [each|they] had asked for.", "And {h}? {h_He} had bought nothing for "
            "{h_himself}.",
            sentence("all were content, from {first} to {last}"),
        )), draw, **words, first=guests[0], last=guests[-1]))  # fmt: skip
    return " ".join(told), _words_of(people, list(wishes.values()), place)
