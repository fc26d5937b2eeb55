"""From the MODEL of a command to files on this disk: a directory, a model of the package, a run, or a hub id, in this order.
A directory that holds no model hides none of that name.

A model is a directory of base weights (Hugging Face layout), and perhaps one of an adapter over them (PEFT layout).
Weights must be safetensors: pickle files can run code when they are loaded, and so can models that bring their own
(`auto_map`); both are refused here, and again by the engine.
"""

from __future__ import annotations

import difflib
import hashlib
import re
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from burnish.errors import ConfigError, ModelNotFound, ModelRefused, RunError
from burnish.store import cache, over
from burnish.store.atomic import read_json, sha256
from burnish.store.runfolder import EMBEDDED, NAME, RunFolder, list_runs
from burnish.types import Quantize

_CONFIG, _ADAPTER, _RUN = "config.json", "adapter_config.json", "run.json"
_PICKLES = (".bin", ".pt", ".pth", ".ckpt", ".pkl", ".pickle")
_EMBEDDED_AT = Path(__file__).parents[1] / "models"
"""The models that come with the package: see docs/world.md."""
_HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*/[\w.-]+")
_HUB_CACHE = re.compile(r"/models--(?P<owner>[\w.-]+?)--(?P<model>[\w.-]+)/snapshots/(?P<revision>[0-9a-f]{40})$")
_HUB_FILES = ["*.json", "*.safetensors", "*.jinja", "tokenizer.model"]
_HUB_TEMPLATES = ["additional_chat_templates/*.jinja"]
SETTLED_NS = 2_000_000_000
"""Age from which a file's times tell whether it changed: beyond one tick of every file system's clock."""
_IDENTITY = (
    _CONFIG,
    _ADAPTER,
    over.FILE,
    "generation_config.json",
    "tokenizer.json",
    "tokenizer_config.json",
    "tokenizer.model",
    "special_tokens_map.json",
    "added_tokens.json",
    "chat_template.jinja",
    "chat_template.json",
)
"""The files that decide, with the weights, what a model computes and how text becomes its tokens."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelRef:
    """A model found on this disk."""

    kind: Literal["hf", "run", "peft"]
    """how it was found: base weights, a run's result, an adapter's directory"""
    base: Path
    """directory of the base weights"""
    adapter: Path | None
    """directory of the adapter over them; None = the base as it is"""
    name: str
    """as the user called it"""
    fingerprint: str
    """sha256 over base and adapter"""
    quantize: Quantize = "none"
    """how the base is held: as the adapter was trained over it, or as it was asked for"""

    def held(self, quantize: Quantize | None) -> ModelRef:
        """The model with its base held so; None leaves it as it is. Raises ConfigError where the adapter was trained over a base
        held otherwise."""
        if quantize is None or quantize == self.quantize:
            return self
        if self.quantize != "none":
            raise ConfigError(
                f"{self.name} is an adapter over a base in {self.quantize}: over another one it would be another model",
                seen=f"quantize = {quantize}",
                todo="leave quantize out, or merge it first (`burnish export --to merged`) and use the merged model",
            )
        return replace(self, quantize=quantize)

    @property
    def tokenizer(self) -> Path:
        """The directory of its tokenizer and chat template: the adapter's own where it has one."""
        return self.adapter if self.adapter and (self.adapter / "tokenizer.json").is_file() else self.base

    @property
    def packaged(self) -> bool:
        """Whether it is a model of the package as it came."""
        return self.adapter is None and self.base.parent == _EMBEDDED_AT

    @property
    def hub(self) -> tuple[str, str] | None:
        """Hub id and revision of base weights that lie in the hub's cache."""
        found = _HUB_CACHE.search(self.base.as_posix())
        return (f"{found['owner']}/{found['model']}", found["revision"]) if found else None

    @property
    def base_fingerprint(self) -> str:
        """sha256 over the base alone."""
        return fingerprint(self.base)


def resolve(model: str) -> ModelRef:
    """Find a model by directory, name in the package, run or hub id.

    Raises ModelNotFound, or ModelRefused for one that is not understood or not safe to load.
    """
    return replace(_find(model, None), name=model)


