"""Conversations of two named people, written as in a play: about how things are done, errands, prices, news and plans.

Some are interrupted (a knock, a child, another question) and then taken up again by naming what was being talked of.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from burnish.world import doings, names, splits, topics
from burnish.world.document import Document
from burnish.world.grammar import expand, joined
from burnish.world.stories import look, person
from burnish.world.story_plots import ANIMALS, FOODS, PLACES, THINGS, TRADES
from burnish.world.transcript_words import (
    ANSWERS,
    BACK,
    BYE,
    DONE,
    FIRST,
    GO_ON,
    HEADINGS,
    HELLO,
    INTERRUPTIONS,
    NEXT,
    OPEN_CHORE,
    TAKE_UP,
)

if TYPE_CHECKING:
    from burnish.world.world import World

PART = "transcripts"
LONGEST = 150
"""words"""

SUMS = tuple((a, b) for a in range(2, 10) for b in range(2, 10) if splits.of(f"sum:{min(a, b)}+{max(a, b)}") == "train")
"""Small sums that may be asked in passing."""
Turns = list[tuple[str, str]]
"""(speaker "a" or "b", what is said)"""


def documents(world: World, draw: random.Random) -> Iterator[Document]:
    """Conversations without end: four of ten about a topic, of these half interrupted; three of ten about a chore."""
    known = topics.of_side("train")
    others = (_errand, _errand, _haggle, _haggle, _news, _plan, _plan)
    while True:
        words = _words(draw)
        keys: tuple[str, ...] = ()
        subject = draw.random()
        if subject < 0.3:
            chore = doings.chore(draw)
            words |= {"do": chore.verb, "doing": chore.gerund, "noun": chore.noun}
            number = draw.choice(topics.phrasings("train"))
            asked = topics.how_to(chore, number)
            turns = _chore(draw, asked)
            keys = (doings.key(chore), *([topics.phrasing_key(number)] if turns[0][1].endswith(asked) else []))
        elif subject < 0.7:
            topic = draw.choice(known)
            keys = (topics.key(topic),)
            words |= {"do": topic.verb, "doing": topic.gerund, "noun": topic.noun}
            number = draw.choice(topics.phrasings("train"))
            turns = _help(draw, words, topic, number)
            if turns[0][1].endswith(topics.how_to(topic, number)):
                keys = (*keys, topics.phrasing_key(number))
        else:
            turns = draw.choice(others)(draw, words)
        text = written(turns, draw, words)
        if f"how much is {words['sum1']}" in text:
            one, two = sorted((int(words["sum1"]), int(words["sum2"])))
            keys = (*keys, f"sum:{one}+{two}")
        if 15 <= len(text.split()) <= LONGEST:
            yield Document(PART, text, keys)


def written(turns: Turns, draw: random.Random, words: dict[str, str]) -> str:
    """One line a turn under the speakers' names, sometimes with a heading; turns of one speaker in a row are joined."""
    joint: list[list[str]] = []
    for speaker, template in turns:
        said = expand(template, draw, **(words if speaker == "a" else _turned(words)))
        if not said:
            continue
        if joint and joint[-1][0] == speaker:
            joint[-1][1] = f"{joint[-1][1]} {said}"
        else:
            joint.append([speaker, said])
    lines = [f"{words[speaker]}: {said}" for speaker, said in joint]
    if draw.random() < 0.35:
        lines.insert(0, expand(draw.choice(HEADINGS), draw, **words))
    return "\n".join(lines)


def _words(draw: random.Random) -> dict[str, str]:
    a, b, c = draw.sample(names.GIVEN, 3)
    one, two = draw.choice(SUMS)
    noun = draw.choice(THINGS)
    low, high = sorted(draw.sample(range(2, 13), 2))
    words = person("a", a) | person("b", b) | person("c", c)
    return words | {
        "place": draw.choice(PLACES), "town": draw.choice(names.TOWNS),
        "animal": draw.choice(ANIMALS), "food": draw.choice(FOODS),
        "thing": look(noun, draw), "it_": noun, "trade": draw.choice(TRADES), "number": str(high), "number2": str(low),
        "sum1": str(one), "sum2": str(two), "sum": str(one + two), "season": draw.choice(("a warm evening", "early morning",
        "a wet day", "market day")),
    }  # fmt: skip


