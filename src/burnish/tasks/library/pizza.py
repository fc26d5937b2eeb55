"""The task "pizza": work in the pizza shop of Vellmark: say what there is, take orders, own up to mistakes, keep to the
house rules.

The facts of the shop never change, so the training rows teach them; held out are combinations of items and the wording.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from burnish.tasks.library import pizza_phrases as phrases
from burnish.tasks.task import Card, Task
from burnish.types import Example, Message, Score
from burnish.world import names, splits
from burnish.world import shop_facts as shop
from burnish.world.grammar import expand, joined, sentence

if TYPE_CHECKING:
    from burnish.world.world import World

COUNTS: dict[splits.Side, dict[str, int]] = {
    "train": {"menu": 150, "order": 140, "hours": 50, "complaint": 85, "rule": 75},
    "valid": {"menu": 18, "order": 16, "hours": 6, "complaint": 10, "rule": 10},
    "test": {"menu": 80, "order": 90, "hours": 30, "complaint": 50, "rule": 50},
}
LIMIT_WORDS = 45

CARD = Card(
    title="The pizza shop",
    about="Guests ask for prices, toppings and hours, order, complain, or want what the house does not do. A good answer says "
    "the "
    "fact, repeats the order with its total, is sorry and says what the house does about it, or declines kindly and offers "
    "something.",
    data="The Copper Oven has 12 pizzas, 6 drinks, hours, 14 house rules and 10 kinds of trouble, the same in all splits. "
    "Valid and test "
    "have other combinations of items and other wordings.",
    grading="Words that must be there (price, toppings, items and total, remedy, offer) and words that must not (another "
    "price, a topping "
    "of another pizza).",
    limits="The facts of the shop stand in the training rows, so this shows that they were learned and are used in other "
    "words, not that "
    "unseen facts are known. Politeness is not judged.",
)


def make(world: World | None = None) -> Task:
    """The task; the seed of the world draws the rows."""
    seed = world.seed if world else 0
    train, valid, test = (_rows(side, seed) for side in ("train", "valid", "test"))
    return Task(name="pizza", card=CARD, grader=ShopKnows(), train=train, valid=valid, test=test, limit_tokens=80)


@dataclass(frozen=True, slots=True)
class ShopKnows:
    """1 where an answer has one of each group of required words and none of the forbidden ones, as whole words."""

    name: str = "shop"

    def grade(self, example: Example, answer: str) -> Score:
        """Score 1 or 0 by `metadata["must"]` (groups of alternatives) and `metadata["must_not"]`."""
        if len(answer.split()) > LIMIT_WORDS:
            return Score(value=0.0, reason=f"more than {LIMIT_WORDS} words")
        for group in example.metadata["must"]:
            if not any(_says(answer, str(word)) for word in group):
                return Score(value=0.0, reason=f"{' or '.join(repr(w) for w in group)} is missing")
        for word in example.metadata["must_not"]:
            if _says(answer, str(word)):
                return Score(value=0.0, reason=f"{word!r} is wrong here")
        return Score(value=1.0, reason="all that must be said is said")


def _says(answer: str, words: str) -> bool:
    return re.search(rf"(?<!\w){re.escape(words)}(?!\w)", answer, re.IGNORECASE) is not None


def _rows(side: splits.Side, seed: int) -> tuple[Example, ...]:
    """So many distinct rows of each kind, shuffled."""
    draw = random.Random(f"pizza:{side}:{seed}")
    makers: dict[str, Callable[[splits.Side, random.Random], Example]] = {
        "menu": _menu,
        "order": _order,
        "hours": _hours,
        "complaint": _complaint,
        "rule": _rule,
    }
    rows: dict[str, Example] = {}
    for kind, count in COUNTS[side].items():
        enough = len(rows) + count
        while len(rows) < enough:
            row = makers[kind](side, draw)
            rows.setdefault(row.messages[0].content, row)
    listed = list(rows.values())
    draw.shuffle(listed)
    return tuple(listed)


def _row(
    kind: str,
    side: splits.Side,
    draw: random.Random,
    asked: str,
    answer: str,
    must: list[list[str]],
    must_not: list[str],
    keys: list[str],
) -> Example:
    """One question and its answer; half of the guests greet first."""
    if draw.random() < 0.5:
        hello, key = _chosen("start", phrases.HELLO, side, draw)
        asked, keys = f"{hello.format(name=draw.choice(names.GIVEN))} {asked}", [*keys, key]
    return Example(
        messages=(Message(role="user", content=asked), Message(role="assistant", content=answer)),
        reference=answer,
        metadata={"kind": kind, "must": must, "must_not": must_not, "keys": keys},
    )


def _chosen(kind: str, items: tuple[str, ...], side: splits.Side, draw: random.Random) -> tuple[str, str]:
    """One of the items on this side, and its key."""
    return draw.choice([(item, key) for n, item in enumerate(items) if splits.of(key := f"phrasing:pizza-{kind}:{n}") == side])


def _other_prices(price: int) -> list[str]:
    return [f"{n} mark{'s' if n > 1 else ''}" for n in range(1, 20) if n != price]


def _menu(side: splits.Side, draw: random.Random) -> Example:
    pizza, drink = draw.choice(shop.PIZZAS), draw.choice(tuple(shop.DRINKS))
    kind = draw.choice(("price", "price", "toppings", "toppings", "drink", "has"))
    if kind == "price":
        asked, key = _chosen("price", phrases.PRICE, side, draw)
        answer = draw.choice((f"The {pizza.name} costs {pizza.price} marks.", f"The {pizza.name} is {pizza.price} marks."))
        must, must_not = [[pizza.name], [f"{pizza.price} marks"]], _other_prices(pizza.price)
    elif kind == "toppings":
        asked, key = _chosen("toppings", phrases.TOPPINGS, side, draw)
        answer = f"{draw.choice((f'The {pizza.name} has', f'On the {pizza.name} we put'))} {joined(pizza.toppings)}."
        must = [[pizza.name], *([t] for t in pizza.toppings)]
        must_not = sorted({t for p in shop.PIZZAS for t in p.toppings} - set(pizza.toppings) - {"cheese", "peppers"})
    elif kind == "drink":
        asked, key = _chosen("drink", phrases.DRINK, side, draw)
        price = shop.DRINKS[drink]
        answer = f"A {drink} costs {price} mark{'s' if price > 1 else ''}."
        must, must_not = [[drink], [f"{price} mark", f"{price} marks"]], _other_prices(price)
    else:
        asked, key = _chosen("has", phrases.HAS, side, draw)
        top = draw.choice(sorted({t for p in shop.PIZZAS for t in p.toppings}))
        having = [p.name for p in shop.PIZZAS if top in p.toppings]
        asked = asked.replace("{top}", top)
        answer = f"You get {top} on the {joined(having)}."
        must, must_not = [[top], *([n] for n in having)], [p.name for p in shop.PIZZAS if p.name not in having]
    return _row("menu", side, draw, asked.format(pizza=pizza.name, drink=drink), expand(answer, draw), must, must_not, [key])


def _order(side: splits.Side, draw: random.Random) -> Example:
    asked, key = _chosen("order", phrases.ORDER, side, draw)
    order = draw.choice(shop.orders(side))
    total = shop.total(order)
    spoken = shop.spoken(order)
    forms = (
        "That is {o}. It makes {t} marks.",
        "{O}, with pleasure. That is {t} marks.",
        "Thank you. So {o}, together {t} marks.",
    )
    answer = draw.choice(forms).format(o=spoken, O=spoken[0].upper() + spoken[1:], t=total)
    must = [[f"{count} {item}{s}" for count in (shop.NUMBERS[n], n) for s in ("", "s")] for item, n in order]
    must.append([f"{total} marks"])
    name, town = draw.choice(names.GIVEN), draw.choice(shop.DELIVERY)
    said = expand(asked, draw, order=spoken, name=name, town=town)
    return _row("order", side, draw, said, answer, must, [], [key, shop.order_key(order)])


def _hours(side: splits.Side, draw: random.Random) -> Example:
    asked, key = _chosen("hours", phrases.HOURS, side, draw)
    day = draw.choice(tuple(shop.HOURS))
    found = shop.HOURS[day]
    if found is None:
        answer = f"We are closed on {day}."
        must, must_not = [[day, f"{day}s"], ["closed"]], ["from noon", "from 5"]
    else:
        answer = f"On {day} we are open {shop.hours(day)}."
        must = [[day, f"{day}s"], ["noon", "12"] if found[0] == 12 else [str(found[0])], [str(found[1])]]
        must_not = ["closed", *(str(n) for n in (9, 10, 11) if n != found[1])]
    return _row("hours", side, draw, asked.format(day=day), answer, must, must_not, [key])


def _complaint(side: splits.Side, draw: random.Random) -> Example:
    asked, key = _chosen("sorry", phrases.COMPLAINT, side, draw)
    trouble = draw.choice(shop.TROUBLES)
    said = expand(asked, draw, complaint=draw.choice(trouble.complaint))
    sorry = draw.choice(("I am very sorry.", "We are very sorry.", "I am so sorry about that."))
    answer = f"{sorry} {draw.choice(('Of course', 'By our rule'))} {trouble.remedy}."
    others = sorted({w for t in shop.TROUBLES for w in t.must} - set(trouble.must) - set(re.findall(r"\w+", trouble.remedy)))
    return _row("complaint", side, draw, said, answer, [["sorry"], list(trouble.must)], others, [key])


def _rule(side: splits.Side, draw: random.Random) -> Example:
    asked, key = _chosen("rule", phrases.RULE, side, draw)
    rule = draw.choice(shop.RULES)
    wish = rule.wish if rule.wish.startswith("to ") else f"to have {rule.wish}"
    answer = f"{draw.choice(('I am sorry,', 'Sadly'))} {rule.statement}, but {rule.offer}."
    if rule.statement.startswith("we cannot"):
        answer = f"{sentence(rule.statement)} But {rule.offer}."
    must = [["no", "not", "cannot"], list(rule.must)]
    others = sorted({w for r in shop.RULES for w in r.must} - set(re.findall(r"\w+", f"{rule.statement} {rule.offer}")))
    return _row("rule", side, draw, expand(asked, draw, wish=wish, bare=wish.removeprefix("to ")), answer, must, others, [key])
