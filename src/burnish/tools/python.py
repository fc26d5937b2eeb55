"""python: runs a program in the sandbox and gives back what it prints. Every call is a process of its own; nothing stays."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from burnish.errors import SandboxMissing
from burnish.tools import sandbox, signature
from burnish.tools.function import LIMIT_RESULT, Result, result


def python(code: str) -> str:
    """Runs a Python program and returns what it prints. It has the standard library, no network and no files.

    Args:
        code: The whole program; print what you want to see.
    """
    raise AssertionError("described here, run by `Python`")


@dataclass(frozen=True, slots=True)
class Python:
    """The tool. timeout_s: of one program."""

    timeout_s: float = 5.0
    limit: int = LIMIT_RESULT
    """characters of a result"""
    about: Mapping[str, Any] = field(default_factory=lambda: signature.described(python), repr=False)

    @property
    def name(self) -> str:
        return "python"

    def call(self, arguments: str) -> Result:
        """What the program printed; of one that failed also the end of its error. Raises SandboxMissing."""
        try:
            code = signature.arguments(python, arguments)["code"]
        except signature.Wrong as error:
            return result(False, f"{self.name}: {error}", self.limit)
        ran = sandbox.run(code, limits=sandbox.Limits(timeout_s=self.timeout_s))
        if ran.status == "ok":
            return result(True, ran.stdout or "(it printed nothing)", self.limit)
        if ran.status == "refused" and "program" not in ran.stderr:
            raise SandboxMissing("a program of the model could not be run", seen=ran.stderr.strip())
        why = {
            "timeout": f"it took more than {self.timeout_s:g} seconds",
            "memory": "it needed too much memory",
        }.get(ran.status, ran.stderr.strip()[-self.limit // 2 :] or f"it ended as {ran.status}")
        return result(False, "\n".join(filter(None, (why, ran.stdout))), self.limit)
