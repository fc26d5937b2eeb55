"""Credit of turns: which of a rollout's turns its reward is owed to. numpy alone.

A rollout is a walk through a decision process whose actions are turns: s_k is all that was read before turn k, the action its
tokens, r_k what the environment paid for it. All tokens of turn k have the advantage A_k. The reward of a rollout is what the
whole is worth; what its turns were not paid of it belongs to the last turn, so that sum r_k is the reward, and what is learned is
what is shown.

    outcome          A_k = A, of the whole rollout among those of its group (`credit.advantages`)
    return_to_go     A_k = R_k - mean of R_k,  R_k = sum_{j >= k} gamma^(j - k) r_j
    states           A_k = R_k - mean of R over the group's turns in the same state
    anchors          A_k = A + w (R_k - mean of R in the same state) / (std or 1)   (GiGPO, Feng et al. 2025, arXiv 2505.10978)
    values           A_k = r_k + V(s_{k+1}) - V(s_k)      (VinePPO, Kazemnejad et al. 2024, arXiv 2410.01679)

With one turn and no discount, all but `values` are the same number, bit by bit. Where a mean is subtracted, the objective's own
comparison is used (`credit.Baseline`): it may scale, or leave one out.

Shapes: G rollouts of a group; K_i turns of rollout i.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from burnish.recipes import credit
from burnish.types import Rollout, Segment

Credit = Literal["outcome", "return_to_go", "states", "anchors", "values"]
NOISE = 1e-9
"""Returns that differ by less, relative to the largest, are the same number, summed in another order."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Turns:
    """What credit needs to know of one rollout."""

    reward: float
    """of the whole; NaN where the grader failed"""
    rewards: np.ndarray
    """float64 [K]: r_k, which add up to it"""
    states: tuple[str | None, ...]
    """[K]: the environment's key of the state before each turn"""
    values: np.ndarray
    """float64 [K]: V(s_k); NaN where it was not estimated"""
    grades: np.ndarray
    """float64 [K]: a process grader's judgement of each turn; NaN where there is none"""


def turns_of(rollout: Rollout, reward: float) -> Turns:
    """The turns of a rollout that is worth `reward`. Segments that were drawn in one turn are one action."""
    drawn = _drawn(rollout)
    first, paid = [parts[0] for parts in drawn], np.array([sum(s.reward or 0.0 for s in parts) for parts in drawn])
    if len(paid):
        paid[-1] += reward - paid.sum()
    return Turns(
        reward=reward,
        rewards=paid,
        states=tuple(s.state for s in first),
        values=np.array([np.nan if s.value is None else s.value for s in first]),
        grades=np.array([np.nan if s.grade is None else s.grade for s in first]),
    )


def _drawn(rollout: Rollout) -> list[list[Segment]]:
    """The segments that the policy drew, turn by turn."""
    found: dict[int, list[Segment]] = defaultdict(list)
    for segment in rollout.segments:
        if segment.logprobs is not None:
            found[segment.turn].append(segment)
    return list(found.values())


def at_tokens(rollout: Rollout, advantages: np.ndarray) -> np.ndarray:
    """The advantage of its turn at each token that was drawn, 0 at the others; float64 [n]."""
    place: dict[int, int] = {}
    own = [0.0 if s.logprobs is None else advantages[place.setdefault(s.turn, len(place))] for s in rollout.segments]
    return np.repeat(np.array(own, dtype=np.float64), [len(s.ids) for s in rollout.segments])


def told(groups: Sequence[Sequence[Rollout]]) -> list[Credit]:
    """The ways of dividing credit that these rollouts tell enough for, the most telling last. Of one turn there is nothing to
    divide; states must be named, values tried."""
    drawn = [s for group in groups for r in group for s in r.segments if s.logprobs is not None]
    made: list[Credit] = ["outcome"]
    if not several(groups):
        return made
    if any(s.reward or s.grade is not None for s in drawn):
        made.append("return_to_go")
    if any(s.state is not None for s in drawn):
        made += "states", "anchors"
    if any(s.value is not None for s in drawn):
        made.append("values")
    return made


def several(groups: Sequence[Sequence[Rollout]]) -> bool:
    """Whether some rollout has more than one turn; if none has, every credit is that of the outcome."""
    return max((len(_drawn(r)) for group in groups for r in group), default=0) > 1


def tokens(rollout: Rollout) -> int:
    """That were drawn, in all turns."""
    return sum(len(s.ids) for s in rollout.segments if s.logprobs is not None)


def longest(rollout: Rollout) -> int:
    """Tokens that were drawn in its longest turn."""
    return max((sum(len(s.ids) for s in parts) for parts in _drawn(rollout)), default=0)


# -- advantages -------------------------------------------------------------------------------------------------------


