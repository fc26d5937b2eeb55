"""Plans, reports and certificates as a terminal shows them. Each function returns what is printed, top to bottom.

Everything that comes from data, models or paths goes through `visible`. Colour only repeats what the words say.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rich import box
from rich.console import RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from burnish.cli.screen import one_line, visible
from burnish.cli.words import count, duration, percent, significant, size
from burnish.evals.compare import Pair
from burnish.evals.sentences import method_sentence
from burnish.evals.summary import Summary
from burnish.recipes.grpo import GRPO
from burnish.runs.certificate import Certificate
from burnish.runs.learned import Learned, explained, reading_rows
from burnish.runs.onward import Next
from burnish.runs.plan import Plan
from burnish.runs.report import Report, before_after, training_lines

SHOWN = 2
"""Answers shown of each kind."""
STYLE = {"better": "bold green", "worse": "bold red", "no measurable difference": "bold yellow"}


def heading(text: str) -> Text:
    """The title of a section."""
    return Text("\n" + text, style="bold")


def indented(part: RenderableType) -> Padding:
    """A part of a section."""
    return Padding(part, (0, 0, 0, 2), expand=False)


def grid(rows: Iterable[tuple[str, str]]) -> Padding:
    """Names and what belongs to them, without lines."""
    table = Table.grid(padding=(0, 2))
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    for name, words in rows:
        table.add_row(name, Text(visible(words)))
    return indented(table)


def columns(heads: Sequence[str], rows: Iterable[Sequence[str]], *, numbers: Sequence[int] = ()) -> Padding:
    """A table; the columns in `numbers` are set to the right."""
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, header_style="dim", padding=(0, 2, 0, 0))
    for index, head in enumerate(heads):
        table.add_column(
            head, justify="right" if index in numbers else "left", no_wrap=index in numbers or index == 0, overflow="fold"
        )
    for row in rows:
        table.add_row(*(Text(visible(cell)) for cell in row))
    return indented(table)


def bullets(lines: Iterable[str], mark: str = "·", style: str = "dim") -> list[RenderableType]:
    """Sentences, one a line, hanging under their marks."""
    found: list[RenderableType] = []
    for line in lines:
        table = Table.grid(padding=(0, 1))
        table.add_column(no_wrap=True)
        table.add_column(overflow="fold")
        table.add_row(Text(mark, style=style), Text(visible(line)))
        found.append(indented(table))
    return found


# -- plan -----------------------------------------------------------------------------------------------------------------


def plan_view(plan: Plan) -> list[RenderableType]:
    """What a run would do and cost."""
    config = plan.config
    model = f"{count(plan.parameters)} parameters, {count(plan.trainable)} trained"
    tokens = f"{count(plan.tokens)} in one pass, {count(plan.target_tokens)} learned ({percent(plan.masked_share)} context only)"
    if plan.cut_rows:
        tokens += f"; {count(plan.cut_rows)} rows are cut, by {count(plan.cut_tokens)} tokens"
    parts_s = f"training {duration(plan.train_s)} ({count(plan.tokens_per_s)} tokens/s), measuring {duration(plan.evaluate_s)}"
    steps = f"{count(plan.steps)} steps, {count(plan.total_tokens)} tokens in all"
    if isinstance(config, GRPO):
        each = f"each {config.batch} questions answered {config.group} times"
        steps = f"{count(plan.steps)} steps, {each}; about {count(plan.total_tokens)} tokens in all"
        tokens = f"the rows' own answers are measured with, and not learned from ({count(plan.target_tokens)} in all)"
    saved = ""
    if plan.saved_bytes:
        saved = f"; the model takes {size(plan.weights_bytes)} of it in {config.quantize}, {size(plan.saved_bytes)} less"
    facts = [
        ("model", f"{plan.model}: {model} ({percent(plan.trainable / plan.parameters)}, {config.method})"),
        ("rows", f"{count(plan.rows)} to train on, {count(plan.held_out_rows)} held out ({plan.format})"),
        ("tokens", tokens),
        ("steps", steps),
        ("time", f"about {duration(plan.total_s)}: {parts_s}"),
        ("memory", f"about {size(plan.memory_bytes)}{saved}"),
        ("disk", f"about {size(plan.disk_bytes)}"),
        ("engine", ", ".join(f"{name.replace('_', ' ')} {setting(value)}" for name, value in plan.choices.items())),
    ]
    parts: list[RenderableType] = [heading("Plan"), grid(facts), heading("Settings that were derived")]
    parts.append(columns(("setting", "value", "why"), [(d.key, setting(d.value), d.why) for d in plan.derived]))
    if plan.notes:
        parts += [heading("Data"), *bullets(plan.notes)]
    if plan.warnings:
        parts += [heading("Look at this"), *bullets(plan.warnings, "!", "yellow")]
    return [*parts, Text()]


def setting(value: object) -> str:
    """A setting's value as it would be typed."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return significant(value)
    if isinstance(value, (list, tuple)):
        return ",".join(map(str, value))
    return str(value)


# -- report ---------------------------------------------------------------------------------------------------------------


VERDICT = {"clean": "green", "unknown": "yellow", "suspicious": "bold yellow", "gamed": "bold red"}


def learned_view(learned: Learned) -> list[RenderableType]:
    """What a run that learned from its own answers did beyond its score."""
    said = Text(visible(f"{learned.verdict}: {learned.said}"), style=VERDICT[learned.verdict])
    parts: list[RenderableType] = [heading("Was the reward earned?"), indented(said)]
    if learned.verdict != "clean":
        rows = [(f.monitor, f.title, f.level, f.words) for f in learned.monitors]
        parts.append(columns(("", "monitor", "level", "what it saw"), rows))
    if learned.readings:
        parts.append(heading("Other readings"))
        parts.append(columns(("", "base", "trained", "change (95 %)"), reading_rows(learned), numbers=(1, 2)))
        parts += bullets([explained(learned)])
    if learned.habits:
        parts += [heading("What it does differently"), *bullets(learned.habits)]
    return parts


