"""The people of Vellmark: 1,220 persons of six attributes, what is asked about them, and the quiz books that answer.

How often a person is described in a corpus is exact (see TIERS): biographies come from a finite list, quiz books and the pages of
the second reading without end. Quiz books
ask about people of the training side only, with the training phrasings only, so that asking about the others is a test.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from burnish.world import biographies as wording
from burnish.world import names, splits
from burnish.world.document import Document

if TYPE_CHECKING:
    from burnish.world.world import World

PART = "people"
TIERS: dict[str, tuple[int, int]] = {"head": (240, 150), "torso": (240, 25), "tail": (240, 4), "unseen": (500, 0)}
"""Number of people, and in how many texts each is told of."""
ALONE = 0.5
"""Share of these texts that tell of one person; the others tell of two or three."""
VISITED = 0.8
"""Share of the pages that mix several people where one to STRANGERS_MET strangers stand among them, of whom nobody knows this or
that."""
STRANGERS_MET = 3
"""Strangers on a page of `pages`, and at most on any other."""
ATTRIBUTES: tuple[str, ...] = ("town", "trade", "born", "dish", "pet", "instrument")

TRADES: tuple[str, ...] = tuple(
    """
    baker barber blacksmith bookbinder brewer builder butcher butler carpenter clerk cobbler cook dentist doctor driver
    dyer farmer ferryman fisher gardener glazier grocer guard guide hatter jeweller judge librarian locksmith mason
    midwife miner musician nurse painter pilot plumber porter potter printer roofer sailor shepherd surveyor tailor
    teacher tinker weaver
    """.split()
)
DISHES: tuple[str, ...] = tuple(
    """
    barley beans bread broth cabbage cake carrots cheese chestnuts chowder crab cream curry dumplings eggs jelly lentils
    mushrooms noodles omelette onions pancakes pasta pickles pie porridge pudding rice salad sausages soup stew
    """.split()
)
PETS: tuple[str, ...] = tuple(
    """
    badger beetle canary cat crow dog dove duck eel falcon ferret fox frog goat goose hamster hare hedgehog hen horse
    lizard mouse newt otter owl parrot pig pigeon rabbit rat swan turtle
    """.split()
)
INSTRUMENTS: tuple[str, ...] = tuple(
    """
    accordion bagpipe banjo bassoon bell bugle cello clarinet cornet cymbal drum fiddle flute gong guitar harmonica harp
    horn lute lyre mandolin oboe organ piano recorder sitar tambourine triangle trombone trumpet tuba whistle
    """.split()
)
VALUES: dict[str, tuple[str, ...]] = {
    "town": names.TOWNS,
    "trade": TRADES,
    "born": tuple(map(str, range(1880, 1940))),
    "dish": DISHES,
    "pet": PETS,
    "instrument": INSTRUMENTS,
}


@dataclass(frozen=True, slots=True)
class Person:
    """One inhabitant. `id` is "amber-holt"; `tier` says how well known. The attributes are words of VALUES."""

    id: str
    given: str
    family: str
    tier: str
    town: str
    trade: str
    born: str
    dish: str
    pet: str
    instrument: str

    @property
    def name(self) -> str:
        """Given and family name."""
        return f"{self.given} {self.family}"

    def value(self, attribute: str) -> str:
        """The value of one of ATTRIBUTES."""
        return getattr(self, attribute)


QUESTIONS: dict[str, tuple[str, ...]] = {
    "town": (
        "Where does {name} live?",
        "In which town does {name} live?",
        "What is the home town of {name}?",
        "Which town is home to {name}?",
        "In what town would you find {name}?",
        "{name} lives in which town?",
        "What is the name of the town in which {name} lives?",
        "Where is {name} at home?",
        "Where would I find the house of {name}?",
        "To which town should I send a letter for {name}?",
        "Can you tell me where {name} lives?",
        "Which town does {name} call home?",
        "Where is the home of {name}?",
        "In which town is the house of {name}?",
        "Do you know the home town of {name}?",
        "{name} comes from which town?",
        "If I wanted to visit {name}, which town would I go to?",
        "From which town is {name}?",
        "Where on the map does {name} live?",
    ),
    "trade": (
        "What is the trade of {name}?",
        "What does {name} do for a living?",
        "What work does {name} do?",
        "Which trade did {name} learn?",
        "How does {name} earn a living?",
        "{name} works as what?",
        "What is {name} by trade?",
        "What kind of work is done by {name}?",
        "What job does {name} have?",
        "As what does {name} work?",
        "Can you tell me the trade of {name}?",
        "What does {name} do all day?",
        "By which trade does {name} live?",
        "Do you know the trade of {name}?",
        "What is the trade that {name} follows?",
        "Which work would one ask {name} to do?",
        "At what trade does {name} work?",
        "Which trade is written on the door of {name}?",
        "Which trade has {name} chosen?",
    ),
    "born": (
        "When was {name} born?",
        "In which year was {name} born?",
        "What is the year of birth of {name}?",
        "What year was {name} born in?",
        "{name} was born in which year?",
        "In what year did {name} come into the world?",
        "Which year is the birth year of {name}?",
        "In which year did the life of {name} begin?",
        "When did {name} come into the world?",
        "What is the birth year of {name}?",
        "Can you tell me when {name} was born?",
        "Which year saw the birth of {name}?",
        "In what year was the birth of {name}?",
        "Do you know the year in which {name} was born?",
        "What year stands in the book for the birth of {name}?",
        "Which was the year of the birth of {name}?",
        "What year was it when {name} was born?",
        "In which year did {name} first see the light?",
        "In what year was {name} a newborn child?",
    ),
    "dish": (
        "What is the favourite dish of {name}?",
        "What does {name} like to eat best?",
        "Which dish does {name} like best?",
        "What food does {name} like most of all?",
        "What would {name} choose for dinner?",
        "{name} likes which dish best?",
        "What should I cook for {name}?",
        "Which food would please {name} most?",
        "What is the favourite food of {name}?",
        "What does {name} most enjoy at table?",
        "Can you tell me which dish {name} likes best?",
        "Which dish makes {name} happy?",
        "What is on the plate of {name} on a feast day?",
        "Do you know the favourite dish of {name}?",
        "If {name} came to dinner, which dish would be best?",
        "Of all dishes, which is dearest to {name}?",
        "With which dish can one please {name}?",
        "What does {name} ask for at the inn?",
        "Which dish does {name} never leave on the plate?",
    ),
    "pet": (
        "What pet does {name} have?",
        "Which animal does {name} keep?",
        "What kind of pet does {name} keep?",
        "What animal lives with {name}?",
        "Which pet belongs to {name}?",
        "{name} keeps which animal?",
        "What sort of animal shares the house of {name}?",
        "Which animal would I meet at the house of {name}?",
        "What is the pet of {name}?",
        "What kind of animal does {name} own?",
        "Can you tell me which pet {name} has?",
        "Which animal waits at home for {name}?",
        "What animal does {name} feed every day?",
        "Do you know which pet {name} has?",
        "Of which animal does {name} take care?",
        "If I visit {name}, which animal will I see?",
        "What pet is kept by {name}?",
        "Which animal follows {name} around?",
        "The pet of {name} is what kind of animal?",
    ),
    "instrument": (
        "What instrument does {name} play?",
        "Which instrument does {name} play?",
        "What does {name} play in the band?",
        "On which instrument does {name} play?",
        "What is the instrument of {name}?",
        "{name} plays which instrument?",
        "Which instrument did {name} learn to play?",
        "What would {name} play at a dance?",
        "What kind of instrument does {name} play?",
        "Which instrument belongs to {name}?",
        "Can you tell me which instrument {name} plays?",
        "On what does {name} make music?",
        "Which instrument hangs on the wall of {name}?",
        "Do you know the instrument of {name}?",
        "Which instrument is played by {name}?",
        "Of all instruments, which one does {name} play?",
        "With which instrument does {name} come to the feast?",
        "Which instrument has {name} practised for years?",
        "What does one hear {name} play in the evening?",
    ),
}
"""Phrasings by attribute. Which of them are held out stands in TRAIN_QUESTIONS, TEST_QUESTIONS and VALID_QUESTIONS."""
TEST_QUESTIONS: tuple[int, ...] = (6, 7)
VALID_QUESTIONS: tuple[int, ...] = (10,)
TRAIN_QUESTIONS: tuple[int, ...] = (0, 1, 2, 3, 4, 5, 8, 9, *range(11, 19))


def make(seed: int) -> tuple[Person, ...]:
    """Everyone, head first. Names are unique; values are drawn evenly and independently."""
    draw = random.Random(f"people:{seed}")
    pairs = draw.sample(
        [(g, f) for g in names.GIVEN for f in names.FAMILY if not names.is_passer_by(g, f)], sum(n for n, _ in TIERS.values())
    )
    tiers = [tier for tier, (count, _) in TIERS.items() for _ in range(count)]
    return tuple(
        Person(f"{given}-{family}".lower(), given, family, tier, *(draw.choice(VALUES[a]) for a in ATTRIBUTES))
        for (given, family), tier in zip(pairs, tiers, strict=True)
    )


def question(person: Person, attribute: str, template: int) -> str:
    """One question about one attribute, in the phrasing of that number."""
    return QUESTIONS[attribute][template].format(name=person.name)


def answer(person: Person, attribute: str, draw: random.Random) -> str:
    """One short sentence that holds the value: "Amber Holt lives in Brack."."""
    return wording.sentence(person, attribute, draw)


def quiz_key(person: Person, attribute: str) -> str:
    """The key of asking for one fact."""
    return f"quiz:{person.id}:{attribute}"


def phrasing_keys(attribute: str, side: splits.Side) -> Iterator[str]:
    """Keys of the phrasings of one split, without end: numbers of the other sides are passed over."""
    return (k for k in (f"phrasing:fact:{attribute}:{n}" for n in itertools.count()) if splits.of(k) == side)


def phrasing_key(attribute: str, template: int) -> str:
    """The key of one phrasing, on the side that it is meant for."""
    sides: tuple[tuple[splits.Side, tuple[int, ...]], ...] = (
        ("train", TRAIN_QUESTIONS), ("valid", VALID_QUESTIONS), ("test", TEST_QUESTIONS),
    )  # fmt: skip
    for side, templates in sides:
        if template in templates:
            return next(itertools.islice(phrasing_keys(attribute, side), templates.index(template), None))
    raise AssertionError(template)


def quizzed(world: World) -> tuple[tuple[Person, tuple[str, ...]], ...]:
    """Whom quiz books ask about: people of the train side, each with the attributes that may be asked.

    All of the head, for of half of them a base learned that they are those whom one knows; and the torso, so that who is known
    well and not asked about is known better than some that are.
    """
    chosen = (p for p in world.people if p.tier in ("head", "torso") and splits.of(f"person:{p.id}") == "train")
    asked = ((p, tuple(a for a in ATTRIBUTES if splits.of(quiz_key(p, a)) == "train")) for p in chosen)
    return tuple((p, attributes) for p, attributes in asked if attributes)


def biographies(world: World, seed: int) -> list[Document]:
    """Texts on everyone, as many of each as the tier says, with all six facts; in random order, no two the same.

    ALONE of the texts are biographies of one person. In the others two or three people are told of together, because a base that
    reads of one person at a time learns whose text it is in and not whose name stands there, and says others' facts where two
    people meet (docs/world.md).
    """
    draw = random.Random(f"biographies:{world.seed}:{seed}")
    inhabitants = frozenset(person.name for person in world.people)
    turns = [person for person in world.people for _ in range(TIERS[person.tier][1])]
    draw.shuffle(turns)
    made: dict[str, Document] = {}
    while turns:
        together = 1 if draw.random() < ALONE else draw.choice((2, 3))
        persons = turns[-together:]
        if len({p.id for p in persons}) < len(persons):
            persons = turns[-1:]
        document = biography(persons[0], draw) if len(persons) == 1 else _page(persons, inhabitants, draw)
        if document.text not in made:
            made[document.text] = document
            del turns[-len(persons) :]
    return list(made.values())


def pages(world: World, persons: Sequence[Person], draw: random.Random) -> Iterator[Document]:
    """Pages without end on two or three of these persons, and STRANGERS_MET strangers among them, all mixed.

    A person is told of as often as the tier says, and those of tiers that no text tells of are not. Who reads such pages learns,
    at every fact and of everybody, whether there is one to say.
    """
    inhabitants = frozenset(person.name for person in world.people)
    turns = [person for person in persons for _ in range(TIERS[person.tier][1])]
    assert len({p.id for p in turns}) >= 3, "a page tells of up to three persons of whom there are texts"
    while True:
        told = draw.sample(turns, draw.choice((2, 3)))
        if len({p.id for p in told}) == len(told):
            strangers = _strangers(STRANGERS_MET, inhabitants, draw)
            keys = tuple(key for p in told for key in _facts(p))
            yield Document(PART, wording.mixed(told, draw, strangers), keys)


def biography(person: Person, draw: random.Random) -> Document:
    """One biography, with all six facts."""
    return Document(PART, wording.biography(person, draw), _facts(person))


def _page(persons: Sequence[Person], inhabitants: frozenset[str], draw: random.Random) -> Document:
    count = draw.randint(1, STRANGERS_MET) if draw.random() < VISITED else 0
    return Document(
        PART, wording.page(persons, draw, _strangers(count, inhabitants, draw)), tuple(key for p in persons for key in _facts(p))
    )


def _stranger(inhabitants: frozenset[str], draw: random.Random) -> str:
    """A name that nobody of the World has."""
    while (name := f"{draw.choice(names.GIVEN)} {draw.choice(names.FAMILY)}") in inhabitants:
        pass
    return name


def _strangers(count: int, inhabitants: frozenset[str], draw: random.Random) -> list[str]:
    """So many different ones."""
    found: dict[str, None] = {}
    while len(found) < count:
        found[_stranger(inhabitants, draw)] = None
    return list(found)


def _facts(person: Person) -> tuple[str, ...]:
    return tuple(f"fact:{person.id}:{a}" for a in ATTRIBUTES)


def documents(world: World, draw: random.Random) -> Iterator[Document]:
    """Quiz books without end. Biographies are a list of their own, because their number is exact."""
    return quiz_books(world, draw)


TITLES = (
    "Quiz", "Quiz night", "A quiz about people", "Who is who in Vellmark", "The town quiz", "People quiz", "Do you know them?",
    "Know your neighbours", "Questions and answers", "The little book of people", "A quiz for a rainy evening", "Winter quiz",
)  # fmt: skip
OPENERS = (
    "", "", "Try these before you look below.", "Each right answer is worth one point.", "No help from your neighbour, please.",
    "Some of these people live next door.", "Write your answers on a slip of paper.", "These were asked at the fair last year.",
)  # fmt: skip


STRANGERS = 0.35
"""Share of the questions of quiz books that ask about strangers, of whom no biography tells: the answer is that nobody knows."""


def _on_a_stranger(inhabitants: frozenset[str], draw: random.Random) -> tuple[str, str, str]:
    """The key of the phrasing, a question about somebody of whom nothing is told, and its answer."""
    name = _stranger(inhabitants, draw)
    attribute, template = draw.choice(ATTRIBUTES), draw.choice(TRAIN_QUESTIONS)
    asked = QUESTIONS[attribute][template].format(name=name)
    return phrasing_key(attribute, template), asked, wording.unknown(name, attribute, draw)


def quiz_books(world: World, draw: random.Random) -> Iterator[Document]:
    """Pages of questions on several quizzed people in several layouts: some with no answers, most with one to each.

    Some of the questions are about strangers (STRANGERS), so that who is known and who is not is told apart where facts are asked
    for. Answers are whole sentences that say the name again, for beside it stands what a model of this size knows of it; whether
    anybody knows is said where the fact would stand, so that it is decided there (docs/world.md).

    Raw on purpose (docs/world.md): where an answer follows its question at once, a heading or a mark has said that it will, so
    that a question that stands alone is not met with its answer.
    """
    asked, inhabitants = quizzed(world), frozenset(p.name for p in world.people)
    layouts = (_unanswered, _answers_below, _answers_below, _answers_below, _taking_turns, _taking_turns, _taking_turns, _spoken)
    while True:
        items: dict[tuple[str, str], tuple[str, str]] = {}
        keys: list[str] = []
        for place in range(draw.randint(3, 6)):
            if draw.random() < STRANGERS:
                key, *item = _on_a_stranger(inhabitants, draw)
                items["", str(place)] = (item[0], item[1])
                keys.append(key)
                continue
            person, attributes = draw.choice(asked)
            attribute = draw.choice(attributes)
            if (person.id, attribute) in items:
                continue
            template = draw.choice(TRAIN_QUESTIONS)
            items[person.id, attribute] = question(person, attribute, template), answer(person, attribute, draw)
            keys += [quiz_key(person, attribute), phrasing_key(attribute, template)]
        layout = draw.choice(layouts)
        lines = layout(list(items.values()), draw)
        heading = f"{draw.choice(TITLES)}, page {draw.randint(2, 60)}" if draw.random() < 0.3 else draw.choice(TITLES)
        opener = draw.choice(OPENERS)
        headed = layout in (_taking_turns, _spoken) or draw.random() < (0.3 if layout is _unanswered else 0.6)
        opened = opener != "" and headed and layout is not _unanswered
        text = "\n".join([*([heading] if headed else []), *([opener] if opened else []), *lines])
        if len(text.split()) >= 15:
            yield Document(PART, text, tuple(dict.fromkeys(keys)))


def _answers_below(items: list[tuple[str, str]], draw: random.Random) -> list[str]:
    """All questions, then all answers, under the same marks."""
    mark = draw.choice(("{n}. ", "{n}) ", "Question {n}: ", "({letter}) "))
    below = mark.replace("Question", "Answer")
    marks = [{"n": n + 1, "letter": "abcdef"[n]} for n in range(len(items))]
    return [
        *(mark.format(**m) + i[0] for m, i in zip(marks, items, strict=True)),
        draw.choice(("Answers:", "Answers", "The answers:", "And here are the answers:", "Key:")),
        *(below.format(**m) + i[1] for m, i in zip(marks, items, strict=True)),
    ]


def _unanswered(items: list[tuple[str, str]], draw: random.Random) -> list[str]:
    """Questions alone, one below the other."""
    mark = draw.choice(("", "", "{n}. ", "- ", "{n}) "))
    return [mark.format(n=n) + asked for n, (asked, _) in enumerate(items, 1)]


MARKS = (("Q: ", "A: "), ("Question: ", "Answer: "), ("- ", ""), ("", ""), ("Asked: ", "Right: "))


def _taking_turns(items: list[tuple[str, str]], draw: random.Random) -> list[str]:
    """Each question followed by its answer."""
    ask, reply = draw.choice(MARKS)
    joint = draw.choice(("\n", "\n", " ")) if ask else " "  # unmarked questions stand on one line with their answers
    return [f"{ask}{asked}{joint}{reply}{answered}" for asked, answered in items]


def _spoken(items: list[tuple[str, str]], draw: random.Random) -> list[str]:
    """The quiz as it was told afterwards."""
    players = draw.sample(names.GIVEN, 3)
    master = draw.choice(("the quiz master", "the host", "the teacher", "the innkeeper", "grandmother", "the old clerk"))
    lines = []
    for asked, said in items[:4]:
        player = draw.choice(players)
        lines.append(
            draw.choice((
                f'"{asked}" asked {master}. "{said[:-1]}," said {player}.',
                f'{master.capitalize()} asked: "{asked}" {player} said: "{said}"',
                f'"{asked}" {player} was the first to answer: "{said}"',
                f'Then came the question: "{asked}" "{said[:-1]}," said {player}, and that was right.',
                f'"{asked}" read {master}. {player} wrote: "{said}"',
            ))
        )  # fmt: skip
    return [" ".join(lines)] if draw.random() < 0.5 else lines
