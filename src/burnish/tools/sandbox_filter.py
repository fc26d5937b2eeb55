"""The system calls that a program in the sandbox may not make, as a seccomp filter in classic BPF (seccomp(2)).

A list of what is forbidden, not of what is allowed, because an interpreter's needs differ between builds; what the list
cannot name, the calls of kernels newer than it, is answered with "no such call". Much of it is also stopped by
Landlock, by the namespaces or by the lack of privileges; the filter does not rely on them, because not every kernel has all.

A filter is a run of 8-byte instructions over the record {call number, architecture, address, six arguments}. An argument
is compared by its low 32 bits; where that could be dodged through the high half, the kernel itself reads 32 bits only.
"""

from __future__ import annotations

import errno
import struct

ARCHITECTURES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
"""AUDIT_ARCH_* by `platform.machine()`. The order is that of the pairs below."""

OWN_PID = 0xFFFF_FFF0
"""Stands for the program's own process number, which only the program's process knows; no process has this number."""

NEWEST = 439
"""faccessat2. Calls above it are unknown to this list (x86's second numbering, x32, lies there too)."""

DENIED: dict[str, tuple[int | None, int | None]] = {
    # the network: no socket of any family, also none of this machine's own
    "socket": (41, 198), "connect": (42, 203), "bind": (49, 200), "listen": (50, 201), "accept": (43, 202),
    "accept4": (288, 242), "sendmmsg": (307, 269), "recvmmsg": (299, 243),
    # other processes: reading, steering, signalling, slowing
    "ptrace": (101, 117), "process_vm_readv": (310, 270), "process_vm_writev": (311, 271), "kcmp": (312, 272),
    "pidfd_open": (434, 434), "pidfd_getfd": (438, 438), "pidfd_send_signal": (424, 424), "tkill": (200, 130),
    "rt_sigqueueinfo": (129, 138), "rt_tgsigqueueinfo": (297, 240), "sched_setaffinity": (203, 122),
    "sched_setscheduler": (144, 119), "sched_setparam": (142, 118), "sched_setattr": (314, 274), "setpriority": (141, 140),
    "ioprio_set": (251, 30), "ioprio_get": (252, 31), "migrate_pages": (256, 238), "move_pages": (279, 239),
    "get_robust_list": (274, 100), "capget": (125, 90),
    # other programs; leaving the process group that is killed at the end
    "execve": (59, 221), "execveat": (322, 281), "setsid": (112, 157), "setpgid": (109, 154),
    # namespaces, roots and mounts
    "unshare": (272, 97), "setns": (308, 268), "chroot": (161, 51), "pivot_root": (155, 41), "mount": (165, 40),
    "umount2": (166, 39), "fsopen": (430, 430), "fsconfig": (431, 431), "fsmount": (432, 432), "fspick": (433, 433),
    "open_tree": (428, 428), "move_mount": (429, 429), "swapon": (167, 224), "swapoff": (168, 225), "quotactl": (179, 60),
    # large or seldom used parts of the kernel, where most of its holes have been
    "bpf": (321, 280), "perf_event_open": (298, 241), "userfaultfd": (323, 282), "io_uring_setup": (425, 425),
    "io_uring_enter": (426, 426), "io_uring_register": (427, 427), "keyctl": (250, 219), "add_key": (248, 217),
    "request_key": (249, 218), "personality": (135, 92), "modify_ldt": (154, None),
    # the machine
    "init_module": (175, 105), "finit_module": (313, 273), "delete_module": (176, 106), "kexec_load": (246, 104),
    "kexec_file_load": (320, 294), "reboot": (169, 142), "syslog": (103, 116), "acct": (163, 89), "iopl": (172, None),
    "ioperm": (173, None), "vhangup": (153, 58), "sethostname": (170, 161), "setdomainname": (171, 162),
    "settimeofday": (164, 170), "clock_settime": (227, 112), "clock_adjtime": (305, 266), "adjtimex": (159, 171),
    "sync": (162, 81), "syncfs": (306, 267),
    # what Landlock does not look at: modes, owners, times and labels of files that are only readable, and watching them
    "chmod": (90, None), "fchmod": (91, 52), "fchmodat": (268, 53), "chown": (92, None), "fchown": (93, 55),
    "lchown": (94, None), "fchownat": (260, 54), "utime": (132, None), "utimes": (235, None), "utimensat": (280, 88),
    "futimesat": (261, None), "truncate": (76, 45), "setxattr": (188, 5), "lsetxattr": (189, 6), "fsetxattr": (190, 7),
    "removexattr": (197, 14), "lremovexattr": (198, 15), "fremovexattr": (199, 16), "mknod": (133, None),
    "mknodat": (259, 33), "name_to_handle_at": (303, 264), "open_by_handle_at": (304, 265), "inotify_init": (253, None),
    "inotify_init1": (294, 26), "inotify_add_watch": (254, 27), "fanotify_init": (300, 262), "fanotify_mark": (301, 263),
    # memory that outlives the program or is not counted as its own
    "shmget": (29, 194), "shmat": (30, 196), "shmctl": (31, 195), "semget": (64, 190), "semop": (65, 193),
    "semctl": (66, 191), "semtimedop": (220, 192), "msgget": (68, 186), "msgsnd": (69, 189), "msgrcv": (70, 188),
    "msgctl": (71, 187), "mq_open": (240, 180), "mq_unlink": (241, 181), "memfd_create": (319, 279),
}  # fmt: skip
"""Always answered with EPERM: numbers on x86_64 and aarch64; None where that machine has no such call."""

