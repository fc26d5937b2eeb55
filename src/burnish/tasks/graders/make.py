"""From what a manifest says to graders."""

from __future__ import annotations

import ast
import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from burnish.errors import ConfigError
from burnish.protocols import Chat, Grader
from burnish.tasks import entries
from burnish.tasks.graders.asserts import Passes
from burnish.tasks.graders.chat import RemoteChat
from burnish.tasks.graders.combine import Combine
from burnish.tasks.graders.endpoint import Endpoint
from burnish.tasks.graders.formula import Formula
from burnish.tasks.graders.json_schema import JsonSchema
from burnish.tasks.graders.judge import YES_NO, Judge, Scale, labels_of
from burnish.tasks.graders.maths import Maths
from burnish.tasks.graders.numeric import Numeric
from burnish.tasks.graders.pattern import Matches
from burnish.tasks.graders.program import TIMEOUT_S, Calls
from burnish.tasks.graders.remote import Door
from burnish.tasks.graders.rubric import Criterion, Rubric
from burnish.tasks.graders.shape import Length
from burnish.tasks.graders.similarity import Similar
from burnish.tasks.graders.stringcheck import Check
from burnish.tasks.graders.templates import Template
from burnish.tasks.graders.text import Contains, Exact
from burnish.tasks.graders.weighted import Weighted

CODE = "task.py"
RIGHT = "Is the answer right? Judge what it says and not how; where a right answer is given, the answer must agree with it."

Read = Callable[[str], str]
"""The text of a file of the task folder, by its name. Raises ConfigError for one that is not there."""


def make(given: tuple[Any, ...], read: Read) -> Grader:
    """The one grader of all entries of a manifest: the weighted mean, where there are several. Raises ConfigError."""
    made = tuple(one(entry, read) for entry in given)
    return made[0] if len(made) == 1 else Weighted(made, tuple(entry.weight for entry in given))


def one(entry: entries.Entry, read: Read) -> Grader:
    """The grader of one entry. Raises ConfigError for what cannot be made, such as one whose library is not installed."""
    called: dict[str, Any] = {} if entry.name is None else {"name": entry.name}
    match entry:
        case entries.Exact():
            return Exact(**called)
        case entries.Contains():
            return Contains(**called)
        case entries.Numeric():
            return Numeric(**called)
        case entries.Tests():
            return Passes(**called)
        case entries.Maths():
            return Maths(timeout_s=entry.timeout_s, **called)
        case entries.Regex():
            assert entry.pattern is not None
            return Matches(entry.pattern, **called)
        case entries.Length():
            return Length(entry.at_least or 0, entry.at_most, **called)
        case entries.Python():
            function, seconds = entry.function or "grade", TIMEOUT_S if entry.timeout_s is None else entry.timeout_s
            source = _source(entry.file or CODE, function, entry.takes, read)
            return Calls(source, function, seconds, entry.takes, entry.packages, **called)
        case entries.StringCheck():
            return Check(entry.operation, Template.parse(entry.input), Template.parse(entry.reference), **called)
        case entries.Similarity():
            return _similar(entry, called)
        case entries.JsonSchema():
            schema = (entry.inline or {}) if entry.file is None else _schema(entry.file, read)
            return JsonSchema.of(schema, **called)
        case entries.Judge():
            return _judge(entry, called)
        case entries.Rubric():
            return _rubric(entry, read, called)
        case entries.Combine():
            return _combine(entry, read, called)
        case entries.Endpoint():
            headers = tuple(entry.headers.items())
            door = Door(url=entry.url, key_env=entry.key_env, headers=headers, timeout_s=entry.timeout_s, retries=entry.retries)
            return Endpoint(door, entry.pass_threshold, entry.rate_limit, concurrency=entry.concurrency, **called)
        case _:
            raise AssertionError(f"no grader is made of {type(entry).__name__}")


def _similar(entry: entries.Similarity, called: dict[str, Any]) -> Similar:
    door = None
    if entry.metric == "cosine" and entry.url is not None and entry.model is not None:
        door = Door(url=entry.url, key_env=entry.key_env)
    return Similar(
        entry.metric,
        Template.parse(entry.input),
        None if entry.reference is None else Template.parse(entry.reference),
        entry.pass_threshold,
        door,
        entry.model or "",
        concurrency=2 if door is None else 8,
        **called,
    )


