"""Every family computes what transformers computes: logits, gradients, tokens drawn one by one, files written and read again."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from helpers import NATIVE, make_data, open_host
from reference_models import FAMILIES, reference
from safetensors.torch import load_file
from test_trainer import relative, transformers_gradient

from burnish.engine import families, head
from burnish.engine.load import layout
from burnish.errors import ConfigError, ModelRefused
from burnish.types import AdamParams, Datum, LoraSpec, SamplingParams

NAMES = list(FAMILIES)
TOKENS = 100
FUSED, EXPERTS = ("phi3", "phi4-mini"), ("qwen3-moe", "olmoe", "mixtral", "gpt-oss")


@pytest.mark.parametrize("changes", [{}, {"bmm_limit": 128}, NATIVE])
@pytest.mark.parametrize("name", NAMES)
def test_logits_equal_transformers(name: str, changes: dict[str, int], family_dirs: dict[str, Path]) -> None:
    ids = torch.randint(0, 96, (2, TOKENS), generator=torch.Generator().manual_seed(1))
    host = open_host(family_dirs[name], **changes)
    with torch.no_grad():
        expected = reference(name)(ids).logits
        hidden = host.decoder.forward_packed(host.decoder.embed(ids.flatten()), [TOKENS] * 2, {})
        found = head.logits_of(hidden, host.decoder.head).view(expected.shape)
    assert (found - expected).abs().max() < 1e-4 * max(1.0, float(expected.abs().max()))


@pytest.mark.parametrize("changes", [{}, NATIVE])
@pytest.mark.parametrize("name", NAMES)
def test_gradients_equal_transformers(name: str, changes: dict[str, str], family_dirs: dict[str, Path]) -> None:
    data = make_data(4, high=60)
    host = open_host(family_dirs[name], **changes)
    result = host.forward_backward(data, route=host.create_full()).result()
    loss, expected = transformers_gradient(name, data)
    assert result.loss == pytest.approx(loss, rel=1e-5)
    seen = 0
    for piece in layout(host.arch):
        mine = piece.given(host.full.flat.grad_views[piece.name][piece.start : piece.start + piece.inner[0]] + piece.shift)
        theirs = expected.get(piece.hf_name.replace("block_sparse_moe.gate", "mlp.gate"))
        if theirs is not None:
            assert relative(mine, theirs) < 1e-4, piece.hf_name
            seen += 1
    if name in EXPERTS and name != "gpt-oss":  # transformers holds the experts of a layer as one tensor
        assert seen >= len(expected) - 2 * host.arch.layers
        for layer in range(host.arch.layers):
            stacked = {k.rsplit(".", 1)[-1]: g for k, g in expected.items() if f"layers.{layer}." in k and ".experts." in k}
            for part in ("gate_up", "down"):
                mine = host.full.flat.grad_views[f"layers.{layer}.experts.{part}"]
                theirs = stacked[f"{part}_proj"]
                assert relative(mine, theirs.reshape(mine.shape)) < 1e-4, part
    else:
        assert seen == len(expected)


@pytest.mark.parametrize("name", NAMES)
def test_tokens_drawn_one_by_one_have_the_probabilities_of_one_pass(name: str, family_dirs: dict[str, Path]) -> None:
    """Beyond the windows, in batches of rows of different ages, and after stored positions of an earlier turn."""
    host = open_host(family_dirs[name], unit_tokens=32)
    params = SamplingParams(limit_tokens=35, temperature=0.7, seed=3, stop_ids=())
    prompts = [list(range(5, 5 + n)) for n in (3, 40, 17)]
    (first,) = host.sample([prompts[1]], params, route=None, tenant="a").result()[0]
    prompts.append([*prompts[1], *first.ids.tolist(), 7, 8, 9])
    drawn = host.sample(prompts, params, route=None, tenant="a").result()
    rows = []
    for prompt, (answer,) in zip(prompts, drawn, strict=True):
        ids = np.concatenate([prompt, answer.ids]).astype(np.int32)
        weights = np.zeros(len(ids), np.float32)
        weights[len(prompt) :] = 1
        rows.append(Datum.from_tokens(ids, weights))
    for prompt, (answer,), out in zip(prompts, drawn, host.forward(rows).result(), strict=True):
        assert np.abs(answer.logprobs - out.logprobs[len(prompt) - 1 :][: len(answer.ids)]).max() < 1e-4


@pytest.mark.parametrize("name", NAMES)
def test_a_trained_model_is_written_as_transformers_reads_it(name: str, family_dirs: dict[str, Path], tmp_path: Path) -> None:
    from transformers import AutoModelForCausalLM

    host = open_host(family_dirs[name])
    full, data = host.create_full(), make_data(3)
    host.forward_backward(data, route=full).result()
    host.optim_step(AdamParams(learning_rate=0.01), adapter=full).result()
    (tmp_path / "out").mkdir()
    host.export(tmp_path / "out", adapter=full, form="merged", base="")
    assert set(load_file(tmp_path / "out" / "model.safetensors")) == set(load_file(family_dirs[name] / "model.safetensors"))
    model = AutoModelForCausalLM.from_pretrained(tmp_path / "out", dtype=torch.float32, attn_implementation="eager").eval()
    ids = torch.arange(70)[None] % 96
    with torch.no_grad():
        hidden = host.decoder.forward_packed(host.decoder.embed(ids[0]), [70], {})
        mine, theirs = head.logits_of(hidden, host.decoder.head), model(ids).logits[0]
    assert (mine - theirs).abs().max() < 1e-4 * max(1.0, float(theirs.abs().max()))


@pytest.mark.parametrize("targets", [("q", "k", "v", "o", "gate", "up", "down"), ("q", "v", "down")])
@pytest.mark.parametrize("name", [n for n in NAMES if n not in ("mistral-window", "phi3-window", "qwen2-window")])
def test_an_adapter_has_equal_logits_in_peft(
    name: str, targets: tuple[str, ...], family_dirs: dict[str, Path], tmp_path: Path
) -> None:
    from peft import PeftModel

    if name in EXPERTS and len(targets) < 7:
        targets = ("q", "v")
    host = open_host(family_dirs[name])
    adapter, data = host.create(LoraSpec(rank=3, alpha=9.0, targets=targets)), make_data(3)
    for _ in range(2):
        host.forward_backward(data, route=adapter).result()
        host.optim_step(AdamParams(learning_rate=0.02), adapter=adapter).result()
    (tmp_path / "peft").mkdir()
    host.export(tmp_path / "peft", adapter=adapter, form="peft", base=str(family_dirs[name]))
    config = json.loads((tmp_path / "peft" / "adapter_config.json").read_text())
    assert ("qkv_proj" in config["target_modules"]) == (name in FUSED)
    assert (name in EXPERTS) <= ("gate_proj" not in config["target_modules"])
    ids = torch.arange(50)[None] % 96
    with torch.no_grad():
        hidden = host.decoder.forward_packed(host.decoder.embed(ids[0]), [50], host.bank.segments([adapter], [50]))
        mine = head.logits_of(hidden, host.decoder.head)
        theirs = PeftModel.from_pretrained(reference(name), tmp_path / "peft")(ids).logits[0]
        plain = reference(name)(ids).logits[0]
    assert (mine - theirs).abs().max() < 1e-4 * max(1.0, float(theirs.abs().max()))
    assert (theirs - plain).abs().max() > 1e-2
    again = open_host(family_dirs[name])
    loaded = again.load(tmp_path / "peft")
    assert again.bank.get(loaded).spec.rank == 3
    before, after = host.forward(data, route=adapter).result(), again.forward(data, route=loaded).result()
    assert all(np.abs(a.logprobs - b.logprobs).max() < 1e-5 for a, b in zip(before, after, strict=True))


def test_an_adapter_whose_fused_modules_share_one_a_is_read(family_dirs: dict[str, Path], tmp_path: Path) -> None:
    """As peft makes it by itself."""
    from peft import LoraConfig, get_peft_model

    model = get_peft_model(
        reference("phi3"), LoraConfig(r=4, lora_alpha=8, target_modules=["qkv_proj", "gate_up_proj", "o_proj"])
    ).eval()
    torch.manual_seed(0)
    with torch.no_grad():
        for key, p in model.named_parameters():
            if "lora_B" in key:
                p.normal_(0, 0.2)
        model.save_pretrained(tmp_path)
        ids = torch.arange(40)[None] % 96
        expected = torch.log_softmax(model(ids).logits[0], -1)
    host = open_host(family_dirs["phi3"])
    row = Datum.from_tokens(ids[0].numpy(), np.ones(40, np.float32))
    found = host.forward([row], route=host.load(tmp_path)).result()[0].logprobs
    targets = torch.tensor(row.streams["targets"].astype(np.int64))
    assert np.abs(found - expected[torch.arange(40)[: len(found)], targets].numpy()).max() < 1e-4


@pytest.mark.parametrize("name", NAMES)
def test_recomputed_activations_give_the_same_gradients_and_bfloat16_stays_near(name: str, family_dirs: dict[str, Path]) -> None:
    data, found = make_data(3, high=60), []
    for again in (False, True):
        host = open_host(family_dirs[name])
        host.decoder.checkpointing = again
        host.forward_backward(data, route=host.create_full()).result()
        found.append(host.full.flat.grad.clone())
    assert relative(found[1], found[0]) < 1e-6
    exact = open_host(family_dirs[name]).forward(data).result()
    rounded = open_host(family_dirs[name], dtype="bfloat16").forward(data).result()
    gaps = [np.abs(a.logprobs - b.logprobs).mean() for a, b in zip(exact, rounded, strict=True)]
    assert 0 < np.mean(gaps) < 0.1


GEMMA = {"hidden_activation": "gelu_pytorch_tanh", "hidden_act": "gelu_pytorch_tanh", "head_dim": 256, "rms_norm_eps": 1e-6}
HUB: dict[str, tuple[dict[str, object], dict[str, object]]] = {
    "Mistral 7B v0.1": ({"model_type": "mistral", "sliding_window": 4096, "rope_theta": 10000.0}, {"windows": (4096,) * 8}),
    "Mistral 7B v0.3": ({"model_type": "mistral", "sliding_window": None, "rope_theta": 1000000.0}, {"windows": ()}),
    "Qwen2.5": (
        {"model_type": "qwen2", "use_sliding_window": False, "sliding_window": 32768, "max_window_layers": 24, "use_mrope": False,
         "tie_word_embeddings": True}, {"windows": (), "qkv_bias": True, "o_bias": False, "tied": True},
    ),
    "Qwen2 with windows": (
        {"model_type": "qwen2", "use_sliding_window": True, "sliding_window": 512, "max_window_layers": 6},
        {"windows": (0, 0, 0, 0, 0, 0, 512, 512)},
    ),
    "Qwen3-30B-A3B": (
        {"model_type": "qwen3_moe", "head_dim": 128, "num_experts": 128, "num_experts_per_tok": 8, "moe_intermediate_size": 768,
         "norm_topk_prob": True, "decoder_sparse_step": 1, "mlp_only_layers": [], "attention_bias": False,
         "router_aux_loss_coef": 0.001,
         "use_sliding_window": False, "sliding_window": None, "max_window_layers": 48, "output_router_logits": False},
        {"head_dim": 128, "intermediate": 768, "qk_norm": "head"},
    ),
    "Gemma 2": (
        {"model_type": "gemma2", **GEMMA, "attn_logit_softcapping": 50.0, "final_logit_softcapping": 30.0, "sliding_window": 4096,
         "query_pre_attn_scalar": 256, "attention_bias": False, "cache_implementation": "hybrid"},
        {"windows": (4096, 0) * 4, "attention_cap": 50.0, "logit_cap": 30.0, "tied": True, "attention_scale": 1 / 16},
    ),
    "Gemma 3 1B": (
        {"model_type": "gemma3_text", **GEMMA, "attn_logit_softcapping": None, "final_logit_softcapping": None,
         "sliding_window": 512, "sliding_window_pattern": 6, "query_pre_attn_scalar": 256, "rope_theta": 1000000,
         "rope_local_base_freq": 10000, "rope_scaling": None, "attention_bias": False,
         "cache_implementation": "hybrid"},
        {"windows": (512,) * 5 + (0,) + (512,) * 2, "logit_cap": 0.0},
    ),
    "Phi-3-mini-4k": (
        {"model_type": "phi3", "attention_bias": False, "auto_map": {"AutoConfig": "configuration_phi3.Phi3Config"},
         "embd_pdrop": 0.0, "resid_pdrop": 0.0, "original_max_position_embeddings": 4096, "rope_scaling": None,
         "sliding_window": 2047}, {"windows": (2047,) * 8, "rotary": 0},
    ),
    "Phi-4-mini": (
        {"model_type": "phi3", "attention_bias": False, "mlp_bias": False, "lm_head_bias": False, "full_attn_mod": 1,
         "interpolate_factor": 1, "partial_rotary_factor": 0.75, "original_max_position_embeddings": 4096,
         "max_position_embeddings": 131072, "sliding_window": 262144, "tie_word_embeddings": True, "head_dim": 128,
         "rope_scaling": {"type": "longrope", "short_factor": [1.0] * 48, "long_factor": [2.0] * 48}},
        {"rotary": 96, "max_positions": 4096, "tied": True},
    ),
    "OLMo-2": ({"model_type": "olmo2", "rope_theta": 500000, "attention_bias": False}, {"norms": "post", "qk_norm": "all"}),
    "OLMoE": (
        {"model_type": "olmoe", "num_experts": 64, "num_experts_per_tok": 8, "norm_topk_prob": False, "clip_qkv": None,
         "output_router_logits": False, "router_aux_loss_coef": 0.01}, {"qk_norm": "all"},
    ),
    "SmolLM3": (
        {"model_type": "smollm3", "no_rope_layers": [1, 1, 1, 0] * 2, "no_rope_layer_interval": 4, "use_sliding_window": False,
         "sliding_window": None, "layer_types": ["full_attention"] * 8, "rope_theta": 5000000.0, "attention_bias": False,
         "mlp_bias": False}, {"unturned": (3, 7), "tied": True},
    ),
    "gpt-oss, unpacked": (
        {"model_type": "gpt_oss", "head_dim": 64, "num_local_experts": 32, "num_experts_per_tok": 4, "experts_per_token": 4,
         "sliding_window": 128, "layer_types": ["sliding_attention", "full_attention"] * 4, "attention_bias": True,
         "swiglu_limit": 7.0, "initial_context_length": 4096, "rope_theta": 150000, "router_aux_loss_coef": 0.9,
         "rope_scaling": {"rope_type": "yarn", "factor": 32.0, "beta_fast": 32.0, "beta_slow": 1.0, "truncate": False,
                          "original_max_position_embeddings": 4096}},
        {"sinks": True, "windows": (128, 0) * 4, "o_bias": True},
    ),
}  # fmt: skip
"""Keys as models on the hub have them, and what they mean."""
BODY = {
    "vocab_size": 1000, "hidden_size": 1024, "intermediate_size": 2048, "num_hidden_layers": 8, "num_attention_heads": 8,
    "num_key_value_heads": 4, "max_position_embeddings": 8192, "rms_norm_eps": 1e-5,
}  # fmt: skip


@pytest.mark.parametrize("name", list(HUB))
def test_configs_as_they_lie_on_the_hub_are_understood(name: str) -> None:
    config, meant = HUB[name]
    act = {} if str(config["model_type"]).startswith("gemma") else {"hidden_act": "silu"}
    arch = families.read_arch({**BODY, **act, **config})
    assert {key: getattr(arch, key) for key in meant} == meant


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("Mistral 7B v0.3", "sliding_window"),
        ("Gemma 2", "attn_logit_softcapping"),
        ("Gemma 2", "head_dim"),
        ("gpt-oss, unpacked", "head_dim"),
    ],
)
def test_what_families_mean_different_things_by_where_it_is_absent_must_be_there(name: str, key: str) -> None:
    config = {**BODY, **HUB[name][0]}
    del config[key]
    with pytest.raises(ModelRefused, match=key):
        families.read_arch(config)


def test_adapters_do_not_go_into_experts(family_dirs: dict[str, Path]) -> None:
    host = open_host(family_dirs["olmoe"])
    assert host.bank.get(host.create(LoraSpec(rank=2))).spec.targets == ("q", "k", "v", "o")
    with pytest.raises(ConfigError, match="experts"):
        host.create(LoraSpec(rank=2, targets=("q", "down")))


@pytest.mark.parametrize(
    ("name", "change", "said"),
    [
        ("qwen3-moe", {"mlp_only_layers": [0]}, "mlp_only_layers"),
        ("gemma2", {"use_bidirectional_attention": True}, "use_bidirectional_attention"),
        ("qwen2", {"layer_types": ["sliding_attention", "full_attention"]}, "use_sliding_window"),
        ("mistral", {"partial_rotary_factor": 0.5}, "a part of each head"),
        ("olmo2", {"tie_word_embeddings": False, "new_key": 3}, "new_key"),
        ("mistral", {"layer_types": ["chunked_attention"] * 2}, "layers that this version does not compute"),
        ("olmoe", {"clip_qkv": 8.0}, "clip_qkv"),
        ("phi4-mini", {"rope_parameters": {"rope_type": "longrope", "short_factor": [1.0]}}, "wrong length"),
        ("smollm3", {"hidden_act": "gelu"}, "hidden_act"),
    ],
)
def test_what_a_family_does_not_compute_is_refused(
    name: str, change: dict[str, object], said: str, family_dirs: dict[str, Path]
) -> None:
    config = json.loads((family_dirs[name] / "config.json").read_text())
    families.read_arch(config)
    with pytest.raises(ModelRefused, match=said):
        families.read_arch({**config, **change})


def test_longrope_texts_stay_within_the_original_context(family_dirs: dict[str, Path]) -> None:
    assert open_host(family_dirs["phi4-mini"]).arch.max_positions == 128
