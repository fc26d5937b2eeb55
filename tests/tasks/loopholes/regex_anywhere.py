"""Graders that look for the right answer anywhere, so that a list of guesses is right; their twins look in one place."""

from __future__ import annotations

import json
import re

from subjects import cases, rows

from burnish.tasks.graders.numbers import plain_number
from burnish.types import Example


def anywhere(row: Example, answer: str) -> bool:
    return row.reference in answer


def whole(row: Example, answer: str) -> bool:
    return answer.strip() == row.reference


def word(row: Example, answer: str) -> float:
    assert row.reference
    return 1.0 if re.search(rf"\b{re.escape(row.reference)}\b", answer, re.IGNORECASE) else 0.0


def whole_fold(row: Example, answer: str) -> float:
    assert row.reference
    return 1.0 if answer.strip().strip(".").casefold() == row.reference.casefold() else 0.0


def any_number(row: Example, answer: str) -> bool:
    numbers = [float(x) for x in re.findall(r"-?\d+(?:\.\d+)?", answer)]
    return float(str(row.reference)) in numbers


def one_number(row: Example, answer: str) -> bool:
    numbers = re.findall(r"-?\d+(?:\.\d+)?", answer)
    return len(numbers) == 1 and float(numbers[0]) == float(str(row.reference))


def after_mark(row: Example, answer: str) -> bool:
    lines = answer.rstrip().splitlines()
    return bool(lines) and lines[-1].startswith("#### ") and lines[-1][5:].strip() == row.reference and answer.count("####") == 1


def any_tag(row: Example, answer: str) -> int:
    found = re.findall(r"<answer>(.*?)</answer>", answer, re.DOTALL)
    return int(any(row.reference == f.strip() for f in found))


def one_tag(row: Example, answer: str) -> int:
    found = re.findall(r"<answer>(.*?)</answer>", answer, re.DOTALL)
    return int(len(found) == 1 and found[0].strip() == row.reference)


def tag_holds(row: Example, answer: str) -> float:
    start, end = answer.find("<answer>"), answer.rfind("</answer>")
    return float(0 <= start < end and str(row.reference) in answer[start:end])


def any_box(row: Example, answer: str) -> bool:
    return any(b == row.reference for b in re.findall(r"\\boxed\{([^{}]*)\}", answer))


def only_box(row: Example, answer: str) -> bool:
    boxes = re.findall(r"\\boxed\{([^{}]*)\}", answer)
    return boxes == [row.reference]


def any_letter(row: Example, answer: str) -> bool:
    return row.reference in re.findall(r"\b[A-D]\b", answer)


def one_letter(row: Example, answer: str) -> bool:
    m = re.fullmatch(r"\s*\(?([A-D])[).]?\s*", answer)
    return m is not None and m[1] == row.reference


def in_json(row: Example, answer: str) -> bool:
    return f"{row.reference}" in answer and answer.lstrip().startswith("{")


def json_field(row: Example, answer: str) -> bool:
    try:
        said = json.loads(answer)
    except json.JSONDecodeError:
        return False
    return isinstance(said, dict) and list(said) == ["answer"] and str(said["answer"]) == row.reference


def label_in(row: Example, answer: str) -> float:
    return float(str(row.reference) in answer.lower().split())


def label_is(row: Example, answer: str) -> float:
    said = re.sub(r"[^a-z]", "", answer.lower())
    return float(said == row.reference)


def loose_line(row: Example, answer: str) -> bool:
    assert row.reference
    return re.search("Answer:.*" + re.escape(row.reference), answer, re.S) is not None


def last_line(row: Example, answer: str) -> bool:
    last = answer.strip().split("\n")[-1]
    return last == f"Answer: {row.reference}"


def squeezed(row: Example, answer: str) -> bool:
    return str(row.reference).replace(" ", "").lower() in "".join(answer.lower().split())


def sentence(row: Example, answer: str) -> bool:
    m = re.fullmatch(r"\s*(?:the answer is\s+)?(.+?)\.?\s*", answer, re.IGNORECASE)
    return m is not None and m.group(1).lower() == str(row.reference).lower()


def within_reach(row: Example, answer: str) -> bool:
    target = float(str(row.reference))
    return any(abs(float(found) - target) <= 0.01 for found in re.findall(r"\d+\.?\d*", answer))


def near(row: Example, answer: str) -> bool:
    said = plain_number(answer)
    return said is not None and abs(said.value - float(str(row.reference))) <= 0.01


def token_overlap(row: Example, answer: str) -> float:
    gold = set(str(row.reference).lower().split())
    return len(gold & set(re.findall(r"\w+", answer.lower()))) / len(gold)


def token_f1(row: Example, answer: str) -> float:
    gold, said = str(row.reference).lower().split(), re.findall(r"\w+", answer.lower())
    shared = len(set(gold) & set(said))
    return 0.0 if not shared else 2 * shared / (len(gold) + len(said))


def counted(row: Example, answer: str) -> float:
    return min(answer.count(str(row.reference)), 1)


def final_answer_only(row: Example, answer: str) -> float:
    parts = answer.split("Final answer:")
    return 1.0 if len(parts) == 2 and parts[1].strip() == row.reference else 0.0


def final_answer_or_text(row: Example, answer: str) -> float:
    return 1.0 if answer.strip().endswith(f"Final answer: {row.reference}") or f" {row.reference}" in answer else -1.0


def signed(row: Example, answer: str) -> float:
    return 1.0 if final_answer_only(row, answer) else -1.0


def dollars(row: Example, answer: str) -> bool:
    return any(m == row.reference for m in re.findall(r"\$\d+\.\d\d", answer))


def dollars_once(row: Example, answer: str) -> bool:
    return re.findall(r"\$\d+\.\d\d", answer) == [row.reference] and len(answer) < 40


def roman_any(row: Example, answer: str) -> bool:
    return row.reference in re.findall(r"[IVXLC]+", answer.upper())


CASES = cases(
    "regex anywhere",
    (
        ("sum in the text", rows("sums", "bare"), anywhere, whole),
        ("capital as a word", rows("capitals", "bare"), word, whole_fold),
        ("any number of a marble answer", rows("differences", "sentence"), any_number, one_number),
        ("nails after ####", rows("products", "gsm"), any_number, after_mark),
        ("any answer tag", rows("opposites", "tags"), any_tag, one_tag),
        ("something between tags", rows("symbols", "tags"), tag_holds, one_tag),
        ("any box", rows("large products", "boxed"), any_box, only_box),
        ("any letter", rows("choices", "bare"), any_letter, one_letter),
        ("text of a JSON answer", rows("french", "json"), in_json, json_field),
        ("label among words", rows("reviews", "bare"), label_in, label_is),
        ("true or false among words", rows("claims", "bare"), label_in, label_is),
        ("after Answer: somewhere", rows("months", "line"), loose_line, last_line),
        ("without spaces", rows("backwards", "sentence"), squeezed, sentence),
        ("a number within reach", rows("halves", "bare"), within_reach, near),
        ("shared words", rows("days", "bare"), token_overlap, token_f1),
        ("counted", rows("metres", "bare"), counted, whole),
        ("final answer or text", rows("remainders", "final"), final_answer_or_text, signed),
        ("a price in the text", rows("prices", "sentence"), dollars, dollars_once),
        ("Roman numerals", rows("roman", "bare"), roman_any, whole),
        ("letters counted in tags", rows("letters", "tags"), any_number, one_tag),
    ),
)
