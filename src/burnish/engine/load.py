"""Reading and writing the weights of a Hugging Face directory (config.json and one or more safetensors files).

Inside, matrices that share an input are stored as one (q, k, v; gate, up), so that one product computes all of them. The table
made by `layout` is the only place that knows both sets of names.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from burnish.engine.arch import Arch
from burnish.engine.families import read_arch
from burnish.errors import ModelRefused

if TYPE_CHECKING:
    from burnish.engine.quantised import Quantised

MODULES = ("q", "k", "v", "o", "gate", "up", "down")
"""Names of the linear modules of a block, in the order of the fused matrices."""
GROUPS: Mapping[str, tuple[str, ...]] = {"qkv": ("q", "k", "v"), "o": ("o",), "gate_up": ("gate", "up"), "down": ("down",)}
"""Fused matrix -> the modules stacked in it."""
_HF_MODULE = {m: f"self_attn.{m}_proj" for m in "qkvo"} | {m: f"mlp.{m}_proj" for m in ("gate", "up", "down")}
_HF_FUSED = {"qkv": "self_attn.qkv_proj", "o": "self_attn.o_proj", "gate_up": "mlp.gate_up_proj", "down": "mlp.down_proj"}
"""Names of families whose files hold fused matrices, too."""
_HF_NORMS: Mapping[str, Mapping[str, str]] = {
    "pre": {"input_norm": "input_layernorm", "mlp_norm": "post_attention_layernorm"},
    "post": {"attn_out_norm": "post_attention_layernorm", "mlp_out_norm": "post_feedforward_layernorm"},
    "both": {
        "input_norm": "input_layernorm",
        "attn_out_norm": "post_attention_layernorm",
        "mlp_norm": "pre_feedforward_layernorm",
        "mlp_out_norm": "post_feedforward_layernorm",
    },
}
_HF_EXPERTS = {
    "qwen": ("mlp.gate", "mlp.experts.{}.{}_proj", ("gate", "up", "down")),
    "mixtral": ("block_sparse_moe.gate", "block_sparse_moe.experts.{}.{}", ("w1", "w3", "w2")),
}
"""Router, the matrices of one expert, and what stands for gate, up and down."""


@dataclass(frozen=True, slots=True)
class Piece:
    """One tensor of the files: its name there, the tensor it is part of here, and its rows in it."""

    hf_name: str
    name: str
    start: int
    shape: tuple[int, ...]
    shift: float = 0.0
    """what is added to the values of the files"""
    experts: bool = False
    """whether the file's tensor holds all experts: [experts, in, out], or [experts, out] of biases"""
    mingled: bool = False
    """whether its outputs are those of gate and up in turns"""

    @property
    def inner(self) -> tuple[int, ...]:
        """The shape of its rows here: outputs first, experts one below the other."""
        if not self.experts:
            return self.shape
        return (self.shape[0] * self.shape[-1], *self.shape[1:-1])

    def taken(self, tensor: torch.Tensor) -> torch.Tensor:
        """The file's tensor as rows here."""
        if self.experts:
            tensor = tensor.transpose(1, -1)
            if self.mingled:
                tensor = tensor.unflatten(1, (-1, 2)).transpose(1, 2).flatten(1, 2)
            tensor = tensor.flatten(0, 1)
        return tensor + self.shift if self.shift else tensor

    def given(self, rows: torch.Tensor) -> torch.Tensor:
        """Rows as the file's tensor."""
        tensor = rows - self.shift if self.shift else rows
        if self.experts:
            tensor = tensor.unflatten(0, (self.shape[0], -1))
            if self.mingled:
                tensor = tensor.unflatten(1, (2, -1)).transpose(1, 2).flatten(1, 2)
            tensor = tensor.transpose(1, -1)
        return tensor


