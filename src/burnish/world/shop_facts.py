"""The Copper Oven, a pizza shop in Halden: what it sells, when it is open, what it does and does not do. Constant data.

Prices are whole marks. A combination of items is on one side of the split (`order:...`); the corpus shows those of "train" only.
The pages about the shop are made by `shop.py`.
"""

from __future__ import annotations

from dataclasses import dataclass

from burnish.world import splits
from burnish.world.grammar import joined

NAME = "The Copper Oven"
ADDRESS = "Mill Street 7"
TOWN = "Halden"
STAFF = {
    "Rosa": "owns the shop",
    "Bruno": "bakes",
    "Lena": "takes the orders",
    "Otto": "carries the pizzas out",
    "Ida": "serves at table",
}
DELIVERY = ("Halden", "Belm", "Tarn", "Rill", "Kelby", "Wick")
"""Towns that Otto rides to; in the first it costs nothing."""
DELIVERY_COST = 2


@dataclass(frozen=True, slots=True)
class Pizza:
    """One pizza of the menu."""

    name: str
    price: int
    toppings: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Rule:
    """Something the shop does not do. `wish`: a guest's words after "I want" or "May I have"; the rest are clauses with "we"."""

    id: str
    wish: str
    statement: str
    offer: str
    must: tuple[str, ...]
    """words of the offer, one of which a good answer has"""

    def wish_told(self, whose: str) -> str:
        """The wish as the shop tells it; `whose` is the guest's "my", as in "your" or "his"."""
        return self.wish.replace("your", "our").replace("my", whose)


@dataclass(frozen=True, slots=True)
class Trouble:
    """What may go wrong. `complaint` is a clause of the guest, `remedy` one of the shop; `done` tells it afterwards."""

    id: str
    complaint: tuple[str, ...]
    remedy: str
    done: str
    must: tuple[str, ...]


