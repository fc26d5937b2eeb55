"""Asking a server: one POST of JSON, tried again where that may help, with every bound stated and every failure a sentence.

The key stands in an environment variable, of which only the name is kept; it is read when it is sent, and in no message.
Redirects are not followed, since a key would go with them.
"""

from __future__ import annotations

import atexit
import functools
import json
import os
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from burnish.errors import ConfigError
from burnish.tasks.graders.needs import needed

LIMIT_BYTES = 4 << 20
"""Of a reply."""
FIRST_WAIT_S, LONGEST_WAIT_S = 0.5, 20.0
_AGAIN = frozenset({408, 409, 425, 429, 500, 502, 503, 504, 529})
"""Status codes after which another try may help."""
_HERE = frozenset({"127.0.0.1", "localhost", "::1"})


def secretive(name: str) -> bool:
    """Whether what is called so is likely a secret."""
    words = re.split(r"[^a-z0-9]+", name.lower())
    return not {"auth", "authorization", "cookie", "key", "apikey", "password", "secret", "token", "signature"}.isdisjoint(words)


@dataclass(frozen=True, slots=True, kw_only=True)
class Door:
    """Where a server is, and how long it is waited for."""

    url: str
    key_env: str | None = None
    """the environment variable that holds the key, sent as a bearer token"""
    headers: tuple[tuple[str, str], ...] = ()
    timeout_s: float = 30.0
    """of each try, from its first byte to its last"""
    retries: int = 2

    @property
    def limit_s(self) -> float:
        """Of all tries, with the waits between them."""
        return (self.retries + 1) * self.timeout_s + self.retries * LONGEST_WAIT_S

    def __post_init__(self) -> None:
        parts = urlsplit(self.url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ConfigError("this is no address of a server", seen=self.url, todo="write http://... or https://...")
        if parts.username or parts.password:
            todo = "put the key into an environment variable, and name it in key_env"
            raise ConfigError(
                "an address holds a name or a password, which would be kept with the task", seen=parts.hostname, todo=todo
            )
        if secret := [name for name, _ in parse_qsl(parts.query) if secretive(name)]:
            raise ConfigError(
                "an address holds a key, which would be kept with the task",
                seen=f"{parts.hostname}?{secret[0]}=",
                todo="put the key into an environment variable, and name it in key_env",
            )
        if self.key_env is not None and parts.scheme == "http" and parts.hostname not in _HERE:
            raise ConfigError("a key is not sent to another machine in the clear", seen=self.url, todo="use https://")


@dataclass(frozen=True, slots=True)
class Reply:
    """What a server said. `tries`: what was said of the tries before it, such as "429"."""

    body: Any
    tries: tuple[str, ...] = ()

    @property
    def shown(self) -> str:
        """The tries, for the end of a reason; empty where the first one worked."""
        return f" (tried {len(self.tries) + 1} times: {', '.join(self.tries)})" if self.tries else ""


@dataclass(frozen=True, slots=True)
class Failed:
    """No reply that could be used, and why, in a sentence."""

    why: str


def post(door: Door, path: str, body: Mapping[str, Any], *, sleep: Callable[[float], None] = time.sleep) -> Reply | Failed:
    """The server's reply as JSON. Never raises for what a server or a network does."""
    key = None if door.key_env is None else os.environ.get(door.key_env, "")
    if key == "":
        return Failed(f"the environment variable {door.key_env}, which should hold the key for {door.url}, is not set")
    headers = {"Content-Type": "application/json", **dict(door.headers)} | ({"Authorization": f"Bearer {key}"} if key else {})
    url, text = door.url.rstrip("/") + path, json.dumps(body).encode()
    tries: list[str] = []
    while True:
        found = _once(url, text, headers, door.timeout_s)
        if isinstance(found, Reply):
            return Reply(found.body, tuple(tries))
        tries.append(found.why)
        if not found.again or len(tries) > door.retries:
            times = f" in {len(tries)} tries" if len(tries) > 1 else ""
            return Failed(f"{door.url} gave nothing{times}: {', '.join(tries)}")
        wait = FIRST_WAIT_S * 2 ** (len(tries) - 1) if found.wait_s is None else found.wait_s
        sleep(min(wait, LONGEST_WAIT_S))


@dataclass(frozen=True, slots=True)
class _Nothing:
    """What came of one try. again: whether another may help."""

    why: str
    again: bool
    wait_s: float | None = None
    """that the server asked for"""


def _once(url: str, text: bytes, headers: Mapping[str, str], timeout_s: float) -> Reply | _Nothing:
    library = needed("httpx2", "graders", "a grader that asks a server")
    end = time.monotonic() + timeout_s
    try:
        with _client(urlsplit(url).hostname in _HERE).stream(
            "POST", url, content=text, headers=headers, timeout=timeout_s
        ) as reply:
            got = bytearray()
            for piece in reply.iter_bytes():
                got += piece
                if time.monotonic() > end:
                    return _Nothing(f"nothing whole in {timeout_s:g} seconds", again=True)
                if len(got) > LIMIT_BYTES:
                    return _Nothing(f"a reply of more than {LIMIT_BYTES} bytes", again=False)
            if reply.status_code != 200:
                said = " ".join(got[:200].decode("utf-8", "replace").split())
                why = str(reply.status_code) + (f" {said}" if said and reply.status_code not in _AGAIN else "")
                return _Nothing(why, again=reply.status_code in _AGAIN, wait_s=_seconds(reply.headers.get("retry-after")))
    except library.TimeoutException:
        return _Nothing(f"nothing in {timeout_s:g} seconds", again=True)
    except (library.TransportError, library.DecodingError) as error:
        return _Nothing(f"no connection ({type(error).__name__})", again=True)
    try:
        return Reply(json.loads(bytes(got)))
    except (ValueError, RecursionError):
        return _Nothing("a reply that is not JSON", again=True)


def _seconds(text: str | None) -> float | None:
    """A Retry-After in seconds; None where there is none, or a date."""
    try:
        return max(0.0, float(text)) if text is not None else None
    except ValueError:
        return None


@functools.cache
def _client(here: bool) -> Any:
    """The connections of this process; a server on this machine is reached past any proxy."""
    library = needed("httpx2", "graders", "a grader that asks a server")
    client = library.Client(trust_env=not here, follow_redirects=False, limits=library.Limits(max_connections=64))
    atexit.register(client.close)
    return client
