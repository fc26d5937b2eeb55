"""MODEL names become directories: the order, the refusals, the advice."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from safetensors.numpy import save_file

from burnish.errors import ConfigError, ModelNotFound, ModelRefused
from burnish.store import models, over
from burnish.store.models import ModelRef, fingerprint, resolve
from burnish.store.runfolder import RunFolder


def base_model(path: Path, weights: bytes = b"weights", **config: object) -> Path:
    path.mkdir(parents=True)
    (path / "config.json").write_text(json.dumps({"model_type": "llama", **config}))
    (path / "model.safetensors").write_bytes(weights)
    (path / "tokenizer.json").write_text("{}")
    return path


def adapter(path: Path, base: str | None, **metadata: str) -> Path:
    path.mkdir(parents=True)
    (path / "adapter_config.json").write_text(json.dumps({"peft_type": "LORA", "base_model_name_or_path": base}))
    save_file({}, path / "adapter_model.safetensors", metadata={"format": "pt", **metadata})
    return path


def test_a_directory(tmp_path: Path):
    path = base_model(tmp_path / "base")
    found = resolve(str(path))
    assert (found.kind, found.base, found.adapter, found.name) == ("hf", path, None, str(path))
    assert found.fingerprint == found.base_fingerprint == fingerprint(path)


def test_a_relative_directory_becomes_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    path = base_model(tmp_path / "base")
    monkeypatch.chdir(tmp_path)
    assert (resolve("base").base, resolve("base").name) == (path, "base")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert resolve("~/base").base == path


def test_an_adapter_over_its_base(tmp_path: Path):
    path = base_model(tmp_path / "base")
    one = adapter(tmp_path / "lora", str(path))
    found = resolve(str(one))
    assert (found.kind, found.base, found.adapter) == ("peft", path, one)
    assert found.fingerprint != found.base_fingerprint == fingerprint(path)
    beside = resolve(str(adapter(tmp_path / "other", "../base")))
    assert beside.base == path


def test_an_adapter_says_how_its_base_was_held(tmp_path: Path):
    path = base_model(tmp_path / "base")
    plain, rounded = resolve(str(path)), resolve(str(adapter(tmp_path / "lora", str(path), quantize="nf4")))
    assert (plain.quantize, plain.held("int8").quantize, rounded.quantize) == ("none", "int8", "nf4")
    assert rounded.held(None) == rounded.held("nf4") == rounded
    with pytest.raises(ConfigError, match="nf4"):
        rounded.held("none")
    with pytest.raises(ModelRefused, match="not known"):
        resolve(str(adapter(tmp_path / "odd", str(path), quantize="int2")))
    beside = adapter(tmp_path / "saved-again", str(path))
    before = resolve(str(beside)).fingerprint
    over.write(beside, "int8")
    assert resolve(str(beside)).quantize == "int8"
    assert resolve(str(beside)).fingerprint != before
    over.write(Path(rounded.adapter or ""), "int8")
    with pytest.raises(ModelRefused, match="disagree"):
        resolve(str(rounded.adapter))
    (beside / over.FILE).write_text("[]")
    with pytest.raises(ModelRefused, match="not known"):
        resolve(str(beside))
    (beside / over.FILE).write_text("{")
    with pytest.raises(ModelRefused, match="cannot be read"):
        resolve(str(beside))
    broken = adapter(tmp_path / "broken", str(path))
    (broken / "adapter_model.safetensors").write_bytes(b"lora")
    with pytest.raises(ModelRefused, match="cannot be read"):
        resolve(str(broken))


def test_a_finished_run_by_name_and_by_directory(tmp_path: Path):
    path = base_model(tmp_path / "base")
    run = RunFolder.create("mine", "sft")
    run.update(model=str(path), base=str(path), fingerprint=fingerprint(path))
    with pytest.raises(ModelNotFound, match="--resume mine"):
        resolve("mine")
    adapter(run.model, str(path))
    by_name = resolve("mine")
    assert (by_name.kind, by_name.base, by_name.adapter, by_name.name) == ("run", path, run.model, "mine")
    by_directory = resolve(str(run.path))
    assert (by_directory.kind, by_directory.adapter) == ("run", run.model)
    assert resolve(str(run.model)).kind == "peft"


def test_the_adapter_of_a_run_is_over_what_the_run_was_trained_over(tmp_path: Path):
    path = base_model(tmp_path / "base")
    run = RunFolder.create("mine", "sft")
    run.update(model=str(path), base=str(path), fingerprint=fingerprint(path))
    adapter(run.model, str(path))
    for recorded in ("none", None):
        (run.path / "config.json").write_text(json.dumps({"quantize": recorded}))
        assert resolve("mine").quantize == "none"
    (run.path / "config.json").write_text(json.dumps({"quantize": "int8"}))
    with pytest.raises(ModelRefused, match="does not say"):
        resolve("mine")
    over.write(run.model, "int8")
    assert resolve("mine").quantize == "int8"


def test_a_full_fine_tune_is_its_own_base():
    run = RunFolder.create("whole", "sft")
    base_model(run.model)
    found = resolve("whole")
    assert (found.kind, found.base, found.adapter) == ("run", run.model, None)


def test_a_directory_wins_over_a_run_of_the_same_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    run = RunFolder.create("same", "sft")
    base_model(run.model)
    monkeypatch.chdir(tmp_path)
    assert resolve("same").kind == "run"
    base_model(tmp_path / "same")
    assert resolve("same").kind == "hf"


def test_an_adapter_of_a_run_over_another_run(tmp_path: Path):
    whole = RunFolder.create("whole", "sft")
    base_model(whole.model)
    assert resolve(str(adapter(tmp_path / "a", "whole"))).base == whole.model
    assert resolve(str(adapter(tmp_path / "b", str(whole.path)))).base == whole.model


def test_a_changed_base_is_refused(tmp_path: Path):
    path = base_model(tmp_path / "base")
    run = RunFolder.create("mine", "sft")
    run.update(fingerprint=fingerprint(path))
    adapter(run.model, str(path))
    assert resolve("mine").base == path
    (path / "model.safetensors").write_bytes(b"WEIGHTS")
    with pytest.raises(ModelRefused, match="not the one that its adapter was trained on"):
        resolve("mine")


@pytest.mark.parametrize("file", ["pytorch_model.bin", "model.pt", "consolidated.00.pth", "last.ckpt", "w.pkl"])
def test_pickle_weights_are_refused(tmp_path: Path, file: str):
    path = base_model(tmp_path / "base")
    (path / "model.safetensors").rename(path / file)
    with pytest.raises(ModelRefused, match=f"pickle.*{file}"):
        resolve(str(path))
    bare = tmp_path / "bare"
    bare.mkdir()
    (bare / file).write_bytes(b"")
    with pytest.raises(ModelRefused, match="pickle"):
        resolve(str(bare))


def test_pickle_adapters_are_refused(tmp_path: Path):
    one = adapter(tmp_path / "lora", str(base_model(tmp_path / "base")))
    (one / "adapter_model.safetensors").rename(one / "adapter_model.bin")
    with pytest.raises(ModelRefused, match=r"pickle.*adapter_model\.bin"):
        resolve(str(one))
    (one / "adapter_model.bin").unlink()
    with pytest.raises(ModelRefused, match="has no weights"):
        resolve(str(one))


def test_remote_code_is_refused(tmp_path: Path):
    with pytest.raises(ModelRefused, match="auto_map"):
        resolve(str(base_model(tmp_path / "base", auto_map={"AutoModel": "modeling.Evil"})))


def test_what_else_is_refused(tmp_path: Path):
    empty = base_model(tmp_path / "empty")
    (empty / "model.safetensors").unlink()
    with pytest.raises(ModelRefused, match="has no weights"):
        resolve(str(empty))
    junk = base_model(tmp_path / "junk")
    for text in ("{", "[]"):
        (junk / "config.json").write_text(text)
        with pytest.raises(ModelRefused, match=r"config\.json"):
            resolve(str(junk))
    with pytest.raises(ModelRefused, match="does not say what it was trained on"):
        resolve(str(adapter(tmp_path / "orphan", None)))
    below = adapter(tmp_path / "below", str(base_model(tmp_path / "base")))
    with pytest.raises(ModelRefused, match="over another adapter"):
        resolve(str(adapter(tmp_path / "above", str(below))))


def test_a_lost_base_is_named(tmp_path: Path):
    one = adapter(tmp_path / "lora", str(tmp_path / "gone"))
    with pytest.raises(ModelNotFound, match=r"base model of the adapter.*gone"):
        resolve(str(one))


def test_adapters_in_a_circle_end(tmp_path: Path):
    adapter(tmp_path / "a", "../b")
    adapter(tmp_path / "b", str(tmp_path / "a"))
    adapter(tmp_path / "c", ".")
    for name in "abc":
        with pytest.raises(ModelRefused, match="over another adapter"):
            resolve(str(tmp_path / name))


def test_not_found_names_the_nearest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    base_model(tmp_path / "llama-base")
    RunFolder.create("sft-poems", "sft")
    with pytest.raises(ModelNotFound, match="nearest: sft-poems"):
        resolve("sft-poem")
    with pytest.raises(ModelNotFound, match="nearest: llama-base"):
        resolve("lama-base")
    (tmp_path / "nothing").mkdir()
    with pytest.raises(ModelNotFound, match="holds no model"):
        resolve("nothing")


OFFLINE = """
import sys
from burnish.errors import ModelNotFound
from burnish.store.models import resolve
try:
    found = resolve(sys.argv[1])
    print(found.kind, found.base.name)
