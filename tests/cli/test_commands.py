"""Every command once for real, and what it must leave on which stream."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from burnish.cli.screen import visible


def test_train_prints_one_document_and_progress_elsewhere(trained, home: Path):
    assert trained.code == 0, trained.err
    told = trained.document
    assert told["run"] == "letters"
    assert told["verdict"] in ("better", "worse", "no measurable difference")
    assert Path(told["folder"]) == home / "runs" / "letters"
    assert (Path(told["model"]) / "adapter_model.safetensors").is_file()
    assert told["report"]["training"]["steps"] == 6
    assert "step 6/6" in trained.err
    assert "Before and after" in trained.err
    names = [a["name"] for a in told["certificate"]["audits"]]
    assert {"mask picture", "sampler-trainer gap", "resume equality"} <= set(names)
    assert all(name in trained.err for name in names)
    assert "burnish chat letters" in trained.err


def test_without_json_everything_is_on_standard_output(burnish, tiny_model: Path, data: Path):
    typed = burnish("plan", str(data), "--model", str(tiny_model), "epochs=1")
    assert (typed.code, typed.err) == (0, "")
    assert "learning_rate" in typed.out
    assert "for models like Llama" in typed.out


def test_plan_says_why_for_everything_it_derived(burnish, tiny_model: Path, data: Path):
    told = burnish("plan", str(data), "--model", str(tiny_model), "epochs=1", "--json").document
    assert told["config"]["epochs"] == 1
    assert {"learning_rate", "batch", "steps", "limit_tokens"} <= {d["key"] for d in told["derived"]}
    assert all(d["why"] for d in told["derived"])
    assert "epochs" not in {d["key"] for d in told["derived"]}


def test_a_base_in_fewer_bits_is_planned_asked_and_measured(burnish, trained, tiny_model: Path, data: Path):
    planned = burnish("plan", str(data), "--model", str(tiny_model), "epochs=1", "quantize=int8")
    assert planned.code == 0, planned.err
    assert "in int8" in planned.out
    refused = burnish("plan", str(data), "--model", str(tiny_model), "quantize=int8", "method=full")
    assert refused.code == 2
    assert "rounded" in refused.err
    words = ("--model", "letters", "--items", "3", "--limit-tokens", "2", "--json")
    plain, rounded = (burnish("eval", str(data), *words, *more).document for more in ((), ("--quantize", "nf4")))
    assert plain["summary"] != rounded["summary"]
    asked = burnish("generate", str(tiny_model), "--raw", "--prompt", "ab", "--limit-tokens", "3", "--quantize", "int8")
    assert asked.code == 0, asked.err
    assert burnish("chat", str(tiny_model), "--quantize", "int8", "--limit-tokens", "3", stdin="ab\n").code == 0


def test_eval_measures_rows_of_a_file(burnish, trained, data: Path):
    told = burnish("eval", str(data), "--model", "letters", "--items", "7", "--limit-tokens", "4", "--json").document
    assert told["summary"]["items"] == 7
    assert len(told["evaluation"]["items"]) == 7
    plain = burnish("eval", str(data), "--model", "letters", "--items", "3", "--limit-tokens", "4")
    assert plain.code == 0
    assert "nats per target token" in plain.out
    assert "wanted" in plain.out


def test_eval_measures_a_ready_task(burnish, trained, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    typed = burnish("eval", "facts", "--model", "letters", "--items", "1", "--limit-tokens", "2", "--json")
    assert typed.code == 0, typed.err
    assert typed.document["evaluation"]["grader"] == "facts"
    assert "test rows of the task 'facts'" in typed.err
    assert "grader: facts (of the task facts)" in typed.err
    assert burnish("eval", "facts", "--model", "letters", "--skip-bad-rows").code == 2


def test_generate_answers_prompts_of_options_and_of_standard_input(burnish, trained):
    words = ("generate", "letters", "--limit-tokens", "5", "--json")
    one = burnish(*words, "--prompt", "av?").document
    assert not one["raw"]
    assert len(one["prompts"]) == 1
    three = burnish(*words, "-n", "2", "--temperature", "1", stdin="av?\n\nbw?\ncx?\n").document
    assert [p["prompt"] for p in three["prompts"]] == ["av?", "bw?", "cx?"]
    assert [len(p["answers"]) for p in three["prompts"]] == [2, 2, 2]
    assert three["prompts"][0]["answers"][0]["tokens"] <= 5


def test_generate_streams_the_same_text_that_json_holds(burnish, tiny_model: Path):
    words = ("generate", str(tiny_model), "--raw", "--prompt", "ab", "--limit-tokens", "12", "--seed", "3", "--temperature", "1")
    told = burnish(*words, "--json").document["prompts"][0]["answers"][0]["text"]
    assert burnish(*words).out == visible(told) + "\n"


def test_generate_refuses_what_it_cannot_do(burnish, tiny_model: Path):
    assert burnish("generate", str(tiny_model), stdin="").code == 2
    assert burnish("generate", str(tiny_model), "--raw", "--system", "x", "--prompt", "y").code == 2
    long = burnish("generate", str(tiny_model), "--raw", "--prompt", "x" * 300, "--json")
    assert long.code == 2
    assert "longer than the model" in long.document["error"]["what"]


def test_data_check_marks_what_is_learned(burnish, tiny_model: Path, data: Path):
    shown = burnish("data", "check", str(data), "--model", str(tiny_model), "--line", "2")
    assert shown.code == 0
    assert "line 2:" in shown.out
    assert "[[AW<|im_end|>]]" in shown.out
    assert "aw?" in shown.out
    told = burnish("data", "check", str(data), "--model", str(tiny_model), "--line", "2", "--json").document
    pieces = told["rows"][0]["pieces"]
    assert [p["text"] for p in pieces if p["weight"]] == ["AW<|im_end|>"]
    assert sum(p["tokens"] for p in pieces) == told["rows"][0]["tokens"]
    assert told["statistics"]["train"]["rows"] + told["statistics"]["valid"]["rows"] == 40


def test_data_check_finds_every_line_of_a_streamed_file(burnish, tiny_model: Path, data: Path, monkeypatch: pytest.MonkeyPatch):
    """Those that are held out too, whatever the file is called: what is kept on disk was made under another name."""
    lines = [word for n in range(1, len(data.read_text().splitlines()) + 1) for word in ("--line", str(n))]
    monkeypatch.chdir(data.parent)
    for name in (str(data), f"./{data.name}"):
        words = ("data", "check", name, "stream=true", "--model", str(tiny_model), "--json", *lines)
        told = burnish(*words).document
        assert [row["line"] for row in told["rows"]] == list(range(1, len(lines) // 2 + 1))


def test_data_check_names_findings_with_lines(burnish, tiny_model: Path, tmp_path: Path):
    path = tmp_path / "twice.jsonl"
    row = json.dumps({"question": "one?", "answer": "1"})
    path.write_text("".join(f"{json.dumps({'question': f'{i}?', 'answer': str(i)})}\n" for i in range(30)) + f"{row}\n{row}\n")
    shown = burnish("data", "check", str(path), "--model", str(tiny_model), "--rows", "0", "--valid", str(path))
    assert shown.code == 0
    assert "repeat an earlier row" in shown.out
    assert "32" in shown.out.split("repeat an earlier row")[1].splitlines()[0]


def test_data_check_shows_what_training_refuses(burnish, tiny_model: Path, tmp_path: Path):
    path = tmp_path / "unlearned.jsonl"
    rows = [[{"role": "user", "content": f"{i}?"}, {"role": "assistant", "content": "A", "weight": 0}] for i in range(40)]
    path.write_text("".join(f"{json.dumps({'messages': row})}\n" for row in rows))
    words = ("data", "check", str(path), "--model", str(tiny_model))
    shown = burnish(*words)
    assert shown.code == 1
    assert "left out:" in shown.out
    assert "no row is left to train on" in shown.err
    told = burnish(*words, "--json")
    assert told.code == 1
    assert told.document["error"]["what"] == "no row is left to train on"
    assert all(r["fault"] for r in told.document["rows"])


def test_data_check_takes_the_settings_of_train(burnish, tiny_model: Path, tmp_path: Path):
    path = tmp_path / "text.jsonl"
    path.write_text("".join(f"{json.dumps({'text': 'ab ' * 40 + str(i)})}\n" for i in range(6)))
    words = ("data", "check", str(path), "--model", str(tiny_model), "--json", "limit_tokens=32")
    assert burnish(*words).document["rows"][0]["cut"] > 0
    split = burnish(*words, "--recipe", "pretrain").document
    assert all(r["cut"] == 0 for r in split["rows"])


def test_data_check_shows_the_same_of_rows_on_disk(burnish, tiny_model: Path, data: Path, tmp_path: Path):
    unlearned = tmp_path / "unlearned.jsonl"
    rows = [[{"role": "user", "content": f"{i}?"}, {"role": "assistant", "content": "A", "weight": 0}] for i in range(40)]
    unlearned.write_text("".join(f"{json.dumps({'messages': row})}\n" for row in rows))
    every = [word for line in range(1, 41) for word in ("--line", str(line))]  # held out or not
    for words in ((str(data), *every), (str(data), "--rows", "7"), (str(unlearned),)):
        found = [
            burnish("data", "check", *words, "--model", str(tiny_model), "--json", f"stream={stream}")
            for stream in ("true", "false")
        ]
        on_disk, in_memory = (told.document for told in found)
        assert found[0].code == found[1].code == int(words[0] == str(unlearned))
        assert {k: v for k, v in on_disk.items() if k != "notes"} == {k: v for k, v in in_memory.items() if k != "notes"}
        assert any("is streamed: as asked" in note for note in on_disk["notes"])


def test_data_check_lists_every_skipped_row(burnish, tiny_model: Path, tmp_path: Path):
    path = tmp_path / "bad.jsonl"
    good = "".join(f"{json.dumps({'question': f'{i}?', 'answer': str(i)})}\n" for i in range(20))
    path.write_text(good + '{"question": "x?"}\n' * 12)
    told = burnish("data", "check", str(path), "--model", str(tiny_model), "--skip-bad-rows", "--json").document
    assert [r["line"] for r in told["bad_rows"]] == list(range(21, 33))
    assert all(r["fault"] and r["remedy"] for r in told["bad_rows"])
    assert any("12 of 32 rows were skipped, as asked: lines 21, 22" in note for note in told["notes"])


def test_data_check_of_a_line_that_is_not_there(burnish, tiny_model: Path, data: Path):
    typed = burnish("data", "check", str(data), "--model", str(tiny_model), "--line", "999")
    assert typed.code == 2
    assert "999" in typed.err


def test_export_show_and_list(burnish, trained, tmp_path: Path):
    told = burnish("export", "letters", "--to", "merged", "--out", str(tmp_path / "out"), "--json").document
    assert {"config.json", "model.safetensors", "tokenizer.json"} <= set(told["files"])
    assert burnish("generate", str(tmp_path / "out"), "--prompt", "av?", "--limit-tokens", "3").code == 0
    listed = burnish("runs", "--json").document["runs"]
    assert [r["status"] for r in listed if r["name"] == "letters"] == ["succeeded"]
    assert "letters" in burnish("runs").out
    shown = burnish("show", "letters")
    assert "Before and after" in shown.out
    assert "Certificate" in shown.out
    assert burnish("show", "letters", "--json").document["report"]["run"] == "letters"


def test_runs_rm_looks_up_every_name_before_removing_any(burnish, trained, tiny_model: Path, data: Path, home: Path):
    words = ("train", str(data), "--model", str(tiny_model), "--run", "gone", "steps=2", "batch=4", "lora.rank=2", "grader=none")
    assert burnish(*words).code == 0
    wrong = burnish("runs", "rm", "gone", "nobody", "--json")
    assert wrong.code == 2
    assert wrong.document["error"]["code"] == "run"
    assert (home / "runs" / "gone").is_dir()
    assert burnish("runs", "rm", "gone", "--json").document == {"removed": ["gone"]}
    assert not (home / "runs" / "gone").exists()


def test_machine_shows_what_was_measured(burnish):
    assert burnish("machine", "--json").document["threads"] == 1
    assert "threads" in burnish("machine").out


def test_a_config_file_and_words_over_it(burnish, tiny_model: Path, data: Path, tmp_path: Path):
    path = tmp_path / "run.toml"
    path.write_text(f'model = "nowhere"\ndata = "{data}"\nepochs = 2\n[lora]\nrank = 2\n')
    told = burnish("plan", "--config", str(path), "--model", str(tiny_model), "lora.rank=3", "--json").document
    assert told["config"]["lora"]["rank"] == 3
    assert told["config"]["epochs"] == 2


def test_a_resumed_run_takes_no_settings(burnish, trained):
    typed = burnish("train", "--resume", "letters", "epochs=3", "--json")
    assert typed.code == 2
    assert "epochs=3" in typed.document["error"]["seen"]


@pytest.mark.parametrize("words", [("--help",), ("--version",), ("train", "--help"), ("data", "check", "--help"), ()])
def test_help_is_no_failure(burnish, words: tuple[str, ...]):
    typed = burnish(*words)
    assert typed.code == 0
    assert "burnish" in typed.out


def test_a_reader_that_left_is_no_failure_worth_words(home: Path):
    """`burnish runs | head -0`: quiet."""
    code = "import os, sys\nos.close(1)\nr, w = os.pipe()\nos.close(r)\nassert w == 1 or os.dup2(w, 1) == 1\n"
    code += "sys.argv = ['burnish', 'runs']\nfrom burnish.cli.main import main\nmain()"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stderr == ""
