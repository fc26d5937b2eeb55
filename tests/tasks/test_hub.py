"""Datasets of the hub, from a server on this machine that answers as the hub does: the right files, pinned and explained."""

from __future__ import annotations

import hashlib
import io
import json
import re
import sys
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import unquote

import pyarrow
import pyarrow.parquet
import pytest

from burnish.errors import CapabilityMissing, DataError
from burnish.recipes.sft import SFT
from burnish.runs.opening import anchored
from burnish.store import hubdata
from burnish.tasks import sources

constants = pytest.importorskip("huggingface_hub.constants")
MAIN, CONVERTED = "a" * 40, "c" * 40


def table(rows: list[dict[str, str]]) -> bytes:
    out = io.BytesIO()
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(rows), out)
    return out.getvalue()


def rows(words: str, count: int = 3) -> list[dict[str, str]]:
    return [{"prompt": f"{words} {n}?", "completion": f"{n}"} for n in range(count)]


class Hub:
    """Datasets by id: commit -> files, and which commit a branch is at."""

    def __init__(self) -> None:
        self.files: dict[str, dict[str, dict[str, bytes]]] = {}
        self.branches: dict[str, dict[str, str]] = {}
        self.gated: set[str] = set()
        self.asked: list[str] = []

    def put(self, name: str, files: dict[str, bytes], branch: str = "main", commit: str = MAIN) -> None:
        self.files.setdefault(name, {})[commit] = files
        self.branches.setdefault(name, {})[branch] = commit

    def answer(self, path: str) -> tuple[int, dict[str, str], bytes]:
        self.asked.append(path)
        if match := re.fullmatch(r"/api/datasets/([^/]+/[^/]+)(?:/revision/(.+))?", path):
            name, branch = match[1], match[2] or "main"
            if name not in self.files:
                return 401, {"X-Error-Code": "RepoNotFound", "X-Error-Message": "Repository Not Found"}, b""
            commit = self.branches[name].get(branch, branch)
            if commit not in self.files[name]:
                return 404, {"X-Error-Code": "RevisionNotFound"}, b""
            found = [{"rfilename": file, "size": len(body)} for file, body in self.files[name][commit].items()]
            body = {
                "_id": "1",
                "id": name,
                "sha": commit,
                "siblings": found,
                "private": False,
                "tags": [],
                "downloads": 0,
                "likes": 0,
            }
            return 200, {}, json.dumps(body).encode()
        if match := re.fullmatch(r"/datasets/([^/]+/[^/]+)/resolve/([^/]+)/(.+)", path):
            name, commit, file = match.groups()
            if name in self.gated:
                return 403, {"X-Error-Code": "GatedRepo", "X-Error-Message": "Access is restricted"}, b""
            body = self.files[name][commit][file]
            return 200, {"X-Repo-Commit": commit, "ETag": f'"{hashlib.sha1(body).hexdigest()}"'}, body
        return 404, {}, b""


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    """A hub on this machine, and empty caches."""
    served = Hub()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, headers, body = served.answer(unquote(self.path.partition("?")[0]))
            self.send_response(status)
            for key, value in {**headers, "Content-Length": str(len(body))}.items():
                self.send_header(key, value)
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(body)

        do_HEAD = do_GET

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    Thread(target=server.serve_forever, daemon=True).start()
    point_to(f"http://127.0.0.1:{server.server_port}", monkeypatch)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("BURNISH_HOME", str(tmp_path / "home"))
    yield served
    server.shutdown()
    server.server_close()


