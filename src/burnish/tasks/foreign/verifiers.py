"""A task folder as an environment package of the library verifiers (Prime Intellect): a folder that pip installs.

    NAME/pyproject.toml
    NAME/README.md
    NAME/PACKAGE/__init__.py     the taskset for verifiers 0.4 and later; `load_environment()` for those before
    NAME/PACKAGE/taskset.py, environment.py
    NAME/PACKAGE/grading.py      score(row, answer)
    NAME/PACKAGE/train.jsonl, valid.jsonl, test.jsonl

Graders that are code (exact, contains, numeric, regex, length, string_check, Python, and what is made of them) go along as
source that needs no burnish, taken from its own modules. What needs the sandbox, a further library or a judge is graded by
burnish there as well: the task's files go along, and the package asks for burnish. The verifiers library runs rewards in its own
process and has no sandbox: so code that runs an answer (`tests`, a Python grader that calls `exec`) is never taken out of ours.
"""

from __future__ import annotations

import ast
import json
import keyword
import os
import re
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from burnish import toml
from burnish.errors import ConfigError
from burnish.store.atomic import make_directory, writable
from burnish.tasks import entries, folder, openai_code, write
from burnish.tasks.convert import REFERENCES
from burnish.tasks.environment import question_of
from burnish.tasks.foreign import verifiers_texts as texts
from burnish.tasks.graders import formula, given, program, references, stringcheck, templates
from burnish.tasks.graders.make import CODE, judges
from burnish.tasks.manifest import FILE, Manifest
from burnish.tasks.probes.rows import own_answer
from burnish.tasks.task import Task
from burnish.types import Example

HERE = Path(__file__).parent
RUNS = frozenset({"exec", "eval", "__import__", "system", "popen", "__builtins__"})
RUNNERS = frozenset({"builtins", "code", "importlib", "multiprocessing", "pty", "runpy", "subprocess"})
"""Names and modules by which a Python grader may run what an answer says."""


