"""From a data file to training sequences: read, split, render, check; nothing is left out in silence.

No model runs here. The result is what `plan` costs and `run` trains on, with fingerprints by which a resumed run knows that it
is the same.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, time
from pathlib import Path

from burnish import connect
from burnish.errors import BurnishError, ConfigError, DataError, NothingTrained
from burnish.protocols import Grader
from burnish.recipes.grpo import GRPO
from burnish.recipes.training import Training
from burnish.render.extend import Extension, NewToken
from burnish.render.renderer import Rendered, Renderer
from burnish.runs import vocabulary
from burnish.runs.judges import judged
from burnish.runs.side import Side, shuffled, side_of, split_long
from burnish.runs.streamed import Choice, choose, stream
from burnish.store.models import ModelRef
from burnish.store.tokenrows import row_bytes
from burnish.tasks import graders, ready, rehearsal, sources
from burnish.tasks.check import Finding, Findings, check
from burnish.tasks.environment import Setting
from burnish.tasks.leaks import find_leaks
from burnish.tasks.repeats import SHOWN_LINES
from burnish.tasks.rows import BadRow
from burnish.tasks.sources import Source
from burnish.tasks.split import VALID_ROWS, VALID_SHARE, split
from burnish.tasks.task import Task
from burnish.types import Example, asks_only

LEAST_APART = 24
"""Held-out rows from which on those that a step is chosen by are others than those that are reported."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """A data file ready to train on."""

    train: Side
    rehearsed: int
    """how many of these, at their end, are texts to rehearse: no answers, and not the user's rows"""
    valid: Side
    """what the best step is chosen by; in a fixed shuffled order, so that the first n rows are a fair sample"""
    test: Side | None
    """what is measured before and after, in an order whose first n rows hold the kinds of questions evenly; None = the validation
    rows, which a plain file has to do with"""
    extension: Extension | None = None
    """new tokens that the base's files do not have"""
    renderer: Renderer
    """of what is measured. limit_tokens, which is derived from what is trained on, cuts no test row: else a resumed run would
    measure others than it began with"""
    format: str
    streamed: bool
    """whether the training rows are on disk; what is measured never is"""
    streamed_why: str
    grader: Grader | None
    grader_why: str
    audit: Grader | None
    """that of the task, where the task's own grader is used"""
    setting: Setting | None = None
    """of the task: in which answers are found, over several turns"""
    valid_share: float | None
    """of the rows that were held out; None with a validation file of its own"""
    max_positions: int
    findings: Findings
    notes: tuple[str, ...]
    warnings: tuple[str, ...]
    fingerprints: dict[str, str]
    """sha256 of the data files, of all tokens and weights made of them, and the model's fingerprint"""
    bad: tuple[BadRow, ...]
    """rows of the training file, and of that to rehearse, that were skipped, as asked; of rows on disk the first thousand"""
    left_out: tuple[tuple[Example, Rendered], ...]
    """rows that were read and cannot be trained on or measured; `Rendered.fault` says why. Of rows on disk the first"""
    refusal: BurnishError | None
    """why nothing may be trained on this; None = it may"""

    @property
    def new_ids(self) -> tuple[int, ...]:
        """Of new tokens, whose rows are trained beside an adapter."""
        return self.extension.ids if self.extension else ()

    @property
    def taught(self) -> Side:
        """The training rows without the texts to rehearse."""
        return self.train.head(len(self.train.data) - self.rehearsed)

    @property
    def measured(self) -> Side:
        """The rows on which base and trained model are compared."""
        return self.valid if self.test is None else self.test


@dataclass(frozen=True, slots=True, kw_only=True)
class _Renderers:
    """How rows become tokens."""

    renderer: Renderer
    """cuts rows at `limit` tokens"""
    whole: Renderer
    limit: int
    max_positions: int
    extension: Extension | None
    notes: tuple[str, ...]
    """about new tokens, and about the tokenizer"""

    @property
    def new(self) -> tuple[NewToken, ...]:
        return self.extension.tokens if self.extension else ()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sides:
    """What both ways of preparing make, in memory and on disk."""

    train: Side
    text: Side
    valid: Side
    test: Side | None
    renderer: Renderer
    extension: Extension | None
    format: str
    valid_share: float | None
    findings: Findings
    unseen: tuple[str, ...]
    """warnings about new tokens that no row teaches"""
    notes: tuple[str, ...]
    train_notes: tuple[str, ...]
    """of the training rows alone"""
    valid_notes: tuple[str, ...]
    """of those that are measured"""
    bad: tuple[BadRow, ...]
    left_out: tuple[tuple[Example, Rendered], ...]
    fingerprints: dict[str, str]


