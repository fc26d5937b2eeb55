"""Rows on disk are the rows in memory: the same bits are trained, findings and faults are alike, nothing half-made is used."""

from __future__ import annotations

import csv
import gzip
import json
import multiprocessing
import os
import resource
import shutil
import signal
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tiny_run import Watcher, metrics, run_and_die, settings, weights, write_rows

from burnish.config import to_json
from burnish.errors import ConfigError, DataError, DiskFull, Interrupted, RunError
from burnish.runs import streamed, train
from burnish.runs.prepare import prepare
from burnish.store import memory
from burnish.store.home import cache_directory
from burnish.store.models import resolve
from burnish.store.runfolder import RunFolder
from burnish.store.tokenrows import TokenRows
from burnish.tasks import lines, parquet, rows


@pytest.fixture
def prepared(tiny_model):
    return lambda data, **changes: prepare(settings(tiny_model, data, **changes), resolve(str(tiny_model)))


def same(a, b) -> None:
    """Two preparations whose rows, sides and findings are equal."""
    assert len(a.train.data) == len(b.train.data)
    for one, other in zip(a.train.rendered, b.train.rendered, strict=True):
        assert one.ids.tolist() == other.ids.tolist()
        assert one.weights.tolist() == other.weights.tolist()
        assert one.message.tolist() == other.message.tolist()
        assert (one.truncated, one.goes_on, other.fault) == (other.truncated, other.goes_on, None)
        assert (one.ids.dtype, one.weights.dtype, one.message.dtype) == (np.int32, np.float32, np.int16)
    assert list(a.train.lines()) == list(b.train.lines())
    assert a.train.sizes == b.train.sizes
    assert [e.messages for e in a.valid.examples] == [e.messages for e in b.valid.examples]
    assert a.fingerprints == b.fingerprints
    assert a.findings == b.findings
    assert (a.format, a.valid_share, a.grader, a.grader_why) == (b.format, b.valid_share, b.grader, b.grader_why)
    assert [(e.line, r.fault) for e, r in a.left_out] == [(e.line, r.fault) for e, r in b.left_out]
    assert a.bad == b.bad


def jsonl(path: Path, rows: list) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def as_csv(path: Path, rows: list) -> Path:
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, rows[0].keys())
        writer.writeheader()
        writer.writerows(rows)
    return path


def as_parquet(path: Path, rows: list) -> Path:
    pq.write_table(pa.Table.from_pylist(rows), path, row_group_size=7)
    return path


def packed(path: Path, rows: list) -> Path:
    path.write_bytes(gzip.compress("".join(json.dumps(row) + "\n" for row in rows).encode()))
    return path


PAIRS = [{"question": f'what is\nthe {n}th, "really"?', "answer": f"letter {n % 7}, é"} for n in range(50)]


@pytest.mark.parametrize(
    ("write", "name"), [(jsonl, "a.jsonl"), (as_csv, "a.csv"), (as_parquet, "a.parquet"), (packed, "a.jsonl.gz")]
)
def test_rows_on_disk_are_those_in_memory(prepared, tmp_path, write, name):
    data = write(tmp_path / name, PAIRS)
    same(prepared(data, stream=True), prepared(data, stream=False))
    same(prepared(data, stream=True), prepared(data, stream=False))  # as they were kept


@pytest.mark.parametrize(
    "text",
    [
        "".join(f"one line, number {n}\n" for n in range(40)),
        "\n\n".join(f"a paragraph\r\nof {n}\r\nlines" for n in range(30)),
        "<|endoftext|>".join(f"a text\n\nof {n} parts " + "and more " * (n % 5 * 9) for n in range(30)),
    ],
    ids=["lines", "paragraphs", "marks"],
)
def test_plain_text_on_disk_is_that_in_memory(prepared, tmp_path, text):
    (tmp_path / "a.txt").write_text(text, newline="")
    for changes in ({"long_rows": "split", "limit_tokens": 64}, {"limit_tokens": 40}, {}):
        same(prepared(tmp_path / "a.txt", stream=True, **changes), prepared(tmp_path / "a.txt", stream=False, **changes))


