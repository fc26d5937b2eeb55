"""Write docs/reference/*.md and docs/pitfalls.md from the code: `make docs`. A test fails when they are not up to date."""

import ast
import inspect
import re
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
HEAD = "<!-- Written by docs/generate.py from the code. Change it there. -->\n\n"


def table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    """A Markdown table."""
    lines = [head, tuple("---" for _ in head), *rows]
    return "".join("| " + " | ".join(" ".join(c.split()).replace("|", "\\|") for c in line) + " |\n" for line in lines) + "\n"


def first_words(text: str | None) -> str:
    """A docstring's first paragraph on one line."""
    return " ".join(inspect.cleandoc(text or "").split("\n\n")[0].split())


# -- cli ------------------------------------------------------------------------------------------------------------------


def commands(command: Any, path: str) -> Iterator[tuple[str, Any]]:
    """(full name, command) of every command that can be run, groups before their members."""
    members = getattr(command, "commands", {})
    if not members or (getattr(command, "invoke_without_command", False) and path != "burnish"):
        yield path, command
    for name, member in members.items():
        yield from commands(member, f"{path} {name}")


def cli() -> str:
    """Every command with its arguments and options."""
    import typer.main

    from burnish.cli.app import app

    text = (
        HEAD
        + """# Commands

Exit codes: 0 done; 1 the work failed or nothing was trained; 2 the input or the usage is wrong; 130 interrupted.

With `--json` the last line of standard output is one JSON document and progress goes to standard error. An error is then
`{"error": {"code", "what", "seen", "todo"}}`; the codes are in [errors](errors.md).

"""
    )
    for path, command in commands(typer.main.get_command(app), "burnish"):
        text += f"## `{path}`\n\n{inspect.cleandoc(command.help or '')}\n\n"
        rows = []
        for p in command.params:
            if p.name == "help":
                continue
            argument = p.param_type_name == "argument"
            name = (p.metavar or p.name.upper()).strip("{}") if argument else ", ".join([*p.opts, *p.secondary_opts])
            default = "required" if p.required else ("" if p.default in (None, False) else str(p.default))
            rows.append((f"`{name}`", p.help or "", default))
        text += table(("option", "what it does", "default"), rows)
    return text


# -- config ---------------------------------------------------------------------------------------------------------------


def config() -> str:
    """Every field of every recipe's config."""
    from burnish.config import fields_of
    from burnish.runs.methods import METHODS

    text = (
        HEAD
        + """# Settings

A setting is given as `key=value` on the command line or in the TOML file of `--config`; the command line wins. What is not
given and says *derived* is worked out from the model, the data and the machine, and printed with its reason before training.

"""
    )
    for name, method in METHODS.items():
        text += f"## {name}\n\n{first_words(method.config.__doc__)}\n\n"
        rows = []
        for f in fields_of(method.config):
            unset = "derived" if "Derived" in f.doc else "none"
            default = "required" if f.required else unset if f.default is None else f"`{f.default}`"
            rows.append((f"`{f.path}`", f.type, default, f.doc))
        text += table(("key", "value", "default", "meaning"), rows)
    return text


# -- losses, errors, formats, graders -------------------------------------------------------------------------------------


def losses() -> str:
    """Every loss of the engine."""
    from burnish.engine.losses import SET_LOSSES, TOKEN_LOSSES

    text = (
        HEAD
        + """# Losses

What `forward_backward(data, loss_name, loss_config)` computes. Every loss is a **sum**; the denominator is the caller's and
sits in `weights` or `advantages`. l = log-probability of the target, q = the one it was sampled with (`logprobs`),
A = `advantages`, w = `weights`, r = exp(l - q).

"""
    )
    for title, found in (("Token-wise: they split anywhere", TOKEN_LOSSES), ("Set-wise: whole pairs or groups", SET_LOSSES)):
        rows = []
        for name, loss in found.items():
            settings = ", ".join(f"{k} = {v}" for k, v in loss.defaults.items())
            rows.append((f"`{name}`", first_words(loss.value.__doc__), ", ".join(loss.reads) or f"{loss.on} head", settings))
        text += f"## {title}\n\n" + table(("name", "value", "reads", "settings"), rows)
    return text


