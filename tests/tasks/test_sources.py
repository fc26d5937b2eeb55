"""Reading data files: every format named, every fault with its line, nothing dropped in silence, no foreign exception."""

import gzip
import json
import os

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from burnish.errors import DataError
from burnish.tasks.files import LIMIT_RATIO, RATIO_FROM_BYTES
from burnish.tasks.rows import LIMIT_DEPTH, LIMIT_ROW_CHARACTERS
from burnish.tasks.sources import SHOWN, Source, read

QA = [{"question": f"What is {n} + {n}?", "answer": f"It is {2 * n}."} for n in range(3)]
FUZZ = settings(max_examples=50)


def zipped(content):
    return gzip.compress(content, mtime=0)  # the time would be in the names of the tests, which differ between processes then


def lines(rows):
    return "\n".join(json.dumps(r, ensure_ascii=False) for r in rows) + "\n"


@pytest.fixture
def write(tmp_path):
    def _write(content, name="data.jsonl"):
        path = tmp_path / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return _write


def refusal(path, **kwargs):
    with pytest.raises(DataError) as caught:
        read(path, **kwargs)
    assert caught.value.todo, "every refusal says what to do"
    return str(caught.value)


@pytest.mark.parametrize(
    ("content", "name", "container"),
    [
        (lines(QA), "a.jsonl", "JSON lines"),
        (lines(QA).replace("\n", "\r\n"), "a.jsonl", "JSON lines"),
        ("\ufeff" + lines(QA), "a.jsonl", "JSON lines"),
        (lines(QA).rstrip(), "without-last-newline.json", "JSON lines"),
        (lines(QA), "named.txt", "JSON lines"),
        (json.dumps(QA), "a.json", "JSON array"),
        (json.dumps(QA, indent=2), "named.jsonl", "JSON array"),
        (zipped(lines(QA).encode()), "a.jsonl.gz", "JSON lines"),
        (zipped(json.dumps(QA).encode()), "gzip-by-content.json", "JSON array"),
        (zipped(lines(QA[:1]).encode()) + zipped(lines(QA[1:]).encode()), "members.gz", "JSON lines"),
        ("question,answer\n" + "".join(f'"{r["question"]}",{r["answer"]}\n' for r in QA), "a.csv", "CSV"),
        ("question;answer\n" + "".join(f"{r['question']};{r['answer']}\n" for r in QA), "a.csv", "CSV"),
        ("question\tanswer\r\n" + "".join(f"{r['question']}\t{r['answer']}\r\n" for r in QA), "a.tsv.gz", "TSV"),
    ],
)
def test_containers_hold_the_same_rows(write, content, name, container):
    source = read(write(content, name))
    assert source.format == f"question/answer (question, answer), {container}"
    assert [e.messages[0].content for e in source.examples] == [r["question"] for r in QA]
    assert [e.messages[1].content for e in source.examples] == [r["answer"] for r in QA]
    assert source.rows == 3
    assert source.bad == ()
    assert len(source.sha256) == 64


def test_lines_are_physical_and_rows_are_positions(write):
    gaps = "\n\n" + lines(QA[:1]) + "\n" + lines(QA[1:])
    source = read(write(gaps))
    assert [e.line for e in source.examples] == [3, 5, 6]
    assert "3 blank lines between rows were passed over" in source.notes
    assert [e.line for e in read(write(json.dumps(QA, indent=1))).examples] == [1, 2, 3]
    text = 'question,answer\n"a\nb",1\n\n"c",2\n'
    assert [(e.line, e.messages[0].content) for e in read(write(text, "a.csv")).examples] == [(2, "a\nb"), (5, "c")]


def test_unicode_line_separators_do_not_break_rows(write):
    row = {"question": "a\u2028b\u0085c\u2029d\x0b", "answer": "e"}
    assert read(write(json.dumps(row, ensure_ascii=False))).examples[0].messages[0].content == row["question"]


def test_limit_rows_reads_the_first_and_says_so(write):
    for name, content in (("a.jsonl", lines(QA)), ("a.json", json.dumps(QA)), ("a.txt", "one\ntwo\nthree\n")):
        source = read(write(content, name), limit_rows=2)
        assert len(source.examples) == 2
        assert any("only the first 2 rows" in note for note in source.notes)


