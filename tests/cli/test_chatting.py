"""A conversation keeps the tokens that were sampled, obeys its commands, and survives Ctrl-C."""

from __future__ import annotations

import io
import os
import signal
from pathlib import Path

import pytest
from rich.console import Console

from burnish.cli.chatting import Conversation, _answer, _listening
from burnish.cli.screen import Screen
from burnish.engine.host import Host
from burnish.runs.api import Loaded, load
from burnish.types import SamplingParams


@pytest.fixture(scope="module")
def loaded(tiny_model: Path, home: Path) -> Loaded:
    return load(tiny_model)


def quiet(file: io.StringIO) -> Screen:
    return Screen(Console(file=file), Console(file=file), False)


def params(loaded: Loaded, limit: int = 6) -> SamplingParams:
    return SamplingParams(limit_tokens=limit, temperature=1.0, seed=1, stop_ids=loaded.renderer.stop_ids)


def test_check_21_the_history_of_a_chat_is_what_was_sampled(loaded: Loaded):
    """A random model draws bytes that are no text; decoded and encoded again they would be other tokens."""
    conversation, screen = Conversation("be brief"), quiet(io.StringIO())
    _answer(screen, loaded, conversation, "one", params(loaded))
    first = list(conversation.ids)
    asked = loaded.renderer.prompt(conversation.messages[:2])
    sampled = loaded.policy.sample([asked], params(loaded)).result()[0][0].ids.tolist()
    assert first == asked + sampled
    assert loaded.renderer.tokenizer.encode(loaded.renderer.tokenizer.decode(sampled)) != sampled
    assert conversation.prompt(loaded, "two")[: len(first)] == first
    assert [m.role for m in conversation.messages] == ["system", "user", "assistant", "user"]


def test_a_conversation_is_stored_for_its_next_turn(tiny_model: Path, home: Path):
    loaded, conversation, screen = load(tiny_model), Conversation(None), quiet(io.StringIO())
    _answer(screen, loaded, conversation, "x" * 60, params(loaded))
    engine = loaded.policy.engine
    assert isinstance(engine, Host)
    prefixes = engine.sampler().prefixes
    (first,) = prefixes.entries.values()
    _answer(screen, loaded, conversation, "two", params(loaded))
    assert len(first.tokens) > 60
    assert all(len(e.tokens) > len(first.tokens) for e in prefixes.entries.values()), "the longer one took its place"


def test_ctrl_c_stops_the_answer_and_not_the_chat(loaded: Loaded):
    class Impatient(io.StringIO):
        """Sends Ctrl-C when the first words are written."""

        def write(self, text: str) -> int:
            if not self.getvalue():
                os.kill(os.getpid(), signal.SIGINT)
            return super().write(text)

    file, conversation = Impatient(), Conversation(None)
    _answer(quiet(file), loaded, conversation, "go on", params(loaded, limit=100))
    assert file.getvalue().endswith("(stopped)\n")
    assert len(conversation.ids) < 60
    assert conversation.messages[-1].role == "assistant"
    _answer(quiet(io.StringIO()), loaded, conversation, "again", params(loaded))
    assert [m.role for m in conversation.messages] == ["user", "assistant"] * 2


def test_the_signal_is_given_back():
    before = signal.getsignal(signal.SIGINT)
    with _listening() as stopped:
        os.kill(os.getpid(), signal.SIGINT)
        assert stopped == [signal.SIGINT]
    assert signal.getsignal(signal.SIGINT) is before


def test_a_chat_over_a_pipe(burnish, tiny_model: Path):
    said = "hello\n/system be kind\nhow are you\n/nonsense\nand you\n/quit\nnever\n"
    told = burnish("chat", str(tiny_model), "--limit-tokens", "4", "--json", stdin=said)
    assert told.code == 0
    assert [t["user"] for t in told.document["turns"]] == ["hello", "how are you", "and you"]
    assert "new conversation" in told.err
    assert "there is no /nonsense" in told.err


def test_a_conversation_that_fills_the_window_starts_anew(burnish, tiny_model: Path):
    typed = burnish("chat", str(tiny_model), "--limit-tokens", "2", "--json", stdin="x" * 230 + "\n" + "y" * 40 + "\nshort\n")
    assert typed.code == 0
    assert "starting anew" in typed.err
    assert [t["user"][0] for t in typed.document["turns"]] == ["x", "y", "s"]
