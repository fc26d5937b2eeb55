"""Adapters on disk: exact state, PEFT files in and out, merged models; what does not fit is refused."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from helpers import make_data, open_host
from peft import LoraConfig, PeftModel, get_peft_model
from reference_models import reference
from safetensors.torch import load_file, save_file
from test_trainer import random_adapter
from transformers import AutoModelForCausalLM

from burnish.errors import CapabilityMissing, ConfigError, ModelRefused
from burnish.types import AdamParams, LoraSpec

IDS = torch.randint(0, 96, (1, 30), generator=torch.Generator().manual_seed(4))
SPECS = [LoraSpec(rank=4, alpha=8.0), LoraSpec(rank=3, alpha=32.0, targets=("q", "v", "down"))]


def logits(host, adapter) -> torch.Tensor:
    from burnish.engine.adapters import Rows

    with torch.no_grad():
        table = host.bank.table([Rows(adapter if adapter.kind == "lora" else None, slice(0, 30))])
        hidden = host.decoder.forward_packed(host.decoder.embed(IDS[0]), [30], table)
        return hidden @ host.decoder.head.data.t()


@pytest.mark.parametrize("spec", SPECS)
@pytest.mark.parametrize("name", ["qwen3-untied-bias", "llama-tied-gqa"])
def test_exported_adapter_has_equal_logits_in_peft(
    name: str, spec: LoraSpec, model_dirs: dict[str, Path], tmp_path: Path
) -> None:
    host = open_host(model_dirs[name])
    adapter = random_adapter(host, rank=spec.rank, alpha=spec.alpha, targets=spec.targets)
    host.export(tmp_path, adapter=adapter, form="peft", base=str(model_dirs[name]))
    with torch.no_grad():
        theirs = PeftModel.from_pretrained(reference(name), str(tmp_path)).eval()(IDS).logits[0]
    assert (theirs - logits(host, adapter)).abs().max() < 1e-5


@pytest.mark.parametrize("spec", SPECS)
def test_adapter_made_by_peft_has_equal_logits_here(spec: LoraSpec, model_dirs: dict[str, Path], tmp_path: Path) -> None:
    config = LoraConfig(
        r=spec.rank, lora_alpha=int(spec.alpha), target_modules=[f"{t}_proj" for t in spec.targets], init_lora_weights=False
    )
    torch.manual_seed(0)
    model = get_peft_model(reference("qwen3-tied"), config).eval()
    model.save_pretrained(str(tmp_path))
    with torch.no_grad():
        theirs = model(IDS).logits[0]
    host = open_host(model_dirs["qwen3-tied"])
    adapter = host.load(tmp_path)
    assert (theirs - logits(host, adapter)).abs().max() < 1e-5
    assert host.bank.get(adapter).spec.rank == spec.rank


def test_check_35_merged_model_equals_the_adapter(model_dirs: dict[str, Path], tmp_path: Path) -> None:
    host = open_host(model_dirs["qwen3-tied"])
    adapter = random_adapter(host, rank=4)
    host.export(tmp_path, adapter=adapter, form="merged", base="")
    with torch.no_grad():
        theirs = AutoModelForCausalLM.from_pretrained(tmp_path).eval()(IDS).logits[0]
    assert (theirs - logits(host, adapter)).abs().max() < 1e-4
    assert json.loads((tmp_path / "config.json").read_text())["dtype"] == "float32"


def test_check_35_merging_into_an_unknown_precision_is_refused(model_dirs: dict[str, Path], tmp_path: Path) -> None:
    host = open_host(model_dirs["qwen3-tied"])
    adapter = random_adapter(host, rank=2)
    host.config["dtype"] = "int8"
    with pytest.raises(ConfigError, match="int8"):
        host.export(tmp_path, adapter=adapter, form="merged", base="")


@pytest.mark.parametrize("kind", ["lora", "full"])
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_check_33_saved_state_is_the_state_in_memory(kind: str, dtype: str, model_dirs: dict[str, Path], tmp_path: Path) -> None:
    """Saved and loaded into another host, training goes on with the same bits."""
    hosts = [open_host(model_dirs["qwen3-tied"], dtype=dtype) for _ in range(2)]
    host, other = hosts
    adapter = host.create_full() if kind == "full" else host.create(LoraSpec(rank=4, heads=("value",)))
    params = AdamParams(learning_rate=1e-2)

    def step(h, a, k: int) -> None:
        h.forward_backward(make_data(4, seed=k), route=a).result()
        h.optim_step(params, adapter=a).result()

    for k in range(2):
        step(host, adapter, k)
    host.save(tmp_path, adapter=adapter)
    again = other.load(tmp_path)
    assert other.digest(again) == host.digest(adapter)
    for k in range(2, 4):
        step(host, adapter, k)
        step(other, again, k)
    assert other.digest(again) == host.digest(adapter)
    data = make_data(3, seed=9)
    for x, y in zip(host.forward(data, route=adapter).result(), other.forward(data, route=again).result(), strict=True):
        assert np.array_equal(x.logprobs, y.logprobs)


def test_check_33_a_file_that_does_not_fit_is_refused(model_dirs: dict[str, Path], tmp_path: Path) -> None:
    host = open_host(model_dirs["llama-tied-gqa"])
    adapter = random_adapter(host, rank=2)
    host.export(tmp_path, adapter=adapter, form="peft", base="")
    good = load_file(tmp_path / "adapter_model.safetensors")
    key = sorted(good)[0]
    cases = {
        "lacks tensors": {k: v for k, v in good.items() if k != key},
        "no place for": {**good, "base_model.model.model.layers.9.mlp.up_proj.lora_A.weight": torch.zeros(2, 32)},
        "wrong shape": {**good, key: torch.zeros(1, 1)},
        "NaN": {**good, key: good[key] * float("nan")},
    }
    before = set(host.bank.slots)
    for words, tensors in cases.items():
        save_file(tensors, tmp_path / "adapter_model.safetensors")
        with pytest.raises(ModelRefused, match=words):
            host.load(tmp_path)
    assert set(host.bank.slots) == before
    for change, words in (
        ({"use_dora": True}, "use_dora"),
        ({"peft_type": "IA3"}, "LoRA"),
        ({"bias": "all"}, "biases"),
        ({"alora_invocation_tokens": [1, 2]}, "alora_invocation_tokens"),
        ({"a_key_of_tomorrow": 1}, "a_key_of_tomorrow"),
        ({"init_lora_weights": "pissa_niter_16"}, "start of the base"),
    ):
        config = json.loads((tmp_path / "adapter_config.json").read_text())
        (tmp_path / "adapter_config.json").write_text(json.dumps({**config, **change}))
        with pytest.raises(ModelRefused, match=words):
            host.load(tmp_path)
        (tmp_path / "adapter_config.json").write_text(json.dumps(config))


def test_copies_are_independent_and_full_fine_tunes_own_their_host(model_dirs: dict[str, Path], tmp_path: Path) -> None:
    host = open_host(model_dirs["llama-tied-gqa"])
    a = random_adapter(host, rank=2)
    b = host.copy(a)
    assert host.digest(a) == host.digest(b)
    host.forward_backward(make_data(2), route=b).result()
    host.optim_step(AdamParams(learning_rate=1e-2), adapter=b).result()
    assert host.digest(a) != host.digest(b)
    host.free(a)
    host.free(b)
    full = host.create_full()
    with pytest.raises(CapabilityMissing):
        host.create(LoraSpec())
    with pytest.raises(CapabilityMissing):
        host.export(tmp_path, adapter=full, form="peft", base="")
    assert max(host.inspect(full).values()) == 0
    host.forward_backward(make_data(2), route=full).result()
    host.optim_step(AdamParams(learning_rate=1e-3), adapter=full).result()
    assert max(host.inspect(full).values()) > 0


def test_loading_in_place_leaves_nothing_of_the_optimiser_before(model_dirs: dict[str, Path], tmp_path: Path) -> None:
    """A state saved before the first step, or without its optimiser, starts afresh, moments and gradients included."""
    host = open_host(model_dirs["llama-tied-gqa"])
    adapter = host.create(LoraSpec(rank=2))
    host.save(tmp_path, adapter=adapter)

    def step() -> str:
        host.forward_backward(make_data(4), route=adapter).result()
        host.optim_step(AdamParams(learning_rate=1e-2), adapter=adapter).result()
        return host.digest(adapter)

    first = step()
    step()
    host.forward_backward(make_data(2), route=adapter).result()
    host.load(tmp_path, adapter=adapter)
    assert step() == first


@pytest.mark.parametrize("body", ["[]", '{"peft_type": "LORA"}', '{"peft_type": "LORA", "r": "8", "lora_alpha": 1}'])
def test_a_broken_adapter_config_is_refused(model_dirs: dict[str, Path], tmp_path: Path, body: str) -> None:
    (tmp_path / "adapter_config.json").write_text(body)
    with pytest.raises(ModelRefused, match=r"adapter_config\.json"):
        open_host(model_dirs["llama-tied-gqa"]).load(tmp_path)
