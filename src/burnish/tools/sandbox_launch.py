"""How the sandbox's server is started: by bubblewrap in namespaces of its own, or directly, bounded by Landlock.

Either way the interpreter starts with `sandbox_server.py`, which gives up the user and the files, and whose programs give
up the system calls as well before they run; bubblewrap adds that the rest of the machine is not there at all: other files
have no names, other processes no numbers, the network no interfaces. Two ways out that are known of such set-ups are
closed by leaving things out: there is no /proc (through which root's own files, and bubblewrap's environment, could be
reached), and bubblewrap itself starts with an empty environment.
"""

from __future__ import annotations

import ctypes
import functools
import itertools
import marshal
import math
import os
import platform
import resource
import shutil
import sys
import sysconfig
import types
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from burnish.tools import sandbox_child, sandbox_filter, sandbox_packages

How = Literal["bubblewrap", "landlock", "none"]
"""The ways of isolation, best first. "none" leaves the files of whoever runs burnish open to the program; it is taken only
where that was accepted in so many words."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What one program may use."""

    timeout_s: float = 2.0
    """Time of the processor, so that a busy machine fails no program; also how long (1 s at least) it may stand still."""
    memory_bytes: int = 256 << 20
    """Address space of each process."""
    output_bytes: int = 64 << 10
    """Of standard output, and again of standard error; the rest is read and thrown away."""
    processes: int = 0
    """How many processes it may have running beside itself; none by default. Threads are counted as well, so that the bound
    on both together is this and 32 (for a moment twice that where the kernel does not count: `sandbox_threads`)."""
    files_bytes: int = 16 << 20
    """All files that it writes, together."""
    programs: bool = False
    """Whether it may start the system's programs, such as a shell. It needs `processes` and bubblewrap, since they see by their
    full names what is there: the programs are bounded as Python is, by the same filter and the same namespaces."""
    places: tuple[str, ...] = ()
    """Names at the root, such as "app", that are to lead to folders of the program's own; bubblewrap alone can give them."""

    @property
    def still_s(self) -> float:
        """How long it may wait, sleep or be stopped at a stretch; nothing is said of it where it may start processes."""
        return math.inf if self.processes else max(1.0, self.timeout_s)

    @property
    def wall_s(self) -> float:
        """By the clock on the wall, in all: what ends it if nothing else does."""
        return 10.0 + 10.0 * self.timeout_s


@dataclass(frozen=True, slots=True)
class Kind:
    """What the programs of one server have in common."""

    how: How
    files_bytes: int
    forks: bool
    packages: tuple[str, ...]
    project: str
    own_user: bool
    """Whether the server becomes a user that nobody else is, as root's does."""
    spares: bool = True
    """Whether there is a next program, whose process is made while one runs."""
    programs: bool = False
    places: tuple[str, ...] = ()


INSIDE = ("sandbox_directory", "sandbox_child", "sandbox_calls", "sandbox_server")
"""The modules that the server is made of, each after those that it imports."""
START = """
import marshal, sys
with open(0, "rb", closefd=False) as given: modules, job = marshal.load(given)
for name, code in modules:
    module = sys.modules[name] = type(sys)(name)
    exec(code, module.__dict__)
sys.modules["burnish.tools.sandbox_server"].main(job)
"""
COMMON = ("collections", "functools", "heapq", "itertools", "json", "math", "re", "string", "traceback", "typing")
"""What many programs import: a warm server has it."""
PACKAGES = "/packages"
"""Where installed packages that programs may import lie in bubblewrap's namespace."""
INSTALLED = ("site-packages", "dist-packages")
"""Where an interpreter, this or another, has packages that do not belong to it."""
SYSTEM = ("/lib", "/lib64", "/usr/lib", "/usr/lib64", "/etc/ld.so.cache", "/usr/share/zoneinfo")
DEVICES = ("/dev/null", "/dev/urandom")
PROGRAMS = ("/bin", "/usr/bin")
"""Where the system's programs are."""
OWN_PROGRAMS = "/burnish/bin"
"""Where python3 is found by its name."""
ROOT = ".root"
"""The folder of the program's directory in which its places are."""
THREADS = 32
USERS = ((1 << 30, 1 << 29), (60_000, 5_000))
"""Ranges (first, number) of user numbers that belong to nobody; the second is for containers with 65,536 users."""
_COUNT = itertools.count()


