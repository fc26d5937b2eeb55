"""What is wrong with a task's data, or may be: pure functions over examples and their renderings, no model.

Nothing is changed or dropped here. A Finding of severity "error" means that training as it stands would teach nothing
or the wrong thing, "warning" that a person should look, "note" that it is good to know.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from burnish.render.renderer import Rendered
from burnish.render.tokenizer import Tokenizer
from burnish.tasks.keys import answer_text, normalise, prompt_text
from burnish.tasks.leaks import LONG_RUN, find_leaks
from burnish.types import Example

Severity = Literal["error", "warning", "note"]
Side = Literal["train", "valid"]

FEW_ROWS = 10
LOW_TRAINED_SHARE = 0.01
UNKNOWN_SHARE = 0.001
CONFLICT_SHARE = 0.01
SHOWN_LINES = 10


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
    found = [*_same(train), *_leaks(train, valid)]
    found += [*_empty(train, "train"), *_empty(valid, "valid")]
    if train_rendered:
        found += _rendered(train, train_rendered, "train", unknown)
    if valid_rendered:
        found += _rendered(valid, valid_rendered, "valid", unknown)
    if 0 < len(train) < FEW_ROWS:
        text = f"only {len(train)} rows to train on"
        remedy = "50 to 100 rows are where tuning begins to show"
        found.append(_finding("warning", "few_rows", "train", (), text, remedy, len(train)))
    order = {"error": 0, "warning": 1, "note": 2}
    return Findings(
        findings=tuple(sorted(found, key=lambda f: order[f.severity])),
        train=_statistics(train_rendered, unknown),
        valid=_statistics(valid_rendered, unknown),
    )


def _finding(
    severity: Severity, name: str, side: Side, rows: Iterable[Example], text: str, remedy: str, count: int | None = None
) -> Finding:
    rows = list(rows)
    lines = tuple(sorted(e.line for e in rows)[:SHOWN_LINES])
    number = len(rows) if count is None else count
    return Finding(severity=severity, name=name, side=side, count=number, text=text, lines=lines, remedy=remedy)


def _listed(finding: Finding) -> str:
    more = ", …" if finding.count > len(finding.lines) else ""
    return ", ".join(map(str, finding.lines)) + more


def _of(side: Side) -> str:
    return "training" if side == "train" else "validation"


def _same(examples: Sequence[Example]) -> list[Finding]:
    """Repeated rows, and prompts with more than one answer."""
    first: set[tuple[str, str]] = set()
    again: list[Example] = []
    answers: dict[str, dict[str, list[Example]]] = defaultdict(lambda: defaultdict(list))
    for example in examples:
        prompt, answer = prompt_text(example), answer_text(example)
        if (prompt, answer) in first:
            again.append(example)
        first.add((prompt, answer))
        if example.form != "text":
            answers[normalise(prompt)][normalise(answer)].append(example)
    found = []
    if again:
        text = f"{len(again)} of {len(examples)} training rows repeat an earlier row exactly"
        found.append(_finding("warning", "duplicates", "train", again, text, "each copy counts again: keep one of each"))
    differ = [e for kinds in answers.values() if len(kinds) > 1 for rows in kinds.values() for e in rows]
    if differ:
        severity = "warning" if len(differ) > CONFLICT_SHARE * len(examples) else "note"
        text = f"{len(differ)} training rows share their prompt with a row that answers otherwise"
        remedy = "fine where several answers are right; otherwise keep the right one"
        found.append(_finding(severity, "conflicting_answers", "train", differ, text, remedy))
    return found


def _leaks(train: Sequence[Example], valid: Sequence[Example]) -> list[Finding]:
    leaks = find_leaks(train, valid)
    found = []
    exact = [valid[leak.valid] for leak in leaks if leak.kind == "prompt"]
    remedy = "remove such rows from one side: the measured gain is partly memory"
    if exact:
        text = f"{len(exact)} of {len(valid)} validation prompts also stand in the training rows"
        found.append(_finding("warning", "leaks", "valid", exact, text, remedy))
    close = [valid[leak.valid] for leak in leaks if leak.kind != "prompt"]
    if close:
        what = f"share {LONG_RUN} words in a row, or half of their words in runs of 8, with a training row"
        text = f"{len(close)} of {len(valid)} validation prompts {what}"
        found.append(_finding("warning", "near_leaks", "valid", close, text, remedy + ", unless it is boilerplate"))
    return found


def _empty(examples: Sequence[Example], side: Side) -> list[Finding]:
    empty = [e for e in examples if not any(m.content.strip() or m.tool_calls for m in e.messages if m.role == "assistant")]
    if not empty:
        return []
    text = f"{len(empty)} {_of(side)} rows have an empty answer"
    return [_finding("error", "empty_rows", side, empty, text, "write the answers or remove the rows")]


def _rendered(examples: Sequence[Example], rendered: Sequence[Rendered], side: Side, unknown: int | None) -> list[Finding]:
    """Findings that need tokens: what is cut, what carries loss, what the tokenizer cannot write."""
    pairs = list(zip(examples, rendered, strict=True))
    total = _statistics(rendered, unknown)
    assert total is not None
    found = []
    cut = [e for e, r in pairs if r.truncated]
    if cut:
        longest = max(len(r.ids) + r.truncated for r in rendered)
        share = total.cut / (total.tokens + total.cut)
        text = (
            f"{len(cut)} of {len(pairs)} {_of(side)} rows are too long and lose {total.cut:,} tokens "
            f"({share:.1%} of all); the longest has {longest:,}"
        )
        remedy = "shorten or split the rows, or raise limit_tokens if the model can take more"
        found.append(_finding("warning", "over_long", side, cut, text, remedy))
    found += _targets(pairs, total, side)
    if unknown is not None and total.unknown:
        share = total.unknown / total.tokens
        rows = [e for e, r in pairs if (np.asarray(r.ids) == unknown).any()]
        text = f"the tokenizer has no token for parts of {len(rows)} {_of(side)} rows ({share:.2%} of tokens unknown)"
        remedy = "the model cannot read or write these characters: replace them, or take another model"
        found.append(_finding("warning" if share > UNKNOWN_SHARE else "note", "unknown_tokens", side, rows, text, remedy))
    return found


def _targets(pairs: Sequence[tuple[Example, Rendered]], total: TokenStatistics, side: Side) -> list[Finding]:
    """Where the loss falls. Checks 1 and 7 of the silent bugs: on everything, or on nothing."""
    none = [(e, r) for e, r in pairs if not _trained(r)]
    if none:
        reasons = Counter(r.fault or "no token of the row carries loss" for _, r in none)
        why = "; ".join(f"{n} because {reason}" for reason, n in reasons.most_common(3))
        text = f"{len(none)} of {len(pairs)} {_of(side)} rows have no target left: {why}"
        remedy = "raise limit_tokens, set a message weight above 0, or remove the rows"
        severity = "error" if len(none) == len(pairs) else "warning"
        found = [_finding(severity, "no_targets", side, (e for e, _ in none), text, remedy)]
        if len(none) == len(pairs):
            return found
    else:
        found = []
    share = 1 - total.masked_share
    if share < LOW_TRAINED_SHARE:
        text = f"only {share:.2%} of the {_of(side)} tokens carry loss"
        remedy = "look at the marked rows; shorten the prompts if they are mostly filler"
        found.append(_finding("warning", "little_trained", side, (), text, remedy, len(pairs)))
    asked = [(e, r) for e, r in pairs if e.form != "text" and _trained(r)]
    if all(_trained(r) == len(r.ids) - 1 for _, r in asked) and any(_on_question(e, r) for e, r in asked):
        text = f"every token of the {_of(side)} rows carries loss, the questions too"
        remedy = "report this with the model's name: its template hides where the answers begin"
        found.append(_finding("error", "nothing_masked", side, (e for e, _ in asked), text, remedy))
    return found


def _on_question(example: Example, rendered: Rendered) -> bool:
    """Whether a token of another message than the assistant's carries loss (a one-token prompt leaves none to ask)."""
    others = [i for i, m in enumerate(example.messages) if m.role != "assistant"]
    return bool((np.isin(rendered.message, others) & (np.asarray(rendered.weights) > 0))[1:].any())


def _trained(rendered: Rendered) -> int:
    """Tokens that carry loss; nothing predicts the first."""
    return int((np.asarray(rendered.weights)[1:] > 0).sum())


def _statistics(rendered: Sequence[Rendered], unknown: int | None) -> TokenStatistics | None:
    if not rendered:
        return None
    lengths = np.asarray([len(r.ids) for r in rendered])
    return TokenStatistics(
        rows=len(rendered),
        tokens=int(lengths.sum()),
        trained=sum(_trained(r) for r in rendered),
        cut=sum(r.truncated for r in rendered),
        unknown=0 if unknown is None else sum(int((np.asarray(r.ids) == unknown).sum()) for r in rendered),
        median=float(np.median(lengths)),
        p90=float(np.percentile(lengths, 90)),
        longest=int(lengths.max()),
    )
