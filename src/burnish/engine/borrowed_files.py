"""Files of a model that transformers computes: reading its directory, and writing adapters and merged models.

Models come from a directory on this disk; nothing is fetched, and code that comes with a model is never run.
"""

from __future__ import annotations

import json
import warnings
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from burnish.engine.adapters import Slot
from burnish.engine.arch import Arch, Module
from burnish.engine.families import FAMILIES
from burnish.engine.files import peft_config, read_peft_config
from burnish.engine.load import read_config, weight_files
from burnish.errors import ModelRefused
from burnish.types import LoraSpec

_OLD_BUFFERS = (".attn.bias", ".attn.masked_bias", ".attention.bias", ".attention.masked_bias", "rotary_emb.inv_freq")
"""Ends of the names of tensors that old files hold and that say nothing that config.json does not."""
_NOT_IN_PEFT = (("mamba", "mamba2", "falcon_mamba", "falcon_h1", "nemotron_h"), ("out_proj",))
"""Families, and their modules into which peft lets no adapter: fast kernels take the matrix and multiply with it themselves."""
_POSITIONS = ("max_position_embeddings", "max_seq_len", "seq_length", "max_sequence_length")
"""Keys under which configs say how many positions a model takes."""
POSITIONS = 2048
"""Where none of them is there."""
_VERSION = 5
"""Of transformers, the first that is tested: older ones hold experts as modules of which the probing passes reach only some."""


def is_ours(directory: Path) -> bool:
    """Whether the model is of a family that burnish computes itself."""
    return str(read_config(directory).get("model_type")) in FAMILIES


def check_installed(directory: Path) -> None:
    """Raises ModelRefused where a model of this family needs transformers and that is not here."""
    if find_spec("transformers") is None:
        kind = read_config(directory).get("model_type")
        raise ModelRefused(
            f"models of type {kind!r} are computed by transformers, which is not installed",
            seen=f"computed without it: {', '.join(sorted(FAMILIES))}",
            todo="install it with `pip install 'burnish[transformers]'`, or use a model of one of these types",
        )
    if int(version("transformers").split(".")[0]) < _VERSION:
        raise ModelRefused(
            f"transformers is older than version {_VERSION}",
            seen=version("transformers"),
            todo="install another with `pip install -U 'burnish[transformers]'`",
        )


@contextmanager
def quietly() -> Iterator[None]:
    """Without the progress bars and warnings of transformers."""
    from transformers.utils import logging

    before, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.set_verbosity(before)
        if bars:
            logging.enable_progress_bar()


@contextmanager
def refusing() -> Iterator[None]:
    """What transformers says against a model, as a refusal."""
    try:
        with quietly():
            yield
    except (ImportError, OSError, RuntimeError, TypeError, ValueError, LookupError, AttributeError) as error:
        said = str(error).strip().splitlines()
        raise ModelRefused(
            "transformers does not open this model as a causal language model",
            seen=f"{type(error).__name__}: {said[0][:300] if said else ''}",
            todo="use a model of a family that it knows, or another version of it",
        ) from error


def config_of(directory: Path) -> Any:
    """config.json as transformers reads it, which fills in what it leaves out; ModelRefused for what it does not take."""
    with refusing():
        return plain_config(directory)


def plain_config(directory: Path) -> Any:
    """config.json as transformers reads it, without the implementations that it may ask for: some would be fetched from the hub,
    and they are code."""
    from transformers import AutoConfig

    config = AutoConfig.from_pretrained(directory, local_files_only=True, trust_remote_code=False)
    config._attn_implementation = config._experts_implementation = None  # of the configs within it too
    return config


def max_positions(config: Any) -> int:
    """How many positions a model takes; POSITIONS where its config knows no bound.

    With LongRoPE the original context: beyond it all positions turn by other factors, those of shorter texts in the batch too.
    """
    text = config.get_text_config()
    most = next((int(p) for p in (getattr(text, key, None) for key in _POSITIONS) if p), POSITIONS)
    rope = getattr(text, "rope_parameters", None) or {}
    for own in (rope, *rope.values()):  # one for all layers, or one for each kind of layer
        if isinstance(own, Mapping) and own.get("rope_type") == "longrope":
            most = min(most, int(own.get("original_max_position_embeddings") or most))
    return most


