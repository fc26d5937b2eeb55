"""Every family computes what transformers computes: logits, gradients, tokens drawn one by one, files written and read again."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from helpers import make_data, open_host
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


@pytest.mark.parametrize("changes", [{}, {"bmm_limit": 128}])
@pytest.mark.parametrize("name", NAMES)
def test_logits_equal_transformers(name: str, changes: dict[str, int], family_dirs: dict[str, Path]) -> None:
    ids = torch.randint(0, 96, (2, TOKENS), generator=torch.Generator().manual_seed(1))
    host = open_host(family_dirs[name], **changes)
    with torch.no_grad():
        expected = reference(name)(ids).logits
        hidden = host.decoder.forward_packed(host.decoder.embed(ids.flatten()), [TOKENS] * 2, {})
        found = head.logits_of(hidden, host.decoder.head).view(expected.shape)
    assert (found - expected).abs().max() < 1e-4 * max(1.0, float(expected.abs().max()))


@pytest.mark.parametrize("name", NAMES)
def test_gradients_equal_transformers(name: str, family_dirs: dict[str, Path]) -> None:
    data = make_data(4, high=60)
    host = open_host(family_dirs[name])
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
    prompts = [list(range(5, 5 + n)) for n in (3, 40, 17)]
    drawn = host.sample(prompts, SamplingParams(limit_tokens=35, temperature=0.7, seed=3, stop_ids=()), route=None).result()
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


def test_adapters_do_not_go_into_experts(family_dirs: dict[str, Path]) -> None:
    host = open_host(family_dirs["olmoe"])
    assert host.bank.get(host.create(LoraSpec(rank=2))).spec.targets == ("q", "k", "v", "o")
    with pytest.raises(ConfigError, match="experts"):
        host.create(LoraSpec(rank=2, targets=("gate", "down")))


@pytest.mark.parametrize(
    ("name", "change", "said"),
    [
        ("qwen3-moe", {"mlp_only_layers": [0]}, "mlp_only_layers"),
        ("gemma2", {"use_bidirectional_attention": True}, "use_bidirectional_attention"),
        ("qwen2", {"layer_types": ["sliding_attention", "full_attention"]}, "use_sliding_window"),
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
