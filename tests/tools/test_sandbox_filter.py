"""The filter of system calls, worked out by hand: what the kernel would answer, also on the machine this is not."""

from __future__ import annotations

import errno
import re
import struct
from pathlib import Path

import pytest

from burnish.tools import sandbox_filter as filters

PID = 4321
MASK = 2**32 - 1


def answer(
    machine: str, number: int, *arguments: int, processes: bool = False, ask: bool = False, architecture: int | None = None
) -> str:
    """What the filter says of one call: the instructions of classic BPF that it uses, interpreted."""
    shared, own = filters.build(machine, processes=processes, ask=ask)
    assert struct.pack("<I", filters.OWN_PID) not in shared
    own = own.replace(struct.pack("<I", filters.OWN_PID), struct.pack("<I", PID))
    found = [_one(code, machine, number, *arguments, architecture=architecture) for code in (shared, own)]
    return min(found, key=["killed", "EPERM", "ENOSYS", "asked", "allowed"].index)  # as seccomp(2) ranks them


def _one(code: bytes, machine: str, number: int, *arguments: int, architecture: int | None) -> str:
    seen = filters.ARCHITECTURES[machine] if architecture is None else architecture
    padded = [a % 2**64 for a in (*arguments, *[0] * (6 - len(arguments)))]
    record = struct.pack("<iIQ6Q", number, seen, 0, *padded)
    steps = list(struct.iter_unpack("<HBBI", code))
    at, value = 0, 0
    while True:
        operation, yes, no, operand = steps[at]
        at += 1
        match operation:
            case filters.LOAD:
                value = struct.unpack_from("<I", record, operand)[0]
            case filters.AND:
                value &= operand
            case filters.JUMP:
                at += operand
            case filters.JUMP_EQUAL:
                at += yes if value == operand else no
            case filters.JUMP_GREATER:
                at += yes if value > operand else no
            case filters.JUMP_ANY_BIT:
                at += yes if value & operand else no
            case filters.RETURN:
                known = {filters.ALLOW: "allowed", filters.KILL: "killed", filters.ASK: "asked"}
                return known.get(operand) or errno.errorcode[operand & 0xFFFF]


def number_of(name: str, machine: str) -> int | None:
    table = filters.DENIED | filters.UNKNOWN | filters.FORKS | filters.LOOKED_AT
    return table[name][list(filters.ARCHITECTURES).index(machine)]


@pytest.fixture(params=list(filters.ARCHITECTURES))
def machine(request: pytest.FixtureRequest) -> str:
    return request.param


def test_every_denied_call_is_denied_and_ordinary_ones_are_not(machine: str):
    for name in filters.DENIED:
        if (number := number_of(name, machine)) is not None:
            assert answer(machine, number) == "EPERM", name
    ordinary = {"x86_64": (0, 1, 3, 9, 12, 202, 228, 231, 334), "aarch64": (63, 64, 57, 222, 214, 98, 113, 94, 293)}
    for number in ordinary[machine]:  # read write close mmap brk futex clock_gettime exit_group rseq
        assert answer(machine, number) == "allowed", number


def test_no_number_stands_twice(machine: str):
    tables = (filters.DENIED, filters.UNKNOWN, filters.FORKS, filters.LOOKED_AT)
    column = list(filters.ARCHITECTURES).index(machine)
    numbers = [pair[column] for table in tables for pair in table.values() if pair[column] is not None]
    assert len(numbers) == len(set(numbers))


def test_calls_of_newer_kernels_and_of_other_architectures_do_not_exist(machine: str):
    assert [answer(machine, n) for n in (435, 437, 440, 447, 462, 9999, 0x4000_0000 | 41)] == ["ENOSYS"] * 7
    assert answer(machine, 0, architecture=0x4000_0003) == "killed"  # 32-bit x86, whose numbers mean other calls


