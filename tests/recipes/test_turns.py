"""Credit of turns: a hand-worked example, what shaping may not change, and a chain in which two turns of six matter."""

from __future__ import annotations

import itertools
import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from burnish.recipes import credit, turns
from burnish.recipes.turns import Credit, Turns
from burnish.types import Example, Rollout, Score, Segment

NAN = float("nan")
BASELINES: tuple[credit.Baseline, ...] = ("group", "group_scaled", "leave_one_out", "batch_scaled")


def way(rewards: Sequence[float], states: str = "", values: Sequence[float] = (), grades: Sequence[float] = ()) -> Turns:
    """States by letter; "-" names none."""
    n = len(rewards)
    return Turns(
        reward=float(sum(rewards)),
        rewards=np.array(rewards, dtype=np.float64),
        states=tuple(None if s == "-" else s for s in states or "-" * n),
        values=np.array(values or [NAN] * n),
        grades=np.array(grades or [NAN] * n),
    )


def of(group: Sequence[Turns], kind: Credit, baseline: credit.Baseline = "group", **settings: float) -> list[list[float]]:
    return [a.tolist() for a in turns.advantages([group], kind, baseline, **settings)[0]]


THREE = [way([0, 1], "AB", [0.9, 0.6]), way([0, 0], "AB", [0.9, 0.6]), way([1, 1], "AC", [0.9, 1.0])]


@pytest.mark.parametrize(
    ("kind", "wanted"),
    [
        ("outcome", [[0, 0], [-1, -1], [1, 1]]),  # 1, 0 and 2, of which the mean is 1
        ("return_to_go", [[0, 1 / 3], [-1, -2 / 3], [1, 1 / 3]]),  # second turns: 1, 0, 1
        ("states", [[0, 0.5], [-1, -0.5], [1, 1]]),  # in B: 1, 0; alone in C: as its rollout
        ("anchors", [[0, 0.5], [-2, -1.5], [2, 1]]),  # the first line and the third, which has nothing to say of C
        ("values", [[-0.3, 0.4], [-0.3, -0.6], [1.1, 0]]),  # r + V' - V
    ],
)
def test_three_rollouts_worked_by_hand(kind: Credit, wanted: list[list[float]]) -> None:
    for found, by_hand in zip(of(THREE, kind), wanted, strict=True):
        assert found == pytest.approx(by_hand)


def test_rewards_that_come_later_are_worth_less() -> None:
    assert turns.return_to_go(np.array([1.0, 0, 2])).tolist() == [3, 2, 2]
    assert turns.return_to_go(np.array([1.0, 0, 2]), 0.5).tolist() == [1.5, 1, 2]
    first = [a[0] for a in of(THREE, "return_to_go", discount=0.5)]  # 0.5, 0 and 1.5
    assert first == pytest.approx([0.5 - 2 / 3, -2 / 3, 1.5 - 2 / 3])


def test_anchors_scale_and_weigh_as_they_are_told() -> None:
    scaled = of(THREE, "anchors", "group_scaled")
    std = math.sqrt(0.5) + credit.EPS  # of 1 and 0
    assert scaled[0][1] == pytest.approx(0 + 0.5 / std)
    assert of(THREE, "anchors", weight=0.0) == of(THREE, "outcome")


@pytest.mark.parametrize("baseline", BASELINES)
@pytest.mark.parametrize("kind", ["outcome", "return_to_go", "states"])
def test_answers_of_one_turn_have_the_same_bits_however_credit_is_divided(kind: Credit, baseline: credit.Baseline) -> None:
    draw = np.random.default_rng(5)
    rewards = [draw.random(n) for n in (8, 3, 5)]
    rewards[1][1] = NAN
    found = turns.advantages([[way([r]) for r in group] for group in rewards], kind, baseline)
    for own, wanted in zip(found, credit.advantages(rewards, baseline), strict=True):
        assert np.concatenate(own).tobytes() == wanted.tobytes()


def test_a_comparison_with_all_groups_is_among_turns_of_the_same_number() -> None:
    found = turns.advantages([[way([0, 1]), way([0, 0])], [way([0, 1]), way([1, 1])]], "return_to_go", "batch_scaled")
    first, second = (np.array([a[k] for group in found for a in group]) for k in (0, 1))
    np.testing.assert_allclose(first, (np.array([1, 0, 1, 2]) - 1) / (np.std([1, 0, 1, 2], ddof=1) + credit.EPS))
    np.testing.assert_allclose(second, (np.array([1, 0, 1, 1]) - 0.75) / (0.5 + credit.EPS))


