"""Commands say of a model that transformers computes it that this is slower, where it does not disturb what they write."""

from __future__ import annotations

from pathlib import Path

SLOWER = "slower than burnish's own families"


def test_plan_and_generate_say_that_it_is_slower(burnish, tiny_gpt2: Path, data: Path):
    told = " ".join(burnish("plan", str(data), "--model", str(tiny_gpt2), "epochs=1").out.split())
    assert SLOWER in told
    words = ("generate", str(tiny_gpt2), "--raw", "--prompt", "ab", "--limit-tokens", "4")
    drawn = burnish(*words)
    assert SLOWER in drawn.err
    assert SLOWER not in drawn.out
    assert burnish(*words, "--json").document["prompts"][0]["answers"][0]["tokens"] <= 4


def test_eval_says_so_too(burnish, tiny_gpt2: Path, data: Path):
    shown = burnish("eval", str(data), "--model", str(tiny_gpt2), "--items", "2", "--limit-tokens", "3")
    assert shown.code == 0
    assert SLOWER in " ".join(f"{shown.out} {shown.err}".split())
