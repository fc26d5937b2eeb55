"""Settings that the user did not give, each with the reason for its value.

Learning rates: the Tinker cookbook's fit, lr = 5e-5 * 10 * (2000 / hidden)^p with p = 0.0775 (Qwen) and 0.781 (Llama),
independent of the rank; x 1.5 for runs under 100 steps; a tenth of it for full fine-tuning. Rank, targets, alpha, small batches
and the capacity rule (one bit per trainable parameter): Schulman et al. 2025, "LoRA Without Regret". Changed: the rank is not
above half of the model's width, and the rate is bounded, because the fit is extrapolated far below the sizes it was made on.
"""

from __future__ import annotations

import datetime
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from burnish.errors import ConfigError
from burnish.recipes.grpo import GRPO
from burnish.recipes.training import Training
from burnish.recipes.turns import Credit
from burnish.tasks import ready
from burnish.tasks.judging import asked
from burnish.tasks.task import Task
from burnish.types import Quantize

EXPONENT = {"qwen": 0.0775, "llama": 0.781}
RATE_BOUND = 5e-3
"""Highest rate derived for LoRA: most divergences of the sweep behind the fit were at 3e-3 and above, on wider models."""
SHORT_STEPS = 100
EVAL_ITEMS = 200
PRETRAIN_TOKENS = 8192
"""Tokens of an optimiser step of pre-training: small models learn most from a token with small batches."""
EVALUATIONS = 10
ASKED_EVERY = 5
"""Steps between measurements, at least, of runs that learn from their own answers: patience counts measurements, and what one of
their steps changes is mostly noise."""
QUESTIONS, ASKED_STEPS, ASKED_RATE = 48, 100, 0.45
"""Of runs that learn from their own answers: questions a step, steps, and which part of the usual learning rate they take."""
UPDATE_QUESTIONS, UPDATES = 6, 8
"""Of the same: questions of an optimiser step, and how many of these a step takes at most. More of them learn more from the same
answers, which cost more than learning from them does (docs/how-to/reinforcement-learning.md has the measurement)."""
_QUANTIZE = {
    True: "as the adapter that the run continues was trained over its base",
    False: "the model is held as it is computed with; int8 halves its matrices",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Derived:
    """One setting that was not given: `key` as it is written in the config."""

    key: str
    value: Any
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What the settings are derived from."""

    family: str
    hidden: int
    max_positions: int
    lora_parameters: Callable[[int], int]
    """trainable parameters of an adapter of this rank, with the config's targets"""
    rows: int
    """training rows"""
    longest: int
    """tokens of the longest row, after cutting"""
    tokens: int
    """in one pass over the training rows"""
    target_tokens: int
    """in one pass over the training rows"""
    bits_per_target: float
    """loss of the starting model on them, in bits"""
    held_out: int
    """validation rows"""
    valid_share: float | None
    """of the rows that were held out; None with a validation file of its own"""
    longest_answer: int
    """most target tokens of one row"""
    grader: str
    """chosen from the data, or "none" """
    grader_why: str
    date: datetime.date
    """that the rows were rendered with"""
    streamed: bool
    streamed_why: str
    quantize: Quantize = "none"
    """how the model is held that the run starts from"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Derivation:
    """The completed config, what was derived for it, and what the user should know."""

    config: Training
    derived: tuple[Derived, ...]
    warnings: tuple[str, ...]


class _Deriving:
    """A config being completed: given values win, derived ones are noted with their reason."""

    def __init__(self) -> None:
        self.values: dict[str, Any] = {}
        self.derived: list[Derived] = []

    def settle(self, key: str, given: Any, value: Any, why: str) -> Any:
        if given is None:
            shown = value.isoformat() if isinstance(value, datetime.date) else value
            self.derived.append(Derived(key=key, value=shown, why=why))
            given = value
        self.values[key] = given
        return given


def derive(config: Training, facts: Facts) -> Derivation:
    """Complete a config from the model and the data. What `plan` measures (threads, checkpoint_every) is left for `measured`.

    Completing a completed config changes nothing. Raises ConfigError where given settings contradict the model.
    """
    d = _Deriving()
    warnings: list[str] = []
    c, rows = config, facts.rows
    text, asks = c.recipe == "pretrain", isinstance(c, GRPO)
    passes, why = (1, "text is best read once; give more for little of it") if text else _epochs(rows)
    size = _batch_of_tokens(facts) if text else None
    if isinstance(c, GRPO):
        c, size = _asking(d, c, facts)
    if c.steps is not None and c.epochs is None:
        batch = d.settle("batch", c.batch, *(size or _batch(rows, rows * passes)))
        d.settle("epochs", None, math.ceil(c.steps * batch / rows), f"what {c.steps} steps of {batch} rows need")
    else:
        epochs = d.settle("epochs", c.epochs, passes, why)
        batch = d.settle("batch", c.batch, *(size or _batch(rows, rows * epochs)))
    whole = math.ceil(rows * d.values["epochs"] / batch)
    steps = d.settle("steps", c.steps, whole, f"{d.values['epochs']} x {rows} rows in batches of {batch}")
    if steps > whole:
        raise ConfigError(
            "steps, epochs and batch contradict one another",
            seen=f"{d.values['epochs']} epochs of {rows} rows in batches of {batch} are {whole} steps, not {steps}",
            todo="give either steps or epochs",
        )
    if batch > rows:
        warnings.append(f"A batch of {batch} is more than the {rows} rows there are, so one step sees rows several times over.")
    if isinstance(c, GRPO):
        bounded = c.objective.loss != "importance_sampling"
        often = max(1, min(UPDATES, batch // UPDATE_QUESTIONS)) if bounded else 1
        why = f"one for every {UPDATE_QUESTIONS} questions, at most {UPDATES}" if bounded else "the ratio is not bounded"
        d.settle("updates", c.updates, often, why)
    if not asks:
        d.settle("limit_tokens", c.limit_tokens, max(8, facts.longest), _length_reason(facts))
    if c.method == "lora":
        d.settle("quantize", c.quantize, facts.quantize, _QUANTIZE[facts.quantize != "none"])
        rank = d.settle("lora.rank", c.lora.rank, *(_asked_rank(facts) if asks else _rank(facts)))
        warnings += [] if asks else _capacity(facts, rank)
        if rank > facts.hidden:
            warnings.append(f"A rank of {rank} above the model's width of {facts.hidden} costs more and can do no more.")
        if c.batch is not None and c.batch > 32 and not asks:
            warnings.append(f"LoRA tolerates large batches less well than full fine-tuning; {c.batch} is above the advised 32.")
    rate, why = _rate(facts, c.method, steps)
    if asks:
        rate, why = float(f"{rate * ASKED_RATE:.3g}"), f"{why}; {ASKED_RATE:g} of it, because answers drawn at random are noisy"
    d.settle("learning_rate", c.learning_rate, rate, why)
    if c.schedule == "wsd":
        d.settle("cooldown", c.cooldown, 0.2, "a fifth of the steps is enough to settle")
    every = d.settle(
        "evaluate_every",
        c.evaluate_every,
        max(min(steps, ASKED_EVERY) if asks else 1, round(steps / EVALUATIONS)),
        f"about {EVALUATIONS} measurements in {steps} steps" + (f", not closer than {ASKED_EVERY} steps" if asks else ""),
    )
    d.settle("sample_every", c.sample_every, 2 * every, f"at every second measurement of held-out {'reward' if asks else 'loss'}")
    d.settle(
        "eval_items", c.eval_items, min(facts.held_out, EVAL_ITEMS), f"of {facts.held_out} held-out rows, at most {EVAL_ITEMS}"
    )
    if isinstance(c, GRPO):
        d.settle("eval_tokens", c.eval_tokens, d.values["answer_tokens"], "as in training")
    else:
        d.settle("eval_tokens", c.eval_tokens, *_answer_tokens(c.data, facts))
    d.settle("grader", c.grader, facts.grader, facts.grader_why)
    d.settle("date", c.date, facts.date, "today")
    d.settle("stream", c.stream, facts.streamed, facts.streamed_why)
    if facts.valid_share is not None:
        d.settle("valid_share", c.valid_share, facts.valid_share, "a tenth of the rows, but at most 200")
    completed = _with(config, d.values)
    return Derivation(config=completed, derived=tuple(d.derived), warnings=tuple(warnings))


def measured(
    config: Training, *, choices: dict[str, Any], step_s: float, checkpoint_bytes: int
) -> tuple[Training, tuple[Derived, ...]]:
    """Complete what depends on the machine. step_s: seconds of a step; checkpoint_bytes: size of one checkpoint."""
    d = _Deriving()
    if isinstance(config, GRPO):
        exact = choices["dtype"] == "float32" or config.ahead > 0
        why = "in float32 sampler and trainer agree" if exact else f"in {choices['dtype']} sampler and trainer differ by rounding"
        why = "the ratio is to what drew the answers" if config.ahead else why
        d.settle("correction", config.correction, "none" if exact else "tokens", why)
    gpu = choices["device"] == "cuda"
    d.settle(
        "threads", config.threads, choices["threads"], "cores that this process may use" if gpu else "fastest here by measurement"
    )
    if config.dtype == "auto":
        d.settle("dtype", None, choices["dtype"], "usual on a GPU" if gpu else "faster here by measurement")
    if config.device == "auto":
        d.settle("device", None, choices["device"], "found on this machine")
    assert config.steps is not None
    save_s = checkpoint_bytes / 200e6
    every = min(config.steps, max(1, math.ceil(max(30.0, 20 * save_s) / max(step_s, 1e-3))))
    d.settle(
        "checkpoint_every", config.checkpoint_every, every, f"about every {every * step_s:.0f} s, so that saving costs under 5 %"
    )
    return _with(config, d.values), tuple(d.derived)


def _with(config: Training, values: dict[str, Any]) -> Training:
    """The config with these values in place; "lora.rank" addresses the nested field."""
    flat = {k: v for k, v in values.items() if "." not in k}
    nested = {k.split(".", 1)[1]: v for k, v in values.items() if k.startswith("lora.")}
    return config.model_copy(update={**flat, "lora": config.lora.model_copy(update=nested)})


def _asking(d: _Deriving, c: GRPO, facts: Facts) -> tuple[GRPO, tuple[int, str]]:
    """What only runs that learn from their own answers have; the config with its steps, and the size of a batch."""
    size = min(facts.rows, QUESTIONS), f"questions a step, each answered {c.group} times"
    if c.steps is None and c.epochs is None:
        d.settle("steps", None, ASKED_STEPS, "enough to see whether it gets better; early stopping ends it sooner")
        c = c.model_copy(update={"steps": ASKED_STEPS})
    task = ready.find(c.data)
    room = min(512, max(16, facts.max_positions // 2))
    limit, why = (
        (task.limit_tokens, f"the limit of the task {task.name}")
        if task
        else (room, "room to think, at most half of the model's")
    )
    limit = d.settle("answer_tokens", c.answer_tokens, limit, why)
    if c.overlong > limit:
        raise ConfigError(
            f"overlong = {c.overlong} is more than the longest answer", seen=f"answer_tokens = {limit}", todo="lower it"
        )
    dapo = c.variant == "dapo"
    d.settle("refill", c.refill, 3 if dapo else 0, "DAPO's dynamic sampling" if dapo else "flat questions are passed over later")
    kind, why = _credit(c, task)
    d.settle("credit", c.credit, kind, why)
    if d.values["credit"] == "outcome" and c.discount != 1:
        raise ConfigError(
            "discount is not read where credit is of the outcome", seen=f"discount = {c.discount}; {why}", todo="leave it out"
        )
    if c.objective.loss != "importance_sampling":
        d.settle("clip_low", c.clip_low, c.objective.low, f"usual for {c.variant}")
        d.settle("clip_high", c.clip_high, c.objective.high, f"usual for {c.variant}")
    return c, size


def _credit(c: GRPO, task: Task | None) -> tuple[Credit, str]:
    """How the reward is divided among turns, by what the task's environment says of itself."""
    if c.objective.loss == "gspo":
        return "outcome", "gspo weighs whole answers"
    setting = None if task is None else task.environment
    if task is None or setting is None or setting.limits.turns == 1:
        return "outcome", "each answer is one turn"
    environment, row = setting.open(), task.train[0]
    try:
        found = asked(lambda: (environment.start(row), environment.state_key()))
    finally:
        environment.close()
    if isinstance(found, str):
        todo = "mend it: `burnish task check` shows more"
        raise ConfigError(f"the environment of {task.name} cannot be started", seen=found, todo=todo)
    if found[1] is not None:
        return "anchors", "the environment names its states"
    if environment.pays:
        return "return_to_go", "the environment may pay for turns, and names no states"
    return "outcome", "turns are not paid; what is graded is the last answer"


def _asked_rank(facts: Facts) -> tuple[int, str]:
    return min(32, max(8, _power_below(facts.hidden // 2))), "a reward holds few bits, so a small adapter takes all of them"


def _epochs(rows: int) -> tuple[int, str]:
    if rows < 134:
        passes = min(20, math.ceil(400 / rows))
        return passes, f"{rows} rows are few, so they are seen more often; early stopping ends it sooner"
    if rows < 5_000:
        return 3, "usual for some thousand rows; early stopping ends it sooner"
    if rows < 20_000:
        return 2, f"{rows} rows need fewer passes"
    return 1, f"{rows} rows are enough in one pass"


def _batch(rows: int, samples: int) -> tuple[int, str]:
    size = 4
    while size < 32 and samples / (2 * size) >= SHORT_STEPS:
        size *= 2
    size = min(size, rows)
    return size, "small batches learn more from each row: at most 32, and fewer where that would leave under 100 steps"


def _batch_of_tokens(facts: Facts) -> tuple[int, str]:
    size = max(1, min(facts.rows, round(PRETRAIN_TOKENS * facts.rows / facts.tokens)))
    return size, f"about {PRETRAIN_TOKENS:,} tokens a step, in rows of {facts.tokens / facts.rows:.0f} on average"


def _answer_tokens(data: str, facts: Facts) -> tuple[int, str]:
    task = ready.find(data)
    if task is not None:
        return task.limit_tokens, f"the limit of the task {task.name}, as in `burnish eval {task.name}`"
    room = min(512, max(16, facts.max_positions // 2))
    answer = min(room, max(16, 8 * math.ceil(1.25 * facts.longest_answer / 8)))
    return answer, f"a quarter above the longest answer ({facts.longest_answer} tokens), at most {room}"


def _length_reason(facts: Facts) -> str:
    if facts.longest >= facts.max_positions:
        return f"the model's limit of {facts.max_positions} positions; longer rows are cut"
    return "the longest row; nothing is cut and nothing is padded"


def _rank(facts: Facts) -> tuple[int, str]:
    bits = facts.target_tokens * facts.bits_per_target
    limit = min(256, max(8, _power_below(facts.hidden // 2)))
    rank = min(32, limit)
    why = "holds any small dataset" if rank == 32 else f"half of the model's width of {facts.hidden}"
    while rank < limit and facts.lora_parameters(rank) < bits:
        rank *= 2
        why = f"raised from 32, because the answers hold about {bits:,.0f} bits, and a parameter about one"
    return rank, why


def _power_below(n: int) -> int:
    return 1 << max(0, n.bit_length() - 1)


def _capacity(facts: Facts, rank: int) -> list[str]:
    bits, room = facts.target_tokens * facts.bits_per_target, facts.lora_parameters(rank)
    if room >= bits:
        return []
    return [
        f"The answers hold about {bits:,.0f} bits and an adapter of rank {rank} about {room:,} (one a parameter), so not all of "
        "them can be learned by heart. That is fine for a style or a skill; for facts raise lora.rank or use method=full."
    ]


def _rate(facts: Facts, method: str, steps: int) -> tuple[float, str]:
    family = "qwen" if facts.family.startswith("qwen") else "llama"
    rate = 5e-4 * (2000 / facts.hidden) ** EXPONENT[family]
    why = f"5e-4 x (2000 / {facts.hidden})^{EXPONENT[family]} for models like {family.capitalize()}"
    if steps < SHORT_STEPS:
        rate *= 1.5
        why += f", x 1.5 for a run of only {steps} steps"
    if rate > RATE_BOUND:
        rate = RATE_BOUND
        why += f", bounded by {RATE_BOUND:g}"
    if method == "full":
        rate /= 10
        why += ", a tenth for full fine-tuning"
    return float(f"{rate:.3g}"), why
