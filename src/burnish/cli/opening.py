"""A MODEL of the command line, opened to be asked: engine, route and renderer."""

from __future__ import annotations

from dataclasses import dataclass

from burnish import connect
from burnish.protocols import Policy
from burnish.render.renderer import Renderer
from burnish.render.tokenizer import Tokenizer
from burnish.store.models import ModelRef, resolve


@dataclass(frozen=True, slots=True)
class Opened:
    """A model ready for forward passes and sampling."""

    ref: ModelRef
    policy: Policy
    renderer: Renderer

    @property
    def max_positions(self) -> int:
        return int(str(self.policy.engine.facts["max_positions"]))

    @property
    def converses(self) -> bool:
        """Whether a prompt is a message by default: the model has a template of its own, or was trained by a run."""
        return self.renderer.tokenizer.template is not None or self.ref.kind == "run"


def open_model(name: str) -> Opened:
    """Raises ModelNotFound, ModelRefused or TemplateError."""
    ref = resolve(name)
    policy = connect.open_policy(connect.open_engine("local", ref), ref)
    return Opened(ref, policy, Renderer(Tokenizer.load(ref.base)))
