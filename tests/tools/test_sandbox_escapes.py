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

from burnish.tools import sandbox, sandbox_launch
from burnish.tools.sandbox import Available, run
from burnish.tools.sandbox_launch import How

WORKS: dict[str, str] = {}


@pytest.fixture(params=["bubblewrap", "landlock", "bubblewrap as oneself", "landlock as oneself"])
def how(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> How:
    """Each isolation in turn, as root's and as everyone's."""
    way: How = request.param.split()[0]
    if request.param.endswith("oneself"):
        if os.geteuid() != 0:
            pytest.skip("this is not root, so that the plain way is already as oneself")
        monkeypatch.setattr(sandbox_launch, "user", lambda: None)
    if request.param not in WORKS:
        WORKS[request.param] = sandbox.probe(way)
    if WORKS[request.param]:
        pytest.skip(f"{request.param} does not work here: {WORKS[request.param]}")
    monkeypatch.setattr(sandbox, "available", lambda: Available(way, "chosen by the test"))
    return way


def attempts(setup: str, tries: str) -> str:
    """A program that makes each attempt, one a line, and prints those that were not refused by an error."""
    lines = [line.strip() for line in tries.strip().splitlines()]
    made = "\n".join(f"try:\n    {t}\nexcept (OSError, ValueError): pass\nelse: print({t!r}, flush=True)" for t in lines)
    return f"{setup}\n{made}\nprint('end')"


def assert_all_refused(source: str) -> None:
    ran = run(source)
    assert (ran.status, ran.stdout) == ("ok", "end\n"), ran


def test_files_of_others_are_neither_read_nor_listed(how: How, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
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


def test_nothing_outside_is_changed(how: How, tmp_path: Path):
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


def test_the_network_is_not_there(how: How):
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
        """
        assert_all_refused(attempts("import socket", tries))
        server.setblocking(False)
        with pytest.raises(BlockingIOError):
            server.accept()


def test_other_processes_are_out_of_reach(how: How):
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


def test_the_kernels_other_doors_are_shut(how: How):
    assert_all_refused(CALLS)


def test_it_holds_no_privilege_and_no_open_file(how: How):
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


def test_root_becomes_a_user_that_nobody_is(how: How):
    if sandbox_launch.user() is None:
        pytest.skip("not root, or as oneself")
    first, second = (run("import os\nprint(*os.getresuid(), *os.getresgid(), *os.getgroups())").stdout.split() for _ in range(2))
    assert len(set(first)) == len(set(second)) == 1
    assert first != second
    assert int(first[0]) >= 60_000


def test_one_program_finds_nothing_of_the_last(how: How):
    before = set(os.listdir(tempfile.gettempdir()))
    run("open('left', 'w').write('x')")
    assert run("import os\nprint(os.listdir('.'))").stdout == "['program.py']\n"
    made = set(os.listdir(tempfile.gettempdir())) - before
    assert not {name for name in made if name.startswith("burnish-sandbox-")}
