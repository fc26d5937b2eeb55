"""The task "style": say a thing in a given manner (as a sailor, as a letter, as a list) and lose none of its facts.

The manner is asked for in the request or set by a system message. Manners are few and the same in all splits; held out are the
sentences, the facts in them, and the wording of the request.
"""

from __future__ import annotations

import random
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from burnish.tasks.task import Card, Task
from burnish.types import Example, Message, Score
from burnish.world import names, splits
from burnish.world.grammar import tidy
from burnish.world.story_plots import ANIMALS, FOODS, LOOKS, TRADES

if TYPE_CHECKING:
    from burnish.world.world import World

COUNTS: dict[splits.Side, int] = {"train": 400, "valid": 60, "test": 300}
LIMIT_WORDS = 45
SPARE_WORDS = 2
"""What a short line may have beside the words of its facts. Statements to be shortened are longer than that."""


@dataclass(frozen=True, slots=True)
class Manner:
    """One way of putting things. `ways` fit after "say it"; `role` after "You speak". An answer begins and ends as given."""

    id: str
    ways: tuple[str, ...]
    role: str
    begin: str = ""
    end: str = ""


MANNERS: tuple[Manner, ...] = (
    Manner("sailor", ("as a sailor", "like a sailor", "in the manner of a sailor"), "like a sailor", "Ahoy!", "aye."),
    Manner("herald", ("as a herald", "like a herald", "in the manner of a herald"), "like a herald", "Hear ye!", "So it is."),
    Manner("letter", ("as a letter", "as a polite letter", "in the form of a letter"), "in letters", "Dear friend,",
    "Yours truly"),
    Manner("granny", ("as a grandmother", "like a grandmother", "in the manner of a grandmother"), "like a grandmother",
           "My dear child,", "Bless you."),
    Manner("news", ("as news", "as in the newspaper", "like a newspaper"), "like a newspaper", "News of today:",
    "More tomorrow."),
    Manner("song", ("as a song", "like a song", "in the form of a song"), "in songs", "La la la,", "la la la!"),
    Manner("capitals", ("in capitals", "in capital letters", "all in capitals"), "in capital letters"),
    Manner("small", ("in small letters", "all in small letters", "without capitals"), "in small letters"),
    Manner("list", ("as a list", "as a list of points", "in the form of a list"), "in lists"),
    Manner("short", ("in one short line", "in a few words", "as a short note"), "in one short line"),
)  # fmt: skip
REQUESTS = (
    "Say this {way}: {text}", "Put this {way}: {text}", "Write this {way}: {text}", "Tell this {way}: {text}", "Please say "
    "{way}: {text}", "{text} Say that {way}.",
    "{text} Please put it {way}.", "{text} How is that said {way}?", "Repeat this {way}: {text}", "Say it {way}. {text}",
    "Give me this {way}: {text}", "I want this {way}: {text}",
    "Here is a message. {text} Write it {way}.", "{text} Now say it {way}.", "Turn this round, {way}: {text}", "How would you "
    "say this {way}? {text}", "Can you put this {way}? {text}",
    "{text} I would like that {way}.", "My friend said: {text} Say it {way}.", "{text} The same {way}, please.",
    "Could you write {way} what follows? {text}", "This should be {way}: {text}",
    "Let me hear this {way}. {text}", "Change this so that it is {way}: {text}", "{text} Tell it again {way}.",
    "What is this {way}? {text}", "Speak {way}: {text}", "Read this out {way}: {text}",
)  # fmt: skip
SYSTEMS = (
    "You speak {role}.", "You always speak {role}.", "Speak {role}.", "Say everything {role}.", "Answer {role}.",
    "You talk {role} and keep all facts.", "Here one speaks {role}.",
    "All that you say is said {role}.", "Repeat what you hear, {role}.", "You only speak {role}.", "Please speak {role} here.",
    "You are asked to speak {role}.",
)  # fmt: skip

