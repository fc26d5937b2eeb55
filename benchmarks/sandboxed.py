"""How many small programs a second the sandbox runs, with one caller and with two, beside a bare interpreter started for each.

The program is what a grader of code runs: a function, and five calls of it whose results are printed. In each round the sides
take turns, in an order that rotates; a round in which other processes took more than `--others` cores is repeated, three times
at most. The page shows medians and ranges of the rounds, and ratios within a round.

    python sandboxed.py                          # writes results/ and the table of docs/performance.md
    python sandboxed.py --rounds 2 --no-page     # does it work here?
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent / "src"))

from measure import cpu_flags, cpu_name, machine_busy_s, read_json  # noqa: E402
from run import wait_until_quiet  # noqa: E402

from burnish.tools import sandbox, sandbox_doctor, sandbox_launch, sandbox_pool  # noqa: E402

PROGRAM = """
def longest(words):
    best = ""
    for word in words:
        if len(word) > len(best):
            best = word
    return best

for words in (["a", "bb"], [], ["ab", "cd"], ["x" * n for n in range(9)], ["", " "]):
    print(repr(longest(words)))
"""
WANTED = "'bb'\n''\n'ab'\n'xxxxxxxx'\n' '\n"
BARE, WARM = "an interpreter each, no sandbox", "warm, one caller"


def bare(count: int) -> None:
    """An interpreter for each program, as isolated as Python's own switches make it: not at all."""
    python = vars(sys)["_base_executable"]
    for _ in range(count):
        done = subprocess.run([python, "-I", "-S", "-c", PROGRAM], capture_output=True, text=True, check=True)
        assert done.stdout == WANTED, done


def sandboxed(count: int, *, callers: int, strict: bool = False) -> None:
    """The sandbox as its users call it."""
    rans = sandbox.run_many([PROGRAM] * count, parallel=callers, strict=strict)
    assert all(ran.stdout == WANTED for ran in rans), rans[0]


SIDES: dict[str, tuple[int, Callable[[int], None]]] = {
    BARE: (60, bare),
    WARM: (400, lambda count: sandboxed(count, callers=1)),
    "warm, two callers": (400, lambda count: sandboxed(count, callers=2)),
    "strict, one caller": (40, lambda count: sandboxed(count, callers=1, strict=True)),
}
"""How many programs are run at a time, and how."""


def measured(side: str) -> dict[str, float | None]:
    """Programs a second, own processors' time a program in ms, and how many cores others took."""
    count, work = SIDES[side]
    work(4)  # a server is there, if it is to stay
    busy, own, began = machine_busy_s(), _own_s(), time.perf_counter()
    work(count)
    elapsed = time.perf_counter() - began
    sandbox_pool.close()  # what a server has used is known when it has ended
    mine = _own_s() - own
    after = machine_busy_s()
    if work is not bare and sandbox.available().how == "bubblewrap":  # whose processes report to nobody what they have used
        return {"per_s": count / elapsed, "cpu_ms": None, "others": None}
    others = None if busy is None or after is None else max(0.0, after - busy - mine) / elapsed
    return {"per_s": count / elapsed, "cpu_ms": 1000 * mine / count, "others": others}


def _own_s() -> float:
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


def rounds(count: int, others: float) -> list[dict[str, dict]]:
    """Each side once a round."""
    found, names = [], list(SIDES)
    for number in range(count):
        order, row = [*names[number % len(names) :], *names[: number % len(names)]], {}
        for _ in range(3):
            for name in order:
                wait_until_quiet(others, limit_s=20)
                row[name] = measured(name)
            if all((each["others"] or 0.0) <= others for each in row.values()):
                break
        print("  ".join(f"{name}: {each['per_s']:.0f}" for name, each in row.items()), flush=True)
        found.append(row)
    return found


def table(result: dict, name: str) -> str:
    """The Markdown of one result."""
    lines = ["| | programs/s, median (range) | against a bare interpreter | processors' time each, ms |", "|---|---|---|---|"]
    for side in SIDES:
        speeds = [row[side]["per_s"] for row in result["rounds"]]
        ratio = median(row[side]["per_s"] / row[BARE]["per_s"] for row in result["rounds"])
        used = [row[side]["cpu_ms"] for row in result["rounds"] if row[side]["cpu_ms"] is not None]
        cpu = f"{median(used):.1f}" if used else ""
        times = "" if side == BARE else f"{ratio:.1f}x"
        lines.append(f"| {side} | {median(speeds):.0f} ({min(speeds):.0f}-{max(speeds):.0f}) | {times} | {cpu} |")
    most = max(each["others"] or 0.0 for row in result["rounds"] for each in row.values())
    tail = f"{result['date']}, {result['cpu']}, {result['cores']} cores, {result['how']}, {len(result['rounds'])} rounds. "
    tail += f"Other processes took at most {most:.2f} cores. Every figure: `benchmarks/results/{name}`."
    return "\n".join([*lines, "", tail])


def write_page(result: dict, name: str) -> None:
    """Put the table between its marks."""
    page = HERE.parent / "docs" / "performance.md"
    begin, end = "<!-- begin sandbox -->", "<!-- end sandbox -->"
    text = page.read_text(encoding="utf-8")
    if text.count(begin) != 1 or text.count(end) != 1:
        raise SystemExit(f"{page.name} has no place for this table: it needs the lines {begin} and {end} (or give --no-page)")
    page.write_text(f"{text.split(begin)[0]}{begin}\n{table(result, name)}\n{end}{text.split(end)[1]}", encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--others", type=float, default=0.25)
    parser.add_argument("--no-page", action="store_true")
    parser.add_argument("--render", type=Path, metavar="RESULT")
    arguments = parser.parse_args()
    if arguments.render:
        write_page(read_json(arguments.render), arguments.render.name)
        return
    how = sandbox.available().how
    if how is None:
        raise SystemExit(f"no sandbox works here: {sandbox.available().why}")
    result = {
        "what": "sandbox", "date": str(datetime.date.today()), "cpu": cpu_name(), "instructions": cpu_flags(),
        "cores": os.cpu_count(), "how": how, "level": sandbox_doctor.LEVELS[how], "landlock": sandbox_launch.landlock_version(),
        "rounds": rounds(arguments.rounds, arguments.others),
    }  # fmt: skip
    slug = "-".join("".join(c if c.isalnum() else " " for c in result["cpu"].lower().replace("(r)", "")).split())
    name = f"{result['date']}-{slug}-sandbox-{how}.json"
    print(table(result, name))
    if arguments.no_page:
        return
    (HERE / "results").mkdir(exist_ok=True)
    (HERE / "results" / name).write_text(json.dumps(result) + "\n", encoding="utf-8")
    write_page(result, name)


if __name__ == "__main__":
    main()
