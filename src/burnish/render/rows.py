"""One training row: tokens, the weight of each as a target, and who wrote it.

The prompt's ids are a prefix of the row's ids (check 5), loss falls on what the model itself writes and on the token
that ends its turn (checks 1, 2, 11); rows are cut at their end and nothing is planted there (checks 7, 8).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from burnish.errors import DataError
from burnish.render import turns
from burnish.render.controls import Controls
from burnish.render.template import ANSWER_MARKERS
from burnish.render.tokenizer import Tokenizer
from burnish.types import Message, trained_answer


@dataclass(frozen=True, slots=True, kw_only=True)
class Rendered:
    """One training row of n tokens."""

    ids: np.ndarray
    """int32 [n]"""
    weights: np.ndarray
    """float32 [n]: the weight of each token as a target, before any denominator"""
    message: np.ndarray
    """int16 [n]: index of the message that a token belongs to; -1 = written by the template"""
    truncated: int = 0
    """Tokens cut from the end."""
    goes_on: bool = False
    """Part of a text whose next part is another row, so that no stop token is due here."""
    fault: str | None = None
    """Why this row cannot be trained on; the row is to be dropped, aloud."""
    notes: tuple[str, ...] = ()
    """What happened to this row, in words that are the same for every such row, so that they can be counted."""


@dataclass(slots=True)
class Row:
    """A row in the making."""

    ids: list[int] = field(default_factory=list)
    weights: list[float] = field(default_factory=list)
    message: list[int] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def add(self, ids: Sequence[int], weight: float, message: int) -> None:
        self.ids += ids
        self.weights += [weight] * len(ids)
        self.message += [message] * len(ids)


def last_answer(messages: Sequence[Message]) -> int:
    """Index of the last assistant message with weight. Raises DataError when there is none."""
    if (found := trained_answer(messages)) is not None:
        return found
    raise DataError(
        "A conversation has nothing to train on",
        seen=f"roles {', '.join(m.role for m in messages) or 'none'}, no assistant message with weight",
        todo="give an assistant message, or leave the row out",
    )


def chat_row(messages: Sequence[Message], *, draw: turns.Render, layout: turns.Layout, tokenizer: Tokenizer) -> Row:
    """A conversation up to its last trained answer. `draw` renders messages to marked text.

    Raises TemplateError when the mask of the last answer cannot be proved.
    """
    last = last_answer(messages)
    controls, answer = tokenizer.controls, messages[last]
    proof = turns.prove(draw, messages[: last + 1], layout, controls)
    ids, starts, failed = _encode(proof, tokenizer)
    owner = _owners(proof, messages)
    weight_at = np.zeros(len(proof.text) + 1, dtype=np.float32)
    for turn in proof.turns:
        if turn.index not in failed:
            weight_at[turn.start : turn.end] = _weight(messages[turn.index])
    row = Row(notes=_spellings(messages, controls) + _unwritten(proof, messages, owner, controls))
    if ids[: len(tokenizer.prefix_ids)] != list(tokenizer.prefix_ids):
        row.add(tokenizer.prefix_ids, 0.0, -1)
    row.ids += ids
    row.weights += weight_at[starts].tolist()
    row.message += owner[starts].tolist()
    if not proof.closed:
        row.add([layout.closers[-1 if answer.tool_calls else 0]], _weight(answer), last)
    if last + 1 < len(messages):
        row.notes.append("messages after the last trained answer are left out")
    if proof.skipped or failed:
        row.notes.append("earlier answers are context only: the template shows them otherwise in history")
    return row


def raw_row(messages: Sequence[Message], *, completion: bool, tokenizer: Tokenizer) -> Row:
    """Completion: prompt, then completion and EOS with weight. Text: all of it with weight, then EOS."""
    answer = messages[-1]
    weight, content = _weight(answer), answer.content
    row = Row()
    spelling = tokenizer.special_names.get("eos_token")
    if spelling and content.rstrip().endswith(spelling):  # one EOS, the real one (check 6)
        content = content.rstrip().removesuffix(spelling)
        row.notes.append(f"{spelling} spelled at the end is taken as the EOS")
    row.add(tokenizer.prefix_ids, 0.0, -1)
    if completion:
        prompt = tokenizer.encode(messages[0].content)
        both = tokenizer.encode(messages[0].content + content)
        fits = both[: len(prompt)] == prompt
        row.add(prompt, 0.0, 0)
        row.add(both[len(prompt) :] if fits else tokenizer.encode(content, continues=bool(prompt)), weight, 1)
    else:
        row.add(tokenizer.encode(content), weight, 0)
    if tokenizer.eos_id is not None:
        row.add([tokenizer.eos_id], weight, len(messages) - 1)
    return row


def finish(row: Row, limit_tokens: int | None) -> Rendered:
    """Cut to the limit at the end. A row without targets is faulty; a cut row has no stop token at its end."""
    n = len(row.ids)
    kept = n if limit_tokens is None else min(n, limit_tokens)
    weights = np.asarray(row.weights[:kept], dtype=np.float32)
    fault = None
    if not weights[1:].any():
        first = next((i for i, w in enumerate(row.weights) if w), None)
        fault = "no token of this row is a target"
        if kept < n and first is not None:
            fault = f"cut at {limit_tokens} tokens, no target is left (the first is token {first + 1} of {n})"
    return Rendered(
        ids=np.asarray(row.ids[:kept], dtype=np.int32),
        weights=weights,
        message=np.asarray(row.message[:kept], dtype=np.int16),
        truncated=n - kept,
        fault=fault,
        notes=tuple(row.notes),
    )


def _weight(message: Message) -> float:
    return 1.0 if message.weight is None else message.weight


def _encode(proof: turns.Proof, tokenizer: Tokenizer) -> tuple[list[int], list[int], set[int]]:
    """(ids, first character of each, indices of earlier turns whose prompt is not a prefix in tokens).

    The prompt of the last turn is a prefix in tokens always: where a token would reach across the boundary, the answer
    is encoded apart.
    """
    start = proof.turns[-1].start
    prompt, prompt_starts = tokenizer.encode_marked(proof.text[:start])
    ids, starts = tokenizer.encode_marked(proof.text)
    if ids[: len(prompt)] != prompt:
        rest, rest_starts = tokenizer.encode_marked(proof.text[start:], continues=True)
        ids, starts = prompt + rest, prompt_starts + [start + s for s in rest_starts]
    failed = {t.index for t in proof.turns[:-1] if not _splits_at(proof.text, ids, starts, t.start, tokenizer)}
    return ids, starts, failed


def _splits_at(text: str, ids: list[int], starts: list[int], boundary: int, tokenizer: Tokenizer) -> bool:
    """Whether the ids of text[:boundary] are a prefix of `ids`.

    Only the stretch since the last control token is encoded again: no token reaches across one.
    """
    anchor = tokenizer.controls.last_before(text, boundary)
    piece = tokenizer.encode_marked(text[anchor:boundary])[0]
    first = int(np.searchsorted(starts, anchor, side="right")) - 1 if anchor else 0
    return ids[first : first + len(piece)] == piece


def _owners(proof: turns.Proof, messages: Sequence[Message]) -> np.ndarray:
    """int16 [characters + 1]: the message that wrote each character of the text, -1 = the template.

    Trained turns are known; other contents are searched for, backwards, between them.
    """
    owner = np.full(len(proof.text) + 1, -1, dtype=np.int16)
    floor = first = 0
    for turn in proof.turns:
        owner[turn.start : turn.end] = turn.index
        end = turn.start
        for i in range(turn.index - 1, first - 1, -1):
            content = messages[i].content.strip()
            at = proof.text.rfind(content, floor, end) if content else -1
            if at >= 0:
                owner[at : at + len(content)] = i
                end = at
        floor, first = turn.end, turn.index + 1
    return owner


def _spellings(messages: Sequence[Message], controls: Controls) -> list[str]:
    spelled: set[str] = set()
    for message in messages:
        allowed = ANSWER_MARKERS if message.role == "assistant" else ()
        spelled |= set(controls.spelled_in(message.content)) - set(allowed)
    return [f"{s} spelled in a message is encoded as plain text" for s in sorted(spelled)]


def _unwritten(proof: turns.Proof, messages: Sequence[Message], owner: np.ndarray, controls: Controls) -> list[str]:
    """Notes on what the template left out. Raises DataError for a tool call that it does not write in a trained turn:
    the row would teach silence."""
    notes = []
    for turn in proof.turns:
        written, message = proof.text[turn.start : turn.end], messages[turn.index]
        for call in message.tool_calls:
            if call.name not in written:
                raise DataError(
                    "The chat template does not write tool calls",
                    seen=f"a call of {call.name!r} rendered as {controls.spell(written)!r}"[:200],
                    todo="use a model whose template knows tools, or write the call into the content",
                )
        if message.reasoning and message.reasoning.strip() not in written:
            notes.append("the reasoning of answers is not written by this template")
    for i, message in enumerate(messages[: proof.turns[-1].index]):
        if message.role in ("system", "developer", "user") and message.content.strip() and not (owner == i).any():
            notes.append(f"a {message.role} message does not stand in the rendered text as given")
    return sorted(set(notes))
