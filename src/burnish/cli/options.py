"""Options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

MODEL_HELP = "A model directory, pebble or another model of the package, a run's name, or a hub id."
Data = Annotated[
    str | None,
    typer.Argument(
        metavar="DATA", help="The file with the rows, hub:OWNER/NAME, a task folder, or a ready task.", show_default=False
    ),
]
Overrides = Annotated[
    list[str] | None, typer.Argument(metavar="KEY=VALUE", help="Settings, such as lora.rank=8.", show_default=False)
]
OptionalModel = Annotated[str | None, typer.Option("--model", "-m", metavar="MODEL", help=MODEL_HELP, show_default=False)]
Model = Annotated[str, typer.Option("--model", "-m", metavar="MODEL", help=MODEL_HELP)]
Valid = Annotated[
    str | None,
    typer.Option("--valid", metavar="FILE", help="A file to validate on. [default: rows held out]", show_default=False),
]
RunName = Annotated[
    str | None,
    typer.Option("--run", metavar="NAME_OR_DIR", help="Name or directory of the run. [default: made up]", show_default=False),
]
Config = Annotated[Path | None, typer.Option("--config", metavar="FILE", help="A TOML file with settings.", show_default=False)]
Recipe = Annotated[
    Literal["sft", "pretrain", "grpo"] | None,
    typer.Option(
        "--recipe",
        help="The method: sft (answers), pretrain (plain text) or grpo (reinforcement learning). [default: sft]",
        show_default=False,
    ),
]
GraderName = Annotated[
    str | None,
    typer.Option(
        "--grader",
        metavar="NAME",
        help="exact, contains, numeric, maths, rouge_l and others, or none. [default: chosen from the data]",
        show_default=False,
    ),
]
Map = Annotated[
    list[str] | None, typer.Option("--map", metavar="ROLE=COLUMN", help="Which column plays which role.", show_default=False)
]
SkipBadRows = Annotated[bool, typer.Option("--skip-bad-rows", help="Leave such rows out, counted, instead of stopping.")]
RequireGain = Annotated[bool, typer.Option("--require-gain", help="Exit with 1 when no measurable gain is found.")]
Quantized = Annotated[
    Literal["none", "int8", "nf4"] | None,
    typer.Option(
        "--quantize",
        help="Hold the model's matrices in fewer bits. [default: as its adapter was trained over it, else none]",
        show_default=False,
    ),
]
Json = Annotated[bool, typer.Option("--json", help="One JSON document as the last line of standard output.")]
