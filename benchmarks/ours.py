"""burnish's engine on the benchmark chats or prompts; prints one JSON line, of the same form as the peers'.

`sft` is a full fine-tune through the verbs a recipe uses: 8 chats a step, the same chats in the same order as the peers'
padded modes, loss on all tokens (as TRL does by default, so that our skipping of untargeted positions gains nothing here),
clipping at 1 and AdamW. Building the Datums is inside the measured time, as collating is in the peer's.
`grpo` is whole steps of Dr.GRPO: 16 prompts, 8 answers of 64 tokens to each.
`generate` draws greedily from the bare base, with each prompt's own limit and the end token switched off.

The engine's measured choices (matmul route, attention form, precision) are made once and kept, as burnish itself keeps them
per machine.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import time
from pathlib import Path

import numpy as np
from measure import Stopwatch, read_json, report
from peer_trl_grpo import GROUP, PROMPTS, worth

from burnish.engine import measure as engine_measure
from burnish.engine.host import Host
from burnish.protocols import Policy
from burnish.recipes.grpo import GRPO, datums
from burnish.render.tokenizer import Tokenizer
from burnish.store import machine
from burnish.types import AdamParams, Datum, Example, LoraSpec, Rollout, Sample, SamplingParams, Score, Segment

LIMIT = 64
"""Tokens of an answer of `grpo`."""
DTYPES = {"auto": "auto", "fp32": "float32", "bf16": "bfloat16"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["sft", "generate", "grpo"])
    parser.add_argument("--root", type=Path, default=Path(__file__).parent / ".cache")
    parser.add_argument("--size", default="S")
    parser.add_argument("--dtype", choices=sorted(DTYPES), default="auto")
    parser.add_argument("--warmup", type=int, default=2)
    parser.add_argument("--steps", type=int, default=8)
    parser.add_argument("--batch", type=int, default=8, help="chats a step")
    parser.add_argument("--lora", type=int, default=0, metavar="RANK", help="train an adapter instead of all weights")
    parser.add_argument("--quantize", choices=["none", "int8", "nf4"], default="none", help="how the base is held (with --lora)")
    parser.add_argument("--prompts", type=int, default=64, help="how many are answered at once")
    parser.add_argument("--repeats", type=int, default=1)
    parser.add_argument("--threads", type=int)
    parser.add_argument("--answers", type=Path, help="write the drawn ids here")
    arguments = parser.parse_args()

    os.environ.setdefault("BURNISH_HOME", str(arguments.root / "home"))
    key = engine_measure.machine_key()
    measured = machine.load_measured(key)
    if measured is None:
        measured = engine_measure.measure()
        machine.save_measured(key, measured)
    host = Host.open(
        arguments.root / arguments.size,
        dtype=DTYPES[arguments.dtype],
        threads=arguments.threads,
        measured=measured,
        quantize=arguments.quantize,
    )
    {"sft": sft, "generate": generate, "grpo": grpo}[arguments.what](host, arguments)


def sft(host: Host, arguments: argparse.Namespace) -> None:
    chats: list[list[int]] = read_json(arguments.root / "chats.ids.json")
    adapter = host.create(LoraSpec(rank=arguments.lora)) if arguments.lora else host.create_full()
    adam = AdamParams(learning_rate=2e-5, clip=1.0)
    watch, losses, tokens, targets = Stopwatch(), [], 0, 0
    for step in range(arguments.warmup + arguments.steps):
        if step == arguments.warmup:
            watch.start()
            tokens = targets = 0
        batch = [np.asarray(ids, dtype=np.int32) for ids in chats[step * arguments.batch : (step + 1) * arguments.batch]]
        counted = sum(len(ids) - 1 for ids in batch)
        data = [Datum.from_tokens(ids, np.full(len(ids), 1 / counted, dtype=np.float32)) for ids in batch]
        losses.append(host.forward_backward(data, route=adapter, loss="cross_entropy").result().loss)
        host.optim_step(adam, adapter=adapter).result()
        tokens, targets = tokens + sum(map(len, batch)), targets + counted
    watch.stop()
    report(
        watch,
        what="sft",
        who="burnish",
        mode=arguments.dtype + (f"-lora{arguments.lora}" if arguments.lora else "") + _held(arguments),
        size=arguments.size,
        tokens_per_s=tokens / watch.elapsed_s,
        seconds_per_step=watch.elapsed_s / arguments.steps,
        tokens_per_step=tokens / arguments.steps,
        target_tokens_per_step=targets / arguments.steps,
        mean_loss=sum(losses) / len(losses),
        dtype=f"float32 masters, {host.choices.dtype} compute",
        weights_bytes=host.memory()["weights"],
        settings={"batch": arguments.batch, "quantize": host.quantize, **host.choices.to_json()},
    )


def generate(host: Host, arguments: argparse.Namespace) -> None:
    asked = read_json(arguments.root / "prompts.json")
    prompts, limits = asked["prompts"][: arguments.prompts], asked["limits"][: arguments.prompts]

    def draw(limit: int | None) -> list[list[int]]:
        params = [SamplingParams(limit_tokens=min(n, limit or n), temperature=0.0, stop_ids=()) for n in limits]
        return [row[0].ids.tolist() for row in host.sample(prompts, params, route=None).result()]

    watch, answers = Stopwatch(), draw(8)
    watch.start()
    for _ in range(arguments.repeats):
        answers = draw(None)
    watch.stop()
    assert [len(answer) for answer in answers] == limits, "fewer or more tokens were drawn than asked"
    if arguments.answers:
        arguments.answers.write_text(json.dumps(answers))
    report(
        watch,
        what="generate",
        who="burnish",
        mode=arguments.dtype + _held(arguments),
        size=arguments.size,
        tokens_per_s=arguments.repeats * sum(limits) / watch.elapsed_s,
        seconds=watch.elapsed_s / arguments.repeats,
        new_tokens=sum(limits),
        prompt_tokens=sum(map(len, prompts)),
        answers_sha256=hashlib.sha256(json.dumps(answers).encode()).hexdigest(),
        dtype=host.choices.dtype,
        weights_bytes=host.memory()["weights"],
        settings={"quantize": host.quantize, **host.choices.to_json()},
    )


def grpo(host: Host, arguments: argparse.Namespace) -> None:
    """Whole steps of Dr.GRPO over all weights: sample, grade, credit, update; the reward is the peer's."""
    tokenizer = Tokenizer.load(arguments.root / arguments.size)
    prompts = read_json(arguments.root / "prompts.json")["prompts"]
    policy, adam = Policy(host, host.create_full()), AdamParams(learning_rate=1e-6, clip=1.0)
    config = GRPO.load(base={"model": "m", "data": "d", "answer_tokens": LIMIT})
    watch, tokens, parts = Stopwatch(), 0, dict.fromkeys(("draw", "grade", "update"), 0.0)
    for step in range(arguments.warmup + arguments.steps):
        if step == arguments.warmup:
            watch.start()
            tokens, parts = 0, dict.fromkeys(parts, 0.0)
        asked = [prompts[(step * PROMPTS + n) % len(prompts)] for n in range(PROMPTS)]
        began = time.perf_counter()
        params = SamplingParams(limit_tokens=LIMIT, samples=GROUP, seed=step, stop_ids=())
        drawn = policy.engine.sample(asked, params, route=policy.adapter).result()
        parts["draw"] += time.perf_counter() - began
        began = time.perf_counter()
        groups = [
            [rollout(ids, s, worth(tokenizer.decode(s.ids.tolist()))) for s in samples]
            for ids, samples in zip(asked, drawn, strict=True)
        ]
        (data,) = datums(config, groups)
        parts["grade"] += time.perf_counter() - began
        began = time.perf_counter()
        policy.forward_backward(data, *config.loss).result()
        policy.optim_step(adam).result()
        parts["update"] += time.perf_counter() - began
        tokens += sum(int(r.drawn.sum()) for group in groups for r in group)
    watch.stop()
    report(
        watch,
        what="grpo",
        who="burnish",
        mode=arguments.dtype,
        size=arguments.size,
        tokens_per_s=tokens / watch.elapsed_s,
        seconds_per_step=watch.elapsed_s / arguments.steps,
        tokens_per_step=tokens / arguments.steps,
        shares={name: seconds / watch.elapsed_s for name, seconds in parts.items()},
        dtype=f"float32 masters, {host.choices.dtype} compute",
        settings={"prompts": PROMPTS, "group": GROUP, "limit": LIMIT, **host.choices.to_json()},
    )


def rollout(prompt: list[int], sample: Sample, reward: float) -> Rollout:
    """A graded answer."""
    asked = Segment(role="user", ids=np.asarray(prompt, dtype=np.int32))
    said = Segment(role="assistant", ids=sample.ids, logprobs=sample.logprobs, turn=1)
    score = Score(value=reward, reason="")
    return Rollout(example=Example(messages=()), segments=(asked, said), answer="", stop_reason=sample.stop_reason, score=score)


def _held(arguments: argparse.Namespace) -> str:
    return "" if arguments.quantize == "none" else f"-{arguments.quantize}"


if __name__ == "__main__":
    main()