def _find(model: str, above: Path | None, revision: str | None = None) -> ModelRef:
    """above: the adapter whose base this must be; no adapter is a base. revision: of a hub id."""
    directory = Path(model).expanduser()
    if holds_model(directory):
        return _directory(directory.absolute(), above)
    if model in _present():
        return _directory(_EMBEDDED_AT / model, above)
    if NAME.fullmatch(model):
        known = {run.name: run for run in list_runs()}
        if model in known:
            return _run(known[model], above)
    if model in EMBEDDED:
        raise _not_found(model, "this package does not hold it yet; `burnish world build` makes such models")
    if directory.is_dir():
        return _directory(directory.absolute(), above)
    if _HUB_ID.fullmatch(model):
        return _directory(_download(model, revision), above)
    raise _not_found(model, "it is neither a directory, a run nor a hub id such as org/name")


def holds_model(path: Path) -> bool:
    """Whether this is the directory of a model or a run."""
    return any((path / name).is_file() for name in (_CONFIG, _ADAPTER, _RUN))


def _present() -> list[str]:
    """The models of the package that are there."""
    return [name for name in EMBEDDED if holds_model(_EMBEDDED_AT / name)]


def _directory(path: Path, above: Path | None) -> ModelRef:
    if (path / _RUN).is_file():
        return _run(RunFolder(path, str(path)), above)
    if (path / _ADAPTER).is_file():
        if above is not None:
            raise ModelRefused(
                f"the adapter {above} lies over another adapter",
                seen=str(path),
                todo="merge that one first (`burnish export --to merged`)",
            )
        return _adapter(path)
    if (path / _CONFIG).is_file():
        _check_weights(path)
        return ModelRef(kind="hf", base=path, adapter=None, name=str(path), fingerprint=fingerprint(path))
    _refuse_pickles(path)
    raise ModelNotFound(
        f"the directory {path} holds no model",
        seen=", ".join(sorted(p.name for p in path.iterdir())[:5]) or "nothing",
        todo=f"give a directory with {_CONFIG}, {_ADAPTER} or {_RUN}",
    )


def _run(run: RunFolder, above: Path | None) -> ModelRef:
    if not run.model.is_dir():
        raise ModelNotFound(
            f"the run {run.name} has no model yet",
            seen=f"status {run.status}",
            todo=f"finish it: `burnish train --resume {run.name}`",
        )
    found = replace(_directory(run.model, above), kind="run")
    recorded = run.info.fingerprint
    if found.adapter is not None and recorded is not None and recorded != found.base_fingerprint:
        raise ModelRefused(
            f"the base model of the run {run.name} is not the one that its adapter was trained on",
            seen=f"{found.base} has changed since",
            todo="put the base model back as it was, or train again",
        )
    trained = run.config().get("quantize") if found.adapter is not None and (run.path / _CONFIG).is_file() else None
    if trained is not None and trained != found.quantize:
        raise ModelRefused(
            f"the adapter of the run {run.name} does not say what the run trained it over",
            seen=f"quantize = {trained} in the run's {_CONFIG}, {found.quantize} with the adapter",
            todo=f'write {{"quantize": "{trained}"}} into {run.model / over.FILE}, or train again',
        )
    return found


def _adapter(path: Path) -> ModelRef:
    body = _object(path / _ADAPTER)
    if not (path / "adapter_model.safetensors").is_file():
        _refuse_pickles(path)
        raise ModelRefused(
            f"the adapter {path} has no weights", seen="no adapter_model.safetensors", todo="fetch or export it again"
        )
    named = body.get("base_model_name_or_path")
    if not isinstance(named, str) or not named:
        raise ModelRefused(
            f"the adapter {path} does not say what it was trained on",
            seen=f"base_model_name_or_path = {named!r}",
            todo=f"write the directory of its base model into {_ADAPTER}",
        )
    beside, revision = path / named, body.get("revision")
    if revision is not None and not isinstance(revision, str):
        raise ModelRefused(f"the adapter {path} names no revision of its base that could be one", seen=repr(revision))
    try:
        under = _directory(beside.resolve(), path) if beside.is_dir() else _find(named, path, revision)
    except ModelNotFound as error:
        raise ModelNotFound(
            f"the base model of the adapter {path} cannot be found",
            seen=named if revision is None else f"{named}, revision {revision}",
            todo=f"put it back there, or correct base_model_name_or_path in {_ADAPTER}",
        ) from error
    both = hashlib.sha256(f"{under.fingerprint}\n{fingerprint(path)}\n".encode()).hexdigest()
    return ModelRef(kind="peft", base=under.base, adapter=path, name=str(path), fingerprint=both, quantize=over.read(path))


