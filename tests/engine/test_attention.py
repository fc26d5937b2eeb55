"""Both forms of packed attention against the plain formula, values and gradients, across block boundaries."""

from __future__ import annotations

import pytest
import torch

from burnish.engine import matmul
from burnish.engine.attention import AttentionForm, packed_attention
from burnish.engine.blocked import BLOCK

LENGTHS = (BLOCK + 70, 1, BLOCK, 2 * BLOCK + 3, 17)
ALIKE = (200, 210, 193, 16, 130, 150, 16, 9, 0, 300, 310, 4, 16, 16, 200)
"""Some that go through the products together, over one block or several, with and without something behind their ends."""


def plain(q: torch.Tensor, k: torch.Tensor, v: torch.Tensor, lengths: tuple[int, ...]) -> torch.Tensor:
    outs = []
    for a, b, c in zip(q.split(lengths), k.split(lengths), v.split(lengths), strict=True):
        b, c = (x.repeat_interleave(q.shape[1] // k.shape[1], 1) for x in (b, c))
        scores = torch.einsum("thd,shd->hts", a, b) * a.shape[-1] ** -0.5
        scores = scores.masked_fill(torch.ones(len(a), len(a), dtype=torch.bool).triu(1), float("-inf"))
        outs.append(torch.einsum("hts,shd->thd", scores.softmax(-1), c))
    return torch.cat(outs)


TOGETHER = AttentionForm(together=True)
FORMS = [(LENGTHS, AttentionForm(limit)) for limit in (0, BLOCK, 10_000)] + [(ALIKE, AttentionForm(10_000))]


@pytest.mark.parametrize(("lengths", "form"), [*FORMS, (LENGTHS, TOGETHER), (ALIKE, TOGETHER)])
@pytest.mark.parametrize(("heads", "groups"), [(4, 4), (6, 2), (3, 1)])
def test_packed_attention_equals_the_formula(lengths: tuple[int, ...], form: AttentionForm, heads: int, groups: int) -> None:
    generator = torch.Generator().manual_seed(0)
    n = sum(lengths)
    shapes = ((n, heads, 16), (n, groups, 16), (n, groups, 16))
    q, k, v = (torch.randn(s, generator=generator).requires_grad_() for s in shapes)
    slope = torch.randn(n, heads, 16, generator=generator)
    expected = plain(q, k, v, lengths)
    wanted = torch.autograd.grad((expected * slope).sum(), (q, k, v))
    out = packed_attention(q, k, v, lengths, form)
    found = torch.autograd.grad((out * slope).sum(), (q, k, v))
    assert torch.allclose(out, expected, atol=1e-5)
    for mine, theirs in zip(found, wanted, strict=True):
        assert float((mine - theirs).norm() / theirs.norm()) < 1e-5


@pytest.mark.parametrize("lengths", [(2,), (129,), (513, 0, 1), LENGTHS])
def test_sequences_that_go_alone_may_be_filled_up(lengths: tuple[int, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    """As they are where products are compiled for each shape."""
    monkeypatch.setattr(matmul, "compiles", lambda device, dtype: True)
    test_packed_attention_equals_the_formula(lengths, AttentionForm(10_000), 6, 2)


@pytest.mark.parametrize("form", [AttentionForm(100), TOGETHER])
def test_a_sequence_is_not_touched_by_a_broken_one_beside_it(form: AttentionForm) -> None:
    generator = torch.Generator().manual_seed(0)
    lengths = (14, 9, 14, 30)
    q, k, v = (torch.randn(sum(lengths), heads, 16, generator=generator) for heads in (6, 2, 2))
    alone = packed_attention(q, k, v, lengths, form)
    for x in (q, k, v):
        x[-30:] = float("nan")
        x[:14] = float("inf")
    beside = packed_attention(q, k, v, lengths, form)
    assert torch.equal(alone[14:37], beside[14:37])


def test_values_that_are_a_part_of_a_wider_matrix_and_a_gradient_that_is_one_number() -> None:
    generator = torch.Generator().manual_seed(0)
    lengths = (12, 16, 9)
    qkv = torch.randn(sum(lengths), 10 * 16, generator=generator).requires_grad_()

    def parts() -> tuple[torch.Tensor, ...]:
        q, k, v = qkv.split([6 * 16, 2 * 16, 2 * 16], -1)
        return q.view(-1, 6, 16), k.view(-1, 2, 16), v.view(-1, 2, 16)

    (wanted,) = torch.autograd.grad(plain(*parts(), lengths).sum(), qkv)
    (found,) = torch.autograd.grad(packed_attention(*parts(), lengths, AttentionForm(100)).sum(), qkv)
    assert torch.allclose(found, wanted, atol=1e-5)
