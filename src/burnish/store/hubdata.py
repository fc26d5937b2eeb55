"""Datasets of the hub, as files on this disk: `hub:OWNER/NAME[@REVISION][:CONFIG][/SPLIT]`.

Rows come from the files in which the hub serves every dataset that its viewer shows, Parquet by config and split (the branch
`refs/convert/parquet`); where there is none, or a revision is named, from the dataset's own files, told by their names. Code that
comes with a dataset is never run. What was found is pinned to a commit, so that a run that goes on reads the same rows, without
network once they are here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import quote, unquote

from burnish.errors import CapabilityMissing, DataError
from burnish.store import cache

PREFIX = "hub:"
CONVERTED = "refs/convert/parquet"
"""The branch that the hub writes."""
LIMIT_BYTES = 2 << 30
"""of the files of one split"""
_SPEC = re.compile(
    r"hub:(?P<id>[A-Za-z0-9][\w.-]*/[\w.-]+?)(@(?P<revision>[\w.-]+))?(:(?P<config>[^/@:]+))?(/(?P<split>[^/@:]+))?"
)
_COMMIT = re.compile(r"[0-9a-f]{40}")
_CONVERTED = re.compile(r"(?P<config>[^/]+)/(?P<split>[^/]+)/\d+\.parquet")
_KINDS = (".parquet", ".jsonl", ".ndjson", ".csv", ".json")
"""What is read of a dataset's own files, the first of these kinds that is there."""
_SPLITS = {word: split for split, words in {
    "train": ("train", "training"), "validation": ("validation", "valid", "val", "dev"), "test": ("test", "eval"),
}.items() for word in words}  # fmt: skip
_CACHE = "datasets"


@dataclass(frozen=True, slots=True)
class Spec:
    """What was asked for. None: to be found."""

    id: str
    revision: str | None = None
    config: str | None = None
    split: str | None = None

    def __str__(self) -> str:
        parts = (("@", self.revision), (":", self.config), ("/", self.split))
        return PREFIX + self.id + "".join(sign + quote(value, safe="+") for sign, value in parts if value is not None)


@dataclass(frozen=True, slots=True)
class HubFiles:
    """The files of one split, in order. `spec` is complete: a commit, a config and a split."""

    spec: Spec
    paths: tuple[Path, ...]


def is_hub(name: str) -> bool:
    """Whether a name of data means a dataset of the hub."""
    return name.startswith(PREFIX)


def parse(name: str) -> Spec:
    """Config and split may be written as in an address (%20 for a space), as `str` of a Spec does.

    Raises DataError for what is no such name.
    """
    match = _SPEC.fullmatch(name)
    if match is None:
        raise DataError(
            f"{name!r} names no dataset of the hub",
            todo="write hub:OWNER/NAME, and behind it what is needed of @REVISION, :CONFIG and /SPLIT, in this order",
        )
    config, split = (unquote(part) if part else None for part in (match["config"], match["split"]))
    return Spec(match["id"], match["revision"], config, split)


def pinned(name: str) -> str:
    """The same dataset with the commit, config and split that the name means now."""
    return str(_find(parse(name))[0])


def fetch(name: str) -> HubFiles:
    """Download a dataset's split, or take it from the hub's cache on this disk.

    Raises DataError for a dataset, config or split that is not there, is gated or cannot be reached, and for one of more than
    LIMIT_BYTES; CapabilityMissing without huggingface_hub.
    """
    spec, files = _find(parse(name))
    with _explained(spec):
        from huggingface_hub import hf_hub_download

        found = [hf_hub_download(spec.id, file, repo_type="dataset", revision=spec.revision) for file in files]
    return HubFiles(spec, tuple(map(Path, found)))


def _find(asked: Spec) -> tuple[Spec, list[str]]:
    """The complete name, and the files of its split. What was once found of a commit is not asked again; of a branch, only
    where the hub can be reached."""
    known = cache.recall(_CACHE).get(str(asked))
    if known is not None and asked.revision is not None and _COMMIT.fullmatch(asked.revision):
        return parse(known["spec"]), known["files"]
    try:
        spec, files = _ask(asked)
    except _Unreachable:
        if known is None:
            raise
        return parse(known["spec"]), known["files"]
    fact = {"spec": str(spec), "files": files}
    cache.remember(_CACHE, {str(asked): fact, str(spec): fact})
    return spec, files


