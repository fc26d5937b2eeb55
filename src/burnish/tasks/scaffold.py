"""A new task folder: a small task that works as it stands, with a comment at every place that its owner will want to change."""

from __future__ import annotations

import json
import os
import random
import re
import tempfile
from pathlib import Path

from burnish.errors import ConfigError
from burnish.store.atomic import make_directory, writable
from burnish.tasks.manifest import CODE, FILE

_TOML = """\
# What this task is. Prove it with `burnish task check {path}`; train with
# `burnish train {path} --model MODEL` (on the answers in the rows) or `... --recipe grpo` (on graded answers of the model's own).
schema_version = 1
name = "{name}"
limit_tokens = 32        # longest answer that is drawn

[card]                   # what somebody should know who sees a number of this task
title = "Words in capitals"
about = "Write a given word in capital letters, and nothing else."
data = "Made-up words; no word is in two splits."
grading = "Half for the right word, half for the share of its letters that stand in the right place."
limits = "A good number says nothing about words with other than the letters a to z."

[rows]                   # JSON lines, CSV, Parquet: whatever a data file may be
train = "train.jsonl"
valid = "valid.jsonl"    # the best step is chosen by these
test = "test.jsonl"      # these are reported
# all = "rows.jsonl"     # instead of the three: one file, split by hash

[[graders]]              # the score is the weighted mean of all graders
kind = "exact"           # contains, numeric, regex, json_schema, judge, ...: docs/how-to/graders.md has them all
weight = 1.0

[[graders]]
kind = "python"          # calls grade() of task.py, in the sandbox
weight = 1.0
"""

_CODE = '''\
"""How answers are judged. This file runs in a sandbox: the standard library, no network, no files, five seconds an answer."""


def grade(example, answer):
    """A number from 0 to 1, and why.

    example: {"messages": [{"role", "content"}, ...], "reference": str or None, "metadata": {...}, "tools": [...]}.
    Raise an exception where the answer cannot be judged: that is an error, and never counts as 0.
    """
    wanted, said = example["reference"], answer.strip()
    right = sum(a == b for a, b in zip(wanted, said))
    return right / max(len(wanted), len(said)), f"{right} of {len(wanted)} letters stand in the right place"
'''


def new(path: Path) -> Path:
    """Write a new task folder; returns it. Raises ConfigError where something is there already."""
    if path.exists():
        raise ConfigError(f"{path} is there already", todo="choose another name")
    name = re.sub(r"[^a-z0-9._-]+", "-", path.name.lower()).strip("-._")[:64] or "task"
    make_directory(path.parent)
    with writable(path), tempfile.TemporaryDirectory(dir=path.parent, prefix=f".{path.name}.") as work:
        folder = Path(work) / "task"
        folder.mkdir()
        (folder / FILE).write_text(_TOML.format(name=name, path=path), encoding="utf-8")
        (folder / CODE).write_text(_CODE, encoding="utf-8")
        draw, seen = random.Random(0), set[str]()
        for side, count in (("train", 200), ("valid", 40), ("test", 60)):
            lines = []
            while len(lines) < count:
                word = "".join(draw.choice("bdfgklmnprstvz") + draw.choice("aeiou") for _ in range(draw.randint(2, 4)))
                if word not in seen:
                    seen.add(word)
                    asked = {"role": "user", "content": f"Write this word in capitals: {word}"}
                    lines.append({"messages": [asked, {"role": "assistant", "content": word.upper()}]})
            (folder / f"{side}.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
        os.rename(folder, path)
    return path
