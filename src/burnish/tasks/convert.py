"""One row to one Example, by the file's Shape. Raises RowFault for a row that does not fit.

The answer is kept as written. Where it carries a final-answer mark (answers.py) the text inside the mark becomes the
`reference` that graders compare with; otherwise the reference is the row's own reference column, or the whole answer.
Columns that the shape does not read go to `metadata`, for graders and reports.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from burnish.tasks.answers import final_answer
from burnish.tasks.chat import Tally, check_conversation, messages_of, text_of, tools_of
from burnish.tasks.formats import Shape, shape_of
from burnish.tasks.rows import RowFault
from burnish.types import Example, Message, trained_answer

REFERENCES = "references"
"""metadata key: all accepted answers, where a row lists more than one"""


def convert(value: Any, shape: Shape, *, mapped: bool, tally: Tally, source: str, line: int, questions: bool = False) -> Example:
    """One Example of a row. `tally` counts what was put up with, by the words of the note. questions: a conversation may end with
    the user's message; its answers before that are context then, and its reference is its column `reference`, if it has one."""
    if shape.kind == "string":
        if not isinstance(value, str):
            raise RowFault("the row is not a string, as the others are", "write every row of the list as a string")
        return _text_example(text_of(value, "the text"), {}, source, line)
    if not isinstance(value, dict):
        found = shape_of(value)
        what = "the row is a string, and the file holds objects" if isinstance(found, Shape) else found.what
        raise RowFault(what, f"write an object with {', '.join(_required(shape))}")
    if not mapped:
        _same_shape(value, shape)
    for column in _required(shape):
        if column not in value:
            raise RowFault(f"no column {column!r}", f"add {column!r}, or remove the row")
    if shape.form == "chat" and value.get("functions") is not None:
        raise RowFault("the legacy column 'functions'", 'write "tools": [{"type": "function", "function": {...}}]')
    if value.get("parallel_tool_calls") is not None:
        tally["rows with parallel_tool_calls, which training does not read"] += 1
    read = set(shape.columns()) | {"parallel_tool_calls"}
    metadata = {k: v for k, v in value.items() if k not in read}
    if shape.kind == "text":
        return _text_example(text_of(value[shape.answer], shape.answer), metadata, source, line)
    if shape.kind == "pair":
        messages, references = _pair(value, shape, tally)
        if len(references) > 1:
            metadata[REFERENCES] = references
    else:
        messages, references = _conversation(value, shape, tally, questions=questions), ()
    answered = trained_answer(messages)
    if messages[-1].role == "user":
        reference = _reference_of_question(value, shape)
    else:
        reference = _reference(value, shape, messages[-1 if answered is None else answered].content, references, tally)
    tools = tools_of(value.get(shape.tools)) if shape.form == "chat" else ()
    return Example(
        messages=messages,
        form=shape.form,
        tools=tools,
        reference=reference,
        metadata=metadata,
        source=source,
        line=line,
    )


def _required(shape: Shape) -> tuple[str, ...]:
    return tuple(c for c in (*shape.prompt, shape.messages, shape.answer, shape.reference or "") if c)


def _same_shape(value: Mapping[str, Any], shape: Shape) -> None:
    """A row of another known format is a fault; a row of none goes on and fails at the column that it lacks."""
    found = shape_of(value)
    if not isinstance(found, Shape) or found == shape or found.family == shape.family:
        return
    what = f"the row is in another format ({found.family}) than most of the file ({shape.family})"
    raise RowFault(what, "keep one format per file: convert the row, or move it to a file of its own")


def _text_example(text: str, metadata: Mapping[str, Any], source: str, line: int) -> Example:
    if not text.strip():
        raise RowFault("the text is empty", "remove the row")
    message = Message(role="assistant", content=text)
    return Example(messages=(message,), form="text", metadata=metadata, source=source, line=line)


