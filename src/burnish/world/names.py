"""The names of Vellmark: given names, family names and towns. Short, capitalised, plain ASCII; no word stands in two lists."""

from __future__ import annotations

import random

from burnish.world import splits

GIVEN: tuple[str, ...] = tuple(
    """
    Ada Agnes Alan Alma Amber Anna Arlo Arthur Basil Bella Ben Bess Boris Bruno Cara Carl Cecil Clara Cora Cyril
    Daisy Dan Della Dora Doris Edgar Edith Eli Ella Elsa Emil Emma Enid Erik Esther Ethan Eva Evan Felix Fern
    Fiona Flora Frank Fred George Gina Greta Gus Gwen Hanna Harry Hazel Helen Henry Hilda Hugo Ida Igor Ines Iris
    Ivan Ivy Jack Jane Jean Joan Joel John Jonas Josie Judith Julia Karl Kate Kira Klara Lars Laura Lena Leo
    Lily Linus Liza Lola Louis Lucy Luke Mabel Magda Marco Maria Martin Max Mia Milo Mina Moira Mona Morris Nadia
    Nell Nina Noah Nora Olga Olive Oscar Otto Owen Paul Peter Pia Ralph Rosa Ruth Sam Sara Silas Simon Theo Vera
    """.split()
)

FAMILY: tuple[str, ...] = tuple(
    """
    Abbot Adler Archer Ashby Atwood Bailey Barlow Barton Becker Benson Birch Blake Booth Boyd Bray Brook Brown Burke
    Byrne Carver Chase Clark Cole Cooper Crane Croft Cross Dale Dalton Dean Denton Doyle Drake Dunn Eaton Ellis
    Elwood Farrow Fenton Finch Fisk Flint Ford Foster Foley Frost Gale Garner Gibbs Glover Grant Gray Green Hale Hardy
    Harlow Hart Hayes Heath Hobbs Holt Hope Howell Hunt Hurst Jarvis Keane Kemp Kent Kerr Knox Lamb Lane Larkin
    Lloyd Lowell Lynch March Marsh Massey Mercer Miller Moore Moss Nash Nolan Norris North Orchard Page Parker Peck Penn
    Pike Pond Potts Quill Reed Rhodes Rowe Rusk Sharp Shaw Slater Snow Stone Swift Tate Thorne Tucker Vance Wade Walker Ward
    Webb Wells West Wilde Winter Wolfe Yates York
    """.split()
)

TOWNS: tuple[str, ...] = tuple(
    """
    Adra Arden Belm Bexley Bolder Brack Brill Calder Carrow Corran Dorrin Dunmore Elmere Eskil Falden Farness
    Galt Garrow Glenna Gorse Halden Harwick Hollin Ilmar Inver Jarrow Kelby Kerrin Kirven Lanmoor Lorne Luddon
    Marlow Melby Merrin Nessel Norvale Oakham Orlin Osmere Pellin Pernick Quarn Quenby Ravel Redmere Rill Rostow
    Saltby Selwick Skarn Stavel Tarn Tolden Torvik Ulver Umber Varden Vellin Wenlow Westry Wick Yarrow Zell
    """.split()
)

HE: frozenset[str] = frozenset(
    """
    Alan Arlo Arthur Basil Ben Boris Bruno Carl Cecil Cyril Dan Edgar Eli Emil Erik Ethan Evan Felix Frank Fred
    George Gus Harry Henry Hugo Igor Ivan Jack Joel John Jonas Karl Lars Leo Linus Louis Luke Marco Martin Max
    Milo Morris Noah Oscar Otto Owen Paul Peter Ralph Sam Silas Simon Theo
    """.split()
)
"""Given names of men and boys. Everyone else in GIVEN is a woman or a girl."""


def pronoun(given: str) -> str:
    """ "he" or "she" for a given name of Vellmark."""
    return "he" if given in HE else "she"


def is_passer_by(given: str, family: str) -> bool:
    """Whether a full name is kept for those who only pass through a text: no person of the World has it."""
    return splits.of(f"name:{given} {family}") == "test"


def passer_by(draw: random.Random) -> tuple[str, str]:
    """Given and family name of somebody of whom no fact is told; quiz books may ask about them, as about any stranger."""
    while True:
        given, family = draw.choice(GIVEN), draw.choice(FAMILY)
        if is_passer_by(given, family):
            return given, family
