"""`world build` from nothing to a model directory: whole, the same again, mended where damaged, and resumed where stopped."""

from __future__ import annotations

import dataclasses
import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from tiny_run import Watcher

from burnish.engine.fresh import Shape
from burnish.errors import ConfigError, Interrupted, RunError
from burnish.evals import acceptance
from burnish.render.tokenizer import Tokenizer
from burnish.runs import build as building
from burnish.runs import build_chat
from burnish.runs.build import PRESETS, Built, Preset, build
from burnish.store import lock
from burnish.store.models import resolve
from burnish.store.runfolder import RunFolder
from burnish.tasks import ready
from burnish.world import people, world

TINY = Preset(
    name="micro",
    shape=Shape(vocab=384, hidden=32, layers=3, heads=4, kv_heads=2, wide=48, positions=256),
    words=6_000,
    biographies=0.02,
    learning_rate=4e-3,
    cooldown=0.5,
    batch=4,
    again=0.5,
    gate_items=2,
    chat=False,
)
OVERRIDES = ("steps=6", "checkpoint_every=2", "evaluate_every=3", "sample_every=0", "eval_items=4", "threads=1")


@pytest.fixture(scope="module", autouse=True)
def tiny() -> Iterator[None]:
    """A preset that is over in a moment: few people, few tasks, few probes."""
    told, probes = people.biographies, acceptance.probes
    few = dataclasses.replace(world.make(0), people=world.make(0).people[232:242])

    def short(of: world.World) -> list[acceptance.Probe]:
        return [dataclasses.replace(p, items=p.items[:3], limit_tokens=4) for p in probes(of)]

    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(PRESETS, "micro", TINY)
        patch.setattr(people, "biographies", lambda of, seed: told(few, seed))
        patch.setattr(acceptance, "probes", short)
        patch.setattr(ready, "NAMES", ("facts", "refusals"))
        yield


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory, home: Path) -> tuple[Path, Built]:
    """A finished build; not to be changed."""
    out = tmp_path_factory.mktemp("build") / "out"
    return out, build("micro", out, overrides=OVERRIDES)


@pytest.fixture
def copied(whole: tuple[Path, Built], tmp_path: Path) -> Path:
    """A copy of it, to be damaged."""
    shutil.copytree(whole[0], tmp_path / "out")
    return tmp_path / "out"


def state(directory: Path) -> dict[str, tuple[int, int]]:
    """Time and size of every file."""
    return {str(p): (p.stat().st_mtime_ns, p.stat().st_size) for p in directory.rglob("*") if p.is_file() and p.name != "lock"}


def test_the_model_is_opened_by_its_directory(whole: tuple[Path, Built]):
    out, built = whole
    assert built.model == out / "micro"
    assert built.chat is None
    ref = resolve(str(built.model))
    assert (ref.kind, ref.adapter) == ("hf", None)
    tokenizer = Tokenizer.load(ref.base)
    assert tokenizer.vocab_size == TINY.shape.vocab
    assert tokenizer.eos_ids == (0,)
    assert {p.name for p in built.model.iterdir()} >= {
        "README.md", "config.json", "generation_config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json",
    }  # fmt: skip


def test_the_weights_were_trained_and_finished(whole: tuple[Path, Built]):
    out, built = whole
    found, start = (load_file(path / "model.safetensors") for path in (built.model, out / "work" / "start"))
    assert {t.dtype for t in found.values()} == {torch.bfloat16}
    assert all(not torch.equal(found[n].float(), start[n].to(torch.bfloat16).float()) for n in start if "proj" in n)
    spare = found["model.embed_tokens.weight"][1:64]
    assert len({row.float().numpy().tobytes() for row in spare}) == 63


def test_what_was_measured_is_told(whole: tuple[Path, Built]):
    out, built = whole
    body = json.loads((out / "work" / "measured" / "acceptance.json").read_text())
    names = [p.name for p in acceptance.probes(world.make(0))]
    assert [m["name"] for m in body["model"]] == [m["name"] for m in body["ngram"]] == names
    assert [f.name for f in built.found] == [f.name for f in built.ngram] == names
    assert all(f.low <= f.share <= f.high and f.items == 3 for f in (*built.found, *built.ngram))
    card = (built.model / "README.md").read_text()
    assert card.startswith("# micro\n")
    facts = json.loads((out / "work" / "corpus" / "facts.json").read_text())
    assert facts["sha256"] in card
    assert all(f"| {name} |" in card for name in names)
    assert "the corpus holds 0: " in card
    assert facts["generators"] in card


