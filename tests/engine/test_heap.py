"""Freed memory stays with the process, unless the user has said what is to become of it."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from pathlib import Path

import pytest

GIVEN_BACK = """
import resource, sys, torch
from burnish.engine import heap
done = heap.keep() if sys.argv[1] == "keep" else None
def resident():
    return int(open("/proc/self/statm").read().split()[1]) * resource.getpagesize() >> 20
tensor = torch.empty(5 << 20).fill_(1.0)  # 20 MiB
before = resident()
del tensor
print(done, before - resident())
"""

LARGE_PAGES = """
import sys, torch
from burnish.engine import heap
if sys.argv[1] == "limited":
    import resource
    resource.setrlimit(resource.RLIMIT_DATA, (8 << 30, 8 << 30))
def heaps():  # size in MiB and flags of each part of the heap
    found, here = [], False
    for line in open("/proc/self/smaps"):
        words = line.split()
        if "-" in words[0]:
            here = words[-1] == "[heap]"
        elif here and words[0] == "Size:":
            size = int(words[1]) >> 10
        elif here and words[0] == "VmFlags:":
            found.append((size, "hg" in words))
    return found
before = any(large for _, large in heaps())
heap.keep()
tensors = [torch.empty(30 << 18) for _ in range(50)]  # 30 MiB each, more than is asked for ahead
heap.use_large_pages()
kept = heap.zeros(40 << 18, device=torch.device("cpu"), dtype=torch.float32)
assert not kept.any()
large, small = (sum(size for size, is_large in heaps() if is_large == wanted) for wanted in (True, False))
print(before, large * 1000 + small)
"""


def _run(*arguments: str, script: str = GIVEN_BACK, **variables: str) -> tuple[str, int]:
    clean = {k: v for k, v in os.environ.items() if not k.startswith("MALLOC_") and k != "GLIBC_TUNABLES"}
    command = [sys.executable, "-c", script, *arguments]
    done, freed = subprocess.run(command, env=clean | variables, capture_output=True, text=True, check=True).stdout.split()
    return done, int(freed)


glibc = pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="the allocator of another C library is left as it is")


@glibc
def test_what_was_freed_is_not_fetched_from_the_system_again():
    (_, before), (done, after) = _run("leave"), _run("keep")
    assert done == "True"
    assert before > 15  # of 20 MiB
    assert after < 5


@glibc
@pytest.mark.parametrize(
    "variables", [{"MALLOC_TRIM_THRESHOLD_": "100000"}, {"GLIBC_TUNABLES": "glibc.malloc.trim_threshold=100000"}]
)
def test_thresholds_in_the_environment_are_the_users(variables: dict[str, str]):
    assert _run("keep", **variables)[0] == "False"


@glibc
@pytest.mark.skipif(not Path("/sys/kernel/mm/transparent_hugepage").is_dir(), reason="this kernel has no such pages")
@pytest.mark.parametrize("bounds", ["none", "limited"])
def test_the_heap_lies_in_large_pages_as_it_grows(bounds: str):
    before, found = _run(bounds, script=LARGE_PAGES)
    large, small = divmod(found, 1000)
    assert before == "False"
    assert large >= 1500
    assert small < 100
