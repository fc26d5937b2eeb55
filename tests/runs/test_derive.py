"""Derived settings: the rules, their reasons, and that completing twice is completing once."""

from __future__ import annotations

import datetime
import math
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from burnish.errors import ConfigError
from burnish.recipes.grpo import GRPO
from burnish.recipes.sft import SFT
from burnish.runs.derive import Facts, derive, measured
from burnish.tasks import ready
from burnish.tasks.environment import Limits, OneAnswer
from burnish.tasks.library import calculator

FACTS = {
    "tokens": 20_000,
    "family": "llama",
    "hidden": 2000,
    "max_positions": 4096,
    "lora_parameters": lambda rank: 100_000 * rank,
    "rows": 2000,
    "longest": 300,
    "target_tokens": 100_000,
    "bits_per_target": 2.0,
    "held_out": 150,
    "valid_share": 0.1,
    "longest_answer": 60,
    "grader": "exact",
    "grader_why": "short",
    "date": datetime.date(2026, 1, 2),
    "streamed": False,
    "streamed_why": "it is small",
}


def derived(facts: dict | None = None, **given):
    return derive(SFT.load(base={"model": "m", "data": "d", **given}), Facts(**{**FACTS, **(facts or {})}))


def test_answers_to_a_ready_task_have_the_room_that_the_task_gives():
    task = ready.get("refusals")
    d = derive(SFT.load(base={"model": "m", "data": "refusals"}), Facts(**FACTS))
    assert d.config.eval_tokens == task.limit_tokens != derived().config.eval_tokens
    assert "refusals" in next(x.why for x in d.derived if x.key == "eval_tokens")
    asked = derive(SFT.load(base={"model": "m", "data": "refusals", "eval_tokens": 7}), Facts(**FACTS))
    assert asked.config.eval_tokens == 7


class Talk(OneAnswer):
    named, paid = False, True

    @property
    def pays(self) -> bool:
        return self.paid

    def state_key(self) -> str | None:
        return "here" if self.named else None


class Named(Talk):
    named = True


class Stuck(Talk):
    def state_key(self) -> str | None:
        raise ValueError("no key")


@dataclass(frozen=True)
class Of:
    make: type[OneAnswer]
    limits: Limits = field(default_factory=Limits)

    def open(self) -> OneAnswer:
        return self.make()


@pytest.mark.parametrize(
    ("setting", "given", "kind", "why"),
    [
        (None, {}, "outcome", "one turn"),
        (Of(Named), {}, "anchors", "names its states"),
        (Of(Talk), {}, "return_to_go", "may pay"),
        (Of(Named, Limits(turns=1)), {}, "outcome", "one turn"),
        (Of(Named), {"variant": "gspo"}, "outcome", "whole answers"),
        (calculator.SETTING, {}, "outcome", "not paid"),
    ],
)
def test_credit_is_settled_by_what_the_environment_says_of_itself(monkeypatch, setting, given, kind, why):
    task = replace(calculator.make(), environment=setting)
    monkeypatch.setattr(ready, "find", lambda name: task)
    config = GRPO.load(base={"model": "m", "data": "calculator", **given})
    d = derive(config, Facts(**FACTS))
    assert isinstance(d.config, GRPO)
    assert d.config.credit == kind
    assert why in next(x.why for x in d.derived if x.key == "credit")
    assert derive(GRPO.load(base=d.config.model_dump(mode="json")), Facts(**FACTS)).config == d.config
    discounted = GRPO.load(base={"model": "m", "data": "calculator", "discount": 0.9, **given})
    if kind == "outcome":
        with pytest.raises(ConfigError, match="discount is not read"):
            derive(discounted, Facts(**FACTS))
    else:
        assert derive(discounted, Facts(**FACTS)).config == d.config.model_copy(update={"discount": 0.9})


@pytest.mark.parametrize(("steps", "every"), [(3, 3), (12, 5), (50, 5), (100, 10)])
def test_runs_that_ask_are_not_measured_at_every_step(steps, every):
    config = derive(GRPO.load(base={"model": "m", "data": "arithmetic", "steps": steps}), Facts(**FACTS)).config
    assert config.evaluate_every == every


def test_an_environment_that_does_not_start_is_refused_before_the_run(monkeypatch):
    monkeypatch.setattr(ready, "find", lambda name: replace(calculator.make(), environment=Of(Stuck)))
    with pytest.raises(ConfigError, match="cannot be started") as caught:
        derive(GRPO.load(base={"model": "m", "data": "calculator"}), Facts(**FACTS))
    assert "no key" in caught.value.seen


