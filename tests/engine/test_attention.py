"""Both forms of packed attention against the plain formula, values and gradients, across block boundaries."""

from __future__ import annotations

import pytest
import torch

from burnish.engine.attention import BLOCK, AttentionForm, packed_attention

LENGTHS = (BLOCK + 70, 1, BLOCK, 2 * BLOCK + 3, 17)


def plain(q: torch.Tensor, k: torch.Tensor, v: torch.Tensor) -> torch.Tensor:
    outs = []
    for a, b, c in zip(q.split(LENGTHS), k.split(LENGTHS), v.split(LENGTHS), strict=True):
        b, c = (x.repeat_interleave(q.shape[1] // k.shape[1], 1) for x in (b, c))
        scores = torch.einsum("thd,shd->hts", a, b) * a.shape[-1] ** -0.5
        scores = scores.masked_fill(torch.ones(len(a), len(a), dtype=torch.bool).triu(1), float("-inf"))
        outs.append(torch.einsum("hts,shd->thd", scores.softmax(-1), c))
    return torch.cat(outs)


@pytest.mark.parametrize("bmm_limit", [0, BLOCK, 10_000])
@pytest.mark.parametrize(("heads", "groups"), [(4, 4), (6, 2), (3, 1)])
def test_packed_attention_equals_the_formula(bmm_limit: int, heads: int, groups: int) -> None:
    generator = torch.Generator().manual_seed(0)
    n = sum(LENGTHS)
    shapes = ((n, heads, 16), (n, groups, 16), (n, groups, 16))
    q, k, v = (torch.randn(s, generator=generator).requires_grad_() for s in shapes)
    slope = torch.randn(n, heads, 16, generator=generator)
    expected = plain(q, k, v)
    wanted = torch.autograd.grad((expected * slope).sum(), (q, k, v))
    out = packed_attention(q, k, v, LENGTHS, AttentionForm(bmm_limit))
    found = torch.autograd.grad((out * slope).sum(), (q, k, v))
    assert torch.allclose(out, expected, atol=1e-5)
    for mine, theirs in zip(found, wanted, strict=True):
        assert float((mine - theirs).norm() / theirs.norm()) < 1e-5