# Each sentence with its facts in braces; one or two of them make a statement.
SENTENCES = (
    "{name} has {n} {things}.", "{name} bought {n} {things} in {town}.", "The {look} {thing} belongs to {name}.",
    "{name} lives in {town}.", "There are {n} {things} in {town}.",
    "{name} sold the {look} {thing}.", "The ferry to {town} leaves at {n}.", "{name} works as {a_trade} in {town}.",
    "{n} people came to {town}.", "{name} lost {a_thing} in {town}.",
    "The {animal} of {name} ate the {food}.", "{name} sends {n} {things} to {town}.", "{name} will come on {day}.",
    "On {day} there is {food} for all.", "{name} met {a_trade} on {day}.",
    "The fair in {town} is on {day}.", "{name} paid {n} marks for {a_thing}.", "A {look} {thing} was found in {town}.",
    "{name} needs {n} {things} on {day}.", "{name} has {a_animal} and {a_thing}.",
    "The {trade} of {town} likes {food}.", "{name} gave the {thing} to {friend}.", "{name} and {friend} walk to {town}.",
    "{friend} waits for {name} in {town}.", "It is {n} miles to {town}.",
    "{name} found {n} {things} on {day}.", "{name} cooks {food} for {friend}.", "The {look} house in {town} is for sale.",
    "{name} cannot find the {look} {thing}.",
    "{name} is looking for {a_trade}.", "{friend} owes {name} {n} marks.", "In {town} the {food} costs {n} marks.",
    "{name} has moved to {town}.", "The {animal} ran to {town}.",
    "{name} will be {n} on {day}.", "The {thing} of {friend} is {look}.", "{name} saw {a_animal} in {town}.", "{name} takes "
    "{n} {things} to {friend}.",
)  # fmt: skip
NOUNS = (
    "kite",
    "drum",
    "lamp",
    "basket",
    "hat",
    "book",
    "pot",
    "ring",
    "cup",
    "map",
    "coat",
    "bell",
    "boat",
    "spoon",
    "key",
    "net",
)
DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")

CARD = Card(
    title="In a given manner",
    about="A statement of one to three facts is to be said in one of ten manners. A good answer has the marks of the manner "
    "and every "
    "fact of the statement.",
    data="Names, numbers, things and places are drawn afresh for each row. Valid and test have other sentences, other "
    "combinations of "
    "facts and other wordings of the request than train; the manners are the same.",
    grading="The marks of the manner (how the answer begins and ends, its letters or lines) and each fact word as a whole word.",
    limits="Facts may be there and yet be twisted: who gave what to whom is not checked. Ten fixed manners say little about "
    "others.",
)


def make(world: World | None = None) -> Task:
    """The task; the seed of the world draws the rows."""
    seed = world.seed if world else 0
    train, valid, test = (_rows(side, seed) for side in ("train", "valid", "test"))
    return Task(name="style", card=CARD, grader=InManner(), train=train, valid=valid, test=test, limit_tokens=96)


@dataclass(frozen=True, slots=True)
class InManner:
    """1 where the answer is in the row's manner and has every fact; the reason says what is missing."""

    name: str = "in manner"

    def grade(self, example: Example, answer: str) -> Score:
        """Score 1 or 0. `metadata["kind"]` (in `everything`: "manner") is the manner, "facts" the words that must be kept."""
        named = example.metadata.get("manner", example.metadata.get("kind"))
        manner = next(m for m in MANNERS if m.id == named)
        facts = [str(f) for f in example.metadata["facts"]]
        wrong = _unlike(manner, answer.strip(), len(facts))
        if wrong:
            return Score(value=0.0, reason=wrong)
        lost = [f for f in facts if not re.search(rf"\b{re.escape(f)}\b", answer, re.IGNORECASE)]
        if lost:
            return Score(value=0.0, reason=f"the manner is right, but {', '.join(map(repr, lost))} is missing")
        return Score(value=1.0, reason=f"in the manner '{manner.id}' with all facts")


def _unlike(manner: Manner, answer: str, facts: int) -> str:
    """What of the manner is missing, or nothing."""
    if not answer.lower().startswith(manner.begin.lower()):
        return f"it does not begin with {manner.begin!r}"
    if not re.sub(r"[.!,]+$", "", answer).lower().endswith(re.sub(r"[.!,]+$", "", manner.end).lower()):
        return f"it does not end with {manner.end!r}"
    count = len(answer.split())
    if count > LIMIT_WORDS:
        return f"{count} words are more than {LIMIT_WORDS}"
    if manner.id == "capitals" and answer != answer.upper():
        return "it is not all in capitals"
    if manner.id == "small" and answer != answer.lower():
        return "it is not all in small letters"
    if manner.id == "list" and not all(line.startswith("- ") for line in answer.split("\n")):
        return "not every line begins with '- '"
    if manner.id == "short" and ("\n" in answer or count > facts + SPARE_WORDS):
        return f"it is not one line of at most {facts + SPARE_WORDS} words"
    return ""


