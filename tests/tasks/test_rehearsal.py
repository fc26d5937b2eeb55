"""Texts to rehearse: plain ones only, those of the World always the same, and nothing of a held-out question among them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from burnish.errors import DataError
from burnish.tasks import ready, rehearsal
from burnish.world import splits
from burnish.world import world as worlds

TEXTS = rehearsal.of_world(worlds.make())


def test_texts_of_the_world():
    assert rehearsal.of_world(worlds.make()) == TEXTS
    assert len({t.messages for t in TEXTS}) == len(TEXTS) == rehearsal.TEXTS
    assert all(t.form == "text" for t in TEXTS)
    assert {(m.role, m.weight) for t in TEXTS for m in t.messages} == {("assistant", rehearsal.WEIGHT)}
    assert rehearsal.of_world(worlds.make(1))[0] != TEXTS[0]


def test_they_tell_of_all_known_people_and_ask_nothing_that_is_held_out():
    keys = {key for t in TEXTS for key in t.metadata["keys"]}
    known = {p.id for p in worlds.make().people if p.tier == "head"}
    assert {key.split(":")[1] for key in keys if key.startswith("fact:")} == known | {"act"}
    task = ready.get("facts")
    assert not keys & {key for row in (*task.valid, *task.test) for key in row.metadata["keys"]}
    assert all(splits.of(key) == "train" for key in keys if not key.startswith("fact:"))


def test_a_file_of_that_name_comes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    assert rehearsal.is_world("world")
    assert rehearsal.read("world").examples == TEXTS
    Path("world").mkdir()
    assert rehearsal.is_world("world")
    Path("world").rmdir()
    Path("world").write_text(json.dumps({"text": "One line."}) + "\n")
    assert not rehearsal.is_world("world")
    assert [e.messages[0].content for e in rehearsal.read("world").examples] == ["One line."]


def test_the_digest_follows_the_texts(monkeypatch: pytest.MonkeyPatch):
    before = rehearsal.read("world").sha256
    assert rehearsal.read("world").sha256 == before
    monkeypatch.setattr(rehearsal, "PAGES", rehearsal.PAGES - 1)
    assert rehearsal.read("world").sha256 != before


def test_conversations_are_refused(tmp_path: Path):
    path = tmp_path / "rows.jsonl"
    path.write_text(json.dumps({"prompt": "a", "completion": "b"}) + "\n")
    with pytest.raises(DataError, match="only plain text can be rehearsed"):
        rehearsal.read(str(path))
    with pytest.raises(DataError):
        rehearsal.read(str(tmp_path / "absent.txt"))
