"""The certificate of a run: the audits of `evals/audits.py` made on the trained model, written beside its report.

A line that could not be checked says why and does not pass. The certificate passes when every line passes or could not
be checked, at least one passes and none fails.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from burnish import connect
from burnish.evals import audits
from burnish.evals.audits import Audit, Opener
from burnish.evals.evaluation import plain
from burnish.protocols import Engine, Policy
from burnish.render.extend import Extension
from burnish.render.renderer import Rendered, Renderer
from burnish.render.visible import visible
from burnish.store.atomic import atomic_write_bytes, read_json, write_json
from burnish.store.models import ModelRef
from burnish.types import Datum

ROWS = 16
"""Held-out rows on which log-probabilities are compared."""
PROMPTS = 8
"""Prompts whose sampled answers are compared with the trainer."""
FORMAT = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificate:
    """The audits of one run."""

    run: str
    audits: tuple[Audit, ...]

    @property
    def failed(self) -> tuple[Audit, ...]:
        """Lines that were checked and do not hold."""
        return tuple(a for a in self.audits if a.passed is False)

    @property
    def passed(self) -> bool:
        """Whether something was checked and nothing failed."""
        return not self.failed and any(a.passed for a in self.audits)

    def to_json(self) -> dict[str, Any]:
        """Plain dicts, lists, numbers and strings."""
        return plain({"format": FORMAT, "run": self.run, "passed": self.passed, "audits": [asdict(a) for a in self.audits]})

    @staticmethod
    def from_json(body: Mapping[str, Any]) -> Certificate:
        """The inverse of `to_json`."""
        assert body["format"] == FORMAT, body["format"]
        return Certificate(run=body["run"], audits=tuple(Audit(**a) for a in body["audits"]))

    def to_markdown(self) -> str:
        """A section for report.md, the mask picture included."""
        word = {True: "pass", False: "**FAIL**", None: "not checked"}
        lines = ["## Certificate", "", "| audit | result | what was seen |", "|---|---|---|"]
        lines += [f"| {a.name} | {word[a.passed]} | {a.detail.replace('|', chr(92) + '|')} |" for a in self.audits]
        for audit in self.audits:
            for number, runs in enumerate(audit.extra.get("rows", ()), 1):
                lines += ["", f"Row {number}, trained tokens between » and «:", "", *_quoted(runs)]
        return "\n".join(lines) + "\n"


def _quoted(runs: Sequence[Mapping[str, Any]]) -> list[str]:
    """One row as an indented block, which Markdown leaves as it is."""
    text = "".join(f"»{r['text']}«" if r["trained"] else r["text"] for r in runs)
    return [f"    {line}" for line in visible(text).splitlines()]


def opener(
    choices: Mapping[str, Any], where: str = "local", *, base: ModelRef | None = None, extension: Extension | None = None
) -> Opener:
    """Opens model directories with the choices of the engine that is audited, so that equal can mean equal bit by bit.

    base: what was trained over, which is held as it was then, and which the extension lengthens with its new tokens; any other
    directory is a merged model, and opened as it is.
    """

    def open_base(directory: Path) -> Engine:
        ref = ModelRef(kind="hf", base=directory, adapter=None, name=str(directory), fingerprint="")
        if base is None or base.base != directory:
            return connect.open_engine(where, ref, choices=choices)
        return connect.open_engine(where, ref.held(base.quantize), choices=choices, extension=extension)

    return open_base


def certify(
    run: str,
    policy: Policy,
    *,
    base: Path,
    open_fresh: Opener,
    renderer: Renderer,
    rows: Sequence[Rendered],
    held_out: Sequence[Datum],
    prompts: Sequence[Sequence[int]],
    saved: Path | None,
    model: Path | None = None,
    start: Mapping[str, float] | None,
    steps: int | None = None,
    recorded: str | None,
    redo: Callable[[], str],
    why: str = "no step followed a checkpoint",
) -> Certificate:
    """Make every audit of a trained model.

    policy: the trained model. base: the directory that it was trained over. rows: as trained on. held_out, prompts:
    what is compared, the first few of them. saved: the checkpoint of these weights, if there is one. model: the files
    that the run leaves (PEFT, or a whole model after a full fine-tune), if they are written. start: `Engine.inspect`
    before the first step, if known. steps: how many the model took since. recorded, redo, why: see `audits.resume_equality`.
    """
    engine, adapter, data = policy.engine, policy.adapter, held_out[:ROWS]
    assert adapter is not None, "the bare base has nothing to certify"
    whole = model if adapter.kind == "full" else None
    files = [p for p in (saved, None if adapter.kind == "full" else model) if p is not None]
    tokens = any(name.startswith("tokens.embed.") for name in start or engine.inspect(adapter))
    return Certificate(
        run=run,
        audits=(
            audits.mask_picture(rows, renderer.tokenizer, renderer.stop_ids),
            audits.sampler_trainer_gap(policy, prompts[:PROMPTS]),
            audits.reload_equality(engine, adapter, open_fresh, base, data, saved=files),
            audits.merge_equality(engine, adapter, open_fresh, data, written=whole),
            audits.resume_equality(recorded, redo, why=why),
            audits.dead_adapter(engine, adapter, start=start, steps=steps, read=_inputs(rows) if tokens else None),
        ),
    )


def _inputs(rows: Sequence[Rendered]) -> frozenset[int]:
    """Ids that stand before a trained token: those whose embedding gets a gradient."""
    found: set[int] = set()
    for row in rows:
        if row.weights.any():
            found.update(row.ids[: int(np.flatnonzero(row.weights)[-1])].tolist())
    return frozenset(found)


def write(certificate: Certificate, folder: Path) -> None:
    """`certificate.json` in a run folder, and the certificate's section at the end of its `report.md`, if that is
    there."""
    write_json(folder / "certificate.json", certificate.to_json())
    report = folder / "report.md"
    if report.is_file():
        before = report.read_text("utf-8").partition("\n## Certificate\n")[0].rstrip()
        atomic_write_bytes(report, f"{before}\n\n{certificate.to_markdown()}".encode())


def read(folder: Path) -> Certificate | None:
    """The certificate of a run folder, if it was written."""
    path = folder / "certificate.json"
    return Certificate.from_json(read_json(path)) if path.is_file() else None
