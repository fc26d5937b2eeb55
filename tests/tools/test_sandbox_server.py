"""The warm server: what a program may try against it, what it may try to leave for the next, and that the server is as good
after each as before. Also its life: bounded, ended with this process, safe for threads and forks."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from burnish.errors import UserError
from burnish.tools import sandbox, sandbox_launch, sandbox_pool
from burnish.tools.sandbox import Limits, Ran, run, run_many
from burnish.tools.sandbox_launch import How

LOOK = """
import os, sys
def is_open(n):
    try: os.fstat(n); return True
    except OSError: return False
print(os.listdir("."), [n for n in range(3, 300) if is_open(n)], sys.argv, sorted(os.environ), os.umask(0o77) == 0o77)
print(sys.getrecursionlimit(), os.getcwd(), [m for m in sys.modules if "burnish" in m], os.get_blocking(1), os.get_blocking(2))
try: os.waitpid(-1, 0)
except ChildProcessError: print("no child")
"""

ATTACKS = {
    "signals": """
import os
for pid in (os.getppid(), -1, 0, 1, -os.getppid(), os.getppid() + 1, os.getpid() + 1, os.getpid() - 1):
    for number in (0, 15, 19, 9):
        try: os.kill(pid, number); print("sent", pid, number)
        except OSError: pass
""",
    "files that are hard to remove": """
import os
os.mkdir("d"); os.chdir("d"); open("f", "w").close(); os.umask(0o777); os.mkdir("shut"); os.umask(0)
os.symlink("/", "root"); os.symlink(".", "loop")
for i in range(60): os.mkdir("x" * 200); os.chdir("x" * 200)
""",
    "modules to be imported": """
for name in ("json", "random", "sitecustomize", "program", "task", "encodings"): open(name + ".py", "w").write("1/0")
""",
    "its own interpreter": """
import builtins, gc, os, sys
builtins.print = None; sys.modules["json"] = None; sys.setrecursionlimit(50); os.listdir = lambda *a: []
gc.disable(); os.environ["LEFT"] = "1"; os.umask(0); os.putenv("LEFT", "1")
""",
    "its open files": """
import fcntl, os
for n in (1, 2):
    os.set_blocking(n, False)
    try: fcntl.fcntl(n, 1031, 4096)
    except OSError: pass
for n in range(3, 300):
    try: os.write(n, b"forged")
    except OSError: pass
""",
    "closing what it has": "import os\nos.closerange(0, 300)\nos._exit(0)",
    "threads that stay": """
import threading, time
for _ in range(20): threading.Thread(target=time.sleep, args=(60,), daemon=True).start()
""",
    "an exit handler": """
import atexit, os
atexit.register(os._exit, 0)
atexit.register(lambda: open("late", "w").write("x"))
""",
    "its stack": "import sys\nsys.setrecursionlimit(10**9)\ndef f(): f()\nf()",
    "its memory": "x = [0]\nwhile True: x += x",
    "its frames": """
import sys
frame = sys._getframe()
while frame:
    for value in list(frame.f_locals.values()):
        if type(value).__name__ == "Program": value.number = 1; value.out = 1
        if isinstance(value, dict) and "control" in value: value.clear()
    frame = frame.f_back
""",
    "a crash": "import ctypes\nctypes.string_at(0)",
    "an abort": "import os\nos.abort()",
    "output without end": "import os\nfor _ in range(200): os.write(1, b'\\xff\\x1b[31m\\r\\n\\x00' * 10000)",
    "locks": """
