"""Workspaces: environments in which a model works on files with a shell, and tests say what became of them.

The files are kept here, outside. Each command gets a copy of them in a sandbox of its own, with the system's programs, and what
it changed comes back; so nothing goes on running between commands, a way is copied by copying its files, and two ways with the
same files are in the same state. A command starts in the workspace's directory, whatever the last one did.

When the model is done (a message without calls), the tests are put beside the files, in a sandbox which the model's
commands never saw, and run there. They say 1 or less. Code of the answer that tests import runs in their process and can
forge what they say; code that they start as a program cannot.
"""

from __future__ import annotations

import base64
import functools
import hashlib
import json
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from burnish.errors import CallFailed, ConfigError, SessionEnded
from burnish.tasks.environment import Environment, Limits, Schema, Turn, question_of
from burnish.tools import sandbox, signature
from burnish.tools.function import LIMIT_RESULT, Calls, Result, result, schema
from burnish.types import Example, Message

KEY = "workspace"
"""Of a row's metadata: the name of its workspace."""
OUTPUT_BYTES = 16 << 10
LIMIT_BYTES = 2 << 20
"""Of all files of a workspace together, as text; what a command may change at a time is of the same order."""
PROCESSES, MEMORY_BYTES = 48, 512 << 20
REWARDS = ("/logs/verifier/reward.json", "/logs/verifier/reward.txt")
_INSIDE = Path(__file__).with_name("workspace_inside.py")
_RUNNER = Path(__file__).with_name("workspace_tests.py")

Files = Mapping[str, Sequence[Any]]
"""By full name: [kind, mode, text], with kind "file" (base64), "link" or "folder"."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Workspace:
    """Where one task is worked on. places: names at the root that there are. tests: files put there to judge; script: which of
    them is a shell script that writes a reward, else each test_*.py is run as pytest would run its functions."""

    cwd: str
    places: tuple[str, ...]
    files: Files = field(repr=False)
    tests: Files = field(repr=False)
    environment: Mapping[str, str] = field(default_factory=dict)
    script: str | None = None
    packages: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Ended:
    """What a command left."""

    code: int
    output: str
    files: Files


def read(text: str) -> dict[str, Workspace]:
    """The workspaces of a task, by name. Raises ConfigError."""
    try:
        return {
            name: Workspace(**{**each, "places": tuple(each["places"]), "packages": tuple(each.get("packages", ()))})
            for name, each in json.loads(text).items()
        }
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise ConfigError(
            "the workspaces of the task cannot be read", seen=str(error)[:200], todo="import the task again"
        ) from None


def run(space: Workspace, files: Files, command: Sequence[str], *, timeout_s: float) -> Ended:
    """Run a command over files. Raises CallFailed, such as SessionEnded, for one that did not end, or left more than is taken."""
    limits = sandbox.Limits(
        timeout_s=timeout_s, memory_bytes=MEMORY_BYTES, processes=PROCESSES, programs=True, places=space.places
    )
    with sandbox.session(_INSIDE.read_text("utf-8"), limits=limits, packages=space.packages) as session:
        told = dict(space.environment) | ({"PYTHONPATH": "/packages"} if space.packages else {})
        found = session.call("run", dict(files), list(command), space.cwd, told, OUTPUT_BYTES)
    gone, changed = set(found["gone"]), found["changed"]
    left = {name: entry for name, entry in files.items() if name not in gone} | changed
    if sum(len(entry[2]) for entry in left.values()) > LIMIT_BYTES:
        raise CallFailed("The command left too many files", seen=f"more than {LIMIT_BYTES} bytes", todo="remove some")
    return Ended(int(found["code"]), str(found["output"]), left)


def verdict(space: Workspace, files: Files, *, timeout_s: float) -> tuple[float, str]:
    """What the tests say of these files, from 0 to 1, and why."""
    clean = {name: entry for name, entry in files.items() if not name.startswith(("/tests/", "/logs/verifier/"))}
    both = {**clean, **space.tests, "/logs/verifier": ["folder", 0o755, ""]}
    try:
        if space.script is not None:
            ended = run(space, both, ["shell", space.script], timeout_s=timeout_s)
            return _reward(ended)
        names = sorted(n for n in space.tests if Path(n).name.startswith("test_") and n.endswith(".py"))
        mark = secrets.token_hex(8)
        ended = run(space, both, ["python3", "-c", _RUNNER.read_text("utf-8"), mark, *names], timeout_s=timeout_s)
    except CallFailed as failed:
        return 0.0, f"the tests did not end: {failed}"
    said = (ended.output.strip().splitlines() or [""])[-1]
    if not said.startswith(mark):  # such as after os._exit(0) in what they import
        return 0.0, f"the tests did not come to their end: {said[:300]}"
    passed, _, why = said.removeprefix(mark).partition(" ")
    return float(passed == "1" and ended.code == 0), why[:300]


def _reward(ended: Ended) -> tuple[float, str]:
    """What a script wrote, in Harbor's two ways."""

    for name in REWARDS:
        if name in ended.files and ended.files[name][0] == "file":
            text = base64.b64decode(ended.files[name][2]).decode("utf-8", "replace").strip()
            try:
                found = json.loads(text)
                value = float(found["reward"] if isinstance(found, dict) else found)
            except (ValueError, TypeError, KeyError):
                return 0.0, f"the tests wrote {text[:80]!r}, which is no reward"
            last = (ended.output.strip().splitlines() or [""])[-1]
            return (min(1.0, max(0.0, value)) if value == value else 0.0), last[:300]
    return 0.0, f"the tests wrote no reward: {ended.output.strip()[-300:]}"


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class WorkspaceSetting:
    """A Setting of the workspaces of a task: each row names its own."""

    text: str
    limits: Limits = field(default_factory=Limits)
    timeout_s: float = 20.0

    def __repr__(self) -> str:
        digest = hashlib.sha256(self.text.encode()).hexdigest()
        return f"WorkspaceSetting(sha256 {digest}, {self.limits!r}, {self.timeout_s})"

    def open(self) -> Environment:
        return WorkspaceEnvironment(self)