def test_faults_and_findings_are_the_same(prepared, data, tmp_path):
    rows = [{"prompt": f"{n // 2} " + "x" * (40 if n % 4 == 0 else 2), "completion": "y" if n % 3 else "z"} for n in range(60)]
    path = jsonl(tmp_path / "rows.jsonl", [*rows, *rows[:5]])
    for changes in ({"limit_tokens": 16}, {"valid": str(data)}, {"valid": str(path)}):
        both = [prepared(path, stream=s, **changes) for s in (True, False)]
        same(*both)
        assert both[0].findings.warnings


# -- what is kept on disk -------------------------------------------------------------------------------------------------


def entries() -> list[Path]:
    return sorted(p for p in (cache_directory() / "rows").iterdir() if p.is_dir())


@pytest.fixture
def empty():
    """No rows on disk."""
    shutil.rmtree(cache_directory() / "rows", ignore_errors=True)


def made(monkeypatch) -> list[str]:
    """The data files whose rows are made from now on."""
    found: list[str] = []
    plain = streamed.survey

    def survey(layout, *arguments, **options):
        found.append(layout.path.name)
        return plain(layout, *arguments, **options)

    monkeypatch.setattr(streamed, "survey", survey)
    return found


def test_rows_are_made_once_for_plan_run_and_rerun(empty, tiny_model, data, monkeypatch):
    found = made(monkeypatch)
    plan = train.plan(settings(tiny_model, data, stream=True))
    assert plan.config.stream is True
    assert next(d.why for d in plan.derived if d.key == "limit_tokens").startswith("the longest row")
    prepare(plan.config, resolve(str(tiny_model)))  # with its derived share, limit and date
    prepare(settings(tiny_model, data, stream=True), resolve(str(tiny_model)))
    prepare(settings(tiny_model, data, stream=True, limit_tokens=20), resolve(str(tiny_model)))  # which cuts none
    assert found == [data.name]
    prepare(settings(tiny_model, data, stream=True, seed=1), resolve(str(tiny_model)))
    prepare(settings(tiny_model, data, stream=True, valid_share=0.2), resolve(str(tiny_model)))
    assert len(found) == 3


def test_the_same_bytes_under_another_name_are_other_rows(empty, prepared, tmp_path):
    """Where the name decides how they are divided; else the rows are those that were made, and are told as of the new name."""
    text, table = tmp_path / "rows.txt", tmp_path / "rows.csv"
    for path in (text, table):
        path.write_text("".join(f"{n},answer {n}\n" if n else "prompt,completion\n" for n in range(30)))
    for path in (text, table, text):
        same(prepared(path, stream=True), prepared(path, stream=False))
    assert len(entries()) == 2
    moved = table.rename(tmp_path / "moved.csv")
    assert {e.source for e in prepared(moved, stream=True).valid.examples} == {str(moved)}
    assert len(entries()) == 2


def test_rows_of_another_version_are_made_again(empty, prepared, data, monkeypatch):
    prepared(data, stream=True)
    monkeypatch.setattr(streamed, "__version__", "another")
    found = made(monkeypatch)
    prepared(data, stream=True)
    assert found == [data.name]


def test_an_entry_that_is_removed_while_it_is_looked_at_is_made_again(empty, prepared, data, monkeypatch):
    prepared(data, stream=True)
    plain, found = streamed.verify, made(monkeypatch)

    def verify(directory: Path) -> list[str]:
        monkeypatch.setattr(streamed, "verify", plain)
        shutil.rmtree(directory.parent)
        return []

    monkeypatch.setattr(streamed, "verify", verify)
    same(prepared(data, stream=True), prepared(data, stream=False))
    assert found == [data.name]


