"""Reinforcement learning without the house around it: `python examples/grpo_bare.py MODEL TASK OUT`.

The whole method on one screen: draw a group of answers to each question, grade them, subtract the group's mean, spread what is
left over the answer's tokens, step. The twin of `burnish.recipes.grpo` (Dr.GRPO); a test asserts equal losses and rewards.
"""

import math
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from burnish.engine.host import Host
from burnish.protocols import Grader
from burnish.render.renderer import Renderer
from burnish.render.tokenizer import Tokenizer
from burnish.store.models import resolve
from burnish.tasks import ready
from burnish.tasks.rollout import seed_of
from burnish.types import AdamParams, Adapter, Datum, Example, LoraSpec, SamplingParams, TokenChunk

STEPS, QUESTIONS, GROUP, RATE, WARMUP = 30, 16, 8, 5e-4, 0.03


def train(
    host: Host, adapter: Adapter, rows: list[Example], renderer: Renderer, grader: Grader,
    steps: int, questions: int, group: int, limit: int, rate: float,
) -> Iterator[tuple[float, float]]:  # fmt: skip
    """Train on the questions in their order; yields the loss and the mean reward of each step."""
    rising = math.ceil(WARMUP * steps)
    for step in range(steps):
        data, rewards = list[Datum](), list[float]()
        for n in range(questions):
            row = rows[(step * questions + n) % len(rows)]
            prompt, seed = renderer.prompt_of(row), seed_of(seed_of(0, step), n)
            params = SamplingParams(limit_tokens=limit, samples=group, seed=seed, stop_ids=tuple(renderer.stop_ids))
            (drawn,) = host.sample([prompt], params, route=adapter).result()
            worth = [grader.grade(row, renderer.parse(s.ids.tolist()).content).value for s in drawn]
            rewards += worth
            for sample, reward in zip(drawn, worth, strict=True):
                credit = (reward - float(np.mean(worth))) / (questions * group * limit)
                ids = np.array([*prompt, *sample.ids], dtype=np.int32)
                advantages, logprobs = np.zeros((2, len(ids) - 1), dtype=np.float32)
                advantages[len(prompt) - 1 :], logprobs[len(prompt) - 1 :] = credit, sample.logprobs
                data.append(Datum((TokenChunk(ids[:-1]),), {"targets": ids[1:], "advantages": advantages, "logprobs": logprobs}))
        taught = [d for d in data if d.streams["advantages"].any()]
        yield host.forward_backward(taught, route=adapter, loss="ppo").result().loss, float(np.mean(rewards))
        now = rate * (step + 1) / (rising + 1) if step < rising else rate * (steps - step) / (steps - rising)
        host.optim_step(AdamParams(learning_rate=now, clip=1.0), adapter=adapter).result()


if __name__ == "__main__":
    model, task, out = resolve(sys.argv[1]).base, ready.get(sys.argv[2]), Path(sys.argv[3])
    host, settings = Host.open(model), (task.grader, STEPS, QUESTIONS, GROUP, task.limit_tokens, RATE)
    adapter = host.create(LoraSpec(rank=32, alpha=32.0))
    for step, (_, reward) in enumerate(train(host, adapter, list(task.train), Renderer(Tokenizer.load(model)), *settings), 1):
        print(f"step {step}/{STEPS}  reward {reward:.3f}")
    out.mkdir(parents=True)
    host.export(out, adapter=adapter, form="peft", base=str(model))
