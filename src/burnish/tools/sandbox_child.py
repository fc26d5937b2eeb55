"""Giving up rights, inside the sandbox: once by the server, once more by each of its programs; and becoming a program.

Passed to a fresh interpreter as it stands (`sandbox_launch.payload`), so it imports nothing of burnish. Each step raises
where it fails, and nothing then is run.
"""

from __future__ import annotations

import atexit
import ctypes
import os
import resource
import struct
import sys

OURS = "<sandbox>"
"""The name of our own files in tracebacks, which a program's leave out."""
EXECUTE, READ_FILE, READ_DIR, WRITE_FILE = 1 << 0, 1 << 2, 1 << 3, 1 << 1
REMOVE_DIR, REMOVE_FILE, MAKE_DIR, MAKE_FILE, MAKE_LINK = 1 << 4, 1 << 5, 1 << 7, 1 << 8, 1 << 12
REFER, TRUNCATE, IOCTL_DEVICE = 1 << 13, 1 << 14, 1 << 15
DIRECTORY = READ_DIR | REMOVE_DIR | REMOVE_FILE | MAKE_DIR | MAKE_FILE | MAKE_LINK | REFER
"""Landlock's rights that only directories have, of those given here (linux/landlock.h)."""
OWN = READ_FILE | WRITE_FILE | TRUNCATE | DIRECTORY
"""What a program may do in its own directory: no devices, sockets or pipes with names, no running of files."""

PR_SET_PDEATHSIG, PR_SET_DUMPABLE, PR_SET_KEEPCAPS, PR_SET_SECCOMP = 1, 4, 8, 22
PR_SET_CHILD_SUBREAPER, PR_SET_NO_NEW_PRIVS = 36, 38
SECCOMP_MODE_FILTER, LANDLOCK_CREATE, LANDLOCK_ADD, LANDLOCK_RESTRICT = 2, 444, 445, 446
SECCOMP_SET_FILTER, SECCOMP_NEW_LISTENER = 1, 8
CAPABILITIES_VERSION_3, READ_ANYWHERE = 0x20080522, 1 << 2
"""READ_ANYWHERE is CAP_DAC_READ_SEARCH."""
LIBC = ctypes.CDLL(None, use_errno=True)
LIBC.prctl.argtypes = [ctypes.c_int, *[ctypes.c_ulong] * 4]


def shut(job: dict) -> None:
    """The server's part, inherited by all programs: no privilege, no file but those of the job, out of reach of debuggers."""
    os.umask(0o077)
    os.chdir(job["directory"])
    _give_up_user(job)
    _libc("prctl", PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    _libc("prctl", PR_SET_DUMPABLE, 0, 0, 0, 0)
    _libc("prctl", PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    if job["landlock"]:
        _restrict_files(job)


def wall(job: dict) -> Filter:
    """The server's last step, after which it imports nothing: the filter that all programs inherit, and the one they add."""
    shared, own = job["filters"]
    _filter_calls(Filter(shared, job["own_pid"]))
    gone = [name for name in sys.modules if name.partition(".")[0] == "burnish"]
    for name in gone:
        del sys.modules[name]
    return Filter(own, job["own_pid"])


def enter(job: dict, own: Filter, server: int, asking: int) -> None:
    """A program's part, in a process of its own: it ends with the server, and has the filter of system calls.

    At `asking`, if a socket, is passed where leave to start threads is asked for.
    """
    if LIBC.prctl(PR_SET_PDEATHSIG, 9, 0, 0, 0) or os.getppid() != server:
        raise ProcessLookupError("the sandbox's server is gone")
    own.fill(os.getpid())
    if job["ask"] is None:
        _filter_calls(own)
    else:
        _filter_calls_and_ask(own, job["ask"], asking)


def bound(bounds: dict[int, int]) -> None:
    """The program's limits, by their numbers."""
    for limit, value in bounds.items():
        most = resource.getrlimit(limit)[1]
        value = value if most == resource.RLIM_INFINITY else min(value, most)
        resource.setrlimit(limit, (value, value))


class Filter:
    """A seccomp filter as the kernel takes it. It is made once; a program only writes its own number into it."""

    def __init__(self, code: bytes, own_pid: int) -> None:
        mark = struct.pack("<I", own_pid)
        self.places = [at for at in range(0, len(code), 4) if code[at : at + 4] == mark]
        self.text = ctypes.create_string_buffer(code, len(code))
        self.head = ctypes.create_string_buffer(struct.pack("@HP", len(code) // 8, ctypes.addressof(self.text)))
        self.address = ctypes.addressof(self.head)

    def fill(self, number: int) -> None:
        """Where it says "this process", have it say this number."""
        mark = struct.pack("<I", number)
        for at in self.places:
            self.text[at : at + 4] = mark


def _libc(name: str, *arguments: object) -> int:
    typed = getattr(LIBC, name).argtypes is not None
    passed = [ctypes.c_ulong(a) if isinstance(a, int) and not typed else a for a in arguments]
    result = getattr(LIBC, name)(*passed)
    if result < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()), name)
    return result


def _give_up_user(job: dict) -> None:
    """Become the job's user, which owns nothing else, and drop every capability.

    Where the interpreter lies in a folder closed to others, as in /root, the right to read stays; Landlock bounds it.
    """
    user = job["user"]
    if user is not None:
        if job["own_directory"]:
            os.chown(".", user, user)
        _libc("prctl", PR_SET_KEEPCAPS, 1, 0, 0, 0)
        os.setgroups([])
        os.setresgid(user, user, user)
        os.setresuid(user, user, user)
    needed = [os.__file__, *(job["packages_readable"] if job["packages"] else [])]
    closed = not all(os.access(path, os.R_OK) for path in needed)
    kept = READ_ANYWHERE if user is not None and closed and job["reads_by_right"] else 0
    header, sets = struct.pack("<Ii", CAPABILITIES_VERSION_3, 0), struct.pack("<6I", kept, kept, 0, 0, 0, 0)
    _libc("capset", header, sets)


def _restrict_files(job: dict) -> None:
    version = job["landlock"]
    handled = (1 << 13) - 1 | (REFER if version >= 2 else 0) | (TRUNCATE if version >= 3 else 0)
    handled |= IOCTL_DEVICE if version >= 5 else 0
    tcp, signals_and_sockets = 3 if version >= 4 else 0, 3 if version >= 6 else 0
    attributes = struct.pack("<3Q", handled, tcp, signals_and_sockets)[: 24 if version >= 6 else 16 if version >= 4 else 8]
    rules = _libc("syscall", LANDLOCK_CREATE, attributes, len(attributes), 0)
    given = [(path, READ_FILE | READ_DIR) for top in job["readable"] for path in _all_but(os.path.realpath(top), job["hidden"])]
    given += [(path, READ_DIR) for path in job["listed"] if job["hidden"]]  # without a list of it nothing is imported
    if job["packages"]:
        given += [(path, READ_FILE | READ_DIR) for path in job["packages_readable"]]
    given += [(path, READ_FILE | WRITE_FILE) for path in job["devices"]] + [(".", OWN)]
    if job["runnable"]:
        given += [(path, EXECUTE) for path in job["runnable"]] + [(".", EXECUTE)]
    for path, rights in given:
        file = os.open(path, os.O_PATH | os.O_CLOEXEC)
        if not os.path.isdir(path):
            rights &= ~DIRECTORY
        _libc("syscall", LANDLOCK_ADD, rules, 1, struct.pack("<Qi", rights & handled, file), 0)
        os.close(file)
    quiet = 1 if version >= 7 else 0  # what is refused is not written to the machine's audit log
    _libc("syscall", LANDLOCK_RESTRICT, rules, quiet)
    os.close(rules)


def _all_but(top: str, hidden: list[str]) -> list[str]:
    """The fewest paths that together are all of this one but what is hidden. Links are left out: their ends have paths."""
    if top in hidden:
        return []
    if not any(path.startswith(top + "/") for path in hidden):
        return [top]
    below = [entry.path for entry in os.scandir(top) if not entry.is_symlink()]
    return [path for each in below for path in _all_but(each, hidden)]


def _filter_calls(code: Filter) -> None:
    if LIBC.prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, code.address, 0, 0):
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()), "seccomp")