import fcntl
try: fcntl.flock(open("/dev/null", "w"), fcntl.LOCK_EX)
except OSError: pass
""",
    "stopping itself": "import os, signal\nos.kill(os.getpid(), signal.SIGSTOP)",
}


@pytest.mark.parametrize("attack", ATTACKS)
def test_the_next_program_finds_all_as_the_first_did(warm: How, attack: str):
    sandbox_pool.close()
    first = run(LOOK)
    assert first.status == "ok", first
    tried = run(ATTACKS[attack], limits=Limits(timeout_s=1.0))
    assert "sent" not in tried.stdout
    seen = run(LOOK)
    assert (seen.status, seen.stdout, seen.stderr) == ("ok", first.stdout, ""), (tried, seen)
    assert len(sandbox_pool._IDLE) == 1


SCAN = """
import ctypes, os, sys
libc, (back, there) = ctypes.CDLL(None), os.pipe()
def is_there(at):  # write(2) says EFAULT where nothing is
    if libc.write(there, ctypes.c_void_p(at), 1) != 1: return False
    os.read(back, 1)
    return True
found, big = [], ctypes.create_string_buffer(5000)
for start in {address & ~0xFFFFF for address in (id(sys), ctypes.addressof(big), id([0] * 1000))}:
    for page in range(start - (1 << 22), start + (1 << 22), 4096):
        if is_there(page):
            text = ctypes.string_at(page, 4096)
            at = text.find(mark)
            while at >= 0:
                found.append(text[at : at + 40])
                at = text.find(mark, at + 1)
print(sum(code in each for each in found), len(found))
"""


def test_nothing_of_the_last_program_is_in_memory(warm: How):
    """The server reads neither texts nor output, so that a fork of it has nothing of those before."""
    sandbox_pool.close()
    code = os.urandom(8).hex()
    said = f"mark-of-a-program:{code}:" + "x" * 4000
    ran = run(f"import sys\nkept = {said!r}\nprint(kept)\nprint(kept, file=sys.stderr)\nopen('f', 'w').write(kept)")
    assert code in ran.stdout
    run("")  # the next program's process was made while the first ran
    own = f"mark, code = b'mark-of-' + b'a-program:', bytes({[*code.encode()]})\n"
    seen = run(own + SCAN, limits=Limits(timeout_s=10))
    assert seen.status == "ok", seen
    assert int(seen.stdout.split()[0]) == 0
    seen = run(own + "kept = [mark + code for _ in range(7)]\n" + SCAN, limits=Limits(timeout_s=10))
    assert int(seen.stdout.split()[0]) >= 7, "what is there is found"


def test_what_a_program_leaves_running_is_gone(warm: How):
    if not sandbox_launch.counts_processes(warm):
        pytest.skip("processes cannot be counted here, so none may be started")
    limits = Limits(processes=4, timeout_s=2.0)
    daemon = """
import os, signal, time
for _ in range(3):
    if os.fork() == 0:
        if os.fork() == 0:
            for number in set(range(1, 65)) - {9, 19, 32, 33}: signal.signal(number, signal.SIG_IGN)
            for call in (os.setsid, lambda: os.setpgid(0, 0)):
                try: call()
                except OSError: pass
            os.closerange(0, 300)
            while True: open("alive", "w").close(); time.sleep(0.001)
        os._exit(0)
    os.wait()
