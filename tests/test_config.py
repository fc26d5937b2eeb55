"""One config object: file, overrides, errors, documentation; and every key of every recipe is read by something."""

import ast
import datetime
import importlib
import math
import pkgutil
import tomllib
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as some
from pydantic import Field, ValidationError, field_validator, model_validator

import burnish.recipes
from burnish.config import Config, fields_of, to_json, to_toml
from burnish.errors import ConfigError

ROOT = Path(__file__).parents[1]
Whole = Annotated[int, Field(ge=1)]


class Inner(Config):
    """A table."""

    rank: Whole | None = None
    """Columns."""
    alpha: Annotated[float, Field(gt=0)] = 32.0
    targets: Literal["all"] | tuple[Literal["q", "k"], ...] = "all"


class Deep(Config):
    inner: Inner = Inner(alpha=8)
    share: Annotated[float, Field(ge=0, lt=1)] = 0.5


class Outer(Config):
    """A recipe."""

    model: str
    """What to start from.

    More about it.
    """
    steps: Whole = 10
    rate: float = 1e-4
    quick: bool = False
    schedule: Literal["linear", "cosine"] = "linear"
    names: tuple[str, ...] = ()
    numbers: dict[str, float] = {}  # noqa: RUF012
    texts: dict[str, str] = {}  # noqa: RUF012
    out: Path | None = None
    day: datetime.date | None = None
    note: str | None = None
    inner: Inner = Inner()
    deep: Deep = Deep()


def load(tmp_path: Path, text: str, *overrides: str) -> Outer:
    file = tmp_path / "c.toml"
    file.write_text(text, "utf-8")
    return Outer.load(file=file, overrides=overrides)


def refused(*overrides: str, base: dict[str, Any] | None = None) -> str:
    with pytest.raises(ConfigError) as caught:
        Outer.load(overrides=overrides, base={"model": "m"} if base is None else base)
    message = str(caught.value)
    for leak in ("pydantic", "validation error", "type=", "Input should", "literal_error", "For further"):
        assert leak not in message
    return message


# Reading


def test_later_wins_and_tables_are_merged(tmp_path: Path):
    file = tmp_path / "c.toml"
    file.write_text('model = "file"\nsteps = 3\n[inner]\nrank = 4\n[deep.inner]\nrank = 5\n')
    found = Outer.load(
        base={"model": "base", "note": "base", "inner": {"alpha": 1.5, "rank": 9}, "deep": {"inner": {"alpha": 2}}},
        file=file,
        overrides=["steps=5", "inner.rank=7", "inner.rank=8", "deep.share=0.25"],
    )
    assert (found.model, found.note, found.steps) == ("file", "base", 5)
    assert (found.inner.rank, found.inner.alpha) == (8, 1.5)
    assert (found.deep.inner.rank, found.deep.inner.alpha, found.deep.share) == (5, 2.0, 0.25)


def test_a_config_may_be_a_value_of_base():
    found = Outer.load(base={"model": "m", "inner": Inner(rank=3), "out": Path("x")}, overrides=["steps=2"])
    assert (found.inner, found.out, found.steps) == (Inner(rank=3), Path("x"), 2)


def test_what_was_passed_in_is_left_alone():
    base = {"model": "m", "inner": {"rank": 1}}
    Outer.load(base=base, overrides=["inner.rank=2", "texts.a=b"])
    assert base == {"model": "m", "inner": {"rank": 1}}


