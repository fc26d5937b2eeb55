"""Folders of Harbor and Terminal-Bench as tasks: what is read, what is refused, what tests say of the files that are left."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from burnish.errors import ConfigError
from burnish.tasks import folder, prove
from burnish.tasks.environment import Environment
from burnish.tasks.foreign import harbor
from burnish.tools import sandbox
from burnish.types import Message, ToolCall

shell_works = pytest.mark.skipif(
    sandbox.available().how != "bubblewrap", reason=f"a shell needs bubblewrap: {sandbox.available().why}"
)
TESTS = """
import subprocess
from pathlib import Path


def test_the_sum_is_written():
    assert Path("/app/out/sum.txt").read_text().strip() == "6"


class TestProgram:
    def test_it_runs(self):
        ran = subprocess.run(["sh", "/app/sum.sh", "2", "5"], capture_output=True, text=True)
        assert ran.stdout == "7\\n"
"""
SOLUTION = """#!/bin/bash
set -e
mkdir -p out
cat > sum.sh <<'END'
#!/bin/sh
echo $(($1 + $2))
END
chmod +x sum.sh
touch out/log
total=0
while read -r number; do total=$(./sum.sh $total "$number"); done < numbers.txt
echo $total > /app/out/sum.txt
sed -i s/6/6/ out/sum.txt
"""
INSTALLS = "#!/bin/bash\napt-get install -y curl\nuvx pytest /tests/test_outputs.py && echo 1 > /logs/verifier/reward.txt\n"
SCRIPT = """#!/bin/bash
mkdir -p /logs/verifier
if [ "$(cat $WHERE/out/sum.txt)" = 6 ]; then r=1; elif [ -d $WHERE/out ]; then r=0.25; else r=0; fi
echo "{\\"reward\\": $r}" > /logs/verifier/reward.json
"""
DOCKER = "# a comment\nFROM python:3.11-slim\nWORKDIR /app\nENV WHERE=/app\nCOPY numbers.txt \\\n  ./\nCOPY data /app/data/\n"


def task(path: Path, **changed: str | None) -> Path:
    """A folder of Harbor's; changed: files that are otherwise, by name with __ for / and _dot_ for a dot."""
    files: dict[str, str | None] = {
        "task.toml": 'version = "1.0"\n[metadata]\ndifficulty = "easy"\n',
        "instruction.md": "Sum the numbers of /app/numbers.txt into /app/out/sum.txt, with a script sum.sh.",
        "environment/Dockerfile": DOCKER,
        "environment/numbers.txt": "1\n2\n3\n",
        "environment/data/more.txt": "more",
        "tests/test.sh": INSTALLS,
        "tests/test_outputs.py": TESTS,
        "solution/solve.sh": SOLUTION,
    }
    files |= {name.replace("__", "/").replace("_dot_", "."): text for name, text in changed.items()}
    for name, text in files.items():
        if text is not None:
            (path / name).parent.mkdir(parents=True, exist_ok=True)
            (path / name).write_text(text)
    return path


def call(command: str) -> Message:
    return Message(role="assistant", content="", tool_calls=(ToolCall(name="shell", arguments=json.dumps({"command": command})),))


def do(way: Environment, *commands: str) -> list[str]:
    return [way.step(call(c)).messages[0].content for c in commands]


def end(way: Environment) -> tuple[float, str]:
    turn = way.step(Message(role="assistant", content="Done."))
    assert turn.done
    return turn.reward, turn.reason


def test_what_a_dockerfile_says_is_read(tmp_path: Path) -> None:
    found = harbor.read(task(tmp_path / "sums"))
    assert (found.name, found.space.cwd, found.space.environment) == ("sums", "/app", {"WHERE": "/app"})
    assert sorted(found.space.files) == ["/app/data/more.txt", "/app/numbers.txt"]
    assert sorted(found.space.tests) == ["/tests/test.sh", "/tests/test_outputs.py"]
    assert found.space.script is None, "it would install what it needs"
    assert found.space.places == ("app", "tests", "logs", "solution")
    assert harbor.read(task(tmp_path / "script", tests__test_dot_sh=SCRIPT)).space.script == "/tests/test.sh"


