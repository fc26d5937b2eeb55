"""From a data file to training sequences: read, split, render, check; nothing is left out in silence.

No model runs here. The result is what `plan` costs and `run` trains on, with fingerprints by which a resumed run knows that it
is the same.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, time
from pathlib import Path

import numpy as np

from burnish.engine.families import read_arch
from burnish.errors import BurnishError, ConfigError, DataError, NothingTrained
from burnish.protocols import Grader
from burnish.recipes.training import Training
from burnish.render.extend import Extension
from burnish.render.renderer import Rendered, Renderer
from burnish.runs import vocabulary
from burnish.store.atomic import read_json
from burnish.store.models import ModelRef
from burnish.tasks import graders, ready, rehearsal, sources
from burnish.tasks.check import SHOWN_LINES, Finding, Findings, check
from burnish.tasks.leaks import find_leaks
from burnish.tasks.rows import BadRow
from burnish.tasks.sources import Source
from burnish.tasks.split import VALID_ROWS, VALID_SHARE, split
from burnish.tasks.task import Task
from burnish.types import Datum, Example


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """Training or validation rows that carry loss: the examples, as rendered, and as Datums with each token's own weight."""

    examples: tuple[Example, ...]
    rendered: tuple[Rendered, ...]
    data: tuple[Datum, ...]

    def __add__(self, other: Side) -> Side:
        """The rows of both, this side's first."""
        return Side(
            examples=(*self.examples, *other.examples), rendered=(*self.rendered, *other.rendered), data=(*self.data, *other.data)
        )

    def head(self, n: int) -> Side:
        """The first n rows."""
        return Side(examples=self.examples[:n], rendered=self.rendered[:n], data=self.data[:n])

    @property
    def tokens(self) -> int:
        return sum(len(r.ids) for r in self.rendered)

    @property
    def target_tokens(self) -> int:
        return sum(int((d.streams["weights"] > 0).sum()) for d in self.data)

    @property
    def cut_tokens(self) -> int:
        """Tokens beyond the longest length."""
        return sum(r.truncated for r in self.rendered)


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
    grader: Grader | None
    grader_why: str
    valid_share: float | None
    """of the rows that were held out; None with a validation file of its own"""
    max_positions: int
    findings: Findings
    notes: tuple[str, ...]
    warnings: tuple[str, ...]
    fingerprints: dict[str, str]
    """sha256 of the data files, of all tokens and weights made of them, and the model's fingerprint"""
    bad: tuple[BadRow, ...]
    """rows of the training file, and of that to rehearse, that were skipped, as asked"""
    left_out: tuple[tuple[Example, Rendered], ...]
    """rows that were read and cannot be trained on or measured; `Rendered.fault` says why"""
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