def test_who_is_compared_where_rollouts_differ_in_length() -> None:
    by_number = of([way([0, 0]), way([0, 0, 1]), way([0, 1, 1])], "return_to_go")
    assert by_number[0][1] == pytest.approx(0 - 1)  # second turns: 0, 1, 2
    assert by_number[2][2] == 0.0  # third ones: 1, 1
    alone = of([way([0, 0]), way([0, 0, 0, 1])], "return_to_go")
    assert alone[1][2:] == pytest.approx([0.5, 0.5]), "what is compared with no other has its rollout's"
    by_state = of([way([0, 0], "AB"), way([0, 0, 1], "AAB")], "return_to_go")
    assert by_state[1][0] == pytest.approx(1 - 2 / 3)  # in A, whenever: 0, 1, 1
    assert by_state[1][2] == pytest.approx(0.5)  # in B: 0, 1
    assert of([way([0, 0], "AB"), way([0, 1], "AA")], "return_to_go")[1][1] == pytest.approx(0.5)  # as many turns: by number


@pytest.mark.parametrize("kind", ["outcome", "return_to_go", "states", "anchors", "values"])
@pytest.mark.parametrize("baseline", BASELINES)
def test_check_30_a_rollout_whose_grader_failed_is_compared_with_none(kind: Credit, baseline: credit.Baseline) -> None:
    broken = replace(THREE[1], reward=NAN, rewards=np.array([0, NAN]))
    found = of([THREE[0], broken, THREE[2]], kind, baseline)
    assert all(map(math.isnan, found[1]))
    assert [found[0], found[2]] == of([THREE[0], THREE[2]], kind, baseline)


@pytest.mark.parametrize("kind", ["outcome", "return_to_go", "states", "anchors"])
@pytest.mark.parametrize("baseline", BASELINES)
def test_check_44_turns_that_were_paid_alike_teach_exactly_nothing(kind: Credit, baseline: credit.Baseline) -> None:
    group = [way([0.1, 0.2, 0.3], "ABC"), way([0.1, 0.2, 0.3], "ABC"), way([0.1, 0.2, 0.3], "ABC")]
    assert of(group, kind, baseline) == [[0, 0, 0]] * 3


def test_a_value_that_is_not_known_leaves_the_rollouts_own() -> None:
    found = of([way([0, 1], values=[0.5, NAN]), way([0, 0], values=[0.5, 0.25])], "values")
    assert found == [[0.5, 0.5], [-0.25, -0.25]]


# -- from rollouts ----------------------------------------------------------------------------------------------------


def walked(reward: float, *said: Segment) -> Rollout:
    """A rollout in which something is read before each turn."""
    read = [Segment(role="tool", ids=np.array([90, 91], np.int32), turn=s.turn) for s in said]
    segments = tuple(s for both in zip(read, said, strict=True) for s in both)
    score = Score(value=reward, reason="", error="broken" if math.isnan(reward) else None)
    return Rollout(example=Example(messages=()), segments=segments, answer="", stop_reason="stop", score=score)


def said(turn: int, tokens: int, **more: object) -> Segment:
    ids = np.arange(tokens, dtype=np.int32)
    return Segment(role="assistant", ids=ids, logprobs=np.full(tokens, -1.0, np.float32), turn=turn, **more)  # type: ignore[arg-type]


def test_what_turns_were_not_paid_came_with_the_last() -> None:
    rollout = walked(1.0, said(1, 2, reward=0.25, state="a"), said(2, 3), said(3, 1, reward=0.5, state="b"))
    found = turns.turns_of(rollout, rollout.reward)
    assert found.rewards.tolist() == [0.25, 0.0, 0.75]
    assert found.states == ("a", None, "b")
    assert turns.turns_of(rollout, rollout.reward - 0.5).rewards.tolist() == [0.25, 0.0, 0.25], "a penalty, too"
    assert np.isnan(turns.turns_of(walked(NAN, said(1, 2)), NAN).rewards).all()


def test_each_token_has_the_advantage_of_its_turn_and_what_was_read_none() -> None:
    rollout = walked(1.0, said(1, 2), said(2, 1), said(2, 2))  # two segments of one turn
    assert turns.at_tokens(rollout, np.array([0.5, -2.0])).tolist() == [0, 0, 0.5, 0.5, 0, 0, -2, 0, 0, -2, -2]
    assert turns.longest(rollout) == 3


