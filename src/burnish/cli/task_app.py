"""The commands of `burnish task`: make a task, prove it, bring it in and take it out. Each imports what it runs when it runs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from burnish.cli.options import Json, OptionalModel, SkipBadRows

task_app = typer.Typer(help="Make a task of your own, and prove it before anything is trained on it.")


@task_app.command("new")
def task_new(folder: Annotated[str, typer.Argument(metavar="DIR", help="The folder to make.")], *, json: Json = False) -> None:
    """Make a task folder to start from.

    A small task that works as it stands, with a comment wherever you will want to change it.
    """
    from burnish.cli import tasking

    tasking.new(folder, as_json=json)


@task_app.command("check")
def task_check(
    task: Annotated[str, typer.Argument(metavar="TASK", help="A task folder, a ready task, or a data file with --grader.")],
    *,
    model: OptionalModel = None,
    grader: Annotated[
        str | None,
        typer.Option(
            "--grader",
            metavar="NAME",
            help="Of a data file, where one is needed: exact, contains, numeric, maths, rouge_l or others.",
            show_default=False,
        ),
    ] = None,
    skip_bad_rows: SkipBadRows = False,
    samples: Annotated[int, typer.Option(metavar="K", min=2, help="With a model: answers drawn to each question.")] = 8,
    json: Json = False,
) -> None:
    """Prove a task and its graders.

    What its rows call right must pass, nothing else may, and the same must always be worth the same; then wrong answers of many
    kinds are tried, to see whether its rewards can be had without doing it. With a model: whether it can learn from the task by
    trying. It is ready, too easy, or without a signal, or its grader fails. Exits with 2 unless all is well.
    """
    from burnish.cli import tasking

    tasking.check(task, model, grader=grader, skip_bad_rows=skip_bad_rows, samples=samples, as_json=json)


@task_app.command("import")
def task_import(
    source: Annotated[
        str,
        typer.Argument(
            metavar="SOURCE",
            help="OpenAI's JSON lines, with --grader; gym:MODULE:ENV_ID or gym:FILE.py:CLASS, a Gymnasium environment of texts; "
            "a folder of Harbor or Terminal-Bench, or a folder of such folders.",
        ),
    ],
    folder: Annotated[str, typer.Argument(metavar="DIR", help="The task folder to make.")],
    *,
    grader: Annotated[
        Path | None, typer.Option("--grader", metavar="FILE", help="OpenAI: the grader's JSON.", show_default=False)
    ] = None,
    valid: Annotated[
        Path | None,
        typer.Option("--valid", metavar="FILE", help="OpenAI: the validation file. [default: rows held out]", show_default=False),
    ] = None,
    answer: Annotated[
        str | None,
        typer.Option(
            "--answer", metavar="COLUMN", help="OpenAI: the column with a good answer. [default: found]", show_default=False
        ),
    ] = None,
    url: Annotated[
        str | None,
        typer.Option(
            "--url", metavar="URL", help="OpenAI: the server of the grader's models. [default: OpenAI's]", show_default=False
        ),
    ] = None,
    rows: Annotated[
        int | None, typer.Option("--rows", min=4, help="Gymnasium: how many seeds. [default: 24]", show_default=False)
    ] = None,
    actions: Annotated[
        str | None,
        typer.Option(
            "--actions",
            metavar="NAME,...",
            help="Gymnasium: what the actions are called, in their order. [default: the environment's names, else numbers]",
            show_default=False,
        ),
    ] = None,
    made_with: Annotated[
        list[str] | None,
        typer.Option("--with", metavar="KEY=VALUE", help="Gymnasium: what the environment is made with.", show_default=False),
    ] = None,
    json: Json = False,
) -> None:
    """Make a task folder of somebody else's task.

    The same answers score the same. What cannot be mapped is refused by name.
    """
    from burnish.cli import tasking

    openai: dict[str, Any] = {"grader": grader, "valid": valid, "answer": answer, "url": url}
    gym = {"rows": rows, "actions": actions, "arguments": made_with}
    tasking.bring(source, folder, openai=openai, gym=gym, as_json=json)


@task_app.command("export")
def task_export(
    task: Annotated[str, typer.Argument(metavar="TASK", help="A task folder.")],
    folder: Annotated[str, typer.Argument(metavar="DIR", help="The directory to make.")],
    *,
    to: Annotated[
        Literal["openai", "verifiers"],
        typer.Option("--to", help="openai: files for reinforcement fine-tuning; verifiers: an environment package."),
    ],
    json: Json = False,
) -> None:
    """Write a task folder in another's format.

    That is, its rows and what grades them: the same answers get the same scores there. What cannot be said there is refused by
    name.
    """
    from burnish.cli import tasking

    tasking.take(task, folder, to=to, as_json=json)
