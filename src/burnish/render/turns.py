"""Which characters of a rendered conversation the model itself would have written: the loss mask, proved by prefixes.

For an assistant turn i, the prompt at inference is R(messages[:i]) with a generation prompt. What follows it in
R(messages[:i+1]), up to and with the token that ends the turn, is what the model should have written. The turn may be
trained inside a longer rendering only if that rendering starts with both; a template that rewrites history (Qwen3
strips the reasoning of earlier turns) fails this, and such a turn is context only. No template needs marks of its own
(check 1).

Texts here are marked texts (see `controls`). What a template does is learned by rendering small conversations
(`learn_layout`): the tokens that end a turn (also where they are the next speaker's marker, as in GLM), the space
before an answer, and what a generation prompt adds beyond the header (`<think>`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from burnish.errors import TemplateError
from burnish.render.controls import Controls
from burnish.render.jinja import ConversationRefused
from burnish.render.parse import split_reasoning
from burnish.render.template import ANSWER_MARKERS, REASONING_CLOSE, REASONING_OPEN
from burnish.types import Message, ToolCall

Render = Callable[[Sequence[Message], bool], str]
"""(messages, add_generation_prompt) to marked text, without the header that `Layout` adds."""

_WORD = "Qzx"
"""Stands for an answer in the small conversations; no template writes it."""
_ASK = Message(role="user", content="Hi")
_ANSWER = Message(role="assistant", content=_WORD)
_CALL = Message(role="assistant", tool_calls=(ToolCall(name=_WORD, arguments="{}"),))
_RESULT = Message(role="tool", content="ok", name=_WORD)


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """What a template writes around an answer."""

    header: str
    """Written before an answer by a template that ignores `add_generation_prompt`; added to its prompts."""
    lead: str
    """White space between prompt and answer, written by the model ("" or " ")."""
    trail: str
    """White space that the template writes between an answer and what ends it, or after it."""
    beyond: str
    """What the generation prompt writes that the rendered answer lacks, such as `<think>` and a newline."""
    closers: tuple[int, ...]
    """Tokens that end a turn: the first ends an answer, the second a tool call where that is another one. Empty where
    a stop string ends it."""
    closes_itself: bool
    """Whether the template writes the closer after an answer (else it is the next speaker's marker, or EOS)."""
    inside_reasoning: bool
    """Whether the prompt ends with reasoning opened."""


def learn_layout(render: Render, controls: Controls, *, eos_id: int | None, stop_string: str | None) -> Layout:
    """Find out how a template lays a turn out. Raises TemplateError when nothing could end an answer."""
    base, prompt, whole = render([_ASK], False), render([_ASK], True), render([_ASK, _ANSWER], False)
    at = whole.find(_WORD)
    if at < 0:
        raise TemplateError(
            "The chat template does not write the assistant's answer",
            seen=controls.spell(whole)[-200:],
            todo="use a template that renders assistant messages",
        )
    shared = _shared(prompt, whole[:at])
    header, lead, beyond, after = "", whole[shared:at], prompt[shared:], whole[at + len(_WORD) :]
    if not beyond and prompt == base and lead.strip():  # the template has no generation prompt
        header = lead.rstrip(" ")
        lead = lead[len(header) :]
    own = _closer(controls, after, 0)
    trail = after[: len(after) - len(after.lstrip())] if own or not after.strip() else ""
    closers = [own[0]] if own else _marker_after(render, controls, [_ASK, _ANSWER], [_ASK])
    closers += [c for c in _closers_of_calls(render, controls, own is not None) if c not in closers]
    if not closers and stop_string is None:
        if eos_id is None:
            raise TemplateError(
                "Nothing ends an answer: the chat template writes no token after it and the tokenizer has no EOS",
                seen=controls.spell(whole)[-200:],
                todo="name an eos_token in tokenizer_config.json, or remove the template to get the plain one",
            )
        closers = [eos_id]
    return Layout(
        header=header,
        lead="" if lead.strip() else lead,
        trail=trail,
        beyond=beyond,
        closers=tuple(closers),
        closes_itself=own is not None,
        inside_reasoning=controls.spell(prompt).rstrip().endswith(REASONING_OPEN),
    )


def _common(left: str, right: str) -> int:
    pairs = enumerate(zip(left, right, strict=False))
    return next((n for n, (a, b) in pairs if a != b), min(len(left), len(right)))


def _shared(prompt: str, whole: str) -> int:
    """Length of the common start, not counting the "<" that opening and closing markers share."""
    n = _common(prompt, whole)
    return n - 1 if n and prompt[n - 1 :].startswith(REASONING_OPEN) and n < len(prompt) else n


def _closer(controls: Controls, text: str, start: int, among: Sequence[int] = ()) -> tuple[int, int] | None:
    """(token, end) of the first control token in the run of control tokens and white space that ends text[start:].

    Markers of answers do not count; `among` limits which tokens do.
    """
    found = None
    for n in range(len(text) - 1, start - 1, -1):
        token = controls.at(text, n)
        if token is None and not text[n].isspace():
            break
        if token is not None:
            if controls.spelling_of[token] in ANSWER_MARKERS:
                break
            if not among or token in among:
                found = (token, n + 1)
    return found


def _closers_of_calls(render: Render, controls: Controls, closes_itself: bool) -> list[int]:
    try:
        if not closes_itself:
            return _marker_after(render, controls, [_ASK, _CALL], [_RESULT])
        prompt, whole = render([_ASK], True), render([_ASK, _CALL], False)
    except TemplateError:
        return []  # a template that knows no tools
    own = _closer(controls, whole, _shared(prompt, whole)) if _WORD in whole else None
    return [own[0]] if own else []


def _marker_after(render: Render, controls: Controls, messages: Sequence[Message], more: Sequence[Message]) -> list[int]:
    """The control token with which the next speaker's turn starts, if it does."""
    before = render(messages, False)
    try:
        after = render([*messages, *more], False)
    except ConversationRefused:
        return []
    rest = after[len(before) :].lstrip() if after.startswith(before) else ""
    token = controls.at(rest, 0) if rest else None
    return [] if token is None else [token]


@dataclass(frozen=True, slots=True)
class Turn:
    """A trained stretch [start, end) of the marked text, written by message `index`."""

    index: int
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Proof:
    """The marked text of a conversation and what in it may be trained."""

    text: str
    turns: tuple[Turn, ...]
    """In order; the last is the last message."""
    closed: bool
    """Whether the text holds what ends the last turn; else it is to be added."""
    skipped: tuple[int, ...]
    """Assistant turns that are context only, because history shows them otherwise than they were written."""


def prove(render: Render, messages: Sequence[Message], layout: Layout, controls: Controls) -> Proof:
    """Find the trained stretches of a conversation that ends with an assistant turn.

    Raises TemplateError when the last turn cannot be proved, ConversationRefused when the template refuses.
    """
    last = len(messages) - 1
    assert messages[last].role == "assistant"
    try:
        prompt = render(messages[:last], True) + layout.header
    except TemplateError as error:
        if last:
            raise
        raise ConversationRefused(
            "The chat template cannot start a conversation with the assistant",
            seen=error.seen,
            todo="begin with a user",
        ) from None
    text = _with_last_turn(render(messages, False), prompt, messages[last], layout, controls)
    end, closed = _end_of_turn(text, len(prompt), layout, controls)
    turns, skipped = [], []
    for i, message in enumerate(messages[:last]):
        if message.role == "assistant" and message.weight != 0:
            turn = _earlier_turn(render, messages, i, text, layout, controls)
            if turn is None:
                skipped.append(i)
            else:
                turns.append(turn)
    if not closed:
        text = text[:end]
    return Proof(text, (*turns, Turn(last, len(prompt), end)), closed, tuple(skipped))


def _with_last_turn(whole: str, prompt: str, message: Message, layout: Layout, controls: Controls) -> str:
    """The text to train on: the whole rendering if it starts with the prompt, else the prompt and the answer joined."""
    if whole.startswith(prompt):
        return whole
    head = prompt.removesuffix(layout.beyond)
    rest = whole[len(head) :]
    if not layout.beyond or not whole.startswith(head) or controls.spell(rest).lstrip().startswith(REASONING_OPEN):
        raise _unproved(whole, prompt, controls)
    rest = rest.removeprefix(REASONING_CLOSE).removeprefix(controls.mark(REASONING_CLOSE)).lstrip("\n")
    reasoning = message.reasoning if message.reasoning is not None else split_reasoning(message.content)[0]
    beyond = controls.spell(layout.beyond).strip()
    if beyond == REASONING_OPEN:  # the model goes on inside the reasoning, then closes it (check 10)
        return prompt + (reasoning or "").strip("\n") + controls.mark(f"\n{REASONING_CLOSE}\n\n") + rest
    if beyond.endswith(REASONING_CLOSE) and not reasoning:  # reasoning is switched off: the answer follows
        return prompt + rest
    raise _unproved(whole, prompt, controls)


def _unproved(whole: str, prompt: str, controls: Controls) -> TemplateError:
    n = _shared(prompt, whole)
    return TemplateError(
        "The chat template renders an answer otherwise than the prompt for it, so the loss would fall on wrong tokens",
        seen=f"the prompt goes on with {controls.spell(prompt[n : n + 60])!r}, the conversation with "
        f"{controls.spell(whole[n : n + 60])!r}",
        todo="give reasoning in its own field or not at all, or use a template whose prompts start its conversations",
    )


def _end_of_turn(text: str, start: int, layout: Layout, controls: Controls) -> tuple[int, bool]:
    """(end of the turn that ends this text, whether what stops the model is in it)."""
    if not layout.closers:
        return len(text), True  # a stop string, written by the template
    found = _closer(controls, text, start, layout.closers)
    if found:
        return found[1], True
    return len(text.removesuffix(layout.trail)), False


def _earlier_turn(
    render: Render, messages: Sequence[Message], i: int, text: str, layout: Layout, controls: Controls
) -> Turn | None:
    try:
        prompt, upto = render(messages[:i], True) + layout.header, render(messages[: i + 1], False)
    except TemplateError:
        return None  # a conversation that starts with the assistant, or that may not stop here
    end, closed = _end_of_turn(upto, len(prompt), layout, controls)
    if not upto.startswith(prompt) or not text.startswith(upto[:end]):
        return None
    if not closed and end < len(text) and controls.at(text, end) in layout.closers:
        end += 1  # the next speaker's marker is what ended the turn (check 2)
    return Turn(i, len(prompt), end)


def text_after(
    render: Render, messages: Sequence[Message], more: Sequence[Message], layout: Layout, controls: Controls, stop: str
) -> str:
    """What follows the last answer in the prompt for the next one: its closer, `more`, and a generation prompt.

    The answer itself is replaced by a word, twice: what both renderings end with comes after it, whatever the template
    does to the past. `stop` is the stop string that ends an answer where no token does ("" = none).
    """
    answer = messages[-1]
    assert answer.role == "assistant"
    one, other = (render([*messages[:-1], _stand_in(answer, w), *more], True) for w in (_WORD, _WORD[::-1]))
    shared = one[len(one) - _common(one[::-1], other[::-1]) :]
    ends = [n for n in range(len(shared)) if controls.at(shared, n) in layout.closers]
    if stop in shared and stop:
        ends.append(shared.index(stop))
    if ends:
        return shared[min(ends) :]
    if answer.tool_calls or one == other:
        raise TemplateError(
            "The chat template shows no end of the last answer, so sampled tokens cannot be followed by a message",
            seen=controls.spell(one)[-200:],
            todo="use a template that writes answers and what ends them",
        )
    return shared


def _stand_in(answer: Message, word: str) -> Message:
    if not answer.tool_calls:
        return Message(role="assistant", content=word)
    *before, last = answer.tool_calls
    return Message(role="assistant", tool_calls=(*before, replace(last, name=word)))
