"""The task "assistant": greet, offer help and ask back, ask for what is missing, and return to a topic after an interruption.

The base model that burnish brings goes on with questions where it is asked one; this is what fine-tuning turns round first.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from burnish.tasks.graders.text import fold
from burnish.tasks.graders.words import brushes_off, content, refusal, sentences, words
from burnish.tasks.library import assistant_phrases as phrases
from burnish.tasks.library import chores
from burnish.tasks.task import Card, Task
from burnish.types import Example, Message, Score
from burnish.world import names, splits, topics
from burnish.world.grammar import expand

if TYPE_CHECKING:
    from burnish.world.world import World

COUNTS: dict[splits.Side, dict[str, int]] = {
    "train": {"how-to": 550, "interruption": 600, "greeting": 150, "unclear": 200},
    "valid": {"how-to": 20, "interruption": 30, "greeting": 15, "unclear": 15},
    "test": {"how-to": 130, "interruption": 110, "greeting": 80, "unclear": 80},
}
CHORES_SHARE = 0.7
"""Of the training rows on a topic, and of those that leave something out, how many are of one of the many chores."""
LIMIT_WORDS = {"how-to": 45, "interruption": 40, "greeting": 25, "unclear": 35}
RETURNS = "returns to the topic"
_ASKS_BACK = re.compile(
    r"(who|whom|what|which|when|where|how|at|on|of|to|for|from|with|in|about|among|between|until|is)\b", re.IGNORECASE
)
_QUESTION_WORD = re.compile(r"\b(?:who|whom|whose|what|which|when|where|how|why|or)\b", re.IGNORECASE)
_NOT = re.compile(r"\b(?:not|never|nobody|no (?:one|help)|none|cannot)\b|n['\u2019]t\b", re.IGNORECASE)
_IGNORANT = re.compile(r"\b(?:do not|don['\u2019]t) know\b|\bknow nothing\b|\bcannot say\b|\bno idea\b", re.IGNORECASE)
_LISTED = re.compile(r"^\s*(\d+[.)]|[-*]|Q\d|\(\w\)) ", re.MULTILINE)


def make(world: World | None = None) -> Task:
    """The task; the seed of the world draws the rows."""
    seed = world.seed if world else 0
    train, valid, test = (_rows(side, seed) for side in ("train", "valid", "test"))
    return Task(name="assistant", card=CARD, grader=Helpful(), train=train, valid=valid, test=test, limit_tokens=80)


CARD = Card(
    title="Being an assistant",
    about="Greetings, requests for help with everyday things, requests that leave something out, and conversations that are "
    "interrupted and taken up again. A good answer offers help, names the topic and asks for one or two details, or returns to "
    "the topic by name and gives the next step.",
    data="Made of 97 everyday topics of Vellmark, and for training of 230 chores besides. Valid and test use other topics, other "
    "phrasings, other requests and other asides than train. The test rows are of 24 topics, 14 greetings and 17 unclear "
    "requests, so that rows on one topic or request are not independent.",
    grading="Rules by kind: the topic is named, a question is asked where one is due, the answer begins with a statement, it is "
    "no list of questions, it is short, it sends nobody away and repeats nothing. Details asked for must be of those that the "
    "topic or the request leaves open, and the step after an interruption must have two words of the one that follows.",
    limits="The right words in a senseless sentence pass; a good question that nobody thought of fails. It shows manners and no "
    "knowledge: the step after an interruption was told before it.",
)


@dataclass(frozen=True, slots=True)
class Helpful:
    """1 where an answer keeps the rules of its kind; the reason names the first that is broken.

    `metadata["topic"]` holds the words one of which names the topic, `metadata["wanted"]` the stems of what is to be asked for
    (how-to, unclear) or of the step that is to follow (interruption), `metadata["plain_asks"]` what may be asked for in the words
    of the topic itself ("which beans you like"). Marks: "refuses" where the answer will not help, RETURNS where it takes up an
    interrupted topic by name and goes on with it, be the step the right one or not.
    """

    name: str = "helpful"
    concurrency: int = field(default=2, repr=False)

    def grade(self, example: Example, answer: str) -> Score:
        """Score 1 or 0 by the rules for `metadata["kind"]`."""
        row = example.metadata
        kind = str(row["kind"])
        earlier = [m.content for m in example.messages[:-1] if m.role != "system"]
        if (refused := refusal(answer) or brushes_off(answer)) is not None:
            return Score(value=0.0, reason=f"it sends the asker away: {refused!r}", marks=("refuses",))
        own = answer.strip() if kind == "greeting" else _new(answer, earlier)
        broken = _broken(kind, [str(w) for w in row["topic"]], own)
        if any(fold(answer) == fold(m) for m in earlier):
            broken = "it repeats what was said before"
        marks = (RETURNS,) if kind == "interruption" and not broken else ()
        broken = broken or _missing(kind, frozenset(row["wanted"]), row.get("plain_asks", ()), own, earlier)
        return Score(value=float(not broken), reason=broken or f"keeps all rules for {kind}", marks=marks)


def _new(answer: str, earlier: list[str]) -> str:
    """An answer without the sentences that were said before in the same words."""
    said = {tuple(words(s)) for text in earlier for s in sentences(text)}
    return " ".join(s for s in sentences(answer.strip()) if tuple(words(s)) not in said)


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
    asks_first = opening is not None and opening[0].endswith("?")
    if asks_first and opening and kind == "greeting":
        asks_first = not any(_says(opening[0], word) for word in phrases.GREETING_WORDS)
    if asks_first and (kind != "unclear" or not _ASKS_BACK.match(answer)):
        return "it begins with a question instead of an answer"
    if kind != "interruption" and not answer.endswith("?"):
        return "it does not end by asking back"
    if kind == "greeting" and not any(_says(answer, word) for word in phrases.GREETING_WORDS):
        return "it does not greet"
    if kind in ("greeting", "how-to") and not any(
        _says(s, word) and not _NOT.search(s) for s in sentences(answer) for word in phrases.OFFER_WORDS
    ):
        return "it does not offer help"
    if kind == "interruption" and (count < 5 or answer.endswith("?") or _IGNORANT.search(answer)):
        return "it gives no next step"
    return ""


def _missing(kind: str, wanted: frozenset[str], plain_asks: Sequence[str], answer: str, earlier: list[str]) -> str:
    """What an answer should ask for or go on with, and does not."""
    if kind == "interruption":
        missing = len(wanted & content(answer)) < min(2, len(wanted))
        return "it does not give the step that follows" if missing else ""
    if kind == "how-to":
        questions = " ".join(s for s in sentences(answer) if s.endswith("?"))
        general = content(" ".join(phrases.GENERAL_ASKS))
        asks = content(questions) & (wanted | general) or any(_asks_like(plain, questions) for plain in plain_asks)
        return "" if asks else "it asks for no detail of the topic"
    if kind == "unclear":
        before = earlier[-1].lower()
        for question in (s for s in sentences(answer) if s.endswith("?")):
            asks = [w.lower() for w in _QUESTION_WORD.findall(question)]
            new = content(question) - content(before)
            if wanted & content(question) and (new or any(not _says(before, w) for w in asks)) and (asks or len(new) > 1):
                return ""
        return "it does not ask for what is missing"
    return ""


def _asks_like(ask: str, question: str) -> bool:
    """Whether a question is one such as "which beans you like": the same question word, and one word of the matter."""
    if ask.startswith("whether "):
        ask = topics.question(ask).lower().rstrip("?")  # "do you have a churn": its first two words open the question
    said, opening = words(question), re.match(r"(?:how|do|can|have) \w+|\w+", ask)
    assert opening is not None, ask
    matter = content(ask)
    begins = opening[0] in " ".join(said)
    return begins and bool(matter & content(question) if matter else set(words(ask)) <= set(said))


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


def _row(kind: str, keys: list[str], topic: list[str], wanted: frozenset[str], *turns: str) -> Example:
    """Turns of user and assistant in alternation; only the last carries loss. The first key is what rows have in common."""
    last = len(turns) - 1
    messages = tuple(
        Message(role="assistant", content=text, weight=None if n == last else 0) if n % 2 else Message(role="user", content=text)
        for n, text in enumerate(turns)
    )
    metadata = {"kind": kind, "keys": keys, "cluster": keys[0], "topic": topic, "wanted": sorted(wanted)}
    return Example(messages=messages, reference=turns[-1], metadata=metadata)


def _asked(listed: Sequence[topics.Topic], side: splits.Side, draw: random.Random) -> tuple[topics.Topic, str, list[str]]:
    if (many := chores.of_side(side)) and draw.random() < CHORES_SHARE:
        topic = draw.choice(many)
        topic = chores.seen(topic, draw) if draw.random() < 0.5 else topic
    else:
        topic = draw.choice(listed)
    number = draw.choice(topics.phrasings(side))
    return topic, topics.how_to(topic, number), [topics.key(topic), topics.phrasing_key(number)]


def _names_of(topic: topics.Topic) -> list[str]:
    return [topic.noun, topic.verb, topic.gerund]


def _how_to(side: splits.Side, draw: random.Random) -> Example:
    topic, asked, keys = _asked(topics.of_side(side), side, draw)
    questions = chores.asked_back(topic.asks, draw)
    answer = expand(draw.choice(phrases.OFFERS), draw, do=topic.verb, doing=topic.gerund)
    if answer.endswith(":"):
        questions = questions[0].lower() + questions[1:]
    named = content(" ".join(_names_of(topic)))
    plain = [a for a in topic.asks if content(a) <= named]
    row = _row("how-to", keys, _names_of(topic), content(" ".join(topic.asks)) - named, asked, f"{answer} {questions}")
    return replace(row, metadata={**row.metadata, "plain_asks": plain})


def _interruption(side: splits.Side, draw: random.Random) -> Example:
    topic, asked, keys = _asked([t for t in topics.of_side(side) if _told_first(t)], side, draw)
    aside, aside_key = _chosen("aside", phrases.ASIDES, side, draw)
    more, more_key = _chosen("go-on", phrases.GO_ON, side, draw)
    said, reply = aside.split(" => ")
    one, two = draw.choice([(a, b) for a in range(2, 20) for b in range(a, 20) if splits.of(f"sum:{a}+{b}") == side])
    if "{one}" in said:
        keys = [*keys, f"sum:{one}+{two}"]
    told = {"one": str(one), "two": str(two), "sum": str(one + two)}
    told |= {"name": draw.choice(names.GIVEN), "hour": str(draw.randint(2, 11))}
    step, following = topic.steps[:2]
    begin = f"To {topic.verb} is something I can help with. First, {step}; after that, {following}."
    back = expand(draw.choice(phrases.RETURNS), draw, doing=topic.gerund, noun=topic.noun, do=topic.verb, step=following)
    turns = (asked, begin, expand(said, draw, **told), expand(reply, draw, **told), more, back)
    return _row("interruption", [*keys, aside_key, more_key], _names_of(topic), _following(topic), *turns)


def _told_first(topic: topics.Topic) -> bool:
    """Whether "First, ..." reads well before the first step, and the second can be told from it."""
    return "first" not in topic.steps[0].split() and bool(_following(topic))


def _following(topic: topics.Topic) -> frozenset[str]:
    """What the second step says that the topic's name and its first step do not."""
    return content(topic.steps[1]) - content(" ".join((topic.steps[0], *_names_of(topic))))