def _ask(asked: Spec) -> tuple[Spec, list[str]]:
    with _explained(asked):
        from huggingface_hub import HfApi
        from huggingface_hub.errors import RevisionNotFoundError

        info, table = None, list[tuple[str, str, str]]()
        for revision in (CONVERTED, None) if asked.revision is None else (asked.revision,):
            try:
                info = HfApi().dataset_info(asked.id, revision=revision, files_metadata=True)
            except RevisionNotFoundError:
                if revision != CONVERTED:
                    raise
                continue
            table = tabled([s.rfilename for s in info.siblings or ()])
            if table:
                break
    if info is None or not table:
        raise DataError(
            f"the dataset {asked.id} holds no files that are read here",
            seen=f"wanted: {', '.join(_KINDS)}",
            todo="download it, write its rows as JSON lines, and give that file",
        )
    spec = _complete(asked, table)
    files = sorted(path for config, split, path in table if (config, split) == (spec.config, spec.split))
    size = sum(s.size or 0 for s in info.siblings or () if s.rfilename in files)
    if size > LIMIT_BYTES:
        raise DataError(
            f"{spec} holds more than {LIMIT_BYTES >> 30} GiB", seen=f"{size:,} bytes", todo="take another split, or a part of it"
        )
    assert info.sha is not None
    return replace(spec, revision=info.sha), files


def tabled(paths: Sequence[str]) -> list[tuple[str, str, str]]:
    """(config, split, path) of the data among a dataset's files."""
    converted = [(m["config"], m["split"], p) for p in paths if (m := _CONVERTED.fullmatch(p))]
    if converted:
        return converted
    kind = next((k for k in _KINDS if any(p.removesuffix(".gz").endswith(k) for p in paths)), None)
    own = [_placed(p) for p in paths if kind is not None and p.removesuffix(".gz").endswith(kind)]
    named = [(config, split, path) for config, split, path in own if split]
    return named or [(config, "train", path) for config, _, path in own]


def _placed(path: str) -> tuple[str, str, str]:
    """Config and split by the names of a file and its directories; "" where no split is named."""
    words = [w for w in re.split(r"[^a-z0-9]+", path.lower()) if w in _SPLITS]
    above = [part for part in PurePosixPath(path).parts[:-1] if part.lower() not in ("data", *_SPLITS)]
    return above[0] if above else "default", _SPLITS[words[-1]] if words else "", path


def _complete(asked: Spec, table: Sequence[tuple[str, str, str]]) -> Spec:
    """Config and split: those asked for, else the only ones, else "default" and "train"."""
    configs = list(dict.fromkeys(config for config, _, _ in table))
    config = asked.config or (configs[0] if len(configs) == 1 else "default")
    if config not in configs:
        what = f"has no config {config!r}" if asked.config else "has several configs"
        raise DataError(
            f"the dataset {asked.id} {what}",
            seen=", ".join(configs[:20]),
            todo=f"name one of them, as in {replace(asked, config=configs[0])}",
        )
    splits = list(dict.fromkeys(split for of, split, _ in table if of == config))
    split = asked.split or (splits[0] if len(splits) == 1 else "train")
    if split not in splits:
        what = f"has no split {split!r}" if asked.split else "has no split of the name train"
        raise DataError(
            f"the dataset {asked.id} {what}", seen=", ".join(splits[:20]), todo=f"name one of them, as in .../{splits[0]}"
        )
    return replace(asked, config=config, split=split)


class _Unreachable(DataError):
    """The hub does not answer."""


@contextmanager
def _explained(spec: Spec) -> Iterator[None]:
    """What the hub's library raises, as a sentence."""
    try:
        from huggingface_hub import errors
    except ImportError as error:
        raise CapabilityMissing(
            f"{spec} is a dataset of the hub, and huggingface_hub, which fetches those, is not installed",
            todo="pip install 'burnish[hub,parquet]', or give a file",
        ) from error
    broken: Any = (*errors.HfHubHTTPError.__bases__, OSError)  # the errors of the library below it, whichever that is
    try:
        yield
    except errors.HFValidationError as error:
        raise DataError(
            f"{spec.id!r} cannot be the name of a dataset", seen=str(error).splitlines()[0], todo="look at its name on the hub"
        ) from error
    except errors.GatedRepoError as error:
        raise DataError(
            f"the dataset {spec.id} is gated: its owner wants to know who reads it",
            todo=f"accept its conditions at its page on the hub ({spec.id}), then `hf auth login`",
        ) from error
    except errors.RepositoryNotFoundError as error:
        raise DataError(
            f"there is no dataset {spec.id} on the hub, or it is private",
            todo="look at its name on the hub, or `hf auth login` as somebody who may read it",
        ) from error
    except errors.RevisionNotFoundError as error:
        raise DataError(
            f"the dataset {spec.id} has no revision {spec.revision!r}", todo="leave it out, or name a commit"
        ) from error
    except errors.LocalEntryNotFoundError as error:
        raise _unreachable(spec, error) from error
    except errors.HfHubHTTPError as error:
        raise DataError(f"the hub refused {spec}", seen=str(error).splitlines()[0]) from error
    except broken as error:
        raise _unreachable(spec, error) from error


def _unreachable(spec: Spec, error: Exception) -> _Unreachable:
    said = str(error).strip().splitlines()
    return _Unreachable(
        f"the hub cannot be reached, and its cache on this disk, or burnish's note of it, does not have {spec}",
        seen=f"{type(error).__name__}: {said[0][:200] if said else ''}",
        todo="try again with a network, or give a file",
    )
