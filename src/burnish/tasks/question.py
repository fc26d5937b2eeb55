"""A question as a policy reads it, and an answer as it draws it: the words between examples and rollouts."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from burnish.render.renderer import Renderer
from burnish.tasks.environment import Setting, question_of
from burnish.types import Example, Sample, SamplingParams, Segment


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What is asked: an example, and the tokens of its prompt."""

    index: int
    """in its split"""
    example: Example
    ids: tuple[int, ...]


def seed_of(*numbers: int) -> int:
    """A 31-bit seed that no other numbers give, but by chance (numpy's SeedSequence)."""
    return int(np.random.SeedSequence(list(numbers)).generate_state(1)[0] >> 1)


def sampling(renderer: Renderer, *, limit_tokens: int, samples: int = 1, temperature: float = 1.0) -> SamplingParams:
    """How answers are drawn that end as the model's template says."""
    return SamplingParams(
        limit_tokens=limit_tokens,
        temperature=temperature,
        samples=samples,
        stop=tuple(renderer.stop_strings),
        stop_ids=tuple(renderer.stop_ids),
    )


def answer_of(renderer: Renderer, example: Example, sample: Sample) -> str:
    """The answer as the user sees it: of a chat, what stands after the reasoning, and tool calls as name(arguments)."""
    if example.form != "chat":
        return sample.text
    message = renderer.parse(sample.ids.tolist(), example.tools)
    calls = (f"{c.name}({c.arguments})" for c in message.tool_calls)
    return "\n".join([*([message.content] if message.content else []), *calls])


def asked_of(renderer: Renderer, example: Example, index: int, setting: Setting | None) -> Question:
    """A row as a question: what its last answer is sampled from, or, in a setting, what it asks before anything was done."""
    messages = None if setting is None or example.form != "chat" else question_of(example)
    ids = renderer.prompt_of(example) if messages is None else renderer.prompt(messages, example.tools)
    return Question(index=index, example=example, ids=tuple(ids))


def said_by(sample: Sample, *, turn: int) -> Segment:
    """What was drawn, as a stretch of a rollout."""
    version = sample.weight_version
    return Segment(role="assistant", ids=sample.ids, logprobs=sample.logprobs, turn=turn, weight_version=version)
