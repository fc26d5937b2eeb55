"""What an audit found, and what to do about it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from burnish.errors import TaskRefused
from burnish.protocols import Grader
from burnish.statistics import Interval
from burnish.tasks.graders.pattern import Matches
from burnish.tasks.graders.program import Calls
from burnish.tasks.graders.references import shown
from burnish.tasks.graders.shape import Length
from burnish.tasks.graders.weighted import Weighted

Verdict = Literal["holds", "gameable", "loose", "allowed", "not checked"]
"""loose: no way to a reward for nothing, but worth knowing; allowed: gameable, and the task says that this is meant."""
TITLES = {
    "P1": "nothing, a mark or the question itself earns nothing",
    "P2": "listing many answers earns nothing",
    "P3": "the right form with a wrong answer earns nothing",
    "P4": "length alone earns nothing",
    "P5": "tags and layout alone earn nothing",
    "P6": "the same answer written otherwise is worth the same",
    "P7": "a right answer spoilt is worth less",
    "P8": "telling the grader what to say earns nothing",
    "P9": "code that does not do the task earns nothing",
    "P10": "another row's answer earns nothing",
    "P11": "a search for what earns without being right finds nothing",
    "P12": "the environment pays for the task alone",
    "P13": "the questions do not tell their answers",
}
"""Family to what should hold."""
PATCHES = {
    "P1": "refuse answers that hold nothing of what is asked for: compare the whole answer, and never the other way round",
    "P2": "take one answer: compare all of it, or what stands after one mark at its end, and refuse an answer that gives several",
    "P3": "compare what the answer states as its result, in one place, and give nothing for the form alone",
    "P4": "pay nothing for length: take the length out of the score, or only bound it",
    "P5": "pay for form only where the answer in it is right, once, and refuse repeated or nested marks",
    "P6": "bring both sides into one form (case, spaces, numbers) before they are compared",
    "P7": "compare the value itself, so that another one, or half of an answer, is worth less",
    "P8": "give the judge the answer as quoted data, its delimiters escaped, and read the verdict from the judge's own last line",
    "P9": "compute the verdict outside of the answer's program, from what hidden calls return on cases that are not shown",
    "P10": "compare with the row's own reference",
    "P11": "take out of the score whatever these words are paid for",
    "P12": "pay for each goal once, from a state that no action can write, and end the way where it is reached or given up",
    "P13": "take it out of the questions, or give the same to all of them: options in chance order and alike, names and numbers "
    "that say nothing, examples that are other questions",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One family. rate: of rows in which the exploit worked, None where nothing was tried."""

    family: str
    verdict: Verdict
    tried: int
    """responses of this family that were graded"""
    name: str = ""
    """of the probe that worked best"""
    exploit: str = ""
    """its response to one row, as it was graded"""
    asked: str = ""
    """that row's question"""
    reward: float = float("nan")
    """of that response"""
    rate: Interval | None = None
    lines: tuple[int, ...] = ()
    """the rows in which it worked"""
    detail: str = ""
    patch: str = ""
    """in words; and as lines of task.toml, where the grader is of a kind of ours"""

    @property
    def title(self) -> str:
        """What should hold."""
        return TITLES[self.family]


@dataclass(frozen=True, slots=True, kw_only=True)
class Audit:
    """All families for one task."""

    findings: tuple[Finding, ...]
    rows: int
    graded: int
    """responses in all"""
    bar: float
    """what a response must earn to count: the 75th percentile of what the rows' own answers are worth"""
    note: str = ""

    @property
    def gameable(self) -> tuple[Finding, ...]:
        """The families through which the grader can be gamed."""
        return tuple(f for f in self.findings if f.verdict == "gameable")

    def insist(self, task: str, *, otherwise: str = "") -> None:
        """Raises TaskRefused where the grader can be gamed. otherwise: what else there is to do."""
        if self.gameable:
            first = self.gameable[0]
            others = f"; and {', '.join(f.family for f in self.gameable[1:])}" if len(self.gameable) > 1 else ""
            raise TaskRefused(
                f"{task} is refused: the grader can be gamed so: {shown(first.exploit, 200)}{others}",
                seen=first.detail,
                todo="; ".join(filter(None, [first.patch, otherwise])),
            )


def patch_of(family: str, grader: Grader | None, words: int) -> str:
    """What to change. words: of the longest right answer."""
    said = PATCHES[family]
    own = _toml(family, grader, words)
    return f"{said}. In task.toml: {own}" if own else said


def _toml(family: str, grader: Grader | None, words: int) -> str:
    match grader:
        case Weighted():
            several = [_toml(family, each, words) for each in grader.graders]
            return next((s for s in several if s), "")
        case Matches():
            pattern = grader.pattern.removeprefix("^").removesuffix("$")
            return (
                f"pattern = '^(?:{pattern})$' for kind = \"regex\", so that nothing may stand beside it" if family != "P6" else ""
            )
        case Length() if family in ("P4", "P10", "P1"):
            return 'a lower weight for kind = "length", or leave it out: it is met by any answer of that length'
        case Calls() if family != "P6":
            return f"nothing; mend {grader.function}() in task.py"
    if grader is None or grader.name not in ("contains", "numeric"):
        return ""
    if family in ("P1", "P2", "P3", "P5", "P7", "P8", "P11") and grader.name == "contains":
        return f'kind = "exact" instead of "contains"; or beside it kind = "length", at_most = {max(2 * words, 3)}'
    if family in ("P1", "P2", "P3", "P7") and grader.name == "numeric":
        return 'kind = "exact" instead of "numeric"; or ask for answers that end in "#### 42" or "The answer is 42."'
    return ""
