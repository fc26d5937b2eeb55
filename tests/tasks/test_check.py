"""Findings about the data: each planted fault is named with its rows, and clean data gives none."""

import dataclasses
import json

import numpy as np
import pytest
import tokenizers

from burnish.render.renderer import Rendered
from burnish.render.tokenizer import Tokenizer
from burnish.tasks.check import check
from burnish.tasks.leaks import BOILERPLATE_ROWS, find_leaks
from burnish.types import Example, Message


def qa(question, answer="a", line=1, system=None):
    turns = [Message(role="user", content=question), Message(role="assistant", content=answer)]
    if system is not None:
        turns.insert(0, Message(role="system", content=system))
    return Example(messages=tuple(turns), line=line)


def text(content, line=1):
    return Example(messages=(Message(role="assistant", content=content),), form="text", line=line)


def rendered(weights, ids=None, **kwargs):
    n = len(weights)
    return Rendered(
        ids=np.arange(n, dtype=np.int32) if ids is None else np.asarray(ids, np.int32),
        weights=np.asarray(weights, np.float32),
        message=np.zeros(n, np.int16),
        **kwargs,
    )


def many(n=12, start=1):
    return [qa(f"question {word(i)}", f"answer {i}", line=i) for i in range(start, start + n)]


def word(i):
    return "".join("abcdefghij"[int(d)] for d in str(i))


def named(findings):
    return {(f.side, f.name): f for f in findings.findings}


def test_clean_data_gives_no_findings():
    rows = many()
    found = check(rows, many(5, 100), [rendered([0, 0, 1, 1])] * 12, [rendered([0, 0, 1])] * 5)
    assert found.findings == ()
    assert found.errors == found.warnings == ()
    assert found.train is not None
    assert (found.train.rows, found.train.tokens, found.train.trained) == (12, 48, 24)
    assert found.train.masked_share == 0.5
    assert found.valid is not None
    assert found.valid.longest == 3


