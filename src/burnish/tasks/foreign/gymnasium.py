"""A Gymnasium environment of texts as a task folder: `gym:MODULE:ENV_ID`, of an installed package, or `gym:FILE.py:CLASS`.

Observations must be Text, Discrete, MultiDiscrete, MultiBinary, or a Dict or Tuple of these, with the picture of letters that the
environment may have (render mode "ansi"); actions Text or Discrete. A row is a seed. The environment's code runs in the sandbox,
at the import as well.

Nobody gives the way that is right, which rows need: it is the best of those that chance finds. Where chance finds none that
earns more than others, the import is refused.
"""

from __future__ import annotations

import json
import math
import os
import re
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

from burnish import toml
from burnish.errors import CallFailed, ConfigError
from burnish.store.atomic import make_directory, writable
from burnish.tasks import folder, prove
from burnish.tasks.environment import Environment, Setting
from burnish.tasks.manifest import CODE, FILE
from burnish.tasks.written import PACKAGES_BYTES
from burnish.tools import sandbox
from burnish.types import Example, Message

PREFIX = "gym:"
ROWS, TURNS, WAYS = 24, 24, 100
"""Seeds; messages of a way, at most; ways that chance is given for each seed."""
LIMIT_FILE_BYTES = 512 << 10
FIRST = 4
"""Seeds that are tried with all of the ways, the others with a quarter."""
MORE = 2
"""Seeds that are tried for each that is wanted."""
PASSING, MIN_ROWS = 0.6, 4
"""A row's way earns more than this part of the best row's; rows that make a task."""
GOOD = 4
"""Ways that were right elsewhere and are tried first."""
SPLITS = ("train", "valid", "test")


@dataclass(frozen=True, slots=True, kw_only=True)
class Spec:
    """What an environment is made of: code of a file, or a module of an installed package."""

    module: str
    env: str
    source: str
    packages: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """What was told, what was said to it, what that earned, and whether it was the end."""

    told: tuple[str, ...]
    said: tuple[str, ...]
    earned: float
    ended: bool

    @property
    def rank(self) -> tuple[float, int]:
        """The better of two is the greater."""
        return self.earned, -len(self.said)


def parse(text: str) -> Spec:
    """Raises ConfigError for what names no environment."""
    first, _, env = text.removeprefix(PREFIX).rpartition(":")
    if not first or not re.fullmatch(r"[\w./-]+", env):
        raise ConfigError("this names no Gymnasium environment", seen=text, todo="write gym:MODULE:ENV_ID or gym:FILE.py:CLASS")
    packages = _distributions("gymnasium")
    if not packages:
        raise ConfigError("Gymnasium is not installed", todo="pip install 'burnish[gymnasium]'")
    if first.endswith(".py"):
        path = Path(first)
        if not path.is_file() or path.stat().st_size > LIMIT_FILE_BYTES:
            raise ConfigError(f"{first} is no file of code", seen=f"at most {LIMIT_FILE_BYTES} bytes are read")
        if not env.isidentifier():
            raise ConfigError("of a file, the environment's class is named", seen=text, todo="write gym:FILE.py:CLASS")
        return Spec(module="", env=env, source=path.read_text("utf-8"), packages=packages)
    own = _distributions(first)
    if not own or not re.fullmatch(r"[A-Za-z_][\w.]*", first):
        raise ConfigError(
            f"there is no installed package with the module {first}", todo="pip install it, or name a file: gym:FILE.py:CLASS"
        )
    return Spec(module=first, env=env, source="", packages=tuple(dict.fromkeys((*packages, *own))))


def _distributions(module: str) -> tuple[str, ...]:
    return tuple(metadata.packages_distributions().get(module.partition(".")[0], ())[:1])


def bring(
    text: str, out: Path, *, rows: int = ROWS, actions: Sequence[str] = (), arguments: Mapping[str, Any] | None = None
) -> Path:
    """Make the task folder `out`. rows: how many seeds. actions: what a Discrete space's actions are called. arguments: what the
    environment is made with. Raises ConfigError naming what cannot be told in words, or was seen."""
    if out.exists():
        raise ConfigError(f"{out} is there already", todo="choose another name")
    if rows < MIN_ROWS:
        raise ConfigError("too few rows for three splits", seen=str(rows), todo=f"ask for {MIN_ROWS} or more")
    spec = parse(text)
    given = {"arguments": dict(arguments or {}), "actions": list(actions)}
    settings: dict[str, Any] = {"module": spec.module, "env": spec.env, **given, "asks": "", "floor": 0.0}
    about, drawn = _tried(spec, settings)
    settings["asks"] = about["about"]
    turns = min(TURNS, about["steps"] or TURNS)
    name = re.sub(r"[^a-z0-9._-]+", "-", out.name.lower()).strip("-._")[:64] or "task"
    make_directory(out.parent)
    with writable(out), tempfile.TemporaryDirectory(dir=out.parent, prefix=f".{out.name}.") as work:
        made = Path(work) / "task"
        made.mkdir()
        (made / FILE).write_text(_manifest(name, text, spec, turns), encoding="utf-8")
        _write(made, spec, settings, [_row(seed, ("?",), ("",)) for seed in range(4)])
        settings["floor"], found = _ways(made, [each[:turns] for each in drawn], rows)
        if len(found) >= MIN_ROWS:
            _write(made, spec, settings, [_row(seed, way.told, way.said) for seed, way in found])
        if len(found) < MIN_ROWS or not prove.prove(folder.load(made)).holds:
            raise ConfigError(
                f"too few seeds of {text} for which chance finds a way that earns more than others do, so that rows lack answers",
                seen=f"{len(found)} of {rows} seeds, {WAYS} ways each",
                todo="make it easier (--with), or shape its rewards",
            )
        os.rename(made, out)
    return out


