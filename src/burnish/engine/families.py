"""From config.json to `Arch`, family by family, or a refusal with the reason.

A family is one function. Every key of a config must be read by its family, be known to be harmless, or hold a value under which
it changes nothing; otherwise the model is refused, because a key that is skipped in silence is a model that runs wrongly.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from burnish.engine.arch import Arch, Experts, Rope
from burnish.errors import ModelRefused

HARMLESS = frozenset(
    """architectures model_type torch_dtype dtype use_cache initializer_range transformers_version bos_token_id
    eos_token_id pad_token_id attention_dropout _name_or_path pretraining_tp return_dict output_attentions
    output_hidden_states _attn_implementation attn_implementation id2label label2id problem_type chunk_size_feed_forward
    is_encoder_decoder tokenizer_class unk_token_id sep_token_id cls_token_id _attn_implementation_autoset
    unsloth_fixed unsloth_version
    resid_pdrop embd_pdrop output_router_logits router_aux_loss_coef router_jitter_noise cache_implementation
    burnish""".split()
)
"""Keys that do not change what the network computes when it is run or fine-tuned here. Losses that balance experts are not added:
fine-tuning here leaves the routing to the data."""


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

    def stated(self, key: str) -> Any:
        """A key that must be there, be it null: where it is absent, families mean different things by that."""
        self.read.add(key)
        if key not in self.config:
            raise ModelRefused(f"config.json lacks {key!r}", todo="use a complete Hugging Face model directory")
        return self.config[key]

    def only(self, key: str, *allowed: Any) -> None:
        """The key may be absent or hold one of these values; with any other the network would be a different one."""
        value = self.config.get(key)
        self.read.add(key)
        if value is not None and value not in allowed:
            raise ModelRefused(
                f"config.json asks for {key} = {value!r}, which this version does not compute",
                seen=f"only {', '.join(map(repr, allowed)) or 'null'} is understood",
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


_SCALING = frozenset(
    """rope_type type rope_theta factor low_freq_factor high_freq_factor original_max_position_embeddings partial_rotary_factor
    beta_fast beta_slow attention_factor mscale mscale_all_dim truncate short_factor long_factor short_mscale
    long_mscale""".split()
)


def _scaling(keys: _Keys) -> Mapping[str, Any]:
    """The object that says how positions turn, under either of its names."""
    found = keys.get("rope_parameters") or keys.get("rope_scaling") or {}
    keys.read |= {"rope_scaling", "rope_parameters"}
    if not isinstance(found, Mapping):
        raise ModelRefused("config.json: rope scaling is not an object", seen=repr(found))
    return found


def _rope(scaling: Mapping[str, Any], theta: Any, max_positions: int) -> Rope:
    """One rotary embedding. theta: that of the config, where the scaling names none."""
    kind = scaling.get("rope_type", scaling.get("type", "default"))
    unknown = {k for k, v in scaling.items() if v is not None} - _SCALING
    if kind not in ("default", "linear", "llama3", "yarn", "longrope") or unknown:
        raise ModelRefused(
            f"rope scaling {kind!r} is not computed by this version",
            seen=str(dict(scaling)),
            todo="use a model with default, linear, llama3, yarn or longrope scaling",
        )
    original = int(scaling.get("original_max_position_embeddings") or max_positions)
    factor = float(scaling.get("factor") or 1.0)
    plain = Rope(
        theta=float(scaling.get("rope_theta") or theta or 10_000.0),
        kind=kind,
        factor=factor,
        low_freq_factor=float(scaling.get("low_freq_factor", 1.0)),
        high_freq_factor=float(scaling.get("high_freq_factor", 4.0)),
        original_max_positions=original,
    )
    if kind == "yarn":
        return _yarn(plain, scaling, max_positions)
    if kind == "longrope":
        return _longrope(plain, scaling, max_positions)
    return plain


def _yarn(plain: Rope, scaling: Mapping[str, Any], max_positions: int) -> Rope:
    factor = plain.factor if scaling.get("factor") else max_positions / plain.original_max_positions

    def sharpness(by: float) -> float:
        return 1.0 if factor <= 1 else 0.1 * by * math.log(factor) + 1.0

    given, mscale, over = scaling.get("attention_factor"), scaling.get("mscale"), scaling.get("mscale_all_dim")
    if given is None:
        given = sharpness(float(mscale)) / sharpness(float(over)) if mscale and over else sharpness(1.0)
    return replace(
        plain,
        factor=factor,
        beta_fast=float(scaling.get("beta_fast") or 32.0),
        beta_slow=float(scaling.get("beta_slow") or 1.0),
        truncate=bool(scaling.get("truncate", True)),
        attention_factor=float(given),
    )


def _longrope(plain: Rope, scaling: Mapping[str, Any], max_positions: int) -> Rope:
    """LongRoPE (Ding et al. 2024, arXiv 2402.13753) within the original context: the short factors. Texts are kept to it,
    because beyond it every position would turn by other factors, those before it too."""
    original = plain.original_max_positions
    factor = float(scaling.get("factor") or max_positions / original)
    given = scaling.get("attention_factor")
    if given is None:
        given = 1.0 if factor <= 1 else math.sqrt(1 + math.log(factor) / math.log(original))
    short = tuple(float(f) for f in scaling.get("short_factor") or ())
    return replace(plain, kind="given", given=short, attention_factor=float(given))


def _windows(keys: _Keys, layers: int, *, every: bool = False) -> tuple[int, ...]:
    """What each layer sees. every: where the config does not name the kinds of its layers, all have the window."""
    window = keys.stated("sliding_window") if every else keys.get("sliding_window")
    kinds = keys.get("layer_types")
    if kinds is None:
        kinds = ["sliding_attention" if every and window else "full_attention"] * layers
    if len(kinds) != layers or set(kinds) - {"full_attention", "sliding_attention"}:
        raise ModelRefused("config.json names layers that this version does not compute", seen=f"layer_types = {kinds}"[:300])
    if "sliding_attention" not in kinds:
        return ()
    if not window:
        raise ModelRefused("config.json asks for sliding-window layers without a sliding_window")
    return tuple(int(window) if kind == "sliding_attention" else 0 for kind in kinds)


def _common(
    keys: _Keys, *, activation_key: str = "hidden_act", rope: Rope | None = None, theta: float = 10_000.0, **family: Any
) -> Arch:
    """What all families have. rope: where the family reads it itself. theta: its base, where the config has none."""
    heads = int(keys.need("num_attention_heads"))
    hidden = int(keys.need("hidden_size"))
    max_positions = int(keys.get("max_position_embeddings", 2048))
    family.setdefault("activation", "silu")
    if family["activation"] in ("silu", "clamped"):
        keys.only(activation_key, "silu", "swish")
    else:
        keys.only(activation_key, "gelu_pytorch_tanh")
    head_dim = int(keys.get("head_dim", hidden // heads))
    if rope is None:
        scaling = _scaling(keys)
        part = float(scaling.get("partial_rotary_factor") or keys.get("partial_rotary_factor", 1.0))
        if part != 1.0 and not family.get("fused"):
            raise ModelRefused(
                "config.json turns a part of each head, which its family does not", seen=f"partial_rotary_factor {part}"
            )
        original = keys.get("original_max_position_embeddings")
        if original is not None and scaling:
            scaling = {**scaling, "original_max_position_embeddings": original}
        rope = _rope(scaling, keys.get("rope_theta", theta), max_positions)
        family["rotary"] = 0 if part == 1.0 else int(head_dim * part)
        turned = family["rotary"] or head_dim
        if rope.kind == "given" and len(rope.given) != turned // 2:
            raise ModelRefused("config.json: rope's short_factor has the wrong length", seen=f"{len(rope.given)}, {turned // 2}")
        if rope.kind == "given":
            max_positions = min(max_positions, rope.original_max_positions)
    family.setdefault("intermediate", None)
    same = family["family"] in ("llama", "olmo2", "olmo3", "olmoe", "phi3")  # where it is absent, there are as many as heads
    kv = keys.get("num_key_value_heads") if same else keys.stated("num_key_value_heads")
    arch = Arch(
        vocab=int(keys.need("vocab_size")),
        hidden=hidden,
        layers=int(keys.need("num_hidden_layers")),
        heads=heads,
        kv_heads=heads if kv is None else int(kv),
        head_dim=head_dim,
        norm_eps=float(keys.need("rms_norm_eps")),
        max_positions=max_positions,
        rope=rope,
        **{**family, "intermediate": family["intermediate"] or int(keys.need("intermediate_size"))},
    )
    if arch.heads % arch.kv_heads:
        raise ModelRefused("config.json: attention heads are not a multiple of key-value heads", seen=str(arch))
    return arch


def _layers(keys: _Keys) -> int:
    return int(keys.need("num_hidden_layers"))


def _tied(keys: _Keys, default: bool = False) -> bool:
    return bool(keys.get("tie_word_embeddings", default))


def _llama(keys: _Keys) -> Arch:
    bias = bool(keys.get("attention_bias", False))
    mlp_bias = bool(keys.get("mlp_bias", False))
    return _common(keys, family="llama", tied=_tied(keys), qkv_bias=bias, o_bias=bias, mlp_bias=mlp_bias)


def _mistral(keys: _Keys) -> Arch:
    return _common(keys, family="mistral", tied=_tied(keys), windows=_windows(keys, _layers(keys), every=True))


def _qwen_windows(keys: _Keys, from_layer: Sequence[int] | None = None) -> tuple[int, ...]:
    """Windows that count only where use_sliding_window says so, in the later layers (or these) where none are named."""
    layers, first = _layers(keys), int(keys.get("max_window_layers", 28))
    if keys.get("use_sliding_window", False):
        window = keys.stated("sliding_window")
        if keys.get("layer_types") is None and window:
            near = range(first, layers) if from_layer is None else from_layer
            keys = _with(keys, layer_types=["sliding_attention" if i in near else "full_attention" for i in range(layers)])
        return _windows(keys, layers) if window else ()
    keys.read |= {"sliding_window"}
    if any(t != "full_attention" for t in keys.get("layer_types", [])):
        raise ModelRefused("config.json names sliding-window layers, but use_sliding_window is false")
    return ()


def _qwen2(keys: _Keys) -> Arch:
    keys.only("use_mrope", False)
    return _common(keys, family="qwen2", tied=_tied(keys), qkv_bias=True, windows=_qwen_windows(keys))


def _qwen3(keys: _Keys) -> Arch:
    bias = bool(keys.get("attention_bias", False))
    windows = _qwen_windows(keys)
    keys.stated("head_dim")
    return _common(keys, family="qwen3", tied=_tied(keys), qk_norm="head", qkv_bias=bias, o_bias=bias, windows=windows)


def _smollm3(keys: _Keys) -> Arch:
    bias, layers = bool(keys.get("attention_bias", False)), _layers(keys)
    turned = keys.get("no_rope_layers")
    every = int(keys.get("no_rope_layer_interval", 4))
    if turned is None:
        turned = [int((i + 1) % every != 0) for i in range(layers)]
    unturned = tuple(i for i, one in enumerate(turned) if not one)
    return _common(
        keys,
        theta=2_000_000.0,
        family="smollm3",
        tied=_tied(keys, True),
        qkv_bias=bias,
        o_bias=bias,
        mlp_bias=bool(keys.get("mlp_bias", False)),
        windows=_qwen_windows(keys, unturned),
        unturned=unturned,
    )


def _olmo2(keys: _Keys) -> Arch:
    bias = bool(keys.get("attention_bias", False))
    return _common(keys, family="olmo2", tied=_tied(keys), qk_norm="all", qkv_bias=bias, o_bias=bias, norms="post")


def _phi3(keys: _Keys) -> Arch:
    """Phi-3, Phi-3.5 and Phi-4, the small ones with LongRoPE included."""
    for key in ("attention_bias", "mlp_bias", "lm_head_bias"):
        keys.only(key, False)
    for key in ("full_attn_mod", "interpolate_factor"):
        keys.only(key, 1)
    keys = keys if "sliding_window" in keys.config else _with(keys, sliding_window=None)
    windows = _windows(keys, _layers(keys), every=True)
    return _common(keys, family="phi3", tied=_tied(keys), fused=True, windows=windows)


def _gemma(keys: _Keys, **family: Any) -> Arch:
    hidden, bias = int(keys.need("hidden_size")), bool(keys.get("attention_bias", False))
    keys.only("use_bidirectional_attention", False)
    keys.stated("head_dim")
    keys.only("hidden_act", "gelu_pytorch_tanh")
    return _common(
        keys,
        activation_key="hidden_activation",
        activation="gelu_tanh",
        tied=_tied(keys, True),
        qkv_bias=bias,
        o_bias=bias,
        norms="both",
        norm_shift=1.0,
        embed_scale=math.sqrt(hidden),
        attention_scale=float(keys.get("query_pre_attn_scalar", 256)) ** -0.5,
        logit_cap=float(keys.stated("final_logit_softcapping") or 0.0),
        attention_cap=float(keys.stated("attn_logit_softcapping") or 0.0),
        **family,
    )


def _gemma2(keys: _Keys) -> Arch:
    layers = _layers(keys)
    if keys.get("layer_types") is None:
        keys = _with(keys, layer_types=["sliding_attention" if i % 2 == 0 else "full_attention" for i in range(layers)])
    return _gemma(keys, family="gemma2", windows=_windows(keys, layers))


def _gemma3(keys: _Keys) -> Arch:
    layers, every = _layers(keys), int(keys.get("sliding_window_pattern", keys.get("_sliding_window_pattern", 6)))
    keys.read.add("_sliding_window_pattern")
    if keys.get("layer_types") is None:
        kinds = ["sliding_attention" if (i + 1) % every else "full_attention" for i in range(layers)]
        keys = _with(keys, layer_types=kinds)
    positions = int(keys.get("max_position_embeddings", 2048))
    theta, near = keys.get("rope_theta", 1_000_000.0), keys.get("rope_local_base_freq", 10_000.0)
    full, sliding = _of_both(keys)
    return _gemma(
        keys,
        family="gemma3_text",
        qk_norm="head",
        windows=_windows(keys, layers),
        rope=_rope(full, theta, positions),
        window_rope=_rope(sliding, near, positions),
    )


def _of_both(keys: _Keys) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    """How positions turn in layers that see all and in those with a window. One object alone is that of the former."""
    scaling = _scaling(keys)
    if "full_attention" in scaling or "sliding_attention" in scaling:
        return scaling.get("full_attention") or {}, scaling.get("sliding_attention") or {}
    return scaling, {}


def _olmo3(keys: _Keys) -> Arch:
    layers, bias = _layers(keys), bool(keys.get("attention_bias", False))
    if keys.get("layer_types") is None:
        keys = _with(keys, layer_types=["sliding_attention" if (i + 1) % 4 else "full_attention" for i in range(layers)])
    positions, theta = int(keys.get("max_position_embeddings", 2048)), keys.get("rope_theta", 500_000.0)
    full, sliding = _of_both(keys)
    return _common(
        keys,
        family="olmo3",
        tied=_tied(keys),
        qk_norm="all",
        qkv_bias=bias,
        o_bias=bias,
        norms="post",
        windows=_windows(keys, layers),
        rope=_rope(full, theta, positions),
        window_rope=_rope(sliding, theta, positions),
    )


def _gpt_oss(keys: _Keys) -> Arch:
    """gpt-oss, of which the files must be unpacked to bfloat16: burnish does not read MXFP4."""
    layers, bias = _layers(keys), bool(keys.get("attention_bias", True))
    keys.read |= {"experts_per_token", "initial_context_length"}
    keys.stated("head_dim")
    if keys.get("layer_types") is None:
        keys = _with(keys, layer_types=["sliding_attention" if (i + 1) % 2 else "full_attention" for i in range(layers)])
    chosen = int(keys.need("num_experts_per_tok"))
    return _common(
        keys,
        theta=150_000.0,
        family="gpt_oss",
        tied=_tied(keys),
        qkv_bias=bias,
        o_bias=bias,
        activation="clamped",
        clamp=float(keys.get("swiglu_limit", 7.0)),
        sharpness=float(keys.get("swiglu_alpha", 1.702)),
        sinks=True,
        windows=_windows(keys, layers),
        experts=Experts(count=_count(keys), chosen=chosen, normalised=True, names="gpt_oss", biased=True),
    )


def _with(keys: _Keys, **more: Any) -> _Keys:
    """The same keys with what a config left to its family's default."""
    found = _Keys({**keys.config, **more})
    found.read = keys.read
    return found