def test_statistics_of_lengths():
    rows = [rendered([0] + [1] * (n - 1), truncated=n // 10) for n in range(1, 12)]
    total = check(many(11), (), rows).train
    assert total is not None
    assert (total.median, total.p90, total.longest, total.cut) == (6, 10, 11, 2)
    assert check(many()).train is None


def test_duplicates_and_conflicting_answers():
    rows = [*many(), qa("question b", "answer 1", line=20), qa("Question  C!", "other", line=21)]
    found = named(check(rows))
    assert found["train", "duplicates"].lines == (20,)
    assert found["train", "duplicates"].count == 1
    assert found["train", "conflicting_answers"].lines == (2, 21)
    assert found["train", "conflicting_answers"].severity == "warning"
    assert set(found) == {("train", "duplicates"), ("train", "conflicting_answers")}


def test_few_conflicts_among_many_rows_are_a_note():
    rows = [*many(500), qa("question b", "other", line=900)]
    assert named(check(rows))["train", "conflicting_answers"].severity == "note"


def test_repeated_text_is_a_duplicate_but_no_conflict():
    found = named(check([text(f"story {word(i)}") for i in range(12)] + [text("story b", 13)]))
    assert {name for _, name in found} == {"duplicates"}


LONG = "one two three four five six seven eight nine ten eleven twelve thirteen".split()


def test_a_validation_prompt_that_stands_in_training_is_a_leak():
    found = named(check(many(), [qa("QUESTION  b?", "z", line=7), qa("new", line=8)]))
    assert found["valid", "leaks"].lines == (7,)
    assert "1 of 2 validation prompts" in found["valid", "leaks"].text


def test_planted_leaks_of_one_percent_are_all_caught_and_nothing_else():
    generator = np.random.default_rng(0)
    words = [f"w{word(i)}" for i in range(500)]
    train = [qa(" ".join(generator.choice(words, 30))) for _ in range(300)]
    valid = [qa(" ".join(generator.choice(words, 30)), line=i) for i in range(200)]
    valid[17] = qa("please " + train[5].messages[0].content + " now")
    valid[18] = qa(" ".join(train[9].messages[0].content.split()[4:18]) + " something else entirely")
    assert [(leak.valid, leak.train) for leak in find_leaks(train, valid)] == [(17, 5), (18, 9)]


@pytest.mark.parametrize(
    ("prompt", "kind"),
    [
        (["x", *LONG, "y"], "run"),
        (["x"] * 40 + LONG + ["y"] * 40, "run"),
        (["p", "q", *LONG[:12], "r"], "coverage"),
        (["x"] * 8 + LONG[:8], "coverage"),
        (["x"] * 9 + LONG[:8], None),
        (["x"] * 40 + LONG[:12], None),
        (LONG[:7], None),
    ],
)
def test_runs_of_words(prompt, kind):
    leaks = find_leaks([qa("unrelated"), qa(f"a {' '.join(LONG)} b")], [qa(" ".join(prompt))])
    assert [(leak.kind, leak.train) for leak in leaks] == ([] if kind is None else [(kind, 1)])


def test_a_leak_into_an_answer_or_between_texts_counts():
    assert find_leaks([qa("tell me", " ".join(LONG))], [qa(" ".join(LONG))])
    assert find_leaks([text(f"intro {' '.join(LONG)} outro")], [text(" ".join(LONG))])


def test_a_run_does_not_go_on_into_the_next_row():
    train = [qa(" ".join(LONG[:6]), ""), qa(" ".join(LONG[6:]), "")]
    assert find_leaks(train, [qa(" ".join(LONG))]) == []


def test_boilerplate_and_system_prompts_are_no_leaks():
    boiler = " ".join(LONG)
    common = [qa(f"{boiler} item {word(i)}") for i in range(BOILERPLATE_ROWS + 1)]
    assert find_leaks(common, [qa(f"{boiler} item z")]) == []
    assert find_leaks(common[:BOILERPLATE_ROWS], [qa(f"{boiler} item z")]) != []
    assert find_leaks([qa("a", system=boiler)], [qa("b", system=boiler)]) == []
    assert find_leaks([], [qa("b")]) == find_leaks([qa("b")], []) == []


def test_over_long_rows_say_what_is_cut():
    rows = [rendered([0, 1, 1, 1])] * 11 + [rendered([0, 1, 1, 1], truncated=44)]
    finding = named(check(many(), (), rows))["train", "over_long"]
    assert finding.lines == (12,)
    assert "1 of 12 training rows are too long and lose 44 tokens (47.8% of all); the longest has 48" in finding.text


def test_check_07_rows_whose_targets_vanish_are_named_with_the_reason():
    rows = [rendered([0, 0, 1])] * 10 + [rendered([1, 0, 0]), rendered([0, 0], fault="the answer was cut off")]
    found = check(many(), (), rows)
    finding = named(found)["train", "no_targets"]
    assert (finding.severity, finding.count, finding.lines) == ("warning", 2, (11, 12))
    assert "1 because no token of the row carries loss; 1 because the answer was cut off" in finding.text
    assert found.errors == ()


def test_check_07_no_target_at_all_is_an_error():
    found = check(many(), (), [rendered([0, 0, 0])] * 12)
    assert [f.name for f in found.findings] == ["no_targets"]
    assert "12 of 12" in found.errors[0]


def test_check_01_loss_on_the_questions_too_is_an_error_for_chats_not_for_text():
    everything = [rendered([0, 1, 1, 1])] * 12
    found = check(many(), (), everything)
    assert [(f.severity, f.name) for f in found.findings] == [("error", "nothing_masked")]
    assert check([text(f"story {word(i)}") for i in range(12)], (), everything).findings == ()


def test_a_prompt_of_one_token_leaves_no_question_to_mask():
    row = rendered([0, 1, 1])
    row.message[1:] = 1
    assert check(many(), (), [row] * 12).findings == ()


def test_a_mask_of_almost_nothing_is_a_warning():
    rows = [rendered([0] * 199 + [1])] * 12
    found = check(many(), (), rows)
    assert [(f.severity, f.name) for f in found.findings] == [("warning", "little_trained")]
    assert "0.50% of the training tokens" in found.warnings[0]


def test_empty_answers_and_few_rows():
    found = named(check([dataclasses.replace(qa("q", " "), line=4)]))
    assert found["train", "empty_rows"].severity == "error"
    assert "only 1 rows" in found["train", "few_rows"].text


def test_unknown_tokens(tmp_path):
    vocabulary = tokenizers.Tokenizer(tokenizers.models.WordLevel({"<unk>": 0, "a": 1, "b": 2}, unk_token="<unk>"))
    vocabulary.pre_tokenizer = tokenizers.pre_tokenizers.Whitespace()
    vocabulary.save(str(tmp_path / "tokenizer.json"))
    (tmp_path / "tokenizer_config.json").write_text(json.dumps({"unk_token": "<unk>"}))
    tokenizer = Tokenizer.load(tmp_path)
    rows = [rendered([0, 0, 1], ids=tokenizer.encode("a b a"))] * 11
    rows.append(rendered([0, 0, 1], ids=tokenizer.encode("a zebra b")))
    found = check(many(), (), rows, (), tokenizer)
    finding = named(found)["train", "unknown_tokens"]
    assert (finding.severity, finding.lines) == ("warning", (12,))
    assert "(2.78% of tokens unknown)" in finding.text
    assert found.train is not None
    assert found.train.unknown == 1


def test_errors_come_first_and_sentences_hold_lines_and_remedy():
    rows = [*many(), qa("question b", "answer 1", line=20)]
    found = check(rows, (), [rendered([0, 1, 1, 1])] * 13)
    assert [f.severity for f in found.findings] == ["error", "warning"]
    assert found.warnings == (
        "1 of 13 training rows repeat an earlier row exactly (line 20): each copy counts again: keep one of each",
    )
    assert "(lines 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, …)" in found.errors[0]
