"""Gymnasium environments as tasks: what is told, what is taken, and what a way is worth."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from burnish.errors import ConfigError
from burnish.tasks import folder, prove
from burnish.tasks.foreign import gymnasium
from burnish.tools import sandbox
from burnish.types import Example, Message

pytest.importorskip("gymnasium")
pytestmark = pytest.mark.skipif(sandbox.available().how is None, reason=f"no sandbox works here: {sandbox.available().why}")
DOORS = '''
import gymnasium
from gymnasium import spaces


class Doors(gymnasium.Env):
    """Behind one of three doors is a prize."""

    observation_space = spaces.Dict({"told": spaces.Text(80), "left": spaces.Discrete(4)})
    action_space = spaces.Discrete(3)
    ACTION_NAMES = ("red", "green", "blue")

    def __init__(self, cost=0.0):
        self.cost, self.tries = cost, 0

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.prize, self.left = int(self.np_random.integers(3)), 3
        return {"told": f"There is a sound behind {self.ACTION_NAMES[self.prize]}.", "left": self.left}, {}

    def step(self, action):
        self.left -= 1
        won = int(action) == self.prize
        return {"told": "It is empty.", "left": self.left}, (5.0 if won else 0.0) - self.cost, won or not self.left, False, {}


class Chance(Doors):
    def step(self, action):
        import random
        self.left -= 1
        return {"told": "", "left": self.left}, random.random() * (int(action) == self.prize), not self.left, False, {}


class Words(Doors):
    action_space = spaces.Text(12)

    def step(self, action):
        return {"told": f"You said {action}.", "left": 0}, 0.0, True, False, {}


class Picture(Doors):
    observation_space = spaces.Box(0, 255, (2, 2))
'''


@pytest.fixture(scope="module")
def code(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("code") / "doors.py"
    path.write_text(DOORS)
    return path


@pytest.fixture(scope="module")
def doors(code: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("tasks") / "doors"
    return gymnasium.bring(f"gym:{code}:Doors", out, rows=8, arguments={"cost": 1.0})


def test_an_environment_of_a_file_becomes_a_task_that_proves_itself(doors: Path) -> None:
    task = folder.load(doors)
    assert [len(side) for side in (task.train, task.valid, task.test)] == [4, 2, 2]
    assert "gym:" in task.card.data
    assert task.name == "doors"
    proof = prove.prove(task)
    verdicts = {line.name: line.verdict for line in proof.lines}
    assert verdicts.pop("the rows' calls say what the rows say") == "not checked", "there are no calls"
    assert set(verdicts.values()) == {"holds"}
    assert not prove.audit(task).gameable
    row = task.train[0]
    door = row.messages[0].content.rpartition("behind ")[2].partition(".")[0]
    assert "Behind one of three doors is a prize." in row.messages[0].content
    assert "red, green, blue" in row.messages[0].content
    assert f"left: 3 (of 0 to 3)\ntold: There is a sound behind {door}." in row.messages[0].content
    assert [m.content for m in row.messages if m.role == "assistant"] == [door], "the shortest way that earns the most"


def test_a_way_is_worth_what_is_paid_beyond_the_least(doors: Path) -> None:
    setting = folder.load(doors).environment
    assert setting is not None
    example = folder.load(doors).train[0]
    door = example.messages[1].content
    wrong = next(name for name in ("red", "green", "blue") if name != door)
    number = str(["red", "green", "blue"].index(door))

    def worth(*said: str) -> float:
        return gymnasium.play(setting.open(), example, said).earned

    assert worth(wrong, wrong, wrong) == 0.0, "three doors at 1 each are the least"
    assert worth(door) == worth(f"Action: {door.upper()}.") == worth(number) == 4.0 + 3.0
    assert worth(wrong, door) == 3.0 + 3.0
    assert worth("") == worth("the red one") == worth("3") == worth(wrong, "help") == 0.0
    way = setting.open()
    way.start(example)
    way.step(Message(role="assistant", content=wrong))
    other = way.fork()
    assert other.step(Message(role="assistant", content=door)).done
    assert not way.step(Message(role="assistant", content=wrong)).done


def test_what_cannot_be_a_task_is_refused_by_name(code: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    for env, match in (
        ("Picture", "Box cannot be told in words"),
        ("Chance", "do not give the same turns twice"),
        ("Words", "too few seeds"),
        ("Nothing", "doesn't exist"),
    ):
        with pytest.raises(ConfigError) as raised:
            gymnasium.bring(f"gym:{code}:{env}", out, rows=4)
        assert match in str(raised.value), env
        assert not out.exists()
    with pytest.raises(ConfigError, match="3 actions"):
        gymnasium.bring(f"gym:{code}:Doors", out, rows=4, actions=("left", "right"))
    for text in ("gym:", "gym:Doors", "gym:no_such_module:Doors-v0", "gym:no-file.py:Doors", f"gym:{code}:a/b"):
        with pytest.raises(ConfigError):
            gymnasium.parse(text)


def test_an_installed_environment_shows_its_picture_and_takes_names(tmp_path: Path) -> None:
    spec = gymnasium.parse("gym:gymnasium:FrozenLake-v1")
    assert spec.packages == ("gymnasium",)
    made = {"module": "gymnasium", "env": "FrozenLake-v1", "arguments": {"is_slippery": False}, "asks": "", "floor": 0.0}
    (tmp_path / "t").mkdir()
    (tmp_path / "t" / "task.py").write_text(gymnasium.code(spec, {**made, "actions": ["left", "down", "right", "up"]}))
    (tmp_path / "t" / "rows.jsonl").write_text(json.dumps({"prompt": "?", "completion": "-"}) + "\n")
    (tmp_path / "t" / "task.toml").write_text(
        'schema_version = 1\nname = "t"\n[card]\ntitle = "T"\nabout = "A"\n[code]\npackages = ["gymnasium"]\n'
        '[rows]\ntrain = "rows.jsonl"\nvalid = "rows.jsonl"\ntest = "rows.jsonl"\n'
    )
    setting = folder.load(tmp_path / "t").environment
    assert setting is not None
    way = gymnasium.play(
        setting.open(), Example(messages=(), metadata={"seed": 1}), ("down", "down", "right", "right", "down", "right")
    )
    assert (way.earned, way.ended) == (1.0, True)
    assert way.told[0].endswith("[S]FFF\nFHFH\nFFFH\nHFFG\n\n0 (of 0 to 15)")