def test_everything_is_derived_with_a_reason_and_once():
    d = derived()
    c, more = measured(d.config, choices={"threads": 2, "dtype": "float32", "device": "cpu"}, step_s=0.5, checkpoint_bytes=10**7)
    assert [k for k, v in c.model_dump().items() if v is None] == ["valid", "rehearse", "cooldown"]
    assert c.lora.rank == 32
    assert all(len(x.why) > 3 for x in (*d.derived, *more))
    again = derive(c, Facts(**FACTS))
    assert again.config == c
    assert again.derived == ()
    assert measured(c, choices={"threads": 9, "dtype": "x", "device": "y"}, step_s=9, checkpoint_bytes=1) == (c, ())


@pytest.mark.parametrize(
    ("facts", "given", "rate"),
    [
        ({"hidden": 2000}, {}, 5e-4),
        ({"hidden": 1000}, {}, 5e-4 * 2**0.781),
        ({"hidden": 1000, "family": "qwen3"}, {}, 5e-4 * 2**0.0775),
        ({"hidden": 2000}, {"method": "full"}, 5e-5),
        ({"hidden": 2000}, {"steps": 99}, 7.5e-4),
        ({"hidden": 2000}, {"steps": 99, "method": "full"}, 7.5e-5),
        ({"hidden": 16}, {}, 5e-3),
    ],
)
def test_learning_rate(facts, given, rate):
    assert derived(facts, **given).config.learning_rate == pytest.approx(rate, rel=5e-3)


def test_rank_grows_until_the_answers_fit_and_says_when_they_do_not():
    assert derived({"bits_per_target": 40.0}).config.lora.rank == 64
    assert derived({"bits_per_target": 40.0}).warnings == ()
    beyond = derived({"bits_per_target": 1000.0})
    assert beyond.config.lora.rank == 256
    assert "by heart" in beyond.warnings[0]
    assert derived({"hidden": 64, "bits_per_target": 1000.0}).config.lora.rank == 32
    assert derived({"hidden": 8}).config.lora.rank == 8
    assert derived({"bits_per_target": 1000.0}, method="full").warnings == ()


@pytest.mark.parametrize(
    ("rows", "epochs", "batch"), [(9, 20, 4), (100, 4, 4), (400, 3, 8), (2000, 3, 32), (8000, 2, 32), (50_000, 1, 32), (2, 20, 2)]
)
def test_epochs_batch_and_steps(rows, epochs, batch):
    c = derived({"rows": rows}).config
    assert (c.epochs, c.batch, c.steps) == (epochs, batch, math.ceil(rows * epochs / batch))


def test_steps_decide_instead_of_epochs():
    c = derived(steps=10, batch=8).config
    assert (c.steps, c.epochs) == (10, 1)
    with pytest.raises(ConfigError, match="contradict"):
        derived(steps=1000, epochs=1)


def test_given_settings_stay_and_are_not_called_derived():
    d = derived(learning_rate=0.1, lora={"rank": 3}, batch=64, limit_tokens=99, grader="none")
    assert (d.config.learning_rate, d.config.lora.rank, d.config.batch, d.config.limit_tokens) == (0.1, 3, 64, 99)
    assert not {"learning_rate", "lora.rank", "batch", "limit_tokens", "grader"} & {x.key for x in d.derived}
    assert any("batches" in w for w in d.warnings)


def test_checkpoints_cost_less_than_a_twentieth():
    choices = {"threads": 2, "dtype": "float32", "device": "cpu"}
    c, _ = measured(derived({"rows": 10**6}).config, choices=choices, step_s=0.1, checkpoint_bytes=20_000_000_000)
    assert c.checkpoint_every
    assert c.checkpoint_every * 0.1 >= 20 * 100


def test_settings_beyond_sense_are_pointed_out():
    assert any("several times over" in w for w in derived(batch=2001, steps=1).warnings)
    assert not any("several times over" in w for w in derived(batch=2000, steps=1).warnings)
    assert any("rank of 2001" in w for w in derived(lora={"rank": 2001}).warnings)
    assert not any("rank of" in w for w in derived(lora={"rank": 2000}).warnings)


@pytest.mark.parametrize(
    ("given", "updates"),
    [({}, 8), ({"batch": 24}, 4), ({"batch": 5}, 1), ({"batch": 480}, 8), ({"variant": "rloo"}, 1), ({"updates": 3}, 3)],
)
def test_the_answers_of_a_step_are_learned_from_in_several_updates(given: dict[str, Any], updates: int):
    config = derive(GRPO.load(base={"model": "m", "data": "arithmetic", **given}), Facts(**FACTS)).config
    assert isinstance(config, GRPO)
    assert config.updates == updates