@pytest.mark.parametrize(
    ("name", "arguments", "expected"),
    [
        ("kill", (PID, 9), "allowed"),
        ("kill", (PID + 1, 9), "EPERM"),
        ("kill", (-1, 9), "EPERM"),
        ("kill", (0, 9), "EPERM"),
        ("tgkill", (PID, PID + 5, 6), "allowed"),
        ("tgkill", (1, 1, 6), "EPERM"),
        ("clone", (0x3D0F00,), "allowed"),  # what libc passes for a thread
        ("clone", (17,), "EPERM"),
        ("clone", (0x0001_0000 | 0x1000_0000,), "EPERM"),
        ("prlimit64", (0, 7), "allowed"),
        ("prlimit64", (PID + 1, 7), "EPERM"),
        ("prlimit64", (PID, 7), "allowed"),
        ("getpgid", (0,), "allowed"),
        ("getpgid", (PID,), "allowed"),
        ("getpgid", (PID + 1,), "EPERM"),
        ("getsid", (1,), "EPERM"),
        ("sched_getscheduler", (0,), "allowed"),
        ("sched_getscheduler", (1,), "EPERM"),
        ("sched_getparam", (1,), "EPERM"),
        ("sched_getattr", (1,), "EPERM"),
        ("sched_rr_get_interval", (1,), "EPERM"),
        ("sched_getaffinity", (0, 128), "allowed"),
        ("sched_getaffinity", (PID, 128), "allowed"),
        ("sched_getaffinity", (PID + 1, 128), "ENOSYS"),
        ("getpriority", (0, 0), "allowed"),
        ("getpriority", (0, PID), "allowed"),
        ("getpriority", (0, PID + 1), "EPERM"),
        ("getpriority", (1, 0), "EPERM"),  # a group
        ("getpriority", (2, 0), "EPERM"),  # a user
        ("clock_gettime", (0,), "allowed"),
        ("clock_gettime", (2,), "allowed"),
        ("clock_gettime", (~PID << 3 | 6,), "allowed"),  # a thread's, which has to be its own
        ("clock_gettime", (~1 << 3 | 2,), "EPERM"),
        ("clock_getres", (~1 << 3 | 0,), "EPERM"),
        ("clock_nanosleep", (~1 << 3 | 1,), "EPERM"),
        ("timer_create", (~1 << 3 | 2,), "EPERM"),
        ("futex", (0, 0x80), "allowed"),
        ("futex", (0, 0x189), "allowed"),  # what libc waits with
        ("futex", (0, 6), "ENOSYS"),
        ("futex", (0, 0x88), "ENOSYS"),
        ("prctl", (62, 0, 1), "EPERM"),
        ("prctl", (0x59616D61, 1), "EPERM"),
        ("prctl", (1, 0), "EPERM"),
        ("prctl", (15, 0), "allowed"),
        ("fcntl", (0, 8), "EPERM"),
        ("fcntl", (0, 15), "EPERM"),
        ("fcntl", (0, 1), "allowed"),
        ("ioctl", (0, 0x5412), "EPERM"),
        ("ioctl", (0, 0x5413), "allowed"),
        ("socketpair", (1, 1 | 0x80000), "allowed"),
        ("socketpair", (1, 2), "EPERM"),
        ("socketpair", (2, 1), "EPERM"),
        ("openat", (-100, 0, 0), "allowed"),
        ("openat", (-100, 0, 0x200), "EPERM"),
        ("openat", (-100, 0, 0x203), "EPERM"),
        ("openat", (-100, 0, 0x241), "allowed"),
        ("open", (0, 0x200), "EPERM"),
        ("open", (0, 0x241), "allowed"),
    ],
)
def test_arguments_decide(machine: str, name: str, arguments: tuple[int, ...], expected: str):
    if (number := number_of(name, machine)) is None:
        pytest.skip(f"{machine} has no {name}")
    assert answer(machine, number, *arguments) == expected


def test_forks_are_let_through_only_where_asked_for():
    fork, clone = (number_of(name, "x86_64") or -1 for name in ("fork", "clone"))
    assert (answer("x86_64", fork), answer("x86_64", fork, processes=True)) == ("EPERM", "allowed")
    assert (answer("x86_64", clone, 17), answer("x86_64", clone, 17, processes=True)) == ("EPERM", "allowed")
    assert answer("x86_64", clone, 17 | 0x8000, processes=True) == "EPERM"
    assert answer("x86_64", clone, 17 | 0x1000_0000, processes=True) == "EPERM"


def test_threads_wait_for_an_answer_where_they_are_asked_about(machine: str):
    clone = number_of("clone", machine) or -1
    asked = [answer(machine, clone, flags, ask=True) for flags in (0x3D0F00, 17, 0x3D0F00 | 0x1000_0000)]
    assert asked == ["asked", "EPERM", "EPERM"]
    with pytest.raises(AssertionError):
        filters.build(machine, processes=True, ask=True)


HEADERS = {
    "x86_64": [Path("/usr/include/x86_64-linux-gnu/asm/unistd_64.h"), Path("/usr/include/asm/unistd_64.h")],
    "aarch64": [Path("/usr/include/asm-generic/unistd.h")],
}


def test_numbers_are_those_of_the_kernels_headers(machine: str):
    header = next((path for path in HEADERS[machine] if path.exists()), None)
    if header is None:
        pytest.skip("the kernel's headers are not installed")
    official: dict[str, int] = {}
    for name, number in re.findall(r"#define __NR(?:3264)?_(\w+)\s+(\d+)", header.read_text()):
        official.setdefault(name, int(number))
    for name in filters.DENIED | filters.UNKNOWN | filters.FORKS | filters.LOOKED_AT:
        if machine == "aarch64" or name in official:
            assert number_of(name, machine) == official.get(name), name
