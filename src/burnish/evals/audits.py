"""The lines of a run's certificate: each function checks one thing that goes wrong silently in post-training, on the
model at hand, and returns an Audit. None of them trusts a flag: they sample, save, reload and compare numbers.

The faults they catch are real ones, collected from the trackers of other systems: masks without a stop token, samplers
that hold stale weights, adapters that are saved empty, merges that change the model, resumes that are not.
Log-probabilities are in nats.
"""

from __future__ import annotations

import json
import math
import tempfile
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from burnish.errors import BurnishError
from burnish.protocols import Engine, Policy
from burnish.render.renderer import Rendered
from burnish.render.tokenizer import Tokenizer
from burnish.types import Adapter, Datum, Route, Sample, SamplingParams

GAP_BAR = {"float32": (1e-5, 2e-5), "bfloat16": (0.02, 0.5)}
"""Mean and largest |sampler - trainer| log-probability by compute precision."""
MERGE_BAR = {"float32": 1e-4, "bfloat16": 0.02, "float16": 0.005}
"""Mean |merged - adapter| log-probability, relative to its size, by the precision in which the merged weights are
stored."""
AUDITED_ROWS = 100_000
"""Rows whose masks are looked at, at most."""
PICTURED = 3
"""Rows shown in the mask picture."""

Opener = Callable[[Path], Engine]
"""Opens a fresh engine on a model directory, with the choices (threads, precision, kernels) of the one that is audited.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Audit:
    """One line of the certificate. `passed` None means that it could not be checked; `detail` then says why."""

    name: str
    passed: bool | None
    value: float | None
    """what was measured"""
    bar: float | None
    """what it had to meet"""
    detail: str
    """in words"""
    extra: Mapping[str, Any] = field(default_factory=dict)
    """what a reader may want to look at, JSON-able"""


def unchecked(name: str, why: str) -> Audit:
    """An audit that could not be made."""
    return Audit(name=name, passed=None, value=None, bar=None, detail=why)


# -- what is trained on ---------------------------------------------------------------------------------------------------


def mask_picture(rows: Sequence[Rendered], tokenizer: Tokenizer, stop_ids: Collection[int]) -> Audit:
    """Which tokens carry loss, over all rows, with a few of them drawn; of more than `AUDITED_ROWS` rows, over so many of them
    in equal distances. value: the trained share.

    Fails if no token of a row is trained, if every token of a row of several messages is, or if an answer that is not
    cut ends without training its stop token (one of `stop_ids`; none = the model has no such token), since a model so
    trained never learns to stop. `extra["rows"]` holds the pictures: runs of (text, trained).
    """
    name = "mask picture"
    if not rows:
        return unchecked(name, "there are no rows")
    seen = len(rows) if len(rows) <= AUDITED_ROWS else AUDITED_ROWS
    trained = tokens = 0
    found: dict[str, list[int]] = {}
    for i in (n * len(rows) // seen for n in range(seen)):
        row = rows[i]
        tokens += len(row.weights[1:])
        trained += int((row.weights[1:] != 0).sum())
        for what in _mask_faults(row, stop_ids):
            found.setdefault(what, []).append(i)
    share = trained / tokens if tokens else 0.0
    of = f"{seen} rows" if seen == len(rows) else f"{seen} of {len(rows)} rows"
    faults = [f"in {len(at)} of {seen} rows (first: row {at[0] + 1}) {what}" for what, at in sorted(found.items())]
    well = f"{share:.0%} of the tokens of {of} are trained" + (", each answer's stop token among them" if stop_ids else "")
    extra = {"rows": [_runs(r, tokenizer) for r in rows[:PICTURED]], "trained_tokens": trained, "tokens": tokens}
    return Audit(name=name, passed=not faults, value=share, bar=None, detail="; ".join(faults) or well, extra=extra)


def _mask_faults(row: Rendered, stop_ids: Collection[int]) -> list[str]:
    """What is wrong with the mask of a row."""
    faults = []
    if not row.weights[1:].any():
        faults.append("no token is trained")
    if row.message.max(initial=0) > 0 and row.weights.all():
        faults.append("every token is trained, the question's too")
    if stop_ids and not row.goes_on and not _stops(row, stop_ids):
        faults.append("an answer's stop token is not trained")
    return faults


def _stops(row: Rendered, stop_ids: Collection[int]) -> bool:
    """Whether every run of trained tokens ends with a stop token, but for the one that a cut ends."""
    trained = row.weights != 0
    ends = np.flatnonzero(trained & ~np.append(trained[1:], False))
    if row.truncated:
        ends = ends[ends < len(trained) - 1]
    return all(int(t) in stop_ids for t in row.ids[ends])


def _runs(row: Rendered, tokenizer: Tokenizer) -> list[dict[str, Any]]:
    """Neighbouring tokens that are all trained or all not, as text."""
    marks = row.weights != 0
    edges = [0, *(np.flatnonzero(marks[1:] != marks[:-1]) + 1).tolist(), len(marks)]
    return [
        {"text": tokenizer.decode(row.ids[a:b], continues=a > 0), "trained": bool(marks[a]), "tokens": b - a}
        for a, b in pairwise(edges)
        if b > a
    ]


# -- sampler against trainer ----------------------------------------------------------------------------------------------


def sampler_trainer_gap(policy: Policy, prompts: Sequence[Sequence[int]], *, limit_tokens: int = 32, seed: int = 0) -> Audit:
    """Draw an answer to each prompt, then compute the same tokens' log-probabilities by `forward`."""
    params = SamplingParams(limit_tokens=limit_tokens, temperature=1.0, seed=seed)
    drawn = policy.sample(prompts, params).result()
    return gap(policy, prompts, [answers[0] for answers in drawn])


