"""`burnish sandbox doctor`."""

from __future__ import annotations

from dataclasses import asdict

from burnish.cli.screen import screen, visible
from burnish.cli.tables import bullets, columns, grid, heading
from burnish.errors import SandboxMissing
from burnish.evals.evaluation import plain
from burnish.tools import sandbox_doctor

MARKS = {True: "✓", False: "✗", None: "·"}


def doctor(*, as_json: bool) -> None:
    """See `burnish sandbox doctor --help`. Raises SandboxMissing where no code would be run."""
    to = screen(as_json=as_json)
    found = sandbox_doctor.diagnose()
    to.out.print(heading("The sandbox for code that nobody has read"))
    speed = [("speed", f"{found.per_s:.0f} small programs a second, one after another")] if found.per_s else []
    accepted = (
        [("accepted", "code is run all the same, with nothing around it")] if found.accepted and found.level == "none" else []
    )
    to.out.print(grid([("level", found.level), ("", found.means), *speed, *accepted]))
    to.out.print(columns(("", "what", "seen"), [(MARKS[line.good], line.name, line.seen) for line in found.findings]))
    to.show(bullets(found.todo, mark="!", style="yellow"))
    to.document({"sandbox": plain(asdict(found))})
    if found.level == "none" and not found.accepted:
        raise SandboxMissing(
            "No isolation works here, so code written by a model is not run",
            seen="; ".join(f"{line.name}: {visible(line.seen)}" for line in found.findings if line.good is False),
            todo=found.todo[0],
        )
