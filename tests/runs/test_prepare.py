"""From a file to training rows: what is left out is said, what changes the rows changes their fingerprint."""

from __future__ import annotations

import json

import numpy as np
import pytest
from tiny_run import settings, write_rows

from burnish.errors import BurnishError, ConfigError, DataError
from burnish.runs.prepare import prepare
from burnish.store.models import resolve


@pytest.fixture
def prepared(tiny_model):
    return lambda data, **changes: prepare(settings(tiny_model, data, **changes), resolve(str(tiny_model)))


def test_both_sides_are_rendered_and_loss_falls_on_answers_only(prepared, data):
    p = prepared(data)
    assert len(p.train.data) + len(p.valid.data) == 60
    assert p.valid_share == 0.1
    for side in (p.train, p.valid):
        for example, row in zip(side.examples, side.data, strict=True):
            targets = row.streams["targets"][row.streams["weights"] > 0]
            assert p.renderer.tokenizer.decode(targets.tolist()) == example.messages[-1].content + "<|im_end|>"
    assert p.train.target_tokens == 2 * len(p.train.data)


def test_check_07_cut_rows_without_a_target_are_left_out_aloud(prepared, tmp_path):
    rows = [{"prompt": f"{n} " + "x" * (40 if n % 4 == 0 else 2), "completion": "y"} for n in range(40)]
    (tmp_path / "rows.jsonl").write_text("".join(json.dumps(r) + "\n" for r in rows))
    p = prepared(tmp_path / "rows.jsonl", limit_tokens=16)
    assert len(p.train.data) + len(p.valid.data) == 30
    assert any("left out" in n and "of 36 training rows" in n for n in p.notes)
    assert any("no target left" in w for w in p.warnings)
    assert all((d.streams["weights"] > 0).any() for d in (*p.train.data, *p.valid.data))


def test_a_validation_file_is_used_whole(prepared, data, tmp_path):
    valid = write_rows(tmp_path / "valid.jsonl", 7)
    p = prepared(data, valid=str(valid))
    assert (len(p.train.data), len(p.valid.data), p.valid_share) == (60, 7, None)
    assert any("validation prompts also stand" in w for w in p.warnings)
    with pytest.raises(ConfigError, match="contradict"):
        prepared(data, valid=str(valid), valid_share=0.5)


def test_the_fingerprint_follows_the_rows(prepared, data, tmp_path):
    first = prepared(data).fingerprints
    assert prepared(data).fingerprints == first
    assert prepared(data, seed=1).fingerprints["rows"] != first["rows"]
    assert prepared(data, limit_tokens=8).fingerprints["rows"] == first["rows"]  # nothing is that long
    other = prepared(write_rows(tmp_path / "other.jsonl", 59)).fingerprints
    assert other["data"] != first["data"]
    assert other["model"] == first["model"]


def test_texts_to_rehearse_are_trained_on_and_not_measured(prepared, data, tmp_path):
    texts = tmp_path / "texts.jsonl"
    texts.write_text("".join(json.dumps({"text": f"a text of {n} words"}) + "\n" for n in range(5)))
    plain, p = prepared(data), prepared(data, rehearse=str(texts))
    assert p.train.examples[: len(plain.train.examples)] == plain.train.examples
    assert [e.form for e in p.train.examples[len(plain.train.examples) :]] == ["text"] * 5
    assert p.valid.examples == plain.valid.examples
    assert p.grader == plain.grader
    for row in p.train.data[-5:]:
        assert (row.streams["weights"] == 1).all()
    assert any("5 texts to rehearse" in note for note in p.notes)
    assert {k: v for k, v in plain.fingerprints.items() if k != "rows"}.items() < p.fingerprints.items()
    texts.write_text(json.dumps({"text": "another"}) + "\n")
    assert prepared(data, rehearse=str(texts)).fingerprints["rehearse"] != p.fingerprints["rehearse"]