def report_view(report: Report, width: int) -> list[RenderableType]:
    """Before and after, what changed, and answers side by side."""
    comparison, told = report.comparison, report.learned
    doubt = told is not None and told.verdict in ("suspicious", "gamed")
    parts: list[RenderableType] = [
        heading("Before and after, on held-out rows"),
        columns(("", "base", "trained", "change (95 %)"), before_after(report), numbers=(1, 2)),
        indented(Text(visible(report.headline), style="bold yellow" if doubt else STYLE[report.verdict])),
        Text(),
        *bullets(map(method_sentence, comparison.changes)),
    ]
    if comparison.errors:
        parts += bullets(
            [f"the grader could not judge {comparison.errors} answers; they count neither as right nor as wrong"], "!", "yellow"
        )
    shown = [("Where it got better", comparison.improved), ("Where it got worse", comparison.worsened)]
    if not comparison.improved and not comparison.worsened:
        shown = [("Side by side", comparison.side_by_side)]
    for title, pairs in shown:
        if pairs:
            parts.append(heading(title))
            parts += [pair_view(p, width) for p in pairs[:SHOWN]]
    if report.learned is not None:
        parts += learned_view(report.learned)
    parts += [heading("Training"), *bullets(training_lines(report.training))]
    if report.warnings:
        parts += [heading("Look at this"), *bullets(report.warnings, "!", "yellow")]
    return parts


def pair_view(pair: Pair, width: int) -> RenderableType:
    """One held-out row with both answers."""
    room = max(width - 14, 20)
    table = Table.grid(padding=(0, 2))
    table.add_column(style="dim", no_wrap=True)
    table.add_column(no_wrap=True)
    table.add_row(f"line {pair.line}", Text(one_line(pair.prompt, room), style="bold"))
    answers = [("base", pair.base), ("trained", pair.trained), ("wanted", pair.reference)]
    for name, answer in answers:
        if answer is not None:
            table.add_row(name, Text(one_line(answer.strip(), room) or "(nothing)"))
    if pair.base is None and pair.base_loss is not None and pair.trained_loss is not None:
        table.add_row("loss", Text(f"{pair.base_loss:.3f} to {pair.trained_loss:.3f} nats/token"))
    return Padding(table, (0, 0, 1, 2), expand=False)


def certificate_view(certificate: Certificate, *, brief: bool = False) -> list[RenderableType]:
    """What was checked on the trained model; brief: where all of it passes, without what was found."""
    if brief and all(audit.passed for audit in certificate.audits):
        names = ", ".join(audit.name for audit in certificate.audits)
        return [heading("Certificate"), grid([("pass", f"{names} (`burnish show {certificate.run}` has what was found)")])]
    marks = {True: ("pass", "green"), False: ("FAIL", "bold red"), None: ("not checked", "yellow")}
    table = Table.grid(padding=(0, 2))
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for audit in certificate.audits:
        word, style = marks[audit.passed]
        table.add_row(Text(word, style=style), audit.name, Text(visible(audit.detail), style="dim"))
    return [heading("Certificate"), indented(table)]


def next_view(steps: Iterable[Next], width: int) -> list[RenderableType]:
    """What to type next, in lines that can be copied; a reason that does not fit beside its command stands below it."""
    told = [(visible(step.command), visible(step.why)) for step in steps]
    room = max((len(command) for command, _ in told), default=0)
    lines: list[RenderableType] = []
    for command, why in told:
        beside = f"  # {why}"
        fits = 2 + room + len(beside) <= width
        shown = ("  ", (f"{command:<{room}}" if fits else command, "cyan"), (beside if fits else "", "dim"))
        lines.append(Text.assemble(*shown, no_wrap=True, overflow="ignore"))
        if not fits:
            lines.append(Padding(Text(f"# {why}", style="dim"), (0, 0, 0, 6)))
    return [heading("What to type next"), *lines, Text()]


def summary_view(name: str, summary: Summary) -> list[RenderableType]:
    """One measurement."""
    rows = [("rows", count(summary.items))]
    if summary.loss is not None and summary.perplexity is not None:
        bits = f", {summary.bits_per_token:.3f} bits per token" if summary.bits_per_token is not None else ""
        rows.append(("loss", f"{summary.loss:.4f} nats per target token (perplexity {significant(summary.perplexity)}{bits})"))
    if summary.value is not None:
        interval = (
            " (too few for an interval)"
            if summary.low is None or summary.high is None
            else f" (95 % interval {percent(summary.low)} to {percent(summary.high)})"
        )
        rows.append((summary.metric or "score", f"{percent(summary.value)}{interval} of {summary.graded} answers"))
    if summary.marks:
        rows.append(("of these", ", ".join(f"{mark} {number}" for mark, number in summary.marks.items())))
    if summary.errors:
        rows.append(("not judged", f"{summary.errors} answers, in no mean"))
    if summary.faults:
        rows.append(("not measured", f"{summary.faults} rows"))
    if summary.latency is not None:
        latency = summary.latency
        speed = f"{latency.p50_s:.3g} s median, {latency.p95_s:.3g} s 95th percentile"
        rows.append(("answers", f"{speed}, {latency.new_tokens:.1f} tokens in the mean"))
        rows.append(("cut", f"{summary.cut_answers} answers reached the token limit"))
    return [heading(name), grid(rows)]