def code(spec: Spec, settings: Mapping[str, Any]) -> str:
    """task.py."""
    inside = Path(__file__).with_name("gymnasium_inside.py").read_text("utf-8")
    return f"{spec.source}\n\nSETTINGS = {dict(settings)!r}\n\n{inside}"


def _tried(spec: Spec, settings: Mapping[str, Any]) -> tuple[dict[str, Any], list[list[str]]]:
    """What the environment says of itself, and chance's actions for so many ways."""
    limits = sandbox.Limits(timeout_s=20.0, memory_bytes=PACKAGES_BYTES)
    try:
        with sandbox.session(code(spec, settings), limits=limits, packages=spec.packages) as task:
            return task.call("burnish_about"), [task.call("burnish_actions", seed, TURNS) for seed in range(WAYS)]
    except CallFailed as failed:
        raise ConfigError(f"{spec.env} cannot be a task", seen=str(failed), todo="name a text environment") from None


def _ways(made: Path, drawn: list[list[str]], rows: int) -> tuple[float, list[tuple[int, Way]]]:
    """The least that was earned, and the best way of each seed, without what it does not need; seeds for which no good one was
    found are left out. Raises ConfigError where the same actions do not earn the same."""
    setting = folder.load(made).environment
    assert setting is not None
    found: list[tuple[int, Way]] = []
    good: list[tuple[str, ...]] = []
    least, most = 0.0, -math.inf
    passing: list[tuple[int, Way]] = []
    for seed in range(MORE * rows):
        example, ways = _example(seed), list[Way]()
        for actions in (*good, *map(tuple, drawn if seed < FIRST else drawn[: len(drawn) // 4])):
            ways.append(play(setting.open(), example, actions))
            least = min(least, ways[-1].earned)
            if ways[-1].earned >= most > least:
                break  # as good as anywhere
        best = _shorter(setting, example, max(ways, key=lambda w: w.rank))
        if play(setting.open(), example, best.said) != best:
            shown, todo = f"seed {seed}: {', '.join(best.said)[:200]}", "let all chance come from reset(seed=)"
            raise ConfigError("the same actions do not give the same turns twice", seen=shown, todo=todo)
        most = max(most, best.earned)
        if best.said not in good:
            good = [best.said, *good][:GOOD]
        found.append((seed, best))
        passing = [(n, way) for n, way in found if way.earned - least > PASSING * (most - least)]
        if len(passing) >= rows:
            break
    return least, passing


def _shorter(setting: Setting, example: Example, way: Way) -> Way:
    """The way without the actions that it comes to the same end without."""
    at = 0
    while way.ended and at < len(way.said):
        less = play(setting.open(), example, (*way.said[:at], *way.said[at + 1 :]))
        if less.ended and less.rank > way.rank:
            way = less
        else:
            at += 1
    return way


def play(environment: Environment, example: Example, actions: Sequence[str]) -> Way:
    """One way by these actions: what was told, what was said, what it earned."""
    try:
        told = ["\n".join(m.content for m in environment.start(example))]
        said: list[str] = []
        earned, ended = 0.0, False
        for action in actions:
            turn = environment.step(Message(role="assistant", content=action))
            earned += turn.reward
            said.append(action)
            ended = turn.done
            if ended:
                break
            told.append("\n".join(m.content for m in turn.messages))
        return Way(told=tuple(told[: len(said)]), said=tuple(said), earned=earned, ended=ended)
    finally:
        environment.close()


def _example(seed: int) -> Example:
    return Example(messages=(), metadata={"seed": seed})


def _row(seed: int, told: Sequence[str], said: Sequence[str]) -> dict[str, Any]:
    pairs = zip(told, said, strict=True)
    messages = [{"role": r, "content": c} for t, s in pairs for r, c in (("user", t), ("assistant", s or "-"))]
    return {"messages": messages, "seed": seed}


def _write(made: Path, spec: Spec, settings: Mapping[str, Any], rows: list[dict[str, Any]]) -> None:
    (made / CODE).write_text(code(spec, settings), encoding="utf-8")
    first, second = len(rows) // 2, (3 * len(rows) + 3) // 4
    for side, part in (("train", rows[:first]), ("valid", rows[first:second]), ("test", rows[second:])):
        text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in part)
        (made / f"{side}.jsonl").write_text(text, encoding="utf-8")


def _manifest(name: str, text: str, spec: Spec, turns: int) -> str:
    card = {
        "title": spec.env,
        "about": f"Act in the Gymnasium environment {spec.env}, turn by turn.",
        "data": f"Imported from {text}. A row is a seed of the environment; no two splits share one. Its answer is the best of "
        f"{WAYS} ways by chance, which is seldom a good one.",
        "grading": "What the environment pays over a way, beyond the least that chance earned at the import. A message "
        "that is no action ends the way, which then is worth 0.",
        "limits": f"A way has at most {turns} actions.",
    }
    rows = {side: f"{side}.jsonl" for side in SPLITS}
    return toml.dumps(
        {
            "schema_version": 1,
            "name": name,
            "limit_tokens": 32,
            "card": card,
            "rows": rows,
            "code": {"packages": list(spec.packages)},
            "limits": {"turns": turns},
        }
    )
