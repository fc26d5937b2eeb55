"""OpenAI's grader JSON to the graders of a task and back: `string_check`, `text_similarity`, `score_model`, `label_model`,
`python`, `multi`, and Azure's `endpoint`.

Both ways the same answers get the same scores. What has no counterpart (images, formulas with comparisons, a judge that
compares in both orders, ...) is refused by name, never left out. Ours that OpenAI does not know but that are plain code
(exact, contains, numeric, regex, length) become `python` graders with that code in them. A judge keeps its templates; that its
prompt is fenced here, and not there, is what the two cannot share.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pydantic import ValidationError

from burnish.errors import ConfigError
from burnish.tasks import entries, openai_code
from burnish.tasks.graders.make import CODE, Read

URL, KEY_ENV = "https://api.openai.com/v1", "OPENAI_API_KEY"
EMBEDDING = "text-embedding-3-large"
"""What OpenAI's cosine compares by."""
PACKAGES = {
    "numpy": "numpy", "scipy": "scipy", "sympy": "sympy", "pandas": "pandas", "rapidfuzz": "rapidfuzz", "sklearn": "scikit-learn",
    "rouge_score": "rouge-score", "nltk": "nltk", "jsonschema": "jsonschema", "deepdiff": "deepdiff", "pydantic": "pydantic",
    "yaml": "pyyaml", "lxml": "lxml", "bs4": "beautifulsoup4", "jinja2": "jinja2", "dateutil": "python-dateutil",
}  # fmt: skip
"""What OpenAI's Python graders may import, and what it is installed as."""
TIMEOUT_S = 60.0
"""OpenAI's is two minutes; no grader here takes so long."""
KEYS = {
    "string_check": {"input", "reference", "operation"},
    "text_similarity": {"input", "reference", "evaluation_metric", "pass_threshold"},
    "score_model": {"model", "input", "range", "sampling_params", "pass_threshold"},
    "label_model": {"model", "input", "labels", "passing_labels"},
    "python": {"source", "image_tag", "pass_threshold"},
    "multi": {"graders", "calculate_output"},
    "endpoint": {"url", "headers", "rate_limit", "pass_threshold"},
}
"""What each type has beside type and name. `image_tag` is the one key that is not needed here."""


def _number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(each, str) for each in value)


_SHAPES: Mapping[str, tuple[Callable[[Any], bool], str]] = {
    "name": (lambda v: isinstance(v, str), "a text"),
    "input": (lambda v: isinstance(v, list) and all(isinstance(m, dict) for m in v), "a list of messages"),
    "range": (lambda v: isinstance(v, list) and len(v) == 2 and all(map(_number, v)), "a list of two numbers"),
    "sampling_params": (lambda v: isinstance(v, dict), "an object"),
    "labels": (_texts, "a list of texts"),
    "passing_labels": (_texts, "a list of texts"),
    "headers": (lambda v: isinstance(v, dict) and _texts([*v.values()]), "an object of texts"),
    "graders": (lambda v: isinstance(v, (dict, list)), "an object of graders"),
}
"""What keys hold in models, endpoint and multi; other values are looked at as settings of ours."""
_SAMPLING = {"seed", "top_p", "temperature", "max_completions_tokens", "max_completion_tokens", "reasoning_effort"}


@dataclass(frozen=True, slots=True)
class Mapped:
    """The graders of a task. files: what stands beside task.toml, by name."""

    entries: tuple[entries.Entry, ...]
    files: Mapping[str, str] = field(default_factory=dict)

    def read(self, name: str) -> str:
        """The text of a file."""
        return self.files[name]


def from_openai(grader: Any, *, url: str = URL, key_env: str | None = KEY_ENV) -> Mapped:
    """The graders that say what this JSON says. url, key_env: the server of its models. Raises ConfigError naming what cannot be
    mapped."""
    files: dict[str, str] = {}
    return Mapped((_entry(grader, files, url, key_env),), files)


def to_openai(given: Sequence[entries.Entry], read: Read) -> dict[str, Any]:
    """The JSON that says what these graders say. Raises ConfigError naming what cannot be mapped."""
    if len(given) == 1:
        return _json(given[0], read)
    names = [_identifier(e.name or f"grader_{n}") for n, e in enumerate(given, 1)]
    if len(set(names)) < len(names):
        names = [f"{name}_{n}" for n, name in enumerate(names, 1)]
    if held := [e for e in given if isinstance(e, (entries.Combine, entries.Rubric))]:
        raise _refused(
            f"a grader of the kind {_kind(held[0])} beside others, for `multi` holds no `multi`", "make one formula of all"
        )
    total = " + ".join(f"{e.weight!r} * {name}" for e, name in zip(given, names, strict=True))
    graders = {name: _json(e, read, name) for e, name in zip(given, names, strict=True)}
    formula = f"({total}) / {sum(e.weight for e in given)!r}"
    return {"type": "multi", "name": "weighted", "graders": graders, "calculate_output": formula}


