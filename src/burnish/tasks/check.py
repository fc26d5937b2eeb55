"""What is wrong with a task's data, or may be: told from examples and their renderings, row by row, no model.

Nothing is changed or dropped here. A Finding of severity "error" means that training as it stands would teach nothing
or the wrong thing, "warning" that a person should look, "note" that it is good to know.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from burnish.render.renderer import Rendered
from burnish.render.tokenizer import Tokenizer
from burnish.tasks.leaks import LONG_RUN, Leak, LeakSearch
from burnish.tasks.repeats import Marked, Repeats
from burnish.types import Example, asks_only

Severity = Literal["error", "warning", "note"]
Side = Literal["train", "valid"]

FEW_ROWS = 10
LOW_TRAINED_SHARE = 0.01
UNKNOWN_SHARE = 0.001
CONFLICT_SHARE = 0.01
REASONS = 1000
"""Different reasons why rows are left out that are counted apart; further ones are not told apart."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing to know about the data. `count` is of rows; `lines` are the first of them, numbered as in their file."""

    severity: Severity
    name: str
    side: Side
    count: int
    text: str
    lines: tuple[int, ...]
    remedy: str

    def __str__(self) -> str:
        lines = f" ({'line' if self.count == 1 else 'lines'} {_listed(self)})" if self.lines else ""
        return f"{self.text}{lines}: {self.remedy}"


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenStatistics:
    """Lengths of one side in tokens, after cutting; `trained` counts the tokens that carry loss."""

    rows: int
    tokens: int
    trained: int
    cut: int
    unknown: int
    median: float
    p90: float
    longest: int

    @property
    def masked_share(self) -> float:
        """Share of the tokens that carry no loss; 0 where there are no tokens."""
        return 1 - self.trained / self.tokens if self.tokens else 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Findings:
    """All findings, errors first, and the statistics of each side (None where nothing was rendered)."""

    findings: tuple[Finding, ...]
    train: TokenStatistics | None
    valid: TokenStatistics | None

    @property
    def errors(self) -> tuple[str, ...]:
        """The findings that should stop a run, in words."""
        return tuple(str(f) for f in self.findings if f.severity == "error")

    @property
    def warnings(self) -> tuple[str, ...]:
        """The findings that a person should look at, in words."""
        return tuple(str(f) for f in self.findings if f.severity == "warning")


def check(
    train: Sequence[Example],
    valid: Sequence[Example] = (),
    train_rendered: Sequence[Rendered] = (),
    valid_rendered: Sequence[Rendered] = (),
    tokenizer: Tokenizer | None = None,
) -> Findings:
    """Look at both sides. Renderings, where given, stand in the order of their examples; `tokenizer` tells the unknown
    token."""
    unknown = None if tokenizer is None else tokenizer.unk_id
    search = LeakSearch(valid)
    search.add([e for i, e in enumerate(train) if i == 0 or e is not train[i - 1]])  # not each part of a text that was split
    train_check = checked(train, train_rendered, "train", unknown, Repeats())
    return findings(train_check, checked(valid, valid_rendered, "valid", unknown), search, valid)


def checked(
    examples: Sequence[Example], rendered: Sequence[Rendered], side: Side, unknown: int | None, repeats: Repeats | None = None
) -> RowCheck:
    """A RowCheck that has seen these rows."""
    found = RowCheck(side, unknown, repeats)
    for i, example in enumerate(examples):
        found.add(example, rendered[i] if rendered else None)
    return found


def findings(train: RowCheck, valid: RowCheck, search: LeakSearch, measured: Sequence[Example]) -> Findings:
    """What was found on both sides, errors first. search: has seen the training rows, for the prompts of `measured`."""
    found = [*train.repeated(), *_leaks(search.found(), measured), *train.empty(), *valid.empty()]
    found += [*train.of_tokens(), *valid.of_tokens()]
    if 0 < train.rows < FEW_ROWS:
        text = f"only {train.rows} rows to train on"
        remedy = "50 to 100 rows are where tuning begins to show"
        few = Finding(severity="warning", name="few_rows", side="train", count=train.rows, text=text, lines=(), remedy=remedy)
        found.append(few)
    order = {"error": 0, "warning": 1, "note": 2}
    return Findings(
        findings=tuple(sorted(found, key=lambda f: order[f.severity])), train=train.statistics(), valid=valid.statistics()
    )