def test_entries_used_long_ago_are_removed(empty, prepared, data):
    first = prepared(data, stream=True, seed=10)
    os.utime(entries()[0] / "lock", (0, 0))
    for seed in range(6):
        prepared(data, stream=True, seed=seed)
        newest = max(entries(), key=lambda p: (p / "lock").stat().st_mtime_ns)
        os.utime(newest / "lock", (seed, seed))
    assert len(entries()) == streamed.KEPT_ENTRIES
    assert len([r.ids for r in first.train.rendered]) == first.train.sizes.rows  # who has it open reads on


@pytest.mark.parametrize("how", ["flip", "cut", "facts"])
def test_damaged_rows_are_made_again(empty, prepared, data, how):
    prepared(data, stream=True)
    (entry,) = entries()
    tokens, facts = entry / "rows" / "tokens", entry / "rows" / "facts.json"
    content = bytearray(tokens.read_bytes())
    if how == "flip":
        content[40] ^= 1
        tokens.write_bytes(content)
    elif how == "cut":
        tokens.write_bytes(content[:-4])
    else:
        facts.write_text(facts.read_text()[:50])
    same(prepared(data, stream=True), prepared(data, stream=False))


def test_rows_that_are_cut_while_they_are_read_are_an_error(empty, prepared, data):
    prepared(data, stream=True)
    rows = TokenRows(entries()[0] / "rows")
    os.truncate(entries()[0] / "rows" / "tokens", 8)
    with pytest.raises(RunError, match=r"were cut.*made again"):
        rows[len(rows) - 1]


# -- training -------------------------------------------------------------------------------------------------------------


def test_training_over_rows_on_disk_ends_with_the_bits_of_training_in_memory(tiny_model, data):
    outcomes = [train.start(settings(tiny_model, data, stream=s), run=f"streamed-{s}".lower()) for s in (True, False)]
    assert weights(outcomes[0].folder) == weights(outcomes[1].folder)
    assert metrics(outcomes[0].folder) == metrics(outcomes[1].folder)
    assert outcomes[0].certificate.passed
    plans = [json.loads((o.folder / "plan.json").read_text()) for o in outcomes]
    for key in ("rows", "tokens", "target_tokens", "masked_share", "cut_rows", "held_out_rows", "format", "warnings"):
        assert plans[0][key] == plans[1][key]
    assert plans[0]["total_tokens"] == pytest.approx(plans[1]["total_tokens"], rel=0.1)


@pytest.mark.parametrize(
    ("kills", "forget"),
    [
        ([("append", 2), ("step", 4)], False),  # while rows are written, then between checkpoints
        ([("step", 7)], True),  # what is on disk is made again
    ],
    ids=["rows", "forget"],
)
def test_check_39_a_killed_run_over_rows_on_disk_ends_with_the_same_bits(empty, tiny_model, data, home, kills, forget):
    """In small windows, so that the rows of a step come from several of them."""
    config = settings(tiny_model, data, stream=True, window=7)
    whole = train.start(config, run=f"windows-{forget}".lower())
    plain = train.start(settings(tiny_model, data, stream=True), run=f"one-window-{forget}".lower())
    assert weights(whole.folder) != weights(plain.folder)
    shutil.rmtree(cache_directory() / "rows")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["burnish.runs.train", "burnish.engine.host"])
    name = f"killed-windows-{forget}".lower()
    for point, count in kills:
        child = context.Process(target=run_and_die, args=(str(home), to_json(config), name, point, count))
        child.start()
        child.join(120)
        assert child.exitcode == -signal.SIGKILL
        if point == "append":
            (entry,) = entries()
            assert [p.name.endswith(".partial") for p in entry.iterdir() if p.is_dir()] == [True]
    if forget:
        shutil.rmtree(cache_directory() / "rows")
    resumed = train.resume(name)
    assert weights(resumed.folder) == weights(whole.folder)
    assert metrics(resumed.folder) == metrics(whole.folder)
    (entry,) = entries()
    assert [p.name for p in entry.iterdir() if p.is_dir()] == ["rows"]


