"""P13: questions that tell their answers to whoever knows where to look.

A rule is learnt on half of the rows and must hold on the other half: the answer stands behind the same word, in the same part of
a name or an address, in a schema or a tool's description, in other spelling (base64, backwards, a checksum), in an example that
is the question itself; or it is the option in one place, the longest, or the only one of its look.

To read something off a text may be the task. So a place counts only where the question does not ask for it: what is left of the
rows without it must differ from row to row and not name the word before it, and nothing in them may ask to decode, or for names.
"""

from __future__ import annotations

import itertools
import json
import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from burnish.statistics import Interval, wilson
from burnish.tasks.graders.text import fold
from burnish.tasks.probes import clues
from burnish.tasks.probes.options import ORDERS, PICKS, by_size, options_of, strays
from burnish.tasks.probes.rows import Row
from burnish.tasks.probes.spellings import disguised, slug
from burnish.types import trained_answer

LEAST = 8
"""Rows of which a rule can be learnt."""
SHARE = 0.75
"""of the rows of each half, in which a rule must give the answer"""
FLAG = 0.6
"""Lower bound of that share, over all rows."""
CONSTANT = 0.7
DIFFERENT = 0.8
"""Share of rows that must differ where the place is left out."""
STRONG = frozenset(
    "answer answers ans solution solutions sol gold golden expected correct truth checksum chk groundtruth ground_truth "
    "<!-- /* // ;; spoiler cheat".split()
) | {"such as", "e.g", "for example", "for instance", "full marks for", "marks for"}
"""Words before an answer that give it away, whatever is asked."""
NUMBERED = frozenset(
    "question item no nr number id task row exercise problem case page version seed ref line ticket test card quiz q index entry "
    "sample example part lesson puzzle".split()
)
_FUNCTION = frozenset("the of is a an in to and from for by at with or are was on as be it that this".split())
_TRANSFORMS = re.compile(
    r"\b(?:revers\w*|backwards?|mirror\w*|encod\w*|decod\w*|base ?\d+|hex\w*|binary|octal|rot ?13|cipher\w*|caesar|convert\w*|"
    r"roman|spell\w*|digits?|hash\w*|decrypt\w*|encrypt\w*|unscrambl\w*|anagram\w*|vowels?|shift\w*|letter by letter|in words|"
    r"figures|right to left|ascii|unicode|codes?|translat\w* .*morse)\b",
    re.I,
)
_NAMES = re.compile(
    r"\b(?:urls?|links?|files?|file ?names?|paths?|domains?|address\w*|ids?|identifiers?|extensions?|slugs?|hosts?|users?|"
    r"handles?|branch\w*|packages?|versions?|e-?mails?|folders?|director\w*|tags?|suffix|prefix|keys?|tokens?|parts?|"
    r"split|words? after)\b",
    re.I,
)
_PLACES = re.compile(
    r"\b(?:first|last|second|third|fourth|final|begin\w*|start\w*|end|ends|ending|nth|copy|repeat|echo|quote|extract\w*)\b", re.I
)
_LENGTHS = re.compile(r"\b(?:long\w*|short\w*|length|letters?|words?|characters?|syllables?)\b", re.I)
_TOKEN = re.compile(r"[\w%+~@-]+(?:[-_/.:=?&#@]+[\w%+~-]+)+")
_RECORD = re.compile(r"^\W*[A-Za-z][\w ]{0,24}\s*[:=]\s*\S", re.M)


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """A rule that gives answers away. lines: of rows in which it does."""

    name: str
    rate: Interval
    rows: tuple[Row, ...]


@dataclass(frozen=True, slots=True)
class Seen:
    """What a policy reads of a row, part by part: "system", "earlier", "asked", "tools"; and what would tell the answer."""

    row: Row
    parts: tuple[tuple[str, str], ...]
    wanted: tuple[str, ...]
    options: tuple[tuple[str, str], ...]
    right: int | None
    """the number of the right option"""

    @property
    def text(self) -> str:
        return "\n".join(text for _, text in self.parts)


@dataclass(frozen=True, slots=True)
class Place:
    """Where an answer stands in a text. kind: "label", "name", "disguised", "option"; key: what is the same in all rows."""

    part: str
    kind: str
    key: str
    start: int
    end: int


