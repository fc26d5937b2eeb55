"""`burnish generate`: answers to prompts. One answer to one prompt is written as it is drawn."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import replace

from burnish.cli.opening import converses, max_positions, raw_hint
from burnish.cli.screen import Screen, screen, visible
from burnish.connect import notes_of
from burnish.errors import ConfigError, UserError
from burnish.runs.api import Loaded, load
from burnish.types import Message, Quantize, Sample, SamplingParams


def generate(
    model: str,
    prompts: Sequence[str] | None,
    params: SamplingParams,
    *,
    system: str | None,
    raw: bool | None,
    quantize: Quantize | None,
    as_json: bool,
) -> None:
    """See `burnish generate --help`."""
    to = screen(as_json=as_json)
    asked = list(prompts) if prompts else _from_stdin()
    if raw and system is not None:
        raise ConfigError("--raw continues a text, which has no system message", todo="leave out --system, or use --chat")
    loaded = load(model, quantize=quantize)
    for note in notes_of(loaded.policy.engine):
        to.err.print(f"({note})", style="dim", markup=False, highlight=False, soft_wrap=True)
    as_text = (not converses(loaded) and system is None) if raw is None else raw
    if raw is None and as_text:
        to.err.print(
            "this model has no chat template: the prompt is continued as it stands (--chat asks it as a message)", style="dim"
        )
    if not as_text and (hint := raw_hint(loaded)):
        to.err.print(hint, markup=False, highlight=False, soft_wrap=True)
    ids = [_encode(loaded, text, system, as_text) for text in asked]
    for text, one in zip(asked, ids, strict=True):
        if len(one) >= max_positions(loaded):
            raise UserError(
                "a prompt is longer than the model can take",
                seen=f"{len(one)} tokens, {max_positions(loaded)} positions: {text[:60]!r}",
            )
    stop = (*params.stop, *(() if as_text else loaded.renderer.stop_strings))
    stop_ids = None if as_text else loaded.renderer.stop_ids
    fitted = [
        replace(params, stop=stop, stop_ids=stop_ids, limit_tokens=min(params.limit_tokens, max_positions(loaded) - len(i)))
        for i in ids
    ]
    streams = len(asked) == 1 and params.samples == 1 and not as_json
    stream = Stream(to, "" if as_text else " \n") if streams else None
    results = loaded.policy.engine.sample(
        ids, fitted, route=loaded.policy.adapter, on_token=stream.hear if stream else None
    ).result()
    if stream:
        stream.end()
    elif not as_json:
        _print_all(to, asked, results, "" if as_text else " \n")
    to.document(
        {"model": loaded.ref.name, "raw": as_text, "prompts": [_as_json(*pair) for pair in zip(asked, results, strict=True)]}
    )


class Stream:
    """Writes an answer as it is drawn; `lead`: characters before it that are left out, since a template put them there."""

    def __init__(self, to: Screen, lead: str = " \n") -> None:
        self.to, self.lead = to, lead

    def hear(self, prompt: int, sample: int, token: int, text: str) -> None:
        """Called by the engine for each token."""
        words = text.lstrip(self.lead)
        if words:
            self.lead = ""
            self.to.out.file.write(visible(words))
            self.to.out.file.flush()

    def end(self) -> None:
        self.to.out.file.write("\n")
        self.to.out.file.flush()


def _from_stdin() -> list[str]:
    if sys.stdin.isatty():
        raise UserError("there is no prompt", todo='give --prompt "...", or prompts on standard input, one a line')
    prompts = [line.rstrip("\n") for line in sys.stdin if line.strip()]
    if not prompts:
        raise UserError("there is no prompt", seen="standard input is empty", todo='give --prompt "..."')
    return prompts


def _encode(loaded: Loaded, text: str, system: str | None, as_text: bool) -> list[int]:
    if as_text:
        tokenizer = loaded.renderer.tokenizer
        return [*tokenizer.prefix_ids, *tokenizer.encode(text)]
    before = [Message(role="system", content=system)] if system is not None else []
    return loaded.renderer.prompt([*before, Message(role="user", content=text)])


def _print_all(to: Screen, asked: Sequence[str], results: Sequence[Sequence[Sample]], lead: str) -> None:
    for number, (text, samples) in enumerate(zip(asked, results, strict=True), 1):
        for index, sample in enumerate(samples, 1):
            which = f"prompt {number}" + (f", answer {index}" if len(samples) > 1 else "")
            to.out.print(f"--- {which}: {visible(text)}", style="dim", markup=False, soft_wrap=True)
            to.out.print(visible(sample.text.lstrip(lead)), markup=False, soft_wrap=True)


def _as_json(text: str, samples: Sequence[Sample]) -> dict[str, object]:
    return {
        "prompt": text,
        "answers": [
            {
                "text": s.text,
                "stop_reason": s.stop_reason,
                "tokens": len(s.ids),
                "logprob": float(s.logprobs.sum()),
                "seed": s.seed,
            }
            for s in samples
        ],
    }