def module_widths(arch: Arch) -> dict[str, tuple[int, int]]:
    """(output width, input width) of each linear module that all tokens pass through: those of experts are not among them."""
    d, q, kv, f = arch.hidden, arch.q_width, arch.kv_width, arch.intermediate
    attention = {"q": (q, d), "k": (kv, d), "v": (kv, d), "o": (d, q)}
    return attention if arch.experts else attention | {"gate": (f, d), "up": (f, d), "down": (d, f)}


def groups(arch: Arch) -> dict[str, tuple[str, ...]]:
    """GROUPS of the modules that the architecture has."""
    widths = module_widths(arch)
    return {group: modules for group, modules in GROUPS.items() if modules[0] in widths}


def hf_module(layer: int, module: str) -> str:
    """Name of a linear module in Hugging Face and PEFT files, without prefix or suffix."""
    return f"model.layers.{layer}.{_HF_MODULE[module]}"


def hf_fused(layer: int, group: str) -> str:
    """Name of a fused matrix in the files of families that have such, without prefix or suffix."""
    return f"model.layers.{layer}.{_HF_FUSED[group]}"


def layout(arch: Arch) -> list[Piece]:
    """Every tensor of the architecture. Matrices come first, then vectors (which take no weight decay)."""
    widths = module_widths(arch)
    has_bias = {"qkv": arch.qkv_bias, "o": arch.o_bias, "gate_up": arch.mlp_bias, "down": arch.mlp_bias}
    matrices = [Piece("model.embed_tokens.weight", "embed", 0, (arch.vocab, arch.hidden))]
    vectors: list[Piece] = []
    for i in range(arch.layers):
        prefix = f"model.layers.{i}"
        for group, modules in groups(arch).items():
            name, row = f"layers.{i}.{group}", 0
            parts = [(hf_module(i, m), widths[m][0]) for m in modules]
            if arch.fused:
                parts = [(hf_fused(i, group), sum(out for _, out in parts))]
            for hf_name, out in parts:
                matrices.append(Piece(f"{hf_name}.weight", name, row, (out, widths[modules[0]][1])))
                if has_bias[group]:
                    vectors.append(Piece(f"{hf_name}.bias", f"{name}.bias", row, (out,)))
                row += out
        matrices += _expert_pieces(arch, i)
        vectors += _stacked_vectors(arch, i)
        if arch.sinks:
            vectors.append(Piece(f"{prefix}.self_attn.sinks", f"layers.{i}.sinks", 0, (arch.heads,)))
        norms = [(name, hf_name, arch.hidden) for name, hf_name in _HF_NORMS[arch.norms].items()]
        if arch.qk_norm:
            each = arch.qk_norm == "head"
            norms.append(("q_norm", "self_attn.q_norm", arch.head_dim if each else arch.q_width))
            norms.append(("k_norm", "self_attn.k_norm", arch.head_dim if each else arch.kv_width))
        for name, hf_name, width in norms:
            vectors.append(Piece(f"{prefix}.{hf_name}.weight", f"layers.{i}.{name}", 0, (width,), arch.norm_shift))
    if not arch.tied:
        matrices.append(Piece("lm_head.weight", "head", 0, (arch.vocab, arch.hidden)))
    vectors.append(Piece("model.norm.weight", "norm", 0, (arch.hidden,), arch.norm_shift))
    return matrices + vectors


def _expert_pieces(arch: Arch, layer: int) -> list[Piece]:
    """The router of a layer, and its experts stacked: gate and up of one below those of the one before, and so with down."""
    if arch.experts is None:
        return []
    if arch.experts.names == "gpt_oss":
        return _stacked_pieces(arch, layer)
    router, module, parts = _HF_EXPERTS[arch.experts.names]
    prefix, name, d, f = f"model.layers.{layer}", f"layers.{layer}.experts", arch.hidden, arch.intermediate
    found = [Piece(f"{prefix}.{router}.weight", f"{name}.router", 0, (arch.experts.count, d))]
    for e in range(arch.experts.count):
        gate, up, down = (f"{prefix}.{module.format(e, part)}.weight" for part in parts)
        found += [Piece(gate, f"{name}.gate_up", 2 * f * e, (f, d)), Piece(up, f"{name}.gate_up", 2 * f * e + f, (f, d))]
        found.append(Piece(down, f"{name}.down", d * e, (d, f)))
    return found


