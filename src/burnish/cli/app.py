"""The commands and their options. Each imports what it runs when it runs, so that `--help` answers at once."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from burnish.cli.options import (
    MODEL_HELP,
    Config,
    Data,
    GraderName,
    Json,
    Map,
    Model,
    OptionalModel,
    Overrides,
    Quantized,
    Recipe,
    RequireGain,
    RunName,
    SkipBadRows,
    Valid,
)
from burnish.cli.task_app import task_app

app = typer.Typer(
    name="burnish",
    help="Bring a base model and a task, get back a measured, post-trained model.",
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
data_app = typer.Typer(help="Look at a data file before training on it.")
runs_app = typer.Typer(help="List the runs, or remove some.", invoke_without_command=True)
world_app = typer.Typer(help="The embedded world: make the models that come with burnish.")
sandbox_app = typer.Typer(help="The sandbox in which code is run that nobody has read.")
app.add_typer(data_app, name="data")
app.add_typer(task_app, name="task")
app.add_typer(world_app, name="world")
app.add_typer(runs_app, name="runs")
app.add_typer(sandbox_app, name="sandbox")


def _version(asked: bool) -> None:
    if asked:
        from burnish import __version__

        typer.echo(f"burnish {__version__}")
        raise typer.Exit


@app.callback()
def burnish(
    version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")] = False,
    i_accept_unsandboxed: Annotated[
        bool,
        typer.Option(
            "--i-accept-unsandboxed",
            help="Where no isolation works (`burnish sandbox doctor`), run code written by a model all the same.",
        ),
    ] = False,
) -> None:
    """Bring a base model and a task, get back a measured, post-trained model."""
    if i_accept_unsandboxed:
        import os

        os.environ["BURNISH_I_ACCEPT_UNSANDBOXED"] = "1"


@app.command()
def train(
    data: Data = None,
    overrides: Overrides = None,
    *,
    model: OptionalModel = None,
    valid: Valid = None,
    run: RunName = None,
    config: Config = None,
    resume: Annotated[
        str | None, typer.Option("--resume", metavar="RUN", help="Go on with a run that was stopped.", show_default=False)
    ] = None,
    mended: Annotated[
        bool,
        typer.Option(
            "--mended",
            help="With --resume, of a run whose reward was gamed: go on from the last clean step with the task as it is now.",
        ),
    ] = False,
    recipe: Recipe = None,
    grader: GraderName = None,
    map: Map = None,
    skip_bad_rows: SkipBadRows = False,
    require_gain: RequireGain = False,
    json: Json = False,
) -> None:
    """Fine-tune MODEL on DATA and say whether it got better.

    Every setting that is not given is derived and printed with its reason. Ends with a table of before and after on
    held-out rows.
    """
    from burnish.cli import training

    given = training.Given(data, model, valid, config, recipe, grader, map, skip_bad_rows, require_gain, overrides)
    if resume is not None:
        training.resume(given, resume, run=run, mended=mended, as_json=json)
    elif mended:
        from burnish.errors import ConfigError

        raise ConfigError("--mended is read with --resume only", todo="add --resume RUN")
    else:
        training.train(given, run=run, as_json=json)


@app.command()
def plan(
    data: Data = None,
    overrides: Overrides = None,
    *,
    model: OptionalModel = None,
    valid: Valid = None,
    config: Config = None,
    recipe: Recipe = None,
    grader: GraderName = None,
    map: Map = None,
    skip_bad_rows: SkipBadRows = False,
    require_gain: RequireGain = False,
    json: Json = False,
) -> None:
    """Say what `train` would do and cost.

    Settings and their reasons, tokens, memory, time and disk, from a few probe steps; nothing is kept.
    """
    from burnish.cli import training

    given = training.Given(data, model, valid, config, recipe, grader, map, skip_bad_rows, require_gain, overrides)
    training.plan(given, as_json=json)


@app.command("eval")
def evaluate(
    data: Annotated[
        str,
        typer.Argument(
            metavar="DATA", help="The file with the rows to measure on, hub:OWNER/NAME, a task folder, or a ready task."
        ),
    ],
    *,
    model: Model,
    map: Map = None,
    skip_bad_rows: SkipBadRows = False,
    grader: GraderName = None,
    items: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            min=1,
            help="Measure so many rows: the first of a file, of a task some of each kind. [default: all]",
            show_default=False,
        ),
    ] = None,
    limit_tokens: Annotated[
        int | None, typer.Option(metavar="N", min=1, help="Longest answer drawn. [default: from the data]", show_default=False)
    ] = None,
    samples: Annotated[int, typer.Option(metavar="N", min=1, help="Answers drawn per row; several need a temperature.")] = 1,
    temperature: Annotated[float, typer.Option(metavar="T", min=0.0, help="0 takes the likeliest token.")] = 0.0,
    seed: Annotated[int, typer.Option(metavar="N", min=0, help="Of the draws.")] = 0,
    quantize: Quantized = None,
    json: Json = False,
) -> None:
    """Measure MODEL on the answers of DATA.

    The loss of the answers given, and graded answers of its own, with intervals.
    """
    from burnish.cli import measuring

    measuring.evaluate(
        data,
        model,
        mapping=map,
        skip_bad_rows=skip_bad_rows,
        grader_name=grader,
        limit_items=items,
        limit_tokens=limit_tokens,
        samples=samples,
        temperature=temperature,
        seed=seed,
        quantize=quantize,
        as_json=json,
    )


Temperature = Annotated[float, typer.Option(metavar="T", min=0.0, help="0 takes the likeliest token.")]
LimitTokens = Annotated[int, typer.Option(metavar="N", min=1, help="Longest answer.")]
System = Annotated[str | None, typer.Option(metavar="TEXT", help="A system message.", show_default=False)]


@app.command()
def chat(
    model: Annotated[str, typer.Argument(metavar="MODEL", help=MODEL_HELP)],
    *,
    system: System = None,
    temperature: Temperature = 0.7,
    limit_tokens: LimitTokens = 512,
    seed: Annotated[int, typer.Option(metavar="N", min=0, help="Of the draws.")] = 0,
    quantize: Quantized = None,
    json: Json = False,
) -> None:
    """Talk with MODEL.

    Ctrl-C stops an answer; /reset starts anew, /system TEXT sets the system message, /quit ends.
    """
    from burnish.cli import chatting

    chatting.chat(
        model,
        system=system,
        temperature=temperature,
        limit_tokens=limit_tokens,
        seed=seed,
        quantize=quantize,
        as_json=json,
    )


@app.command()
def generate(
    model: Annotated[str, typer.Argument(metavar="MODEL", help=MODEL_HELP)],
    *,
    prompt: Annotated[
        list[str] | None,
        typer.Option(
            "--prompt",
            "-p",
            metavar="TEXT",
            help="A prompt; may be repeated. [default: each line of standard input]",
            show_default=False,
        ),
    ] = None,
    system: System = None,
    raw: Annotated[
        bool | None,
        typer.Option(
            "--raw/--chat",
            help="Continue the prompt as it stands, or answer it as a message. [default: as trained]",
            show_default=False,
        ),
    ] = None,
    temperature: Temperature = 0.0,
    top_k: Annotated[int, typer.Option(metavar="N", min=0, help="Draw from the k likeliest tokens; 0 is off.")] = 0,
    top_p: Annotated[
        float, typer.Option(metavar="P", min=0.0, max=1.0, help="Draw from the likeliest tokens that hold this share; 1 is off.")
    ] = 1.0,
    min_p: Annotated[
        float, typer.Option(metavar="P", min=0.0, max=1.0, help="Leave out tokens below this share of the likeliest; 0 is off.")
    ] = 0.0,
    limit_tokens: LimitTokens = 256,
    samples: Annotated[int, typer.Option("--samples", "-n", metavar="N", min=1, help="Answers per prompt.")] = 1,
    stop: Annotated[
        list[str] | None, typer.Option(metavar="TEXT", help="A text that ends an answer; may be repeated.", show_default=False)
    ] = None,
    seed: Annotated[int, typer.Option(metavar="N", min=0, help="Of the draws.")] = 0,
    quantize: Quantized = None,
    json: Json = False,
) -> None:
    """Draw answers of MODEL to prompts."""
    from burnish.cli import generating
    from burnish.types import SamplingParams

    params = SamplingParams(
        temperature=temperature,
        top_k=top_k,
        top_p=top_p,
        min_p=min_p,
        limit_tokens=limit_tokens,
        samples=samples,
        stop=tuple(stop or ()),
        seed=seed,
    )
    generating.generate(model, prompt, params, system=system, raw=raw, quantize=quantize, as_json=json)


@app.command()
def export(
    run: Annotated[str, typer.Argument(metavar="RUN", help="A run's name or directory, or an adapter's directory.")],
    *,
    to: Annotated[
        Literal["peft", "vllm", "merged", "gguf"],
        typer.Option(
            metavar="FORM",
            help="peft or vllm (an adapter, for PEFT or to be served), merged (a whole model), gguf (for llama.cpp and Ollama).",
        ),
    ],
    out: Annotated[Path, typer.Option(metavar="DIR", help="The directory to write; must be new or empty.")],
    precision: Annotated[
        Literal["auto", "f32", "f16", "bf16", "q8_0"], typer.Option(help="Of a GGUF file's matrices; auto is the base's own.")
    ] = "auto",
    force: Annotated[bool, typer.Option("--force", help="Replace an earlier export that nobody has changed.")] = False,
    json: Json = False,
) -> None:
    """Write a trained model for other tools.

    The export is opened again and compared with the model before it gets its name.
    """
    from burnish.cli import training

    training.export(run, to, out, precision=precision, force=force, as_json=json)


@data_app.command("check")
def data_check(
    data: Data = None,
    overrides: Overrides = None,
    *,
    model: OptionalModel = None,
    valid: Valid = None,
    config: Config = None,
    recipe: Recipe = None,
    map: Map = None,
    skip_bad_rows: SkipBadRows = False,
    rows: Annotated[int, typer.Option(metavar="N", min=0, help="Rows to show.")] = 3,
    line: Annotated[
        list[int] | None, typer.Option(metavar="N", help="Show the row of this line; may be repeated.", show_default=False)
    ] = None,
    limit_tokens: Annotated[
        int | None,
        typer.Option(metavar="N", min=8, help="Longest sequence. [default: what the model can take]", show_default=False),
    ] = None,
    json: Json = False,
) -> None:
    """Show what would be trained on, token by token, and what is wrong with it. Takes the settings of `train`."""
    from burnish.cli import checking, training

    if limit_tokens is not None:
        overrides = [*(overrides or ()), f"limit_tokens={limit_tokens}"]
    given = training.Given(data, model, valid, config, recipe, None, map, skip_bad_rows, False, overrides)
    checking.check(given, rows=rows, lines=line, as_json=json)


@runs_app.callback()
def runs(context: typer.Context, *, json: Json = False) -> None:
    """List the runs, newest first."""
    if context.invoked_subcommand is None:
        from burnish.cli import listing

        listing.runs(as_json=json)


@runs_app.command("rm")
def runs_rm(
    names: Annotated[list[str], typer.Argument(metavar="RUN...", help="Names or directories of runs.")],
    *,
    json: Json = False,
) -> None:
    """Remove runs with everything in them: checkpoints, model and report."""
    from burnish.cli import listing

    listing.remove(names, as_json=json)


@app.command()
def show(
    run: Annotated[str, typer.Argument(metavar="RUN", help="A run's name or directory.")],
    *,
    rollouts: Annotated[
        bool, typer.Option("--rollouts", help="What a run that learns from its own answers wrote, what it got, and why.")
    ] = False,
    step: Annotated[
        int | None, typer.Option("--step", min=1, help="Of which step. [default: the last]", show_default=False)
    ] = None,
    every: Annotated[bool, typer.Option("--every", help="Every question of the step, and not only some.")] = False,
    json: Json = False,
) -> None:
    """Show a run's report.

    Before and after, verdict, answers side by side, certificate; with --rollouts the answers that it learned from.
    """
    if not rollouts and (step is not None or every):
        from burnish.errors import ConfigError

        raise ConfigError("--step and --every are read with --rollouts only", todo="add --rollouts")
    if rollouts:
        from burnish.cli import rollouts as told

        told.show(run, step, every=every, as_json=json)
        return
    from burnish.cli import listing

    listing.show(run, as_json=json)


@app.command()
def machine(
    *,
    again: Annotated[bool, typer.Option("--again", help="Measure anew; leave the machine alone meanwhile.")] = False,
    json: Json = False,
) -> None:
    """Show what was measured on this machine.

    Threads, routes of matrix products, kernels, precision: measured once, then kept. A run stores the ones that it used.
    """
    from burnish.cli import listing

    listing.machine(again=again, as_json=json)


@sandbox_app.command("doctor")
def sandbox_doctor(*, json: Json = False) -> None:
    """Look at what this machine has for the sandbox: the level it gives (namespaced, landlock, none), its speed, and what to do
    for a better one.

    Exits with 2 where code written by a model would not be run.
    """
    from burnish.cli import sandboxing

    sandboxing.doctor(as_json=json)


@app.command()
def tasks(
    name: Annotated[
        str | None,
        typer.Argument(metavar="NAME", help="The task to tell all about. [default: a list of all]", show_default=False),
    ] = None,
    *,
    json: Json = False,
) -> None:
    """List the ready tasks, or tell about one: what it asks, how it is graded, what it does not show, two of its rows.

    A task's name stands wherever a data file may: `burnish train facts --model pebble`.
    """
    from burnish.cli import listing

    listing.tasks(name, as_json=json)


@world_app.command("build")
def world_build(
    *,
    preset: Annotated[str, typer.Option(metavar="NAME", help="pebble, or micro: small enough for a minute.")] = "pebble",
    out: Annotated[Path, typer.Option(metavar="DIR", help="Where the model and what it is made of are written.")],
    seed: Annotated[int, typer.Option(metavar="N", min=0, help="Of the corpus, the first weights and the training.")] = 0,
    overrides: Overrides = None,
    json: Json = False,
) -> None:
    """Make a base model of the embedded world from nothing: corpus, tokenizer, pre-training, measurement, card.

    The same command given again goes on where it was stopped. pebble takes one to three hours on two cores.
    """
    from burnish.cli import world

    world.build(preset, out, seed=seed, overrides=overrides or (), as_json=json)


@app.command()
def demo(
    overrides: Overrides = None,
    *,
    run: RunName = None,
    json: Json = False,
) -> None:
    """Watch a raw base model become an assistant, in a few minutes on this machine.

    The plan, the training, what changed on questions that were not trained on, some of them as the raw and as the trained model
    take them, and how often each kind is answered right. Nothing is downloaded. `model=DIR` shows it on another model.
    """
    from burnish.cli import demo as demonstration

    demonstration.demo(run=run, overrides=overrides or (), as_json=json)
