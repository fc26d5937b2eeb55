"""One tree of errors. Every error a user can cause says what happened, what was seen and what to do.

`exit_code` is what the command line returns: 2 the user's input or usage, 1 the work failed.
"""

from __future__ import annotations

from collections.abc import Mapping


class BurnishError(Exception):
    """Base of all errors meant for users. `code` is stable and documented in docs/reference/errors.md."""

    code = "error"
    exit_code = 1

    def __init__(self, what: str, *, seen: str = "", todo: str = "") -> None:
        super().__init__(what)
        self.what, self.seen, self.todo = what, seen, todo

    def __str__(self) -> str:
        parts = [self.what.rstrip(".") + "."]
        if self.seen:
            parts.append(f"Seen: {self.seen.rstrip('.')}.")
        if self.todo:
            parts.append(f"To do: {self.todo.rstrip('.')}.")
        return " ".join(parts)

    def to_json(self) -> dict[str, object]:
        """As a JSON document names it."""
        return {"code": self.code, "what": self.what, "seen": self.seen, "todo": self.todo}


class UserError(BurnishError):
    """The input or the usage is wrong."""

    code = "usage"
    exit_code = 2


class ConfigError(UserError):
    """A setting is unknown, of the wrong type, or contradicts another."""

    code = "config"


class DataError(UserError):
    """A data file cannot be read as training or evaluation data."""

    code = "data"


class ModelNotFound(UserError):
    """A MODEL name is neither a directory, a run nor a reachable hub id."""

    code = "model_not_found"


class ModelRefused(UserError):
    """A model directory holds something that is not understood or not safe to load."""

    code = "model_refused"


class TemplateError(UserError):
    """A chat template cannot be rendered, or would put the loss on the wrong tokens."""

    code = "template"


class RunError(UserError):
    """A run's name is taken, unknown, in use, or its folder cannot be read."""

    code = "run"


class LossError(UserError):
    """A loss is unknown, or a Datum lacks a stream that it reads."""

    code = "loss"


class CapabilityMissing(UserError):
    """This engine does not offer what the recipe or call needs."""

    code = "capability"


class SandboxMissing(UserError):
    """Code written by a model is to be run, and no isolation for it works on this machine."""

    code = "sandbox"


class CallFailed(UserError):
    """A function that runs in the sandbox raised, took too long, or returned what is no JSON."""

    code = "call_failed"

    def __init__(self, what: str, *, seen: str = "", todo: str = "", why: str = "") -> None:
        super().__init__(what, seen=seen, todo=todo)
        self.why = why or what
        """the last line of the traceback, and where it was raised"""


class CallTookTooLong(CallFailed):
    """A function that runs in the sandbox used up its time; the process that held it goes on."""

    code = "call_took_too_long"


class SessionEnded(CallFailed):
    """The sandboxed process that held a module is gone, and with it all that it kept."""

    code = "session_ended"


class TaskRefused(UserError):
    """Nothing can be learned from a task as it is: it is too easy, has no signal, or its grader can be gamed or fails."""

    code = "task_refused"


class CheckpointDamaged(BurnishError):
    """No checkpoint of a run passes its manifest."""

    code = "checkpoint_damaged"


class DiskFull(BurnishError):
    """There is no space left for a file; what was written before is kept."""

    code = "disk_full"


class ExportFailed(BurnishError):
    """An export, opened again, does not compute what the model does; nothing was kept."""

    code = "export_failed"


class NothingTrained(BurnishError):
    """The run did nothing: loss zero or NaN, weights unchanged, or no target left."""

    code = "nothing_trained"


class NoGain(BurnishError):
    """`--require-gain` was given and no measurable gain was found. `report`: that of the run, as JSON."""

    code = "no_gain"

    def __init__(self, what: str, *, seen: str = "", todo: str = "", report: Mapping[str, object] | None = None) -> None:
        super().__init__(what, seen=seen, todo=todo)
        self.report = report


class RewardGamed(BurnishError):
    """The run found a way to be rewarded for something else than good answers, and stopped. `report`: of the run, as JSON."""

    code = "reward_gamed"
    exit_code = 3

    def __init__(self, what: str, *, seen: str = "", todo: str = "", report: Mapping[str, object] | None = None) -> None:
        super().__init__(what, seen=seen, todo=todo)
        self.report = report


class Interrupted(BurnishError):
    """The user stopped the work; the last finished step is kept."""

    code = "interrupted"
    exit_code = 130