def test_a_run_over_rows_on_disk_does_not_go_on_with_other_data(tiny_model, tmp_path):
    data = write_rows(tmp_path / "rows.jsonl")

    def stop(step: int) -> None:
        if step == 5:
            os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(Interrupted, match="step 5 of 9"):
        train.start(settings(tiny_model, data, stream=True), run="streamed-changed", progress=Watcher(stop))
    write_rows(data, 61)
    with pytest.raises(RunError, match="data and rows changed"):
        train.resume("streamed-changed")


def test_rows_are_streamed_where_they_would_not_fit(empty, tiny_model, data):
    plan = train.plan(settings(tiny_model, data))
    assert plan.config.stream is False
    watcher = Watcher()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(memory, "at_hand", lambda: 1000)
        outcome = train.start(settings(tiny_model, data), run="by-itself", progress=watcher)
    config = RunFolder.open("by-itself").config()
    assert config["stream"] is True
    assert any("kept as tokens on disk" in note for note in watcher.notes)
    body = json.loads((outcome.folder / "plan.json").read_text())
    assert any("is streamed: 2.3 kB of data may take 56.8 kB of memory, and 1.0 kB are at hand" in n for n in body["notes"]), body
    assert train.resume("by-itself").report.training.steps == 9  # with memory enough by now


# -- faults ---------------------------------------------------------------------------------------------------------------


def faults(prepared, path: Path, **changes) -> list[str]:
    """What is said of a file, in both ways."""
    said = []
    for stream in (True, False):
        with pytest.raises((DataError, ConfigError)) as caught:
            prepared(path, stream=stream, **changes)
        said.append(str(caught.value))
    return said


BROKEN = {
    "empty.jsonl": b"",
    "blank.txt": b"\n\n  \n",
    "empty.csv": b"",
    "blank.csv": b"\n\n  \n",
    "zip.jsonl": b"PK\x03\x04" + bytes(100),
    "binary.txt": bytes(range(256)) * 20,
    "page.html": b"<!DOCTYPE html>\n<p>text</p>\n",
    "numbers.jsonl": b"1\n2\n3\n",
    "header.csv": b"prompt,completion\n",
    "twice.csv": b"prompt,prompt\na,b\n",
    "quote.csv": b'prompt,completion\na,"b\nc,d\n',
    "cut.jsonl.gz": gzip.compress(b'{"prompt": "a", "completion": "b"}\n' * 50)[:-9],
    "cut.parquet": b"PAR1" + bytes(300),
    "foreign.jsonl": b'{"a": 1, "b": 2}\n' * 20,
    "one.jsonl": b'{"data": [{"prompt": "a", "completion": "b"}, {"prompt": "c", "completion": "d"}]}\n',
    "middle.jsonl": b"".join(
        b'{"prompt": "%d", "completion": "b"}\n' % n if n % 9 else b'{"prompt": "%d", "completion": \n' % n for n in range(1, 60)
    ),
    "mixed.jsonl": b'{"prompt": "a", "completion": "b"}\n' * 30 + b'{"text": "c"}\n\xff\n[1]\n',
    "alike.jsonl": b'{"prompt": "a", "completion": "b"}\n' * 30,
}


@pytest.mark.parametrize("name", BROKEN)
def test_faults_of_a_file_are_told_in_the_same_words(empty, prepared, tmp_path, name):
    (tmp_path / name).write_bytes(BROKEN[name])
    on_disk, in_memory = faults(prepared, tmp_path / name)
    assert on_disk == in_memory
    assert not [p for e in (entries() if (cache_directory() / "rows").is_dir() else []) for p in e.iterdir() if p.is_dir()]