UNKNOWN: dict[str, tuple[int | None, int | None]] = {"clone3": (435, 435), "openat2": (437, 437)}
"""Answered with ENOSYS, so that libc takes the older call: these pass their flags in memory, which a filter cannot read."""

FORKS: dict[str, tuple[int | None, int | None]] = {"fork": (57, None), "vfork": (58, None)}
"""Answered with EPERM where no process may be started."""

LOOKED_AT: dict[str, tuple[int | None, int | None]] = {
    "clone": (56, 220), "kill": (62, 129), "tgkill": (234, 131), "socketpair": (53, 199), "prlimit64": (302, 261),
    "prctl": (157, 167), "fcntl": (72, 25), "ioctl": (16, 29), "open": (2, None), "openat": (257, 56),
    "getpgid": (121, 155), "getsid": (124, 156), "getpriority": (140, 141), "sched_getaffinity": (204, 123),
    "sched_getscheduler": (145, 120), "sched_getparam": (143, 121), "sched_getattr": (315, 275),
    "sched_rr_get_interval": (148, 127), "clock_gettime": (228, 113), "clock_getres": (229, 114),
    "clock_nanosleep": (230, 115), "timer_create": (222, 107), "futex": (202, 98),
}  # fmt: skip
"""Allowed or not by their arguments: `_arguments`."""

PROGRAMS = frozenset({
    "execve", "chmod", "fchmod", "fchmodat", "chown", "fchown", "lchown", "fchownat", "utime", "utimes", "utimensat", "futimesat",
    "setxattr", "lsetxattr", "fsetxattr",
})  # fmt: skip
"""Of DENIED, what programs of the system cannot do without: to become another one; modes, owners and times of files. In
bubblewrap's namespace all files but the program's own are read-only, so that these change no other, and it may give none away."""
ALLOW = 0x7FFF_0000
ASK = 0x7FC0_0000
"""The call waits for what `sandbox_threads` says."""
SECCOMP = {"x86_64": 317, "aarch64": 277}
"""seccomp(2), by which such a filter is installed."""
KILL = 0x8000_0000
EPERM = 0x0005_0000 | errno.EPERM
ENOSYS = 0x0005_0000 | errno.ENOSYS

LOAD, JUMP, JUMP_EQUAL, JUMP_GREATER, JUMP_ANY_BIT, AND, RETURN = 0x20, 0x05, 0x15, 0x25, 0x45, 0x54, 0x06
Instruction = tuple[int, int, int, int]
"""Code, how many instructions to skip if true, how many if false, operand."""