def _turned(words: dict[str, str]) -> dict[str, str]:
    """The same words for the other speaker: {b} is always the one who is spoken to."""
    return words | {"a": words["b"], "b": words["a"]}


def _other(speaker: str) -> str:
    return "b" if speaker == "a" else "a"


def _interrupted(draw: random.Random, speaker: str) -> Turns:
    """Something breaks in; its last turn is of whoever is next in turn."""
    said: Turns = []
    for template in draw.choice(INTERRUPTIONS):
        said.append((speaker, template))
        speaker = _other(speaker)
    return said


def _answer(ask: str, draw: random.Random) -> str:
    """A likely answer to what a topic asks first."""
    front = " ".join(ask.split()[:2])
    if front == "how many":
        return f"[{draw.randint(2, 12)}|About {draw.randint(2, 9)}|{draw.randint(2, 6)}, or one more]"
    if ask.startswith("whether"):
        return "[Yes|No|Not yet|Yes, I think so|No, but {c} may help me there|I am afraid not]"
    if front == "how much":
        return "[Not much|Enough for now|More than last year|As much as {c} has|A little]"
    if front == "how long":
        return "[Not very long|Long enough|As long as you say|Longer than last time]"
    if front in ("how often", "how far"):
        return "[As {c} does|Not too much|That depends on the weather|Less than {c}]"
    if ask.startswith("how"):
        return "[Not very|Very, I fear|About as in the house of {c}|Hard to say|More than I thought|Quite, says {c}]"
    for word, answer in ANSWERS.items():
        if word in ask:
            return answer
    if ask.startswith("wh") and (front.split()[0] in ("who", "where", "when") or front == "what you"):
        return "[I have not decided|Ask {c}|It has to do with {c}|Let me think|That I cannot say yet]"
    return "[The one from {town}|Whatever {c} gave me|The usual|The best that I could find|I am not sure|Only the old one]"


def _lead(leads: tuple[str, ...], step: str, draw: random.Random, *, again: bool = False) -> str:
    """What may stand before a step; no "First" where `again` says that one may have been said, or the step itself says it."""
    fits = [
        lead
        for lead in leads
        if not (lead.startswith("First") and (again or "first" in step))
        and not (lead.startswith("Begin") and step.startswith("begin"))
        and not (lead == "You " and step.startswith("sit the"))
    ]
    return draw.choice(fits)


def _help(draw: random.Random, words: dict[str, str], topic: topics.Topic, number: int) -> Turns:
    """One asks about a topic, at times in the phrasing of that number; the other asks back and tells the steps."""
    steps = list(topic.steps[: draw.choice((2, 2, 3, 4))])
    turns: Turns = [
        ("a", draw.choice(HELLO) + " " + draw.choice(
            (topics.how_to(topic, number), topics.how_to(topic, number), "I am told that you can {do}. [Is it hard|Is that so]?",
             "[My {animal} and I|{c} and I] [mean|want] to {do}, [but|and] [how is it done|who knows how]?",
             "Tomorrow I [must|shall] {do}, [and I have never done it|for the first time].")
        ))
    ]  # fmt: skip
    asks = draw.sample(topic.asks, draw.choice((0, 1, 1, 2)))
    if draw.random() < 0.4 or not asks:
        turns.append(
            (
                "b",
                draw.choice(
                    (
                        "[Gladly|With pleasure|Of course].",
                        "[I learned it from {c}|My {trade} taught me], [and|so] you may ask.",
                        "[It is not hard|It takes time], {b}.",
                    )
                ),
            )
        )
    for place, ask in enumerate(asks):
        opening = "[First|But tell me], " if place == 0 else draw.choice(("And ", "Then tell me, "))
        direct = topics.question(ask)
        turns.append(("b", draw.choice((direct, opening + direct[0].lower() + direct[1:], "Tell me " + ask + "."))))
        turns.append(("a", _answer(ask, draw) + "."))
    break_at = draw.randrange(1, len(steps)) if draw.random() < 0.5 else None
    for place, step in enumerate(steps):
        lead = _lead(FIRST if place == 0 else NEXT, step, draw, again=bool(asks))
        if place == break_at:
            speaker = draw.choice("ab")
            if speaker == "b" and turns[-1][0] == "b":
                turns.append(("a", "[I see.|Go on.|And then?|Is that all?]"))
            turns += _interrupted(draw, speaker)
            if turns[-1][0] == "b":
                turns.append(("a", draw.choice(BACK) + " [What comes next|How does it go on]?"))
                lead = _lead(("Next, ", "Then ", "Well, ", "You "), step, draw)
            else:
                lead = draw.choice(BACK) + " " + _lead(("Next, ", "Then ", "You ", "Now "), step, draw)
        turns.append(("b", lead + step + "."))
        if place < len(steps) - 1 and place + 1 != break_at and draw.random() < 0.6:
            turns.append(("a", draw.choice((
                "[And then|What next]?", "I see. [Go on|And after that]?", "[That|So much] I can do.", "{c} told me "
                "[something else|the same].",
                "[Is that so|Really]? [I always did it the other way|Nobody told me that|I did not know].", "That sounds "
                "easy[, {b}|].",
                "My {trade} says so too.", "[With|Even with] my {thing}?",
            ))))  # fmt: skip
    if draw.random() < 0.5:
        turns += list(zip("ab", draw.choice(BYE), strict=True))
    else:
        turns.append(("a", draw.choice((
            "So it is not so hard to {do}.", "[Now|Then] I know how to {do}.", "[I will try it|I begin] tomorrow.",
            "And [if it goes wrong|if I fail], I come back to you.",
            "[Thank you|Good]. I will tell {c} about {doing} too.",
        ))))  # fmt: skip
    return turns


