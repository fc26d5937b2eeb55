"""What a run would do and cost, from a few probe steps on the real rows.

Steps are timed on a throw-away adapter (a full fine-tune: forward and backward only, the gradient then cleared), so that
probing changes nothing. Time is extrapolated by tokens; the median of the later half of the steps counts, after a warm-up that
holds the longest row and so also shows the memory needed.
"""

from __future__ import annotations

import math
import resource
import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from statistics import median
from typing import Any

import numpy as np

from burnish.connect import notes_of
from burnish.evals.evaluate import IN_FLIGHT, SHOWN, evaluate
from burnish.protocols import Engine, Policy
from burnish.recipes.grpo import GRPO
from burnish.recipes.training import Training, mean_over_targets
from burnish.runs.asking import asking_of
from burnish.runs.derive import Derivation, Derived, Facts, derive, measured
from burnish.runs.order import Order
from burnish.runs.prepare import Prepared
from burnish.runs.side import Side
from burnish.store.models import ModelRef
from burnish.types import AdamParams, Adapter, Datum, Example, LoraSpec, TokenChunk

PROBE_S = 12.0
"""Seconds after which no further probe step is started."""
PROBE_STEPS = 5
"""Probe steps at least; short ones are taken for SETTLE_S, because the first dozens are slower than all that follow."""
SETTLE_S = 3.0
MOST_STEPS = 40
"""Probe steps at most."""
PROBE_ROWS = 32
"""Rows of a probe step at most: times are taken by the token, so a larger batch tells no more."""
BITS_ROWS = 16
"""Rows on which the loss of the starting model is measured for the capacity rule."""
TWIN_NATS = 1e-2
"""Tokens whose log-probabilities differ by less than this at every position have the same row in the head, or nearly."""
STEADY_TOKENS = 24
"""Tokens per answer in the probe of generation."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """All that is known before the first step. Counts are of the training rows unless said otherwise; `_s` are seconds."""

    config: Training
    model: str
    parameters: int
    trainable: int
    format: str
    rows: int
    held_out_rows: int
    tokens: int
    """in one pass"""
    target_tokens: int
    """in one pass: tokens that are learned"""
    masked_share: float
    """of the tokens that are read but not learned"""
    cut_rows: int
    cut_tokens: int
    new_tokens: int
    """that the base's vocabulary does not have"""
    added_rows: int
    """of the embedding: for those that find no unused row"""
    steps: int
    total_tokens: int
    """over all steps"""
    tokens_per_s: float
    step_s: float
    train_s: float
    """steps and measurements of held-out loss"""
    evaluate_s: float
    """measuring base and trained model"""
    memory_bytes: int
    """peak of this process"""
    weights_bytes: int
    """of them the model's weights"""
    saved_bytes: int
    """what these take less than in the precision of the arithmetic"""
    disk_bytes: int
    """checkpoints and the final model"""
    derived: tuple[Derived, ...]
    choices: Mapping[str, Any]
    """of the engine: threads, precision, matmul route, unit size"""
    notes: tuple[str, ...]
    warnings: tuple[str, ...]

    @property
    def total_s(self) -> float:
        return self.train_s + self.evaluate_s

    def to_json(self) -> dict[str, Any]:
        """Plain dicts, lists, numbers and strings."""
        body = {k: getattr(self, k) for k in self.__dataclass_fields__ if k not in ("config", "derived")}
        body["choices"] = dict(self.choices)
        body["notes"], body["warnings"] = list(self.notes), list(self.warnings)
        return {
            **body,
            "total_s": self.total_s,
            "config": self.config.model_dump(mode="json"),
            "derived": [asdict(d) for d in self.derived],
        }


def spec_of(config: Training, tokens: Sequence[int] = ()) -> LoraSpec:
    """The adapter that a resolved config asks for, with the rows of new tokens."""
    assert config.lora.rank is not None
    lora = config.lora
    return LoraSpec(rank=config.lora.rank, alpha=lora.alpha, targets=lora.names(), seed=config.seed, tokens=tuple(tokens))


