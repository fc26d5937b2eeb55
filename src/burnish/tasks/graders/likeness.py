"""How alike two texts are, by the measures that OpenAI's `text_similarity` names. Each is a number from 0 to 1.

fuzzy_match   2 M / (a + b), M the longest common subsequence of letters, a and b the lengths (rapidfuzz `fuzz.ratio`)
bleu          n-gram precision to 4, brevity penalty (Papineni et al. 2002); of one sentence as sacrebleu (Post 2018): words
              by 13a, exponential smoothing, no higher n than the text has
gleu          the smaller of n-gram precision and recall, n to 4 together (Wu et al. 2016, section 4.3); words by 13a
meteor        alignment of equal words, then of equal stems (Porter): F with recall at 9 to 1, less a penalty for order
              (Banerjee & Lavie 2005, alpha 0.9, beta 3, gamma 0.5). Without WordNet: synonyms are different words
rouge_1 to 5  F1 of n-grams, rouge_l F1 of the longest common subsequence of words (Lin 2004); words are runs of letters and
              digits, in small letters, not stemmed. For ASCII that of `rouge_score`; other letters count here, not there

What OpenAI runs behind these names is not published to the last detail; these are the definitions that the names have.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise

from burnish.tasks.graders.needs import needed

Measure = Callable[[str, str], float]
"""(text, reference) to a number from 0 to 1."""
LIMIT_WORDS = 4000
"""Of each text; what follows is not compared by meteor and rouge_l, whose time grows with the product."""
_MARKS = re.compile(r"([\{-\~\[-\` -\&\(-\+\:-\@\/])")
_POINT_AFTER, _POINT_BEFORE, _DASH = re.compile(r"([^0-9])([\.,])"), re.compile(r"([\.,])([^0-9])"), re.compile(r"([0-9])(-)")
_ENTITIES = {"<skipped>": "", "-\n": "", "\n": " ", "&quot;": '"', "&amp;": "&", "&lt;": "<", "&gt;": ">"}


def words_13a(text: str) -> list[str]:
    """Words and marks, as mteval-v13a divides them."""
    for entity, plain in _ENTITIES.items():
        text = text.replace(entity, plain)
    text = _MARKS.sub(r" \1 ", f" {text} ")
    text = _POINT_BEFORE.sub(r" \1 \2", _POINT_AFTER.sub(r"\1 \2 ", text))
    return _DASH.sub(r"\1 \2 ", text).split()


def fuzzy_match(text: str, reference: str) -> float:
    """See the module."""
    return needed("rapidfuzz.fuzz", "graders", "the measure fuzzy_match").ratio(text, reference) / 100.0


def bleu(text: str, reference: str) -> float:
    """See the module. As for sacrebleu, n-grams of which none is right count half, a quarter, ... of one; 0 where no word is."""
    said, wanted = words_13a(text), words_13a(reference)
    logs: list[float] = []
    smooth = 1.0
    for n in range(1, min(4, len(said)) + 1):
        counts = _grams(said, n)
        right, total = (counts & _grams(wanted, n)).total(), counts.total()
        if n == 1 and not right:
            return 0.0
        smooth *= 1.0 if right else 2.0
        logs.append(math.log((right if right else 1 / smooth) / total))
    if not logs:
        return 0.0
    brevity = min(0.0, 1 - len(wanted) / len(said))
    return math.exp(brevity + sum(logs) / len(logs))


def gleu(text: str, reference: str) -> float:
    """See the module."""
    said, wanted = (sum((_grams(words_13a(t), n) for n in range(1, 5)), Counter()) for t in (text, reference))
    most = max(said.total(), wanted.total())
    return (said & wanted).total() / most if most else 0.0


def meteor(text: str, reference: str) -> float:
    """See the module. Words are aligned from the last on, each with the last equal one that is free."""
    said, wanted = (words_13a(t.lower())[:LIMIT_WORDS] for t in (text, reference))
    stemmer = needed("snowballstemmer", "graders", "the measure meteor").stemmer("porter")
    pairs: list[tuple[int, int]] = []
    left, right = list(range(len(said))), list(range(len(wanted)))
    for forms in ((said, wanted), (stemmer.stemWords(said), stemmer.stemWords(wanted))):
        places: dict[str, list[int]] = {}
        for j in right:
            places.setdefault(forms[1][j], []).append(j)
        for i in reversed(left):
            if free := places.get(forms[0][i]):
                pairs.append((i, free.pop()))
        taken = ({i for i, _ in pairs}, {j for _, j in pairs})
        left, right = [i for i in left if i not in taken[0]], [j for j in right if j not in taken[1]]
    if not pairs:
        return 0.0
    precision, recall = len(pairs) / len(said), len(pairs) / len(wanted)
    pairs.sort()
    chunks = 1 + sum(b != (a[0] + 1, a[1] + 1) for a, b in pairwise(pairs))
    mean = precision * recall / (0.9 * precision + 0.1 * recall)
    return mean * (1 - 0.5 * (chunks / len(pairs)) ** 3)


def rouge(n: int) -> Measure:
    """See the module."""

    def measure(text: str, reference: str) -> float:
        said, wanted = _grams(_words(text), n), _grams(_words(reference), n)
        return _f1((said & wanted).total(), said.total(), wanted.total())

    return measure


def rouge_l(text: str, reference: str) -> float:
    """See the module."""
    said, wanted = _words(text)[:LIMIT_WORDS], _words(reference)[:LIMIT_WORDS]
    places: dict[str, int] = {}
    for n, word in enumerate(said):
        places[word] = places.get(word, 0) | 1 << n
    full = (1 << len(said)) - 1
    row = full  # bits of a column of the usual table, all at once (Hyyro 2004): a 0 for each word of the subsequence
    for word in wanted:
        hit = row & places.get(word, 0)
        row = (row + hit | row - hit) & full
    return _f1(len(said) - row.bit_count(), len(said), len(wanted))


def cosine(a: Sequence[float], b: Sequence[float]) -> float:
    """Of two embeddings; NaN where one of them is 0."""
    lengths = math.sqrt(sum(x * x for x in a)) * math.sqrt(sum(x * x for x in b))
    return sum(x * y for x, y in zip(a, b, strict=True)) / lengths if lengths else math.nan


def _words(text: str) -> list[str]:
    return re.findall(r"[^\W_]+", text.lower())


def _grams(words: Sequence[str], n: int) -> Counter[tuple[str, ...]]:
    return Counter(zip(*(words[k:] for k in range(n)), strict=False))


def _f1(shared: int, said: int, wanted: int) -> float:
    return 2 * shared / (said + wanted) if shared else 0.0


MEASURES: Mapping[str, Measure] = {
    "fuzzy_match": fuzzy_match,
    "bleu": bleu,
    "gleu": gleu,
    "meteor": meteor,
    **{f"rouge_{n}": rouge(n) for n in range(1, 6)},
    "rouge_l": rouge_l,
}
LIBRARIES = {"fuzzy_match": "rapidfuzz", "meteor": "snowballstemmer"}
"""What some of them need."""
