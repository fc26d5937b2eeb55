"""Sampling by continuous batching: rows of any request, adapter and age are decoded together, one token a step.

`step` does one bounded unit of work: the prefill of some waiting prompts (packed, as in training, long ones in pieces), or one
token for every row. Rows join as soon as their prompt is computed and leave the moment they end (Orca, Yu et al. 2022). Prompts
and rows go through the trainer's own blocks, so that log-probabilities are the trainer's.

The n samples of a prompt share its prefill. What a row draws depends on its own logits and on (seed, prompt, sample, token)
alone.

Shapes: N packed positions, R rows, V vocabulary, G key-value heads, E head dimension.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from burnish.engine import head, matmul
from burnish.engine.adapters import AdapterBank, Rows, pairs
from burnish.engine.batch import Batch, Row
from burnish.engine.decoder import Block, Decoder, SegmentTable
from burnish.engine.draw import draw, largest, uniforms
from burnish.engine.kvcache import DecodeStep, KVCache, plan_spans, position_bytes
from burnish.engine.ops import Weight
from burnish.engine.pack import aligned_size
from burnish.engine.prefill import Piece, prefill
from burnish.engine.prefix import PrefixCache
from burnish.engine.request import (
    MakeConstraint,
    Prompt,
    Request,
    adapter_name,
    bias_of,
    check_params,
    check_prompt,
    not_finite,
    nothing_allowed,
)
from burnish.engine.stacks import Stacks
from burnish.engine.stops import StopText
from burnish.engine.tokens import Patch
from burnish.errors import ConfigError, Interrupted
from burnish.protocols import OnSample, OnToken
from burnish.types import Route, Sample, SamplingParams, StopReason

_CACHE_BYTES = 1 << 30
"""What the cache may grow to where the caller does not say."""

_PACK_BYTES = 4 << 30
"""Matrices of up to this size are held a second time, packed for decoding."""


@dataclass(slots=True)
class _Plan:
    """What holds for the batch until a row joins or leaves."""

    segments: SegmentTable
    patches: Sequence[Patch]
    spans: list[tuple[int, int]]
    watched: list[int]
    bent: list[int]


class Sampler:
    """The sampler of one host.

    token_bytes: the bytes of each id. end_ids: the model's own end tokens. special_ids: tokens that are left out of the text.
    limit_rows: rows decoded together. limit_positions: rows times positions that the cache may hold, by default as many as fit
    1 GiB. limit_prefix_positions: positions kept of finished conversations. unit_tokens: prompt positions computed in one step.
    """

    def __init__(
        self,
        decoder: Decoder,
        bank: AdapterBank,
        *,
        token_bytes: Sequence[bytes],
        end_ids: tuple[int, ...],
        special_ids: frozenset[int] = frozenset(),
        limit_rows: int = 128,
        limit_positions: int | None = None,
        limit_prefix_positions: int | None = None,
        unit_tokens: int = 1024,
    ) -> None:
        vocab = decoder.arch.vocab
        self.decoder, self.bank, self.end_ids = decoder, bank, end_ids
        self.limit_rows, self.unit_tokens = limit_rows, unit_tokens
        if limit_positions is None:
            limit_positions = max(_CACHE_BYTES // max(1, position_bytes(decoder.arch, decoder.dtype)), decoder.arch.max_positions)
        self.limit_positions = limit_positions
        spelled = [b"" if i in special_ids else b for i, b in enumerate(token_bytes)]
        self._bytes = spelled + [b""] * (vocab - len(spelled))
        self.cache = KVCache(decoder.arch, device=decoder.device, dtype=decoder.dtype)
        self.prefixes = PrefixCache(limit_positions // 4 if limit_prefix_positions is None else limit_prefix_positions)
        self.stacks = Stacks(bank)
        self.batch = Batch(limit_rows)
        self.waiting: deque[Prompt] = deque()
        self.ready: deque[Prompt] = deque()
        self._packs = matmul.can_pack(decoder.device, decoder.dtype) and self._matrix_bytes() <= _PACK_BYTES
        self._packed: tuple[list[Block], Weight] | None = None
        self._plan: _Plan | None = None
        self._events: deque[tuple[Request, int, int, int, str]] = deque()
        self._ended: deque[tuple[Request, int, int]] = deque()

    # -- requests -----------------------------------------------------------------------------------------------------

    def prepare(
        self,
        prompts: Sequence[Sequence[int]],
        params: SamplingParams | Sequence[SamplingParams],
        routes: Route | Sequence[Route] = None,
        constraints: Sequence[MakeConstraint | None] | None = None,
        on_token: OnToken | None = None,
        *,
        on_sample: OnSample | None = None,
        tenant: str | None = None,
    ) -> Request:
        """Check everything about a call; nothing is computed before `enqueue`.

        tenant: with a name, prompts continue stored conversations of that tenant and are stored in turn; None does neither, so
        that what a run draws cannot depend (by rounding) on what was sampled before.
        Raises ConfigError for a prompt or a setting that cannot be, CapabilityMissing for an adapter that is not in this host.
        """
        count, arch = len(prompts), self.decoder.arch
        each = [params] * count if isinstance(params, SamplingParams) else list(params)
        ways: list[Route] = [routes] * count if not isinstance(routes, list) else routes  # type: ignore[list-item]
        makers = [None] * count if constraints is None else list(constraints)
        if not len(each) == len(ways) == len(makers) == count:
            seen = f"{count} prompts, {len(each)} params, {len(ways)} routes, {len(makers)} constraints"
            raise ConfigError("params, routes and constraints must be one for all prompts or one for each", seen=seen)
        request = Request(on_token=on_token, on_sample=on_sample, tenant=tenant)
        for i, (tokens, p, route, maker) in enumerate(zip(prompts, each, ways, makers, strict=True)):
            check_params(p, arch.vocab)
            for adapter, _ in pairs(route):
                if adapter.kind == "lora":
                    self.bank.get(adapter)
            ids = check_prompt(
                i, tokens, p, vocab=arch.vocab, max_positions=arch.max_positions, limit_positions=self.limit_positions
            )
            own = tuple(maker() if maker is not None else None for _ in range(p.samples))
            request.prompts.append(Prompt(request, i, ids, p, route, own, bias_of(p, arch.vocab, self.decoder.device)))
        return request

    def enqueue(self, request: Request, version_of: Callable[[Route], int]) -> None:
        """Let a prepared request take part in the next steps. Its adapters must not change until it is done."""
        request.drop = self._drop
        for prompt in request.prompts:
            prompt.version = version_of(prompt.route)
            prompt.owner = (request.tenant, *((a.id, w, version_of(a)) for a, w in pairs(prompt.route)))
            self.waiting.append(prompt)

    def submit(
        self,
        prompts: Sequence[Sequence[int]],
        params: SamplingParams | Sequence[SamplingParams],
        routes: Route | Sequence[Route] = None,
        constraints: Sequence[MakeConstraint | None] | None = None,
        on_token: OnToken | None = None,
        version_of: Callable[[Route], int] = lambda route: 0,
        *,
        tenant: str | None = None,
    ) -> Request:
        """`prepare`, then `enqueue`."""
        request = self.prepare(prompts, params, routes, constraints, on_token, tenant=tenant)
        self.enqueue(request, version_of)
        return request

    @property
    def idle(self) -> bool:
        return not (self.batch.rows or self.waiting or self.ready)

    def forget(self) -> None:
        """Drop stored conversations (weights changed in a way that versions do not show)."""
        self.prefixes.clear()
        self.stacks.clear()

    def cache_bytes(self) -> int:
        """Memory held by the decode cache, by prompts in work, stored conversations, packed weights and stacks of adapters."""
        prompts = sum(p.kv.numel() * p.kv.element_size() for p in (*self.waiting, *self.ready) if p.kv is not None)
        packed = self._matrix_bytes() if self._packed is not None else 0
        return self.cache.bytes + self.prefixes.bytes + prompts + packed + self.stacks.bytes

    def _matrix_bytes(self) -> int:
        """Of the matrices that are packed; of a quantised base the head alone."""
        arch = self.decoder.arch
        return (arch.vocab * arch.hidden if self.decoder.held else arch.packable) * self.decoder.dtype.itemsize

    @torch.inference_mode()
    def _drop(self, request: Request) -> None:
        """Forget what is left of a request; rows in work are noted as cancelled."""
        self.waiting = deque(p for p in self.waiting if p.request is not request)
        self.ready = deque(p for p in self.ready if p.request is not request)
        for i in reversed(range(len(self.batch.rows))):
            if self.batch.rows[i].prompt.request is request:
                self._leave(i, "cancelled")

    # -- one unit of work ---------------------------------------------------------------------------------------------

    @torch.inference_mode()
    def step(self) -> None:
        """Compute some waiting prompts, or one more token for every row; then hand out the tokens drawn.

        What a constraint or a callback raises makes its own request fail, and no other. Anything else (an interrupt, no memory)
        may leave rows half a step on, so it makes every request fail.
        """
        try:
            pieces = self._choose()
            if pieces:
                self._prefill(pieces)
                while self.waiting and self.waiting[0].logits is not None:
                    self.ready.append(self.waiting.popleft())
            elif self.batch.rows:
                self._decode()
            self._admit()
        except BaseException as error:
            self._abandon(error)
            raise
        while self._events:
            request, *event = self._events.popleft()
            self._tell(request, request.on_token, *event)
        while self._ended:
            request, *place = self._ended.popleft()
            self._tell(request, request.on_sample, *place, request.ended[tuple(place)])  # type: ignore[index]

    def _tell(self, request: Request, whom: Callable[..., None] | None, *what: object) -> None:
        """Call a caller's callback; its failure is its request's."""
        if whom is not None and request.error is None and not request.cancelled:
            try:
                whom(*what)
            except Interrupted:
                raise  # a signal that arrived while the caller's code ran; not its failure
            except Exception as error:  # the caller's code: its failure is its request's
                request.fail(error)

    def _abandon(self, error: BaseException) -> None:
        """Make every request fail."""
        prompts = [*(r.prompt for r in self.batch.rows), *self.ready, *self.waiting]
        why = error if isinstance(error, Exception) else Interrupted("sampling was interrupted")
        for request in {id(p.request): p.request for p in prompts}.values():
            request.fail(why)

    def _choose(self) -> list[Piece]:
        """The next prompts to compute: as many as a unit holds and rows are free for."""
        rows = len(self.batch.rows) + sum(p.params.samples - p.started for p in self.ready)
        room, pieces = self.unit_tokens, list[Piece]()
        for prompt in self.waiting:
            left = len(prompt.tokens) - prompt.done
            if rows >= self.limit_rows or not self._fits(prompt, rows) or (pieces and left > room):
                break
            if prompt.kv is None:
                self._begin(prompt)
            piece = Piece(prompt, prompt.done, min(len(prompt.tokens), prompt.done + room))
            pieces.append(piece)
            room -= aligned_size(piece.size) if self.decoder.compiles else piece.size
            rows += prompt.params.samples
            if room <= 0:
                break
        return pieces

    def _fits(self, prompt: Prompt, rows: int) -> bool:
        """Whether the cache may hold one more row that grows to this prompt's reach."""
        reach = int(self.batch.reach[: len(self.batch.rows)].max(initial=prompt.reach))
        return rows == 0 or (rows + 1) * reach <= self.limit_positions

    def _begin(self, prompt: Prompt) -> None:
        """Make room for a prompt's keys and values, and take over what is stored of it."""
        shape = self.cache.shape(1, len(prompt.tokens))
        prompt.kv = torch.empty((*shape[:2], *shape[3:]), device=self.decoder.device, dtype=self.decoder.dtype)
        if prompt.params.prompt_logprobs:
            prompt.logprobs = np.full(len(prompt.tokens), np.nan, dtype=np.float32)
        elif prompt.request.tenant is not None:
            stored = self.prefixes.find(prompt.owner, prompt.tokens)
            if stored is not None:
                prompt.done = stored.shape[3]
                prompt.kv[:, :, :, : prompt.done] = stored

    def _admit(self) -> None:
        """Let computed prompts' samples join while rows are free, and draw their first token."""
        start, rows = len(self.batch.rows), self.batch.rows
        while self.ready and len(rows) < self.limit_rows and self._fits(self.ready[0], len(rows)):
            prompt = self.ready[0]
            assert prompt.kv is not None
            size = len(prompt.tokens)
            self._reserve(len(rows) + 1, size + 1)
            if prompt.params.limit_tokens == 0:
                prompt.request.ended[prompt.index, prompt.started] = self._sample(prompt, None, -1, "length")
                self._ended.append((prompt.request, prompt.index, prompt.started))
            else:
                streams = prompt.request.on_token is not None or bool(prompt.params.stop)
                text = StopText(prompt.params.stop) if streams else None
                row = Row(prompt, prompt.started, prompt.constraints[prompt.started], text)
                self.cache.place(len(rows), prompt.kv)
                stop_ids = self.end_ids if prompt.params.stop_ids is None else prompt.params.stop_ids
                self.batch.join(row, stop_ids)
            prompt.started += 1
            if prompt.started == prompt.params.samples:
                self.ready.popleft()
                prompt.kv = None
        if len(rows) > start:
            self._plan = None
            self._advance(start, torch.stack([r.prompt.logits for r in rows[start:]]))  # type: ignore[arg-type]

    def _reserve(self, rows: int, positions: int) -> None:
        """Make room for this many rows of this many positions; where memory allows, for the rows that are about to join too."""
        arch, limit = self.decoder.arch, self.limit_positions
        held = int(self.batch.length[: len(self.batch.rows)].max(initial=0))
        positions = max(positions, held, min(128, arch.max_positions, limit // rows))
        wanted = rows + sum(p.params.samples - p.started for p in self.ready) - 1
        self.cache.reserve(
            rows if rows <= self.cache.rows else max(rows, min(wanted, self.limit_rows, limit // positions)),
            positions,
            limit_rows=self.limit_rows,
            limit_positions=arch.max_positions,
            limit_cells=limit,
        )

    def _decode(self) -> None:
        lengths = self.batch.length[: len(self.batch.rows)]
        self._reserve(len(lengths), int(lengths.max()) + 1)
        logits = self._next(lengths)
        lengths += 1
        self._advance(0, logits)

    def _prefill(self, pieces: Sequence[Piece]) -> None:
        """Compute the pieces and write what is found into their prompts."""
        prefill(self.decoder, self.bank, pieces)

    def _next(self, lengths: np.ndarray) -> torch.Tensor:
        """Logits [R, V] behind every row's last token, whose keys and values are stored at its place, `lengths`."""
        decoder, batch, rows = self.decoder, self.batch, len(lengths)
        plan = self._planned()
        step = DecodeStep(self.cache, lengths, plan.spans)
        blocks, output = self._weights()
        given = self._given(rows)
        token, place = np.zeros((2, given), dtype=np.int64)
        token[:rows], place[:rows] = batch.token[:rows], lengths
        x = decoder.embed(torch.from_numpy(token).to(decoder.device), plan.patches)
        turns = decoder.turns(torch.from_numpy(place).to(decoder.device))

        def attend(layer: int, q: torch.Tensor, k: torch.Tensor, v: torch.Tensor) -> torch.Tensor:
            return step.attend(layer, q, k, v, decoder.sight(layer))

        for layer in range(decoder.arch.layers):
            x = decoder.block(layer, x, turns, plan.segments, attend, blocks)
        return head.logits_of(decoder.final_norm(x), output, plan.patches)[:rows]

    def _given(self, rows: int) -> int:
        """How many rows are multiplied in any case."""
        return matmul.rounded(rows) if self.decoder.compiles else rows

    def _weights(self) -> tuple[list[Block], Weight]:
        """Blocks and head for decoding: packed once where the base is frozen and not too large to hold twice."""
        decoder = self.decoder
        if not decoder.frozen or not self._packs:
            self._packed = None
            return decoder.blocks, decoder.head
        if self._packed is None:
            self._packed = decoder.pack(self.limit_rows)
        return self._packed

    def _planned(self) -> _Plan:
        if self._plan is None:
            rows = self.batch.rows
            routes = self.bank.rows([r.prompt.route for r in rows], [1] * len(rows))
            self._plan = _Plan(
                self._passages(routes),
                self.bank.patches(routes, self._given(len(rows))),
                plan_spans(self.batch.length[: len(rows)]),
                [i for i, r in enumerate(rows) if r.watched],
                [i for i, r in enumerate(rows) if r.bent],
            )
        return self._plan

    def _passages(self, routes: list[Rows]) -> SegmentTable:
        """What the rows pass through beside the base."""
        return self.stacks.table(routes)

    # -- tokens -------------------------------------------------------------------------------------------------------

    def _advance(self, start: int, logits_RV: torch.Tensor) -> None:
        """Draw a token for the rows from `start` on, note it, and let rows go that it ends."""
        batch, plan = self.batch, self._planned()
        span = slice(start, len(batch.rows))
        failed: list[tuple[Request, Exception]] = []
        allowed = self._bend(start, logits_RV, [i for i in plan.bent if i >= start], failed)
        drawn = draw(logits_RV, allowed, batch.shape(span), uniforms(batch.key[span], batch.count[span]))
        ended = batch.record(span, drawn)
        watched = [i for i in plan.watched if i >= start]
        if watched:
            self._watch(start, watched, logits_RV, ended, failed)
        for i in (~np.isfinite(drawn.logprobs)).nonzero()[0]:
            row = batch.rows[start + i]
            failed.append((row.prompt.request, not_finite(row.prompt, row.sample)))
        for i in ended.nonzero()[0][::-1]:
            text = batch.rows[start + i].text
            by_string = text is not None and text.stopped
            at = start + int(i)
            self._leave(at, "stop" if by_string or batch.stopped(slice(at, at + 1))[0] else "length")
        for request, error in failed:
            request.fail(error)

    def _bend(
        self, start: int, logits_RV: torch.Tensor, bent: list[int], failed: list[tuple[Request, Exception]]
    ) -> torch.Tensor:
        """The logits with biases added and forbidden tokens at -inf."""
        if not bent:
            return logits_RV
        allowed = logits_RV.clone()
        for i in bent:
            row, own = self.batch.rows[i], allowed[i - start]
            if row.prompt.bias is not None:
                own += row.prompt.bias
            if row.constraint is not None:
                try:
                    mask = row.constraint.mask()
                except Interrupted:
                    raise
                except Exception as error:  # the caller's code: its failure is its request's
                    failed.append((row.prompt.request, error))
                    continue
                if mask is not None:
                    own.masked_fill_(~torch.from_numpy(np.asarray(mask, dtype=bool)).to(own.device), float("-inf"))
            if torch.isneginf(own).all():
                failed.append((row.prompt.request, nothing_allowed(row.prompt, row.sample)))
                own.copy_(logits_RV[i - start])
        return allowed

    def _watch(
        self,
        start: int,
        watched: list[int],
        logits_RV: torch.Tensor,
        ended: np.ndarray,
        failed: list[tuple[Request, Exception]],
    ) -> None:
        """What has to be done token by token: constraints, likeliest tokens, text and streaming."""
        batch = self.batch
        tops = [i for i in watched if batch.rows[i].prompt.params.top_logprobs]
        if tops:
            own = torch.log_softmax(logits_RV[[i - start for i in tops]], -1)
            most = max(batch.rows[i].prompt.params.top_logprobs for i in tops)
            values, ids = (t.tolist() for t in largest(own, most))
            for n, i in enumerate(tops):
                k = batch.rows[i].prompt.params.top_logprobs
                batch.rows[i].tops.append(tuple(zip(ids[n][:k], values[n][:k], strict=True)))
        by_id = batch.stopped(slice(start, len(batch.rows)))
        for i in watched:
            row, token = batch.rows[i], int(batch.token[i])
            if row.constraint is not None:
                try:
                    row.constraint.accept(token)
                except Interrupted:
                    raise
                except Exception as error:  # the caller's code: its failure is its request's
                    failed.append((row.prompt.request, error))
            if row.text is not None:
                text = "" if by_id[i - start] else row.text.push(self._bytes[token])
                if row.text.stopped:
                    ended[i - start] = True
                elif ended[i - start]:
                    text += row.text.finish()
                self._events.append((row.prompt.request, row.prompt.index, row.sample, token, text))

    def _leave(self, i: int, reason: StopReason) -> None:
        """Note a row's sample and give its place to the last row."""
        batch, row = self.batch, self.batch.rows[i]
        request, prompt = row.prompt.request, row.prompt
        if row.text is not None and reason == "cancelled":
            row.text.finish()
        request.ended[prompt.index, row.sample] = self._sample(prompt, row, i, reason)
        self._ended.append((request, prompt.index, row.sample))
        length = int(batch.length[i])
        if request.tenant is not None and reason != "cancelled":
            tokens = np.concatenate([prompt.tokens, batch.ids[i, : length - len(prompt.tokens)].astype(np.int64)])
            self.prefixes.store(prompt.owner, tokens, self.cache.read(i, length))
        last = batch.remove(i)
        if last != i:
            self.cache.move(i, last, int(batch.length[i]))
        self._plan = None

    def _sample(self, prompt: Prompt, row: Row | None, i: int, reason: StopReason) -> Sample:
        batch = self.batch
        count = int(batch.count[i]) if row is not None else 0
        ids = batch.ids[i, :count].copy()
        if row is not None and row.text is not None:
            text = row.text.text
        else:
            spoken = ids[:-1] if count and row is not None and batch.stopped(slice(i, i + 1))[0] else ids
            text = b"".join(self._bytes[t] for t in spoken).decode("utf-8", "replace")
        return Sample(
            ids=ids,
            logprobs=batch.logprobs[i, :count].copy(),
            sampled_logprobs=batch.sampled[i, :count].copy(),
            text=text,
            stop_reason=reason,
            seed=prompt.params.seed,
            weight_version=prompt.version,
            adapter=adapter_name(prompt.route),
            top_logprobs=tuple(row.tops) if row is not None else (),
            prompt_logprobs=prompt.logprobs,
        )