def _pair(value: Mapping[str, Any], shape: Shape, tally: Tally) -> tuple[tuple[Message, ...], tuple[str, ...]]:
    parts = [text_of(value[c], c) for c in shape.prompt]
    if not any(p.strip() for p in parts):
        raise RowFault(
            f"{' and '.join(shape.prompt)} empty",
            'write the question; rows of {"text": "..."} train on text that answers nothing',
        )
    for column in shape.extras:
        if value.get(column) not in (None, ""):
            extra = text_of(value[column], column)
            parts = [extra, *parts] if column == "context" and shape.family != "Alpaca" else [*parts, extra]
    prompt = "\n\n".join(parts) if shape.extras else "\n".join(parts)
    if shape.tests:
        tests = value.get(shape.tests)
        if not isinstance(tests, list) or not tests or not isinstance(tests[0], str):
            raise RowFault(f"{shape.tests} is no list of tests", "write the asserts as a list of strings")
        prompt = f"{prompt}\n\nYour code should pass this test:\n{tests[0].strip()}"
    references = _answers(value[shape.answer], shape.answer, tally)
    if not references[0].strip():
        raise RowFault(f"{shape.answer} is an empty answer", "write the answer or remove the row")
    turns = [Message(role="user", content=prompt), Message(role="assistant", content=references[0])]
    if system := _system(value, shape):
        turns.insert(0, Message(role="system", content=system))
    return tuple(turns), references


def _system(value: Mapping[str, Any], shape: Shape) -> str:
    """What stands in the columns of a system message: all of them, each text once; empty where there is none."""
    return "\n\n".join(dict.fromkeys(text_of(value[c], c) for c in shape.system if value.get(c) not in (None, "")))


def _answers(value: Any, column: str, tally: Tally) -> tuple[str, ...]:
    if isinstance(value, list):
        if not value or not all(_scalar(v) for v in value):
            raise RowFault(
                f"{column} is {'an empty list' if not value else 'a list of other things than text'}",
                "write the answer as text",
            )
        tally["answers that are lists: the first is trained on, any is right when graded"] += 1
        return tuple(dict.fromkeys(text_of(str(v), column) for v in value))
    if _scalar(value) and not isinstance(value, str):
        tally["answers that are numbers, written as text"] += 1
        return (str(value),)
    return (text_of(value, column),)


def _scalar(value: Any) -> bool:
    return isinstance(value, (str, int, float)) and not isinstance(value, bool)


def _conversation(value: Mapping[str, Any], shape: Shape, tally: Tally, *, questions: bool) -> tuple[Message, ...]:
    if shape.kind == "halves":
        before = messages_of(value[shape.prompt[0]], shape.prompt[0], tally)
        after = messages_of(value[shape.answer], shape.answer, tally)
        check_conversation(after, shape.answer)
        return _context(before) + after  # only the completion is trained on
    messages = messages_of(value[shape.messages], shape.messages, tally)
    check_conversation(messages, shape.messages, questions=questions)
    if messages[-1].role == "user":
        tally["rows that end with a question: they are answered and graded, and nothing in them is trained on"] += 1
        messages = tuple(replace(m, weight=0.0) if m.role == "assistant" else m for m in messages)
    if system := _system(value, shape):
        own = messages[0].content if messages[0].role == "system" else ""
        both = "\n\n".join(dict.fromkeys(text for text in (system, own) if text))
        messages = (Message(role="system", content=both), *messages[1 if own else 0 :])
    return messages


def _context(messages: tuple[Message, ...]) -> tuple[Message, ...]:
    """Messages that come before what is trained on."""
    return tuple(replace(m, weight=0.0) if m.role == "assistant" and m.weight is None else m for m in messages)


def _reference_of_question(value: Mapping[str, Any], shape: Shape) -> str | None:
    given = value.get(shape.reference or "reference")
    if isinstance(given, str) or not _scalar(given):
        return text_of(given, "reference") if isinstance(given, str) and given.strip() else None
    return str(given)


def _reference(value: Mapping[str, Any], shape: Shape, answer: str, references: tuple[str, ...], tally: Tally) -> str | None:
    if shape.reference is not None:
        given = _answers(value[shape.reference], shape.reference, Tally())
        tally[f"references taken from the column {shape.reference!r}"] += 1
        return given[0]
    if len(references) > 1:
        return references[0]
    final = final_answer(answer)
    if final is None:
        return answer if answer.strip() else None
    tally[f"answers with a marked final answer ({final.mark}): graders compare with that"] += 1
    return final.text
