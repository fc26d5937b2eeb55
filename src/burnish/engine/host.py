"""The engine host: one base model, any number of adapters over it, and the five verbs.

It implements `protocols.Engine`. Requests become jobs (`jobs.py`); training and sampling share the decoder, the bank and the
machine, and hold no state between units of work.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Collection, Generator, Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any, get_args

import torch

from burnish.engine import device as on
from burnish.engine import files, heap, matmul, measure, native, trainer
from burnish.engine.adapters import AdapterBank, Slot, fitted, pairs, parameter_count
from burnish.engine.arch import Arch
from burnish.engine.attention import AttentionForm
from burnish.engine.decoder import Decoder
from burnish.engine.flat import Flat
from burnish.engine.jobs import Job, Queue, Touch
from burnish.engine.load import read_model, save_weights, shapes
from burnish.engine.measure import Choices
from burnish.engine.optim import Adam
from burnish.engine.quantised import Quantised
from burnish.engine.sampler import Sampler
from burnish.engine.tokens import MATRICES, lengthened, load_extended
from burnish.errors import BurnishError, CapabilityMissing, ConfigError, ModelRefused
from burnish.protocols import Constraint, OnSample, OnToken
from burnish.render.extend import Extension
from burnish.render.tokenizer import Tokenizer
from burnish.store import over as trained_over
from burnish.types import (
    AdamParams,
    Adapter,
    Datum,
    LoraSpec,
    LossResult,
    Outputs,
    Quantize,
    Route,
    Sample,
    SamplingParams,
    StepResult,
)

BASE = "base"
"""The name under which jobs touch the bare base."""
DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16}


class Full:
    """The slot of a full fine-tune: the base's own masters and their optimiser."""

    def __init__(self, decoder: Decoder, source: Mapping[str, torch.Tensor] | None) -> None:
        self.adapter = Adapter(id="full", kind="full")
        self.flat = decoder.unfreeze(source)
        vectors = [o for n, o in self.flat.offsets.items() if len(self.flat.shapes[n]) < 2]
        self.adam = Adam(self.flat, decay_end=min(vectors, default=None))
        self.decoder, self.version = decoder, 0

    def need_grad(self) -> None:
        if self.flat.grad is None:
            self.flat.need_grad()
            self.decoder.bind()

    def refresh(self) -> None:
        self.decoder.refresh()


