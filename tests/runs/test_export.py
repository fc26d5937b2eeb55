"""Exports load in the tools that they are for, with equal logits; nothing is left of one that is not the model."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file, save_file

from burnish import connect
from burnish.engine.host import Host
from burnish.errors import CapabilityMissing, ExportFailed, RunError
from burnish.protocols import Policy
from burnish.render.tokenizer import Tokenizer
from burnish.runs import export
from burnish.runs.export import export_run
from burnish.store.atomic import atomic_directory, verify
from burnish.store.models import resolve
from burnish.store.runfolder import RunFolder
from burnish.types import AdamParams, Adapter, Datum, LoraSpec

IDS = np.random.default_rng(1).integers(0, 256, 40).astype(np.int32)


@pytest.fixture
def make_run(tiny_model: Path, home: Path) -> Callable[..., tuple[Policy, str]]:
    """Trains a few steps and leaves what a run leaves in its folder."""

    def make(name: str, method: str = "lora") -> tuple[Policy, str]:
        engine = connect.open_engine("local", resolve(str(tiny_model)), dtype="float32", device="cpu")
        adapter = engine.create(LoraSpec(rank=3, targets=("q", "v", "o", "down"))) if method == "lora" else engine.create_full()
        policy = Policy(engine, adapter)
        for _ in range(3):
            policy.forward_backward([Datum.from_tokens(IDS, np.full(len(IDS), 1 / len(IDS)))]).result()
            policy.optim_step(AdamParams(learning_rate=1e-2)).result()
        folder = RunFolder.create(name, "sft", force=True)
        folder.update(model=str(tiny_model), base=str(tiny_model), fingerprint=resolve(str(tiny_model)).fingerprint)
        with atomic_directory(folder.model) as path:
            engine.export(path, adapter=adapter, form="peft" if method == "lora" else "merged", base=str(tiny_model))
            Tokenizer.load(tiny_model).copy_to(path)
        return policy, name

    return make


def logprobs(policy: Policy) -> np.ndarray:
    """Of every token of IDS but the first."""
    (out,) = policy.forward([Datum.from_tokens(IDS, np.ones(len(IDS)))]).result()
    assert out.logprobs is not None
    return out.logprobs


def reference_logprobs(model: torch.nn.Module) -> np.ndarray:
    """The same by transformers."""
    ids = torch.from_numpy(IDS.astype(np.int64))[None]
    with torch.no_grad():
        logits = model(ids).logits[0]
    return torch.log_softmax(logits, -1)[:-1].gather(1, ids[0, 1:, None])[:, 0].numpy()


def test_check_33_peft_export_loads_in_peft_with_equal_logits(make_run: Callable, tiny_model: Path, tmp_path: Path):
    from peft import PeftModel
    from transformers import AutoModelForCausalLM

    policy, run = make_run("to-peft")
    made = export_run(run, to="peft", out=tmp_path / "out")
    assert made.check.passed
    assert made.check.extra["sequences"] == export.PROMPTS
    body = json.loads((made.out / "adapter_config.json").read_text())
    assert Path(body["base_model_name_or_path"]) == tiny_model
    base = AutoModelForCausalLM.from_pretrained(tiny_model, dtype=torch.float32)
    before = reference_logprobs(base)
    model = PeftModel.from_pretrained(base, made.out).eval()
    np.testing.assert_allclose(reference_logprobs(model), logprobs(policy), rtol=1e-5, atol=1e-5)
    assert np.abs(reference_logprobs(model) - before).max() > 0.1, "the adapter must do something for this test to say anything"


@pytest.mark.parametrize("method", ["lora", "full"])
def test_check_35_merged_export_loads_in_transformers_with_equal_logits(make_run: Callable, tmp_path: Path, method: str):
    from transformers import AutoModelForCausalLM

    policy, run = make_run(f"to-merged-{method}", method)
    made = export_run(run, to="merged", out=tmp_path / "out")
    assert made.check.passed
    model = AutoModelForCausalLM.from_pretrained(made.out, dtype=torch.float32).eval()
    np.testing.assert_allclose(reference_logprobs(model), logprobs(policy), rtol=1e-5, atol=1e-5)
    assert resolve(str(made.out)).adapter is None, "an export is a model by itself"


@pytest.mark.parametrize("to", ["peft", "merged"])
def test_check_40_tokenizer_files_are_copied_byte_for_byte(make_run: Callable, tiny_model: Path, tmp_path: Path, to: export.Form):
    _, run = make_run(f"tokenizer-{to}")
    made = export_run(run, to=to, out=tmp_path / "out")
    for name in ("tokenizer.json", "tokenizer_config.json"):
        assert (made.out / name).read_bytes() == (tiny_model / name).read_bytes()
    assert verify(made.out) == []
    assert set(made.files) == {p.name for p in made.out.iterdir()}
    assert made.bytes == sum(p.stat().st_size for p in made.out.iterdir())
    json.dumps(made.to_json(), allow_nan=False)


def test_export_of_an_export_is_the_same_adapter(make_run: Callable, tmp_path: Path):
    _, run = make_run("twice")
    first = export_run(run, to="peft", out=tmp_path / "first")
    second = export_run(str(first.out), to="peft", out=tmp_path / "second")
    one, two = (load_file(e.out / "adapter_model.safetensors") for e in (first, second))
    assert all((one[n] == two[n]).all() for n in one)


@pytest.mark.parametrize("to", ["peft", "merged"])
def test_check_35_export_that_is_not_the_model_is_refused_and_removed(
    make_run: Callable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, to: export.Form
):
    _, run = make_run(f"faulty-{to}")
    honest = Host.export

    def faulty(self: Host, path: Path, *, adapter: Adapter, form: str, base: str) -> None:
        honest(self, path, adapter=adapter, form=form, base=base)
        (file,) = path.glob("*.safetensors")
        tensors = load_file(file)
        name = next(n for n in tensors if n.endswith(("lora_B.weight", "q_proj.weight")))
        save_file({**tensors, name: tensors[name] * 1.5}, file, metadata={"format": "pt"})

    monkeypatch.setattr(Host, "export", faulty)
    with pytest.raises(ExportFailed, match="not the model"):
        export_run(run, to=to, out=tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


def test_failed_replacement_keeps_the_earlier_export(make_run: Callable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    _, run = make_run("keeps")
    made = export_run(run, to="peft", out=tmp_path / "out")
    monkeypatch.setattr(export, "PEFT_BAR", -1.0)
    with pytest.raises(ExportFailed):
        export_run(run, to="peft", out=made.out, force=True)
    assert verify(made.out) == []
    assert [p.name for p in tmp_path.iterdir()] == ["out"]


def test_foreign_directories_are_never_written_to(make_run: Callable, tiny_model: Path, tmp_path: Path):
    _, run = make_run("foreign")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("years of work")
    for force in (False, True):
        with pytest.raises(RunError, match="not empty"):
            export_run(run, to="peft", out=tmp_path / "mine", force=force)
    assert [p.name for p in (tmp_path / "mine").iterdir()] == ["thesis.txt"]
    for own in (tiny_model, resolve(run).adapter):
        assert own is not None
        with pytest.raises(RunError, match="not empty"):
            export_run(run, to="merged", out=own, force=True)
    (tmp_path / "file").write_text("")
    with pytest.raises(RunError, match="is a file"):
        export_run(run, to="peft", out=tmp_path / "file")


def test_earlier_export_is_replaced_only_when_asked_and_unchanged(make_run: Callable, tmp_path: Path):
    _, run = make_run("again")
    out = export_run(run, to="peft", out=tmp_path / "out").out
    with pytest.raises(RunError, match="--force"):
        export_run(run, to="merged", out=out)
    assert export_run(run, to="merged", out=out, force=True).form == "merged"
    assert not (out / "adapter_config.json").exists()
    (out / "notes.txt").write_text("added by hand")
    with pytest.raises(RunError, match=r"notes\.txt is not in the manifest"):
        export_run(run, to="peft", out=out, force=True)


def test_forms_that_a_model_does_not_have_are_refused(make_run: Callable, tiny_model: Path, tmp_path: Path):
    with pytest.raises(CapabilityMissing, match="nothing trained"):
        export_run(str(tiny_model), to="merged", out=tmp_path / "out")
    _, run = make_run("whole", "full")
    with pytest.raises(CapabilityMissing, match="without an adapter"):
        export_run(run, to="peft", out=tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_check_41_an_adapter_for_vllm_has_the_names_and_keys_that_it_reads(make_run: Callable, tmp_path: Path):
    """vLLM reads r, lora_alpha and target_modules, and names of modules of the served model: no patterns, no other files."""
    _, run = make_run("to-vllm")
    made = export_run(run, to="vllm", out=tmp_path / "served")
    config = json.loads((made.out / "adapter_config.json").read_text())
    assert config["r"] == 3
    assert set(config["target_modules"]) == {"q_proj", "v_proj", "o_proj", "down_proj"}
    assert not {"rank_pattern", "alpha_pattern", "modules_to_save"} & {k for k, v in config.items() if v}
    names = {name.removeprefix("base_model.model.") for name in load_file(made.out / "adapter_model.safetensors")}
    assert all(name.startswith("model.layers.") and name.endswith((".lora_A.weight", ".lora_B.weight")) for name in names)
    assert made.check.passed
    said = export.next_step(made, "mine")
    assert said == f"vllm serve {made.base} --enable-lora --max-lora-rank 8 --lora-modules mine={made.out}"


def test_what_vllm_does_not_serve_is_refused(make_run: Callable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    _, run = make_run("to-vllm")
    monkeypatch.setattr(export, "VLLM_RANK", 2)
    with pytest.raises(CapabilityMissing, match="rank up to 2"):
        export_run(run, to="vllm", out=tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("form", ["peft", "merged"])
def test_what_to_type_next_names_the_export(form: str, make_run: Callable, tmp_path: Path):
    _, run = make_run("next", "full" if form == "merged" else "lora")
    made = export_run(run, to=form, out=tmp_path / "out")
    assert str(made.out) in export.next_step(made, "out")
