"""Training rows that are never all in memory: a file is read row by row, rendered, and kept as tokens on disk.

What was made lies under BURNISH_HOME/cache/rows, known by what it was made of (the bytes of the data and their layout, the
tokenizer with its new tokens and its template, this version, the settings that decide about rows), so that a plan, a run and its
resume make it once. An entry is whole or not there; it may be deleted at any time and is then made again, the same. Data: the
validation rows alone are in memory.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from burnish import __version__
from burnish.errors import ConfigError, DataError, DiskFull, RunError
from burnish.recipes.grpo import GRPO
from burnish.recipes.training import Training
from burnish.render.extend import NewToken
from burnish.render.renderer import Rendered, Renderer
from burnish.runs.side import Remarks, Side, Sizes, shuffled, side_of, split_long
from burnish.runs.vocabulary import met
from burnish.store import hubdata, lock, memory
from burnish.store.atomic import atomic_directory, make_directory, read_json, sha256, sweep, verify
from burnish.store.home import cache_directory
from burnish.store.tokenrows import TokenRow, TokenRows, TokenWriter, row_bytes
from burnish.tasks.check import Finding, Findings, RowCheck, TokenStatistics, checked, findings
from burnish.tasks.files import LIMIT_BYTES, readable, suffix_of
from burnish.tasks.leaks import LeakSearch
from burnish.tasks.parquet import is_parquet, unpacked_bytes
from burnish.tasks.repeats import Repeats
from burnish.tasks.rows import BadRow
from burnish.tasks.split import VALID_ROWS, VALID_SHARE, Openings, held_out, wanted
from burnish.tasks.stream import Layout, Stream, layout, survey
from burnish.types import Example

IN_MEMORY = 25
"""Bytes of memory that a byte of a data file takes when all of its rows are rendered in memory: 23 were measured on texts of a
hundred characters, 17 on those of a thousand."""
GZIPPED, PARQUET = 10, 4
"""Bytes of data that a byte of a packed file is taken for: of much repetitive text, and of columns at least."""
VALID_LIMIT_ROWS = 2000
"""Rows of a streamed file that are held out at most: they are in memory."""
CHECKED_ROWS = 10_000
"""Different rows among which repeated ones are looked for, at most; with more of them, those of a share of the prompts."""
TOLD_ROWS = 10_000
"""Of fewer rows it is not told how far they are."""
FIRST_LOOK_ROWS = 1000
"""Rows after which it is first looked whether the disk has room for all of them; then at twice as many, and so on."""
KEPT_ENTRIES = 4
"""Data sets that are kept on disk, those that were used last."""
FORMAT = 2
_ROWS, _FACTS, _LOCK = "rows", "facts.json", "lock"
_LOOK_CHARACTERS = 1 << 17
"""Text in which runs of words are looked for together."""

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Choice:
    """Whether rows are streamed, and why."""

    streamed: bool
    why: str


def choose(config: Training, *, task: bool) -> Choice:
    """What `stream` means for this config. Raises ConfigError where it is asked for and cannot be."""
    if isinstance(config, GRPO):
        return Choice(False, "questions are asked in memory")
    if task:
        if config.stream:
            raise ConfigError("a ready task is made in memory", seen="stream = true", todo="leave stream out")
        return Choice(False, "a ready task is made in memory")
    if config.stream and config.rehearse is not None:
        raise ConfigError(
            "texts to rehearse are not streamed",
            seen="stream = true, and rehearse",
            todo="put the texts among the rows of the data file, or leave one of the two out",
        )
    if config.stream and hubdata.is_hub(config.data):
        raise ConfigError(
            "a dataset of the hub is read in memory",
            seen=f"stream = true, and data = {config.data}",
            todo="leave stream out, or download its files and give one of them",
        )
    if config.stream is False:
        return Choice(False, "as asked")
    if hubdata.is_hub(config.data):
        return Choice(False, "a dataset of the hub is read in memory")
    if config.stream is None and (small := _in_memory(config)) is not None:
        return Choice(False, small)
    found = layout(config.data)
    if found.kind == "document":
        if config.stream:
            raise ConfigError(
                f"{found.path} is one JSON document, which is read as a whole",
                seen="stream = true",
                todo="write it as JSON lines, one object a line",
            )
        return Choice(False, "a JSON document is read as a whole")
    if config.stream:
        return Choice(True, "as asked")
    size, need = _sizes(config)
    return Choice(True, f"{_size(size)} of data may take {_size(need)} of memory, and {_size(memory.at_hand())} are at hand")


def _in_memory(config: Training) -> str | None:
    """Why the rows go into memory, in words; None where they do not."""
    if config.rehearse is not None:
        return "texts to rehearse are not streamed"
    path = Path(config.data)
    if not path.is_file():
        return "there is no such file"  # which is an error, told by who reads it
    size, need = _sizes(config)
    fits = 2 * need <= memory.at_hand() and size <= LIMIT_BYTES
    return f"its rows take at most {_size(need)} of memory, less than half of what is at hand" if fits else None


def _sizes(config: Training) -> tuple[int, int]:
    """Bytes of the data when it is unpacked, that to validate on too, and of memory that its rows may take."""
    paths = [Path(p) for p in (config.data, config.valid) if p is not None]
    size = sum(_unpacked(p) for p in paths if p.is_file())
    return size, IN_MEMORY * size


def _unpacked(path: Path) -> int:
    with readable(path), path.open("rb") as file:
        size = path.stat().st_size
        if file.read(2) == b"\x1f\x8b":
            return GZIPPED * size
    return max(PARQUET * size, unpacked_bytes(path)) if is_parquet(path) else size


@dataclass(frozen=True, slots=True, kw_only=True)
class Streamed:
    """A data file as rows on disk, and what was found out about it."""

    train: Side
    valid: tuple[Example, ...]
    """the rows that were held out, shuffled; () with a validation file of its own"""
    left_out: tuple[Example, ...]
    """the first of the rows that cannot be trained on"""
    valid_share: float | None
    rows: int
    """of the file, without bad ones"""
    format: str
    notes: tuple[str, ...]
    train_notes: tuple[str, ...]
    findings: Findings
    bad: tuple[BadRow, ...]
    data_sha256: str
    rows_sha256: str
    """over the tokens and weights of training and validation rows"""
    met: frozenset[int]
    """ids of the new tokens that some training row holds"""


def stream(
    config: Training,
    valid: Sequence[Example] | None,
    valid_sha256: str,
    renderer: Renderer,
    whole: Renderer,
    say: Say,
    *,
    new: Sequence[NewToken] = (),
) -> Streamed:
    """Rows of the training file on disk, made now or found there.

    valid: the rows of a validation file, shuffled; None = some are held out. renderer cuts at the limit, `whole` does not. new:
    the new tokens of their tokenizer.

    Raises DataError for data that cannot be trained on, DiskFull, and RunError while another process makes the same rows.
    """
    path = Path(config.data)
    limit = renderer.limit_tokens
    assert limit is not None
    found = layout(path)
    before = _state(path)  # before its bytes are read, so that a file that is replaced meanwhile is noticed
    made_of: dict[str, Any] = {
        "format": FORMAT,
        "version": __version__,
        "data": sha256(path),
        "layout": {"kind": found.kind, "delimiter": found.delimiter, "documents": found.documents},
        "valid": valid_sha256,
        "valid_suffix": "" if config.valid is None else suffix_of(Path(config.valid)),
        "template": {k: v for k, v in json.loads(json.dumps(renderer.facts)).items() if k != "notes"},
        "map": dict(config.map),
        "skip_bad_rows": config.skip_bad_rows,
        "seed": config.seed,
        "long_rows": config.long_rows,
        "new_tokens": hashlib.sha256(json.dumps([[t.id, t.text, t.control] for t in new]).encode()).hexdigest() if new else "",
    }
    if (kept := _find(made_of, limit, config.valid_share, path)) is not None:
        return kept
    name = json.dumps([made_of, limit, config.valid_share], sort_keys=True).encode()
    entry = _directory() / hashlib.sha256(name).hexdigest()[:24]
    make_directory(entry)
    with lock.held(entry / _LOCK, f"the directory of the rows of {path.name}"):
        sweep(entry)
        if not (entry / _ROWS).is_dir() or verify(entry / _ROWS):
            say(f"{path.name} is read, rendered and kept as tokens on disk; it is never all in memory")
            _make(entry / _ROWS, made_of, found, before, config, valid, renderer, whole, say, new)
        (entry / _LOCK).touch()
        made = _load(entry / _ROWS, path)
    _forget(keep=entry)
    return made


def _directory() -> Path:
    return cache_directory() / "rows"


def _state(path: Path) -> tuple[int, ...]:
    """What changes when a file is written or replaced."""
    with readable(path):
        found = path.stat()
    return found.st_ino, found.st_size, found.st_mtime_ns


def _find(made_of: Mapping[str, Any], limit: int, share: float | None, data: Path) -> Streamed | None:
    """The rows of an entry that is whole and holds just these. What was derived in a first start is given in a second: so its
    share, and a limit that is the longest row, where nothing was cut. One that is removed meanwhile is not found."""
    for path in sorted(_directory().glob(f"*/{_ROWS}/{_FACTS}")):
        try:
            facts = read_json(path)
        except RunError:
            continue
        if facts.get("made_of") != made_of:
            continue
        same_limit = limit == facts["limit"] or (not facts["cut"] and facts["longest"] <= limit < facts["limit"])
        same_share = facts["share_derived"] if share is None else share == facts["share"]
        if not same_limit or not (same_share or facts["share"] is None):
            continue
        with suppress(FileNotFoundError, RunError):
            os.utime(path.parents[1] / _LOCK)  # first, so that none removes it as long unused
            if not verify(path.parent):
                return _load(path.parent, data)
    return None


def _forget(keep: Path) -> None:
    """Remove all but the entries that were used last. Who reads one that is removed reads on."""
    used: list[tuple[int, Path]] = []
    for path in _directory().iterdir():
        with suppress(FileNotFoundError, NotADirectoryError):
            if path != keep and lock.owner(path / _LOCK) is None:
                used.append(((path / _LOCK).stat().st_mtime_ns, path))
    for when, old in sorted(used, reverse=True)[KEPT_ENTRIES - 1 :]:
        with suppress(FileNotFoundError, RunError):  # another process removes it too, or has begun to use it
            if (old / _LOCK).stat().st_mtime_ns == when:
                with lock.held(old / _LOCK, "rows on disk"):
                    shutil.rmtree(old, ignore_errors=True)


# -- making ---------------------------------------------------------------------------------------------------------------


def _make(
    final: Path,
    made_of: Mapping[str, Any],
    found: Layout,
    before: tuple[int, ...],
    config: Training,
    valid: Sequence[Example] | None,
    renderer: Renderer,
    whole: Renderer,
    say: Say,
    new: Sequence[NewToken],
) -> None:
    path = found.path
    openings: list[Openings] = []

    def look() -> Callable[[Example, int], None]:
        openings[:] = [Openings(config.seed, 2 * VALID_LIMIT_ROWS)]
        return openings[0].add if valid is None else lambda example, number: None

    source = survey(found, config.map or None, skip_bad_rows=config.skip_bad_rows, look=look)
    good = source.rows - source.bad_count
    say(f"{path.name}: {good:,} rows, {source.format}")
    share, notes, held = None, list(source.notes), frozenset[int]()
    if valid is None:
        share = config.valid_share or min(VALID_SHARE, VALID_ROWS / good)
        if wanted(good, share) > VALID_LIMIT_ROWS:
            raise ConfigError(
                f"{wanted(good, share):,} rows would be held out, and those are kept in memory",
                seen=f"valid_share = {share:g} of {good:,} rows; where rows are streamed, at most {VALID_LIMIT_ROWS:,} are",
                todo="lower valid_share, or give a validation file with --valid FILE",
            )
        rows, taken = openings[0].hold_out(share)
        held = frozenset(rows)
        notes.append(held_out(len(held), good, taken, openings[0].distinct))
        valid = shuffled(source.picked(held), config.seed)
    rendering = _Rendering(config, source, valid, renderer, whole, new)
    try:
        with atomic_directory(final) as fresh:
            with TokenWriter(fresh) as writer:
                rendering.write(writer, held, good, say, final.parent)
                facts = rendering.facts(writer)
            if _state(path) != before:
                raise DataError(f"{path} was changed while it was read", todo="wait until it is written, then start again")
            facts |= {
                "made_of": made_of,
                "share": share,
                "share_derived": config.valid_share is None and share is not None,
                "rows": good,
                "format": source.format,
                "notes": notes,
                "bad": [asdict(row) for row in source.bad],
                "valid": [asdict(e) for e in valid] if held else [],
            }
            (fresh / _FACTS).write_text(json.dumps(facts) + "\n", encoding="ascii")
    except DiskFull as error:
        raise rendering.too_little_room(error, final, good) from error


class _Rendering:
    """One pass over the training rows: they are rendered, checked and written."""

    def __init__(
        self,
        config: Training,
        source: Stream,
        valid: Sequence[Example],
        renderer: Renderer,
        whole: Renderer,
        new: Sequence[NewToken],
    ) -> None:
        self._config, self._source, self._valid, self._new = config, source, valid, new
        self._met: set[int] = set()
        self._renderer, self._whole = renderer, whole
        self._limit = renderer.limit_tokens or 0
        self._repeats = Repeats(CHECKED_ROWS)
        self._check = RowCheck("train", renderer.tokenizer.unk_id, self._repeats)
        self._search = LeakSearch(valid)
        self._remarks, self._sizes = Remarks("training"), Sizes()
        self._split = False
        self._done = self._written = 0

    def write(self, writer: TokenWriter, held: frozenset[int], good: int, say: Say, place: Path) -> None:
        """Render every row that is not held out. Raises DiskFull where `place` has no room for what is to come."""
        waiting: list[Example] = []
        characters, told, look = 0, 0, FIRST_LOOK_ROWS
        for number, example in self._source.examples():
            self._done += 1
            if number in held:
                continue
            for row in self._parts(example):
                self._check.add(example, row)
                if self._remarks.add(example, row):
                    self._sizes.add(row)
                    self._met |= met(self._new, [row])
                    self._split = self._split or row.goes_on
                    truncated, goes_on = row.truncated, row.goes_on
                    writer.add(
                        TokenRow(row.ids, row.weights, row.message, line=example.line, truncated=truncated, goes_on=goes_on)
                    )
            self._written = writer.written_bytes
            if self._done == look:
                look *= 2
                self._look_for_room(good, place)
            waiting.append(example)
            characters += sum(len(m.content) for m in example.messages)
            if characters > _LOOK_CHARACTERS:
                self._search.add(waiting)
                waiting, characters = [], 0
            if good >= TOLD_ROWS and 10 * self._done // good > told:
                told = 10 * self._done // good
                say(f"{10 * told} % of {good:,} rows are rendered, {self._sizes.tokens:,} tokens")
        self._search.add(waiting)

    def _look_for_room(self, good: int, place: Path) -> None:
        """Whether as many bytes are free as the rows to come will take, if they are as long as those so far."""
        rest = self._written * (good - self._done) // self._done
        if rest > shutil.disk_usage(place).free:
            raise DiskFull("the rows to come do not fit", seen=f"{_size(rest)} are still to be written")

    def _parts(self, example: Example) -> list[Rendered]:
        if self._config.long_rows == "split":
            return split_long(example, self._whole, self._limit)
        return [self._renderer.render(example)]

    def facts(self, writer: TokenWriter) -> dict[str, Any]:
        """What is kept beside the rows, as JSON."""
        rows = [self._renderer.render(e) for e in self._valid]
        unknown = self._renderer.tokenizer.unk_id
        found = findings(self._check, checked(self._valid, rows, "valid", unknown), self._search, self._valid)
        notes = self._remarks.notes()
        if self._repeats.one_in > 1:
            notes.append(f"repeated rows were looked for among one prompt in {self._repeats.one_in}, chosen by hash")
        if self._repeats.capped:
            many = f"{self._repeats.capped} prompts have more than {self._repeats.cap:,} different rows"
            notes.append(f"{many}: repeats of further ones were not looked for")
        valid = side_of(self._valid, rows, "validation")[0]
        for row in valid.rendered:
            writer.digest.update(row_bytes(row.ids, row.weights))
        return {
            "limit": self._limit,
            "longest": max(self._sizes.longest, valid.sizes.longest),
            "cut": self._split or self._sizes.cut_rows + valid.sizes.cut_rows > 0,
            "train_notes": notes,
            "findings": asdict(found),
            "sizes": self._sizes.to_json(),
            "left_out": [asdict(e) for e in self._remarks.left_out],
            "rows_sha256": writer.digest.hexdigest(),
            "met": sorted(self._met),
        }

    def too_little_room(self, error: DiskFull, final: Path, good: int) -> DiskFull:
        """The error of a disk that is full, with how much is needed."""
        need = self._written * good // self._done if self._done else 0
        return DiskFull(
            f"there is no space left to keep the rows of {self._source.layout.path.name} as tokens",
            seen=f"{error.seen}, at row {self._done:,} of {good:,}; {_size(self._written)} were written, about {_size(need)} are "
            f"needed, and {_size(shutil.disk_usage(final.parent).free)} are free in {final.parent}",
            todo="free some space, or set BURNISH_HOME to a directory on a larger disk; what was half written is removed",
        )


# -- finding again --------------------------------------------------------------------------------------------------------

_EXAMPLES = TypeAdapter(tuple[Example, ...])


def _load(directory: Path, data: Path) -> Streamed:
    facts = read_json(directory / _FACTS)
    sizes = Sizes.from_json(facts["sizes"])
    rows = TokenRows(directory)
    size = sum(p.stat().st_size for p in directory.iterdir())
    kept = f"{sizes.rows:,} training rows are kept on disk, {sizes.tokens:,} tokens in {_size(size)}: {directory.parent}"
    return Streamed(
        train=Side.on_disk(rows, sizes),
        valid=_examples(facts["valid"], data),
        left_out=_examples(facts["left_out"], data),
        valid_share=facts["share"],
        rows=facts["rows"],
        format=facts["format"],
        notes=(*facts["notes"], kept),
        train_notes=tuple(facts["train_notes"]),
        findings=_findings(facts["findings"]),
        bad=tuple(BadRow(**row) for row in facts["bad"]),
        data_sha256=facts["made_of"]["data"],
        rows_sha256=facts["rows_sha256"],
        met=frozenset(facts["met"]),
    )


def _examples(body: list[Any], data: Path) -> tuple[Example, ...]:
    """Rows that were kept, of the file as it is called now."""
    return tuple(replace(example, source=str(data)) for example in _EXAMPLES.validate_python(body))


def _findings(body: Mapping[str, Any]) -> Findings:
    sides = {name: None if body[name] is None else TokenStatistics(**body[name]) for name in ("train", "valid")}
    found = tuple(Finding(**{**f, "lines": tuple(f["lines"])}) for f in body["findings"])
    return Findings(findings=found, **sides)


def _size(count: int) -> str:
    """Bytes in words."""
    return next(
        (f"{count / unit:.1f} {name}" for unit, name in ((1e9, "GB"), (1e6, "MB")) if count >= unit), f"{count / 1e3:.1f} kB"
    )