except ModelNotFound as error:
    print(error)
"""


def offline(model: str, home: Path, code: str = OFFLINE) -> str:
    """Resolve in a fresh interpreter without a network, with the hub's cache under `home`."""
    environment = {**os.environ, "HF_HUB_OFFLINE": "1", "HF_HOME": str(home)}
    done = subprocess.run([sys.executable, "-c", code, model], capture_output=True, text=True, check=False, env=environment)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_a_hub_id_without_network(tmp_path: Path):
    pytest.importorskip("huggingface_hub")
    said = offline("someone/tiny", tmp_path)
    assert said.startswith("there is no model 'someone/tiny': the hub cannot be reached")
    assert "\n" not in said

    cached = tmp_path / "hub" / "models--someone--tiny"
    base_model(cached / "snapshots" / "abc123")
    (cached / "refs").mkdir()
    (cached / "refs" / "main").write_text("abc123")
    assert offline("someone/tiny", tmp_path) == "hf abc123"


def test_a_hub_id_without_the_package(tmp_path: Path):
    """None in sys.modules makes an import fail as a missing package does."""
    code = "import sys\nsys.modules['huggingface_hub'] = None\n" + OFFLINE
    assert "needs the package huggingface_hub, which is not installed" in offline("someone/tiny", tmp_path, code)


