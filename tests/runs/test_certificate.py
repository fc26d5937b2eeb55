"""The certificate of a tiny trained model: every audit, its files, and its place in the report."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from burnish import connect
from burnish.evals.audits import Audit
from burnish.protocols import Engine, Policy
from burnish.render.renderer import Renderer
from burnish.render.tokenizer import Tokenizer
from burnish.runs import certificate
from burnish.runs.certificate import Certificate
from burnish.store.models import resolve
from burnish.types import AdamParams, Datum, Example, LoraSpec, Message

QUESTIONS = (("sky", "blue"), ("grass", "green"), ("snow", "white"), ("coal", "black"))


@pytest.fixture
def certify(tiny_model: Path, home: Path, tmp_path: Path) -> Callable[..., Certificate]:
    """Trains for three steps and certifies the result; what is given replaces an argument."""
    engine = connect.open_engine("local", resolve(str(tiny_model)), dtype="float32", device="cpu")
    renderer = Renderer(Tokenizer.load(tiny_model))
    examples = [Example(messages=(Message(role="user", content=q), Message(role="assistant", content=a))) for q, a in QUESTIONS]
    rows = [renderer.render(e) for e in examples]
    data = [Datum.from_tokens(r.ids, r.weights) for r in rows]

    def go(method: str = "lora", **changes: object) -> Certificate:
        adapter = engine.create(LoraSpec(rank=2)) if method == "lora" else engine.create_full()
        policy = Policy(engine, adapter)
        start = dict(engine.inspect(adapter)) if method == "lora" else None
        for _ in range(3):
            policy.forward_backward(data).result()
            policy.optim_step(AdamParams(learning_rate=5e-3)).result()
        saved, model = tmp_path / "saved", tmp_path / "model"
        saved.mkdir()
        model.mkdir()
        engine.save(saved, adapter=adapter)
        engine.export(model, adapter=adapter, form="peft" if method == "lora" else "merged", base=str(tiny_model))
        digest = engine.digest(adapter)
        arguments: dict[str, object] = {
            "base": tiny_model,
            "open_fresh": certificate.opener(connect_choices(engine)),
            "renderer": renderer,
            "rows": rows,
            "held_out": data,
            "prompts": [renderer.prompt_of(e) for e in examples],
            "saved": saved,
            "model": model,
            "start": start,
            "recorded": digest,
            "redo": lambda: digest,
        }
        before = changes.pop("before", None)
        if callable(before):
            before(tmp_path)
        return certificate.certify("run-1", policy, **{**arguments, **changes})  # type: ignore[arg-type]

    return go


def connect_choices(engine: Engine) -> dict[str, object]:
    choices = engine.facts["choices"]
    assert isinstance(choices, dict)
    return choices


@pytest.mark.parametrize("method", ["lora", "full"])
def test_sound_run_passes_every_line(certify: Callable[..., Certificate], method: str):
    made = certify(method)
    assert [(a.name, a.passed) for a in made.audits] == [
        ("mask picture", True),
        ("sampler-trainer gap", True),
        ("adapter reload equality", True),
        ("merge equality", True),
        ("resume equality", True),
        ("dead adapter", True),
    ], [a.detail for a in made.audits]
    assert made.passed


def test_check_33_kept_model_that_was_altered_fails(certify: Callable[..., Certificate]):
    def alter(folder: Path) -> None:
        file = folder / "model" / "adapter_model.safetensors"
        tensors = load_file(file)
        name = next(n for n in tensors if n.endswith("lora_B.weight"))
        save_file({**tensors, name: np.zeros_like(tensors[name])}, file)

    made = certify(before=alter)
    assert not made.passed
    assert [a.name for a in made.failed] == ["adapter reload equality"]
    assert "(model)" in made.failed[0].detail


def test_check_39_other_weights_after_resume_fail(certify: Callable[..., Certificate]):
    made = certify(redo=lambda: "other")
    assert [a.name for a in made.failed] == ["resume equality"]


def test_line_that_cannot_be_checked_says_why_and_does_not_fail(certify: Callable[..., Certificate]):
    made = certify(recorded=None, why="the run has one step only")
    line = next(a for a in made.audits if a.name == "resume equality")
    assert (line.passed, line.detail) == (None, "the run has one step only")
    assert made.passed
    assert "| resume equality | not checked | the run has one step only |" in made.to_markdown()


def test_certificate_of_nothing_does_not_pass():
    unchecked = Audit(name="x", passed=None, value=None, bar=None, detail="no reason")
    assert not Certificate(run="r", audits=(unchecked,)).passed


def test_written_beside_the_report_and_read_again(certify: Callable[..., Certificate], tmp_path: Path):
    made = certify()
    (tmp_path / "report.md").write_text("# Run run-1\n\nText.\n")
    certificate.write(made, tmp_path)
    certificate.write(made, tmp_path)
    report = (tmp_path / "report.md").read_text()
    assert report.startswith("# Run run-1\n\nText.\n\n## Certificate\n")
    assert report.count("## Certificate") == 1
    assert "»blue<|im_end|>«" in report
    again = certificate.read(tmp_path)
    assert again is not None
    assert json.dumps(again.to_json()) == json.dumps(made.to_json())
    assert again.passed


def test_nan_becomes_null_in_json(tmp_path: Path):
    broken = Audit(name="sampler-trainer gap", passed=False, value=math.nan, bar=1e-5, detail="nan", extra={"max": math.inf})
    certificate.write(Certificate(run="r", audits=(broken,)), tmp_path)
    body = json.loads((tmp_path / "certificate.json").read_text())
    assert body["audits"][0]["value"] is None
    assert body["audits"][0]["extra"]["max"] is None
    assert body["passed"] is False