def errors() -> str:
    """Every error code."""
    import burnish.errors as module

    kinds = [c for c in vars(module).values() if inspect.isclass(c) and issubclass(c, module.BurnishError)]
    rows = [(f"`{c.code}`", str(c.exit_code), f"`{c.__name__}`", first_words(c.__doc__)) for c in kinds]
    text = HEAD + "# Errors\n\nEach says what happened, what was seen, and what to do.\n\n"
    return text + table(("code", "exit", "class", "when"), rows)


ROWS: list[Any] = [
    {"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello."}]},
    {"conversations": [{"from": "human", "value": "Hi"}, {"from": "gpt", "value": "Hello."}]},
    {"prompt": "Once upon", "completion": " a time"},
    {"prompt": [{"role": "user", "content": "Hi"}], "completion": [{"role": "assistant", "content": "Hello."}]},
    {"instruction": "Translate.", "input": "chat", "output": "cat"},
    {"instruction": "Translate: chat", "response": "cat"},
    {"question": "2 + 2?", "answer": "4"},
    {"problem": "2 + 2?", "solution": "Two and two make four.", "answer": "4"},
    {"query": "2 + 2?", "response": "4"},
    {"user": "Hi", "assistant": "Hello."},
    {"input": "chat", "output": "cat"},
    {"text": "Double a number.", "code": "def f(n): return 2 * n", "test_list": ["assert f(2) == 4"]},
    {"text": "Once upon a time"},
    "Once upon a time",
]
"""One row of each format; what is said about it is asked of the detector."""
TRAINED = {
    "chat": "the assistant's answers and their stop token, in the model's chat template",
    "completion": "the completion and the end token; no template",
    "text": "every token and the end token",
}


def formats() -> str:
    """Every data format, as it is detected."""
    import json

    from burnish.tasks.formats import ROLES, Refusal, shape_of

    rows = []
    for row in ROWS:
        shape = shape_of(row)
        assert not isinstance(shape, Refusal), (row, shape)
        rows.append((shape.family, f"`{json.dumps(row)}`", TRAINED[shape.form]))
    text = (
        HEAD
        + """# Data formats

JSON lines, a JSON array, a JSON list of strings, CSV and TSV with a header, plain text (documents between `<|endoftext|>`, else
paragraphs, else lines), each also gzipped (`.gz`); in detail: [data formats](data-formats.md). The format is told by the
columns of the rows and named aloud. Rows that fit no format, or more than one, are refused with the `--map` that settles it.
Columns are joined with `+` (`--map user=Body+Question`). An assistant message may carry `weight` (0 = context
only); a row with `tools` is rendered with them.

"""
    )
    text += "Roles of `--map ROLE=COLUMN`: " + ", ".join(f"`{r}`" for r in ROLES) + ".\n\n"
    return text + table(("format", "a row", "what is learned"), rows)


def graders() -> str:
    """Every grader."""
    from burnish.tasks import graders as module
    from burnish.tasks.entries import KINDS
    from burnish.tasks.graders.similarity import Similar

    rows = []
    for name in module.NAMES:
        grader = module.get(name)
        what = f"{name} of the answer and the reference, from 0 to 1." if isinstance(grader, Similar) else type(grader).__doc__
        rows.append((f"`{name}`", first_words(what)))
    text = (
        HEAD
        + """# Graders

Each returns a Score with a value and a reason. What a grader cannot judge is an error, counted apart, never a zero. Without
`grader=...` one is chosen from the references in the data; `grader=none` measures loss alone.

"""
    )
    text += table(("name", "what it does"), rows)
    text += """A task folder names them by `kind`, each with its settings ([task.toml](task.md), [how to](../how-to/graders.md)):

"""
    return text + table(("kind", "what it does"), [(f"`{kind_of(cls)}`", first_words(cls.__doc__)) for cls in KINDS])


