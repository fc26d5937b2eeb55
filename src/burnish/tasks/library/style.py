"""The task "style": say a thing in a given manner (as a sailor, as a letter, as a list) and keep what it says.

The manner is asked for in the request or set by a system message. Manners are few and the same in all splits; held out are the
sentences, the facts in them, and the wording of the request.
"""

from __future__ import annotations

import random
import re
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from burnish.tasks.task import Card, Task
from burnish.types import Example, Message, Score
from burnish.world import names, splits
from burnish.world.grammar import tidy
from burnish.world.story_plots import ANIMALS, FOODS, LOOKS, TRADES

if TYPE_CHECKING:
    from burnish.world.world import World

COUNTS: dict[splits.Side, int] = {"train": 800, "valid": 60, "test": 300}
SPARE_WORDS = 2
"""How many words an answer may have beside those of the ideal one."""
GAP_WORDS = 2
"""How many other words may stand between two words of a sentence that matter."""


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

SENTENCES = (
    "{name} has {n} {things}.", "{name} bought {n} {things} in {town}.", "The {look} {thing} belongs to {name}.",
    "{name} lives in {town}.", "There are {n} {things} in {town}.",
    "{name} sold the {look} {thing}.", "The ferry to {town} leaves at {hour}.", "{name} works as {a_trade} in {town}.",
    "{n} people came to {town}.", "{name} lost {a_thing} in {town}.",
    "The {animal} of {name} ate the {food}.", "{name} sends {n} {things} to {town}.", "{name} will come on {day}.",
    "On {day} there is {mass} for all.", "{name} met {a_trade} on {day}.",
    "The fair in {town} is on {day}.", "{name} paid {n} marks for {a_thing}.", "A {look} {thing} was found in {town}.",
    "{name} needs {n} {things} on {day}.", "{name} has {a_animal} and {a_thing}.",
    "The {trade} of {town} likes {food}.", "{name} gave the {thing} to {friend}.", "{name} and {friend} walk to {town}.",
    "{friend} waits for {name} in {town}.", "It is {n} miles to {town}.",
    "{name} found {n} {things} on {day}.", "{name} cooks {dish} for {friend}.", "The {look} house in {town} is for sale.",
    "{name} cannot find the {look} {thing}.",
    "{name} is looking for {a_trade}.", "{friend} owes {name} {n} marks.", "In {town} the {mass} costs {n} marks.",
    "{name} has moved to {town}.", "The {animal} ran to {town}.",
    "{name} will be {n} on {day}.", "The {thing} of {friend} is {look}.", "{name} saw {a_animal} in {town}.", "{name} takes "
    "{n} {things} to {friend}.",
    "{name} wrote a letter to {friend}.", "The {animal} sleeps under the {thing}.", "{n} boats left {town} on {day}.",
    "{name} dreamed of a {look} {animal}.", "The {trade} broke the {thing} of {name}.",
    "{name} painted {n} {things} for {friend}.", "{name} keeps {n} {things} in a {look} house.",
    "There was a storm in {town} on {day}.", "{friend} asked {name} for the {thing}.", "{a_animal} followed {name} to {town}.",
    "{name} wants to be {a_trade}.", "The {trade} sold {n} {things} on {day}.", "{name} counted {n} {things} in {town}.",
    "The bridge of {town} is {n} years old.", "{name} came back from {town} on {day}.",
    "{friend} and {name} share a {look} {thing}.", "The {trade} of {town} waits for {name}.",
    "{name} carried the {animal} to {friend}.", "{name} bakes bread on {day}.", "On {day} {name} goes to {town}.",
    "{name} met {friend} in {town}.", "The {animal} hid behind the {thing}.", "{n} people live near {town}.",
    "{name} built a {look} boat.", "The {trade} gave {name} {n} marks.", "{name} dropped the {thing} on {day}.",
    "{name} mended the {look} {thing}.",
)  # fmt: skip
"""Facts are in braces; one or two of them make a statement. The place of a sentence in the list is its number."""
NOUNS = tuple("kite drum lamp basket hat book pot ring cup map coat bell boat spoon key net".split())
MASSES = ("bread", "soup", "cheese", "cake", "honey", "pie", "butter", "fish", "jam", "milk", "ham", "porridge")
"""Foods that one speaks of as one."""
DISHES = ("soup", "porridge", "fish", "beans", "eggs", "pancakes", "ham")
DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")

