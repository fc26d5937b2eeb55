"""A trained adapter on a tiny host, and the means to open another."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from burnish.engine.host import Host
from burnish.engine.measure import Choices
from burnish.protocols import Policy
from burnish.render.renderer import Renderer
from burnish.render.tokenizer import Tokenizer
from burnish.types import AdamParams, Datum, Example, LoraSpec, Message

CHOICES = Choices(device="cpu", threads=1, dtype="float32", matmul="aten", bmm_limit=0, unit_tokens=128).to_json()
QUESTIONS = (("sky", "blue"), ("grass", "green"), ("snow", "white"), ("coal", "black"), ("sun", "gold"), ("rose", "red"))


def chat(question: str, answer: str, line: int = 0) -> Example:
    turns = (Message(role="user", content=question), Message(role="assistant", content=answer))
    return Example(messages=turns, reference=answer, source="colours.jsonl", line=line)


@pytest.fixture(scope="session")
def examples() -> list[Example]:
    return [chat(q, a, i + 1) for i, (q, a) in enumerate(QUESTIONS)]


@pytest.fixture(scope="session")
def renderer(tiny_model: Path) -> Renderer:
    return Renderer(Tokenizer.load(tiny_model))


@pytest.fixture(scope="session")
def data(renderer: Renderer, examples: list[Example]) -> list[Datum]:
    return [Datum.from_tokens(r.ids, r.weights) for r in map(renderer.render, examples)]


@pytest.fixture(scope="session")
def open_host() -> Callable[[Path], Host]:
    """Opens a fresh host with fixed choices, so that nothing is measured in tests."""
    return lambda directory: Host.open(directory, choices=CHOICES, checkpointing=False)


@pytest.fixture
def trained(tiny_model: Path, open_host: Callable[[Path], Host], data: list[Datum]) -> Policy:
    """An adapter after three optimiser steps."""
    host = open_host(tiny_model)
    policy = Policy(host, host.create(LoraSpec(rank=4, alpha=8.0)))
    train(policy, data, steps=3)
    return policy


def train(policy: Policy, data: list[Datum], *, steps: int, learning_rate: float = 2e-2) -> None:
    for _ in range(steps):
        policy.forward_backward(data).result()
        policy.optim_step(AdamParams(learning_rate=learning_rate)).result()