def _chore(draw: random.Random, asked: str) -> Turns:
    """A names a chore, at times by asking how; B takes it up; mostly something breaks in, and they come back to it by name."""
    turns: Turns = [
        ("a", f"{draw.choice(HELLO)} {draw.choice((*OPEN_CHORE, asked, asked, asked))}"),
        ("b", draw.choice(TAKE_UP)),
    ]
    if draw.random() < 0.6:
        turns.append(("a", draw.choice(GO_ON)))
    if draw.random() < 0.7:
        turns += _interrupted(draw, draw.choice("ab") if turns[-1][0] == "b" else "b")
        speaker = _other(turns[-1][0])
        back = draw.choice([b for b in BACK if speaker == "b" or not re.search(r"\b[Yy]ou (wanted|were)", b)])
        turns.append((speaker, f"{back} {draw.choice(('', '', draw.choice(GO_ON)))}"))
    speaker = _other(turns[-1][0])
    turns.append((speaker, draw.choice(DONE[speaker])))
    return turns


def _errand(draw: random.Random, words: dict[str, str]) -> Turns:
    """A sends B for things; B says them again; something is added or changed; at the end all is said once more."""
    goods = [f"{draw.choice(('some', 'fresh', 'good'))} {f}" for f in draw.sample(FOODS, draw.randint(1, 2))]
    goods += [f"a {look(n, draw)}" for n in draw.sample(THINGS, draw.randint(1, 2))]
    draw.shuffle(goods)
    added = f"a {look(draw.choice([t for t in THINGS if not any(t in g for g in goods)]), draw)}"
    everything = joined([*goods, added])
    asked, answer = draw.choice((
        ("[Are you going|Do you go] to {place} [today|now]?", "[Yes|I am just leaving|Yes, in an hour]."),
        ("Will you be at {place} today?", "[Yes|Yes, before noon|I am going there now]."),
        ("When do you go to {place}?", "[In an hour|Before noon|Now, as you see|After supper]."),
    ))  # fmt: skip
    turns: Turns = [
        ("a", f"{draw.choice(HELLO)} {asked}"),
        ("b", f"{answer} [What do you need|Shall I bring you something|Can I do anything for you]?"),
        ("a", draw.choice(("[Please bring me|I need|Please get me] ", "What I need is ")) + joined(goods) + "."),
        (
            "b",
            draw.choice(
                (
                    f"{joined(goods)}. [Is that all|Nothing else]?",
                    f"So that is {joined(goods)}. [I hope they have it|Not much].",
                    f"[For you|Good], {joined(goods)}.",
                )
            ),
        ),
    ]
    if draw.random() < 0.4:
        turns += _interrupted(draw, "a")
        turns.append((_other(turns[-1][0]), "[Now, back to|So, once more] {place}: " + joined(goods) + "."))
    turns += [
        ("a", f"[And|Oh, and|One more thing:] {added}[, if you can carry it|, for {{c}}|]."),
        (
            "b",
            draw.choice(
                (
                    f"Then it is {everything}. [I will not forget|I have it now].",
                    f"[Good|All right], {everything}. [I am off|Wait for me here].",
                )
            ),
        ),
        (
            "a",
            draw.choice(
                (
                    "[Here are|Take these] {number} marks.",
                    "[I pay you|You get the money] when you are back.",
                    "[Thank you|You are kind], {b}.",
                )
            ),
        ),
    ]
    if draw.random() < 0.5:
        turns.append(
            (
                "b",
                draw.choice(
                    (
                        "[That will do|More than enough].",
                        "[Until later|See you at supper], {b}.",
                        "And what does {c} say to that?",
                    )
                ),
            )
        )
    return turns


