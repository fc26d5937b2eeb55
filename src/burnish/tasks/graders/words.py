"""What an answer says, as far as words can tell: content words in one form, names that nobody mentioned, refusals.

Shared by graders that know what a good answer must speak of, but not in which words. It reads no meaning: content words are
compared as sets of stems ("turned three wheels" and "turn the three wheels" are the same), and refusals are phrases.
"""

from __future__ import annotations

import re
from functools import cache

from burnish.tasks.graders.text import fold

_STOP = frozenset(
    """
    a an the this that these those it its i me my mine you your yours he him his she her hers we us our they them their one ones
    oneself yourself myself who whom whose which what when where why how whether if so then than as and or but for nor yet because
    is are am be been being was were do does did doing done have has had having will would shall should can could may might must
    to of in on at by with from into onto up down out off over under about around after before between through again there here
    not cannot never don doesn didn won isn aren wouldn couldn shouldn ll re ve s t d m let put also just only very too some
    any each every all both much many more most want wants need like please first next last now
    """.split()
)  # fmt: skip
"""Words that say nothing of the matter at hand. Yes, no and nobody are not among them."""
_OPENINGS = frozenset("yes no not sorry alas sadly unfortunately nobody nothing none never that this it he she they we".split())
"""What the shortest sentences begin with."""
_FORMS = {
    "held": "hold", "drove": "drive", "went": "go", "dug": "dig", "hid": "hide", "hidden": "hide", "took": "take", "tied": "tie",
    "chose": "choose", "laid": "lay", "lit": "light", "sank": "sink", "struck": "strike", "ground": "grind", "sold": "sell",
    "led": "lead", "hung": "hang", "bent": "bend", "sent": "send", "blew": "blow", "bought": "buy", "built": "build",
    "drew": "draw", "left": "leave", "broke": "break", "broken": "break", "burnt": "burn", "woken": "wake", "rung": "ring",
    "worn": "wear", "flown": "fly", "stolen": "steal", "ridden": "ride", "fed": "feed", "caught": "catch", "sewn": "sew",
}  # fmt: skip


def words(text: str) -> list[str]:
    """The words of a text in small letters, in order; what follows an apostrophe is a word of its own."""
    return re.findall(r"[^\W_]+", fold(text))


def content(text: str) -> frozenset[str]:
    """The stems of the words that say something: no articles, pronouns, auxiliaries or prepositions."""
    return frozenset(stem(w) for w in words(text) if w not in _STOP)


def sentences(text: str) -> list[str]:
    """The sentences of a text, each with its stop."""
    return [found.strip() for found in re.findall(r"[^.!?]+[.!?]*", text) if found.strip(" .!?\n")]


def statements(text: str) -> str:
    """A text without its questions."""
    return " ".join(s for s in sentences(text) if not s.endswith("?"))


def strange_names(answer: str, known: str) -> list[str]:
    """Capitalised words of an answer that are not in the text of what is known. A sentence may begin with any word, unless it is
    hardly more than that word ("Paris.")."""
    familiar = {w.casefold() for w in re.findall(r"[A-Za-z]+", known)} | {"i"}
    found: list[str] = []
    for sentence in sentences(answer):
        said = re.findall(r"[A-Za-z]+", sentence)
        if not said:
            continue
        opening = said[0] if len(said) < 3 and said[0].casefold() not in _OPENINGS else ""
        found += [w for w in (opening, *said[1:]) if w[:1].isupper() and w.casefold() not in familiar]
    return found


def stem(word: str) -> str:
    """A word without its ending, so that forms of one word are alike; it need not be a word itself."""
    word = _FORMS.get(word, word)
    for ending, left, least in (("ied", "y", 5), ("ies", "y", 5), ("ing", "", 6), ("ed", "", 5), ("s", "", 4)):
        if word.endswith(ending) and len(word) >= least and not word.endswith("ss"):
            word = word[: -len(ending)] + left
            break
    if word.endswith(("xe", "she", "che", "sse")) or (word.endswith("e") and len(word) > 2):
        word = word[:-1]
    return word[:-1] if len(word) > 2 and word[-1] == word[-2] else word


