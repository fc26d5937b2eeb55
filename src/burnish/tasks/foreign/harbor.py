"""Task folders of Harbor and of Terminal-Bench as a task with workspaces: one row for each.

    task.toml  instruction.md  environment/Dockerfile  tests/test.sh, tests/test_*.py  solution/solve.sh
    task.yaml  Dockerfile  tests/test_outputs.py  solution.sh                                    (Terminal-Bench before Harbor)

There is no container: the image must be a plain base (python, ubuntu, debian) with WORKDIR, ENV and COPY of small files. What
asks for more is refused by name. A test.sh that would install something from the network is not run where there are files
test_*.py: these are run instead. On import the solution must be worth 1, and doing nothing 0.

What the folder says is not trusted: no link and no path leads out of it, and nothing in it is read that is large.
"""

from __future__ import annotations

import base64
import json
import os
import re
import shlex
import stat
import tempfile
import tomllib
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from burnish import toml
from burnish.errors import ConfigError
from burnish.store.atomic import make_directory, writable
from burnish.tasks import folder
from burnish.tasks.graders.needs import needed
from burnish.tasks.manifest import FILE
from burnish.tasks.workspace import ABOUT, KEY, LIMIT_BYTES, Workspace, run, verdict

LIMIT_FILE_BYTES, LIMIT_TEXT_BYTES, LIMIT_FILES, LIMIT_TASKS = 512 << 10, 64 << 10, 200, 500
BASES = ("python", "ubuntu", "debian")
STEP_S = 20.0
"""Of one command, and a third of what tests may take."""
NETWORK = re.compile(r"^[^#\n]*\b(apt-get|apt|curl|wget|pip3?|uvx?|npm|conda|git\s+clone|docker)\b", re.MULTILINE)
SYSTEM = frozenset(
    {"bin", "sbin", "usr", "lib", "lib32", "lib64", "etc", "dev", "proc", "sys", "tmp", "burnish", "packages", "boot"}
)
WORKSPACES = "workspaces.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """One folder, read. solution: a shell script."""

    name: str
    instruction: str
    solution: str
    space: Workspace
    about: Mapping[str, str]


def bring(path: Path, out: Path) -> Path:
    """Make the task folder `out` of one task, or of a folder of tasks. Raises ConfigError naming what cannot be mapped, or what
    the solution and the empty solution were worth."""
    if out.exists():
        raise ConfigError(f"{out} is there already", todo="choose another name")
    found = [read(each) for each in _folders(path)]
    if not found:
        seen = "neither instruction.md nor task.yaml, in it or in a folder in it"
        raise ConfigError(f"{path} is no task of Harbor or Terminal-Bench", seen=seen, todo="name its folder")
    rows = [_proved(each) for each in found]
    sides = {"train": rows, "valid": rows, "test": rows}
    if len(rows) >= 3:
        held = max(1, len(rows) // 4)
        sides = {"train": rows[2 * held :], "valid": rows[:held], "test": rows[held : 2 * held]}
    name = re.sub(r"[^a-z0-9._-]+", "-", out.name.lower()).strip("-._")[:64] or "task"
    make_directory(out.parent)
    with writable(out), tempfile.TemporaryDirectory(dir=out.parent, prefix=f".{out.name}.") as work:
        made = Path(work) / "task"
        made.mkdir()
        (made / FILE).write_text(_manifest(name, path, found), encoding="utf-8")
        spaces = {each.name: asdict(each.space) for each in found}
        (made / WORKSPACES).write_text(json.dumps(spaces, indent=1, sort_keys=True) + "\n", encoding="utf-8")
        for side, part in sides.items():
            text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in part)
            (made / f"{side}.jsonl").write_text(text, encoding="utf-8")
        folder.load(made)
        os.rename(made, out)
    return out


def read(path: Path) -> Found:
    """One task. Raises ConfigError naming what is not there, or is more than a plain base."""
    files = _tree(path)
    old = "task.yaml" in files
    if old:
        about = _yaml(_text(files, "task.yaml", path))
        instruction, inside, solution = str(about.get("instruction") or ""), "", "solution.sh"
    else:
        about = _toml(_text(files, FILE, path))
        instruction, inside, solution = _text(files, "instruction.md", path), "environment/", "solution/solve.sh"
    if extra := [n for n in files if PurePosixPath(n).name in ("docker-compose.yaml", "docker-compose.yml") and not old]:
        raise _refused(path, extra[0], "several containers")
    if more := [n for n in files if n.startswith("solution/") and n != solution]:
        raise ConfigError(f"the solution of {path} is more than {solution}", seen=more[0], todo="make one script of it")
    context = {n.removeprefix(inside): body for n, body in files.items() if n.startswith(inside)}
    if old:
        own = ("tests/", "task.yaml", "solution", "run-tests.sh", "docker-compose")
        context = {n: body for n, body in context.items() if not n.startswith(own)}
    cwd, variables, copied = _dockerfile(_text(files, f"{inside}Dockerfile", path), context, path)
    tests = {f"/{n}": _entry(body) for n, body in files.items() if n.startswith("tests/")}
    script = "/tests/test.sh" if "/tests/test.sh" in tests else None
    units = [n for n in tests if PurePosixPath(n).name.startswith("test_") and n.endswith(".py")]
    if script is not None and NETWORK.search(_text(files, "tests/test.sh", path)):
        if not units:
            said = NETWORK.search(_text(files, "tests/test.sh", path))
            raise _refused(path, f"tests/test.sh: {said[0].strip()[:80] if said else ''}", "tests that use the network")
        script = None
    if script is None and not units:
        raise ConfigError(f"{path} has no tests", seen="neither tests/test.sh nor tests/test_*.py", todo="add them")
    named = [PurePosixPath(n).parts[1] for n in (cwd, *copied, *tests, "/logs/verifier", "/solution/solve.sh")]
    if taken := sorted(SYSTEM & set(named)):
        raise _refused(path, f"/{taken[0]}", "files in a folder of the system")
    space = Workspace(
        cwd=cwd, places=tuple(dict.fromkeys(named)), files=copied, tests=tests, environment=variables, script=script
    )
    told = {k: " ".join(str(v).split())[:200] for k, v in about.items() if isinstance(v, (str, int, float))}
    return Found(
        name=path.resolve().name, instruction=instruction.strip(), solution=_text(files, solution, path), space=space, about=told
    )


def _folders(path: Path) -> list[Path]:
    """The folders of tasks: this one, or those in it."""
    if _is_one(path):
        return [path]
    inside = sorted(p for p in path.iterdir() if p.is_dir() and not p.is_symlink() and _is_one(p))
    if len(inside) > LIMIT_TASKS:
        raise ConfigError(f"{path} has too many tasks", seen=f"{len(inside)}, at most {LIMIT_TASKS}", todo="import a part")
    return inside


def _is_one(path: Path) -> bool:
    return (path / "instruction.md").is_file() or (path / "task.yaml").is_file()


def _proved(found: Found) -> dict[str, Any]:
    """The row of a task whose solution is worth 1 and nothing 0. Raises ConfigError with what was seen."""
    space = found.space
    nothing, why = verdict(space, space.files, timeout_s=3 * STEP_S)
    if nothing > 0:
        raise ConfigError(f"the tests of {found.name} pass where nothing was done", seen=f"{nothing:g}: {why}", todo="mend them")
    ended = run(space, space.files, ["shell", "-c", found.solution], timeout_s=STEP_S)
    value, why = verdict(space, ended.files, timeout_s=3 * STEP_S)
    if value < 1:
        seen = f"worth {value:g}: {why}; it ended with {ended.code}: {ended.output.strip()[-300:]}"
        raise ConfigError(
            f"the solution of {found.name} does not pass its tests here", seen=seen, todo="it may need a container runtime"
        )
    said = ended.output or "(it printed nothing)"
    call = {"name": "shell", "arguments": json.dumps({"command": found.solution}, ensure_ascii=False)}
    messages = [
        {"role": "user", "content": found.instruction},
        {"role": "assistant", "content": "", "tool_calls": [{"id": "call_1", "type": "function", "function": call}]},
        {"role": "tool", "content": said if ended.code == 0 else f"{said}\n(exit code {ended.code})", "tool_call_id": "call_1"},
        {"role": "assistant", "content": "Done."},
    ]
    return {"messages": messages, "tools": [{"type": "function", "function": dict(ABOUT)}], KEY: found.name}


def _tree(path: Path) -> dict[str, tuple[int, bytes]]:
    """All files of a folder, by name within it, with modes. Raises ConfigError for links, what is no file, what is large."""
    found: dict[str, tuple[int, bytes]] = {}
    total = 0
    for here, folders, names in os.walk(path):
        folders[:] = [f for f in folders if f != ".git"]
        for name in [*folders, *names]:
            file = Path(here) / name
            inside, facts = file.relative_to(path).as_posix(), file.lstat()
            if stat.S_ISDIR(facts.st_mode):
                continue
            if not stat.S_ISREG(facts.st_mode):
                raise ConfigError(f"{path} has what is no plain file", seen=inside, todo="remove it; links are not followed")
            total += facts.st_size
            if facts.st_size > LIMIT_FILE_BYTES or total > LIMIT_BYTES // 2 or len(found) >= LIMIT_FILES:
                bounds = f"at most {LIMIT_FILES} files, {LIMIT_FILE_BYTES} bytes each, {LIMIT_BYTES // 2} in all, are taken"
                raise ConfigError(f"{path} is too large", seen=f"{inside}; {bounds}", todo="take large files out")
            found[inside] = (stat.S_IMODE(facts.st_mode), file.read_bytes())
    return found


def _entry(body: tuple[int, bytes]) -> list[Any]:
    return ["file", 0o755 if body[0] & 0o100 else 0o644, base64.b64encode(body[1]).decode()]


def _text(files: Mapping[str, tuple[int, bytes]], name: str, path: Path) -> str:
    if name not in files:
        raise ConfigError(f"{path} is no task of Harbor or Terminal-Bench", seen=f"there is no {name}", todo="add it")
    if len(files[name][1]) > LIMIT_TEXT_BYTES:
        raise ConfigError(
            f"{name} of {path} is too large", seen=f"{len(files[name][1])} bytes; at most {LIMIT_TEXT_BYTES} are read"
        )
    try:
        return files[name][1].decode("utf-8")
    except UnicodeDecodeError as error:
        raise ConfigError(f"{name} of {path} is no text", seen=str(error), todo="save it as UTF-8") from None


def _toml(text: str) -> dict[str, Any]:
    try:
        found = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise ConfigError("task.toml cannot be read", seen=str(error)[:200], todo="mend it") from None
    metadata = found.get("metadata")
    environment = found.get("environment")
    if isinstance(environment, dict) and environment.get("docker_image"):
        raise ConfigError("the task needs a container runtime: a docker_image", seen=str(environment["docker_image"])[:80])
    return metadata if isinstance(metadata, dict) else {}


def _yaml(text: str) -> dict[str, Any]:
    """Plain values alone; aliases, by which a small text becomes a huge value, are refused."""
    yaml = needed("yaml", "transformers", "a task.yaml")
    try:
        if any(isinstance(token, (yaml.AliasToken, yaml.AnchorToken)) for token in yaml.scan(text)):
            raise ConfigError("task.yaml has anchors, which are not read", todo="write the values out")
        found = yaml.safe_load(text)
    except (yaml.YAMLError, RecursionError) as error:
        raise ConfigError("task.yaml cannot be read", seen=str(error)[:200], todo="mend it") from None
    return found if isinstance(found, dict) else {}


def _refused(path: Path, seen: str, what: str) -> ConfigError:
    todo = "only a plain base (python, ubuntu, debian) with WORKDIR, ENV and COPY can be imported"
    return ConfigError(f"{path.name} needs a container runtime: {what}", seen=seen, todo=todo)


def _dockerfile(
    text: str, context: Mapping[str, tuple[int, bytes]], path: Path
) -> tuple[str, dict[str, str], dict[str, list[Any]]]:
    """Where commands start, variables, and files by full name."""
    lines = re.sub(r"\\[ \t]*\n", " ", re.sub(r"^[ \t]*#.*\n?", "", text, flags=re.MULTILINE)).splitlines()
    cwd, variables, copied, started = "/", dict[str, str](), dict[str, list[Any]](), False
    for line in filter(None, map(str.strip, lines)):
        word, _, rest = line.partition(" ")
        try:
            given = shlex.split(rest)
        except ValueError:
            raise _refused(path, line[:120], "a Dockerfile that cannot be read") from None
        match word.upper():
            case "FROM":
                image = given[0] if given else ""
                if started or len(given) != 1 or re.split("[:@]", image)[0].removeprefix("docker.io/library/") not in BASES:
                    raise _refused(path, line[:120], "an image that is no plain base")
                started = True
            case "WORKDIR" if len(given) == 1 and "$" not in rest:
                cwd = _within(cwd, given[0])
            case "ENV" if given and "$" not in rest:
                pairs = [tuple(g.split("=", 1)) for g in given] if "=" in given[0] else [(given[0], " ".join(given[1:]))]
                variables |= {p[0]: p[1] for p in pairs if len(p) == 2}
            case "COPY" if len(given) >= 2 and not given[0].startswith("--") and "$" not in rest:
                *sources, target = given
                for source in sources:
                    copied |= _copied(source, target, cwd, context, path, several=len(sources) > 1)
            case _:
                raise _refused(path, line[:120], f"{word.upper()[:20]} in its Dockerfile")
    if not started:
        raise _refused(path, "no FROM", "an image that is no plain base")
    return ("/app" if cwd == "/" else cwd), variables, copied


def _within(cwd: str, name: str) -> str:
    """A full name, without steps up."""
    parts: list[str] = []
    for part in PurePosixPath(cwd, name).parts[1:]:
        parts = parts[:-1] if part == ".." else [*parts, part]
    return "/" + "/".join(parts)


def _copied(
    source: str, target: str, cwd: str, context: Mapping[str, tuple[int, bytes]], path: Path, *, several: bool
) -> dict[str, list[Any]]:
    """What one COPY puts where."""
    plain = _within("/", source)[1:]
    if ".." in PurePosixPath(source).parts or any(c in source for c in "*?["):
        raise _refused(path, f"COPY {source}", "a COPY from outside, or of a pattern")
    to = _within(cwd, target)
    if plain in context:
        into = several or target.endswith("/") or target in (".", "./")
        return {_within(to, PurePosixPath(plain).name) if into else to: _entry(context[plain])}
    held = {n: body for n, body in context.items() if (not plain or n.startswith(f"{plain}/")) and n != "Dockerfile"}
    if not held:
        raise ConfigError(f"{path} copies what it does not have", seen=f"COPY {source}", todo="add it to environment/")
    return {_within(to, n[len(plain) :].lstrip("/")): _entry(body) for n, body in held.items()}


def _manifest(name: str, path: Path, found: list[Found]) -> str:
    one = found[0]
    several = f"{len(found)} tasks" if len(found) > 1 else "one task"
    told = "; ".join(f"{k}: {v}" for k, v in one.about.items() if k != "instruction") if len(found) == 1 else ""
    limits = "A sandbox with this system's programs and Python, no network and no root, stands in for the container."
    if len(found) < 3:
        limits += " What is trained on is also reported: a good number says nothing of other tasks."
    card = {
        "title": one.name if len(found) == 1 else name,
        "about": "Do with a shell what is asked, in a folder with files.",
        "data": f"Imported from {several} of Harbor or Terminal-Bench in {path.resolve().name}. {told}".strip(),
        "grading": "The task's own tests are run on the files that are left, in a sandbox of their own.",
        "limits": limits,
    }
    return toml.dumps(
        {
            "schema_version": 1,
            "name": name,
            "limit_tokens": 1024,
            "card": card,
            "rows": {side: f"{side}.jsonl" for side in ("train", "valid", "test")},
            "workspace": {"file": WORKSPACES},
            "limits": {"turns": 24, "calls": 48, "step_s": STEP_S},
        }
    )
