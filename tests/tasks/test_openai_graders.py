"""OpenAI's grader JSON: what it is documented to say is what its mapped graders say, both ways."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path
from typing import Any

import pytest

from burnish.errors import ConfigError, DataError
from burnish.protocols import Said
from burnish.tasks import folder, openai_files
from burnish.tasks.environment import question_of
from burnish.tasks.graders.make import bound, judges, make
from burnish.tasks.manifest import Manifest
from burnish.tasks.openai_graders import EMBEDDING, KEY_ENV, URL, from_openai, to_openai
from burnish.tasks.prove import prove
from burnish.tools import sandbox
from burnish.types import Example, Message, asks_only

needs_sandbox = pytest.mark.skipif(sandbox.available().how is None, reason=f"no sandbox works here: {sandbox.available().why}")
OUT, ITEM = "{{sample.output_text}}", "{{item.label}}"
CHECK = {"type": "string_check", "name": "check", "input": OUT, "reference": ITEM, "operation": "eq"}
ALIKE = {"type": "text_similarity", "name": "alike", "input": OUT, "reference": ITEM, "evaluation_metric": "fuzzy_match"}
PYTHON = {
    "type": "python",
    "name": "Example python grader",
    "image_tag": "2025-05-08",
    "source": '''
def grade(sample: dict, item: dict) -> float:
    """
    Returns 1.0 if `output_text` equals `label`, otherwise 0.0.
    """
    output = sample.get("output_text")
    label = item.get("label")
    return 1.0 if output == label else 0.0
''',
}
SCORE = {
    "type": "score_model",
    "name": "scorer",
    "model": "gpt-4o",
    "input": [{"role": "user", "content": [{"type": "input_text", "text": f"Score {OUT} against {ITEM}."}]}],
    "range": [0, 10],
    "sampling_params": {"seed": 42, "temperature": 1, "top_p": 1, "max_completions_tokens": 2048},
}
LABEL = {
    "type": "label_model",
    "name": "sentiment",
    "model": "gpt-4o",
    "input": [
        {"type": "message", "role": "system", "content": {"type": "input_text", "text": "Classify."}},
        {"role": "user", "content": "Statement: {{item.label}} / {{sample.output_text}}"},
    ],
    "labels": ["positive", "neutral", "negative"],
    "passing_labels": ["positive"],
}


def row(**columns: Any) -> Example:
    return Example(messages=(Message(role="user", content="?"),), reference="a", metadata=columns)


def value(grader: Any, answer: str, **item: Any) -> float:
    mapped = from_openai(grader)
    score = make(mapped.entries, mapped.read).grade(row(**item), answer)
    assert score.error is None, score.error
    return score.value


@pytest.mark.parametrize(
    ("operation", "answer", "label", "wanted"),
    [
        ("eq", "Yes", "Yes", 1), ("eq", "yes", "Yes", 0), ("ne", "yes", "Yes", 1), ("neq", "Yes", "Yes", 0),
        ("like", "It is Yes.", "Yes", 1), ("like", "it is yes.", "Yes", 0), ("ilike", "it is YES.", "Yes", 1),
        ("ilike", "no", "Yes", 0),
    ],
)  # fmt: skip
def test_string_check_does_what_is_documented(operation: str, answer: str, label: str, wanted: float) -> None:
    assert value({**CHECK, "operation": operation}, answer, label=label) == wanted


def test_text_similarity_by_hand() -> None:
    # fuzzy_match: "fuzzy wuzzy had no hair" against "fuzzy wuzzy was a bear": ratio = 2 M / (23 + 22)
    said, meant = "fuzzy wuzzy had no hair", "fuzzy wuzzy was a bear"
    longest = 17  # "fuzzy wuzzy " and a, blank, blank, a, r
    assert value(ALIKE, said, label=meant) == pytest.approx(2 * longest / 45)
    # rouge_l: of 5 and 5 words the subsequence "fuzzy wuzzy": F1 = 2 * 2 / 10
    assert value({**ALIKE, "evaluation_metric": "rouge_l"}, said, label=meant) == pytest.approx(0.4)
    assert value({**ALIKE, "evaluation_metric": "rouge_2"}, said, label=meant) == pytest.approx(2 * 1 / 8)
    assert value({**ALIKE, "pass_threshold": 0.9}, said, label=meant) == pytest.approx(34 / 45), "the score is not the verdict"


@needs_sandbox
def test_python_is_given_sample_and_item() -> None:
    assert value(PYTHON, "Yes", label="Yes") == 1
    assert value(PYTHON, "yes", label="Yes") == 0
    deep = {**PYTHON, "source": "def grade(sample, item):\n    return sample['output_json']['n'] / item['of']['all'][1]\n"}
    assert value(deep, '{"n": 3}', of={"all": [1, 4]}) == 0.75


MULTI = {
    "type": "multi",
    "name": "both",
    "graders": {"same": CHECK, "alike": {**ALIKE, "evaluation_metric": "rouge_1"}},
    "calculate_output": "0.25 * same + 0.75 * max(alike, 0.5) - (1 - same) ^ 2 / 10",
}


def test_multi_calculates() -> None:
    assert value(MULTI, "a b", label="a b") == pytest.approx(1.0)
    assert value(MULTI, "a b", label="a c d e") == pytest.approx(0.75 * 0.5 - 0.1)
    listed = {**MULTI, "graders": [{**CHECK, "name": "same"}, {**ALIKE, "name": "alike", "evaluation_metric": "rouge_1"}]}
    assert value(listed, "a b", label="a c d e") == pytest.approx(0.75 * 0.5 - 0.1)
    single = {**MULTI, "graders": {**CHECK, "name": "same"}, "calculate_output": "floor(same + 0.5)"}
    assert value(single, "a", label="a") == 1


class Reads:
    """Judges by what stands in its prompt."""

    def __init__(self, judge: Any) -> None:
        self.judge, self.prompts = judge, []

    def answer(self, messages: Any) -> Said:
        self.prompts.append([(m.role, m.content) for m in messages])
        told = messages[-1].content if messages[-1].content.startswith("You judge") else messages[0].content
        mark = next(line.split()[0] for line in told.splitlines() if line.startswith("VERDICT-"))
        return Said(f"{mark} {json.dumps({'verdict': self.judge(self.prompts[-1]), 'why': 'so'})}")


def judged(grader: Any, chat: Reads, answer: str, **item: Any) -> float:
    from dataclasses import replace

    mapped = from_openai(grader)
    made = make(mapped.entries, mapped.read)
    (judge,) = judges(made)
    score = replace(judge, chat=chat).grade(row(**item), answer)
    assert score.error is None, score.error
    return score.value


def test_score_model_gives_its_number_clipped_to_the_range() -> None:
    for said, wanted in ((7, 7), (12.5, 10), (-1, 0), (0.25, 0.25)):
        chat = Reads(lambda prompt, said=said: said)
        assert judged(SCORE, chat, "{{item.label}}", label="meant") == wanted
    role, content = chat.prompts[0][0]
    assert role == "user"
    assert content.endswith("against meant.")
    assert "\n{{item.label}}\n" in content, "the answer is no template"
    assert judged({k: v for k, v in SCORE.items() if k != "range"}, Reads(lambda p: 7), "x", label="y") == 1, "0 to 1 by default"
    entry: Any = from_openai(SCORE).entries[0]
    assert (entry.model, entry.url, entry.key_env, entry.seed, entry.limit_tokens) == ("gpt-4o", URL, KEY_ENV, 42, 2048)


def test_label_model_passes_on_its_labels() -> None:
    for said, wanted in (("positive", 1), ("neutral", 0), ("negative", 0)):
        chat = Reads(lambda prompt, said=said: said)
        assert judged(LABEL, chat, "fine", label="meant") == wanted
    assert chat.prompts[0][0] == ("system", "Classify.")


def test_endpoint_and_cosine_name_their_servers() -> None:
    grader = {
        "type": "endpoint",
        "name": "e",
        "url": "https://x.org/g",
        "headers": {"X-A": "b"},
        "rate_limit": 50,
        "pass_threshold": 0.5,
    }
    entry: Any = from_openai(grader).entries[0]
    assert (entry.url, entry.headers, entry.rate_limit, entry.retries) == ("https://x.org/g", {"X-A": "b"}, 50, 3)
    cosine: Any = from_openai({**ALIKE, "evaluation_metric": "cosine"}).entries[0]
    assert (cosine.url, cosine.model, cosine.key_env) == (URL, EMBEDDING, KEY_ENV)
    elsewhere: Any = from_openai(SCORE, url="http://localhost:1/v1", key_env=None).entries[0]
    assert (elsewhere.url, elsewhere.key_env) == ("http://localhost:1/v1", None)


@pytest.mark.parametrize(
    ("grader", "why"),
    [
        ({"type": "lambda"}, "no grader of OpenAI's"),
        ("eq", "no grader of OpenAI's"),
        ({**CHECK, "operation": "matches"}, "operation"),
        ({**CHECK, "strict": True}, "the key strict"),
        ({k: v for k, v in CHECK.items() if k != "operation"}, "operation"),
        ({**CHECK, "input": "{{ sample.output_tools[0].function.name }}"}, "output_tools"),
        ({**ALIKE, "evaluation_metric": "bertscore"}, "metric"),
        ({**SCORE, "input": [{"role": "user", "content": [{"type": "input_image", "image_url": "x"}]}]}, "input_image"),
        ({**SCORE, "sampling_params": {"logit_bias": {}}}, "logit_bias"),
        ({**SCORE, "range": [1, 1]}, "from the lower"),
        ({**LABEL, "passing_labels": ["good"]}, "no labels: good"),
        ({**PYTHON, "source": "import torch\ndef grade(sample, item): return 1"}, "torch"),
        ({**PYTHON, "source": "def grade(:"}, "not Python"),
        ({**PYTHON, "source": "def judge(sample, item): return 1"}, "no function grade"),
        ({**MULTI, "graders": {"same": MULTI}}, "a multi within a multi"),
        ({**MULTI, "calculate_output": "same + nothing + alike"}, "nothing"),
        ({**MULTI, "calculate_output": "0.5 * same +  0.5 * alike)"}, "formula cannot be read"),
        ({"type": "endpoint", "name": "e", "url": "https://x", "headers": {"Authorization": "Bearer x"}}, "secret"),
    ],
)
def test_what_cannot_be_mapped_is_refused_by_name(grader: Any, why: str) -> None:
    with pytest.raises(ConfigError, match=why):
        value(grader, "x", label="x")


@pytest.mark.parametrize("grader", [CHECK, ALIKE, PYTHON, SCORE, LABEL, MULTI])
def test_there_and_back_is_the_same_grader(grader: dict[str, Any]) -> None:
    mapped = from_openai(grader)
    again = to_openai(mapped.entries, mapped.read)
    assert from_openai(again) == mapped
    assert again["type"] == grader["type"]


# -- ours to OpenAI


def manifest(toml: str) -> Manifest:
    import tomllib

    head = 'schema_version = 1\nname = "t"\n[card]\ntitle = "T"\nabout = "A"\n[rows]\nall = "r"\n'
    return Manifest.load(base=tomllib.loads(head + toml))


CODE = "def grade(example, answer):\n    return {'value': len(answer) / 10, 'reason': example['metadata']['label']}\n"
OURS = [
    '[[graders]]\nkind = "exact"',
    '[[graders]]\nkind = "contains"',
    '[[graders]]\nkind = "numeric"',
    '[[graders]]\nkind = "length"\nat_least = 2\nat_most = 3',
    '[[graders]]\nkind = "regex"\npattern = "is {reference}\\\\b"',
    '[[graders]]\nkind = "python"',
    '[[graders]]\nkind = "similarity"\nmetric = "rouge_l"',
    '[[graders]]\nkind = "exact"\nweight = 3.0\n[[graders]]\nkind = "length"\nat_most = 3\n[[graders]]\nkind = "exact"',
]
ANSWERS = [
    "42",
    " 42 ",
    "it is 42",
    "it is 420",
    "The answer:\n#### 42",
    "\\boxed{42.0}",
    "forty-two",
    "",
    "4 2",
    "It is 42. No: 43",
]


@needs_sandbox
@pytest.mark.parametrize("toml", OURS)
def test_graders_of_ours_score_the_same_when_they_come_back(toml: str) -> None:
    given = manifest(toml).graders
    before = make(given, {"task.py": CODE}.__getitem__)
    mapped = from_openai(json.loads(json.dumps(to_openai(given, {"task.py": CODE}.__getitem__))))
    after = make(mapped.entries, mapped.read)
    example = Example(messages=(Message(role="user", content="?"),), reference="42", metadata={"label": "x"})
    both = [(before.grade(example, a), after.grade(example, a)) for a in ANSWERS]
    assert [b.value for _, b in both] == pytest.approx([a.value for a, _ in both])
    assert not any(s.error for pair in both for s in pair)
    assert len({a.value for a, _ in both}) > 1


@pytest.mark.parametrize(
    ("toml", "why"),
    [
        ('[[graders]]\nkind = "json_schema"\ninline = {}', "json_schema"),
        ('[[graders]]\nkind = "judge"\nmodel = "m"\npairwise = true', "pairwise"),
        ('[[graders]]\nkind = "judge"\nmodel = "m"\nrange = [0, 1]', "clip"),
        ('[[graders]]\nkind = "judge"\nmodel = "m"\nlabels = { a = 0, b = 0.5, c = 1 }', "labels worth"),
        (
            '[[graders]]\nkind = "combine"\nformula = "a > 0"\ngraders = [{ kind = "exact", name = "a" }]',
            "comparisons in the formula",
        ),
        ('[[graders]]\nkind = "endpoint"\nurl = "https://x"\nkey_env = "K"', "the key of"),
        ('[[graders]]\nkind = "rubric"\ncriteria = [{ name = "a", grader = { kind = "exact" } }]', "the criterion a"),
        ('[[graders]]\nkind = "similarity"\nmetric = "cosine"\nurl = "https://x"\nmodel = "mine"', "embedding model mine"),
    ],
)
def test_what_openai_cannot_say_is_refused_by_name(toml: str, why: str) -> None:
    with pytest.raises(ConfigError, match=why):
        to_openai(manifest(toml).graders, {}.__getitem__)


def test_judges_and_rubrics_become_models_of_openai() -> None:
    grader = to_openai(
        manifest(
            '[[graders]]\nkind = "rubric"\nmodel = "gpt-4o"\nurl = "https://api.openai.com/v1"\n'
            'criteria = [{ name = "town", asks = "A town?", weight = 3.0 }, { name = "short", asks = "Short?" }]'
        ).graders,
        {}.__getitem__,
    )
    mapped = from_openai(grader)
    made = make(mapped.entries, mapped.read)
    assert [j.model for j in judges(made)] == ["gpt-4o"] * 2

    class Town:
        def answer(self, messages: Any) -> Said:
            return Reads(lambda prompt: "yes" if "A town?" in str(prompt) else "no").answer(messages)

    from dataclasses import replace

    free = replace(made, graders=tuple(replace(j, chat=None) for j in judges(made)))
    score = bound(free, lambda judge: Town()).grade(row(question="Where?", reference="Rome"), "Rome it is")
    assert (score.value, score.error) == (0.75, None)


# -- files


def rft(path: Path, count: int, **more: Any) -> Path:
    rows = (
        {
            "messages": [{"role": "system", "content": "Add."}, {"role": "user", "content": f"{n} + 1?"}],
            "label": str(n + 1),
            "n": n,
            **more,
        }
        for n in range(count)
    )
    path.write_text("".join(json.dumps(r) + "\n" for r in rows))
    return path


def written(path: Path, grader: Any) -> Path:
    path.write_text(json.dumps(grader))
    return path


@needs_sandbox
def test_rft_files_become_a_task_and_the_task_the_same_files(tmp_path: Path) -> None:
    grader = {
        "type": "multi",
        "name": "all",
        "graders": {
            "same": CHECK,
            "alike": {**ALIKE, "evaluation_metric": "rouge_1"},
            "code": {**PYTHON, "source": "def grade(sample, item):\n    return float(str(item['n']) in sample['output_text'])\n"},
        },
        "calculate_output": "0.5 * same + 0.3 * alike + 0.2 * code",
    }
    made = openai_files.bring(rft(tmp_path / "rows.jsonl", 60), written(tmp_path / "g.json", grader), tmp_path / "task")
    task = folder.load(made)
    assert [len(side) for side in (task.train, task.valid, task.test)] == [48, 6, 6]
    example = task.train[0]
    assert example.messages[-1].role == "assistant"
    assert example.messages[-1].content == example.metadata["label"]
    assert "[[graders]]" in (made / "task.toml").read_text()
    out, notes = openai_files.take(made, tmp_path / "out")
    assert notes == ["not in the files: the longest answer, 256 tokens: set it there"]
    assert [p.name for p in out] == ["grader.json", "test.jsonl", "train.jsonl", "valid.jsonl"]
    lines = [json.loads(line) for line in (tmp_path / "out" / "train.jsonl").read_text().splitlines()]
    assert all(line["messages"][-1]["role"] == "user" for line in lines)
    assert {k: lines[0][k] for k in ("label", "n")} == {k: example.metadata[k] for k in ("label", "n")}
    again = openai_files.bring(
        tmp_path / "out" / "train.jsonl", tmp_path / "out" / "grader.json", tmp_path / "b", valid=tmp_path / "out" / "valid.jsonl"
    )
    back = folder.load(again)
    assert {e.messages[1].content for e in back.train} == {e.messages[1].content for e in task.train}
    assert (len(back.valid), len(back.test)) == (3, 3)
    by_question = {e.messages[1].content: e for e in back.train}
    wanted, found = [], []
    for e in task.train[:4]:
        label = e.metadata["label"]
        for said in (label, f"It is {label}", "7", ""):
            wanted.append(task.grader.grade(e, said).value)
            found.append(back.grader.grade(by_question[e.messages[1].content], said).value)
    assert found == wanted
    assert len(set(wanted)) > 2


@needs_sandbox
def test_a_task_of_ours_scores_the_same_after_it_was_at_openai(tmp_path: Path) -> None:
    path = tmp_path / "mine"
    path.mkdir()
    toml = 'schema_version = 1\nname = "t"\n[card]\ntitle = "T"\nabout = "A"\n[rows]\nall = "r.jsonl"\n'
    (path / "task.toml").write_text(
        toml + '[[graders]]\nkind = "numeric"\nweight = 2.0\n[[graders]]\nkind = "python"\n[[graders]]\nkind = "exact"'
    )
    (path / "task.py").write_text(CODE)
    rows = ({"question": f"{n} + 1?", "answer": f"One more than {n}.\n#### {n + 1}", "label": "x"} for n in range(40))
    (path / "r.jsonl").write_text("".join(json.dumps(r) + "\n" for r in rows))
    task = folder.load(path)
    openai_files.take(path, tmp_path / "out")
    row = json.loads((tmp_path / "out" / "train.jsonl").read_text().splitlines()[0])
    assert row["answer"].endswith(f"#### {row['reference']}")
    back = folder.load(openai_files.bring(tmp_path / "out" / "train.jsonl", tmp_path / "out" / "grader.json", tmp_path / "back"))
    known = {e.messages[0].content: e for side in (back.train, back.valid, back.test) for e in side}
    for e in task.train[:3]:
        other = known[e.messages[0].content]
        assert other.messages[-1].content == e.messages[-1].content
        assert other.reference == e.reference
        for said in (e.messages[-1].content, f"it is {e.reference}", "no", ""):
            assert back.grader.grade(other, said).value == pytest.approx(task.grader.grade(e, said).value)


def small_task(path: Path, more: str, code: str = "") -> Path:
    path.mkdir()
    toml = 'schema_version = 1\nname = "t"\n[card]\ntitle = "T"\nabout = "A"\n[rows]\nall = "r.jsonl"\n'
    (path / "task.toml").write_text(toml + more)
    (path / "r.jsonl").write_text("".join(json.dumps({"question": f"{n}?", "answer": str(n)}) + "\n" for n in range(40)))
    if code:
        (path / "task.py").write_text(code)
    return path


def test_what_does_not_go_along_is_said(tmp_path: Path) -> None:
    more = """[means]
