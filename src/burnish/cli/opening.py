"""A MODEL of the command line, opened to be asked."""

from __future__ import annotations

from burnish.runs.api import Loaded


def max_positions(loaded: Loaded) -> int:
    """Tokens of the longest sequence that the model can take."""
    return int(str(loaded.policy.engine.facts["max_positions"]))


def raw_hint(loaded: Loaded) -> str:
    """What to say where a model of the package that has read no conversation is spoken to; empty for all others."""
    name = loaded.ref.name
    if not loaded.ref.packaged or name.endswith("-chat"):
        return ""
    return (
        f"({name} is raw: it has read texts and no conversation. `burnish generate {name} --raw --prompt TEXT` shows how it goes "
        "on with a text; `burnish chat pebble-chat` answers.)"
    )


def converses(loaded: Loaded) -> bool:
    """Whether a prompt is a message by default: the model has a template, or a run or an adapter taught it the plain one."""
    return loaded.renderer.tokenizer.template is not None or loaded.ref.kind != "hf"
