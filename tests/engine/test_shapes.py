"""The check of shapes itself: it sees calls, and refuses what a signature does not allow."""

from __future__ import annotations

import pytest
import torch
from shapes import modules, stated

from burnish.engine import attention, draw, head, losses, matmul, ops
from burnish.engine.attention import AttentionForm
from burnish.engine.ops import Weight


def test_calls_are_checked_where_the_function_is_used(shape_calls: dict[str, int]) -> None:
    before = shape_calls["burnish.engine.matmul.nt"]
    ops.linear(torch.zeros(2, 3), Weight(torch.zeros(4, 3)))
    assert shape_calls["burnish.engine.matmul.nt"] == before + 1


def test_sizes_of_one_letter_agree() -> None:
    q, k = torch.zeros(5, 4, 8), torch.zeros(5, 2, 8)
    attention.packed_attention(q, k, k, [5], AttentionForm())
    with pytest.raises(AssertionError, match="v_NGE is not"):
        attention.packed_attention(q, k, torch.zeros(5, 4, 8), [5], AttentionForm(together=True))


def test_kinds_of_numbers_are_checked() -> None:
    with pytest.raises(AssertionError, match="hidden_PD is not"):
        head.logits_of(torch.zeros(2, 3, dtype=torch.int64), Weight(torch.zeros(4, 3)))


def test_losses_give_one_number_back(shape_calls: dict[str, int]) -> None:
    name = "burnish.engine.losses.tokens._cross_entropy"
    before = shape_calls[name]
    loss = losses.find("cross_entropy", {})
    assert loss.value(torch.zeros(3), {"weights": torch.ones(3)}, {}).shape == ()
    assert loss.value(torch.zeros(3, 2), {"weights": torch.ones(3, 2)}, {}).shape == ()
    assert shape_calls[name] == before + 2


def test_every_public_function_on_tensors_states_their_shapes() -> None:
    """What takes a tensor under a name that ends in its shape says the shape in its signature too."""
    silent = []
    for module in (attention, draw, head, matmul, ops):
        for name, function in vars(module).items():
            if name.startswith("_") or getattr(function, "__module__", "") != module.__name__ or not callable(function):
                continue
            plain = getattr(function, "__wrapped__", function)
            tensors = [a for a in getattr(plain, "__annotations__", {}).values() if str(a) == "torch.Tensor"]
            if tensors and not isinstance(function, type) and not stated(plain):
                silent.append(f"{module.__name__}.{name}")
    assert silent == []
    assert len(modules()) > 20