"""
    assert run(daemon, limits=limits).status == "ok"
    assert run("import os, time\ntime.sleep(0.1)\nprint(os.listdir())", limits=limits).stdout == "['program.py']\n"
    zombies = "import os\nfor _ in range(3):\n    if os.fork() == 0: os._exit(0)\nprint('end')"
    assert [r.stdout for r in (run(zombies, limits=limits) for _ in range(12))] == ["end\n"] * 12


def test_full_directories_do_not_stay(warm: How):
    limits = Limits(files_bytes=1 << 20, timeout_s=5.0)
    fill = "import time\ntry:\n    for i in range(100): open(str(i), 'wb').write(bytes(1 << 19))\nexcept OSError: pass"
    many = "import time\ntry:\n    for i in range(100_000): open(str(i), 'wb').close()\nexcept OSError: pass\ntime.sleep(1)"
    sparse = "f = open('s', 'wb'); f.truncate(1 << 19); f.seek(1 << 19); f.write(b'x')"
    write = "open('f', 'wb').write(bytes(1 << 19)); print('fits')"
    for source in (fill, many, sparse):
        run(source, limits=limits)
        assert run(write, limits=limits).stdout == "fits\n", source
    ran = run(many, limits=limits)
    assert "too many" in ran.stderr, ran


@pytest.mark.parametrize(
    "source",
    [
        "print('PASS', flush=True); import os; os._exit(0)",
        "import sys; sys.exit(0)",
        "class Yes:\n    def __eq__(self, other): return True\n    def __repr__(self): return '42'\nprint(Yes() == 3)",
        "import os\nfor n in range(3, 300):\n    try: os.write(n, b'\\0' * 48)\n    except OSError: pass",
        "raise SystemExit('\\x1b[2J')",
        "import time, random\ntime.time = lambda: 0.0\nrandom.random = lambda: 0.5",
        "print('\\ud800')",
        "import sys; sys.stdout.buffer.write(b'\\xff\\xfe\\x00\\r\\n\\x1b[31m')",
        "print('[' * 10**6)",
        "print(float('nan'), float('inf'))",
    ],
)
def test_whatever_a_program_says_is_only_text(source: str):
    ran = run(source)
    assert isinstance(ran, Ran)
    assert ran.status in ("ok", "failed")
    (ran.stdout + ran.stderr).encode()
    assert run("print(6 * 7)").stdout == "42\n"


def test_a_busy_machine_fails_no_program():
    """Twice as many programs as processors, each near its bound of the processor's time, none of which is over it."""
    work = "import time\nend = time.process_time() + 0.25\nwhile time.process_time() < end: pass\nprint('done')"
    rans = run_many([work] * 8, parallel=8, limits=Limits(timeout_s=0.5))
    assert [ran.stdout for ran in rans] == ["done\n"] * 8, rans
    assert max(ran.seconds for ran in rans) > 0.5, "the machine was not busy"
    assert max(ran.cpu_s for ran in rans) < 0.5


def test_a_program_that_waits_a_while_is_not_one_that_stands_still():
    ran = run(
        "import time\nfor _ in range(4):\n    time.sleep(0.4)\n    sum(range(10**6))\nprint('end')", limits=Limits(timeout_s=0.8)
    )
    assert (ran.status, ran.stdout) == ("ok", "end\n"), ran


def test_threads_share_the_processors_time():
    spin = "import threading, hashlib\ndef work():\n    while True: hashlib.sha256(bytes(1 << 20))\n"
    ran = run(spin + "for _ in range(4): threading.Thread(target=work).start()", limits=Limits(timeout_s=0.3))
    assert ran.status == "timeout", ran
    assert ran.cpu_s < 2


def test_a_server_is_ended_after_its_number_of_programs(monkeypatch: pytest.MonkeyPatch):
    sandbox_pool.close()
    monkeypatch.setattr(sandbox_pool, "JOBS", 3)
    servers = set()
    for _ in range(7):
        run("")
        servers |= {server._process.pid for server in sandbox_pool._IDLE if server._process}
    assert len(servers) == 3
    assert sum(os.path.exists(f"/proc/{pid}") for pid in servers) == 1


def test_different_projects_have_different_servers():
    sandbox_pool.close()
    users = {project: run("import os\nprint(os.getuid(), os.getppid())", project=project).stdout for project in ("a", "b", "a")}
    assert len({server.kind.project for server in sandbox_pool._IDLE}) == 2
    if sandbox_launch.user() is not None:
        assert users["a"] != users["b"]


def test_strict_starts_a_sandbox_for_each(monkeypatch: pytest.MonkeyPatch):
    sandbox_pool.close()
    assert [run("print(1)", strict=True).stdout for _ in range(2)] == ["1\n"] * 2
    assert not sandbox_pool._IDLE


def test_threads_share_the_pool():
    sandbox_pool.close()
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda n: run(f"print({n})").stdout, range(60)))
    assert found == [f"{n}\n" for n in range(60)]
    assert len(sandbox_pool._IDLE) <= min(8, sandbox_pool.IDLE)