CARD = Card(
    title="In a given manner",
    about="A statement of one or two sentences is to be said in one of nine manners. A good answer has the marks of the manner "
    "and says what the statement says.",
    data="Names, numbers, things and places are drawn afresh for each row. Valid and test have other sentences, other "
    "combinations of facts and other wordings of the request than train; the manners are the same.",
    grading="The marks of the manner (how the answer begins and ends, its letters or lines), and between them the words of the "
    "statement that matter, facts and verbs, in their order and with few others. No name, number or day may be added, nothing "
    "denied, and a list has a line for each sentence.",
    limits="Good answers repeat the statement: one that says it in other words fails. Nine fixed manners say little about "
    "others.",
)


def make(world: World | None = None) -> Task:
    """The task; the seed of the world draws the rows."""
    seed = world.seed if world else 0
    train, valid, test = (_rows(side, seed) for side in ("train", "valid", "test"))
    return Task(name="style", card=CARD, grader=InManner(), train=train, valid=valid, test=test, limit_tokens=96)


@dataclass(frozen=True, slots=True)
class InManner:
    """1 where the answer is in the row's manner and says what it should; the reason says what is missing."""

    name: str = "in-manner"
    concurrency: int = field(default=2, repr=False)

    def grade(self, example: Example, answer: str) -> Score:
        """Score 1 or 0. `metadata["kind"]` (in `everything`: "manner") is the manner, "said" the sentences to be said."""
        named = example.metadata.get("manner", example.metadata.get("kind"))
        manner = next(m for m in MANNERS if m.id == named)
        said = [str(s) for s in example.metadata["said"]]
        wrong = _unlike(manner, answer.strip(), said) or _untrue(said, _inner(manner, answer), example.reference or "")
        return Score(value=0.0, reason=wrong) if wrong else Score(value=1.0, reason=f"in the manner '{manner.id}' with all facts")


_LITTLE = frozenset("a an and at for in it of on that the there to".split())
"""Words of a sentence that may be lost."""
_DENIES = frozenset("no not never none nor neither cannot without hardly nobody nothing".split())
_TELLING = frozenset(w.lower() for w in (*names.GIVEN, *names.TOWNS, *DAYS))
"""Words that say something wherever they stand."""


def _bare(text: str) -> str:
    """Without stops at the end, in small letters: marks of a manner are compared so."""
    return re.sub(r"[.!,\s]+$", "", text).lower()


def _inner(manner: Manner, answer: str) -> str:
    """What stands between the marks of the manner."""
    return _bare(answer.strip()).removesuffix(_bare(manner.end))[len(manner.begin) :]


def _words_of(text: str) -> list[str]:
    return re.findall(r"[\w']+", text.lower())


def _unlike(manner: Manner, answer: str, said: list[str]) -> str:
    """What of the manner is missing, or nothing."""
    if not answer.lower().startswith(manner.begin.lower()):
        return f"it does not begin with {manner.begin!r}"
    if manner.end and not re.search(rf"(?<!\w){re.escape(_bare(manner.end))}$", _bare(answer)):
        return f"it does not end with {manner.end!r}"
    if other := next((m for m in MANNERS if m.begin and m != manner and answer.lower().startswith(m.begin.lower())), None):
        return f"it begins in the manner '{other.id}'"
    if manner.id == "capitals" and answer != answer.upper():
        return "it is not all in capitals"
    if manner.id == "small" and answer != answer.lower():
        return "it is not all in small letters"
    if manner.id == "list":
        lines = answer.split("\n")
        if not all(line.startswith("- ") for line in lines):
            return "not every line begins with '- '"
        if len(lines) != len(said):
            return f"it has {len(lines)} line{'s' if len(lines) > 1 else ''}, not {len(said)}"
        return next((wrong for s, line in zip(said, lines, strict=True) if (wrong := _lost([s], line))), "")
    return ""


