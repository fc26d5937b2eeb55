"""Programs of the system in the sandbox: a shell works, and is bounded as Python is."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from burnish.errors import SandboxMissing
from burnish.tools import sandbox

LIMITS = sandbox.Limits(timeout_s=5.0, memory_bytes=512 << 20, processes=16, programs=True, places=("app",))
SHELL = """
import os, subprocess
def sh(command):
    os.makedirs("/tmp/.root/app", exist_ok=True)
    told = {"PATH": "/burnish/bin:/usr/bin:/bin"}
    ran = subprocess.run(["/bin/sh", "-c", command], cwd="/app", env=told, capture_output=True, text=True)
    return [ran.returncode, ran.stdout, ran.stderr]
"""
bubblewrap = pytest.mark.skipif(
    sandbox.available().how != "bubblewrap", reason=f"programs need bubblewrap: {sandbox.available().why}"
)


@pytest.mark.skipif(sandbox.available().how in ("bubblewrap", None), reason="programs can be bounded here, or nothing can")
def test_where_bubblewrap_is_missing_programs_are_refused() -> None:
    with pytest.raises(SandboxMissing, match="starts others"):
        sandbox.run("print(1)", limits=LIMITS)


@pytest.fixture(scope="module")
def shell() -> Iterator[sandbox.Session]:
    with sandbox.session(SHELL, limits=LIMITS) as session:
        yield session


@bubblewrap
def test_a_shell_works_on_files_of_its_own(shell: sandbox.Session) -> None:
    command = (
        "printf '#!/bin/sh\\necho $((6 * $1))\\n' > run.sh; chmod +x run.sh; touch a; /app/run.sh 7; python3 -c 'print(1)'; ls"
    )
    assert shell.call("sh", command) == [0, "42\n1\na\nrun.sh\n", ""]


@bubblewrap
@pytest.mark.parametrize(
    "command",
    [
        "cat /etc/passwd", "ls /home", "ls /proc/self", "echo x > /usr/bin/burnish-was-here", "chmod 777 /usr/bin",
        "touch /usr/bin",
        "chown 0 a; test $(stat -c %u a) = 0", "kill -0 1", "python3 -c 'import socket; socket.socket()'", "mkdir /elsewhere",
        "unshare -U true", "mount -t tmpfs none /app", "su -c true", "ln -s /etc/shadow l; cat l", "cat /dev/mem", "setsid true",
        "nice -n -5 true 2>&1 | grep -q . && exit 1", "python3 -c 'import burnish'", "test -n \"$HOME$USER$BURNISH_HOME\"",
    ],
)  # fmt: skip
def test_a_shell_gets_no_further_than_python(shell: sandbox.Session, command: str) -> None:
    code, _, _ = shell.call("sh", f"echo > a; {command}")
    assert code != 0


@bubblewrap
def test_what_it_starts_is_counted_and_ended() -> None:
    with sandbox.session(SHELL, limits=LIMITS) as session:
        many = "n=0; while [ $n -lt 200 ]; do sleep 30 >/dev/null 2>&1 & n=$((n+1)); done; echo started"
        code, said, complaint = session.call("sh", many)
        assert code != 0, (said, complaint)
        assert "fork" in complaint
    assert sandbox.run("print(1)").stdout == "1\n", "and nothing of it is left in the way"
