"""A chat template's source made into something that renders safely: no code, no endless loop, no memory bomb.

The engine is minijinja, which reaches nothing of Python that is not given to it, with a budget of instructions
("fuel"). Names and options are those that `transformers` gives to Jinja2 for chat templates, so that the text is the
same byte for byte: trim_blocks, lstrip_blocks, loop controls, `raise_exception`, `strftime_now`, `tojson` without
escaping, and the `{% generation %}` tag (which changes no text).

Changed from transformers: the clock is read once per template and not once per rendering, so that a run which crosses
midnight trains on one text. Assumed: fuel bounds time but not the size of a string, so a template from outside is first
rendered in a child process with little memory (`check_harmless`); a template that grows only on special content is
stopped by fuel alone.
"""

from __future__ import annotations

import contextlib
import functools
import json
import re
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, NoReturn

import minijinja

from burnish.errors import DataError, TemplateError

FUEL = 5_000_000
"""Instructions of one rendering; about 0.3 s. A hundred turns with tools take some 20,000."""
PROBE_MEMORY_BYTES = 512 << 20
PROBE_CPU_S = 2
PROBE_WALL_S = 30

_GENERATION_TAG = re.compile(r"\{%([-+]?)\s*(end)?generation\s*([-+]?)%\}")


class ConversationRefused(TemplateError):
    """The template itself refuses this conversation (`raise_exception`), for instance for its order of roles."""


class _Dict(dict[str, Any]):
    """What a template sees as a mapping: readable, never writable (transformers' sandbox refuses writes too)."""

    def _refuse(self, *_: object, **__: object) -> NoReturn:
        raise TemplateError(
            "The chat template tries to change the conversation",
            todo="use a template that only reads messages and tools",
        )

    pop = popitem = update = clear = setdefault = __setitem__ = __delitem__ = _refuse  # type: ignore[assignment]


class _List(list[Any]):
    """What a template sees as a sequence: readable, never writable."""

    append = extend = insert = pop = remove = clear = sort = reverse = _Dict._refuse  # type: ignore[assignment]


def freeze(value: Any, text: Callable[[str], str] = str) -> Any:
    """Read-only data for a template: any Mapping as a mapping, any Sequence as a list; `text` maps each string."""
    if isinstance(value, str):
        return text(value)
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, Mapping):
        return _Dict({text(str(k)): freeze(v, text) for k, v in value.items()})
    if isinstance(value, Sequence):
        return _List([freeze(v, text) for v in value])
    raise DataError(
        "A message or tool holds a value that is not JSON",
        seen=f"{type(value).__name__}: {value!r}"[:200],
        todo="use strings, numbers, booleans, null, lists and objects",
    )


def _tojson(
    value: Any,
    ensure_ascii: bool = False,
    indent: int | None = None,
    separators: Sequence[str] | None = None,
    sort_keys: bool = False,
) -> str:
    pair = (separators[0], separators[1]) if separators else None
    return json.dumps(value, ensure_ascii=ensure_ascii, indent=indent, separators=pair, sort_keys=sort_keys)


def _raise_exception(message: object) -> NoReturn:
    raise ConversationRefused("The chat template refuses this conversation", seen=str(message))


def environment(source: str, now: datetime) -> minijinja.Environment:
    """Compile `source`. Raises TemplateError when it is not a template that this engine understands."""
    env = minijinja.Environment(
        trim_blocks=True, lstrip_blocks=True, fuel=FUEL, auto_escape_callback=lambda _: False, debug=False
    )
    env.add_filter("tojson", _tojson)
    env.add_global("raise_exception", _raise_exception)
    env.add_global("strftime_now", lambda form: now.strftime(form))
    env.add_test("sequence", lambda value: isinstance(value, str | Mapping | Sequence))  # Jinja2 counts strings in
    # A `with` block keeps assignments inside it, as the tag of transformers does.
    plain = _GENERATION_TAG.sub(lambda m: f"{{%{m[1]} {m[2] or ''}with {m[3]}%}}", source)
    try:
        env.add_template("chat", plain)
    except minijinja.TemplateError as error:
        raise _explained(error) from None
    return env


def render(env: minijinja.Environment, variables: Mapping[str, Any]) -> str:
    """Render a compiled template. Raises ConversationRefused for this conversation, TemplateError for the template."""
    try:
        return env.render_template("chat", **variables)
    except minijinja.TemplateError as error:
        raise _explained(error) from None


def _explained(error: minijinja.TemplateError) -> TemplateError:
    if error.kind == "OutOfFuel":
        return TemplateError(
            "The chat template does not finish",
            seen=f"more than {FUEL} instructions",
            todo="use the template that the model was published with, or remove it to get the plain one",
        )
    return TemplateError(
        "The chat template cannot be rendered",
        seen=f"{error.message} (line {error.line})",
        todo="correct chat_template.jinja, or remove it to get the plain template",
    )


_PROBE_CALL = [{"type": "function", "function": {"name": "look", "arguments": {"at": "sky"}}}]
_PROBE_TOOL = {
    "type": "function",
    "function": {"name": "look", "description": "Look.", "parameters": {"type": "object"}},
}
_PROBES: tuple[dict[str, Any], ...] = (
    {"messages": [{"role": "user", "content": "hello"}], "add_generation_prompt": True},
    {
        "messages": [
            {"role": "system", "content": "be brief"},
            {"role": "user", "content": "hello"},
            {"role": "assistant", "content": "hi", "reasoning_content": "greet"},
            {"role": "user", "content": "what is up"},
            {"role": "assistant", "content": "", "tool_calls": _PROBE_CALL},
            {"role": "tool", "content": "blue", "name": "look"},
        ],
        "tools": [_PROBE_TOOL],
        "add_generation_prompt": True,
    },
)


@functools.cache
def check_harmless(source: str) -> None:
    """Render `source` once in a child process under limits of memory and time; TemplateError if it passes them.

    Costs about 0.1 s, once per template and process. Needed because a string doubled forty times takes forty
    instructions and a terabyte, and the failed allocation would end this process without a word.
    """
    child = f"import sys; sys.path[:] = {sys.path!r}; from burnish.render.jinja import probe; probe()"
    command = [sys.executable, "-I", "-c", child]
    try:
        done = subprocess.run(command, input=source.encode(), capture_output=True, timeout=PROBE_WALL_S, check=False)
        failed, started = done.returncode != 0, done.stdout.startswith(b"ready")
        assert started, f"the template check did not start: {done.stderr.decode(errors='replace')[-500:]}"
    except subprocess.TimeoutExpired:
        failed = True
    if failed:
        raise TemplateError(
            "The chat template uses too much memory or time",
            seen=f"rendering a short conversation passed {PROBE_MEMORY_BYTES >> 20} MiB or {PROBE_CPU_S} s",
            todo="use the template that the model was published with, or remove it to get the plain one",
        )


def probe() -> None:
    """Body of the child process: template source on standard input; dies by a signal when a limit is passed."""
    source = sys.stdin.buffer.read().decode()
    print("ready", flush=True)
    _limit_this_process()
    now = datetime(2024, 7, 26)
    for variables in _PROBES:
        with contextlib.suppress(TemplateError):  # an unfit template is said by the parent, where it is needed
            render(environment(source, now), {"tools": None, "documents": None, **freeze(variables)})


def _limit_this_process() -> None:
    if sys.platform == "win32":  # no such limits there; the parent's timeout remains
        return
    import resource

    resource.setrlimit(resource.RLIMIT_CPU, (PROBE_CPU_S, PROBE_CPU_S))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_AS, (PROBE_MEMORY_BYTES, PROBE_MEMORY_BYTES))
