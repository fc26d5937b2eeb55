"""The examples run, the bare twin is a twin, and the first run really teaches something."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import ModuleType

import pytest

from burnish.connect import LocalModels
from burnish.engine.host import Host
from burnish.protocols import Policy
from burnish.recipes import grpo, pretrain, sft
from burnish.render.renderer import Renderer
from burnish.render.tokenizer import Tokenizer
from burnish.runs.asking import Asking
from burnish.runs.prepare import prepare
from burnish.store.models import resolve
from burnish.tasks import sources
from burnish.types import Datum, Example, LoraSpec, LossResult, Rollout, Score, StepResult

EXAMPLES = Path(__file__).parents[1] / "examples"
CHOICES = {"device": "cpu", "threads": 1, "dtype": "float32", "matmul": "aten", "bmm_limit": 0, "unit_tokens": 1024}


def load(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"example_{name}", EXAMPLES / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class Steps:
    """Implements protocols.Run: the rows in their order, and the losses that the recipe logs."""

    def __init__(self, rows: Sequence[Datum], size: int) -> None:
        self.rows, self.size, self.index, self.losses = rows, size, 0, []
        self.batch: Sequence[Datum] = ()

    def steps(self, n: int) -> Iterator[Steps]:
        for self.index in range(n):
            self.batch = [self.rows[(self.index * self.size + i) % len(self.rows)] for i in range(self.size)]
            yield self

    def log(self, result: LossResult | StepResult, **numbers: float) -> None:
        if isinstance(result, LossResult):
            self.losses.append(result.loss)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What examples/make_base.py writes, barely trained."""
    directory = tmp_path_factory.mktemp("world")
    load("make_base").make_base(directory, steps=8, rows=240, choices=CHOICES)
    return directory


def test_the_bare_twin_gives_the_losses_of_the_recipe(world: Path):
    """The first step's loss is the data's, the mask's and the denominator's; the second's also the optimiser's."""
    twin, steps, size, rate = load("sft_bare"), 12, 8, 5e-3
    rows = twin.load_rows(world / "base", world / "data.jsonl")
    config = sft.SFT.load(base={"model": "m", "data": "d", "steps": steps, "learning_rate": rate})
    host = Host.open(world / "base", choices=CHOICES)
    run = Steps(rows, size)
    sft.train(config, LocalModels(Policy(host, host.create(LoraSpec(rank=32, alpha=32.0)))), run)
    bare = list(twin.train(host, host.create(LoraSpec(rank=32, alpha=32.0)), rows, steps, size, rate))
    assert bare == run.losses
    assert bare[-1] < bare[0] - 0.2


def test_the_bare_twin_of_pre_training_gives_the_losses_of_the_recipe(world: Path, tmp_path: Path):
    texts = tmp_path / "texts.jsonl"
    texts.write_text("".join(f"{json.dumps({'text': f'After {i} comes {i + 1}. ' * (1 + i % 40)})}\n" for i in range(60)))
    twin, steps, size, rate = load("pretrain_bare"), 12, 8, 1e-3
    rows = twin.load_rows(world / "base", texts)
    config = pretrain.Pretrain.load(base={"model": str(world / "base"), "data": str(texts), "limit_tokens": twin.CONTEXT})
    prepared = prepare(config.model_copy(update={"valid": str(texts)}), resolve(str(world / "base")), refuse=False)
    assert [d.chunks[0].tokens.tolist() for d in rows] == [d.chunks[0].tokens.tolist() for d in prepared.train.data]
    assert max(d.length for d in rows) == twin.CONTEXT - 1
    config = config.model_copy(update={"steps": steps, "learning_rate": rate, "cooldown": twin.COOLDOWN})
    runs = []
    for _ in range(2):
        host = Host.open(world / "base", choices=CHOICES)
        runs.append((host, host.create_full()))
    run = Steps(rows, size)
    pretrain.train(config, LocalModels(Policy(*runs[0])), run)
    bare = list(twin.train(*runs[1], rows, steps, size, rate))
    assert bare == run.losses
    assert bare[-1] < bare[0]


