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
from burnish.errors import CapabilityMissing, ConfigError, ExportFailed, ModelRefused
from burnish.evals.audits import logprobs_of
from burnish.render.tokenizer import Tokenizer
from burnish.runs import export, gguf, llamacpp
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


def fields(file: Path) -> dict[str, object]:
    """What a file says of its model, without the name of its architecture in front."""
    import gguf as package

    reader = package.GGUFReader(str(file))
    place = reader.fields["general.architecture"].contents()
    return {k.removeprefix(f"{place}."): f.contents() for k, f in reader.fields.items() if not k.startswith("GGUF.")}


SAID: dict[str, dict[str, object]] = {
    "llama-tied-gqa": {"general.architecture": "llama", "attention.head_count": 4, "attention.head_count_kv": 2, "block_count": 2,
                       "embedding_length": 32, "feed_forward_length": 48, "rope.dimension_count": 8, "rope.freq_base": 10000.0,
                       "vocab_size": 512, "tokenizer.ggml.model": "gpt2", "tokenizer.ggml.pre": "smollm",
                       "tokenizer.ggml.add_bos_token": False, "tokenizer.ggml.eos_token_id": 0},
    "qwen3-yarn": {"general.architecture": "qwen3", "rope.scaling.type": "yarn", "rope.scaling.factor": 4.0,
                   "rope.scaling.original_context_length": 64, "attention.key_length": 16},
    "qwen3-moe": {"general.architecture": "qwen3moe", "expert_count": 6, "expert_used_count": 2,
                  "expert_feed_forward_length": 24},
    "olmoe": {"general.architecture": "olmoe", "expert_count": 6, "expert_used_count": 2},
    "phi3": {"general.architecture": "phi3", "attention.sliding_window": 0},
    "gemma2": {"general.architecture": "gemma2", "attention.sliding_window": 24, "attn_logit_softcapping": 2.0,
               "final_logit_softcapping": 1.5},
    "gemma3": {"general.architecture": "gemma3", "attention.sliding_window": 24, "rope.freq_base": 1000000.0},
    "smollm3": {"general.architecture": "smollm3"},
    "olmo2": {"general.architecture": "olmo2"},
}  # fmt: skip
"""Keys that llama.cpp reads, by the names in which its converter writes them."""


@pytest.mark.parametrize("name", list(SAID))
def test_a_file_says_what_its_model_is(name: str, models: dict[str, Path], tmp_path: Path) -> None:
    gguf.write(models[name], tmp_path)
    found = fields(tmp_path / gguf.FILE)
    assert {k: found[k] for k in SAID[name]} == SAID[name]


def test_experts_stand_in_their_order_however_the_files_are_cut(models: dict[str, Path], tmp_path: Path) -> None:
    import gguf as package
    from safetensors.numpy import load_file, save_file

    shutil.copytree(models["qwen3-moe"], tmp_path / "m")
    tensors = load_file(tmp_path / "m" / "model.safetensors")
    odd = {k: v for k, v in tensors.items() if any(f".experts.{e}." in k for e in (1, 3, 5))}
    (tmp_path / "m" / "model.safetensors").unlink()
    save_file(odd, tmp_path / "m" / "model-1.safetensors")
    save_file({k: v for k, v in tensors.items() if k not in odd}, tmp_path / "m" / "model-2.safetensors")
    gguf.write(tmp_path / "m", tmp_path)
    read = {t.name: t.data for t in package.GGUFReader(str(tmp_path / gguf.FILE)).tensors}
    for e in range(6):
        assert np.array_equal(read["blk.1.ffn_down_exps.weight"][e], tensors[f"model.layers.1.mlp.experts.{e}.down_proj.weight"])
    assert np.array_equal(read["blk.0.ffn_gate_inp.weight"], tensors["model.layers.0.mlp.gate.weight"])


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
    assert "ollama create my-model -f" in export.next_step(made, "My Model")
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
    assert 'TEMPLATE """' not in gguf.modelfile(Tokenizer.load(tmp_path / "m"))


@pytest.mark.parametrize(
    ("name", "change", "said"),
    [
        ("mistral", {"sliding_window": 8}, "see 8 of 256"),
        ("qwen3-moe", {"norm_topk_prob": False}, "added up otherwise"),
        ("olmoe", {"norm_topk_prob": True}, "added up otherwise"),
        ("gemma2", {"attn_logit_softcapping": None}, "no cap"),
        ("qwen3-tied", {"attention_bias": True}, "biases"),
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


@pytest.mark.parametrize("change", [{"normalizer": {"type": "Lowercase"}}, {"model.ignore_merges": True}])
def test_a_tokenizer_that_changes_text_first_is_refused(change: dict, models: dict[str, Path], tmp_path: Path) -> None:
    shutil.copytree(models["qwen2"], tmp_path / "m")
    path = tmp_path / "m" / "tokenizer.json"
    found = json.loads(path.read_text())
    for key, value in change.items():
        (found["model"] if key.startswith("model.") else found)[key.removeprefix("model.")] = value
    path.write_text(json.dumps(found))
    with pytest.raises(CapabilityMissing, match="other tokens"):
        gguf.check(tmp_path / "m")


@pytest.mark.parametrize("steps", [[], [{"type": "Digits", "individual_digits": True}]])
def test_known_splits_are_named(steps: list, models: dict[str, Path], tmp_path: Path) -> None:
    shutil.copytree(models["qwen2"], tmp_path / "m")
    path = tmp_path / "m" / "tokenizer.json"
    found = json.loads(path.read_text())
    byte_level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True}
    found["pre_tokenizer"] = {"type": "Sequence", "pretokenizers": [*steps, byte_level]}
    path.write_text(json.dumps(found))
    assert gguf.split_of(tmp_path / "m") == ("smollm" if steps else "gpt-2")
    split = {"type": "Split", "pattern": {"Regex": gguf._WORDS % gguf._DIGIT_RUNS}, "behavior": "Isolated", "invert": False}
    found["pre_tokenizer"]["pretokenizers"] = [split, {**byte_level, "use_regex": False}]
    for whole, name in ((True, "llama-bpe"), (False, "dbrx")):
        found["model"]["ignore_merges"] = whole
        path.write_text(json.dumps(found))
        assert gguf.split_of(tmp_path / "m") == name


def test_a_directory_without_a_tokenizer_is_refused(models: dict[str, Path], tmp_path: Path) -> None:
    shutil.copytree(models["qwen2"], tmp_path / "m")
    (tmp_path / "m" / "tokenizer.json").unlink()
    with pytest.raises(ModelRefused):
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