class RowCheck:
    """What is found on one side, from rows that come one by one and are not kept."""

    def __init__(self, side: Side, unknown: int | None, repeats: Repeats | None = None) -> None:
        """unknown: id of the token for what a tokenizer cannot write. repeats: where repeated rows are to be found."""
        self.side: Side = side
        self.rows = 0
        """rows as rendered: the parts of a text that was split count each"""
        self._unknown, self._repeats = unknown, repeats
        self._last: Example | None = None
        self._rendered = 0
        self._empty, self._cut, self._no_target = Marked(), Marked(), Marked()
        self._with_unknown, self._asked = Marked(), Marked()
        self._reasons: Counter[str] = Counter()
        self._lengths: Counter[int] = Counter()
        self._trained = self._cut_tokens = self._unknown_tokens = self._longest_uncut = 0
        self._all_trained, self._question_trained = True, False

    def add(self, example: Example, rendered: Rendered | None) -> None:
        """Look at the next row; None = it was not rendered. A further part of a text that was split is the same Example."""
        self.rows += 1
        if example is not self._last:
            self._last = example
            if self._repeats is not None:
                self._repeats.add(example)
            answers = (m.content.strip() or m.tool_calls for m in example.messages if m.role == "assistant")
            if not asks_only(example) and not any(answers):
                self._empty.add(example.line)
        if rendered is not None and not asks_only(example):
            self._look(example, rendered)

    def _look(self, example: Example, row: Rendered) -> None:
        trained = _trained(row)
        self._rendered += 1
        self._lengths[len(row.ids)] += 1
        self._trained += trained
        if row.truncated:
            self._cut.add(example.line)
            self._cut_tokens += row.truncated
        self._longest_uncut = max(self._longest_uncut, len(row.ids) + row.truncated)
        if not trained:
            self._no_target.add(example.line)
            reason = (row.fault or "no token of the row carries loss").partition(" (")[0]  # without the numbers of the row
            self._reasons[reason if reason in self._reasons or len(self._reasons) < REASONS else "of other reasons"] += 1
        elif example.form != "text":
            self._asked.add(example.line)
            self._all_trained = self._all_trained and trained == len(row.ids) - 1
            self._question_trained = self._question_trained or (self._all_trained and _on_question(example, row))
        if self._unknown is not None and (unknown := int((np.asarray(row.ids) == self._unknown).sum())):
            self._with_unknown.add(example.line)
            self._unknown_tokens += unknown

    def statistics(self) -> TokenStatistics | None:
        """None where nothing was rendered."""
        if not self._rendered:
            return None
        lengths = np.asarray(sorted(self._lengths))
        upto = np.cumsum([self._lengths[n] for n in lengths.tolist()])
        return TokenStatistics(
            rows=self._rendered,
            tokens=sum(n * count for n, count in self._lengths.items()),
            trained=self._trained,
            cut=self._cut_tokens,
            unknown=self._unknown_tokens,
            median=_quantile(lengths, upto, 0.5),
            p90=_quantile(lengths, upto, 0.9),
            longest=int(lengths[-1]),
        )

    def empty(self) -> list[Finding]:
        """Rows that answer nothing."""
        if not self._empty.count:
            return []
        text = f"{self._empty.count} {_of(self.side)} rows have an empty answer"
        return [self._finding("error", "empty_rows", self._empty, text, "write the answers or remove the rows")]

    def repeated(self) -> list[Finding]:
        """Repeated rows, and prompts with more than one answer."""
        if self._repeats is None:
            return []
        seen, again, differ = self._repeats.found()
        one_in = self._repeats.one_in
        rows = f"{_of(self.side)} rows" if one_in == 1 else f"{_of(self.side)} rows that were looked at (one prompt in {one_in})"
        found = []
        if again.count:
            least = "at least " if self._repeats.capped else ""
            text = f"{least}{again.count} of {seen} {rows} repeat an earlier row exactly"
            found.append(self._finding("warning", "duplicates", again, text, "each copy counts again: keep one of each"))
        if differ.count:
            severity = "warning" if differ.count > CONFLICT_SHARE * seen else "note"
            of = "" if one_in == 1 else f" of {seen}"
            text = f"{differ.count}{of} {rows} share their prompt with a row that answers otherwise"
            remedy = "fine where several answers are right; otherwise keep the right one"
            found.append(self._finding(severity, "conflicting_answers", differ, text, remedy))
        return found

    def of_tokens(self) -> list[Finding]:
        """Findings that need tokens: what is cut, what carries loss, what the tokenizer cannot write."""
        total = self.statistics()
        if total is None:
            return []
        found = []
        if self._cut.count:
            share = total.cut / (total.tokens + total.cut)
            text = (
                f"{self._cut.count} of {total.rows} {_of(self.side)} rows are too long and lose {total.cut:,} tokens "
                f"({share:.1%} of all); the longest has {self._longest_uncut:,}"
            )
            remedy = "shorten or split the rows, or raise limit_tokens if the model can take more"
            found.append(self._finding("warning", "over_long", self._cut, text, remedy))
        found += self._targets(total)
        if total.unknown:
            share, rows = total.unknown / total.tokens, self._with_unknown
            text = f"the tokenizer has no token for parts of {rows.count} {_of(self.side)} rows ({share:.2%} of tokens unknown)"
            remedy = "the model cannot read or write these characters: replace them, or take another model"
            severity = "warning" if share > UNKNOWN_SHARE else "note"
            found.append(self._finding(severity, "unknown_tokens", rows, text, remedy))
        return found

    def _targets(self, total: TokenStatistics) -> list[Finding]:
        """Where the loss falls. Checks 1 and 7 of the silent bugs: on everything, or on nothing."""
        found = []
        none = self._no_target
        if none.count:
            why = "; ".join(f"{n} because {reason}" for reason, n in self._reasons.most_common(3))
            text = f"{none.count} of {total.rows} {_of(self.side)} rows have no target left: {why}"
            remedy = "raise limit_tokens, set a message weight above 0, or remove the rows"
            severity = "error" if none.count == total.rows else "warning"
            found.append(self._finding(severity, "no_targets", none, text, remedy))
            if none.count == total.rows:
                return found
        share = 1 - total.masked_share
        if share < LOW_TRAINED_SHARE:
            text = f"only {share:.2%} of the {_of(self.side)} tokens carry loss"
            remedy = "look at the marked rows; shorten the prompts if they are mostly filler"
            everywhere = Marked(total.rows)
            found.append(self._finding("warning", "little_trained", everywhere, text, remedy))
        if self._all_trained and self._question_trained:
            text = f"every token of the {_of(self.side)} rows carries loss, the questions too"
            remedy = "report this with the model's name: its template hides where the answers begin"
            found.append(self._finding("error", "nothing_masked", self._asked, text, remedy))
        return found

    def _finding(self, severity: Severity, name: str, rows: Marked, text: str, remedy: str) -> Finding:
        return Finding(severity=severity, name=name, side=self.side, count=rows.count, text=text, lines=rows.lines, remedy=remedy)


