"""What a step of a run draws from when it learns from its own answers: the questions, the grader, and a file of what came of it.

`rollouts.jsonl` holds one line for each graded answer, in order, with the tokens that were drawn and their log-probabilities, so
that it can be looked at, and learned from, again. A checkpoint follows the lines up to its step, as in metrics.jsonl, and a
resumed run cuts those after it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import repeat

import numpy as np

from burnish.errors import ConfigError, DataError, TaskRefused
from burnish.protocols import Grader, Policy
from burnish.recipes.grpo import GRPO
from burnish.render.renderer import Renderer
from burnish.runs.gauge import Gauge
from burnish.runs.prepare import Prepared
from burnish.runs.progress import AnswersEvent, Progress
from burnish.runs.watches.replays import replays_of
from burnish.runs.watches.seen import asked_in
from burnish.runs.watches.watch import Watching
from burnish.store.runfolder import RunFolder
from burnish.tasks.environment import Setting
from burnish.tasks.rollout import Drawing, Question, asked_of, draw, roll_out, sampling, seed_of
from burnish.tasks.standing import Hear, Stand
from burnish.types import Example, Message, Rollout, SamplingParams

ROLLOUTS = "rollouts.jsonl"
VALUES = 4
"""Continuations from which the value of a state is had, where credit is by values."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asking:
    """How the questions of a run are asked. limit_tokens: longest answer."""

    renderer: Renderer
    grader: Grader
    limit_tokens: int
    seed: int
    max_positions: int
    """that the model takes"""
    setting: Setting | None = None
    """in which answers are found; None = each is one turn"""
    values: int = 0
    """so many times each state of an environment is gone on from, to see what that is worth"""
    folder: RunFolder | None = None
    """where what was drawn is written down; None = nowhere"""
    watch: Watching | None = None
    """looks at all that is drawn"""
    hear: Callable[[int | None, Stand], None] | None = None
    """told how far a request of a step (from 1) is; of held-out questions None"""

    def questions(self, examples: Sequence[Example]) -> list[Question]:
        """The examples that can be answered, with the tokens of their prompts: those that leave room for the longest answer."""
        made = [asked_of(self.renderer, e, n, self.setting) for n, e in enumerate(examples)]
        found = [q for q in made if q.ids and len(q.ids) + self.limit_tokens <= self.max_positions]
        if not found and examples:
            longest = max(len(q.ids) for q in made)
            raise DataError(
                "no question leaves room for an answer",
                seen=f"prompts of up to {longest} tokens, answers of {self.limit_tokens}, {self.max_positions} positions",
                todo="lower answer_tokens, or take shorter questions",
            )
        return found

    def roll_out(
        self, policy: Policy, questions: Sequence[Question], step: int, *, samples: int, again: int = 0, place: int = 0
    ) -> list[list[Rollout]]:
        """Graded answers to the questions of a step (from 0). again: which request of the step this is; place: how many questions
        it asked before. What is drawn depends on the seed, the step and `again` alone."""
        params = self._params(step, samples, again)
        drawn = roll_out(
            policy, self.renderer, self.grader, questions, params, setting=self.setting, values=self.values, hear=self._hear(step)
        )
        return self.tell(questions, drawn, step, place=place)

    def draw(self, policy: Policy, questions: Sequence[Question], step: int, *, samples: int) -> Drawing:
        """The same answers drawn now, and graded while other things are done; of one turn each. They are still to be told."""
        assert self.setting is None, "only answers of one turn are drawn ahead"
        return draw(policy, self.renderer, self.grader, questions, self._params(step, samples), self._hear(step))

    def _hear(self, step: int | None) -> Hear | None:
        """step: from 0; None = held-out questions."""
        hear = self.hear
        return None if hear is None else lambda stand: hear(None if step is None else step + 1, stand)

    def _params(self, step: int, samples: int, again: int = 0) -> SamplingParams:
        params = sampling(self.renderer, limit_tokens=self.limit_tokens, samples=samples)
        return replace(params, seed=seed_of(self.seed, step, *([again] if again else [])))

    def tell(
        self, questions: Sequence[Question], drawn: list[list[Rollout]], step: int, *, place: int = 0
    ) -> list[list[Rollout]]:
        """Show what was drawn to who watches, and write it down; what is learned from."""
        groups = drawn
        more: Iterator[dict[str, object]] = repeat({})
        if self.watch is not None:
            groups, seen = self.watch.look(questions, drawn, step + 1, place=place)
            more = iter([s.more() for s in seen])
            if self.folder is not None:
                self.watch.keep(step + 1, seen, begins=place == 0)
        if self.folder is not None:
            lines = (
                {**_line(step, at, question, n, rollout), **next(more)}
                for at, (question, group) in enumerate(zip(questions, drawn, strict=True), place)
                for n, rollout in enumerate(group)
            )
            self.folder.append(ROLLOUTS, *lines)
        return groups

    def gauge(self, examples: Sequence[Example]) -> Gauge:
        """The mean reward of greedy answers to held-out questions, over those that the grader could judge."""
        questions = self.questions(examples)

        def measure(policy: Policy) -> float:
            greedy = sampling(self.renderer, limit_tokens=self.limit_tokens, temperature=0.0)
            groups = roll_out(policy, self.renderer, self.grader, questions, greedy, setting=self.setting, hear=self._hear(None))
            drawn = [group[0] for group in groups]
            known = [r.reward for r in drawn if r.score.error is None]
            if not known:
                raise TaskRefused(
                    "the grader could judge no answer to a held-out question",
                    seen=str(drawn[0].score.error),
                    todo="mend the grader; what was trained so far is kept, and the run goes on with --resume",
                )
            if self.watch is not None:
                self.watch.measure(drawn)
            return float(np.mean(known))

        return Gauge(name="held_out_reward", words="held-out reward", measure=measure, higher=True)

    def silent(self) -> Asking:
        """The same, leaving no trace."""
        return replace(self, folder=None, values=0, hear=None)


