"""What a run measures of a model on held-out rows, each once, so that a resumed run compares with what it began with."""

from __future__ import annotations

from dataclasses import dataclass

from burnish.evals.evaluate import evaluate
from burnish.evals.evaluation import Evaluation
from burnish.protocols import Policy
from burnish.recipes.training import Training
from burnish.runs import learned
from burnish.runs.asking import ROLLOUTS
from burnish.runs.learned import Learned
from burnish.runs.prepare import Prepared
from burnish.runs.progress import Progress, SampleEvent
from burnish.runs.run import Run
from burnish.runs.watches.watch import WATCHES
from burnish.store.atomic import read_json, write_json
from burnish.store.runfolder import RunFolder

BASE, TRAINED = "base.json", "trained.json"
"""Files of a run folder with both measurements."""
BASE_DRAWS, TRAINED_DRAWS = "base-draws.json", "trained-draws.json"
"""Of a run that asks: several answers to each of a few held-out questions."""


@dataclass(frozen=True, slots=True)
class Measuring:
    """How one run measures. Its config is resolved."""

    folder: RunFolder
    config: Training
    prepared: Prepared
    progress: Progress

    def measured(self, file: str, name: str, policy: Policy) -> Evaluation:
        """A model on the held-out rows, greedily."""
        assert self.config.eval_items
        known = (self.folder.path / file).is_file()
        found = self._once(file, name, policy, items=self.config.eval_items, samples=1, temperature=0.0)
        if not known:
            self.progress.evaluation(name, found)
        return found

    def drawn(self, file: str, name: str, policy: Policy) -> Evaluation:
        """Several answers of a model to each of a few held-out questions."""
        assert self.config.eval_items
        items = min(self.config.eval_items, learned.QUESTIONS)
        return self._once(file, name, policy, items=items, samples=learned.DRAWS, temperature=1.0)

    def _once(self, file: str, name: str, policy: Policy, *, items: int, samples: int, temperature: float) -> Evaluation:
        path, config = self.folder.path / file, self.config
        if path.is_file():
            return Evaluation.from_json(read_json(path))
        assert config.eval_tokens
        found = evaluate(
            policy,
            self.prepared.renderer,
            self.prepared.measured.head(items).examples,
            grader=self.prepared.grader,
            setting=self.prepared.setting,
            limit_tokens=config.eval_tokens,
            samples=samples,
            temperature=temperature,
            seed=config.seed,
            on_progress=lambda done, total: self.progress.evaluating(name, done, total),
        )
        write_json(path, found.to_json())
        return found

    def forget(self) -> None:
        """Measure all anew."""
        for file in (BASE, TRAINED, BASE_DRAWS, TRAINED_DRAWS):
            (self.folder.path / file).unlink(missing_ok=True)

    def learned(self, run: Run, policy: Policy, base: Evaluation, trained: Evaluation, gamed: str | None) -> Learned:
        """What a run that asks did beyond its score. gamed: what was seen when it stopped for that."""
        folder, guard, draws = self.folder, run.guard, None
        if (folder.path / BASE_DRAWS).is_file():
            before = Evaluation.from_json(read_json(folder.path / BASE_DRAWS))
            draws = (before, self.drawn(TRAINED_DRAWS, "trained, several draws", policy))
        return learned.build(
            base=base,
            trained=trained,
            examples=self.prepared.measured.examples,
            draws=draws,
            rollouts=folder.lines(ROLLOUTS),
            judged=None if guard is None else guard.judged(),
            events=folder.read(WATCHES),
            gamed=gamed,
            bar=learned.PASSES if guard is None else guard.watch.replays.bar,
            since=run.state.watched_from,
        )

    def sample(self, policy: Policy, step: int) -> SampleEvent:
        """An answer to one held-out prompt, another at each step."""
        config, examples = self.config, self.prepared.measured.examples
        assert config.eval_tokens
        assert config.sample_every
        example = examples[step // config.sample_every % len(examples)]
        limit, setting = min(64, config.eval_tokens), self.prepared.setting
        found = evaluate(policy, self.prepared.renderer, [example], grader=None, limit_tokens=limit, setting=setting)
        item = found.items[0]
        answer = item.answers[0].text if item.answers else ""
        return SampleEvent(step=step, prompt=item.prompt, answer=answer, reference=item.reference or "")
