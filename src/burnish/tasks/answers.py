"""Final answers inside longer ones: the GSM8K mark `#### 42` (Cobbe et al. 2021) and the MATH mark `\\boxed{42}`
(Hendrycks et al. 2021). Both scans are linear in the length of the text.

`#### x` counts only as the last line that holds text, so that a fourth-level Markdown heading is no answer. The last
`\\boxed` counts, with its braces balanced.
"""

from __future__ import annotations

from typing import Literal, NamedTuple


class FinalAnswer(NamedTuple):
    """The text inside the mark, and which mark it was."""

    text: str
    mark: Literal["####", "\\boxed"]


def final_answer(text: str) -> FinalAnswer | None:
    """The marked final answer of `text`, or None where it has no mark (or an empty or unclosed one)."""
    last = text.rstrip().rpartition("\n")[2].strip()
    if last.startswith("####") and not last.startswith("#####"):
        found = last[4:].strip()
        return FinalAnswer(found, "####") if found else None
    at = text.rfind("\\boxed")
    if at < 0:
        return None
    rest = text[at + len("\\boxed") :]
    if rest.startswith(" "):  # \boxed 2
        word = rest.split()[0].rstrip("$.,;:") if rest.split() else ""
        return FinalAnswer(word, "\\boxed") if word else None
    if not rest.startswith("{"):
        return None
    depth = 0
    for i, c in enumerate(rest):
        depth += (c == "{") - (c == "}")
        if depth == 0:
            inside = rest[1:i].strip()
            return FinalAnswer(inside, "\\boxed") if inside else None
    return None
