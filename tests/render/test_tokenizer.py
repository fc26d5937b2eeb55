"""Text to ids and back, on three kinds of tokenizers made here; the tokenizers library is the oracle."""

import json

import pytest
import tokenizers
from hypothesis import given, settings
from hypothesis import strategies as st
from render_models import KINDS, PLAIN_ADDED, directory

from burnish.errors import DataError, ModelRefused
from burnish.render.tokenizer import Tokenizer

TEXTS = [
    "Once upon a time, Lily said hello.",
    "  two spaces, tab\tand\n\nlines\n ",
    "Grüße aus Köln, naïve café 🙂 日本",
    '{"name": "look", "arguments": {"at": "sky"}}',
    "",
]


def load(where, kind, **config):
    return Tokenizer.load(directory(where, kind, **config))


@pytest.fixture(scope="module", params=list(KINDS))
def made(request, tmp_path_factory):
    """(our tokenizer, the library's own) of one kind."""
    path = directory(tmp_path_factory.mktemp("m"), request.param, bos_token="<s>", eos_token="</s>")
    return Tokenizer.load(path), tokenizers.Tokenizer.from_file(str(path / "tokenizer.json"))


@pytest.mark.parametrize("text", TEXTS)
def test_ordinary_text_gets_the_ids_and_text_of_the_library(made, text):
    ours, library = made
    ids = ours.encode(text)
    assert ids == library.encode(text, add_special_tokens=False).ids
    assert ours.decode(ids) == library.decode(ids, skip_special_tokens=False)


def test_special_tokens_in_text_are_text_unless_asked_for(made):
    ours, library = made
    text = "Hello <|im_end|> there</s><s> once<|user|>"
    controls = set(ours.controls.spelling_of)
    assert ours.encode(text, parse_special=True) == library.encode(text, add_special_tokens=False).ids
    assert not (set(ours.encode(text)) - {ours.unk_id}) & controls - {library.token_to_id("<unk>")}
    assert {library.token_to_id(t) for t in ("<|im_end|>", "</s>", "<s>", "<|user|>")} <= set(
        ours.encode(text, parse_special=True)
    )


@settings(max_examples=60)
@given(st.text(st.characters(exclude_categories=("Cs", "Co")), max_size=40))
def test_byte_level_text_comes_back_as_it_was(made_once, text):
    ours, library = made_once
    ids = ours.encode(text)
    assert ours.decode(ids) == text
    assert ids == library.encode(text, add_special_tokens=False).ids
    stream = ours.stream()
    assert "".join([*(stream.push(i) for i in ids), stream.flush()]) == text


@pytest.fixture(scope="module")
def made_once(tmp_path_factory):
    path = directory(tmp_path_factory.mktemp("m"), "byte_level")
    return Tokenizer.load(path), tokenizers.Tokenizer.from_file(str(path / "tokenizer.json"))


def test_a_text_that_follows_others_gets_no_space_before_it(tmp_path):
    llama = load(tmp_path, "llama_like")
    assert llama.decode(llama.encode("hello")) == "hello"
    assert llama.decode(llama.encode("hello"), continues=True) == " hello"
    assert llama.decode(llama.encode("hello", continues=True), continues=True) == "hello"
    uni = load(tmp_path, "unigram")
    assert uni.decode(uni.encode("hello", continues=True), continues=True) == "hello"


def test_each_id_has_its_bytes(tmp_path):
    llama = load(tmp_path, "llama_like")
    assert llama.token_bytes[llama.plain.token_to_id("<0x0A>")] == b"\n"
    assert llama.token_bytes[llama.encode("the")[0]].startswith(b" t")
    byte = load(tmp_path, "byte_level", eos_token="<|im_end|>")
    assert byte.token_bytes[byte.eos_ids[0]] == b"<|im_end|>"
    assert byte.token_bytes[byte.plain.token_to_id("Ġthe")] == b" the"
    assert sorted(byte.token_bytes[i] for i in range(byte.vocab_size))[0] == b"\x00"
    assert all(byte.token_bytes[byte.encode(t)[0]] == t.encode() for t in PLAIN_ADDED)


def test_a_stream_holds_back_an_unfinished_character(tmp_path):
    byte = load(tmp_path, "byte_level")
    ids = byte.encode("日")
    assert len(ids) == 3
    stream = byte.stream()
    assert [stream.push(i) for i in ids] == ["", "", "日"]
    stream.push(ids[0])
    assert stream.flush() == "�"


def test_bos_comes_from_the_post_processor_or_the_explicit_setting(tmp_path):
    assert load(tmp_path, "llama_like", bos_token="<s>").adds_bos
    denied = load(tmp_path, "llama_like", bos_token="<s>", add_bos_token=False)
    assert not denied.adds_bos
    assert "add_bos_token" in denied.notes[0]
    assert not load(tmp_path, "byte_level", bos_token="<s>").adds_bos
    assert load(tmp_path, "byte_level", bos_token="<s>", add_bos_token=True).adds_bos


