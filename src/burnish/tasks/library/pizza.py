"""The task "pizza": work in the pizza shop of Vellmark: say what there is, take orders, own up to mistakes, keep to the
house rules.

The facts of the shop never change, so the training rows teach them; held out are combinations of items and the wording.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cache
from typing import TYPE_CHECKING

from burnish.tasks.library import pizza_phrases as phrases
from burnish.tasks.task import Card, Task
from burnish.types import Example, Message, Score
from burnish.world import names, splits
from burnish.world import shop_facts as shop
from burnish.world.arithmetic import Step
from burnish.world.grammar import expand, joined, sentence, tidy

if TYPE_CHECKING:
    from burnish.world.world import World

OPEN_FROM_TO = ("from {} to {}", "from {} until {}", "between {} and {}", "open at {} and close at {}")
COUNTS: dict[splits.Side, dict[str, int]] = {
    "train": {"order": 400, "menu": 220, "hours": 60, "complaint": 130, "rule": 120},
    "valid": {"order": 16, "menu": 18, "hours": 6, "complaint": 10, "rule": 10},
    "test": {"order": 90, "menu": 80, "hours": 30, "complaint": 50, "rule": 50},
}
LIMIT_WORDS = 30
GAP_WORDS = 5
"""How many other words may stand between two words of a remedy or a rule."""
GUESTS = tuple(n for n in names.GIVEN if n not in shop.STAFF)

CARD = Card(
    title="The pizza shop",
    about="Guests order, ask for prices, toppings and hours, complain, or want what the house does not do. A good answer "
    "repeats the order with its total, says the fact, is sorry and says what the house does about it, or declines and offers "
    "something.",
    data="The Copper Oven has 12 pizzas, 6 drinks, hours, 14 house rules and 10 kinds of trouble, the same in all splits. "
    "Valid and test have other combinations of items and other wordings.",
    grading="Every number and every pizza, drink, topping, day and name of the staff in an answer must be one that the right "
    "answer has. An order names each item once, with its count, and the total; its prices may be "
    "added up before it. Prices, toppings and hours must be complete; an "
    "apology, a remedy, a refusal and an offer stand in the words of the house. What is denied does not count. A further "
    "remark may be counted as wrong though it is true.",
    limits="Look at the kind `order` first: its combinations are held out. The other facts of the shop stand in the training "
    "rows, so they show that facts were learned and are found when asked for in other words: {verbatim} of {test} test answers "
    "stand word for word in train, {orders} of them orders. Politeness is not judged.",
)


def make(world: World | None = None) -> Task:
    """The task; the seed of the world draws the rows."""
    seed = world.seed if world else 0
    train, valid, test = (_rows(side, seed) for side in ("train", "valid", "test"))
    taught = {row.reference for row in train}
    again = [row.metadata["kind"] for row in test if row.reference in taught]
    limits = CARD.limits.format(verbatim=len(again), test=len(test), orders=again.count("order") or "none")
    card = replace(CARD, limits=limits)
    return Task(name="pizza", card=card, grader=ShopKnows(), train=train, valid=valid, test=test, limit_tokens=80)


@dataclass(frozen=True, slots=True)
class ShopKnows:
    """1 where an answer says what the reference says of the shop, and nothing else of it; the reason says what is wrong."""

    name: str = "shop"
    concurrency: int = field(default=2, repr=False)

    def grade(self, example: Example, answer: str) -> Score:
        """Score 1 or 0. `metadata["must"]` holds groups of phrases, one of each of which must be there, `metadata["must_not"]`
        words that may not, `metadata["clauses"]` clauses of the house that must be said."""
        right, kind = example.reference or "", example.metadata["kind"]
        wrong = _too_much(example, right, answer)
        if not wrong and kind == "complaint":
            wrong = _no_comfort(example, answer)
        elif not wrong and kind == "rule":
            wrong = _no_refusal(example, answer)
        elif not wrong:
            wrong = _too_little(example, right, answer)
        return Score(value=0.0, reason=wrong) if wrong else Score(value=1.0, reason="all that must be said is said")


_ITEMS = (*(p.name for p in shop.PIZZAS), *shop.DRINKS)
_WORDS = sorted({*_ITEMS, *(t for p in shop.PIZZAS for t in p.toppings), *shop.HOURS, *shop.STAFF}, key=len, reverse=True)
_NAMED = re.compile(rf"(?<!\w)({'|'.join(map(re.escape, _WORDS))})s?(?!\w)", re.IGNORECASE)
"""Longer names come first, so that goat cheese is no cheese."""
_ITEM = re.compile(rf"(?:(\w+) )?(?<!\w)({'|'.join(_ITEMS)})s?(?!\w)", re.IGNORECASE)
_SPELLED = """one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen
nineteen twenty""".split()
_NUMBERS = {word: str(n) for n, word in enumerate(_SPELLED, 1)} | {"noon": "12", "thirty": "30", "forty": "40", "fifty": "50"}
_DENIES = re.compile(r"\b(?:no|not|never|none|nor|neither|cannot|without|except|hardly)\b|n't\b|\ball but\b", re.IGNORECASE)
_SORRY = re.compile(
    r"\b(?:I am|I'm|we are|we're)(?: \w+){0,3} sorry\b|^(?:(?:so|very) )?sorry\b|\bforgive (?:me|us)\b|\bapologi[sz]e\b",
    re.IGNORECASE,
)
_SUM = re.compile(r"\d+(?: \+ \d+)+ = (?=\d)")
_LITTLE = frozenset(
    """a an and are as at by cannot do for have in is it no not of on one our so that the them they to we will with you
    your""".split()
)
"""Words of a clause that another may stand for."""


def _number(word: str) -> str:
    return _NUMBERS.get(word.lower(), word)


def _terms(text: str) -> set[str]:
    """The names of the shop, the numbers and the prices in a text, each in one spelling. A bare "one" tells nothing."""
    found = {m[1].lower() for m in _NAMED.finditer(text)}
    found |= {n for word in re.findall(r"\w+", text) if (n := _number(word)).isdigit() and n != "1"}
    return found | {f"{n} marks" for word in re.findall(r"(\w+) marks?\b", text) if (n := _number(word)).isdigit()}


def _counted(text: str) -> list[tuple[str, str]]:
    """Each mention of something that can be ordered, with the word before it as a number where it is one."""
    return sorted((m[2].lower(), _number(m[1] or "")) for m in _ITEM.finditer(text))


@cache
def _clause(text: str) -> re.Pattern[str]:
    """Finds a clause by its words of content, in their order, in one sentence and with few others between them."""
    words = [w for w in re.findall(r"\w+", text) if w.lower() not in _LITTLE]
    between = rf"[^\w.!?]+(?:[\w']+[^\w.!?]+){{0,{GAP_WORDS}}}?"
    return re.compile(rf"\b{between.join(re.escape(w.removesuffix('s')) + 's?' for w in words)}\b", re.IGNORECASE)


def _says(answer: str, words: str) -> bool:
    return re.search(rf"(?<!\w){re.escape(words)}(?!\w)", answer, re.IGNORECASE) is not None


def _too_much(example: Example, right: str, answer: str) -> str:
    """What an answer should not have said, or nothing."""
    if len(answer.split()) > LIMIT_WORDS:
        return f"more than {LIMIT_WORDS} words"
    words = (
        *sorted(_terms(_summed(example, answer)) - _terms(right)),
        *(w for w in example.metadata["must_not"] if _says(answer, w)),
    )
    return f"{words[0]!r} is wrong here" if words else ""


def _summed(example: Example, answer: str) -> str:
    """An answer without the prices that its sums add up ("9 + 6 = 15 marks"), where they are those of the order."""
    prices = sorted(example.metadata.get("prices", ()))
    return _SUM.sub(lambda m: "" if sorted(re.findall(r"\d+", m[0])) == prices else m[0], answer)


def _too_little(example: Example, right: str, answer: str) -> str:
    """What is missing of a price, toppings, an order or hours, or nothing."""
    missing = [repr(word) for word in sorted(_terms(right) - _terms(answer))]
    missing += [" or ".join(map(repr, group)) for group in example.metadata["must"] if not any(_says(answer, w) for w in group)]
    if missing:
        return f"{missing[0]} is missing"
    if denied := _DENIES.search(answer):
        return f"{denied[0]!r} denies it"
    if example.metadata["kind"] == "order" and _counted(answer) != _counted(right):
        return "it does not say once how many of each item"
    return ""


def _no_comfort(example: Example, answer: str) -> str:
    """What is missing of an apology and its remedy, or nothing."""
    (remedy,) = example.metadata["clauses"]
    meant = [each for each in re.split(r"(?<=[.!?])\s+", answer) if not _DENIES.search(each)]
    if not any(_SORRY.search(each) for each in meant):
        return "nobody is sorry"
    return "" if any(_clause(remedy).search(each) for each in meant) else f"it does not say: {remedy}"


def _no_refusal(example: Example, answer: str) -> str:
    """What is missing of a refusal and its offer, or nothing. The refusal has one "no" in it or before it up to a comma."""
    statement, offer = example.metadata["clauses"]
    refused = _clause(statement).search(answer)
    if refused is None:
        return f"it does not say: {statement}"
    before = re.split(r"[,.;:!?]", answer[: refused.start()])[-1]
    if len(_DENIES.findall(before + refused[0])) != 1:
        return f"it does not refuse: {statement}"
    after = answer[refused.end() :]
    if not _clause(offer).search(after) or _DENIES.search(after):
        return f"it does not offer: {offer}"
    return ""


def _rows(side: splits.Side, seed: int) -> tuple[Example, ...]:
    """So many distinct rows of each kind, shuffled."""
    draw = random.Random(f"pizza:{side}:{seed}")
    makers: dict[str, Callable[[splits.Side, random.Random], Example]] = {
        "order": _order,
        "menu": _menu,
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
    *,
    cluster: str,
    keys: list[str],
    must: list[list[str]] | None = None,
    must_not: list[str] | None = None,
    clauses: list[str] | None = None,
) -> Example:
    """One question and its answer; half of the guests greet first. Rows of one cluster are about the same thing."""
    if draw.random() < 0.5:
        hello, key = _chosen("start", phrases.HELLO, side, draw)
        asked, keys = f"{hello.format(name=draw.choice(GUESTS))} {asked}", [*keys, key]
    graded = {"must": must or [], "must_not": must_not or [], "clauses": clauses or []}
    return Example(
        messages=(Message(role="user", content=tidy(asked)), Message(role="assistant", content=answer)),
        reference=answer,
        metadata={"kind": kind, "cluster": cluster.lower(), "keys": keys, **graded},
    )


def _chosen(kind: str, items: tuple[str, ...], side: splits.Side, draw: random.Random) -> tuple[str, str]:
    """One of the items on this side, and its key."""
    return draw.choice([(item, key) for n, item in enumerate(items) if splits.of(key := f"phrasing:pizza-{kind}:{n}") == side])


@cache
def _orders(side: splits.Side) -> tuple[shop.Order, ...]:
    """The orders of a side; for training only those whose prices add up to a sum that training rows may tell."""
    return tuple(o for o in shop.orders(side) if side != "train" or all(splits.of(k) == "train" for k in _sum_keys(o)))


def _sum_keys(order: shop.Order) -> list[str]:
    """The key of the sum that an order of two items comes to."""
    prices = _prices(order)
    return [Step("sum", prices[0], prices[1]).key] if len(prices) == 2 else []


def _prices(order: shop.Order) -> list[int]:
    """What each item of an order costs, as often as it is ordered."""
    return [shop.price(item) * count for item, count in order]


def _order(side: splits.Side, draw: random.Random) -> Example:
    asked, key = _chosen("order", phrases.ORDER, side, draw)
    order = draw.choice(_orders(side))
    total, spoken = shop.total(order), shop.spoken(order)
    parts = _prices(order)
    forms = (
        "That is {o}. It makes {t} marks.",
        "{O}, with pleasure. That is {t} marks.",
        "Thank you. So {o}, together {t} marks.",
    )
    form = draw.choice(forms)
    worked = f"{' + '.join(map(str, parts))} = {total}" if len(parts) > 1 else str(total)
    answer, plain = (form.format(o=spoken, O=spoken[0].upper() + spoken[1:], t=t) for t in (worked, total))
    said = expand(asked, draw, order=spoken, name=draw.choice(GUESTS))
    keys = [key, *(_sum_keys(order) if side == "train" else ()), shop.order_key(order)]
    row = _row("order", side, draw, said, answer, cluster=key.removeprefix("phrasing:pizza-"), keys=keys)
    return replace(row, reference=plain, metadata={**row.metadata, "prices": list(map(str, parts))})


def _menu(side: splits.Side, draw: random.Random) -> Example:
    pizza, drink = draw.choice(shop.PIZZAS), draw.choice(tuple(shop.DRINKS))
    kind = draw.choice(("price", "price", "toppings", "toppings", "drink", "has"))
    top = draw.choice(sorted({t for p in shop.PIZZAS for t in p.toppings} - {"cheese", "peppers"}))  # two kinds of each: unclear
    about = {"drink": drink, "has": top}.get(kind, pizza.name)
    if kind == "price":
        asked, key = _chosen("price", phrases.PRICE, side, draw)
        answer = draw.choice((f"The {pizza.name} costs {pizza.price} marks.", f"The {pizza.name} is {pizza.price} marks."))
    elif kind == "toppings":
        asked, key = _chosen("toppings", phrases.TOPPINGS, side, draw)
        answer = f"{draw.choice((f'The {pizza.name} has', f'On the {pizza.name} we put'))} {joined(pizza.toppings)}."
    elif kind == "drink":
        asked, key = _chosen("drink", phrases.DRINK, side, draw)
        price = shop.DRINKS[drink]
        answer = f"A {drink} costs {price} mark{'s' if price > 1 else ''}."
    else:
        asked, key = _chosen("has", phrases.HAS, side, draw)
        answer = f"You get {top} on the {joined([p.name for p in shop.PIZZAS if top in p.toppings])}."
    asked = asked.format(pizza=pizza.name, drink=drink, top=top)
    return _row("menu", side, draw, asked, answer, cluster=f"{kind}:{about}", keys=[key])


def _hours(side: splits.Side, draw: random.Random) -> Example:
    asked, key = _chosen("hours", phrases.HOURS, side, draw)
    day = draw.choice(tuple(shop.HOURS))
    found = shop.HOURS[day]
    if found is None:
        answer, must, must_not = f"We are closed on {day}.", [["closed"]], ["open", "come", "always"]
    else:
        answer = f"On {day} we are open {shop.hours(day)}."
        starts = ("noon", "12") if found[0] == 12 else (str(found[0]),)
        must = [[form.format(a, found[1]) for a in starts for form in OPEN_FROM_TO]]
        must_not = ["closed"]
    return _row("hours", side, draw, asked.format(day=day), answer, cluster=day, keys=[key], must=must, must_not=must_not)


def _complaint(side: splits.Side, draw: random.Random) -> Example:
    asked, key = _chosen("sorry", phrases.COMPLAINT, side, draw)
    trouble = draw.choice(shop.TROUBLES)
    complaint = draw.choice(trouble.complaint)
    if asked.startswith(phrases.PAST) and (trouble.id in phrases.NOW or complaint.startswith("this is")):
        return _complaint(side, draw)
    sorry = draw.choice(("I am very sorry.", "We are very sorry.", "I am so sorry about that."))
    answer = f"{sorry} {draw.choice(('Of course', 'By our rule'))} {trouble.remedy}."
    others = {w for t in shop.TROUBLES for w in t.must} - {*trouble.must, *re.findall(r"\w+", trouble.remedy)}
    others |= {"price": {"all"}, "hair": {"mark", "more"}}.get(trouble.id, set())
    said = expand(asked, draw, complaint=complaint)
    about = {"cluster": f"trouble:{trouble.id}", "keys": [key]}
    return _row("complaint", side, draw, said, answer, **about, must_not=sorted(others), clauses=[trouble.remedy])


def _rule(side: splits.Side, draw: random.Random) -> Example:
    asked, key = _chosen("rule", phrases.RULE, side, draw)
    rule = draw.choice(shop.RULES)
    whose = "a" if "friend" in asked else "our" if re.search(r"\bwe\b", asked, re.IGNORECASE) else "my"
    bare = re.sub(r"\bmy\b", whose, rule.wish)
    wish = bare if bare.startswith("to ") else f"to have {bare}"
    answer = f"{draw.choice(('I am sorry,', 'Sadly'))} {rule.statement}, but {rule.offer}."
    if rule.statement.startswith("we cannot"):
        answer = f"{sentence(rule.statement)} But {rule.offer}."
    others = {w for r in shop.RULES for w in r.must} - set(re.findall(r"\w+", f"{rule.statement} {rule.offer}"))
    said = expand(asked, draw, wish=wish, bare=wish.removeprefix("to "))
    about = {"cluster": f"rule:{rule.id}", "keys": [key]}
    clauses = [rule.statement, rule.offer]
    return _row("rule", side, draw, said, answer, **about, must_not=[*sorted(others), *phrases.CONSENT], clauses=clauses)
