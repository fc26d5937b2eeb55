"""The documentation is complete, up to date, and runs."""

from __future__ import annotations

import importlib.util
import io
import re
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[2]
PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").rglob("*.md")])
CHECKS = [*range(1, 6), 7, 8, *range(10, 41), 42, 44, 45]
"""What must be guarded by a test named after its number."""
CHOICES = {"device": "cpu", "threads": 1, "dtype": "float32", "matmul": "aten", "bmm_limit": 0, "unit_tokens": 1024}
MEASURED = {
    "threads": 1,
    "figures": {"fp32_gflops": 100, "bf16_gflops": 100},
    "matmul": "aten",
    "dtype": "float32",
    "bmm_limit": 0,
}


def load(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"house_{path.stem}", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


GENERATE = load(ROOT / "docs" / "generate.py")


@pytest.mark.parametrize("page", GENERATE.PAGES)
def test_generated_pages_are_up_to_date(page: str):
    made = GENERATE.PAGES[page]().rstrip() + "\n"
    assert (ROOT / "docs" / page).read_text("utf-8") == made, f"docs/{page} is out of date: run `make docs`"


def reference(page: str) -> str:
    return (ROOT / "docs" / "reference" / page).read_text("utf-8")


def test_every_setting_is_documented():
    from burnish.config import fields_of
    from burnish.runs.methods import METHODS

    for name, method in METHODS.items():
        text = reference("config.md").partition(f"## {name}\n")[2].partition("\n## ")[0]
        missing = [f.path for f in fields_of(method.config) if f"| `{f.path}` |" not in text or not f.doc]
        assert not missing, (name, missing)


def test_every_command_and_option_is_documented():
    import typer.main

    from burnish.cli.app import app

    text, missing = reference("cli.md"), []
    for path, command in GENERATE.commands(typer.main.get_command(app), "burnish"):
        missing += [path] if f"## `{path}`" not in text else []
        section = text.partition(f"## `{path}`\n")[2].partition("\n## ")[0]
        options = [o for p in command.params for o in (*p.opts, *p.secondary_opts) if o.startswith("--") and o != "--help"]
        missing += [f"{path} {o}" for o in options if o not in section]
        missing += [f"{path} has no --json"] if "--json" not in options else []
    assert not missing, missing


def test_every_loss_error_format_and_grader_is_documented():
    from burnish import errors
    from burnish.engine.losses import SET_LOSSES, TOKEN_LOSSES
    from burnish.tasks import graders
    from burnish.tasks.formats import _PAIRS

    kinds = [k for k in vars(errors).values() if isinstance(k, type) and issubclass(k, errors.BurnishError)]
    pairs = [p.prompt for p in _PAIRS]
    found = [
        *(name for name in (*TOKEN_LOSSES, *SET_LOSSES) if f"| `{name}` |" not in reference("losses.md")),
        *(k.code for k in kinds if f"| `{k.code}` |" not in reference("errors.md")),
        *(name for name in graders.NAMES if f"| `{name}` |" not in reference("graders.md")),
        *(name for name in pairs if f'"{name}": ' not in reference("formats.md")),
    ]
    assert not found, found


def test_every_error_code_belongs_to_one_class():
    from burnish import errors

    codes = [k.code for k in vars(errors).values() if isinstance(k, type) and issubclass(k, errors.BurnishError)]
    assert len(codes) == len(set(codes)), codes


def test_every_check_has_a_test():
    guarded = GENERATE.guards()
    assert not [n for n in CHECKS if n not in guarded]
    assert all(f"| {n} |" in (ROOT / "docs" / "pitfalls.md").read_text("utf-8") for n in CHECKS)


def test_links_lead_somewhere():
    dead = []
    for page in PAGES:
        for target in re.findall(r"\]\(([^)#\s]+)", page.read_text("utf-8")):
            if "://" not in target and not (page.parent / target).exists():
                dead.append(f"{page.relative_to(ROOT)}: {target}")
    assert not dead, dead


def test_the_readme_names_what_is_there():
    text, makefile = (ROOT / "README.md").read_text("utf-8"), (ROOT / "Makefile").read_text("utf-8")
    tree = text.partition("## The tree\n")[2].partition("```\n")[2].partition("```")[0]
    named = [line.split()[0] for line in tree.splitlines() if line.strip()]
    inside = [f"src/burnish/{n}" for n in named if f"  {n}" in tree and n not in ("types",)]
    missing = [n for n in (*(n for n in named if f"\n{n}" in tree), *inside) if not (ROOT / n).exists()]
    assert not missing, missing
    rooms = {p.name for p in (ROOT / "src/burnish").iterdir() if p.is_dir() and (p / "__init__.py").is_file()}
    assert not rooms - {n.rstrip("/") for n in named}, "rooms that the README does not name"
    targets = set(re.findall(r"`?make (\w+)`?", text))
    assert targets <= set(re.findall(r"^(\w+):", makefile, re.MULTILINE))
    assert "make test" in (ROOT / ".ci" / "run").read_text("utf-8")


# -- blocks that run --------------------------------------------------------------------------------------------------


BLOCK = re.compile(r"^```(sh|python) runnable\n(.*?)^```", re.MULTILINE | re.DOTALL)
RUNNABLE = [p for p in PAGES if BLOCK.search(p.read_text("utf-8"))]


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """What `make first` makes, barely trained, in a home of its own."""
    from burnish.engine.measure import machine_key
    from burnish.store import machine

    directory = tmp_path_factory.mktemp("first")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BURNISH_HOME", str(directory / "home"))
        patch.setenv("FIRST", str(directory))
        machine.save_measured(machine_key(), MEASURED)
        load(ROOT / "examples" / "make_base.py").make_base(directory, steps=4, rows=200, choices=CHOICES)
        yield directory


def test_there_are_blocks_that_run():
    assert len(RUNNABLE) >= 2


@pytest.mark.parametrize("page", RUNNABLE, ids=lambda p: p.stem)
def test_the_blocks_of_a_page_run(page: Path, first: Path):
    for kind, text in BLOCK.findall(page.read_text("utf-8")):
        if kind == "python":
            exec(compile(text, str(page), "exec"), {})
            continue
        for line in text.splitlines():
            run_line(line.replace("$FIRST", str(first)))


def run_line(line: str) -> None:
    """One `burnish ...` line of a page, in this process."""
    from burnish.cli.main import main

    words = shlex.split(line)
    assert words[0] == "burnish", line
    out, err = io.StringIO(), io.StringIO()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", words)
        patch.setattr(sys, "stdin", io.StringIO())
        patch.setattr(sys, "stdout", out)
        patch.setattr(sys, "stderr", err)
        with pytest.raises(SystemExit) as ended:
            main()
    assert ended.value.code == 0, line + "\n" + out.getvalue() + err.getvalue()