@pytest.mark.parametrize(
    ("changed", "match"),
    [
        ({"environment__Dockerfile": "FROM nvidia/cuda:12\n"}, "no plain base"),
        ({"environment__Dockerfile": "FROM python:3.11 AS a\nFROM python:3.11\n"}, "no plain base"),
        ({"environment__Dockerfile": f"{DOCKER}RUN apt-get install -y git\n"}, "RUN in its Dockerfile"),
        ({"environment__Dockerfile": f"{DOCKER}COPY --from=x /a /b\n"}, "COPY in its Dockerfile"),
        ({"environment__Dockerfile": f"{DOCKER}COPY ../../../etc/passwd /app/\n"}, "from outside"),
        ({"environment__Dockerfile": f"{DOCKER}COPY nothing.txt /app/\n"}, "does not have"),
        ({"environment__Dockerfile": f"{DOCKER}COPY numbers.txt /usr/lib/\n"}, "folder of the system"),
        ({"environment__Dockerfile": f"{DOCKER}COPY numbers.txt /app/../etc/x\n"}, "folder of the system"),
        ({"environment__Dockerfile": None}, "no environment/Dockerfile"),
        ({"environment__docker-compose_dot_yaml": "services: {}\n"}, "several containers"),
        ({"tests__test_outputs_dot_py": None}, "use the network"),
        ({"tests__test_outputs_dot_py": None, "tests__test_dot_sh": None}, "has no tests"),
        ({"solution__solve_dot_sh": None}, "no solution/solve.sh"),
        ({"solution__patch_dot_diff": "x"}, "more than solution/solve.sh"),
        ({"task_dot_toml": "a = " + "[" * 30_000}, "cannot be read"),
        ({"task_dot_toml": "x = 1\n" * 20_000}, "too large"),
        ({"task_dot_toml": '[environment]\ndocker_image = "some/image"\n'}, "docker_image"),
        ({"environment__big_dot_bin": "x" * 600_000}, "too large"),
    ],
)  # fmt: skip
def test_what_is_no_plain_base_is_refused_by_name(tmp_path: Path, changed: dict[str, str | None], match: str) -> None:
    path = task(tmp_path / "sums", **changed)
    with pytest.raises(ConfigError) as raised:
        harbor.bring(path, tmp_path / "out")
    assert match in str(raised.value)
    assert not (tmp_path / "out").exists()