def _count(keys: _Keys) -> int:
    """The number of experts, under either of its names."""
    found = keys.get("num_experts")
    return int(keys.need("num_local_experts") if found is None else found)


def _all_sparse(keys: _Keys) -> None:
    keys.only("decoder_sparse_step", 1)
    if keys.get("mlp_only_layers", []):
        raise ModelRefused("config.json asks for layers without experts among others (mlp_only_layers)", todo="use another model")


def _qwen3_moe(keys: _Keys) -> Arch:
    _all_sparse(keys)
    keys.only("qkv_bias", False)
    keys.only("use_qk_norm", True)
    keys.only("shared_expert_intermediate_size", 0)
    if keys.get("use_sliding_window", False) and keys.get("layer_types") is None and keys.get("sliding_window"):
        keys = _with(keys, layer_types=["sliding_attention"] * _layers(keys))
    normalised = bool(keys.get("norm_topk_prob", False))
    experts = Experts(count=_count(keys), chosen=int(keys.need("num_experts_per_tok")), normalised=normalised)
    width = int(keys.need("moe_intermediate_size"))
    keys.read.add("intermediate_size")
    return replace(_qwen3(_with(keys, intermediate_size=width)), family="qwen3_moe", experts=experts)


def _olmoe(keys: _Keys) -> Arch:
    keys.only("clip_qkv")
    bias = bool(keys.get("attention_bias", False))
    normalised = bool(keys.get("norm_topk_prob", False))
    experts = Experts(count=_count(keys), chosen=int(keys.need("num_experts_per_tok")), normalised=normalised)
    return _common(keys, family="olmoe", tied=_tied(keys), qk_norm="all", qkv_bias=bias, o_bias=bias, experts=experts)


