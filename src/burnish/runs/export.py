"""A trained model as files that other tools load: an adapter (for PEFT, or for vLLM to serve), a whole merged model, or a GGUF
file with an Ollama Modelfile.

An export is written beside its place, opened again in a fresh engine, and compared with the model that it was made of:
log-probabilities of up to twenty prompts with a sampled answer each. Only then does it get its name. The tokenizer's
files are copied byte for byte, since a template that differs from the one that was trained with changes every answer.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from shlex import quote
from typing import Any, Literal

import numpy as np

from burnish import connect
from burnish.errors import CapabilityMissing, ConfigError, ExportFailed, RunError
from burnish.evals.audits import MERGE_BAR, Audit, compare_logprobs, logprobs_of, stored_precision
from burnish.protocols import Engine
from burnish.render.extend import TRAINED
from burnish.render.tokenizer import Tokenizer
from burnish.runs import gguf, llamacpp, report
from burnish.store.atomic import atomic_directory, read_json, verify, write_json
from burnish.store.models import ModelRef, resolve
from burnish.types import Adapter, Datum, Quantize, SamplingParams

Form = Literal["peft", "vllm", "merged", "gguf"]
ADAPTERS = ("peft", "vllm")
"""Forms that are an adapter."""
MARK = "export.json"
"""What an export says about itself; only a directory with it is ever replaced."""
FORMAT = 1
VLLM_RANK = 512
"""The largest --max-lora-rank."""
PROMPTS = 20
ANSWER_TOKENS = 24
ELSEWHERE_BAR = 1e-4
"""The same in another tool, whose kernels add in another order."""
PEFT_BAR = 1e-6
"""Mean |difference| of a reopened adapter relative to its log-probabilities: only rounding is allowed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Exported:
    """What was written, and how it was checked."""

    out: Path
    form: Form
    base: Path
    """model directory that the adapter was trained over"""
    quantize: Quantize
    """and how it was held"""
    files: tuple[str, ...]
    bytes: int
    check: Audit

    def to_json(self) -> dict[str, Any]:
        """Plain dicts, lists, numbers and strings."""
        return {**asdict(self), "out": str(self.out), "base": str(self.base), "files": list(self.files)}


def export_run(model: str, *, to: Form, out: Path, force: bool = False, precision: gguf.Precision = "auto") -> Exported:
    """Export a run (or another adapter, or a trained whole model) into the directory `out`.

    to: "peft" names its base by path, or by hub id and revision where it comes from there; "merged" is a whole model in the
    precision of its base; "gguf" is that as one file for llama.cpp and Ollama, with matrices in `precision` (a base model may be
    written so, too). force: replace an earlier export that is as it was written. Raises RunError for a directory that holds
    anything else, CapabilityMissing for a form that the model does not have, ExportFailed when the reopened export is not the
    model; `out` is then as before.
    """
    out = out.expanduser().absolute()
    ref = resolve(model)
    _check_place(out, ref, force=force)
    if ref.adapter is None and to in ADAPTERS:
        raise CapabilityMissing(f"{model} is a whole model, without an adapter", todo="export it with --to merged")
    if to == "gguf":
        gguf.check(ref.base)
    elif precision != "auto":
        raise ConfigError("only GGUF files are written in another precision than the base's", todo="leave it out, or --to gguf")
    if to == "vllm" and ref.quantize != "none":
        raise CapabilityMissing(
            f"vLLM would serve the adapter over its base as it stands, and it was trained over it in {ref.quantize}",
            todo="export it with --to merged, and serve that",
        )
    if ref.adapter is None and ref.kind == "hf" and to != "gguf":
        raise CapabilityMissing(f"{model} is a base model: there is nothing trained to export", todo="name a run or an adapter")
    engine = connect.open_engine("local", ref, dtype="float32")
    adapter = None if ref.adapter is None else engine.load(ref.adapter)
    tokenizer = Tokenizer.load(ref.tokenizer)
    data = _texts(engine, adapter, tokenizer, _known_prompts(ref))
    wanted = logprobs_of(engine, data, adapter)
    with atomic_directory(out) as partial:
        if adapter is None:
            _copy_weights(ref.base, partial)
        else:
            form = "peft" if to in ADAPTERS else "merged"
            engine.export(partial, adapter=adapter, form=form, base=ref.hub[0] if ref.hub else str(ref.base))
            if to == "vllm":
                _check_vllm(partial)
            if to in ADAPTERS and ref.hub:
                named = partial / "adapter_config.json"
                write_json(named, {**read_json(named), "revision": ref.hub[1]})
        tokenizer.copy_to(partial)
        mark = {"format": FORMAT, "form": to, "model": ref.name, "fingerprint": ref.fingerprint, "base": str(ref.base)}
        mark["quantize"] = ref.quantize
        write_json(partial / MARK, mark)
        check = _reopened(partial, to, ref, data, wanted, engine)
        if to != "gguf" and check.passed:
            check = _elsewhere(partial, to, ref, data, wanted, check)
        if to == "gguf" and check.passed:
            check = _as_gguf(partial, ref.name, precision, data, wanted)
        if not check.passed:
            raise ExportFailed(
                "the export, opened again, is not the model that it was made of; nothing was kept",
                seen=check.detail,
                todo="export in the other form, and report this with the model's config.json",
            )
    files = tuple(sorted(p.name for p in out.iterdir()))
    size = sum(p.stat().st_size for p in out.iterdir())
    return Exported(out=out, form=to, base=ref.base, quantize=ref.quantize, files=files, bytes=size, check=check)


