"""Freed memory stays with the process, unless the user has said what is to become of it."""

from __future__ import annotations

import os
import platform
import subprocess
import sys

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


def _run(*arguments: str, **variables: str) -> tuple[str, int]:
    clean = {k: v for k, v in os.environ.items() if not k.startswith("MALLOC_") and k != "GLIBC_TUNABLES"}
    command = [sys.executable, "-c", GIVEN_BACK, *arguments]
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
