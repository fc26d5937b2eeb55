"""Memory at hand is bounded by the system, the container and the process's own limit."""

from __future__ import annotations

import resource
import subprocess
import sys

from burnish.store import memory


def test_it_is_what_the_system_has_at_most():
    free = memory._named(memory.Path("/proc/meminfo"))
    assert 0 < memory.at_hand() <= free["MemTotal"]


def test_a_limit_of_the_process_counts():
    code = (
        "import resource\nfrom burnish.store import memory\n"
        "resource.setrlimit(resource.RLIMIT_DATA, (1 << 30, 1 << 30))\nprint(memory.at_hand())"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert 0 < int(done.stdout) < 1 << 30
    assert resource.getrlimit(resource.RLIMIT_DATA)[0] == resource.RLIM_INFINITY


def test_a_container_counts(tmp_path, monkeypatch):
    files = [tmp_path / name for name in ("max", "current", "stat")]
    for path, text in zip(files, ("5000000\n", "3000000\n", "anon 1\ninactive_file 500000\n"), strict=True):
        path.write_text(text)
    monkeypatch.setattr(memory, "CGROUPS", (tuple(files),))
    assert memory.at_hand() == 2_500_000
    files[0].write_text("max\n")
    assert memory.at_hand() > 2_500_000
