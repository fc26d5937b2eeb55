"""Life support of a recipe: what it iterates over is logged, measured, saved, resumed and watched.

A step is finished when the recipe asks for the next one. Then, in this order: its numbers are checked, held-out rows are measured
if due, its line is written to metrics.jsonl, a sample is shown if due, and a checkpoint is written if due. A checkpoint
therefore always follows every line up to its step, and a resumed run cuts the lines after it: no step appears twice and none is
missing.

Bit identity on resume assumes that adapter and optimiser are restored exactly (`Engine.save`), that the rows of a step are a
function of the step (order.py), and that the engine runs with the choices of the first start.
"""

from __future__ import annotations

import math
import tempfile
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from burnish.errors import NothingTrained
from burnish.evals.audits import GAP_BAR
from burnish.protocols import Policy
from burnish.recipes.training import Training
from burnish.render.renderer import Rendered
from burnish.runs.gauge import Gauge
from burnish.runs.guard import Guard
from burnish.runs.order import Order
from burnish.runs.progress import LossEvent, Progress, SampleEvent, StepEvent
from burnish.runs.step import Again, Once, Questioner, RunningStep
from burnish.runs.stop import Stop
from burnish.store import checkpoints
from burnish.store.atomic import verify
from burnish.store.runfolder import RunFolder
from burnish.types import Datum, Rollout

Probe = Callable[[Policy], Mapping[str, float]]
"""Measures the policy during training; the names of its numbers must not be those of metrics.jsonl."""

PICTURED = 8
"""Answers whose masks are shown at the end."""
DEAD_STEPS = 10
"""Steps without any loss or gradient after which a run is given up."""


@dataclass(slots=True, kw_only=True)
class State:
    """What a checkpoint remembers besides weights and optimiser."""

    step: int = 0
    """finished steps"""
    start_digest: str
    """of the parameters before the first step"""
    moved: bool = False
    """some step had a loss and a gradient that were not zero"""
    best_step: int | None = None
    best: float | None = None
    """what the gauge showed then"""
    stale: int = 0
    """measurements since the best"""
    stopped_early: bool = False
    start_sizes: dict[str, float] | None = None
    """what `Engine.inspect` gave before the first step; None for a full fine-tune, which is inspected as a difference"""
    replay: tuple[int, str, list[list[int]]] | None = None
    """the newest checkpoint that a step followed, the digest after that step, and which questions it asked"""
    watched_from: int = 0
    """finished steps when the task was last mended; what the monitors saw up to then is of another grader, and so are answers
    that waited then"""
    picking: dict[str, Any] | None = None
    """how far a run that asks came in its questions"""
    waiting: dict[str, Any] | None = None
    """answers that were drawn ahead"""

    @staticmethod
    def from_json(body: Mapping[str, Any]) -> State:
        """The inverse of dataclasses.asdict, after JSON."""
        replay = body["replay"]
        older = {"best": body["best_loss"]} if "best_loss" in body else {}
        known = {k: v for k, v in body.items() if k != "best_loss"}
        if replay is not None:
            replay = (int(replay[0]), str(replay[1]), [list(r) for each in replay[2:] for r in each])
        return State(**{**known, **older, "replay": replay})


def held_out_loss(policy: Policy, data: Sequence[Datum]) -> float:
    """Mean loss over the target tokens of `data`, in nats."""
    outputs = policy.forward(data).result()
    total = weight = 0.0
    for datum, output in zip(data, outputs, strict=True):
        w = datum.streams["weights"].astype("float64")
        assert output.logprobs is not None
        total -= float(w @ output.logprobs.astype("float64"))
        weight += float(w.sum())
    return total / weight


def loss_gauge(data: Sequence[Datum]) -> Gauge:
    """The loss of held-out rows."""
    return Gauge(name="held_out_loss", words="held-out loss", measure=lambda policy: held_out_loss(policy, data))


def rendered_of(rollout: Rollout) -> Rendered:
    """A rollout as a row: its tokens, and which of them are learned from."""
    ids, drawn = rollout.ids, rollout.drawn
    cut = int(rollout.stop_reason == "length")
    return Rendered(ids=ids, weights=drawn.astype(np.float32), message=drawn.astype(np.int16), truncated=cut)


