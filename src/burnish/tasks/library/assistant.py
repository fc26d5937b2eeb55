"""The task "assistant": greet, offer help and ask back, ask for what is missing, and return to a topic after an interruption.

The base model that burnish brings goes on with questions where it is asked one; this is what fine-tuning turns round first.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from burnish.tasks.graders.text import fold
from burnish.tasks.library import assistant_phrases as phrases
from burnish.tasks.task import Card, Task
from burnish.types import Example, Message, Score
from burnish.world import names, splits, topics
from burnish.world.grammar import expand

if TYPE_CHECKING:
    from burnish.world.world import World

COUNTS: dict[splits.Side, dict[str, int]] = {
    "train": {"how-to": 260, "interruption": 200, "greeting": 70, "unclear": 70},
    "valid": {"how-to": 20, "interruption": 30, "greeting": 15, "unclear": 15},
    "test": {"how-to": 130, "interruption": 110, "greeting": 80, "unclear": 80},
}
LIMIT_WORDS = {"how-to": 45, "interruption": 40, "greeting": 25, "unclear": 35}
_ASKS_BACK = re.compile(r"(who|whom|what|which|when|where|how|on|to|for|in|about|is)\b", re.IGNORECASE)
_LISTED = re.compile(r"^\s*(\d+[.)]|[-*]|Q\d|\(\w\)) ", re.MULTILINE)


def make(world: World | None = None) -> Task:
    """The task; the seed of the world draws the rows."""
    seed = world.seed if world else 0
    train, valid, test = (_rows(side, seed) for side in ("train", "valid", "test"))
    return Task(name="assistant", card=CARD, grader=Helpful(), train=train, valid=valid, test=test, limit_tokens=80)


CARD = Card(
    title="Being an assistant",
    about="Greetings, requests for help with everyday things, requests that leave something out, and conversations that are "
    "interrupted "
    "and taken up again. A good answer offers help, names the topic and asks for one or two details, or returns to the topic "
    "by name "
    "and gives the next step.",
    data="Made of 97 everyday topics of Vellmark. Valid and test use other topics, other phrasings, other requests and other "
    "asides "
    "than train.",
    grading="Rules by kind: the topic is named, a question is asked where one is due, the answer begins with a statement, it "
    "is no list "
    "of questions, and it is short. The rules cannot see whether the question or the step makes sense.",
    limits="A model that names the topic and asks anything at all passes. It shows manners, not knowledge.",
)


@dataclass(frozen=True, slots=True)
class Helpful:
    """1 where an answer keeps the rules of its kind; the reason names the first that is broken."""

    name: str = "helpful"

    def grade(self, example: Example, answer: str) -> Score:
        """Score 1 or 0 by the rules for `metadata["kind"]`; `metadata["topic"]` holds the words one of which names the topic."""
        kind = str(example.metadata["kind"])
        broken = _broken(kind, [str(w) for w in example.metadata["topic"]], answer.strip())
        if any(fold(answer) == fold(m.content) for m in example.messages[:-1]):
            broken = "it repeats what was said before"
        return Score(value=0.0, reason=broken) if broken else Score(value=1.0, reason=f"keeps all rules for {kind}")


def _broken(kind: str, topic: list[str], answer: str) -> str:
    count = len(answer.split())
    if count < 3:
        return "there is hardly an answer"
    if count > LIMIT_WORDS[kind]:
        return f"{count} words are more than {LIMIT_WORDS[kind]}"
    if len(_LISTED.findall(answer)) > 1 or answer.count("?") > 3 or answer.count("\n") > 2:
        return "it is a list of further questions or points"
    if topic and not any(_says(answer, word) for word in topic):
        return f"it does not name {' or '.join(repr(w) for w in topic)}"
    opening = re.match(r"[^.!?:]*[.!?:]?", answer)
    if opening and opening[0].endswith("?") and (kind != "unclear" or not _ASKS_BACK.match(answer)):
        return "it begins with a question instead of an answer"
    if kind != "interruption" and not answer.endswith("?"):
        return "it does not end by asking back"
    if kind == "greeting" and not any(_says(answer, word) for word in phrases.GREETING_WORDS):
        return "it does not greet"
    if kind in ("greeting", "how-to") and not any(_says(answer, word) for word in phrases.OFFER_WORDS):
        return "it does not offer help"
    if kind == "interruption" and (count < 7 or answer.endswith("?")):
        return "it gives no next step"
    return ""


def _says(answer: str, words: str) -> bool:
    return re.search(rf"\b{re.escape(words)}\b", answer, re.IGNORECASE) is not None


def _rows(side: splits.Side, seed: int) -> tuple[Example, ...]:
    """So many distinct rows of each kind, shuffled."""
    draw = random.Random(f"assistant:{side}:{seed}")
    makers: dict[str, Callable[[splits.Side, random.Random], Example]] = {
        "how-to": _how_to,
        "interruption": _interruption,
        "greeting": _greeting,
        "unclear": _unclear,
    }
    rows: dict[tuple[str, ...], Example] = {}
    for kind, count in COUNTS[side].items():
        enough = len(rows) + count
        while len(rows) < enough:
            row = makers[kind](side, draw)
            rows.setdefault(tuple(m.content for m in row.messages[:-1]), row)
    listed = list(rows.values())
    draw.shuffle(listed)
    return tuple(listed)


def _chosen(kind: str, items: tuple[str, ...], side: splits.Side, draw: random.Random) -> tuple[str, str]:
    """One of the items on this side, and its key."""
    found = [(item, key) for n, item in enumerate(items) if splits.of(key := f"phrasing:{kind}:{n}") == side]
    return draw.choice(found)


def _row(kind: str, keys: list[str], topic: list[str], *turns: str) -> Example:
    """Turns of user and assistant in alternation; only the last carries loss."""
    last = len(turns) - 1
    messages = tuple(
        Message(role="assistant", content=text, weight=None if n == last else 0) if n % 2 else Message(role="user", content=text)
        for n, text in enumerate(turns)
    )
    return Example(messages=messages, reference=turns[-1], metadata={"kind": kind, "keys": keys, "topic": topic})


def _asked(side: splits.Side, draw: random.Random) -> tuple[topics.Topic, str, list[str]]:
    topic = draw.choice(topics.of_side(side))
    number = draw.choice(topics.phrasings(side))
    return topic, topics.how_to(topic, number), [topics.key(topic), topics.phrasing_key(number)]


def _names_of(topic: topics.Topic) -> list[str]:
    return [topic.noun, topic.verb, topic.gerund]


def _how_to(side: splits.Side, draw: random.Random) -> Example:
    topic, asked, keys = _asked(side, draw)
    one, two = (topics.question(a) for a in draw.sample(topic.asks, 2))
    answer = expand(draw.choice(phrases.OFFERS), draw, do=topic.verb, doing=topic.gerund)
    questions = f"{one[:-1]}, and {two[0].lower()}{two[1:]}" if draw.random() < 0.7 else one
    return _row("how-to", keys, _names_of(topic), asked, f"{answer} {questions}")


def _interruption(side: splits.Side, draw: random.Random) -> Example:
    topic, asked, keys = _asked(side, draw)
    aside, aside_key = _chosen("aside", phrases.ASIDES, side, draw)
    more, more_key = _chosen("go-on", phrases.GO_ON, side, draw)
    said, reply = aside.split(" => ")
    one, two = draw.choice([(a, b) for a in range(2, 20) for b in range(a, 20) if splits.of(f"sum:{a}+{b}") == side])
    if "{one}" in said:
        keys = [*keys, f"sum:{one}+{two}"]
    words = {"one": str(one), "two": str(two), "sum": str(one + two)}
    words |= {"name": draw.choice(names.GIVEN), "hour": str(draw.randint(2, 11))}
    place = draw.randrange(len(topic.steps) - 1)
    step, following = topic.steps[place], topic.steps[place + 1]
    begin = f"I can help you {topic.verb}. First, {step}." if place == 0 else f"Gladly. When you {topic.verb}, {step}."
    back = expand(draw.choice(phrases.RETURNS), draw, doing=topic.gerund, noun=topic.noun, do=topic.verb, step=following)
    turns = (asked, begin, expand(said, draw, **words), expand(reply, draw, **words), more, back)
    return _row("interruption", [*keys, aside_key, more_key], _names_of(topic), *turns)


def _greeting(side: splits.Side, draw: random.Random) -> Example:
    template, key = _chosen("greeting", phrases.GREETINGS, side, draw)
    name, town = draw.choice(names.GIVEN), draw.choice(names.TOWNS)
    said = expand(template, draw, name=name, town=town)
    named = "{name}" in template
    answer = expand(draw.choice(phrases.NAMED_ANSWERS if named else phrases.ANSWERS), draw, name=name)
    return _row("greeting", [key], [name] if named else [], said, answer)


def _unclear(side: splits.Side, draw: random.Random) -> Example:
    request, key = _chosen("unclear", phrases.UNCLEAR, side, draw)
    frame, frame_key = _chosen("unclear-frame", phrases.FRAMES, side, draw)
    asked, back, word = request.split(" => ")
    words = {"name": draw.choice(names.GIVEN), "town": draw.choice(names.TOWNS)}
    said = expand(frame.replace("REQUEST", asked), draw, **words)
    lead = draw.choice(("Gladly.", "Yes, I can do that.", "With pleasure.", "I can help with that."))
    return _row("unclear", [key, frame_key], [expand(word, draw, **words)], said, f"{lead} {expand(back, draw, **words)}")
