"""A tiny model that is told what to say: a real engine, whose draws a constraint forces to a script."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from burnish import connect
from burnish.protocols import Policy
from burnish.render.renderer import Renderer
from burnish.render.tokenizer import Tokenizer
from burnish.store.models import resolve
from burnish.types import SamplingParams

TOOLS = (
    "{% if tools %}{{ '<|im_start|>system\\n' }}{% for t in tools %}{{ t.function.name + ' ' }}{% endfor %}"
    "{{ '<|im_end|>\\n' }}{% endif %}"
    "{% for m in messages %}{{ '<|im_start|>' + m['role'] + '\\n' + m['content'] }}"
    "{% for c in m['tool_calls'] or [] %}"
    "{{ '<tool_call>{\"name\": \"' + c.function.name + '\", \"arguments\": ' + c.function.arguments|tojson + '}</tool_call>' }}"
    "{% endfor %}{{ '<|im_end|>' + '\\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}"
)  # fmt: skip
"""ChatML with tools: their names in a system turn, calls as Hermes writes them."""
Script = Callable[[int, int, int], str | None]
"""(question, sample, turn) to what is said, stop token and all; None = whatever the model draws."""


def tool_model(source: Path, to: Path, *, positions: int = 1024, template: str = TOOLS) -> Path:
    """The tiny model with a template that knows tools, and more room."""
    shutil.copytree(source, to)
    for file, changes in (
        ("tokenizer_config.json", {"chat_template": template}),
        ("config.json", {"max_position_embeddings": positions}),
    ):
        body = json.loads((to / file).read_text()) | changes
        (to / file).write_text(json.dumps(body))
    return to


def open_policy(directory: Path) -> tuple[Policy, Renderer]:
    ref = resolve(str(directory))
    engine = connect.open_engine("local", ref, dtype="float32", device="cpu", threads=1)
    return connect.open_policy(engine, ref), Renderer(Tokenizer.load(ref.tokenizer))


class Scripted:
    """Stands for an engine; counts its requests."""

    def __init__(self, policy: Policy, renderer: Renderer, script: Script) -> None:
        self.engine, self.renderer, self.script = policy.engine, renderer, script
        self.requests: list[list[SamplingParams]] = []

    @property
    def facts(self) -> Any:
        return self.engine.facts

    def forward(self, *given: Any, **more: Any) -> Any:
        return self.engine.forward(*given, **more)

    def sample(self, prompts: Sequence[Sequence[int]], params: Any, **more: Any) -> Any:
        each = [params] * len(prompts) if isinstance(params, SamplingParams) else list(params)
        self.requests.append(each)
        makers = [self._maker(*(p.place or (n, 0)), len(self.requests)) for n, p in enumerate(each)]
        return self.engine.sample(prompts, params, constraints=makers, **more)

    def _maker(self, question: int, first: int, turn: int) -> Callable[[], Any]:
        samples = iter(range(first, 1 << 20))

        def make() -> _Follow:
            said = self.script(question, next(samples), turn)
            return _Follow(None if said is None else self.renderer.tokenizer.encode(said, parse_special=True))

        return make


def scripted(policy: Policy, renderer: Renderer, script: Script) -> tuple[Policy, Scripted]:
    engine = Scripted(policy, renderer, script)
    return Policy(engine, policy.adapter), engine  # type: ignore[arg-type]


class _Follow:
    """Allows one token after another."""

    def __init__(self, ids: list[int] | None) -> None:
        self.ids, self.seen = ids, 0

    def mask(self) -> np.ndarray | None:
        if self.ids is None or self.seen >= len(self.ids):
            return None
        mask = np.zeros(259, dtype=bool)
        mask[self.ids[self.seen]] = True
        return mask

    def accept(self, token: int) -> None:
        self.seen += 1
