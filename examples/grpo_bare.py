"""Reinforcement learning without the house around it: `python examples/grpo_bare.py MODEL TASK OUT`.

The whole method on one screen: draw a group of answers to each question, grade them, subtract the group's mean, spread what is
left over the answer's tokens, step. The twin of `burnish.recipes.grpo` (Dr.GRPO); a test asserts equal losses and rewards."""

import math
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from burnish.engine.host import Host
from burnish.protocols import Grader
from burnish.render.renderer import Renderer
from burnish.render.tokenizer import Tokenizer
from burnish.store.models import resolve
from burnish.tasks import ready
from burnish.tasks.rollout import sampling, seed_of
from burnish.types import AdamParams, Adapter, Datum, Example, LoraSpec, TokenChunk

STEPS, QUESTIONS, GROUP, RATE, WARMUP = 30, 16, 8, 5e-4, 0.03


def train(
    host: Host, adapter: Adapter, rows: list[Example], renderer: Renderer, grader: Grader, steps: int, questions: int, group: int,
    limit: int, rate: float,
) -> Iterator[tuple[float, float]]:  # fmt: skip
    """Train on the questions in their order; yields the loss and the mean reward of each step."""
    rising = math.ceil(WARMUP * steps)
    for step in range(steps):
        asked = [rows[(step * questions + n) % len(rows)] for n in range(questions)]
        prompts, data, rewards = [renderer.prompt_of(row) for row in asked], list[Datum](), list[float]()
        params = replace(sampling(renderer, limit_tokens=limit, samples=group), seed=seed_of(0, step))
        drawn = host.sample(prompts, params, route=adapter).result()
        for row, prompt, samples in zip(asked, prompts, drawn, strict=True):
            worth = [grader.grade(row, renderer.parse(s.ids.tolist()).content).value for s in samples]
            rewards += worth
            for sample, reward in zip(samples, worth, strict=True):
                credit = (reward - float(np.mean(worth))) / (questions * group * limit)
                ids = np.array([*prompt, *sample.ids], dtype=np.int32)
                advantages, logprobs = np.zeros((2, len(ids) - 1), dtype=np.float32)
                advantages[len(prompt) - 1 :], logprobs[len(prompt) - 1 :] = credit, sample.logprobs
                data.append(Datum((TokenChunk(ids[:-1]),), {"targets": ids[1:], "advantages": advantages, "logprobs": logprobs}))
        taught = [d for d in data if d.streams["advantages"].any()]
        yield (host.forward_backward(taught, route=adapter, loss="ppo").result().loss if taught else 0.0), float(np.mean(rewards))
        now = rate * (step + 1) / (rising + 1) if step < rising else rate * (steps - step) / (steps - rising)
        if taught:
            host.optim_step(AdamParams(learning_rate=now, clip=1.0), adapter=adapter).result()


if __name__ == "__main__":
    model, task = resolve(sys.argv[1]).base, ready.get(sys.argv[2])
    host, settings = Host.open(model), (task.grader, STEPS, QUESTIONS, GROUP, task.limit_tokens, RATE)
    adapter = host.create(LoraSpec(rank=32, alpha=32.0))
    for step, (_, reward) in enumerate(train(host, adapter, list(task.train), Renderer(Tokenizer.load(model)), *settings), 1):
        print(f"step {step}/{STEPS}  reward {reward:.3f}")
    (out := Path(sys.argv[3])).mkdir(parents=True)
    host.export(out, adapter=adapter, form="peft", base=str(model))