def asking_of(config: GRPO, prepared: Prepared, folder: RunFolder | None, progress: Progress | None = None) -> Asking:
    """How a run of this resolved config asks. progress: is told how far it is. Raises ConfigError where nothing grades its
    answers."""
    assert config.answer_tokens, "the config is not resolved"
    if config.ahead and prepared.setting is not None:
        raise ConfigError(
            "only answers of one turn are drawn ahead, and this task has an environment",
            seen=f"ahead = {config.ahead}",
            todo="leave ahead out",
        )
    if prepared.grader is None:
        raise ConfigError(
            f"the recipe {config.recipe} learns from graded answers, and nothing grades these",
            seen=prepared.grader_why,
            todo="name a grader (grader=exact, contains or numeric), or use a task that has one (`burnish tasks`)",
        )
    return Asking(
        renderer=prepared.renderer,
        grader=prepared.grader,
        limit_tokens=config.answer_tokens,
        seed=config.seed,
        max_positions=prepared.max_positions,
        setting=prepared.setting,
        values=VALUES if config.credit == "values" else 0,
        folder=folder,
        watch=_watching(config, prepared) if folder is not None and config.on_gaming != "off" else None,
        hear=None if progress is None else _heard_by(progress, config.steps or 0),
    )


def _heard_by(progress: Progress, total: int) -> Callable[[int | None, Stand], None]:
    def hear(step: int | None, stand: Stand) -> None:
        event = AnswersEvent(step=step, total=total, said=stand.said, judged=stand.judged, of=stand.of, turn=stand.turn)
        progress.answers(event)

    return hear


def _watching(config: GRPO, prepared: Prepared) -> Watching:
    assert prepared.grader is not None
    replays = replays_of(prepared.grader, prepared.audit, prepared.train.examples, config.seed)
    return Watching(replays, holds=config.on_gaming == "stop")


def _line(step: int, place: int, question: Question, sample: int, rollout: Rollout) -> dict[str, object]:
    return {
        "step": step + 1,
        "place": place,
        "question": question.index,
        "sample": sample,
        "asked": asked_in(rollout.example),
        "answer": rollout.answer,
        "reward": rollout.reward,
        "reason": rollout.score.reason,
        "marks": list(rollout.score.marks),
        "parts": dict(rollout.score.parts),
        "tokens": int(rollout.drawn.sum()),
        "logprob": float(np.sum(rollout.logprobs, dtype=np.float64)),
        "stop_reason": rollout.stop_reason,
        "turns": list(_turns(rollout)),
    }


def _turns(rollout: Rollout) -> Iterator[dict[str, object]]:
    """What was said and read, with its tokens; of one answer to a question the answer alone, as the question has the rest."""
    left, said = list(rollout.messages), sum(s.logprobs is not None for s in rollout.segments)
    while sum(m.role == "assistant" for m in left) > said:  # the task's own
        left.pop(0)
    for segment in rollout.segments[0 if rollout.messages else 1 :]:
        if segment.logprobs is None:
            until = next((n for n, m in enumerate(left) if m.role == "assistant"), len(left))
            told, left = left[:until], left[until:]
            yield {"role": segment.role, "content": "\n".join(m.content for m in told), "ids": segment.ids.tolist()}
            continue
        message = left.pop(0) if left else Message(role="assistant", content=rollout.answer)
        calls = [f"{c.name}({c.arguments})" for c in message.tool_calls]
        paid = {} if segment.reward is None else {"reward": segment.reward}
        named = (("state", segment.state), ("value", segment.value), ("grade", segment.grade))
        known = {name: what for name, what in named if what is not None}
        logprobs = [float(str(x)) for x in segment.logprobs]  # as short as they can be read back exactly
        drawn = {"ids": segment.ids.tolist(), "logprobs": logprobs}
        yield {"role": segment.role, "content": message.content, "calls": calls, **paid, **known, **drawn}
