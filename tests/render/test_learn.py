"""A tokenizer learned from texts: digits alone, control tokens out of reach of any text, and a template that can be masked."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from burnish.render.learn import END, MARKERS, learn_bpe
from burnish.render.renderer import Renderer
from burnish.render.template import as_template_dict
from burnish.render.tokenizer import Tokenizer
from burnish.types import Example, Message

TEXTS = [
    f"In {1880 + n} the old ferry to Brack cost {n} marks, and the {animal} of the miller went along for nothing."
    for n, animal in enumerate(("cat", "goose", "otter", "hare", "owl", "crow") * 8)
]
VOCAB, CONTROLS = 385, 64


@pytest.fixture(scope="module")
def learned(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("learned") / "tokenizer"
    learn_bpe(TEXTS, directory, vocab=VOCAB, positions=128, controls=CONTROLS)
    return directory


@pytest.fixture(scope="module")
def tokenizer(learned: Path) -> Tokenizer:
    return Tokenizer.load(learned)


def test_the_first_ids_are_control_tokens(tokenizer: Tokenizer):
    assert tokenizer.vocab_size == VOCAB
    spelled = [tokenizer.decode([i]) for i in range(CONTROLS)]
    assert spelled == [*MARKERS, *(f"<|spare_{i}|>" for i in range(CONTROLS - len(MARKERS)))]
    assert set(tokenizer.controls.spelling_of) == set(range(CONTROLS))
    assert tokenizer.eos_ids == (0,)
    assert tokenizer.bos_id == 0
    assert tokenizer.notes == ()
    assert tokenizer.decode([tokenizer.pad_id or 0]) == "<|pad|>"


def test_every_digit_is_a_token(tokenizer: Tokenizer):
    for text in ("1887", " 1887", "12 + 305", "a1b22", "1880 1881"):
        pieces = [tokenizer.decode([i], continues=True) for i in tokenizer.encode(text)]
        assert "".join(pieces) == text
        assert not any(len(piece.strip()) > 1 and any(c.isdigit() for c in piece) for piece in pieces), pieces
        assert sum(piece.strip().isdigit() for piece in pieces) == sum(c.isdigit() for c in text)


def test_common_words_are_one_token(tokenizer: Tokenizer):
    assert [tokenizer.decode([i], continues=True) for i in tokenizer.encode(" the ferry of the miller")] == [
        " the", " ferry", " of", " the", " miller",
    ]  # fmt: skip


@pytest.mark.parametrize("marker", [*MARKERS, "<|spare_0|>", "<|spare_55|>"])
def test_no_text_becomes_a_control_token(tokenizer: Tokenizer, marker: str):
    ids = tokenizer.encode(f"He wrote {marker} on it.")
    assert min(ids) >= CONTROLS
    assert tokenizer.decode(ids) == f"He wrote {marker} on it."
    assert min(tokenizer.encode(marker, parse_special=True)) < CONTROLS  # asked to, it does


@pytest.mark.parametrize(
    "text", [TEXTS[3], "  two  blanks ", "line\n\n\tnext", "caf\u00e9 \u2013 \U0001f95a", "<|", "x = 3 ** 12"]
)
def test_text_comes_back(tokenizer: Tokenizer, text: str):
    assert tokenizer.decode(tokenizer.encode(text)) == text


def test_learning_is_the_same_each_time(learned: Path, tmp_path: Path):
    learn_bpe(TEXTS, tmp_path, vocab=VOCAB, positions=128, controls=CONTROLS)
    assert (tmp_path / "tokenizer.json").read_bytes() == (learned / "tokenizer.json").read_bytes()
    assert json.loads((tmp_path / "tokenizer_config.json").read_text())["model_max_length"] == 128


def test_the_chat_template(tokenizer: Tokenizer):
    renderer = Renderer(tokenizer)
    said = [as_template_dict(Message(role="user", content="Hi"))]
    text = renderer.template.render(said, tools=[], add_generation_prompt=True, variables=tokenizer.special_names)
    assert text == "<|end|><|user|>Hi<|end|><|assistant|>"
    ids = renderer.prompt([Message(role="user", content="Hi")])
    assert tokenizer.decode(ids) == text
    marks = {name: MARKERS.index(name) for name in MARKERS}
    assert [i for i in ids if i < CONTROLS] == [marks[m] for m in (END, "<|user|>", END, "<|assistant|>")]
    assert renderer.stop_ids == (0,)


def test_loss_falls_on_answers_and_their_ends(tokenizer: Tokenizer):
    turns = (
        Message(role="system", content="Be brief."),
        Message(role="user", content="What does it cost?"),
        Message(role="assistant", content="12 marks."),
        Message(role="user", content="Say <|end|> now."),
        Message(role="assistant", content="the <|end|> of it"),
    )
    row = Renderer(tokenizer).render(Example(messages=turns))
    assert row.fault is None
    assert tokenizer.decode(row.ids) == (
        "<|end|><|system|>Be brief.<|end|><|user|>What does it cost?<|end|><|assistant|>12 marks.<|end|>"
        "<|user|>Say <|end|> now.<|end|><|assistant|>the <|end|> of it<|end|>"
    )
    assert tokenizer.decode(row.ids[row.weights > 0]) == "12 marks.<|end|>the <|end|> of it<|end|>"
    assert (row.ids == 0).sum() == 6  # the two that were typed are not among them
    assert row.ids[row.weights > 0][-1] == 0
