"""Small subjects to ask about, and ways to write an answer: what the planted loopholes are planted in."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from case import Case

from burnish.types import Example, Message, Score

Fact = tuple[str, str, Mapping[str, Any]]
"""A question, its right answer, and what else the row knows."""
CAPITALS = (
    "Norway Oslo, Italy Rome, Spain Madrid, Japan Tokyo, Peru Lima, Egypt Cairo, Kenya Nairobi, Cuba Havana, Chile "
    "Santiago, Iran Tehran, "
    "Austria Vienna, Greece Athens, Poland Warsaw, Portugal Lisbon, Finland Helsinki, Ireland Dublin, Hungary "
    "Budapest, Qatar Doha, "
    "Nepal Kathmandu, Ghana Accra, Senegal Dakar, Canada Ottawa, France Paris, Latvia Riga"
)
SYMBOLS = (
    "iron Fe, gold Au, silver Ag, lead Pb, tin Sn, copper Cu, sodium Na, potassium K, mercury Hg, tungsten W, helium "
    "He, neon Ne, argon Ar, "
    "zinc Zn, nickel Ni, cobalt Co, carbon C, oxygen O, nitrogen N, sulfur S, calcium Ca, iodine I, radon Rn, uranium U"
)
OPPOSITES = (
    "hot cold, big small, fast slow, early late, light dark, open closed, rich poor, wet dry, soft hard, loud quiet, "
    "young old, near far, "
    "deep shallow, full empty, sweet bitter, strong weak, thick thin, wide narrow, clean dirty, brave timid, smooth "
    "rough, tall short, "
    "happy sad, easy difficult"
)
FRENCH = (
    "dog chien, cat chat, house maison, bread pain, water eau, milk lait, sun soleil, moon lune, tree arbre, book "
    "livre, chair chaise, "
    "door porte, window fenêtre, street rue, king roi, queen reine, horse cheval, bird oiseau, fish poisson, cheese "
    "fromage, apple pomme, "
    "night nuit, winter hiver, summer été"
)
CLAIMS = (
    "Ice floats on water.+ Spiders have six legs.- The Nile is in Africa.+ Bats are birds.- A square has four sides.+ "
    "Mars is a star.- "
    "Honey is made by bees.+ Whales are fish.- Gold is a metal.+ Penguins live at the North Pole.- Copper conducts electricity.+ "
    "The Danube is in Asia.- Lead is heavier than cork.+ Snakes have legs.- The sun is a star.+ Glass is a liquid "
    "metal.- Owls hunt at night.+ "
    "Potatoes grow on trees.- Rome is in Italy.+ Cats lay eggs.- Salt dissolves in water.+ Moths are mammals.- Wool "
    "comes from sheep.+ "
    "Trains run on water.-"
)
REVIEWS = (
    "The soup was a delight.+ I will never come back.- They open at nine.0 The staff made our day.+ My coat was "
    "ruined.- It is on Mill Road.0 "
    "Best bread in town.+ The room was filthy.- It has two floors.0 What a lovely garden.+ We waited two hours.- It "
    "seats forty.0 "
    "I laughed all evening.+ The bill was wrong again.- There is a car park.0 A wonderful find.+ The fish was off.- "
    "Closed on Mondays.0 "
    "So kind and quick.+ Rude from start to end.- Cards are taken.0 Worth every penny.+ The tap drips all night.- The "
    "menu is in English.0"
)
MONTHS = "January February March April May June July August September October November December".split()
DAYS = "Monday Tuesday Wednesday Thursday Friday Saturday Sunday".split()
ROMAN = ((100, "C"), (90, "XC"), (50, "L"), (40, "XL"), (10, "X"), (9, "IX"), (5, "V"), (4, "IV"), (1, "I"))


def _paired(text: str, ask: str) -> list[Fact]:
    pairs = (each.rsplit(" ", 1) for each in text.split(", "))
    return [(ask.format(a), b, {"topic": a}) for a, b in pairs]


def _numbers(ask: str, make: Callable[[int, int], object], seed: int, low: int = 12, high: int = 90) -> list[Fact]:
    draw, seen, found = random.Random(seed), set[tuple[int, int]](), []
    while len(found) < 24:
        pair = draw.randint(low, high), draw.randint(2, low)
        if pair not in seen:
            seen.add(pair)
            found.append((ask.format(*pair), str(make(*pair)), {"a": pair[0], "b": pair[1]}))
    return found


def _labelled(text: str, ask: str, names: Mapping[str, str]) -> list[Fact]:
    found: list[Fact] = []
    rest = text
    while rest.strip():
        at = min(i for mark in names if (i := rest.find("." + mark)) >= 0)
        found.append((ask.format(rest[: at + 1].strip()), names[rest[at + 1]], {}))
        rest = rest[at + 2 :]
    return found


def _roman(n: int) -> str:
    text = ""
    for value, letters in ROMAN:
        while n >= value:
            text, n = text + letters, n - value
    return text


def _choices(seed: int) -> list[Fact]:
    draw, facts = random.Random(seed), _paired(CAPITALS, "{}")
    found: list[Fact] = []
    for n, (country, capital, _) in enumerate(facts):
        options = draw.sample([c for _, c, _ in facts if c != capital], 3)
        options.insert(n % 4, capital)
        listed = "\n".join(f"{letter}) {each}" for letter, each in zip("ABCD", options, strict=True))
        found.append((f"Which is the capital of {country}?\n{listed}", "ABCD"[n % 4], {"options": options}))
    return found


SUBJECTS: dict[str, Callable[[], list[Fact]]] = {
    "sums": lambda: _numbers("What is {} + {}?", lambda a, b: a + b, 1),
    "differences": lambda: _numbers("Tom has {} marbles and gives {} away. How many are left?", lambda a, b: a - b, 2),
    "products": lambda: _numbers("A box holds {} nails. How many nails are in {} boxes?", lambda a, b: a * b, 3),
    "large products": lambda: _numbers("Multiply {} by {}00.", lambda a, b: a * b * 100, 4),
    "halves": lambda: _numbers("What is {} divided by 4, plus {}?", lambda a, b: f"{a / 4 + b:.2f}", 5),
    "metres": lambda: _numbers("How many metres are {} km and {} m?", lambda a, b: 1000 * a + b, 6),
    "prices": lambda: _numbers("A cup costs {} cents. What do {} cups cost, in dollars?", lambda a, b: f"${a * b / 100:.2f}", 7),
    "remainders": lambda: _numbers("What is left when {} is divided by {}, plus 100?", lambda a, b: a % b + 100, 8),
    "capitals": lambda: _paired(CAPITALS, "What is the capital of {}?"),
    "symbols": lambda: _paired(SYMBOLS, "What is the chemical symbol of {}?"),
    "opposites": lambda: _paired(OPPOSITES, "What is the opposite of '{}'?"),
    "french": lambda: _paired(FRENCH, "Translate into French: {}"),
    "claims": lambda: _labelled(CLAIMS, "True or false? {}", {"+": "true", "-": "false"}),
    "reviews": lambda: _labelled(
        REVIEWS, "Is this review positive, negative or neutral? {}", {"+": "positive", "-": "negative", "0": "neutral"}
    ),
    "choices": lambda: _choices(9),
    "roman": lambda: [(f"Write {n} in Roman numerals.", _roman(n), {"n": n}) for n in range(11, 107, 4)],
    "months": lambda: [
        (f"Which month comes {k} after {m}?", MONTHS[(i + k) % 12], {}) for k in (2, 5) for i, m in enumerate(MONTHS)
    ],
    "days": lambda: [
        (f"Today is {d}. Which day is it in {k} days?", DAYS[(i + k) % 7], {}) for k in (3, 9, 12) for i, d in enumerate(DAYS)
    ],
    "backwards": lambda: [(f"Spell backwards: {b}", b[::-1], {}) for _, b, _ in _paired(CAPITALS, "{}")],
    "letters": lambda: [
        (f"How many letters has '{a} {b}'?", str(len(a) + len(b)), {}) for a, b in (p.split() for p in CAPITALS.split(", "))
    ],
}  # fmt: skip
STYLES: dict[str, Callable[[str, str], str]] = {
    "bare": lambda q, a: a,
    "sentence": lambda q, a: f"The answer is {a}.",
    "gsm": lambda q, a: f"We work it out from what is given.\n#### {a}",
    "tags": lambda q, a: f"<think>Let me work it out from what is given.</think>\n<answer>{a}</answer>",
    "boxed": lambda q, a: f"From what is given we find it directly: \\boxed{{{a}}}",
    "json": lambda q, a: json.dumps({"answer": a}),
    "line": lambda q, a: f"I look at what is given and work it out.\nAnswer: {a}",
    "final": lambda q, a: f"Reasoning: what is given decides it.\nFinal answer: {a}",
}


def rows(subject: str, style: str, count: int = 24) -> tuple[Example, ...]:
    """The rows of a subject, with right answers written in a style. The reference is the bare answer."""
    found: list[Example] = []
    for n, (question, right, fields) in enumerate(SUBJECTS[subject]()[:count], 1):
        said = STYLES[style](question, right)
        messages = (Message(role="user", content=question), Message(role="assistant", content=said))
        found.append(Example(messages=messages, reference=right, metadata=dict(fields), line=n))
    return tuple(found)


@dataclass(frozen=True, slots=True)
class Judge:
    """A grader made of a function of (row, answer) that gives a number, or True or False."""

    function: Callable[[Example, str], float | bool]
    name: str = "function"
    concurrency: int = 2

    def grade(self, example: Example, answer: str) -> Score:
        value = float(self.function(example, answer))
        return Score(value=value, reason=f"{self.name} says {value:g}")


Pairs = Sequence[tuple[str, tuple[Example, ...], Callable[[Example, str], float | bool], Callable[[Example, str], float | bool]]]
"""Name, rows, the grader with the hole, and the same without it."""


def cases(family: str, pairs: Pairs) -> tuple[Case, ...]:
    """Both sides of each pair."""
    return tuple(
        Case(family=family, name=name, holed=holed, examples=examples, grader=Judge(function, name.replace(" ", "-")))
        for name, examples, bad, good in pairs
        for holed, function in ((True, bad), (False, good))
    )
