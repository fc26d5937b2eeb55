"""The ways in which a program can be isolated, each as it is for root and for everyone else, warm and strict."""

from __future__ import annotations

import os

import pytest

from burnish.tools import sandbox, sandbox_launch, sandbox_pool
from burnish.tools.sandbox import Available
from burnish.tools.sandbox_launch import How

WORKS: dict[str, str] = {}
"""Why each does not work here, or nothing; asked once."""


def choose(name: str, monkeypatch: pytest.MonkeyPatch) -> How:
    """Have the sandbox work in this way: an isolation, then perhaps "strict" and "as oneself"."""
    way: How = "bubblewrap" if name.startswith("bubblewrap") else "landlock"
    if "oneself" in name:
        if os.geteuid() != 0:
            pytest.skip("this is not root, so that the plain way is already as oneself")
        monkeypatch.setattr(sandbox_launch, "user", lambda: None)
    if "strict" in name:  # as `strict=True`
        monkeypatch.setattr(sandbox_pool, "take", sandbox_pool.Server)
        monkeypatch.setattr(sandbox_pool, "give", lambda server: server.close())
    plain = name.replace(", strict", "")
    if plain not in WORKS:
        WORKS[plain] = sandbox.probe(way)
    if WORKS[plain]:
        pytest.skip(f"{plain} does not work here: {WORKS[plain]}")
    monkeypatch.setattr(sandbox, "available", lambda: Available(way, "chosen by the test"))
    return way


@pytest.fixture(params=["bubblewrap", "landlock", "bubblewrap, strict", "landlock, strict"])
def how(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> How:
    """Each isolation in turn, whichever this machine would choose by itself, warm and strict."""
    return choose(request.param, monkeypatch)


@pytest.fixture(
    params=[
        f"{way}{strict}{user}"
        for way in ("bubblewrap", "landlock")
        for strict in ("", ", strict")
        for user in ("", " as oneself")
    ]
)
def anyhow(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> How:
    """Each of these, as root's and as everyone's."""
    return choose(request.param, monkeypatch)


@pytest.fixture(params=["bubblewrap", "landlock", "bubblewrap as oneself", "landlock as oneself"])
def warm(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> How:
    """Each isolation with its warm servers, as root's and as everyone's."""
    return choose(request.param, monkeypatch)
