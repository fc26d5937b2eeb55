"""Tiny random models made with transformers, one per variant of the architecture."""

from __future__ import annotations

import torch
from transformers import LlamaConfig, LlamaForCausalLM, Qwen3Config, Qwen3ForCausalLM

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


def reference(name: str) -> torch.nn.Module:
    """The transformers model of a variant: random, every parameter (norms and biases too) away from its default."""
    torch.manual_seed(7)
    config = VARIANTS[name]()
    model = (Qwen3ForCausalLM if name.startswith("qwen3") else LlamaForCausalLM)(config).eval()
    with torch.no_grad():
        for key, p in model.named_parameters():
            p.normal_(1.0 if "norm" in key else 0.0, 0.3 if "norm" in key else 0.12)
    return model