def test_plain_text_one_document_per_line_or_paragraph(write):
    by_line = read(write("First line.\nSecond line.\nThird.\n", "a.txt"))
    assert by_line.format == "plain text, one document per line"
    assert [e.messages[0].content for e in by_line.examples] == ["First line.", "Second line.", "Third."]
    assert {e.form for e in by_line.examples} == {"text"}
    assert {e.reference for e in by_line.examples} == {None}
    by_paragraph = read(write("A story\nin two lines.\n\n\nAnother\r\nstory.\n", "a.txt"))
    assert by_paragraph.format == "plain text, one document per paragraph (blank lines between)"
    assert [(e.line, e.messages[0].content) for e in by_paragraph.examples] == [
        (1, "A story\nin two lines."),
        (5, "Another\nstory."),
    ]
    stray = read(write("\n".join(["sentence"] * 50 + [""] + ["sentence"] * 50), "a.txt"))
    assert (stray.format, len(stray.examples)) == ("plain text, one document per line", 100)
    marked = read(write("One\n\npart.<|endoftext|>Two.\n<|endoftext|>\n", "a.txt"))
    assert marked.format == "plain text, documents separated by <|endoftext|>"
    assert [e.messages[0].content for e in marked.examples] == ["One\n\npart.", "Two."]
    bracket = read(write("[1] A note, not JSON.\n[2] Another.\n", "a.txt"))
    assert len(bracket.examples) == 2


def test_strings(write):
    assert read(write(json.dumps(["one", "two"]))).format == "JSON array of strings"
    assert read(write('"one"\n"two"\n')).format == "JSON lines of strings"
    assert "row 2: the text is empty" in refusal(write(json.dumps(["one", " "])))


@pytest.mark.parametrize(
    ("bad", "fault"),
    [
        ('{"question": "a", "answer": ', "invalid JSON at column"),
        ("{'question': 'a', 'answer': 'b'}", "double quotes"),
        ('{"question": "a", "answer": "b"} {}', "more text after the JSON value, at column 34"),
        ('{"question": "a", "answer": NaN}', "NaN is not valid JSON"),
        ('{"question": "a", "answer": -Infinity}', "-Infinity is not valid JSON"),
        ('{"question": "a", "answer": "b", "answer": "c"}', "'answer' appears twice"),
        ('{"question": "a"}', "no column 'answer'"),
        ('{"question": "a", "answer": null}', "answer is null, not text"),
        ('{"question": "a", "answer": "  "}', "answer is an empty answer"),
        ('{"question": "a", "answer": []}', "answer is an empty list"),
        ('{"question": "a", "answer": {"b": 1}}', "answer is an object, not text"),
        ('{"question": "a", "answer": true}', "answer is true or false, not text"),
        ('{"question": 5, "answer": "b"}', "question is a number, not text"),
        ('{"question": "", "answer": "b"}', "question empty"),
        ('{"question": "a", "answer": "\\ud83d"}', "broken Unicode"),
        ('{"question": "a", "answer": "b\\u0000"}', "null character"),
        ('{"question": "a", "answer": "\U00108000"}', "private-use"),
        ('["a", "b"]', "the row is a list, not an object"),
        ('"a"', "the row is a string"),
        ("null", "the row is null"),
        ('{"prompt": "a", "completion": "b"}', "another format (prompt/completion)"),
        ('{"messages": [{"role": "user", "content": "a"}]}', "another format (OpenAI chat)"),
        ('{"question": "a", "answer": ' + "[" * 100 + "]" * 100 + "}", f"nested more than {LIMIT_DEPTH} deep"),
        ('{"question": "a", "answer": ' + "[" * 200_000, f"nested more than {LIMIT_DEPTH} deep"),
        ('{"question": "a", "answer": ' + "9" * 5000 + "}", "invalid JSON"),
    ],
)
def test_bad_rows_are_told_with_line_fault_and_remedy(write, bad, fault):
    path = write(lines(QA[:2]) + bad + "\n" + lines(QA[2:]))
    said = refusal(path)
    assert "1 of 4 rows" in said
    assert "line 3: " in said
    assert fault in said
    assert "--skip-bad-rows" in said
    source = read(path, skip_bad_rows=True)
    assert len(source.examples) == 3
    assert [(b.line, b.unit) for b in source.bad] == [(3, "line")]
    assert source.bad[0].remedy
    assert source.rows == 4
    assert any(n.startswith("1 of 4 rows were skipped, as asked: line 3: ") for n in source.notes)


