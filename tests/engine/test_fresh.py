"""Random weights: names and shapes that others load too, a start that copies, and the finished file."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from helpers import open_host
from safetensors.torch import load_file
from transformers import LlamaForCausalLM

from burnish.engine.fresh import Shape, weights, write_finished, write_fresh

SHAPE = Shape(vocab=256, hidden=96, layers=4, heads=4, kv_heads=2, wide=128, positions=128)
SPAN = 24


def logits(directory: Path, ids: torch.Tensor) -> torch.Tensor:
    decoder = open_host(directory).decoder
    with torch.no_grad():
        hidden = decoder.forward_packed(decoder.embed(ids.flatten()), [ids.shape[1]] * ids.shape[0], {})
        return (hidden @ decoder.head.data.t()).view(*ids.shape, -1)


@pytest.fixture(scope="module")
def fresh(tmp_path_factory: pytest.TempPathFactory) -> dict[bool, Path]:
    """A model with the copying start and one without."""
    root = tmp_path_factory.mktemp("fresh")
    for copying in (True, False):
        write_fresh(root / str(copying), SHAPE, seed=5, copying=copying)
    return {copying: root / str(copying) for copying in (True, False)}


@pytest.mark.parametrize("copying", [True, False])
def test_transformers_reads_it_alike(fresh: dict[bool, Path], copying: bool) -> None:
    ids = torch.randint(0, 256, (3, 60), generator=torch.Generator().manual_seed(1))
    model, report = LlamaForCausalLM.from_pretrained(fresh[copying], output_loading_info=True)
    assert not report["unexpected_keys"]
    assert not set(report["missing_keys"]) - {"lm_head.weight"}
    with torch.no_grad():
        expected = model.eval()(ids).logits
    assert expected.abs().max() > 0.1
    assert (logits(fresh[copying], ids) - expected).abs().max() < 1e-4


def test_only_copying_foresees_what_was_read_once(fresh: dict[bool, Path]) -> None:
    span = torch.randint(1, 256, (16, SPAN), generator=torch.Generator().manual_seed(2))
    ids = torch.cat([span, span], 1)
    halves: dict[bool, tuple[float, float]] = {}
    for copying, directory in fresh.items():
        scores = torch.log_softmax(logits(directory, ids)[:, :-1], -1)
        losses = -scores.gather(-1, ids[:, 1:, None])[..., 0]
        halves[copying] = losses[:, : SPAN - 1].mean().item(), losses[:, SPAN:].mean().item()
    first, second = halves[True]
    assert second < first - 0.4
    assert second < halves[False][1] - 0.4
    assert abs(halves[False][1] - halves[False][0]) < 0.3  # else the measurement itself prefers second halves


def test_the_seed_decides() -> None:
    first, again, other = weights(SHAPE, seed=1), weights(SHAPE, seed=1), weights(SHAPE, seed=2)
    assert list(first) == list(again)
    assert all(first[n].tobytes() == again[n].tobytes() for n in first)
    assert all(v.dtype == np.float32 for v in first.values())
    assert {n for n in first if first[n].tobytes() == other[n].tobytes()} == {n for n in first if "norm" in n}


@pytest.mark.parametrize("changes", [{"layers": 2}, {"kv_heads": 1}, {"kv_heads": 4}])
def test_shapes_without_room_for_copying_are_refused(changes: dict[str, int]) -> None:
    sizes = dict(vocab=64, hidden=32, layers=3, heads=4, kv_heads=2, wide=32, positions=64)
    shape = Shape(**{**sizes, **changes})
    assert weights(shape, seed=0, copying=False)
    with pytest.raises(AssertionError, match="copying takes"):
        weights(shape, seed=0)


def test_finished_weights(fresh: dict[bool, Path], tmp_path: Path) -> None:
    write_finished(fresh[True], tmp_path / "out", spare=range(1, 64), seed=7)
    before, after = load_file(fresh[True] / "model.safetensors"), load_file(tmp_path / "out" / "model.safetensors")
    assert set(before) == set(after)
    assert {t.dtype for t in after.values()} == {torch.bfloat16}
    config = json.loads((tmp_path / "out" / "config.json").read_text())
    assert config == {**json.loads((fresh[True] / "config.json").read_text()), "torch_dtype": "bfloat16"}
    name = "model.embed_tokens.weight"
    kept = [0, *range(64, 256)]
    for other in set(before) - {name}:
        assert torch.equal(after[other], before[other].to(torch.bfloat16)), other
    assert torch.equal(after[name][kept], before[name][kept].to(torch.bfloat16))
    spare, mean, spread = after[name][1:64].float(), before[name][kept].mean(0), before[name][kept].std(0)
    assert len({row.numpy().tobytes() for row in spare}) == 63
    assert (spare.mean(0) - mean).abs().max() < 4 * spread.max() / 2 / 63**0.5 + 0.01
    assert 0.4 < (spare - mean)[:, 1:].std().item() / spread[1:].mean().item() < 0.6


def test_finishing_twice_gives_the_same_file(fresh: dict[bool, Path], tmp_path: Path) -> None:
    for name, seed in (("one", 7), ("two", 7), ("other", 8)):
        write_finished(fresh[True], tmp_path / name, spare=range(1, 64), seed=seed)
    one, two, other = ((tmp_path / n / "model.safetensors").read_bytes() for n in ("one", "two", "other"))
    assert one == two != other
