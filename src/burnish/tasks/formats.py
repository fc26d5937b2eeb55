"""Which format a file of rows is in: told by the names and types of its columns, row by row, and named aloud.

A Shape is what one row looks like; the file's format is the shape of most of its rows, and a row of another shape is a
bad row. Guessing wrong trains on the wrong thing in silence, so a row that fits two formats, or whose other columns are
likely part of the question (choices, a text's label), is refused with the `--map` that settles it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, Literal, NamedTuple

from burnish.errors import ConfigError, DataError

ROLES = ("prompt", "completion", "user", "assistant", "system", "text", "reference", "messages", "tools")
"""What `--map role=column` may assign."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """Where a row keeps its parts. Columns in `extras` may be absent from a row; the others may not."""

    family: str
    kind: Literal["pair", "messages", "halves", "text", "string"]
    """halves: prompt and completion are both lists of messages; string: the row itself is the text"""
    form: Literal["chat", "completion", "text"] = "chat"
    prompt: tuple[str, ...] = ()
    answer: str = ""
    extras: tuple[str, ...] = ()
    """joined to the prompt where a row has them, after it (Alpaca's) or before it (a context)"""
    system: tuple[str, ...] = ()
    reference: str | None = None
    tests: str = ""
    """a list of tests of the answer's code: the first is shown with the question, all of them go to metadata"""
    messages: str = ""
    tools: str = "tools"

    def columns(self) -> tuple[str, ...]:
        """Every column that this shape reads, in reading order."""
        if self.kind == "string":
            return ()
        named = (*self.system, *self.prompt, *self.extras, self.messages, self.answer, self.reference or "")
        return tuple(c for c in named if c) + ((self.tools,) if self.form == "chat" else ())


class Refusal(NamedTuple):
    """Why rows like this are not trained on, and what to do about it."""

    what: str
    todo: str


class _Pair(NamedTuple):
    prompt: str
    answers: tuple[str, ...]
    extras: tuple[str, ...] = ()


_PAIRS = (
    _Pair("prompt", ("completion", "response", "answer", "output")),
    _Pair("instruction", ("output", "response", "answer", "completion"), ("input", "context")),
    _Pair("question", ("answer", "response", "output", "solution"), ("context",)),
    _Pair("problem", ("solution", "answer")),
    _Pair("query", ("response", "answer"), ("context",)),
    _Pair("user", ("assistant",)),
    _Pair("input", ("output",)),
)
LIMIT_KINDS = 10_000
"""Different columns, and different reasons to refuse a row, that are counted in one file."""
_CHAT_COLUMNS = ("messages", "conversations", "conversation")
_SYSTEM = ("system", "system_prompt")
_CHOICES = ("choices", "options", "ans0", "ans1", "option_a", "option_b", "A", "B")
_PREFERENCE = (
    ("chosen", "rejected"),
    ("preferred_output", "non_preferred_output"),
    ("preferred_completion", "non_preferred_completion"),
    ("output_1", "output_2"),
    ("response_a", "response_b"),
)
_BESIDE_TEXT = frozenset(
    {"text", "id", "_id", "idx", "index", "uid", "doc_id", "document_id", "title", "author", "url", "source", "src"}
    | {"meta", "metadata", "timestamp", "date", "created", "added", "lang", "language", "license", "score", "dump"}
    | {"file_path", "path", "token_count", "num_tokens", "length", "subset", "split", "category", "topic"}
)
"""Columns that may stand beside `text` without being part of a question or its answer."""
_JSON_HINT = '{"prompt": "...", "completion": "..."}'


def shape_of(value: Any) -> Shape | Refusal:
    """The shape of one row, or why it has none."""
    if isinstance(value, str):
        return Shape(family="strings", kind="string", form="text")
    if not isinstance(value, dict):
        kind = {list: "a list", type(None): "null", bool: "true or false"}.get(type(value), "a number")
        return Refusal(f"the row is {kind}, not an object", f"write one object a row, such as {_JSON_HINT}")
    for column in _CHAT_COLUMNS:
        if column in value:
            return _chat_shape(column, value[column])
    refusal = _known_foreign(value)
    return refusal or _tested_shape(value) or _pair_shape(value) or _text_shape(value) or _unknown(value)


def _chat_shape(column: str, turns: Any) -> Shape:
    first = turns[0] if isinstance(turns, list) and turns and isinstance(turns[0], dict) else {}
    spelled = "from" in first or (column != "messages" and "role" not in first)
    family = "ShareGPT" if spelled else "OpenAI chat"
    return Shape(family=family, kind="messages", messages=column, system=("system",) if spelled else ())


def _pair_shape(row: Mapping[str, Any]) -> Shape | Refusal | None:
    fits = [(p, [a for a in p.answers if a in row]) for p in _PAIRS if p.prompt in row]
    fits = [(p, answers) for p, answers in fits if answers]
    if len(fits) > 1:
        fits = [(p, a) for p, a in fits if p.prompt != "input"]
    if not fits:
        return None
    if len(fits) > 1:
        pairs = " or ".join(f"{p.prompt}/{a[0]}" for p, a in fits)
        return Refusal(f"the columns fit more than one format: {pairs}", _map_hint(fits[0][0].prompt, fits[0][1][0]))
    pair, answers = fits[0]
    reference = None
    if set(answers) == {"solution", "answer"}:  # MATH-like: a worked solution and its final answer
        answers, reference = ["solution"], "answer"
    if len(answers) > 1:
        what = f"more than one column could be the answer: {', '.join(answers)}"
        return Refusal(what, _map_hint(pair.prompt, answers[0]))
    answer = answers[0]
    family = "Alpaca" if pair.prompt == "instruction" else f"{pair.prompt}/{answer}"
    if family == "prompt/completion" and isinstance(row["prompt"], list) and isinstance(row[answer], list):
        return Shape(family=family + " messages", kind="halves", prompt=("prompt",), answer=answer)
    with_system = any(isinstance(row.get(c), str) for c in _SYSTEM)
    return Shape(
        family=family,
        kind="pair",
        form="completion" if family == "prompt/completion" and not with_system else "chat",
        prompt=(pair.prompt,),
        answer=answer,
        extras=pair.extras,
        system=_SYSTEM if answer != "completion" or with_system or family == "Alpaca" else (),
        reference=reference,
    )


def _tested_shape(row: Mapping[str, Any]) -> Shape | None:
    """MBPP and its kin: a request in words, code, and asserts."""
    asked = next((c for c in ("text", "prompt") if isinstance(row.get(c), str)), None)
    tests = row.get("test_list")
    if asked is None or not isinstance(row.get("code"), str) or not isinstance(tests, list) or not tests:
        return None
    return Shape(family="MBPP", kind="pair", prompt=(asked,), answer="code", tests="test_list")


def _text_shape(row: Mapping[str, Any]) -> Shape | Refusal | None:
    if "text" not in row:
        return None
    beside = [c for c in row if c.lower() not in _BESIDE_TEXT]
    if beside:
        return Refusal(
            f"beside 'text' there are columns that may be its answer: {_some(beside)}",
            f"--map text=text trains on the text alone; {_map_hint('text', beside[0])} trains on an answer",
        )
    return Shape(family="text", kind="text", form="text", answer="text")


def _known_foreign(row: Mapping[str, Any]) -> Refusal | None:
    for better, worse in _PREFERENCE:
        if better in row and worse in row:
            prompt = next((c for c in ("prompt", "instruction", "question", "input") if isinstance(row.get(c), str)), "")
            hint = _map_hint(prompt, better) if prompt else f"--map text={better}"
            return Refusal(
                f"preference pairs ({better}, {worse}) hold two answers, and supervised fine-tuning learns from one",
                f"to train on the first answers only, give {hint}",
            )
    if isinstance(row.get("instances"), list):
        todo = 'write one row per instance: {"instruction": "...", "input": "...", "output": "..."}'
        return Refusal("the rows are nested (self-instruct: instances inside a task)", todo)
    inner = row.get("data")
    if "paragraphs" in row or "qas" in row or (isinstance(inner, list) and "paragraphs" in _keys(inner)):
        todo = 'write one row per question: {"context": "...", "question": "...", "answer": "..."}'
        return Refusal("the rows are nested (SQuAD: articles, paragraphs, questions)", todo)
    if isinstance(row.get("question"), list) and "function" in row:
        todo = 'write rows with "messages" that end with the assistant\'s tool call, and "tools"'
        return Refusal("function-calling questions (BFCL) without the calls that answer them", todo)
    choices = [c for c in _CHOICES if c in row]
    if choices not in ([], ["A"], ["B"]) and any(p.prompt in row for p in _PAIRS):
        todo = "write the choices into the question and the right choice's text as the answer"
        return Refusal(f"multiple-choice rows ({_some(choices)}) whose question would be trained without them", todo)
    if "completion" in row and isinstance(row.get("label"), bool):
        todo = "keep the rows whose label is true, and drop the column"
        return Refusal("rated answers (completion, label) would be learned whether good or bad", todo)
    return None


def _unknown(row: Mapping[str, Any]) -> Refusal:
    if not row:
        return Refusal("the row is an empty object", f"write rows such as {_JSON_HINT}")
    names = [k for k, v in row.items() if isinstance(v, (str, int, float)) and not isinstance(v, bool)]
    asked = next((p.prompt for p in _PAIRS if p.prompt in row), None)
    if asked is not None and isinstance(row[asked], str):
        what = f"there is a {asked!r} but no column known to hold its answer, among {_some(row)}"
        return Refusal(what, f"say which column holds the answer: {_map_hint(asked, 'COLUMN')}")
    nested = [k for k, v in row.items() if isinstance(v, (list, dict)) and v]
    what = f"no known format has the columns {_some(row)}" + (f" ({_some(nested)}: nested)" if nested else "")
    if len(names) < 2:
        return Refusal(what, f"flatten the rows to text columns, such as {_JSON_HINT}")
    if len(row) == 2:
        return Refusal(what, f"say which column is what, such as {_map_hint(*names)}")
    return Refusal(
        what,
        "say which column is what: --map user=COLUMN --map assistant=COLUMN (or prompt and completion without a chat "
        "template, or text); join columns with +, as in --map user=Body+Question",
    )


def _keys(rows: Sequence[Any]) -> Iterable[str]:
    return rows[0].keys() if rows and isinstance(rows[0], dict) else ()


def _map_hint(prompt: str, answer: str) -> str:
    return f"--map user={prompt} --map assistant={answer}"


def _some(names: Iterable[str], limit: int = 8) -> str:
    names = [n or "(unnamed)" for n in names]
    return ", ".join(names[:limit]) + (f" and {len(names) - limit} more" if len(names) > limit else "")


class Census:
    """What the rows of a file look like, counted as they come; none is kept but the first."""

    def __init__(self) -> None:
        self.rows = 0
        self._first: Any = None
        self._shapes: Counter[Shape] = Counter()
        self._refusals: Counter[Refusal] = Counter()
        self._columns: dict[str, bool] = {}
        """name, and whether some row has more there than null"""

    def add(self, value: Any) -> None:
        """Count the next row."""
        if not self.rows:
            self._first = value
        self.rows += 1
        found = shape_of(value)
        if isinstance(found, Shape):
            self._shapes[found] += 1
        elif found in self._refusals or len(self._refusals) < LIMIT_KINDS:
            self._refusals[found] += 1
        if isinstance(value, dict):
            for column, cell in value.items():
                if column in self._columns or len(self._columns) < LIMIT_KINDS:
                    self._columns[column] = self._columns.get(column, False) or cell is not None

    def shape(self, where: str) -> Shape:
        """The shape of most rows. Raises DataError naming the reason where no row has one."""
        shapes = [s for s, _ in self._shapes.most_common()]
        if not shapes:
            refusal = (_wrapped(self._first) if self.rows == 1 else None) or self._refusals.most_common(1)[0][0]
            raise DataError(f"{where} is in no format that can be trained on", seen=refusal.what, todo=refusal.todo)
        # A system prompt in some rows of prompt/completion makes chats of them all: the form is the file's.
        return next((s for s in shapes if s.family == shapes[0].family and s.form == "chat"), shapes[0])

    def mapped(self, mapping: Mapping[str, str], where: str) -> Shape:
        """The shape that `--map` describes. Raises as `mapped_shape` does."""
        return mapped_shape(mapping, set(self._columns), where)

    def label(self, shape: Shape) -> str:
        """The format's name with the columns that are really there: 'Alpaca (instruction, input, response)'."""
        used = [c for c in shape.columns() if self._columns.get(c)]
        return f"{shape.family} ({', '.join(used)})" if used and ":" not in shape.family else shape.family


def _wrapped(value: Any) -> Refusal | None:
    """One object around the rows, as {"data": [...]}."""
    if not isinstance(value, dict):
        return None
    lists = [k for k, v in value.items() if isinstance(v, list) and len(v) > 1 and isinstance(v[0], dict)]
    if len(lists) != 1 or isinstance(shape_of(value[lists[0]][0]), Refusal):
        return None
    todo = f"save the list under {lists[0]!r} as a file of its own (JSON array or JSON lines)"
    return Refusal(f"the rows sit inside one object, under {lists[0]!r}", todo)


def mapped_shape(mapping: Mapping[str, str], present: set[str], where: str) -> Shape:
    """The shape that `--map` describes. present: columns that some row has. Raises ConfigError for a wrong role or combination,
    DataError for a column that no row has."""
    for role in mapping:
        if role not in ROLES:
            near = get_close_matches(role, ROLES, n=1)
            todo = f"did you mean {near[0]!r}?" if near else f"use {', '.join(ROLES)}"
            raise ConfigError(f"--map does not know the role {role!r}", seen=f"{role}={mapping[role]}", todo=todo)
    if not present:
        raise DataError(f"{where} has no columns to map", todo="leave --map out: plain text needs none")
    joined = {role: _split(column, present) for role, column in mapping.items()}
    for role, columns in joined.items():
        for column in columns:
            if column not in present:
                near = get_close_matches(column, sorted(present), n=1)
                todo = f"did you mean {near[0]!r}?" if near else "name one of those"
                raise DataError(f"{where} has no column {column!r} (--map {role})", seen=_some(sorted(present)), todo=todo)
        if len(columns) > 1 and role not in ("prompt", "user"):
            raise ConfigError(f"--map {role} takes one column", seen=mapping[role], todo="join columns for user or prompt")
    roles = set(mapping)
    one = {role: columns[0] for role, columns in joined.items()}
    named = "columns as mapped: " + ", ".join(f"{role}={mapping[role]}" for role in ROLES if role in mapping)
    reference, tools = one.get("reference"), one.get("tools", "tools")
    if roles == {"text"}:
        return Shape(family=named, kind="text", form="text", answer=one["text"])
    if "messages" in roles and roles <= {"messages", "tools", "reference"}:
        return Shape(family=named, kind="messages", messages=one["messages"], tools=tools, reference=reference)
    if {"prompt", "completion"} <= roles <= {"prompt", "completion", "reference"}:
        return Shape(
            family=named,
            kind="pair",
            form="completion",
            prompt=joined["prompt"],
            answer=one["completion"],
            reference=reference,
        )
    if {"user", "assistant"} <= roles <= {"user", "assistant", "system", "reference", "tools"}:
        return Shape(
            family=named,
            kind="pair",
            prompt=joined["user"],
            answer=one["assistant"],
            system=(one["system"],) if "system" in one else (),
            reference=reference,
            tools=tools,
        )
    raise ConfigError(
        "--map does not say what is trained",
        seen=", ".join(f"{r}={c}" for r, c in mapping.items()),
        todo="give user and assistant (and system, reference, tools), or prompt and completion, or text, or messages",
    )


def parse_mapping(items: Iterable[str]) -> dict[str, str]:
    """`["user=goal", "assistant=target"]` (or one item with commas) to a mapping. Raises ConfigError."""
    found: dict[str, str] = {}
    for item in (part for text in items for part in text.split(",")):
        role, sign, column = (s.strip() for s in item.partition("="))
        if not sign or not role or not column:
            raise ConfigError("--map takes role=column", seen=item, todo="for example --map user=goal --map assistant=target")
        if role in found:
            raise ConfigError(f"--map names {role!r} twice", seen=item, todo="join columns with +, as in user=Body+Question")
        found[role] = column
    return found


def _split(column: str, present: set[str]) -> tuple[str, ...]:
    return (column,) if column in present or "+" not in column else tuple(c.strip() for c in column.split("+"))