def told(rows: Sequence[Row]) -> Told | None:
    """The rule that gives most answers away; None where there is none."""
    seen = [_seen(row) for row in rows]
    if len(seen) < LEAST:
        return None
    found = [*_always(seen), *_choices(seen), *_examples(seen), *_places(seen), *_marks(seen), *_computed(seen)]
    return max(found, key=lambda t: t.rate.low, default=None)


def _seen(row: Row) -> Seen:
    example = row.example
    last = trained_answer(example.messages)
    before = example.messages if last is None else example.messages[:last]
    system = "\n".join(m.content for m in before if m.role == "system")
    asked = "\n".join(m.content for m in before if m.role in ("user", "tool"))
    earlier = "\n".join(m.content for m in before if m.role == "assistant")
    tools = json.dumps(list(example.tools), ensure_ascii=False, default=str) if example.tools else ""
    options = options_of(asked)
    right = next((n for n, (a, b) in enumerate(options) for r in row.rights if fold(r).strip("().") in (fold(a), fold(b))), None)
    rights = [r.strip().strip(".") for r in row.rights if 0 < len(r.strip()) <= 60]
    wanted = [*rights[:3], *([options[right][1].strip(".")] if right is not None else [])]
    parts = tuple(
        (name, text) for name, text in (("system", system), ("earlier", earlier), ("asked", asked), ("tools", tools)) if text
    )
    return Seen(row, parts, tuple(dict.fromkeys(w for w in wanted if w)), options, right)


def _rule(name: str, seen: Sequence[Seen], gives: Callable[[Seen], bool], bound: float = FLAG) -> Iterator[Told]:
    """The rule, where it gives the answers of both halves of the rows."""
    hits = [gives(s) for s in seen]
    half = len(seen) // 2
    rate = wilson(sum(hits), len(hits))
    if rate.low > bound and min(sum(hits[:half]) / half, sum(hits[half:]) / (len(seen) - half)) >= SHARE:
        yield Told(name=name, rate=rate, rows=tuple(s.row for s, hit in zip(seen, hits, strict=True) if hit))


def _always(seen: Sequence[Seen]) -> Iterator[Told]:
    """One answer to all rows, though they ask different things."""
    (value, _), *_ = Counter(fold(s.row.own) for s in seen).most_common(1)
    if len({fold(s.text) for s in seen}) > len(seen) / 2 and len(value) < 200:
        yield from _rule(f"the answer is always {value!r}", seen, lambda s: fold(s.row.own) == value, 0.85)


LOOKS: tuple[tuple[str, Callable[[str], object]], ...] = (
    ("that ends with a full stop", lambda o: o.rstrip().endswith(".")),
    ("that ends with a mark", lambda o: o.rstrip()[-1:] in "!?*✓✔+#"),
    ("that begins with a capital", lambda o: o[:1].isupper()),
    ("that begins with an article", lambda o: o.lower().split(" ")[0] in ("a", "an", "the")),
    ("with a comma", lambda o: "," in o),
    ("with brackets", lambda o: "(" in o or "[" in o),
    ("with quotes", lambda o: re.search(r"[\"'“”`]", o)),
    ("with stars", lambda o: "*" in o or "_" in o),
    ("with digits", lambda o: re.search(r"\d", o)),
    ("with a dash", lambda o: "-" in o or "–" in o),
    ("of more than one word", lambda o: len(o.split()) > 1),
    ("with a space too many", lambda o: "  " in o),
    ("in capitals", lambda o: o.isupper()),
    ("with the word for being exact", lambda o: re.search(r"\b(?:all|both|none) of|\bmost\b|\busually\b|\bcorrect\b", o, re.I)),
)


