"""Logits equal transformers' for every variant of the architecture; what is not understood is refused."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from helpers import NATIVE, open_host
from reference_models import VARIANTS, reference
from safetensors.torch import load_file, save_file

from burnish.engine import matmul
from burnish.errors import ModelRefused
from burnish.types import Datum, LoraSpec, TokenChunk


def logits(host, ids: torch.Tensor) -> torch.Tensor:
    lengths = [ids.shape[1]] * ids.shape[0]
    with torch.no_grad():
        hidden = host.decoder.forward_packed(host.decoder.embed(ids.flatten()), lengths, {})
        return (hidden @ host.decoder.head.data.t()).view(*ids.shape, -1)


@pytest.mark.parametrize("name", list(VARIANTS))
def test_logits_equal_transformers(name: str, model_dirs: dict[str, Path]) -> None:
    ids = torch.randint(0, 96, (3, 100), generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        expected = reference(name)(ids).logits
    assert (logits(open_host(model_dirs[name]), ids) - expected).abs().max() < 1e-5


@pytest.mark.parametrize("changes", [{"bmm_limit": 128}, {"matmul": "onednn"}, NATIVE])
def test_other_routes_give_the_same_logits(changes: dict[str, object], model_dirs: dict[str, Path]) -> None:
    ids = torch.randint(0, 96, (2, 70), generator=torch.Generator().manual_seed(2))
    plain = logits(open_host(model_dirs["qwen3-tied"]), ids)
    try:
        other = logits(open_host(model_dirs["qwen3-tied"], **changes), ids)
    finally:
        matmul.use("aten")
    assert (plain - other).abs().max() < 1e-5


def test_bfloat16_stays_near_float32(model_dirs: dict[str, Path]) -> None:
    ids = torch.randint(0, 96, (2, 40), generator=torch.Generator().manual_seed(3))
    exact = torch.log_softmax(logits(open_host(model_dirs["qwen3-tied"]), ids), -1)
    host = open_host(model_dirs["qwen3-tied"], dtype="bfloat16")
    rows = [Datum((TokenChunk(r.numpy().astype(np.int32)),), {"targets": np.zeros(40, np.int32)}) for r in ids]
    rounded = np.stack([o.logprobs for o in host.forward(rows).result()])
    gap = np.abs(rounded - exact[:, :, 0].numpy())
    assert 0 < gap.mean() < 0.05


def test_check_29_values_do_not_depend_on_neighbours_or_padding(model_dirs: dict[str, Path]) -> None:
    """There is no padding to get wrong: a row alone, and among others of other lengths, has the same values."""
    host = open_host(model_dirs["llama-tied-gqa"])
    draw = np.random.default_rng(0)
    rows = []
    for n in (5, 31, 2, 17):
        ids = draw.integers(0, 96, n).astype(np.int32)
        rows.append(Datum((TokenChunk(ids),), {"targets": ids}))
    together = host.forward(rows).result()
    for row, out in zip(rows, together, strict=True):
        assert np.abs(host.forward([row]).result()[0].logprobs - out.logprobs).max() < 1e-5


def test_check_29_a_score_is_read_at_the_last_token_whatever_the_batch(model_dirs: dict[str, Path]) -> None:
    host = open_host(model_dirs["llama-tied-gqa"])
    adapter = host.create(LoraSpec(rank=2, heads=("score",)))
    head = host.bank.get(adapter).head("score").data
    head.copy_(torch.linspace(-1, 1, 32)[None])
    rows = [Datum((TokenChunk(np.arange(n, dtype=np.int32)),), {}) for n in (5, 31, 2, 17)]
    for row, out in zip(rows, host.forward(rows, route=adapter, outputs=("score", "hidden")).result(), strict=True):
        assert abs(out.score - float(out.hidden[-1] @ head[0].numpy())) < 1e-5
        assert abs(out.score - host.forward([row], route=adapter, outputs=("score",)).result()[0].score) < 1e-5


def edited(source: Path, target: Path, **changes: object) -> Path:
    shutil.copytree(source, target)
    config = json.loads((target / "config.json").read_text())
    config.update(changes)
    (target / "config.json").write_text(json.dumps(config))
    return target


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"auto_map": {"AutoModel": "x.Y"}}, "code that comes with the model"),
        ({"model_type": "mamba"}, "not supported"),
        ({"logit_softcap": 30.0}, "logit_softcap"),
        ({"hidden_act": "gelu"}, "hidden_act"),
        ({"quantization_config": {"bits": 4}}, "quantised"),
        ({"rope_parameters": {"rope_type": "dynamic", "factor": 4.0, "rope_theta": 1e4}}, "dynamic"),
        ({"tie_word_embeddings": False}, "lack tensors"),
    ],
)
def test_what_is_not_understood_is_refused(
    changes: dict[str, object], words: str, model_dirs: dict[str, Path], tmp_path: Path
) -> None:
    with pytest.raises(ModelRefused, match=words):
        open_host(edited(model_dirs["llama-tied-gqa"], tmp_path / "m", **changes))


def damaged(source: Path, target: Path, change) -> Path:
    shutil.copytree(source, target)
    tensors = load_file(target / "model.safetensors")
    change(tensors)
    save_file(tensors, target / "model.safetensors", metadata={"format": "pt"})
    return target


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda t: t.update(extra=torch.zeros(2)), "extra"),
        (lambda t: t.pop("model.norm.weight"), "model.norm.weight"),
        (lambda t: t.update({"model.norm.weight": torch.zeros(5)}), "wrong shape"),
        (lambda t: t["model.norm.weight"].fill_(float("nan")), "NaN"),
        (lambda t: t.update({"model.norm.weight": torch.zeros(32, dtype=torch.int8)}), "quantised"),
        (lambda t: t.update({"lm_head.weight": torch.ones(96, 32)}), "different head"),
    ],
)
def test_damaged_weights_are_refused(change, words: str, model_dirs: dict[str, Path], tmp_path: Path) -> None:
    with pytest.raises(ModelRefused, match=words):
        open_host(damaged(model_dirs["llama-tied-gqa"], tmp_path / "m", change))


def test_pickles_and_torn_files_are_refused(model_dirs: dict[str, Path], tmp_path: Path) -> None:
    shutil.copytree(model_dirs["llama-tied-gqa"], tmp_path / "m")
    weights = tmp_path / "m" / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:1000])
    with pytest.raises(ModelRefused, match="cannot be read"):
        open_host(tmp_path / "m")
    weights.rename(tmp_path / "m" / "pytorch_model.bin")
    with pytest.raises(ModelRefused, match="pickle"):
        open_host(tmp_path / "m")


def test_sharded_weights_load(model_dirs: dict[str, Path], tmp_path: Path) -> None:
    reference("qwen3-tied").save_pretrained(tmp_path / "m", max_shard_size="20KB")
    assert (tmp_path / "m" / "model.safetensors.index.json").is_file()
    ids = torch.arange(40)[None]
    whole = logits(open_host(model_dirs["qwen3-tied"]), ids)
    assert torch.equal(logits(open_host(tmp_path / "m"), ids), whole)
    next((tmp_path / "m").glob("model-*.safetensors")).unlink()
    with pytest.raises(ModelRefused, match="missing"):
        open_host(tmp_path / "m")