def complete(config: Training, prepared: Prepared, engine: Engine, *, start: Adapter | None) -> Derivation:
    """Derive every setting but those that are measured. start: what the run starts from."""
    facts = engine.facts
    shape = {"alpha": config.lora.alpha, "targets": config.lora.names()}
    train, taught, held_out = prepared.train.sizes, prepared.taught, prepared.measured.sizes
    return derive(
        config,
        Facts(
            family=str(facts["family"]),
            hidden=int(str(facts["hidden"])),
            max_positions=prepared.max_positions,
            lora_parameters=lambda rank: engine.lora_parameters(LoraSpec(rank=rank, **shape)),
            rows=train.rows,
            tokens=train.tokens,
            longest=max(train.longest, prepared.valid.sizes.longest),
            target_tokens=train.target_tokens,
            bits_per_target=_bits(engine, start, taught.data[:BITS_ROWS]) if config.lora.rank is None else 0.0,
            held_out=held_out.rows,
            valid_share=prepared.valid_share,
            longest_answer=max(taught.sizes.longest_answer, held_out.longest_answer),
            grader=prepared.grader.name if prepared.grader else "none",
            grader_why=prepared.grader_why,
            date=prepared.renderer.template.now.date(),
            streamed=prepared.streamed,
            streamed_why=prepared.streamed_why,
            quantize=facts["quantize"],  # type: ignore[arg-type]
        ),
    )


def make_plan(
    derivation: Derivation, prepared: Prepared, engine: Engine, ref: ModelRef, *, start: Adapter | None, full: bool
) -> Plan:
    """Probe and add up. Changes no adapter: what it creates is freed, a gradient that it leaves is cleared.

    start: what the run starts from, an adapter or the bare base; full: `start` is the model itself, to be trained whole.
    """
    config = derivation.config
    assert config.steps
    assert config.evaluate_every
    assert config.eval_items
    assert config.eval_tokens
    train = prepared.train
    order = Order.of(config, train.sizes.rows)
    probe = _Probe(engine, config, start, full, prepared.new_ids)
    per_token, step_overhead = probe.steps(train, order)
    passes, rest = divmod(min(config.steps * order.batch, order.epochs * order.rows), order.rows)
    positions = train.tokens - train.sizes.rows
    total_tokens = passes * positions
    if prepared.streamed:  # the mean, rather than reading them all
        total_tokens += round(rest * positions / train.sizes.rows)
    else:
        total_tokens += sum(train.data[i].length for i in order.permutation(passes, rest))
    facts = engine.facts
    trainable = int(str(facts["parameters"])) if full else engine.lora_parameters(spec_of(config, prepared.new_ids))
    if full:
        step_overhead += _update_s(trainable)
    drawing_s = 0.0
    if isinstance(config, GRPO):
        drawing_s, drawn = probe.rollouts(prepared, config)
        assert config.updates
        total_tokens, step_overhead = config.steps * drawn, step_overhead * config.updates
    steps_s = total_tokens * per_token + config.steps * (step_overhead + drawing_s)

    measured_rows = prepared.measured.head(config.eval_items)
    loss_s = probe.forward(measured_rows.data)
    measurements = math.ceil(config.steps / config.evaluate_every) + 1
    answers_s = probe.answers(prepared, measured_rows.examples, config)
    if isinstance(config, GRPO):
        loss_s = answers_s / 2  # what is measured on the way is answers, too
    drawn_rows = config.group * min(config.batch or 1, train.sizes.rows) if isinstance(config, GRPO) else 0
    peak = _peak_bytes(engine, train.sizes.lengths, config.steps, trainable if full else 0, drawn_rows)
    checkpoint = 12 * trainable
    weights, full_size = weights_of(engine)
    probe.close()

    resolved, more = measured(config, choices=choices_of(engine), step_s=steps_s / config.steps, checkpoint_bytes=checkpoint)
    return Plan(
        config=resolved,
        model=ref.name,
        parameters=int(str(facts["parameters"])),
        trainable=trainable,
        format=prepared.format,
        rows=train.sizes.rows,
        held_out_rows=len(prepared.measured.data),
        tokens=train.tokens,
        target_tokens=train.target_tokens,
        masked_share=1 - train.target_tokens / train.tokens,
        cut_rows=train.sizes.cut_rows,
        cut_tokens=train.sizes.cut_tokens,
        new_tokens=len(prepared.new_ids),
        added_rows=int(str(facts["added_rows"])),
        steps=config.steps,
        total_tokens=total_tokens,
        tokens_per_s=total_tokens / steps_s,
        step_s=steps_s / config.steps,
        train_s=steps_s + measurements * loss_s,
        evaluate_s=2 * loss_s + answers_s,
        memory_bytes=peak,
        weights_bytes=weights,
        saved_bytes=max(0, full_size - weights),
        disk_bytes=3 * checkpoint + 4 * trainable,
        derived=(*derivation.derived, *more),
        choices=choices_of(engine),
        notes=prepared.notes,
        warnings=(
            *notes_of(engine),
            *prepared.warnings,
            *derivation.warnings,
            *slow_decoding(engine),
            *([] if full else untrained_stop(engine, start, prepared)),
        ),
    )


