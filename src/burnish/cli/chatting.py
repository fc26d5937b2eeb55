"""`burnish chat`: a conversation on the terminal or over a pipe.

The history is tokens: what was sampled goes into the next prompt as it was sampled, never decoded and encoded again,
so the model sees exactly what it said. Where the window of the model is full, the chat says so and starts anew rather
than forget in silence.
"""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import FrameType

from burnish.cli.generating import Stream
from burnish.cli.opening import max_positions, raw_hint
from burnish.cli.screen import Screen, screen
from burnish.connect import notes_of
from burnish.runs.api import Loaded, load
from burnish.types import Message, Quantize, SamplingParams

HELP = "/reset starts anew, /system TEXT sets the system message, /quit ends; Ctrl-C stops an answer"


class Stopped(Exception):
    """Raised between two tokens when the user stopped the answer."""


@dataclass
class Conversation:
    """What was said: as messages, and as the tokens that stood for them."""

    system: str | None
    messages: list[Message] = field(default_factory=list)
    ids: list[int] = field(default_factory=list)

    def reset(self) -> None:
        """Forget everything but the system message."""
        self.messages, self.ids = [], []

    def prompt(self, loaded: Loaded, said: str) -> list[int]:
        """Tokens to sample the answer to `said` from."""
        new = Message(role="user", content=said)
        if not self.messages:
            self.messages = [Message(role="system", content=self.system)] if self.system is not None else []
            prompt = loaded.renderer.prompt([*self.messages, new])
        else:
            prompt = loaded.renderer.extend(self.ids, self.messages, [new])
        self.messages.append(new)
        return prompt


def chat(
    model: str,
    *,
    system: str | None,
    temperature: float,
    limit_tokens: int,
    seed: int,
    quantize: Quantize | None,
    as_json: bool,
) -> None:
    """See `burnish chat --help`."""
    to = screen(as_json=as_json)
    loaded = load(model, quantize=quantize)
    interactive = sys.stdin.isatty() and not as_json
    if interactive:
        to.print(f"{loaded.ref.name}: {HELP}")
        for note in notes_of(loaded.policy.engine):
            to.print(f"({note})")
        if hint := raw_hint(loaded):
            to.print(hint)
    conversation, turns, index = Conversation(system), [], 0
    for said in _lines(interactive):
        if said.startswith("/"):
            if not _command(to, conversation, said):
                break
            continue
        params = SamplingParams(
            temperature=temperature,
            limit_tokens=limit_tokens,
            seed=seed + index,
            stop=loaded.renderer.stop_strings,
            stop_ids=loaded.renderer.stop_ids,
        )
        answer = _answer(to, loaded, conversation, said, params)
        if answer is not None:
            turns.append({"user": said, "assistant": answer})
        index += 1
    to.document({"model": loaded.ref.name, "turns": turns, "tokens": len(conversation.ids)})


def _lines(interactive: bool) -> Iterator[str]:
    """What the user says, line by line, to the end of input. Ctrl-C at the prompt clears the line; twice in a row it ends."""
    if not interactive:
        yield from (line.strip() for line in sys.stdin if line.strip())
        return
    import readline  # noqa: F401  (line editing and history for input())

    interrupts = 0
    while interrupts < 2:
        try:
            line = input("> ").strip()
        except EOFError:
            sys.stdout.write("\n")
            return
        except KeyboardInterrupt:
            interrupts += 1
            sys.stdout.write("\n(Ctrl-C once more, or /quit, ends)\n" if interrupts < 2 else "\n")
            continue
        interrupts = 0
        if line:
            yield line


def _command(to: Screen, conversation: Conversation, said: str) -> bool:
    """Do what a line with a slash says; False ends the chat."""
    name, _, rest = said.partition(" ")
    if name == "/quit":
        return False
    if name == "/reset":
        conversation.reset()
        to.print("(new conversation)")
    elif name == "/system":
        conversation.system = rest.strip() or None
        conversation.reset()
        to.print("(new conversation, with this system message)" if rest.strip() else "(new conversation, no system message)")
    else:
        to.print(f"there is no {name}: {HELP}")
    return True


def _answer(to: Screen, loaded: Loaded, conversation: Conversation, said: str, params: SamplingParams) -> str | None:
    """Ask and show; the answer's text, or None where the conversation was too long to ask."""
    from dataclasses import replace

    earlier = bool(conversation.ids)
    prompt = conversation.prompt(loaded, said)
    room = max_positions(loaded) - len(prompt)
    if room < 1 and earlier:
        to.print(f"(the conversation takes {len(prompt)} of the model's {max_positions(loaded)} tokens; starting anew)")
        conversation.reset()
        prompt = conversation.prompt(loaded, said)
        room = max_positions(loaded) - len(prompt)
    if room < 1:
        what = "this message" if conversation.system is None else "the system message with this one"
        to.print(f"({what} takes {len(prompt)} of the model's {max_positions(loaded)} tokens: shorten it)")
        conversation.reset()
        return None
    stream, drawn = Stream(to), []
    with _listening() as stopped:

        def hear(row: int, sample: int, token: int, text: str) -> None:
            drawn.append(token)
            stream.hear(row, sample, token, text)
            if stopped:
                raise Stopped

        params = replace(params, limit_tokens=min(params.limit_tokens, room))
        engine, adapter = loaded.policy.engine, loaded.policy.adapter
        pending = engine.sample([prompt], params, route=adapter, on_token=hear, tenant="chat")
        try:
            ((answer,),) = pending.result()
            cut = answer.stop_reason == "length" and params.limit_tokens == room
            note = f" (cut: the conversation fills the model's {max_positions(loaded)} tokens)" if cut else ""
        except Stopped:
            pending.cancel()
            note = " (stopped)"
    stream.to.out.file.write(note)
    stream.end()
    message = loaded.renderer.parse(drawn)
    conversation.ids = [*prompt, *drawn]
    conversation.messages.append(message)
    return message.content


@contextmanager
def _listening() -> Iterator[list[int]]:
    """While an answer is drawn, Ctrl-C fills the list instead of ending the program."""
    stopped: list[int] = []

    def handle(number: int, frame: FrameType | None) -> None:
        stopped.append(number)

    before = signal.signal(signal.SIGINT, handle)
    try:
        yield stopped
    finally:
        signal.signal(signal.SIGINT, before)