def missing(how: How) -> str:
    """Why this way cannot be tried here; empty where it can."""
    if sys.platform != "linux" or platform.machine() not in sandbox_filter.ARCHITECTURES:
        return f"it needs Linux on {' or '.join(sandbox_filter.ARCHITECTURES)}; this is {sys.platform} on {platform.machine()}"
    try:
        os.close(os.pidfd_open(os.getpid()))
    except OSError as error:
        return f"the kernel gives no handles of processes (since Linux 5.3): {error}"
    if how == "bubblewrap" and shutil.which("bwrap") is None:
        return "there is no `bwrap` on PATH"
    if how == "landlock" and not landlock_version():
        return "the kernel does not offer it (since Linux 5.13; it may be left out of the boot parameter `lsm=`)"
    return ""


@functools.cache
def landlock_version() -> int:
    """The kernel's Landlock ABI, 0 where there is none."""
    create_ruleset, ask_version = ctypes.c_ulong(444), ctypes.c_ulong(1)
    return max(0, ctypes.CDLL(None).syscall(create_ruleset, None, ctypes.c_ulong(0), ask_version))


def user() -> int | None:
    """For root: a user number that no other program has, so that nothing is shared with it. None for everyone else."""
    if os.geteuid() != 0:
        return None
    mapped = [tuple(map(int, line.split())) for line in Path("/proc/self/uid_map").read_text().splitlines()]
    for first, number in USERS:
        if any(inside <= first and first + number <= inside + count for inside, _, count in mapped):
            return first + (os.getpid() * 128 + next(_COUNT)) % number
    return None


def counts_processes(how: How) -> bool:
    """Whether the kernel can count the program's processes apart from those of whoever runs burnish."""
    return how == "bubblewrap" or user() is not None


def most_tasks(limits: Limits) -> int:
    """How many processes and threads there may be, with the program's first."""
    return 1 + limits.processes + THREADS


def command(kind: Kind, directory: str) -> list[str]:
    """The command line of a server, to be given `payload` as its standard input."""
    # -I is -P -s -E; without -E the environment, which holds our own words only, can fix the order of sets.
    python = [
        _interpreter(),
        "-P",
        "-s",
        "-S",
        "-B",
        "-X",
        "utf8",
        "-c",
        START,
        f"burnish-sandbox={kind.files_bytes}",
    ]
    if kind.how != "bubblewrap":
        return python
    return [*_bubblewrap(kind, directory), *python]


def payload(kind: Kind, directory: str, links: str, *, control: int, source: int, out: int, err: int) -> bytes:
    """What a server reads first: its own code, and its job.

    `directory` is the programs' own, which bubblewrap makes itself; `links` holds a link to each package they may import.
    """
    given = sandbox_packages.found(kind.packages)
    landlock = landlock_version() if kind.how != "none" else 0
    counted = kind.how == "bubblewrap" or kind.own_user
    job = {
        "directory": directory,
        "own_directory": kind.how != "bubblewrap",
        "reads_by_right": kind.how == "none" or (kind.how == "landlock" and landlock > 0),
        "user": user() if kind.own_user else None,
        "landlock": landlock,
        "readable": readable(kind.programs),
        "runnable": readable(kind.programs) if kind.programs else [],
        "hidden": hidden() if kind.how == "landlock" else [],  # bubblewrap has covered them
        "listed": [*_standard()],
        "packages": (PACKAGES if kind.how == "bubblewrap" else links) if given.paths else None,
        "packages_readable": [PACKAGES] if kind.how == "bubblewrap" else [links, *given.paths.values()],
        "preload": [*(COMMON if kind.spares else ()), *given.modules],
        "devices": [*DEVICES],
        "filters": sandbox_filter.build(platform.machine(), processes=kind.forks, ask=not counted, programs=kind.programs),
        "spares": counted and kind.spares,
        "ask": None if counted else sandbox_filter.SECCOMP[platform.machine()],
        "own_pid": sandbox_filter.OWN_PID,
        "control": control,
        "source": source,
        "out": out,
        "err": err,
    }
    return marshal.dumps((_modules(), job))


@functools.cache
def _modules() -> list[tuple[str, types.CodeType]]:
    here = Path(__file__).parent
    texts = {name: (here / f"{name}.py").read_text("utf-8") for name in INSIDE}
    return [(f"burnish.tools.{name}", compile(text, sandbox_child.OURS, "exec")) for name, text in texts.items()]


def environment(directory: str, *, packages: bool) -> dict[str, str]:
    """All that the program finds in its environment."""
    one = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1") if packages else {}
    return {"HOME": directory, "TMPDIR": directory, "PYTHONHASHSEED": "0", **one}


@functools.cache
def readable(programs: bool = False) -> list[str]:
    """What the program may read: the interpreter with its standard library, and the system's libraries; all but `hidden`.
    programs: with the system's programs."""
    prefix = os.path.realpath(sys.base_prefix)
    wanted = [*SYSTEM, *(PROGRAMS if programs else ()), f"{prefix}/lib", f"{prefix}/lib64", *_standard(), _interpreter()]
    present = [path for path in dict.fromkeys(wanted) if os.path.exists(path)]
    return [p for p in present if not any(p != outer and p.startswith(outer + "/") for outer in present)]


