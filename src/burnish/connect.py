"""Where the verbs come from. "local" is an engine in this process; other places join here when they exist.

The engine (and with it torch) is imported when one is opened, never before.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from burnish.engine.families import FAMILIES, read_arch
from burnish.errors import CapabilityMissing, ConfigError, ModelNotFound
from burnish.protocols import Engine, Policy
from burnish.render.extend import Extension, of_adapter
from burnish.store import machine
from burnish.store.atomic import read_json
from burnish.store.models import ModelRef, resolve


def open_engine(
    where: str,
    ref: ModelRef,
    *,
    dtype: str = "auto",
    device: str = "auto",
    threads: int | None = None,
    choices: Mapping[str, Any] | None = None,
    extension: Extension | None = None,
) -> Engine:
    """An engine over the base model of `ref`, held as `ref` says; its adapter, if any, is not loaded (see `open_policy`). A
    family that is not ours is computed by transformers where that is installed.

    where: "local". choices: the measured choices of an earlier run, taken as they are, for bit identity; the other
    settings are then not read. What was measured on this machine is cached. extension: new tokens of the vocabulary; None =
    those that the adapter of `ref` holds rows of, if any. Raises ConfigError for a place that does not exist.
    """
    if where != "local":
        raise ConfigError(f"models cannot be opened at {where!r}", seen="known: local", todo='use "local"')
    from burnish.engine.borrowed_host import host_of
    from burnish.engine.device import device_of

    measured = measured_here() if choices is None and device_of(device) != "cuda" else None
    if extension is None and ref.adapter is not None:
        extension = of_adapter(ref.base, ref.adapter)
    return host_of(ref.base).open(
        ref.base,
        dtype=dtype,
        device=device,
        threads=threads,
        measured=measured,
        choices=choices,
        quantize=ref.quantize,
        extension=extension,
    )


def measured_here(*, again: bool = False) -> Mapping[str, Any]:
    """What is fastest on this machine, measured once and kept; `again` measures anew.

    That fewer threads than cores are fastest is kept the second time it is found only: another program may have been busy.
    """
    from burnish.engine import native
    from burnish.engine.measure import cores, kernels, machine_key, measure

    if again:
        native.forget()
    key = machine_key()
    measured = None if again else machine.load_measured(key)
    if measured is not None and "kernels" not in measured and not native.missing():  # a compiler has come since
        figures = {k: v for k, v in measured.get("figures", {}).items() if k != "kernels"}
        measured = {**measured, "figures": figures, "kernels": kernels(figures)}
        machine.save_measured(key, measured)
    if measured is None:
        measured, doubted = measure(), f"{key}|doubted"
        fewer = measured["threads"] < cores()
        if fewer and not machine.load_measured(doubted):
            machine.save_measured(doubted, measured)
        else:
            machine.save_measured(doubted, {})
            machine.save_measured(key, measured)
    return measured


def max_positions(ref: ModelRef) -> int:
    """Tokens of the longest sequence that the base of `ref` takes. No weights are read, and no torch for families of our own."""
    config = read_json(ref.base / "config.json")
    if config.get("model_type") in FAMILIES:
        return read_arch(config).max_positions
    from burnish.engine import borrowed_files

    borrowed_files.check_installed(ref.base)
    return borrowed_files.max_positions(borrowed_files.config_of(ref.base))


def notes_of(engine: Engine) -> tuple[str, ...]:
    """What whoever uses this engine should know, such as that it is a slow one."""
    notes = engine.facts.get("notes", ())
    assert isinstance(notes, tuple)
    return notes


def open_policy(engine: Engine, ref: ModelRef) -> Policy:
    """What `ref` names, on an engine opened over its base: the adapter loaded into a slot, or the bare base."""
    return Policy(engine, None if ref.adapter is None else engine.load(ref.adapter))


def require(engine: Engine, *names: str) -> None:
    """Raises CapabilityMissing, naming what the engine lacks."""
    missing = [n for n in names if n not in engine.capabilities]
    if missing:
        raise CapabilityMissing(f"this engine does not offer {', '.join(missing)}", seen=", ".join(sorted(engine.capabilities)))


@dataclass
class LocalModels:
    """The models of one run, in this process. Others than the policy are opened when asked for; one engine per base, with the
    policy's choices, because threads and kernels are those of the whole process."""

    policy: Policy
    start: Policy | None = None
    """what the run started from; None where training changes it (a full fine-tune)"""
    _engines: dict[str, Engine] = field(default_factory=dict)

    @property
    def reference(self) -> Policy:
        """What the run started from, as it was then."""
        if self.start is None:
            raise CapabilityMissing(
                "the model that this run started from is not kept beside the one that is trained", todo="use method=lora"
            )
        return self.start

    def open(self, ref: str, role: str) -> Policy:
        """A model to read from. `role` (teacher, reward, judge) says what for in errors. Raises ModelNotFound."""
        try:
            found = resolve(ref)
        except ModelNotFound as error:
            what = f"the {role} of this run cannot be opened: {error.what}"
            raise ModelNotFound(what, seen=error.seen, todo=error.todo) from error
        extension = None if found.adapter is None else of_adapter(found.base, found.adapter)
        key = f"{found.base} {found.quantize}" + ("" if extension is None else f" {found.adapter}")
        if key not in self._engines:
            choices = self.policy.engine.facts["choices"]
            assert isinstance(choices, Mapping)
            self._engines[key] = open_engine("local", found, choices=choices, extension=extension)
        policy = open_policy(self._engines[key], found)
        require(policy.engine, "forward", "sample")
        return policy