def _refused(what: str, todo: str = "write it as a grader of the kind python") -> ConfigError:
    return ConfigError(f"between OpenAI's graders and ours cannot be mapped: {what}", todo=todo)


# From OpenAI


def _entry(grader: Any, files: dict[str, str], url: str, key_env: str | None, name: str | None = None) -> Any:
    kind = grader.get("type") if isinstance(grader, dict) else None
    if not isinstance(kind, str) or kind not in KEYS:
        raise ConfigError(
            "this is no grader of OpenAI's", seen=f"type: {kind!r:.60}", todo=f"its type is one of {', '.join(KEYS)}"
        )
    for key, value in grader.items():
        template = key == "input" and kind in ("string_check", "text_similarity")
        if key in _SHAPES and value is not None and not template and not _SHAPES[key][0](value):
            raise _refused(f"{key} of {kind}, which is {_SHAPES[key][1]} (seen {value!r:.60})", "mend it")
    if strange := set(grader) - KEYS[kind] - {"type", "name"}:
        raise _refused(f"the key {', '.join(sorted(strange))} of {kind}", "take it out, if it does not matter")
    called = name or grader.get("name") or kind
    try:
        match kind:
            case "string_check":
                operation = "ne" if grader.get("operation") == "neq" else grader.get("operation")
                both = {k: grader[k] for k in ("input", "reference") if k in grader}
                return _made(entries.StringCheck, kind="string_check", name=called, operation=operation, **both)
            case "text_similarity":
                return _similarity(grader, called, url, key_env)
            case "score_model":
                return _score_model(grader, called, url, key_env)
            case "label_model":
                return _label_model(grader, called, url, key_env)
            case "python":
                return _python(grader, called, files)
            case "multi":
                return _multi(grader, called, files, url, key_env)
            case _:
                headers = grader.get("headers") or {}
                kept = {k: grader[k] for k in ("rate_limit", "pass_threshold") if grader.get(k) is not None}
                return _made(
                    entries.Endpoint, kind="endpoint", name=called, url=grader.get("url"), headers=headers, retries=3, **kept
                )
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(map(str, first["loc"])) or "it"
        raise _refused(f"the {kind} {called}: {where}: {first['msg']} (seen {first['input']!r:.80})", "mend it") from None


def _made(cls: Callable[..., Any], **values: Any) -> Any:
    return cls(**values)


def _similarity(grader: dict[str, Any], name: str, url: str, key_env: str | None) -> Any:
    metric = grader.get("evaluation_metric")
    server: dict[str, Any] = {"url": url, "model": EMBEDDING, "key_env": key_env} if metric == "cosine" else {}
    kept = {k: grader[k] for k in ("input", "reference", "pass_threshold") if grader.get(k) is not None}
    return _made(entries.Similarity, kind="similarity", name=name, metric=metric, **kept, **server)


def _score_model(grader: dict[str, Any], name: str, url: str, key_env: str | None) -> Any:
    sampling = {k: v for k, v in (grader.get("sampling_params") or {}).items() if v is not None}
    if strange := set(sampling) - _SAMPLING:
        raise _refused(f"sampling_params.{', '.join(sorted(strange))} of score_model")
    named = {"reasoning_effort": "reasoning", "max_completions_tokens": "limit_tokens", "max_completion_tokens": "limit_tokens"}
    settings: dict[str, Any] = {str(named.get(k, k)): v for k, v in sampling.items()}
    low, high = (0, 1) if grader.get("range") is None else grader["range"]
    kept = {"pass_threshold": grader["pass_threshold"]} if grader.get("pass_threshold") is not None else {}
    return _made(
        entries.Judge,
        kind="judge",
        name=name,
        model=grader.get("model"),
        url=url,
        key_env=key_env,
        range=(low, high),
        clip=True,
        prompt=_messages(grader.get("input"), "score_model"),
        **settings,
        **kept,
    )


