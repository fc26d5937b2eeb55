"""GRPO alone: what each variant makes of graded answers, and what it refuses to be told."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from burnish.engine.host import Host
from burnish.errors import ConfigError
from burnish.protocols import Policy
from burnish.recipes import grpo
from burnish.recipes.grpo import GRPO, VARIANTS
from burnish.tasks.graders.weighted import Weighted
from burnish.types import Datum, Example, LoraSpec, Message, Rollout, Sample, SamplingParams, Score, Segment

CHOICES = {"device": "cpu", "threads": 1, "dtype": "float32", "matmul": "aten", "bmm_limit": 0, "unit_tokens": 1024}
NAN = float("nan")


def config(**changes: Any) -> GRPO:
    return GRPO.load(base={"model": "m", "data": "d", "learning_rate": 1e-2, "steps": 10, "answer_tokens": 20, **changes})


def rollout(reward: float, *, asked: Sequence[int] = (1, 2, 3), said: Sequence[int] = (4, 5), logprob: float = -1.0) -> Rollout:
    example = Example(messages=(Message(role="user", content="?"), Message(role="assistant", content="!")))
    segments = (
        Segment(role="user", ids=np.array(asked, np.int32)),
        Segment(role="assistant", ids=np.array(said, np.int32), logprobs=np.full(len(said), logprob, np.float32), turn=1),
    )
    error = "broken" if math.isnan(reward) else None
    score = Score(value=reward, reason="as asked", error=error)
    return Rollout(example=example, segments=segments, answer="!", stop_reason="stop", score=score)


def flat_data(parts: list[list[Datum]]) -> list[Datum]:
    return [d for part in parts for d in part]


def test_an_answers_tokens_carry_its_advantage_and_the_questions_none() -> None:
    (good, bad) = flat_data(grpo.datums(config(), [[rollout(1.0), rollout(0.0, said=(6, 7, 8))]]))
    share = 1 / (2 * 20)
    assert good.chunks[0].tokens.tolist() == [1, 2, 3, 4]
    assert good.streams["targets"].tolist() == [2, 3, 4, 5]
    assert good.streams["advantages"].tolist() == pytest.approx([0, 0, 0.5 * share, 0.5 * share])
    assert good.streams["logprobs"].tolist() == [0, 0, -1, -1]
    assert bad.streams["advantages"].tolist() == pytest.approx([0, 0, *[-0.5 * share] * 3])


def test_check_30_an_error_of_the_grader_teaches_nothing_and_is_no_zero() -> None:
    data = flat_data(grpo.datums(config(), [[rollout(1.0), rollout(NAN), rollout(0.0)]]))
    assert [float(np.abs(d.streams["advantages"]).max()) for d in data] == pytest.approx([0.5 / 40, 0.5 / 40])
    said = grpo.numbers(config(), [[rollout(1.0), rollout(NAN), rollout(0.0)]], 2)
    assert (said["reward"], said["grader_errors"]) == pytest.approx((0.5, 1 / 3))


class Says:
    """A grader that looks for a word, and pays for it, or for its absence."""

    concurrency = 2

    def __init__(self, name: str, word: str, *, there: bool = True) -> None:
        self.name, self.word, self.there = name, word, there

    def grade(self, example: Example, answer: str) -> Score:
        return Score(value=float((self.word in answer) == self.there), reason=f"looks for {self.word}")


def test_check_32_a_judge_that_flags_an_answer_changes_what_is_learned_from_it() -> None:
    judged = Weighted((Says("passes", "pass"), Says("honest", "sys.exit(0)", there=False)), (1.0, 1.0))
    texts = ("pass", "pass # sys.exit(0)", "nothing")
    scores = [judged.grade(Example(messages=()), text) for text in texts]
    group = [replace(rollout(0.0), answer=text, score=score) for text, score in zip(texts, scores, strict=True)]
    advantages = [float(d.streams["advantages"][-1]) * 60 for d in flat_data(grpo.datums(config(), [group]))]
    assert advantages == pytest.approx([1 / 3, -1 / 6, -1 / 6]), "what passes by ending the tests is no better than nothing"
    assert scores[1].parts == (("passes", 1.0), ("honest", 0.0))


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("reward", [0.0, 1.0, 0.3])
def test_check_44_equal_rewards_teach_exactly_nothing(variant: str, reward: float) -> None:
    groups = [[rollout(reward) for _ in range(4)]] * 2
    assert grpo.datums(config(variant=variant), groups) == []
    assert grpo.numbers(config(variant=variant), groups, 0)["flat_groups"] == 1.0


def test_lengths_weigh_as_each_variant_says() -> None:
    groups = [[rollout(1.0, said=range(10)), rollout(0.0, said=range(100))]]
    weight = {
        v: [
            float(np.abs(d.streams["advantages"]).max())
            for d in flat_data(grpo.datums(config(variant=v, answer_tokens=200), groups))
        ]
        for v in VARIANTS
    }
    assert weight["grpo"][0] == pytest.approx(10 * weight["grpo"][1])
    for same in ("dr_grpo", "dapo", "cispo", "rloo", "reinforce++"):
        assert weight[same][0] == pytest.approx(weight[same][1])
    assert weight["rloo"][0] == pytest.approx(2 * weight["dr_grpo"][0])  # G / (G - 1)


def test_a_question_that_is_easier_weighs_more_only_where_rewards_are_scaled() -> None:
    groups = [[rollout(r) for r in (1, 1, 1, 0)], [rollout(r) for r in (1, 0, 1, 0)]]

    def of_failures(variant: str) -> tuple[float, float]:
        worst = [float(d.streams["advantages"].min()) for d in flat_data(grpo.datums(config(variant=variant), groups))]
        negative = [w for w in worst if w < 0]
        return negative[0], negative[1]

    rare, common = of_failures("dr_grpo")
    assert rare / common == pytest.approx(1.5)
    rare, common = of_failures("grpo")
    assert rare / common == pytest.approx(1.5 / 0.8660, rel=1e-3)  # -1.5 against -0.866


def test_check_25_questions_that_read_alike_are_groups_of_their_own() -> None:
    groups = [[rollout(1.0), rollout(0.0)], [rollout(3.0), rollout(1.0)]]  # the same prompt, token by token
    found = [
        float(d.streams["advantages"].max() + d.streams["advantages"].min()) for d in flat_data(grpo.datums(config(), groups))
    ]
    share = 1 / (4 * 20)
    assert found == pytest.approx([0.5 * share, -0.5 * share, 1.0 * share, -1.0 * share])


@pytest.mark.parametrize(("rewards", "flat"), [([[1, 1], [0, 1]], 0.5), ([[1, 1], [0, 0]], 1.0), ([[1, NAN], [0, 1]], 0.5)])
def test_check_26_groups_that_teach_nothing_are_counted(rewards: list[list[float]], flat: float) -> None:
    groups = [[rollout(r) for r in group] for group in rewards]
    assert grpo.numbers(config(), groups, 0)["flat_groups"] == flat


def test_long_answers_lose_by_the_tokens_beyond_the_margin() -> None:
    found = grpo.rewards_of(config(overlong=10), [rollout(1.0, said=range(n)) for n in (5, 15, 20)])
    assert found.tolist() == pytest.approx([1.0, 0.5, 0.0])


def test_updates_take_whole_groups_and_add_up_to_the_whole() -> None:
    groups = [[rollout(float(r)) for r in rewards] for rewards in ((1, 0, 1), (0, 0, 1), (1, 1, 1), (1, 0, 0))]
    whole, parts = flat_data(grpo.datums(config(), groups)), grpo.datums(config(updates=2), groups)
    assert [len(p) for p in parts] == [6, 3]
    for part in parts:
        assert float(sum(d.streams["advantages"].sum() for d in part)) == pytest.approx(0, abs=1e-6), "a group is never split"
    total = sum(d.streams["advantages"] for d in whole)
    np.testing.assert_allclose(sum(d.streams["advantages"] for p in parts for d in p) / 2, total, atol=1e-7)
    assert len(grpo.datums(config(updates=9), groups)) == 3


@pytest.mark.parametrize("variant", ["dapo", "cispo", "reinforce++"])
def test_denominators_count_every_answer_that_was_judged(variant: str) -> None:
    """Also one of advantage 0, and those of groups without a difference; with and without a KL penalty alike."""
    middle = [[rollout(r) for r in (0.0, 0.5, 1.0)], [rollout(1.0) for _ in range(3)], [rollout(NAN), rollout(1.0), rollout(1.0)]]
    kl = {"kl": 1e-6} if variant != "gspo" else {}
    plain, held = (flat_data(grpo.datums(config(variant=variant, **more), middle)) for more in ({}, kl))
    tokens = 2 * (3 + 3 + 2)
    for data in (plain, held):
        assert {round(float(d.streams["weights"].max()) * tokens, 5) for d in data} == {1.0}
    assert len(held) == 8
    largest = [max(float(d.streams["advantages"].max()) for d in data) for data in (plain, held)]
    assert largest[0] == pytest.approx(largest[1])


def test_a_penalty_alone_is_no_signal() -> None:
    assert grpo.datums(config(kl=0.1), [[rollout(1.0)] * 3, [rollout(0.0)] * 3]) == []
    assert "grader" in grpo.why_nothing([[rollout(NAN)] * 2])
    assert "worth the same" in grpo.why_nothing([[rollout(NAN), rollout(1.0)]])


# -- answers in several turns -----------------------------------------------------------------------------------------


def walked(reward: float, *said: tuple[int, float | None, str | None]) -> Rollout:
    """A rollout in which a tool speaks between turns: of each turn its tokens, what it was paid, and the state before it."""
    parts = [Segment(role="user", ids=np.array([1, 2, 3], np.int32))]
    for turn, (tokens, paid, state) in enumerate(said, 1):
        ids, logprobs = np.full(tokens, 10 + turn, np.int32), np.full(tokens, -1.0, np.float32)
        parts.append(Segment(role="assistant", ids=ids, logprobs=logprobs, turn=turn, reward=paid, state=state))
        parts.append(Segment(role="tool", ids=np.array([99, 98], np.int32), turn=turn))
    score = Score(value=reward, reason="")
    return Rollout(example=Example(messages=()), segments=tuple(parts[:-1]), answer="", stop_reason="stop", score=score)


def test_check_11_what_tools_say_between_turns_has_no_weight() -> None:
    groups = [[walked(1.0, (2, 0.5, None), (3, 0.5, None)), walked(0.0, (1, 0.0, None), (4, 0.0, None))]]
    for variant in VARIANTS:
        for d in flat_data(grpo.datums(config(variant=variant), groups)):
            drawn = (d.streams["targets"] >= 10) & (d.streams["targets"] < 90)
            for name in ("weights", "advantages", "logprobs"):
                assert (d.streams[name][~drawn] == 0).all(), (variant, name)
                assert (d.streams[name][drawn] != 0).all(), (variant, name)


def test_each_turn_has_its_own_advantage() -> None:
    groups = [[walked(1.0, (2, 1.0, None), (3, 0.0, None)), walked(0.5, (1, 0.0, None), (4, 0.5, None))]]
    (first, second) = flat_data(grpo.datums(config(), groups))
    share = 1 / (2 * 20)
    assert first.streams["targets"].tolist() == [2, 3, 11, 11, 99, 98, 12, 12, 12]
    assert first.streams["advantages"].tolist() == pytest.approx([0, 0, *[0.25 * share] * 2, 0, 0, *[-0.25 * share] * 3])
    assert second.streams["advantages"].tolist() == pytest.approx([0, 0, -0.25 * share, 0, 0, *[0.25 * share] * 4])
    whole = flat_data(grpo.datums(config(credit="outcome"), groups))
    assert whole[0].streams["advantages"].tolist() == pytest.approx([0, 0, *[0.25 * share] * 2, 0, 0, *[0.25 * share] * 3])


def test_every_rollout_counts_once_however_many_turns_it_has() -> None:
    groups = [[walked(1.0, (2, None, None)), walked(0.0, *[(3, None, None)] * 5)], [rollout(1.0), rollout(0.0)]]
    total = {
        variant: [float(d.streams["weights"].sum()) for d in flat_data(grpo.datums(config(variant=variant), groups))]
        for variant in ("dr_grpo", "grpo", "dapo")
    }
    assert total["grpo"] == pytest.approx([1 / 4] * 4)
    assert total["dr_grpo"] == pytest.approx([n / (4 * 20) for n in (2, 15, 2, 2)])
    assert total["dapo"] == pytest.approx([n / 21 for n in (2, 15, 2, 2)])


def test_what_the_turns_tell_decides_how_credit_is_divided() -> None:
    plain = [[walked(1.0, (2, None, None), (2, None, None)), walked(0.0, (2, None, None), (2, None, None))]]
    paid = [[walked(1.0, (2, 0.5, None), (2, 0.5, None)), walked(0.0, (2, 0.0, None), (2, 0.0, None))]]
    named = [[walked(1.0, (2, 0.5, "a"), (2, 0.5, "b")), walked(0.0, (2, 0.0, "a"), (2, 0.0, "b"))]]
    kinds = [grpo.credit_of(config(), groups) for groups in (plain, paid, named)]
    assert kinds == ["outcome", "return_to_go", "anchors"]
    assert grpo.credit_of(config(credit="states"), named) == "states"
    assert grpo.credit_of(config(variant="gspo"), named) == "outcome"
    for own in ("states", "anchors", "values"):
        assert grpo.credit_of(config(credit=own), [[walked(1.0, (2, None, None))]]) == "outcome", (
            "a step whose answers all had one turn ends no run"
        )
    for own, needed in (("anchors", "has state keys"), ("values", "forks")):
        with pytest.raises(ConfigError, match=needed):
            grpo.credit_of(config(credit=own), paid)


def test_potentials_of_a_process_grader_teach_and_cancel() -> None:
    def graded(reward: float, *grades: float) -> Rollout:
        made = walked(reward, *[(1, None, None)] * len(grades))
        left = iter(grades)
        parts = (replace(s, grade=next(left)) if s.logprobs is not None else s for s in made.segments)
        return replace(made, segments=tuple(parts))

    groups = [[graded(1.0, 0.5, 0.0), graded(1.0, -0.5, 0.0)]]
    (good, bad) = (d.streams["advantages"] * 40 for d in flat_data(grpo.datums(config(), groups)))
    assert good[good != 0].tolist() == pytest.approx([-0.5]), "only what follows the good turn is below what it promised"
    assert bad[bad != 0].tolist() == pytest.approx([0.5])
    raw = [d.streams["advantages"] * 40 for d in flat_data(grpo.datums(config(shaping="raw"), groups))]
    assert raw[0][raw[0] != 0].tolist() == pytest.approx([0.5]), "a bonus is earned by its turn"


def test_a_long_turn_loses_not_a_long_walk() -> None:
    walks = [walked(1.0, (9, None, None), (9, None, None)), walked(1.0, (15, None, None))]
    assert grpo.rewards_of(config(overlong=10), walks).tolist() == pytest.approx([1.0, 0.5])


@pytest.fixture(scope="module")
def drawn(tiny_model: Any) -> tuple[Policy, list[list[Rollout]]]:
    """A policy, and rollouts that it drew itself, graded by the parity of their first token."""
    engine = Host.open(tiny_model, choices=CHOICES)
    policy = Policy(engine, engine.create(LoraSpec(rank=4)))
    groups = []
    for n in range(3):
        asked = [5 + n, 9, 11]
        params = SamplingParams(samples=4, limit_tokens=6, seed=n, stop_ids=())
        (samples,) = engine.sample([asked], params, route=policy.adapter).result()
        groups.append(
            [
                Rollout(
                    example=Example(messages=()),
                    segments=(
                        Segment(role="user", ids=np.array(asked, np.int32)),
                        Segment(role="assistant", ids=s.ids[: 2 + i], logprobs=s.logprobs[: 2 + i], turn=1),
                    ),
                    answer="",
                    stop_reason="length",
                    score=Score(value=float((i + n) % 2), reason=""),
                )
                for i, s in enumerate(samples)
            ]
        )
    return policy, groups


def gradient(policy: Policy, data: Sequence[Datum], loss: str, settings: dict[str, float]) -> np.ndarray:
    assert policy.adapter is not None
    policy.forward_backward(data, loss, settings).result()
    flat = policy.engine.bank.get(policy.adapter).flat.grad.clone().numpy()  # type: ignore[attr-defined]
    policy.engine.clear_gradient(policy.adapter)
    return flat


def test_on_its_own_answers_every_clipped_variant_is_reinforce(drawn: tuple[Policy, list[list[Rollout]]]) -> None:
    policy, groups = drawn
    for variant in ("dr_grpo", "grpo", "dapo", "cispo", "rloo", "reinforce++"):
        own = config(variant=variant)
        data = flat_data(grpo.datums(own, groups))
        likelihood = [Datum(d.chunks, {"targets": d.streams["targets"], "weights": d.streams["advantages"]}) for d in data]
        wanted = gradient(policy, likelihood, "cross_entropy", {})
        np.testing.assert_allclose(gradient(policy, data, *own.loss), wanted, atol=2e-6 * np.abs(wanted).max(), err_msg=variant)


def test_check_23_the_gap_is_that_of_the_log_probabilities(drawn: tuple[Policy, list[list[Rollout]]]) -> None:
    policy, groups = drawn
    data = flat_data(grpo.datums(config(), groups))
    found = policy.forward_backward(data, *config().loss).result()
    policy.engine.clear_gradient(policy.adapter)  # type: ignore[arg-type]
    assert grpo.gap(data, found)["gap_max"] < 1e-4
    shifted = [
        Datum(d.chunks, {**d.streams, "logprobs": d.streams["logprobs"] - 0.25 * (d.streams["weights"] > 0)}) for d in data
    ]
    assert grpo.gap(shifted, found)["gap"] == pytest.approx(0.25, abs=1e-4)


def test_check_23_a_sampler_that_differs_is_corrected_for(drawn: tuple[Policy, list[list[Rollout]]]) -> None:
    """The trainer's own log-probabilities become the old policy's, and tokens that the sampler made too likely weigh less."""
    policy, groups = drawn
    (data,) = grpo.datums(config(), groups)
    shift = [np.where(d.streams["weights"] > 0, np.float32(0.5), np.float32(0)) for d in data]
    wrong = [Datum(d.chunks, {**d.streams, "logprobs": d.streams["logprobs"] + s}) for d, s in zip(data, shift, strict=True)]
    log = Log()
    made = grpo.corrected(config(correction="tokens"), wrong, policy, log)  # type: ignore[arg-type]
    for d, m in zip(data, made, strict=True):
        np.testing.assert_allclose(m.streams["logprobs"], d.streams["logprobs"], atol=1e-5)
        np.testing.assert_allclose(m.streams["advantages"], d.streams["advantages"] * math.exp(-0.5), atol=1e-7)
    assert log.numbers["kept_weight"] == pytest.approx(1.0, abs=1e-4), "all weigh the same"
    assert (log.numbers["gap"], log.numbers["gap_max"]) == pytest.approx((0.5, 0.5), abs=1e-3)
    assert log.numbers["sampler_kl"] == pytest.approx(math.exp(-0.5) - 1 + 0.5, abs=1e-3)
    whole = grpo.corrected(config(variant="gspo", correction="tokens"), wrong, policy, log)  # type: ignore[arg-type]
    np.testing.assert_allclose(whole[0].streams["advantages"], data[0].streams["advantages"])


class Log:
    """A step that only remembers what it is told."""

    def __init__(self) -> None:
        self.numbers: dict[str, float] = {}

    def log(self, result: object, **numbers: float) -> None:
        self.numbers |= numbers


@pytest.mark.parametrize("kind", ["tokens", "mask_tokens", "sequence", "mask_sequence", "geometric"])
def test_a_correction_of_a_sampler_that_agrees_changes_nothing(kind: str, drawn: tuple[Policy, list[list[Rollout]]]) -> None:
    policy, groups = drawn
    (data,) = grpo.datums(config(), groups)
    exact = [np.asarray(f.logprobs, np.float32) for f in policy.forward(data).result()]
    data = [
        Datum(d.chunks, {**d.streams, "logprobs": np.where(d.streams["weights"] > 0, own, np.float32(0))})
        for d, own in zip(data, exact, strict=True)
    ]
    log = Log()
    made = grpo.corrected(config(correction=kind), data, policy, log)  # type: ignore[arg-type]
    for d, m in zip(data, made, strict=True):
        assert {name: s.tobytes() for name, s in m.streams.items()} == {name: s.tobytes() for name, s in d.streams.items()}
    assert log.numbers == {"gap": 0.0, "gap_max": 0.0, "sampler_kl": 0.0, "kept_weight": 1.0}


def test_check_23_answers_that_the_trainer_would_not_give_are_left_out(drawn: tuple[Policy, list[list[Rollout]]]) -> None:
    policy, groups = drawn
    (data,) = grpo.datums(config(), groups)
    mask = data[0].streams["weights"] > 0
    wrong = [
        Datum(data[0].chunks, {**data[0].streams, "logprobs": data[0].streams["logprobs"] + np.float32(2) * mask}),
        *data[1:],
    ]
    log = Log()
    made = grpo.corrected(config(correction="mask_sequence"), wrong, policy, log)  # type: ignore[arg-type]
    assert [d.streams["set"][0] for d in made] == [d.streams["set"][0] for d in data[1:]]
    for m, d in zip(made, data[1:], strict=True):
        np.testing.assert_allclose(m.streams["advantages"], d.streams["advantages"], rtol=1e-4)
    assert log.numbers["gap_max"] == pytest.approx(2.0, abs=1e-4), "the alarm sees what is left out"
    held = grpo.corrected(config(correction="mask_sequence", kl=0.1), wrong, policy, log)  # type: ignore[arg-type]
    assert len(held) == len(data), "a penalty holds all answers"
    whole = grpo.corrected(config(correction="mask_sequence", variant="gspo"), wrong, policy, log)  # type: ignore[arg-type]
    assert len(whole) == len(data) - 1


def test_check_27_the_ratio_is_to_the_policy_that_drew(
    drawn: tuple[Policy, list[list[Rollout]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Through several updates on the same answers, none of which computes them anew; and every token tells who drew it."""
    policy = Policy(drawn[0].engine, drawn[0].engine.create(LoraSpec(rank=4)))
    given: list[Datum] = []
    plain = Policy.forward_backward

    def record(self: Policy, data: Sequence[Datum], *rest: Any) -> Any:
        given.extend(data)
        return plain(self, data, *rest)

    monkeypatch.setattr(Policy, "forward_backward", record)
    versions: list[int] = []

    class Step(Log):
        index = 0

        def roll_out(self, policy: Policy, *, samples: int, refill: int) -> list[list[Rollout]]:
            assert policy.adapter is not None
            params = SamplingParams(samples=samples, limit_tokens=4, seed=len(versions), stop_ids=())
            asked = [[5, 9], [6, 9]]
            found = policy.engine.sample(asked, params, route=policy.adapter).result()
            versions.extend(s.weight_version for group in found for s in group)
            return [[answered(float(n % 2), q, s) for n, s in enumerate(g)] for q, g in zip(asked, found, strict=True)]

    class Run:
        def steps(self, n: int) -> list[Step]:
            return [Step() for _ in range(n)]

    class Models:
        pass

    models = Models()
    models.policy = policy  # type: ignore[attr-defined]
    for correction in ("none", "tokens"):
        versions.clear()
        given.clear()
        before = policy.engine.sample([[1]], SamplingParams(limit_tokens=1), route=policy.adapter).result()[0][0].weight_version
        own = config(correction=correction, updates=2, group=4, steps=2, learning_rate=0.5, warmup=0.0)
        grpo.train(own, models, Run())  # type: ignore[arg-type]
        assert versions == [before] * 8 + [before + 2] * 8, "versions count updates, and not requests"
        for n, d in enumerate(given):
            mask = d.streams["weights"] > 0
            said = DRAWN[(*d.chunks[0].tokens.tolist(), int(d.streams["targets"][-1])), versions[0] if n < 8 else versions[-1]]
            np.testing.assert_allclose(d.streams["logprobs"][mask], said, atol=1e-4)
    assert len(given) == 16