def _leaks(leaks: Sequence[Leak], measured: Sequence[Example]) -> list[Finding]:
    found = []
    exact, close = Marked(), Marked()
    for leak in leaks:
        (exact if leak.kind == "prompt" else close).add(measured[leak.valid].line)
    remedy = "remove such rows from one side: the measured gain is partly memory"
    what = f"share {LONG_RUN} words in a row, or half of their words in runs of 8, with a training row"
    for name, rows, says, more in (
        ("leaks", exact, "also stand in the training rows", ""),
        ("near_leaks", close, what, ", unless it is boilerplate"),
    ):
        if rows.count:
            text = f"{rows.count} of {len(measured)} validation prompts {says}"
            found.append(
                Finding(
                    severity="warning",
                    name=name,
                    side="valid",
                    count=rows.count,
                    text=text,
                    lines=rows.lines,
                    remedy=remedy + more,
                )
            )
    return found


def _listed(finding: Finding) -> str:
    more = ", …" if finding.count > len(finding.lines) else ""
    return ", ".join(map(str, finding.lines)) + more


def _of(side: Side) -> str:
    return "training" if side == "train" else "validation"


def _on_question(example: Example, rendered: Rendered) -> bool:
    """Whether a token of another message than the assistant's carries loss (a one-token prompt leaves none to ask)."""
    others = [i for i, m in enumerate(example.messages) if m.role != "assistant"]
    return bool((np.isin(rendered.message, others) & (np.asarray(rendered.weights) > 0))[1:].any())


def _trained(rendered: Rendered) -> int:
    """Tokens that carry loss; nothing predicts the first."""
    return int((np.asarray(rendered.weights)[1:] > 0).sum())


def _quantile(values: np.ndarray, upto: np.ndarray, q: float) -> float:
    """The quantile q of values that stand often, sorted; upto: how many are that large or smaller. Linear, as numpy's."""
    last = int(upto[-1]) - 1
    at = q * last
    low, high = (int(values[np.searchsorted(upto, place, side="right")]) for place in (int(at), min(int(at) + 1, last)))
    return low + (high - low) * (at - int(at))
