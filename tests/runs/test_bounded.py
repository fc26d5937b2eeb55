"""Data of ten times the memory that training may take: it trains where rows are streamed, and fails where they are in memory."""

from __future__ import annotations

import json
import os
import random
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from burnish.engine.fresh import Shape, write_fresh
from burnish.render.learn import learn_bpe

MORE_BYTES = 10 << 20
"""What the process may grow by; the file has ten times as many bytes."""


@pytest.fixture(scope="module")
def texts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Ten times MORE_BYTES of text in JSON lines, of few and long words, so that there are few tokens to make of it; two smaller
    files of the same; and a model whose tokens are those words."""
    directory = tmp_path_factory.mktemp("texts")
    draw = random.Random(4)
    words = ["".join(draw.choice("abcdefghijklmnop") for _ in range(24)) for _ in range(20)]
    for name, size in (("small", MORE_BYTES // 8), ("middle", MORE_BYTES), ("large", 10 * MORE_BYTES)):
        with (directory / f"{name}.jsonl").open("w") as file:
            number = written = 0
            while written < size:
                number += 1
                written += file.write(json.dumps({"text": f"{number} " + " ".join(draw.choices(words, k=160))}) + "\n")
    lines = [" ".join(words) + "\n"] * 3
    with pytest.raises(ValueError, match=r"give \d+ entries") as caught:
        learn_bpe(lines, directory / "model", vocab=5000, positions=256)
    found = re.search(r"give (\d+)", str(caught.value))
    assert found
    shape = Shape(vocab=int(found[1]), hidden=32, layers=2, heads=4, kv_heads=2, wide=48, positions=256)
    learn_bpe(lines, directory / "model", vocab=shape.vocab, positions=shape.positions)
    write_fresh(directory / "model", shape, seed=0, copying=False)
    return directory


def run(texts: Path, home: Path, data: str, *, stream: bool) -> subprocess.CompletedProcess[str]:
    """Train in a process of its own, with MORE_BYTES more than it takes to make the rows of the small file. Its heap takes
    nothing ahead, as engine/heap.py would, so that what it holds is what it needs."""
    shutil.copytree(home / "cache", home / data / "cache", ignore=shutil.ignore_patterns("rows"))
    script = Path(__file__).with_name("bounded_run.py")
    arguments = [str(texts / "model"), str(texts / "small.jsonl"), str(texts / data), str(MORE_BYTES), str(int(stream))]
    plain = {"MALLOC_ARENA_MAX": "1", "MALLOC_TOP_PAD_": "131072"}
    environment = {**os.environ, "BURNISH_HOME": str(home / data), **plain}
    command = [sys.executable, str(script), *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


def test_data_of_ten_times_the_memory_is_trained_on(texts, home):
    found = []
    for data in ("small.jsonl", "large.jsonl"):
        done = run(texts, home, data, stream=True)
        assert done.returncode == 0, done.stderr[-2000:]
        found.append(json.loads(done.stdout.splitlines()[-1]))
    small, large = found
    assert large["rows"] > 70 * small["rows"]
    assert large["tokens"] * 4 > MORE_BYTES  # the tokens alone would not fit either
    assert large["steps"] == 4
    assert large["peak"] - small["peak"] < MORE_BYTES


def test_in_memory_a_tenth_of_it_does_not_fit(texts, home):
    """The limit holds: it is what streaming gets by with."""
    done = run(texts, home, "middle.jsonl", stream=False)
    assert done.returncode != 0
    assert "MemoryError" in done.stderr, done.stderr[-2000:]
