"""TRL's SFTTrainer on the benchmark chats; prints one JSON line.

`as-shipped` changes nothing that bears on speed: SFTTrainer's own defaults (bf16 autocast, gradient checkpointing, padding,
8 chats a step, fused AdamW), and `use_cpu=True`, which its error message asks for on a machine without an accelerator. The
other modes are what a user who reads TRL's documentation can switch on. Loss falls on all tokens of a chat, which is TRL's
default for conversational data.

Chats keep their (already random) file order, so that the padded modes train on the same chats a step as ours; the packed
modes keep TRL's shuffling because its packing sorts by length. Time runs from the end of the last warm-up step to the end of
the last measured one, data loading included. Tokens are counted in the batches themselves, padding excluded.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import sys
import tempfile
from pathlib import Path

from measure import Stopwatch, report

PACKED = {"packing": True, "per_device_train_batch_size": 1, "train_sampling_strategy": "random"}
EAGER_MEMORY = {"gradient_checkpointing": False}
BF16 = {"use_cpu": True}  # the default bf16 is refused without it on a machine that has no accelerator
MODES = {
    "as-shipped": BF16,
    "padded-fp32": {"bf16": False, **EAGER_MEMORY},
    "grouped-fp32": {"bf16": False, "train_sampling_strategy": "group_by_length", **EAGER_MEMORY},
    "padding-free-fp32": {"bf16": False, "padding_free": True, "max_length": None, **EAGER_MEMORY},
    "packing-bf16": {**BF16, **PACKED, **EAGER_MEMORY},
    "packing-fp32": {"bf16": False, **PACKED, **EAGER_MEMORY},
    "packing-640-fp32": {"bf16": False, "max_length": 640, **PACKED, **EAGER_MEMORY},  # nothing is cut: no chat is longer
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--root", type=Path, default=Path(__file__).parent / ".cache")
    parser.add_argument("--size", default="S")
    parser.add_argument("--mode", choices=sorted(MODES), default="as-shipped")
    parser.add_argument("--warmup", type=int, default=2)
    parser.add_argument("--steps", type=int, default=5)
    parser.add_argument("--lora", type=int, default=0, metavar="RANK", help="train an adapter (peft) instead of all weights")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=JSON", help="one more SFTConfig field")
    parser.add_argument("--matmul-precision", default="highest", choices=["highest", "high", "medium"])
    parser.add_argument("--profile", action="store_true", help="print a table of operator times to standard error")
    arguments = parser.parse_args()

    import torch
    from datasets import Dataset, disable_progress_bars
    from transformers import TrainerCallback
    from trl import SFTConfig, SFTTrainer

    disable_progress_bars()
    torch.set_float32_matmul_precision(arguments.matmul_precision)
    rows = [json.loads(line) for line in (arguments.root / "chats.jsonl").read_text().splitlines()]
    settings = {"train_sampling_strategy": "sequential", **MODES[arguments.mode]}
    if torch.cuda.is_available():
        settings.pop("use_cpu", None)
    settings |= {key: json.loads(value) for key, value in (pair.split("=", 1) for pair in arguments.set)}
    watch, last = Stopwatch(), arguments.warmup + arguments.steps
    tokens: list[int] = []
    targets: list[int] = []
    profiler = torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU]) if arguments.profile else None

    class Clock(TrainerCallback):
        def on_step_end(self, args, state, control, **kwargs):
            if state.global_step == arguments.warmup:
                if profiler:
                    profiler.start()
                watch.start()
            if state.global_step == last:
                watch.stop()
                if profiler:
                    profiler.stop()

    adapter = None
    if arguments.lora:
        from peft import LoraConfig

        adapter = LoraConfig(r=arguments.lora, lora_alpha=2 * arguments.lora, target_modules="all-linear", task_type="CAUSAL_LM")
    with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(sys.stderr):
        config = SFTConfig(
            output_dir=folder,
            max_steps=last,
            save_strategy="no",
            report_to="none",
            disable_tqdm=True,
            **settings,
        )
        trainer = SFTTrainer(
            model=str(arguments.root / arguments.size),
            args=config,
            train_dataset=Dataset.from_list(rows),
            peft_config=adapter,
            callbacks=[Clock()],
        )
        collate = trainer.data_collator

        def counting(features):
            batch = collate(features)
            mask = batch.get("attention_mask")
            tokens.append(int(batch["input_ids"].numel() if mask is None else mask.sum()))
            targets.append(int((batch["labels"] != -100).sum()))
            return batch

        trainer.data_collator = counting
        outcome = trainer.train()

    measured = slice(arguments.warmup, last)
    if profiler:
        print(profiler.key_averages().table(sort_by="self_cpu_time_total", row_limit=25), file=sys.stderr)
    parameter = next(trainer.model.parameters())
    report(
        watch,
        what="sft",
        who="trl",
        mode=arguments.mode + (f"-lora{arguments.lora}" if arguments.lora else ""),
        size=arguments.size,
        tokens_per_s=sum(tokens[measured]) / watch.elapsed_s,
        seconds_per_step=watch.elapsed_s / arguments.steps,
        tokens_per_step=sum(tokens[measured]) / arguments.steps,
        target_tokens_per_step=sum(targets[measured]) / arguments.steps,
        mean_loss=outcome.training_loss,
        dtype=f"{str(parameter.dtype).removeprefix('torch.')} weights" + (", bf16 autocast" if config.bf16 else ""),
        settings={
            **settings,
            "matmul_precision": arguments.matmul_precision,
            "gradient_checkpointing": config.gradient_checkpointing,
            "batch": config.per_device_train_batch_size,
            "max_length": config.max_length,
            "optim": str(config.optim.value),
            "attention": trainer.model.config._attn_implementation,
        },
    )


if __name__ == "__main__":
    main()