def test_what_rollouts_tell_enough_for() -> None:
    def told(*parts: Segment) -> list[str]:
        return list(turns.told([[walked(1.0, *parts)]]))

    assert told(said(1, 2, reward=1.0, state="a", value=0.5)) == ["outcome"], "there is one turn"
    assert told(said(1, 2), said(2, 2)) == ["outcome"]
    assert told(said(1, 2, reward=0.0), said(2, 2, reward=0.0)) == ["outcome"], "nothing was paid"
    assert told(said(1, 2, reward=0.5), said(2, 2)) == ["outcome", "return_to_go"]
    assert told(said(1, 2, grade=0.5), said(2, 2)) == ["outcome", "return_to_go"]
    assert told(said(1, 2, state="a"), said(2, 2))[-1] == "anchors"
    assert told(said(1, 2, state="a", value=0.0), said(2, 2))[-1] == "values"


# -- shaping ----------------------------------------------------------------------------------------------------------

GRADES = st.lists(st.floats(-1, 1), min_size=1, max_size=7)


@given(GRADES, st.floats(0.1, 1))
def test_potentials_add_nothing_over_the_whole(grades: list[float], discount: float) -> None:
    plain = way([0.0] * len(grades), grades=grades)
    made = turns.shaped(plain, discount=discount)
    assert float(np.sum(discount ** np.arange(len(grades)) * made.rewards)) == pytest.approx(0, abs=1e-12)
    assert made.reward == plain.reward


def test_shaping_by_hand() -> None:
    plain = way([0, 0, 1], grades=[0.5, -1.0, 0.75])
    assert turns.shaped(plain).rewards.tolist() == pytest.approx([0.5, -1.5, 2.0])
    assert turns.shaped(plain, discount=0.5).rewards.tolist() == pytest.approx([0.25, -1.0, 2.0])
    raw = turns.shaped(plain, raw=True)
    assert (raw.rewards.tolist(), raw.reward) == ([0.5, -1.0, 1.75], 1.25)
    assert turns.shaped(way([0, 1], grades=[0.5, NAN])).rewards.tolist() == [0, 1], (
        "a turn without a grade leaves all as they are"
    )
    group = [turns.shaped(way([0, 0, 1], grades=[0.5, 0.2, 0.1])), turns.shaped(way([0, 0, 0], grades=[-0.5, 0.2, 0.1]))]
    assert of(group, "return_to_go")[0] == pytest.approx([0.5, 0.0, 0.5]), "the judgement of a turn is a baseline of what follows"


def test_potentials_leave_the_best_policy_the_best_and_raw_bonuses_do_not() -> None:
    """Every policy of small decision processes, exactly: three states, two actions, four turns, chance in every move."""
    policies = list(itertools.product((0, 1), repeat=3))
    turned = 0
    for seed in range(12):
        draw = np.random.default_rng(seed)
        move, pay, grade = draw.dirichlet(np.ones(3), (3, 2)), draw.random((3, 2)), draw.uniform(-1, 1, (3, 2))

        def worth(
            policy: Sequence[int], raw: bool | None, move: np.ndarray = move, pay: np.ndarray = pay, grade: np.ndarray = grade
        ) -> float:
            total = 0.0
            for path in itertools.product(range(3), repeat=4):
                s = (0, *path[:-1])
                chance = math.prod(move[a, policy[a], b] for a, b in zip(s, path, strict=True))
                own = way([pay[a, policy[a]] for a in s], grades=[grade[a, policy[a]] for a in s])
                own = own if raw is None else turns.shaped(own, discount=0.9, raw=raw)
                total += chance * turns.return_to_go(own.rewards, 0.9)[0]
            return float(total)

        plain, shaped, farmed = ([worth(p, raw) for p in policies] for raw in (None, False, True))
        np.testing.assert_allclose(shaped, plain, atol=1e-12)
        turned += int(np.argmax(farmed) != np.argmax(plain))
    assert turned >= 3, "raw bonuses change which policy is the best"


# -- a key and a door -------------------------------------------------------------------------------------------------

TURNS, KEY, DOOR = 6, 0, 3
State = tuple[int, bool, bool]


def softmax(x: np.ndarray) -> np.ndarray:
    e = np.exp(x - x.max())
    return e / e.sum()