def _label_model(grader: dict[str, Any], name: str, url: str, key_env: str | None) -> Any:
    labels, passing = grader.get("labels") or [], grader.get("passing_labels") or []
    if strange := [label for label in passing if label not in labels]:
        raise _refused(f"passing_labels of label_model that are no labels: {', '.join(map(str, strange))}", "mend them")
    worth = {label: float(label in passing) for label in labels}
    prompt = _messages(grader.get("input"), "label_model")
    server = {"model": grader.get("model"), "url": url, "key_env": key_env}
    return _made(entries.Judge, kind="judge", name=name, labels=worth, prompt=prompt, **server)


def _messages(given: Any, kind: str) -> tuple[entries.PromptMessage, ...]:
    if not isinstance(given, list) or not given:
        raise _refused(f"a {kind} without input messages", "give input: [{role, content}]")
    return tuple(entries.PromptMessage(role=m.get("role", "user"), content=_text(m.get("content"), kind)) for m in given)


def _text(content: Any, kind: str) -> str:
    match content:
        case str():
            return content
        case {"type": "input_text" | "output_text" | "text", "text": str() as text}:
            return text
        case list():
            return "".join(_text(part, kind) for part in content)
        case _:
            seen = content.get("type") if isinstance(content, dict) else type(content).__name__
            raise _refused(f"{seen} in the input of {kind}: judges here read text", "describe it in words")


