"""`world build`: from the generators of the embedded world to a base model, by burnish's own means.

Corpus, tokenizer, random weights, a run of the recipe `pretrain` over the corpus, one over the second reading, then the
finished model directory with its card. Each stage is
a directory that is whole or not there, so a build that was stopped at any point goes on where it was when the same command is
given again; within the pre-training the run's own checkpoints do that.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from burnish.engine.fresh import Shape, write_finished, write_fresh
from burnish.errors import ConfigError, Interrupted, RunError
from burnish.evals import acceptance
from burnish.evals.acceptance import Found
from burnish.protocols import Policy
from burnish.recipes.pretrain import Pretrain
from burnish.render.learn import learn_bpe
from burnish.render.tokenizer import Tokenizer
from burnish.runs import build_chat, train
from burnish.runs.build_measure import card, founds, texts_of, write_measured
from burnish.runs.progress import Progress, Silent
from burnish.store import lock
from burnish.store.atomic import atomic_directory, read_json, sweep, verify, write_json
from burnish.store.runfolder import RunFolder
from burnish.tasks import ready
from burnish.world import corpus, world
from burnish.world.document import Document

CONTROLS = 64
MEASUREMENTS = 20
"""Of held-out loss and of copying, over the pre-training."""
_OF_THE_FIRST = ("learning_rate", "schedule", "cooldown", "steps", "epochs", "model", "data", "order")
"""Settings of the pre-training that are not those of the second reading."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Preset:
    """A model of the embedded world."""

    name: str
    shape: Shape
    words: int
    """of the corpus"""
    biographies: float
    """share of the biographies that is read; under 1 the exposure of people is as much lower"""
    learning_rate: float
    cooldown: float
    """share of the steps in which the learning rate falls; at a held rate, what is seldom asked for comes and goes"""
    batch: int
    """texts of an optimiser step"""
    again: float
    """texts of the second reading, as a share of those of the first; its rate falls from half of that of the first"""
    gate_items: int
    """items of each probe that is watched while training"""
    chat: bool
    """whether a fine-tuned model is made of it, where reinforcement learning can start"""


def _shape(vocab: int, hidden: int, layers: int, heads: int, kv_heads: int, wide: int) -> Shape:
    return Shape(vocab=vocab, hidden=hidden, layers=layers, heads=heads, kv_heads=kv_heads, wide=wide, positions=512)