class Chain:
    """Six turns, of which the first and the fourth matter: action 0 takes the key, with which action 1 opens the door."""

    def __init__(self, actions: int, shared: float, seed: int) -> None:
        self.own: dict[State, np.ndarray] = defaultdict(lambda: np.zeros(actions))
        self.common, self.shared = np.zeros(actions), shared
        self.draw = np.random.default_rng(seed)

    def policy(self, state: State) -> np.ndarray:
        return softmax(self.own[state] + self.shared * self.common)

    def walk(self, state: State) -> tuple[list[State], list[int], float]:
        """From a state to the end; what was done there, and whether the door was opened."""
        states, actions, (first, key, door) = [], [], state
        for k in range(first, TURNS):
            states.append((k, key, door))
            actions.append(int(self.draw.choice(len(self.common), p=self.policy(states[-1]))))
            key = actions[-1] == 0 if k == KEY else key
            door = key and actions[-1] == 1 if k == DOOR else door
        return states, actions, float(door)

    def value(self, state: State, samples: int = 4) -> float:
        return float(np.mean([self.walk(state)[2] for _ in range(samples)]))

    def group(self, kind: Credit, size: int, baseline: credit.Baseline = "group"):
        """Walks, and the advantages of their turns."""
        walks = [self.walk((0, False, False)) for _ in range(size)]
        made = []
        for states, _, reward in walks:
            values = [self.value(s) for s in states] if kind == "values" else []
            own = way([0.0] * (TURNS - 1) + [reward], values=values)
            made.append(replace(own, states=tuple(map(str, states))))
        return walks, turns.advantages([made], kind, baseline)[0]

    def success(self) -> float:
        return float(self.policy((KEY, False, False))[0] * self.policy((DOOR, True, False))[1])

    def learn(self, kind: Credit, rate: float, size: int) -> None:
        """One step of the policy gradient, summed over turns, the mean over walks."""
        gradient: dict[State | None, np.ndarray] = defaultdict(lambda: np.zeros(len(self.common)))
        for (states, actions, _), advantages in zip(*self.group(kind, size), strict=True):
            for state, action, a in zip(states, actions, advantages, strict=True):
                of_policy = (np.arange(len(self.common)) == action) - self.policy(state)
                gradient[state] += a / size * of_policy
                gradient[None] += self.shared * a / size * of_policy
        self.common += rate * gradient.pop(None)
        for state, g in gradient.items():
            if state is not None:
                self.own[state] = self.own[state] + rate * g


@pytest.fixture(scope="module")
def spread_of_advantages() -> dict[Credit, np.ndarray]:
    """Mean square of the advantage of each turn, under a policy that tries three actions alike; 60 groups of 16."""
    found = {}
    for kind in ("outcome", "states", "anchors", "values"):
        chain = Chain(3, 0.0, seed=1)
        found[kind] = np.mean([a**2 for _ in range(60) for a in chain.group(kind, 16)[1]], axis=0)
    return found


def test_turns_that_do_not_matter_get_little_of_the_credit(spread_of_advantages: dict[Credit, np.ndarray]) -> None:
    idle = {kind: float(np.delete(of_turn, [KEY, DOOR]).mean()) for kind, of_turn in spread_of_advantages.items()}
    assert idle["states"] <= 0.5 * idle["outcome"], idle
    assert idle["values"] <= 0.5 * idle["outcome"], idle


def test_what_anchors_reduce_is_relative_to_the_turns_that_matter(spread_of_advantages: dict[Credit, np.ndarray]) -> None:
    """GiGPO adds what a turn did to the credit of the whole, so that its turns that do not matter have no less than before; they
    have a smaller part of it."""
    part = {
        kind: float(np.delete(of_turn, [KEY, DOOR]).mean() / of_turn[[KEY, DOOR]].mean())
        for kind, of_turn in spread_of_advantages.items()
    }
    assert part["outcome"] == pytest.approx(1.0)
    assert part["values"] < 0.5 * part["outcome"], part
    assert part["states"] < part["anchors"] < 0.7 * part["outcome"], part


def steps_to_learn(kind: Credit, seed: int) -> int:
    """Steps of the plain gradient, at one rate for all, until eight of ten walks open the door."""
    chain = Chain(4, 0.0, seed)
    for step in range(60):
        if chain.success() >= 0.8:
            return step
        chain.learn(kind, 2.0, 8)
    return 60


def test_the_chain_is_learned_in_fewer_steps() -> None:
    """Of anchors part of that is a larger advantage; of values none is (docs/why/credit.md)."""
    took = {kind: np.mean([steps_to_learn(kind, seed) for seed in range(6)]) for kind in ("outcome", "anchors", "values")}
    assert took["outcome"] < 30
    assert took["anchors"] <= 0.7 * took["outcome"], took
    assert took["values"] <= 0.9 * took["outcome"], took