PIZZAS: tuple[Pizza, ...] = (
    Pizza("Plain", 6, ("tomato", "cheese")),
    Pizza("Miller", 7, ("cream", "onions", "bacon")),
    Pizza("Garden", 8, ("tomato", "peppers", "onions")),
    Pizza("Forest", 8, ("cheese", "mushrooms", "garlic")),
    Pizza("Shepherd", 9, ("goat cheese", "honey", "nuts")),
    Pizza("Fire", 9, ("tomato", "sausage", "hot peppers")),
    Pizza("Farmer", 10, ("cheese", "ham", "egg")),
    Pizza("Winter", 10, ("cheese", "potatoes", "bacon")),
    Pizza("Island", 11, ("tomato", "ham", "pineapple")),
    Pizza("Harbour", 12, ("tomato", "fish", "olives")),
    Pizza("Sailor", 13, ("cream", "crab", "lemon")),
    Pizza("King", 14, ("cheese", "ham", "mushrooms", "olives")),
)
DRINKS = {"water": 1, "lemonade": 2, "tea": 2, "milk": 2, "cider": 3, "beer": 3}
EXTRAS = {"extra cheese": 1, "extra olives": 1, "an extra egg": 1, "extra ham": 2, "extra mushrooms": 2}
HOURS: dict[str, tuple[int, int] | None] = {
    "Monday": (12, 9),
    "Tuesday": None,
    "Wednesday": (12, 9),
    "Thursday": (12, 9),
    "Friday": (12, 11),
    "Saturday": (12, 11),
    "Sunday": (5, 10),
}
"""From noon or the hour in the afternoon to the hour in the evening; None is closed."""
RULES: tuple[Rule, ...] = (
    Rule("slice", "a pizza by the slice", "we do not sell pizza by the slice", "we have a small Plain for 4 marks", ("small",)),
    Rule("half", "one pizza with two halves", "we do not bake halves", "we bake two small pizzas for 10 marks", ("small",)),
    Rule("pineapple", "pineapple on a Monday", "we have no pineapple on Mondays", "we have ham and peppers instead", ("ham",
    "peppers")),
    Rule("credit", "to pay next week", "we give no credit", "we keep your pizza warm until you have the money", ("warm",)),
    Rule("dog", "to bring my dog inside", "we allow no dogs inside", "we have a table in the yard for you both", ("yard",)),
    Rule("late", "a delivery at midnight", "we do not deliver after 9", "we have your pizza ready at the door until we close", (
    "door",)),
    Rule("far", "a delivery to the coast", "we do not deliver so far", "we pack your pizza in straw so that it stays hot", (
    "straw",)),
    Rule("table", "a table for twenty", "we have no table for more than eight", "we rent you the whole yard on a Wednesday", (
    "yard",)),
    Rule("recipe", "the recipe of your dough", "we do not give away the recipe", "we sell you a ball of dough for 2 marks", (
    "dough",)),
    Rule("soup", "a bowl of soup", "we cook no soup", "we have garlic bread for 3 marks", ("bread",)),
    Rule("cake", "a birthday cake", "we bake no cakes", "we put candles on a pizza", ("candles",)),
    Rule("nuts", "a promise that there are no nuts", "we cannot promise that, as we bake with nuts", "we bake yours in a "
    "clean pan",
         ("pan",)),
    Rule("wine", "a bottle of wine", "we sell no wine", "we have cider and beer", ("cider", "beer")),
    Rule("music", "to play the drum at table", "we allow no drums at table", "we have a music night on Fridays", ("music",)),
)  # fmt: skip
TROUBLES: tuple[Trouble, ...] = (
    Trouble("burned", ("my pizza was burned", "my pizza was black", "the bottom of my pizza was burned"), "we bake you a new "
    "one at once", "we baked {a_him} a new one at once", ("new",)),
    Trouble("cold", ("my pizza was cold", "my pizza came cold", "the pizza was not even warm"), "we put it back in the oven "
    "and give you a free tea", "we put it back in the oven and gave {a_him} a free tea", ("tea",)),
    Trouble("late", ("my pizza came an hour late", "I waited more than an hour", "the pizza came far too late"),
    "your drinks are free", "{a_his} drinks were free", ("drinks",)),
    Trouble("wrong", ("I got the wrong pizza", "this is not the pizza that I ordered", "you sent me another pizza"),
            "you keep that one and get the right one free", "{a_he} kept that one and got the right one free", ("right",)),
    Trouble("missing", ("a drink was missing", "my drink did not come", "you forgot my drink"), "Otto brings it to you with a "
    "free lemonade", "Otto brought it to {a_him} with a free lemonade", ("lemonade",)),
    Trouble("price", ("I paid too much", "the bill was wrong", "you took too much money"), "you get your money back and a "
    "mark more", "{a_he} got {a_his} money back and a mark more", ("money",)),
    Trouble("hair", ("there was a hair on my pizza", "I found a hair in the cheese", "there was a hair on it"),
    "you get all your money back", "{a_he} got all {a_his} money back", ("money",)),
    Trouble("rude", ("the boy at the door was rude", "I was shouted at", "nobody said good day to me"), "Rosa will talk to "
    "them and send you a letter", "Rosa talked to them and sent {a_him} a letter", ("letter",)),
    Trouble("table", ("my table was dirty", "there were crumbs on the table", "the table was not clean"), "Ida cleans it at "
    "once and brings you a free water", "Ida cleaned it at once and brought {a_him} a free water", ("water",)),
    Trouble("small", ("my pizza was too small", "the pizza was smaller than last time", "the pizza was tiny"), "we give you "
    "garlic bread for nothing", "we gave {a_him} garlic bread for nothing", ("bread",)),
)  # fmt: skip

Order = tuple[tuple[str, int], ...]
"""(name of a pizza or drink, how many), in the order of the menu."""
NUMBERS = ("no", "one", "two", "three", "four")


def price(item: str) -> int:
    """What one of a pizza or drink costs."""
    return next((p.price for p in PIZZAS if p.name == item), 0) or DRINKS[item]


def total(order: Order) -> int:
    """What an order costs, without delivery."""
    return sum(price(item) * count for item, count in order)


def order_key(order: Order) -> str:
    """The key of a combination of items; how many of each is part of it."""
    return "order:" + "+".join(f"{count}-{item.lower()}" for item, count in sorted(order))


def orders(side: splits.Side) -> tuple[Order, ...]:
    """All combinations of one side: one or two of a pizza, with another pizza or a drink, or alone."""
    items = [p.name for p in PIZZAS]
    found: list[Order] = []
    for place, item in enumerate(items):
        for count in (1, 2):
            others = [(other, n) for other in (*items[place + 1 :], *DRINKS) for n in (1, 2)]
            found += [((item, count),), *(((item, count), other) for other in others)]
    return tuple(o for o in found if splits.of(order_key(o)) == side)


def spoken(order: Order) -> str:
    """ "two Garden and one cider"."""
    return joined([f"{NUMBERS[count]} {item}{'s' if count > 1 and item in DRINKS else ''}" for item, count in order])


def hours(day: str) -> str:
    """ "from noon to 9", "from 5 to 10" or "closed"."""
    found = HOURS[day]
    return "closed" if found is None else f"from {'noon' if found[0] == 12 else found[0]} to {found[1]}"
