"""Checkpoints of a run: one directory per saved step, whole or absent, each checked against its manifest before it is
used.

The caller writes weights and optimiser into the directory; what else it must remember (data position, counters) is
`state`, kept as JSON beside them. The newest and the best are kept. A damaged one is skipped, by name, and the one
before it used.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from burnish.errors import CheckpointDamaged
from burnish.store import atomic
from burnish.store.atomic import atomic_directory, read_json, verify, write_json
from burnish.store.runfolder import RunFolder

_STATE = "state.json"
_NAME = re.compile(r"step-(\d{8,})")


class Found(NamedTuple):
    """A sound checkpoint. `notes` names each damaged one that was passed over."""

    path: Path
    state: dict[str, Any]
    notes: list[str]

    @property
    def step(self) -> int:
        """Finished steps."""
        return _step(self.path)


def path(folder: RunFolder, step: int) -> Path:
    """Where the checkpoint after `step` finished steps lies, if it was saved."""
    return folder.path / "checkpoints" / f"step-{step:08d}"


def steps(folder: RunFolder) -> list[int]:
    """The saved steps in order, sound or not."""
    parent = folder.path / "checkpoints"
    return sorted(_step(p) for p in parent.iterdir() if _NAME.fullmatch(p.name)) if parent.is_dir() else []


def save(
    folder: RunFolder,
    step: int,
    write: Callable[[Path], None],
    state: Mapping[str, Any],
    *,
    keep: int = 2,
    best: int | None = None,
    clean: int | None = None,
) -> Path:
    """Write the checkpoint after `step` finished steps, then remove those no longer needed.

    write: fills the directory that it is given. state: JSON values. Kept are this one, the `keep - 1` before it, that of step
    `best`, and the newest up to step `clean`; those of later steps belong to a future that a resumed run left, and go. Whatever
    fails, every earlier checkpoint is as before. Raises DiskFull.
    """
    assert keep >= 1
    folder.sync()
    final = path(folder, step)
    with atomic_directory(final) as partial:
        write(partial)
        write_json(partial / _STATE, dict(state))
    saved = steps(folder)
    wanted = {best, *[s for s in saved if s <= step][-keep:]}
    if clean is not None:
        wanted |= set([s for s in saved if s <= clean][-1:])
    for old in saved:
        if old not in wanted:
            atomic.remove_tree(path(folder, old))
    return final


def go_back(folder: RunFolder, step: int) -> Found | None:
    """The newest sound checkpoint up to `step`, once all later ones are removed; None, and none left, where there is none."""
    found = next((s for s in reversed(steps(folder)) if s <= step and not verify(path(folder, s))), None)
    for other in steps(folder):
        if found is None or other > found:
            atomic.remove_tree(path(folder, other))
    return None if found is None else at(folder, found)


def latest(folder: RunFolder) -> Found | None:
    """The newest sound checkpoint; None when none was ever saved. Raises CheckpointDamaged when none of those saved is sound."""
    notes: list[str] = []
    for step in reversed(steps(folder)):
        where = path(folder, step)
        faults = verify(where)
        if not faults:
            return Found(where, read_json(where / _STATE), notes)
        notes.append(f"the checkpoint of step {step} is damaged ({faults[0]}) and was passed over")
    if notes:
        raise CheckpointDamaged(
            f"no checkpoint of the run {folder.name} is sound",
            seen="; ".join(notes),
            todo="start a new run; config.toml in the run's folder has its settings",
        )
    return None


def at(folder: RunFolder, step: int) -> Found:
    """The checkpoint of one step, such as the best. Raises CheckpointDamaged when it is missing or not sound."""
    where = path(folder, step)
    faults = verify(where)
    if faults:
        raise CheckpointDamaged(f"the checkpoint of step {step} of the run {folder.name} cannot be used", seen=faults[0])
    return Found(where, read_json(where / _STATE), [])


def _step(directory: Path) -> int:
    return int(directory.name.removeprefix("step-"))
