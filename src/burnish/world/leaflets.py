"""Safety leaflets: what to do and what not to do with a thing, in a few short rules."""

from __future__ import annotations

import random

RULES: dict[str, tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]] = {
    "a ladder": (
        ("stand it on firm ground", "ask a friend to hold it", "keep three points of touch", "check each step before you climb"),
        ("stand on the top step", "lean far to the side", "carry a full bucket up", "use it in a storm"),
        ("a fall", "a broken leg"),
    ),
    "an oil lamp": (
        ("fill it by day", "trim the wick", "keep a cloth at hand", "set it on a flat table"),
        ("leave it alone at night", "move it while it burns", "fill it to the top", "hang it near a curtain"),
        ("fire", "smoke in the room"),
    ),
    "a stove": (
        ("clean the pipe once a year", "keep a bucket of sand near it", "open the door slowly", "let the ash grow cold"),
        ("dry clothes on it", "burn wet wood", "close the pipe too early", "let children feed it"),
        ("fire", "bad air"),
    ),
    "a boat": (
        ("wear a cork vest", "look at the sky first", "tell someone where you go", "sit low in the middle"),
        ("stand up in a wave", "go out in fog", "take more people than it has seats", "drink before you row"),
        ("a cold bath", "drowning"),
    ),
    "a saw": (
        ("hold the wood with a clamp", "keep the blade sharp", "wear gloves", "put it back in its case"),
        ("saw towards your hand", "hurry", "leave it in the grass", "talk while you saw"),
        ("a cut finger", "a deep cut"),
    ),
    "the ice": (
        ("test it with a stick", "stay near the bank", "carry a rope", "walk one by one"),
        ("go alone", "run", "trust dark ice", "go out after a warm day"),
        ("breaking through", "a cold death"),
    ),
    "a well": (
        ("keep the lid on", "look at the rope each week", "wash the bucket", "keep the path dry"),
        ("sit on the edge", "throw things in", "let small children play there", "climb down for a lost thing"),
        ("a fall", "bad water"),
    ),
    "a horse cart": (
        ("walk up from the front", "check both wheels", "tie the load well", "go slowly down the hill"),
        ("stand behind the horse", "shout", "load it too high", "leave it without a brake"),
        ("a kick", "a lost load"),
    ),
    "bees": (
        ("wear a veil", "move slowly", "use a little smoke", "open the hive at noon"),
        ("wave your arms", "open the hive in rain", "stand before the entrance", "wear dark wool"),
        ("many stings", "an angry hive"),
    ),
    "strong soap": (
        ("wear gloves", "keep it in its own jar", "write its name on the jar", "wash your hands after use"),
        ("touch your eyes", "mix it with other things", "keep it near food", "pour it into the pond"),
        ("sore hands", "sore eyes"),
    ),
    "a kettle": (
        ("fill it half full", "turn the handle inwards", "let it cool before you clean it", "use a cloth for the lid"),
        ("carry it over a child", "let it boil dry", "lift the lid at once", "fill it while it is hot"),
        ("a burn", "hot steam"),
    ),
    "mushrooms": (
        ("pick only those that you know", "show them to someone who knows", "cook them well", "carry them in a basket"),
        ("eat them raw", "trust a picture", "pick all of them", "keep them for many days"),
        ("a bad stomach", "poison"),
    ),
}
"""By thing: what to do, what never to do, what may happen."""


def leaflet(draw: random.Random) -> str:
    """One leaflet in one of three layouts."""
    thing = draw.choice(list(RULES))
    good, bad, risks = RULES[thing]
    do, never = draw.sample(good, draw.randint(2, 4)), draw.sample(bad, draw.randint(2, 3))
    bare = thing.split(" ", 1)[1] if thing.startswith(("a ", "an ", "the ")) else thing
    title = draw.choice(
        (
            "Safe with {t}",
            "Before you use {t}",
            "Safety leaflet: {b}",
            "Take care with {t}",
            "Rules for {t}",
            "How to be safe with {t}",
        )
        if thing not in ("the ice", "bees", "mushrooms")
        else ("Safe with {t}", "Safety leaflet: {b}", "Take care with {t}", "How to be safe with {t}")
    ).format(t=thing, b=bare)
    danger = draw.choice(
        ("The danger is {r}.", "Carelessness may end in {r}.", "Think of the danger: {r}.", "What may happen: {r}.")
    ).format(r=draw.choice(risks))
    close = draw.choice(
        (
            "",
            "",
            "Read this twice.",
            "Keep this leaflet.",
            "Tell it to your children.",
            "If in doubt, ask.",
            "In need, call the guard.",
        )
    )
    layout = draw.random()
    if layout < 0.35:
        lines = [*(f"- {d.capitalize()}." for d in do), *(f"- Do not {n}." for n in never)]
        draw.shuffle(lines)
        body = "\n".join([*lines, danger])
    elif layout < 0.6:
        body = "\n".join(
            f"{i}. {r}" for i, r in enumerate([*(f"{d.capitalize()}." for d in do), *(f"Never {n}." for n in never)], 1)
        )
    else:
        rules = [*(draw.choice(("{D}.", "Always {d}.", "It is wise to {d}.")).format(d=d, D=d.capitalize()) for d in do),
                 *(draw.choice(("Never {d}.", "Do not {d}.", "It is not safe to {d}.")).format(d=d) for d in never)]  # fmt: skip
        draw.shuffle(rules)
        body = " ".join([danger, *rules] if draw.random() < 0.5 else [*rules, danger])
    return "\n".join([title, body, *([close] if close else [])])