COMPILED, COMPILED_BYTES, COMPILED_A_SIZE = 1024, 450_000, 16
"""How many products oneDNN keeps machine code of, at most; how large that is each; and how many bfloat16 ones there are for each
size of sequence, in steps of eight positions (measured on models of 0.3M to 15M parameters)."""
DECODED = 5
"""Products of a decoded token, each compiled for every number of answers that are not yet at their end; in bfloat16 for every
eighth."""


def compiled_bytes(*, exact: bool, lengths: Collection[int], steps: int, drawn_rows: int) -> int:
    """Machine code that oneDNN will have written for products of so many shapes, in bytes. exact: in float32, where only those of
    decoding are compiled; lengths: of the rows, in tokens; drawn_rows: answers that a step draws at once, or 0."""
    sizes = 0 if exact else len({(length - 1) // 8 for length in lengths})
    trained = COMPILED_A_SIZE * min(sizes, steps)
    return COMPILED_BYTES * min(COMPILED, trained + DECODED * (drawn_rows if exact else -(-drawn_rows // 8)))


def _peak_bytes(engine: Engine, lengths: Collection[int], steps: int, trained: int, drawn_rows: int) -> int:
    """Memory of this process at its peak: that of the probes, and what comes later. trained: weights of a full fine-tune, or 0;
    the others as for `compiled_bytes`.

    Moments of a full fine-tune. What the certificate's audits hold beside the trained model, at most: of a full fine-tune, the
    same once more, with gradients and moments; of an adapter, the base in float32, where it is neither held so already nor
    quantised, and twice the merged model. Compiled products.
    """
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    choices, parameters = choices_of(engine), int(str(engine.facts["parameters"]))
    if choices.get("device") != "cpu":
        return peak
    exact = choices.get("dtype") == "float32" or engine.facts["quantize"] != "none"
    if trained:
        peak += 8 * trained - engine.memory().get("optimizer", 0)
    peak += parameters * (16 if trained else 8) + (0 if exact else parameters * (2 if trained else 4))
    in_float32 = choices.get("dtype") == "float32"
    return peak + compiled_bytes(exact=in_float32, lengths=lengths, steps=steps, drawn_rows=drawn_rows)


def weights_of(engine: Engine) -> tuple[int, int]:
    """Bytes of the model's weights as they are held, and in the precision of the arithmetic alone."""
    held, size = engine.memory()["weights"], 2 if choices_of(engine)["dtype"] == "bfloat16" else 4
    return held, held if engine.facts["quantize"] == "none" else size * int(str(engine.facts["parameters"]))


def slow_decoding(engine: Engine) -> list[str]:
    """A warning where answers come slowly, because every product looks up every weight anew."""
    if engine.facts["quantize"] != "nf4" or choices_of(engine)["device"] != "cpu":
        return []
    return [
        "On a CPU, nf4 looks up every weight anew for every product: training is hardly slower, but answers come several times "
        "as slowly as from int8. Give quantize=int8 unless memory is too small for it."
    ]


def choices_of(engine: Engine) -> dict[str, Any]:
    """What the engine was told or measured to be fastest; with these, another engine on this machine gives the same bits."""
    choices = engine.facts["choices"]
    assert isinstance(choices, Mapping)
    return dict(choices)


def _bits(engine: Engine, route: Adapter | None, data: Sequence[Datum]) -> float:
    """Bits per target token that the starting model lacks; 0 where rows only ask."""
    outputs = engine.forward(data, route=route).result()
    lost = sum(float(-(d.streams["weights"] * o.logprobs).sum()) for d, o in zip(data, outputs, strict=True))
    targets = sum(float(d.streams["weights"].sum()) for d in data)
    return lost / targets / math.log(2) if targets else 0.0


def _with_targets(row: Datum) -> Datum:
    """The row; one that only asks as if it were trained on, which takes as long."""
    weights = row.streams["weights"]
    return row if weights.any() else replace(row, streams={**row.streams, "weights": np.ones_like(weights)})


def untrained_stop(engine: Engine, route: Adapter | None, prepared: Prepared) -> list[str]:
    """A warning where the token that ends answers cannot be told from others by this model.

    Tokens that a base never saw often share one row of its embedding. The head is frozen under an adapter, so such tokens keep
    equal probabilities whatever is trained, and answers would never end.
    """
    row = prepared.train.rendered[0].ids[:8]
    everything = np.arange(int(str(engine.facts["vocab"])), dtype=np.int32)
    targets = np.broadcast_to(everything, (len(row), len(everything)))
    probe = Datum((TokenChunk(row),), {"targets": targets, "weights": np.zeros(targets.shape, np.float32)})
    logprobs = engine.forward([probe], route=route).result()[0].logprobs
    assert logprobs is not None
    warnings = []
    for stop in sorted((prepared.train.sizes.ends & set(prepared.renderer.stop_ids)) - set(prepared.new_ids)):
        twins = int((np.abs(logprobs - logprobs[:, [stop]]).max(0) < TWIN_NATS).sum()) - 1
        if twins > 0:
            name = prepared.renderer.tokenizer.decode([stop])
            warnings.append(
                f"The model cannot tell {name}, which ends an answer, from {twins} other tokens: their embeddings are alike, as "
                "of tokens that it never saw. An adapter cannot change that, so answers will not end by themselves. Use "
                "method=full, or another base."
            )
    return warnings


def _update_s(parameters: int) -> float:
    """Seconds in which AdamW updates this many parameters, by how fast this machine moves memory (7 passes of 4 bytes)."""
    block = np.zeros(4_000_000, dtype=np.float32)
    block += 1
    started = time.perf_counter()
    block += 1
    return (time.perf_counter() - started) / 2 * 7 * parameters / block.size


class _Probe:
    """Times the verbs on throw-away state."""

    def __init__(self, engine: Engine, config: Training, start: Adapter | None, full: bool, tokens: Sequence[int]) -> None:
        self.engine, self.route = engine, start
        self.forward_s_per_token = 0.0
        if full:
            self.scratch = None
        elif start is None:
            self.scratch = engine.create(spec_of(config, tokens))
        else:
            self.scratch = engine.copy(start, tokens=tokens)

    def steps(self, train: Side, order: Order) -> tuple[float, float]:
        """(seconds per token of forward and backward, seconds of a step besides)."""
        data = train.data
        warm = [train.sizes.longest_row, *order.rows_of(0)][: order.batch]
        steps = range(min(MOST_STEPS, order.epochs * order.rows // order.batch or 1))
        rates: list[float] = []
        updates: list[float] = []
        began = time.perf_counter()
        for number, rows in enumerate([warm, *(order.rows_of(s) for s in steps)]):
            batch = mean_over_targets([_with_targets(data[i]) for i in rows[:PROBE_ROWS]])
            started = time.perf_counter()
            self._backward(batch)
            middle = time.perf_counter()
            self._update()
            if number > 0:
                rates.append((middle - started) / sum(d.length for d in batch))
                updates.append(time.perf_counter() - middle)
            spent = time.perf_counter() - began
            if rates and (spent > PROBE_S or (spent > SETTLE_S and len(rates) >= PROBE_STEPS)):
                break
        settled = len(rates) // 2
        return median(rates[settled:]), median(updates[settled:])

    def _backward(self, batch: Sequence[Datum]) -> None:
        self.engine.forward_backward(batch, route=self.scratch or self.route).result()

    def _update(self) -> None:
        if self.scratch is None:
            assert self.route is not None
            self.engine.clear_gradient(self.route)
        else:
            self.engine.optim_step(AdamParams(learning_rate=1e-9), adapter=self.scratch).result()

    def forward(self, data: Sequence[Datum]) -> float:
        """Seconds of the held-out loss over `data`, from at most 16 rows; the quicker of two times, for the first prepares."""
        part, times = data[:16], []
        for _ in range(2):
            started = time.perf_counter()
            self.engine.forward(part, route=self.scratch or self.route).result()
            times.append(time.perf_counter() - started)
        self.forward_s_per_token = min(times) / sum(d.length for d in part)
        return self.forward_s_per_token * sum(d.length for d in data)

    def answers(self, prepared: Prepared, examples: Sequence[Example], config: Training) -> float:
        """Seconds of measuring base and trained model by sampling; the base is taken to go on to the limit, the trained one to
        stop where the answers of the data do."""
        assert config.eval_tokens
        policy = Policy(self.engine, self.scratch or self.route)
        asked = examples if prepared.grader is not None else examples[:SHOWN]
        sample = asked[:IN_FLIGHT]
        evaluate(policy, prepared.renderer, asked[-2:], grader=None, limit_tokens=2)
        limit = min(STEADY_TOKENS, config.eval_tokens)
        probe = evaluate(policy, prepared.renderer, sample, grader=prepared.grader, limit_tokens=limit, setting=prepared.setting)
        drawn = [a.new_tokens for item in probe.items for a in item.answers]
        if not drawn:
            return 0.0
        prefill = min(0.7 * probe.sampling_s, self.forward_s_per_token * sum(i.prompt_tokens for i in probe.items))
        per_token = (probe.sampling_s - prefill) / max(drawn)
        rounds = len(asked) / len(sample)
        answers = [min(config.eval_tokens, int((d.streams["weights"] > 0).sum())) for d in prepared.measured.data[: len(asked)]]
        goes_on = sum(n >= limit for n in drawn) / len(drawn)
        base = goes_on * config.eval_tokens + (1 - goes_on) * median(drawn)
        return rounds * (2 * prefill + per_token * (base + sum(answers) / len(answers)))

    def rollouts(self, prepared: Prepared, config: GRPO) -> tuple[float, int]:
        """Seconds of drawing and grading the answers of one step, and their tokens with those of the questions: what a few tokens
        of each take, and as many as the answers of the data have."""
        assert config.batch
        assert config.answer_tokens
        asking = asking_of(config, prepared, None)
        rows = range(min(config.batch, train_rows := len(prepared.train.examples)))
        questions = asking.questions([prepared.train.examples[i] for i in rows])
        policy, limit = Policy(self.engine, self.scratch or self.route), min(STEADY_TOKENS, config.answer_tokens)
        started = time.perf_counter()
        groups = replace(asking, limit_tokens=limit).roll_out(policy, questions, 0, samples=config.group)
        seconds = time.perf_counter() - started
        longest = max(int(r.drawn.sum()) for group in groups for r in group)
        going = sum(r.stop_reason == "length" for group in groups for r in group) / (len(groups) * config.group)
        known = min(config.answer_tokens, round(prepared.train.sizes.target_tokens / train_rows))
        answer = round(going * max(known, longest) + (1 - going) * longest)
        asked = sum(len(q.ids) for q in questions)
        return seconds * max(1.0, answer / max(1, longest)), config.group * (asked + len(questions) * answer)

    def close(self) -> None:
        if self.scratch is not None:
            self.engine.free(self.scratch)
