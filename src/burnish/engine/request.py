"""One call of `sample`: what was asked, checked at the door, and what came of it."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch

from burnish.engine.draw import row_key
from burnish.errors import BurnishError, ConfigError
from burnish.protocols import Constraint, OnSample, OnToken
from burnish.types import Route, Sample, SamplingParams

MakeConstraint = Callable[[], Constraint]


@dataclass(slots=True, eq=False)
class Prompt:
    """One prompt on its way: waiting, in prefill, or computed and waiting for rows for its samples."""

    request: Request
    index: int
    tokens: np.ndarray
    """int64 [T]"""
    params: SamplingParams
    route: Route
    constraints: tuple[Constraint | None, ...]
    """one for each sample"""
    bias: torch.Tensor | None
    """float32 [V], from logit_bias"""
    version: int = 0
    owner: tuple[object, ...] = ()
    """what stored keys and values of this prompt depend on besides its tokens"""
    kv: torch.Tensor | None = None
    """[layers, 2, G, T, E]"""
    done: int = 0
    """positions computed"""
    started: int = 0
    """samples that have joined the batch"""
    logits: torch.Tensor | None = None
    """float32 [V], of the last position"""
    logprobs: np.ndarray | None = None
    """float32 [T] where asked for"""

    @property
    def reach(self) -> int:
        """Positions that a sample of it may come to hold."""
        return len(self.tokens) + self.params.limit_tokens

    def key(self, sample: int) -> int:
        prompt, first = self.params.place or (self.index, 0)
        return row_key(self.params.seed, prompt, first + sample)


@dataclass(slots=True, eq=False)
class Request:
    """A handle to one call. `done` once every sample has ended, or it failed, or was cancelled."""

    prompts: list[Prompt] = field(default_factory=list)
    on_token: OnToken | None = None
    on_sample: OnSample | None = None
    tenant: str | None = None
    error: Exception | None = None
    cancelled: bool = False
    ended: dict[tuple[int, int], Sample] = field(default_factory=dict)
    drop: Callable[[Request], None] | None = None
    """given by the sampler that holds rows of it"""

    @property
    def expected(self) -> int:
        return sum(p.params.samples for p in self.prompts)

    @property
    def done(self) -> bool:
        return self.error is not None or len(self.ended) == self.expected

    def cancel(self) -> None:
        """Let go of its rows at once. `results` then gives what was drawn so far, marked "cancelled"."""
        if self.done:
            return
        self.cancelled = True
        if self.drop is not None:
            self.drop(self)
        for prompt in self.prompts:
            for sample in range(prompt.params.samples):
                self.ended.setdefault((prompt.index, sample), _never_started(prompt))

    def fail(self, error: Exception) -> None:
        """Let go of its rows; `results` raises the error. Other requests go on."""
        if self.error is None:
            self.error = error
            if self.drop is not None:
                self.drop(self)

    def results(self) -> list[list[Sample]]:
        """Samples by prompt. Raises what made the request fail."""
        assert self.done, "the request is not done; call step until it is"
        if self.error is not None:
            raise self.error
        return [[self.ended[p.index, s] for s in range(p.params.samples)] for p in self.prompts]


def _never_started(prompt: Prompt) -> Sample:
    empty = np.zeros(0, dtype=np.float32)
    return Sample(
        ids=empty.astype(np.int32),
        logprobs=empty,
        sampled_logprobs=empty,
        text="",
        stop_reason="cancelled",
        seed=prompt.params.seed,
        weight_version=prompt.version,
        adapter=adapter_name(prompt.route),
        prompt_logprobs=prompt.logprobs,
    )


def adapter_name(route: Route) -> str | None:
    """An adapter's id, a mixture as "id:weight+id:weight", None for the bare base."""
    if route is None:
        return None
    if isinstance(route, tuple):
        return "+".join(f"{a.id}:{w:g}" for a, w in route)
    return route.id


def check_prompt(
    index: int, tokens: Sequence[int], params: SamplingParams, *, vocab: int, max_positions: int, limit_positions: int
) -> np.ndarray:
    """The prompt as int64 [T]. Raises ConfigError for what the model or the cache cannot take."""
    ids = np.asarray(tokens, dtype=np.int64)
    if ids.ndim != 1 or not len(ids):
        raise ConfigError(f"prompt {index} is empty", todo="give at least one token, such as the model's begin token")
    if ids.min() < 0 or ids.max() >= vocab:
        seen = f"id {ids.max() if ids.max() >= vocab else ids.min()}, vocabulary of {vocab}"
        raise ConfigError(f"prompt {index} holds a token id outside the vocabulary", seen=seen)
    total = len(ids) + params.limit_tokens
    limit = min(max_positions, limit_positions)
    if total > limit:
        raise ConfigError(
            f"prompt {index} and its answer do not fit",
            seen=f"{len(ids)} prompt tokens + limit_tokens {params.limit_tokens} = {total}, "
            + (f"the model takes {limit}" if limit == max_positions else f"the cache holds {limit}"),
            todo=f"shorten the prompt or set limit_tokens to at most {max(limit - len(ids), 0)}",
        )
    return ids


def check_params(params: SamplingParams, vocab: int) -> None:
    """Raises ConfigError for a setting out of its range, naming it."""
    p = params
    ranges = {
        "limit_tokens": (p.limit_tokens >= 0, "0 or more"),
        "temperature": (math.isfinite(p.temperature) and p.temperature >= 0, "a number of 0 or more (0 is greedy)"),
        "top_k": (p.top_k >= 0, "0 (off) or more"),
        "top_p": (0 < p.top_p <= 1, "above 0 and at most 1"),
        "min_p": (0 <= p.min_p <= 1, "between 0 and 1"),
        "samples": (p.samples >= 1, "1 or more"),
        "stop": (all(p.stop) and not isinstance(p.stop, str), "non-empty strings"),
        "stop_ids": (all(0 <= i < vocab for i in p.stop_ids or ()), f"token ids below {vocab}"),
        "logit_bias": (
            all(0 <= i < vocab and (b == -math.inf or math.isfinite(b)) for i, b in p.logit_bias.items()),
            f"finite numbers (or -inf) for token ids below {vocab}",
        ),
        "top_logprobs": (0 <= p.top_logprobs <= vocab, f"between 0 and {vocab}"),
    }
    for name, (right, allowed) in ranges.items():
        if not right:
            raise ConfigError(f"sampling parameter {name} must be {allowed}", seen=f"{name} = {getattr(p, name)!r}")
    if 0 < p.temperature < 1e-4:
        seen = f"temperature = {p.temperature}"
        raise ConfigError("sampling parameter temperature is too small to divide by", seen=seen, todo="use 0 for greedy")


def bias_of(params: SamplingParams, vocab: int, device: torch.device) -> torch.Tensor | None:
    """logit_bias as a row [V], None where there is none."""
    if not params.logit_bias:
        return None
    bias = torch.zeros(vocab, device=device)
    for token, value in params.logit_bias.items():
        bias[token] = value
    return bias


def nothing_allowed(prompt: Prompt, sample: int) -> BurnishError:
    return ConfigError(
        f"no token is allowed for sample {sample} of prompt {prompt.index}",
        seen="its constraint and logit_bias forbid every token",
        todo="loosen them, or allow an end token where the constraint is complete",
    )


def not_finite(prompt: Prompt, sample: int) -> BurnishError:
    return BurnishError(
        f"the model's output for sample {sample} of prompt {prompt.index} is NaN or infinite",
        seen=f"adapter {adapter_name(prompt.route)}, weight version {prompt.version}",
        todo="the weights have diverged; go back to an earlier checkpoint",
    )
