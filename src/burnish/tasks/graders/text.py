"""EXACT and CONTAINS: comparison of texts after a stated normalisation (Unicode NFC, case folding, spaces collapsed).

EXACT also accepts an answer whose marked final answer (`#### x`, `\\boxed{x}`) equals the reference, since references
are taken from such marks. CONTAINS looks for the reference between word boundaries; where the reference begins or ends
with a digit, a neighbouring digit, decimal point or sign is no boundary ("5" is not in "2.5", "15" or "-5"); scripts
written without spaces have no word boundaries. Neither understands meaning: "not Paris" contains "Paris".
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass, field

from burnish.tasks.answers import final_answer
from burnish.tasks.graders.references import cannot_judge, references_of, shown
from burnish.types import Example, Score


@dataclass(frozen=True, slots=True)
class Exact:
    """1 where the answer, or its marked final answer, is a reference up to case and spacing."""

    name: str = "exact"
    concurrency: int = field(default=2, repr=False)

    def grade(self, example: Example, answer: str) -> Score:
        """Score 1 or 0; NaN with `error` where the example has no reference."""
        references = references_of(example)
        if not references:
            return cannot_judge("the example has no reference to compare with")
        final = final_answer(answer)
        candidates = [(answer, "the answer")]
        if final is not None:
            candidates.insert(0, (final.text, f"the final answer in {final.mark}"))
        for candidate, name in candidates:
            for reference in references:
                if candidate == reference:
                    return Score(value=1.0, reason=f"{name} equals the reference {shown(reference)}")
                if fold(candidate) == fold(reference):
                    return Score(value=1.0, reason=f"{name} equals the reference {shown(reference)} up to case and spacing")
        seen, name = candidates[0]
        return Score(value=0.0, reason=f"{name} {shown(seen)} is not {_any(references)}")


@dataclass(frozen=True, slots=True)
class Contains:
    """1 where a reference stands in the answer as whole words, up to case and spacing."""

    name: str = "contains"
    concurrency: int = field(default=2, repr=False)

    def grade(self, example: Example, answer: str) -> Score:
        """Score 1 or 0; NaN with `error` where the example has no reference."""
        references = references_of(example)
        if not references:
            return cannot_judge("the example has no reference to look for")
        text = fold(answer)
        for reference in references:
            if _stands_in(fold(reference), text):
                return Score(value=1.0, reason=f"the answer contains {shown(reference)} up to case and spacing")
        return Score(value=0.0, reason=f"the answer {shown(answer)} does not contain {_any(references)}")


def fold(text: str) -> str:
    """Unicode NFC, case folded, runs of white space as one space."""
    return " ".join(unicodedata.normalize("NFC", unicodedata.normalize("NFC", text).casefold()).split())


def _any(references: tuple[str, ...]) -> str:
    first, *others = references
    return shown(first) + (f" or {len(others)} more" if others else "")


def _stands_in(wanted: str, text: str) -> bool:
    at = text.find(wanted)
    while at >= 0:
        end = at + len(wanted)
        before, after = text[max(0, at - 2) : at][::-1], text[end : end + 2]
        if _free(wanted[0], before, leading=True) and _free(wanted[-1], after, leading=False):
            return True
        at = text.find(wanted, at + 1)
    return False


def _free(edge: str, outside: str, *, leading: bool) -> bool:
    """Whether a word may end at `edge`. `outside` are the next two characters away from it, the nearest first."""
    near, far = outside[:1], outside[1:2]
    if not near or not _word(edge) or _spaceless(edge) or _spaceless(near):
        return True
    if _word(near):
        return False
    if edge.isdigit() and near in ".," and far.isdigit():
        return False
    signed = leading and edge.isdigit() and near in "-\u2212"
    return not signed or (far != "" and _word(far))


def _word(c: str) -> bool:
    return c.isalnum() or c == "_" or unicodedata.category(c).startswith("M")


def _spaceless(c: str) -> bool:
    """Scripts written without spaces between words: Han, kana, Thai, Lao, Burmese, Khmer."""
    return "\u3040" <= c <= "\u9fff" or "\u0e00" <= c <= "\u0eff" or "\u1000" <= c <= "\u109f" or "\u1780" <= c <= "\u17ff"


EXACT = Exact()
CONTAINS = Contains()
