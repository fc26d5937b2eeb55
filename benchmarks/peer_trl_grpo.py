"""TRL's GRPOTrainer on the benchmark prompts; prints one JSON line.

16 prompts a step, 8 answers to each, at most `--limit` tokens; the reward is a cheap function of the text, so that sampling and
the update are what is measured. `as-shipped` is TRL's default (bf16 autocast, gradient checkpointing), `fp32` and `bf16` are
without checkpointing. Generation is `transformers`' (vLLM needs a GPU). Time runs over whole steps after one warm-up step.
"""

from __future__ import annotations

import argparse
import contextlib
import sys
import tempfile
from pathlib import Path

from measure import Stopwatch, read_json, report

PROMPTS, GROUP = 16, 8
MODES = {
    "as-shipped": {"use_cpu": True},
    "bf16": {"use_cpu": True, "gradient_checkpointing": False},
    "fp32": {"use_cpu": True, "bf16": False, "gradient_checkpointing": False},
}


def worth(text: str) -> float:
    """A reward that differs between answers and costs nothing: the share of vowels."""
    return sum(c in "aeiou" for c in text) / max(1, len(text))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--root", type=Path, default=Path(__file__).parent / ".cache")
    parser.add_argument("--size", default="S")
    parser.add_argument("--mode", choices=sorted(MODES), default="fp32")
    parser.add_argument("--warmup", type=int, default=1)
    parser.add_argument("--steps", type=int, default=2)
    parser.add_argument("--limit", type=int, default=64)
    arguments = parser.parse_args()

    from datasets import Dataset, disable_progress_bars
    from transformers import AutoTokenizer, TrainerCallback
    from trl import GRPOConfig, GRPOTrainer

    disable_progress_bars()
    tokenizer = AutoTokenizer.from_pretrained(arguments.root / arguments.size)
    prompts = [tokenizer.decode(ids) for ids in read_json(arguments.root / "prompts.json")["prompts"]]
    watch, last = Stopwatch(), arguments.warmup + arguments.steps
    tokens: list[int] = []

    class Clock(TrainerCallback):
        def on_step_end(self, args, state, control, **kwargs):
            if state.global_step == arguments.warmup:
                watch.start()
            if state.global_step == last:
                watch.stop()

    def reward(completions, completion_ids=None, **kwargs):
        tokens.append(sum(map(len, completion_ids)) if completion_ids is not None else 0)
        return [worth(text) for text in completions]

    with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(sys.stderr):
        config = GRPOConfig(
            output_dir=folder,
            max_steps=last,
            per_device_train_batch_size=PROMPTS * GROUP,
            num_generations=GROUP,
            max_completion_length=arguments.limit,
            learning_rate=1e-6,
            save_strategy="no",
            report_to="none",
            disable_tqdm=True,
            **MODES[arguments.mode],
        )
        rows = Dataset.from_list([{"prompt": prompts[n % len(prompts)]} for n in range(PROMPTS * (last + 1))])
        trainer = GRPOTrainer(
            model=str(arguments.root / arguments.size), reward_funcs=reward, args=config, train_dataset=rows, callbacks=[Clock()]
        )
        trainer.train()
    parameter = next(trainer.model.parameters())
    drawn = tokens[arguments.warmup : last]
    report(
        watch,
        what="grpo",
        who="trl",
        mode=arguments.mode,
        size=arguments.size,
        tokens_per_s=sum(drawn) / watch.elapsed_s,
        seconds_per_step=watch.elapsed_s / arguments.steps,
        tokens_per_step=sum(drawn) / arguments.steps,
        dtype=f"{str(parameter.dtype).removeprefix('torch.')} weights" + (", bf16 autocast" if config.bf16 else ""),
        settings={**MODES[arguments.mode], "prompts": PROMPTS, "group": GROUP, "limit": arguments.limit},
    )


if __name__ == "__main__":
    main()
