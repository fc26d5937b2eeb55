"""Group-relative policy optimisation: draw several answers to each question, raise the likelihood of those that were better than
the others, lower that of the rest (GRPO, Shao et al. 2024, arXiv 2402.03300).

    A_i = r_i - mean(r)         loss = - sum_i sum_t share_i min(rho_it A_i, clip(rho_it) A_i)      rho = pi / pi_drew

A variant is an advantage estimator, a denominator (`credit`), a loss and its bounds; `VARIANTS` is all that differs between them.
Of answers in several turns each token has the advantage of its turn (`turns`), and every answer counts once in the denominator.
Default: Dr.GRPO (Liu et al. 2025, arXiv 2503.20783), without the biases of length and difficulty. Changed from the paper: no KL
penalty unless `kl` is given, and log-probabilities of the sampler stand for those of the old policy, because the engine that drew
is the engine that trains; that they agree is measured at every step (`gap`).

Assumes that rewards are comparable within the answers to one question.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Literal, Self

import numpy as np
from pydantic import Field, model_validator

from burnish.errors import ConfigError
from burnish.protocols import Models, Policy, Run, Step
from burnish.recipes import credit, turns
from burnish.recipes.correction import Correction, effective_share, mismatch, weights
from burnish.recipes.training import Positive, Training
from burnish.recipes.turns import Credit
from burnish.types import Datum, LossResult, Rollout, Sample, TokenChunk

Variant = Literal["dr_grpo", "grpo", "dapo", "gspo", "cispo", "rloo", "reinforce++"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Objective:
    """What distinguishes one variant from another."""

    baseline: credit.Baseline
    spread: credit.Spread
    loss: str
    low: float = 0.2
    """the ratio may fall to 1 - low"""
    high: float = 0.2
    """and rise to 1 + high"""


VARIANTS: Mapping[Variant, Objective] = {
    "dr_grpo": Objective(baseline="group", spread="constant", loss="ppo"),
    "grpo": Objective(baseline="group_scaled", spread="sequence", loss="ppo"),
    "dapo": Objective(baseline="group_scaled", spread="tokens", loss="ppo", high=0.28),
    "gspo": Objective(baseline="group_scaled", spread="sequence", loss="gspo", low=3e-4, high=4e-4),
    "cispo": Objective(baseline="group_scaled", spread="tokens", loss="cispo", low=1.0, high=0.28),
    "rloo": Objective(baseline="leave_one_out", spread="constant", loss="importance_sampling"),
    "reinforce++": Objective(baseline="batch_scaled", spread="tokens", loss="ppo"),
}


class GRPO(Training):
    """Reinforcement learning from graded answers. Only `model` and `data` (a task, or a file with a grader) are required."""

    recipe: Literal["grpo"] = "grpo"  # pyright: ignore[reportIncompatibleVariableOverride]
    """The method that this file configures."""
    batch: Positive | None = None
    """Questions a step, each answered `group` times. Derived: 48."""
    steps: Positive | None = None
    """Steps, each with answers of its own. Derived: 100, or from epochs and batch where epochs are given."""
    eval_tokens: Positive | None = None
    """Longest answer drawn when measuring. Derived: as in training."""
    patience: Annotated[int, Field(ge=0)] = 5
    """Stop after this many measurements of held-out reward in a row without a new best; 0 never stops. The best step is kept. Few
    held-out questions measure a reward coarsely, and the falling rate adds something late."""
    variant: Variant = "dr_grpo"
    """Which objective: how answers are compared, how credit is spread over tokens, and what bounds a step."""
    group: Annotated[int, Field(ge=2)] = 8
    """Answers drawn to each question; they are compared with one another."""
    curriculum: Literal["learnable", "even"] = "learnable"
    """Which questions are asked. "learnable": those whose answers were all worth the same are passed over for a while, the longer
    the more often that was so. "even": all of them equally often."""
    refill: Annotated[int, Field(ge=0, le=10)] | None = None
    """How often in a step questions whose answers are all worth the same are replaced by others, so that all of the batch teach
    something (DAPO's dynamic sampling). Derived: 3 for the variant dapo, else 0."""
    ahead: Annotated[int, Field(ge=0, le=1)] = 0
    """1: the next step's answers are drawn before this step's are learned from, and graded meanwhile. They are then of weights
    one step older, which the ratio to what drew them accounts for. Worth it where grading takes long."""
    updates: Positive | None = None
    """Optimiser steps taken on the answers of one step, each on its own share of the questions. Derived: one for every 6
    questions, at most 8; 1 for variants that do not bound the ratio."""
    answer_tokens: Positive | None = None
    """Longest answer that is drawn in training. Derived: a task's limit; of a file 512, or half of what the model takes."""
    clip_low: Annotated[float, Field(gt=0, le=1)] | None = None
    """How far the ratio of a token may fall before it stops counting. Derived from the variant."""
    clip_high: Annotated[float, Field(gt=0)] | None = None
    """How far it may rise. Derived from the variant."""
    dual_clip: Annotated[float, Field(ge=0)] = 0.0
    """Bound on what a token of a bad answer can cost, in multiples of its advantage, above 1; 0 is none (3 is usual)."""
    correction: Correction | None = None
    """What is done about a sampler that differs from the trainer. But for "none" the trainer's own log-probabilities are the old
    policy's, and tokens are weighed by how much likelier they are to the trainer than to the sampler: each, at most twice
    ("tokens", truncated importance sampling), or not at all beyond that ("mask_tokens"); or all of an answer by its whole ratio
    ("sequence", "mask_sequence") or the mean of its tokens' ("geometric"). Derived: none in float32, where both agree, else
    tokens."""
    credit: Credit | None = None
    """Which turn of an answer in several turns is owed its reward: each the whole ("outcome"), what came after it among turns of
    the same number ("return_to_go") or from the same state ("states"), the whole and that ("anchors", GiGPO), or what it changed
    in the value of going on ("values"). Derived: "anchors" where the task's environment names states, "return_to_go" where it may
    pay for turns, else "outcome"."""
    discount: Annotated[float, Field(gt=0, le=1)] = 1.0
    """What a reward one turn later is worth, where `credit` is of turns."""
    shaping: Literal["potential", "raw"] = "potential"
    """How a process grader's judgement of a turn counts: as a change of potential, which makes no other policy the best and
    cannot be farmed, or as a reward of its own."""
    kl: Annotated[float, Field(ge=0)] = 0.0
    """Weight of the KL divergence from the model that the run starts from."""
    on_gaming: Literal["stop", "warn", "off"] = "stop"
    """What happens when answers are rewarded for something else than being right. "stop": they teach nothing, and where they are
    many the run stops and goes back; "warn": it is said; "off": nothing looks."""
    accept_gameable: bool = False
    """Train even where `task check` finds that the grader can be gamed."""
    overlong: Annotated[int, Field(ge=0)] = 0
    """Tokens before the limit over which the reward of a long answer falls by one; 0 is off (DAPO)."""

    @model_validator(mode="after")
    def _reads_what_is_given(self) -> Self:
        """Settings of the other recipes that nothing reads here are refused."""
        unread = {"rehearse": None, "long_rows": "cut", "stream": None, "new_tokens": (), "limit_tokens": None}
        for name, default in unread.items():
            if getattr(self, name) not in (default, False):
                raise ValueError(f"{name} is not read by the recipe grpo: leave it out")
        if self.kl > 0 and self.objective.loss not in ("ppo", "cispo"):
            raise ValueError(f'kl is not read by the variant "{self.variant}": leave it out, or use another variant')
        if self.kl > 0 and self.method == "full":
            raise ValueError(
                'kl needs the model that the run starts from beside the one that is trained: use method = "lora", or leave it out'
            )
        if self.ahead and self.refill:
            raise ValueError("refill has to know at once what answers are worth, and with ahead = 1 they are graded later")
        if self.ahead and self.correction not in (None, "none"):
            raise ValueError(f'correction = "{self.correction}" needs the weights that drew, and with ahead = 1 they are gone')
        if self.dual_clip > 0 and self.objective.loss != "ppo":
            raise ValueError(f'dual_clip is not read by the variant "{self.variant}"')
        if 0 < self.dual_clip <= 1:
            raise ValueError(f"dual_clip = {self.dual_clip} would take the gradient of every bad answer: it is above 1, or 0")
        if self.objective.loss == "importance_sampling" and (self.clip_low is not None or self.clip_high is not None):
            raise ValueError(f'clip_low and clip_high are not read by the variant "{self.variant}"')
        if self.objective.loss == "gspo" and self.credit not in (None, "outcome"):
            raise ValueError(f'credit = "{self.credit}" is of turns, and the variant "gspo" weighs whole answers: leave it out')
        if self.credit == "values" and self.shaping == "raw":
            raise ValueError('shaping = "raw" is not read where credit = "values", whose values know of no bonus: leave it out')
        if self.credit in ("outcome", "values") and self.discount != 1:
            raise ValueError(f'discount is not read where credit = "{self.credit}": leave it out')
        if self.answer_tokens is not None and self.overlong > self.answer_tokens:
            raise ValueError(f"overlong = {self.overlong} is more than the longest answer, {self.answer_tokens} tokens")
        return self

    @property
    def objective(self) -> Objective:
        """Of the variant."""
        return VARIANTS[self.variant]

    @property
    def loss(self) -> tuple[str, dict[str, float]]:
        """The engine's loss and its settings."""
        own = self.objective
        name = f"{own.loss}_kl" if self.kl > 0 else own.loss
        if own.loss == "importance_sampling":
            return name, {}
        low = own.low if self.clip_low is None else self.clip_low
        high = own.high if self.clip_high is None else self.clip_high
        settings = {"clip_low_threshold": 1 - low, "clip_high_threshold": 1 + high}
        settings |= {"dual_clip": self.dual_clip} if own.loss == "ppo" else {}
        return name, settings | ({"kl": self.kl} if self.kl > 0 else {})


def train(config: GRPO, models: Models, run: Run) -> None:
    """Train `models.policy` on the answers that it gives to the questions of `run`."""
    assert config.steps is not None, "the config is not resolved"
    policy, version = models.policy, None
    for step in run.steps(config.steps):
        groups = step.roll_out(policy, samples=config.group, refill=config.refill or 0)
        parts = datums(config, groups)
        step.log(None, **numbers(config, groups, sum(map(len, parts))))
        why = why_nothing(groups)
        if parts and config.correction != "none":
            drawn_by(groups, version)
            parts = [p for p in (corrected(config, part, policy, step) for part in parts) if p]
            why = "sampler and trainer are so far apart that the correction leaves no answer to learn from"
        for n, part in enumerate(parts):
            part = with_reference(part, models.reference) if config.kl > 0 else part
            version = learn(config, policy, step, part, drawn_by_it=n == 0 and not config.ahead)
        if not parts:
            step.skip(why)


def learn(config: GRPO, policy: Policy, step: Step, data: Sequence[Datum], *, drawn_by_it: bool) -> int:
    """One optimiser step; the policy's version after it. drawn_by_it: the policy is still the one that drew, so what it computes
    can be held against that."""
    name, settings = config.loss
    found = policy.forward_backward(data, name, settings).result()
    step.log(found, **(gap(data, found) if drawn_by_it and config.correction == "none" else {}))
    taken = policy.optim_step(config.adam(step.index)).result()
    step.log(taken, learning_rate=config.rate(step.index))
    return taken.weight_version


def datums(config: GRPO, groups: Sequence[Sequence[Rollout]]) -> list[list[Datum]]:
    """The answers that teach something, as Datums, whole groups dealt out among the step's updates; none where no answer was
    worth more than another.

    Each token of an answer has its share of its turn's advantage. Denominators count every answer with a known reward, those of
    groups without a difference too, so that the gradient of all parts, divided by their number, is that of the objective.
    """
    assert config.answer_tokens is not None, "the config is not resolved"
    kind = credit_of(config, groups)
    worth = [[turns.turns_of(r, reward) for r, reward in zip(group, rewards_of(config, group), strict=True)] for group in groups]
    if kind != "values":  # from whose differences a potential falls out
        raw = config.shaping == "raw"
        worth = [[turns.shaped(t, discount=config.discount, raw=raw) for t in group] for group in worth]
    found = turns.advantages(worth, kind, config.objective.baseline, discount=config.discount)
    known = [
        (g, n)
        for g, group in enumerate(groups)
        for n, rollout in enumerate(group)
        if not np.isnan(worth[g][n].reward) and turns.tokens(rollout)
    ]
    if not any(found[g][n].any() for g, n in known):
        return []
    lengths = [turns.tokens(groups[g][n]) for g, n in known]
    shares = credit.shares(lengths, config.objective.spread, limit_tokens=config.answer_tokens)
    if config.objective.loss == "gspo":  # whose loss is of whole answers
        shares = np.full(len(known), 1.0 / len(known))
    kept = [(at, share) for at, share in zip(known, shares, strict=True) if config.kl > 0 or found[at[0]][at[1]].any()]
    some = sorted({g for (g, _), _ in kept})
    parts = min(config.updates or 1, len(some))
    part_of = {g: n % parts for n, g in enumerate(some)}
    data: list[list[Datum]] = [[] for _ in range(parts)]
    for number, ((g, n), share) in enumerate(kept):
        data[part_of[g]].append(datum(groups[g][n], found[g][n], share * parts, number))
    return data


def credit_of(config: GRPO, groups: Sequence[Sequence[Rollout]]) -> Credit:
    """How the rewards of these answers are divided among their turns."""
    if config.objective.loss == "gspo" or not turns.several(groups):
        return "outcome"
    told = turns.told(groups)
    if config.credit in ("states", "anchors", "values") and config.credit not in told:
        needed = "forks" if config.credit == "values" else "has state keys"
        raise ConfigError(
            f"credit = {config.credit} needs what the turns of these answers do not tell",
            seen="they tell enough for " + ", ".join(told),
            todo=f"leave credit out, or use a task whose environment {needed}",
        )
    return config.credit or told[-1]


def datum(rollout: Rollout, advantages: np.ndarray, share: float, number: int) -> Datum:
    """A rollout with the advantage of its turn times `share` at every token that was drawn. advantages: of each turn, [K].
    number: of its set, for losses of whole answers."""
    ids, drawn = rollout.ids, rollout.drawn[1:]
    streams = {
        "targets": ids[1:],
        "weights": (drawn * share).astype(np.float32),
        "advantages": (turns.at_tokens(rollout, advantages)[1:] * share).astype(np.float32),
        "logprobs": rollout.logprobs[1:].astype(np.float32),
        "set": np.array([number], dtype=np.int32),
    }
    return Datum((TokenChunk(ids[:-1]),), streams)


def corrected(config: GRPO, data: Sequence[Datum], policy: Policy, step: Step) -> list[Datum]:
    """The Datums with the policy's own log-probabilities in place of the sampler's, and advantages weighed by how far these are
    apart; without those of which the weights leave nothing. (Losses of whole answers, whose ratio has the length taken out, are
    weighed by whole answers only.)"""
    assert config.correction is not None, "the config is not resolved"
    whole = config.objective.loss == "gspo" and config.correction in ("tokens", "mask_tokens")
    made, own, sampled, weighed = [], [], [], []
    for d, f in zip(data, policy.forward(data).result(), strict=True):
        drawn, trainer = d.streams["weights"] > 0, np.asarray(f.logprobs, dtype=np.float32)
        own.append(trainer[drawn])
        sampled.append(d.streams["logprobs"][drawn])
        weighed.append(weights(own[-1], sampled[-1], config.correction))
        advantages = d.streams["advantages"].copy()
        if not whole:
            advantages[drawn] = (advantages[drawn] * weighed[-1]).astype(np.float32)
        if advantages.any() or config.kl > 0:
            old = np.where(drawn, trainer, 0.0).astype(np.float32)
            made.append(Datum(d.chunks, {**d.streams, "logprobs": old, "advantages": advantages}))
    found = mismatch(np.concatenate(own), np.concatenate(sampled))
    step.log(None, **found, kept_weight=effective_share(np.concatenate(weighed)))
    return made


def drawn_by(groups: Sequence[Sequence[Rollout]], version: int | None) -> None:
    """Refuse answers that other weights drew than the policy's of now (version; None = not known yet): what these would compute
    in place of the old policy's log-probabilities is not what the answers were drawn with."""
    drew = {s.weight_version for group in groups for r in group for s in r.segments if s.logprobs is not None}
    if len(drew | ({version} if version is not None else set())) > 1:
        raise ConfigError(
            "the log-probabilities of the policy that drew these answers cannot be computed any more",
            seen=f"drawn at version {', '.join(map(str, sorted(drew)))}"
            + (f", and the policy is at {version}" if version else ""),
            todo="use correction=none, where the ratio is to what the answers were drawn with",
        )


def with_reference(data: Sequence[Datum], reference: Policy) -> list[Datum]:
    """The Datums with the reference's log-probabilities of their targets."""
    found = reference.forward(data).result()
    return [
        Datum(d.chunks, {**d.streams, "reference": np.asarray(f.logprobs, dtype=np.float32)})
        for d, f in zip(data, found, strict=True)
    ]


def rewards_of(config: GRPO, group: Sequence[Rollout]) -> np.ndarray:
    """What each answer of a group is worth, float64; NaN where the grader failed."""
    limit = config.answer_tokens
    assert limit is not None, "the config is not resolved"
    late = [credit.overlong(turns.longest(r), limit_tokens=limit, margin=config.overlong) for r in group]
    return np.array([r.reward for r in group], dtype=np.float64) + np.array(late)


def gap(data: Sequence[Datum], found: LossResult) -> dict[str, float]:
    """How far the trainer's log-probabilities of the drawn tokens are from those they were drawn with (`mismatch`)."""
    computed = [d.streams["advantages"] != 0 for d in data]  # the others the head may never have seen
    own = [l[c] for l, c in zip(found.logprobs, computed, strict=True)]
    sampled = [d.streams["logprobs"][c] for d, c in zip(data, computed, strict=True)]
    return mismatch(np.concatenate(own), np.concatenate(sampled))


def gap_now(policy: Policy, drawn: Sequence[tuple[Sequence[int], Sample]]) -> dict[str, float]:
    """The gap of answers that the policy has just drawn and does not learn from yet. drawn: prompts, and what was said."""
    drawn = [(prompt, sample) for prompt, sample in drawn if len(sample.ids)]
    rows = [np.concatenate([np.asarray(prompt, dtype=np.int32), sample.ids]) for prompt, sample in drawn]
    found = policy.forward([Datum((TokenChunk(ids[:-1]),), {"targets": ids[1:]}) for ids in rows]).result()
    own = [np.asarray(f.logprobs)[-len(sample.ids) :] for f, (_, sample) in zip(found, drawn, strict=True)]
    return mismatch(np.concatenate(own), np.concatenate([s.logprobs for _, s in drawn])) if drawn else {}


def why_nothing(groups: Sequence[Sequence[Rollout]]) -> str:
    """Why no answer teaches anything."""
    failed = [r.score.error for group in groups for r in group if r.score.error is not None]
    if len(failed) == sum(map(len, groups)):
        return f"the grader could judge no answer: {failed[0]}"
    if any(r.held for group in groups for r in group):
        return "the answers from which something may be learned were worth the same"
    return "the answers to every question were worth the same"


def numbers(config: GRPO, groups: Sequence[Sequence[Rollout]], taught: int) -> dict[str, float]:
    """What a step's answers were like. taught: answers that teach something."""
    everything = [r for group in groups for r in group]
    rewards = np.array([r.reward for r in everything])
    lengths = np.array([turns.tokens(r) for r in everything])
    logprobs = np.concatenate([np.empty(0), *(s.logprobs for r in everything for s in r.segments if s.logprobs is not None)])
    known = rewards[~np.isnan(rewards)]
    return {
        "reward": float(known.mean()) if len(known) else float("nan"),
        "reward_spread": float(known.std()) if len(known) else float("nan"),
        "flat_groups": float(np.mean([credit.flat(rewards_of(config, g)) for g in groups])),
        "grader_errors": float(np.mean([r.score.error is not None for r in everything])),
        "answer_tokens": float(lengths.mean()),
        "cut_answers": float(np.mean([r.stop_reason == "length" for r in everything])),
        "entropy": -float(logprobs.mean()) if len(logprobs) else 0.0,
        "taught": float(taught),
    }
