"""The nouns that pass between rooms. No torch, no input or output, no behaviour beyond validation.

Shapes: T positions of one sequence, K candidate targets of one position. Token ids are int32, streams float32.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

Role = Literal["system", "developer", "user", "assistant", "tool"]
StopReason = Literal["stop", "length", "cancelled"]
Quantize = Literal["none", "int8", "nf4"]
"""How a base holds its matrices: as they are computed with, or in fewer bits."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolCall:
    """One call of a tool by the model. `arguments` is the JSON text exactly as written (it may be malformed)."""

    name: str
    arguments: str
    id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One turn of a conversation.

    `weight` multiplies the loss of an assistant turn (0 = context only, None = 1); it is an error on other roles.
    `reasoning` is the text a reasoning model writes before its answer, without its markers.
    """

    role: Role
    content: str = ""
    tool_calls: tuple[ToolCall, ...] = ()
    tool_call_id: str | None = None
    name: str | None = None
    reasoning: str | None = None
    weight: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """One row of a task: what is asked and, where known, what a good answer is.

    A conversation may end with the user's message: it asks, and has no answer to be trained on (`asks_only`).
    form: "chat" is rendered with the chat template; "completion" is raw prompt then raw completion (messages are exactly
    user, assistant; no template); "text" is one assistant message trained from its first to its last token.
    `reference` is what graders compare with; by default the last assistant content. `line` is the 1-based line (or
    array position) in the source file.
    """

    messages: tuple[Message, ...]
    form: Literal["chat", "completion", "text"] = "chat"
    tools: tuple[Mapping[str, Any], ...] = ()
    reference: str | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)
    source: str = ""
    line: int = 0


def asks_only(example: Example) -> bool:
    """Whether a row ends with its question: it can be answered and graded, and nothing in it can be trained on."""
    return example.form == "chat" and example.messages[-1].role == "user"


def trained_answer(messages: Sequence[Message]) -> int | None:
    """Index of the last assistant message with weight: trained on last, drawn anew when measured. None = there is none."""
    found = (i for i in range(len(messages) - 1, -1, -1) if messages[i].role == "assistant" and messages[i].weight != 0)
    return next(found, None)


@dataclass(frozen=True, slots=True)
class TokenChunk:
    """A run of input tokens; its length in positions is the number of tokens."""

    tokens: np.ndarray
    """int32 [n]"""

    def __len__(self) -> int:
        return len(self.tokens)


Chunk = TokenChunk
"""What an input is made of. An image chunk joins here when a vision tower does."""


@dataclass(frozen=True, slots=True)
class Datum:
    """One training sequence: input chunks and streams aligned with its T positions, already shifted by the caller.

    streams["targets"]    int32 [T] or [T, K]: the token (or K candidates) that position t should predict
    streams["weights"]    float32, shape of targets: the loss multiplier, denominator included (losses are sums)
    streams["advantages"], streams["logprobs"], ...  float32 [T]: what the named loss reads
    streams["set"]        int32 [1]: id of the set (pair, group) for set-wise losses; rank in the set by order
    """

    chunks: tuple[Chunk, ...]
    streams: Mapping[str, np.ndarray]

    @property
    def length(self) -> int:
        """Number of positions T."""
        return sum(len(c) for c in self.chunks)

    @staticmethod
    def from_tokens(ids: Sequence[int] | np.ndarray, weights: Sequence[float] | np.ndarray) -> Datum:
        """Shift one token sequence into a Datum.

        ids: [n] tokens. weights: [n], the weight of each token *as a target*; weights[0] is ignored because nothing
        predicts the first token. The Datum has T = n - 1 positions.
        """
        tokens = np.asarray(ids, dtype=np.int32)
        weight = np.asarray(weights, dtype=np.float32)
        assert tokens.ndim == 1, tokens.shape
        assert tokens.shape == weight.shape, (tokens.shape, weight.shape)
        assert len(tokens) >= 2, "one token alone predicts nothing"
        return Datum((TokenChunk(tokens[:-1]),), {"targets": tokens[1:], "weights": weight[1:]})


@dataclass(frozen=True, slots=True, kw_only=True)
class Adapter:
    """A handle to one adapter slot of one engine host. Opaque to callers; `id` is unique for the host's lifetime.

    kind "lora" trains low-rank factors (and heads) over the frozen base; kind "full" trains the base itself and owns its
    host. None in place of an Adapter means the bare base model.
    """

    id: str
    kind: Literal["lora", "full"]


Mix = tuple[tuple[Adapter, float], ...]
"""A weighted mixture of adapters for one row: (handle, weight) pairs."""
Route = Adapter | Mix | None
"""What one row runs through: an adapter, a mixture, or the bare base."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LoraSpec:
    """What to create in the adapter bank. `targets` are module names (q, k, v, o, gate, up, down); heads are extra; `tokens` are
    ids whose rows of the embedding (and of the head) the adapter holds itself."""

    rank: int = 32
    alpha: float = 32.0
    targets: tuple[str, ...] = ("q", "k", "v", "o", "gate", "up", "down")
    heads: tuple[Literal["value", "score"], ...] = ()
    seed: int = 0
    tokens: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class AdamParams:
    """One optimiser step. AdamW (Loshchilov & Hutter 2019); `clip` is the global gradient norm bound, 0 = off."""

    learning_rate: float
    beta1: float = 0.9
    beta2: float = 0.999
    eps: float = 1e-8
    weight_decay: float = 0.0
    clip: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class SamplingParams:
    """How to draw. The draw of token t of sample i of prompt j depends only on (seed, j, i, t), whatever else is drawn."""

    limit_tokens: int = 256
    temperature: float = 1.0
    """0 = greedy"""
    top_k: int = 0
    """0 = off"""
    top_p: float = 1.0
    min_p: float = 0.0
    samples: int = 1
    """answers drawn per prompt; they share the prompt's prefill"""
    seed: int = 0
    stop: tuple[str, ...] = ()
    stop_ids: tuple[int, ...] | None = None
    """None = the model's own end tokens; () = never stop by id"""
    logit_bias: Mapping[int, float] = field(default_factory=dict)
    top_logprobs: int = 0
    prompt_logprobs: bool = False
    place: tuple[int, int] | None = None
    """j and the first i where they are other than the prompt's number in its request and 0"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One drawn answer. `logprobs` are of the model's own distribution at temperature 1 without filters, so that they
    equal `forward` on the same tokens; `sampled_logprobs` are of the distribution drawn from (temperature, filters)."""

    ids: np.ndarray
    """int32 [n], the stop token included when one ended it"""
    logprobs: np.ndarray
    """float32 [n]"""
    sampled_logprobs: np.ndarray
    """float32 [n]"""
    text: str
    """decoded, without the stop token or anything from a stop string on"""
    stop_reason: StopReason
    seed: int
    weight_version: int
    adapter: str | None
    top_logprobs: tuple[tuple[tuple[int, float], ...], ...] = ()
    """per token the k likeliest (id, logprob)"""
    prompt_logprobs: np.ndarray | None = None
    """float32 [len(prompt)]; the first is NaN (nothing predicts it)"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outputs:
    """What `forward` returns for one Datum; only what was asked for is set."""

    logprobs: np.ndarray | None = None
    """float32 [T] or [T, K], of the targets"""
    value: np.ndarray | None = None
    """float32 [T]"""
    score: float | None = None
    """of the last position"""
    hidden: np.ndarray | None = None
    """float32 [T, D], after the final norm"""


@dataclass(frozen=True, slots=True, kw_only=True)
class LossResult:
    """What `forward_backward` returns: the summed loss, named sums, and each Datum's target log-probabilities."""

    loss: float
    metrics: Mapping[str, float]
    logprobs: tuple[np.ndarray, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class StepResult:
    """What `optim_step` returns. `grad_norm` is before clipping; `weight_version` counts this adapter's steps."""

    grad_norm: float
    weight_version: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """The outcome of a Grader: a value in [0, 1] unless the grader says otherwise, and the reason for it.

    `error` set means that the grader itself failed: value is NaN and must never be counted as 0.
    """

    value: float
    reason: str
    error: str | None = None
    marks: tuple[str, ...] = ()
    """What else the grader saw in the answer, in words that can be counted over many answers, such as "refuses"."""
    parts: tuple[tuple[str, float], ...] = ()
    """Of a score that is made of several: each grader's name and value."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """A stretch of tokens of one author within a rollout. Ids are those that were given or drawn, never encoded again."""

    role: Role
    ids: np.ndarray
    """int32 [n]"""
    logprobs: np.ndarray | None = None
    """float32 [n], as in Sample, of what the policy drew; None for what others wrote, which carries no loss"""
    turn: int = 0
    weight_version: int = 0
    reward: float | None = None
    """Of what the policy drew: what the environment paid for this turn; None where it pays for whole answers only"""
    state: str | None = None
    """Of what the policy drew: the environment's key of the state before this turn; None where it names none"""
    value: float | None = None
    """Of what the policy drew: what was had in the mean by going on from the state before this turn; None where not tried"""
    grade: float | None = None
    """Of what the policy drew: a process grader's judgement of this turn, in [-1, 1]; None where there is none"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rollout:
    """One answer to an example, or one way through its environment: what was read, what was drawn, and what it was worth."""

    example: Example
    segments: tuple[Segment, ...]
    answer: str
    """what was graded"""
    stop_reason: StopReason
    score: Score
    """whose value is the reward: what the grader says of the answer, plus what its turns were paid"""
    messages: tuple[Message, ...] = ()
    """of a way through an environment, as it went, the question included; nothing of one answer to a question"""
    held: str = ""
    """why nothing may be learned from it, though it was judged"""

    @property
    def ids(self) -> np.ndarray:
        """All tokens in order, int32 [n]."""
        return np.concatenate([s.ids for s in self.segments]).astype(np.int32)

    @property
    def drawn(self) -> np.ndarray:
        """Which of them the policy drew, bool [n]."""
        return np.repeat([s.logprobs is not None for s in self.segments], [len(s.ids) for s in self.segments])

    @property
    def logprobs(self) -> np.ndarray:
        """Log-probabilities under the policy that drew, 0 for what others wrote, float32 [n]."""
        return np.concatenate([np.zeros(len(s.ids), np.float32) if s.logprobs is None else s.logprobs for s in self.segments])

    @property
    def reward(self) -> float:
        """The score's value; NaN where the grader failed, which is never a reward of 0, and where the rollout is held."""
        return float("nan") if self.score.error is not None or self.held else self.score.value