@functools.lru_cache(maxsize=4)
def _spaces(text: str) -> dict[str, Workspace]:
    return read(text)


@functools.lru_cache(maxsize=256)
def _judged(text: str, name: str, files: str, timeout_s: float) -> tuple[float, str]:
    return verdict(_spaces(text)[name], json.loads(files), timeout_s=timeout_s)


def shell(command: str) -> str:
    """Runs a command in the task's directory and returns what it prints. Files stay from one command to the next, nothing else.

    Args:
        command: A command line for the shell, or several lines.
    """
    raise AssertionError("described here, run by `_Shell`")


ABOUT = signature.described(shell)


class WorkspaceEnvironment(Environment):
    """One way: its files, and a shell."""

    forks = True

    def __init__(self, setting: WorkspaceSetting) -> None:
        self._setting = setting
        self.name, self.files = "", dict[str, Sequence[Any]]()
        self._calls = Calls((_Shell(self),), setting.limits.calls)

    @property
    def tools(self) -> Sequence[Schema]:
        return (schema(_Shell(self)),)

    @property
    def space(self) -> Workspace:
        """Where it works."""
        return _spaces(self._setting.text)[self.name]

    @property
    def timeout_s(self) -> float:
        """Of one command."""
        return self._setting.timeout_s

    def start(self, example: Example) -> Sequence[Message]:
        name = example.metadata.get(KEY)
        if name not in _spaces(self._setting.text):
            raise ConfigError("a row names no workspace of its task", seen=repr(name), todo=f"give it {KEY}, as the import does")
        self.name = str(name)
        self.files = dict(self.space.files)
        return question_of(example)

    def step(self, message: Message) -> Turn:
        if message.tool_calls:
            return Turn(messages=self._calls.answer(message.tool_calls))
        files = json.dumps(self.files, sort_keys=True)
        value, why = _judged(self._setting.text, self.name, files, 3 * self.timeout_s)
        return Turn(reward=value, done=True, reason=why)

    def fork(self) -> WorkspaceEnvironment:
        other = WorkspaceEnvironment(self._setting)
        other.name, other.files = self.name, dict(self.files)
        mine = self._calls
        other._calls = Calls((_Shell(other),), mine.limit, mine.made, mine.failed, list(mine.names))
        return other

    def state_key(self) -> str | None:
        return hashlib.sha256(json.dumps([self.name, self.files], sort_keys=True).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class _Shell:
    """The shell as a tool."""

    way: WorkspaceEnvironment
    name: str = "shell"
    about: Mapping[str, Any] = field(default_factory=lambda: ABOUT)

    def call(self, arguments: str) -> Result:
        """What the command printed, and its exit code where that is not 0."""
        try:
            command = signature.arguments(shell, arguments)["command"]
        except signature.Wrong as error:
            return result(False, f"{self.name}: {error}", LIMIT_RESULT)
        try:
            ended = run(self.way.space, self.way.files, ["shell", "-c", command], timeout_s=self.way.timeout_s)
        except SessionEnded as gone:
            return result(False, f"the command did not end: {gone}", LIMIT_RESULT)
        except CallFailed as failed:
            return result(False, str(failed), LIMIT_RESULT)
        self.way.files = dict(ended.files)
        text = ended.output or "(it printed nothing)"
        return result(True, text if ended.code == 0 else f"{text}\n(exit code {ended.code})", LIMIT_RESULT)
