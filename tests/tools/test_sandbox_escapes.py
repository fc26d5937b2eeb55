"""What programs in the sandbox try in order to get out of it. Each is really tried, in each way of isolation.

"as oneself" leaves out that root's programs become a user of their own: it is how the sandbox works for everyone but
root, so both are tried whoever runs the tests. Nothing here does harm where it succeeds.
"""

from __future__ import annotations

import os
import socket
import tempfile
from pathlib import Path

import pytest

from burnish.tools import sandbox, sandbox_filter, sandbox_launch, sandbox_pool
from burnish.tools.sandbox import Limits, run
from burnish.tools.sandbox_launch import How


def attempts(setup: str, tries: str) -> str:
    """A program that makes each attempt, one a line, and prints those that were not refused by an error."""
    lines = [line.strip() for line in tries.strip().splitlines()]
    made = "\n".join(f"try:\n    {t}\nexcept (OSError, ValueError): pass\nelse: print({t!r}, flush=True)" for t in lines)
    return f"{setup}\n{made}\nprint('end')"


def assert_all_refused(source: str) -> None:
    ran = run(source)
    assert (ran.status, ran.stdout) == ("ok", "end\n"), ran


def test_files_of_others_are_neither_read_nor_listed(anyhow: How, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    secret = tmp_path / "secret"
    secret.write_text("secret")
    monkeypatch.setenv("BURNISH_TEST_SECRET", "secret")
    tries = f"""
        open("/etc/passwd")
        open("/etc/shadow")
        open("../../../../../../etc/passwd")
        open({str(secret)!r})
        open({__file__!r})
        os.listdir({str(tmp_path)!r})
        os.listdir(os.path.expanduser("~root"))
        os.listdir({str(Path.home())!r})
        os.listdir("/etc")
        os.listdir("/proc")
        os.listdir("/sys")
        open("/proc/self/environ")
        open("/proc/self/mem", "r+b")
        open("/proc/1/environ")
        open("/proc/1/root/etc/passwd")
        open("/proc/{os.getpid()}/environ", "rb")
        open("/proc/{os.getpid()}/cmdline")
        open("/proc/{os.getpid()}/mem", "r+b")
        os.readlink("/proc/{os.getpid()}/cwd")
        os.listdir("/proc/{os.getpid()}/fd")
        open("/proc/sys/kernel/core_pattern", "r+")
        open("/proc/sysrq-trigger", "ab")
        open("/proc/self/oom_score_adj", "r+")
        open("/proc/self/uid_map", "r+")
        open("/proc/self/root/etc/passwd")
        open("/proc/self/maps")
        open("/proc/thread-self/mem", "r+b")
        open("/sys/fs/cgroup/cgroup.procs", "ab")
        open("/sys/fs/cgroup/memory/tasks", "ab")
        open("/sys/kernel/uevent_helper", "r+")
        open("/dev/kvm", "r+b", 0)
        open("/dev/ptmx", "r+b", 0)
        open("/dev/mem", "rb")
        open("/dev/kmsg", "rb")
        open("/dev/tty", "r+b", 0)
        open("/dev/shm/x", "w")
        os.symlink({str(secret)!r}, "link"); open("link")
        os.symlink("/", "root"); open("root/etc/passwd")
        os.link({str(secret)!r}, "hard"); open("hard")
        os.chdir({str(tmp_path)!r}); open("secret")
    """
    assert_all_refused(attempts("import os", tries))


def test_nothing_outside_is_changed(anyhow: How, tmp_path: Path):
    kept = tmp_path / "kept"
    kept.write_text("kept")
    kept.chmod(0o644)
    before = kept.stat()
    library = os.path.dirname(os.path.realpath(os.__file__))
    tries = f"""
        open(kept, "a")
        open(kept, "r+")
        open({str(tmp_path / "new")!r}, "x")
        open({library!r} + "/burnish_was_here.py", "x")
        open({library!r} + "/os.py", "r+")
        open("/usr/lib/burnish_was_here", "x")
        open("/var/tmp/burnish_was_here", "x")
        open("/burnish_was_here", "x")
        os.open(kept, os.O_RDONLY | os.O_TRUNC)
        os.open(kept, os.O_WRONLY | os.O_RDWR | os.O_TRUNC)
        os.truncate(kept, 0)
        os.remove(kept)
        os.rename(kept, "here")
        os.rename("program.py", kept)
        os.link("program.py", {str(tmp_path / "linked")!r})
        os.symlink("program.py", {str(tmp_path / "linked")!r})
        os.symlink(kept, "link"); open("link", "a")
        os.mkdir({str(tmp_path / "made")!r})
        os.rmdir({str(tmp_path)!r})
        os.chmod(kept, 0o777)
        os.chmod({library!r} + "/os.py", 0o644)
        os.fchmod(os.open({library!r} + "/os.py", os.O_RDONLY), 0o644)
        os.chown(kept, os.getuid(), os.getgid())
        os.utime(kept, (0, 0))
        os.setxattr(kept, "user.x", b"x")
        os.mkfifo("pipe")
        os.mknod("device", 0o20600, os.makedev(1, 1))
        os.chroot(".")
    """
    assert_all_refused(attempts(f"import os\nkept = {str(kept)!r}", tries))
    after = kept.stat()
    assert (kept.read_text(), after.st_mode, after.st_mtime_ns) == ("kept", before.st_mode, before.st_mtime_ns)
    assert [p.name for p in tmp_path.iterdir()] == ["kept"]


def test_the_network_is_not_there(anyhow: How):
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        tries = f"""
            socket.create_connection(("127.0.0.1", {port}), 1)
            socket.socket(socket.AF_INET6)
            socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            socket.socket(socket.AF_INET, socket.SOCK_RAW)
            socket.socket(socket.AF_UNIX)
            socket.socket(socket.AF_NETLINK)
            socket.socket(socket.AF_VSOCK)
            socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
            socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            socket.socketpair()[0].connect("/run/systemd/journal/socket")
            socket.getaddrinfo("localhost", {port})
            socket.getaddrinfo("example.com", 80)
            socket.create_connection(("169.254.169.254", 80), 1)
            socket.socket(socket.AF_INET, socket.SOCK_DGRAM, socket.IPPROTO_ICMP)
            socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
            socket.socket(socket.AF_UNIX).bind(chr(0) + "burnish")
            socket.socket(fileno=0)
            socket.socket(fileno=1)
            socket.socket(fileno=2)
        """
        assert_all_refused(attempts("import socket", tries))
        server.setblocking(False)
        with pytest.raises(BlockingIOError):
            server.accept()


def test_other_processes_are_out_of_reach(anyhow: How):
    tries = """
        os.fork()
        os.posix_spawn("/bin/true", ["true"], {})
        subprocess.run(["/bin/true"])
        subprocess.run([sys.executable, "-c", ""])
        os.execv("/bin/true", ["true"])
        os.execv(os.path.realpath(sys.executable), ["python"])
        os.kill(ours, 0)
        os.kill(parent, 0)
        os.kill(1, 0)
        os.kill(-1, 0)
        os.kill(0, 0)
        os.killpg(os.getpgid(0), 0)
        os.pidfd_open(ours)
        os.pidfd_open(parent)
        os.setsid()
        os.setpgid(0, 0)
        os.sched_setaffinity(parent, {0})
        os.sched_setaffinity(0, {0})
        os.setpriority(os.PRIO_PROCESS, parent, 19)
        resource.prlimit(parent, resource.RLIMIT_CORE)
        resource.setrlimit(resource.RLIMIT_AS, (-1, -1))
        resource.setrlimit(resource.RLIMIT_FSIZE, (-1, -1))
        resource.setrlimit(resource.RLIMIT_NOFILE, (1024, 1024))
        fcntl.fcntl(0, fcntl.F_SETOWN, parent)
        fcntl.ioctl(0, termios.TIOCSTI, b"x")
        os.memfd_create("x")
    """
    setup = f"import fcntl, os, resource, subprocess, sys, termios\nours, parent = {os.getpid()}, os.getppid()"
    assert_all_refused(attempts(setup, tries))


LOOK = """
import errno, os, resource, time
calls = {
    "getpgid": os.getpgid, "getsid": os.getsid, "affinity": os.sched_getaffinity, "scheduler": os.sched_getscheduler,
    "param": os.sched_getparam, "interval": os.sched_rr_get_interval, "kill": lambda n: os.kill(n, 0), "pidfd": os.pidfd_open,
    "priority": lambda n: os.getpriority(os.PRIO_PROCESS, n), "of a group": lambda n: os.getpriority(os.PRIO_PGRP, n),
    "of a user": lambda n: os.getpriority(os.PRIO_USER, n), "limits": lambda n: resource.prlimit(n, resource.RLIMIT_CORE),
    "time": lambda n: time.clock_gettime(~n << 3 | 2), "resolution": lambda n: time.clock_getres(~n << 3 | 2),
    "wait": lambda n: os.waitpid(n, 0),
}
for name, call in calls.items():
    found = set()
    for number in numbers - {os.getpid()}:
        try: found.add(call(number))
        except OSError as error: found.add(errno.errorcode[error.errno])
    if len(found) != 1 or not found < {"EPERM", "ENOSYS", "ECHILD"}: print(name, found)
print("end")
"""


def test_other_processes_are_not_seen(anyhow: How):
    """Each way to ask has one answer for every number, taken or not: another error would tell as well."""
    there = {int(entry) for entry in os.listdir("/proc") if entry.isdecimal()}
    assert_all_refused(f"numbers = {there | set(range(1, 300)) | {os.getpid()}}" + LOOK)


def test_it_sees_itself(anyhow: How):
    ran = run(
        "import os, resource, threading, time\n"
        "own = os.getpid()\n"
        "print(len(os.sched_getaffinity(0)) == len(os.sched_getaffinity(own)) > 0, os.cpu_count() > 0)\n"
        "print(os.getpgid(0) == os.getpgid(own) == os.getpgrp(), os.getsid(0) == os.getsid(own))\n"
        "print(os.getpriority(os.PRIO_PROCESS, 0) == os.getpriority(os.PRIO_PROCESS, own))\n"
        "print(os.sched_getscheduler(0) == os.sched_getscheduler(own), os.sched_getparam(0) == os.sched_getparam(own))\n"
        "print(resource.prlimit(0, resource.RLIMIT_CORE) == resource.prlimit(own, resource.RLIMIT_CORE))\n"
        "print(min(time.process_time(), time.thread_time(), time.monotonic(), time.perf_counter()) >= 0)\n"
        "print(time.clock_gettime(time.pthread_getcpuclockid(threading.get_ident())) >= 0)\n"
        "time.sleep(0.001)\n"
    )
    assert (ran.status, set(ran.stdout.split())) == ("ok", {"True"}), ran


THREADS = """
import threading, time
threading.stack_size(1 << 16)
end, started = threading.Event(), 0
try:
    while started < 500:
        threading.Thread(target=end.wait).start()
        started += 1
except RuntimeError: pass
print(started)
end.set()
for thread in threading.enumerate()[1:]: thread.join()
time.sleep(0.2)

end, lock, alive = threading.Event(), threading.Lock(), 0
def more():
    global alive
    with lock: alive += 1
    while not end.is_set():
        try: threading.Thread(target=more).start()
        except RuntimeError: end.wait(0.01)
first = threading.Thread(target=more)
first.start()
time.sleep(0.5)
end.set()
first.join()
print(alive)
"""


def test_threads_are_bounded_and_begin_again_when_others_have_ended(anyhow: How):
    if anyhow == "bubblewrap" and sandbox_launch.user() is None and os.geteuid() == 0:
        pytest.skip("the kernel does not count what root itself starts, and burnish never runs a program as root")
    ran = run(THREADS, limits=Limits(timeout_s=20))
    assert ran.status == "ok", ran
    at_once, by_one_another = map(int, ran.stdout.split())
    assert at_once in (sandbox_launch.THREADS, sandbox_launch.THREADS - 1)  # one may be bubblewrap's own
    assert sandbox_launch.THREADS / 2 <= by_one_another <= 2 * (1 + sandbox_launch.THREADS)


def test_what_is_installed_cannot_be_imported(anyhow: How):
    installed = [Path(folder) for folder in sandbox_launch.hidden()]
    inside = [next((path for path in folder.rglob("*") if path.is_file()), None) for folder in installed]
    packages = [path.parent for folder in installed for path in folder.glob("*/__init__.py")]
    if not packages:
        pytest.skip("nothing is installed beside this interpreter's standard library")
    tries = "\n".join(
        [
            *(f"open({str(path)!r})" for path in inside if path),
            *(f"open({str(folder / 'new')!r}, 'x')" for folder in installed),
            *(f"bring({package.name!r}, {str(package.parent)!r})" for package in packages[:20]),
        ]
    )
    setup = (
        "import sys\ndef bring(name, folder):\n    sys.path.append(folder)\n    try: __import__(name)\n"
        "    except ImportError as error: raise OSError from error\n    finally: sys.path.remove(folder)"
    )
    assert_all_refused(attempts(setup, tries))


def test_the_standard_library_is_there(anyhow: How):
    ran = run(
        "import asyncio, ctypes, decimal, hashlib, importlib, json, lzma, sqlite3, ssl, statistics, unittest, xml.dom, zoneinfo\n"
        "open('mine.py', 'w').write('answer = 42')\nimport sys\nsys.path.append('.')\nimportlib.invalidate_caches()\n"
        "import mine, difflib, email.message\nprint(mine.answer)",
        limits=Limits(timeout_s=20),
    )
    assert (ran.status, ran.stdout) == ("ok", "42\n"), ran


CALLS = """
import ctypes, errno, os, platform, struct
libc = ctypes.CDLL(None, use_errno=True)
column = ["x86_64", "aarch64"].index(platform.machine())
parent, buffer = os.getppid(), ctypes.create_string_buffer(256)
def call(name, numbers, *arguments):
    number = numbers[column]
    if number is None: return
    ctypes.set_errno(0)
    got = libc.syscall(ctypes.c_long(number), *[ctypes.c_ulong(a) if isinstance(a, int) else a for a in arguments])
    if got != -1 or ctypes.get_errno() not in (errno.EPERM, errno.ENOSYS):
        print(name, got, errno.errorcode.get(ctypes.get_errno()), flush=True)
call("ptrace attach", (101, 117), 16, parent, 0, 0)
call("ptrace traceme", (101, 117), 0, 0, 0, 0)
call("process_vm_readv", (310, 270), parent, buffer, 1, buffer, 1, 0)
call("process_vm_writev", (311, 271), parent, buffer, 1, buffer, 1, 0)
call("kcmp", (312, 272), parent, parent, 0, 0, 0)
call("pidfd_getfd", (438, 438), 0, 0, 0)
call("capget", (125, 90), struct.pack("<Ii", 0x20080522, parent), buffer)
call("get_robust_list", (274, 100), parent, buffer, buffer)
call("ioprio_get", (252, 31), 1, parent)
call("sched_getattr", (315, 275), parent, buffer, 48, 0)
call("futex of an owner", (202, 98), struct.pack("<I", parent), 8, 0, 0, 0, 0)
call("prctl about another's core", (157, 167), 62, 0, parent, 0, buffer)
call("timer of another's time", (222, 107), (~parent << 3 | 2) & (2**64 - 1), 0, buffer)
call("process_madvise", (440, 440), 0, buffer, 1, 4, 0)
call("clone", (56, 220), 17, 0, 0, 0, 0)
call("clone into a new user namespace", (56, 220), 0x10000011, 0, 0, 0, 0)
call("clone3", (435, 435), buffer, 64)
call("vfork", (58, None))
call("unshare user", (272, 97), 0x10000000)
call("unshare mount", (272, 97), 0x20000)
call("setns", (308, 268), 0, 0)
call("mount", (165, 40), b"none", b".", b"tmpfs", 0, 0)
call("open_tree", (428, 428), -100 & (2**64 - 1), b".", 1)
call("fsopen", (430, 430), b"tmpfs", 0)
call("pivot_root", (155, 41), b".", b".")
call("io_uring_setup", (425, 425), 8, buffer)
call("bpf", (321, 280), 0, buffer, 64)
call("perf_event_open", (298, 241), buffer, 0, -1 & (2**64 - 1), -1 & (2**64 - 1), 0)
call("keyctl", (250, 219), 0, -3 & (2**64 - 1), 0)
call("add_key", (248, 217), b"user", b"x", b"x", 1, -3 & (2**64 - 1))
call("userfaultfd", (323, 282), 1)
call("personality", (135, 92), 0x40000)
call("shmget", (29, 194), 0, 4096, 0o1600)
call("msgget", (68, 186), 0, 0o1600)
call("mq_open", (240, 180), b"x", 0o102, 0o600, 0)
call("memfd_secret", (447, 447), 0)
call("inotify_init1", (294, 26), 0)
call("name_to_handle_at", (303, 264), -100 & (2**64 - 1), b".", buffer, buffer, 0)
call("open_by_handle_at", (304, 265), 0, buffer, 0)
call("openat2", (437, 437), -100 & (2**64 - 1), b"/etc/passwd", buffer, 24)
call("syslog", (103, 116), 10, 0, 0)
call("prctl to outlive its parent", (157, 167), 1, 0, 0, 0, 0)
call("a call of x86's second numbering", (0x40000000 | 39, None))
print("end")
"""


def test_the_kernels_other_doors_are_shut(anyhow: How):
    assert_all_refused(CALLS)


def test_it_holds_no_privilege_and_no_open_file(anyhow: How, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delitem(sandbox_filter.DENIED, "capget")  # let it look, which it else may not
    sandbox_pool.close()
    ran = run(
        "import ctypes, os, struct\n"
        "def is_open(n):\n    try: os.fstat(n); return True\n    except OSError: return False\n"
        "print([n for n in range(2000) if is_open(n)], os.getgroups() in ([], [os.getgid()], [65534]))\n"
        "sets = ctypes.create_string_buffer(24)\n"
        "ctypes.CDLL(None).capget(struct.pack('<Ii', 0x20080522, 0), sets)\n"
        "effective, permitted, inheritable, *rest = struct.unpack('<6I', sets.raw)\n"
        "print(effective in (0, 4), permitted in (0, 4), inheritable, rest)\n"
        "print(ctypes.CDLL(None).prctl(39, 0, 0, 0, 0), ctypes.CDLL(None).prctl(21, 0, 0, 0, 0))"
    )
    assert ran.stdout.splitlines()[0].startswith("[0, 1, 2] "), ran
    assert ran.stdout.splitlines()[1:] == ["True True 0 [0, 0, 0]", "1 2"], ran


def test_root_becomes_a_user_that_nobody_is(anyhow: How, request: pytest.FixtureRequest):
    if "strict" in request.node.name:
        pytest.skip("each has a server, and so a user, of its own")
    if sandbox_launch.user() is None:
        pytest.skip("not root, or as oneself")
    first, second = (run("import os\nprint(*os.getresuid(), *os.getresgid(), *os.getgroups())").stdout.split() for _ in range(2))
    assert len(set(first)) == len(set(second)) == 1
    assert first == second, "one server's programs follow one another, and share its user"
    sandbox_pool.close()
    assert run("import os\nprint(os.getuid())").stdout.split()[0] != first[0]
    assert int(first[0]) >= 60_000


def test_the_directories_of_other_sandboxes_are_closed(anyhow: How, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """While a session runs beside it, with a file in its own directory."""
    tmp_path.chmod(0o755)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    sandbox_pool.close()
    with sandbox.session("def keep(): open('kept', 'w').write('x'); import os; return os.getcwd()") as beside:
        where = beside.call("keep")
        own = anyhow == "bubblewrap"  # there each has a directory of this name
        tries = f"""
            open({where!r} + "/kept")
            os.link({where!r} + "/kept", "mine")
            os.listdir({str(tmp_path)!r})
            {"0 / 0" if own else f"open({where!r} + '/new', 'x')"}
            {"0 / 0" if own else f"os.listdir({where!r})"}
        """
        assert_all_refused(attempts("import os", tries.replace("0 / 0", "open('/etc/passwd')")))
    sandbox_pool.close()


HUNGRY = [
    "7 ** (10 ** 8) % (10 ** 9)",
    "import re; re.match('(a+)+$', 'a' * 40 + 'b')",
    "import zlib\nbomb = zlib.compress(bytes(1 << 27))\nkept = [zlib.decompress(bomb) for _ in range(100)]",
    "x = bytearray(2 << 30)",
    "sorted(range(10 ** 9))",
    "'x' * (10 ** 10)",
    "import itertools; sum(1 for _ in itertools.count())",
    "import random; random.seed(1); [random.random() for _ in range(10 ** 8)]",
    "print('x' * (1 << 27))",
    "import decimal; decimal.getcontext().prec = 10 ** 7; decimal.Decimal(2).sqrt()",
]


@pytest.mark.parametrize("source", HUNGRY)
def test_what_is_too_much_ends(source: str):
    ran = run(source, limits=Limits(timeout_s=0.3))
    assert ran.status in ("timeout", "memory", "failed", "ok"), ran
    assert ran.cpu_s < 3
    assert len(ran.stdout) <= Limits().output_bytes
    assert run("print(1)").stdout == "1\n"


def test_memory_of_all_processes_together_is_bounded(warm: How):
    """Each has its limit, and there are few."""
    if not sandbox_launch.counts_processes(warm):
        pytest.skip("processes cannot be counted here, so none may be started")
    take = """
import os, sys
size = 0
try:
    kept = []
    while True: kept.append(bytearray(1 << 20)); size += 1
except MemoryError: pass
"""
    fork = "import os\nfor _ in range(40):\n    try:\n        if os.fork() == 0: break\n    except OSError: break\n"
    limits = Limits(processes=2, memory_bytes=40 << 20, timeout_s=5)
    ran = run(fork + take + "print(size, flush=True)", limits=limits)
    sizes = [int(size) for size in ran.stdout.split()]
    assert sizes, ran
    assert max(sizes) < 40
    if warm != "bubblewrap" or os.geteuid() != 0 or sandbox_launch.user() is not None:
        assert len(sizes) <= sandbox_launch.most_tasks(limits) + 1


def test_one_program_finds_nothing_of_the_last(anyhow: How, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    sandbox_pool.close()
    run("open('left', 'w').write('x')")
    assert run("import os\nprint(os.listdir('.'))").stdout == "['program.py']\n"
    sandbox_pool.close()
    assert not os.listdir(tmp_path)
