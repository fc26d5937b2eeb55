"""Check 28: a router chooses the same experts for a token when it is drawn, alone, and when it is learned from, in a pack."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from helpers import NATIVE, open_host

from burnish.engine import ops
from burnish.engine.experts import Mixture
from burnish.types import Datum, SamplingParams

EXPERTS = ("qwen3-moe", "olmoe", "mixtral", "gpt-oss")
Choices = dict[int, list[list[int]]]


@pytest.fixture
def chosen(monkeypatch: pytest.MonkeyPatch) -> Choices:
    """The experts of every row that passes through each layer's mixture, in order."""
    found: Choices = defaultdict(list)
    plain = Mixture.__call__

    def call(self: Mixture, x_ND: torch.Tensor, gated: Callable[[torch.Tensor], torch.Tensor]) -> torch.Tensor:
        with torch.no_grad():
            found[self.router.data.data_ptr()] += (
                ops.linear(x_ND, self.router).float().topk(self.chosen, -1)[1].sort(-1)[0].tolist()
            )
        return plain(self, x_ND, gated)

    monkeypatch.setattr(Mixture, "__call__", call)
    return found


@pytest.mark.parametrize("changes", [{}, NATIVE], ids=["aten", "native"])
@pytest.mark.parametrize("name", EXPERTS)
def test_check_28_sampler_and_trainer_route_alike(
    name: str, changes: dict[str, Any], family_dirs: dict[str, Path], chosen: Choices
) -> None:
    host = open_host(family_dirs[name], **changes)
    adapter, asked = host.create_full(), [5, 9, 11, 40, 3]
    for seed in range(3):
        chosen.clear()
        params = SamplingParams(limit_tokens=24, seed=seed, stop_ids=())
        ((sample,),) = host.sample([asked], params, route=adapter).result()
        drawn = {layer: rows.copy() for layer, rows in chosen.items()}
        chosen.clear()
        weights = np.array([0.0] * len(asked) + [1.0] * 24, np.float32)
        found = host.forward_backward([Datum.from_tokens([*asked, *sample.ids], weights)], route=adapter).result()
        host.clear_gradient(adapter)
        assert len(drawn) == host.arch.layers
        assert len({tuple(row) for rows in drawn.values() for row in rows}) > 2, "routers choose"
        for layer, rows in drawn.items():
            assert len(rows) >= 24  # the last layer does not compute what is only read
            assert rows == chosen[layer][-len(rows) :], "the same experts, token by token"
        np.testing.assert_allclose(found.logprobs[0][-24:], sample.logprobs, atol=1e-4)
