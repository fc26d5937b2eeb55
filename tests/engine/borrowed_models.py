"""Tiny random models of families that burnish does not compute itself, whose layers differ from Llama's in all that they can."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from helpers import CHOICES
from transformers import (
    AutoModelForCausalLM,
    BloomConfig,
    CohereConfig,
    FalconConfig,
    GPT2Config,
    GPTNeoConfig,
    GraniteConfig,
    MambaConfig,
    OPTConfig,
)

from burnish.engine.borrowed_host import BorrowedHost
from burnish.engine.host import Host

SIZES = dict(vocab_size=96, hidden_size=32, num_hidden_layers=2, num_attention_heads=4)
GQA = dict(num_key_value_heads=2, intermediate_size=48, max_position_embeddings=256)
NO_IDS = dict(pad_token_id=None, bos_token_id=None, eos_token_id=None)
BORROWED: dict[str, Callable[[], Any]] = {
    # matrices as [in, out], learned positions, a tied head
    "gpt2": lambda: GPT2Config(vocab_size=96, n_embd=32, n_layer=2, n_head=4, n_positions=256, **NO_IDS),
    # learned positions counted from 2, an embedding that is narrower than the layers
    "opt": lambda: OPTConfig(**SIZES, ffn_dim=48, max_position_embeddings=256, word_embed_proj_dim=16, **NO_IDS),
    # positions by biases of scores, fused q, k, v of each head
    "bloom": lambda: BloomConfig(vocab_size=96, hidden_size=32, n_layer=2, n_head=4, **NO_IDS),
    # attention and MLP side by side, one head of keys
    "falcon": lambda: FalconConfig(**SIZES, max_position_embeddings=256, new_decoder_architecture=False, **NO_IDS),
    # factors on embeddings, residuals, scores and logits
    "granite": lambda: GraniteConfig(
        **SIZES, **GQA, embedding_multiplier=3.0, residual_multiplier=0.5, attention_multiplier=0.2, logits_scaling=2.0, **NO_IDS
    ),
    "cohere": lambda: CohereConfig(**SIZES, **GQA, logit_scale=0.25, **NO_IDS),
    # every second layer sees few positions
    "gpt-neo": lambda: GPTNeoConfig(
        vocab_size=96, hidden_size=32, num_layers=2, num_heads=4, attention_types=[[["global", "local"], 1]], window_size=8,
        max_position_embeddings=256, **NO_IDS,
    ),
    # no attention, and so no keys and values
    "mamba": lambda: MambaConfig(vocab_size=96, hidden_size=32, num_hidden_layers=2, state_size=4, **NO_IDS),
}  # fmt: skip


def borrowed_reference(name: str) -> Any:
    """The transformers model: random, every parameter away from its default."""
    torch.manual_seed(7)
    model = AutoModelForCausalLM.from_config(BORROWED[name](), dtype=torch.float32).eval()
    with torch.no_grad():
        for p in model.parameters():
            p.add_(torch.randn(p.shape), alpha=0.1)
    return model


def open_borrowed(directory: Path, **changes: object) -> BorrowedHost:
    """A host with fixed choices."""
    host: Host = BorrowedHost.open(directory, choices={**CHOICES, **changes})
    assert isinstance(host, BorrowedHost)
    return host
