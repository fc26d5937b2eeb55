"""`forward` and `forward_backward` as jobs: generators that do one unit of work between two yields.

Losses are sums; nothing is divided here. A token-wise loss is computed unit by unit; a set-wise loss is computed set by set from
log-probabilities, then applied as a weighted likelihood, in the same pass because a set never spans units.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Generator, Mapping, Sequence

import numpy as np
import torch

from burnish.engine import head as head_pass
from burnish.engine import losses, matmul
from burnish.engine.adapters import AdapterBank, pairs
from burnish.engine.decoder import Decoder
from burnish.engine.device import exactly
from burnish.engine.losses import SetLoss, TokenLoss
from burnish.engine.ops import Weight
from burnish.engine.pack import Unit, check_data, gather_streams, make_units, shared_beginnings
from burnish.engine.stems import Shared
from burnish.engine.tokens import Patch
from burnish.errors import CapabilityMissing, LossError
from burnish.types import Datum, LossResult, Outputs, Route

OUTPUTS = ("logprobs", "value", "score", "hidden")


def column(targets: torch.Tensor) -> torch.Tensor:
    return targets[:, None] if targets.dim() == 1 else targets


def _head_of(bank: AdapterBank, route: Route, name: str) -> Weight:
    owners = pairs(route)
    if len(owners) != 1 or owners[0][0].kind != "lora":
        raise CapabilityMissing(f"a {name} needs a row that passes through exactly one adapter with a {name} head")
    return bank.get(owners[0][0]).head(name)


def row_heads(bank: AdapterBank, unit: Unit, name: str) -> list[tuple[slice, Weight]]:
    heads = []
    for row in unit.rows:
        assert isinstance(row.rows, slice)
        heads.append((row.rows, _head_of(bank, row.route, name)))
    return heads


def forward(
    decoder: Decoder,
    bank: AdapterBank,
    data: Sequence[Datum],
    routes: Sequence[Route],
    outputs: Sequence[str],
    unit_tokens: int,
) -> Generator[None, None, list[Outputs]]:
    """What was asked of every Datum, without gradients."""
    unknown = [o for o in outputs if o not in OUTPUTS]
    if unknown:
        raise LossError(f"forward has no output {', '.join(unknown)}", seen=f"known: {', '.join(OUTPUTS)}")
    check_data(data, decoder.arch.vocab, decoder.arch.max_positions)
    results: dict[int, Outputs] = {}
    aligned, shared = decoder.compiles, list[Shared]()
    if decoder.shares:
        targets = "logprobs" in outputs
        shared = shared_beginnings(data, routes, lambda i: data[i].length - 1, aligned=aligned, targets=targets)
    for unit in make_units(data, routes, unit_tokens, device=decoder.device, aligned=aligned, shared=shared):
        patches = bank.patches(unit.rows, unit.layout.size)
        with torch.no_grad():
            hidden = _hidden(decoder, bank, unit, decoder.embed(unit.tokens_N, patches))
            found: dict[str, torch.Tensor] = {}
            if "logprobs" in outputs:
                targets = gather_streams(data, unit, ["targets"], decoder.device)["targets"]
                each = head_pass.target_logprobs(hidden, decoder.head, column(targets), patches)
                found["logprobs"] = each.view(targets.shape)
            for name in ("value", "score"):
                if name in outputs:
                    parts = [matmul.nt(hidden[r], w.data)[:, 0] for r, w in row_heads(bank, unit, name)]
                    found[name] = torch.cat(parts)
            if "hidden" in outputs:
                found["hidden"] = hidden
        arrays = {k: unit.layout.parts(v.to("cpu", torch.float32).numpy()) for k, v in found.items()}
        for n, index in enumerate(unit.order):
            own = {k: v[n] for k, v in arrays.items()}
            score = own.pop("score", None)
            results[index] = Outputs(score=None if score is None else float(score[-1]), **own)
        yield
    return [results[i] for i in range(len(data))]


def _hidden(decoder: Decoder, bank: AdapterBank, unit: Unit, inputs: torch.Tensor) -> torch.Tensor:
    return decoder.forward_packed(inputs, unit.layout.lengths, bank.table(unit.rows), unit.layout.stems)


def _free_of_loss(datum: Datum, loss: TokenLoss | SetLoss) -> int:
    """How many first positions carry no loss: those before the first one that does, or before the last."""
    mask = datum.streams.get(loss.mask) if loss.mask else None
    if mask is None:
        return datum.length - 1
    carries = (mask != 0).reshape(len(mask), -1).any(1)
    return int(carries.argmax()) if carries.any() else datum.length - 1


def forward_backward(
    decoder: Decoder,
    bank: AdapterBank,
    data: Sequence[Datum],
    routes: Sequence[Route],
    loss_name: str,
    loss_config: Mapping[str, float],
    unit_tokens: int,
) -> Generator[None, None, LossResult]:
    """Loss and gradients of every Datum, the gradients added to those of the slots that its row passes through.

    Log-probabilities come back for the positions that carry loss; the others are NaN, because the head never saw them.
    """
    loss = losses.find(loss_name, loss_config)
    config = {**loss.defaults, **loss_config}
    check_data(data, decoder.arch.vocab, decoder.arch.max_positions)
    sets = None
    if isinstance(loss, SetLoss):
        sets = [set_id(d, i) for i, d in enumerate(data)]
        check_sets(loss, loss_name, sets)
    results: dict[int, np.ndarray] = {}
    total = 0.0
    positions = 0
    aligned, shared = decoder.compiles, list[Shared]()
    if decoder.shares:
        shared = shared_beginnings(data, routes, lambda i: _free_of_loss(data[i], loss), sets=sets, aligned=aligned)
    for unit in make_units(data, routes, unit_tokens, device=decoder.device, sets=sets, aligned=aligned, shared=shared):
        value, logprobs, count = _unit(decoder, bank, data, unit, loss, config, sets)
        total, positions = total + value, positions + count
        for index, array in zip(unit.order, logprobs, strict=True):
            results[index] = array
        yield
    metrics = {"loss:sum": total, "positions:sum": float(positions)}
    return LossResult(loss=total, metrics=metrics, logprobs=tuple(results[i] for i in range(len(data))))


def set_id(datum: Datum, index: int) -> int:
    if "set" not in datum.streams:
        raise LossError(f"a set-wise loss reads the stream 'set', which datum {index} lacks")
    return int(datum.streams["set"][0])


def check_sets(loss: SetLoss, name: str, sets: Sequence[int]) -> None:
    sizes = Counter(sets)
    wrong = [s for s, n in sizes.items() if loss.size and n != loss.size]
    if wrong:
        raise LossError(f"loss {name!r} takes sets of {loss.size}", seen=f"set {wrong[0]} has {sizes[wrong[0]]} members")


def _unit(
    decoder: Decoder,
    bank: AdapterBank,
    data: Sequence[Datum],
    unit: Unit,
    loss: TokenLoss | SetLoss,
    config: Mapping[str, float],
    sets: Sequence[int] | None,
) -> tuple[float, list[np.ndarray], int]:
    """Forward, loss, backward of one unit. Returns (loss sum, per-sequence log-probabilities, positions that carried loss)."""
    device = decoder.device
    streams = gather_streams(data, unit, loss.reads, device)
    chosen = chosen_positions(unit, streams, loss, device)
    patches = bank.patches(unit.rows, unit.layout.size)
    inputs = decoder.embed(unit.tokens_N, patches).requires_grad_()
    hidden = _hidden(decoder, bank, unit, inputs)
    size = hidden.shape[0]
    logprobs = torch.full((size,), float("nan"), device=device)
    if loss.on != "logprobs":
        value, gradient = on_head(bank, unit, hidden, streams, chosen, loss, config, sets)
    else:
        targets = column(streams["targets"])
        at = hidden.detach()[chosen]
        picked = {k: v[chosen] for k, v in streams.items()}
        own = [p.at(chosen) for p in patches]
        if isinstance(loss, SetLoss):
            assert sets is not None
            slopes, value = _set_slopes(decoder, at, targets[chosen], picked, unit, chosen, loss, config, sets, own)

            def slope(span: slice, l_CK: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
                return l_CK.new_zeros(()), slopes[span, None]

            _, found, at_gradient = head_pass.loss_and_gradient(at, decoder.head, targets[chosen], slope, own)
        else:
            value, found, at_gradient = head_pass.loss_and_gradient(
                at, decoder.head, targets[chosen], _token_slope(loss, picked, config), own
            )
        if found.shape[1] == 1:
            logprobs[chosen] = found[:, 0]
        else:
            logprobs = torch.full((size, found.shape[1]), float("nan"), device=device)
            logprobs[chosen] = found
        gradient = torch.zeros_like(hidden)
        gradient[chosen] = at_gradient
    if len(chosen):
        with exactly(device):
            hidden.backward(gradient)
        if inputs.grad is not None:
            decoder.add_embedding_gradient(unit.tokens_N, inputs.grad, patches)
    return value, unit.layout.parts(logprobs.to("cpu").numpy()), len(chosen)


def chosen_positions(
    unit: Unit, streams: Mapping[str, torch.Tensor], loss: TokenLoss | SetLoss, device: torch.device
) -> torch.Tensor:
    """Indices of the positions that carry loss."""
    if not loss.mask:  # a loss on the score of each sequence: its last position
        return torch.tensor([stop - 1 for _, stop in unit.layout.spans], device=device)
    mask = streams[loss.mask] != 0
    return (mask if mask.dim() == 1 else mask.any(1)).nonzero()[:, 0]


def _token_slope(loss: TokenLoss, picked: Mapping[str, torch.Tensor], config: Mapping[str, float]) -> head_pass.Slope:
    flat = picked["targets"].dim() == 1

    def slope(span: slice, l_CK: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        with torch.enable_grad():
            l = (l_CK[:, 0] if flat else l_CK).detach().clone().requires_grad_()
            value = loss.value(l, {k: v[span] for k, v in picked.items()}, config)
            (grad,) = torch.autograd.grad(value, l)
        return value.detach(), grad.view(l_CK.shape)

    return slope


def members_of(unit: Unit, chosen: torch.Tensor, sets: Sequence[int]) -> dict[int, list[torch.Tensor]]:
    """Set -> for each of its sequences, in request order, the indices into `chosen` that belong to it."""
    members: dict[int, list[tuple[int, torch.Tensor]]] = {}
    for index, (start, stop) in zip(unit.order, unit.layout.spans, strict=True):
        own = ((chosen >= start) & (chosen < stop)).nonzero()[:, 0]
        members.setdefault(sets[index], []).append((index, own))
    return {s: [own for _, own in sorted(m, key=lambda x: x[0])] for s, m in members.items()}


def _set_slopes(
    decoder: Decoder,
    at: torch.Tensor,
    targets: torch.Tensor,
    picked: Mapping[str, torch.Tensor],
    unit: Unit,
    chosen: torch.Tensor,
    loss: SetLoss,
    config: Mapping[str, float],
    sets: Sequence[int],
    patches: Sequence[Patch],
) -> tuple[torch.Tensor, float]:
    """d loss / d l at every chosen position, and the summed loss."""
    l_P = head_pass.target_logprobs(at, decoder.head, targets, patches)[:, 0].requires_grad_()
    total = l_P.new_zeros(())
    for own in members_of(unit, chosen, sets).values():
        total = total + loss.value([l_P[o] for o in own], [{k: v[o] for k, v in picked.items()} for o in own], config)
    (slopes,) = torch.autograd.grad(total, l_P)
    return slopes, float(total.detach())


def on_head(
    bank: AdapterBank,
    unit: Unit,
    hidden: torch.Tensor,
    streams: Mapping[str, torch.Tensor],
    chosen: torch.Tensor,
    loss: TokenLoss | SetLoss,
    config: Mapping[str, float],
    sets: Sequence[int] | None,
) -> tuple[float, torch.Tensor]:
    """A loss on a slot's value or score head. Returns (loss sum, d loss / d hidden [N, D])."""
    heads = row_heads(bank, unit, loss.on)
    plain = hidden.detach()
    out = torch.cat([matmul.nt(plain[r], w.data)[:, 0] for r, w in heads]).requires_grad_()
    if isinstance(loss, SetLoss):
        assert sets is not None
        total = out.new_zeros(())
        at = out[chosen]
        for own in members_of(unit, chosen, sets).values():
            total = total + loss.value([at[o] for o in own], [{k: v[o] for k, v in streams.items()} for o in own], config)
    else:
        total = loss.value(out[chosen], {k: v[chosen] for k, v in streams.items()}, config)
    (slopes,) = torch.autograd.grad(total, out)
    gradient = torch.empty_like(plain)
    for r, w in heads:
        gradient[r] = slopes[r, None] * w.data
        if w.grad is not None:
            matmul.tn_add(w.grad, slopes[r, None], plain[r])
    return float(total.detach()), gradient
