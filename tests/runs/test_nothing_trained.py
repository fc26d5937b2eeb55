"""Check 44: a run that did nothing ends as a failure, and the model is kept all the same."""

from __future__ import annotations

import json

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file
from tiny_run import settings

from burnish.errors import NothingTrained
from burnish.runs import train
from burnish.runs.run import DEAD_STEPS
from burnish.store.models import resolve
from burnish.store.runfolder import RunFolder


def copy_of(model, directory, change):
    """The model with its tensors changed."""
    directory.mkdir()
    for path in model.iterdir():
        (directory / path.name).write_bytes(path.read_bytes())
    tensors = load_file(model / "model.safetensors")
    change(tensors)
    save_file(tensors, directory / "model.safetensors", metadata={"format": "pt"})
    return directory


def failed(run: str) -> None:
    folder = RunFolder.open(run)
    assert folder.status == "failed"
    assert resolve(run).adapter == folder.model  # kept


@pytest.mark.parametrize("method", ["lora", "full"])
def test_check_44_unchanged_weights(tiny_model, data, method):
    """Steps too small for float32 to notice."""
    run = f"unchanged-{method}"
    with pytest.raises(NothingTrained, match="are those before the first") as caught:
        train.start(settings(tiny_model, data, learning_rate=1e-50, method=method), run=run)
    assert caught.value.exit_code == 1
    folder = RunFolder.open(run)
    assert folder.status == "failed"
    assert (folder.model / "model.safetensors").is_file() or resolve(run).adapter == folder.model


def test_check_44_loss_that_is_not_a_number(tiny_model, data, tmp_path):
    def overflow(tensors):
        tensors["model.layers.1.mlp.down_proj.weight"] = np.full((32, 48), 3e38, np.float32)

    model = copy_of(tiny_model, tmp_path / "overflow", overflow)
    with pytest.raises(NothingTrained, match="not finite") as caught:
        train.start(settings(model, data), run="nan")
    assert caught.value.exit_code == 1
    assert RunFolder.open("nan").status == "failed"


def test_check_44_a_run_that_diverges_keeps_its_best_step(tiny_model, data):
    """The first step is small, the next throws the weights far off, the one after it has no loss."""
    wild = {"learning_rate": 1e30, "warmup": 0.0, "evaluate_every": 1}
    with pytest.raises(NothingTrained, match="not finite"):
        train.start(settings(tiny_model, data, **wild), run="diverged")
    failed("diverged")


def test_check_44_loss_of_exactly_zero(tiny_model, tmp_path):
    """A model that already says the answer with probability 1 in float32: no loss, no gradient, in no step."""
    end = 258

    def certain(tensors):
        embedding = tensors["model.embed_tokens.weight"]
        embedding *= 0.01
        embedding[:, 0] = 1.0  # one feature that every input has
        embedding[end, 0] = 100.0
        for name in tensors:
            if "down_proj" in name or "o_proj" in name:
                tensors[name][:] = 0

    model = copy_of(tiny_model, tmp_path / "certain", certain)
    rows = tmp_path / "empty.jsonl"
    rows.write_text("".join(json.dumps({"prompt": f"say nothing {n}", "completion": "<|im_end|>"}) + "\n" for n in range(40)))
    with pytest.raises(NothingTrained, match=f"none of the first {DEAD_STEPS} steps"):
        train.start(settings(model, rows, steps=15), run="zero")
    failed("zero")


def test_check_07_no_target_left(tiny_model, tmp_path):
    """Rows cut before their answers are left out, counted, and where all are, nothing is trained."""
    rows = tmp_path / "long.jsonl"
    rows.write_text("".join(json.dumps({"prompt": f"{n} " + "x" * 40, "completion": "y"}) + "\n" for n in range(20)))
    with pytest.raises(NothingTrained, match="left out 18 of 18"):
        train.start(settings(tiny_model, rows, limit_tokens=16))
