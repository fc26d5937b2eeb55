"""Tools and environments of a task folder: what task.toml may say, and task.py's own code, which runs in the sandbox."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest
from acting import open_policy, scripted, tool_model

from burnish.errors import CallFailed, ConfigError, SessionEnded
from burnish.tasks import folder
from burnish.tasks.environment import Limits
from burnish.tasks.rollout import Question, roll_out, sampling
from burnish.tasks.task import Means
from burnish.tasks.tooluse import ToolUse
from burnish.tasks.written import WrittenSetting, written
from burnish.tools import sandbox
from burnish.tools.calculator import calculator
from burnish.types import Example, Message, ToolCall

needs_sandbox = pytest.mark.skipif(sandbox.available().how is None, reason=f"no sandbox works here: {sandbox.available().why}")
TOML = (
    'schema_version = 1\nname = "t"\n[card]\ntitle = "T"\nabout = "A"\n'
    '[rows]\ntrain = "rows.jsonl"\nvalid = "rows.jsonl"\ntest = "rows.jsonl"\n{more}'
)
EXACT = '[[graders]]\nkind = "exact"\n'
GAME = '''
import os
from enum import Enum

class Side(Enum):
    LEFT = "left"
    RIGHT = "right"

def shelf(side: Side) -> str:
    """What lies on the shelf.

    Args:
        side: Which shelf.
    """
    return {"left": "a jar", "right": "a bell"}[side.value]

def crash(code: int) -> str:
    os._exit(code)

def slow() -> str:
    while True:
        pass

tools = [shelf, crash, slow]

class Environment:
    def start(self, example):
        self.said, self.wanted = [], example["reference"]
        return "What do you say?"

    def step(self, message):
        self.said.append(message["content"])
        if message["content"] == "fail":
            raise ValueError("a bug of mine")
        if message["content"] == self.wanted:
            return {"done": True, "reward": 1.0, "reason": "said it"}
        return {"messages": f"You said {len(self.said)} things", "reward": 0.25}

    def state_key(self):
        return "/".join(self.said)
'''


def made(path: Path, *, more: str = EXACT) -> Path:
    path.mkdir()
    (path / "task.toml").write_text(TOML.format(more=more))
    (path / "rows.jsonl").write_text(json.dumps({"prompt": "?", "completion": "bell"}) + "\n")
    return path


def put(path: Path, **files: str) -> Path:
    for name, text in files.items():
        (path / name.replace("__", ".")).write_text(text)
    return path


def example(reference: str = "bell") -> Example:
    return Example(
        messages=(Message(role="user", content="?"), Message(role="assistant", content=reference)), reference=reference
    )


def say(text: str) -> Message:
    return Message(role="assistant", content=text)


def call(name: str, arguments: str = "{}") -> Message:
    return Message(role="assistant", tool_calls=(ToolCall(name=name, arguments=arguments),))


def test_tools_of_the_box_are_named_in_the_manifest(tmp_path: Path) -> None:
    more = EXACT + (
        '[tools]\nuse = ["calculator", "lookup"]\ndocuments = ["town__txt"]\n[limits]\nturns = 3\ncalls = 2\ntokens = 200\n'
        '[means]\nallowed = "the calculator"\n'
    ).replace("__", ".")
    path = put(made(tmp_path / "t", more=more), town__txt="Brack has 300 people.\n\nVell has 20.")
    task = folder.load(path)
    assert isinstance(task.environment, ToolUse)
    assert [t.name for t in task.environment.tools] == ["calc", "lookup"]
    assert task.environment.limits == Limits(turns=3, calls=2, tokens=200)
    assert task.means == Means(allowed="the calculator")
    way = task.environment.open()
    way.start(example())
    assert way.step(call("lookup", '{"query": "Brack"}')).messages[0].content == "Brack has 300 people."
    before = folder.digest(path)
    (path / "town.txt").write_text("other")
    assert folder.digest(path) != before


def test_a_task_without_tools_has_no_environment(tmp_path: Path) -> None:
    assert folder.load(made(tmp_path / "t")).environment is None


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ('[tools]\nuse = ["abacus"]\n', "abacus"),
        ('[tools]\nuse = ["lookup"]\n', "give both or neither"),
        ('[tools]\nuse = ["lookup"]\ndocuments = ["../x"]\n', "outside of its folder"),
        ("[limits]\nturns = 0\n", "turns"),
    ],
)
def test_a_manifest_that_makes_no_sense_is_refused(tmp_path: Path, more: str, why: str) -> None:
    with pytest.raises(ConfigError, match=why):
        folder.load(made(tmp_path / "t", more=EXACT + more))


def test_something_must_judge(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="nothing judges"):
        folder.load(made(tmp_path / "t", more=""))


@pytest.fixture
def game(tmp_path: Path) -> WrittenSetting:
    path = put(made(tmp_path / "t", more="[limits]\nstep_s = 0.5\n"), task__py=GAME)
    setting = folder.load(path).environment
    assert isinstance(setting, WrittenSetting)
    return setting


@needs_sandbox
def test_an_environment_of_ones_own_is_started_stepped_and_paid(game: WrittenSetting) -> None:
    way = game.open()
    assert way.start(example()) == [Message(role="user", content="What do you say?")]
    first = way.step(say("no"))
    assert (first.messages[0].content, first.reward, first.done) == ("You said 1 things", 0.25, False)
    assert way.state_key() == "no"
    last = way.step(say("bell"))
    assert (last.reward, last.done, last.reason) == (1.0, True, "said it")
    with pytest.raises(CallFailed, match="a bug of mine"):
        way.step(say("fail"))
    way.close()


@needs_sandbox
def test_its_tools_are_described_and_called_in_the_sandbox(game: WrittenSetting) -> None:
    way = game.open()
    way.start(example())
    about = way.tools[0]["function"]
    assert about["parameters"]["properties"]["side"] == {"enum": ["left", "right"], "description": "Which shelf."}
    assert way.step(call("shelf", '{"side": "right"}')).messages[0].content == "a bell"
    assert "one of 'left', 'right'" in way.step(call("shelf", '{"side": "up"}')).messages[0].content
    assert way.step(call("slow")).messages[0].content.startswith("error: ")
    assert way.state_key() == "", "calls are not steps"


@needs_sandbox
def test_a_copy_goes_its_own_way(game: WrittenSetting) -> None:
    way = game.open()
    way.start(example())
    way.step(say("a"))
    other = way.fork()
    way.step(say("b"))
    other.step(say("c"))
    assert (way.state_key(), other.state_key()) == ("a/b", "a/c")


@needs_sandbox
def test_who_ends_the_process_fails_alone(game: WrittenSetting) -> None:
    bad, good = game.open(), game.open()
    bad.start(example())
    good.start(example())
    good.step(say("a"))
    copy = good.fork()
    with pytest.raises(SessionEnded):
        bad.step(call("crash", '{"code": 3}'))
    assert good.step(say("b")).messages[0].content == "You said 2 things"
    copy.step(say("c"))
    assert (good.state_key(), copy.state_key()) == ("a/b", "a/c")
    bad.close()


@needs_sandbox
def test_ways_through_a_folder_of_ones_own(tiny_model: Path, tmp_path: Path, game: WrittenSetting) -> None:
    policy, renderer = open_policy(tool_model(tiny_model, tmp_path / "model"))
    end, shelf = "<|im_end|>", '<tool_call>{"name": "shelf", "arguments": {"side": "right"}}</tool_call><|im_end|>'
    said = [[shelf, f"bell{end}"], [f"fail{end}"], [f"jar{end}", f"bell{end}"]]
    told, _ = scripted(policy, renderer, lambda q, s, t: said[s][t - 1])
    task = folder.load(tmp_path / "t")
    question = Question(index=0, example=example(), ids=(1,))
    params = sampling(renderer, limit_tokens=100, samples=3)
    (group,) = roll_out(told, renderer, task.grader, [question], params, setting=task.environment)
    assert [r.reward for r in group if not math.isnan(r.reward)] == [1.0, 1.25]
    assert "a bug of mine" in (group[1].score.error or "")
    assert [m.content for m in group[0].messages] == ["What do you say?", "", "a bell", "bell"]
    assert group[2].score.parts == (("environment", 0.0), ("turns", 1.25))


@needs_sandbox
@pytest.mark.parametrize(
    ("code", "what", "seen"),
    [
        ("tools = []\nraise ValueError('no key')\n", "cannot be loaded", "no key (task.py, line 2"),
        ("import nothing_of_the_name\ntools = []\n", "cannot be loaded", "nothing_of_the_name"),
        ("import os\ntools = []\nos._exit(3)\n", "cannot be loaded", "exit code 3"),
        ("tools = 5\n", "cannot be used", "must be a list of functions"),
        ("def look(x: bytes) -> int: ...\ntools = [look]\n", "cannot be used", "look cannot be a tool"),
        ("def look() -> int: ...\ntools = [look, look]\n", "cannot be used", "two tools of the name look"),
        ("class Environment:\n    def start(self, example): return 'x'\n", "cannot be used", "has no step"),
    ],
)
def test_what_is_wrong_with_a_task_py_is_said_before_anything_is_asked(code: str, what: str, seen: str) -> None:
    with pytest.raises(ConfigError, match=what) as caught:
        WrittenSetting(source=code, has=written(code)).open()
    assert seen in caught.value.seen
    assert caught.value.todo


@needs_sandbox
def test_a_tool_of_the_box_and_one_of_the_tasks_own_do_not_share_a_name() -> None:
    code = "def calc(x: int) -> int: ...\ntools = [calc]\n"
    with pytest.raises(ConfigError, match="cannot be used") as caught:
        WrittenSetting(source=code, has=written(code), box=(calculator(),)).open()
    assert "calc" in caught.value.seen


def test_a_function_is_no_environment() -> None:
    with pytest.raises(ConfigError, match="tools or Environment"):
        written("def Environment(): ...\n")
