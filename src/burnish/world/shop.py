"""Pages about the pizza shop: menus, notices, order slips, letters, reviews, day books and talk over the counter."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import TYPE_CHECKING

from burnish.world import names, splits
from burnish.world import shop_facts as facts
from burnish.world.arithmetic import Step
from burnish.world.document import Document
from burnish.world.grammar import expand, joined, sentence
from burnish.world.stories import person

if TYPE_CHECKING:
    from burnish.world.world import World

PART = "shop"
LONGEST = 150
"""words"""

Page = tuple[str, tuple[str, ...]]
DAYS = tuple(facts.HOURS)
OPEN_DAYS = tuple(d for d in DAYS if facts.HOURS[d])


def documents(world: World, draw: random.Random) -> Iterator[Document]:
    """Pages of the shop without end."""
    kinds = (_menu, _menu, _notice, _rules, _slip, _slip, _slip, _letter, _letter, _review, _review, _day_book, _counter)
    while True:
        text, keys = draw.choice(kinds)(draw)
        if 15 <= len(text.split()) <= LONGEST and _safe(keys):
            yield Document(PART, text, keys)


def _safe(keys: tuple[str, ...]) -> bool:
    return all(splits.of(key) == "train" for key in keys)


def _keys(order: facts.Order) -> tuple[str, ...]:
    """The combination, and what its lines and their total give away: products of counts and prices, and the sum of two lines."""
    steps = [Step("product", count, facts.price(item)) for item, count in order if count > 1]
    if len(order) == 2:
        steps.append(Step("sum", *(facts.price(item) * count for item, count in order)))
    return (facts.order_key(order), *dict.fromkeys(step.key for step in steps))


def _words(draw: random.Random) -> dict[str, str]:
    pizza, other = draw.sample(facts.PIZZAS, 2)
    drink = draw.choice(tuple(facts.DRINKS))
    day = draw.choice(OPEN_DAYS)
    start, end = facts.HOURS[day] or (12, 9)
    hour = draw.randint(start % 12 or 1, end - 2)
    guest, family = next(found for found in iter(lambda: names.passer_by(draw), None) if found[0] not in facts.STAFF)
    guest2 = draw.choice([n for n in names.GIVEN if n not in facts.STAFF and n != guest])
    return person("a", guest) | {
        "name": facts.NAME, "short": "the Copper Oven", "street": facts.ADDRESS, "town": facts.TOWN, "pizza": pizza.name,
        "pizza2": other.name,
        "price": str(pizza.price), "price2": str(other.price), "tops": joined(pizza.toppings), "tops2": joined(other.toppings),
        "top": draw.choice(pizza.toppings), "drink": drink, "drink_price": str(facts.DRINKS[drink]),
        "open_day": day, "hour": str(hour), "later": str(hour + 1), "b": guest2, "family": family,
        "number": str(draw.randint(2, 9)),
        "near": draw.choice(facts.DELIVERY[1:]), "house": str(draw.randint(2, 60)),
        "road": draw.choice(("Mill Street", "Church Street", "Bridge Street", "Harbour Road", "Long Lane", "Market Square",
        "School Lane")),
    }  # fmt: skip


def _marks(count: int) -> str:
    return f"{count} mark" if count == 1 else f"{count} marks"


def _menu(draw: random.Random) -> Page:
    chosen = sorted(draw.sample(facts.PIZZAS, draw.randint(5, 9)), key=lambda p: p.price)
    if draw.random() < 0.5:
        draw.shuffle(chosen)
    form = draw.choice(
        (
            "{n}: {t}. {p} marks.",
            "{n} ({t}) {p}",
            "- {n}, {p} marks: {t}",
            "{n} ... {p}\n  {t}",
            "{p} marks: {n}, with {t}",
            "{n}, with {t}, {p} marks",
        )
    )
    lines = [form.format(n=p.name, t=(joined if draw.random() < 0.5 else ", ".join)(p.toppings), p=p.price) for p in chosen]
    lines.insert(0, draw.choice((facts.NAME, f"Menu of {facts.NAME}", f"{facts.NAME}, {facts.ADDRESS}", "Our pizzas", "Menu")))
    if draw.random() < 0.6:
        drinks = draw.sample(tuple(facts.DRINKS), 4)
        start = draw.choice(("Drinks: ", "To drink: ", "And to drink: "))
        lines.append(start + ", ".join(f"{d} {facts.DRINKS[d]}" for d in drinks))
    if draw.random() < 0.4:
        extra = draw.choice(tuple(facts.EXTRAS))
        lines.append(
            draw.choice((f"{extra}: {_marks(facts.EXTRAS[extra])} more.", f"For {extra} we take {_marks(facts.EXTRAS[extra])}."))
        )
    return "\n".join(line[0].upper() + line[1:] if line[0].isalpha() else line for line in lines), ()


def _notice(draw: random.Random) -> Page:
    days = draw.sample(DAYS, draw.randint(2, 7))
    if draw.random() < 0.6:
        days.sort(key=DAYS.index)
    said = [
        expand(draw.choice(("{d}: {h}.", "[On|Every] {d} we are {open} {h}.", "{d}: {h}[, as always|]." if facts.HOURS[d] else
        "{d}: {h}.")), draw,
               d=d, h=facts.hours(d), open="open" if facts.HOURS[d] else "")
        for d in days
    ]  # fmt: skip
    words = _words(draw)
    head = expand(
        draw.choice(("[Notice|Opening hours|When we are open|Hours of {name}]", "{name}, {street}, {town}", "To our guests")),
        draw,
        **words,
    )
    rest = [expand(draw.choice((
        "We are closed on Tuesdays.", "The oven is lit [at ten|in the morning].", "We deliver in {town} for nothing, and to "
        "{near} for 2 marks.",
        "Otto rides out until 9.", "[Please ring|Knock] at the side door.", "[Signed|Yours], Rosa.", "A {pizza} costs {price} "
        "marks, on every day that we are open.",
    )), draw, **words) for _ in range(draw.randint(1, 2))]  # fmt: skip
    joint = draw.choice(("\n", " "))
    return f"{head}\n" + joint.join([*said, *dict.fromkeys(rest)]), ()


def _rules(draw: random.Random) -> Page:
    chosen = draw.sample(facts.RULES, draw.randint(3, 5))
    lines = []
    for rule in chosen:
        said, wish = sentence(rule.statement), rule.wish_told("your")
        lines.append(
            draw.choice((
                f"{said} But {rule.offer}.", f"{said} Instead {rule.offer}.",
                f"If you want {wish}: {rule.statement}, but {rule.offer}.",
                f"Do not ask for {wish}. {said}" if not wish.startswith("to ") else f"{said} But {rule.offer}.", said,
            ))
        )  # fmt: skip
    if draw.random() < 0.5:
        trouble = draw.choice(facts.TROUBLES)
        lines.append(f'If you say, "{sentence(draw.choice(trouble.complaint))[:-1]}," we say sorry, and {trouble.remedy}.')
    head = draw.choice(
        (
            "House rules",
            f"Rules of {facts.NAME}",
            "For new hands",
            "What we do and do not do",
            "Please read",
            f"{facts.NAME}: good to know",
        )
    )
    mark = draw.choice(("", "- ", "{n}. "))
    return "\n".join([head, *(mark.format(n=i + 1) + line for i, line in enumerate(lines))]), ()


def _slip(draw: random.Random) -> Page:
    order = draw.choice(_SAFE)
    words = _words(draw)
    number = draw.randint(10, 99)
    less = draw.choice(next(p for p in facts.PIZZAS if p.name == order[0][0]).toppings)
    form = draw.choice(("{c} {i}: {p}", "{c} x {i} = {p}", "{i}, {c}: {p} marks", "- {c} {i}, {p}"))
    lines = [form.format(c=count, i=item, p=facts.price(item) * count) for item, count in order]
    total = facts.total(order)
    head = draw.choice(
        (
            f"Order {number}",
            f"{facts.NAME}, order {number}",
            f"Slip {number}",
            f"Bill for {words['a']}",
            f"{words['open_day']}, order {number}",
        )
    )
    where = draw.choice(
        (
            ("For {a} {family}, {road} {house}.",),
            ("Name: {a} {family}", "Road: {road} {house}"),
            ("{a} {family}, comes at {later}.",),
            ("To table {number}.",),
            ("{a} {family}, {town}",),
        )
    )
    end = [draw.choice((f"Total: {total} marks", f"Together {_marks(total)}.", f"To pay: {total}", f"Sum: {total} marks."))]
    keys = _keys(order)
    if "{road}" in where[-1] and draw.random() < 0.6:
        with_delivery = Step("sum", total, facts.DELIVERY_COST)
        end += [f"Delivery to {words['near']}: {facts.DELIVERY_COST}", f"With delivery: {with_delivery.result} marks"]
        keys = (*dict.fromkeys((*keys, with_delivery.key)),)
    end.append(expand(draw.choice(("[Paid|Not yet paid].", "Taken by Lena[ at {hour}|].", "[Otto|Ida] [brings|takes] it.",
    "Note: no {less} on the {first}.", "[Thank you|Come again]!",
                                   "[Cut it in four|Please ring twice|Hot, please].",
    )), draw, **words, first=order[0][0], less=less))  # fmt: skip
    return "\n".join([head, *(expand(w, draw, **words) for w in where), *lines, *end]), keys


def _letter(draw: random.Random) -> Page:
    trouble = draw.choice(facts.TROUBLES)
    words = _words(draw) | {"trouble": draw.choice(trouble.complaint), "remedy": trouble.remedy}
    complaint = (
        "[Dear Copper Oven|To {name}|Dear Rosa|Good people of {short}],\n[on {open_day}|last {open_day}|yesterday] I ordered a "
        "{pizza}[ and a {drink}|]. [I am sorry to say that {trouble}.|"
        "I must tell you that {trouble}.|But {trouble}.] [I have come to you for {number} years.|It was for my {number} "
        "guests.|I paid {price} marks for it.|"
        "My friend {b} will tell you the same.|] [What will you do about it?|I hope to hear from you.|This must not happen "
        "again.]\n[Yours|Yours truly|With regards], {a} {family}"
    )
    reply = (
        "[Dear {a} {family}|Dear {a}|To {a} {family}],\n[[I am very sorry|We are sorry] [about the {pizza}|"
        "to hear it|to read of it]|Please forgive us]. [The rule of the house is clear:|"
        "Of course] {remedy}. [Bruno had a bad day.|The oven was too hot that night.|It was our fault.|Please show this "
        "letter to Lena.|] "
        "[Come again soon|We hope to see you again|Do come back on {open_day}].\n[Yours|With kind regards], Rosa, {name}"
    )
    chosen = draw.choice(((complaint,), (complaint, reply), (complaint, reply), (reply,)))
    text = "\n".join(expand(part, draw, **words) for part in chosen)
    return text, ()


def _review(draw: random.Random) -> Page:
    words = _words(draw)
    beats = [
        "[I went|We went|{a} and I went] to {name} on {open_day}.",
        "[I had|I ordered|Mine was] the {pizza}, with {tops}[, for {price} marks|. It cost {price} marks, which is fair|].",
        "[The {top} tasted very good|All was fresh, the {top} too|I could have eaten more of the {top}].",
        "{b} had the {pizza2} for {price2} marks[ and left nothing of it|].",
        "[Lena was friendly|Ida was quick|We had to wait, but Ida made us laugh].",
        "[Otto brings it to {near} for 2 marks.|You find them in {street}, {town}.|They are closed on Tuesdays, mind.]",
        "[I shall come again.|Go there.|Best pizza in {town}.|The {drink} was cold, as it should be.|Three stars of four.]",
    ]
    kept = [beats[0], *sorted(draw.sample(beats[1:-1], draw.randint(2, 4)), key=beats.index), beats[-1]]
    title = draw.choice((["A visit to {short}"], ["{name}, {town}"], ["Where to eat in {town}"], [], []))
    body = " ".join(expand(b, draw, **words) for b in kept)
    return "\n".join([*(expand(t, draw, **words) for t in title), body]), ()


def _day_book(draw: random.Random) -> Page:
    words = _words(draw)
    sold = draw.sample(facts.PIZZAS, 4)
    day = draw.choice(OPEN_DAYS)
    beats = [
        f"We sold {draw.randint(5, 30)} {sold[0].name}, {draw.randint(5, 30)} {sold[1].name} and only {draw.randint(2, 4)} "
        f"{sold[2].name}.",
        "[Bruno burned his hand|The oven smoked|The flour was late|Otto fell off his bicycle], but [all went well|nobody "
        "noticed|the pizzas were good].",
        "[A guest|{a} {family}] said: \"{trouble}.\" We said sorry, and {done}.", "[{a}|A boy] wanted {wish}. We said: "
        "\"{statement}, but {offer}.\"",
        "{b} ate [two|three] {pizza} [alone|and a {pizza2}].", "To buy: {top}, flour, [oil|wood for the oven|salt].",
        "[Otto rode to {near} twice.|Otto was in {near} when it rained.]",
        f"Nobody asked for a {sold[3].name}.", "We closed at {close}.",
    ]  # fmt: skip
    rule, trouble = draw.choice([r for r in facts.RULES if not r.wish.startswith("to ")]), draw.choice(facts.TROUBLES)
    found = facts.HOURS[day]
    words |= {
        "trouble": sentence(draw.choice(trouble.complaint))[:-1],
        "done": trouble.done.format_map(words),
        "wish": rule.wish_told("his"),
        "statement": sentence(rule.statement)[:-1],
        "offer": rule.offer,
    }
    words |= {"close": str(found[1] if found else 9)}
    kept = draw.sample(beats[:-1], draw.randint(3, 5)) + ([beats[-1]] if draw.random() < 0.5 else [])
    head = draw.choice((f"{day}", f"Day book, {day}", f"{facts.NAME}, {day}", f"{day}, kept by Lena"))
    return f"{head}\n" + draw.choice((" ", "\n")).join(expand(b, draw, **words) for b in kept), ()


def _counter(draw: random.Random) -> Page:
    order = draw.choice(_SAFE)
    words = _words(draw) | {"order": facts.spoken(order), "total": str(facts.total(order))}
    host = draw.choice(("Lena", "Ida", "Rosa"))
    pizza = next(p for p in facts.PIZZAS if p.name == order[0][0])
    words |= {"pizza": pizza.name, "price": str(pizza.price), "tops": joined(pizza.toppings)}
    talk: list[tuple[str, str]] = [
        (host, "[{name}, good day|Good evening|Welcome to {short}]! [What may it be|What can I bring you]?"),
        (
            "{a}",
            draw.choice(
                (
                    "[What is on the {pizza}?|Tell me about the {pizza}[, please|].]",
                    "[I have never had|Is it good,] the {pizza}?",
                    "I am very hungry, {host}.",
                )
            ),
        ),
        (
            host,
            draw.choice(
                ("The {pizza} has {tops}. It [costs|is] {price} marks.", "[Take|Try] the {pizza}: {tops}, for {price} marks.")
            ),
        ),
        (
            "{a}",
            draw.choice(
                ("[Then|Good,] {order}, please.", "I [take|would like] {order}.", "{order}, [to take home|for here], please.")
            ),
        ),
        (host, draw.choice(("{order}. [That makes|Together] {total} marks.", "That is {order}, {total} marks[ in all|]."))),
        (
            "{a}",
            draw.choice(
                ("[Here you are|Here is the money].", "[Can I pay on Sunday?|I have it somewhere.]", "[Thank you|Good], {host}.")
            ),
        ),
    ]
    words["host"] = host
    keep = talk if draw.random() < 0.6 else [talk[0], talk[3], talk[4], talk[5]]
    return "\n".join(f"{words['a'] if who == '{a}' else who}: {expand(said, draw, **words)}" for who, said in keep), _keys(order)


_SAFE = tuple(o for o in facts.orders("train") if _safe(_keys(o)))
"""Orders of the train side whose prices give away no held-out sum or product."""