def prepare(config: Training, ref: ModelRef, *, refuse: bool = True) -> Prepared:
    """Read and render the data of a config for the model `ref`. refuse: raise what must not be trained on, else keep it as
    `Prepared.refusal`, for who wants to look at the rows.

    Raises DataError for data that cannot be read, TemplateError for a model whose template cannot be masked safely,
    NothingTrained when no row is left to train on.
    """
    task = ready.find(config.data)
    source = _of_task(task) if task else _of_file(config)
    bad = source.bad
    notes = [f"{Path(config.data).name}: {len(source.examples)} rows, {source.format}", *source.notes]
    fingerprints = {"data": source.sha256, "model": ref.fingerprint}
    test: Sequence[Example] | None = None
    if task is not None:
        if config.valid is not None or config.valid_share is not None or config.map:
            raise ConfigError(f"the task {task.name} brings its own splits", todo="leave valid, valid_share and map out")
        notes.append(f"{len(task.valid)} rows to choose the best step by, {len(task.test)} to measure on")
        train, valid, test, share = task.train, task.valid, task.test, None
    elif config.valid is not None:
        if config.valid_share is not None:
            raise ConfigError("valid and valid_share contradict each other", todo="give one of them")
        held = sources.read(config.valid, mapping=config.map or None, skip_bad_rows=config.skip_bad_rows)
        notes += [f"{Path(config.valid).name}: {len(held.examples)} rows to validate on, {held.format}", *held.notes]
        fingerprints["valid"] = held.sha256
        train, valid, share = source.examples, held.examples, None
    else:
        share = config.valid_share or min(VALID_SHARE, VALID_ROWS / len(source.examples))
        sides = split(source.examples, fraction=share, seed=config.seed)
        notes += sides.notes
        train, valid = sides.train, sides.valid
    rehearsed: Sequence[Example] = ()
    if config.rehearse is not None:
        texts = rehearsal.read(config.rehearse, skip_bad_rows=config.skip_bad_rows)
        notes += [f"{Path(config.rehearse).name}: {len(texts.examples)} texts to rehearse, {texts.format}", *texts.notes]
        fingerprints["rehearse"] = texts.sha256
        rehearsed, bad = texts.examples, (*bad, *texts.bad)
        if config.order == "file":
            raise ConfigError(
                "texts to rehearse are mixed among the rows, which stand as in the file",
                seen='rehearse, and order = "file"',
                todo="leave one of them out, or put the texts into the file",
            )

    max_positions = read_arch(read_json(ref.base / "config.json")).max_positions
    if config.limit_tokens is not None and config.limit_tokens > max_positions:
        raise ConfigError(
            "limit_tokens is beyond what the model was made for",
            seen=f"{config.limit_tokens} tokens, {max_positions} positions",
            todo=f"set limit_tokens to at most {max_positions}",
        )
    tokenizer, extension, remarks = vocabulary.vocabulary_of(config, ref)
    fingerprints |= vocabulary.digest(config)
    notes += [*remarks, *tokenizer.notes]
    noon = None if config.date is None else datetime.combine(config.date, time(12))
    limit = config.limit_tokens or max_positions
    renderer = Renderer(tokenizer, limit_tokens=limit, now=noon)
    valid = _shuffled(valid, config.seed)
    if config.long_rows == "split":
        train, whole = _split_long(train, Renderer(tokenizer, now=noon), limit)
        rendered = whole, [renderer.render(e) for e in valid]
    else:
        rendered = [renderer.render(e) for e in train], [renderer.render(e) for e in valid]
    rehearsed, texts_rendered = _split_long(rehearsed, Renderer(tokenizer, now=noon), limit)
    findings = check(train, valid, *rendered, tokenizer)
    train_side, train_notes = _side(train, rendered[0], "training")
    valid_side, valid_notes = _side(valid, rendered[1], "validation")
    test_side = None
    if test is not None:
        test = ready.evenly(_shuffled(test, config.seed))
        renderer = Renderer(tokenizer, limit_tokens=max_positions, now=renderer.template.now)
        test_side, test_notes = _side(test, [renderer.render(e) for e in test], "test")
        valid_notes += test_notes
        findings = _with_leaks(findings, train, test, "a training row")
    text_side, text_notes = _side(rehearsed, texts_rendered, "rehearsed")
    findings = _with_leaks(findings, rehearsed, valid if test is None else test, "a text to rehearse")
    notes += [*train_notes, *text_notes, *valid_notes]
    refusal: BurnishError | None = None
    if not train_side.data:
        refusal = NothingTrained(
            "no row is left to train on",
            seen="; ".join(train_notes),
            todo="raise limit_tokens, or look at the rows with `burnish data check`",
        )
    elif not valid_side.data:
        refusal = DataError(
            "no row is left to validate on", seen="; ".join(valid_notes), todo="give other rows with --valid FILE"
        )
    elif findings.errors:
        refusal = DataError(
            "the rows would teach the wrong thing",
            seen=" | ".join(findings.errors),
            todo="mend them; `burnish data check` shows them",
        )
    if refusal is not None and refuse:
        raise refusal
    train_side = train_side + text_side
    fingerprints["rows"] = _digest(train_side, valid_side)
    if task is not None and config.grader in (None, task.grader.name):
        grader, why = task.grader, f"of the task {task.name}"
    elif config.grader is None:
        grader, why = graders.choose(valid_side.examples)
    else:
        grader, why = (None if config.grader == "none" else graders.get(config.grader)), "as asked"
    return Prepared(
        train=train_side,
        rehearsed=len(text_side.data),
        valid=valid_side,
        test=test_side,
        extension=extension,
        renderer=renderer,
        format=source.format,
        grader=grader,
        grader_why=why,
        valid_share=share,
        max_positions=max_positions,
        findings=findings,
        notes=tuple(notes),
        warnings=(*findings.warnings, *(vocabulary.unseen(extension.tokens, train_side.rendered) if extension else ())),
        bad=bad,
        left_out=tuple(
            (e, r)
            for es, rs in ((train, rendered[0]), (rehearsed, texts_rendered), (valid, rendered[1]))
            for e, r in zip(es, rs, strict=True)
            if r.fault
        ),
        refusal=refusal,
        fingerprints=fingerprints,
    )