def test_raw_bytes_that_are_not_text_spoil_their_row_only(write):
    rows = lines(QA * 20).encode()
    said = refusal(write(rows + b'{"question": "caf\xe9", "answer": "b"}\n'))
    assert "line 61: question holds broken Unicode" in said
    assert "line 61: the row holds null bytes" in refusal(write(rows + b'{"question": "a\0", "answer": "b"}\n'))


def test_all_bad_rows_are_counted_and_ten_are_shown(write):
    """A fault that rows share is said once."""
    said = refusal(write(lines(QA) + '{"question": "x"}\n' * 25))
    shown = ", ".join(str(n) for n in range(len(QA) + 1, len(QA) + 1 + SHOWN))
    assert f"lines {shown}: no column 'answer'" in said
    assert said.count("no column 'answer'") == 1
    assert "25 of 28 rows" in said
    assert "and 15 more" in said


def test_skipping_leaves_no_empty_training_set(write):
    said = refusal(write('{"question": "a", "answer": ""}\n'), skip_bad_rows=True)
    assert "--skip-bad-rows" not in said


def test_a_broken_array_names_row_and_place(write):
    text = json.dumps(QA, indent=1)
    said = refusal(write(text.replace('"question": "What is 1', '"question" "What is 1')))
    assert "breaks at row 2" in said
    assert "line 7, column" in said
    assert "not closed" in refusal(write(text[: text.rindex("}") + 1]))
    assert "expected ','" in refusal(write("[1 2]"))
    assert "after the array's end" in refusal(write(text + "more"))
    assert "empty JSON array" in refusal(write("[ ]"))


def test_rows_inside_one_object_are_refused_with_their_key(write):
    said = refusal(write(json.dumps({"version": 1, "data": QA}, indent=1), "a.json"))
    assert "under 'data'" in said
    assert "neither JSON lines nor one JSON document" in refusal(write('{\n"a": 1,\n"b" 2\n}', "a.json"))


def test_one_pretty_printed_row_is_one_row(write):
    assert len(read(write(json.dumps(QA[0], indent=2), "a.json")).examples) == 1


@pytest.mark.parametrize(
    ("content", "name", "words"),
    [
        (b"", "a.jsonl", "is empty"),
        (b" \n\n ", "a.jsonl", "is empty"),
        (b"PAR1\x15\x04", "a.parquet", "Parquet"),
        (b"PK\x03\x04abc", "a.xlsx", "zip archive"),
        (b"SQLite format 3\x00", "a.db", "SQLite"),
        (b"\x28\xb5\x2f\xfdxx", "a.jsonl.zst", "zstd"),
        ("hello".encode("utf-16"), "a.txt", "UTF-16"),
        (bytes(range(256)) * 8, "a.jsonl", "not a text file"),
        (b"\x00" * 5000, "a.txt", "not a text file"),
        (zipped(zipped(b"x" * 99)), "a.gz", "gzip inside gzip"),
        (zipped(lines(QA).encode())[:-9], "a.jsonl.gz", "damaged gzip"),
        (zipped(lines(QA).encode())[:20] + b"\xff" * 40, "a.jsonl.gz", "damaged gzip"),
        (zipped(lines(QA).encode()) + b"rest", "a.jsonl.gz", "damaged gzip"),
        (b'<?xml version="1.0"?>\n<Problems><Problem/></Problems>', "a.xml", "XML"),
        (b"<html><body>hi</body></html>", "a.json", "XML (or HTML)"),
        (b"question,answer\n", "a.csv", "header and no rows"),
        (b"question,question\na,b\n", "a.csv", "column twice"),
        (b'question,answer\n"a,b\nc,d\n', "a.csv", "CSV that breaks"),
        (b"question,answer\na,b,c\n", "a.csv", "3 cells where the header names 2"),
        (b"<|endoftext|>\n<|endoftext|>", "a.txt", "no text but separators"),
        (b"42\n", "a.json", "the row is a number"),
    ],
)
def test_files_that_are_not_data_are_refused_by_name(write, content, name, words):
    assert words in refusal(write(content, name))