class Asks:
    """Implements protocols.Run: questions in their order, and what the recipe logs."""

    def __init__(self, asking: Asking, examples: Sequence[Example], size: int) -> None:
        self.asking, self.all, self.size = asking, asking.questions(examples), size
        self.index, self.seen = 0, list[tuple[float, float]]()
        self.batch: Sequence[Datum] = ()
        self._reward = 0.0

    def steps(self, n: int) -> Iterator[Asks]:
        for self.index in range(n):
            yield self

    def roll_out(self, policy: Policy, *, samples: int, refill: int = 0) -> list[list[Rollout]]:
        questions = [self.all[(self.index * self.size + i) % len(self.all)] for i in range(self.size)]
        return self.asking.roll_out(policy, questions, self.index, samples=samples)

    def skip(self, why: str) -> None:
        raise AssertionError(why)

    def log(self, result: LossResult | StepResult | None, **numbers: float) -> None:
        self._reward = numbers.get("reward", self._reward)
        if isinstance(result, LossResult):
            self.seen.append((result.loss, self._reward))


class Capitals:
    """The share of an answer's characters that are capital letters."""

    name = "capitals"
    concurrency = 2

    def grade(self, example: Example, answer: str) -> Score:
        return Score(value=sum(c.isupper() for c in answer) / max(1, len(answer)), reason="")


def test_the_bare_twin_of_reinforcement_learning_gives_the_losses_and_rewards_of_the_recipe(world: Path):
    twin, steps, size, group, limit, rate = load("grpo_bare"), 4, 4, 6, 8, 5e-2
    renderer = Renderer(Tokenizer.load(world / "base"))
    rows = list(sources.read(world / "data.jsonl").examples)
    settings = {"model": "m", "data": "d", "steps": steps, "learning_rate": rate, "group": group, "answer_tokens": limit}
    settings |= {"credit": "outcome", "correction": "none"}
    config = grpo.GRPO.load(base=settings)
    host = Host.open(world / "base", choices=CHOICES)
    run = Asks(Asking(renderer=renderer, grader=Capitals(), limit_tokens=limit, seed=0, max_positions=256), rows, size)
    grpo.train(config, LocalModels(Policy(host, host.create(LoraSpec(rank=8, alpha=32.0)))), run)
    adapter = host.create(LoraSpec(rank=8, alpha=32.0))
    bare = list(twin.train(host, adapter, rows, renderer, Capitals(), steps, size, group, limit, rate))
    assert [loss for loss, _ in bare] == pytest.approx([loss for loss, _ in run.seen], abs=1e-6)
    assert [reward for _, reward in bare] == pytest.approx([reward for _, reward in run.seen])


def test_bare_twins_are_short():
    long = [p.name for p in EXAMPLES.glob("*_bare.py") if len(p.read_text().splitlines()) > 60]
    assert not long, long


def test_the_base_is_the_same_every_time(world: Path, tmp_path: Path):
    make_base = load("make_base")
    make_base.make_base(tmp_path, steps=2, rows=240, choices=CHOICES)
    again = tmp_path / "again"
    make_base.make_base(again, steps=2, rows=240, choices=CHOICES)
    for name in ("data.jsonl", "base/tokenizer.json", "base/config.json", "base/model.safetensors"):
        assert (tmp_path / name).read_bytes() == (again / name).read_bytes(), name
    assert (tmp_path / "data.jsonl").read_bytes() == (world / "data.jsonl").read_bytes()


def test_no_question_comes_twice_and_every_answer_is_right():
    rows = load("make_base").questions(500, seed=5)
    asked = [r["messages"][0]["content"] for r in rows]
    assert len(set(asked)) == 500
    for row in rows:
        question, answer = (m["content"] for m in row["messages"])
        numbers = [int(w.strip("?,.")) for w in question.split() if w.strip("?,.").isdigit()]
        if "plus" in question:
            assert int(answer) == sum(numbers)
        elif "larger" in question:
            assert int(answer) == max(numbers)
        elif "after" in question:
            assert int(answer) == numbers[0] + 1
