"""The report after training: what the run started from, what changed, how sure that is, and what to type next.

A record that the command line draws, that is kept as `report.json`, and that reads as `report.md`. It calls nothing
better that the comparison does not.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from burnish.evals.compare import Comparison
from burnish.evals.evaluation import Evaluation, plain
from burnish.evals.sentences import change_sentence, latency_sentence, verdict_sentence
from burnish.evals.summary import Latency, Summary, summarise
from burnish.runs.learned import Learned
from burnish.runs.markdown import bullets, cell, code, rows_table, shown
from burnish.runs.onward import Next, what_next
from burnish.store.atomic import atomic_write_bytes, read_json, write_json

FORMAT = 1
CURVE_POINTS = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """A derived setting and its reason."""

    key: str
    value: Any
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """One finished step of the training curve. Losses are means over target tokens, in nats, rewards means over answers; None =
    not measured there."""

    step: int
    loss: float | None
    held_out_loss: float | None
    learning_rate: float | None
    reward: float | None = None
    held_out_reward: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Training:
    """What was trained on, and how it went. Counts are of the training rows."""

    method: str
    rows: int
    held_out_rows: int
    tokens: int
    """in one pass"""
    target_tokens: int
    masked_share: float
    cut_rows: int
    cut_tokens: int
    parameters: int
    trainable: int
    steps: int
    """finished"""
    planned_steps: int
    best_step: int | None
    """step with the lowest held-out loss, or the highest held-out reward: the one that is kept"""
    stopped_early: bool
    seconds: float
    """of the finished steps"""
    tokens_per_s: float
    curve: tuple[Point, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """Everything a reader needs about one finished run."""

    run: str
    recipe: str
    model: str
    """what the run started from"""
    data: str
    verdict: str
    """better, worse or no measurable difference"""
    headline: str
    """the verdict as one sentence"""
    base: Summary
    trained: Summary
    comparison: Comparison
    training: Training
    settings: tuple[Setting, ...]
    notes: tuple[str, ...]
    """about the data: formats, what was held out, left out, cut"""
    warnings: tuple[str, ...]
    """what the user should act on: duplicates, leaks, rows whose targets vanish, capacity"""
    next: tuple[Next, ...]
    learned: Learned | None = None
    """of a run that learned from its own answers"""

    def to_json(self) -> dict[str, Any]:
        """Plain dicts, lists, numbers and strings."""
        return plain({"format": FORMAT, **asdict(self), "comparison": self.comparison.to_json()})

    @staticmethod
    def from_json(body: Mapping[str, Any]) -> Report:
        """The inverse of `to_json`."""
        assert body["format"] == FORMAT, body["format"]
        fields: dict[str, Any] = {k: v for k, v in body.items() if k != "format"}
        fields["comparison"] = Comparison.from_json(body["comparison"])
        fields["training"] = Training(**{**body["training"], "curve": tuple(Point(**p) for p in body["training"]["curve"])})
        fields["settings"] = tuple(Setting(**s) for s in body["settings"])
        fields["learned"] = Learned.from_json(fields["learned"]) if fields.get("learned") else None
        fields["next"] = tuple(Next(**n) for n in body["next"])
        for side in ("base", "trained"):
            latency = body[side]["latency"]
            fields[side] = Summary(**{**body[side], "latency": None if latency is None else Latency(**latency)})
        return Report(**{**fields, "notes": tuple(body["notes"]), "warnings": tuple(body["warnings"])})

    def to_markdown(self) -> str:
        """The report as a Markdown document."""
        parts = [
            f"# Run {self.run}",
            self.headline,
            f"{self.recipe} of {code(self.model)} on {code(self.data)}.",
            "## Before and after, on held-out rows",
            rows_table(("", "base", "trained", "change"), before_after(self)),
            bullets(said(self.comparison)),
        ]
        for title, pairs in (
            ("Where it got better", self.comparison.improved),
            ("Where it got worse", self.comparison.worsened),
            ("Side by side", self.comparison.side_by_side),
        ):
            if pairs:
                parts += [f"## {title}", *(shown(p) for p in pairs)]
        if self.learned is not None:
            parts += self.learned.to_markdown()
        training = self.training
        parts += ["## Training", bullets(training_lines(training))]
        asks = any(p.reward is not None for p in training.curve)
        seen = [(p.reward, p.held_out_reward) if asks else (p.loss, p.held_out_loss) for p in training.curve]
        curve = [
            (p.step, _number(now), _number(held), _number(p.learning_rate, "{:.3g}"))
            for p, (now, held) in zip(training.curve, seen, strict=True)
        ]
        what = "reward" if asks else "loss"
        parts.append(rows_table(("step", what, f"held-out {what}", "learning rate"), curve))
        if self.warnings:
            parts += ["## Warnings", bullets(map(cell, self.warnings))]
        if self.notes:
            parts += ["## Data", bullets(map(cell, self.notes))]
        if self.settings:
            table = rows_table(("setting", "value", "why"), [(code(s.key), code(str(s.value)), s.why) for s in self.settings])
            parts += ["## Settings that were derived", table]
        parts += ["## What to type next", bullets(f"{code(n.command)}: {n.why}" for n in self.next)]
        return "\n\n".join(parts) + "\n"


def said(comparison: Comparison) -> list[str]:
    """What stands below the before/after table: each metric with its interval, latency, errors of the grader."""
    lines = [change_sentence(c) for c in comparison.changes]
    if comparison.base_latency is not None:
        lines.append(latency_sentence(comparison))
    if comparison.errors:
        lines.append(f"The grader could not judge {comparison.errors} answers; they count neither as right nor as wrong.")
    return lines


def before_after(report: Report) -> list[tuple[str, str, str, str]]:
    """Rows of the before/after table: name, base, trained, change with its 95 % interval."""
    base, trained, comparison = report.base, report.trained, report.comparison
    rows = []
    if comparison.metric is not None:
        c = comparison.metric
        rows.append((c.metric, f"{c.base:.1%}", f"{c.trained:.1%}", _interval(c.delta, c.low, c.high, "{:+.1%}")))
    for c in comparison.kinds:
        name = f"  {c.metric} ({c.items})"
        rows.append((name, f"{c.base:.1%}", f"{c.trained:.1%}", _interval(c.delta, c.low, c.high, "{:+.1%}")))
    if comparison.loss is not None:
        c = comparison.loss
        rows.append(
            ("held-out loss (nats/token)", f"{c.base:.4f}", f"{c.trained:.4f}", _interval(c.delta, c.low, c.high, "{:+.4f}"))
        )
        rows.append(("perplexity", _number(base.perplexity, "{:.4g}"), _number(trained.perplexity, "{:.4g}"), ""))
        rows.append(("bits per token", _number(base.bits_per_token), _number(trained.bits_per_token), ""))
    if base.latency and trained.latency:
        b, t = base.latency, trained.latency
        rows.append(
            ("seconds per answer, median", f"{b.p50_s:.3g}", f"{t.p50_s:.3g}", f"x {t.p50_s / b.p50_s:.2f}" if b.p50_s else "")
        )
        rows.append(
            (
                "  95th percentile",
                f"{b.p95_s:.3g}",
                f"{t.p95_s:.3g}",
                f"x {t.p95_s / b.p95_s:.2f}" if b.p95_s else "",
            )
        )
        rows.append(("tokens per answer", f"{b.new_tokens:.1f}", f"{t.new_tokens:.1f}", f"{t.new_tokens - b.new_tokens:+.1f}"))
        rows.append(
            (
                "answers cut at the limit",
                str(base.cut_answers),
                str(trained.cut_answers),
                f"{trained.cut_answers - base.cut_answers:+d}",
            )
        )
    return rows


def training_lines(training: Training) -> list[str]:
    """What was trained on and how it went, in sentences."""
    t = training
    ended = ""
    if t.stopped_early:
        ended = f", stopped early of {t.planned_steps}"
    elif t.steps != t.planned_steps:
        ended = f" of {t.planned_steps}"
    cut = f"; {t.cut_rows} rows were cut, by {t.cut_tokens} tokens" if t.cut_rows else ""
    asks = any(p.held_out_reward is not None for p in t.curve)
    most = "held-out reward was highest" if asks else "held-out loss was lowest"
    best = f" The weights of step {t.best_step}, where {most}, are kept." if t.best_step is not None else ""
    rows = (
        f"{t.rows} rows trained on, {t.held_out_rows} held out; {t.tokens:,} tokens in one pass, "
        f"{t.masked_share:.0%} of them context only{cut}."
    )
    if asks:
        rows = f"{t.rows} questions to ask, {t.held_out_rows} held out; learned from graded answers of its own."
    return [
        rows,
        f"{t.steps} steps{ended}, {t.seconds:.1f} s, {t.tokens_per_s:,.0f} tokens/s.{best}",
        f"{t.method}: {t.trainable:,} parameters trained over a model of {t.parameters:,}.",
    ]


def _interval(delta: float, low: float | None, high: float | None, form: str) -> str:
    text = form.format(delta)
    return f"{text} (too few to tell)" if low is None or high is None else f"{text} ({form.format(low)} to {form.format(high)})"


def _number(value: float | None, form: str = "{:.4f}") -> str:
    return "" if value is None else form.format(value)


def build(
    *,
    run: str,
    plan: Mapping[str, Any],
    base: Evaluation,
    trained: Evaluation,
    comparison: Comparison,
    metrics: Sequence[Mapping[str, Any]],
    best_step: int | None,
    stopped_early: bool,
    learned: Learned | None = None,
) -> Report:
    """Put a report together. plan: `Plan.to_json` as kept in the run folder; metrics: the lines of metrics.jsonl."""
    config = plan["config"]
    steps = [m for m in metrics if m["step"] > 0]
    seconds = sum(m["seconds"] for m in steps)
    return Report(
        run=run,
        recipe=config["recipe"],
        model=config["model"],
        data=config["data"],
        verdict=comparison.verdict,
        headline=verdict_sentence(comparison) + _doubt(learned),
        base=summarise(base),
        trained=summarise(trained),
        comparison=comparison,
        training=Training(
            **{k: plan[k] for k in _FROM_PLAN},
            method=config["method"],
            steps=len(steps),
            planned_steps=plan["steps"],
            best_step=best_step,
            stopped_early=stopped_early,
            seconds=seconds,
            tokens_per_s=sum(m["tokens"] for m in steps) / seconds if seconds else 0.0,
            curve=_curve(metrics),
        ),
        settings=tuple(Setting(key=d["key"], value=d["value"], why=d["why"]) for d in plan["derived"]),
        notes=tuple(plan["notes"]),
        warnings=(*plan["warnings"], *_unstopped(trained, config["method"])),
        next=what_next(run, comparison, config, held_out_rows=plan["held_out_rows"], learned=learned),
        learned=learned,
    )


def _doubt(learned: Learned | None) -> str:
    """What stands behind a verdict that may rest on a reward that was not earned."""
    if learned is None or learned.verdict in ("clean", "unknown"):
        return ""
    return " But the reward was gamed (below)." if learned.verdict == "gamed" else " But the reward may not be earned (below)."


def _unstopped(trained: Evaluation, method: str) -> list[str]:
    """Said where most graded answers run into the limit: the metric then judges what was cut."""
    answers = [a for i in trained.items for a in i.answers if a.score is not None]
    cut = sum(a.stop_reason == "length" for a in answers)
    if 2 * cut <= len(answers):
        return []
    other = ", or with method=full: an adapter does not change the embedding of a stop token that the base never saw"
    return [
        f"{cut} of {len(answers)} answers of the trained model reach the limit of {trained.limit_tokens} tokens without "
        "stopping: either answers are longer (raise eval_tokens), or the model has not learned to stop (train for more steps"
        f"{other if method == 'lora' else ''})"
    ]


_FROM_PLAN = (
    "rows", "held_out_rows", "tokens", "target_tokens", "masked_share", "cut_rows", "cut_tokens", "parameters", "trainable"
)  # fmt: skip


def _curve(metrics: Sequence[Mapping[str, Any]]) -> tuple[Point, ...]:
    """At most CURVE_POINTS steps and as many measurements of held-out loss, each evenly spread, the first and the last
    among them."""
    lines = list(metrics)
    measured = [i for i, m in enumerate(lines) if m.get("held_out_loss", m.get("held_out_reward")) is not None]
    return tuple(
        Point(
            step=lines[i]["step"],
            loss=lines[i].get("loss"),
            held_out_loss=lines[i].get("held_out_loss"),
            learning_rate=lines[i].get("learning_rate"),
            reward=lines[i].get("reward"),
            held_out_reward=lines[i].get("held_out_reward"),
        )
        for i in sorted({*_spread(range(len(lines))), *_spread(measured)})
    )


def _spread(indices: Sequence[int]) -> list[int]:
    """At most CURVE_POINTS of them, evenly, both ends included."""
    last = len(indices) - 1
    if last < CURVE_POINTS:
        return list(indices)
    return [indices[round(k * last / (CURVE_POINTS - 1))] for k in range(CURVE_POINTS)]


def write(report: Report, folder: Path) -> None:
    """`report.json` and `report.md` in a run folder."""
    write_json(folder / "report.json", report.to_json())
    atomic_write_bytes(folder / "report.md", report.to_markdown().encode())


def read(folder: Path) -> Report | None:
    """The report of a run folder, if it was written."""
    path = folder / "report.json"
    return Report.from_json(read_json(path)) if path.is_file() else None
