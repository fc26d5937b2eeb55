"""What transformers and peft compute of a model directory or an adapter: the second opinion on an export."""

from __future__ import annotations

import importlib.util
import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import cast

import numpy as np
import torch

from burnish.engine.borrowed_files import plain_config, quietly
from burnish.engine.device import available_memory
from burnish.engine.load import weight_files
from burnish.types import Datum

SHARE = 0.25
"""Of the free memory, what a model may take in float32 to be opened a second time."""


def why_not(base: Path, adapter: Path | None) -> str:
    """Why these tools cannot be asked here; empty where they can."""
    needed = ("transformers", "peft") if adapter is not None else ("transformers",)
    absent = [name for name in needed if importlib.util.find_spec(name) is None]
    if absent:
        return f"{' and '.join(absent)} is not installed here"
    size = 2 * sum(file.stat().st_size for file in weight_files(base))
    free = available_memory("cpu")
    return f"the model is too large to be opened twice ({size:,} bytes, {free:,} free)" if size > SHARE * free else ""


def logprobs(base: Path, adapter: Path | None, data: Sequence[Datum]) -> list[np.ndarray]:
    """Of the targets of each text, in float32 on the CPU. Nothing is fetched, and no code of the model is run."""
    from transformers import AutoModelForCausalLM

    before = os.environ.get("HF_HUB_OFFLINE")
    os.environ["HF_HUB_OFFLINE"] = "1"
    try:
        with quietly():
            model = AutoModelForCausalLM.from_pretrained(
                base, config=plain_config(base), dtype=torch.float32, trust_remote_code=False, local_files_only=True
            )
        if adapter is not None:
            from peft import PeftModel

            rows, embedding = _rows(adapter), cast(torch.nn.Embedding, model.get_input_embeddings())
            if rows > embedding.weight.shape[0]:  # as AutoPeftModelForCausalLM does, by the tokenizer
                model.resize_token_embeddings(rows, mean_resizing=False)
            model = PeftModel.from_pretrained(model, adapter)
    finally:
        if before is None:
            del os.environ["HF_HUB_OFFLINE"]
        else:
            os.environ["HF_HUB_OFFLINE"] = before
    model.eval()
    found = []
    with torch.no_grad():
        for datum in data:
            ids = torch.from_numpy(datum.chunks[0].tokens.astype(np.int64))[None]  # type: ignore[union-attr]
            targets = torch.from_numpy(datum.streams["targets"].astype(np.int64))
            each = torch.log_softmax(model(input_ids=ids).logits[0].float(), -1)
            found.append(each.gather(1, targets[:, None])[:, 0].numpy())
    return found


def _rows(adapter: Path) -> int:
    """Rows of the embedding that an adapter needs, for tokens of its own; 0 where it has none."""
    listed = json.loads((adapter / "adapter_config.json").read_text("utf-8")).get("trainable_token_indices") or []
    return 1 + max((i for ids in (listed.values() if isinstance(listed, dict) else [listed]) for i in ids), default=-1)
