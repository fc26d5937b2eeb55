"""A hostile directory is measured and removed."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from burnish.tools import sandbox_directory
from burnish.tools.sandbox_directory import ENTRIES, fuller_than, remove


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    made = tmp_path / "made"
    made.mkdir()
    return made


def deepen(directory: Path, levels: int) -> None:
    """A chain that no path can name. By descriptors, so that this process's own directory stays where it is."""
    at = os.open(directory, os.O_RDONLY)
    for _ in range(levels):
        os.mkdir("x" * 200, dir_fd=at)
        below = os.open("x" * 200, os.O_RDONLY, dir_fd=at)
        os.close(at)
        at = below
    os.close(os.open("file", os.O_CREAT | os.O_WRONLY, dir_fd=at))
    os.close(at)


def test_everything_is_removed(directory: Path):
    outside = directory.parent / "outside"
    outside.mkdir()
    (outside / "kept").write_text("kept")
    (directory / "a" / "b").mkdir(parents=True)
    (directory / "a" / "b" / "file").write_text("x")
    (directory / "a" / "link").symlink_to(outside)
    (directory / "link").symlink_to(outside)
    (directory / "broken").symlink_to("nowhere")
    (directory / "a" / "closed").mkdir(0)
    (directory / "a" / "b").chmod(0)
    deepen(directory, 50)
    remove(str(directory))
    assert [p.name for p in directory.parent.iterdir()] == ["outside"]
    assert (outside / "kept").read_text() == "kept"


def test_a_chain_deeper_than_recursion_goes(directory: Path):
    deepen(directory, 1100)
    remove(str(directory))
    assert not directory.exists()


def test_fullness_counts_bytes_on_disk(directory: Path):
    (directory / "sub").mkdir()
    (directory / "sub" / "file").write_bytes(b"x" * (3 << 20))
    with open(directory / "sparse", "wb") as file:
        file.truncate(1 << 30)
    assert not fuller_than(str(directory), 4 << 20)
    assert fuller_than(str(directory), 1 << 20)


def test_too_many_and_too_deep_is_full(directory: Path):
    for number in range(ENTRIES + 1):
        (directory / str(number)).touch()
    assert fuller_than(str(directory), 1 << 30)
    deep = directory.parent / "deep"
    deep.mkdir()
    deepen(deep, 50)
    assert fuller_than(str(deep), 1 << 30)
    remove(str(deep))


def test_links_are_not_followed(directory: Path):
    big = directory.parent / "big"
    big.write_bytes(b"x" * (3 << 20))
    (directory / "link").symlink_to(big)
    (directory / "loop").symlink_to(directory)
    assert not fuller_than(str(directory), 1 << 16)


def test_a_directory_that_is_moved_out_meanwhile_leads_nowhere(directory: Path, monkeypatch: pytest.MonkeyPatch):
    outside = directory.parent / "outside"
    (outside / "next").mkdir(parents=True)
    (outside / "next" / "kept").touch()
    (directory / "next").mkdir()
    (directory / "moved" / "below").mkdir(parents=True)
    clear = sandbox_directory._clear

    def moving(here: int) -> list[str]:
        found = clear(here)
        if found == ["below"]:
            os.rename(directory / "moved", outside / "moved")
        return sorted(found, reverse=True)  # "moved" is the last, and so the first to be entered

    monkeypatch.setattr(sandbox_directory, "_clear", moving)
    with pytest.raises(OSError, match="moved"):
        remove(str(directory))
    assert (outside / "next" / "kept").exists()