def _greeting(side: splits.Side, draw: random.Random) -> Example:
    template, key = _chosen("greeting", phrases.GREETINGS, side, draw)
    name, town = draw.choice(names.GIVEN), draw.choice(names.TOWNS)
    said = expand(template, draw, name=name, town=town)
    named = "{name}" in template
    answer = expand(draw.choice(phrases.NAMED_ANSWERS if named else phrases.ANSWERS), draw, name=name)
    return _row("greeting", [key], [name] if named else [], frozenset(), said, answer)


def _unclear(side: splits.Side, draw: random.Random) -> Example:
    request, key = _chosen("unclear", phrases.UNCLEAR, side, draw)
    if (many := chores.of_side(side)) and draw.random() < CHORES_SHARE:
        chore = draw.choice(many)
        made = draw.choice(phrases.UNCLEAR_CHORES).format(verb=chore.verb.split(" ", 1)[0], noun=chore.noun)
        if not any(made.split(" => ")[0] == listed.split(" => ")[0] for listed in phrases.UNCLEAR):  # it may be held out
            request, key = made, topics.key(chore)
    frame, frame_key = _chosen("unclear-frame", phrases.FRAMES, side, draw)
    while _says(request, "me") and (_says(frame, "me") or _says(frame, "us")):
        frame, frame_key = _chosen("unclear-frame", phrases.FRAMES, side, draw)
    asked, back, word = request.split(" => ")
    name, other = draw.sample(names.GIVEN, 2)
    told = {"name": name, "other": other, "town": draw.choice(names.TOWNS)}
    said = expand(frame.replace("REQUEST", asked), draw, **told)
    lead = draw.choice(("Gladly.", "Yes, I can do that.", "With pleasure.", "I can help with that."))
    back = expand(back, draw, **told)
    return _row("unclear", [key, frame_key], [expand(word, draw, **told)], content(back), said, f"{lead} {back}")