PRESETS: dict[str, Preset] = {
    "pebble": Preset(
        name="pebble",
        shape=_shape(2048, 256, 6, 8, 4, 640),
        words=30_000_000,
        biographies=1.0,
        learning_rate=2.8e-3,
        cooldown=0.2,
        batch=96,
        again=0.1,
        gate_items=50,
        chat=True,
    ),
    "micro": Preset(
        name="micro",
        shape=_shape(512, 96, 4, 4, 2, 256),
        words=150_000,
        biographies=0.017,
        learning_rate=4e-3,
        cooldown=0.2,
        batch=16,
        again=0.08,
        gate_items=20,
        chat=False,
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Built:
    """A finished base model."""

    model: Path
    chat: Path | None
    """the fine-tuned model, where the preset has one"""
    start: build_chat.Attempt | None
    """how good that one is where reinforcement learning starts"""
    found: tuple[Found, ...]
    """what it can do, by probe"""
    ngram: tuple[Found, ...]
    """the same of a 5-gram model of its corpus"""


def build(preset: str, out: Path, *, seed: int = 0, progress: Progress | None = None, overrides: Sequence[str] = ()) -> Built:
    """Make the model of a preset in `out`/NAME; what it is made of stays in `out`/work. Go on where an earlier call stopped.

    overrides: key=value settings of the pre-training, such as steps=100. Raises ConfigError for an unknown preset, RunError where
    `out` holds a build with another preset or seed.
    """
    if preset not in PRESETS:
        raise ConfigError(f"there is no preset {preset!r}", todo=f"use one of {', '.join(PRESETS)}")
    Pretrain.load(base={"model": "start", "data": "corpus"}, overrides=overrides)  # a slip is told before the corpus is made
    plan, say, work = PRESETS[preset], progress or Silent(), out / "work"
    work.mkdir(parents=True, exist_ok=True)
    with lock.held(work / "lock", f"the build in {out}"):
        sweep(out)
        sweep(work)
        _same_build(work, {"preset": preset, "seed": seed, "overrides": list(overrides)})
        try:
            return _build(plan, out, seed, say, overrides)
        except Interrupted as stopped:
            stopped.todo = "give the same command again: the build goes on where it was"
            raise


def _build(plan: Preset, out: Path, seed: int, say: Progress, overrides: Sequence[str]) -> Built:
    """The stages, one after another."""
    work, final = out / "work", out / plan.name
    _stage(work / "corpus", lambda path: _write_corpus(path, plan, seed), say)
    if read_json(work / "corpus" / "facts.json").get("generators") != _generators():
        say.warning("the generators have changed since this corpus was made; it is used as it is (another --out makes a new one)")
    _stage(work / "start", lambda path: _write_start(path, work / "corpus", plan, seed), say)
    if not (work / "corpus" / "again.jsonl").is_file():
        raise RunError(f"{out} holds a build of an earlier burnish, which had no second reading", todo="give another --out")
    if not _is_done(work / "again"):
        _pretrain(work, plan, seed, overrides, say)
    run = _pretrain(work, plan, seed, overrides, say, again=True)
    _stage(work / "finished", lambda path: _write_model(path, run, work / "start", seed), say)
    _stage(work / "measured", lambda path: write_measured(path, work, say), say)
    _stage(final, lambda path: _write_final(path, work, plan, seed), say)
    chat, start = (out / f"{plan.name}-chat" if plan.chat else None), None
    if chat is not None:
        start = build_chat.search(final, work / "chat", seed, say)
        _stage(chat, lambda path: _write_chat(path, work / "chat" / start.model, start, plan, seed), say)
    measured = read_json(work / "measured" / "acceptance.json")
    return Built(model=final, chat=chat, start=start, found=founds(measured["model"]), ngram=founds(measured["ngram"]))


def held_out_keys() -> set[str]:
    """The keys of every held-out row of every ready task."""
    found: set[str] = set()
    for name in ready.NAMES:
        task = ready.get(name)
        for example in (*task.valid, *task.test):
            keys = example.metadata.get("keys", ())
            assert isinstance(keys, list | tuple)
            found.update(str(k) for k in keys)
    return found


def _same_build(work: Path, settings: Mapping[str, Any]) -> None:
    path = work / "build.json"
    if path.is_file():
        before = read_json(path)
        if before != settings:
            raise RunError(
                f"{work.parent} holds another build", seen=json.dumps(before), todo="give another --out, or remove that directory"
            )
        return
    write_json(path, dict(settings))


def _stage(path: Path, make: Callable[[Path], None], say: Progress) -> None:
    """Make a directory, unless it is there and whole."""
    if path.is_dir():
        faults = verify(path)
        if not faults:
            return
        say.warning(f"{path} is damaged and made anew: {faults[0]}")
    say.note(f"making {path.name}")
    with atomic_directory(path) as fresh:
        make(fresh)


def _write_corpus(path: Path, plan: Preset, seed: int) -> None:
    vellmark = world.make(0)
    made = corpus.make(vellmark, words=plan.words, seed=seed, biographies=plan.biographies)
    given_away = corpus.contamination(made, held_out_keys())
    if given_away:
        raise RunError(f"the corpus gives away {len(given_away)} keys of held-out rows", seen=", ".join(given_away[:5]))
    _write_texts(path / "corpus.jsonl", made.documents)
    again = corpus.again(vellmark, made, round(plan.again * len(made.documents)), seed=seed)
    given_away = corpus.contamination(corpus.Corpus(tuple(again)), held_out_keys())
    if given_away:
        raise RunError(f"the second reading gives away {len(given_away)} keys of held-out rows", seen=", ".join(given_away[:5]))
    _write_texts(path / "again.jsonl", again)
    _write_texts(path / "unread.jsonl", corpus.unread(vellmark, seed=seed))
    facts = {
        "documents": len(made.documents), "again": len(again), "words": made.words, "keys": len(made.keys), "sha256": made.sha256,
        "generators": _generators(),
    }  # fmt: skip
    (path / "facts.json").write_text(json.dumps({**facts, "contamination": 0}, indent=1) + "\n", encoding="utf-8")


def _write_texts(path: Path, documents: Iterable[Document]) -> None:
    path.write_text("".join(json.dumps({"text": d.text}) + "\n" for d in documents), encoding="utf-8")


def _generators() -> str:
    """Hash of the source text of the generators, so that a corpus says what made it."""
    found = hashlib.sha256()
    for source in sorted(Path(world.__file__).parent.glob("*.py")):
        found.update(source.read_bytes())
    return found.hexdigest()


def _write_start(path: Path, texts: Path, plan: Preset, seed: int) -> None:
    learn_bpe(texts_of(texts), path, vocab=plan.shape.vocab, positions=plan.shape.positions, controls=CONTROLS)
    write_fresh(path, plan.shape, seed=seed)


def _is_done(run: Path) -> bool:
    return run.is_dir() and RunFolder.open(str(run)).status == "succeeded"


def _pretrain(work: Path, plan: Preset, seed: int, overrides: Sequence[str], say: Progress, *, again: bool = False) -> Path:
    """The folder of the finished run over the corpus, or of that which goes on from it with the second reading."""
    path = work / ("again" if again else "run")
    tokenizer = Tokenizer.load(work / "start")

    def watch(policy: Policy) -> dict[str, float]:
        go_on = acceptance.continue_with(policy, tokenizer)
        probes = acceptance.lookup(plan.gate_items), acceptance.spans(plan.gate_items)
        return {f"copying:{p.name}": acceptance.measure(p, go_on).share for p in probes}

    if path.is_dir():
        folder = RunFolder.open(str(path))
        if folder.status != "succeeded":
            train.resume(str(path), progress=say, watch=watch)
        faults = verify(folder.model)
        if faults:
            later = "" if again else f" and {work / 'again'}"
            todo = f"restore it, or remove {path}{later} to train again"
            raise RunError(f"the trained model in {folder.model} is damaged", seen=faults[0], todo=todo)
        return path
    texts = read_json(work / "corpus" / "facts.json")["documents"]
    base = {
        "model": str(work / "start"),
        "data": str(work / "corpus" / "corpus.jsonl"),
        "learning_rate": plan.learning_rate,
        "batch": plan.batch,
        "valid": str(work / "corpus" / "unread.jsonl"),
        "order": "file",
        "epochs": 1,
        "eval_tokens": 48,
        "evaluate_every": max(1, texts // plan.batch // MEASUREMENTS),
        "seed": seed,
    }
    if again:
        rate = Pretrain.load(base=base, overrides=overrides).learning_rate
        base |= {"model": str(work / "run" / "model"), "data": str(work / "corpus" / "again.jsonl")}
        base |= {"learning_rate": (rate or plan.learning_rate) / 2, "schedule": "linear"}
        overrides = [o for o in overrides if o.partition("=")[0] not in _OF_THE_FIRST]
    if Pretrain.load(base=base, overrides=overrides).schedule == "wsd":
        base["cooldown"] = plan.cooldown
    config = Pretrain.load(base=base, overrides=overrides)
    train.start(config, run=str(path), progress=say, watch=watch)
    return path


def _write_model(path: Path, run: Path, start: Path, seed: int) -> None:
    write_finished(run / "model", path, spare=range(1, CONTROLS), seed=seed)
    Tokenizer.load(start).copy_to(path)
    settings = {"bos_token_id": 0, "eos_token_id": 0, "do_sample": False}
    (path / "generation_config.json").write_text(json.dumps(settings, indent=1) + "\n", encoding="utf-8")


def _write_final(path: Path, work: Path, plan: Preset, seed: int) -> None:
    finished = work / "finished"
    for file in sorted(p for p in finished.rglob("*") if p.is_file() and p.name != "manifest.json"):
        (path / file.relative_to(finished)).parent.mkdir(exist_ok=True)
        (path / file.relative_to(finished)).write_bytes(file.read_bytes())
    (path / "README.md").write_text(card(work, plan.name, seed), encoding="utf-8")


def _write_chat(path: Path, source: Path, best: build_chat.Attempt, plan: Preset, seed: int) -> None:
    write_finished(source, path, spare=range(0), seed=seed)
    Tokenizer.load(source).copy_to(path)
    settings = {"bos_token_id": 0, "eos_token_id": 0, "do_sample": False}
    (path / "generation_config.json").write_text(json.dumps(settings, indent=1) + "\n", encoding="utf-8")
    (path / "README.md").write_text(build_chat.card(plan.name, best, seed), encoding="utf-8")
