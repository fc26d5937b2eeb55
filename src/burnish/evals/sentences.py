"""A comparison in words. The only place where "better" is written, so that it is never written inside the noise."""

from __future__ import annotations

from burnish.evals.compare import NO_DIFFERENCE, Change, Comparison


def verdict_sentence(comparison: Comparison) -> str:
    """The whole comparison in one or two sentences, what decides first."""
    if not comparison.changes:
        return "Nothing could be compared: no held-out example has a loss or a score on both sides."
    first, *rest = comparison.changes
    text = f"{_verdict(first)}."
    others = [c for c in rest if c.verdict not in (NO_DIFFERENCE, first.verdict)]
    if others:
        text += f" But the {others[0].metric} says otherwise: {_numbers(others[0])}, {others[0].verdict}."
    return text


def change_sentence(change: Change) -> str:
    """One metric: both levels, the difference with its interval, what could have been detected, and the verdict."""
    parts = [f"{change.metric}: {_numbers(change)}"]
    if change.low is not None and change.high is not None:
        parts.append(f"95 % interval {_signed(change, change.low)} to {_signed(change, change.high)}")
    if change.detectable is not None and change.detectable > 1 and not change.lower_is_better:
        parts.append(f"{_count(change)} cannot show any effect")
    elif change.detectable is not None:
        parts.append(f"smallest effect that {_count(change)} can show: {_size(change, change.detectable)}")
    if change.p_value is not None:
        parts.append(f"McNemar p = {change.p_value:.2g}")
    if change.left_out:
        parts.append(f"{change.left_out} examples left out")
    return "; ".join(parts) + f". {change.verdict.capitalize()}. ({change.method})"


def method_sentence(change: Change) -> str:
    """How one metric's interval was had, for who sees the numbers in a table."""
    parts = [f"{change.metric}: {change.method}"]
    parts += [] if change.p_value is None else [f"McNemar p = {change.p_value:.2g}"]
    parts += [f"{change.left_out} examples left out"] if change.left_out else []
    return "; ".join(parts)


def latency_sentence(comparison: Comparison) -> str:
    """How long answers take, before and after."""
    b, t = comparison.base_latency, comparison.trained_latency
    if b is None or t is None:
        return "No answers were drawn, so latency was not measured."
    return (
        f"latency: {b.p50_s:.3g} s to {t.p50_s:.3g} s per answer (median), {b.p95_s:.3g} s to {t.p95_s:.3g} s (95th percentile), "
        f"{b.tokens_per_s:,.0f} to {t.tokens_per_s:,.0f} tokens/s; "
        f"answers have {b.new_tokens:.1f} and {t.new_tokens:.1f} tokens in the mean"
    )


def _verdict(change: Change) -> str:
    if change.verdict != NO_DIFFERENCE:
        return f"{change.verdict.capitalize()}: {change.metric} went from {_numbers(change)}, on {_count(change)}"
    if change.detectable is None or (change.detectable > 1 and not change.lower_is_better):
        return f"No measurable difference in {change.metric}: {_count(change)} cannot show one"
    return (
        f"No measurable difference in {change.metric} ({_numbers(change)}): "
        f"{_count(change)} can show an effect of {_size(change, change.detectable)} or more"
    )


def _count(change: Change) -> str:
    some = f"{change.items} held-out example{'s' if change.items != 1 else ''}"
    return some if change.clusters == change.items else f"{some} ({change.clusters} independent)"


def _numbers(change: Change) -> str:
    form = "{:.4f} to {:.4f}" if change.lower_is_better else "{:.1%} to {:.1%}"
    return form.format(change.base, change.trained)


def _signed(change: Change, value: float) -> str:
    return f"{value:+.4f}" if change.lower_is_better else f"{value:+.1%}"


def _size(change: Change, value: float) -> str:
    return f"{value:.2g}" if change.lower_is_better else f"{100 * value:.1f} points"
