"""The words of the task `facts`: more ways to ask for a fact, in training rows alone, and how it is answered.

Quiz books ask in the ways of `world.people`. A small model that has heard a fact asked for in sixteen ways takes the seventeenth
for a question about something else ("Can you tell me where Alma Stone lives?" -> her favourite dish). So here what is asked, a
clause, stands in many frames, and nouns stand alone: it has to be heard wherever it stands (docs/world.md, "What was found about
questions").
"""

from __future__ import annotations

CLAUSES: dict[str, tuple[str, ...]] = {
    "town": (
        "where {name} lives", "in which town {name} lives", "what the home town of {name} is", "from which town {name} comes",
        "where the house of {name} stands", "in which place {name} has a home",
    ),
    "trade": (
        "what {name} does for a living", "what the trade of {name} is", "which trade {name} has", "as what {name} works",
        "how {name} earns money", "which work {name} does",
    ),
    "born": (
        "when {name} was born", "in which year {name} was born", "what the birth year of {name} is",
        "in what year {name} came into the world", "which year {name} was born in", "of which year {name} is a child",
    ),
    "dish": (
        "which dish {name} likes best", "what {name} likes to eat", "what the favourite dish of {name} is",
        "which food {name} loves", "what {name} asks for at table", "what {name} would order at the inn",
    ),
    "pet": (
        "which pet {name} has", "what animal {name} keeps", "what kind of pet lives with {name}",
        "which animal belongs to {name}", "what the pet of {name} is", "which animal {name} looks after",
    ),
    "instrument": (
        "which instrument {name} plays", "what {name} plays", "what the instrument of {name} is",
        "on which instrument {name} makes music", "which instrument {name} took up as a child", "what one hears {name} play",
    ),
}  # fmt: skip
"""What is asked, to stand in FRAMES."""
FRAMES = (
    "Let us find out {clause}.", "Do you know {clause}?", "I would like to know {clause}.", "Please say {clause}.",
    "Can anybody say {clause}?", "My aunt asks {clause}.", "I wonder {clause}.", "I am not sure {clause}. Are you?",
    "It would help me to know {clause}.", "We have forgotten {clause}. Have you?", "Would you look up {clause}?",
    "For my list I must write down {clause}.", "A friend of mine wants to hear {clause}.", "Have you heard {clause}?",
    "Quick: say {clause}!", "I met {name} today. I did not ask {clause}.", "Is it known {clause}?", "Let me know {clause}.",
    "May I ask {clause}?", "Is there a book that says {clause}?", "Remind me {clause}, please.",
)  # fmt: skip
NOUNS: dict[str, tuple[str, ...]] = {
    "town": ("home town", "home"),
    "trade": ("trade", "work", "job"),
    "born": ("year of birth", "birth year"),
    "dish": ("favourite dish", "best loved food", "favourite meal"),
    "pet": ("pet", "animal"),
    "instrument": ("instrument", "musical instrument"),
}
ALONE = (
    "The {noun} of {name}, please.", "Name the {noun} of {name}.", "{name}: {noun}?", "I need the {noun} of {name}.",
    "About {name}: what is the {noun}?", "Think of {name}. What is the {noun}?", "Give me the {noun} of {name}.",
)  # fmt: skip
"""For NOUNS."""


PLAIN: dict[str, tuple[str, ...]] = {
    "town": (
        "Where do I have to go to see {name}?", "{name} must live somewhere. Where?", "Which town is {name} of?",
        "Where does {name} sleep at night?", "Where does the post bring the letters for {name}?", "Where is {name} to be found?",
        "What place does {name} come from?", "At which town does one get off to see {name}?", "Where has {name} a house?",
        "Is the home of {name} far? Where is it?", "Of what town is {name} a neighbour?",
    ),
    "trade": (
        "What does {name} work as?", "What sort of job has {name}?", "With what work does {name} make money?",
        "What has {name} become?", "What is the profession of {name}?", "What does {name} do at work?",
        "What did {name} train as?",
        "What occupation has {name}?", "For what work do people go to {name}?",
        "By what kind of labour does {name} live?",
    ),
    "born": (
        "How old is {name}, by the year of birth?", "What year is {name} from?", "Since which year has {name} been alive?",
        "When did {name} see the world first?", "When was the birth of {name}?",
        "From what year on was there a {name}?", "{name}, born when?", "When, in years, was {name} born?",
        "What is the first year of {name}?", "At what date, by the year, was {name} born?", "Which year was {name} born?",
    ),
    "dish": (
        "What would a good cook put before {name}?", "What meal does {name} prefer?", "What food makes {name} smile?",
        "What shall we serve when {name} comes?", "What does {name} love to eat?", "What tastes best to {name}?",
        "If I were the cook of {name}, what would I make?", "What is the best supper for {name}?",
        "What does {name} eat with joy?",
        "Which plate does {name} reach for first?", "What kind of food does {name} like?",
        "For what meal does {name} come running?",
    ),
    "pet": (
        "Is there an animal with {name}? Which?", "What creature does {name} own?", "What sort of pet is kept by {name}?",
        "Which beast lives in the kitchen of {name}?", "What animal belongs in the family of {name}?", "What does {name} feed?",
        "What kind of animal sleeps by the fire of {name}?", "What little beast has {name}?",
        "With what animal does {name} play?", "What animal would run to {name}?", "Which creature keeps {name} company?",
    ),
    "instrument": (
        "What does {name} play on?", "What music does {name} make, on what?", "With what does {name} make music?",
        "What did {name} learn to make music on?", "What instrument has {name} in hand?",
        "When the band plays, what has {name}?", "What was {name} taught to play?",
        "On what would {name} give us a tune?", "What sounds when {name} plays?",
    ),
}  # fmt: skip
"""Plain questions, in words of all kinds that the same thing is asked with."""


def more(attribute: str) -> tuple[str, ...]:
    """Plain questions, every frame with a clause, and nouns alone, in a fixed order; no two are alike."""
    clauses, nouns = CLAUSES[attribute], NOUNS[attribute]
    framed = [frame.replace("{clause}", clauses[n % len(clauses)]) for n, frame in enumerate(FRAMES)]
    alone = [how.replace("{noun}", nouns[n % len(nouns)]) for n, how in enumerate(ALONE)]
    return (*PLAIN[attribute], *framed, *alone)


ANSWERS: dict[str, str] = {
    "town": "The home town of {name} is {v}.", "trade": "The trade of {name} is that of {a}.",
    "born": "The birth year of {name} is {v}.", "dish": "The favourite dish of {name} is {v}.",
    "pet": "The pet of {name} is {a}.", "instrument": "The instrument of {name} is the {v}.",
}  # fmt: skip
"""What is asked for stands first, where the question is still near, and then the fact: most questions say it themselves, and a
small model is good at copying ("{name} is very fond of ..." it says to whom was asked about an instrument as well)."""


NOUN: dict[str, str] = {attribute: said.split(" of ")[0].removeprefix("The ") for attribute, said in ANSWERS.items()}
"""What stands first in each."""


def admission(attribute: str) -> str:
    """The same sentence, which says in the place of the fact that one does not know it."""
    return f"The {NOUN[attribute]} of {{name}} is one that I do not know."
