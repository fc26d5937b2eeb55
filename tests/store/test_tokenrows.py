"""Rows come back from disk as they were written, whatever their masks, by number and in any order."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest

from burnish.errors import RunError
from burnish.store.tokenrows import TokenRow, TokenRows, TokenWriter, row_bytes


def row(draw: np.random.Generator, n: int, line: int) -> TokenRow:
    weights = draw.choice(np.array([0, 0.5, 1], np.float32), n) if line % 2 else np.ones(n, np.float32)
    message = np.sort(draw.integers(-1, 4, n)).astype(np.int16)
    ids = draw.integers(0, 1 << 20, n).astype(np.int32)
    return TokenRow(ids, weights, message, line=line, truncated=line % 3, goes_on=line % 5 == 0)


def test_rows_come_back_as_they_were_written(tmp_path):
    draw = np.random.default_rng(0)
    wanted = [row(draw, int(draw.integers(1, 40)), 3 * n) for n in range(200)]
    with TokenWriter(tmp_path) as writer:
        for r in wanted:
            writer.add(r)
    found = TokenRows(tmp_path)
    assert len(found) == 200
    for i in draw.permutation(200).tolist():
        for name in ("ids", "weights", "message"):
            a, b = getattr(found[i], name), getattr(wanted[i], name)
            assert (a.dtype, a.tolist()) == (b.dtype, b.tolist())
        assert (found[i].line, found[i].truncated, found[i].goes_on) == (wanted[i].line, wanted[i].truncated, wanted[i].goes_on)
    assert list(found.lines()) == [r.line for r in wanted]
    assert [r.line for r in found[5:9]] == [15, 18, 21, 24]
    assert found[-1].line == 597
    with pytest.raises(IndexError):
        found[200]
    assert writer.written_bytes == sum(p.stat().st_size for p in tmp_path.iterdir())


def test_the_digest_is_over_ids_and_weights(tmp_path):
    draw = np.random.default_rng(1)
    rows = [row(draw, 5, n) for n in range(3)]
    with TokenWriter(tmp_path) as writer:
        for r in rows:
            writer.add(r)
        assert writer.digest.hexdigest() == hashlib.sha256(b"".join(row_bytes(r.ids, r.weights) for r in rows)).hexdigest()


def give_up(directory):
    with TokenWriter(directory) as writer:
        writer.add(row(np.random.default_rng(2), 5, 0))
        raise KeyboardInterrupt


def test_what_is_given_up_is_not_finished(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        give_up(tmp_path)
    assert [p.stat().st_size for p in tmp_path.iterdir()] == [0, 0, 0]


def test_files_that_are_not_there_are_an_error(tmp_path):
    with pytest.raises(RunError, match="cannot be read"):
        TokenRows(tmp_path)
