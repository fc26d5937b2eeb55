"""A home that is thrown away, a run trained there by the command itself, and a way to type commands."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from burnish.cli.main import main
from burnish.engine.measure import machine_key
from burnish.store import machine

MEASURED = {
    "threads": 1,
    "figures": {"fp32_gflops": 100, "bf16_gflops": 100},
    "matmul": "aten",
    "dtype": "float32",
    "bmm_limit": 0,
    "kernels": "torch",
}


@dataclass(frozen=True)
class Typed:
    """What a command left behind."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        """The JSON document, which must be the only line of standard output."""
        (line,) = self.out.splitlines()
        return json.loads(line)


Type = Callable[..., Typed]


def run_command(*words: str, stdin: str = "") -> Typed:
    """`burnish WORDS`, in this process, with pipes for streams."""
    out, err = io.StringIO(), io.StringIO()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["burnish", *words])
        patch.setattr(sys, "stdin", io.StringIO(stdin))
        patch.setattr(sys, "stdout", out)
        patch.setattr(sys, "stderr", err)
        with pytest.raises(SystemExit) as ended:
            main()
    code = ended.value.code
    assert isinstance(code, int)
    return Typed(code, out.getvalue(), err.getvalue())


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """BURNISH_HOME of these tests, with the machine's measurements given."""
    path = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BURNISH_HOME", str(path))
        machine.save_measured(machine_key(), MEASURED)
        yield path


@pytest.fixture(autouse=True)
def at_home(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BURNISH_HOME", str(home))


@pytest.fixture(scope="session")
def burnish() -> Type:
    return run_command


@pytest.fixture(scope="session")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """40 conversations about letters."""
    path = tmp_path_factory.mktemp("data") / "letters.jsonl"
    rows = [(f"{a}{b}?", (a + b).upper()) for a in "abcdefgh" for b in "vwxyz"]
    turns = [[{"role": "user", "content": q}, {"role": "assistant", "content": a}] for q, a in rows]
    path.write_text("".join(json.dumps({"messages": m}) + "\n" for m in turns))
    return path


@pytest.fixture(scope="session")
def trained(home: Path, tiny_model: Path, data: Path) -> Typed:
    """What `burnish train ... --run letters --json` printed."""
    words = ("train", str(data), "--model", str(tiny_model), "--run", "letters", "--json", "steps=6", "batch=8", "lora.rank=4")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BURNISH_HOME", str(home))
        return run_command(*words)
