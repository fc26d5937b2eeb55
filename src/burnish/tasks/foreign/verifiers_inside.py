"""How a task of burnish's grades an answer, for a package that is used without burnish: the standard library alone.

`plan.json` says what the graders are; each that is code has its own file in `graders/`. The arithmetic is that of burnish, in
the same order, so that the scores are the same to the last bit.
"""

import functools
import importlib.util
import json
import math
import os
import secrets
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
CALL = """
def burnish_judge():
    import json
    found = {function}({arguments})
    if isinstance(found, (list, tuple)): found = dict(zip(("value", "reason"), found))
    elif not isinstance(found, dict): found = dict(value=found)
    print("\\n{mark}" + json.dumps(float(found["value"])), flush=True)
burnish_judge()
"""


class CannotJudge(Exception):
    """The grader failed. That is no score, and never 0."""


def score(row: dict[str, Any], answer: str) -> tuple[float, dict[str, float]]:
    """What an answer to a row is worth, and the values of the graders of which that is made. Raises CannotJudge."""
    value, parts = _score(_plan(), row, answer)
    if not math.isfinite(value):
        raise CannotJudge(f"the grader gave {value}, which is no number")
    return value, parts


@functools.cache
def _plan() -> dict[str, Any]:
    return json.loads((HERE / "plan.json").read_text("utf-8"))


def _score(plan: dict[str, Any], row: dict[str, Any], answer: str) -> tuple[float, dict[str, float]]:
    match plan["kind"]:
        case "code":
            return float(_module(plan["file"]).grade(row, answer)), {}
        case "function":
            return _call(plan, row, answer), {}
        case "weighted":
            values = [_score(each, row, answer)[0] for each in plan["graders"]]
            total = sum(w * v for w, v in zip(plan["weights"], values, strict=True)) / sum(plan["weights"])
            return total, dict(zip((each["name"] for each in plan["graders"]), values, strict=True))
        case "combine":
            named = {each["name"]: _score(each, row, answer)[0] for each in plan["graders"]}
            try:
                return _module("formula.py").Formula.parse(plan["formula"]).of(named), named
            except (ArithmeticError, ValueError) as error:
                raise CannotJudge(f"{plan['formula']} has no value: {error}") from None
        case "rubric":
            met = [_score(c["grader"], row, answer)[0] >= c["at_least"] for c in plan["criteria"]]
            weights = [c["weight"] for c in plan["criteria"]]
            value = sum(w for w, m in zip(weights, met, strict=True) if m) / sum(weights)
            return value, {c["name"]: float(m) for c, m in zip(plan["criteria"], met, strict=True)}
        case kind:
            raise CannotJudge(f"there is no grader of the kind {kind}")


@functools.cache
def _module(file: str) -> Any:
    spec = importlib.util.spec_from_file_location(f"{__name__}.{Path(file).stem}", HERE / "graders" / file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def _call(plan: dict[str, Any], row: dict[str, Any], answer: str) -> float:
    """What the task's own function says, called in a new process: as in burnish, nothing stays from one answer to the next."""
    if plan["takes"] == "sample, item":
        kept = {k: v for k, v in row.items() if k != "metadata" and v not in (None, [])}
        given = [_module("given.py").sample_of(answer), {**kept, **row["metadata"]}]
    else:
        given = [row, answer]
    source, mark = (HERE / "graders" / plan["file"]).read_text("utf-8"), secrets.token_hex(8)
    arguments = ", ".join(f"json.loads({json.dumps(each)!r})" for each in given)
    call = CALL.format(function=plan["function"], arguments=arguments, mark=mark)
    # -I is -E too, without which the order of sets cannot be fixed
    python = [sys.executable, "-P", "-s", *([] if plan["packages"] else ["-S"]), "-B", "-X", "utf8", "-"]
    environment = {"PYTHONHASHSEED": "0", "PATH": os.defpath}
    given_s = 2.0 * plan["timeout_s"] + 5.0  # by the clock, of which the function has not all
    try:
        with tempfile.TemporaryDirectory() as empty:
            whole = f"{source}\n{call}".encode()
            ran = subprocess.run(
                python, input=whole, capture_output=True, env=environment, cwd=empty, timeout=given_s, check=False
            )
    except subprocess.TimeoutExpired:
        raise CannotJudge(f"{plan['function']} gave nothing in {plan['timeout_s']:g} seconds") from None
    lines = ran.stdout.decode("utf-8", "replace").splitlines()
    line = next((text.removeprefix(mark) for text in lines if text.startswith(mark)), None)
    if line is None:
        why = (ran.stderr.decode("utf-8", "replace").strip().splitlines() or [f"it ended with {ran.returncode}"])[-1]
        raise CannotJudge(f"{plan['function']} failed: {why}")
    return float(json.loads(line))
