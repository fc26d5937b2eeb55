"""OpenAI's files for reinforcement fine-tuning to a task folder and back: JSON lines of `messages` (the last is the user's)
with any further columns, and the grader's JSON.

An RFT row has a good answer, where it has one, in some column. Which one is told by `answer`, or by the grader's reference
(`{{item.x}}`), or by its name; it becomes the row's last message, so that the graders can be checked on it and answers be
trained on. Rows without one only ask. All columns stay columns of the rows, for `item.x`.
"""

from __future__ import annotations

import json
import os
import re
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from burnish import toml
from burnish.errors import ConfigError, DataError
from burnish.store.atomic import make_directory, writable
from burnish.tasks import entries, folder, openai_graders, sources, write
from burnish.tasks.convert import REFERENCES
from burnish.tasks.files import check_file, readable
from burnish.tasks.graders.make import make
from burnish.tasks.graders.templates import Template
from burnish.tasks.manifest import FILE, Manifest, MeansEntry
from burnish.tasks.openai_code import ONE_REFERENCE, QUESTION, asks_for_question
from burnish.tasks.openai_graders import URL, Mapped
from burnish.tasks.split import split
from burnish.tasks.task import Task
from burnish.tasks.tooluse import ToolUse
from burnish.tasks.written import Written, WrittenSetting
from burnish.types import Example, asks_only, trained_answer

ANSWERS = ("answer", "reference_answer", "reference", "expected_answer", "expected", "label", "target", "solution", "ideal")
"""Columns that hold a good answer, where nothing says which one does; the first that all rows have."""
GRADER = "grader.json"
_OUTPUT = ("sample", "output_text")
LIMIT_GRADER_BYTES = 4 << 20


def bring(
    file: Path, grader: Path, out: Path, *, valid: Path | None = None, answer: str | None = None, url: str | None = None
) -> Path:
    """Make the task folder `out` of an RFT file and a grader. valid: further rows, half to choose by and half to report; without
    it `file` is split. answer: the column of the good answers. url: the server of the grader's models, in place of OpenAI's.

    Raises DataError naming the lines that cannot be read, ConfigError for what cannot be mapped.
    """
    if out.exists():
        raise ConfigError(f"{out} is there already", todo="choose another name")
    given = _read_json(grader)
    mapped = openai_graders.from_openai(given) if url is None else openai_graders.from_openai(given, url=url, key_env=None)
    make(mapped.entries, mapped.read)
    rows, held = _rows(file), [] if valid is None else _rows(valid)
    column = answer or _answer_column(mapped, [row for _, row in (*rows, *held)])
    sides = {"rows.jsonl": _lines(rows, column, file)}
    if valid is not None:
        sides = {"train.jsonl": sides["rows.jsonl"], "held.jsonl": _lines(held, column, valid)}
    name = re.sub(r"[^a-z0-9._-]+", "-", out.name.lower()).strip("-._")[:64] or "task"
    make_directory(out.parent)
    with writable(out), tempfile.TemporaryDirectory(dir=out.parent, prefix=f".{out.name}.") as work:
        made = Path(work) / "task"
        made.mkdir()
        for side, text in sides.items():
            (made / side).write_text(text, encoding="utf-8")
        if valid is not None:
            halves = split(sources.read(made / "held.jsonl", questions=True).examples, fraction=0.5)
            (made / "held.jsonl").unlink()
            for side, examples in (("valid.jsonl", halves.train), ("test.jsonl", halves.valid)):
                (made / side).write_text("".join(_dumped(_task_row(e)) for e in examples), encoding="utf-8")
        for file_name, text in mapped.files.items():
            (made / file_name).write_text(text, encoding="utf-8")
        (made / FILE).write_text(_manifest(name, mapped, file.name, grader.name, apart=valid is not None), encoding="utf-8")
        folder.load(made)
        os.rename(made, out)
    return out