def read(directory: Path) -> tuple[dict[str, Any], Arch]:
    """config.json, and what it says about the size of things. Raises ModelRefused for what is not understood or not safe."""
    from transformers import AutoModelForCausalLM

    config = read_config(directory)
    for key, why in (
        ("auto_map", "config.json asks for code that comes with the model (auto_map); burnish never runs such code"),
        ("quantization_config", "the model's weights are quantised"),
    ):
        if key in config:
            raise ModelRefused(why, todo="use another model directory")
    made = config_of(directory)
    with refusing(), torch.device("meta"):
        model = AutoModelForCausalLM.from_config(made, trust_remote_code=False)
    head = model.get_output_embeddings()
    if head is None:
        raise ModelRefused("the model has no output head that transformers names", todo="use another base model")
    kind, text = str(config.get("model_type")), made.get_text_config()
    vocab, hidden = head.weight.shape  # type: ignore[union-attr]
    return config, Arch(
        family=kind,
        vocab=vocab,
        hidden=hidden,
        layers=int(getattr(text, "num_hidden_layers", None) or 1),
        heads=1,
        kv_heads=1,
        head_dim=hidden,
        intermediate=4 * hidden,
        norm_eps=1e-5,
        max_positions=max_positions(made),
        modules=_modules(kind, model, head),
    )


def linears(model: torch.nn.Module) -> dict[str, Any]:
    """The linear modules by path; GPT-2's Conv1D is one."""
    from transformers.pytorch_utils import Conv1D

    return {path: module for path, module in model.named_modules() if isinstance(module, torch.nn.Linear | Conv1D)}


def _modules(kind: str, model: torch.nn.Module, head: torch.nn.Module) -> tuple[Module, ...]:
    """Every linear module but the head: what peft calls all-linear."""
    from transformers.pytorch_utils import Conv1D

    found = []
    for path, module in linears(model).items():
        if module is not head:
            outputs, inputs = module.weight.shape[::-1] if isinstance(module, Conv1D) else module.weight.shape
            found.append(Module(path, outputs, inputs))
    families, barred = _NOT_IN_PEFT
    return tuple(m for m in found if kind not in families or m.name not in barred)


def load(directory: Path) -> Any:
    """The model in float32, on the CPU. Raises ModelRefused for weights that are missing, unknown or misshapen."""
    from transformers import AutoModelForCausalLM

    weight_files(directory)
    with refusing():
        opened: Any = AutoModelForCausalLM.from_pretrained(
            directory,
            config=plain_config(directory),
            dtype=torch.float32,
            local_files_only=True,
            trust_remote_code=False,
            use_safetensors=True,
            output_loading_info=True,
        )
    model, told = opened
    unknown = [key for key in told["unexpected_keys"] if not key.endswith(_OLD_BUFFERS)]
    for keys, what in ((unknown, "hold tensors that the model does not have"), (told["missing_keys"], "lack tensors")):
        if keys:
            raise ModelRefused(f"the weights {what}", seen=", ".join(sorted(keys)[:5]), todo="fetch the model again")
    if told["mismatched_keys"]:
        raise ModelRefused("tensors have other shapes than config.json implies", seen=str(sorted(told["mismatched_keys"])[:5]))
    return model.eval()


# -- adapters -------------------------------------------------------------------------------------------------------------


def write_peft(path: Path, slot: Slot, base: str, *, model: Any) -> None:
    """An adapter of the model as `peft` reads it, which wants to know whether matrices lie as [in, out] (GPT-2's Conv1D)."""
    from transformers.pytorch_utils import Conv1D

    spec, tensors, heads = slot.spec, dict[str, torch.Tensor](), dict[str, torch.Tensor]()
    for name, view in slot.flat.views.items():
        stored = view.to("cpu").contiguous().clone()
        if name.startswith("head."):
            heads[name] = stored
        else:
            tensors[f"base_model.model.{name[:-2]}.lora_{name[-1].upper()}.weight"] = stored
    save_file(tensors, path / "adapter_model.safetensors", metadata={"format": "pt"})
    if heads:
        save_file(heads, path / "heads.safetensors")
    every = Counter(path.rsplit(".", 1)[-1] for path in linears(model))
    own = Counter(m.name for m in slot.arch.modules)
    names = [n for n in spec.targets if every[n] == own[n]]  # peft takes a last name for all modules that bear it
    names += [m.path for m in slot.arch.modules if m.name in spec.targets and m.name not in names]
    turned = any(isinstance(module, Conv1D) for module in model.modules())
    config = {**peft_config(base, spec.rank, spec.alpha, sorted(names)), "fan_in_fan_out": turned}
    (path / "adapter_config.json").write_text(json.dumps(config, indent=2) + "\n", "utf-8")