def test_a_parquet_file_that_breaks_in_the_middle_leaves_nothing(empty, prepared, tmp_path):
    path = tmp_path / "rows.parquet"
    pq.write_table(pa.Table.from_pylist(PAIRS * 40), path, row_group_size=100, compression="none")
    content = bytearray(path.read_bytes())
    middle = len(content) // 2
    content[middle : middle + 4000] = os.urandom(4000)
    path.write_bytes(content)
    on_disk, _ = faults(prepared, path)
    assert "damaged Parquet file" in on_disk or "rows" in on_disk
    assert not [p for e in entries() for p in e.iterdir() if p.is_dir()]


def test_bad_rows_in_the_middle_are_skipped_as_asked(empty, prepared, tmp_path):
    path = tmp_path / "middle.jsonl"
    path.write_bytes(BROKEN["middle.jsonl"])
    both = [prepared(path, stream=s, skip_bad_rows=True) for s in (True, False)]
    same(*both)
    assert [row.line for row in both[0].bad] == [9, 18, 27, 36, 45, 54]
    assert any("6 of 59 rows were skipped" in n for n in both[0].notes)


def test_a_file_that_changes_while_it_is_read_is_refused(empty, prepared, tmp_path, monkeypatch):
    data = write_rows(tmp_path / "rows.jsonl")
    plain = streamed._Rendering.write

    def write(*arguments):
        plain(*arguments)
        with data.open("a") as file:
            file.write("\n")

    monkeypatch.setattr(streamed._Rendering, "write", write)
    with pytest.raises(DataError, match="changed while it was read"):
        prepared(data, stream=True)
    assert not [p for e in entries() for p in e.iterdir() if p.is_dir()]


def test_a_file_that_is_replaced_while_it_is_hashed_is_refused(empty, prepared, tmp_path, monkeypatch):
    data, other = write_rows(tmp_path / "rows.jsonl"), write_rows(tmp_path / "other.jsonl", 61)
    plain = streamed.sha256

    def sha256(path: Path) -> str:
        found = plain(path)
        if other.exists():
            other.replace(data)
        return found

    monkeypatch.setattr(streamed, "sha256", sha256)
    with pytest.raises(DataError, match="changed while it was read"):
        prepared(data, stream=True)
    assert len(prepared(data, stream=True).train.data) + len(prepared(data, stream=True).valid.data) == 61


def test_a_text_of_one_line_is_never_cut_in_silence(prepared, tmp_path, monkeypatch):
    path = tmp_path / "one.txt"
    path.write_text("<|endoftext|>".join(f"text {n}" for n in range(100)))
    same(prepared(path, stream=True), prepared(path, stream=False))
    monkeypatch.setattr(lines, "LIMIT_LINE_BYTES", 400)
    path.write_text("<|endoftext|>".join(f"text {n}" for n in range(101)))
    with pytest.raises(DataError, match=r"line 1 of .* too long.*more than 400 bytes.*put a line end after each"):
        prepared(path, stream=True)


@pytest.mark.parametrize("before", ["", "\n", "short\n"])
def test_a_text_that_is_too_large_is_a_bad_row(monkeypatch, before):
    monkeypatch.setattr(rows, "LIMIT_ROW_CHARACTERS", 20)
    text = f"one<|endoftext|>{before}{'long ' * 10}\n<|endoftext|>two"
    found = list(rows.documents(enumerate(text.split("\n"), start=1), "marks"))
    assert found[0] == (1, "one")
    assert isinstance(found[1], rows.BadRow)
    assert found[1].line == 1 + (before == "\n")
    assert [item[1] for item in found[2:] if not isinstance(item, rows.BadRow)] == ["two"]


def test_a_full_disk_says_how_much_is_needed(empty, prepared, tmp_path):
    """A limit on the size of files stands for the end of the disk."""
    path = jsonl(tmp_path / "long.jsonl", [{"text": f"{n} " + "text " * 10_000} for n in range(20)])
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (3 << 19, hard))
        with pytest.raises(DiskFull, match=r"at row \d+ of 20.*about [\d.]+ MB are needed.*BURNISH_HOME") as caught:
            prepared(path, stream=True, long_rows="split")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, ignored)
    needed = float(caught.value.seen.split("about ")[1].split()[0])
    assert 3.3 < needed < 4.2  # 18 rows of 50,000 tokens, four bytes each
    assert not [p for e in entries() for p in e.iterdir() if p.is_dir()]
    assert len(prepared(path, stream=True, long_rows="split").train.data) > 18


