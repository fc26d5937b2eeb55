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


def more(attribute: str) -> tuple[str, ...]:
    """Every frame with a clause and every noun alone, in a fixed order; no two are alike."""
    clauses, nouns = CLAUSES[attribute], NOUNS[attribute]
    framed = [frame.replace("{clause}", clauses[n % len(clauses)]) for n, frame in enumerate(FRAMES)]
    alone = [how.replace("{noun}", nouns[n % len(nouns)]) for n, how in enumerate(ALONE)]
    return (*framed, *alone)


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
