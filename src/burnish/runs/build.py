"""`world build`: from the generators of the embedded world to a base model, by burnish's own means.

Corpus, tokenizer, random weights, a run of the recipe `pretrain`, then the finished model directory with its card. Each stage is
a directory that is whole or not there, so a build that was stopped at any point goes on where it was when the same command is
given again; within the pre-training the run's own checkpoints do that.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from burnish import connect
from burnish.engine.fresh import Shape, write_finished, write_fresh
from burnish.errors import ConfigError, RunError
from burnish.evals import acceptance
from burnish.evals.acceptance import Continue, Found
from burnish.evals.ngram import NGram
from burnish.protocols import Policy
from burnish.recipes.pretrain import Pretrain
from burnish.render.learn import MARKERS, learn_bpe
from burnish.render.tokenizer import Tokenizer
from burnish.runs import build_chat, train
from burnish.runs.progress import Progress, Silent
from burnish.store.atomic import atomic_directory, read_json, verify, write_json
from burnish.store.models import resolve
from burnish.store.runfolder import RunFolder
from burnish.tasks import ready
from burnish.world import corpus, world
from burnish.world.document import Document

CONTROLS = 64
MEASUREMENTS = 20
"""Of held-out loss and of copying, over the pre-training."""
NGRAM_TEXTS = 20_000
"""Texts that the 5-gram model is made from: more change its answers little, and take memory."""


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
    batch: int
    """texts of an optimiser step"""
    gate_items: int
    """items of each probe that is watched while training"""
    chat: bool
    """whether a fine-tuned model is made of it, where reinforcement learning can start"""


def _shape(vocab: int, hidden: int, layers: int, heads: int, kv_heads: int, wide: int) -> Shape:
    return Shape(vocab=vocab, hidden=hidden, layers=layers, heads=heads, kv_heads=kv_heads, wide=wide, positions=512)


PRESETS: dict[str, Preset] = {
    "pebble": Preset(
        name="pebble",
        shape=_shape(2048, 192, 6, 6, 3, 512),
        words=7_000_000,
        biographies=1.0,
        learning_rate=2e-3,
        batch=48,
        gate_items=50,
        chat=True,
    ),
    "micro": Preset(
        name="micro",
        shape=_shape(512, 96, 4, 4, 2, 256),
        words=150_000,
        biographies=0.03,
        learning_rate=4e-3,
        batch=16,
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
    plan, say, work = PRESETS[preset], progress or Silent(), out / "work"
    final = out / plan.name
    _same_build(work, {"preset": preset, "seed": seed, "overrides": list(overrides)})
    _stage(work / "corpus", lambda path: _write_corpus(path, plan, seed), say)
    if read_json(work / "corpus" / "facts.json").get("generators") != _generators():
        say.warning("the generators have changed since this corpus was made; it is used as it is (another --out makes a new one)")
    _stage(work / "start", lambda path: _write_start(path, work / "corpus", plan, seed), say)
    run = _pretrain(work, plan, seed, overrides, say)
    _stage(work / "finished", lambda path: _write_model(path, run, work / "start", seed), say)
    _stage(work / "measured", lambda path: _write_measured(path, work, say), say)
    _stage(final, lambda path: _write_final(path, work, plan, seed), say)
    chat = out / f"{plan.name}-chat" if plan.chat else None
    if chat is not None:
        best = build_chat.search(final, work / "chat", seed, say)
        _stage(chat, lambda path: _write_chat(path, best, plan, seed), say)
    measured = read_json(work / "measured" / "acceptance.json")
    return Built(model=final, chat=chat, found=_founds(measured["model"]), ngram=_founds(measured["ngram"]))


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
    work.mkdir(parents=True, exist_ok=True)
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
    _write_texts(path / "unread.jsonl", corpus.unread(vellmark, seed=seed))
    facts = {
        "documents": len(made.documents), "words": made.words, "keys": len(made.keys), "sha256": made.sha256,
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


def _texts(directory: Path) -> list[str]:
    with (directory / "corpus.jsonl").open(encoding="utf-8") as lines:
        return [json.loads(line)["text"] for line in lines]


def _write_start(path: Path, texts: Path, plan: Preset, seed: int) -> None:
    learn_bpe(_texts(texts), path, vocab=plan.shape.vocab, positions=plan.shape.positions, controls=CONTROLS)
    write_fresh(path, plan.shape, seed=seed)


def _pretrain(work: Path, plan: Preset, seed: int, overrides: Sequence[str], say: Progress) -> Path:
    """The folder of the finished run."""
    path = work / "run"
    tokenizer = Tokenizer.load(work / "start")

    def watch(policy: Policy) -> dict[str, float]:
        go_on = acceptance.continue_with(policy, tokenizer)
        probes = acceptance.lookup(plan.gate_items), acceptance.spans(plan.gate_items)
        return {f"copying:{p.name}": acceptance.measure(p, go_on).share for p in probes}

    if path.is_dir():
        folder = RunFolder.open(str(path))
        if folder.status != "succeeded":
            train.resume(str(path), progress=say, watch=watch)
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
    config = Pretrain.load(base=base, overrides=overrides)
    train.start(config, run=str(path), progress=say, watch=watch)
    return path


def _write_model(path: Path, run: Path, start: Path, seed: int) -> None:
    write_finished(run / "model", path, spare=range(1, CONTROLS), seed=seed)
    Tokenizer.load(start).copy_to(path)
    settings = {"bos_token_id": 0, "eos_token_id": 0, "do_sample": False}
    (path / "generation_config.json").write_text(json.dumps(settings, indent=1) + "\n", encoding="utf-8")


def _write_measured(path: Path, work: Path, say: Progress) -> None:
    ref = resolve(str(work / "finished"))
    policy = connect.open_policy(connect.open_engine("local", ref), ref)
    tokenizer = Tokenizer.load(work / "finished")
    probes = acceptance.probes(world.make(0))
    ours, theirs = acceptance.continue_with(policy, tokenizer), _ngram(work, tokenizer)
    model = [_measured(p, ours, "", say) for p in probes]
    ngram = [_measured(p, theirs, "5-gram, ", say) for p in probes]
    body = {"model": [asdict(f) for f in model], "ngram": [asdict(f) for f in ngram]}
    (path / "acceptance.json").write_text(json.dumps(body, indent=1) + "\n", encoding="utf-8")


def _measured(probe: acceptance.Probe, go_on: Continue, who: str, say: Progress) -> Found:
    found = acceptance.measure(probe, go_on)
    say.note(f"{who}{found.name}: {found.share:.0%}")
    return found


def _ngram(work: Path, tokenizer: Tokenizer) -> Continue:
    end = tokenizer.eos_ids[0]
    model = NGram([end, *tokenizer.encode(text), end] for text in _texts(work / "corpus")[-NGRAM_TEXTS:])

    def go_on(prompts: Sequence[str], limit_tokens: int) -> list[tuple[str, bool]]:
        found = []
        for prompt in prompts:
            ids, ended = model.go_on([end, *tokenizer.encode(prompt)], limit_tokens=limit_tokens, end=end)
            found.append((tokenizer.decode(ids, continues=True, skip_special=True), ended))
        return found

    return go_on


def _write_final(path: Path, work: Path, plan: Preset, seed: int) -> None:
    for file in sorted((work / "finished").iterdir()):
        if file.name != "manifest.json":
            (path / file.name).write_bytes(file.read_bytes())
    (path / "README.md").write_text(_card(work, plan, seed), encoding="utf-8")


def _write_chat(path: Path, best: build_chat.Attempt, plan: Preset, seed: int) -> None:
    source = Path(best.model)
    write_finished(source, path, spare=range(0), seed=seed)
    Tokenizer.load(source).copy_to(path)
    settings = {"bos_token_id": 0, "eos_token_id": 0, "do_sample": False}
    (path / "generation_config.json").write_text(json.dumps(settings, indent=1) + "\n", encoding="utf-8")
    card = [
        f"# {plan.name}-chat",
        "",
        f"`{plan.name}` after fine-tuning on the training rows of every ready task, but only {best.rows} of those of",
        f"`{build_chat.TASK}`: a starting point for reinforcement learning. On test rows of that task {best.pass_1:.0%} of its",
        f"answers drawn at temperature 1 are right, and {best.pass_8:.0%} of the questions once in eight. Made by",
        f"`burnish world build`, seed {seed}.",
        "",
    ]
    (path / "README.md").write_text("\n".join(card), encoding="utf-8")


def _card(work: Path, plan: Preset, seed: int) -> str:
    """The model card."""
    facts, measured = read_json(work / "corpus" / "facts.json"), read_json(work / "measured" / "acceptance.json")
    run = read_json(work / "run" / "plan.json")
    rows = [
        f"| {m['name']} | {m['about']} | {m['share']:.0%} ({m['low']:.0%} to {m['high']:.0%}) | {n['share']:.0%} |"
        for m, n in zip(measured["model"], measured["ngram"], strict=True)
    ]
    words = ", ".join(f"{part} {count:,}" for part, count in sorted(facts["words"].items(), key=lambda item: -item[1]))
    config = run["config"]
    return "\n".join(
        [
            f"# {plan.name}",
            "",
            f"A raw base model of {run['parameters']:,} parameters that has read texts of the invented country Vellmark",
            "and nothing else. It was made by `burnish world build`; no line of its corpus was written by a model or",
            "taken from anywhere.",
            "It is no assistant: it goes on with a question by asking more questions. It knows nothing of the real world.",
            "",
            f"Corpus: {facts['documents']:,} texts, {run['total_tokens']:,} tokens, sha256 `{facts['sha256']}`.",
            f"Words by part: {words}.",
            f"Of the keys of held-out rows of the ready tasks, the corpus holds {facts['contamination']}: neither do generators",
            "declare any, nor do the texts tell any when they are searched for sums, results of calls and phrasings.",
            f"The source text of the generators has the sha256 `{facts['generators']}`.",
            "",
            f"Recipe: `pretrain`, {run['steps']:,} steps of {config['batch']} texts, learning rate {config['learning_rate']:g}, "
            f"seed {seed}. Control tokens other than `{MARKERS[0]}` never occurred; their embeddings are the mean of all others "
            "with a little noise.",
            "",
            "| probe | what is counted | this model (95 %) | a 5-gram model |",
            "|---|---|---|---|",
            *rows,
            "",
            "Not to be expected of a model of this size: open conversation, facts of the real world, sums beyond three digits",
            "without steps, more than some six steps of reasoning, texts beyond 512 tokens, tools with large schemas.",
            "",
        ]
    )


def _founds(rows: Sequence[Mapping[str, Any]]) -> tuple[Found, ...]:
    return tuple(
        Found(**{**row, "wanted": tuple(row["wanted"]), "examples": tuple((p, t) for p, t in row["examples"])}) for row in rows
    )