def put(manner: Manner, sentences: list[str], facts: list[str]) -> str:
    """The ideal answer: the sentences in that manner. In a short line only the facts are left."""
    text = " ".join(sentences)
    match manner.id:
        case "capitals":
            return text.upper()
        case "small":
            return text.lower()
        case "list":
            return "\n".join(f"- {s}" for s in sentences)
        case "short":
            return ", ".join(facts) + "."
        case "sailor" | "song":
            return f"{manner.begin} {_follows(manner.begin, text)[:-1]}, {manner.end}"
        case _:
            return f"{manner.begin} {_follows(manner.begin, text)} {manner.end}"


def _follows(begin: str, text: str) -> str:
    """The text as it goes on after the beginning: a small letter after a comma, but for names."""
    first = text.split()[0]
    return text[0].lower() + text[1:] if begin.endswith(",") and first in ("The", "A", "An", "In", "On", "It", "There") else text


def _rows(side: splits.Side, seed: int) -> tuple[Example, ...]:
    draw = random.Random(f"style:{side}:{seed}")
    rows: dict[tuple[str, ...], Example] = {}
    while len(rows) < COUNTS[side]:
        row = _row(MANNERS[len(rows) % len(MANNERS)], side, draw)
        if row is not None:
            rows.setdefault(tuple(m.content for m in row.messages[:-1]), row)
    listed = list(rows.values())
    draw.shuffle(listed)
    return tuple(listed)


def _row(manner: Manner, side: splits.Side, draw: random.Random) -> Example | None:
    """One row, or None where the combination of facts falls on another side."""
    count = 2 if manner.id in ("list", "short") else draw.choice((1, 1, 1, 2))
    frames = [(s, key) for n, s in enumerate(SENTENCES) if splits.of(key := f"phrasing:style-sentence:{n}") == side]
    chosen = draw.sample(frames, count)
    words = _words(draw)
    used = list(dict.fromkeys(w for s, _ in chosen for w in re.findall(r"\{(\w+)\}", s)))
    facts = list(dict.fromkeys(words[w].split()[-1] if w.startswith("a_") else words[w] for w in used))
    statement_key = "statement:" + "-".join(f.lower() for f in facts)
    if splits.of(statement_key) != side:
        return None
    sentences = [tidy(s.format(**words)) for s, _ in chosen]
    text = " ".join(sentences)
    form, key = draw.choice([
        (s, k) for kind, items in (("style", REQUESTS), ("style-system", SYSTEMS)) for n, s in enumerate(items)
        if splits.of(k := f"phrasing:{kind}:{n}") == side
    ])  # fmt: skip
    if "{role}" in form:
        asked = (Message(role="system", content=form.format(role=manner.role)), Message(role="user", content=text))
    else:
        asked = (Message(role="user", content=form.format(way=draw.choice(manner.ways), text=text)),)
    answer = put(manner, sentences, facts)
    return Example(
        messages=(*asked, Message(role="assistant", content=answer)),
        reference=answer,
        metadata={"kind": manner.id, "facts": facts, "keys": [statement_key, key, *(k for _, k in chosen)]},
    )


def _words(draw: random.Random) -> dict[str, str]:
    name, friend = draw.sample(names.GIVEN, 2)
    noun, trade, animal, look = draw.choice(NOUNS), draw.choice(TRADES), draw.choice(ANIMALS), draw.choice(LOOKS)
    return {
        "name": name, "friend": friend, "n": str(draw.randint(2, 99)), "thing": noun, "things": noun + "s", "a_thing":
        f"a {noun}", "look": look,
        "trade": trade, "a_trade": f"a {trade}", "animal": animal, "a_animal": f"a {animal}", "food": draw.choice(FOODS),
        "town": draw.choice(names.TOWNS),
        "day": draw.choice(DAYS),
    }  # fmt: skip
