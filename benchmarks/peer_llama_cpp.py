"""Greedy generation with llama.cpp (its Python binding) on the benchmark prompts; prints one JSON line.

The model is written as GGUF by burnish's own export, in `--dtype`. Prompts and answers go through `llama_decode` with continuous
batching: all prompts in batches of 2,048 tokens, then one token for every row, and a row that has its number of tokens leaves.
The best logit is taken by numpy for all rows at once. `--flash` and `--threads` as llama.cpp has them; `--prompts 1` answers the
first prompt alone. Time covers the drawing of all answers, after a warm-up of 8 tokens on every prompt.
"""

from __future__ import annotations

import argparse
import contextlib
import ctypes
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from measure import Stopwatch, read_json, report

BATCH = 2048


def gguf(root: Path, size: str, dtype: str) -> Path:
    """The model as a GGUF file, made once, by another process, so that its memory is not counted here."""
    precision = {"float32": "f32", "bfloat16": "bf16", "q8_0": "q8_0"}[dtype]
    file = root / f"{size}-{precision}.gguf"
    if not file.exists():
        with tempfile.TemporaryDirectory(dir=root) as folder:
            call = f"write(Path({str(root / size)!r}), Path({folder!r}), precision={precision!r})"
            code = f"from pathlib import Path; from burnish.runs.gguf import write; {call}"
            subprocess.run([sys.executable, "-c", code], check=True, stdout=sys.stderr)
            shutil.move(Path(folder) / "model.gguf", file)
    return file


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--root", type=Path, default=Path(__file__).parent / ".cache")
    parser.add_argument("--size", default="S")
    parser.add_argument("--dtype", choices=["float32", "bfloat16", "q8_0"], default="bfloat16")
    parser.add_argument("--prompts", type=int, default=64, help="how many are answered at once")
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--flash", action="store_true", help="flash attention")
    parser.add_argument("--repeats", type=int, default=1)
    parser.add_argument("--answers", type=Path, help="write the drawn ids here")
    arguments = parser.parse_args()

    file = gguf(arguments.root, arguments.size, arguments.dtype)
    import llama_cpp as ll

    quiet = ll.llama_log_callback(lambda level, text, data: None)
    ll.llama_log_set(quiet, ctypes.c_void_p())
    asked = read_json(arguments.root / "prompts.json")
    prompts, limits = asked["prompts"][: arguments.prompts], asked["limits"][: arguments.prompts]
    ll.llama_backend_init()
    model = ll.llama_model_load_from_file(str(file).encode(), ll.llama_model_default_params())
    settings = ll.llama_context_default_params()
    longest = max(len(p) + n for p, n in zip(prompts, limits, strict=True))
    settings.n_ctx = len(prompts) * -(-(longest + 1) // 64) * 64  # every row has its own part of the cache
    settings.n_batch = settings.n_ubatch = BATCH
    settings.n_seq_max = len(prompts)
    settings.kv_unified = False
    settings.n_threads = settings.n_threads_batch = arguments.threads
    if hasattr(settings, "flash_attn_type"):
        settings.flash_attn_type = 1 if arguments.flash else 0
    context = ll.llama_init_from_model(model, settings)
    assert context, "llama.cpp made no context"
    memory, vocab = ll.llama_get_memory(context), ll.llama_vocab_n_tokens(ll.llama_model_get_vocab(model))
    batch = ll.llama_batch_init(BATCH, 0, 1)

    def decode(rows: list[tuple[int, int, int, bool]]) -> np.ndarray:
        """(token, position, row, whether its logits are wanted) -> the best next token of those that are."""
        for i, (token, place, row, wanted) in enumerate(rows):
            batch.token[i], batch.pos[i], batch.logits[i] = token, place, wanted
            batch.n_seq_id[i], batch.seq_id[i][0] = 1, row
        batch.n_tokens = len(rows)
        failed = ll.llama_decode(context, batch)
        assert failed == 0, f"llama_decode returned {failed}"
        count = sum(wanted for *_, wanted in rows)
        logits = np.ctypeslib.as_array(ll.llama_get_logits(context), shape=(count, vocab)) if count else np.zeros((0, vocab))
        return logits.argmax(1)

    def draw(limit: int | None) -> list[list[int]]:
        ll.llama_memory_clear(memory, True)
        wanted = [min(n, limit or n) for n in limits]
        answers: list[list[int]] = [[] for _ in prompts]
        flat = [(t, i, row, i == len(p) - 1) for row, p in enumerate(prompts) for i, t in enumerate(p)]
        for start in range(0, len(flat), BATCH):
            piece = flat[start : start + BATCH]
            for row, token in zip([row for _, _, row, last in piece if last], decode(piece), strict=True):
                answers[row].append(int(token))
        while going := [row for row, n in enumerate(wanted) if len(answers[row]) < n]:
            rows = [(answers[row][-1], len(prompts[row]) + len(answers[row]) - 1, row, True) for row in going]
            for row, token in zip(going, decode(rows), strict=True):
                answers[row].append(int(token))
                if len(answers[row]) == wanted[row]:
                    ll.llama_memory_seq_rm(memory, row, -1, -1)
        return answers

    with contextlib.redirect_stdout(sys.stderr):
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
        who="llama.cpp",
        mode=arguments.dtype + ("-flash" if arguments.flash else ""),
        size=arguments.size,
        tokens_per_s=arguments.repeats * sum(limits) / watch.elapsed_s,
        seconds=watch.elapsed_s / arguments.repeats,
        new_tokens=sum(limits),
        prompt_tokens=sum(map(len, prompts)),
        answers_sha256=hashlib.sha256(json.dumps(answers).encode()).hexdigest(),
        dtype=arguments.dtype,
        threads=arguments.threads,
        settings={"flash": arguments.flash, "prompts": arguments.prompts},
    )


if __name__ == "__main__":
    main()