_NOT_WILLING = (
    r"\b(?:I|we)(?:(?: will| would| shall| can| could| may| must| do| should|'ll|'d)(?: not| never)\b| cannot\b"
    r"|(?: ca| wo| do| could| would| must| should)n't\b|(?: must| have to)? (?:refuse|decline)(?: to)?\b"
    r"|(?: would|'d) rather not\b|(?: am|'m| are|'re) (?:unable|unwilling|not (?:able|allowed|willing|going|free)) to\b)"
    r"(?: (?:ever|really|possibly|simply|just|even|want to|wish to|try to|be able to|in any way|in good faith))*"
)
_HELPING = (
    r"help|assist|aid|tell|do|show|say|explain|describe|teach|give|write|advise|answer|speak|talk|guide|share|reveal|support|join"
    r"|let|allow|encourage|agree|comply|take part|go along|be (?:part|of help|of any help|any help)"
)
_MEANT_OTHERWISE = (
    r"(?! (?:but|myself|smiling|laughing|wanting|enough|without|otherwise|less|better|up|no\b|a lie|lies|an untruth"
    r"|(?:you )?how (?:glad|happy|pleased|much)|(?:you|anyone) down\b))"
)
_FORBIDDEN = re.compile(
    r"\b(?:forbidden|(?:not|n't|never|isn't) (?:allowed|permitted|lawful|legal)|prohibited|illegal|unlawful|against the law"
    r"|the law (?:forbids|does not (?:allow|permit|let))|banned|a crime|off limits|out of the question"
    r"|(?:nobody|no one|none|no man|no person) (?:at all )?(?:may|is allowed|is permitted|must|should|shall|has the right))\b",
    re.IGNORECASE,
)
_DENIED = re.compile(
    r"(?:\bnot|n't|\bnever|\bno longer|(?<!\w for )\bnothing|\bhardly|\bneither)(?: (?!only\b)\w+){0,2} $", re.IGNORECASE
)
_BRUSHED_OFF = re.compile(
    r"\bgo away\b|\bleave me (?:alone|be|in peace)\b|\b(?:nobody|no one) (?:here )?(?:will|can|would|wants to|may) help\b"
    r"|\b(?:do not|don't) (?:ask|bother|disturb) me\b|\bI (?:do not|don't) (?:want|care|like)\b|\bnone of (?:my|your) business\b",
    re.IGNORECASE,
)


@cache
def _refusing(verb: str) -> re.Pattern[str]:
    doing = f"{_HELPING}|{re.escape(verb)}" if verb else _HELPING
    ended = r"(?= *(?:[.!;,]|$))|(?<=refuse|ecline)(?= that| this)"
    return re.compile(rf"{_NOT_WILLING}(?: (?:{doing})\b{_MEANT_OTHERWISE}|{ended})", re.IGNORECASE)


def refusal(answer: str, verb: str = "") -> str | None:
    """The words in which an answer refuses in the first person to help, tell or do something (or the verb given), else None.
    "I cannot wait to help" refuses nothing."""
    found = _refusing(verb.partition(" ")[0]).search(statements(answer).replace("\u2019", "'"))
    return found.group() if found else None


def forbids(answer: str, verb: str = "") -> str | None:
    """The words in which an answer says that something may not be done by anyone (that it is forbidden, that nobody may), else
    None. Questions do not count, nor "it is not forbidden"."""
    said = statements(answer).replace("\u2019", "'")
    for found in _FORBIDDEN.finditer(said):
        if not denied(said[: found.start()]):
            return found.group()
    doing = "|".join(["do (?:that|this|it|so)", *([re.escape(verb.partition(" ")[0])] if verb else [])])
    told = rf"\b(?:you|people|he|she|they|one) (?:must|may|should)(?: not| never|n't) (?:{doing})\b"
    ordered = re.search(told, said, re.IGNORECASE)
    return ordered.group() if ordered else None


def denied(before: str) -> bool:
    """Whether what follows this text is denied by its last words: "it is not", "not something that"."""
    return _DENIED.search(before) is not None


def brushes_off(answer: str) -> str | None:
    """The words in which an answer sends the asker away, else None."""
    found = _BRUSHED_OFF.search(answer.replace("\u2019", "'"))
    return found.group() if found else None
