"""What a run opens before it trains: its paths as they hold from anywhere, the engine, what it starts from, what is trained."""

from __future__ import annotations

import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from burnish import __version__, connect
from burnish.errors import ConfigError, ModelRefused
from burnish.protocols import Engine
from burnish.recipes.training import ALL_TARGETS, Lora, Target, Training
from burnish.render.extend import Extension
from burnish.runs.plan import Plan, complete, make_plan, spec_of
from burnish.runs.prepare import Prepared
from burnish.store import hubdata
from burnish.store.atomic import read_json
from burnish.store.models import ModelRef, holds_model
from burnish.tasks import ready, rehearsal
from burnish.types import Adapter, LoraSpec


@dataclass(frozen=True, slots=True)
class Begun:
    """What a run starts from. `adapter` None = the bare base; for a full fine-tune it is the model itself. `parent`: the shape of
    the adapter that the run continues."""

    adapter: Adapter | None
    parent: LoraSpec | None


def anchored(config: Training) -> Training:
    """The config with paths that hold from any working directory, and datasets of the hub at the commit that they have now."""
    model = str(Path(config.model).resolve()) if holds_model(Path(config.model)) else config.model
    valid = None if config.valid is None else _anchored(config.valid)
    data = config.data if ready.find(config.data) and not Path(config.data).is_dir() else _anchored(config.data)
    world = config.rehearse is None or rehearsal.is_world(config.rehearse)
    rehearse = config.rehearse if world else _anchored(str(config.rehearse))
    tokens = str(Path(config.new_tokens).resolve()) if isinstance(config.new_tokens, str) else config.new_tokens
    paths = {"model": model, "data": data, "valid": valid, "rehearse": rehearse, "new_tokens": tokens}
    return config.model_copy(update=paths)


def _anchored(data: str) -> str:
    return hubdata.pinned(data) if hubdata.is_hub(data) else str(Path(data).resolve())


def open_trainable(
    config: Training, ref: ModelRef, choices: Mapping[str, Any] | None, extension: Extension | None = None
) -> Engine:
    """The engine of a run, with the new tokens, checked for the verbs that it needs."""
    engine = connect.open_engine(
        "local",
        ref,
        dtype=config.dtype,
        device=config.device,
        threads=config.threads,
        choices=choices,
        extension=extension,
    )
    connect.require(engine, "forward", "forward_backward", "optim_step", "sample", "save", config.method)
    return engine


def begin(config: Training, ref: ModelRef, engine: Engine) -> Begun:
    """Load what the run starts from. Raises ConfigError where the config contradicts the adapter that it continues."""
    if config.method == "full":
        if ref.adapter is not None:
            raise ConfigError(
                f"{ref.name} is an adapter, and method=full trains a whole model",
                todo="merge it first with `burnish export --to merged`, or use method=lora",
            )
        return Begun(engine.create_full(), None)
    if ref.adapter is None:
        return Begun(None, None)
    body = read_json(ref.adapter / "adapter_config.json")
    parent = LoraSpec(rank=body["r"], alpha=body["lora_alpha"], targets=_targets(body["target_modules"]))
    given = {"rank": config.lora.rank, "alpha": config.lora.alpha, "targets": config.lora.names()}
    wrong = [k for k in config.lora.model_fields_set if given[k] not in (None, getattr(parent, k))]
    if wrong:
        raise ConfigError(
            f"the run continues the adapter {ref.name}, which has another shape than the config asks for",
            seen=f"lora.{wrong[0]} = {given[wrong[0]]}, the adapter has {getattr(parent, wrong[0])}",
            todo=f"leave lora.{wrong[0]} out, or merge the adapter first and start from the merged model",
        )
    return Begun(engine.load(ref.adapter), parent)


def _targets(modules: str | Sequence[str]) -> tuple[Target, ...]:
    """The modules of an adapter_config.json, by their last names or by whole paths; "all-linear" means all."""
    if modules == "all-linear":
        return ALL_TARGETS
    if isinstance(modules, str):
        raise ModelRefused("target_modules as a pattern is not understood", seen=modules)
    names = {module.rsplit(".", 1)[-1].removesuffix("_proj") for module in modules}
    if names - {*ALL_TARGETS, "qkv", "gate_up"}:  # of a model that transformers computes, whose modules have other names
        return ALL_TARGETS
    for fused, parts in (("qkv", "qkv"), ("gate_up", ("gate", "up"))):  # in families whose files hold such matrices
        names |= set(parts) if fused in names else set()
    return tuple(t for t in ALL_TARGETS if t in names)


def probed(config: Training, ref: ModelRef, prepared: Prepared, engine: Engine, begun: Begun) -> Plan:
    """Derive what is open, then measure what it will cost."""
    if begun.parent is not None:
        targets: tuple[Target, ...] = tuple(t for t in ALL_TARGETS if begun.parent.targets.count(t))
        lora = Lora(rank=begun.parent.rank, alpha=begun.parent.alpha, targets=targets)
        config = config.model_copy(update={"lora": lora})
    derivation = complete(config, prepared, engine, start=begun.adapter)
    return make_plan(derivation, prepared, engine, ref, start=begun.adapter, full=config.method == "full")


def versions(engine: Engine) -> dict[str, str]:
    """What bit identity also depends on."""
    return {"burnish": __version__, "python": platform.python_version(), "engine": str(engine.facts["machine"])}


def trainable(config: Training, engine: Engine, begun: Begun, tokens: Sequence[int]) -> Adapter:
    """The slot that is trained: the model itself, a copy of the parent's adapter, or a new adapter."""
    if begun.adapter is None:
        return engine.create(spec_of(config, tokens))
    return begun.adapter if config.method == "full" else engine.copy(begun.adapter, tokens=tokens)