DRAWN: dict[tuple[tuple[int, ...], int], np.ndarray] = {}
"""By tokens and version: what they were drawn with."""


def answered(reward: float, asked: Sequence[int], sample: Sample) -> Rollout:
    DRAWN[(*asked, *sample.ids.tolist()), sample.weight_version] = sample.logprobs
    segments = (
        Segment(role="user", ids=np.array(asked, np.int32)),
        Segment(role="assistant", ids=sample.ids, logprobs=sample.logprobs, turn=1, weight_version=sample.weight_version),
    )
    score = Score(value=reward, reason="")
    return Rollout(example=Example(messages=()), segments=segments, answer="", stop_reason="length", score=score)


def test_check_27_what_other_weights_drew_is_not_computed_anew() -> None:
    def at(*versions: int) -> list[list[Rollout]]:
        made = walked(1.0, *[(2, None, None)] * len(versions))
        left = iter(versions)
        parts = (replace(s, weight_version=next(left)) if s.logprobs is not None else s for s in made.segments)
        return [[replace(made, segments=tuple(parts))]]

    grpo.drawn_by(at(3, 3), 3)
    grpo.drawn_by(at(3), None)
    for groups, version in ((at(2), 3), (at(2, 3), None), (at(3, 2), 3)):
        with pytest.raises(ConfigError, match="cannot be computed any more"):
            grpo.drawn_by(groups, version)