def _stacked_pieces(arch: Arch, layer: int) -> list[Piece]:
    assert arch.experts is not None
    prefix, name, d, f = f"model.layers.{layer}.mlp", f"layers.{layer}.experts", arch.hidden, arch.intermediate
    e = arch.experts.count
    return [
        Piece(f"{prefix}.router.weight", f"{name}.router", 0, (e, d)),
        Piece(f"{prefix}.experts.gate_up_proj", f"{name}.gate_up", 0, (e, d, 2 * f), experts=True, mingled=True),
        Piece(f"{prefix}.experts.down_proj", f"{name}.down", 0, (e, f, d), experts=True),
    ]


def _stacked_vectors(arch: Arch, layer: int) -> list[Piece]:
    """What goes with them and takes no weight decay."""
    if arch.experts is None or not arch.experts.biased:
        return []
    prefix, name, e = f"model.layers.{layer}.mlp", f"layers.{layer}.experts", arch.experts.count
    wide = (e, 2 * arch.intermediate)
    return [
        Piece(f"{prefix}.router.bias", f"{name}.router.bias", 0, (e,)),
        Piece(f"{prefix}.experts.gate_up_proj_bias", f"{name}.gate_up.bias", 0, wide, experts=True, mingled=True),
        Piece(f"{prefix}.experts.down_proj_bias", f"{name}.down.bias", 0, (e, arch.hidden), experts=True),
    ]


def shapes(arch: Arch) -> dict[str, tuple[int, ...]]:
    """Shape of every internal tensor: the pieces of one name stacked by rows."""
    result: dict[str, tuple[int, ...]] = {}
    for piece in layout(arch):
        rows = piece.start + piece.inner[0]
        result[piece.name] = (max(rows, result.get(piece.name, (0,))[0]), *piece.inner[1:])
    return result


def read_config(directory: Path) -> dict[str, Any]:
    """config.json of a model directory."""
    path = directory / "config.json"
    if not path.is_file():
        raise ModelRefused("the directory has no config.json", seen=str(directory), todo="give a Hugging Face model directory")
    try:
        config = json.loads(path.read_text("utf-8"))
    except (UnicodeDecodeError, json.JSONDecodeError) as error:
        raise ModelRefused("config.json is not valid JSON", seen=str(error), todo="fetch the model again") from error
    if not isinstance(config, dict):
        raise ModelRefused("config.json does not hold an object", seen=type(config).__name__)
    return config


def weight_files(directory: Path) -> list[Path]:
    """The safetensors files of a directory; an index that names missing files, or pickle weights alone, is refused."""
    index = directory / "model.safetensors.index.json"
    if index.is_file():
        try:
            names = sorted(set(json.loads(index.read_text("utf-8"))["weight_map"].values()))
        except (ValueError, KeyError, AttributeError, TypeError) as error:
            raise ModelRefused("model.safetensors.index.json cannot be read", seen=str(error)) from error
        files = [directory / Path(name).name for name in names]
        missing = [f.name for f in files if not f.is_file()]
        if missing:
            raise ModelRefused(
                "weight files named by the index are missing", seen=", ".join(missing[:5]), todo="fetch them again"
            )
        return files
    files = sorted(directory.glob("*.safetensors"))
    files = [f for f in files if f.name != "adapter_model.safetensors"]
    if files:
        return files
    pickles = sorted(p.name for p in directory.iterdir() if p.suffix in (".bin", ".pt", ".pth", ".ckpt", ".pkl"))
    if pickles:
        raise ModelRefused(
            "the weights are pickle files, which can run code when they are loaded",
            seen=", ".join(pickles[:5]),
            todo="convert them to safetensors, or fetch the safetensors revision of the model",
        )
    raise ModelRefused("the directory holds no safetensors weights", seen=str(directory))