def _check_weights(path: Path) -> None:
    body = _object(path / _CONFIG)
    if "auto_map" in body:
        raise ModelRefused(
            f"the model {path} wants to run code of its own",
            seen="auto_map in config.json",
            todo="use a model whose architecture burnish knows",
        )
    if not any(path.glob("*.safetensors")):
        _refuse_pickles(path)
        raise ModelRefused(
            f"the model {path} has no weights",
            seen="no *.safetensors",
            todo="use a model that has them; weights in pickle files are never read",
        )


def _refuse_pickles(path: Path) -> None:
    pickles = sorted(p.name for p in path.iterdir() if p.suffix in _PICKLES)
    if pickles:
        raise ModelRefused(
            f"the weights of {path} are pickle files, which can run code when they are loaded",
            seen=", ".join(pickles[:3]),
            todo="convert them to safetensors, or fetch the model in that form",
        )


def _object(path: Path) -> dict[str, Any]:
    try:
        body = read_json(path)
    except RunError as error:
        raise ModelRefused(f"{path} cannot be read", seen=error.seen, todo="fetch the model again") from error
    if not isinstance(body, dict):
        raise ModelRefused(f"{path} does not hold an object", seen=type(body).__name__, todo="fetch the model again")
    return body


# The hub


def _download(hub_id: str, revision: str | None = None) -> Path:
    """Fetch a model, or take it from the hub's cache on this disk. Raises ModelNotFound in one sentence whatever the reason."""
    try:
        from huggingface_hub import snapshot_download
        from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError
    except ImportError:
        raise _not_found(hub_id, "as a hub id it needs the package huggingface_hub, which is not installed") from None
    try:
        found = Path(snapshot_download(hub_id, revision=revision, allow_patterns=_HUB_FILES, ignore_patterns=["*/*"]))
        with suppress(LocalEntryNotFoundError):  # a cache may hold the rest alone
            snapshot_download(hub_id, revision=revision, allow_patterns=_HUB_TEMPLATES)
        return found
    except LocalEntryNotFoundError as error:
        raise _not_found(hub_id, "the hub cannot be reached, and its cache on this disk does not have it") from error
    except HfHubHTTPError as error:
        raise _not_found(hub_id, f"the hub refused it: {str(error).splitlines()[0]}") from error
    except (HFValidationError, OSError) as error:
        raise _not_found(hub_id, f"it cannot be fetched from the hub: {str(error).splitlines()[0]}") from error


def _not_found(model: str, why: str) -> ModelNotFound:
    parent = Path(model).expanduser().parent
    beside = [str(p) for p in parent.iterdir() if (p / _CONFIG).is_file() or (p / _ADAPTER).is_file()] if parent.is_dir() else []
    runs, present = [run.name for run in list_runs()], _present()
    candidates = list(dict.fromkeys([*present, *runs, *beside]))
    near = difflib.get_close_matches(model, candidates, n=3, cutoff=0.5) or [*present, *runs[-3:], *sorted(beside)[:3]]
    packaged = [f"a model of the package ({', '.join(present)})"] if present else []
    ways = ["a model directory", *packaged, "a run's name"]
    return ModelNotFound(
        f"there is no model {model!r}: {why}",
        seen=f"nearest: {', '.join(near)}" if near else "no runs, and no model directories here",
        todo=f"give {', '.join(ways)}, or a hub id",
    )


# Fingerprints


def fingerprint(directory: Path) -> str:
    """sha256 of a model: over the names and hashes of its configuration, tokenizer and weights; other files do not count."""
    lines = "".join(f"{name} {digest}\n" for name, digest in sorted(file_hashes(directory).items()))
    return hashlib.sha256(lines.encode()).hexdigest()


def file_hashes(directory: Path) -> dict[str, str]:
    """sha256 of each of those files, by name: the record of what a model was. Kept in a cache by path, size and times."""
    known = cache.recall("fingerprints")
    fresh: dict[str, Any] = {}
    found = {}
    for path in _identity(directory):
        stat = path.stat()
        stamp = [stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns]
        entry = known.get(str(path))
        if isinstance(entry, dict) and entry.get("stamp") == stamp:
            found[path.name] = entry["sha256"]
            continue
        found[path.name] = sha256(path)
        if time.time_ns() - max(stat.st_mtime_ns, stat.st_ctime_ns) >= SETTLED_NS:
            fresh[str(path)] = {"stamp": stamp, "sha256": found[path.name]}
    if fresh:
        cache.remember("fingerprints", fresh)
    return found


def _identity(directory: Path) -> Iterator[Path]:
    for path in sorted(directory.absolute().iterdir()):
        if path.name in _IDENTITY or path.suffix == ".safetensors" or path.name.endswith(".safetensors.index.json"):
            yield path
