"""Environments and tools that a user writes in `task.py`. The code runs in the sandbox, all ways of a task in one process there,
each kept under a key; what it may use is what any program there may (docs/why/sandbox.md).

    tools = [weather, book]            # typed functions; or none

    class Environment:                 # or none: then the tools are all there is
        def start(self, example): ...  # what the policy reads first: a text, a message, or a list of messages
        def step(self, message): ...   # {"messages": ..., "reward": 0.1, "done": False, "reason": ""}, a text, or None at the end
        def fork(self): ...            # optional; without it a copy is taken
        def state_key(self): ...       # optional

Calls of tools are answered by themselves; a message without calls goes to `step`. A process that one way has ended is begun anew,
and the other ways in it are taken to where they were: the same messages give the same turns.
"""

from __future__ import annotations

import ast
import atexit
import functools
import hashlib
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from itertools import count
from pathlib import Path
from typing import Any

from burnish.errors import CallFailed, CallTookTooLong, ConfigError, SessionEnded
from burnish.render.template import as_message
from burnish.tasks.environment import Environment, Limits, Schema, Turn, question_of
from burnish.tasks.graders.program import PACKAGES_BYTES, row_of
from burnish.tools import sandbox, signature
from burnish.tools.function import LIMIT_RESULT, Calls, Result, Tool, result, schema
from burnish.types import Example, Message

TIMEOUT_S = 5.0
"""Of the processor's, for one call or step."""
_INSIDE = Path(__file__).with_name("written_inside.py")
_keys = count()


@dataclass(frozen=True, slots=True)
class Written:
    """What a task.py has for its answers, as its text says."""

    tools: bool
    environment: bool


def written(source: str) -> Written:
    """Read, and not run. Raises ConfigError for what is not Python."""
    try:
        body = ast.parse(source).body
    except SyntaxError as error:
        raise ConfigError(f"task.py is not Python: {error.msg}", seen=f"line {error.lineno}", todo="mend it") from None
    if any(isinstance(n, (ast.FunctionDef, ast.AsyncFunctionDef)) and n.name in ("tools", "Environment") for n in body):
        todo = "let tools be a list of functions, and Environment a class with start and step"
        raise ConfigError(
            "task.py has a function where a list of tools or a class is meant", seen="tools or Environment", todo=todo
        )
    names = [t.id for n in body if isinstance(n, ast.Assign) for t in n.targets if isinstance(t, ast.Name)]
    names += [n.target.id for n in body if isinstance(n, ast.AnnAssign) and isinstance(n.target, ast.Name)]
    classes = [n.name for n in body if isinstance(n, ast.ClassDef)]
    return Written("tools" in names, "Environment" in classes)


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class WrittenSetting:
    """A Setting of task.py's code, with tools of the box beside its own."""

    source: str
    has: Written
    box: tuple[Tool, ...] = ()
    limits: Limits = field(default_factory=Limits)
    timeout_s: float = TIMEOUT_S
    packages: tuple[str, ...] = ()

    def __repr__(self) -> str:
        code = hashlib.sha256(self.source.encode()).hexdigest()
        more = f", {self.packages!r}" if self.packages else ""
        return f"WrittenSetting(sha256 {code}, {self.has!r}, {self.box!r}, {self.limits!r}, {self.timeout_s}{more})"

    @property
    def limit_s(self) -> float:
        """Of one step by the clock, on a machine that is busy."""
        return sandbox.longest_s(sandbox.Limits(timeout_s=self.timeout_s), session=True)

    def open(self) -> Environment:
        return WrittenEnvironment(self)


class _Process:
    """The process that one task.py runs in; several threads may call. Its generation counts its beginnings."""

    def __init__(self, source: str, timeout_s: float, packages: tuple[str, ...], box: tuple[str, ...]) -> None:
        names = f"SIGNATURE = {Path(signature.__file__).read_text('utf-8')!r}\nTASK = {source!r}\n"
        text = f"{names}exec(compile({_INSIDE.read_text('utf-8')!r}, {_INSIDE.name!r}, 'exec'))"
        self.lock, self.generation = threading.RLock(), 0
        memory = PACKAGES_BYTES if packages else sandbox.Limits().memory_bytes
        limits = sandbox.Limits(timeout_s=timeout_s, memory_bytes=memory)
        may = f"the standard library{''.join(f', {p}' for p in packages)}; no network, no files"
        try:
            self._session = sandbox.session(text, limits=limits, packages=packages)
        except CallFailed as failed:
            raise ConfigError("task.py cannot be loaded", seen=failed.why, todo=f"mend it; what it may use: {may}") from None
        if wrong := self._session.call("checked", list(box)):
            self._session.close()
            raise ConfigError("task.py cannot be used", seen=wrong, todo="mend it")
        atexit.register(self._session.close)

    def call(self, function: str, *arguments: Any) -> Any:
        """Raises CallFailed; SessionEnded where this call ended the process, which has then begun anew."""
        with self.lock:
            try:
                return self._session.call(function, *arguments)
            except SessionEnded:
                self._session.restart()
                self.generation += 1
                raise


