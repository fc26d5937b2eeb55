"""A tiny model directory as a user would have one: random weights, a byte-level tokenizer, a chat template."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from hypothesis import settings

settings.register_profile("same", derandomize=True, deadline=None, database=None)
settings.load_profile("same")
"""Every run draws the same examples, however slow the machine is."""

CHATML = (
    "{% for m in messages %}{{ '<|im_start|>' + m['role'] + '\\n' + m['content'] + '<|im_end|>' + '\\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}"
)
SPECIALS = ("<|endoftext|>", "<|im_start|>", "<|im_end|>")
TINY_CONFIG = {
    "architectures": ["LlamaForCausalLM"],
    "model_type": "llama",
    "vocab_size": 256 + len(SPECIALS),
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 8,
    "max_position_embeddings": 256,
    "rms_norm_eps": 1e-6,
    "rope_theta": 10000.0,
    "hidden_act": "silu",
    "attention_bias": False,
    "mlp_bias": False,
    "tie_word_embeddings": True,
    "bos_token_id": None,
    "eos_token_id": 258,
    "torch_dtype": "float32",
}


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Llama of 32 wide and 2 layers with 259 tokens: every byte, and three control tokens. Not to be written to."""
    from safetensors.numpy import save_file

    directory = tmp_path_factory.mktemp("tiny") / "model"
    directory.mkdir()
    (directory / "config.json").write_text(json.dumps(TINY_CONFIG, indent=2))
    save_file(_tiny_weights(), directory / "model.safetensors", metadata={"format": "pt"})
    _write_tokenizer(directory)
    return directory


@pytest.fixture(scope="session")
def tiny_gpt2(tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A GPT-2, which transformers computes, of the same size and with the same tokenizer. Not to be written to."""
    import torch
    from transformers import AutoModelForCausalLM, GPT2Config

    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("gpt2") / "model"
    ids = dict(bos_token_id=None, eos_token_id=258, pad_token_id=None)
    config = GPT2Config(vocab_size=259, n_embd=32, n_layer=2, n_head=4, n_positions=256, **ids)
    AutoModelForCausalLM.from_config(config).save_pretrained(path)
    (path / "generation_config.json").unlink()
    for name in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copyfile(tiny_model / name, path / name)
    return path


def _tiny_weights() -> dict[str, np.ndarray]:
    draw = np.random.default_rng(3)
    shapes: dict[str, tuple[int, ...]] = {"model.embed_tokens.weight": (259, 32), "model.norm.weight": (32,)}
    for i in range(2):
        layer = f"model.layers.{i}"
        shapes |= {f"{layer}.input_layernorm.weight": (32,), f"{layer}.post_attention_layernorm.weight": (32,)}
        shapes |= {
            f"{layer}.self_attn.{n}_proj.weight": s
            for n, s in {"q": (32, 32), "k": (16, 32), "v": (16, 32), "o": (32, 32)}.items()
        }
        shapes |= {f"{layer}.mlp.{n}_proj.weight": s for n, s in {"gate": (48, 32), "up": (48, 32), "down": (32, 48)}.items()}
    return {n: draw.normal(1.0 if "norm" in n else 0.0, 0.1, s).astype(np.float32) for n, s in shapes.items()}


def _write_tokenizer(directory: Path) -> None:
    import tokenizers
    from tokenizers import decoders, models, pre_tokenizers

    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    tokenizer = tokenizers.Tokenizer(models.BPE(vocab={c: i for i, c in enumerate(alphabet)}, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens([tokenizers.AddedToken(s, special=True) for s in SPECIALS])
    tokenizer.save(str(directory / "tokenizer.json"))
    named = {"eos_token": "<|im_end|>", "pad_token": "<|endoftext|>", "tokenizer_class": "PreTrainedTokenizerFast"}
    (directory / "tokenizer_config.json").write_text(json.dumps({**named, "chat_template": CHATML}, indent=2))