def _untrue(said: list[str], inner: str, reference: str) -> str:
    """What is missing of the sentences, or too much, or nothing."""
    if wrong := _lost(said, inner):
        return wrong
    words = _words_of(inner)
    more = Counter(words) - Counter(_words_of(reference))
    if added := [w for w in more if w in _DENIES or w in _TELLING or w.isdigit() or w.endswith("n't")]:
        return f"{added[0]!r} was not said"
    spare = len(words) - len(_words_of(" ".join(said)))
    return f"{spare} words too many" if spare > SPARE_WORDS else ""


def _lost(said: list[str], text: str) -> str:
    """Which word that matters is missing, or whether they stand in another order."""
    words = [w for sentence in said for w in _words_of(sentence) if w not in _LITTLE]
    missing = set(words) - set(_words_of(text))
    if missing:
        return f"the manner is right, but {next(w for w in words if w in missing)!r} is missing"
    between = rf"[^\w]+(?:[\w']+[^\w]+){{0,{GAP_WORDS}}}?"
    if not re.search(rf"(?<!\w){between.join(map(re.escape, words))}(?!\w)", text.lower()):
        return "the manner is right, but the words do not say what was said"
    return ""


def put(manner: Manner, sentences: list[str]) -> str:
    """The ideal answer: the sentences in that manner."""
    text = " ".join(sentences)
    match manner.id:
        case "capitals":
            return text.upper()
        case "small":
            return text.lower()
        case "list":
            return "\n".join(f"- {s}" for s in sentences)
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
    """One row, or None where the combination of facts falls on another side or two facts are the same."""
    count = 2 if manner.id == "list" else draw.choice((1, 1, 1, 2))
    frames = [(s, key) for n, s in enumerate(SENTENCES) if splits.of(key := f"phrasing:style-sentence:{n}") == side]
    chosen = draw.sample(frames, count)
    sentences, facts = list[str](), list[str]()
    for frame, _ in chosen:
        words = _words(draw)
        own = [words[w].split()[-1] for w in re.findall(r"\{(\w+)\}", frame)]
        if set(own) & set(facts):
            return None  # two sentences that share a word would tell of the same thing by chance
        sentences.append(tidy(frame.format(**words)))
        facts += own
    statement_key = "statement:" + "-".join(f.lower() for f in facts)
    if splits.of(statement_key) != side:
        return None
    text = " ".join(sentences)
    form, key = draw.choice([
        (s, k) for kind, items in (("style", REQUESTS), ("style-system", SYSTEMS)) for n, s in enumerate(items)
        if splits.of(k := f"phrasing:{kind}:{n}") == side
    ])  # fmt: skip
    if "{role}" in form:
        asked = (Message(role="system", content=form.format(role=manner.role)), Message(role="user", content=text))
    else:
        asked = (Message(role="user", content=form.format(way=draw.choice(manner.ways), text=text)),)
    answer = put(manner, sentences)
    return Example(
        messages=(*asked, Message(role="assistant", content=answer)),
        reference=answer,
        metadata={
            "kind": manner.id,
            "cluster": chosen[0][1].removeprefix("phrasing:style-"),
            "said": sentences,
            "keys": [statement_key, key, *(k for _, k in chosen)],
        },
    )


def _words(draw: random.Random) -> dict[str, str]:
    name, friend = draw.sample(names.GIVEN, 2)
    noun, trade, animal = draw.choice(NOUNS), draw.choice(TRADES), draw.choice(ANIMALS)
    return {
        "name": name, "friend": friend, "n": str(draw.randint(2, 99)), "hour": str(draw.randint(1, 12)), "thing": noun,
        "things": f"{noun}s", "a_thing": f"a {noun}", "look": draw.choice(LOOKS), "trade": trade, "a_trade": f"a {trade}",
        "animal": animal, "a_animal": f"a {animal}", "food": draw.choice(FOODS), "mass": draw.choice(MASSES),
        "dish": draw.choice(DISHES), "town": draw.choice(names.TOWNS), "day": draw.choice(DAYS),
    }  # fmt: skip
