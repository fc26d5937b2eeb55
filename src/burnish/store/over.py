"""What an adapter was trained over: how its base was held, where that was quantised.

It stands twice beside the adapter: in the metadata of `adapter_model.safetensors`, which tools that save an adapter again drop,
and in `burnish.json`. It does not stand in adapter_config.json, because tools that read that refuse what they do not know.
"""

from __future__ import annotations

from pathlib import Path
from typing import get_args

from safetensors import SafetensorError, safe_open

from burnish.errors import ModelRefused, RunError
from burnish.store.atomic import read_json, write_json
from burnish.types import Quantize

FILE, KEY = "burnish.json", "quantize"


def metadata(over: Quantize) -> dict[str, str]:
    """What the metadata of an adapter's weights say of it."""
    return {} if over == "none" else {KEY: over}


def write(adapter: Path, over: Quantize) -> None:
    """Write `burnish.json` into the directory of an adapter, or remove one that stands there from before."""
    if over == "none":
        (adapter / FILE).unlink(missing_ok=True)
    else:
        write_json(adapter / FILE, {KEY: over})


def read(adapter: Path) -> Quantize:
    """How the base of an adapter was held in training; either place tells. Raises ModelRefused where both tell and disagree, or
    for a form that is not known here."""
    try:
        with safe_open(adapter / "adapter_model.safetensors", framework="np") as file:
            told = (file.metadata() or {}).get(KEY)
        beside = read_json(adapter / FILE) if (adapter / FILE).is_file() else {}
    except (SafetensorError, OSError, RunError) as error:
        seen = error.seen if isinstance(error, RunError) else str(error)
        raise ModelRefused(f"the adapter {adapter} cannot be read", seen=seen, todo="fetch or export it again") from error
    found = [v for v in (told, beside.get(KEY) if isinstance(beside, dict) else beside) if v is not None]
    for value in found:
        if value not in get_args(Quantize):
            raise ModelRefused(f"the adapter {adapter} was trained over a base in a form that is not known here", seen=str(value))
    if len(set(found)) > 1:
        raise ModelRefused(
            f"the files of the adapter {adapter} disagree on what it was trained over",
            seen=f"{KEY} = {told} in adapter_model.safetensors, {beside[KEY]} in {FILE}",
            todo="export it again, or take both files from one place",
        )
    return found[0] if found else "none"
