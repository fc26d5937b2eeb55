from __future__ import annotations

import random
import re

from language_checks import check, repeated

from burnish.world import names, stories
from burnish.world.story_plots import PLOTS


def test_stories_are_well_formed_and_varied() -> None:
    made = check(stories, name="stories", openings=300)
    assert repeated(made) < 0.5
    assert not [d.text for d in made if re.search(r"[a-z] (But|And|So|Then|Not|She|He|It|Now|When|The) ", d.text)]
    assert 55 <= sum(len(d.text.split()) for d in made) / len(made) <= 110
    assert sum('"' in d.text for d in made) > len(made) / 4


def test_people_of_a_story_are_met_again() -> None:
    again = 0
    made = check(stories, name="stories", count=200, openings=100)
    for document in made:
        found = [word for word in re.findall(r"\w+", document.text) if word in names.GIVEN]
        again += len(found) >= 2 * len(set(found)) > 0
    assert again > 0.75 * len(made)


def test_who_has_what_at_the_end_is_true() -> None:
    """Replays the hand-overs that are told, and compares with what is said last."""
    handed = re.compile(
        r"(?P<g>\w+) gave the (?P<t>[\w ]+?) to (?P<k>\w+)\.|(?P<g2>\w+) lent (?P<k2>\w+) the (?P<t2>[\w ]+?)\."
        r"|(?P<k3>\w+) took the (?P<t3>[\w ]+?) from|(?:Then )?(?P<g4>\w+) handed the (?P<t4>[\w ]+?) to (?P<k4>\w+)\."
        r"|(?P<k5>\w+) asked \w+ for the (?P<t5>[\w ]+?) and got it|left the (?P<t6>[\w ]+?) with (?P<k6>\w+)\."
        r"|the (?P<t7>[\w ]+?)\?\" asked (?P<k7>\w+)|gave (?P<k8>him|her) the (?P<t8>[\w ]+?)\."
    )
    draw = random.Random(5)
    checked = 0
    for _ in range(60):
        text, _ = stories._handing_on(draw)
        last: dict[str, str] = {}
        for match in handed.finditer(text):
            found = {k[0]: v for k, v in match.groupdict().items() if v}
            if found["k"] not in ("him", "her"):
                last[found["t"]] = found["k"]
            else:
                last.pop(found["t"], None)
        for thing, holder in last.items():
            final = re.findall(
                rf"(?!Who)\b(\w+) has the {thing}|The {thing} is with (\w+) now|it is (\w+) who has the {thing}|"
                rf"the {thing}, ask (\w+)|"
                rf"Who has the {thing}\? (\w+) has", text
            )  # fmt: skip
            said = [name for groups in final for name in groups if name]
            assert said, (thing, text)
            assert said[-1] == holder, (thing, text)
            checked += 1
    assert checked > 40


def test_every_plot_can_be_told_with_every_word() -> None:
    draw = random.Random(0)
    for beats in PLOTS.values():
        for _ in range(30):
            words = stories.cast(draw, stories.topics.TOPICS[0])
            assert all(stories._beat(beat.lstrip("?"), draw, words) for beat in beats)
