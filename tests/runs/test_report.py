"""The report of a made-up run: what it says, in numbers, in JSON and in Markdown."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from burnish.evals.compare import compare
from burnish.evals.evaluation import Answer, Evaluation, Item
from burnish.runs import report
from burnish.runs.learned import Learned
from burnish.runs.onward import Next, what_next
from burnish.runs.report import CURVE_POINTS, Report, before_after, build
from burnish.runs.watches.tally import Finding
from burnish.runs.watches.watch import Verdict
from burnish.types import Score

PLAN: dict[str, Any] = {
    "config": {
        "recipe": "sft",
        "model": "models/tiny",
        "data": "rows.jsonl",
        "method": "lora",
        "valid": None,
        "valid_share": 0.1,
    },
    "rows": 90,
    "held_out_rows": 40,
    "tokens": 12345,
    "target_tokens": 4000,
    "masked_share": 0.676,
    "cut_rows": 2,
    "cut_tokens": 17,
    "parameters": 260032,
    "trainable": 5120,
    "steps": 30,
    "derived": [{"key": "learning_rate", "value": 0.001, "why": "5e-4 x (2000 / 64)^0.781"}],
    "notes": ["rows.jsonl: 130 rows, prompt/completion"],
    "warnings": ["2 rows stand on both sides | of the split"],
}


def measurement(losses: np.ndarray, values: np.ndarray | None, text: str = "answer", latency_s: float = 0.2) -> Evaluation:
    items = []
    for i, loss in enumerate(losses):
        answers: tuple[Answer, ...] = ()
        if values is not None:
            failed = math.isnan(values[i])
            score = Score(value=float(values[i]), reason=f"scored {values[i]}", error="timed out" if failed else None)
            answers = (Answer(text=f"{text} {i}", stop_reason="length", new_tokens=5, latency_s=latency_s, score=score),)
        items.append(
            Item(
                index=i,
                source="rows.jsonl",
                line=i + 1,
                group=str(i),
                prompt=f"question {i}",
                reference="right",
                loss_sum=float(loss) * 8,
                target_tokens=8.0,
                prompt_tokens=3,
                answers=answers,
                fault=None,
            )
        )
    grader = None if values is None else "exact"
    made = {"limit_tokens": 16, "samples": 1, "temperature": 0.0, "seed": 0, "loss_s": 1.0, "sampling_s": 2.0}
    return Evaluation(items=tuple(items), grader=grader, **made)


def make(drop: float = 0.5, gained: int = 25, *, graded: bool = True, text: str = "answer", steps: int = 30) -> Report:
    draw = np.random.default_rng(0)
    losses = 2 + draw.normal(0, 0.2, 40)
    before = np.zeros(40) if graded else None
    after = np.array([1.0] * gained + [0.0] * (40 - gained)) if graded else None
    base = measurement(losses, before)
    trained = measurement(losses - drop + draw.normal(0, 0.05, 40), after, text=text, latency_s=0.3)
    metrics = [{"step": 0, "held_out_loss": 2.0}]
    for s in range(1, steps + 1):
        line = {"step": s, "loss": 2 - s / 100, "learning_rate": 1e-3, "seconds": 0.5, "tokens": 100}
        metrics.append(line | ({"held_out_loss": 2 - s / 90} if s % 10 == 0 else {}))
    return build(
        run="sft-1",
        plan=PLAN,
        base=base,
        trained=trained,
        comparison=compare(base, trained),
        metrics=metrics,
        best_step=20,
        stopped_early=steps < PLAN["steps"],
    )


def test_before_and_after_hold_what_was_measured():
    made = make()
    assert made.verdict == "better"
    assert made.headline.startswith("Better: exact went from 0.0% to 62.5%, on 40 held-out examples.")
    rows = {name: (base, trained, change) for name, base, trained, change in before_after(made)}
    assert rows["exact"][:2] == ("0.0%", "62.5%")
    assert rows["exact"][2].startswith("+62.5% (+")
    assert made.base.loss is not None
    assert rows["held-out loss (nats/token)"][0] == f"{made.base.loss:.4f}"
    assert rows["perplexity"][0] == f"{math.exp(made.base.loss):.4g}"
    assert rows["seconds per answer, median"] == ("0.2", "0.3", "x 1.50")
    assert rows["answers cut at the limit"] == ("40", "40", "+0")


def test_training_is_summed_up_from_the_metrics():
    t = make().training
    assert (t.steps, t.planned_steps, t.best_step, t.stopped_early) == (30, 30, 20, False)
    assert (t.seconds, t.tokens_per_s) == (15.0, 200.0)
    assert [p.held_out_loss is not None for p in t.curve].count(True) == 4
    assert (t.curve[0].step, t.curve[0].loss, t.curve[-1].step) == (0, None, 30)
    text = make(steps=20).to_markdown()
    assert "20 steps, stopped early of 30" in text
    assert "weights of step 20" in text


def test_long_curves_are_thinned_and_keep_their_measurements_and_end():
    curve = make(steps=1000).training.curve
    assert len(curve) <= 2 * CURVE_POINTS
    assert curve[-1].step == 1000
    assert sum(p.held_out_loss is not None for p in curve) == CURVE_POINTS


def test_markdown_says_all_of_it():
    text = make().to_markdown()
    for part in (
        "# Run sft-1",
        "## Before and after",
        "95 % interval",
        "smallest effect that 40 held-out examples can show",
        "McNemar p =",
        "## Where it got better",
        "## Side by side",
        "rows.jsonl: 130 rows, prompt/completion",
        "| `learning_rate` | `0.001` | 5e-4",
        "burnish chat sft-1",
        "burnish export sft-1 --to merged --out DIR",
    ):
        assert part in text, part
    assert r"both sides \| of the split" in text
    assert "## Where it got worse" not in text, "every example's loss fell"


def test_no_difference_is_never_called_better():
    made = make(drop=0.0, gained=0)
    assert made.verdict == "no measurable difference"
    text = made.to_markdown()
    assert "better" not in text.lower().replace("where it got better", "")
    assert "No measurable difference" in made.headline
    assert made.next[-1].command == "burnish train ... valid_share=0.2"


def test_worse_is_said_first_and_comes_with_advice():
    made = make(drop=-0.5, gained=0)
    assert made.verdict == "worse"
    assert made.headline.startswith("Worse: held-out loss went from")
    assert "learning_rate" in made.next[0].command


def test_without_grader_the_loss_decides():
    made = make(graded=False)
    assert made.comparison.metric is None
    assert made.headline.startswith("Better: held-out loss")
    assert [row[0] for row in before_after(made)] == ["held-out loss (nats/token)", "perplexity", "bits per token"]


def test_advice_fits_the_run():
    comparison = make(drop=0.0, gained=0).comparison
    lora = {"method": "lora", "valid": "valid.jsonl", "valid_share": None}
    steps = what_next("./my run", comparison, lora, held_out_rows=40)
    assert steps[0].command == "burnish chat './my run'"
    assert "peft" in steps[2].why
    assert steps[-1].command == "burnish train ... --valid FILE"
    full = what_next("one", comparison, {"method": "full", "valid": None, "valid_share": 0.4}, held_out_rows=40)
    assert "peft" not in full[2].why, "there is no adapter"
    assert full[-1].command == "burnish train ... valid_share=0.5"


def test_advice_after_a_ready_task_without_a_difference():
    """Its splits are its own, so there is no share of rows to hold out."""
    comparison = make(drop=0.0, gained=0).comparison
    task = {"method": "lora", "valid": None, "valid_share": None, "eval_items": 200, "epochs": 3}
    more = what_next("r", comparison, task, held_out_rows=300)[-1]
    assert more.command == "burnish train ... eval_items=300"
    assert "40 held-out examples show no effect below" in more.why
    assert what_next("r", comparison, {**task, "eval_items": 300}, held_out_rows=300)[-1].command.endswith("epochs=6")
    base = measurement(np.ones(40), np.zeros(40))
    plan = {**PLAN, "config": {**PLAN["config"], **task, "data": "facts"}, "held_out_rows": 300}
    told = compare(base, base)
    made = build(run="r", plan=plan, base=base, trained=base, comparison=told, metrics=[], best_step=None, stopped_early=False)
    assert made.next[-1] == replace(more, why=made.next[-1].why)


def test_advice_after_learning_from_own_answers_is_to_read_them_and_to_mend_what_was_gamed():
    """Steps count here, not epochs; and what was gamed is not trained on for longer."""
    comparison = make(drop=0.0, gained=0).comparison
    task = {"method": "full", "valid": None, "valid_share": None, "eval_items": 40, "epochs": 1, "steps": 100}

    def advice(verdict: Verdict) -> tuple[Next, ...]:
        alarm = Finding(monitor="M6", title="replays", level="alarm", words="so it is", patch="compare all of it", stops=True)
        told = Learned(verdict=verdict, said="", monitors=(alarm,), readings=(), habits=())
        return what_next("r", comparison, task, held_out_rows=40, learned=told)

    clean, gamed = advice("clean"), advice("gamed")
    assert clean[0].command == "burnish show r --rollouts"
    assert clean[-1].command == "burnish train ... steps=200"
    assert gamed[1].command == "burnish train --resume r --mended"
    assert "compare all of it" in gamed[1].why
    assert not any("..." in step.command for step in gamed)
    assert "compare all of it" in advice("suspicious")[0].why


def test_losses_of_rows_that_were_not_trained_on_decide_nothing():
    base, trained = measurement(np.ones(40), np.zeros(40)), measurement(np.zeros(40), np.zeros(40))
    assert compare(base, trained).verdict == "better"
    told = compare(base, trained, losses=False)
    assert (told.verdict, told.loss, told.improved) == ("no measurable difference", None, ())


def test_a_kind_with_too_few_items_says_so():
    kinds = ["rare"] * 3 + ["usual"] * 37
    sides = [measurement(np.ones(40), values) for values in (np.zeros(40), np.ones(40))]
    base, trained = (replace(s, items=tuple(replace(i, kind=k) for i, k in zip(s.items, kinds, strict=True))) for s in sides)
    told = compare(base, trained)
    made = build(run="r", plan=PLAN, base=base, trained=trained, comparison=told, metrics=[], best_step=None, stopped_early=False)
    changes = {name.strip(): change for name, _, _, change in before_after(made)}
    assert changes["rare (3)"] == "+100.0% (too few to tell)"
    assert "too few" not in changes["usual (37)"]
    assert "+100.0% (too few to tell)" in made.to_markdown()


def test_answers_that_do_not_stop_are_pointed_out():
    assert any("40 of 40 answers of the trained model reach the limit of 16 tokens" in w for w in make().warnings)
    stopped = measurement(np.ones(40), np.ones(40))
    items = tuple(replace(i, answers=tuple(replace(a, stop_reason="stop") for a in i.answers)) for i in stopped.items)
    stopped = replace(stopped, items=items)
    base = measurement(np.ones(40), np.ones(40))
    told = compare(base, stopped)
    made = build(run="r", plan=PLAN, base=base, trained=stopped, comparison=told, metrics=[], best_step=None, stopped_early=False)
    assert made.warnings == tuple(PLAN["warnings"])


def test_check_30_grader_errors_are_shown():
    draw = np.random.default_rng(0)
    losses = 2 + draw.normal(0, 0.2, 40)
    base = measurement(losses, np.array([math.nan] * 3 + [1.0] * 37))
    made = build(
        run="r",
        plan=PLAN,
        base=base,
        trained=base,
        comparison=compare(base, base),
        metrics=[],
        best_step=None,
        stopped_early=False,
    )
    assert made.comparison.errors == 6
    assert made.base.value == 1.0
    assert "could not judge 6 answers" in made.to_markdown()


def test_text_of_models_cannot_break_out_of_its_block():
    text = make(text="```\n# Heading\n| a | b |\n<script>").to_markdown()
    assert "\n# Heading" not in text
    assert "\n<script>" not in text
    assert "    # Heading" in text


@pytest.mark.parametrize("graded", [True, False])
def test_written_and_read_again(tmp_path: Path, graded: bool):
    made = make(graded=graded)
    report.write(made, tmp_path)
    assert (tmp_path / "report.md").read_text() == made.to_markdown()
    json.loads((tmp_path / "report.json").read_text())
    assert report.read(tmp_path) == made
    assert report.read(tmp_path / "elsewhere") is None