def _python(grader: dict[str, Any], name: str, files: dict[str, str]) -> Any:
    source = grader.get("source")
    if not isinstance(source, str) or not source.strip():
        raise _refused("a python grader without source", "give it")
    if grader.get("pass_threshold") is not None:
        raise _refused("pass_threshold of python", "compare in the code")
    try:
        tree = ast.parse(source)
    except SyntaxError as error:
        raise _refused(f"the source of {name}, which is not Python: {error.msg}, line {error.lineno}", "mend it") from None
    modules = [a.name for node in ast.walk(tree) if isinstance(node, ast.Import) for a in node.names]
    modules += [node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    tops = {module.partition(".")[0] for module in modules} - set(sys.stdlib_module_names)
    if strange := sorted(tops - set(PACKAGES)):
        raise _refused(
            f"{', '.join(strange)}, which {name} imports", f"beside the standard library there are {', '.join(PACKAGES)}"
        )
    file = CODE if CODE not in files else f"{_identifier(name)}.py"
    while file in files:
        file = f"_{file}"
    files[file] = source
    packages = tuple(sorted(PACKAGES[top] for top in tops))
    kept: dict[str, Any] = ({} if file == CODE else {"file": file}) | ({"packages": packages} if packages else {})
    return _made(entries.Python, kind="python", name=name, takes="sample, item", timeout_s=TIMEOUT_S, **kept)


def _multi(grader: dict[str, Any], name: str, files: dict[str, str], url: str, key_env: str | None) -> Any:
    held = grader.get("graders")
    if isinstance(held, dict) and "type" in held and isinstance(held["type"], str):
        held = [held]
    named: list[tuple[Any, Any]] = [*held.items()] if isinstance(held, dict) else [(None, each) for each in held or ()]
    made = []
    for key, each in named:
        if isinstance(each, dict) and each.get("type") == "multi":
            raise _refused("a multi within a multi", "make one formula of both")
        made.append(_entry(each, files, url, key_env, key))
    return _made(entries.Combine, kind="combine", name=name, formula=grader.get("calculate_output"), graders=tuple(made))


# To OpenAI


def _kind(entry: entries.Entry) -> str:
    return str(entry.model_dump()["kind"])


def _identifier(name: str) -> str:
    found = re.sub(r"\W", "_", name, flags=re.ASCII) or "_"
    return f"_{found}" if found[0].isdigit() else found


def _json(entry: entries.Entry, read: Read, name: str | None = None) -> dict[str, Any]:
    called = {"name": name or entry.name or _kind(entry)}
    match entry:
        case entries.StringCheck():
            both = {"input": entry.input, "reference": entry.reference}
            return {"type": "string_check", **called, **both, "operation": entry.operation}
        case entries.Similarity():
            if entry.metric == "cosine" and entry.model != EMBEDDING:
                raise _refused(f"the embedding model {entry.model} of cosine, which at OpenAI is {EMBEDDING}")
            passes = {} if entry.pass_threshold is None else {"pass_threshold": entry.pass_threshold}
            both = {"input": entry.input, "reference": entry.reference or openai_code.ONE_REFERENCE}
            return {"type": "text_similarity", **called, **both, "evaluation_metric": entry.metric, **passes}
        case entries.Python():
            return {"type": "python", **called, "source": _python_source(entry, read)}
        case entries.Judge():
            return _judge_json(entry, called)
        case entries.Combine():
            if re.search(r"[<>=!]", entry.formula):
                raise _refused(f"comparisons in the formula {entry.formula}")
            graders = {str(e.name): _json(e, read, e.name) for e in entry.graders}
            if any(g["type"] == "multi" for g in graders.values()):
                raise _refused("a rubric in a combination, for `multi` holds no `multi`")
            return {"type": "multi", **called, "graders": graders, "calculate_output": entry.formula.replace("**", "^")}
        case entries.Rubric():
            return _rubric_json(entry, called, read)
        case entries.Endpoint():
            if entry.key_env is not None:
                raise _refused(f"the key of {entry.url}, which is in no file", "take key_env out, and give the header at OpenAI")
            kept = {k: v for k in ("rate_limit", "pass_threshold") if (v := getattr(entry, k)) is not None}
            return {"type": "endpoint", **called, "url": entry.url, "headers": entry.headers, **kept}
        case _:
            source = openai_code.source(entry)
            if source is None:
                raise _refused(f"a grader of the kind {_kind(entry)}")
            return {"type": "python", **called, "source": source}


def _python_source(entry: entries.Python, read: Read) -> str:
    if strange := [p for p in entry.packages if p not in PACKAGES.values()]:
        raise _refused(f"the packages {', '.join(strange)} of a python grader")
    return openai_code.of_function(read(entry.file or CODE), entry.function or "grade", entry.takes)


def _judge_json(entry: entries.Judge, called: dict[str, str]) -> dict[str, Any]:
    if entry.pairwise:
        raise _refused("a judge that is pairwise")
    if entry.range is not None and not entry.clip:
        raise _refused("a judge whose numbers outside of its range are errors", "give it clip = true: OpenAI's are clipped")
    if entry.prompt:
        messages = [{"role": m.role, "content": m.content} for m in entry.prompt]
        if entry.asks:
            messages.insert(0, {"role": "system", "content": entry.asks})
    else:
        messages = openai_code.prompt(entry.asks)
    base = {**called, "model": entry.model, "input": messages}
    if entry.range is None:
        worth = entry.labels or {"yes": 1.0, "no": 0.0}
        if strange := [label for label, value in worth.items() if value not in (0.0, 1.0)]:
            raise _refused(f"labels worth anything but 1 or 0 ({', '.join(strange)})", "give the judge a range")
        _at_a_server(entry)
        passing = [label for label, value in worth.items() if value == 1.0]
        if entry.pass_threshold is not None:
            raise _refused("pass_threshold of a judge with labels")
        return {"type": "label_model", **base, "labels": list(worth), "passing_labels": passing}
    _at_a_server(entry)
    sampling = {"temperature": entry.temperature, "top_p": entry.top_p, "seed": entry.seed, "reasoning_effort": entry.reasoning}
    sampling["max_completions_tokens"] = entry.limit_tokens
    passes = {} if entry.pass_threshold is None else {"pass_threshold": entry.pass_threshold}
    kept = {k: v for k, v in sampling.items() if v is not None}
    return {"type": "score_model", **base, "range": list(entry.range), "sampling_params": kept, **passes}


def _at_a_server(entry: entries.Asking) -> None:
    """Raises ConfigError for a judge that no server can be asked about."""
    if entry.model and entry.url is None:
        raise _refused(f"the judge {entry.model}, a model of this machine", "give the judge a url and the name of a model there")


def _rubric_json(entry: entries.Rubric, called: dict[str, str], read: Read) -> dict[str, Any]:
    _at_a_server(entry)
    graders: dict[str, Any] = {}
    for n, demand in enumerate(entry.criteria, 1):
        name = f"criterion_{n}"
        if demand.grader is not None:
            raise _refused(f"the criterion {demand.name}, which another grader decides from {demand.at_least:g} on")
        labels = {"labels": ["yes", "no"], "passing_labels": ["yes"]}
        graders[name] = {
            "type": "label_model",
            "name": name,
            "model": entry.model,
            "input": openai_code.prompt(demand.asks),
            **labels,
        }
    total = " + ".join(f"{d.weight!r} * {name}" for d, name in zip(entry.criteria, graders, strict=True))
    formula = f"({total}) / {sum(d.weight for d in entry.criteria)!r}"
    return {"type": "multi", **called, "graders": graders, "calculate_output": formula}