def test_the_denominators_do_not_see_how_a_batch_is_split(drawn: tuple[Policy, list[list[Rollout]]]) -> None:
    policy, groups = drawn
    data = flat_data(grpo.datums(config(variant="dapo"), groups))
    name, settings = config(variant="dapo").loss
    whole = gradient(policy, data, name, settings)
    for d in data:
        policy.forward_backward([d], name, settings).result()
    apart = policy.engine.bank.get(policy.adapter).flat.grad.clone().numpy()  # type: ignore[attr-defined]
    policy.engine.clear_gradient(policy.adapter)  # type: ignore[arg-type]
    np.testing.assert_allclose(apart, whole, atol=1e-6 * np.abs(whole).max())


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"rehearse": "world"}, "rehearse is not read"),
        ({"stream": True}, "stream is not read"),
        ({"long_rows": "split"}, "long_rows is not read"),
        ({"kl": 0.1, "variant": "gspo"}, "kl is not read"),
        ({"kl": 0.1, "method": "full"}, "kl needs the model"),
        ({"dual_clip": 3.0, "variant": "cispo"}, "dual_clip is not read"),
        ({"dual_clip": 0.5}, "above 1"),
        ({"clip_low": 0.1, "variant": "rloo"}, "are not read"),
        ({"credit": "anchors", "variant": "gspo"}, "weighs whole answers"),
        ({"credit": "outcome", "discount": 0.9}, "discount is not read"),
        ({"limit_tokens": 64}, "limit_tokens is not read"),
        ({"overlong": 64}, "more than the longest answer"),
        ({"temperature": 0.7}, "temperature"),
        ({"group": 1}, "group"),
        ({"variant": "ppo"}, "variant"),
    ],
)
def test_what_nothing_would_read_is_refused(changes: dict[str, Any], why: str) -> None:
    with pytest.raises(ConfigError, match=why):
        config(**changes)