class Run:
    """Implements protocols.Run for one run folder."""

    def __init__(
        self,
        folder: RunFolder,
        config: Training,
        policy: Policy,
        *,
        rows: Sequence[Datum],
        gauge: Gauge,
        progress: Progress,
        stop: Stop,
        state: State,
        facts: Mapping[str, Any],
        draw: Callable[[int], SampleEvent],
        asks: Questioner | None = None,
        watch: Probe | None = None,
        guard: Guard | None = None,
    ) -> None:
        """rows: with each token's own weight; of a run that asks, none. facts: what checkpoints remember besides the
        state. draw: an answer to show at a step. watch: further numbers, taken whenever the gauge is read.
        guard: speaks up where answers are rewarded that should not be."""
        assert config.evaluate_every
        assert config.checkpoint_every
        assert config.sample_every is not None
        assert policy.adapter is not None
        self.folder, self.config, self.policy, self.adapter = folder, config, policy, policy.adapter
        self.rows, self.gauge, self.progress, self.stop, self.state, self.asks = rows, gauge, progress, stop, state, asks
        self.facts, self.draw, self.watch, self.guard = facts, draw, watch, guard
        self.order = asks.picking.order if asks else Order.of(config, len(rows))
        self.evaluate_every, self.checkpoint_every = config.evaluate_every, config.checkpoint_every
        self.sample_every, self.patience = config.sample_every, config.patience
        self._recent_s: deque[float] = deque(maxlen=20)
        self._measure_s = 0.0
        self._warned = False
        self.kept: Path | None = None
        """the checkpoint of the weights that are kept at the end"""

    def steps(self, n: int) -> Iterator[RunningStep]:
        """The steps still to do of `n`. Raises NothingTrained where training does nothing, Interrupted where the user stops."""
        state = self.state
        self.stop.gentle = True
        try:
            if state.step == 0:
                self._write({"step": 0, self.gauge.name: self._measure(), **self._watched(), **self._guarded(0)})
            while state.step < n and not state.stopped_early:
                step = RunningStep(state.step, self._rows_of(state.step), self.asks)
                started = time.perf_counter()
                yield step
                self._finish(step, time.perf_counter() - started, n)
        finally:
            self.stop.gentle = False
            if self.asks is not None and self.asks.ahead is not None:
                self.asks.ahead.let_go()

    def _finish(self, step: RunningStep, seconds: float, n: int) -> None:
        state = self.state
        assert step.loss is not None, "the recipe logged no loss"
        assert step.grad_norm is not None, "the recipe took no optimiser step"
        state.step += 1
        state.picking = self.asks.picking.to_json() if self.asks else None
        state.moved = state.moved or (step.grad_norm != 0 and (step.loss != 0 or self.asks is not None))
        if state.step >= DEAD_STEPS and not state.moved:
            raise self._nothing(f"none of the first {state.step} steps had a loss or a gradient", step)
        self._recent_s.append(seconds)
        self._compare(step)
        line = {
            "step": state.step,
            "epoch": round(min(state.step * self.order.batch / self.order.rows, self.order.epochs), 4),
            "loss": step.loss,
            "grad_norm": step.grad_norm,
            **step.numbers,
            "tokens": step.tokens,
            "target_tokens": step.target_tokens,
            "tokens_per_s": round(step.tokens / seconds, 1),
            "seconds": round(seconds, 4),
        }
        self.progress.step(
            StepEvent(
                step=state.step,
                total=n,
                loss=step.loss,
                learning_rate=step.numbers.get("learning_rate", 0.0),
                grad_norm=step.grad_norm,
                tokens=step.tokens,
                tokens_per_s=step.tokens / seconds,
                seconds=seconds,
                left_s=self._left(n),
                reward=step.numbers.get("reward"),
                numbers=dict(step.numbers),
            )
        )
        improved = False
        if state.step % self.evaluate_every == 0 or state.step == n:
            line[self.gauge.name] = value = self._measure()
            line.update(self._watched())
            improved = state.best_step == state.step
            if not improved and 0 < self.patience <= state.stale and state.step < n:
                state.stopped_early = True
                self.progress.note(
                    f"stopped early: {self.gauge.words} {value:.4f} has not been better than {state.best:.4f} (of step "
                    f"{state.best_step}) in {state.stale} measurements"
                )
        if checkpoints.path(self.folder, state.step - 1).is_dir():
            asked = self.asks.rounds if self.asks else []
            state.replay = (state.step - 1, self.policy.engine.digest(self.adapter), asked)
        if self.guard is not None:
            found = self.guard.after_step(state.step, step.everything, measured=self.gauge.name in line)
            self.progress.watched(state.step, found)
            line.update(found)
        self._write(line)
        if self.guard is not None:
            self.guard.speak(line, last=state.step == n or state.stopped_early)
        if self.sample_every and state.step % self.sample_every == 0:
            self.progress.sample(self.draw(state.step))
        last = state.step >= n - 1 or state.stopped_early  # the one before the last lets the last step be done again
        if improved or last or self.stop.asked or state.step % self.checkpoint_every == 0:
            self.save()
        if self.stop.asked:
            raise self.stop.raised(f"step {state.step} of {n} is kept")

    def _compare(self, step: RunningStep) -> None:
        """The alarm of runs that learn from their own answers: whoever drew them must be who learns from them."""
        gap = step.numbers.get("gap")
        if gap is None:
            return
        bar = GAP_BAR["float32" if self.config.dtype == "float32" else "bfloat16"][0]
        if math.isnan(gap):
            raise NothingTrained(
                f"the trainer's log-probabilities of the answers of step {self.state.step} are not finite",
                seen=f"gap {gap}",
                todo="lower learning_rate, or check the model",
            )
        if gap > 10 * bar and not self._warned:
            self._warned = True
            self.progress.warning(
                f"sampler and trainer disagree: {gap:.2g} nats a token at step {self.state.step} (usual here: below {bar:g}); "
                "what is learned is not what was drawn"
            )

    def pictured(self) -> list[Rendered]:
        """What answers of the policy as it is would teach, for who wants to see the masks; nothing of runs on rows."""
        if self.asks is None:
            return []
        questions = self.asks.questions[:PICTURED]
        groups = self.asks.asking.silent().roll_out(self.policy, questions, self.state.step, samples=1)
        return [rendered_of(group[0]) for group in groups]

    def save(self) -> Path:
        """Write a checkpoint of this moment."""

        def write(path: Path) -> None:
            self.policy.engine.save(path, adapter=self.adapter)

        state = self.state
        state.waiting = self.asks.ahead.to_json() if self.asks and self.asks.ahead else None
        clean = None if self.guard is None else self.guard.clean_step(state.step)
        body = {**self.facts, "state": asdict(state)}
        return checkpoints.save(self.folder, state.step, write, body, best=state.best_step, clean=clean)

    def restore_best(self) -> None:
        """Go back to the step that the gauge found best, if its checkpoint is sound; `kept` is then that checkpoint."""
        best = self.state.best_step
        assert best is not None, "no step was measured"
        path = checkpoints.path(self.folder, best)
        faults = verify(path)
        if faults:
            self.progress.warning(f"the checkpoint of the best step {best} is damaged ({faults[0]}); the last step is kept")
            return
        if best != self.state.step:
            self.policy.engine.load(path, adapter=self.adapter)
            most = "highest" if self.gauge.higher else "lowest"
            self.progress.note(f"step {best} is kept: its {self.gauge.words} of {self.state.best:.4f} was the {most}")
        self.kept = path

    def go_back(self) -> int | None:
        """Go back to the newest checkpoint before anything was gamed; later ones are removed. None where there is none."""
        assert self.guard is not None
        found = checkpoints.go_back(self.folder, self.guard.clean_step(self.state.step))
        if found is None:
            return None
        self.policy.engine.load(found.path, adapter=self.adapter)
        self.state, self.kept = State.from_json(found.state["state"]), found.path
        return self.state.step

    def redo(self, train: Callable[[Policy, Once], None]) -> str:
        """Load the checkpoint of `state.replay`, let the recipe do the step after it again, and return the digest.

        The trained model is as before afterwards.
        """
        assert self.state.replay is not None
        step, engine = self.state.replay[0], self.policy.engine
        path = checkpoints.path(self.folder, step)
        state = State.from_json(checkpoints.at(self.folder, step).state["state"])
        waiting = None if step == self.state.watched_from else state.waiting
        asks = self.asks and Again(self.asks, self.state.replay[2], waiting)
        once = Once(step, self._rows_of(step), asks)
        if self.adapter.kind == "lora":
            scratch = engine.load(path)
            train(Policy(engine, scratch), once)
            digest = engine.digest(scratch)
            engine.free(scratch)
            return digest
        with tempfile.TemporaryDirectory(prefix="burnish-redo-") as aside:
            engine.save(Path(aside), adapter=self.adapter)
            engine.load(path, adapter=self.adapter)
            train(self.policy, once)
            digest = engine.digest(self.adapter)
            engine.load(Path(aside), adapter=self.adapter)
        return digest

    def _rows_of(self, step: int) -> list[Datum]:
        """The rows of a step (from 0) of a run on rows."""
        return [] if self.asks else [self.rows[i] for i in self.order.rows_of(step)]

    def _measure(self) -> float:
        """Read the gauge and keep count of the best. The start (step 0) is a mark, never a best step to go back to."""
        state, gauge, started = self.state, self.gauge, time.perf_counter()
        value = gauge.measure(self.policy)
        self._measure_s = time.perf_counter() - started
        if not math.isfinite(value):
            raise NothingTrained(
                f"{gauge.words} at step {state.step} is not finite",
                seen=str(value),
                todo="lower learning_rate, or check the model",
            )
        best = state.step > 0 and gauge.better(value, state.best)
        if best:
            state.best_step, state.best, state.stale = state.step, value, 0
        elif state.step > 0:
            state.stale += 1
        self.progress.loss(LossEvent(step=state.step, loss=value, best=best, seconds=self._measure_s, words=gauge.words))
        return value

    def _nothing(self, what: str, step: RunningStep) -> NothingTrained:
        """Why nothing was trained, as far as the last step tells."""
        if step.skipped:
            reward = step.numbers.get("reward", math.nan)
            if math.isnan(reward):
                return NothingTrained(
                    f"{what}: the grader fails", seen=step.skipped, todo="mend the grader: `burnish task check`"
                )
            easy = "they are too easy: take harder ones" if reward > 0.5 else "start with SFT, or take easier ones"
            return NothingTrained(f"{what}: no signal", seen=f"{step.skipped} (mean reward {reward:.2g})", todo=easy)
        return NothingTrained(
            what,
            seen=f"loss {step.loss}, gradient norm {step.grad_norm}",
            todo="look at what is trained on with `burnish data check`",
        )

    def _watched(self) -> dict[str, float]:
        """What `watch` measures now."""
        if self.watch is None:
            return {}
        started = time.perf_counter()
        numbers = dict(self.watch(self.policy))
        self._measure_s += time.perf_counter() - started
        self.progress.note(", ".join(f"{name} {value:.4g}" for name, value in numbers.items()))
        return numbers

    def _guarded(self, step: int) -> dict[str, float]:
        return {} if self.guard is None else self.guard.after_step(step, (), measured=True)

    def _left(self, n: int) -> float:
        steps = n - self.state.step
        return steps * median(self._recent_s) + math.ceil(steps / self.evaluate_every) * self._measure_s

    def _write(self, line: Mapping[str, Any]) -> None:
        self.folder.append_metrics(line)

    def check_moved(self) -> None:
        """The last alarm: training must have changed the weights. Raises NothingTrained."""
        state = self.state
        if not state.moved:
            raise NothingTrained(
                f"no step of {state.step} had a loss or a gradient", todo="look at what is trained on with `burnish data check`"
            )
        if self.policy.engine.digest(self.adapter) == state.start_digest:
            raise NothingTrained(
                f"the weights after {state.step} steps are those before the first",
                seen=f"learning_rate {self.config.learning_rate}",
                todo="raise learning_rate; steps this small vanish in rounding",
            )