def read_peft_spec(path: Path, arch: Arch) -> LoraSpec:
    """adapter_config.json as a LoraSpec. Raises ModelRefused for anything that would compute differently here."""
    config = read_peft_config(path, may=("fan_in_fan_out",))
    names = config.get("target_modules") or []
    known = sorted({m.name for m in arch.modules})
    if isinstance(names, str):
        if names != "all-linear":
            raise ModelRefused("target_modules as a pattern is not understood", seen=names)
        names = known
    targets = sorted({str(name).rsplit(".", 1)[-1] for name in names})
    unknown = [name for name in targets if name not in known]
    if unknown:
        raise ModelRefused("the adapter targets modules that this model does not have", seen=", ".join(unknown))
    heads = path / "heads.safetensors"
    return LoraSpec(
        rank=int(config["r"]),
        alpha=float(config["lora_alpha"]),
        targets=tuple(targets),
        heads=tuple(k.removeprefix("head.") for k in _tensors(heads)) if heads.is_file() else (),  # type: ignore[arg-type]
    )


def _tensors(file: Path) -> dict[str, torch.Tensor]:
    try:
        return load_file(file)
    except (SafetensorError, OSError) as error:
        raise ModelRefused(f"{file.name} cannot be read", seen=str(error), todo="use another checkpoint") from error


def read_peft(path: Path, slot: Slot) -> None:
    """Fill a slot of the right shape. Raises ModelRefused for missing, unknown or misshapen tensors."""
    files = _tensors(path / "adapter_model.safetensors")
    found = {key.removeprefix("base_model.model.").replace(".default.weight", ".weight"): t for key, t in files.items()}
    if (path / "heads.safetensors").is_file():
        found |= _tensors(path / "heads.safetensors")
    for name, view in slot.flat.views.items():
        key = name if name.startswith("head.") else f"{name[:-2]}.lora_{name[-1].upper()}.weight"
        tensor = found.pop(key, None)
        if tensor is None:
            raise ModelRefused("the adapter lacks tensors", seen=key)
        if tensor.shape != view.shape:
            raise ModelRefused(f"{key} has the wrong shape", seen=f"{tuple(tensor.shape)}, this model needs {tuple(view.shape)}")
        if not torch.isfinite(tensor).all():
            raise ModelRefused(f"{key} holds NaN or infinite values")
        view.copy_(tensor)
    if found:
        raise ModelRefused("the adapter holds a tensor that this model has no place for", seen=next(iter(found)))
    slot.adam.reset()
    slot.refresh()


# -- merged models --------------------------------------------------------------------------------------------------------


def merged(model: Any, slot: Slot | None) -> dict[str, torch.Tensor]:
    """The model's weights by name, in float32 on the CPU, with (alpha / r) B A added to each targeted matrix. Weights that are
    one in the model are one here."""
    from transformers.pytorch_utils import Conv1D

    modules = dict(model.named_modules())
    changes = {} if slot is None else slot.factors
    found: dict[str, torch.Tensor] = {}
    for name, parameter in model.named_parameters():
        found[name] = parameter.detach().to("cpu").clone()
        path = name.removesuffix(".weight")
        if path in changes and path != name:
            f = changes[path]
            ((_, b),) = f.b
            change = (b.float() @ f.a.float()).to("cpu") * f.scale
            found[name] += change.t() if isinstance(modules[path], Conv1D) else change
    return found


def write_merged(
    path: Path, model: Any, weights: Mapping[str, torch.Tensor], config: Mapping[str, Any], dtype: torch.dtype
) -> None:
    """A whole model with the names of its files, and config.json as it was but for the precision."""
    by_place = {p.data_ptr(): weights[name].to(dtype) for name, p in model.named_parameters()}
    state = {
        key: by_place[tensor.data_ptr()] if tensor.data_ptr() in by_place else tensor.to("cpu")
        for key, tensor in model.state_dict().items()
    }
    with quietly():
        model.save_pretrained(path, state_dict=state)
    (path / "generation_config.json").unlink(missing_ok=True)
    body = {k: v for k, v in config.items() if k != "torch_dtype"}
    body["dtype"] = body["torch_dtype"] = str(dtype).removeprefix("torch.")
    (path / "config.json").write_text(json.dumps(body, indent=2) + "\n", "utf-8")