def _filter_calls_and_ask(code: Filter, seccomp: int, asking: int) -> None:
    """Filter, and give away the file at which whoever watches is asked about calls, with the number of this process."""
    import _socket

    watcher = _socket.socket(fileno=asking)
    listener = _libc("syscall", seccomp, SECCOMP_SET_FILTER, SECCOMP_NEW_LISTENER, code.address)
    watcher.sendmsg([struct.pack("@i", os.getpid())], [(_socket.SOL_SOCKET, _socket.SCM_RIGHTS, struct.pack("@i", listener))])
    watcher.detach()


def become(source: bytes) -> int:
    """Run the text as a script of its own would run, to its end: its exit code."""
    sys.excepthook, sys.argv = _show, ["program.py"]
    module = type(sys)("__main__")
    module.__dict__.update(__builtins__=__builtins__, __file__="program.py")
    sys.modules["__main__"] = module
    code = _outcome(lambda: exec(compile(source, "program.py", "exec", dont_inherit=True), module.__dict__))
    threading = sys.modules.get("threading")
    if threading is not None:
        _outcome(threading._shutdown)  # pyright: ignore[reportAttributeAccessIssue]
    _outcome(atexit._run_exitfuncs)
    flushed = [_outcome(stream.flush) for stream in (sys.stdout, sys.stderr)]
    return code if code or not any(flushed) else 120


def load(source: bytes, name: str) -> dict:
    """The names that a module of this text defines."""
    module = type(sys)(name)
    module.__dict__.update(__builtins__=__builtins__, __file__=f"{name}.py")
    sys.modules[name] = module
    exec(compile(source, f"{name}.py", "exec", dont_inherit=True), module.__dict__)
    return module.__dict__


def _outcome(work) -> int:
    try:
        work()
    except SystemExit as end:
        if end.code is None or isinstance(end.code, int):
            return (end.code or 0) & 0xFF
        print(end.code, file=sys.stderr)
        return 1
    except BaseException as error:
        sys.excepthook(type(error), error, error.__traceback__)
        return 1
    return 0


def _show(kind: type[BaseException], error: BaseException, trace: object) -> None:
    """A traceback without this file's lines."""
    while trace is not None and trace.tb_frame.f_code.co_filename == OURS:  # pyright: ignore
        trace = trace.tb_next  # pyright: ignore
    sys.__excepthook__(kind, error.with_traceback(trace), trace)  # pyright: ignore