def test_paths_that_are_not_files(tmp_path):
    assert "No such data file" in refusal(tmp_path / "missing.jsonl")
    assert "is a directory" in refusal(tmp_path)
    assert "No such data file" in refusal("a\0b")
    os.mkfifo(tmp_path / "pipe")
    assert "not a regular file" in refusal(tmp_path / "pipe")


def test_a_decompression_bomb_is_stopped_early(write):
    bomb = gzip.compress(b"a" * (RATIO_FROM_BYTES + (8 << 20)), compresslevel=6)
    assert len(bomb) * LIMIT_RATIO < RATIO_FROM_BYTES
    assert "decompression bomb" in refusal(write(bomb, "bomb.gz"))


def test_a_huge_row_is_a_bad_row(write):
    path = write(lines(QA) + '{"question": "' + "x" * LIMIT_ROW_CHARACTERS + '", "answer": "a"}\n')
    assert "line 4: the row is too large" in refusal(path)


@FUZZ
@given(st.binary(max_size=400), st.sampled_from(["a.jsonl", "a.json", "a.txt", "a.csv", "a.tsv", "a.gz", "a"]))
def test_any_bytes_give_a_source_or_a_data_error(tmp_path_factory, content, name):
    path = tmp_path_factory.mktemp("fuzz") / name
    path.write_bytes(content)
    _reads_or_refuses(path)


_COLUMNS = "messages conversations prompt completion question answer text instruction output input system tools data x"
_KEYS = "role content from value weight tool_calls user assistant"
_key = st.sampled_from(f"{_COLUMNS} {_KEYS}".split())
_leaf = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8)
_value = st.recursive(_leaf, lambda v: st.lists(v, max_size=3) | st.dictionaries(_key, v, max_size=3), max_leaves=8)


@FUZZ
@given(st.lists(st.dictionaries(_key, _value, max_size=4) | _value, max_size=4), st.booleans())
def test_any_json_gives_a_source_or_a_data_error(tmp_path_factory, rows, array):
    path = tmp_path_factory.mktemp("fuzz") / "a.json"
    path.write_text(json.dumps(rows) if array else lines_ascii(rows))
    _reads_or_refuses(path)


def lines_ascii(rows):
    return "\n".join(json.dumps(r) for r in rows)


def _reads_or_refuses(path):
    for skip in (False, True):
        try:
            source = read(path, skip_bad_rows=skip)
        except DataError:
            continue
        assert isinstance(source, Source)
        assert source.examples
        assert len(source.examples) + len(source.bad) == source.rows
        for example in source.examples:
            assert example.messages[-1].role == "assistant"
            "".join(m.content for m in example.messages).encode()


def test_every_column_that_the_prompt_is_made_of_is_in_it(write):
    row = {"instruction": "Answer.", "input": "What is X?", "context": "X is 5.", "output": "5"}
    assert read(write(lines([row] * 3))).examples[0].messages[0].content == "Answer.\n\nWhat is X?\n\nX is 5."
    row = {"question": "What is X?", "answer": "5", "system": "Be short.", "system_prompt": "Be kind."}
    assert read(write(lines([row] * 3))).examples[0].messages[0].content == "Be short.\n\nBe kind."
    row["system_prompt"] = "Be short."
    assert read(write(lines([row] * 3))).examples[0].messages[0].content == "Be short."


def test_the_reference_is_of_the_last_answer_that_is_trained_on(write):
    turns = [("user", "2+2?"), ("assistant", "4"), ("user", "3+3?"), ("assistant", "6")]
    messages = [{"role": r, "content": c, **({"weight": 0} if c == "6" else {})} for r, c in turns]
    assert read(write(lines([{"messages": messages}] * 3))).examples[0].reference == "4"


def test_a_system_column_beside_a_system_turn_is_not_lost(write):
    turns = [{"from": "system", "value": "Be kind."}, {"from": "human", "value": "a?"}, {"from": "gpt", "value": "A"}]
    for column, system in (("Be short.", "Be short.\n\nBe kind."), ("Be kind.", "Be kind.")):
        (example, *_) = read(write(lines([{"system": column, "conversations": turns}] * 3))).examples
        assert [m.content for m in example.messages] == [system, "a?", "A"]