@pytest.mark.parametrize(
    ("override", "field", "value"),
    [
        ("steps=8", "steps", 8),
        ("rate=1", "rate", 1.0),
        ("rate=3e-5", "rate", 3e-5),
        ("quick=true", "quick", True),
        ("schedule=cosine", "schedule", "cosine"),
        ('schedule="cosine"', "schedule", "cosine"),
        ("names=['a', 'b']", "names", ("a", "b")),
        ("names=[]", "names", ()),
        ("out=/some/where", "out", Path("/some/where")),
        ("day=2026-01-31", "day", datetime.date(2026, 1, 31)),
        ("note=a = b, c # d", "note", "a = b, c # d"),
        ("note=8 # eight", "note", "8 # eight"),
        ("note=8,", "note", "8,"),
        ("note=1]\nx = [2", "note", "1]\nx = [2"),
        ("note=123", "note", "123"),
        ("note=true", "note", "true"),
        ("note=[1, 2]", "note", "[1, 2]"),
        ("note=2026-01-31", "note", "2026-01-31"),
        ("note='123'", "note", "123"),
        ("texts.prompt=question", "texts", {"prompt": "question"}),
        ("texts.n=3", "texts", {"n": "3"}),
        ('texts."a b"=c', "texts", {"a b": "c"}),
        ("texts={a = 'b'}", "texts", {"a": "b"}),
        ("numbers.x=1", "numbers", {"x": 1.0}),
        (" steps = 8 ", "steps", 8),
    ],
)
def test_an_override_is_a_toml_literal_or_plain_text(override: str, field: str, value: object):
    assert getattr(Outer.load(base={"model": "m"}, overrides=[override]), field) == value


def test_an_empty_value_returns_to_the_default():
    base = {"model": "m", "steps": 3, "inner": {"rank": 4}}
    found = Outer.load(base=base, overrides=["steps=", "inner.rank=", "note="])
    assert (found.steps, found.inner.rank, found.note) == (10, None, None)
    assert "model is required" in refused("model=")


def test_frozen_and_strict():
    config = Outer(model="m")
    with pytest.raises(ValidationError):
        config.steps = 3  # type: ignore[misc]
    for wrong in (
        "steps=true",
        "steps='8'",
        "steps=8.0",
        "steps=8.5",
        "rate='1'",
        "rate=true",
        "quick=1",
        "quick=yes",
        "names=a",
    ):
        assert wrong.partition("=")[0] in refused(wrong)


@pytest.mark.parametrize("value", ["nan", "inf", "-inf"])
def test_numbers_are_finite(value: str, tmp_path: Path):
    assert "rate must be a number (seen" in refused(f"rate={value}")
    assert "deep.share must be a number" in refused(f"deep.share={value}")
    assert "numbers.x must be a number (seen" in refused(f"numbers.x={value}")
    with pytest.raises(ConfigError, match="rate must be a number"):
        load(tmp_path, f'model = "m"\nrate = {value}')
    with pytest.raises(ValidationError):
        Outer(model="m", rate=float(value))


def test_a_field_that_may_be_none_defaults_to_none():
    with pytest.raises(AssertionError, match="must default to None"):

        class Wrong(Config):
            steps: int | None = 3


# Errors


def test_errors_name_path_value_allowed_and_place():
    assert refused("inner.rank=0") == "inner.rank must be a whole number of at least 1 (seen 0 in inner.rank=0)."
    assert refused("deep.share=1.0") == "deep.share must be a number of at least 0 and below 1 (seen 1.0 in deep.share=1.0)."
    assert refused("schedule=step") == 'schedule must be one of "linear", "cosine" (seen "step" in schedule=step).'
    assert refused("inner.targets=['q', 'z']") == (
        'inner.targets must be "all" or a list of one of "q", "k" (seen ["q", "z"] in inner.targets=[\'q\', \'z\']).'
    )
    assert refused("inner=3") == "inner must be a table of settings (seen 3 in inner=3)."
    assert refused(base={}) == "model is required and not set: What to start from."
    assert refused("steps") == "`steps` is not of the form key=value, such as lora.rank=8."
    assert "not of the form" in refused("=3")
    assert "not of the form" in refused("a b=3")
    assert "note is 3, not a table" in refused("note.x=1", base={"model": "m", "note": 3})