def kind_of(entry: Any) -> str:
    """The word by which task.toml names a grader."""
    return entry.model_fields["kind"].annotation.__args__[0]


def task() -> str:
    """Every key of task.toml."""
    from burnish.config import fields_of
    from burnish.tasks.entries import KINDS, Demand, Entry, PromptMessage
    from burnish.tasks.manifest import CardText, LimitsEntry, Manifest, MeansEntry, RowFiles, ToolsEntry

    text = (
        HEAD
        + """# task.toml

A folder with this file is a task, and stands wherever a data file may: `burnish task new DIR` makes one that works, `burnish task
check DIR` proves it ([how to](../how-to/own-task.md)). Paths are within the folder; rows have any format that data may have.

"""
    )
    tables = [("the file", Manifest), ("[card]", CardText), ("[rows]", RowFiles), ("[[graders]], of every kind", Entry)]
    tables += [(f'[[graders]], kind = "{kind_of(cls)}"', cls) for cls in KINDS]
    tables += [("[[graders.criteria]], of a rubric", Demand), ("[[graders.prompt]], of a judge", PromptMessage)]
    tables += [("[tools]", ToolsEntry), ("[limits]", LimitsEntry), ("[means]", MeansEntry)]
    shared = {"kind", *Entry.model_fields}
    for title, cls in tables:
        text += f"## {title}\n\n"
        if issubclass(cls, Entry) and cls is not Entry:
            text += f"{first_words(cls.__doc__)}\n\n"
        rows = []
        for f in fields_of(cls):
            if "." in f.path or (issubclass(cls, Entry) and cls is not Entry and f.path in shared):
                continue
            default = "required" if f.required else "none" if f.default is None else f"`{f.default}`"
            rows.append((f"`{f.path}`", f.type, default, f.doc))
        if rows:
            text += table(("key", "value", "default", "meaning"), rows)
    return text


# -- pitfalls -------------------------------------------------------------------------------------------------------------


def guards() -> dict[int, list[str]]:
    """The tests by the number of the check that they guard."""
    found: dict[int, list[str]] = {}
    for path in sorted((ROOT / "tests").rglob("test_*.py")):
        for node in ast.parse(path.read_text("utf-8")).body:
            match = isinstance(node, ast.FunctionDef) and re.match(r"test_check_(\d\d)_", node.name)
            if match:
                found.setdefault(int(match[1]), []).append(f"`{path.relative_to(ROOT / 'tests')}`: `{node.name}`")
    return found


def pitfalls() -> str:
    """What goes wrong elsewhere, and the tests that guard it here."""
    words = tomllib.loads((ROOT / "docs/pitfalls.toml").read_text("utf-8"))["checks"]
    tests = guards()
    text = (
        HEAD
        + """# Pitfalls

Faults that make no noise: training runs, loss falls, and the model is wrong. Each was met in the wild, some in several
systems. The tests are named after the number and fail when the fault is planted.

"""
    )
    rows = [(str(n), words[str(n)], "<br>".join(tests.get(n, []))) for n in sorted(map(int, words))]
    return text + table(("check", "what goes wrong", "tests"), rows)


PAGES = {
    "reference/cli.md": cli,
    "reference/config.md": config,
    "reference/losses.md": losses,
    "reference/errors.md": errors,
    "reference/formats.md": formats,
    "reference/graders.md": graders,
    "reference/task.md": task,
    "pitfalls.md": pitfalls,
}


def main() -> None:
    """Write every page."""
    for name, make in PAGES.items():
        path = ROOT / "docs" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(make().rstrip() + "\n", "utf-8")
        print(path.relative_to(ROOT), file=sys.stderr)


if __name__ == "__main__":
    main()