def test_a_second_call_makes_nothing_anew(whole: tuple[Path, Built]):
    out, built = whole
    before, watcher = state(out), Watcher()
    again = build("micro", out, overrides=OVERRIDES, progress=watcher)
    assert again == built
    assert state(out) == before
    assert watcher.notes == watcher.warnings == []


@pytest.mark.parametrize("stage", ["micro", "work/measured", "work/finished", "work/corpus"])
def test_a_damaged_stage_is_made_anew(whole: tuple[Path, Built], copied: Path, stage: str):
    damaged = max((p for p in (copied / stage).iterdir() if p.name != "manifest.json"), key=lambda p: p.stat().st_size)
    right = damaged.read_bytes()
    damaged.write_bytes(right[:-1] + bytes([right[-1] ^ 1]))
    before, watcher = state(copied), Watcher()
    build("micro", copied, overrides=OVERRIDES, progress=watcher)
    assert damaged.read_bytes() == right
    (warning,) = (w for w in watcher.warnings if "wanted" not in w)
    assert "damaged" in warning
    assert stage in warning
    changed = {name for name, value in state(copied).items() if value != before.get(name)}
    assert changed
    assert all(Path(name).is_relative_to(copied / stage) for name in changed)


@pytest.mark.parametrize("changes", [{"seed": 1}, {"overrides": ("steps=7",)}])
def test_another_build_in_the_same_place_is_refused(whole: tuple[Path, Built], changes: dict):
    before = state(whole[0])
    with pytest.raises(RunError, match="another build"):
        build("micro", whole[0], **{"overrides": OVERRIDES, **changes})
    assert state(whole[0]) == before


def test_a_build_is_made_by_one_process_at_a_time(copied: Path):
    with lock.held(copied / "work" / "lock", "it"), pytest.raises(RunError, match="in use by another process"):
        build("micro", copied, overrides=OVERRIDES)


def test_what_a_killed_build_left_is_removed(copied: Path):
    (copied / "work" / ".corpus.77-ab.partial").mkdir()
    (copied / ".micro.77-ab.partial").mkdir()
    build("micro", copied, overrides=OVERRIDES)
    assert not list(copied.rglob("*.partial"))