def prepare(config: Training, ref: ModelRef, *, refuse: bool = True, say: Callable[[str], None] = lambda text: None) -> Prepared:
    """Read and render the data of a config for the model `ref`. refuse: raise what must not be trained on, else keep it as
    `Prepared.refusal`, for who wants to look at the rows. say: is told how far rows are that are streamed.

    Raises DataError for data that cannot be read, TemplateError for a model whose template cannot be masked safely,
    NothingTrained when no row is left to train on, DiskFull where rows are streamed and do not fit.
    """
    named = ready.find(config.data)
    task = None if named is None else judged(named)
    if task is not None and (config.valid is not None or config.valid_share is not None or config.map):
        raise ConfigError(f"the task {task.name} brings its own splits", todo="leave valid, valid_share and map out")
    if config.valid is not None and config.valid_share is not None:
        raise ConfigError("valid and valid_share contradict each other", todo="give one of them")
    choice = choose(config, task=task is not None)
    sides = _from_disk(config, ref, choice, say) if choice.streamed else _in_memory(config, ref, task)
    refusal = _refusal(sides)
    if refusal is not None and refuse:
        raise refusal
    grader, why = _grader(config, task, sides.valid)
    return Prepared(
        train=sides.train + sides.text if sides.text.data else sides.train,
        rehearsed=len(sides.text.data),
        valid=sides.valid,
        test=sides.test,
        extension=sides.extension,
        renderer=sides.renderer,
        format=sides.format,
        streamed=choice.streamed,
        streamed_why=choice.why,
        grader=grader,
        grader_why=why,
        audit=task.audit if task is not None and grader is task.grader else None,
        setting=None if task is None else task.environment,
        valid_share=sides.valid_share,
        max_positions=connect.max_positions(ref),
        findings=sides.findings,
        notes=(*sides.notes, *_unread(config, choice)),
        warnings=(*sides.findings.warnings, *sides.unseen),
        bad=sides.bad,
        left_out=sides.left_out,
        refusal=refusal,
        fingerprints={**sides.fingerprints, **vocabulary.digest(config), "model": ref.fingerprint},
    )


def _unread(config: Training, choice: Choice) -> list[str]:
    """Notes on settings that are given and have no effect. It may not be an error: whether rows are streamed is derived."""
    if config.window == Training.model_fields["window"].default or (choice.streamed and config.order == "shuffled"):
        return []
    why = 'order = "file"' if choice.streamed else f"the rows are in memory, not streamed ({choice.why})"
    return [f"window = {config.window:,} is not read: {why}"]


def _from_disk(config: Training, ref: ModelRef, choice: Choice, say: Callable[[str], None]) -> _Sides:
    """Training rows that are never all in memory; those that are measured are."""
    rendering = _renderers(config, ref)
    renderer, name = rendering.renderer, Path(config.data).name
    notes = [f"{name} is streamed: {choice.why}"]
    held, prints = None, {}
    if config.valid is not None:
        source = _of_file(config, config.valid)
        notes += _valid_notes(source)
        prints["valid"] = source.sha256
        held = shuffled(source.examples, config.seed)
    found = stream(config, held, prints.get("valid", ""), renderer, rendering.whole, say, new=rendering.new)
    examples = found.valid if held is None else held
    rows = [renderer.render(e) for e in examples]
    valid, valid_notes = side_of(examples, rows, "validation")
    left_out = [*found.left_out, *(e for e, r in zip(examples, rows, strict=True) if r.fault)]
    notes = [f"{name}: {found.rows} rows, {found.format}", *notes, *found.notes]
    notes += [*rendering.notes, *found.train_notes, *valid_notes]
    if found.train.sizes.rows > config.window and config.order == "shuffled":
        notes.append(f"rows are shuffled in windows of {config.window:,}")
    return _Sides(
        train=found.train,
        text=Side.of((), ()),
        valid=valid,
        test=None,
        renderer=renderer,
        extension=rendering.extension,
        format=found.format,
        valid_share=found.valid_share,
        findings=found.findings,
        unseen=tuple(vocabulary.unseen(rendering.new, found.met)),
        notes=tuple(notes),
        train_notes=found.train_notes,
        valid_notes=tuple(valid_notes),
        bad=found.bad,
        left_out=tuple((e, renderer.render(e)) for e in left_out),
        fingerprints={"data": found.data_sha256, **prints, "rows": found.rows_sha256},
    )