def test_a_fork_of_this_process_leaves_its_servers_alone():
    run("")
    server = sandbox_pool._IDLE[-1]
    child = os.fork()
    if child == 0:
        code = 1
        try:
            code = 0 if not sandbox_pool._IDLE and run("print(2)").stdout == "2\n" else 3
            sandbox_pool.close()
        finally:
            os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert run("print(1)").stdout == "1\n"
    assert sandbox_pool._IDLE[-1] is server


@pytest.mark.parametrize("end", ["pass", "import os; os._exit(0)", "import os; os.kill(os.getpid(), 9)"])
def test_servers_end_with_the_process_that_has_them(end: str):
    """However it ends, also in the middle of a program and of a session; and from a thread that is over before."""
    mark = Limits(files_bytes=0x01A2B3C7)
    code = f"""
import threading, time
from burnish.tools import sandbox, sandbox_pool
limits = sandbox.Limits(files_bytes={mark.files_bytes}, timeout_s=60)
t = threading.Thread(target=lambda: sandbox.run("print(1)", limits=limits)); t.start(); t.join()
assert sandbox.run("print(1)", limits=limits).stdout == "1\\n"
threading.Thread(target=lambda: sandbox.run("while True: pass", limits=limits), daemon=True).start()
s = sandbox.session("def f():\\n    while True: pass", limits=limits)
threading.Thread(target=lambda: s.call("f"), daemon=True).start()
time.sleep(0.5)
print(len([1 for p in sandbox_pool._ALL]), flush=True)
{end}
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert int(done.stdout) >= 2, done
    late = time.monotonic() + 10
    while (left := _named(f"burnish-sandbox={mark.files_bytes}")) and time.monotonic() < late:
        time.sleep(0.05)
    assert not left


def _named(mark: str) -> list[str]:
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if mark.encode() in (process / "cmdline").read_bytes():
                found.append(process.name)
        except OSError:
            continue
    return found


def test_packages_are_importable_where_named_and_only_there(warm: How):
    limits = Limits(memory_bytes=1 << 30)
    source = "import sys, {0}\nprint({0}.__name__, {0!r} in sys.modules)"
    assert run(source.format("jinja2"), limits=limits).status == "failed"
    ran = run("import jinja2, markupsafe\nprint(jinja2.Template('{{ 6 * 7 }}').render())", limits=limits, packages=("Jinja2",))
    assert (ran.status, ran.stdout) == ("ok", "42\n"), ran
    assert run(source.format("numpy"), limits=limits, packages=("jinja2",)).status == "failed"
    assert "PermissionError" in run(
        "import jinja2\nopen(jinja2.__file__, 'a')", limits=limits, packages=("jinja2",)
    ).stderr.replace("OSError: [Errno 30]", "PermissionError")
    assert run("import sys\nprint('jinja2' in sys.modules)", limits=limits, packages=("jinja2",)).stdout == "True\n"


def test_what_one_program_does_to_a_package_the_next_does_not_see():
    run("import jinja2\njinja2.Template = None", packages=("jinja2",))
    assert run("import jinja2\nprint(jinja2.Template)", packages=("jinja2",)).stdout.startswith("<class")


def test_a_package_that_is_not_installed_is_told():
    with pytest.raises(UserError, match="'no-such-thing-at-all' is to be importable in the sandbox, and is not installed"):
        run("", packages=("no-such-thing-at-all",))


def test_sessions_have_packages_as_well():
    with sandbox.session("import jinja2\ndef f(n): return jinja2.Template('{{ n }}').render(n=n)", packages=("jinja2",)) as task:
        assert task.call("f", 3) == "3"


def test_a_thread_may_start_a_server_and_end_before_it():
    sandbox_pool.close()
    thread = threading.Thread(target=run, args=("",))
    thread.start()
    thread.join()
    time.sleep(0.1)
    server = sandbox_pool._IDLE[-1]
    assert run("print(1)").stdout == "1\n"
    assert sandbox_pool._IDLE[-1] is server
