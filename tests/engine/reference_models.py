"""Tiny random models made with transformers, one per variant of the architecture."""

from __future__ import annotations

import torch
from transformers import (
    AutoModelForCausalLM,
    Gemma2Config,
    Gemma3TextConfig,
    GptOssConfig,
    LlamaConfig,
    MistralConfig,
    MixtralConfig,
    Olmo2Config,
    Olmo3Config,
    OlmoeConfig,
    Phi3Config,
    Qwen2Config,
    Qwen3Config,
    Qwen3MoeConfig,
    SmolLM3Config,
)

SIZES = dict(vocab_size=96, hidden_size=32, intermediate_size=48, num_hidden_layers=2, max_position_embeddings=256)
LLAMA3 = dict(
    rope_type="llama3",
    rope_theta=10000.0,
    factor=8.0,
    low_freq_factor=1.0,
    high_freq_factor=4.0,
    original_max_position_embeddings=64,
)
VARIANTS = {
    "llama-tied-gqa": lambda: LlamaConfig(**SIZES, num_attention_heads=4, num_key_value_heads=2, tie_word_embeddings=True),
    "llama-untied-mha": lambda: LlamaConfig(**SIZES, num_attention_heads=4, num_key_value_heads=4, tie_word_embeddings=False),
    "llama-biases": lambda: LlamaConfig(
        **SIZES, num_attention_heads=4, num_key_value_heads=1, attention_bias=True, mlp_bias=True, tie_word_embeddings=False
    ),
    "llama-rope3": lambda: LlamaConfig(
        **SIZES, num_attention_heads=4, num_key_value_heads=2, rope_parameters=LLAMA3, tie_word_embeddings=True
    ),
    "llama-head-dim": lambda: LlamaConfig(
        **SIZES, num_attention_heads=4, num_key_value_heads=2, head_dim=16, tie_word_embeddings=False
    ),
    "qwen3-tied": lambda: Qwen3Config(
        **SIZES, num_attention_heads=4, num_key_value_heads=2, head_dim=8, tie_word_embeddings=True
    ),
    "qwen3-untied-bias": lambda: Qwen3Config(
        **SIZES, num_attention_heads=4, num_key_value_heads=2, head_dim=16, attention_bias=True, tie_word_embeddings=False
    ),
}
GQA = dict(num_attention_heads=4, num_key_value_heads=2)
DEEP = {**SIZES, "num_hidden_layers": 4}
NO_IDS = dict(pad_token_id=None, bos_token_id=None, eos_token_id=None)
YARN = dict(rope_type="yarn", rope_theta=10000.0, factor=4.0, original_max_position_embeddings=64)
PLAIN = dict(rope_type="default", rope_theta=10000.0)
LONG = dict(
    rope_type="longrope",
    rope_theta=10000.0,
    short_factor=[1.0 + 0.1 * i for i in range(3)],
    long_factor=[2.0 + 0.3 * i for i in range(3)],
    original_max_position_embeddings=128,
)
EXPERTS = dict(num_experts=6, num_experts_per_tok=2)
FAMILIES = {
    "mistral": lambda: MistralConfig(**SIZES, **GQA, head_dim=16, sliding_window=None),
    "mistral-window": lambda: MistralConfig(**SIZES, **GQA, sliding_window=24),
    "qwen2": lambda: Qwen2Config(**SIZES, **GQA, tie_word_embeddings=True),
    "qwen2-window": lambda: Qwen2Config(**DEEP, **GQA, use_sliding_window=True, sliding_window=20, max_window_layers=2),
    "qwen3-yarn": lambda: Qwen3Config(**SIZES, **GQA, head_dim=16, rope_parameters=YARN),
    "smollm3": lambda: SmolLM3Config(**DEEP, **GQA, no_rope_layer_interval=2, **NO_IDS),
    "olmo2": lambda: Olmo2Config(**SIZES, **GQA, **NO_IDS),
    "phi3": lambda: Phi3Config(**SIZES, **GQA, sliding_window=None, **NO_IDS),
    "phi3-window": lambda: Phi3Config(**SIZES, **GQA, sliding_window=24, **NO_IDS),
    "phi4-mini": lambda: Phi3Config(
        **SIZES, **GQA, rope_parameters={**LONG, "partial_rotary_factor": 0.75}, original_max_position_embeddings=128, **NO_IDS
    ),
    "gemma2": lambda: Gemma2Config(
        **DEEP, **GQA, head_dim=16, sliding_window=24, query_pre_attn_scalar=24, attn_logit_softcapping=2.0,
        final_logit_softcapping=1.5, **NO_IDS,
    ),
    "gemma3": lambda: Gemma3TextConfig(**{**DEEP, "num_hidden_layers": 7}, **GQA, head_dim=16, sliding_window=24, **NO_IDS),
    "qwen3-moe": lambda: Qwen3MoeConfig(
        **SIZES, **GQA, **EXPERTS, head_dim=16, moe_intermediate_size=24, norm_topk_prob=True, decoder_sparse_step=1
    ),
    "olmoe": lambda: OlmoeConfig(**SIZES, **GQA, **EXPERTS, norm_topk_prob=False, **NO_IDS),
    "olmo3": lambda: Olmo3Config(
        **DEEP, **GQA, sliding_window=24, rope_parameters={"full_attention": YARN, "sliding_attention": PLAIN}, **NO_IDS
    ),
    "gpt-oss": lambda: GptOssConfig(
        **DEEP, **GQA, head_dim=16, num_local_experts=6, num_experts_per_tok=2, sliding_window=24, swiglu_limit=0.5,
        rope_parameters={**YARN, "truncate": False},
    ),
    "mixtral": lambda: MixtralConfig(**SIZES, **GQA, num_local_experts=6, num_experts_per_tok=2, sliding_window=None),
}  # fmt: skip
"""The other families, with windows that are shorter than what is read."""


def reference(name: str) -> torch.nn.Module:
    """The transformers model of a variant: random, every parameter (norms and biases too) away from its default."""
    torch.manual_seed(7)
    config = (VARIANTS | FAMILIES)[name]()
    model = AutoModelForCausalLM.from_config(config, dtype=torch.float32, attn_implementation="eager").eval()
    with torch.no_grad():
        for key, p in model.named_parameters():
            p.normal_(1.0 if "norm" in key else 0.0, 0.3 if "norm" in key else 0.12)
    return model