def advantages(
    groups: Sequence[Sequence[Turns]], kind: Credit, baseline: credit.Baseline, *, discount: float = 1.0, weight: float = 1.0
) -> list[list[np.ndarray]]:
    """The advantage of each turn of each rollout, float64 [K]; all NaN where the grader failed.

    return_to_go: turns with the same number are compared where the group's rollouts have as many turns, else turns in the same
    state, else those with the same number. states: turns in the same state. A turn that is compared with no other has the
    advantage of its rollout (of anchors, nothing beside it), and so has one whose value, or the next one's, is not known.
    discount: gamma. weight: w.
    """
    whole = credit.advantages([np.array([t.reward for t in group]) for group in groups], baseline)
    episode = [[np.full(len(t.rewards), a) for t, a in zip(g, own, strict=True)] for g, own in zip(groups, whole, strict=True)]
    if kind == "outcome":
        return episode
    if kind == "values":
        steps = [[differences(t.rewards, t.values) for t in group] for group in groups]
        return [[np.where(np.isnan(d + a), a, d) for d, a in zip(*g, strict=True)] for g in zip(steps, episode, strict=True)]
    returns = [[return_to_go(t.rewards, discount) for t in group] for group in groups]
    if baseline == "batch_scaled" and kind == "return_to_go":  # whose comparison is with all groups
        together = [r for group in returns for r in group]
        left = iter(_among([range(len(r)) for r in together], together, baseline))
        return [[np.where(np.isnan(f), a, f) for f, a in zip((next(left) for _ in g), g, strict=True)] for g in episode]
    made = []
    for group, own, whole_of in zip(groups, returns, episode, strict=True):
        found = _of_states(group, own, baseline) if kind != "return_to_go" else _of_numbers(group, own, baseline)
        if kind == "anchors":
            made.append([a + weight * np.nan_to_num(s) for a, s in zip(whole_of, found, strict=True)])
        else:
            made.append([np.where(np.isnan(f), a, f) for f, a in zip(found, whole_of, strict=True)])
    return made


def return_to_go(rewards: np.ndarray, discount: float = 1.0) -> np.ndarray:
    """R_k = sum_{j >= k} gamma^(j - k) r_j, float64 [K]."""
    made, after = np.zeros(len(rewards)), 0.0
    for k in range(len(rewards) - 1, -1, -1):
        made[k] = after = rewards[k] + discount * after
    return made


def differences(rewards: np.ndarray, values: np.ndarray) -> np.ndarray:
    """A_k = r_k + V(s_{k+1}) - V(s_k), V = 0 after the last turn, float64 [K]."""
    return rewards + np.append(values[1:], 0.0) - values


def _of_numbers(group: Sequence[Turns], returns: Sequence[np.ndarray], baseline: credit.Baseline) -> list[np.ndarray]:
    """Of turns with the same number, or, where rollouts differ in length and states are named, in the same state."""
    lengths = {len(t.rewards) for t in group if not math.isnan(t.reward)}
    if len(lengths) > 1 and any(s is not None for t in group for s in t.states):
        return _of_states(group, returns, baseline)
    return _among([range(len(r)) for r in returns], returns, baseline)


def _of_states(group: Sequence[Turns], returns: Sequence[np.ndarray], baseline: credit.Baseline) -> list[np.ndarray]:
    """Of turns in the same state, of whichever rollouts of the group."""
    return _among([t.states for t in group], returns, "group_scaled" if baseline == "batch_scaled" else baseline)


def _among(keys: Sequence[Sequence[Hashable]], returns: Sequence[np.ndarray], baseline: credit.Baseline) -> list[np.ndarray]:
    """The advantage of each turn among those of the same key; NaN without one, and where there are fewer than two."""
    made, places = [np.full(len(r), np.nan) for r in returns], defaultdict(list)
    for i, own in enumerate(keys):
        for k, key in enumerate(own):
            if key is not None and not math.isnan(returns[i][k]):
                places[key].append((i, k))
    for found in places.values():
        if len(found) < 2:
            continue
        at = np.array([returns[i][k] for i, k in found])
        same = np.ptp(at) <= NOISE * np.abs(at).max()
        worth = np.zeros(len(at)) if same else credit.advantages([at], baseline)[0]
        for (i, k), a in zip(found, worth, strict=True):
            made[i][k] = a
    return made


# -- shaping ----------------------------------------------------------------------------------------------------------


def shaped(turns: Turns, *, discount: float = 1.0, raw: bool = False) -> Turns:
    """The turns with what a process grader says of them added to their rewards; as they are where it says nothing.

    By potentials: r_k + F_k, F_k = gamma Phi(s_{k+1}) - Phi(s_k) (Ng, Harada & Russell 1999). Phi(s_{k+1}) is the grade of turn
    k, which led there; Phi is 0 before the first turn and after the last. So sum gamma^k F_k = 0 whatever was done: no policy
    gets better or worse than it was, and walking in circles earns nothing. raw: r_k + grade, which can be farmed.
    """
    if np.isnan(turns.grades).any():
        return turns
    extra = turns.grades if raw else potential_differences(np.append(turns.grades[:-1], 0.0), discount)
    reward = turns.reward + float(extra.sum()) if raw else turns.reward
    return replace(turns, rewards=turns.rewards + extra, reward=reward)


def potential_differences(reached: np.ndarray, discount: float = 1.0) -> np.ndarray:
    """F_k = gamma Phi(s_{k+1}) - Phi(s_k), float64 [K], of the potentials Phi(s_{k+1}) reached by each turn; Phi(s_0) = 0."""
    return discount * reached - np.insert(reached[:-1], 0, 0.0)


def bounded(grade: float) -> float:
    """A process grader's grade within [-1, 1]; NaN stays, which is no grade."""
    return float(np.clip(grade, -1.0, 1.0))