def test_the_hub_id_of_a_base_in_its_cache(tmp_path: Path):
    revision = "0123456789abcdef0123456789abcdef01234567"
    base = tmp_path / "models--some-org--a.model-1b" / "snapshots" / revision
    adapter = tmp_path / "adapter"
    adapter.mkdir()
    ref = ModelRef(kind="peft", base=base, adapter=adapter, name="x", fingerprint="")
    assert ref.hub == ("some-org/a.model-1b", revision)
    assert ref.tokenizer == base
    assert not ref.packaged
    (adapter / "tokenizer.json").write_text("{}")
    assert ref.tokenizer == adapter
    assert ModelRef(kind="hf", base=tmp_path, adapter=None, name="x", fingerprint="").hub is None
    assert resolve("micro").packaged


def test_fingerprint_is_of_config_tokenizer_and_weights(tmp_path: Path):
    path = base_model(tmp_path / "base")
    first = fingerprint(path)
    (path / "README.md").write_text("hello")
    assert fingerprint(path) == first
    assert fingerprint(base_model(tmp_path / "copy")) == first
    for name in ("config.json", "model.safetensors", "tokenizer.json"):
        before = (path / name).read_bytes()
        (path / name).write_bytes(before + b" ")
        assert fingerprint(path) != first, name
        (path / name).write_bytes(before)
        assert fingerprint(path) == first
    (path / "chat_template.jinja").write_text("{{ messages }}")
    assert fingerprint(path) != first
    assert sorted(models.file_hashes(path)) == ["chat_template.jinja", "config.json", "model.safetensors", "tokenizer.json"]


def test_fingerprints_are_kept_until_the_file_changes(tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch):
    path = base_model(tmp_path / "base")
    hashed: list[str] = []
    original = models.sha256

    def counted(file: Path) -> str:
        hashed.append(file.name)
        return original(file)

    monkeypatch.setattr(models, "sha256", counted)
    first = fingerprint(path)
    assert fingerprint(path) == first
    assert len(hashed) == 6, "files made a moment ago are hashed again"
    monkeypatch.setattr(models, "SETTLED_NS", 0)
    hashed.clear()
    assert [fingerprint(path) for _ in range(3)] == [first] * 3
    assert len(hashed) == 3
    (path / "model.safetensors").write_bytes(b"WEIGHTS")
    assert fingerprint(path) != first
    assert hashed[3:] == ["model.safetensors"]
    (home / "cache" / "fingerprints.json").write_text("junk")
    assert fingerprint(path) != first


def test_a_model_of_the_package_stands_after_a_directory_of_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    package = base_model(tmp_path / "package" / "pebble")
    monkeypatch.setattr(models, "_EMBEDDED_AT", tmp_path / "package")
    monkeypatch.chdir(tmp_path)
    found = resolve("pebble")
    assert (found.kind, found.base, found.name) == ("hf", package, "pebble")
    (tmp_path / "pebble").mkdir()
    assert resolve("pebble").base == package, "a folder that holds no model hides none"
    (tmp_path / "pebble").rmdir()
    own = base_model(tmp_path / "pebble", b"other")
    assert resolve("pebble").base == own
    (tmp_path / "micro").mkdir()
    with pytest.raises(ModelNotFound, match="this package does not hold it yet"):
        resolve("micro")


def test_a_misspelt_model_of_the_package_is_found_near(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    base_model(tmp_path / "package" / "pebble")
    (tmp_path / "package" / "micro").mkdir()
    monkeypatch.setattr(models, "_EMBEDDED_AT", tmp_path / "package")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ModelNotFound) as caught:
        resolve("peble")
    assert caught.value.seen == "nearest: pebble"
    assert "a model of the package (pebble)" in str(caught.value.todo)
    with pytest.raises(ModelNotFound) as caught:
        resolve("qwen")
    assert "pebble" in str(caught.value.seen)
    assert "micro" not in f"{caught.value.seen} {caught.value.todo}"


def test_a_folder_without_a_model_does_not_hide_a_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    run = RunFolder.create("mine", "sft")
    base_model(run.model)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine").mkdir()
    assert resolve("mine").base == run.model
