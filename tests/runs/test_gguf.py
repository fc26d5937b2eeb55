"""GGUF files hold what the model holds, as transformers' own reader of them sees it, and llama.cpp where that is installed."""

from __future__ import annotations

import importlib.util
import json
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from burnish import connect
from burnish.engine import families
from burnish.engine import gguf as engine_gguf
from burnish.errors import CapabilityMissing, ConfigError, ExportFailed
from burnish.evals.audits import logprobs_of
from burnish.render.tokenizer import Tokenizer
from burnish.runs import gguf, llamacpp
from burnish.runs.export import export_run
from burnish.store.models import resolve
from burnish.types import Datum

sys.path.append(str(Path(__file__).parents[1] / "engine"))
from reference_models import FAMILIES, VARIANTS

VOCAB = 512
FROM_VARIANTS = ("llama-tied-gqa", "llama-untied-mha", "llama-rope3", "qwen3-tied")
FROM_FAMILIES = ("mistral", "qwen2", "qwen3-yarn", "olmo2", "phi3", "qwen3-moe", "olmoe")
WRITTEN = {name: (VARIANTS | FAMILIES)[name] for name in (*FROM_VARIANTS, *FROM_FAMILIES)}
READ_BY_TRANSFORMERS = ("llama-tied-gqa", "llama-untied-mha", "mistral", "qwen2", "phi3")
"""Its reader takes Qwen3's heads to be 128 wide whatever the file says, and knows few other families."""
IDS = np.random.default_rng(3).integers(70, VOCAB, 40).astype(np.int32)


def gemma(name: str) -> object:
    """Gemma with the layers and the scale that its family has."""
    config = FAMILIES[name]()
    config.query_pre_attn_scalar = config.head_dim
    config.num_hidden_layers = 6 if name == "gemma3" else 4
    config.layer_types = config.layer_types[: config.num_hidden_layers]
    return config


def smollm3() -> object:
    config = FAMILIES["smollm3"]()
    config.no_rope_layers = [1, 1, 1, 0]
    return config


def config_of(name: str) -> object:
    if name.startswith("gemma"):
        return gemma(name)
    return smollm3() if name == "smollm3" else WRITTEN[name]()


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Random models of every family that can be written, with a byte-level tokenizer."""
    from transformers import AutoModelForCausalLM

    root = tmp_path_factory.mktemp("gguf")
    tokenizer = Tokenizer.load(resolve("micro").base)
    found = {}
    for name in (*WRITTEN, "gemma2", "gemma3", "smollm3"):
        torch.manual_seed(1)
        config = config_of(name)
        config.vocab_size = VOCAB
        config.pad_token_id = config.bos_token_id = config.eos_token_id = 0
        model = AutoModelForCausalLM.from_config(config, dtype=torch.float32, attn_implementation="eager")
        with torch.no_grad():
            for key, p in model.named_parameters():
                p.normal_(1.0 if "norm" in key and not name.startswith("gemma") else 0.0, 0.2 if "norm" in key else 0.12)
        model.save_pretrained(root / name)
        tokenizer.copy_to(root / name)
        found[name] = root / name
    return found


@pytest.mark.parametrize("name", [*WRITTEN, "gemma2", "gemma3", "smollm3"])
def test_a_written_file_holds_every_value(name: str, models: dict[str, Path], tmp_path: Path) -> None:
    gguf.write(models[name], tmp_path)
    worst, count = engine_gguf.compare(models[name], tmp_path / gguf.FILE)
    assert worst <= gguf.ROUNDING["auto"]
    assert count >= 2 + 6 * families.read_arch(json.loads((models[name] / "config.json").read_text())).layers


@pytest.mark.parametrize("name", READ_BY_TRANSFORMERS)
def test_transformers_reads_the_file_with_equal_logits(name: str, models: dict[str, Path], tmp_path: Path) -> None:
    from transformers import AutoModelForCausalLM

    gguf.write(models[name], tmp_path)
    ids = torch.from_numpy(IDS.astype(np.int64))[None]
    with torch.no_grad():
        own = AutoModelForCausalLM.from_pretrained(models[name], dtype=torch.float32, attn_implementation="eager")(ids).logits
        read = AutoModelForCausalLM.from_pretrained(
            tmp_path, gguf_file=gguf.FILE, dtype=torch.float32, attn_implementation="eager"
        )(ids).logits
    assert (own - read[..., : own.shape[-1]]).abs().max() < 1e-4 * float(own.abs().max())


@pytest.mark.parametrize("name", [*WRITTEN, "gemma2", "gemma3", "smollm3"])
@pytest.mark.skipif(importlib.util.find_spec("llama_cpp") is None, reason="llama.cpp's Python binding is not installed")
def test_llama_cpp_computes_the_same(name: str, models: dict[str, Path], tmp_path: Path) -> None:
    gguf.write(models[name], tmp_path)
    ref = resolve(str(models[name]))
    data = [Datum.from_tokens(IDS[:n], np.ones(n, np.float32)) for n in (20, 40)]
    wanted = logprobs_of(connect.open_engine("local", ref, dtype="float32", device="cpu"), data, None)
    found = llamacpp.compare(tmp_path / gguf.FILE, Tokenizer.load(models[name]), data, wanted, False)
    assert found is not None
    assert found.passed, found.detail


@pytest.mark.parametrize("precision", ["f16", "bf16", "q8_0"])
def test_lower_precisions_round_and_no_more(precision: str, models: dict[str, Path], tmp_path: Path) -> None:
    gguf.write(models["qwen2"], tmp_path, precision=precision)  # type: ignore[arg-type]
    worst, _ = engine_gguf.compare(models["qwen2"], tmp_path / gguf.FILE)
    assert 0 < worst <= gguf.ROUNDING[precision]
    exact = tmp_path / "exact"
    exact.mkdir()
    gguf.write(models["qwen2"], exact)
    assert (tmp_path / gguf.FILE).stat().st_size < (exact / gguf.FILE).stat().st_size


def test_check_41_a_tied_head_is_written_once_and_an_untied_one_is(models: dict[str, Path], tmp_path: Path) -> None:
    import gguf as package

    for name, expected in (("llama-tied-gqa", False), ("llama-untied-mha", True)):
        (tmp_path / name).mkdir()
        gguf.write(models[name], tmp_path / name)
        names = {t.name for t in package.GGUFReader(str(tmp_path / name / gguf.FILE)).tensors}
        assert ("output.weight" in names) == expected
        assert "token_embd.weight" in names


def test_an_export_is_one_file_and_a_modelfile(tmp_path: Path, home: Path) -> None:
    made = export_run("micro", to="gguf", out=tmp_path / "out")
    assert set(made.files) == {"Modelfile", "model.gguf", "export.json", "manifest.json"}
    assert made.check.passed
    assert "tensors of the GGUF file" in made.check.detail
    again = export_run("micro", to="gguf", out=tmp_path / "out", force=True, precision="q8_0")
    assert again.bytes < made.bytes


def test_a_modelfile_says_how_a_conversation_is_written() -> None:
    text = gguf.modelfile(Tokenizer.load(resolve("pebble-chat").base))
    assert text.startswith("FROM ./model.gguf\n")
    assert (
        'TEMPLATE """<|end|>{{ range .Messages }}{{ if eq .Role "system" }}<|system|>{{ .Content }}<|end|>'
        '{{ else if eq .Role "user" }}<|user|>{{ .Content }}<|end|>'
        '{{ else if eq .Role "assistant" }}<|assistant|>{{ .Content }}<|end|>{{ end }}{{ end }}<|assistant|>"""'
    ) in text
    assert 'PARAMETER stop "<|end|>"' in text