CLONE_THREAD = 0x0001_0000
CLONE_ELSEWHERE = 0x7E02_8000  # any new namespace, or a sibling instead of a child
O_TRUNC = 0x200
O_WRITABLE = 3  # of the lowest two bits 1 is write, 2 is read and write; 0 is read, 3 neither
F_SETOWN, F_SETOWN_EX = 8, 15
TIOCSTI, TIOCLINUX, FIOSETOWN, SIOCSPGRP = 0x5412, 0x541C, 0x8901, 0x8902
AF_UNIX, SOCK_STREAM, SOCK_KIND = 1, 1, 0xF
PR_SET_PDEATHSIG, PR_SCHED_CORE, PR_SET_PTRACER = 1, 62, 0x59616D61
PRIO_PROCESS = 0
CLOCK_OF_A_TASK, CLOCK_OF_A_THREAD = 1 << 31, 1 << 2  # of a clock's number, which then is made of that task's
FUTEX_OPERATION, FUTEX_OWNED = 0x7F, (6, 7, 8, 11, 12, 13)


SERVERS_OWN = {
    "setpgid", "pidfd_open", "chmod", "fchmod", "fchmodat", "clone", "kill", "tgkill", "prlimit64", "prctl", "getpgid", "getsid",
    "getpriority", "sched_getaffinity", "sched_getscheduler", "sched_getparam", "sched_getattr", "sched_rr_get_interval",
    "clock_gettime", "clock_getres", "clock_nanosleep", "timer_create", *FORKS,
}  # fmt: skip
"""What the server does itself, and what is decided by a process's own number; all else is filtered once, in the server."""


def build(machine: str, *, processes: bool, ask: bool = False, programs: bool = False) -> tuple[bytes, bytes]:
    """Two filters for a `platform.machine()`: the server's, which its programs inherit, and what each program adds. The
    stricter answer holds. OWN_PID is yet to be replaced.

    `processes` lets the program fork, `programs` become another one.
    `ask` has it wait for leave to start a thread; forks are not asked about.
    """
    assert not (processes and ask), "only the threads of one process are counted"
    column = list(ARCHITECTURES).index(machine)
    first: list[Instruction] = [
        (LOAD, 0, 0, 4),
        (JUMP_EQUAL, 1, 0, ARCHITECTURES[machine]),
        (RETURN, 0, 0, KILL),
        (LOAD, 0, 0, 0),
    ]
    newest: list[Instruction] = [(JUMP_GREATER, 0, 1, NEWEST), (RETURN, 0, 0, ENOSYS)]
    cases: tuple[dict[int, list[Instruction]], dict[int, list[Instruction]]] = ({}, {})
    denied = {name: pair for name, pair in DENIED.items() if not (programs and name in PROGRAMS)}
    for table, answer in ((denied if processes else denied | FORKS, EPERM), (UNKNOWN, ENOSYS), (LOOKED_AT, None)):
        for name, pair in table.items():
            if (number := pair[column]) is not None:
                body = [(RETURN, 0, 0, answer)] if answer else _arguments(name, processes=processes, ask=ask)
                cases[name in SERVERS_OWN][number] = body
    shared, own = ([*head, *_choose(sorted(each.items()))] for head, each in zip(([*first, *newest], first), cases, strict=True))
    return _packed(shared), _packed(own)


def _packed(code: list[Instruction]) -> bytes:
    return b"".join(struct.pack("<HBBI", *each) for each in code)


def _choose(cases: list[tuple[int, list[Instruction]]]) -> list[Instruction]:
    """What decides about a call by its number: halved again and again, since the kernel goes through it for each call and, as a
    program starts, for all calls that there are."""
    if len(cases) <= 3:
        tests = [each for number, body in cases for each in ((JUMP_EQUAL, 0, len(body), number), *body)]
        return [*tests, (RETURN, 0, 0, ALLOW)]
    middle = len(cases) // 2
    low, high = _choose(cases[:middle]), _choose(cases[middle:])
    if len(low) < 256:
        return [(JUMP_GREATER, len(low), 0, cases[middle][0] - 1), *low, *high]
    return [(JUMP_GREATER, 0, 1, cases[middle][0] - 1), (JUMP, 0, 0, len(low)), *low, *high]


