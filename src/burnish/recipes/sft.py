"""Supervised fine-tuning: raise the likelihood of the answers in the data, token by token.

    loss = - sum_t w_t log pi(x_t | x_<t) / sum_t w_t        over all target tokens of one optimiser batch

The denominator is the batch's whole target weight, never that of a sequence or of a micro-batch, so the loss and its
gradient do not depend on how the engine splits or packs the batch. Full fine-tuning or LoRA. Assumes that every Datum of a
batch carries its own token weights, without a denominator.
"""

from __future__ import annotations

from typing import Literal

from burnish.protocols import Models, Run
from burnish.recipes.training import Training, mean_over_targets


class SFT(Training):
    """Supervised fine-tuning. Only `model` and `data` are required; what is None is derived and printed with its reason."""

    recipe: Literal["sft"] = "sft"  # pyright: ignore[reportIncompatibleVariableOverride]
    """The method that this file configures."""


def train(config: SFT, models: Models, run: Run) -> None:
    """Train `models.policy` on the batches of `run`."""
    assert config.steps is not None, "the config is not resolved"
    policy = models.policy
    for step in run.steps(config.steps):
        step.log(policy.forward_backward(mean_over_targets(step.batch), "cross_entropy").result())
        step.log(policy.optim_step(config.adam(step.index)).result(), learning_rate=config.rate(step.index))