def _tensors(files: list[Path]) -> Iterator[tuple[str, Any]]:
    for file in files:
        try:
            with safe_open(file, framework="pt") as handle:
                for name in handle.keys():  # noqa: SIM118  (safe_open is no dict)
                    yield name, handle.get_tensor(name)
        except (SafetensorError, OSError) as error:
            raise ModelRefused(f"{file.name} cannot be read", seen=str(error), todo="fetch the file again") from error


def load_weights(
    directory: Path,
    arch: Arch,
    into: Mapping[str, torch.Tensor],
    held: Mapping[str, Quantised] = MappingProxyType({}),
    *,
    skip: Collection[str] = (),
) -> None:
    """Fill the internal tensors from the files, those of `held` by rounding them; those of `skip` are not wanted.

    Raises ModelRefused for unknown, missing or misshapen tensors.
    """
    pieces = {p.hf_name: p for p in layout(arch)}
    missing = set(pieces)
    unknown: list[str] = []
    tied_head: torch.Tensor | None = None
    for hf_name, tensor in _tensors(weight_files(directory)):
        if hf_name.endswith("rotary_emb.inv_freq"):
            continue  # a buffer of old exports; recomputed from the config
        if hf_name == "lm_head.weight" and arch.tied:
            tied_head = tensor
            continue
        piece = pieces.get(hf_name)
        if piece is None:
            unknown.append(hf_name)
            continue
        if tuple(tensor.shape) != piece.shape:
            raise ModelRefused(f"{hf_name} has the wrong shape", seen=f"{tuple(tensor.shape)}, config.json implies {piece.shape}")
        if not tensor.dtype.is_floating_point or tensor.dtype.itemsize < 2:
            raise ModelRefused(f"{hf_name} is quantised", seen=str(tensor.dtype), todo="use the unquantised model directory")
        missing.discard(hf_name)
        if piece.name in skip:
            continue
        target = held[piece.name] if piece.name in held else into[piece.name]
        target[piece.start : piece.start + piece.inner[0]].copy_(piece.taken(tensor.float() if piece.shift else tensor))
    if unknown:
        raise ModelRefused(
            "the weights hold tensors that this architecture does not have, so the model would be computed wrongly",
            seen=", ".join(sorted(unknown)[:5]) + (f" and {len(unknown) - 5} more" if len(unknown) > 5 else ""),
        )
    if missing:
        raise ModelRefused("the weights lack tensors", seen=", ".join(sorted(missing)[:5]), todo="fetch the model again")
    if tied_head is not None and not torch.equal(tied_head.to(into["embed"].dtype), into["embed"].to("cpu")):
        raise ModelRefused(
            "config.json ties head and embedding, but the files hold a different head", todo="set tie_word_embeddings to false"
        )
    for name, tensor in [*into.items(), *((name, matrix.scales) for name, matrix in held.items())]:
        if not torch.isfinite(tensor).all():
            raise ModelRefused("the weights hold NaN or infinite values", seen=name, todo="fetch the model again")


def save_weights(path: Path, arch: Arch, tensors: Mapping[str, torch.Tensor], dtype: torch.dtype) -> None:
    """Write `model.safetensors` with the names and shapes of Hugging Face."""
    files = {}
    for p in layout(arch):
        rows = tensors[p.name][p.start : p.start + p.inner[0]].to("cpu")
        files[p.hf_name] = p.given(rows).to(dtype).contiguous().clone()
    save_file(files, path, metadata={"format": "pt"})


def read_model(directory: Path) -> tuple[dict[str, Any], Arch]:
    """config.json and what it means."""
    config = read_config(directory)
    return config, read_arch(config)
