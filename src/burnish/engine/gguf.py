"""A model directory as the tensors of a GGUF file, under llama.cpp's names, and a written file compared with them.

Names come from llama.cpp's package `gguf`; permutations are those of its own converter (convert_hf_to_gguf.py).
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import safe_open

from burnish.engine.arch import Arch
from burnish.engine.load import read_model, weight_files
from burnish.errors import CapabilityMissing, ExportFailed

FAMILIES = {
    "llama": "LLAMA",
    "mistral": "LLAMA",
    "qwen2": "QWEN2",
    "qwen3": "QWEN3",
    "qwen3_moe": "QWEN3MOE",
    "smollm3": "SMOLLM3",
    "olmo2": "OLMO2",
    "olmoe": "OLMOE",
    "gemma2": "GEMMA2",
    "gemma3_text": "GEMMA3",
    "phi3": "PHI3",
}
PERMUTED = ("llama", "mistral", "smollm3")
"""Families whose queries and keys llama.cpp turns in neighbouring pairs instead of halves."""


def need_package() -> Any:
    """The package gguf. Raises CapabilityMissing."""
    try:
        return importlib.import_module("gguf")
    except ModuleNotFoundError as error:
        todo = "pip install 'burnish[gguf]'"
        raise CapabilityMissing("an export to GGUF needs the package gguf", seen=str(error), todo=todo) from error


def tensors(model: Path, arch: Arch) -> Iterator[tuple[str, np.ndarray]]:
    """Every tensor under llama.cpp's name, in float32."""
    gguf = need_package()
    names = gguf.get_tensor_name_map(gguf.MODEL_ARCH[FAMILIES[arch.family]], arch.layers)
    stacked: dict[str, dict[int, np.ndarray]] = {}
    if arch.rope.kind == "llama3":
        plain = np.array([arch.rope.theta ** (-2.0 * i / arch.head_dim) for i in range(arch.head_dim // 2)])
        yield "rope_freqs.weight", (plain / np.array(arch.rope.inverse_frequencies(arch.head_dim))).astype(np.float32)
    for name, tensor in _stored(model):
        if (arch.tied and name == "lm_head.weight") or name.endswith("rotary_emb.inv_freq"):
            continue
        values = tensor.float().numpy()
        if arch.experts and ".experts." in name:
            before, _, rest = name.partition(".experts.")
            expert, _, part = rest.partition(".")
            at = stacked.setdefault(f"{before}.experts.{part}", {})
            at[int(expert)] = values
            if len(at) < arch.experts.count:
                continue
            name, values = f"{before}.experts.{part}", np.stack([at[e] for e in range(arch.experts.count)])
        base, _, suffix = name.rpartition(".")
        found = names.get_name(base)
        if found is None:
            raise ExportFailed("llama.cpp has no place for a tensor of this model", seen=name, todo="use --to merged")
        if arch.norm_shift and name.endswith("norm.weight"):
            values = values + np.float32(arch.norm_shift)
        heads = arch.heads if ".q_proj." in name else arch.kv_heads if ".k_proj." in name else 0
        if heads and arch.family in PERMUTED:
            values = values.reshape(heads, 2, -1, *values.shape[1:]).swapaxes(1, 2).reshape(values.shape)
        yield f"{found}.{suffix}", np.ascontiguousarray(values)


def _stored(model: Path) -> Iterator[tuple[str, torch.Tensor]]:
    """Tensors of the files, in any order."""
    for file in weight_files(model):
        with safe_open(file, framework="pt") as handle:
            for name in handle.keys():  # noqa: SIM118  (safe_open is no dict)
                yield name, handle.get_tensor(name)


def stored_as(model: Path) -> str:
    """The precision of the files' matrices: "f32", "f16" or "bf16"."""
    known = {torch.float16: "f16", torch.bfloat16: "bf16"}
    return next((known.get(t.dtype, "f32") for name, t in _stored(model) if name == "model.embed_tokens.weight"), "f32")


def compare(model: Path, file: Path) -> tuple[float, int]:
    """Read a GGUF file again: the largest difference of a value relative to the largest of its tensor, and the number of tensors.

    Raises ExportFailed where tensors are missing or have other shapes.
    """
    gguf = need_package()
    _, arch = read_model(model)
    found = {t.name: t for t in gguf.GGUFReader(str(file)).tensors}
    worst = 0.0
    count = 0
    for name, values in tensors(model, arch):
        tensor = found.pop(name, None)
        if tensor is None:
            raise ExportFailed("the written GGUF file lacks a tensor", seen=name)
        read = gguf.quants.dequantize(tensor.data, tensor.tensor_type).reshape(values.shape)
        worst = max(worst, float(np.abs(read - values).max() / max(float(np.abs(values).max()), 1e-30)))
        count += 1
    if found:
        raise ExportFailed("the written GGUF file holds tensors of which the model knows nothing", seen=", ".join(found))
    return worst, count
