"""What a network is: one small record that the engine computes from. `engine/families.py` reads it from a model directory."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Literal

Norms = Literal["pre", "post", "both"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rope:
    """Rotary position embedding (Su et al. 2021, arXiv 2104.09864) with the frequency scalings that are understood."""

    theta: float = 10_000.0
    kind: str = "default"
    """ "default", "linear", "llama3", "yarn", or "given" """
    factor: float = 1.0
    low_freq_factor: float = 1.0
    high_freq_factor: float = 4.0
    original_max_positions: int = 8192
    beta_fast: float = 32.0
    beta_slow: float = 1.0
    truncate: bool = True
    """of "yarn": whether the bounds of the interpolation are whole pairs"""
    given: tuple[float, ...] = ()
    """of "given": what each frequency is divided by"""
    attention_factor: float = 1.0
    """what cos and sin are multiplied by, so that attention stays as sharp over long contexts"""

    def inverse_frequencies(self, width: int) -> list[float]:
        """Angles per position, one for each of width / 2 pairs."""
        plain = [self.theta ** (-2.0 * i / width) for i in range(width // 2)]
        match self.kind:
            case "linear":
                return [f / self.factor for f in plain]
            case "llama3":
                return [self._llama3(f) for f in plain]
            case "yarn":
                return self._yarn(plain, width)
            case "given":
                return [f / by for f, by in zip(plain, self.given, strict=True)]
            case _:
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

    def _yarn(self, plain: list[float], width: int) -> list[float]:
        """YaRN (Peng et al. 2023, arXiv 2309.00071, section 3.2): pairs that turn more than beta_fast times within the original
        context are kept, those that turn less than beta_slow times are slowed by `factor`, a ramp lies between."""

        def pair_of(turns: float) -> float:
            return width * math.log(self.original_max_positions / (turns * 2 * math.pi)) / (2 * math.log(self.theta))

        low, high = pair_of(self.beta_fast), pair_of(self.beta_slow)
        if self.truncate:
            low, high = math.floor(low), math.ceil(high)
        low, high = max(low, 0), min(high, width - 1)
        high += 0.001 if low == high else 0
        slowed = [min(1.0, max(0.0, (i - low) / (high - low))) for i in range(len(plain))]
        return [f / self.factor * s + f * (1 - s) for f, s in zip(plain, slowed, strict=True)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Experts:
    """A mixture of experts in the place of each MLP (Shazeer et al. 2017, arXiv 1701.06538): `chosen` of `count` for each token.

    normalised: the weights of those chosen add up to 1.
    """

    count: int
    chosen: int
    normalised: bool
    names: str = "qwen"
    """how the files name them: "qwen" (mlp.experts.0.gate_proj), "mixtral" (block_sparse_moe.experts.0.w1), or "gpt_oss" (all of
    a layer in one tensor, outputs last, gate and up in turns)"""
    biased: bool = False
    """whether router and experts have biases"""


@dataclass(frozen=True, slots=True)
class Module:
    """One linear module of a model that transformers computes: its path there, and its widths."""

    path: str
    outputs: int
    inputs: int

    @property
    def name(self) -> str:
        """Its last name, by which adapters target it."""
        return self.path.rsplit(".", 1)[-1]


@dataclass(frozen=True, slots=True, kw_only=True)
class Arch:
    """A decoder with rotary attention and a gated MLP, or experts of that form.

    Of a model that transformers computes (`engine/borrowed.py`) it says how large things are, not how they are computed.
    """

    family: str
    vocab: int
    hidden: int
    layers: int
    heads: int
    kv_heads: int
    head_dim: int
    intermediate: int
    """width of the MLP, or of one expert"""
    norm_eps: float
    rope: Rope = field(default_factory=Rope)
    max_positions: int = 2048
    tied: bool = False
    qk_norm: Literal["", "head", "all"] = ""
    """whether queries and keys are normalised, each head for itself or all heads together"""
    qkv_bias: bool = False
    o_bias: bool = False
    mlp_bias: bool = False
    norms: Norms = "pre"
    """whether a norm stands before attention and MLP, behind them (within the residual branch), or on both sides"""
    norm_shift: float = 0.0
    """what is added to the norms' weights as they stand in files"""
    activation: Literal["silu", "gelu_tanh", "clamped"] = "silu"
    """of the gate. "clamped" is gpt-oss's: gate and up are kept within `clamp`, and 1 is added to up"""
    clamp: float = 0.0
    sharpness: float = 1.0
    """of "clamped": gate sigmoid(sharpness gate)"""
    embed_scale: float = 1.0
    attention_scale: float = 0.0
    """what queries times keys are multiplied by; 0 is 1 / sqrt(head_dim)"""
    attention_cap: float = 0.0
    """scores become cap tanh(scores / cap); 0 is none"""
    sinks: bool = False
    """whether each head has a learned score beside those of the positions, to which attention may go"""
    logit_cap: float = 0.0
    windows: tuple[int, ...] = ()
    """how many positions each layer sees, its own included; 0 is all. Empty: all layers see all."""
    window_rope: Rope | None = None
    """that of layers with a window, where it is another one"""
    unturned: tuple[int, ...] = ()
    """layers without rotary embedding"""
    rotary: int = 0
    """dimensions of each head that are turned, the first ones; 0 is all"""
    fused: bool = False
    """whether files hold q, k, v as one matrix, and gate, up"""
    experts: Experts | None = None
    modules: tuple[Module, ...] = ()
    """of a model that transformers computes: its linear modules but the head, which is what adapters go into"""

    @property
    def q_width(self) -> int:
        return self.heads * self.head_dim

    @property
    def kv_width(self) -> int:
        return self.kv_heads * self.head_dim

    @property
    def mlp_width(self) -> int:
        """Inner width that a token passes through, over all experts that it is given to."""
        return self.intermediate * (self.experts.chosen if self.experts else 1)

    @property
    def matmul_parameters(self) -> int:
        """Parameters that are multiplied once per token, the head included (for counting FLOPs)."""
        layer = self.hidden * (2 * self.q_width + 2 * self.kv_width) + 3 * self.hidden * self.mlp_width
        router = self.hidden * self.experts.count if self.experts else 0
        return self.layers * (layer + router) + self.vocab * self.hidden

    @property
    def packable(self) -> int:
        """Parameters of the matrices that decoding may hold a second time: those of experts are not among them."""
        mlp = 0 if self.experts else 3 * self.hidden * self.intermediate
        return self.layers * (self.hidden * (2 * self.q_width + 2 * self.kv_width) + mlp) + self.vocab * self.hidden

    @property
    def q_factor(self) -> float:
        """What queries are multiplied by, so that attention with 1 / sqrt(head_dim) is scaled as this network wants it."""
        return self.attention_scale * math.sqrt(self.head_dim) if self.attention_scale else 1.0

    def window(self, layer: int) -> int:
        """Positions that a layer sees, 0 for all."""
        return self.windows[layer] if self.windows else 0