class Host:
    """See the module. Open with `Host.open`. `BorrowedHost` is the same over a model that transformers computes."""

    _sampler_class = Sampler
    _passes: Any = trainer
    """the module whose `forward` and `forward_backward` compute"""

    def __init__(
        self,
        directory: Path,
        config: Mapping[str, Any],
        stored: Arch,
        choices: Choices,
        tokenizer: Tokenizer | None,
        quantize: Quantize = "none",
        extension: Extension | None = None,
    ) -> None:
        """stored: the architecture of the files, which an extension may lengthen."""
        self._stored, self._new = stored, extension.tokens if extension else ()
        arch = lengthened(stored, self._new)
        self.directory, self.config, self.arch, self.choices, self.tokenizer = directory, config, arch, choices, tokenizer
        device, dtype = torch.device(choices.device), DTYPES[choices.dtype]
        self.quantize: Quantize = quantize
        self.decoder = Decoder(arch, device=device, dtype=dtype, quantize=quantize)
        self.decoder.form = AttentionForm(choices.bmm_limit, together=choices.device == "cuda")
        self._fill(self.decoder.weights, self.decoder.held)
        self.bank = AdapterBank(arch, device=device, dtype=dtype)
        self.full: Full | None = None
        self.queue = Queue()
        self._sampler: Sampler | None = None

    @classmethod
    def open(
        cls,
        directory: Path | str,
        *,
        dtype: str = "auto",
        device: str = "auto",
        threads: int | None = None,
        unit_tokens: int | None = None,
        measured: Mapping[str, Any] | None = None,
        choices: Mapping[str, Any] | None = None,
        checkpointing: bool | None = None,
        quantize: Quantize = "none",
        extension: Extension | None = None,
    ) -> Host:
        """Load a Hugging Face directory.

        dtype: "auto", "float32" or "bfloat16" (compute precision; masters stay float32). device: "auto", "cpu", "cuda".
        measured: cached result of `measure.measure` for this machine (measured now where None and needed).
        choices: resolved choices of an earlier run, taken as they are, for bit identity.
        checkpointing: recompute activations in backward; None = where memory asks for it.
        quantize: hold the matrices of the blocks in "int8" or "nf4" (see `quantised.py`); they are then never trained.
        extension: new tokens, which the files do not have.
        Raises ModelRefused for a directory that is not understood or not safe.
        """
        directory = Path(directory)
        config, arch = cls._described(directory)
        if device not in ("auto", "cpu", "cuda") or dtype not in ("auto", *DTYPES):
            raise ConfigError("device is cpu, cuda or auto and dtype float32, bfloat16 or auto", seen=f"{device!r}, {dtype!r}")
        if quantize not in get_args(Quantize):
            raise ConfigError(f"quantize is {', '.join(get_args(Quantize))}", seen=repr(quantize))
        device = on.device_of(device) if choices is None else Choices(**choices).device
        if device == "cuda" and not torch.cuda.is_available():
            raise ConfigError(
                "device=cuda was asked for, but torch sees no CUDA device",
                seen="the choices of a run that was started on one" if choices is not None else "",
                todo="go on where there is one, or start anew with device=cpu" if choices is not None else "use device=cpu",
            )
        if device == "cuda":
            on.repeat_exactly()
        else:
            heap.keep()
        if choices is None:
            if measured is None and device == "cpu":
                measured = measure.measure()
            chosen = measure.choose(
                dict(measured) if measured else None,
                device=device,
                dtype=dtype,
                threads=threads,
                unit_tokens=unit_tokens,
                work_per_token=6.0 * arch.matmul_parameters,
                fits=lambda tokens, dtype: not on.is_short(arch, tokens, device, dtype),
            )
        else:
            chosen = Choices(**choices)
        torch.set_num_threads(chosen.threads)
        matmul.use(chosen.matmul)
        native.use(chosen.kernels)
        if extension is not None:
            tokenizer: Tokenizer | None = extension.tokenizer
        else:
            tokenizer = Tokenizer.load(directory) if (directory / "tokenizer.json").is_file() else None
        host = cls(directory, config, arch, chosen, tokenizer, quantize, extension)
        short = on.is_short(arch, chosen.unit_tokens, chosen.device, chosen.dtype)
        host.decoder.checkpointing = short if checkpointing is None else checkpointing
        return host

    @staticmethod
    def _described(directory: Path) -> tuple[dict[str, Any], Arch]:
        return read_model(directory)

    # -- what it is ---------------------------------------------------------------------------------------------------

    @property
    def capabilities(self) -> frozenset[str]:
        return frozenset(
            "forward forward_backward optim_step sample save load lora full value_head score_head mixtures "
            "token_losses set_losses constraints prompt_logprobs top_logprobs".split()
        )

    @property
    def facts(self) -> Mapping[str, object]:
        arch = self.arch
        return {
            "directory": str(self.directory),
            "family": arch.family,
            "parameters": sum(int(torch.Size(s).numel()) for s in shapes(arch).values()),
            "hidden": arch.hidden,
            "layers": arch.layers,
            "vocab": arch.vocab,
            "added_rows": arch.vocab - self._stored.vocab,
            "max_positions": arch.max_positions,
            "matmul_parameters": arch.matmul_parameters,
            "quantize": self.quantize,
            "choices": self.choices.to_json(),
            "checkpointing": self.decoder.checkpointing,
            "torch": torch.__version__,
            "machine": measure.machine_key() + (f"|kernels={native.digest()}" if self.choices.kernels == "native" else ""),
        }

    def lora_parameters(self, spec: LoraSpec) -> int:
        """Trainable parameters of an adapter of this shape over this base."""
        return parameter_count(self.arch, spec)

    def memory(self) -> Mapping[str, int]:
        """Bytes held, by purpose."""
        owners = [*self.bank.slots.values(), *([self.full] if self.full else [])]
        moments = [m for o in owners if o.adam.moments for m in o.adam.moments]
        return {
            "weights": sum(t.nbytes for t in (*self.decoder.weights.values(), *self.decoder.held.values())),
            "adapters": sum(s.flat.data.numel() * 4 for s in self.bank.slots.values()),
            "gradients": sum(o.flat.grad.numel() * 4 for o in owners if o.flat.grad is not None),
            "optimizer": sum(m.numel() * 4 for m in moments),
            "cache": self._sampler.cache_bytes() if self._sampler is not None else 0,
        }

    # -- adapters -----------------------------------------------------------------------------------------------------

    def create(self, spec: LoraSpec) -> Adapter:
        """A new adapter: A random by spec.seed, B zero, so that it starts as the base."""
        if self.full is not None:
            raise CapabilityMissing("this host is fully fine-tuned; adapters need a frozen base", todo="open a second host")
        slot = self.bank.new(spec)
        slot.over = self.quantize
        slot.initialise()
        slot.start_rows(self.decoder.weights)
        return slot.adapter

    def create_full(self) -> Adapter:
        """Make the base itself trainable. The host must hold no adapters; it has no bare base from then on."""
        if self.full is not None or self.bank.slots:
            raise CapabilityMissing("a full fine-tune owns its host", todo="free the adapters first, or open a second host")
        if self.quantize != "none":
            raise CapabilityMissing(
                "a quantised base cannot be trained: most steps are smaller than what its weights are rounded by",
                seen=f"quantize = {self.quantize}",
                todo="train an adapter over it, or open the model without quantize",
            )
        source = None
        if self.decoder.master is None:
            source = self._file_weights()
        self.full = Full(self.decoder, source)
        return self.full.adapter

    def copy(self, adapter: Adapter, *, tokens: Sequence[int] = ()) -> Adapter:
        """A new adapter with the same parameters and a fresh optimiser; it holds the rows of these tokens, too."""
        if adapter.kind == "full":
            raise CapabilityMissing("a full fine-tune cannot be copied inside its host", todo="save it and open a second host")
        self._settle()
        return self.bank.copy(self.bank.get(adapter), self.decoder.weights, tokens).adapter

    def free(self, adapter: Adapter) -> None:
        """Forget an adapter and all that belongs to it."""
        if adapter.kind == "full":
            raise CapabilityMissing("a full fine-tune lives as long as its host")
        self._settle()
        self.bank.free(adapter)
        self._forget()

    def _owner(self, adapter: Adapter) -> Slot | Full:
        if adapter.kind == "full":
            if self.full is None or self.full.adapter != adapter:
                raise CapabilityMissing("this host is not fully fine-tuned")
            return self.full
        return self.bank.get(adapter)

    def _settle(self) -> None:
        """Finish what is in flight, so that a direct change of adapters cannot fall between its units."""
        while self.queue.busy():
            self.queue.turn()

    def _forget(self) -> None:
        if self._sampler is not None:
            self._sampler.forget()

    def _routes(self, route: Route | Sequence[Route], count: int) -> list[Route]:
        """One checked route per row. A tuple of (adapter, weight) pairs is one mixture, not a sequence of routes."""
        if isinstance(route, Adapter) or route is None or _is_mix(route):
            routes: list[Route] = [route] * count  # type: ignore[list-item]
        else:
            routes = list(route)  # type: ignore[arg-type]
            if len(routes) != count:
                raise ConfigError("one route per row is needed", seen=f"{len(routes)} routes for {count} rows")
        for one in set(routes):
            owners = pairs(one)
            for adapter, weight in owners:
                owner = self._owner(adapter)
                if isinstance(owner, Slot) and owner.tokens is not None and (len(owners) > 1 or weight != 1):
                    raise CapabilityMissing(
                        "an adapter that holds rows of tokens cannot be mixed: whose rows would be read is not defined",
                        seen=f"{adapter.id} in a mixture",
                        todo="merge it into a model first, or take it alone",
                    )
            if self.full is not None and (len(owners) != 1 or owners[0][0] != self.full.adapter):
                raise CapabilityMissing(
                    "this host is fully fine-tuned: it has no bare base", todo="open a second host for the base"
                )
        return routes

    @staticmethod
    def _touch(routes: Sequence[Route], access: str) -> Touch:
        return Touch(frozenset(a.id for r in routes for a, _ in pairs(r)) or frozenset({BASE}), access)  # type: ignore[arg-type]

    # -- verbs --------------------------------------------------------------------------------------------------------

    def forward(
        self, data: Sequence[Datum], *, route: Route | Sequence[Route] = None, outputs: Sequence[str] = ("logprobs",)
    ) -> Job[list[Outputs]]:
        """Log-probabilities of targets, values, scores or hidden states; no gradient."""
        routes = self._routes(route, len(data))
        work = self._passes.forward(self.decoder, self.bank, data, routes, outputs, self.choices.unit_tokens)
        return self.queue.add(work, self._touch(routes, "read"))

    def forward_backward(
        self,
        data: Sequence[Datum],
        *,
        route: Route | Sequence[Route],
        loss: str = "cross_entropy",
        loss_config: Mapping[str, float] | None = None,
    ) -> Job[LossResult]:
        """Add the gradient of the summed loss to every adapter that a row passes through.

        If the job fails or is cancelled, the gradients of its adapters are cleared: a step restarts from its beginning.
        """
        routes = self._routes(route, len(data))
        owners = {a.id: a for r in routes for a, _ in pairs(r)}
        if any(not pairs(r) for r in routes):
            raise CapabilityMissing("the bare base cannot be trained", todo="give each row an adapter (create or create_full)")
        for adapter in owners.values():
            self._owner(adapter).need_grad()

        def clear() -> None:
            for adapter in owners.values():
                self.clear_gradient(adapter)

        work = self._passes.forward_backward(
            self.decoder, self.bank, data, routes, loss, loss_config or {}, self.choices.unit_tokens
        )
        return self.queue.add(work, self._touch(routes, "gradient"), clear)

    def optim_step(self, params: AdamParams, *, adapter: Adapter) -> Job[StepResult]:
        """Clip, update, clear the gradient, count a version."""
        owner = self._owner(adapter)

        def work() -> Generator[None, None, StepResult]:
            norm = owner.adam.step(params)
            owner.refresh()
            owner.version += 1
            if isinstance(owner, Slot):
                owner.over = self.quantize
            return StepResult(grad_norm=norm, weight_version=owner.version)
            yield

        return self.queue.add(work(), self._touch([adapter], "write"))

    def clear_gradient(self, adapter: Adapter) -> None:
        """Forget gradients that were accumulated but not applied."""
        owner = self._owner(adapter)
        if owner.flat.grad is not None:
            owner.flat.grad.zero_()

    def sample(
        self,
        prompts: Sequence[Sequence[int]],
        params: SamplingParams | Sequence[SamplingParams],
        *,
        route: Route | Sequence[Route] = None,
        constraints: Sequence[Callable[[], Constraint] | None] | None = None,
        on_token: OnToken | None = None,
        on_sample: OnSample | None = None,
        tenant: str | None = None,
    ) -> Job[list[list[Sample]]]:
        """Draw answers; rows of all requests in flight share one continuous batch.

        tenant: a name lets prompts continue stored conversations of that tenant (chat); None neither reads nor stores any.
        """
        routes = self._routes(route, len(prompts))
        each = [params] * len(prompts) if isinstance(params, SamplingParams) else list(params)
        sampler = self.sampler()
        request = sampler.prepare(prompts, each, routes, constraints, on_token, on_sample=on_sample, tenant=tenant)

        def work() -> Generator[None, None, list[list[Sample]]]:
            sampler.enqueue(request, self._version)  # not before: an earlier write to its adapters must have happened
            try:
                while not request.done:
                    sampler.step()
                    yield
            finally:
                if not request.done:
                    request.cancel()
            return request.results()

        return self.queue.add(work(), self._touch(routes, "read"), request.cancel)

    def _version(self, route: Route) -> int:
        owners = pairs(route)
        return max((self._owner(a).version for a, _ in owners), default=0)

    def sampler(self) -> Sampler:
        if self._sampler is None:
            tokenizer = self.tokenizer
            self._sampler = self._sampler_class(
                self.decoder,
                self.bank,
                token_bytes=tokenizer.token_bytes if tokenizer else [b""] * self.arch.vocab,
                end_ids=tokenizer.eos_ids if tokenizer else (),
                special_ids=frozenset(tokenizer.controls.spelling_of) if tokenizer else frozenset(),
            )
        return self._sampler

    # -- files --------------------------------------------------------------------------------------------------------

    def save(self, path: Path, *, adapter: Adapter, optimizer: bool = True) -> None:
        """The exact state of an adapter, for resume: float32 parameters, moments, counters."""
        self._settle()
        owner = self._owner(adapter)
        header: dict[str, Any] = {"kind": adapter.kind, "version": owner.version}
        if isinstance(owner, Slot):
            header["spec"], header["quantize"] = asdict(owner.spec), owner.over
        files.write_state(Path(path), header, owner.flat, owner.adam if optimizer else None)

    def load(self, path: Path, *, adapter: Adapter | None = None) -> Adapter:
        """Read what `save` wrote, or a PEFT directory, into a new slot or in place into `adapter`."""
        self._settle()
        path = Path(path)
        if (path / "slot.json").is_file():
            header = files.read_header(path)
            if header["kind"] == "full":
                owner: Slot | Full = self._owner(adapter or self.create_full())
            else:
                over = self._fits(header.get("quantize", "none"))
                raw = header["spec"]
                lists = ("targets", "heads", "tokens")
                spec = LoraSpec(**{**raw, **{name: tuple(raw[name]) for name in lists if name in raw}})
                owner = self._target(adapter, spec)
                owner.over = over
            files.read_state(path, header, owner.flat, owner.adam)
            owner.version = int(header["version"])
        elif (path / "adapter_config.json").is_file():
            spec = self._peft_spec(path)
            over = self._fits(trained_over.read(path))
            owner = self._target(adapter, spec)
            assert isinstance(owner, Slot)
            owner.over = over
            owner.start_rows(self.decoder.weights)  # an adapter may hold rows of the embedding and none of the head
            try:
                self._read_peft(path, owner)
            except BurnishError:
                if adapter is None:
                    self.bank.free(owner.adapter)
                raise
        else:
            raise ConfigError("the directory holds neither a saved adapter state nor a PEFT adapter", seen=str(path))
        owner.refresh()
        self._forget()
        return owner.adapter

    def _peft_spec(self, path: Path) -> LoraSpec:
        return files.read_peft_spec(path, self.arch)

    def _read_peft(self, path: Path, slot: Slot) -> None:
        files.read_peft(path, slot)

    def _fits(self, over: Quantize) -> Quantize:
        """How a saved adapter's base was held; one that was quantised must be held so here, too. One trained over the base as it
        is may also be asked over a quantised one."""
        if over not in ("none", self.quantize):
            raise ModelRefused(
                "the adapter was trained over its base in another form, and over this one would be another model",
                seen=f"quantize = {over} in training, {self.quantize} here",
                todo=f"open the base with quantize={over}",
            )
        return over

    def _target(self, adapter: Adapter | None, spec: LoraSpec) -> Slot:
        """The slot to fill: a new one, or the given one if it has this shape."""
        if adapter is None:
            if self.full is not None:
                raise CapabilityMissing("this host is fully fine-tuned; adapters need a frozen base", todo="open a second host")
            return self.bank.new(spec)
        owner = self._owner(adapter)
        spec = fitted(spec, self.arch)
        same = isinstance(owner, Slot) and replace(owner.spec, seed=0) == replace(spec, seed=0)
        if not same:
            raise ConfigError("the saved adapter has another shape than the slot it should fill", seen=str(spec))
        assert isinstance(owner, Slot)
        return owner

    def export(self, path: Path, *, adapter: Adapter, form: str, base: str) -> None:
        """Files that other tools load: "peft" (an adapter naming `base`) or "merged" (a whole model in the base's precision).

        Over a quantised base the merged model is what was trained: the matrices as they are held, and the adapter.
        """
        self._settle()
        path, owner = Path(path), self._owner(adapter)
        if form == "peft":
            if not isinstance(owner, Slot):
                raise CapabilityMissing("a full fine-tune has no adapter to export", todo="export with --to merged")
            files.write_peft(path, owner, base)
            return
        if form != "merged":
            raise ConfigError(f"there is no export form {form!r}", seen="known: peft, merged")
        if isinstance(owner, Slot):
            if owner.over != self.quantize:
                raise ConfigError(
                    "an adapter is merged only into the base that it was trained over, in the form in which that was held",
                    seen=f"quantize = {owner.over} in training, {self.quantize} here",
                    todo=f"open the base with quantize={owner.over}",
                )
            exact = self._exact_base()
            tensors = files.merged_weights(self.arch, exact, owner)
        else:
            tensors = owner.flat.views
        dtype = self.stored_dtype()
        save_weights(path / "model.safetensors", self.arch, tensors, dtype)
        config = {k: v for k, v in self.config.items() if k != "torch_dtype"}
        config["dtype"] = config["torch_dtype"] = str(dtype).removeprefix("torch.")
        config["vocab_size"] = self.arch.vocab
        (path / "config.json").write_text(json.dumps(config, indent=2) + "\n", "utf-8")

    def stored_dtype(self) -> torch.dtype:
        """The precision that the base's own files declare; merged models are written in it."""
        name = str(self.config.get("dtype") or self.config.get("torch_dtype") or "float32").removeprefix("torch.")
        known = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}
        if name not in known:
            raise ConfigError(f"the base declares the precision {name!r}, into which nothing can be merged")
        return known[name]

    def _exact_base(self) -> Mapping[str, torch.Tensor]:
        """The base's weights in float32, from memory where they are exact there, else from its files; the matrices of a quantised
        base as they are held."""
        decoder = self.decoder
        if decoder.master is not None:
            return decoder.master.views
        if decoder.held and decoder.dtype == torch.float32:
            return _Dequantised(decoder.held, decoder.weights)
        return _Dequantised(decoder.held, self._file_weights(skip=decoder.held))

    def _file_weights(self, skip: Collection[str] = ()) -> Mapping[str, torch.Tensor]:
        """The base's weights in float32 from its files, but for those of `skip`, with the rows of new tokens, on the CPU."""
        rest = {name: shape for name, shape in shapes(self.arch).items() if name not in skip}
        views = Flat(rest, device=torch.device("cpu")).views
        load_extended(self.directory, self._stored, self._new, views, skip=skip)
        return views

    def _fill(self, into: Mapping[str, torch.Tensor], held: Mapping[str, Quantised] = MappingProxyType({})) -> None:
        load_extended(self.directory, self._stored, self._new, into, held)

    # -- inspection ---------------------------------------------------------------------------------------------------

    def digest(self, adapter: Adapter) -> str:
        """sha256 over the adapter's float32 parameters."""
        self._settle()
        return hashlib.sha256(self._owner(adapter).flat.data.to("cpu").numpy().tobytes()).hexdigest()

    def inspect(self, adapter: Adapter) -> Mapping[str, float]:
        """Largest absolute value of each trained tensor; for a full fine-tune, of its difference from the base, and so for each
        row of a token, as `tokens.embed.ID` and `tokens.head.ID`."""
        self._settle()
        owner = self._owner(adapter)
        if isinstance(owner, Slot):
            sizes = {n: float(v.abs().max()) for n, v in owner.flat.views.items() if n not in MATRICES}
            for name, matrix in MATRICES.items():
                if name in owner.flat.views and owner.tokens is not None:
                    moved_KD = owner.flat.views[name] - self.decoder.weights[matrix][owner.tokens.ids_K]
                    for token, size in zip(owner.spec.tokens, moved_KD.abs().amax(1).tolist(), strict=True):
                        sizes[f"{name}.{token}"] = size
            return sizes
        base = self._file_weights()
        return {n: float((v.to("cpu") - base[n]).abs().max()) for n, v in owner.flat.views.items()}


class _Dequantised(Mapping[str, torch.Tensor]):
    """Weights of which each one held in fewer bits is made when it is asked for, so that they never lie there all at once."""

    def __init__(self, held: Mapping[str, Quantised], rest: Mapping[str, torch.Tensor]) -> None:
        self.held, self.rest = held, rest

    def __getitem__(self, name: str) -> torch.Tensor:
        held = self.held.get(name)
        return self.rest[name] if held is None else held.whole(torch.float32)

    def __iter__(self) -> Iterator[str]:
        return iter((*self.rest, *self.held))

    def __len__(self) -> int:
        return len(self.rest) + len(self.held)


def _is_mix(route: object) -> bool:
    return isinstance(route, tuple) and len(route) > 0 and isinstance(route[0], tuple)