def test_texts_to_rehearse_hide_nothing_about_the_rows(prepared, data, tmp_path):
    texts = tmp_path / "texts.jsonl"
    texts.write_text("".join(json.dumps({"text": f"a text of {n} words and more"}) + "\n" for n in range(30)))
    p = prepared(data, rehearse=str(texts))
    assert p.rehearsed == 30
    assert p.taught.examples == prepared(data).train.examples
    assert p.findings.train == prepared(data).findings.train
    (tmp_path / "long.jsonl").write_text(
        "".join(json.dumps({"prompt": f"{n} " + "x" * 40, "completion": "y"}) + "\n" for n in range(40))
    )
    with pytest.raises(BurnishError):
        prepared(tmp_path / "long.jsonl", rehearse=str(texts), limit_tokens=16)
    with pytest.raises(ConfigError, match="mixed among the rows"):
        prepared(data, rehearse=str(texts), order="file")


def test_a_long_text_to_rehearse_is_read_whole_in_parts(prepared, data, tmp_path):
    (tmp_path / "texts.jsonl").write_text(json.dumps({"text": "a long text " * 15}) + "\n")
    p = prepared(data, rehearse=str(tmp_path / "texts.jsonl"), limit_tokens=32)
    parts = p.train.rendered[-p.rehearsed :]
    whole = prepared(data, rehearse=str(tmp_path / "texts.jsonl")).train.rendered[-1]
    assert len(parts) > 3
    assert not any(r.truncated for r in parts)
    assert [*parts[0].ids, *(i for r in parts[1:] for i in r.ids[1:])] == list(whole.ids)


def test_texts_that_hold_what_is_measured_are_told_of(prepared, data, tmp_path):
    asked = "tell me what the old man at the far end of the long street said to his neighbour about the rain"
    valid, texts = tmp_path / "valid.jsonl", tmp_path / "texts.jsonl"
    valid.write_text(
        "".join(json.dumps({"prompt": f"{n} {asked if n == 3 else 'x'}", "completion": "Y"}) + "\n" for n in range(7))
    )
    texts.write_text(json.dumps({"text": f"They {asked}, and he did."}) + "\n")
    plain = prepared(data, valid=str(valid)).warnings
    warnings = prepared(data, valid=str(valid), rehearse=str(texts)).warnings
    assert any("1 of 7 prompts that are measured share long runs of words with a text to rehearse" in w for w in warnings)
    assert not any("a text to rehearse" in w for w in plain)


def test_bad_texts_to_rehearse_are_told(prepared, data, tmp_path):
    texts = tmp_path / "texts.jsonl"
    texts.write_text('{"text": "good"}\n{"text": 3}\n{"text": "good too"}\n')
    with pytest.raises(DataError, match="1 of 3 rows"):
        prepared(data, rehearse=str(texts))
    p = prepared(data, rehearse=str(texts), skip_bad_rows=True)
    assert [row.line for row in p.bad] == [2]


def test_validation_rows_are_shuffled_the_same_way_each_time(prepared, data):
    lines = [[e.line for e in prepared(data, valid=str(data)).valid.examples] for _ in range(2)]
    assert lines[0] == lines[1] != sorted(lines[0])


def test_what_the_model_cannot_hold_is_refused(prepared, data):
    with pytest.raises(ConfigError, match="beyond what the model was made for"):
        prepared(data, limit_tokens=257)


def test_empty_answers_stop_the_run(prepared, tmp_path):
    rows = [{"prompt": f"{n}", "completion": "y" if n else ""} for n in range(20)]
    (tmp_path / "rows.jsonl").write_text("".join(json.dumps(r) + "\n" for r in rows))
    with pytest.raises(DataError, match="line 1"):
        prepared(tmp_path / "rows.jsonl")


def test_weights_of_messages_survive(prepared, tmp_path):
    rows = [
        {"messages": [{"role": "user", "content": f"{n}"}, {"role": "assistant", "content": "a", "weight": 1 if n % 2 else 0.5}]}
        for n in range(20)
    ]
    (tmp_path / "rows.jsonl").write_text("".join(json.dumps(r) + "\n" for r in rows))
    p = prepared(tmp_path / "rows.jsonl")
    found = {float(w) for d in p.train.data for w in np.unique(d.streams["weights"])}
    assert found == {0.0, 0.5, 1.0}