def _check_place(out: Path, ref: ModelRef, *, force: bool) -> None:
    """Only a new or empty directory is written to, or, with force, an export that nobody has changed."""
    if not out.exists() or (out.is_dir() and not any(out.iterdir())):
        return
    if not out.is_dir():
        raise RunError(f"{out} is a file", todo="name a new directory with --out")
    faults = verify(out) if (out / MARK).is_file() else ["it was not written by `burnish export`"]
    if faults or out in (ref.base, ref.adapter):
        raise RunError(
            f"{out} is not empty, and no earlier export that could be replaced",
            seen="; ".join(faults[:3]) or "the model itself",
            todo="name a new directory with --out",
        )
    if not force:
        raise RunError(f"{out} holds an earlier export", todo="give --force to replace it, or name a new directory with --out")


def _texts(engine: Engine, adapter: Adapter | None, tokenizer: Tokenizer, known: Sequence[str]) -> list[Datum]:
    """PROMPTS texts, each with an answer of the model's own: `known` prompts, filled up with texts that it makes up
    from nothing."""
    positions = int(str(engine.facts["max_positions"]))
    start = (
        [*tokenizer.prefix_ids] or [*tokenizer.eos_ids[:1]] or [0]
    )  # any token starts a text that only has to be the same twice
    encoded = [[*tokenizer.prefix_ids, *tokenizer.encode(p)] for p in known]
    prompts = [p for p in encoded if 0 < len(p) < positions - 1][:PROMPTS]
    prompts += [start] * (PROMPTS - len(prompts))
    params = [
        SamplingParams(limit_tokens=min(ANSWER_TOKENS, positions - len(p)), temperature=1.0, seed=i, stop_ids=())
        for i, p in enumerate(prompts)
    ]
    drawn = engine.sample(prompts, params, route=adapter).result()
    return [_datum(p, answers[0].ids) for p, answers in zip(prompts, drawn, strict=True)]


def _datum(prompt: Sequence[int], answer: np.ndarray) -> Datum:
    ids = np.concatenate([np.asarray(prompt, np.int32), answer.astype(np.int32)])
    return Datum.from_tokens(ids, np.ones(len(ids), np.float32))


def _known_prompts(ref: ModelRef) -> list[str]:
    """Distinct prompts that a run's report shows; none for a model that is no run."""
    found = report.read((ref.adapter or ref.base).parent) if ref.kind == "run" else None
    if found is None:
        return []
    pairs = (*found.comparison.side_by_side, *found.comparison.improved, *found.comparison.worsened)
    return list(dict.fromkeys(p.prompt for p in pairs if p.prompt))


def _copy_weights(base: Path, partial: Path) -> None:
    for path in sorted(base.iterdir()):
        if path.name == "config.json" or path.suffix == ".safetensors" or path.name.endswith(".safetensors.index.json"):
            shutil.copyfile(path, partial / path.name)


def _check_vllm(partial: Path) -> None:
    """vLLM loads what PEFT loads, but for heads and large ranks."""
    rank = read_json(partial / "adapter_config.json")["r"]
    if rank > VLLM_RANK:
        todo = "export it with --to merged, and serve that"
        raise CapabilityMissing(f"vLLM serves adapters of a rank up to {VLLM_RANK}", seen=f"rank {rank}", todo=todo)
    if read_json(partial / "adapter_config.json").get(TRAINED):
        raise CapabilityMissing(
            "vLLM does not serve an adapter that brings tokens of its own",
            seen="rows of the embedding in the adapter",
            todo="export it with --to merged, and serve that",
        )
    if any(p.name not in ("adapter_config.json", "adapter_model.safetensors") for p in partial.iterdir()):
        raise CapabilityMissing("vLLM does not serve an adapter with a value or score head", todo="export it with --to peft")


