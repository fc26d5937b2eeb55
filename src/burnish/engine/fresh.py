"""A model directory with random weights, for pre-training from nothing: a Llama of any size.

Weights are normal with standard deviation 0.05 for embeddings and 0.02 elsewhere, those that write into the residual stream
smaller by sqrt(2 layers) (Radford et al. 2019). With `copying`, the first three layers start near the circuit by which every
language model copies (induction heads: Elhage et al. 2021; Olsson et al. 2022, arXiv 2209.11895), because a small model finds it
late or never from the texts alone. In the spirit of mimetic initialisation (Trockman & Kolter 2023, arXiv 2305.09828):

- one coordinate of every embedding is a constant, which softmax cannot see in the (tied) head and from which queries and keys can
  be made that depend on positions alone;
- two heads of layer 0 look one and two positions back (a fixed rotation between query and key) and write what stands there into
  two subspaces of the residual stream;
- four heads of layers 1 and 2 look for a place whose predecessor is this token, or whose second predecessor is the predecessor of
  this token, and write the token that they find towards the head. They compare in the slowly rotating half of their dimensions.

Everything is trained from there like any other weight.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from safetensors.numpy import save_file

EMBEDDING_STD = 0.05
CONSTANT_ENERGY = 0.25
"""Squared size of the constant coordinate, relative to that of all others together."""
LOOK_BACK = 6.0
"""What each fast frequency of rotation adds to the attention logit at the position looked back to; there are head / 4 of them."""
MATCH = 25.0
"""Attention logit of two equal tokens, before training."""
GAIN = 4.0
"""Size of what a copying head writes, in embeddings."""
_VARYING = 0.9
"""What the constant coordinate leaves of a normalised embedding: about 1 / sqrt(1 + CONSTANT_ENERGY)."""
_KEPT = 0.7
"""What is left of a token in the normalised residual stream once layer 0 has written into it, squared; about, by trial."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """Sizes of a Llama with tied embeddings."""

    vocab: int
    hidden: int
    layers: int
    heads: int
    kv_heads: int
    wide: int
    positions: int
    rope_theta: float = 100_000.0
    """Large, so that half of the frequencies hardly turn within the context, and compare tokens wherever they stand."""

    def config(self) -> dict[str, object]:
        """config.json in the Hugging Face layout."""
        return {
            "architectures": ["LlamaForCausalLM"],
            "model_type": "llama",
            "vocab_size": self.vocab,
            "hidden_size": self.hidden,
            "intermediate_size": self.wide,
            "num_hidden_layers": self.layers,
            "num_attention_heads": self.heads,
            "num_key_value_heads": self.kv_heads,
            "max_position_embeddings": self.positions,
            "rms_norm_eps": 1e-5,
            "rope_theta": self.rope_theta,
            "hidden_act": "silu",
            "tie_word_embeddings": True,
            "bos_token_id": 0,
            "eos_token_id": 0,
            "torch_dtype": "float32",
        }


def write_fresh(directory: Path, shape: Shape, *, seed: int, copying: bool = True) -> None:
    """Write config.json and model.safetensors. Token 0 is taken to begin and end texts."""
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "config.json").write_text(json.dumps(shape.config(), indent=1) + "\n", encoding="utf-8")
    save_file(weights(shape, seed=seed, copying=copying), directory / "model.safetensors", metadata={"format": "pt"})


def weights(shape: Shape, *, seed: int, copying: bool = True) -> dict[str, np.ndarray]:
    """Every tensor by its Hugging Face name, float32."""
    draw = np.random.default_rng(seed)
    width, head, depth = shape.hidden, shape.hidden // shape.heads, (2 * shape.layers) ** -0.5

    def normal(rows: int, columns: int, std: float = 0.02) -> np.ndarray:
        return draw.standard_normal((rows, columns)) * std

    found: dict[str, np.ndarray] = {
        "model.embed_tokens.weight": normal(shape.vocab, width, EMBEDDING_STD),
        "model.norm.weight": np.ones(width),
    }
    for i in range(shape.layers):
        layer = f"model.layers.{i}."
        found |= {
            f"{layer}self_attn.q_proj.weight": normal(width, width),
            f"{layer}self_attn.k_proj.weight": normal(shape.kv_heads * head, width),
            f"{layer}self_attn.v_proj.weight": normal(shape.kv_heads * head, width),
            f"{layer}self_attn.o_proj.weight": normal(width, width, 0.02 * depth),
            f"{layer}mlp.gate_proj.weight": normal(shape.wide, width),
            f"{layer}mlp.up_proj.weight": normal(shape.wide, width),
            f"{layer}mlp.down_proj.weight": normal(width, shape.wide, 0.02 * depth),
            f"{layer}input_layernorm.weight": np.ones(width),
            f"{layer}post_attention_layernorm.weight": np.ones(width),
        }
    if copying:
        _prepare_copying(found, shape, draw)
    return {name: np.ascontiguousarray(value, dtype=np.float32) for name, value in found.items()}


def _prepare_copying(found: dict[str, np.ndarray], shape: Shape, draw: np.random.Generator) -> None:
    """Overwrite a few heads of the first three layers; see the module's docstring."""
    assert shape.layers >= 3, "copying takes three layers"
    assert shape.kv_heads >= 2, "copying takes two key-value heads"
    assert shape.heads >= 2 * shape.kv_heads, "copying takes two query heads a key-value head"
    width, head = shape.hidden, shape.hidden // shape.heads
    half, share = head // 2, shape.heads // shape.kv_heads
    angles = shape.rope_theta ** (-np.arange(half) / half)
    constant = EMBEDDING_STD * np.sqrt(CONSTANT_ENERGY * (width - 1))
    found["model.embed_tokens.weight"][:, 0] = constant
    normed = constant / np.sqrt(((width - 1) * EMBEDDING_STD**2 + constant**2) / width)  # after RMS norm
    fast = half // 2

    def subspace(rows: int, columns: int) -> np.ndarray:
        """Orthonormal rows."""
        return np.linalg.qr(draw.standard_normal((columns, rows)))[0].T

    def features() -> np.ndarray:
        """[head, width]: a subspace of the residual stream without its constant coordinate."""
        return np.concatenate([np.zeros((head, 1)), subspace(head, width - 1)], 1)

    token, before, second = features(), features(), features()

    def rotated(angle: float) -> np.ndarray:
        """[head, width]: from the constant, the vector whose fast pairs point at `angle` positions."""
        out = np.zeros((head, width))
        size = np.sqrt(LOOK_BACK * np.sqrt(head)) / normed
        out[:fast, 0], out[half : half + fast, 0] = size * np.cos(angle * angles[:fast]), size * np.sin(angle * angles[:fast])
        return out

    layer = "model.layers.0.self_attn."
    found[f"{layer}k_proj.weight"][:head] = rotated(1)
    found[f"{layer}v_proj.weight"][:head] = token
    scale = EMBEDDING_STD / _VARYING / np.sqrt(head / width)
    for place, (angle, into) in enumerate(((0, before), (-1, second))):  # with the key's rotation: 1 and 2 positions back
        rows = slice(place * head, (place + 1) * head)
        found[f"{layer}q_proj.weight"][rows] = rotated(angle)
        found[f"{layer}o_proj.weight"][:, rows] = into.T * scale

    slow = np.concatenate([np.arange(fast, half), np.arange(fast, half) + half])
    size = np.sqrt(MATCH * np.sqrt(head) / len(slow) / _KEPT)
    for i in (1, 2):
        layer = f"model.layers.{i}.self_attn."
        for group, (asks, offers) in enumerate(((token, before), (before, second))):
            mix, seen = subspace(len(slow), head), features()
            keys, queries = np.zeros((head, width)), np.zeros((head, width))
            keys[slow], queries[slow] = mix @ offers * size, mix @ asks * size
            rows = slice(group * head, (group + 1) * head)
            found[f"{layer}k_proj.weight"][rows] = keys
            found[f"{layer}v_proj.weight"][rows] = seen
            rows = slice(group * share * head, (group * share + 1) * head)
            found[f"{layer}q_proj.weight"][rows] = queries
            found[f"{layer}o_proj.weight"][:, rows] = seen.T * (EMBEDDING_STD / _VARYING * GAIN)


def write_finished(source: Path, out: Path, *, spare: range, seed: int) -> None:
    """Write the weights of `source` in bfloat16, with the rows of tokens that no text held set to the mean of all others.

    Each such row gets noise of its own, half as large as rows differ, so that post-training can tell the tokens apart even
    where the embedding stays frozen.
    """
    import torch
    from safetensors import torch as tensors

    found = tensors.load_file(source / "model.safetensors")
    table = found["model.embed_tokens.weight"]
    used = torch.ones(len(table), dtype=torch.bool)
    used[list(spare)] = False
    generator = torch.Generator().manual_seed(seed)
    noise = torch.randn(len(spare), table.shape[1], generator=generator) * table[used].std(0) / 2
    table[~used] = table[used].mean(0) + noise
    out.mkdir(parents=True, exist_ok=True)
    half = {name: tensor.to(torch.bfloat16).contiguous() for name, tensor in found.items()}
    tensors.save_file(half, out / "model.safetensors", metadata={"format": "pt"})
    config = json.loads((source / "config.json").read_text(encoding="utf-8"))
    config["torch_dtype"] = "bfloat16"
    (out / "config.json").write_text(json.dumps(config, indent=1) + "\n", encoding="utf-8")