def _choices(seen: Sequence[Seen]) -> Iterator[Told]:
    """The right option is known by its place, its length or its look."""
    with_options = [s for s in seen if s.options and s.right is not None]
    if len(with_options) < max(LEAST, SHARE * len(seen)):
        return
    two = 0.72 if any(len(s.options) < 3 for s in with_options) else FLAG
    for at in range(max(len(s.options) for s in with_options)):
        yield from _rule(f"the right option is number {at + 1}", with_options, lambda s, at=at: s.right == at, two)
    yield from _rule("the right option is the last", with_options, lambda s: s.right == len(s.options) - 1, two)
    if not any(_LENGTHS.search(_bare_question(s)) for s in with_options[:4]):
        for name, sign in (("longest", 1), ("shortest", -1)):

            def extreme(s: Seen, sign: int = sign) -> bool:
                sizes = [sign * len(text) for _, text in s.options]
                return s.right is not None and sizes[s.right] == max(sizes) and sizes.count(max(sizes)) == 1

            yield from _rule(f"the right option is the {name}", with_options, extreme, two)
    yield from _rule("the right option is the only one out of order", with_options, _stray, two)
    if not any(ORDERS.search(_bare_question(s)) for s in with_options[:4]):
        for name, pick in PICKS:

            def placed(s: Seen, pick: Callable[[int], int] = pick) -> bool:
                return s.right is not None and by_size([text for _, text in s.options], pick) == s.right

            yield from _rule(f"the right option is {name}", with_options, placed, two)
    for name, look in LOOKS:
        for has in (True, False):

            def alone(s: Seen, look: Callable[[str], object] = look, has: bool = has) -> bool:
                matching = [n for n, (_, text) in enumerate(s.options) if bool(look(text)) == has]
                return matching == [s.right]

            yield from _rule(f"the right option is the only one {'' if has else 'not '}{name}", with_options, alone, two)


def _stray(s: Seen) -> bool:
    found = strays([text for _, text in s.options])
    return s.right in found and len(found) <= 2


def _bare_question(s: Seen) -> str:
    """What is asked, without the options."""
    for _, text in s.options[:1]:
        return s.text.partition(text)[0]
    return s.text


def _examples(seen: Sequence[Seen]) -> Iterator[Told]:
    """An example in the question, or earlier in the conversation, is the question itself."""

    def repeated(s: Seen) -> bool:
        messages = s.row.example.messages
        last = trained_answer(messages)
        before = messages if last is None else messages[:last]
        asked = next((m.content for m in reversed(before) if m.role == "user"), "")
        for question, answer in itertools.pairwise(before):
            if question.role == "user" and answer.role == "assistant" and fold(question.content) == fold(asked):
                return True
        lines = [line.strip() for line in asked.strip().splitlines() if line.strip()]
        for count in (1, 2, 3):
            tail = "\n".join(lines[-count:])
            body = "\n".join(lines[:-count])
            at = body.rfind(tail) if len(tail) >= 4 and count < len(lines) else -1
            if at >= 0 and (rest := body[at + len(tail) :].strip()) and _begins(rest, s.wanted):
                return True
        return _repeats(asked, s.wanted)

    yield from _rule("an example is the question itself", seen, repeated)