def _judge(entry: entries.Judge, called: dict[str, Any]) -> Judge:
    scale = YES_NO
    if entry.labels is not None:
        scale = Scale(labels=labels_of(entry.labels))
    elif entry.range is not None:
        scale = Scale(low=entry.range[0], high=entry.range[1], clip=entry.clip)
    return Judge(
        asks=entry.asks or ("" if entry.prompt else RIGHT),
        scale=scale,
        form="pairwise" if entry.pairwise else "single",
        prompt=tuple((m.role, Template.parse(m.content)) for m in entry.prompt),
        pass_threshold=entry.pass_threshold,
        chat=_chat(entry),
        model=entry.model,
        limit_tokens=entry.limit_tokens,
        temperature=entry.temperature,
        concurrency=entry.concurrency,
        **called,
    )


def _chat(entry: entries.Asking) -> Chat | None:
    if entry.url is None:
        return None
    door = Door(url=entry.url, key_env=entry.key_env, timeout_s=entry.timeout_s, retries=entry.retries)
    settings: dict[str, Any] = {k: getattr(entry, k) for k in ("limit_tokens", "temperature", "reasoning", "seed", "top_p")}
    return RemoteChat(door=door, model=entry.model, **settings)


def _rubric(entry: entries.Rubric, read: Read, called: dict[str, Any]) -> Rubric:
    chat, criteria = _chat(entry) if entry.model else None, []
    for demand in entry.criteria:
        if demand.grader is not None:
            grader = one(demand.grader, read)
        else:
            grader = Judge(
                asks=demand.asks,
                chat=chat,
                model=entry.model,
                name=demand.name,
                limit_tokens=entry.limit_tokens,
                temperature=entry.temperature,
                concurrency=entry.concurrency,
            )
        criteria.append(Criterion(name=demand.name, grader=grader, weight=demand.weight, at_least=demand.at_least))
    return Rubric(tuple(criteria), **called)


def _combine(entry: entries.Combine, read: Read, called: dict[str, Any]) -> Combine:
    formula, graders = Formula.parse(entry.formula), tuple(one(g, read) for g in entry.graders)
    names = [g.name for g in graders]
    if strange := [n for n in formula.names if n not in names]:
        raise ConfigError(
            f"the formula names {', '.join(strange)}, which no grader of the combination is called",
            seen=f"{entry.formula}; graders: {', '.join(names)}",
            todo="mend the name",
        )
    if unused := [n for n in names if n not in formula.names]:
        raise ConfigError(
            f"the formula does not use {', '.join(unused)}", seen=entry.formula, todo="use it, or take the grader out"
        )
    return Combine(formula, graders, **called)


def _schema(file: str, read: Read) -> dict[str, Any]:
    try:
        found = json.loads(read(file))
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"{file} is not JSON", seen=str(error), todo="mend it") from None
    if not isinstance(found, dict):
        raise ConfigError(
            f"{file} is no JSON Schema", seen=type(found).__name__, todo='write an object, such as {"type": "object"}'
        )
    return found


def _source(file: str, function: str, takes: str, read: Read) -> str:
    """The code of a file, which has this function. It is read here and run in the sandbox alone."""
    text = read(file)
    try:
        names = {node.name for node in ast.parse(text).body if isinstance(node, ast.FunctionDef)}
    except SyntaxError as error:
        raise ConfigError(f"{file} is not Python: {error.msg}", seen=f"line {error.lineno}", todo="mend it") from None
    if function not in names:
        seen = f"functions: {', '.join(sorted(names)) or 'none'}"
        raise ConfigError(f"{file} has no function {function}", seen=seen, todo=f"write def {function}({takes})")
    return text


def judges(grader: Grader) -> Iterator[Judge]:
    """Every judge in a grader, itself or held by it."""
    match grader:
        case Judge():
            yield grader
        case Weighted() | Combine():
            for each in grader.graders:
                yield from judges(each)
        case Rubric():
            for criterion in grader.criteria:
                yield from judges(criterion.grader)
        case _:
            return


def bound(grader: Grader, chat: Callable[[Judge], Chat]) -> Grader:
    """The grader with a model for each judge that still has none. chat: the model that a judge asks for."""
    match grader:
        case Judge() if grader.chat is None:
            return replace(grader, chat=chat(grader))
        case Weighted() | Combine():
            return replace(grader, graders=tuple(bound(g, chat) for g in grader.graders))
        case Rubric():
            criteria = (replace(c, grader=bound(c.grader, chat)) for c in grader.criteria)
            return replace(grader, criteria=tuple(criteria))
        case _:
            return grader