def _haggle(draw: random.Random, words: dict[str, str]) -> Turns:
    """A wants to sell, B to pay less; they meet, or do not."""
    asked = draw.randint(9, 19)
    offered = asked - draw.randint(4, 7)
    middle = draw.randint(offered + 1, asked - 2)
    counter = draw.randint(middle + 1, asked - 1)
    turns: Turns = [
        ("b", draw.choice(("[How much|What] do you want for [the|that] {thing}?", "[A fine|What a] {it_}! [What does it cost|"
        "Is it for sale]?", "Is that {thing} for sale?"))),
        ("a", draw.choice((f"{asked} marks.", f"For you, {asked} marks[, {{b}}|].", f"[I thought of|I ask] {asked} marks. [It "
        f"is from {{town}}|It belonged to a {{trade}}|It is as good as new]."))),
        ("b", draw.choice((f"{asked}? [That is too much|In {{town}} it costs {offered}]. I give you {offered}.",
        f"[I thought of|I would give you] {offered}.", f"[Shall we say|Would you take] {offered}?"))),
        ("a", draw.choice((f"[{offered} is too little|Not for {offered}]. {counter}, [and it is yours|"
        f"because it is you].", f"[No|Never]. [My {{trade}} paid|{{c}} offered me] {counter}.",
                           f"[Look|Feel] how [fine|well made] it is. {counter}."))),
    ]  # fmt: skip
    end = draw.random()
    if end < 0.55:
        if draw.random() < 0.5:
            price, way = counter, "[Then it is yours|Sold]"
            turns.append(("b", f"[Good|Very well|You win], {counter}."))
        else:
            price, way = middle, "[You win|Very well], it is yours"
            turns.append(("b", f"{middle}, and [not a mark more|you carry it home for me|some {{food}} with it]."))
        turns.append(("a", draw.choice(("[Done|Agreed]. [Take good care of the {it_}|Here is your {it_}].",
                                        f"{way}, for {price} marks."))))  # fmt: skip
    elif end < 0.8:
        turns += [
            (
                "b",
                draw.choice(
                    (
                        "[Then keep it|Then not today|I must ask {c} first].",
                        f"[More than {offered} I cannot give|At {offered} I stop].",
                    )
                ),
            ),
            (
                "a",
                draw.choice(
                    (
                        "Then the {it_} stays [here|with me]. [Come again|Good day], {b}.",
                        f"[Think about it|You will be back]. The price is {counter}.",
                    )
                ),
            ),
        ]
    else:
        turns += [
            ("b", f"{offered} [marks|], and [some {{food}} every Sunday|a {{animal}}|I mend your {draw.choice(THINGS)}]."),
            ("a", "[That is something|Why did you not say so]! [Done|Here, the {it_} is yours]."),
        ]
    if draw.random() < 0.4:
        turns.insert(
            0, ("a", draw.choice(HELLO) + " [Are you looking for something|What will it be today|Can I show you something]?")
        )
    return turns


