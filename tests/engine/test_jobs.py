"""Requests in flight: cancelling from anywhere, callbacks that must not wait, and interrupts that reach whoever waits."""

from __future__ import annotations

from pathlib import Path

import pytest
from helpers import make_data, open_host

from burnish.engine.host import Host
from burnish.errors import CapabilityMissing, Interrupted
from burnish.types import LoraSpec, SamplingParams

LONG = SamplingParams(limit_tokens=40, stop_ids=())


@pytest.fixture
def host(model_dirs: dict[str, Path]) -> Host:
    return open_host(model_dirs["llama-tied-gqa"], unit_tokens=16)


def test_a_callback_may_cancel_its_own_request(host: Host) -> None:
    heard: list[int] = []

    def hear(prompt: int, index: int, token: int, text: str) -> None:
        heard.append(token)
        if len(heard) == 3:
            pending.cancel()

    pending = host.sample([[1, 2, 3]], LONG, on_token=hear)
    other = host.sample([[4, 5]], LONG)
    with pytest.raises(Interrupted):
        pending.result()
    assert len(heard) == 3
    assert len(other.result()[0][0].ids) == 40


def test_a_callback_cannot_wait_for_the_engine_that_calls_it(host: Host) -> None:
    adapter = host.create(LoraSpec(rank=2))

    def wait(prompt: int, index: int, token: int, text: str) -> None:
        host.digest(adapter)

    with pytest.raises(CapabilityMissing, match="in the middle of a unit"):
        host.sample([[1, 2, 3]], LONG, on_token=wait).result()
    assert len(host.sample([[1, 2, 3]], LONG).result()[0][0].ids) == 40


def test_cancelling_what_never_ran_takes_nothing_from_others(host: Host) -> None:
    """A queued request of the same adapter must not clear the gradients that the one before it is adding."""
    adapter = host.create(LoraSpec(rank=2))
    host.forward_backward(make_data(8), route=adapter).result()
    alone = host.bank.get(adapter).flat.grad.clone()
    host.clear_gradient(adapter)
    first, second = host.forward_backward(make_data(8), route=adapter), host.forward_backward(make_data(8), route=adapter)
    host.queue.turn()
    second.cancel()
    first.result()
    assert host.bank.get(adapter).flat.grad.equal(alone)


def test_an_interrupt_reaches_the_waiter_whatever_request_it_lands_in(host: Host) -> None:
    def interrupt(prompt: int, index: int, token: int, text: str) -> None:
        raise Interrupted("the run was stopped")

    other = host.sample([[4, 5]], LONG)
    host.sample([[1, 2, 3]], LONG, on_token=interrupt)
    with pytest.raises(Interrupted, match="the run was stopped"):
        other.result()


def test_an_interrupt_in_the_middle_of_a_step_fails_every_request(host: Host) -> None:
    """Rows may be half a step on, so going on with them would draw from wrong positions."""

    class Broken:
        drawn = 0

        def mask(self) -> None:
            if self.drawn == 2:
                raise KeyboardInterrupt

        def accept(self, token: int) -> None:
            self.drawn += 1

    alone = host.sample([[4, 5]], LONG).result()[0][0].ids.tolist()
    other, broken = host.sample([[4, 5]], LONG), host.sample([[1, 2]], LONG, constraints=[Broken])
    with pytest.raises(KeyboardInterrupt):
        broken.result()
    with pytest.raises((Interrupted, KeyboardInterrupt)):
        other.result()
    assert host.sampler().idle
    assert host.sample([[4, 5]], LONG).result()[0][0].ids.tolist() == alone