def test_end_tokens_are_the_tokenizers_own_first_then_the_models(tmp_path):
    path = directory(tmp_path, "byte_level", eos_token={"content": "<|im_end|>", "special": True})
    spell = Tokenizer.load(path).controls
    ids = {s: i for i, s in spell.spelling_of.items()}
    (path / "generation_config.json").write_text(json.dumps({"eos_token_id": [ids["</s>"], ids["<|im_end|>"]]}))
    (path / "config.json").write_text(json.dumps({"eos_token_id": ids["<|eot_id|>"]}))
    assert Tokenizer.load(path).eos_ids == (ids["<|im_end|>"], ids["</s>"], ids["<|eot_id|>"])
    (path / "generation_config.json").write_text(json.dumps({"eos_token_id": 99999}))
    tok = Tokenizer.load(path)
    assert tok.eos_ids == (ids["<|im_end|>"], ids["<|eot_id|>"])
    assert "99999" in tok.notes[0]


def test_check_03_padding_is_never_inferred_from_ids(tmp_path):
    tok = load(tmp_path, "byte_level", eos_token="</s>", pad_token="</s>")
    assert tok.pad_id == tok.eos_ids[0]
    assert load(tmp_path, "byte_level", eos_token="</s>").pad_id is None


def test_truncation_padding_and_dropout_of_the_file_are_off(tmp_path):
    path = directory(tmp_path, "byte_level")
    spec = json.loads((path / "tokenizer.json").read_text())
    spec["truncation"] = {"direction": "Right", "max_length": 3, "strategy": "LongestFirst", "stride": 0}
    spec["padding"] = {
        "strategy": {"Fixed": 9},
        "direction": "Left",
        "pad_to_multiple_of": None,
        "pad_id": 0,
        "pad_type_id": 0,
        "pad_token": "!",
    }
    spec["model"]["dropout"] = 0.9
    (path / "tokenizer.json").write_text(json.dumps(spec))
    tok = Tokenizer.load(path)
    assert tok.decode(tok.encode("Once upon a time there was a little girl")) == "Once upon a time there was a little girl"
    assert len({tuple(tok.encode("Once upon a time there was")) for _ in range(5)}) == 1


def test_check_40_saved_files_are_the_bytes_that_were_trained_with(tmp_path):
    path = directory(tmp_path / "a", "byte_level", template="from config", eos_token="</s>")
    (path / "chat_template.jinja").write_text("from the jinja file", encoding="utf-8")
    (path / "generation_config.json").write_text("{}")
    tok = Tokenizer.load(path)
    assert tok.template == "from the jinja file"
    assert "disagree" in tok.notes[0]
    tok.copy_to(tmp_path / "b")
    names = {p.name for p in path.iterdir()}
    assert names == {p.name for p in (tmp_path / "b").iterdir()}
    assert all((path / n).read_bytes() == (tmp_path / "b" / n).read_bytes() for n in names)
    again = Tokenizer.load(tmp_path / "b")
    assert (again.fingerprint, again.template) == (tok.fingerprint, tok.template)
    (tmp_path / "b" / "chat_template.jinja").write_text("changed", encoding="utf-8")
    assert Tokenizer.load(tmp_path / "b").fingerprint != tok.fingerprint


def test_templates_may_be_named(tmp_path):
    path = directory(tmp_path, "byte_level")
    listed = [{"name": "default", "template": "D"}, {"name": "tool_use", "template": "T"}]
    (path / "tokenizer_config.json").write_text(json.dumps({"chat_template": listed}))
    tok = Tokenizer.load(path)
    assert (tok.template, tok.tool_template, tok.template_origin) == ("D", "T", "tokenizer_config.json")


def test_what_is_not_a_tokenizer_is_refused_with_advice(tmp_path):
    with pytest.raises(ModelRefused, match="no tokenizer"):
        Tokenizer.load(tmp_path)
    (tmp_path / "tokenizer.model").write_bytes(b"x")
    with pytest.raises(ModelRefused, match="save_pretrained"):
        Tokenizer.load(tmp_path)
    path = tmp_path / "tokenizer.json"
    for text in ("{", "[]", "{}", '{"model": {"type": "Nonsense", "vocab": {"a": 0}}}'):
        path.write_text(text)
        with pytest.raises(ModelRefused) as caught:
            Tokenizer.load(tmp_path)
        assert caught.value.seen
        assert caught.value.todo


def test_an_unknown_decoder_is_refused(tmp_path):
    path = directory(tmp_path, "byte_level")
    spec = json.loads((path / "tokenizer.json").read_text())
    spec["decoder"] = {"type": "CTC", "pad_token": "<pad>", "word_delimiter_token": "|", "cleanup": True}
    (path / "tokenizer.json").write_text(json.dumps(spec))
    with pytest.raises(ModelRefused, match="CTC"):
        Tokenizer.load(path)


@pytest.mark.parametrize("text", ["half \ud83d", "reserved \U00108001"])
def test_characters_that_are_not_text_are_refused(tmp_path, text):
    with pytest.raises(DataError, match=r"U\+"):
        load(tmp_path, "byte_level").encode(text)