def take(task: Path, out: Path) -> list[Path]:
    """Write a task folder as an environment package into the new directory `out`; the files. Raises ConfigError naming what
    verifiers cannot be told."""
    if out.exists():
        raise ConfigError(f"{out} is there already", todo="choose another name")
    manifest, found = Manifest.load(file=task / FILE), folder.load(task)
    _check(found)
    package = module_name(manifest.name)
    plan, code = _plan(manifest.graders, lambda name: folder.inside(task, name).read_text(encoding="utf-8"))
    named = {"package": package, "cls": _class_name(package), "title": found.card.title, "name": manifest.name}
    make_directory(out.parent)
    with writable(out), tempfile.TemporaryDirectory(dir=out.parent, prefix=f".{out.name}.") as work:
        made = Path(work) / "made"
        inside = made / package
        inside.mkdir(parents=True)
        for side in ("train", "valid", "test"):
            rows = "".join(json.dumps(_row(e), ensure_ascii=False) + "\n" for e in getattr(found, side))
            (inside / f"{side}.jsonl").write_text(rows, encoding="utf-8")
        for file, text in (("__init__", texts.INIT), ("taskset", texts.TASKSET), ("environment", texts.ENVIRONMENT)):
            (inside / f"{file}.py").write_text(_filled(text, **named), encoding="utf-8")
        if plan is None:
            (inside / "grading.py").write_text((HERE / "verifiers_with_burnish.py").read_text("utf-8"), encoding="utf-8")
            for name in folder.files(task):
                (inside / "task" / name).parent.mkdir(parents=True, exist_ok=True)
                (inside / "task" / name).write_bytes(folder.inside(task, name).read_bytes())
        else:
            (inside / "grading.py").write_text((HERE / "verifiers_inside.py").read_text("utf-8"), encoding="utf-8")
            (inside / "plan.json").write_text(json.dumps(plan, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
            (inside / "graders").mkdir()
            for file, text in code.items():
                (inside / "graders" / file).write_text(text, encoding="utf-8")
        (made / "pyproject.toml").write_text(_project(found, package, _requires(manifest, plan)), encoding="utf-8")
        (made / "README.md").write_text(_readme(found, package, folder.digest(task), plan), encoding="utf-8")
        os.rename(made, out)
    return sorted(p for p in out.rglob("*") if p.is_file())


def module_name(name: str) -> str:
    """What the package is imported as."""
    found = re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_") or "task"
    taken = (
        found in sys.stdlib_module_names or keyword.iskeyword(found) or found in ("burnish", "verifiers", "harbor", "textarena")
    )
    return f"task_{found}" if taken or found[0].isdigit() else found


def _class_name(package: str) -> str:
    return "".join(part.capitalize() for part in package.split("_"))


def _filled(text: str, **values: str) -> str:
    for key, value in values.items():
        plain = value.replace("\\", " ").replace('"""', "'''")
        text = text.replace(f"<{key}>", plain)
    return text


def _check(task: Task) -> None:
    """Raises ConfigError for what the package could not do."""
    if task.environment is not None:
        todo = "export a task whose answers are one turn"
        raise ConfigError("a task with tools or an environment cannot be exported to verifiers", seen=task.name, todo=todo)
    if unbound := [j.model for j in judges(task.grader) if j.chat is None]:
        todo = "give the judge a url"
        raise ConfigError(
            "a judge that burnish opens on this machine cannot be exported to verifiers", seen=unbound[0], todo=todo
        )
    rows = (*task.train, *task.valid, *task.test)
    if plain := next((e for e in rows if e.form == "text"), None):
        raise ConfigError("rows of plain text ask nothing and cannot be exported", seen=f"line {plain.line}")
    if tools := next((e for e in rows if e.tools), None):
        raise ConfigError("rows that declare tools cannot be exported to verifiers", seen=f"line {tools.line}")


def _row(example: Example) -> dict[str, Any]:
    """A row of the package: what is asked, an answer that is known to be good, and the row as graders see it."""
    asked = replace(example, form="chat", messages=question_of(example))
    return {"prompt": write.row(asked)["messages"], "good": own_answer(example), "row": given.row_of(example)}


def _plan(graders: Sequence[entries.Entry], read: Callable[[str], str]) -> tuple[dict[str, Any] | None, dict[str, str]]:
    """What `verifiers_inside` is to do, and its files; no plan where a grader needs burnish."""
    files: dict[str, str] = {}
    plans = [_one(entry, read, files) for entry in graders]
    if any(p is None for p in plans):
        return None, {}
    if len(plans) == 1:
        return plans[0], files
    return {"kind": "weighted", "graders": plans, "weights": [e.weight for e in graders]}, files


def _one(entry: Any, read: Callable[[str], str], files: dict[str, str]) -> dict[str, Any] | None:
    name = entry.name or entry.kind
    match entry:
        case entries.Python():
            source, function = read(entry.file or CODE), entry.function or "grade"
            if _runs_code(source):
                return None
            file = _file("function", files)
            files[file] = source
            if entry.takes == "sample, item":
                files["given.py"] = texts.HEAD + openai_code.alone(given)
            seconds = program.TIMEOUT_S if entry.timeout_s is None else entry.timeout_s
            called = {"kind": "function", "name": name, "file": file, "function": function, "takes": entry.takes}
            return {**called, "timeout_s": seconds, "packages": list(entry.packages)}
        case entries.StringCheck():
            said = [f"Template.parse({t!r})" for t in (entry.input, entry.reference)]
            code = "\n".join(map(openai_code.alone, (given, references, templates, stringcheck))) + texts.VALUES
            return _code(name, code, f"Check({entry.operation!r}, {', '.join(said)})", files)
        case entries.Combine():
            held = [_one(each, read, files) for each in entry.graders]
            files["formula.py"] = texts.HEAD + openai_code.alone(formula)
            return None if None in held else {"kind": "combine", "name": name, "formula": entry.formula, "graders": held}
        case entries.Rubric():
            criteria = []
            for demand in entry.criteria:
                held = None if demand.grader is None else _one(demand.grader, read, files)
                if held is None:
                    return None
                criteria.append({"name": demand.name, "weight": demand.weight, "at_least": demand.at_least, "grader": held})
            return {"kind": "rubric", "name": name, "criteria": criteria}
        case _:
            found = openai_code.parts(entry)
            return None if found is None else _code(name, *found, files)


def _code(name: str, code: str, grader: str, files: dict[str, str]) -> dict[str, Any]:
    file = _file("grader", files)
    files[file] = "\n".join((texts.HEAD.replace("<several>", REFERENCES), code, texts.TAIL.replace("<grader>", grader)))
    return {"kind": "code", "name": name, "file": file}


def _file(what: str, files: dict[str, str]) -> str:
    return f"{what}_{len(files) + 1}.py"


def _runs_code(source: str) -> bool:
    """Whether a grader's own text has what could run an answer. An answer is data to any other."""
    nodes = list(ast.walk(ast.parse(source)))
    names = {n.id for n in nodes if isinstance(n, ast.Name)} | {n.attr for n in nodes if isinstance(n, ast.Attribute)}
    imported = [a.name for n in nodes if isinstance(n, ast.Import) for a in n.names]
    imported += [str(n.module) for n in nodes if isinstance(n, ast.ImportFrom)]
    compiles = any(isinstance(n, ast.Name) and n.id == "compile" for n in nodes)  # re.compile is another
    return compiles or bool(names & RUNS) or any(m.partition(".")[0] in RUNNERS for m in imported)


def _requires(manifest: Manifest, plan: dict[str, Any] | None) -> list[str]:
    packages = {p for e in entries.all_of(manifest.graders) if isinstance(e, entries.Python) for p in e.packages}
    return ["verifiers", *(["burnish"] if plan is None else []), *sorted(packages)]


def _project(task: Task, package: str, requires: list[str]) -> str:
    project = {
        "name": package.replace("_", "-"),
        "version": "0.1.0",
        "description": " ".join(task.card.title.split()),
        "readme": "README.md",
        "requires-python": ">=3.11",
        "dependencies": requires,
    }
    build = {"requires": ["hatchling"], "build-backend": "hatchling.build"}
    text = toml.dumps({"project": project, "build-system": build})
    return f"{text}\n[tool.hatch.build.targets.wheel]\npackages = {toml.literal([package])}\n"


def _readme(task: Task, package: str, digest: str, plan: dict[str, Any] | None) -> str:
    card = task.card
    about = [(name, text) for name in ("about", "data", "grading", "limits") if (text := getattr(card, name))]
    sections = "\n\n".join(f"**{name.capitalize()}.** {text}" for name, text in about)
    return _filled(
        texts.README,
        title=card.title,
        sections=sections,
        package=package,
        id=package.replace("_", "-"),
        limit=str(task.limit_tokens),
        digest=digest,
        graded=texts.WITH_BURNISH if plan is None else texts.ALONE,
    )