def test_too_small_a_disk_is_noticed_after_the_first_rows(empty, prepared, tmp_path, monkeypatch):
    path = jsonl(tmp_path / "many.jsonl", [{"text": f"a text, number {n}"} for n in range(400)])
    free = shutil.disk_usage(tmp_path)._replace(free=2000)
    monkeypatch.setattr(streamed, "FIRST_LOOK_ROWS", 20)
    monkeypatch.setattr(streamed.shutil, "disk_usage", lambda place: free)
    with pytest.raises(DiskFull, match=r"at row 20 of 400;.*are needed, and 2.0 kB are free.*BURNISH_HOME"):
        prepared(path, stream=True)
    assert not [p for e in entries() for p in e.iterdir() if p.is_dir()]
    monkeypatch.undo()
    assert len(prepared(path, stream=True).train.data) > 300


# -- what cannot be streamed ----------------------------------------------------------------------------------------------


def test_what_cannot_be_streamed_is_said(prepared, data, tmp_path):
    array = tmp_path / "rows.json"
    array.write_text(json.dumps(PAIRS, indent=1))
    with pytest.raises(ConfigError, match="one JSON document, which is read as a whole"):
        prepared(array, stream=True)
    with pytest.raises(ConfigError, match="ready task is made in memory"):
        prepared(Path("refusals"), stream=True)
    with pytest.raises(ConfigError, match="texts to rehearse are not streamed"):
        prepared(data, stream=True, rehearse=str(data))
    many = jsonl(tmp_path / "many.jsonl", [{"prompt": f"{n}", "completion": "a"} for n in range(5000)])
    with pytest.raises(ConfigError, match=r"2,500 rows would be held out.*lower valid_share"):
        prepared(many, stream=True, valid_share=0.5)


def test_a_window_that_is_not_read_is_said(prepared, data):
    said = [
        [n for n in prepared(data, window=7, **changes).notes if n.startswith("window = 7 is not read")]
        for changes in ({"stream": False}, {}, {"stream": True, "order": "file"}, {"stream": True})
    ]
    assert [len(notes) for notes in said] == [1, 1, 1, 0]


def test_what_a_file_may_take_counts_what_is_packed_and_the_rows_to_validate_on(tiny_model, data, tmp_path):
    many = [{"prompt": f"{n}", "completion": "the same " * 500} for n in range(50)]
    plain, gz = jsonl(tmp_path / "a.jsonl", many), packed(tmp_path / "a.jsonl.gz", many)
    columns = as_parquet(tmp_path / "a.parquet", many)
    size = {p: streamed._sizes(settings(tiny_model, p))[0] for p in (plain, gz, columns)}
    assert size == {
        plain: plain.stat().st_size,
        gz: 10 * gz.stat().st_size,
        columns: max(4 * columns.stat().st_size, parquet.unpacked_bytes(columns)),
    }
    both = streamed._sizes(settings(tiny_model, plain, valid=str(data)))
    assert both[0] == size[plain] + data.stat().st_size
    assert both[1] == streamed.IN_MEMORY * both[0]


def test_what_cannot_be_streamed_is_read_in_memory_by_itself(prepared, data, tmp_path, monkeypatch):
    monkeypatch.setattr(memory, "at_hand", lambda: 1000)
    array = tmp_path / "rows.json"
    array.write_text(json.dumps(PAIRS, indent=1))
    assert prepared(array).streamed_why == "a JSON document is read as a whole"
    texts = jsonl(tmp_path / "texts.jsonl", [{"text": f"a text {n}"} for n in range(5)])
    assert prepared(data, rehearse=str(texts)).rehearsed == 5
