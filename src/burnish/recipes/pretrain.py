"""Pre-training: raise the likelihood of plain text, every token of it. From random weights, or continued from any model.

    loss = - sum_t log pi(x_t | x_<t) / T        over the T tokens of one optimiser batch

Every text is a sequence of its own and sees no other; one longer than the context is split. The learning rate is held and falls
at the end (warm-up, stable, decay: Hu et al. 2024, arXiv 2404.06395), so that a run can be made longer without having been
planned longer; AdamW's numbers are those of GPT-3 (Brown et al. 2020, arXiv 2005.14165). Trains every weight unless told
otherwise, because new text asks for more than an adapter holds.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from burnish.protocols import Models, Run
from burnish.recipes.training import Positive, Share, Training, mean_over_targets


class Pretrain(Training):
    """Pre-training, or continued pre-training, on plain text. Only `model` and `data` are required."""

    recipe: Literal["pretrain"] = "pretrain"  # pyright: ignore[reportIncompatibleVariableOverride]
    """The method that this file configures."""
    method: Literal["lora", "full"] = "full"
    """Train every weight of the model, or an adapter over the frozen model."""
    data: str  # pyright: ignore[reportGeneralTypeIssues]
    """The file with the texts."""
    batch: Positive | None = None
    """Rows per optimiser step. Derived: as many as hold about 8,192 tokens."""
    epochs: Positive | None = None
    """Passes over the data. Derived: 1."""
    long_rows: Literal["cut", "split"] = "split"
    """What becomes of a text longer than `limit_tokens`: it is split into several rows, or its end is cut off."""
    schedule: Literal["linear", "cosine", "constant", "wsd"] = "wsd"
    """How the learning rate falls from its peak to zero; "wsd" holds it until the last `cooldown` of the steps."""
    warmup: Share = 0.02
    """Share of the steps over which the learning rate rises."""
    weight_decay: Annotated[float, Field(ge=0)] = 0.1
    """Decoupled weight decay."""
    beta2: Share = 0.95
    """Adam: decay of the mean of squared gradients."""
    patience: Annotated[int, Field(ge=0)] = 0
    """Stop after this many measurements of held-out loss in a row without a new best; 0 never stops. The best step is kept."""


def train(config: Pretrain, models: Models, run: Run) -> None:
    """Train `models.policy` on the batches of `run`."""
    assert config.steps is not None, "the config is not resolved"
    policy = models.policy
    for step in run.steps(config.steps):
        step.log(policy.forward_backward(mean_over_targets(step.batch), "cross_entropy").result())
        step.log(policy.optim_step(config.adam(step.index)).result(), learning_rate=config.rate(step.index))