def next_step(done: Exported, name: str) -> str:
    """What to type to use an export."""
    match done.form:
        case "peft" if done.quantize != "none":
            how = f"it was trained over {done.base} in {done.quantize}, and over the base as it stands it is another model"
            return f"`burnish chat {quote(str(done.out))}` ({how}; for other tools use --to merged)"
        case "peft":
            return f"AutoPeftModelForCausalLM.from_pretrained({str(done.out)!r})"
        case "vllm":
            rank = read_json(done.out / "adapter_config.json")["r"]
            room = next(r for r in (8, 16, 32, 64, 128, 256, VLLM_RANK) if r >= rank)
            served = f"--enable-lora --max-lora-rank {room} --lora-modules {quote(f'{name}={done.out}')}"
            return f"vllm serve {quote(str(done.base))} {served}"
        case "merged":
            return f"vllm serve {quote(str(done.out))}, or AutoModelForCausalLM.from_pretrained({str(done.out)!r})"
        case "gguf":
            file, folder = quote(str(done.out / gguf.FILE)), quote(str(done.out))
            return f"llama-server -m {file}, or: cd {folder} && ollama create {_plain(name)} -f {gguf.MODELFILE}"


def _plain(name: str) -> str:
    """A name as Ollama takes one."""
    return re.sub(r"[^a-z0-9._-]+", "-", name.lower()).strip("-._") or "model"


def _elsewhere(
    partial: Path, form: Form, ref: ModelRef, data: Sequence[Datum], wanted: Sequence[np.ndarray], check: Audit
) -> Audit:
    """The same check in transformers, and in peft for adapters, where they are installed and there is room."""
    from burnish.engine import foreign

    base, adapter = (ref.base, partial) if form in ADAPTERS else (partial, None)
    tool = "transformers" if adapter is None else "peft"
    why, found = foreign.why_not(base, adapter), list[np.ndarray]()
    if adapter is not None and ref.quantize != "none":
        why = f"{tool} would put it over the base as it stands, and not as it was held in {ref.quantize}"
    if not why:
        try:
            found = foreign.logprobs(base, adapter, data)
        except (ImportError, OSError, RuntimeError, TypeError, ValueError, LookupError, AttributeError) as error:
            # another package's, of a version that does not know the family, say
            why = f"{tool} does not load it ({type(error).__name__}: {str(error).splitlines()[0][:200] if str(error) else ''})"
    if why:
        return replace(check, detail=f"{check.detail}; {why}, so that it was opened by burnish alone")
    assert check.bar is not None
    there = compare_logprobs(check.name, wanted, found, max(check.bar, ELSEWHERE_BAR), f"opened in {tool}")
    return replace(there if not there.passed else check, detail=f"{check.detail}; {there.detail}")


def _as_gguf(partial: Path, name: str, precision: gguf.Precision, data: Sequence[Datum], wanted: Sequence[np.ndarray]) -> Audit:
    """Put a GGUF file in the place of the merged model, read it again, and draw from it where llama.cpp is installed."""
    gguf.write(partial, partial, precision=precision, name=name)
    from burnish.engine.gguf import compare

    worst, count = compare(partial, partial / gguf.FILE)
    bar = gguf.ROUNDING[precision]
    check = Audit(
        name="export equality",
        passed=worst <= bar,
        value=worst,
        bar=bar,
        detail=f"{count} tensors of the GGUF file, read again, differ by {worst:.1e} of their largest value at most",
    )
    if check.passed:
        quantised = precision == "q8_0"
        found = llamacpp.compare(partial / gguf.FILE, Tokenizer.load(partial), data, wanted, quantised)
        more = "llama.cpp is not installed here, so that nothing was computed with it" if found is None else found.detail
        check = replace(check, passed=found is None or found.passed is not False, detail=f"{check.detail}; {more}")
    for path in partial.iterdir():
        if path.name not in (gguf.FILE, gguf.MODELFILE, MARK):
            path.unlink() if path.is_file() else shutil.rmtree(path)
    return check


def _reopened(
    partial: Path, form: Form, ref: ModelRef, data: Sequence[Datum], wanted: Sequence[np.ndarray], engine: Engine
) -> Audit:
    """Log-probabilities of the written files in an engine of their own, against the model's."""
    choices = engine.facts["choices"]
    assert isinstance(choices, dict)
    base = ref.base if form in ADAPTERS else partial
    of = partial if form in ADAPTERS else None
    quantize = ref.quantize if form in ADAPTERS else "none"
    found = ModelRef(kind="hf", base=base, adapter=of, name=str(partial), fingerprint="", quantize=quantize)
    fresh = connect.open_engine("local", found, choices=choices)
    adapter = None if of is None else fresh.load(of)
    if form in ADAPTERS:
        bar, what = PEFT_BAR, "adapter, reopened over its base"
    else:
        precision = stored_precision(partial)
        bar, what = MERGE_BAR[precision], f"merged model, stored in {precision}, reopened"
    return compare_logprobs("export equality", wanted, logprobs_of(fresh, data, adapter), bar, what)