def test_nothing_outside_of_the_folder_is_read(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("secret")
    for number, target in enumerate(("../../secret", "/etc/hostname", "data")):
        path = task(tmp_path / f"link{number}")
        (path / "environment" / "link").symlink_to(target)
        with pytest.raises(ConfigError, match="no plain file"):
            harbor.read(path)
    path = task(tmp_path / "pipe")
    os.mkfifo(path / "tests" / "pipe")
    with pytest.raises(ConfigError, match="no plain file"):
        harbor.read(path)
    with pytest.raises(ConfigError, match="no task of Harbor"):
        harbor.bring(tmp_path / "link0" / "tests", tmp_path / "out")


def test_terminal_benchs_older_form_is_read(tmp_path: Path) -> None:
    pytest.importorskip("yaml")
    path = task(tmp_path / "old", instruction_dot_md=None, task_dot_toml=None)
    (path / "environment" / "Dockerfile").rename(path / "Dockerfile")
    (path / "environment" / "numbers.txt").rename(path / "numbers.txt")
    (path / "environment" / "data").rename(path / "data")
    (path / "solution" / "solve.sh").rename(path / "solution.sh")
    (path / "tests" / "test.sh").rename(path / "run-tests.sh")
    for each in ("environment", "solution"):
        (path / each).rmdir()
    (path / "task.yaml").write_text("instruction: |-\n  Sum the numbers.\ndifficulty: easy\n")
    found = harbor.read(path)
    assert (found.instruction, found.about["difficulty"]) == ("Sum the numbers.", "easy")
    assert sorted(found.space.files) == ["/app/data/more.txt", "/app/numbers.txt"]
    (path / "task.yaml").write_text("a: &a [x, x]\nb: &b [*a, *a]\ninstruction: *b\n")
    with pytest.raises(ConfigError, match="anchors"):
        harbor.read(path)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    base = tmp_path_factory.mktemp("harbor")
    return harbor.bring(task(base / "sums"), base / "out")


@shell_works
def test_a_task_is_made_that_proves_itself(made: Path) -> None:
    found = folder.load(made)
    assert "Harbor" in found.card.data
    assert "sums" in found.card.data
    proof = prove.prove(found)
    verdicts = {line.name: line.verdict for line in proof.lines}
    assert verdicts.pop("another row's way fails", "not checked") == "not checked", "there is one row"
    assert set(verdicts.values()) == {"holds"}, verdicts
    before = folder.digest(made)
    text = (made / harbor.WORKSPACES).read_text()
    (made / harbor.WORKSPACES).write_text(text.replace('"WHERE": "/app"', '"WHERE": "/"'))
    assert folder.digest(made) != before, "the workspaces are part of what the task is"
    (made / harbor.WORKSPACES).write_text(text)


@shell_works
def test_files_stay_and_the_tests_say_what_they_are_worth(made: Path) -> None:
    found = folder.load(made)
    assert found.environment is not None
    way = found.environment.open()
    way.start(found.train[0])
    assert do(way, "pwd; ls; cat numbers.txt | wc -l", "cd data; touch /app/x; exit 3", "ls; pwd", "cat /tests/*") == [
        "/app\ndata\nnumbers.txt\n3\n",
        "(it printed nothing)\n(exit code 3)",
        "data\nnumbers.txt\nx\n/app\n",
        "cat: '/tests/*': No such file or directory\n\n(exit code 1)",
    ]
    key, other = way.state_key(), way.fork()
    do(way, "rm x", SOLUTION)
    assert other.state_key() == key != way.state_key()
    assert end(way) == (1.0, "2 tests pass, 0 fail")
    value, why = end(other)
    assert (value, why[:21]) == (0.0, "0 tests pass, 2 fail:")


@shell_works
def test_tests_cannot_be_replaced_or_ended(made: Path) -> None:
    found = folder.load(made)
    assert found.environment is not None
    way = found.environment.open()
    way.start(found.train[0])
    do(
        way,
        "mkdir -p /tests /logs/verifier; echo 'def test_a(): pass' > /tests/test_outputs.py; echo 1 > /logs/verifier/reward.txt",
        "mkdir out; printf 'import os\\nos._exit(0)\\n' > /tests/subprocess.py; cp /tests/subprocess.py subprocess.py",
        "(while true; do mkdir -p /app/out; echo 6 > /app/out/sum.txt; done) & echo started",
    )
    assert end(way)[0] == 0.0


@shell_works
def test_a_script_writes_its_reward(tmp_path: Path) -> None:
    out = harbor.bring(task(tmp_path / "script", tests__test_dot_sh=SCRIPT), tmp_path / "out")
    found = folder.load(out)
    assert found.environment is not None
    worth = []
    for commands in ((), ("mkdir out",), (SOLUTION,)):
        way = found.environment.open()
        way.start(found.train[0])
        do(way, *commands)
        worth.append(end(way)[0])
    assert worth == [0.0, 0.25, 1.0]


@shell_works
def test_a_solution_that_fails_or_tests_that_always_pass_are_refused(tmp_path: Path) -> None:
    for changed, match in (
        ({"solution__solve_dot_sh": "#!/bin/bash\necho no\n"}, "does not pass its tests"),
        ({"tests__test_outputs_dot_py": "def test_nothing():\n    pass\n"}, "pass where nothing was done"),
        ({"tests__test_outputs_dot_py": "def test_it(tmp_path):\n    pass\n"}, "does not pass its tests"),
    ):
        with pytest.raises(ConfigError, match=match):
            harbor.bring(task(tmp_path / match[:8], **changed), tmp_path / "out")