@functools.lru_cache(maxsize=4)
def _process(source: str, timeout_s: float, packages: tuple[str, ...], box: tuple[str, ...]) -> _Process:
    return _Process(source, timeout_s, packages, box)


class WrittenEnvironment(Environment):
    """One way through a task.py, seen from outside."""

    forks = True

    def __init__(self, setting: WrittenSetting) -> None:
        box = tuple(tool.name for tool in setting.box)
        self._setting, self._process = setting, _process(setting.source, setting.timeout_s, setting.packages, box)
        self._key, self._generation = f"way {next(_keys)}", self._process.generation
        self._done: list[tuple[str, Any]] = []
        """what was asked of it so far, to be asked again in a new process"""
        self._calls = Calls((), setting.limits.calls)
        self._schemas: tuple[Schema, ...] = ()

    @property
    def tools(self) -> Sequence[Schema]:
        return self._schemas

    @property
    def pays(self) -> bool:
        return self._setting.has.environment

    def start(self, example: Example) -> Sequence[Message]:
        self._generation = self._process.generation
        if self._setting.has.environment:
            first = [as_message(m) for m in self._ask("start", row_of(example))]
        else:
            first = question_of(example)
        inside = [_Inside(self, about) for about in self._ask("described", keep=False)]
        self._calls = Calls((*self._setting.box, *inside), self._setting.limits.calls)
        self._schemas = tuple(schema(tool) for tool in self._calls.tools)
        return first

    def step(self, message: Message) -> Turn:
        if message.tool_calls and self._schemas:
            return Turn(messages=self._calls.answer(message.tool_calls))
        if not self._setting.has.environment:
            return Turn(done=True)
        calls = [{"name": c.name, "arguments": c.arguments, "id": c.id} for c in message.tool_calls]
        said = self._ask("step", {"role": message.role, "content": message.content, "tool_calls": calls})
        told = tuple(as_message(m) for m in said["messages"])
        return Turn(messages=told, reward=said["reward"], done=said["done"], reason=said["reason"])

    def fork(self) -> WrittenEnvironment:
        other = WrittenEnvironment(self._setting)
        with self._process.lock:
            if self._setting.has.environment:
                self._ask("fork", other._key, keep=False)
            other._generation, other._done, other._schemas = self._generation, list(self._done), self._schemas
        inside = [_Inside(other, tool.about) if isinstance(tool, _Inside) else tool for tool in self._calls.tools]
        other._calls = replace(self._calls, tools=inside, names=list(self._calls.names))
        return other

    def state_key(self) -> str | None:
        return self._ask("state_key", keep=False) if self._setting.has.environment else None

    def close(self) -> None:
        if self._done and self._generation == self._process.generation:
            with suppress(CallFailed):  # it is forgotten with its process, then
                self._ask("close", keep=False)

    def _ask(self, function: str, *arguments: Any, keep: bool = True) -> Any:
        """Ask the process; where it has begun anew since, first ask again what this way had asked."""
        with self._process.lock:
            if self._generation != self._process.generation:
                self._generation = self._process.generation
                for asked, given in self._done:
                    self._process.call(asked, self._key, *given)
            found = self._process.call(function, self._key, *arguments)
            if keep:
                self._done.append((function, arguments))
            return found


@dataclass(frozen=True, slots=True)
class _Inside:
    """A tool of task.py."""

    way: WrittenEnvironment
    about: Mapping[str, Any]

    @property
    def name(self) -> str:
        return str(self.about["name"])

    def call(self, arguments: str) -> Result:
        """What the function says; of one that did not come back in time, that. SessionEnded where it took its process along."""
        try:
            good, text = self.way._ask("call", self.name, arguments)
        except SessionEnded:
            raise
        except CallTookTooLong:
            return result(False, f"{self.name} took too long: at most {self.way._setting.timeout_s:g} seconds", LIMIT_RESULT)
        except CallFailed as error:
            return result(False, f"{self.name} failed: {error.why}", LIMIT_RESULT)
        return result(bool(good), str(text), LIMIT_RESULT)