def _of_task(task: Task) -> Source:
    rows = len(task.train)
    title = f"the ready task {task.name!r}"
    return Source(path=Path(task.name), examples=task.train, format=title, notes=(), bad=(), rows=rows, sha256=ready.sha256(task))


def _of_file(config: Training) -> Source:
    return sources.read(config.data, mapping=config.map or None, skip_bad_rows=config.skip_bad_rows)


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


def _shuffled(examples: Sequence[Example], seed: int) -> list[Example]:
    return [examples[i] for i in np.random.default_rng([seed, 1 << 20]).permutation(len(examples))]


def _digest(*sides: Side) -> str:
    """sha256 over every token and weight: whatever changes them (data, template, tokenizer, settings) changes it."""
    found = hashlib.sha256()
    for side in sides:
        for row in side.rendered:
            found.update(len(row.ids).to_bytes(4, "little") + row.ids.tobytes() + row.weights.tobytes())
    return found.hexdigest()


def _split_long(examples: Sequence[Example], renderer: Renderer, limit: int) -> tuple[list[Example], list[Rendered]]:
    """Rows of at most `limit` tokens; a longer text becomes several, each of which begins with the last token of the one before,
    so that every token but the first is a target once. Raises ConfigError for rows that are not plain text."""
    found: list[tuple[Example, Rendered]] = []
    for example in examples:
        if example.form != "text":
            raise ConfigError(
                "only plain text can be split, and trained on whole",
                seen=f"a row of form {example.form!r} at line {example.line}",
                todo='use the recipe "sft" for conversations and answers, or set long_rows=cut',
            )
        row = renderer.render(example)
        if len(row.ids) <= limit or row.fault is not None:
            found.append((example, row))
            continue
        for start in range(0, len(row.ids) - 1, limit - 1):
            part = slice(start, start + limit)
            last = start + limit >= len(row.ids)
            cut = replace(row, ids=row.ids[part], weights=row.weights[part], message=row.message[part], goes_on=not last)
            found.append((example, cut))
    return [e for e, _ in found], [r for _, r in found]


def _side(examples: Sequence[Example], rendered: Sequence[Rendered], name: str) -> tuple[Side, list[str]]:
    """The rows that can be trained on, and notes that count the others and what the renderer remarked."""
    kept = [(e, r, Datum.from_tokens(r.ids, r.weights)) for e, r in zip(examples, rendered, strict=True) if r.fault is None]
    faulty = [(e, r) for e, r in zip(examples, rendered, strict=True) if r.fault is not None]
    remarks = Counter(remark for _, r, _ in kept for remark in r.notes)
    notes = [f"{count} {name} rows: {remark}" for remark, count in remarks.most_common(5)]
    if faulty:
        example, row = faulty[0]
        notes.append(f"left out {len(faulty)} of {len(examples)} {name} rows; the first is line {example.line}: {row.fault}")
    columns = zip(*kept, strict=True) if kept else ((), (), ())
    chosen, rows, data = (tuple(column) for column in columns)
    return Side(examples=chosen, rendered=rows, data=data), notes
