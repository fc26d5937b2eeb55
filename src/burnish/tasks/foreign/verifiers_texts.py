"""The texts of an exported verifiers package. Words in <angles> are filled in."""

INIT = '''\
"""<title>: the task <name>, for the library verifiers. Written by burnish.

verifiers 0.4 and later asks for the taskset, those before for `load_environment`; each is imported when it is asked for.
"""

from typing import Any

__all__ = ["<cls>Taskset", "load_environment"]


def load_environment(**settings: Any) -> Any:
    """For verifiers before 0.4."""
    from <package>.environment import load

    return load(**settings)


def __getattr__(name: str) -> Any:
    if name == "<cls>Taskset":
        from <package>.taskset import <cls>Taskset

        return <cls>Taskset
    raise AttributeError(name)
'''

TASKSET = '''\
"""For verifiers 0.4 and later."""

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import verifiers.v1 as vf

from <package>.grading import score


class Data(vf.TaskData):
    """What is asked, an answer that is known to be good, and the row as graders see it."""

    good: str | None
    row: dict[str, Any]


class Task(vf.Task[Data]):
    @vf.reward
    async def worth(self, trace: vf.Trace) -> float:
        # not `last_reply`, which has lost its spaces: graders may look at them
        said = trace.root_reply
        if said is None:
            said = trace.assistant_messages[-1].content if trace.assistant_messages else ""
        value, parts = await asyncio.to_thread(score, self.data.row, said or "")
        trace.record_metrics(parts)
        return value

    async def validate(self, runtime: vf.Runtime) -> bool | None:
        """The good answer is worth more than none."""
        if self.data.good is None:
            return None
        good, _ = await asyncio.to_thread(score, self.data.row, self.data.good)
        empty, _ = await asyncio.to_thread(score, self.data.row, "")
        return good > empty


class Config(vf.TasksetConfig):
    split: Literal["train", "valid", "test"] = "train"
    """train is trained on, valid chosen by, test reported."""


class <cls>Taskset(vf.Taskset[Task, Config]):
    def load(self) -> Iterator[Task]:
        lines = (Path(__file__).parent / f"{self.config.split}.jsonl").read_text("utf-8").split("\\n")
        for number, line in enumerate(filter(None, lines)):
            found = json.loads(line)
            told = found["prompt"]
            system = told[0]["content"] if told[0]["role"] == "system" else None
            asked = told if system is None else told[1:]
            if len(asked) == 1 and asked[0]["role"] == "user":
                asked = asked[0]["content"]
            data = Data(
                id=f"{self.config.split}-{number}", prompt=asked, system_prompt=system, good=found["good"], row=found["row"]
            )
            yield Task(data, self.config.task)
'''

ENVIRONMENT = '''\
"""For verifiers before 0.4."""

import asyncio
import json
from pathlib import Path
from typing import Any

import verifiers as vf
from datasets import Dataset

from <package>.grading import score


async def reward(completion: Any, info: Any, state: Any) -> float:
    """What the last message is worth; the values of single graders stand in `state`."""
    said = completion if isinstance(completion, str) else completion[-1]["content"]
    row = json.loads(info["row"])
    value, state["graders"] = await asyncio.to_thread(score, row, said or "")
    return value


def load(**settings: Any) -> Any:
    return vf.SingleTurnEnv(
        dataset=_rows("train"), eval_dataset=_rows("test"), rubric=vf.Rubric(funcs=[reward], weights=[1.0]), **settings
    )


def _rows(split: str) -> Any:
    lines = (Path(__file__).parent / f"{split}.jsonl").read_text("utf-8").split("\\n")
    found = [json.loads(line) for line in lines if line]
    # the row goes as text: a table would give all rows the same columns
    return Dataset.from_list(
        [{"prompt": r["prompt"], "answer": r["good"] or "", "info": {"row": json.dumps(r["row"])}} for r in found]
    )
'''

HEAD = '''\
"""A grader of burnish's, from its own modules."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

REFERENCES = "<several>"


class ConfigError(ValueError):
    def __init__(self, what, *, seen="", todo=""):
        super().__init__("; ".join(filter(None, (what, seen, todo))))


@dataclass
class Score:
    value: float
    reason: str = ""
    error: str | None = None


@dataclass
class Example:
    reference: str | None
    metadata: dict
    row: dict

'''
VALUES = """

def values_of(example, answer):
    row = example.row
    kept = {k: v for k, v in row.items() if k != "metadata" and v not in (None, [])}
    return {"item": {**kept, **row["metadata"]}, "sample": sample_of(answer)}
"""
TAIL = """

GRADER = <grader>


def grade(row, answer):
    found = GRADER.grade(Example(row["reference"], row["metadata"], row), answer)
    if found.error is not None:
        raise ValueError(found.error)
    return found.value
"""

README = """\
# <title>

<sections>

    pip install -e .
    vf-validate <id> --runtime.type subprocess
    vf-eval <id> -m MODEL --env.agent.harness.id null --env.agent.runtime.type subprocess

The splits `train`, `valid` and `test` share no question (`--env.taskset.split test`). An answer is at most <limit> tokens
long where this task is trained on.

<graded>

Written by burnish of the task with the digest <digest>.
"""
ALONE = """\
Answers are graded by `grading.py`, with code taken from burnish, which need not be installed. A grading function of
the task's own runs in a process of its own, with a limit on its time and without your environment variables; that is no sandbox,
so read it (`graders/`) before you use the package."""
WITH_BURNISH = "Answers are graded by burnish itself, which the package asks for, with the task's files in `task/`."
