"""What a user did wrong is said in a sentence, as text and as JSON, with the right exit code and without a traceback."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from burnish.cli.main import _unexpected
from burnish.cli.screen import visible
from burnish.cli.training import Given

NOWHERE = "/no/such/thing"


def wrong(model: str, data: str) -> dict[str, tuple[list[str], int, str]]:
    """name -> (command, exit code, error code)"""
    return {
        "option": (["train", "--nonsense"], 2, "usage"),
        "command": (["fly"], 2, "usage"),
        "no subcommand": (["data"], 2, "usage"),
        "no model": (["train", data], 2, "config"),
        "unknown key": (["train", data, "--model", model, "learning_rat=1"], 2, "config"),
        "wrong type": (["train", data, "--model", model, "epochs=many"], 2, "config"),
        "wrong map": (["train", data, "--model", model, "--map", "usr=goal"], 2, "config"),
        "no file": (["plan", NOWHERE, "--model", model], 2, "data"),
        "no such model": (["plan", data, "--model", NOWHERE], 2, "model_not_found"),
        "no run": (["show", "nobody"], 2, "run"),
        "no run to resume": (["train", "--resume", "nobody"], 2, "run"),
        "no run to export": (["export", "nobody", "--to", "peft", "--out", "x"], 2, "model_not_found"),
        "grader": (["eval", data, "--model", model, "--grader", "nice"], 2, "config"),
        "nothing trained": (["train", data, "--model", model, "--run", "still", "limit_tokens=8"], 1, "nothing_trained"),
        "no gain": (
            ["train", data, "--model", model, "--run", "none", "steps=1", "learning_rate=1e-6", "lora.rank=2", "--require-gain"],
            1,
            "no_gain",
        ),
    }


@pytest.mark.parametrize("name", wrong("", ""))
def test_failures_are_sentences(name: str, burnish, tiny_model: Path, data: Path):
    words, code, error = wrong(str(tiny_model), str(data))[name]
    typed = burnish(*words, "--json")
    assert typed.code == code, typed.err
    assert typed.document["error"]["code"] == error
    assert set(typed.document["error"]) == {"code", "what", "seen", "todo"}
    assert typed.document["error"]["what"] in typed.err.replace("error: ", "")
    assert "Traceback" not in typed.err


def test_a_misspelled_setting_is_named_with_its_neighbour(burnish, tiny_model: Path, data: Path):
    typed = burnish("plan", str(data), "--model", str(tiny_model), "learning_rat=1")
    assert typed.code == 2
    assert typed.out == ""
    assert "learning_rate" in typed.err


def test_bad_rows_stop_before_training_with_line_and_remedy(burnish, tiny_model: Path, tmp_path: Path, home: Path):
    path = tmp_path / "bad.jsonl"
    path.write_text(
        "".join(json.dumps({"question": f"{i}?", "answer": str(i)}) + "\n" for i in range(20)) + '{"question": "x?"}\n'
    )
    typed = burnish("train", str(path), "--model", str(tiny_model), "--run", "bad", "--json")
    assert typed.code == 2
    assert "21" in typed.document["error"]["seen"]
    assert "--skip-bad-rows" in typed.document["error"]["todo"]
    assert not (home / "runs" / "bad").exists()


def test_an_unexpected_failure_names_the_file_with_its_traceback():
    try:
        raise KeyError("odd")
    except KeyError as error:
        told = _unexpected(error)
    path = Path(told.todo.rsplit(" ", 1)[1])
    try:
        assert told.exit_code == 1
        assert "KeyError" in told.seen
        assert "Traceback" in path.read_text()
    finally:
        path.unlink()


def test_ctrl_c_is_said_in_every_command(tiny_model: Path, home: Path):
    """Here while `generate` waits for prompts. Typer alone would end without a word."""
    code = "import signal, sys\nclass Typing:\n    isatty = lambda self: False\n"
    code += "    __iter__ = lambda self: signal.raise_signal(signal.SIGINT)\n"
    code += f"sys.stdin = Typing()\nsys.argv = ['burnish', 'generate', {str(tiny_model)!r}, '--json']\n"
    code += "signal.signal(signal.SIGINT, signal.default_int_handler)\nfrom burnish.cli.main import main\nmain()"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 130
    assert json.loads(done.stdout)["error"]["code"] == "interrupted"
    assert done.stderr == "error: stopped\n"


def test_ctrl_c_while_the_interpreter_ends_changes_nothing(home: Path):
    code = "import atexit, signal, sys\nsignal.signal(signal.SIGINT, signal.default_int_handler)\n"
    code += "atexit.register(signal.raise_signal, signal.SIGINT)\n"
    code += "sys.argv = ['burnish', 'show', 'nobody']\nfrom burnish.cli.main import main\nmain()"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr


def test_control_characters_are_spelled_out():
    assert visible("a\x1b[31mb\x07\r\x9b\u202ec\td\ne") == "a\\x1b[31mb\\x07\\r\\x9b\\u202ec\td\ne"
    assert visible("äß語🙂") == "äß語🙂"


def test_a_setting_in_the_place_of_the_data_file_is_a_setting():
    given = Given("epochs=2", None, None, None, "sft", None, None, False, False, ["batch=4"])
    assert given.words() == ["epochs=2", "batch=4"]
    given = Given("data.jsonl", "7", None, None, "sft", None, ["user=goal"], True, False, None)
    assert given.words() == ['data="data.jsonl"', 'model="7"', 'map."user"="goal"', "skip_bad_rows=true"]
