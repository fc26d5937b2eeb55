"""Logs: what they count is right, times run forward, and files that are gone are gone."""

from __future__ import annotations

import itertools
import random
import re

from burnish.world import logs, splits, world

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
        gone: set[str] = set()
        lines = log.text.split("\n")
        for line, following in zip(lines, [*lines[1:], ""], strict=True):
            if removed := re.search(r"[$>%] rm (\S+)", line):
                gone.add(removed.group(1))
            elif made := re.search(r"[$>%] new (\S+)", line):
                gone.discard(made.group(1))
            elif re.search(r"[$>%] ls$", line):
                seen += 1
                assert not gone & set(following.split())
    assert seen > 100


def test_form_and_variety():
    for log in LOGS:
        assert log.text.isascii()
        assert 15 <= len(log.text.split()) <= 180
        assert "  " not in log.text
        assert not re.search(r"[{}]", log.text), log.text
    assert len({d.text for d in LOGS}) == len(LOGS)
    assert [d.text for d in itertools.islice(logs.documents(WORLD, random.Random(3)), 5)] == [d.text for d in LOGS[:5]]