def _news(draw: random.Random, words: dict[str, str]) -> Turns:
    """Something about a third person: where they are and what they have."""
    return [
        ("a", draw.choice(HELLO) + " " + draw.choice(("Have you heard about {c}?", "[Do you know what {c} did?|Guess "
        "what {c} did!]",
        "{c} is [gone|back], did you know?"))),
        ("b", draw.choice(("[No|Not a word]. [Tell me|What is it]?", "{c}, the {trade}? [What happened|What about {c_him}]?",
        "[Only that {c_he} was at {place}|I saw {c_him} last week]."))),
        ("a", draw.choice(("{c_He} has [found|bought|won] a {thing} and [moved|gone] to {town}.", "{c_He} [lost|sold] {c_his} "
        "{thing} [at {place}|in {town}].",
                           "[A {animal} stole|Somebody took] {c_his} {thing}, at {place}."))),
        ("b", draw.choice(("[A {it_}|A {thing}]? [Who told you|Who says so]?", "[How strange|Is that so]! [I thought|People "
        "say] {c_he} [had no money|was in {town}].", "[Poor|Dear old] {c}!"))),
        ("a", draw.choice(("[I saw it myself|{c_He} told me so|Everyone at {place} says so].", "The {it_} [was|is] worth "
        "{number} marks, [they say|I hear].", "[So it is|It is true], {b}. [Ask {c_him}|Go and see]."))),
        ("b", draw.choice(("[Well|So], {c} [always was like that|will be glad|will get over it].", "Then I [must|will] write "
        "to {c_him}.", "[What a story|And on a Sunday]! [I must tell it at home|Nobody will believe it]."))),
        ("a", draw.choice(("[But say nothing|Keep it to yourself].", "And how are you, {b}?", "", ""))),
    ]  # fmt: skip


def _plan(draw: random.Random, words: dict[str, str]) -> Turns:
    """They agree on a day, an hour and a place, change one of them, and say it once more."""
    days = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
    day, day2 = draw.sample(days, 2)
    hour, hour2 = draw.sample(range(2, 12), 2)
    place, place2 = draw.sample(PLACES, 2)
    final = {"day": day, "hour": str(hour), "place": place}
    change = draw.choice(("day", "hour", "place"))
    final[change] = {"day": day2, "hour": str(hour2), "place": place2}[change]
    why = {"day": f"on {day} [I am away|{{c}} comes|I have to work]", "hour": f"{hour} is [too early|too late|when I feed the "
    f"{{animal}}]",
           "place": f"{place} is [too far|closed|full of people]"}[change]  # fmt: skip
    how = {
        "day": f"[What about|Better on] {day2}",
        "hour": f"[What about|Better at] {hour2}",
        "place": f"[What about|Better at] {place2}",
    }[change]
    agreed = f"{final['day']}, {final['hour']} o'clock, {final['place']}"
    if draw.random() < 0.5:
        agreed = f"on {final['day']} at {final['hour']}, at {final['place']}"
    turns: Turns = [
        (
            "a",
            draw.choice(HELLO)
            + " "
            + draw.choice(
                (
                    "[Shall we|When can we] [go fishing|play cards|look at the {thing}|visit {c}]?",
                    "I [want|would like] to [show you|give back] the {thing}. When [can we meet|does it suit you]?",
                )
            ),
        ),
        (
            "b",
            draw.choice(
                (
                    f"[Come|Let us say] on {day}, at {hour}, at {place}.",
                    f"[I am free|I have time] on {day}. At {hour}, at {place}?",
                )
            ),
        ),
        (
            "a",
            draw.choice(
                (
                    f"[I am sorry|Hm], {why}. {how.replace('What about', 'what about').replace('Better', 'better')}?",
                    f"{how}? {why}.",
                )
            ),
        ),
        ("b", draw.choice((f"[Good|All right|If you like], {agreed}.", f"[That suits me too|Even better]. So, {agreed}."))),
    ]
    if draw.random() < 0.5:
        turns += _interrupted(draw, "a")
        turns.append((_other(turns[-1][0]), f"[So, where were we?|Now, back to our meeting.] [It is|We said] {agreed}."))
    turns += [
        (
            "a",
            draw.choice(
                (
                    "[And bring|Do not forget] [the {food}|your {it_}].",
                    f"[I will be there|I write it down]: {agreed}.",
                    "[Until then|Good], {b}.",
                )
            ),
        )
    ]
    return turns
