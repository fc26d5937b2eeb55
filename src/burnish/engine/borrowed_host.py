"""The engine host over a model that transformers computes: the same verbs, adapters, jobs and states; other passes and files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch

from burnish.engine import borrowed_files, borrowed_training, measure
from burnish.engine.adapters import AdapterBank, Slot
from burnish.engine.arch import Arch
from burnish.engine.borrowed import Borrowed, unit_room
from burnish.engine.borrowed_sampling import BorrowedSampler
from burnish.engine.device import device_of
from burnish.engine.host import DTYPES, Full, Host
from burnish.engine.jobs import Queue
from burnish.engine.measure import Choices
from burnish.engine.sampler import Sampler
from burnish.errors import CapabilityMissing, ConfigError
from burnish.render.extend import Extension
from burnish.render.tokenizer import Tokenizer
from burnish.types import Adapter, LoraSpec, Quantize


def host_of(directory: Path) -> type[Host]:
    """Which host opens a model: `Host` where its family is ours. Raises ModelRefused where transformers is needed and absent."""
    if borrowed_files.is_ours(directory):
        return Host
    borrowed_files.check_installed(directory)
    return BorrowedHost


class BorrowedHost(Host):
    """See the module. Open with `BorrowedHost.open`."""

    _sampler_class = BorrowedSampler  # type: ignore[assignment]
    _passes = borrowed_training

    def __init__(
        self,
        directory: Path,
        config: Mapping[str, Any],
        arch: Arch,
        choices: Choices,
        tokenizer: Tokenizer | None,
        quantize: Quantize = "none",
        extension: Extension | None = None,
    ) -> None:
        if extension is not None:
            raise CapabilityMissing(
                "a model that transformers computes gains no new tokens here",
                seen=f"{len(extension.tokens)} new tokens, a model of type {arch.family!r}",
                todo="leave new_tokens out",
            )
        if quantize != "none":
            raise ConfigError(
                "a model that transformers computes is not held in fewer bits here",
                seen=f"quantize = {quantize}, a model of type {arch.family!r}",
                todo="leave quantize out",
            )
        self.quantize: Quantize = quantize
        choices = replace(choices, kernels="torch", unit_tokens=min(choices.unit_tokens, unit_room(arch.vocab)))
        device, dtype = torch.device(choices.device), DTYPES[choices.dtype]
        self.model = Borrowed(directory, arch, device=device, dtype=dtype)
        self.decoder = self.model  # type: ignore[assignment]
        self.directory, self.config, self.arch = directory, config, self.model.arch
        self.choices, self.tokenizer = choices, tokenizer
        self.bank = AdapterBank(self.arch, device=device, dtype=torch.float32)
        self.full: Full | None = None
        self.queue = Queue()
        self._sampler: Sampler | None = None

    @classmethod
    def open(cls, directory: Path | str, *, dtype: str = "auto", device: str = "auto", **settings: Any) -> Host:
        """As `Host.open`; dtype "auto" is float32 on a CPU."""
        if dtype == "auto" and device_of(device) == "cpu":
            dtype = "float32"
        return super().open(directory, dtype=dtype, device=device, **settings)

    @staticmethod
    def _described(directory: Path) -> tuple[dict[str, Any], Arch]:
        return borrowed_files.read(directory)

    @property
    def facts(self) -> Mapping[str, object]:
        arch, parameters = self.arch, sum(p.numel() for p in self.model.weights.values())
        used = f"transformers {version('transformers')}"
        how = "" if self.model.caches else "; it keeps no keys and values that could be stored, so sampling is slower still"
        bits = (
            ()
            if self.model.repeats
            else (
                "an operation of this model has no form on this device that repeats exactly: the same run may end in other bits",
            )
        )
        return {
            "directory": str(self.directory),
            "family": arch.family,
            "parameters": parameters,
            "hidden": arch.hidden,
            "layers": self.model.depth,
            "vocab": arch.vocab,
            "added_rows": 0,
            "max_positions": arch.max_positions,
            "matmul_parameters": parameters,
            "choices": self.choices.to_json(),
            "checkpointing": False,
            "torch": torch.__version__,
            "machine": f"{measure.machine_key()}|{used}",
            "quantize": self.quantize,
            "notes": (f"models of type {arch.family!r} are computed by {used}, slower than burnish's own families{how}", *bits),
        }

    # -- files --------------------------------------------------------------------------------------------------------

    def _peft_spec(self, path: Path) -> LoraSpec:
        return borrowed_files.read_peft_spec(path, self.arch)

    def _read_peft(self, path: Path, slot: Slot) -> None:
        borrowed_files.read_peft(path, slot)

    def export(self, path: Path, *, adapter: Adapter, form: str, base: str) -> None:
        """Files that other tools load: "peft" (an adapter naming `base`) or "merged" (a whole model in the base's precision)."""
        self._settle()
        path, owner = Path(path), self._owner(adapter)
        slot = owner if isinstance(owner, Slot) else None
        if form == "peft":
            if slot is None:
                raise CapabilityMissing("a full fine-tune has no adapter to export", todo="export with --to merged")
            borrowed_files.write_peft(path, slot, base, model=self.model.model)
        elif form == "merged":
            weights = borrowed_files.merged(self.model.model, slot)
            borrowed_files.write_merged(path, self.model.model, weights, self.config, self.stored_dtype())
        else:
            raise ConfigError(f"there is no export form {form!r}", seen="known: peft, merged")

    # -- inspection ---------------------------------------------------------------------------------------------------

    def inspect(self, adapter: Adapter) -> Mapping[str, float]:
        """Largest absolute value of each trained tensor; for a full fine-tune, of its difference from the base's files."""
        self._settle()
        owner = self._owner(adapter)
        if isinstance(owner, Slot):
            return super().inspect(adapter)
        base = dict(borrowed_files.load(self.directory).named_parameters())
        return {n: float((v.to("cpu") - base[n].detach()).abs().max()) for n, v in owner.flat.views.items()}