def _in_memory(config: Training, ref: ModelRef, task: Task | None) -> _Sides:
    source = _of_task(task) if task else _of_file(config, config.data)
    bad = source.bad
    notes = [f"{sources.title(config.data)}: {len(source.examples)} rows, {source.format}", *source.notes]
    fingerprints = {"data": source.sha256}
    test: Sequence[Example] | None = None
    if task is not None:
        notes.append(f"{len(task.valid)} rows to choose the best step by, {len(task.test)} to measure on")
        train, valid, test, share = task.train, task.valid, task.test, None
    elif config.valid is not None:
        held = _of_file(config, config.valid)
        notes += _valid_notes(held)
        fingerprints["valid"] = held.sha256
        train, valid, share = source.examples, held.examples, None
    else:
        share = config.valid_share or min(VALID_SHARE, VALID_ROWS / len(source.examples))
        sides = split(source.examples, fraction=share, seed=config.seed)
        notes += sides.notes
        train, valid = sides.train, sides.valid
    asks = isinstance(config, GRPO)
    if not asks:
        _insist_on_answers(config, train, valid, test or ())
    if asks and test is None and len(valid) >= LEAST_APART:
        valid = shuffled(
            valid, config.seed
        )  # the best step is chosen by answers, so that it is better than it seems on these rows
        test, valid = valid[1::2], valid[::2]
        notes.append(f"of the held-out rows {len(valid)} are chosen by and {len(test)} others measured")
    rehearsed: Sequence[Example] = ()
    if config.rehearse is not None:
        texts = rehearsal.read(config.rehearse, skip_bad_rows=config.skip_bad_rows)
        notes += [f"{sources.title(config.rehearse)}: {len(texts.examples)} texts to rehearse, {texts.format}", *texts.notes]
        fingerprints["rehearse"] = texts.sha256
        rehearsed, bad = texts.examples, (*bad, *texts.bad)
        if config.order == "file":
            raise ConfigError(
                "texts to rehearse are mixed among the rows, which stand as in the file",
                seen='rehearse, and order = "file"',
                todo="leave one of them out, or put the texts into the file",
            )

    rendering = _renderers(config, ref)
    renderer, limit = rendering.renderer, rendering.limit
    notes += rendering.notes
    valid = shuffled(valid, config.seed)
    if config.long_rows == "split":
        train, whole = _split_long(train, rendering.whole, limit)
        rendered = whole, [renderer.render(e) for e in valid]
    else:
        rendered = _rendered(renderer, train, asks=asks), _rendered(renderer, valid, asks=asks)
    rehearsed, texts_rendered = _split_long(rehearsed, rendering.whole, limit)
    findings = check(train, valid, *rendered, renderer.tokenizer)
    train_side, train_notes = side_of(train, rendered[0], "training")
    valid_side, valid_notes = side_of(valid, rendered[1], "validation")
    test_side = None
    if test is not None:
        test = ready.evenly(shuffled(test, config.seed))
        renderer = Renderer(renderer.tokenizer, limit_tokens=rendering.max_positions, now=renderer.template.now)
        test_side, test_notes = side_of(test, _rendered(renderer, test, asks=asks), "test")
        valid_notes += test_notes
        findings = _with_leaks(findings, train, test, "a training row")
    text_side, text_notes = side_of(rehearsed, texts_rendered, "rehearsed")
    findings = _with_leaks(findings, rehearsed, valid if test is None else test, "a text to rehearse")
    notes += [*train_notes, *text_notes, *valid_notes]
    met = vocabulary.met(rendering.new, (*train_side.rendered, *text_side.rendered))
    left_out = (
        (e, r)
        for es, rs in ((train, rendered[0]), (rehearsed, texts_rendered), (valid, rendered[1]))
        for e, r in zip(es, rs, strict=True)
        if r.fault
    )
    return _Sides(
        train=train_side,
        text=text_side,
        valid=valid_side,
        test=test_side,
        renderer=renderer,
        extension=rendering.extension,
        format=source.format,
        valid_share=share,
        findings=findings,
        unseen=tuple(vocabulary.unseen(rendering.new, met)),
        notes=tuple(notes),
        train_notes=tuple(train_notes),
        valid_notes=tuple(valid_notes),
        bad=bad,
        left_out=tuple(left_out),
        fingerprints={**fingerprints, "rows": _digest(train_side, text_side, valid_side)},
    )


def _renderers(config: Training, ref: ModelRef) -> _Renderers:
    max_positions = connect.max_positions(ref)
    if config.limit_tokens is not None and config.limit_tokens > max_positions:
        raise ConfigError(
            "limit_tokens is beyond what the model was made for",
            seen=f"{config.limit_tokens} tokens, {max_positions} positions",
            todo=f"set limit_tokens to at most {max_positions}",
        )
    tokenizer, extension, notes = vocabulary.vocabulary_of(config, ref)
    noon = None if config.date is None else datetime.combine(config.date, time(12))
    limit = config.limit_tokens or max_positions
    whole = Renderer(tokenizer, now=noon)
    renderer = Renderer(tokenizer, limit_tokens=limit, now=noon)
    return _Renderers(
        renderer=renderer,
        whole=whole,
        limit=limit,
        max_positions=max_positions,
        extension=extension,
        notes=(*notes, *tokenizer.notes),
    )


