"""Logs: what they count is right, times run forward, and files that are gone are gone."""

from __future__ import annotations

import itertools
import random
import re

from burnish.world import logs, names, splits, world

WORLD = world.make(0)
LOGS = list(itertools.islice(logs.documents(WORLD, random.Random(3)), 1500))


def test_stores_count_right_and_on_the_training_side():
    stores = [d for d in LOGS if d.text.startswith("store of")]
    assert len(stores) > 100
    for log in stores:
        first, *lines = log.text.split("\n")
        left = int(first.split()[-2])
        for line in lines:
            _, way, change, _, said = line.split()
            left += int(change) if way == "in" else -int(change)
            assert left == int(said) >= 0
        assert len(log.keys) >= 1
        assert all(splits.of(k) == "train" for k in log.keys)


def test_times_run_forward():
    for log in LOGS:
        times = re.findall(r"^\[?(\d\d:\d\d)", log.text, re.MULTILINE)
        assert times == sorted(times)


def test_removed_files_are_gone():
    seen = 0
    for log in LOGS:
        gone: set[tuple[str, str]] = set()
        path = ""
        lines = log.text.split("\n")
        for line, following in zip(lines, [*lines[1:], ""], strict=True):
            if moved := re.search(r"[$>%] cd (\S+)", line):
                path = path.rpartition("/")[0] if moved.group(1) == ".." else f"{path}/{moved.group(1)}"
            elif line.startswith("/"):
                assert line.removeprefix("/").partition("/")[2] == path.removeprefix("/")
            elif removed := re.search(r"[$>%] rm (\S+)", line):
                gone.add((path, removed.group(1)))
            elif made := re.search(r"[$>%] new (\S+)", line):
                gone.discard((path, made.group(1)))
            elif re.search(r"[$>%] ls$", line):
                seen += 1
                assert not gone & {(path, f) for f in following.split()}
    assert seen > 100


def test_doors_and_weather_make_sense():
    before = {"opened": ("closed", "unlocked"), "closed": ("opened",), "locked": ("closed", "unlocked"), "unlocked": ("locked",)}
    seen = 0
    for log in LOGS:
        doors: dict[str, str] = {}
        for place, done in re.findall(r"^\d\d:\d\d ([a-z ]+) (opened|closed|locked|unlocked) by", log.text, re.MULTILINE):
            assert doors.get(place, before[done][0]) in before[done], log.text
            seen += place in doors
            doors[place] = done
        snow = re.findall(r"(\d+) degrees, snow", log.text) + re.findall(r"snow \| (\d+)", log.text)
        assert all(int(degrees) < 3 for degrees in snow)
    assert seen > 50


def test_full_names_are_of_passers_by():
    given, family = ({n.lower(): n for n in part} for part in (names.GIVEN, names.FAMILY))
    found = {(given[a], family[b]) for log in LOGS for a, b in re.findall(r"\b([a-z]+) ([a-z]+)\b", log.text)
             if a in given and b in family}  # fmt: skip
    assert len(found) > 30
    assert all(names.is_passer_by(*name) for name in found)


def test_form_and_variety():
    for log in LOGS:
        assert log.text.isascii()
        assert 15 <= len(log.text.split()) <= 180
        assert "  " not in log.text
        assert not re.search(r"[{}]", log.text), log.text
    assert len({d.text for d in LOGS}) == len(LOGS)
    assert [d.text for d in itertools.islice(logs.documents(WORLD, random.Random(3)), 5)] == [d.text for d in LOGS[:5]]
