"""What patterns are made of: the common words of the world, names, letters, numbers and invented words, and how to draw them.

Copying is learned as such only where the copied thing cannot be guessed: so every kind of token is drawn evenly, from an alphabet
of a few symbols (where chance repeats teach it quickly) up to all words of the world.
"""

from __future__ import annotations

import random
import re
import string

from burnish.world import names

NOUNS: tuple[str, ...] = tuple(
    """
    ball basket bell belt blanket book boot bottle bowl box bread brush bucket button cake candle cap card cart cheese clock coat
    coin comb cup doll door drum feather fiddle fish flute glass glove hammer hat honey hook horn jug kettle key kite knife ladder
    lamp lantern lemon letter map mirror mug needle net nut oar onion pan pear pen pie pillow pipe plate pot purse ring rope sack
    saw scarf shell shoe soap spade spoon stone stool string sword table ticket tool toy trumpet whistle wheel
    """.split()
)
LOOKS: tuple[str, ...] = tuple(
    """
    big black blue broken brown clean cold copper cracked dark golden green grey heavy large light little long new old painted
    pink plain pretty purple red round rusty shiny short silver small soft striped thin warm wet white wooden wool yellow
    """.split()
)
PLACES: tuple[str, ...] = tuple(
    """
    attic bakery barn beach bridge castle cave cellar church corner court ferry field forest garden hall harbour hill inn island
    kitchen lake library lighthouse market meadow mill museum orchard park pond port quarry river road roof school shed shop
    station street tower wall well wood workshop yard
    """.split()
)
COMMON: tuple[str, ...] = tuple(
    """
    about after again all alone always and angry animal answer any apple ask at away baby back bad bag bake band bank bean bear
    because bed bee before begin behind below best better bird birth board boat boil bone born both bring buy by call can care
    carry cat catch chain change child choose circle clay clear climb close cloth cloud colour come cook cool corn cost count cow
    crow cut dance day deep deliver dig dinner dish do dog down draw dream dress drink dry duck dust early earn earth easy eat egg
    else empty end enough even ever every eye face fair far farm fast fat fee feed find fine fire first five flat floor flour fly
    follow food foot for four fox free fresh friend from front full game gate get give glad go goat good goose grain grass ground
    guard guest hand happy hard hare hat have head hear heart help hen hide high hold hole home hope horse hot hour house how hunt
    hurt ice if ill in ink iron jam job judge jump just keep kind king know lady land last late laugh lazy lead leaf learn leave
    left leg lend less let lie life like line list live lock look lose lost loud love low lucky make man many march mark matter
    may meal mean meat meet middle milk minute miss mix money month moon more morning most mouse mouth move much music must
    nail name near neck never next nice night nine no noise none noon north nose not now number oak of off often oil on once
    one only open or order other our out oven over owl own page paint pair paper part party pass past path pay pepper pet pick
    picture piece pig place plan plant play please plum point poor post pour press price proud pull pump push put queen
    question quick quiet rain reach read ready real rest rice rich ride right rise roll room root rose row rule run sad safe
    sail salt same sand save say sea seat second secret see seed sell send set seven shade shape share sharp sheep ship short
    show side sign silk sing sit six size skin sky sleep slice slow smell smoke snow so sock some song soon sorry sound soup
    south space speak spring stand star start stay steal steam step stick still stop storm story strong such sugar summer sun
    sure sweet swim tail take tale talk tall taste tea teach tell ten than that the then thick thing think third this three
    throw tie time tin today together too tooth top town train tree trip true try turn twice two ugly under until up use very
    visit voice wait wake walk want war wash watch water wave wax way we weak wear weather week weigh west when where while who
    whole why wide wild win wind window wine wing winter wise wish with wolf word work world write wrong year yes yet young
    """.split()
)
WORDS: tuple[str, ...] = tuple(dict.fromkeys((*NOUNS, *LOOKS, *PLACES, *COMMON)))
_STARTS = tuple("b d f g h k l m n p r s t v w z br dr gr kl pl st tr".split())
_VOWELS = ("a", "e", "i", "o", "u")
_ENDS = ("", "", "l", "m", "n", "r", "s", "t", "x")


def syllable(draw: random.Random) -> str:
    """ "ba", "stom": said easily, meaning nothing."""
    return draw.choice(_STARTS) + draw.choice(_VOWELS) + draw.choice(_ENDS)


def invented(draw: random.Random) -> str:
    """An invented word of two or three syllables."""
    return "".join(syllable(draw) for _ in range(draw.choice((2, 2, 3))))


def code(draw: random.Random) -> str:
    """A short code such as "B7", "k42" or "XQ-3"."""
    return draw.choice((
        f"{draw.choice(string.ascii_uppercase)}{draw.randint(1, 9)}",
        f"{draw.choice(string.ascii_lowercase)}{draw.randint(10, 99)}",
        f"{''.join(draw.sample(string.ascii_uppercase, 2))}-{draw.randint(1, 9)}",
    ))  # fmt: skip


def number(draw: random.Random) -> str:
    """A number of one to three digits, two being the commonest."""
    return str(draw.choice((draw.randint(0, 9), draw.randint(10, 99), draw.randint(10, 99), draw.randint(100, 999))))


def thing(draw: random.Random) -> str:
    """ "red kite"."""
    return f"{draw.choice(LOOKS)} {draw.choice(NOUNS)}"


KINDS = {
    "word": lambda draw: draw.choice(WORDS),
    "noun": lambda draw: draw.choice(NOUNS),
    "name": lambda draw: draw.choice(names.GIVEN),
    "family": lambda draw: draw.choice(names.FAMILY),
    "town": lambda draw: draw.choice(names.TOWNS),
    "letter": lambda draw: draw.choice(string.ascii_lowercase),
    "capital": lambda draw: draw.choice(string.ascii_uppercase),
    "number": number,
    "digit": lambda draw: str(draw.randint(0, 9)),
    "syllable": syllable,
    "invented": invented,
    "code": code,
    "thing": thing,
    "person": lambda draw: " ".join(names.passer_by(draw)),
    "place": lambda draw: draw.choice(PLACES),
    "phrase": lambda draw: " ".join(draw.sample(WORDS, 3)),
}
"""How to draw one token (or short phrase) of a kind."""


def distinct(kind: str, count: int, draw: random.Random) -> list[str]:
    """So many different tokens of a kind; fewer where it has no more."""
    found: dict[str, None] = {}
    for _ in range(count * 20):
        if len(found) == count:
            break
        found[KINDS[kind](draw)] = None
    return list(found)


def about_tokens(text: str) -> int:
    """Roughly how many tokens a text will have: a short word is one, a longer one or a name more, a digit or a stop is one."""
    pieces = re.findall(r"[A-Za-z]+|[0-9]|[^\sA-Za-z0-9]|\n", text)
    return sum(max(1, round(len(p) / (3 if p[0].isupper() else 4))) if p[0].isalpha() else 1 for p in pieces)