def _refusal(sides: _Sides) -> BurnishError | None:
    """Why nothing may be trained on these rows."""
    if not sides.train.data:
        return NothingTrained(
            "no row is left to train on",
            seen="; ".join(sides.train_notes),
            todo="raise limit_tokens, or look at the rows with `burnish data check`",
        )
    if not sides.valid.data:
        return DataError(
            "no row is left to validate on", seen="; ".join(sides.valid_notes), todo="give other rows with --valid FILE"
        )
    if sides.findings.errors:
        return DataError(
            "the rows would teach the wrong thing",
            seen=" | ".join(sides.findings.errors),
            todo="mend them; `burnish data check` shows them",
        )
    return None


def _grader(config: Training, task: Task | None, valid: Side) -> tuple[Grader | None, str]:
    if task is not None and config.grader in (None, task.grader.name):
        return task.grader, f"of the task {task.name}"
    if config.grader is None:
        return graders.choose(valid.examples)
    return (None if config.grader == "none" else graders.get(config.grader)), "as asked"


def _valid_notes(source: Source) -> list[str]:
    return [f"{sources.title(str(source.path))}: {len(source.examples)} rows to validate on, {source.format}", *source.notes]


def _of_task(task: Task) -> Source:
    rows = len(task.train)
    title = f"the task {task.name!r}"
    return Source(path=Path(task.name), examples=task.train, format=title, notes=(), bad=(), rows=rows, sha256=ready.sha256(task))


def _of_file(config: Training, path: str) -> Source:
    questions = isinstance(config, GRPO)
    return sources.read(path, mapping=config.map or None, skip_bad_rows=config.skip_bad_rows, questions=questions)


def _rendered(renderer: Renderer, examples: Sequence[Example], *, asks: bool) -> list[Rendered]:
    """asks: the run draws its own answers, so that a row which only asks is not at fault."""
    return [renderer.question(e) if asks and asks_only(e) else renderer.render(e) for e in examples]


def _insist_on_answers(config: Training, *sides: Sequence[Example]) -> None:
    """Raises DataError for a task whose rows only ask, where answers are to be trained on."""
    lacking = [e for side in sides for e in side if asks_only(e)]
    if lacking:
        lines = ", ".join(str(e.line) for e in lacking[:8]) + (f" and {len(lacking) - 8} more" if len(lacking) > 8 else "")
        raise DataError(
            f"the recipe {config.recipe} trains on answers, and rows of {config.data} only ask",
            seen=f"{len(lacking)} of {sum(map(len, sides))} rows end with the user's message: lines {lines}",
            todo="learn from graded answers with --recipe grpo, or add the answers as last messages of the assistant",
        )


def _with_leaks(findings: Findings, train: Sequence[Example], measured: Sequence[Example], where: str) -> Findings:
    """The findings, with what is measured and stands in what is trained on (`where` names one of that) among them."""
    leaks = find_leaks(train, measured)
    found = list(findings.findings)
    for name, near, what in (
        ("leaks", False, f"also stand in {where}"),
        ("near_leaks", True, f"share long runs of words with {where}"),
    ):
        lines = sorted(measured[leak.valid].line for leak in leaks if (leak.kind != "prompt") == near)
        if lines:
            found.append(
                Finding(
                    severity="warning",
                    name=name,
                    side="valid",
                    count=len(lines),
                    text=f"{len(lines)} of {len(measured)} prompts that are measured {what}",
                    lines=tuple(lines[:SHOWN_LINES]),
                    remedy="the measured gain is partly memory",
                )
            )
    return replace(findings, findings=tuple(sorted(found, key=lambda f: ("error", "warning", "note").index(f.severity))))


def _digest(*sides: Side) -> str:
    """sha256 over every token and weight: whatever changes them (data, template, tokenizer, settings) changes it."""
    found = hashlib.sha256()
    for side in sides:
        for row in side.rendered:
            found.update(row_bytes(row.ids, row.weights))
    return found.hexdigest()


def _split_long(examples: Sequence[Example], renderer: Renderer, limit: int) -> tuple[list[Example], list[Rendered]]:
    """The parts of each text, and the text that each part is of."""
    found = [(example, part) for example in examples for part in split_long(example, renderer, limit)]
    return [e for e, _ in found], [r for _, r in found]
