"""Where state lives, and what is cached there."""

import json
from pathlib import Path

import pytest

from burnish.store import cache, machine
from burnish.store.home import cache_directory, home, runs_directory


def test_home_is_burnish_home_then_xdg_then_local_share(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("BURNISH_HOME", "~/here")
    assert home() == tmp_path / "here"
    monkeypatch.setenv("BURNISH_HOME", "")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "xdg"))
    assert home() == tmp_path / "xdg" / "burnish"
    monkeypatch.setenv("XDG_DATA_HOME", "relative/is/not/read")
    assert home() == tmp_path / ".local" / "share" / "burnish"
    monkeypatch.delenv("XDG_DATA_HOME")
    assert runs_directory() == tmp_path / ".local" / "share" / "burnish" / "runs"
    assert list(tmp_path.iterdir()) == [], "asking makes nothing"


def test_measurements_are_kept_by_key():
    assert machine.load_measured("cpu a") is None
    machine.save_measured("cpu a", {"matmul": "onednn", "gflops": 123.5})
    machine.save_measured("cpu b", {"matmul": "aten"})
    assert machine.load_measured("cpu a") == {"matmul": "onednn", "gflops": 123.5}
    machine.save_measured("cpu a", {"matmul": "aten"})
    assert machine.load_measured("cpu a") == {"matmul": "aten"}
    assert sorted(json.loads((cache_directory() / "machine.json").read_text())) == ["cpu a", "cpu b"]


@pytest.mark.parametrize("junk", ["", "{", "[]", "\0\0", '{"cpu a": 3}'])
def test_a_damaged_cache_is_an_empty_one(junk: str):
    cache_directory().mkdir(parents=True)
    (cache_directory() / "machine.json").write_text(junk)
    assert machine.load_measured("cpu a") is None
    machine.save_measured("cpu a", {"x": 1})
    assert machine.load_measured("cpu a") == {"x": 1}


def test_a_home_that_cannot_be_written_does_not_stop_the_work(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("BURNISH_HOME", "/proc/1/burnish")
    cache.remember("machine", {"cpu": {"x": 1}})
    assert cache.recall("machine") == {}