def test_file_errors_say_which_file(tmp_path: Path):
    with pytest.raises(ConfigError, match=r"steps must be a whole number .*\(seen \"many\" in c\.toml\)"):
        load(tmp_path, 'model = "m"\nsteps = "many"')
    with pytest.raises(
        ConfigError,
        match=r"deep\.inner\.rnk is not a setting \(seen 3 in c\.toml; did you mean deep\.inner\.rank\? deep\.inner has rank, ",
    ):
        load(tmp_path, 'model = "m"\n[deep.inner]\nrnk = 3')


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("model = 'm'\nsteps = \n", r"line 2, column 9 \(`steps =`\)"),
        ("model = 'm'\nsteps = 3\nsteps = 4\n", "line 3"),
        ("[inner\nrank = 3", "line 1"),
        ('model = "m', r"line 1, column \d+"),
    ],
)
def test_a_syntax_error_has_its_line_and_column(tmp_path: Path, text: str, place: str):
    with pytest.raises(ConfigError, match=rf"c\.toml is not valid TOML at {place}"):
        load(tmp_path, text)


def test_files_that_cannot_be_read(tmp_path: Path):
    for path in (tmp_path / "missing.toml", tmp_path):
        with pytest.raises(ConfigError, match="cannot be read"):
            Outer.load(file=path)
    (tmp_path / "latin.toml").write_bytes(b'model = "\xe9"')
    with pytest.raises(ConfigError, match="not UTF-8"):
        Outer.load(file=tmp_path / "latin.toml")


def test_all_problems_are_in_one_message(tmp_path: Path):
    message = refused("inner.rnk=8", "steps=0", "schedule=x", "speed=9", base={})
    assert message.startswith("5 settings cannot be used:")
    for part in ("model is required", "did you mean inner.rank?", "steps must be", "schedule must be", "speed is not a setting"):
        assert part in message
    file = tmp_path / "c.toml"
    file.write_text("steps = ")
    with pytest.raises(ConfigError, match=r"(?s)2 settings.*not valid TOML.*`bad` is not of the form"):
        Outer.load(file=file, overrides=["bad"])


@pytest.mark.parametrize(
    ("wrong", "right"),
    [
        ("inner.rnk=1", "inner.rank"),
        ("rank=1", "inner.rank"),
        ("inne=1", "inner"),
        ("lora.alpha=1", "inner.alpha"),
        ("stps=1", "steps"),
        ("Steps=1", "steps"),
        ("deep.iner.alpha=1", "deep.inner"),
        ("schedul=1", "schedule"),
    ],
)
def test_the_nearest_key_is_named(wrong: str, right: str):
    assert f"did you mean {right}?" in refused(wrong)


def test_a_key_like_none_gets_the_list():
    assert "the settings are model, steps, rate," in refused("zzzzzz=1")


def test_messages_of_a_recipes_own_checks_are_kept():
    class Checked(Config):
        batch: int = 1
        size: int = 1

        @field_validator("size")
        @classmethod
        def _even(cls, value: int) -> int:
            if value == 3:
                raise ValueError("must not be three")
            return value

        @model_validator(mode="after")
        def _agree(self) -> "Checked":
            if self.batch > 5 < self.size:
                raise ValueError("batch and size contradict each other")
            return self

    with pytest.raises(ConfigError, match=r"^size: must not be three \(seen 3 in size=3\)\.$"):
        Checked.load(overrides=["size=3"])
    with pytest.raises(ConfigError, match=r"^batch and size contradict each other\.$"):
        Checked.load(overrides=["size=7", "batch=7"])


def _tables(cls: type[Config]) -> list[tuple[str, ...]]:
    nested = [(n, i.annotation) for n, i in cls.model_fields.items()]
    return [(), *((n, *t) for n, a in nested if isinstance(a, type) and issubclass(a, Config) for t in _tables(a))]