def gap(policy: Policy, prompts: Sequence[Sequence[int]], samples: Sequence[Sample]) -> Audit:
    """Difference between the log-probabilities that `samples` were drawn with and what `forward` gives now.

    The same number is the first-step importance ratio, exp(new - old), which is 1 when both sides hold the same weights
    and compute the same function. Bars: mean 1e-5 and largest 2e-5 in float32, 0.02 and 0.5 in bfloat16.
    """
    name = "sampler-trainer gap"
    pairs = [(p, s) for p, s in zip(prompts, samples, strict=True) if len(s.ids)]
    if not pairs:
        return unchecked(name, "no token was drawn")
    data = [_answer_datum(p, s.ids) for p, s in pairs]
    outputs = policy.forward(data).result()
    differences = np.concatenate([_tail(o.logprobs, len(s.ids)) - s.logprobs for o, (_, s) in zip(outputs, pairs, strict=True)])
    off = np.abs(differences.astype(np.float64))
    precision = compute_precision(policy.engine)
    mean_bar, max_bar = GAP_BAR[precision]
    mean, largest = float(off.mean()), float(off.max())
    passed = mean <= mean_bar and largest <= max_bar  # False for NaN
    ratio = float(np.abs(np.expm1(differences.astype(np.float64))).max())
    detail = (
        f"mean |difference| {mean:.2g} (bar {mean_bar:g}), largest {largest:.2g} (bar {max_bar:g}) nats over {len(off)} tokens "
        f"in {precision}; the first-step ratio is 1 within {ratio:.2g}"
    )
    extra = {"mean": mean, "max": largest, "max_bar": max_bar, "tokens": len(off), "ratio_off_by": ratio, "precision": precision}
    return Audit(name=name, passed=bool(passed), value=mean, bar=mean_bar, detail=detail, extra=extra)


def compute_precision(engine: Engine) -> str:
    """Precision of the engine's matrix products."""
    choices = engine.facts["choices"]
    assert isinstance(choices, Mapping)
    return str(choices["dtype"])


def _answer_datum(prompt: Sequence[int], ids: np.ndarray) -> Datum:
    tokens = np.concatenate([np.asarray(prompt, np.int32), ids.astype(np.int32)])
    weights = np.zeros(len(tokens), np.float32)
    weights[len(prompt) :] = 1.0
    return Datum.from_tokens(tokens, weights)


def _tail(logprobs: np.ndarray | None, count: int) -> np.ndarray:
    assert logprobs is not None
    return logprobs[-count:]


# -- what is saved --------------------------------------------------------------------------------------------------------


