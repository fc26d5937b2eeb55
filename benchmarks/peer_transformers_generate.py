"""Greedy generation with `transformers` on the benchmark prompts; prints one JSON line.

Each of the 64 prompts has its own number of new tokens (8..128), as answers of different length would have; the end token is
switched off so that every mode draws exactly as many. `dynamic` and `static` are `generate` with the two caches: prompts are
padded on the left and a finished row stays in its batch until the batch's last row is done, which is how `generate` works.
`continuous` is its continuous batching, where finished requests leave. Weights are loaded in `--dtype`.
Time covers the drawing of all answers, after a warm-up of 8 tokens on every prompt; ids are already tokenized.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
from pathlib import Path

from measure import Stopwatch, read_json, report


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--root", type=Path, default=Path(__file__).parent / ".cache")
    parser.add_argument("--size", default="S")
    parser.add_argument("--mode", choices=["dynamic", "static", "continuous"], default="dynamic")
    parser.add_argument("--dtype", choices=["float32", "bfloat16"], default="float32")
    parser.add_argument("--batch", type=int, default=64, help="rows a call of generate; 64 is all at once")
    parser.add_argument("--repeats", type=int, default=1)
    parser.add_argument("--matmul-precision", default="highest", choices=["highest", "high", "medium"])
    parser.add_argument("--answers", type=Path, help="write the drawn ids here")
    parser.add_argument("--profile", action="store_true", help="print a table of operator times to standard error")
    arguments = parser.parse_args()

    import torch
    from transformers import (
        AutoModelForCausalLM,
        ContinuousBatchingConfig,
        GenerationConfig,
        StoppingCriteria,
        StoppingCriteriaList,
    )
    from transformers.generation.continuous_batching.utils import WorkloadHints

    torch.set_float32_matmul_precision(arguments.matmul_precision)
    asked = read_json(arguments.root / "prompts.json")
    prompts, limits = asked["prompts"], asked["limits"]
    model = AutoModelForCausalLM.from_pretrained(arguments.root / arguments.size, dtype=getattr(torch, arguments.dtype))
    device = "cuda" if torch.cuda.is_available() else "cpu"
    model.to(device).eval()

    class RowLimits(StoppingCriteria):
        """Each row is done once it has its own number of new tokens."""

        def __init__(self, ends: list[int]) -> None:
            self.ends = torch.tensor(ends, device=device)

        def __call__(self, input_ids, scores, **kwargs):
            return self.ends <= input_ids.shape[1]

    def padded(limit: int | None) -> list[list[int]]:
        answers: list[list[int]] = []
        for start in range(0, len(prompts), arguments.batch):
            rows = prompts[start : start + arguments.batch]
            news = [min(n, limit or n) for n in limits[start : start + arguments.batch]]
            width = max(map(len, rows))
            ids = torch.tensor([[0] * (width - len(row)) + row for row in rows])
            mask = torch.tensor([[0] * (width - len(row)) + [1] * len(row) for row in rows])
            config = GenerationConfig(
                do_sample=False,
                max_new_tokens=max(news),
                eos_token_id=None,
                pad_token_id=0,
                cache_implementation="static" if arguments.mode == "static" else None,
                disable_compile=True,
            )
            model.generation_config.eos_token_id = None
            drawn = model.generate(
                ids.to(device),
                attention_mask=mask.to(device),
                generation_config=config,
                stopping_criteria=StoppingCriteriaList([RowLimits([width + n for n in news])]),
            )
            answers += [row[width : width + n].tolist() for row, n in zip(drawn, news, strict=True)]
        return answers

    def continuous(limit: int | None) -> list[list[int]]:
        config = GenerationConfig(do_sample=False, max_new_tokens=max(limits), eos_token_id=-1, pad_token_id=0)
        memory = ContinuousBatchingConfig(max_memory_percent=0.1)  # by default it takes 90 % of what is free, used or not
        hints = WorkloadHints(max_prompt_length=max(map(len, prompts)), max_generated_length=max(limits), num_requests=64)
        answers: dict[str, list[int]] = {}
        with model.continuous_batching_context_manager(
            generation_config=config, continuous_batching_config=memory, workload_hints=hints
        ) as manager:
            for i, (prompt, n) in enumerate(zip(prompts, limits, strict=True)):
                manager.add_request(prompt, request_id=str(i), max_new_tokens=min(n, limit or n), eos_token_id=-1)
            while len(answers) < len(prompts):
                result = manager.get_result(timeout=1)
                if result is not None and result.is_finished():
                    assert result.error is None, result.error
                    answers[result.request_id] = list(result.generated_tokens)
        return [answers[str(i)] for i in range(len(prompts))]

    draw = continuous if arguments.mode == "continuous" else padded
    profiler = torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU]) if arguments.profile else None
    watch = Stopwatch()
    draw(8)
    if profiler:
        profiler.start()
    watch.start()
    for _ in range(arguments.repeats):
        answers = draw(None)
    watch.stop()
    if profiler:
        profiler.stop()
        print(profiler.key_averages().table(sort_by="self_cpu_time_total", row_limit=25), file=sys.stderr)

    assert [len(answer) for answer in answers] == limits, "a mode drew fewer or more tokens than asked"
    if arguments.answers:
        arguments.answers.write_text(json.dumps(answers))
    report(
        watch,
        what="generate",
        who="transformers",
        mode=f"{arguments.mode}-{'fp32' if arguments.dtype == 'float32' else 'bf16'}",
        size=arguments.size,
        tokens_per_s=arguments.repeats * sum(limits) / watch.elapsed_s,
        seconds=watch.elapsed_s / arguments.repeats,
        new_tokens=sum(limits),
        prompt_tokens=sum(map(len, prompts)),
        answers_sha256=hashlib.sha256(json.dumps(answers).encode()).hexdigest(),
        dtype=arguments.dtype,
        settings={"batch": arguments.batch, "matmul_precision": arguments.matmul_precision},
    )


if __name__ == "__main__":
    main()
