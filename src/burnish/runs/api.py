"""The Python interface: the same names as the commands, and no more than a notebook needs.

    import burnish
    outcome = burnish.train("data.jsonl", "path/to/model", learning_rate=1e-4)
    model = burnish.load(outcome.name)
    print(model.answer("What is the capital of France?"))

Settings are the fields of the recipe's config, nested ones as dicts (`lora={"rank": 8}`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from burnish import connect
from burnish.errors import ConfigError
from burnish.evals import evaluate as evaluation
from burnish.evals.evaluation import Evaluation
from burnish.protocols import Grader, Policy
from burnish.recipes.training import Training
from burnish.render.renderer import Renderer
from burnish.render.tokenizer import Tokenizer
from burnish.runs import methods, report
from burnish.runs import train as training
from burnish.runs.asking import Asking
from burnish.runs.export import Exported, Form, export_run
from burnish.runs.gguf import Precision
from burnish.runs.judges import judged
from burnish.runs.plan import Plan
from burnish.runs.prepare import Prepared, prepare
from burnish.runs.progress import Progress, Silent
from burnish.runs.readiness import QUESTIONS, Readiness, readiness
from burnish.runs.report import Report
from burnish.runs.side import shuffled
from burnish.runs.train import Outcome
from burnish.store import runfolder
from burnish.store.models import ModelRef, resolve
from burnish.store.runfolder import RunFolder
from burnish.tasks import graders, ready, single, sources
from burnish.types import Example, Message, Quantize, Sample, SamplingParams

ROOM = 64
"""Tokens that a drawn answer may be longer than the longest one given."""


def train(
    data: str | Path,
    model: str | Path,
    *,
    run: str | None = None,
    progress: Progress | None = None,
    **settings: Any,
) -> Outcome:
    """Fine-tune `model` on `data` and measure it against where it started. Raises errors of burnish.errors."""
    return training.start(_config(data, model, settings), run=run, progress=progress)


def resume(run: str, *, progress: Progress | None = None) -> Outcome:
    """Go on with a run that was stopped or killed."""
    return training.resume(run, progress=progress)


def plan(data: str | Path, model: str | Path, **settings: Any) -> Plan:
    """What `train` would do and cost."""
    return training.plan(_config(data, model, settings))


def evaluate(
    data: str | Path,
    model: str | Path,
    *,
    grader: str | None = None,
    items: int | None = None,
    limit_tokens: int | None = None,
    samples: int = 1,
    temperature: float = 0.0,
    seed: int = 0,
    mapping: Mapping[str, str] | None = None,
    skip_bad_rows: bool = False,
    quantize: Quantize | None = None,
    progress: Progress | None = None,
) -> Evaluation:
    """Measure `model` on the answers of `data` (a file, or the test rows of a task): their loss, and answers of its own.

    grader, limit_tokens: None = the task's, or from the data. items: that many rows, the first of a file, of a task as many of
    each kind as can be. samples: answers drawn per row; more than one needs a temperature. quantize: see `load`.
    """
    named = ready.find(str(data))
    task = None if named is None else judged(named)
    if task is not None:
        if mapping or skip_bad_rows:
            raise ConfigError(f"the task {task.name} brings its own rows", todo="leave map and skip_bad_rows out")
        examples, rows = ready.evenly(task.test)[:items], len(task.test)
        notes = [f"test rows of the task {task.name!r}"]
    else:
        source = sources.read(data, mapping=mapping, skip_bad_rows=skip_bad_rows)
        examples, rows, notes = source.examples[:items], source.rows, [source.format, *source.notes]
    if task is not None and grader in (None, task.grader.name):
        judge, why = task.grader, f"of the task {task.name}"
    else:
        judge, why = _grader(grader, examples)
    told = progress or Silent()
    told.note(f"{len(examples)} of {rows} rows, {notes[0]}")
    for note in (*notes[1:], f"grader: {judge.name if judge else 'none'} ({why})"):
        told.note(note)
    loaded = load(model, quantize=quantize)
    for note in connect.notes_of(loaded.policy.engine):
        told.note(note)
    if limit_tokens is None:
        limit_tokens = task.limit_tokens if task else _longest_answer(loaded.renderer, examples) + ROOM
    return evaluation.evaluate(
        loaded.policy,
        loaded.renderer,
        examples,
        grader=judge,
        setting=None if task is None else task.environment,
        limit_tokens=limit_tokens,
        samples=samples,
        temperature=temperature,
        seed=seed,
        on_progress=lambda done, total: told.evaluating(str(model), done, total),
    )


def _grader(name: str | None, examples: Sequence[Example]) -> tuple[Grader | None, str]:
    if name is None:
        return graders.choose(examples)
    return (None if name == "none" else graders.get(name)), "as asked"


def _longest_answer(renderer: Renderer, examples: Sequence[Example]) -> int:
    """Most trained tokens of one row."""
    return max((int((renderer.render(e).weights > 0).sum()) for e in examples), default=0)


def generate(model: str | Path, prompts: str | Sequence[str], *, params: SamplingParams | None = None) -> list[list[Sample]]:
    """Answers to prompts, each a user message. One list of samples per prompt."""
    loaded = load(model)
    asked = [prompts] if isinstance(prompts, str) else list(prompts)
    return loaded.sample([loaded.renderer.prompt([Message(role="user", content=p)]) for p in asked], params or SamplingParams())


def export(run: str, to: Form, out: str | Path, *, force: bool = False, precision: Precision = "auto") -> Exported:
    """Write a run's model as files that other tools load, into a new directory, and check them by opening them again."""
    return export_run(run, to=to, out=Path(out), force=force, precision=precision)