def take(task: Path, out: Path) -> tuple[list[Path], list[str]]:
    """Write a task folder as RFT files: train.jsonl, valid.jsonl, test.jsonl and grader.json in the new directory `out`; the
    files, and notes on what does not go along and changes no score. Raises ConfigError naming what would, and what OpenAI's
    graders cannot say."""
    if out.exists():
        raise ConfigError(f"{out} is there already", todo="choose another name")
    manifest, found = Manifest.load(file=task / FILE), folder.load(task)
    _check(found)
    grader = openai_graders.to_openai(manifest.graders, lambda name: folder.inside(task, name).read_text(encoding="utf-8"))
    several = [e.line for side in (found.train, found.valid, found.test) for e in side if e.metadata.get(REFERENCES)]
    if several and ONE_REFERENCE in json.dumps(grader):
        raise ConfigError(
            "rows with several references cannot be exported to a grader that has a template for one",
            seen=f"{len(several)} rows, the first at line {several[0]}",
            todo="keep one reference a row, or grade with exact or contains",
        )
    asked = asks_for_question(grader)
    make_directory(out.parent)
    with writable(out), tempfile.TemporaryDirectory(dir=out.parent, prefix=f".{out.name}.") as work:
        made = Path(work) / "files"
        made.mkdir()
        for side in ("train", "valid", "test"):
            lines = (_dumped(_rft_row(e, asked=asked)) for e in getattr(found, side))
            (made / f"{side}.jsonl").write_text("".join(lines), encoding="utf-8")
        (made / GRADER).write_text(json.dumps(grader, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
        os.rename(made, out)
    return sorted(out.iterdir()), _left_out(manifest)


def _check(task: Task) -> None:
    """Raises ConfigError where the way to an answer decides what it is worth, or how it can be found: rows and a grader have no
    place for that."""
    match task.environment:
        case None:
            return
        case ToolUse(tools=tools):
            what = f"the tools {', '.join(tool.name for tool in tools)}"
        case WrittenSetting(has=Written(environment=True)):
            what = "the class Environment of task.py"
        case _:
            what = "the tools of task.py"
    raise ConfigError(
        "a task with tools or an environment cannot be exported as rows and a grader",
        seen=f"{task.name} has {what}, without which the same question is another task",
        todo="export a task whose answers are one turn",
    )


def _left_out(manifest: Manifest) -> list[str]:
    """What OpenAI's files have no place for and no score depends on, in words."""
    said = [f"the longest answer, {manifest.limit_tokens} tokens: set it there"]
    if manifest.audit:
        names = ", ".join(e.name or e.kind for e in manifest.audit)
        said.append(f"the graders of [[audit]] ({names}), from which nothing is learned")
    if manifest.means != MeansEntry():
        said.append("[means], what an answer may be found with")
    asked = entries.all_of(manifest.graders)
    urls = {e.model: e.url for e in asked if isinstance(e, (entries.Judge, entries.Rubric)) and e.url not in (None, URL)}
    said += [f"where the judge {model} is asked ({url}): OpenAI asks its own model of that name" for model, url in urls.items()]
    return [f"not in the files: {words}" for words in said]


def _read_json(path: Path) -> Any:
    with readable(path):
        check_file(path)
        if path.stat().st_size > LIMIT_GRADER_BYTES:
            raise ConfigError(f"{path} is too large for a grader", seen=f"{path.stat().st_size} bytes")
        text = path.read_bytes()
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"{path} is not JSON", seen=str(error)[:200], todo="mend it") from None
    return found["grader"] if isinstance(found, dict) and set(found) == {"grader"} else found


def _rows(path: Path) -> list[tuple[int, dict[str, Any]]]:
    """The rows with their lines, each an object whose messages end with the user's. Raises DataError naming lines at fault."""
    with readable(path):
        check_file(path)
        lines = path.read_bytes().decode("utf-8", "replace").splitlines()
    rows: list[tuple[int, dict[str, Any]]] = []
    faults: list[str] = []
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except (ValueError, RecursionError):
            row = None
        messages = row.get("messages") if isinstance(row, dict) else None
        if not isinstance(row, dict) or not isinstance(messages, list) or not messages:
            faults.append(f"line {number}: no object with messages")
        elif not isinstance(messages[-1], dict) or messages[-1].get("role") != "user":
            faults.append(f"line {number}: the last message is not the user's")
        else:
            rows.append((number, row))
    if faults or not rows:
        more = f" and {len(faults) - 5} more" if len(faults) > 5 else ""
        todo = 'a row is {"messages": [..., {"role": "user", "content": "..."}], further columns}'
        raise DataError(f"{path} is no RFT file", seen="; ".join(faults[:5]) + more or "no rows", todo=todo)
    return rows


def _answer_column(mapped: Mapped, rows: Sequence[Mapping[str, Any]]) -> str | None:
    """The column that holds a good answer; None where none is known to, in all rows."""
    named = []
    for entry in entries.all_of(mapped.entries):
        if isinstance(entry, (entries.StringCheck, entries.Similarity)) and entry.reference is not None:
            whole, all_of_it = Template.parse(entry.reference).whole(), Template.parse(entry.input).whole() == _OUTPUT
            denied = isinstance(entry, entries.StringCheck) and entry.operation == "ne"
            if all_of_it and not denied and whole is not None and len(whole) == 2 and whole[0] == "item":
                named.append(str(whole[1]))
    return next((column for column in (*named, *ANSWERS) if all(_answer(row.get(column)) for row in rows)), None)


def _answer(value: Any) -> str:
    """A good answer as text; empty where there is none."""
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        return ""
    return value if isinstance(value, str) and value.strip() else "" if isinstance(value, str) else json.dumps(value)


def _lines(rows: Iterable[tuple[int, dict[str, Any]]], column: str | None, path: Path) -> str:
    """Rows of a task folder; without a column they only ask. Raises DataError for a row without a good answer in it."""
    if column is None:
        return "".join(_dumped(row) for _, row in rows)
    made, lacking = [], []
    for number, row in rows:
        answer = _answer(row.get(column))
        if not answer:
            lacking.append(str(number))
            continue
        messages = [*row["messages"], {"role": "assistant", "content": answer}]
        made.append(_dumped({**row, "messages": messages}))
    if lacking:
        seen = f"lines {', '.join(lacking[:8])}" + (f" and {len(lacking) - 8} more" if len(lacking) > 8 else "")
        raise DataError(f"rows of {path} have no answer in the column {column!r}", seen=seen, todo="fill it, or remove the rows")
    return "".join(made)


def _task_row(example: Example) -> dict[str, Any]:
    """A row of a task folder, with its columns."""
    return {**write.row(replace(example, form="chat")), **example.metadata}


def _rft_row(example: Example, *, asked: bool) -> dict[str, Any]:
    """A row as OpenAI has it: the conversation up to the answer, and everything else as columns."""
    if example.form == "text":
        raise ConfigError("rows of plain text ask nothing and cannot be exported", seen=f"line {example.line}")
    messages = write.row(replace(example, form="chat"))
    at = len(example.messages) if asks_only(example) else trained_answer(example.messages)
    if at is None:
        raise ConfigError("a row without an answer of weight cannot be exported", seen=f"line {example.line}")
    row: dict[str, Any] = {**messages, "messages": messages["messages"][:at]}
    columns = {k: v for k, v in example.metadata.items() if k not in row}
    kept = {"reference": example.reference} if example.reference is not None else {}
    said = None if at == len(example.messages) else example.messages[at].content
    if said is not None and said != example.reference:
        kept["answer"] = said
    if asked:
        kept[QUESTION] = next((m.content for m in reversed(example.messages[:at]) if m.role == "user"), "")
    return {**row, **{k: v for k, v in kept.items() if k not in columns}, **columns}


def _dumped(row: Mapping[str, Any]) -> str:
    return json.dumps(row, ensure_ascii=False) + "\n"


def _manifest(name: str, mapped: Mapped, rows: str, grader: str, *, apart: bool) -> str:
    """task.toml of an imported task."""
    card = {
        "title": name,
        "about": f"Imported from {rows} and {grader}, files for reinforcement fine-tuning at OpenAI. Say here what is asked.",
        "data": "Say here where the rows come from.",
        "grading": "Say here what the graders check, and what they cannot see.",
    }
    sides = {"train": "train.jsonl", "valid": "valid.jsonl", "test": "test.jsonl"} if apart else {"all": "rows.jsonl"}
    text = toml.dumps({"schema_version": 1, "name": name, "card": card, "rows": sides})
    for entry in mapped.entries:
        text += "\n[[graders]]\n" + "".join(_setting(k, v) for k, v in _settings(entry).items())
    return text


def _settings(entry: Any) -> dict[str, Any]:
    """What was set, kind and name first."""
    values = entry.model_dump(mode="json", exclude_unset=True, exclude_none=True)
    return {k: values[k] for k in ("kind", "name") if k in values} | values


def _setting(key: str, value: Any) -> str:
    """One line; of a list of tables, one for each."""
    if isinstance(value, list) and value and isinstance(value[0], dict):
        return f"{key} = [\n" + "".join(f"  {toml.literal(each)},\n" for each in value) + "]\n"
    return f"{key} = {toml.literal(value)}\n"
