"""Whether a run goes on with what it began with: the data and the model of its start, or, once its reward was gamed, the mended
task, from the last clean step on."""

from __future__ import annotations

from collections.abc import Mapping

from burnish.errors import RunError
from burnish.recipes.training import Training
from burnish.runs.progress import Progress
from burnish.store import checkpoints
from burnish.store.atomic import read_json, write_json
from burnish.store.runfolder import RunFolder

FINGERPRINTS = "fingerprints.json"
"""What data and model were."""
MENDED = "mended.json"
"""From which step on a run that was gamed took the task as it is now, and what it was."""


def insist(folder: RunFolder, config: Training, fingerprints: Mapping[str, str]) -> None:
    """Keep the fingerprints of a new run; refuse to go on with an old one whose data or model changed."""
    path = folder.path / FINGERPRINTS
    if not path.is_file():
        write_json(path, dict(fingerprints))
        return
    before = read_json(path)
    changed = sorted(k for k in before if before[k] != fingerprints.get(k))
    if changed:
        raise RunError(
            f"the run cannot go on: its {' and '.join(changed)} changed since it was started",
            seen=f"data {config.data}, model {config.model}",
            todo="put them back as they were, or start a new run",
        )


def mend(folder: RunFolder, fingerprints: Mapping[str, str], progress: Progress) -> None:
    """Take the task as it is now, and remember the last clean step."""
    before = read_json(folder.path / FINGERPRINTS)
    if before["model"] != fingerprints["model"]:
        raise RunError("the run cannot go on: its model changed since it was started", todo="put it back as it was")
    if before == fingerprints:
        progress.warning("nothing about the task has changed since the reward was gamed")
    found = checkpoints.latest(folder)
    write_json(folder.path / MENDED, {"after_step": 0 if found is None else found.step, "before": before})
    write_json(folder.path / FINGERPRINTS, dict(fingerprints))


def mended_after(folder: RunFolder) -> int | None:
    """The step after which the task was last mended; None where it never was."""
    path = folder.path / MENDED
    return read_json(path)["after_step"] if path.is_file() else None