def test_a_template_that_is_no_chain_of_roles_is_left_to_the_file(models: dict[str, Path], tmp_path: Path) -> None:
    shutil.copytree(models["qwen2"], tmp_path / "m")
    config = json.loads((tmp_path / "m" / "tokenizer_config.json").read_text())
    config["chat_template"] = (
        "{% for m in messages %}{{ '<|' + m['role'] + '|>' + m['content'] }}{% if not loop.last %}{{ loop.index }}{% endif %}"
        "{{ '<|end|>' }}{% endfor %}{% if add_generation_prompt %}<|assistant|>{% endif %}"
    )
    (tmp_path / "m" / "tokenizer_config.json").write_text(json.dumps(config))
    assert "TEMPLATE" not in gguf.modelfile(Tokenizer.load(tmp_path / "m"))


@pytest.mark.parametrize(
    ("name", "change", "said"),
    [
        ("mistral", {"sliding_window": 8}, "see 8 of 256"),
        ("gemma2", {"query_pre_attn_scalar": 8}, "scaled by another number"),
        ("smollm3", {"no_rope_layers": [1, 0, 1, 1]}, "every fourth"),
        ("gemma3", {"layer_types": ["full_attention", *["sliding_attention"] * 5]}, "of the family"),
    ],
)
def test_what_llama_cpp_would_compute_otherwise_is_refused(
    name: str, change: dict[str, object], said: str, models: dict[str, Path], tmp_path: Path
) -> None:
    shutil.copytree(models[name], tmp_path / "m")
    path = tmp_path / "m" / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **change}))
    with pytest.raises(CapabilityMissing, match=said):
        gguf.check(tmp_path / "m")


def test_a_tokenizer_that_llama_cpp_does_not_know_is_refused(models: dict[str, Path], tmp_path: Path) -> None:
    shutil.copytree(models["qwen2"], tmp_path / "m")
    path = tmp_path / "m" / "tokenizer.json"
    found = json.loads(path.read_text())
    found["pre_tokenizer"] = {"type": "Metaspace", "replacement": "_", "prepend_scheme": "always", "split": True}
    path.write_text(json.dumps(found))
    with pytest.raises(CapabilityMissing, match="other tokens"):
        gguf.check(tmp_path / "m")


def test_only_gguf_has_a_precision(tmp_path: Path, home: Path) -> None:
    with pytest.raises(ConfigError, match="only GGUF"):
        export_run("micro", to="merged", out=tmp_path / "out", precision="f16")


def test_without_the_package_it_says_what_to_install(tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "gguf", None)
    with pytest.raises(CapabilityMissing, match="needs the package gguf"):
        export_run("micro", to="gguf", out=tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_file_that_is_not_the_model_is_not_kept(tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine_gguf, "compare", lambda *_: (0.5, 3))
    with pytest.raises(ExportFailed, match="not the model"):
        export_run("micro", to="gguf", out=tmp_path / "out")
    assert not (tmp_path / "out").exists()