allowed = "the head"
[[graders]]
kind = "judge"
model = "m"
url = "http://localhost:8000/v1"
[[audit]]
kind = "exact"
name = "strictly"
"""
    _, notes = openai_files.take(small_task(tmp_path / "t", more), tmp_path / "out")
    assert notes == [
        "not in the files: the longest answer, 256 tokens: set it there",
        "not in the files: the graders of [[audit]] (strictly), from which nothing is learned",
        "not in the files: [means], what an answer may be found with",
        "not in the files: where the judge m is asked (http://localhost:8000/v1): OpenAI asks its own model of that name",
    ]


@pytest.mark.parametrize(
    ("more", "code", "seen"),
    [
        ('[tools]\nuse = ["calculator"]\n[[graders]]\nkind = "exact"', "", "the tools calc,"),
        ('[[graders]]\nkind = "exact"', "def f(x: int) -> int:\n    return x\ntools = [f]\n", "the tools of task.py"),
        ("", "class Environment:\n    pass\n", "the class Environment of task.py"),
        ('[[graders]]\nkind = "judge"\nmodel = "pebble-chat"', "", "the judge pebble-chat, a model of this machine"),
        (
            '[[graders]]\nkind = "rubric"\nmodel = "pebble-chat"\ncriteria = [{name = "a", asks = "?"}]',
            "",
            "the judge pebble-chat, a model of this machine",
        ),
    ],
)
def test_what_would_score_otherwise_there_is_refused(tmp_path: Path, more: str, code: str, seen: str) -> None:
    with pytest.raises(ConfigError, match=seen):
        openai_files.take(small_task(tmp_path / "t", more, code), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_json_that_is_no_grader_is_refused_and_never_a_crash() -> None:
    """Every value of every grader in turn is something else than it should be."""
    multi = {"type": "multi", "name": "m", "graders": {"a": CHECK}, "calculate_output": "a"}
    asks = [{"role": "user", "content": "{{sample.output_text}}"}]
    score = {"type": "score_model", "name": "s", "model": "m", "input": asks, "range": [0, 1], "sampling_params": {"seed": 1}}
    label = {"type": "label_model", "name": "l", "model": "m", "input": asks, "labels": ["a", "b"], "passing_labels": ["a"]}
    end = {"type": "endpoint", "name": "e", "url": "http://localhost:1/", "headers": {"a": "b"}, "rate_limit": 1}
    odd: list[Any] = [
        None,
        5,
        -1.5,
        True,
        "x",
        "",
        [],
        [1],
        ["a", "a"],
        [{}],
        [[]],
        {},
        {"a": 1},
        {"type": 3},
        [0, 1, 2],
        "\0",
        10**400,
    ]
    for whole in (CHECK, ALIKE, PYTHON, score, label, end, multi):
        for key in whole:
            for value in odd:
                with contextlib.suppress(ConfigError):
                    mapped = from_openai({**whole, key: value})
                    make(mapped.entries, mapped.read)


def test_rows_without_a_good_answer_ask_and_go_back_as_they_came(tmp_path: Path) -> None:
    """The usual RFT row: what is right stands in columns of any kind, and nobody answers."""
    source = "def grade(sample, item):\n    return float(sample['output_text'] == str(item['spec']['sum']))\n"
    grader = written(tmp_path / "g.json", {"type": "python", "name": "sum", "source": source})
    rows = []
    for n in range(40):
        said = [{"role": "user", "content": "Hello"}, {"role": "assistant", "content": "Hello!"}] if n % 2 else []
        rows.append({"messages": [*said, {"role": "user", "content": f"{n} + 1?"}], "spec": {"sum": n + 1}})
    (tmp_path / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    path = openai_files.bring(tmp_path / "rows.jsonl", grader, tmp_path / "t")
    task = folder.load(path)
    every = (*task.train, *task.valid, *task.test)
    assert len(every) == 40
    assert all(asks_only(e) and e.reference is None for e in every)
    assert all(question_of(e) == e.messages for e in every), "the last question is asked, and not the first"
    assert all(line.verdict != "fails" for line in prove(task).lines)
    openai_files.take(path, tmp_path / "out")
    back = [json.loads(line) for side in ("train", "valid", "test") for line in (tmp_path / "out" / f"{side}.jsonl").open()]
    told = lambda row: (row["messages"][-1]["content"], len(row["messages"]), row["spec"])  # noqa: E731
    assert sorted(map(told, back), key=str) == sorted(map(told, rows), key=str)


def test_the_reference_of_a_row_that_only_asks_is_its_own_answer(tmp_path: Path) -> None:
    path = small_task(tmp_path / "t", '[[graders]]\nkind = "exact"')
    lines = ({"messages": [{"role": "user", "content": f"{n}?"}], "reference": str(n) if n % 2 else n} for n in range(40))
    (path / "r.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    proof = prove(folder.load(path))
    assert [(line.name, line.verdict) for line in proof.lines[:2]] == [
        ("the rows' own answers pass", "holds"),
        ("the empty answer fails", "holds"),
    ]
    assert proof.lines[0].detail == "40 of 40"


def test_faults_of_rft_files_name_their_lines(tmp_path: Path) -> None:
    grader = written(tmp_path / "g.json", CHECK)
    bad = tmp_path / "bad.jsonl"
    bad.write_text('{"messages": [{"role": "user", "content": "?"}], "label": "a"}\nno\n{"messages": [{"role": "assistant"}]}\n')
    with pytest.raises(DataError, match=r"line 2: no object.*line 3: the last message is not the user's"):
        openai_files.bring(bad, grader, tmp_path / "t")
    other = written(tmp_path / "h.json", {**CHECK, "reference": "yes"})
    with pytest.raises(DataError, match=r"column 'm'.*lines 1, 2, 3.* and 22 more"):
        openai_files.bring(rft(tmp_path / "r.jsonl", 30), other, tmp_path / "t", answer="m")
    with pytest.raises(ConfigError, match="not JSON"):
        openai_files.bring(bad, bad, tmp_path / "t")
    assert not (tmp_path / "t").exists()
    made = openai_files.bring(rft(tmp_path / "r.jsonl", 30), grader, tmp_path / "t")
    with pytest.raises(ConfigError, match="there already"):
        openai_files.bring(rft(tmp_path / "r.jsonl", 30), grader, made)
    with pytest.raises(ConfigError, match="there already"):
        openai_files.take(made, made)
