"""A MODEL of the command line, opened to be asked."""

from __future__ import annotations

from burnish.runs.api import Loaded


def max_positions(loaded: Loaded) -> int:
    """Tokens of the longest sequence that the model can take."""
    return int(str(loaded.policy.engine.facts["max_positions"]))


def converses(loaded: Loaded) -> bool:
    """Whether a prompt is a message by default: the model has a template, or a run or an adapter taught it the plain one."""
    return loaded.renderer.tokenizer.template is not None or loaded.ref.kind != "hf"