def _mixtral(keys: _Keys) -> Arch:
    chosen = int(keys.need("num_experts_per_tok"))
    experts = Experts(count=_count(keys), chosen=chosen, normalised=True, names="mixtral")
    keys = keys if "sliding_window" in keys.config else _with(keys, sliding_window=None)
    return _common(
        keys,
        theta=1_000_000.0,
        family="mixtral",
        tied=_tied(keys),
        windows=_windows(keys, _layers(keys), every=True),
        experts=experts,
    )


FAMILIES: Mapping[str, Callable[[_Keys], Arch]] = {
    "llama": _llama,
    "mistral": _mistral,
    "qwen2": _qwen2,
    "qwen3": _qwen3,
    "smollm3": _smollm3,
    "olmo2": _olmo2,
    "olmo3": _olmo3,
    "phi3": _phi3,
    "gemma2": _gemma2,
    "gemma3_text": _gemma3,
    "qwen3_moe": _qwen3_moe,
    "olmoe": _olmoe,
    "mixtral": _mixtral,
    "gpt_oss": _gpt_oss,
}
"""model_type -> how its config is read. A new family of the same parts is one function here."""


def read_arch(config: Mapping[str, Any]) -> Arch:
    """config.json as an Arch. Raises ModelRefused for anything that is not understood."""
    kind = str(config.get("model_type"))
    if "auto_map" in config and kind != "phi3":  # of which transformers has its own since
        raise ModelRefused(
            "config.json asks for code that comes with the model (auto_map); burnish never runs such code",
            todo="use a model of a supported family: " + ", ".join(sorted(FAMILIES)),
        )
    if kind not in FAMILIES:
        raise ModelRefused(f"models of type {kind!r} are not supported", seen=f"supported types: {', '.join(sorted(FAMILIES))}")
    if "quantization_config" in config:
        raise ModelRefused("the model's weights are quantised", todo="use the unquantised model directory")
    keys = _Keys(config)
    keys.read.add("auto_map")
    arch = FAMILIES[kind](keys)
    keys.finish()
    return arch
