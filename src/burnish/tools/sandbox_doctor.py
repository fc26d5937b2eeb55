"""What this machine has for the sandbox, which level that makes, and how to get a better one."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from burnish.tools import sandbox, sandbox_launch

Level = Literal["namespaced", "landlock", "none"]
LEVELS: dict[str | None, Level] = {"bubblewrap": "namespaced", "landlock": "landlock", None: "none"}
MEANS: dict[Level, str] = {
    "namespaced": "the rest of the machine has no names for a program, and no files, processes or network",
    "landlock": "a program opens no file but its own and reaches no process and no network; it can see that files exist",
    "none": "nothing keeps a program from the files of whoever runs it, so none is run",
}
TRIED = 100
"""Programs by which the speed is measured."""
NEW_USER_NAMESPACE = (
    "import ctypes; c = ctypes.CDLL(None, use_errno=True); raise SystemExit(c.unshare(0x10000000) and ctypes.get_errno())"
)


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at. `good` is None where it is neither needed nor harmful."""

    name: str
    good: bool | None
    seen: str


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """`accepted`: that code is run with no isolation was asked for. `per_s`: small programs a second, one after another."""

    level: Level
    means: str
    accepted: bool
    findings: tuple[Finding, ...]
    per_s: float | None
    todo: tuple[str, ...]


def diagnose() -> Diagnosis:
    """Look at all of it, and run some programs."""
    tried = {how: sandbox.probe(how) for how in ("bubblewrap", "landlock")}
    namespaces = _namespaces()
    findings = (
        _kernel(),
        _user(),
        namespaces,
        _bubblewrap(tried["bubblewrap"]),
        _landlock(tried["landlock"]),
        _seccomp(),
        _cgroup(),
    )
    best = next((how for how, reason in tried.items() if not reason), None)
    level = LEVELS[best]
    accepted = os.environ.get(sandbox.ACCEPT) == "1"
    per_s = _speed() if best is not None else None
    return Diagnosis(level, MEANS[level], accepted, findings, per_s, tuple(_todo(level, tried["bubblewrap"], namespaces)))


def _kernel() -> Finding:
    reason = sandbox_launch.missing("none")
    return Finding("system", not reason, reason or f"{platform.system()} {platform.release()} on {platform.machine()}")


def _user() -> Finding:
    if os.geteuid() != 0:
        return Finding("user", True, f"user {os.geteuid()}: programs have the same number, and none of its rights")
    if sandbox_launch.user() is None:
        return Finding("user", None, "root, with no number to spare in this container: programs stay root, without its rights")
    return Finding("user", True, "root: programs become a user that nobody else is")


def _namespaces() -> Finding:
    if sys.platform != "linux":
        return Finding("user namespaces", False, "a thing of Linux")
    code = subprocess.run([sys.executable, "-I", "-S", "-c", NEW_USER_NAMESPACE], capture_output=True, check=False).returncode
    if code == 0:
        return Finding("user namespaces", True, "can be made")
    said = [f"cannot be made: {os.strerror(code)}"]
    for switch, wall in (("user/max_user_namespaces", "0"), ("kernel/unprivileged_userns_clone", "0"),
                         ("kernel/apparmor_restrict_unprivileged_userns", "1")):  # fmt: skip
        path = Path("/proc/sys") / switch
        if path.exists() and path.read_text().strip() == wall:
            said.append(f"{switch.replace('/', '.')} is {wall}")
    return Finding("user namespaces", None if os.geteuid() == 0 else False, "; ".join(said))


def _bubblewrap(reason: str) -> Finding:
    path = shutil.which("bwrap")
    if path is None:
        return Finding("bubblewrap", False, "not installed")
    version = subprocess.run([path, "--version"], capture_output=True, text=True, check=False).stdout.strip()
    return Finding("bubblewrap", not reason, f"{version or path}: {reason or 'works'}")


def _landlock(reason: str) -> Finding:
    version = sandbox_launch.landlock_version() if sys.platform == "linux" else 0
    if not version:
        return Finding("Landlock", False, reason)
    return Finding("Landlock", not reason, f"version {version}: {reason or 'works'}")


def _seccomp() -> Finding:
    path = Path("/proc/sys/kernel/seccomp/actions_avail")
    actions = path.read_text().split() if path.exists() else []
    missing = [action for action in ("errno", "kill_process", "user_notif") if action not in actions]
    return Finding("seccomp", not missing, f"the kernel lacks {', '.join(missing)}" if missing else "all that is used is there")


def _cgroup() -> Finding:
    if Path("/sys/fs/cgroup/cgroup.controllers").exists():
        return Finding("cgroups", None, "version 2; not used, limits are set on each program")
    there = Path("/sys/fs/cgroup/memory").exists()
    return Finding("cgroups", None, "version 1; not used, limits are set on each program" if there else "none; not used")


def _speed() -> float:
    sandbox.run("")
    began = time.perf_counter()
    for _ in range(TRIED):
        sandbox.run("print(1)")
    return TRIED / (time.perf_counter() - began)


def _todo(level: Level, bubblewrap: str, namespaces: Finding) -> list[str]:
    if level == "namespaced":
        return []
    if sys.platform != "linux":
        return ["use Linux, in a virtual machine for instance"]
    found = []
    if shutil.which("bwrap") is None:
        found.append("`apt-get install bubblewrap` (Debian, Ubuntu; Fedora and Arch have it under the same name)")
    elif bubblewrap:
        found.append(
            "bubblewrap is there and may not make namespaces; on Ubuntu allow it with `sysctl "
            "kernel.apparmor_restrict_unprivileged_userns=0`, in a container with its setting for user namespaces"
            if not namespaces.good
            else f"bubblewrap is there and does not work: {bubblewrap}"
        )
    if level == "none":
        found.append("or boot a kernel with Landlock: Linux 5.13 or newer, `landlock` among the words of `lsm=`")
        found.append(
            f"or, where all code is your own, `burnish --i-accept-unsandboxed ...` or {sandbox.ACCEPT}=1 in the environment: "
            "code written by a model then runs with nothing to keep it from your files"
        )
    return found
