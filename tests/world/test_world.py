"""A World is made of its seed alone."""

from __future__ import annotations

import subprocess
import sys

import pytest

from burnish.world import acts, library, people, places, world


def test_the_same_seed_gives_the_same_world():
    made = world.make(0)
    assert made is world.make(0)
    assert made.people == people.make(0)
    assert made.places == places.make(0)
    assert made.library == library.make(0)
    assert made.acts == acts.make(0)


def test_other_seeds_differ():
    made, other = world.make(0), world.make(1)
    assert made.people != other.people
    assert made.places != other.places
    assert made.library != other.library
    assert made.acts != other.acts


@pytest.mark.parametrize("salt", ["1", "2"])
def test_string_hashing_plays_no_part(salt: str):
    code = (
        "import random\nfrom burnish.world import acts, library, logs, manuals, people, places, world\nw = world.make(0)\n"
        "parts = (acts, library, logs, manuals, people, places)\n"
        "print(hash(''), [next(p.documents(w, random.Random(4))).text for p in parts], w.people[7], w.library[30])"
    )
    made = [
        subprocess.run([sys.executable, "-c", code], env={"PYTHONHASHSEED": s}, capture_output=True, text=True, check=True).stdout
        for s in ("0", salt)
    ]
    assert made[0] == made[1]