@pytest.mark.parametrize("table", _tables(Outer), ids=".".join)
def test_an_unknown_key_is_refused_in_every_table(table: tuple[str, ...], tmp_path: Path):
    key = ".".join((*table, "zebra"))
    assert f"{key} is not a setting" in refused(f"{key}=1")
    with pytest.raises(ConfigError, match=f"{key} is not a setting"):
        load(tmp_path, f'model = "m"\n{key} = 1')
    base: dict[str, Any] = {"zebra": 1}
    for name in reversed(table):
        base = {name: base}
    assert f"{key} is not a setting" in refused(base={"model": "m", **base})


def test_an_unknown_key_is_told_which_there_are_the_likeliest_first_and_a_long_value_is_cut():
    said = refused("deep.inner.alpah=3")
    assert "did you mean deep.inner.alpha? deep.inner has alpha, " in said
    assert all(name in said.rpartition(" has ")[2] for name in ("rank", "targets"))
    said = refused(f"deep.inner.zebra={'x' * 900}")
    assert "zebra is not a setting" in said
    assert "deep.inner has rank, alpha, targets" in said
    assert len(said) < 500
    assert len(refused(f"steps={'x' * 900}")) < 500


# Writing


TEXT = some.text(max_size=12) | some.sampled_from(
    ["'''", '"""', "a\nb", "\\", "\x00\x7f\x1b", "[x]", "# no", "é漢\U0001f600", " "]
)
FINITE = some.floats(allow_nan=False, allow_infinity=False)
INNERS = some.builds(
    Inner,
    rank=some.none() | some.integers(1, 10**18),
    alpha=FINITE.filter(lambda x: x > 0),
    targets=some.just("all") | some.lists(some.sampled_from(["q", "k"])).map(tuple),
)
OUTERS = some.builds(
    Outer,
    model=TEXT,
    steps=some.integers(1, 2**63 - 1),
    rate=FINITE,
    quick=some.booleans(),
    schedule=some.sampled_from(["linear", "cosine"]),
    names=some.lists(TEXT, max_size=3).map(tuple),
    numbers=some.dictionaries(TEXT, FINITE, max_size=3),
    texts=some.dictionaries(TEXT, TEXT, max_size=3),
    out=some.none() | some.sampled_from([Path("/a b"), Path("c"), Path("ü/\"q'")]),
    day=some.none() | some.dates(),
    note=some.none() | TEXT,
    inner=INNERS,
    deep=some.builds(Deep, inner=INNERS, share=some.floats(0, 1, exclude_max=True)),
)


@given(config=OUTERS)
def test_toml_and_json_come_back_equal(config: Outer, tmp_path_factory: pytest.TempPathFactory):
    file = tmp_path_factory.getbasetemp() / "round.toml"
    file.write_bytes(to_toml(config).encode())
    again = Outer.load(file=file)
    assert again == config
    assert math.copysign(1, again.rate) == math.copysign(1, config.rate)
    assert to_toml(again) == to_toml(config)
    assert Outer.load(base=tomllib.loads(to_toml(config))) == config
    assert Outer.model_validate_json(to_json(config)) == config


@given(
    override=some.text(max_size=20)
    | some.tuples(some.sampled_from(["steps", "inner", "inner.rank", "texts.a", "note"]), TEXT).map("=".join)
)
def test_any_override_is_taken_or_refused(override: str):
    with suppress(ConfigError):
        Outer.load(base={"model": "m"}, overrides=[override])


def test_toml_reads_well():
    config = Outer(model="m", texts={"a": 'b "c"'}, inner=Inner(rank=3))
    assert to_toml(config) == (
        'model = "m"\nsteps = 10\nrate = 0.0001\nquick = false\nschedule = "linear"\nnames = []\n'
        '\n[numbers]\n\n[texts]\na = "b \\"c\\""\n'
        '\n[inner]\nrank = 3\nalpha = 32.0\ntargets = "all"\n'
        '\n[deep]\nshare = 0.5\n\n[deep.inner]\nalpha = 8.0\ntargets = "all"\n'
    )


# Documentation


