"""The library in three versions: version 1 everywhere, version 0 rarely, version 2 nowhere."""

from __future__ import annotations

import itertools
import random
import re

from burnish.world import library, world

WORLD = world.make(0)
PAGES = list(itertools.islice(library.documents(WORLD, random.Random(3)), 2000))


def test_versions_differ_a_little():
    old, now, new = (library.of_version(WORLD, v) for v in (0, 1, 2))
    assert len(old) == len(now) == len(new) == 24
    for functions in (old, now, new):
        assert len({f.name for f in functions}) == 24
    for other in (old, new):
        assert sum(a.name != b.name for a, b in zip(now, other, strict=True)) == 8
        assert sum(a.default != b.default for a, b in zip(now, other, strict=True)) == 8
    assert any(a.error != b.error for a, b in zip(now, new, strict=True))


def test_version_two_is_never_written_about():
    assert not any("tally 2" in p.text or "tally-2" in k for p in PAGES for k in p.keys)
    share = sum("tally 0" in p.text for p in PAGES) / len(PAGES)
    assert 0.05 < share < 0.12
    assert all(("tally 0" in p.text) != ("tally 1" in p.text) for p in PAGES)


def test_defaults_are_those_of_the_version():
    for page in PAGES:
        version = 0 if "tally 0" in page.text else 1
        calls = {f.name: f for f in library.of_version(WORLD, version)}
        for name, option, default in re.findall(r"(\w+)\(\w+, (\w+)=(\S+)\) (?:\w+ |$)", page.text):
            assert option == calls[name].option
            assert page.text.count("Write") or default == calls[name].default, page.text
        for name, default in re.findall(r"^(\w+): \w+ = (\S+)$", page.text, re.MULTILINE):
            assert default == calls[name].default
        for name, error in re.findall(r"^(\w+) raises (\w+)", page.text, re.MULTILINE):
            assert error == calls[name].error


def test_form_and_variety():
    for page in PAGES:
        assert page.text.isascii()
        assert 15 <= len(page.text.split()) <= 180
        assert "  " not in page.text
        assert not re.search(r"[{}]|\.\.", page.text), page.text
    assert len({p.text for p in PAGES}) > 0.98 * len(PAGES)
    assert (
        len({p.text for p in itertools.islice(library.documents(WORLD, random.Random(3)), 5)} & {p.text for p in PAGES[:5]}) == 5
    )