@functools.cache
def hidden() -> list[str]:
    """What the program may not read of it: installed packages, burnish among them."""
    return hidden_in([os.path.realpath(path) for path in readable() if os.path.isdir(path)])


def hidden_in(folders: list[str]) -> list[str]:
    """The folders with installed packages in these folders, each by its own name even where a link leads to it."""
    found = [Path(folder).glob(pattern + name) for folder in folders for pattern in ("", "*/", "*/*/") for name in INSTALLED]
    burnish = Path(__file__).parents[1]
    real = dict.fromkeys(os.path.realpath(path) for path in (*itertools.chain(*found), burnish) if path.is_dir())
    inside = [path for path in real if any(path.startswith(folder + "/") for folder in folders)]
    return [p for p in inside if not any(p.startswith(outer + "/") for outer in inside)]


def _standard() -> dict[str, None]:
    """The folders of the standard library: one for all machines, one for this kind."""
    prefix = os.path.realpath(sys.base_prefix)
    where = {"installed_base": prefix, "installed_platbase": prefix, "base": prefix, "platbase": prefix}
    paths = (sysconfig.get_path(kind, vars=where) for kind in ("stdlib", "platstdlib"))
    return dict.fromkeys(path for path in paths if os.path.isdir(path))


def _interpreter() -> str:
    """That of the base installation: what a virtual environment has installed is not for the program."""
    return os.path.realpath(vars(sys)["_base_executable"])


def order(kind: Kind, limits: Limits, *, session: bool) -> bytes:
    """What a server is told of one program."""
    bounds = {
        resource.RLIMIT_AS: limits.memory_bytes,
        resource.RLIMIT_FSIZE: limits.files_bytes,
        resource.RLIMIT_NOFILE: 64,
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_MEMLOCK: 0,
    }
    if not session:  # whose calls are bounded one by one
        bounds[resource.RLIMIT_CPU] = math.ceil(limits.timeout_s) + 1
    if kind.how == "bubblewrap" or kind.own_user:
        bounds[resource.RLIMIT_NPROC] = most_tasks(limits) + 2  # the server and its next program
    cpu, still, wall = (math.inf,) * 3 if session else (limits.timeout_s, limits.still_s, limits.wall_s)
    return marshal.dumps((session, bounds, cpu, still, wall, limits.output_bytes))


def _bubblewrap(kind: Kind, directory: str) -> list[str]:
    """Everything before the interpreter's own words.

    It does not ask for `--die-with-parent`, which means the thread that started it: the server ends when burnish's end of
    its socket closes, and all else in the namespace with it. Root needs no user namespace, whose root it would remain; it
    keeps only the right to become the program's own user.
    """
    found = [shutil.which("bwrap") or "bwrap", "--new-session", "--clearenv", "--cap-drop", "ALL"]
    found += ["--unshare-ipc", "--unshare-pid", "--unshare-net", "--unshare-uts", "--unshare-cgroup-try"]
    found += ["--hostname", "sandbox"]
    if not kind.own_user:
        found += ["--unshare-user", "--uid", "65534", "--gid", "65534"]
    else:
        found += ["--cap-add", "CAP_SETUID", "--cap-add", "CAP_SETGID"]
    for folder in dict.fromkeys(
        str(parent) for path in (*readable(kind.programs), *DEVICES) for parent in reversed(Path(path).parents)
    ):
        found += ["--perms", "0755", "--dir", folder]  # else they are as closed as they are outside
    for path in readable(kind.programs):
        found += ["--symlink", os.readlink(path), path] if os.path.islink(path) else ["--ro-bind", path, path]
    for path in hidden():
        found += ["--perms", "0755", "--tmpfs", path, "--remount-ro", path]
    packages = sandbox_packages.found(kind.packages).paths
    found += ["--perms", "0755", "--dir", PACKAGES] if packages else []
    for name, path in packages.items():
        found += ["--ro-bind", path, f"{PACKAGES}/{name}"]
    for path in DEVICES:
        found += ["--dev-bind", path, path]
    if kind.programs:
        for name in ("python", "python3"):
            found += ["--symlink", _interpreter(), f"{OWN_PROGRAMS}/{name}"]
    for name in kind.places:
        found += ["--symlink", f"{directory}/{ROOT}/{name}", f"/{name}"]
    found += ["--perms", "1777", "--size", str(kind.files_bytes), "--tmpfs", directory, "--remount-ro", "/"]
    for name, value in environment(directory, packages=bool(kind.packages)).items():
        found += ["--setenv", name, value]
    return [*found, "--"]
