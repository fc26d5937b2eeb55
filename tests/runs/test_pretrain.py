"""Pre-training on plain text: long texts are split, no target is lost, it learns, and a stopped run ends with the same bits."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from tiny_run import Watcher, metrics, weights

from burnish.errors import ConfigError, Interrupted
from burnish.recipes.pretrain import Pretrain
from burnish.recipes.training import Training
from burnish.render.renderer import Renderer
from burnish.render.tokenizer import Tokenizer
from burnish.runs import methods, train
from burnish.runs.order import Order
from burnish.runs.prepare import prepare
from burnish.store.models import resolve

QUICK = {"recipe": "pretrain", "steps": 8, "batch": 6, "learning_rate": 3e-3, "limit_tokens": 32, "evaluate_every": 4}
QUICK |= {"checkpoint_every": 3, "sample_every": 0, "eval_items": 5, "eval_tokens": 4, "threads": 1}


@pytest.fixture
def texts(tmp_path: Path) -> Path:
    """60 texts, every third of them longer than the context of the run."""
    path = tmp_path / "texts.jsonl"
    rows = [{"text": " ".join(f"the {n} and {n + 1}" for n in range(i, i + (40 if i % 3 == 0 else 2)))} for i in range(60)]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def settings(model: Path, data: Path, **changes: object) -> Training:
    return methods.load(base={"model": str(model), "data": str(data), **QUICK, **changes})


def test_a_long_text_is_split_and_every_token_is_a_target_once(home, tiny_model, texts):
    config = settings(tiny_model, texts)
    prepared = prepare(config, resolve(config.model))
    whole = Renderer(Tokenizer.load(tiny_model))
    assert max(len(r.ids) for r in prepared.train.rendered) == 32
    for line in {e.line for e in prepared.train.examples}:
        parts = [(e, r) for e, r in zip(prepared.train.examples, prepared.train.rendered, strict=True) if e.line == line]
        row = whole.render(parts[0][0])
        joined = np.concatenate([parts[0][1].ids, *(r.ids[1:] for _, r in parts[1:])])
        assert joined.tolist() == row.ids.tolist()
        assert sum(r.truncated for _, r in parts) == 0
        assert [r.goes_on for _, r in parts] == [True] * (len(parts) - 1) + [False]
    targets = sum(len(whole.render(e).ids) - 1 for e in {e.line: e for e in prepared.train.examples}.values())
    assert sum(d.length for d in prepared.train.data) == targets


def test_conversations_are_not_split(home, tiny_model, tmp_path):
    path = tmp_path / "rows.jsonl"
    path.write_text("".join(json.dumps({"prompt": f"{n}", "completion": "a"}) + "\n" for n in range(30)))
    config = settings(tiny_model, path)
    with pytest.raises(ConfigError, match="only plain text can be split"):
        prepare(config, resolve(config.model))


def test_it_learns_watches_and_ends_with_the_same_bits_after_a_stop(home, tiny_model, texts):
    seen: list[int] = []

    def watch(policy: object) -> dict[str, float]:
        seen.append(1)
        return {"gate": float(len(seen))}

    config = settings(tiny_model, texts, order="file")
    whole = train.start(config, run="read-whole", watch=watch)
    assert next(a for a in whole.certificate.audits if a.name == "mask picture").passed
    lines = metrics(whole.folder)
    assert lines[-1]["held_out_loss"] < lines[0]["held_out_loss"] - 0.5
    assert [line["gate"] for line in lines if "held_out_loss" in line] == [1.0, 2.0, 3.0]

    def stop(step: int) -> None:
        if step == 5:
            raise Interrupted("stopped by the test")

    with pytest.raises(Interrupted):
        train.start(config, run="read-half", progress=Watcher(stop))
    resumed = train.resume("read-half")
    assert isinstance(methods.load(base=json.loads((resumed.folder / "config.json").read_text())), Pretrain)
    assert weights(resumed.folder) == weights(whole.folder)


def test_rows_as_they_stand_come_in_the_order_of_the_file():
    order = Order(seed=3, rows=10, batch=4, epochs=2, shuffled=False)
    assert [order.rows_of(s) for s in range(5)] == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9, 0, 1], [2, 3, 4, 5], [6, 7, 8, 9]]


def test_the_rate_is_held_and_falls_at_the_end():
    config = Pretrain.load(base={"model": "m", "data": "d", "learning_rate": 1.0, "steps": 100, "cooldown": 0.2, "warmup": 0.1})
    rates = [config.rate(i) for i in range(100)]
    assert rates[:10] == sorted(rates[:10])
    assert rates[10:81] == [1.0] * 71
    assert rates[81:] == pytest.approx([n / 20 for n in range(19, 0, -1)])


def test_a_cooldown_that_nothing_would_read_is_refused():
    with pytest.raises(ConfigError, match="cooldown"):
        methods.load("sft", base={"model": "m", "data": "d", "cooldown": 0.1})


def test_the_recipe_is_named_by_option_override_or_file(tmp_path):
    file = tmp_path / "run.toml"
    file.write_text('recipe = "pretrain"\nmodel = "m"\ndata = "d"\n')
    assert methods.load(file=file).recipe == "pretrain"
    assert methods.load(overrides=["model=m", "data=d", "recipe=pretrain"]).recipe == "pretrain"
    assert methods.load(base={"model": "m", "data": "d"}).recipe == "sft"
    with pytest.raises(ConfigError, match="recipe must be"):
        methods.load("sft", file=file)
    with pytest.raises(ConfigError, match="did you mean 'pretrain'"):
        methods.load("pretrian")
