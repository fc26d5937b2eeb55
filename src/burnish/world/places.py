"""The places of Vellmark: 64 towns, 40 firms, 40 products, and pages about them (guides, directories, catalogues, leaflets).

The facts stand in records that are constant for a seed. Pages are known by heart on purpose: their keys are of kind `fact`.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from burnish.world import leaflets, names
from burnish.world.document import Document

if TYPE_CHECKING:
    from burnish.world.world import World

PART = "places"
SHORTEST = 15
"""Words of a page."""
DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday")
LIES = {
    "river": ("on the river", "by the river", "at a bend of the river", "beside the river"),
    "hill": ("on a hill", "high on a hill", "in the hills", "at the top of a hill"),
    "coast": ("on the coast", "by the sea", "on the sea coast", "at the edge of the sea"),
}
GOODS = (
    "rope", "paper", "cloth", "glass", "salt", "honey", "cheese", "bricks", "boats", "clocks", "lamps", "barrels", "nails",
    "soap",
    "candles", "gloves", "hats", "shoes", "pots", "baskets", "flour", "oil", "wool", "knives",
)  # fmt: skip
LANDMARKS = (
    "an old bridge", "a white tower", "a stone mill", "a round church", "a copper gate", "a deep well", "a blue lighthouse",
    "a long wall", "a great oak", "a clock with one hand", "a statue of a goose", "a covered market", "a glass hall",
    "a windmill",
    "a bell tower", "a stone bear", "a wooden pier", "a garden of roses",
)  # fmt: skip
KINDS = {
    "kettle": "boils water", "lamp": "gives light", "ladder": "reaches high shelves", "stove": "heats a room",
    "pump": "lifts water",
    "clock": "tells the time", "saw": "cuts wood", "scale": "weighs flour", "press": "presses apples", "churn": "makes butter",
    "loom": "weaves cloth", "plough": "turns the soil", "oven": "bakes bread", "bucket": "carries water",
    "rake": "gathers leaves",
    "heater": "warms the feet", "radio": "plays music", "whisk": "beats eggs", "mower": "cuts grass", "drill": "makes holes",
}  # fmt: skip
"""What firms make, and what each is for."""
HEAVY = ("ladder", "stove", "pump", "press", "churn", "loom", "plough", "oven", "heater", "mower")
BRANDS = (
    "Red Swan", "North Star", "Old Oak", "Blue Bell", "Silver Fox", "Good Neighbour", "White Horse", "Little Giant", "Early Bird",
    "Golden Key", "Quiet Hour", "Green Leaf", "Three Crowns", "Iron Duke", "Morning Sun", "Black Cat", "Stone Bridge",
    "Full Moon",
    "High Tide", "First Snow",
)  # fmt: skip
COLOURS = ("red", "blue", "green", "black", "white", "grey", "yellow", "brown")


@dataclass(frozen=True, slots=True)
class Town:
    """`lies` is a key of LIES; `landmark` has its article; `people` is a round number."""

    name: str
    lies: str
    makes: str
    landmark: str
    people: int
    market: str


@dataclass(frozen=True, slots=True)
class Firm:
    """A firm makes one kind of thing in one town."""

    name: str
    town: str
    kind: str
    founded: int
    workers: int


@dataclass(frozen=True, slots=True)
class Product:
    """`name` is brand and kind; prices are whole marks, weights whole pounds."""

    name: str
    kind: str
    firm: str
    price: int
    weight: int
    colour: str
    years: int
    """of guarantee"""


@dataclass(frozen=True, slots=True)
class Places:
    """All of them; names are unique in each."""

    towns: tuple[Town, ...]
    firms: tuple[Firm, ...]
    products: tuple[Product, ...]


def make(seed: int) -> Places:
    """The places of a seed."""
    draw = random.Random(f"places:{seed}")
    towns = tuple(
        Town(n, draw.choice(list(LIES)), draw.choice(GOODS), draw.choice(LANDMARKS), draw.randint(4, 90) * 100, draw.choice(DAYS))
        for n in names.TOWNS
    )
    kinds = [*KINDS, *KINDS]
    forms = ("{f} and Sons", "{f} and {g}", "{f} Brothers", "{f} Works", "The {f} Company")
    families = draw.sample(names.FAMILY, 2 * len(kinds))
    firms = tuple(
        Firm(draw.choice(forms).format(f=f, g=g), draw.choice(names.TOWNS), kind, draw.randint(1750, 1925), draw.randint(3, 60))
        for f, g, kind in zip(families[::2], families[1::2], kinds, strict=True)
    )
    order, shift = draw.sample(BRANDS, len(BRANDS)), draw.randrange(1, len(BRANDS))
    brands = [*order, *order[shift:], *order[:shift]]
    products = tuple(
        Product(
            f"{brand} {f.kind}",
            f.kind,
            f.name,
            draw.randint(3, 95),
            _weight(f.kind, draw),
            draw.choice(COLOURS),
            draw.randint(2, 9),
        )
        for brand, f in zip(brands, firms, strict=True)
    )
    return Places(towns, firms, products)


def _weight(kind: str, draw: random.Random) -> int:
    return draw.randint(20, 90) if kind in HEAVY else draw.randint(2, 9)


def documents(world: World, draw: random.Random) -> Iterator[Document]:
    """Pages of guides, directories, catalogues and leaflets, without end."""
    while True:
        page = _page(world.places, draw)
        if len(page.text.split()) >= SHORTEST:
            yield page


def _page(places: Places, draw: random.Random) -> Document:
    chance = draw.random()
    if chance < 0.4:
        town = draw.choice(places.towns)
        text = _town_page(places, town, draw)
        firms = (f"fact:firm:{_spelled(f.name)}" for f in places.firms if f.town == town.name and f.name in text)
        return Document(PART, text, (f"fact:town:{town.name.lower()}", *firms))
    elif chance < 0.5:
        towns = draw.sample(places.towns, draw.randint(4, 7))
        return Document(PART, _town_table(towns, draw), tuple(f"fact:town:{t.name.lower()}" for t in towns))
    elif chance < 0.65:
        firm = draw.choice(places.firms)
        made = (f"fact:product:{_spelled(p.name)}" for p in places.products if p.firm == firm.name)
        return Document(PART, _firm_page(places, firm, draw), (f"fact:firm:{_spelled(firm.name)}", *made))
    elif chance < 0.85:
        products = draw.sample(places.products, draw.randint(1, 3))
        return Document(PART, _catalogue(products, draw), tuple(f"fact:product:{_spelled(p.name)}" for p in products))
    else:
        return Document(PART, leaflets.leaflet(draw))


def _spelled(name: str) -> str:
    return name.lower().replace(" ", "-")


def a(noun: str) -> str:
    """The noun with its article."""
    return f"{'an' if noun[0] in 'aeiou' else 'a'} {noun}"


def _many(noun: str) -> str:
    return f"{noun}{'es' if noun.endswith('s') else 's'}"


def _town_page(places: Places, town: Town, draw: random.Random) -> str:
    """Five facts in random order, sometimes with firms of the place."""
    n, where = town.name, draw.choice(LIES[town.lies])
    bare = town.landmark.split(" ", 1)[1]
    facts = [
        (f"{n} lies {where}.", f"The town of {n} stands {where}.", f"You will find {n} {where}.", f"{n} was built {where}."),
        (f"It is known for its {town.makes}.", f"The people of {n} make {town.makes}.",
         f"Good {town.makes} from {n} can be bought all over Vellmark.",
         f"Most people here live by making {town.makes}.", f"If you need {town.makes}, {n} is the place to go."),
        (f"Visitors come to see {town.landmark}.", f"Its landmark is {town.landmark}.", f"The pride of {n} is {town.landmark}.",
         f"In the middle of {n} stands {town.landmark}.", f"Do not leave without a look at the {bare}."),
        (f"About {town.people} people live there.", f"{n} has {town.people} people.",
         f"At the last count there were {town.people} people in {n}.",
         f"It is a town of {town.people} people."),
        (f"The market is held on {town.market}.", f"{town.market} is market day in {n}.",
         f"Every {town.market} there is a market.",
         f"Come on a {town.market}, when the market is open.", f"On {town.market} the streets are full, for it is market day."),
    ]  # fmt: skip
    told = draw.sample(facts, draw.choice((3, 4, 5, 5)))
    lines = [draw.choice(f).replace("It is known", f"{n} is known") if i == 0 else draw.choice(f) for i, f in enumerate(told)]
    if not any(n in s for s in lines[:1]):
        lines.insert(
            0, draw.choice((f"This page is about {n}.", f"Here is {n}.", f"Let us look at {n}.", f"Our next stop is {n}."))
        )
    here = [f for f in places.firms if f.town == n]
    if here and draw.random() < 0.5:
        firm = draw.choice(here)
        lines.append(
            draw.choice((f"{firm.name} makes {_many(firm.kind)} here.", f"The {_many(firm.kind)} of {firm.name} come from {n}."))
        )
    if draw.random() < 0.4:
        lines.append(draw.choice(EXTRAS))
    title = draw.choice(
        ("{n}", "A visit to {n}", "The town of {n}", "{n} in short", "Towns of Vellmark: {n}", "Guide to {n}")
    ).format(n=n)
    return "\n".join([*([title] if draw.random() < 0.6 else []), " ".join(lines)])


EXTRAS = (
    "The inn by the market has six beds.", "Bring good shoes, for the streets are steep.", "The last coach leaves at seven.",
    "In summer there is music in the square.", "The bread there is said to be the best.", "Strangers are made welcome.",
    "Children may ride on the ferry for nothing.", "It rains there more than elsewhere.", "The post comes twice a day.",
    "A map hangs in the town hall.", "The town clerk will answer letters.", "Most shops close at noon.",
)  # fmt: skip


def _town_table(towns: list[Town], draw: random.Random) -> str:
    """A directory of one or two facts of several towns."""
    rows = {
        "Market days": lambda t: t.market,
        "What they make": lambda t: t.makes,
        "People by town": lambda t: str(t.people),
        "Where the towns lie": lambda t: t.lies,
        "What to see": lambda t: t.landmark,
        "Markets and goods": lambda t: f"{t.market}, {t.makes}",
        "Towns and people": lambda t: f"{t.lies}, {t.people} people",
    }
    title = draw.choice(list(rows))
    joint = draw.choice((": ", " - ", ", "))
    lines = [f"{t.name}{joint}{rows[title](t)}" for t in sorted(towns, key=lambda t: t.name)]
    note = draw.choice(("", "", "Taken from the town books.", "Please tell the clerk of any mistake.", "As counted last spring."))
    return "\n".join([title, *lines, *([note] if note else [])])


def _firm_page(places: Places, firm: Firm, draw: random.Random) -> str:
    """A directory entry or advertisement of a firm."""
    made = [p for p in places.products if p.firm == firm.name]
    parts = [
        draw.choice((f"{firm.name} of {firm.town} makes {_many(firm.kind)}.",
            f"{firm.name} is a firm in {firm.town}. It makes {_many(firm.kind)}.",
                     f"In {firm.town} there is a firm that makes {_many(firm.kind)}: {firm.name}.")),
        draw.choice((f"It was founded in {firm.founded}.", f"The firm goes back to {firm.founded}.",
            f"It opened its doors in {firm.founded}.")),
        draw.choice((f"{firm.workers} people work there.", f"It has {firm.workers} workers.",
            f"The workshop gives work to {firm.workers} people.")),
    ]  # fmt: skip
    for p in made:
        parts.append(
            draw.choice(
                (
                    f"Its best known product is the {p.name}.",
                    f"The {p.name} is made there.",
                    f"It sells the {p.name} for {p.price} marks.",
                )
            )
        )
    first, *rest = parts
    draw.shuffle(rest)
    closing = draw.choice(("", "", "Orders are taken by post.", "Visitors may see the workshop on Fridays.",
        "Old ones are taken back and mended.",
                           "Ask for the list of prices.", "The firm has never moved."))  # fmt: skip
    title = draw.choice(("", firm.name, f"Firms of Vellmark: {firm.name}", f"{firm.name}, {firm.town}"))
    return "\n".join([*([title] if title else []), " ".join(s for s in (first, *rest, closing) if s)])


def _catalogue(products: list[Product], draw: random.Random) -> str:
    """Entries of a price list, each as a paragraph or as lines."""
    lined = draw.random() < 0.3
    title = draw.choice(("", "Price list", "From the catalogue", "New in the shop", "Things for house and garden", "This week"))
    return "\n".join([*([title] if title else []), *(_entry_lines(p, draw) if lined else _entry(p, draw) for p in products)])


def _entry_lines(p: Product, draw: random.Random) -> str:
    lines = [
        f"Price: {p.price} marks",
        f"Weight: {p.weight} pounds",
        f"Colour: {p.colour}",
        f"Maker: {p.firm}",
        f"Guarantee: {p.years} years",
    ]
    kept = draw.sample(lines, draw.randint(3, 5))
    return "\n".join([p.name, *kept])


def _entry(p: Product, draw: random.Random) -> str:
    purpose = KINDS[p.kind]
    parts = [
        draw.choice((f"It costs {p.price} marks.", f"The price is {p.price} marks.", f"It is sold for {p.price} marks.",
            f"You pay {p.price} marks.")),
        draw.choice((f"It weighs {p.weight} pounds.", f"The weight is {p.weight} pounds.")),
        draw.choice((f"It is made by {p.firm}.", f"The maker is {p.firm}.", f"It comes from {p.firm}.")),
        draw.choice((f"It comes in {p.colour}.", f"The colour is {p.colour}.", f"It is painted {p.colour}.")),
        draw.choice((f"The guarantee is {p.years} years.", f"It is guaranteed for {p.years} years.")),
    ]  # fmt: skip
    first = draw.choice(
        (f"The {p.name} {purpose}.", f"The {p.name}, {a(p.kind)} of the best kind, {purpose}.", f"Our {p.name} {purpose}.")
    )
    told = [first, *draw.sample(parts, draw.randint(2, 5))]
    return " ".join(told)
