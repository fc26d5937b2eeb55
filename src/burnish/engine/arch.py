"""What a model directory says its network is: config.json read into one small record, or refused with the reason.

A family is one function from config to `Arch`. Every key of a config must be read by its family, be known to be harmless, or
hold a value under which it changes nothing; otherwise the model is refused, because a key that is skipped in silence is a
model that runs wrongly.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from burnish.errors import ModelRefused


@dataclass(frozen=True, slots=True, kw_only=True)
class Rope:
    """Rotary position embedding (Su et al. 2021, arXiv 2104.09864) with the frequency scalings that are understood."""

    theta: float = 10_000.0
    kind: str = "default"
    """"default", "linear", or "llama3" """
    factor: float = 1.0
    low_freq_factor: float = 1.0
    high_freq_factor: float = 4.0
    original_max_positions: int = 8192

    def inverse_frequencies(self, head_dim: int) -> list[float]:
        """Angles per position, one for each of head_dim / 2 pairs."""
        plain = [self.theta ** (-2.0 * i / head_dim) for i in range(head_dim // 2)]
        if self.kind == "linear":
            return [f / self.factor for f in plain]
        if self.kind == "llama3":
            return [self._llama3(f) for f in plain]
        return plain

    def _llama3(self, frequency: float) -> float:
        """Llama 3.1's scaling: long waves are slowed by `factor`, short ones kept, those between interpolated."""
        wavelength = 2 * math.pi / frequency
        longest = self.original_max_positions / self.low_freq_factor
        shortest = self.original_max_positions / self.high_freq_factor
        if wavelength < shortest:
            return frequency
        if wavelength > longest:
            return frequency / self.factor
        smooth = (self.original_max_positions / wavelength - self.low_freq_factor) / (
            self.high_freq_factor - self.low_freq_factor
        )
        return (1 - smooth) * frequency / self.factor + smooth * frequency


@dataclass(frozen=True, slots=True, kw_only=True)
class Arch:
    """A dense pre-norm decoder with rotary attention and a gated MLP."""

    family: str
    vocab: int
    hidden: int
    layers: int
    heads: int
    kv_heads: int
    head_dim: int
    intermediate: int
    norm_eps: float
    rope: Rope = field(default_factory=Rope)
    max_positions: int = 2048
    tied: bool = False
    qk_norm: bool = False
    qkv_bias: bool = False
    o_bias: bool = False
    mlp_bias: bool = False

    @property
    def q_width(self) -> int:
        return self.heads * self.head_dim

    @property
    def kv_width(self) -> int:
        return self.kv_heads * self.head_dim

    @property
    def matmul_parameters(self) -> int:
        """Parameters that are multiplied once per token, the head included (for counting FLOPs)."""
        layer = self.hidden * (2 * self.q_width + 2 * self.kv_width) + 3 * self.hidden * self.intermediate
        return self.layers * layer + self.vocab * self.hidden


HARMLESS = frozenset(
    """architectures model_type torch_dtype dtype use_cache initializer_range transformers_version bos_token_id
    eos_token_id pad_token_id attention_dropout _name_or_path pretraining_tp return_dict output_attentions
    output_hidden_states _attn_implementation attn_implementation id2label label2id problem_type chunk_size_feed_forward
    is_encoder_decoder tokenizer_class unk_token_id sep_token_id cls_token_id max_window_layers _attn_implementation_autoset
    burnish""".split()
)
"""Keys that do not change what the network computes when it is run or fine-tuned here."""


class _Keys:
    """Reads config keys and remembers which, so that the rest can be refused."""

    def __init__(self, config: Mapping[str, Any]) -> None:
        self.config, self.read = config, set[str]()

    def get(self, key: str, default: Any = None) -> Any:
        self.read.add(key)
        value = self.config.get(key)
        return default if value is None else value

    def need(self, key: str) -> Any:
        value = self.get(key)
        if value is None:
            raise ModelRefused(f"config.json lacks {key!r}", todo="use a complete Hugging Face model directory")
        return value

    def only(self, key: str, *allowed: Any) -> None:
        """The key may be absent or hold one of these values; with any other the network would be a different one."""
        value = self.config.get(key)
        self.read.add(key)
        if value is not None and value not in allowed:
            raise ModelRefused(
                f"config.json asks for {key} = {value!r}, which this version does not compute",
                seen=f"only {', '.join(map(repr, allowed))} is understood",
                todo="use another base model",
            )

    def finish(self) -> None:
        unread = {k for k, v in self.config.items() if v is not None} - self.read - HARMLESS
        if unread:
            raise ModelRefused(
                "config.json holds settings that are not understood, so the model might be computed wrongly",
                seen=", ".join(f"{k} = {self.config[k]!r}" for k in sorted(unread))[:300],
                todo="use a model of a supported family, or remove the keys if you know that they change nothing",
            )