def test_changed_generators_are_told(copied: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(building, "_generators", lambda: "another")
    watcher = Watcher()
    build("micro", copied, overrides=OVERRIDES, progress=watcher)
    (warning,) = watcher.warnings
    assert "generators have changed" in warning


def test_a_model_damaged_in_its_run_is_refused(copied: Path):
    (copied / "work" / "again" / "model" / "config.json").write_text("{}")
    with pytest.raises(RunError, match="is damaged"):
        build("micro", copied, overrides=OVERRIDES)


def test_the_first_reading_is_asked_for_until_the_second_is_done(copied: Path):
    (copied / "work" / "run" / "model" / "config.json").write_text("{}")
    build("micro", copied, overrides=OVERRIDES)
    shutil.rmtree(copied / "work" / "again")
    with pytest.raises(RunError, match="is damaged"):
        build("micro", copied, overrides=OVERRIDES)


def test_a_build_stopped_in_the_second_reading_ends_as_it_would_have(whole: tuple[Path, Built], copied: Path):
    for name in ("micro", "work/measured", "work/finished", "work/again"):
        shutil.rmtree(copied / name)
    before = state(copied)

    def stop(step: int) -> None:
        if step == 2:
            raise Interrupted("stopped by the test")

    with pytest.raises(Interrupted, match="same command"):
        build("micro", copied, overrides=OVERRIDES, progress=Watcher(stop))
    build("micro", copied, overrides=OVERRIDES)
    assert all(state(copied)[name] == at for name, at in before.items())
    assert (copied / "micro" / "model.safetensors").read_bytes() == (whole[0] / "micro" / "model.safetensors").read_bytes()


def test_the_second_reading_has_settings_of_its_own(whole: tuple[Path, Built]):
    first, second = (json.loads((whole[0] / "work" / run / "plan.json").read_text()) for run in ("run", "again"))
    assert (first["steps"], first["config"]["learning_rate"]) == (6, TINY.learning_rate)
    assert second["config"]["learning_rate"] == TINY.learning_rate / 2
    assert second["config"]["schedule"] == "linear"
    assert second["config"]["model"] == str(whole[0] / "work" / "run" / "model")
    texts = len((whole[0] / "work" / "corpus" / "again.jsonl").read_text().splitlines())
    assert second["rows"] >= texts > 20
    assert second["steps"] == -(-second["rows"] // TINY.batch)
    assert f"a second reading of {texts} texts" in (whole[1].model / "README.md").read_text()


def test_a_build_that_read_nothing_twice_is_not_gone_on_with(copied: Path):
    path = copied / "work" / "corpus"
    (path / "again.jsonl").unlink()
    manifest = json.loads((path / "manifest.json").read_text())
    del manifest["files"]["again.jsonl"]
    (path / "manifest.json").write_text(json.dumps(manifest, indent=1, sort_keys=True) + "\n")
    with pytest.raises(RunError, match="earlier burnish"):
        build("micro", copied, overrides=OVERRIDES)


def test_a_model_to_start_reinforcement_from_comes_with_it_and_survives_a_stop(copied: Path, monkeypatch: pytest.MonkeyPatch):
    for name, value in (("ITEMS", 3), ("ATTEMPTS", 1), ("SETTINGS", {**build_chat.SETTINGS, "steps": 4, "eval_items": 4})):
        monkeypatch.setattr(build_chat, name, value)
    monkeypatch.setattr(ready, "NAMES", ("facts", "refusals", "arithmetic"))
    monkeypatch.setitem(PRESETS, "micro", dataclasses.replace(TINY, chat=True))

    def stop(step: int) -> None:
        if step == 2:
            raise Interrupted("stopped by the test")

    with pytest.raises(Interrupted, match="same command"):
        build("micro", copied, overrides=OVERRIDES, progress=Watcher(stop))
    assert not (copied / "micro-chat").exists()
    watcher = Watcher()
    built = build("micro", copied, overrides=OVERRIDES, progress=watcher)
    assert built.chat == copied / "micro-chat"
    assert built.start is not None
    assert (built.start.rows, built.start.in_band) == (300, False)
    assert "**outside** the band" in (built.chat / "README.md").read_text()
    assert any("nearest is taken" in w for w in watcher.warnings)
    before = state(copied)
    assert build("micro", copied, overrides=OVERRIDES) == built
    assert state(copied) == before
    shutil.rmtree(copied / "micro-chat")
    moved = copied.rename(copied.with_name("moved"))
    assert build("micro", moved, overrides=OVERRIDES).chat == moved / "micro-chat"


def test_a_preset_must_be_known(tmp_path: Path):
    with pytest.raises(ConfigError, match="boulder"):
        build("boulder", tmp_path)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("override", ["stepz=3", "steps=many", "batch=0"])
def test_a_slip_in_a_setting_is_told_before_anything_is_made(tmp_path: Path, override: str):
    with pytest.raises(ConfigError):
        build("micro", tmp_path, overrides=(override,))
    assert not list(tmp_path.iterdir())


def test_a_build_that_was_stopped_while_training_ends_with_the_same_weights(whole: tuple[Path, Built], tmp_path: Path):
    def stop(step: int) -> None:
        if step == 5:
            raise Interrupted("stopped by the test")

    with pytest.raises(Interrupted):
        build("micro", tmp_path, overrides=OVERRIDES, progress=Watcher(stop))
    assert RunFolder.open(str(tmp_path / "work" / "run")).status != "succeeded"
    assert not (tmp_path / "micro").exists()
    watcher = Watcher()
    resumed = build("micro", tmp_path, overrides=OVERRIDES, progress=watcher)
    assert watcher.steps[0].step == 5  # from the checkpoint at 4, not from the start
    for name in ("model.safetensors", "config.json", "tokenizer.json"):
        assert (resumed.model / name).read_bytes() == (whole[1].model / name).read_bytes()
    assert resumed.found == whole[1].found
    assert resumed.ngram == whole[1].ngram


def test_a_corpus_that_gives_answers_away_stops_the_build(whole: tuple[Path, Built], tmp_path: Path, monkeypatch):
    keys = building.held_out_keys()
    acts = {f"fact:act:{act.id}" for act in world.make(0).acts}
    monkeypatch.setattr(building, "held_out_keys", lambda: keys | acts)
    with pytest.raises(RunError, match="gives away"):
        build("micro", tmp_path, overrides=OVERRIDES)
    assert sorted(p.name for p in (tmp_path / "work").iterdir()) == ["build.json", "lock"]