def test_fields_are_documented_where_they_are_written():
    found = {f.path: f for f in fields_of(Outer)}
    assert list(found)[:3] == ["model", "steps", "rate"]
    assert found["model"].required
    assert found["model"].doc.startswith("What to start from.")
    assert (found["inner.rank"].type, found["inner.rank"].default, found["inner.rank"].doc) == (
        "a whole number of at least 1",
        None,
        "Columns.",
    )
    assert not found["inner.rank"].required
    assert found["deep.inner.alpha"].default == "8.0"
    assert found["schedule"].type == 'one of "linear", "cosine"'
    assert found["out"].type == "a path"
    assert found["day"].type == "a date"


def recipe_configs() -> dict[type[Config], set[str]]:
    """Every config class of the recipes, with the names by which code reaches an instance of it."""
    found: dict[type[Config], set[str]] = {}

    def add(cls: type[Config], names: set[str]) -> None:
        found.setdefault(cls, set()).update(names)
        for name, info in cls.model_fields.items():
            if isinstance(info.annotation, type) and issubclass(info.annotation, Config):
                add(info.annotation, {name})

    for module in pkgutil.iter_modules(burnish.recipes.__path__, "burnish.recipes."):
        for value in vars(importlib.import_module(module.name)).values():
            if isinstance(value, type) and issubclass(value, Config) and "recipe" in value.model_fields:
                add(value, {"config", "resolved"})
    return found


def reads(tree: ast.AST, classes: set[str], names: set[str]) -> set[str]:
    """The attributes that source reads from an instance: `config.x`, `….config.x`, and `self.x` within its classes."""
    found: set[str] = set()

    def visit(node: ast.AST, inside: bool) -> None:
        if isinstance(node, ast.ClassDef):
            inside = node.name in classes
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Load):
            owner = node.value
            name = owner.attr if isinstance(owner, ast.Attribute) else owner.id if isinstance(owner, ast.Name) else ""
            if name in names or (inside and name == "self"):
                found.add(node.attr)
        for child in ast.iter_child_nodes(node):
            visit(child, inside)

    visit(tree, False)
    return found


def unread(cls: type[Config], names: set[str], sources: list[ast.AST]) -> list[str]:
    """Keys of a config that no source reads."""
    classes = {c.__name__ for c in cls.__mro__}
    read = set().union(*(reads(s, classes, names) for s in sources))
    return [name for name in cls.model_fields if name not in read]


def test_check_42_every_config_key_is_read():
    """A key that is accepted and then ignored is a silent bug: each key of each recipe is read somewhere in the source."""
    sources: list[ast.AST] = [ast.parse(p.read_bytes()) for p in sorted((ROOT / "src" / "burnish").rglob("*.py"))]
    for cls, names in recipe_configs().items():
        # `recipe` names the class: it is read by the reader of the file, who refuses another value.
        assert [n for n in unread(cls, names, sources) if n != "recipe"] == [], cls.__name__


def test_check_42_finds_a_key_that_nothing_reads():
    """The planted bug: written, documented, passed on by name, read from something else, and yet never read."""
    source = (
        "class Outer(Config):\n    steps: int = 3\n    rate: float = 1\n    model: str\n"
        "    def f(self):\n        return self.rate\n"
        "class Other:\n    def f(self):\n        return self.steps, self.names\n"
        "def g(run, config):\n    use(config.model, run.steps, schedule='x')\n    config.schedule = 3\n    self.config.quick\n"
    )
    lost = unread(Outer, {"config"}, [ast.parse(source)])
    assert {"model", "rate", "quick"} & set(lost) == set()
    assert {"steps", "schedule", "names"} <= set(lost)


def test_check_42_a_key_of_another_version_stops_the_start(tmp_path: Path):
    for cls in recipe_configs():
        with pytest.raises(ConfigError, match="bnb_4bit_use_double_quant is not a setting"):
            cls.load(base={"bnb_4bit_use_double_quant": True})
