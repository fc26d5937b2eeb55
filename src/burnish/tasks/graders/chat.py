"""RemoteChat: a model behind an OpenAI-compatible URL, as judges ask it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from burnish.protocols import Said
from burnish.tasks.graders.references import shown
from burnish.tasks.graders.remote import Door, Failed, post
from burnish.types import Message


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoteChat:
    """`POST URL/chat/completions`. A refusal, an empty answer and one that was cut are failures."""

    door: Door
    model: str
    limit_tokens: int = 1024
    temperature: float = 0.0
    reasoning: str | None = None
    """reasoning_effort; a server that is sent it gets no temperature"""
    seed: int | None = None
    top_p: float | None = None

    @property
    def limit_s(self) -> float:
        """As its server."""
        return self.door.limit_s

    def answer(self, messages: Sequence[Message]) -> Said:
        """What the model says to a conversation."""
        reply = post(self.door, "/chat/completions", self._body(messages))
        if isinstance(reply, Failed):
            return Said("", error=reply.why)
        choice = _choice(reply.body)
        if choice is None:
            return _failed(f"{self.door.url} answered in another form than OpenAI's: {shown(str(reply.body))}{reply.shown}")
        text = (choice.get("message") or {}).get("content")
        if not isinstance(text, str) or not text.strip():
            refusal = (choice.get("message") or {}).get("refusal")
            return _failed(f"{self.model} " + (f"refused: {shown(str(refusal))}" if refusal else "said nothing") + reply.shown)
        if choice.get("finish_reason") == "length":
            return _failed(f"{self.model} was cut after {self.limit_tokens} tokens{reply.shown}")
        return Said(text, reply.shown)

    def _body(self, messages: Sequence[Message]) -> dict[str, Any]:
        openai = urlsplit(self.door.url).hostname == "api.openai.com"
        limit = "max_completion_tokens" if openai else "max_tokens"
        body: dict[str, Any] = {
            "model": self.model,
            "messages": [{"role": m.role, "content": m.content} for m in messages],
            limit: self.limit_tokens,
        }
        body |= {"temperature": self.temperature} if self.reasoning is None else {"reasoning_effort": self.reasoning}
        return body | {k: v for k, v in (("seed", self.seed), ("top_p", self.top_p)) if v is not None}


def _failed(why: str) -> Said:
    return Said("", error=why)


def _choice(body: Any) -> dict[str, Any] | None:
    choices = body.get("choices") if isinstance(body, dict) else None
    found = choices[0] if isinstance(choices, list) and choices else None
    return found if isinstance(found, dict) and isinstance(found.get("message"), dict) else None