def _rope(keys: _Keys, max_positions: int) -> Rope:
    theta = keys.get("rope_theta")
    scaling = keys.get("rope_parameters") or keys.get("rope_scaling") or {}
    keys.read |= {"rope_scaling", "rope_parameters"}
    if not isinstance(scaling, Mapping):
        raise ModelRefused("config.json: rope scaling is not an object", seen=repr(scaling))
    kind = scaling.get("rope_type", scaling.get("type", "default"))
    theta = float(scaling.get("rope_theta", theta if theta is not None else 10_000.0))
    known = {"rope_type", "type", "rope_theta", "factor", "low_freq_factor", "high_freq_factor"}
    known |= {"original_max_position_embeddings", "partial_rotary_factor"}
    unknown = {k for k, v in scaling.items() if v is not None} - known
    if kind not in ("default", "linear", "llama3") or unknown or scaling.get("partial_rotary_factor", 1.0) != 1.0:
        raise ModelRefused(
            f"rope scaling {kind!r} is not computed by this version",
            seen=str(dict(scaling)),
            todo="use a model with default, linear or llama3 rope scaling",
        )
    return Rope(
        theta=theta,
        kind=kind,
        factor=float(scaling.get("factor", 1.0)),
        low_freq_factor=float(scaling.get("low_freq_factor", 1.0)),
        high_freq_factor=float(scaling.get("high_freq_factor", 4.0)),
        original_max_positions=int(scaling.get("original_max_position_embeddings", max_positions)),
    )


def _common(keys: _Keys, **family: Any) -> Arch:
    heads = int(keys.need("num_attention_heads"))
    hidden = int(keys.need("hidden_size"))
    max_positions = int(keys.get("max_position_embeddings", 2048))
    keys.only("hidden_act", "silu", "swish")
    keys.only("partial_rotary_factor", 1.0)
    arch = Arch(
        vocab=int(keys.need("vocab_size")),
        hidden=hidden,
        layers=int(keys.need("num_hidden_layers")),
        heads=heads,
        kv_heads=int(keys.get("num_key_value_heads", heads)),
        head_dim=int(keys.get("head_dim", hidden // heads)),
        intermediate=int(keys.need("intermediate_size")),
        norm_eps=float(keys.need("rms_norm_eps")),
        max_positions=max_positions,
        rope=_rope(keys, max_positions),
        **family,
    )
    if arch.heads % arch.kv_heads:
        raise ModelRefused("config.json: attention heads are not a multiple of key-value heads", seen=str(arch))
    return arch


def _llama(keys: _Keys) -> Arch:
    bias = bool(keys.get("attention_bias", False))
    return _common(
        keys,
        family="llama",
        tied=bool(keys.get("tie_word_embeddings", False)),
        qkv_bias=bias,
        o_bias=bias,
        mlp_bias=bool(keys.get("mlp_bias", False)),
    )


def _qwen3(keys: _Keys) -> Arch:
    bias = bool(keys.get("attention_bias", False))
    keys.only("use_sliding_window", False)
    keys.read.add("sliding_window")  # read only when use_sliding_window is set
    layer_types = keys.get("layer_types", [])
    if any(t != "full_attention" for t in layer_types):
        raise ModelRefused("config.json asks for sliding-window layers, which this version does not compute")
    return _common(
        keys,
        family="qwen3",
        tied=bool(keys.get("tie_word_embeddings", False)),
        qk_norm=True,
        qkv_bias=bias,
        o_bias=bias,
    )


FAMILIES: Mapping[str, Callable[[_Keys], Arch]] = {"llama": _llama, "qwen3": _qwen3}
"""model_type -> how its config is read. A new family of the same shape is one function here."""


def read_arch(config: Mapping[str, Any]) -> Arch:
    """config.json as an Arch. Raises ModelRefused for anything that is not understood."""
    if "auto_map" in config:
        raise ModelRefused(
            "config.json asks for code that comes with the model (auto_map); burnish never runs such code",
            todo="use a model of a supported family: " + ", ".join(sorted(FAMILIES)),
        )
    kind = str(config.get("model_type"))
    if kind not in FAMILIES:
        raise ModelRefused(f"models of type {kind!r} are not supported", seen=f"supported types: {', '.join(sorted(FAMILIES))}")
    if "quantization_config" in config:
        raise ModelRefused("the model's weights are quantised", todo="use the unquantised model directory")
    keys = _Keys(config)
    arch = FAMILIES[kind](keys)
    keys.finish()
    return arch