def point_to(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(constants, "ENDPOINT", url)
    template = url + "/{repo_id}/resolve/{revision}/{filename}"
    monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
    monkeypatch.setattr(constants, "HF_HUB_ETAG_TIMEOUT", 2)


@pytest.fixture
def quiz(hub: Hub) -> Hub:
    """A dataset with two configs, one of them in two files a split, as the hub converts it, and its own files."""
    converted = {
        "main/train/0000.parquet": table(rows("first")),
        "main/train/0001.parquet": table(rows("second", 2)),
        "main/test/0000.parquet": table(rows("tested")),
        "socratic/train/0000.parquet": table(rows("asked")),
    }
    hub.put("some-org/quiz.v1", converted, hubdata.CONVERTED, CONVERTED)
    hub.put("some-org/quiz.v1", {"README.md": b"", "data/train.jsonl": b'{"prompt": "own?", "completion": "1"}\n' * 2})
    return hub


def prompts(name: str, **more: Any) -> list[str]:
    return [e.messages[0].content for e in sources.read(name, **more).examples]


def test_the_files_of_a_split_are_read_in_order_and_numbered_through(quiz: Hub) -> None:
    source = sources.read("hub:some-org/quiz.v1:main/train")
    assert [e.messages[0].content for e in source.examples] == ["first 0?", "first 1?", "first 2?", "second 0?", "second 1?"]
    assert [e.line for e in source.examples] == [1, 2, 3, 4, 5]
    assert any(CONVERTED in note and "config main" in note for note in source.notes)
    assert prompts("hub:some-org/quiz.v1:main/test") == ["tested 0?", "tested 1?", "tested 2?"]
    assert prompts("hub:some-org/quiz.v1:main", limit_rows=4)[-1] == "second 0?"
    assert not any("socratic" in path for path in quiz.asked)


def test_a_run_keeps_the_commit_and_goes_on_without_network(quiz: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    config = anchored(
        SFT.load(base={"model": "m", "data": "hub:some-org/quiz.v1:main", "valid": "hub:some-org/quiz.v1:main/test"})
    )
    assert config.data == f"hub:some-org/quiz.v1@{CONVERTED}:main/train"
    assert config.valid == f"hub:some-org/quiz.v1@{CONVERTED}:main/test"
    before = sources.read(config.data)
    newer = {"main/train/0000.parquet": table(rows("newer"))}
    quiz.put("some-org/quiz.v1", newer, hubdata.CONVERTED, "d" * 40)
    assert sources.read(config.data) == before
    assert sources.read("hub:some-org/quiz.v1:main").sha256 != before.sha256
    point_to("http://127.0.0.1:9", monkeypatch)
    assert anchored(config) == config
    assert sources.read(config.data) == before
    assert prompts("hub:some-org/quiz.v1:main")[0] == "newer 0?", "what the branch was when it was last asked"
    with pytest.raises(DataError, match="cannot be reached, and its cache"):
        sources.read(config.valid or "")


def test_the_commit_counts_in_the_fingerprint(hub: Hub) -> None:
    body = {"train.jsonl": b'{"prompt": "p", "completion": "c"}\n' * 2}
    for commit in ("1" * 40, "2" * 40):
        hub.put("o/same", body, commit, commit)
    one, two = (sources.read(f"hub:o/same@{c * 40}") for c in "12")
    assert one.examples == two.examples or [e.messages for e in one.examples] == [e.messages for e in two.examples]
    assert one.sha256 != two.sha256


def test_a_dataset_that_the_hub_did_not_convert_is_read_from_its_own_files(hub: Hub) -> None:
    line = b'{"prompt": "%s", "completion": "1"}\n'
    hub.put("o/own", {"README.md": b"", "en/train-00000.jsonl": line % b"en" * 2, "en/dev.jsonl": line % b"dev" * 2,
                      "fr/train.jsonl": line % b"fr" * 2, "extra.csv": b"a,b\n1,2\n"})  # fmt: skip
    assert prompts("hub:o/own:fr") == ["fr", "fr"]
    assert prompts("hub:o/own:en/validation") == ["dev", "dev"]
    with pytest.raises(DataError, match=r"several configs.*en, fr.*hub:o/own:en"):
        sources.read("hub:o/own")
    hub.put("o/one", {"all-rows.jsonl": line % b"x" * 2})
    assert prompts("hub:o/one") == ["x", "x"]


def test_a_named_revision_means_the_datasets_own_files(quiz: Hub) -> None:
    assert prompts(f"hub:some-org/quiz.v1@{MAIN}") == ["own?", "own?"]
    assert prompts("hub:some-org/quiz.v1@main/train") == ["own?", "own?"]


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("hub:some-org/quiz.v1", r"several configs.*main, socratic.*hub:some-org/quiz.v1:main"),
        ("hub:some-org/quiz.v1:nope", r"no config 'nope'.*main, socratic"),
        ("hub:some-org/quiz.v1:main/dev", r"no split 'dev'.*train, test"),
        ("hub:some-org/quiz.v1@v9", r"no revision 'v9'"),
        ("hub:some-org/other", "there is no dataset some-org/other on the hub, or it is private"),
        ("hub:quiz", "names no dataset.*hub:OWNER/NAME"),
        ("hub:some-org/a--b", "'some-org/a--b' cannot be the name of a dataset"),
        ("hub:some-org/quiz.v1/train/x", "names no dataset"),
    ],
)
def test_what_is_not_there_is_said(quiz: Hub, name: str, why: str) -> None:
    with pytest.raises(DataError, match=why):
        sources.read(name)


def test_names_of_any_characters_are_pinned_and_read_again(hub: Hub) -> None:
    config = "100% odd: a@b, c+d"
    hub.put("o/odd", {f"{config}/train/0000.parquet": table(rows("odd")), "x/train/0000.parquet": table(rows("x"))},
            hubdata.CONVERTED, CONVERTED)  # fmt: skip
    for typed in ("100%25%20odd%3A%20a%40b%2C%20c+d/train", "100%25 odd%3A a%40b, c+d"):
        name = hubdata.pinned(f"hub:o/odd:{typed}")
        assert hubdata.parse(name) == hubdata.Spec("o/odd", CONVERTED, config, "train")
        assert hubdata.pinned(name) == name
        assert prompts(name) == ["odd 0?", "odd 1?", "odd 2?"]


def test_a_gated_dataset_says_how_to_get_it(quiz: Hub) -> None:
    quiz.gated.add("some-org/quiz.v1")
    with pytest.raises(DataError, match=r"gated.*accept its conditions.*hf auth login"):
        sources.read("hub:some-org/quiz.v1:main")


def test_no_files_and_too_many_bytes_are_refused(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    hub.put("o/code", {"load.py": b"import os", "weights.bin": b"x"})
    with pytest.raises(DataError, match=r"no files that are read here.*\.parquet"):
        sources.read("hub:o/code")
    hub.put("o/large", {"train.jsonl": b"{}\n" * 20})
    monkeypatch.setattr(hubdata, "LIMIT_BYTES", 50)
    with pytest.raises(DataError, match="60 bytes"):
        sources.read("hub:o/large")
    assert not any("resolve" in path for path in hub.asked), "nothing was fetched"


def test_bad_rows_are_named_by_their_place_in_the_whole(hub: Hub) -> None:
    good = b'{"prompt": "p", "completion": "c"}\n'
    hub.put("o/bad", {"train-0.jsonl": good * 2, "train-1.jsonl": good + b"{broken\n"})
    with pytest.raises(DataError, match="line 4"):
        sources.read("hub:o/bad")
    assert sources.read("hub:o/bad", skip_bad_rows=True).rows == 4


def test_without_the_package_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("BURNISH_HOME", str(tmp_path))
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    with pytest.raises(CapabilityMissing, match=r"pip install 'burnish\[hub,parquet\]'"):
        sources.read("hub:o/n")
