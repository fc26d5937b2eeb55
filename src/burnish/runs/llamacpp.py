"""llama.cpp as a second opinion on an exported GGUF file, through its Python binding where that is installed.

The same tokens are given to both, so that nothing is drawn by chance; that both split texts into the same tokens is checked, too.
"""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from burnish.evals.audits import Audit, unchecked
from burnish.render.tokenizer import Tokenizer
from burnish.types import Datum

BAR, BAR_QUANTISED = 0.05, 0.25
"""Mean |difference| of log-probabilities, in nats: llama.cpp keeps keys and values in float16 and rounds activations."""
TEXTS = (
    "Hello there, how are you?",
    "  two spaces,\ta tab\n\nand 1234 digits 56.7",
    "it's we'll I'D THEY'RE 3x",
    "Größe, naïve, déjà vu; 你好，世界 🙂",
    "def f(x):\n    return x ** 2  # done",
)


def compare(
    file: Path, tokenizer: Tokenizer, data: Sequence[Datum], wanted: Sequence[np.ndarray], quantised: bool
) -> Audit | None:
    """Log-probabilities of the texts in llama.cpp against the model's, and its tokens of TEXTS against the tokenizer's.

    None where the package llama_cpp is not installed.
    """
    try:
        llama_cpp = importlib.import_module("llama_cpp")
    except ModuleNotFoundError:
        return None
    longest = max(len(d.chunks[0].tokens) for d in data)  # type: ignore[union-attr]
    room = max(64, longest + 1)
    try:
        model = llama_cpp.Llama(str(file), n_ctx=room, n_batch=room, logits_all=True, verbose=False, seed=0)
    except (ValueError, RuntimeError) as error:  # of a family that this llama.cpp does not know, say
        return unchecked("llama.cpp", f"the llama.cpp that is installed does not load it ({error})")
    try:
        gaps = [np.abs(_logprobs(model, d) - w).mean() for d, w in zip(data, wanted, strict=True)]
        other = [t for t in TEXTS if model.tokenize(t.encode(), add_bos=False, special=False) != tokenizer.encode(t)]
    finally:
        model.close()
    gap, bar = float(np.mean(gaps)), BAR_QUANTISED if quantised else BAR
    detail = f"log-probabilities of {len(data)} texts in llama.cpp differ by {gap:.2g} nats on average (bar {bar:g})"
    if other:
        detail += f"; it splits {other[0]!r} into other tokens"
    return Audit(name="llama.cpp", passed=gap <= bar and not other, value=gap, bar=bar, detail=detail)


def _logprobs(model: Any, datum: Datum) -> np.ndarray:
    tokens = datum.chunks[0].tokens  # type: ignore[union-attr]
    model.reset()
    model.eval(tokens.tolist())
    logits = np.asarray(model.scores[: len(tokens)], dtype=np.float64)
    logits -= logits.max(1, keepdims=True)
    logprobs = logits - np.log(np.exp(logits).sum(1, keepdims=True))
    return logprobs[np.arange(len(tokens)), datum.streams["targets"][: len(tokens)].astype(np.int64)]
