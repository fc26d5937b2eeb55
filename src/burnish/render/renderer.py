"""Examples to rows, conversations to prompts, answers back to Messages: one Renderer per model.

A rendered row is what inference would see. How its mask is proved is in `turns`, how it becomes tokens in `rows`. What
differs from `transformers.apply_chat_template(tokenize=True)`: control tokens typed into messages stay text, a missing
BOS or end of turn is added, and a template without a generation prompt gets one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import numpy as np

from burnish.errors import DataError, TemplateError
from burnish.render import turns
from burnish.render.jinja import ConversationRefused, freeze
from burnish.render.parse import CallForm, parse_answer
from burnish.render.rows import Rendered, Row, chat_row, finish, last_answer, raw_row
from burnish.render.template import (
    ANSWER_MARKERS,
    CALL_OPEN,
    COMPACT_CALL,
    PLAIN,
    PLAIN_STOP,
    ChatTemplate,
    as_message,
    as_template_dict,
)
from burnish.render.tokenizer import Tokenizer
from burnish.types import Example, Message, ToolCall, asks_only

Tools = Sequence[Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class _Form:
    """A template and what is known of it."""

    template: ChatTemplate
    layout: turns.Layout


class Renderer:
    """Renders for one tokenizer and its template (or the plain one). Stateless after construction."""

    def __init__(
        self,
        tokenizer: Tokenizer,
        limit_tokens: int | None = None,
        *,
        now: datetime | None = None,
        options: Mapping[str, Any] | None = None,
    ) -> None:
        """`limit_tokens` cuts rows, `now` is the date that templates are told (default: today), `options` are further
        variables of the template, such as `enable_thinking`.

        Raises TemplateError when the template cannot be rendered safely, or nothing could end its answers.
        """
        self.tokenizer, self.limit_tokens = tokenizer, limit_tokens
        now = now or datetime.now()
        self._variables = {**tokenizer.special_names, **(options or {})}
        plain = tokenizer.template is None
        stop = PLAIN_STOP if plain and tokenizer.eos_id is None else None
        origin = tokenizer.template_origin or "plain"
        source = PLAIN if tokenizer.template is None else tokenizer.template
        self._form = self._learn(ChatTemplate(source, origin=origin, now=now), stop)
        more = tokenizer.tool_template
        self._tool_form = self._learn(ChatTemplate(more, origin=origin, now=now), None) if more else self._form
        self._shows_tools = self._are_tools_shown()
        found = (*tokenizer.eos_ids, *self._form.layout.closers, *self._tool_form.layout.closers)
        self.stop_ids: tuple[int, ...] = tuple(dict.fromkeys(found))
        """Tokens that end an answer: the tokenizer's and the template's."""
        self.stop_strings: tuple[str, ...] = (stop,) if stop else ()
        """Texts that end an answer: only where the tokenizer has no token for it."""
        tool_source = self._tool_form.template.source
        llama = '"parameters"' in tool_source and CALL_OPEN not in tool_source
        self.call_form: CallForm = "compact" if COMPACT_CALL in tool_source else "llama" if llama else "hermes"

    def _learn(self, template: ChatTemplate, stop_string: str | None) -> _Form:
        def draw(messages: Sequence[Message], generate: bool) -> str:
            return self._text(template, messages, (), generate)

        eos_id, controls = self.tokenizer.eos_id, self.tokenizer.controls
        return _Form(template, turns.learn_layout(draw, controls, eos_id=eos_id, stop_string=stop_string))

    def _are_tools_shown(self) -> bool:
        """Whether the template writes the tools it is given (one that fails on this small case is believed to)."""
        function = {"name": "Qzx", "description": "", "parameters": {"type": "object", "properties": {}}}
        tools = [{"type": "function", "function": function}]
        try:
            text = self._text(self._tool_form.template, [Message(role="user", content="Hi")], tools, True)
        except TemplateError:
            return True
        return "Qzx" in text

    def why_no_tools(self) -> str:
        """What of tools the template does not write: the tools, a call, or its result. Empty where it writes all."""
        if not self._shows_tools:
            return "it does not show the tools to the model"
        kinds = {"type": "object", "properties": {"at": {"type": "string"}}, "required": ["at"]}
        tools = [{"type": "function", "function": {"name": "look", "description": "Look.", "parameters": kinds}}]
        call = ToolCall(name="look", arguments='{"at": "Qzx"}', id="call00001")
        asked = [Message(role="user", content="Hi"), Message(role="assistant", tool_calls=(call,))]
        told = Message(role="tool", content="Qzv", name="look", tool_call_id=call.id)
        try:
            text, added = self._text(self._tool_form.template, asked, tools, False), self.extend((), asked, [told], tools)
        except TemplateError as error:
            return f"it refuses a call and its result: {error.seen or error}"
        if "Qzx" not in text:
            return "it does not write a call"
        return "" if "Qzv" in self.tokenizer.decode(added, continues=True) else "it does not write what a tool gives back"

    @property
    def template(self) -> ChatTemplate:
        """The template of conversations without tools."""
        return self._form.template

    @property
    def layout(self) -> turns.Layout:
        """What that template writes around an answer."""
        return self._form.layout

    def spelled(self, messages: Sequence[Message], *, generate: bool) -> str:
        """A conversation as the template writes it, its control tokens spelled out. generate: up to where an answer begins."""
        text = self._text(self._form.template, messages, (), generate)
        return self.tokenizer.controls.spell(text + (self.layout.header if generate else ""))

    @property
    def facts(self) -> dict[str, object]:
        """What was found out about template and tokenizer: for logs, the resolved config and the report."""
        template, layout, tokenizer = self._form.template, self._form.layout, self.tokenizer
        facts: dict[str, object] = {
            "template_origin": template.origin,
            "template_hash": template.hash,
            "tokenizer_fingerprint": tokenizer.fingerprint,
            "stop_tokens": [tokenizer.decode([i], continues=True) for i in self.stop_ids],
            "stop_strings": list(self.stop_strings),
            "adds_bos": tokenizer.adds_bos,
            "notes": list(tokenizer.notes),
        }
        if template.tells_date or self._tool_form.template.tells_date:
            facts["template_date"] = template.now.date().isoformat()
        if layout.header:
            facts["generation_prompt_added"] = tokenizer.controls.spell(layout.header)
        if layout.beyond:
            facts["generation_prompt_beyond_history"] = tokenizer.controls.spell(layout.beyond)
        return facts

    def _text(self, template: ChatTemplate, messages: Sequence[Message], tools: Tools, generate: bool) -> str:
        """The marked text of a conversation. Leading BOS tokens are one (check 4)."""
        controls, bos_id = self.tokenizer.controls, self.tokenizer.bos_id
        rows = []
        for message in messages:
            allowed = ANSWER_MARKERS if message.role == "assistant" else ()
            rows.append(freeze(as_template_dict(message), lambda text, allowed=allowed: controls.hide(text, allowed)))
        safe_tools = freeze(tools, controls.hide)
        text = template.render(rows, tools=safe_tools, add_generation_prompt=generate, variables=self._variables)
        marked = controls.reveal(controls.mark(text))
        if bos_id is not None and bos_id in controls and marked.startswith(bos := controls.mark_of(bos_id)):
            marked = bos + marked.lstrip(bos)
        return marked

    def _form_for(self, tools: Tools) -> tuple[turns.Render, turns.Layout]:
        form = self._tool_form if tools else self._form
        return lambda messages, generate: self._text(form.template, messages, tools, generate), form.layout

    def _with_prefix(self, ids: list[int]) -> list[int]:
        """`ids` with what the tokenizer puts before a text, unless it is there already."""
        prefix = list(self.tokenizer.prefix_ids)
        return ids if ids[: len(prefix)] == prefix else prefix + ids

    def render(self, example: Example) -> Rendered:
        """One training row. What is wrong with a row is its `fault`; what is wrong with the template is raised.

        Raises TemplateError when the mask of the last answer cannot be proved.
        """
        try:
            messages = [as_message(m) for m in example.messages]
            if example.form == "chat":
                draw, layout = self._form_for(example.tools)
                row = chat_row(messages, draw=draw, layout=layout, tokenizer=self.tokenizer)
                if example.tools and not self._shows_tools:
                    row.notes.append("the tools are not shown to the model: its chat template does not write them")
            else:
                row = raw_row(messages, completion=example.form == "completion", tokenizer=self.tokenizer)
        except (DataError, ConversationRefused) as error:
            return replace(finish(Row(), None), fault=str(error))
        return finish(row, self.limit_tokens)

    def question(self, example: Example) -> Rendered:
        """A row that only asks: its prompt, of which nothing is a target. Raises TemplateError or DataError."""
        ids = np.asarray(self.prompt(example.messages, example.tools), dtype=np.int32)
        message = np.full(len(ids), -1, dtype=np.int16)
        return Rendered(ids=ids, weights=np.zeros(len(ids), dtype=np.float32), message=message)

    def prompt(self, messages: Sequence[Message | Mapping[str, Any]], tools: Tools = ()) -> list[int]:
        """Ids to sample an assistant's answer from. Raises TemplateError or DataError."""
        draw, layout = self._form_for(tools)
        text = draw([as_message(m) for m in messages], True) + layout.header
        return self._with_prefix(self.tokenizer.encode_marked(text)[0])

    def prompt_of(self, example: Example) -> list[int]:
        """Ids that the example's last answer is sampled from at evaluation: the prefix of its rendered row.

        A text has no question; its prompt is BOS, or its first token where the tokenizer adds none.
        """
        messages = [as_message(m) for m in example.messages]
        if example.form == "chat":
            return self.prompt(messages if asks_only(example) else messages[: last_answer(messages)], example.tools)
        ids = self.tokenizer.encode(messages[0].content)
        if example.form == "completion":
            return self._with_prefix(ids)
        return list(self.tokenizer.prefix_ids) or ids[:1]

    def extend(
        self,
        ids: Sequence[int],
        messages: Sequence[Message | Mapping[str, Any]],
        new_messages: Sequence[Message | Mapping[str, Any]],
        tools: Tools = (),
    ) -> list[int]:
        """The prompt that goes on from sampled tokens: `ids`, unchanged, then `new_messages` and a generation prompt.

        `ids` is what was sampled from and what was sampled, stop token included or not; `messages` is the conversation
        that they stand for, the sampled answer last. Sampled tokens are never encoded again (check 21).
        Raises TemplateError where the template shows no end of the answer.
        """
        draw, layout = self._form_for(tools)
        controls, tokenizer = self.tokenizer.controls, self.tokenizer
        old, new = [as_message(m) for m in messages], [as_message(m) for m in new_messages]
        stop = "".join(self.stop_strings)
        added = turns.text_after(draw, old, new, layout, controls, stop) + layout.header
        head = [int(i) for i in ids]
        if head and head[-1] in self.stop_ids:  # the closer was sampled; it is not written twice
            sampled = self.stop_ids if layout.closes_itself else head[-1:]
            added = added[1:] if controls.at(added, 0) in sampled else added
        elif stop and tokenizer.decode(head).endswith(stop):
            added = added.removeprefix(stop)
        return head + tokenizer.encode_marked(added, continues=True)[0]

    def parse(self, ids: Sequence[int], tools: Tools = ()) -> Message:
        """Sampled ids as an assistant Message: up to the stop token, reasoning and tool calls apart. Never fails."""
        layout = (self._tool_form if tools else self._form).layout
        sampled = [int(i) for i in ids]
        end = next((n for n, i in enumerate(sampled) if i in self.stop_ids), None)
        text = self.tokenizer.decode(sampled[:end], continues=True)
        if end is not None:
            text = text.removesuffix(layout.trail)
        for stop in self.stop_strings:
            text = text.partition(stop)[0]
        text = text.removeprefix(layout.lead)
        return parse_answer(text, form=self.call_form, inside_reasoning=layout.inside_reasoning, tools=tools)
