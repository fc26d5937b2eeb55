"""What an adapter or a full fine-tune looks like on disk: exact state for resume, PEFT files and whole models for others.

Exact state is float32 safetensors plus one JSON; nothing is pickled. PEFT files use the names of `peft` (LoRA, 1/r scaling).
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from burnish.engine.adapters import Slot
from burnish.engine.arch import Arch
from burnish.engine.flat import Flat
from burnish.engine.load import GROUPS, MODULES, groups, hf_fused, hf_module, module_widths
from burnish.engine.optim import Adam
from burnish.engine.tokens import MATRICES
from burnish.errors import ModelRefused
from burnish.render.extend import TRAINED
from burnish.store import over
from burnish.types import LoraSpec

FORMAT = 1
_HEADS_FILE = "heads.safetensors"
_HF_ROWS = {"tokens.embed": "model.embed_tokens", "tokens.head": "lm_head"}
_ROWS_KEY = "base_model.model.{}.token_adapter.trainable_tokens_delta"
"""Where PEFT keeps the rows of tokens: whole rows, in spite of the name."""


def write_state(path: Path, header: Mapping[str, Any], flat: Flat, adam: Adam | None) -> None:
    """`slot.json`, `weights.safetensors` and, with an optimiser, `optimizer.safetensors`, bit for bit."""
    save_file({k: v.to("cpu").contiguous().clone() for k, v in flat.views.items()}, path / "weights.safetensors")
    steps = 0
    if adam is not None:
        steps = adam.steps
        if adam.moments is not None:
            first, second = adam.moments
            save_file({"first": first.to("cpu").clone(), "second": second.to("cpu").clone()}, path / "optimizer.safetensors")
    body = {"format": FORMAT, **header, "optimizer_steps": steps}
    (path / "slot.json").write_text(json.dumps(body, indent=2) + "\n", "utf-8")


def read_header(path: Path) -> dict[str, Any]:
    """slot.json of a saved state."""
    try:
        header = json.loads((path / "slot.json").read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise ModelRefused("the saved adapter state cannot be read", seen=f"{path}: {error}") from error
    if header.get("format") != FORMAT:
        raise ModelRefused(
            "the saved adapter state has another format", seen=str(header.get("format")), todo="use the version that wrote it"
        )
    return header


def read_state(path: Path, header: Mapping[str, Any], flat: Flat, adam: Adam) -> None:
    """Fill parameters and optimiser from `write_state`'s files; without an optimiser's file it starts afresh."""
    tensors = _load(path / "weights.safetensors")
    if set(tensors) != set(flat.views):
        odd = sorted(set(tensors) ^ set(flat.views))[:5]
        raise ModelRefused("the saved state does not fit this model", seen=", ".join(odd), todo="resume with the same base model")
    for name, view in flat.views.items():
        if tensors[name].shape != view.shape:
            raise ModelRefused(f"{name} has the wrong shape", seen=f"{tuple(tensors[name].shape)} for {tuple(view.shape)}")
        view.copy_(tensors[name])
    adam.reset()
    moments = path / "optimizer.safetensors"
    if moments.is_file():
        state = _load(moments)
        device = flat.data.device
        adam.restore(int(header["optimizer_steps"]), state["first"].to(device), state["second"].to(device))


def _load(file: Path) -> dict[str, torch.Tensor]:
    try:
        return load_file(file)
    except (SafetensorError, OSError) as error:
        raise ModelRefused(f"{file.name} cannot be read", seen=str(error), todo="use another checkpoint") from error


def write_peft(path: Path, slot: Slot, base: str) -> None:
    """`adapter_model.safetensors` and `adapter_config.json` as `peft` reads them; heads, if any, in a file of their own."""
    spec, views = slot.spec, slot.flat.views
    tensors: dict[str, torch.Tensor] = {}
    times, names = 1, [f"{m}_proj" for m in spec.targets]
    if slot.arch.fused:
        of = {g: len(ms) for g, ms in groups(slot.arch).items() if any(m in spec.targets for m in ms)}
        times, names = max(of.values()), [f"{g}_proj" for g in of]
    for i in range(slot.arch.layers):
        for group, modules in groups(slot.arch).items():
            targeted = [m for m in modules if m in spec.targets]
            if slot.arch.fused and targeted:
                name = f"base_model.model.{hf_fused(i, group)}"
                tensors[f"{name}.lora_A.weight"], tensors[f"{name}.lora_B.weight"] = _fused(slot, i, group, times * spec.rank)
                continue
            for place, module in enumerate(targeted):
                name = f"base_model.model.{hf_module(i, module)}"
                a = views[f"layers.{i}.{group}.a"][place * spec.rank : (place + 1) * spec.rank]
                tensors[f"{name}.lora_A.weight"] = a.to("cpu").contiguous().clone()
                tensors[f"{name}.lora_B.weight"] = views[f"layers.{i}.{module}.b"].to("cpu").contiguous().clone()
    rows = [name for name in _HF_ROWS if name in views]
    tensors |= {_ROWS_KEY.format(_HF_ROWS[name]): views[name].to("cpu").contiguous().clone() for name in rows}
    metadata = {"format": "pt", **over.metadata(slot.over)}
    save_file(tensors, path / "adapter_model.safetensors", metadata=metadata)
    over.write(path, slot.over)
    heads = {k: v.to("cpu").clone() for k, v in views.items() if k.startswith("head.")}
    if heads:
        save_file(heads, path / _HEADS_FILE)
    config = peft_config(base, times * spec.rank, times * spec.alpha, sorted(names))
    if rows:
        ids = list(spec.tokens)
        config[TRAINED] = ids if slot.arch.tied else {"embed_tokens": ids, "lm_head": ids}
    (path / "adapter_config.json").write_text(json.dumps(config, indent=2) + "\n", "utf-8")


def peft_config(base: str, rank: int, alpha: float, names: list[str]) -> dict[str, Any]:
    """adapter_config.json of an adapter over the modules of these names."""
    return {
        "peft_type": "LORA",
        "task_type": "CAUSAL_LM",
        "base_model_name_or_path": base,
        "r": rank,
        "lora_alpha": alpha,
        "lora_dropout": 0.0,
        "bias": "none",
        "fan_in_fan_out": False,
        "inference_mode": True,
        "init_lora_weights": True,
        "use_rslora": False,
        "use_dora": False,
        "modules_to_save": None,
        "target_modules": names,
    }


def _fused(slot: Slot, layer: int, group: str, rank: int) -> tuple[torch.Tensor, torch.Tensor]:
    """A [rank, in] and B [all outputs, rank] of a fused matrix, each of whose modules reads r rows of A of its own. Zeros fill
    up to the rank, which is that of the matrix of most modules, since other tools read one rank for all."""
    own, widths, modules = slot.spec.rank, module_widths(slot.arch), GROUPS[group]
    targeted = [m for m in modules if m in slot.spec.targets]
    stacked, row = slot.flat.views[f"layers.{layer}.{group}.a"].to("cpu"), 0
    a = torch.zeros(rank, stacked.shape[1])
    b = torch.zeros(sum(widths[m][0] for m in modules), rank)
    for place, module in enumerate(modules):
        mine, below = slice(place * own, (place + 1) * own), row + widths[module][0]
        if module in targeted:
            start = targeted.index(module) * own
            a[mine] = stacked[start : start + own]
            b[row:below, mine] = slot.flat.views[f"layers.{layer}.{module}.b"].to("cpu")
        row = below
    return a, b


_LORA_KEY = re.compile(
    r"^base_model\.model\.model\.layers\.(\d+)\.(?:self_attn|mlp)\.(\w+)_proj\.lora_([AB])(?:\.default)?\.weight$"
)


_PEFT_READ = frozenset(
    """
    peft_type r lora_alpha target_modules bias init_lora_weights base_model_name_or_path revision task_type inference_mode
    lora_dropout auto_mapping peft_version eva_config megatron_core qalora_group_size layers_pattern ensure_weight_tying
    exclude_modules velora_config corda_config lora_ga_config loftq_config
    """.split()
)
"""Keys of adapter_config.json that are read, or that change nothing of what a finished adapter computes; how it was begun
stands in init_lora_weights."""


def read_peft_config(path: Path, *, may: tuple[str, ...] = ()) -> dict[str, Any]:
    """adapter_config.json, checked but for the modules. may: more keys that the caller reads or that change nothing for it.

    Raises ModelRefused for anything that would compute differently here.
    """
    try:
        config = json.loads((path / "adapter_config.json").read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise ModelRefused("adapter_config.json cannot be read", seen=str(error)) from error
    if not isinstance(config, dict):
        raise ModelRefused("adapter_config.json does not hold an object", seen=type(config).__name__)
    if config.get("peft_type") != "LORA":
        raise ModelRefused("only LoRA adapters are understood", seen=f"peft_type {config.get('peft_type')!r}")
    for key, value in config.items():
        if value and key not in _PEFT_READ and key not in may:
            raise ModelRefused(f"the adapter uses {key}, which is not computed here", seen=str(value))
    if config.get("bias", "none") != "none":
        raise ModelRefused("the adapter trains biases, which is not computed here", seen=f"bias {config['bias']!r}")
    start = config.get("init_lora_weights", True)
    if isinstance(start, str) and start.lower() not in ("gaussian", "orthogonal", "eva", "mica"):
        raise ModelRefused(
            "the adapter was made with another start of the base's weights than its files have",
            seen=f"init_lora_weights {start!r}",
            todo="save it as a plain LoRA in peft, over the base as it is",
        )
    for key in ("r", "lora_alpha"):
        if not isinstance(config.get(key), int | float):
            raise ModelRefused(f"adapter_config.json gives no number for {key}", seen=repr(config.get(key)))
    return config


def read_peft_spec(path: Path, arch: Arch) -> LoraSpec:
    """adapter_config.json as a LoraSpec. Raises ModelRefused for anything that would compute differently here."""
    config = read_peft_config(path, may=(TRAINED,))
    names = config.get("target_modules") or []
    if isinstance(names, str):
        if names != "all-linear":
            raise ModelRefused("target_modules as a pattern is not understood", seen=names)
        names = [f"{m}_proj" for m in MODULES]
    short = [str(n).rsplit(".", 1)[-1].removesuffix("_proj") for n in names]
    unknown = [n for n, s in zip(names, short, strict=True) if s not in MODULES and s not in GROUPS]
    if unknown:
        raise ModelRefused("the adapter targets modules that are not understood", seen=", ".join(map(str, unknown)))
    heads = tuple(k.removeprefix("head.") for k in _load(path / _HEADS_FILE)) if (path / _HEADS_FILE).is_file() else ()
    short += [module for group in short for module in GROUPS.get(group, ())]
    targets = tuple(m for m in MODULES if m in short)
    times = _times(_load(path / "adapter_model.safetensors"), arch, int(config["r"])) if arch.fused else 1
    return LoraSpec(
        tokens=_trained_tokens(config.get(TRAINED), arch),
        rank=int(config["r"]) // times,
        alpha=float(config["lora_alpha"]) / times,
        targets=targets,  # type: ignore[arg-type]
        heads=heads,  # type: ignore[arg-type]
    )


def _trained_tokens(listed: Any, arch: Arch) -> tuple[int, ...]:
    """Ids whose rows an adapter holds: a list for the embedding, or a list for each of the two matrices."""
    by_name = listed if isinstance(listed, dict) else {"embed_tokens": listed} if listed else {}
    lists = {str(name).rsplit(".", 1)[-1]: ids for name, ids in by_name.items()}
    if not lists:
        return ()
    if set(lists) - {"embed_tokens", "lm_head"} or (arch.tied and "embed_tokens" not in lists):
        raise ModelRefused("the adapter trains rows of matrices that are not understood", seen=", ".join(map(str, by_name)))
    ids = next(iter(lists.values()))
    if not isinstance(ids, list) or any(other != ids for other in lists.values()):
        raise ModelRefused("the adapter trains other tokens in the head than in the embedding", seen=TRAINED)
    if not all(isinstance(i, int) and i >= 0 for i in ids) or len(set(ids)) != len(ids):
        raise ModelRefused(f"{TRAINED} must list different ids", seen=str(ids)[:100])
    if max(ids) >= arch.vocab:
        raise ModelRefused(
            "the adapter holds rows of tokens beyond the vocabulary of this model",
            seen=f"id {max(ids)}, {arch.vocab} rows",
            todo="open the adapter itself as MODEL, with its tokenizer beside it, so that the matrices grow before it is loaded",
        )
    return tuple(ids)


def read_peft(path: Path, slot: Slot) -> None:
    """Fill a slot of the right shape. Raises ModelRefused for missing, unknown or misshapen tensors."""
    spec, views, widths = slot.spec, slot.flat.views, module_widths(slot.arch)
    expected = {(i, m, side) for i in range(slot.arch.layers) for m in spec.targets for side in "AB"}
    tensors = _load(path / "adapter_model.safetensors")
    _read_rows(tensors, slot)
    for key, tensor in (_parted(tensors, slot) if slot.arch.fused else tensors).items():
        match = _LORA_KEY.match(key)
        if match is None or (int(match[1]), match[2], match[3]) not in expected:
            raise ModelRefused("the adapter holds a tensor that this model has no place for", seen=key)
        layer, module, side = int(match[1]), match[2], match[3]
        out, width = widths[module]
        shape = (spec.rank, width) if side == "A" else (out, spec.rank)
        if tuple(tensor.shape) != shape:
            raise ModelRefused(f"{key} has the wrong shape", seen=f"{tuple(tensor.shape)}, this model needs {shape}")
        if not torch.isfinite(tensor).all():
            raise ModelRefused(f"{key} holds NaN or infinite values")
        if side == "A":
            group = next(g for g, ms in GROUPS.items() if module in ms)
            place = [m for m in GROUPS[group] if m in spec.targets].index(module)
            views[f"layers.{layer}.{group}.a"][place * spec.rank : (place + 1) * spec.rank].copy_(tensor)
        else:
            views[f"layers.{layer}.{module}.b"].copy_(tensor)
        expected.discard((layer, module, side))
    if expected:
        raise ModelRefused("the adapter lacks tensors", seen=", ".join(map(str, sorted(expected)[:5])))
    if (path / _HEADS_FILE).is_file():
        for name, tensor in _load(path / _HEADS_FILE).items():
            views[name].copy_(tensor)
    slot.adam.reset()
    slot.refresh()


def _read_rows(tensors: dict[str, torch.Tensor], slot: Slot) -> None:
    """Take the rows of tokens out of an adapter's tensors, into a slot that has the base's."""
    if not slot.spec.tokens:
        return
    found = [name for name, module in _HF_ROWS.items() if name in slot.flat.views and _ROWS_KEY.format(module) in tensors]
    if not found:
        raise ModelRefused("the adapter lacks tensors", seen=f"the rows of {len(slot.spec.tokens)} tokens")
    for name in found:
        key, view = _ROWS_KEY.format(_HF_ROWS[name]), slot.flat.views[name]
        rows = tensors.pop(key)
        if rows.shape != view.shape:
            raise ModelRefused(f"{key} has the wrong shape", seen=f"{tuple(rows.shape)}, its tokens need {tuple(view.shape)}")
        if not torch.isfinite(rows).all():
            raise ModelRefused(f"{key} holds NaN or infinite values")
        view.copy_(rows)


def _times(tensors: Mapping[str, torch.Tensor], arch: Arch, rank: int) -> int:
    """How many times its own rank an adapter of fused matrices was filled up to, as `_fused` does; 1 where modules share rows."""
    most = 1
    for group, modules in groups(arch).items():
        of = [tensors.get(f"base_model.model.{hf_fused(i, group)}.lora_B.weight") for i in range(arch.layers)]
        if all(b is not None for b in of):
            most = max(most, len(modules))
    for times in range(most, 1, -1):
        if rank % times == 0 and all(_fits(key, b, arch, rank // times) for key, b in tensors.items() if ".lora_B." in key):
            return times
    return 1


def _fits(key: str, b: torch.Tensor, arch: Arch, own: int) -> bool:
    """Whether each module of a matrix reads rows of its own, `own` of them, one module's after the other's."""
    group = next((g for g in groups(arch) if f".{g}_proj.lora_B." in key), None)
    if group is None or b.dim() != 2:
        return False
    left, row, widths = b.clone(), 0, module_widths(arch)
    for place, module in enumerate(GROUPS[group]):
        below = row + widths[module][0]
        left[row:below, place * own : (place + 1) * own] = 0
        row = below
    return row == len(b) and not left.any()


def _parted(tensors: Mapping[str, torch.Tensor], slot: Slot) -> dict[str, torch.Tensor]:
    """An adapter of fused matrices as one of their modules: each with rows of A of its own, or with a copy of all."""
    found: dict[str, torch.Tensor] = {}
    widths = module_widths(slot.arch)
    names = {hf_fused(i, g): (i, ms) for i in range(slot.arch.layers) for g, ms in groups(slot.arch).items()}
    for key, tensor in tensors.items():
        name, _, side = key.removeprefix("base_model.model.").partition(".lora_")
        if name not in names:
            found[key] = tensor
            continue
        (layer, modules), row = names[name], 0
        filled = tensor.shape[0 if side.startswith("A") else 1] != slot.spec.rank
        for place, module in enumerate(modules):
            below = row + widths[module][0]
            part = slice(place * slot.spec.rank, (place + 1) * slot.spec.rank) if filled else slice(None)
            own = tensor[part] if side.startswith("A") else tensor[row:below, part]
            found[f"base_model.model.{hf_module(layer, module)}.lora_{side}"] = own
            row = below
    return found


def merged_weights(arch: Arch, weights: Mapping[str, torch.Tensor], slot: Slot) -> dict[str, torch.Tensor]:
    """W + (alpha / r) B A for every targeted module, in float32 (Hu et al. 2021, section 4.1), and the rows of its tokens."""
    merged = {k: v.detach().to("cpu", torch.float32).clone() for k, v in weights.items()}
    spec, views, widths = slot.spec, slot.flat.views, module_widths(arch)
    for i in range(arch.layers):
        for group, modules in groups(arch).items():
            targeted, row = [m for m in modules if m in spec.targets], 0
            for module in modules:
                out = widths[module][0]
                if module in targeted:
                    place = targeted.index(module)
                    a = views[f"layers.{i}.{group}.a"][place * spec.rank : (place + 1) * spec.rank].to("cpu")
                    b = views[f"layers.{i}.{module}.b"].to("cpu")
                    merged[f"layers.{i}.{group}"][row : row + out] += (b @ a) * (spec.alpha / spec.rank)
                row += out
    for name, matrix in MATRICES.items():
        if name in views:
            merged[matrix][list(spec.tokens)] = views[name].to("cpu")
    return merged
