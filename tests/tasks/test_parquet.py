"""Parquet files: the same rows as JSON lines would give, and every fault with its row."""

from __future__ import annotations

import datetime
import decimal
import json
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from burnish.errors import CapabilityMissing, DataError
from burnish.tasks import parquet, sources

CHATS = [
    {"messages": [{"role": "user", "content": f"What is {n} + 1?"}, {"role": "assistant", "content": f"{n + 1}"}], "id": n}
    for n in range(30)
]


def write(path: Path, rows: list[dict], **options: object) -> Path:
    pq.write_table(pa.Table.from_pylist(rows), path, **options)
    return path


@pytest.mark.parametrize("compression", ["none", "snappy", "gzip", "zstd"])
def test_rows_are_those_of_json_lines(compression: str, tmp_path: Path) -> None:
    lines = tmp_path / "a.jsonl"
    lines.write_text("".join(json.dumps(row) + "\n" for row in CHATS))
    mine = sources.read(write(tmp_path / "data.bin", CHATS, compression=compression, row_group_size=7))
    theirs = sources.read(lines)
    assert [e.messages for e in mine.examples] == [e.messages for e in theirs.examples]
    assert mine.rows == 30
    assert "Parquet" in mine.format
    assert mine.sha256 == sources.read(tmp_path / "data.bin").sha256


def test_a_limit_and_columns_by_name(tmp_path: Path) -> None:
    path = write(
        tmp_path / "a.parquet", [{"ask": f"Say {n}", "say": str(n), "when": datetime.date(2026, 1, 1)} for n in range(20)]
    )
    found = sources.read(path, mapping={"prompt": "ask", "completion": "say"}, limit_rows=5)
    assert [e.messages[-1].content for e in found.examples] == ["0", "1", "2", "3", "4"]
    assert any("first 5 rows" in note for note in found.notes)


def test_values_that_json_lacks_are_spelled_or_told_of(tmp_path: Path) -> None:
    table = pa.table(
        {
            "prompt": ["a", "b", "c"],
            "completion": ["x", "y", "z"],
            "price": pa.array([decimal.Decimal("1.50"), None, decimal.Decimal("2.00")]),
            "at": pa.array([datetime.datetime(2026, 1, 2, 3), None, None]),
            "tags": pa.array([[("k", "v")], None, None], type=pa.map_(pa.string(), pa.string())),
            "score": pa.array([1.0, float("nan"), 2.0]),
            "raw": pa.array([None, None, b"\xff"]),
        }
    )
    pq.write_table(table, tmp_path / "a.parquet")
    rows, _ = parquet.read_rows(tmp_path / "a.parquet")
    assert [line for line, _ in rows.items] == [1]
    assert rows.items[0][1] | {"raw": None} == {
        "prompt": "a", "completion": "x", "price": "1.50", "at": "2026-01-02T03:00:00", "tags": {"k": "v"}, "score": 1.0,
        "raw": None,
    }  # fmt: skip
    assert [(b.line, b.unit) for b in rows.bad] == [(2, "row"), (3, "row")]
    assert "nan" in rows.bad[0].fault
    assert "bytes" in rows.bad[1].fault
    with pytest.raises(DataError, match="row 2"):
        sources.read(tmp_path / "a.parquet")
    assert sources.read(tmp_path / "a.parquet", skip_bad_rows=True).rows == 3


def test_damaged_empty_and_too_large_files_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = write(tmp_path / "a.parquet", CHATS).read_bytes()
    (tmp_path / "cut.parquet").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "head.parquet").write_bytes(b"PAR1")
    middle = bytearray(whole)
    middle[20:60] = bytes(40)
    (tmp_path / "middle.parquet").write_bytes(middle)
    for name in ("cut", "head", "middle"):
        with pytest.raises(DataError, match="damaged Parquet"):
            sources.read(tmp_path / f"{name}.parquet")
    pq.write_table(pa.table({"text": pa.array([], pa.string())}), tmp_path / "none.parquet")
    with pytest.raises(DataError, match="without rows"):
        sources.read(tmp_path / "none.parquet")
    monkeypatch.setattr(parquet, "LIMIT_BYTES", 100)
    with pytest.raises(DataError, match="GiB"):
        sources.read(tmp_path / "a.parquet")


def test_values_beyond_python_become_text_and_broken_text_a_bad_row(tmp_path: Path) -> None:
    table = pa.table(
        {
            "text": pa.array([b"fine", b"\xff\xfe", b"also fine"]).cast(pa.binary()),
            "at": pa.array([1, 2, 3], pa.timestamp("ns")),
        }
    )
    broken = table.set_column(0, "text", pa.StringArray.from_buffers(3, *table["text"].chunk(0).buffers()[1:]))
    pq.write_table(broken, tmp_path / "a.parquet")
    rows, _ = parquet.read_rows(tmp_path / "a.parquet")
    assert [line for line, _ in rows.items] == [1, 3]
    assert rows.items[0][1] == {"text": "fine", "at": "1970-01-01 00:00:00.000000001"}
    assert "cannot be read as text" in rows.bad[0].fault


def test_a_small_file_that_unpacks_to_much_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path / "a.parquet", [{"text": "x" * 10_000}] * 300)
    assert path.stat().st_size < 50_000
    monkeypatch.setattr(parquet, "LIMIT_BYTES", 1_000_000)
    with pytest.raises(DataError, match="GiB"):
        sources.read(path)


def test_without_pyarrow_it_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path / "a.parquet", CHATS)
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(CapabilityMissing, match="pyarrow"):
        sources.read(tmp_path / "a.parquet")