def _arguments(name: str, *, processes: bool, ask: bool) -> list[Instruction]:
    """What decides about one call by its arguments. Every path returns."""
    deny, allow = (RETURN, 0, 0, EPERM), (RETURN, 0, 0, ALLOW)
    match name:
        case "clone":
            wanted = [] if processes else [(JUMP_ANY_BIT, 1, 0, CLONE_THREAD), deny]
            return [_argument(0), (JUMP_ANY_BIT, 0, 1, CLONE_ELSEWHERE), deny, *wanted, (RETURN, 0, 0, ASK if ask else ALLOW)]
        case "kill" | "tgkill":  # only itself: neither its parent nor "all" nor its group
            return [_argument(0), (JUMP_EQUAL, 0, 1, OWN_PID), allow, deny]
        case "prlimit64":  # its own limits, which it cannot raise
            return _only_itself(0)
        case "getpgid" | "getsid" | "sched_getscheduler" | "sched_getparam" | "sched_getattr" | "sched_rr_get_interval":
            return _only_itself(0)  # by asking for each number in turn it would see who is there
        case "sched_getaffinity":  # ENOSYS, which pthread_getattr_np, asking for a thread by its number, takes for "any"
            return _only_itself(0, otherwise=ENOSYS)
        case "getpriority":  # neither a group's nor a user's
            return [_argument(0), (JUMP_EQUAL, 1, 0, PRIO_PROCESS), deny, *_only_itself(1)]
        case "clock_gettime" | "clock_getres" | "clock_nanosleep" | "timer_create":  # the time that another process has used
            ours = [(JUMP_ANY_BIT, 0, 2, CLOCK_OF_A_TASK), (JUMP_ANY_BIT, 1, 0, CLOCK_OF_A_THREAD)]
            return [_argument(0), *ours, deny, allow]  # of threads, the kernel finds only those of the caller's process
        case "futex":  # a lock with an owner tells by its answer whether there is such a process
            return [_argument(1), (AND, 0, 0, FUTEX_OPERATION), *_none_of(*FUTEX_OWNED, answer=ENOSYS)]
        case "prctl":  # it may not choose to outlive burnish, nor ask about another process
            return [_argument(0), *_none_of(PR_SET_PDEATHSIG, PR_SCHED_CORE, PR_SET_PTRACER)]
        case "fcntl":  # a file's owner is sent signals
            return [_argument(1), *_none_of(F_SETOWN, F_SETOWN_EX)]
        case "ioctl":  # likewise, and typing into a terminal
            return [_argument(1), *_none_of(TIOCSTI, TIOCLINUX, FIOSETOWN, SIOCSPGRP)]
        case "socketpair":  # a stream to itself (asyncio needs one); a datagram socket could be aimed at others
            stream = [_argument(1), (AND, 0, 0, SOCK_KIND), (JUMP_EQUAL, 0, 1, SOCK_STREAM), allow]
            return [_argument(0), (JUMP_EQUAL, 0, len(stream), AF_UNIX), *stream, deny]
        case "open" | "openat":  # old Landlock lets a file be emptied that is opened for reading
            mode = [(AND, 0, 0, O_WRITABLE), *_none_of(0, O_WRITABLE)]
            return [_argument(1 if name == "open" else 2), (JUMP_ANY_BIT, 0, len(mode), O_TRUNC), *mode, allow]
        case _:
            raise AssertionError(name)


def _argument(index: int) -> Instruction:
    return (LOAD, 0, 0, 16 + 8 * index)


def _only_itself(index: int, *, otherwise: int = EPERM) -> list[Instruction]:
    """Allowed where the argument is 0, which means the caller, or the program's own number."""
    itself = [(JUMP_EQUAL, 1, 0, 0), (JUMP_EQUAL, 0, 1, OWN_PID), (RETURN, 0, 0, ALLOW)]
    return [_argument(index), *itself, (RETURN, 0, 0, otherwise)]


def _none_of(*values: int, answer: int = EPERM) -> list[Instruction]:
    refused = [each for value in values for each in ((JUMP_EQUAL, 0, 1, value), (RETURN, 0, 0, answer))]
    return [*refused, (RETURN, 0, 0, ALLOW)]