def _repeats(asked: str, wanted: Sequence[str]) -> bool:
    """Whether a long part of a question's end stands earlier in it as well, with the answer right behind."""
    words = list(re.finditer(r"\S+", asked))
    for size in range(min(len(words) // 2, 80), 4, -1):
        for end in range(len(words), max(len(words) - 12, size), -1):
            tail = asked[words[end - size].start() : words[end - 1].end()]
            at = asked.find(tail, 0, words[end - size].start())
            if at >= 0 and len(tail) >= 20:
                rest = asked[at + len(tail) : words[end - size].start()]
                return _begins(re.sub(r"^\W*(?:answer|a|reply|solution|result)?\W*", "", rest, flags=re.I), wanted)
    return False


def _begins(text: str, wanted: Sequence[str]) -> bool:
    folded = fold(text).lstrip(" :=>-\"'([*`")
    return any(folded.startswith(fold(w)) and not folded[len(fold(w)) : len(fold(w)) + 1].isalnum() for w in wanted)


def _places(seen: Sequence[Seen]) -> Iterator[Told]:
    """The answer stands in one place, or is there in another spelling."""
    by_key: dict[tuple[str, str, str], dict[int, Place]] = {}
    for number, s in enumerate(seen):
        for place in _found(s):
            by_key.setdefault((place.part, place.kind, place.key), {}).setdefault(number, place)
    for (part, kind, key), places in by_key.items():
        if len(places) < SHARE * len(seen):
            continue
        if not _unasked(seen, places, kind, key):
            continue
        name = {
            "label": f"the answer stands after {key!r}",
            "name": f"the answer is part of a name: {key}",
            "disguised": f"the answer is there {key}",
        }[kind]
        where = {
            "system": " in the system message",
            "earlier": " in what was said earlier",
            "tools": " in what is told of the tools",
            "asked": "",
        }[part]
        if kind == "label":
            for pick in (0, -1):
                yield from _rule(name + where, seen, lambda s, p=part, k=key, pick=pick: _reads(s, p, k, pick))
        else:
            yield from _rule(name + where, seen, lambda s, places=places: any(seen[n] is s for n in places))


_MARK = re.compile(
    r"\(?(?:correct|right|checked|selected|true|the answer|answer|chosen|key|this one)\b|[✓✔✅☑★⭐👈←☜*^!+~°|]+|<-+|<=+|"
    r"\[[xX✓]\]|\([xX✓]\)|#+|-->|//",
    re.I,
)
_MARK_BEFORE = re.compile(
    r"(\[[xX✓*]\]|\([xX✓*]\)|[✓✔✅☑★⭐👉→☞*>+~!^]+|-+>|=+>|\*\*|__|<(?:b|strong|em|u|i|mark)>)[\s\"'`(]{0,3}$"
)
_MARKING = re.compile(r"\b(?:marked|bold|stars?|starred|checked|ticked|underlined|arrow|emphasi\w*|highlight\w*)\b", re.I)


def _marks(seen: Sequence[Seen]) -> Iterator[Told]:
    """A mark that stands once in a text, and behind or before it the answer."""
    by_key: dict[tuple[str, str, str], set[int]] = {}
    for number, s in enumerate(seen):
        for part, text in s.parts:
            for value in s.wanted:
                for m in re.finditer(rf"(?<![^\W_]){re.escape(value)}(?![^\W_])", text, re.IGNORECASE):
                    for key, mark in _marks_at(text, m):
                        by_key.setdefault((part, key, mark), set()).add(number)
    for (_, key, mark), places in by_key.items():
        if len(places) < SHARE * len(seen):
            continue
        shown = [seen[n] for n in places]
        rests = [fold(s.text.replace(mark, " ").replace(s.row.rights[0], " ")) for s in shown]
        spoken = sum(_MARKING.search(rest) is not None for rest in rests) > (1 - SHARE) * len(rests)
        if not spoken and _tell_apart(rests, shown):
            yield from _rule(f"the answer is marked: {mark!r} {key}", seen, lambda s, p=places: any(seen[n] is s for n in p))


def _marks_at(text: str, m: re.Match[str]) -> Iterator[tuple[str, str]]:
    """The marks beside a place that stand nowhere else, or once more to end what they begin."""
    gap = re.match(r"[\s\"'`.,;:)\]=-]{0,3}", text[m.end() :])
    after = _MARK.match(text, m.end() + (gap.end() if gap else 0))
    if after is not None and text.lower().count(after[0].lower()) == 1:
        yield "follows", after[0].lower()
    line = re.sub(r"\(?[A-Ha-h1-8][).:]\s+$", "", text[text.rfind("\n", 0, m.start()) + 1 : m.start()])
    before = _MARK_BEFORE.search(line)
    if before is not None and text.count(before[1]) <= (2 if before[1] in ("**", "__", "*") else 1):
        yield "stands before it", before[1]


def _computed(seen: Sequence[Seen]) -> Iterator[Told]:
    """The answer follows from what stands beside the question, or from how it is written."""
    shown = [clues.Text(s.parts, s.wanted, s.right) for s in seen]
    base = max(Counter(fold(s.row.own) for s in seen).values()) / len(seen)
    number = {id(s): n for n, s in enumerate(seen)}
    asks = [_bare_question(s) for s in seen]
    spoken = sum(_TRANSFORMS.search(a) is not None for a in asks) > (1 - SHARE) * len(asks)
    for name, gives in clues.rules(shown):
        if spoken and ":" in name:
            continue
        for found in _rule(name, seen, lambda s, g=gives: g(number[id(s)]), max(FLAG, min(0.84, base + 0.25))):
            if not _speaks_of(name, asks):
                yield found


def _speaks_of(name: str, asks: Sequence[str]) -> bool:
    """Whether the questions name what a rule looks at: the word of its place once more, or names and numbers of things at all."""
    if " of the system text" in name or " of the earlier text" in name:
        return False
    if re.search(r"answer is (?:what stands|name|the line|a tag|brackets|parentheses|braces)", name):
        spoken = sum(_ASKS_NAMES.search(a) is not None for a in asks)
        if spoken > (1 - SHARE) * len(asks):
            return True
    label = re.search(r"after '([^']+)'|the line '([^']+)'", name)
    names = re.findall(r"[^\W\d_]{2,}", (label[1] or label[2]) if label else "")
    said = [sum(len(re.findall(rf"\b{re.escape(w)}", a, re.I)) > 1 for w in names) for a in asks]
    return sum(map(bool, said)) > (1 - SHARE) * len(asks)


_ASKS_NAMES = re.compile(
    r"\b(?:which|what|whose|read|give|find|name|copy|extract|tell)\b[^.?!\n]{0,40}"
    r"\b(?:urls?|links?|file ?names?|paths?|domains?|ids?|identifiers?|extension|hosts?|handles?|branch|packages?|versions?|"
    r"folders?|suffix|prefix|tokens?|numbered|labels?|tags?|codes?|serials?|(?:order|ticket|item|page|sheet|case|room|lot|"
    r"invoice|reference|serial|model|part|account|phone|house|track|flight|train|bus|gate|seat) (?:number|no)?)\b",
    re.I,
)


def _found(s: Seen) -> Iterator[Place]:
    for part, text in s.parts:
        for value in s.wanted:
            for m in re.finditer(rf"(?<![^\W_]){re.escape(value)}(?![^\W_])", text, re.IGNORECASE):
                if (label := _label(text, m.start())) and _lone(text, m, value, label):
                    yield Place(part, "label", label, *m.span())
            names = {slug(value), re.sub(r"[\W_]", "", fold(value))}
            for token in _TOKEN.finditer(text):
                if not re.search(r"[^\W\d_]", token[0]) or slug(token[0]) in names or fold(token[0]) == fold(value):
                    continue
                pieces = re.split(r"[-_/.:=?&#@]+", fold(token[0]))
                for size in range(1, 1 + len(slug(value).split("-"))):
                    for at in range(len(pieces) - size + 1):
                        if "-".join(pieces[at : at + size]) in names:
                            fixed = next((p for n, p in enumerate(pieces) if p.isalpha() and not at <= n < at + size), "")
                            rest = len(pieces) - at - size
                            yield Place(part, "name", f"part {rest + 1} from its end, as in {fixed}", *token.span())
                            yield Place(part, "name", f"part {rest + 1} from its end", *token.span())
                            yield Place(part, "name", "any part", *token.span())
        for value in (w for w in s.wanted if len(w) > 1):
            for name, spelled in disguised(value):
                m = re.search(rf"(?<![^\W_]){re.escape(spelled)}", text, re.IGNORECASE if "checksum" in name else 0)
                if m is not None and (name.startswith(("as its", "in base")) or not text[m.end() : m.end() + 1].isalnum()):
                    yield Place(part, "disguised", name, *m.span())


def _lone(text: str, m: re.Match[str], value: str, label: str) -> bool:
    """Whether a single letter stands as an answer does, and not as a word, an option or part of a sum."""
    if len(value) > 1 or label in STRONG:
        return True
    return text[m.end() : m.end() + 1] not in (")", ".", ":") if value.isalpha() else True


@lru_cache(maxsize=8192)
def _label(text: str, start: int) -> str:
    """The word before a place, with what stands between; "" where there is none on its line."""
    line = text[text.rfind("\n", 0, start) + 1 : start]
    if re.search(r"\w[-_/.]$|://$", line):
        return ""
    if (comment := re.search(r"(<!--|/\*|//|;;)\s*$", line)) is not None:
        return comment[1]
    m = re.search(r"(#|[^\W\d_][\w-]*)[^\w\n]{1,8}$|(#)$", line)
    if m is None:
        return ""
    if (phrase := re.search(r"\b(such as|e\.g|for example|for instance|(?:full )?marks for)\W{1,4}$", line, re.I)) is not None:
        return phrase[1].lower()
    return (m[1] or m[2]).lower()


def _reads(s: Seen, part: str, label: str, pick: int) -> bool:
    """Whether the answer is what stands after the first or last such word of that part."""
    text = dict(s.parts).get(part, "")
    places = [m.end() for m in re.finditer(rf"(?<![^\W_]){re.escape(label)}(?=[^\w\n]|$)[^\w\n]{{0,8}}", text, re.IGNORECASE)]
    places = [p for p in places if p < len(text)]
    if not places:
        return False
    at = places[pick]
    negative = at > 0 and text[at - 1] == "-"
    return _begins(text[at:], s.wanted) or (negative and _begins(text[at - 1 :], s.wanted))


def _unasked(seen: Sequence[Seen], places: dict[int, Place], kind: str, key: str) -> bool:
    """Whether what is left of the rows asks for something else than what stands in that place."""
    rests: list[str] = []
    asked = 0
    for number, place in places.items():
        s = seen[number]
        text = dict(s.parts)[place.part]
        first = text.rfind("\n", 0, place.start) + 1
        last = text.find("\n", place.end)
        last = len(text) if last < 0 else last
        others = "\n".join(t for p, t in s.parts if p != place.part)
        before = text[first : place.start]
        cut = re.search(rf"{re.escape(key)}[^\w\n]*$", before, re.IGNORECASE) if kind == "label" else None
        own_line = (before[: cut.start()] if cut else before) + " " + text[place.end : last]
        rest = f"{others}\n{text[:first]}\n{own_line}\n{text[last:]}"
        rests.append(fold(rest))
        asked += _asks(rest, own_line, kind, key, text, place)
    return _tell_apart(rests, [seen[n] for n in places]) and asked <= (1 - SHARE) * len(rests)


def _tell_apart(rests: Sequence[str], seen: Sequence[Seen]) -> bool:
    """Whether what is left of the rows differs as their answers do: as often, or so that the same is left of none that differ."""
    if len(set(rests)) >= DIFFERENT * len(rests):
        return True
    pairs = {(rest, fold(s.wanted[0]) if s.wanted else "") for rest, s in zip(rests, seen, strict=True)}
    return len(set(rests)) >= len(rests) / 2 and len(pairs) == len(set(rests))


def _hidden(text: str, at: int) -> bool:
    """Whether a place is within a comment."""
    return any(text.rfind(start, 0, at) > text.rfind(end, 0, at) for start, end in (("<!--", "-->"), ("/*", "*/"), ("{#", "#}")))


def _asks(rest: str, own_line: str, kind: str, key: str, text: str, place: Place) -> bool:
    """Whether a question asks for a place. rest: the question without it; own_line: what is left of its line."""
    if place.part == "tools":
        return False
    outside = rest.replace(own_line, "\n", 1)
    outside = outside if len(re.findall(r"[^\W\d_]{2,}", outside)) > 2 else rest
    if kind == "disguised":
        return _TRANSFORMS.search(outside) is not None
    if kind == "name":
        return _NAMES.search(outside) is not None
    if key in STRONG or _hidden(text, place.start):
        return False
    words = {w[:5] for w in re.findall(r"[^\W\d_]{3,}", fold(rest))}
    if any(piece[:5] in words for piece in re.findall(r"[^\W\d_]{3,}", key)) or _PLACES.search(rest):
        return True
    if key in NUMBERED or key == "#":
        return False
    between = text[: place.start].rsplit("\n", 1)[-1]
    marks = re.search(r"[^\w\s]", re.split(re.escape(key), between, flags=re.IGNORECASE)[-1])
    if marks is None:  # in a sentence, which something may ask for in other words
        near = [*re.findall(r"[^\W\d_]{3,}", fold(between))[-4:], *re.findall(r"[^\W\d_]{3,}", fold(text[place.end :]))[:3]]
        others = Counter(re.findall(r"[^\W\d_]{3,}", fold(text)))
        return key in _FUNCTION or any(others[w] > 1 for w in near if w not in _FUNCTION)
    return len(_RECORD.findall(text)) > 2