def reload_equality(
    engine: Engine, adapter: Adapter, opener: Opener, base: Path, data: Sequence[Datum], *, saved: Sequence[Path] = ()
) -> Audit:
    """Whether the saved adapter is the adapter in memory: log-probabilities of `data`, exactly.

    Each directory of `saved` (what `Engine.save` or a PEFT export wrote; none = one is written for the occasion) is
    loaded into a new slot of this host (LoRA only) and of a fresh host opened on `base`. value: the largest difference.
    """
    name = "adapter reload equality"
    now = logprobs_of(engine, data, adapter)
    worst: dict[str, float] = {}
    try:
        with tempfile.TemporaryDirectory(prefix="burnish-audit-") as scratch:
            if not saved:
                engine.save(Path(scratch), adapter=adapter, optimizer=False)
            for path in saved or (Path(scratch),):
                of = f" ({path.name})" if saved else ""
                if adapter.kind == "lora":
                    again = engine.load(path)
                    worst[f"a new slot of the same host{of}"] = largest_gap(now, logprobs_of(engine, data, again))
                    engine.free(again)
                fresh = opener(base)
                worst[f"a fresh host{of}"] = largest_gap(now, logprobs_of(fresh, data, fresh.load(path)))
                del fresh  # before the next is opened: each holds the base's weights
    except BurnishError as error:
        return Audit(name=name, passed=False, value=None, bar=0.0, detail=str(error))
    off = [f"{where}: {v:.3g}" for where, v in worst.items() if v != 0]
    tokens = sum(len(v) for v in now)
    detail = f"log-probabilities of {tokens} tokens are equal bit by bit in {' and '.join(worst)}"
    if off:
        detail = "the reloaded adapter gives other log-probabilities: " + ", ".join(off)
    value = max(worst.values(), key=lambda v: math.inf if math.isnan(v) else v)
    return Audit(name=name, passed=not off, value=value, bar=0.0, detail=detail, extra={"tokens": tokens})


def merge_equality(
    engine: Engine, adapter: Adapter, opener: Opener, data: Sequence[Datum], *, written: Path | None = None
) -> Audit:
    """Whether the merged model, opened from its files, gives the adapter's log-probabilities.

    written: a merged model's directory (None = one is written for the occasion). value: mean |difference| / mean
    |log-probability|. Weights stored in float32 must meet 1e-4; those of a base stored in bfloat16 or float16 are
    rounded to it, which the wider bar allows for.
    """
    name = "merge equality"
    now = logprobs_of(engine, data, adapter)
    try:
        with tempfile.TemporaryDirectory(prefix="burnish-audit-") as scratch:
            path = written or Path(scratch)
            if written is None:
                engine.export(path, adapter=adapter, form="merged", base="")
            stored = stored_precision(path)
            merged = logprobs_of(opener(path), data, None)
    except BurnishError as error:
        return Audit(name=name, passed=False, value=None, bar=None, detail=str(error))
    bar = MERGE_BAR[_coarser(stored, compute_precision(engine))]
    return compare_logprobs(name, now, merged, bar, f"merged, stored in {stored}")


def compare_logprobs(name: str, wanted: Sequence[np.ndarray], found: Sequence[np.ndarray], bar: float, what: str) -> Audit:
    """Audit of mean |found - wanted| / mean |wanted| against `bar`."""
    a, b = np.concatenate(wanted).astype(np.float64), np.concatenate(found).astype(np.float64)
    relative = float(np.abs(a - b).mean() / max(np.abs(a).mean(), 1e-12))
    largest = float(np.abs(a - b).max())
    told = f"differ by {relative:.2g} of their size (bar {bar:g}), at most by {largest:.2g} nats"
    if largest == 0:
        told = "are equal bit by bit"
    detail = f"{what}: log-probabilities of {len(a)} tokens {told}"
    extra = {"tokens": len(a), "sequences": len(wanted), "max": largest}
    return Audit(name=name, passed=relative <= bar, value=relative, bar=bar, detail=detail, extra=extra)


def logprobs_of(engine: Engine, data: Sequence[Datum], route: Route) -> list[np.ndarray]:
    """Log-probabilities of every target of `data`, [T] each."""
    outputs = engine.forward(data, route=route).result()
    return [_tail(o.logprobs, d.length) for o, d in zip(outputs, data, strict=True)]


def largest_gap(a: Sequence[np.ndarray], b: Sequence[np.ndarray]) -> float:
    """Largest |difference|; NaN where either holds NaN."""
    return float(np.abs(np.concatenate(a).astype(np.float64) - np.concatenate(b).astype(np.float64)).max())


def stored_precision(directory: Path) -> str:
    """The precision that a model directory declares for its weights; float32 where it declares none."""
    config = json.loads((directory / "config.json").read_text("utf-8"))
    return str(config.get("dtype") or config.get("torch_dtype") or "float32").removeprefix("torch.")


def _coarser(*precisions: str) -> str:
    return max(precisions, key=lambda p: MERGE_BAR[p])


