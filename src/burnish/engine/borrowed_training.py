"""`forward` and `forward_backward` of a model that transformers computes: the same units, losses and sums as in `trainer.py`,
with autograd through the model's own logits.

Shapes: N packed positions, P chosen positions, K candidate targets, V vocabulary, D hidden.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from itertools import groupby

import numpy as np
import torch

from burnish.engine import losses, matmul
from burnish.engine.adapters import AdapterBank, pairs
from burnish.engine.borrowed import Borrowed
from burnish.engine.losses import SetLoss, TokenLoss
from burnish.engine.pack import Unit, check_data, gather_streams, make_units
from burnish.engine.trainer import (
    OUTPUTS,
    check_sets,
    chosen_positions,
    column,
    members_of,
    on_head,
    row_heads,
    set_id,
)
from burnish.errors import LossError
from burnish.types import Datum, LossResult, Outputs, Route


def forward(
    model: Borrowed,
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
    check_data(data, model.arch.vocab, model.arch.max_positions)
    results: dict[int, Outputs] = {}
    for unit in make_units(data, routes, unit_tokens, device=model.device):
        every = torch.arange(unit.layout.size if "logprobs" in outputs else 0, device=model.device)
        with torch.no_grad():
            hidden, logits = _pass(model, bank, unit, routes, every)
            found: dict[str, torch.Tensor] = {}
            if "logprobs" in outputs:
                targets = gather_streams(data, unit, ["targets"], model.device)["targets"]
                found["logprobs"] = _logprobs(logits, column(targets)).view(targets.shape)
            for name in ("value", "score"):
                if name in outputs:
                    parts = [matmul.nt(hidden[r], w.data)[:, 0] for r, w in row_heads(bank, unit, name)]
                    found[name] = torch.cat(parts)
            if "hidden" in outputs:
                found["hidden"] = hidden
        arrays = {k: v.to("cpu", torch.float32).numpy() for k, v in found.items()}
        for index, (start, stop) in zip(unit.order, unit.layout.spans, strict=True):
            own = {k: v[start:stop].copy() for k, v in arrays.items()}
            score = own.pop("score", None)
            results[index] = Outputs(score=None if score is None else float(score[-1]), **own)
        yield
    return [results[i] for i in range(len(data))]


def forward_backward(
    model: Borrowed,
    bank: AdapterBank,
    data: Sequence[Datum],
    routes: Sequence[Route],
    loss_name: str,
    loss_config: Mapping[str, float],
    unit_tokens: int,
) -> Generator[None, None, LossResult]:
    """Loss and gradients of every Datum, the gradients added to those of the slots that its row passes through."""
    loss = losses.find(loss_name, loss_config)
    config = {**loss.defaults, **loss_config}
    check_data(data, model.arch.vocab, model.arch.max_positions)
    sets = None
    if isinstance(loss, SetLoss):
        sets = [set_id(d, i) for i, d in enumerate(data)]
        check_sets(loss, loss_name, sets)
    results: dict[int, np.ndarray] = {}
    total, positions = 0.0, 0
    for unit in make_units(data, routes, unit_tokens, device=model.device, sets=sets):
        value, logprobs, count = _unit(model, bank, data, routes, unit, loss, config, sets)
        total, positions = total + value, positions + count
        for index, array in zip(unit.order, logprobs, strict=True):
            results[index] = array
        yield
    metrics = {"loss:sum": total, "positions:sum": float(positions)}
    return LossResult(loss=total, metrics=metrics, logprobs=tuple(results[i] for i in range(len(data))))


def _unit(
    model: Borrowed,
    bank: AdapterBank,
    data: Sequence[Datum],
    routes: Sequence[Route],
    unit: Unit,
    loss: TokenLoss | SetLoss,
    config: Mapping[str, float],
    sets: Sequence[int] | None,
) -> tuple[float, list[np.ndarray], int]:
    """Forward, loss, backward of one unit. Returns (loss sum, per-sequence log-probabilities, positions that carried loss)."""
    streams = gather_streams(data, unit, loss.reads, model.device)
    chosen = chosen_positions(unit, streams, loss, model.device)
    logprobs = torch.full((unit.layout.size,), float("nan"), device=model.device)
    value = 0.0
    if loss.on != "logprobs":
        hidden, _ = _pass(model, bank, unit, routes, chosen[:0])
        value, gradient = on_head(bank, unit, hidden, streams, chosen, loss, config, sets)
        model.backward(hidden, gradient)
    elif len(chosen):
        _, logits = _pass(model, bank, unit, routes, chosen)
        flat, picked = streams["targets"].dim() == 1, {k: v[chosen] for k, v in streams.items()}
        found = _logprobs(logits, column(picked["targets"]))
        if isinstance(loss, SetLoss):
            assert sets is not None
            total = found.new_zeros(())
            for own in members_of(unit, chosen, sets).values():
                streams_of = [{k: v[o] for k, v in picked.items()} for o in own]
                total = total + loss.value([found[o, 0] for o in own], streams_of, config)
        else:
            total = loss.value(found[:, 0] if flat else found, picked, config)
        value = float(total.detach())
        model.backward(total)
        if found.shape[1] > 1:
            logprobs = torch.full((unit.layout.size, found.shape[1]), float("nan"), device=model.device)
        logprobs[chosen] = found.detach()[:, 0] if found.shape[1] == 1 else found.detach()
    arrays = logprobs.to("cpu").numpy()
    return value, [arrays[a:b].copy() for a, b in unit.layout.spans], len(chosen)


def _logprobs(logits_PV: torch.Tensor, targets_PK: torch.Tensor) -> torch.Tensor:
    """Of the targets, [P, K]."""
    return torch.log_softmax(logits_PV, -1).gather(1, targets_PK)


def _pass(
    model: Borrowed, bank: AdapterBank, unit: Unit, routes: Sequence[Route], chosen_P: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Hidden states [N, D] of a unit, and logits [P, V] of its chosen positions (which come in order)."""
    tokens, spans = unit.tokens_N.cpu().numpy(), unit.layout.spans
    wanted = torch.zeros(unit.layout.size, dtype=torch.bool, device=model.device)
    wanted[chosen_P] = True
    hidden, logits, places = list[torch.Tensor](), list[torch.Tensor](), list[torch.Tensor]()
    for _, group in groupby(range(len(spans)), key=lambda i: pairs(routes[unit.order[i]])):
        members = list(group)
        low = model.low_rank(bank, routes[unit.order[members[0]]])
        for batch in model.batches([spans[i][1] - spans[i][0] for i in members]):
            own = [spans[members[i]] for i in batch]
            passed = model.run([tokens[start:stop] for start, stop in own], low)
            for row, (start, stop) in enumerate(own):
                places.append(torch.arange(start, stop, device=model.device))
                hidden.append(passed.hidden[row, : stop - start])
                logits.append(passed.logits[row, : stop - start][wanted[start:stop]])
    order = torch.cat(places)
    back = torch.empty_like(order)
    back[order] = torch.arange(len(order), device=model.device)
    came = order[wanted[order]]  # the positions of the logits, as they came
    return torch.cat(hidden)[back], torch.cat(logits)[came.argsort()]