def data_check(data: str | Path, model: str | Path, **settings: Any) -> Prepared:
    """What would be trained on: every row as tokens with their weights, and the findings about them. No model runs."""
    config = _config(data, model, settings)
    return prepare(config, resolve(config.model))


def task_check(
    task: str, model: str | Path, *, grader: str | None = None, skip_bad_rows: bool = False, samples: int = 8
) -> Readiness:
    """Whether a model can learn from a task by trying: some of its questions answered `samples` times each. grader,
    skip_bad_rows: of a data file."""
    found = judged(single.named(task, grader, skip_bad_rows=skip_bad_rows))
    loaded = load(model)
    room = connect.max_positions(loaded.ref)
    asking = Asking(
        renderer=loaded.renderer,
        grader=found.grader,
        limit_tokens=found.limit_tokens if grader is None else min(found.limit_tokens, max(16, room // 2)),
        seed=0,
        max_positions=room,
        setting=found.environment,
    )
    questions = asking.questions(shuffled(found.train, 0)[:QUESTIONS])
    return readiness(loaded.policy, asking, questions, samples=samples)


def list_runs() -> list[RunFolder]:
    """Every run under BURNISH_HOME, oldest first. (`burnish.runs` is the room, so the command's name is taken.)"""
    return runfolder.list_runs()


def remove(run: str) -> None:
    """Remove a run with everything in it, as `burnish runs rm` does."""
    RunFolder.open(run).remove()


def show(run: str) -> Report | None:
    """The report of a run; None for a run that has not written one."""
    return report.read(RunFolder.open(run).path)


def load(
    model: str | Path,
    *,
    dtype: str = "auto",
    device: str = "auto",
    threads: int | None = None,
    quantize: Quantize | None = None,
) -> Loaded:
    """Open a model directory, a run or a hub id, ready to answer.

    quantize: hold the matrices of its base in "int8" or "nf4"; None = as its adapter was trained over it, else as they are.
    """
    ref = resolve(str(model)).held(quantize)
    engine = connect.open_engine("local", ref, dtype=dtype, device=device, threads=threads)
    return Loaded(ref, connect.open_policy(engine, ref), Renderer(Tokenizer.load(ref.tokenizer)))


@dataclass(frozen=True, slots=True)
class Loaded:
    """An opened model: its verbs (`policy`) and how text becomes tokens (`renderer`)."""

    ref: ModelRef
    policy: Policy
    renderer: Renderer

    def answer(self, messages: str | Sequence[Message], *, params: SamplingParams | None = None) -> Message:
        """One answer to a conversation, or to a single user message given as text."""
        turns = [Message(role="user", content=messages)] if isinstance(messages, str) else list(messages)
        samples = self.sample([self.renderer.prompt(turns)], params or SamplingParams())
        return self.renderer.parse(samples[0][0].ids.tolist())

    def sample(self, prompts: Sequence[Sequence[int]], params: SamplingParams) -> list[list[Sample]]:
        """Samples per prompt, ended where the model's template ends an answer."""
        stop_ids = self.renderer.stop_ids if params.stop_ids is None else params.stop_ids
        params = replace(params, stop_ids=stop_ids, stop=(*params.stop, *self.renderer.stop_strings))
        return self.policy.sample(prompts, params).result()


def _config(data: str | Path, model: str | Path, settings: Mapping[str, Any]) -> Training:
    return methods.load(base={"data": str(data), "model": str(model), **settings})