# -- what was trained -----------------------------------------------------------------------------------------------------


def dead_adapter(
    engine: Engine,
    adapter: Adapter,
    *,
    start: Mapping[str, float] | None = None,
    steps: int | None = None,
    read: Collection[int] | None = None,
) -> Audit:
    """Whether every trained tensor moved. value: the share that did.

    LoRA's B factors and heads start at zero, and a full fine-tune is inspected as its difference from the base: there a
    largest absolute value of 0 means that nothing reached the tensor. A factors start random; `start` (what
    `Engine.inspect` gave before the first step) tells whether they moved. `steps`: how many the adapter took; the first cannot
    move an A factor, whose gradient is zero while its B is. NaN and infinity fail.

    Rows of tokens count one by one. A head's row moves at every step, as all tokens take part in the softmax; a row of an
    embedding that is no head only where the token is read. `read`: ids that training rows hold as input (None = all). Of
    such rows those that did not move are excused while one of those that are read did, or none is read.
    """
    name = "dead adapter"
    sizes = engine.inspect(adapter)
    dead = [n for n, size in sizes.items() if size == 0]
    broken = [n for n, size in sizes.items() if not math.isfinite(size)]
    still = [n for n, size in sizes.items() if start is not None and size == start.get(n) and n not in dead]
    fresh = start is not None and all(size == 0 for n, size in start.items() if n.endswith(".b"))
    early = [n for n in still if n.endswith(".a")] if fresh and steps == 1 else []
    unread = _unread({*dead, *still}, sizes, read)
    excused = {*early, *unread}
    still = [n for n in still if n not in excused]
    dead = [n for n in dead if n not in excused]
    faults = [
        f"{len(names)} of {len(sizes)} trained tensors {what}: {', '.join(names[:6])}{', ...' if len(names) > 6 else ''}"
        for names, what in ((dead, "are all zero"), (still, "are as they started"), (broken, "hold NaN or infinity"))
        if names
    ]
    bad = {*dead, *broken, *still}
    smallest = min((n for n in sizes if n not in excused), key=lambda n: sizes[n])
    moved = f"all {len(sizes)}" if not excused else f"{len(sizes) - len(excused)} of {len(sizes)}"
    least = f"; the least is {smallest}, at most {sizes[smallest]:.2g}"
    excuse = f"; {len(early)} are A factors, which one step alone cannot move" if early else ""
    excuse += f"; {len(unread)} are embeddings of new tokens that no step read" if unread else ""
    detail = "; ".join(faults) or f"{moved} trained tensors moved{least}{excuse}"
    value = 1 - len(bad) / len(sizes)
    return Audit(name=name, passed=not bad, value=value, bar=1.0, detail=detail, extra={"dead": sorted(bad)})


def _unread(unmoved: Collection[str], sizes: Mapping[str, float], read: Collection[int] | None) -> list[str]:
    """Those of the unmoved tensors that are embeddings of tokens, where that can be sound."""
    embed = "tokens.embed."
    if not any(n.startswith("tokens.head.") for n in sizes):
        return []  # embedding and head are one matrix
    due = [n for n in sizes if n.startswith(embed) and (read is None or int(n.removeprefix(embed)) in read)]
    if due and all(n in unmoved for n in due):
        return sorted(n for n in unmoved if n.startswith(embed) and n not in due)
    return sorted(n for n in unmoved if n.startswith(embed))


def resume_equality(recorded: str | None, redo: Callable[[], str], *, why: str = "no step followed a checkpoint") -> Audit:
    """Whether a step done again from a checkpoint gives the same weights, bit for bit.

    recorded: the digest (`Engine.digest`) that the run saw after the step that followed the checkpoint; None where
    there is none, and `why` says so. redo: loads that checkpoint, does the step again and returns the digest.
    """
    name = "resume equality"
    if recorded is None:
        return unchecked(name, why)
    try:
        again = redo()
    except BurnishError as error:
        return Audit(name=name, passed=False, value=None, bar=None, detail=str(error))
    same = again == recorded
    detail = f"the step after the checkpoint, done again, gives the same weights (sha256 {recorded[:12]})"
    if not same:
        detail = (
            f"the step after the checkpoint, done again, gives other weights: sha256 {again[:12]}, the run had {recorded[:12]}"
        )
    return Audit(name=name, passed=same, value=None, bar=None, detail=detail, extra={"recorded": recorded, "again": again})
