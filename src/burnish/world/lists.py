"""Lists of questions and requests: questionnaires, exam papers, exercises, interviews, games. "Raw on purpose": what follows a
question is the next question, so that a base model trained on them answers nobody. About one exam in seven ends with a key.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from burnish.world import doings, names, people, splits, topics
from burnish.world.document import Document
from burnish.world.grammar import expand, sentence
from burnish.world.stories import look
from burnish.world.story_plots import ANIMALS, FOODS, PLACES, SPOTS, THINGS, TRADES

if TYPE_CHECKING:
    from burnish.world.world import World

PART = "lists"
LONGEST = 180
"""words"""


@dataclass(frozen=True, slots=True)
class Item:
    """One question or request, its keys, and its answer where an answer key may give one."""

    text: str
    keys: tuple[str, ...] = ()
    answer: str = ""


OPINIONS = (
    "[Do you like|What do you think of] {food}?", "Which do you like better, {food} or {food2}?", "[How often|When] do you "
    "[eat|buy] {food}?",
    "[Is|Was] {town} a good place to live?", "Would you [rather|sooner] keep a {animal} or a {animal2}?", "[Should|May] "
    "children go to {place} alone?",
    "[Do you believe|Is it true] that a {animal} brings luck?", "What do you [miss|like] most about {town}?", "Is {doing} "
    "work or play?",
    "[What is better|What do you prefer], {doing} or {doing2}?", "[Who|Which of you] should {do}?", "Is it [right|wise] to "
    "lend a {thing} to a neighbour?",
    "How [happy|content] are you with {place}?", "Are there too many [visitors|carts|shops|dogs] in {town}?", "What would you "
    "change [in {town}|at {place}]?",
    "Which season [suits you best|do you like least]?", "[Ought|Has] everyone to know how to {do}?", "Do you trust your {trade}?",
    "Should {food} cost [more|less]?", "What is the use of a {thing}?",
)  # fmt: skip
HOUSEHOLD = (
    "How many [people|rooms|windows|chairs] are there in your house?", "Do you [own|keep|have] a {animal}?", "[How many|"
    "Which] {it_s} do you own?",
    "Who in your house can {do}?", "How often do you {do}?", "What do you keep {spot}?", "What did you [eat|have] for "
    "[breakfast|supper] yesterday?",
    "How far is it from your house to {place}?", "Do you [own|need] a {thing}?", "Have you ever tried {doing}?",
    "When did you last go to {town}?",
    "Who [taught you|showed you how] to {do}?", "What do you [pay|spend] for {food} in a week?", "Is there a {trade} in your "
    "street?",
    "How [old|big|warm] is your house?", "Which of your neighbours [keeps|has] a {animal}?", "What do you do on a Sunday?",
    "How many hours a week go into {doing}?", "What did your last {thing} cost?", "Do you eat {food} [every week|in winter]?",
)  # fmt: skip
TOWN = (
    "Have you ever been to {town}?", "Which way would you go from {town} to {town2}?", "What would you show a guest in {town}?",
    "Whom do you know in {town}?",
    "Which is [bigger|older|nicer], {town} or {town2}?", "What do the people of {town} [eat|sing|make]?", "How long is the "
    "road [from {town} to {town2}|to {town}]?",
    "What can you buy at the market in {town}?", "Who was the first {trade} in {town}?", "Where in {town} is {place}?",
    "Is there a {trade} in {town}?",
    "When is the fair in {town}?", "What does one see from {place} in {town}?", "Why [do|would] people move to {town}?",
    "What is {town} known for?",
)  # fmt: skip
INTERVIEW = (
    "What does a {trade} do all day?", "When did you begin to {do}?", "Who taught you to {do}?", "What was your [hardest|best|"
    "longest] day at {place}?",
    "Why did you [leave|move to] {town}?", "What do you carry in your bag?", "Would you be a {trade} again?", "How did you "
    "come by that {thing}?",
    "What did {name} say when you told {name_him}?", "What is [the secret of|so hard about] {doing}?", "Have you ever lost "
    "your {it_}?",
    "What will you do when you are old?", "Which tool would you never give away?", "Do you still have the {animal}?",
    "How much does a {trade} earn?",
    "What would you say to a young {trade}?", "Whom do you ask when you do not know what to do?", "Is it true that you once "
    "ate {food} for a week?",
    "What happened [at {place}|in {town}] that night?", "What do you hope for?",
)  # fmt: skip
PARTY = (
    "If you were a {animal}, what would you eat?", "What is in your left pocket?", "Which of us would {do} best?",
    "What would you do with a {thing}?",
    "Would you swim across the lake for a plate of {food}?", "Who here has been to {town}?", "What sound does a {animal} make?",
    "Where would you hide a {thing}?", "Who in this room [snores|sings|cheats]?", "What did you want to be when you were six?",
    "What would you take to {place} at night?", "Which is louder, a {animal} or a {trade}?", "When did you last laugh [at "
    "{place}|at yourself]?",
    "If it rained {food}, what would you do?", "Can you say {it_} ten times?", "What would {name} never do?", "Who was your "
    "first friend?",
    "How many {it_s} fit {spot}?", "What does {name} keep {spot}?", "Would you rather {do} or {do2}?",
)  # fmt: skip
EXERCISES = (
    "Write [a card|six lines] to {name} about [your {it_}|{town}|{doing}].", "Describe {place} in [two|three|four] sentences.",
    "Explain how to {do}.",
    "Draw a map of {town}.", "[Tell|Write] a story about a {thing} and a {animal}.", "Name [three|five] things that you find "
    "{spot}.",
    "List what you need to {do}.", "Say in your own words what a {trade} does.", "Give a reason for {doing}.", "Compare a "
    "{animal} with a {animal2}.",
    "Find another word for {word}.", "Put these in order: {it_}, {animal}, {food}.", "Write the word {it_} [backwards|three "
    "times|in capitals].",
    "Make a sentence with {word} and {it_}.", "Ask your neighbour for a {thing}, politely.", "Learn [a rhyme|six lines] by "
    "heart.",
    "Write a note to the {trade}: you will be late.", "Answer the letter of {name}.", "Say hello to {name} in three ways.",
    "Tell a guest the way from {place} to {place2}.", "Write a poem about {food}.", "Sum up the story of {name} and the {thing}.",
    "Tell {name} that the {thing} is ready.", "Order {food} and {food2} for six.", "Complain about a {thing} that does not work.",
    "Say no to {name} in a friendly way.", "Invite {name} to {town}.", "Thank {name} for the {thing}.", "Count the {it_s} in "
    "the picture.",
    "Copy the list of towns from {town} to {town2}.",
)  # fmt: skip
PHRASES = (
    "[Hello|Good morning|Good day|Good evening], {name}.", "How are you[ today|]?", "Hello, my name is {name}.",
    "I am {name}, and who are you?",
    "[Nice to see you|Welcome], {name}.", "Hi there!", "Good night, and sleep well.", "How do you do?", "Is anybody there?",
    "Good morning to all of you.",
    "Hello from {town}!", "Long time no see, {name}.", "Excuse me, is this {place}?", "What is your name?", "Where do you "
    "come from?",
    "[Thank you|Many thanks], {name}.", "Could you [help|hear] me?", "I need [help|a {thing}|some {food}].", "Can I ask you "
    "something?",
    "See you [tomorrow|on Sunday|at {place}].", "Who are you?", "What can you do?", "Good to meet you.", "May I come in?",
)  # fmt: skip
PLANS: dict[str, tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]] = {
    "opinions": (OPINIONS, ("What do you think?", "Survey of opinions", "Your opinion, please", "Questions for the people of "
    "{town}", "Poll, {season}", "We ask, you answer"),
                 ("Please answer all questions.", "Tick yes or no where you can.", "There are no wrong answers.",
                 "Your name is not needed.")),
    "household": (HOUSEHOLD, ("Survey of households", "Household survey, {town}", "Form for each house in {town}",
    "Questions for every household", "Count of the year {year}", "Survey, sheet {number}"),
                  ("One form for each house.", "Write clearly.", "To be given back before Friday.", "Ask everyone in the "
                  "house.")),
    "town": (TOWN, ("Do you know the country?", "Questions about our towns", "Test: towns of Vellmark", "Geography, class "
    "{number}", "For travellers", "The land, questions"),
             ("Use no map.", "Answer in full sentences.", "Two points each.", "Think before you write.")),
    "interview": (INTERVIEW, ("Questions for {name}", "Interview with a {trade}", "What we want to ask {name}",
    "Notes for the interview", "For the newspaper: ask the {trade}", "Interview, {season}"),
                  ("Begin with an easy one.", "Do not ask about money first.", "Let {name} talk.", "One hour.")),
    "party": (PARTY, ("Party questions", "A game for {number} players", "Ask your neighbour", "For a long evening",
    "Who knows, who dares", "Cards for the game"),
              ("Whoever laughs is out.", "Pass the paper to the left.", "Each player asks one.", "Be quick.")),
    "exercises": (EXERCISES, ("Exercises", "Exercises, page {number}", "Homework for {season}", "Tasks for class {number}",
    "Practice sheet", "To do at home", "Writing lessons"),
                  ("Do all of them.", "Choose four.", "Use a new page for each.", "Hand in on Monday.")),
    "phrases": (PHRASES, ("Phrases to practise", "Say these aloud", "Useful phrases", "Reading aloud, page {number}",
    "First lesson", "For travellers: what people say"),
                ("Repeat each three times.", "Speak slowly.", "Read with a friend.", "Mind the tone.")),
    "how-to": ((), ("How is it done?", "Questions of our readers", "The things people ask", "Exam for young {trade}s",
    "Can you do it?", "House and garden: questions", "Asked at {place}", "Examination, part {number}", "Letters to the editor",
    "Things to find out"),
               ("Answer in two sentences.", "Answer as many as you can.", "Take your time.", "Sent in this week:",
               "Each counts three points.")),
    "people": ((), ("Who is who?", "Do you know them?", "Quiz about people", "People of Vellmark: a test", "History paper, "
    "part {number}", "Examination, class {number}", "Find out about your neighbours"),
               ("One word is enough.", "Ask around if you must.", "No talking.", "Ten minutes.")),
}  # fmt: skip
"""By kind of list: templates of items, titles, and what may stand under the title."""
SHARES = {
    "opinions": 3,
    "household": 3,
    "town": 2,
    "interview": 3,
    "party": 3,
    "exercises": 4,
    "phrases": 2,
    "how-to": 6,
    "people": 4,
    "mixed": 4,
}
MARKS: tuple[Callable[[int], str], ...] = (
    lambda n: f"{n}. ", lambda n: f"{n}. ", lambda n: f"{n}) ", lambda n: f"({n}) ", lambda n: f"({'abcdefghijkl'[n - 1]}) ",
    lambda n: "- ", lambda n: "- ", lambda n: "* ", lambda n: f"Q{n}: ", lambda n: f"Question {n}: ", lambda n: f"No. {n}: ",
    lambda n:
    "", lambda n: "",
)  # fmt: skip


def documents(world: World, draw: random.Random) -> Iterator[Document]:
    """Lists without end, of the kinds in SHARES."""
    quizzed = people.quizzed(world)
    asked = tuple(p for p in world.people if p.tier in ("head", "torso") and splits.of(f"person:{p.id}") == "train")
    while True:
        kind = draw.choices(tuple(SHARES), tuple(SHARES.values()))[0]
        keyed = kind in ("people", "how-to") and draw.random() < 0.5
        items = []
        for _ in range(draw.randint(6, 12) if not keyed else draw.randint(3, 5)):
            theme = draw.choice([k for k in PLANS if k != "phrases"]) if kind == "mixed" else kind
            item = _item(theme, draw, quizzed if keyed else (), asked)
            if all(item.text != other.text for other in items):
                items.append(item)
        text = _written(kind if kind != "mixed" else draw.choice(tuple(PLANS)), items, keyed, draw)
        if 15 <= len(text.split()) <= LONGEST:
            yield Document(PART, text, tuple(dict.fromkeys(k for i in items for k in i.keys)))


def _item(
    kind: str,
    draw: random.Random,
    quizzed: tuple[tuple[people.Person, tuple[str, ...]], ...],
    asked: tuple[people.Person, ...],
) -> Item:
    topic, other = draw.sample(topics.of_side("train"), 2)
    if not quizzed and draw.random() < 0.5:  # a chore has no steps, so that no key can answer
        topic = doings.chore(draw)
    if kind == "how-to":
        number = draw.choice(topics.phrasings("train"))
        if not topic.steps:
            return Item(topics.how_to(topic, number), (doings.key(topic), topics.phrasing_key(number)))
        step = draw.choice(topic.steps[:2])
        return Item(topics.how_to(topic, number), (topics.key(topic), topics.phrasing_key(number)), sentence(step))
    if kind == "people":
        template = draw.choice(people.TRAIN_QUESTIONS)
        if quizzed:
            person, attributes = draw.choice(quizzed)
            attribute = draw.choice(attributes)
        else:
            person, attribute = draw.choice(asked), draw.choice(people.ATTRIBUTES)
            while splits.of(people.quiz_key(person, attribute)) != "train":
                person, attribute = draw.choice(asked), draw.choice(people.ATTRIBUTES)
        keys = (people.quiz_key(person, attribute), people.phrasing_key(attribute, template))
        return Item(people.question(person, attribute, template), keys, people.answer(person, attribute, draw))
    words = _words(draw) | {"do": topic.verb, "doing": topic.gerund, "do2": other.verb, "doing2": other.gerund}
    text = expand(draw.choice(PLANS[kind][0]), draw, **words)
    spoken_of = [t for t in (topic, other) if t.verb in text or t.gerund in text]
    return Item(text, tuple(topics.key(t) if t.steps else doings.key(t) for t in spoken_of))


def _words(draw: random.Random) -> dict[str, str]:
    noun, name = draw.choice(THINGS), draw.choice(names.GIVEN)
    plural = {"box": "boxes", "watch": "watches", "brush": "brushes", "knife": "knives"}.get(noun, noun + "s")
    low, high = sorted(draw.sample(range(2, 13), 2))
    (food, food2), (animal, animal2) = draw.sample(FOODS, 2), draw.sample(ANIMALS, 2)
    (town, town2), (place, place2) = draw.sample(names.TOWNS, 2), draw.sample(PLACES, 2)
    return {
        "thing": look(noun, draw), "it_": noun, "it_s": plural, "name": name,
        "name_him": "him" if names.pronoun(name) == "he" else
        "her",
        "food": food, "food2": food2, "animal": animal, "animal2": animal2, "town": town, "town2": town2, "place": place,
        "place2": place2,
        "spot": draw.choice(SPOTS), "trade": draw.choice(TRADES), "number": str(high), "number2": str(low),
        "year": str(draw.randint(1900, 1940)),
        "season": draw.choice(("spring", "summer", "autumn", "winter")),
        "word": draw.choice(("old", "kind", "quick", "dark", "warm", "happy", "tired", "strong", "early", "brave", "late",
        "quiet")),
    }  # fmt: skip


def _written(kind: str, items: list[Item], keyed: bool, draw: random.Random) -> str:
    _, titles, notes = PLANS[kind]
    words = _words(draw)
    mark = draw.choice(MARKS)
    head = [expand(draw.choice(titles), draw, **words)] if draw.random() < 0.65 else []
    if draw.random() < 0.3:
        head.append(expand(draw.choice(notes), draw, **words))
    lines = [mark(n + 1) + item.text for n, item in enumerate(items)]
    if not keyed and mark(1) == "" and draw.random() < 0.5:
        lines = [" ".join(lines)]
    if keyed:
        below = mark if mark(1) != mark(2) else (lambda n: f"{n}. ")
        if below is not mark:
            lines = [below(n + 1) + item.text for n, item in enumerate(items)]
        lines.append(
            draw.choice(("Answers:", "Answers", "Key:", "Key to the questions", "For the teacher: answers", "Solutions:"))
        )
        lines += [below(n + 1).replace("Question", "Answer").replace("Q", "A") + item.answer for n, item in enumerate(items)]
    return "\n".join([*head, *lines])
