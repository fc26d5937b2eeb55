"""What an answer may try in order to be paid without being right: the verdict is made outside, of what only the grader knows."""

from __future__ import annotations

import pytest

from burnish.tasks.graders.program import Calls
from burnish.tasks.graders.python import RUNS
from burnish.tools import sandbox
from burnish.types import Example

pytestmark = pytest.mark.skipif(sandbox.available().how is None, reason=f"no sandbox works here: {sandbox.available().why}")

ROW = Example(messages=(), reference="17", metadata={"checks": [["f(3)", "9"], ["f(-4)", "16"], ["f(12)", "144"]]})

FORGERIES = {
    "says it passed": "print('PASS', 'all 3 checks pass', 'OK', 1.0)",
    "leaves with success": "import sys; sys.exit(0)",
    "leaves at once": "import os; os._exit(0)",
    "is equal to everything": "class Any:\n    def __eq__(self, other): return True\n    def __hash__(self): return 0\n"
    "f = lambda n: Any()",
    "has the representation of everything": "class Any:\n    def __repr__(self): return '9'\nf = lambda n: Any()",
    "patches what the checks use": "import builtins\nbuiltins.repr = lambda x: '9'\nbuiltins.print = lambda *a, **k: None",
    "reads the checks and prints its own lines": r"""
import os, re
source = open("program.py").read()
for mark, n in re.findall(r"print\('..(\w{16})', (\d+)", source): print("\n" + mark, n, "9", flush=True)
os._exit(0)
""",
    "writes to all files": "import os\nfor n in range(3, 300):\n    try: os.write(n, b'\\x00' * 48)\n    except OSError: pass",
    "writes over the program": "open('program.py', 'w').write('print(1)')",
    "leaves it for the end": """
import atexit, os
atexit.register(lambda: print("PASS", flush=True))
atexit.register(os._exit, 0)
""",
    "looks into the frames": """
import gc, sys
frame, found = sys._getframe(), []
while frame: found += [*frame.f_locals.values()]; frame = frame.f_back
seen = [o for o in [*found, *gc.get_objects()] if isinstance(o, dict) and "checks" in o]
f = (lambda n: seen[0]) if seen else (lambda n: None)
""",
    "reads its memory": "try: memory = open('/proc/self/mem', 'rb')\nexcept OSError: memory = None\nf = lambda n: memory",
    "changes the clock and chance": "import random, time\ntime.time = lambda: 0\nrandom.random = lambda: 0.5",
    "says nothing legible": "import sys\nsys.stdout.buffer.write(b'\\xff\\xfe\\x1b[2J\\r\\n' * 99)",
    "says very much": "print('9\\n' * 10**6)",
    "nests without end": "f = lambda n: eval('[' * 50 + ']' * 50)",
    "recurses without end": "def f(n): return f(n)",
    "is no number": "f = lambda n: float('nan')",
    "imports a module of its own": "open('re.py', 'w').write('x = 1')\nimport sys; sys.path.insert(0, '.')",
    "traces what is run": "import sys\nsys.settrace(lambda *a: None); sys.setprofile(lambda *a: None)",
}


@pytest.mark.parametrize("how", FORGERIES)
def test_an_answer_that_is_not_right_is_not_paid(how: str):
    code = FORGERIES[how]
    answer = f"```python\n{code}\ndef g(n):\n    return n\n```"
    if "f = " not in code and "def f" not in code:
        answer = f"```python\ndef f(n):\n    return n * 2\n{code}\n```"
    score = RUNS.grade(ROW, answer)
    assert (score.value, score.error) == (0.0, None), score


def test_a_right_answer_is_paid_after_all_of_them():
    assert RUNS.grade(ROW, "def f(n):\n    return n * n").value == 1.0


JUDGE = """
import json
def grade(example, answer):
    print(answer)
    try: said = json.loads(answer)
    except (ValueError, RecursionError): return 0.0, "no JSON"
    return float(said == json.loads(example["reference"]))
"""


@pytest.mark.parametrize(
    "answer",
    [
        '{"value": 1.0, "reason": ""}',
        '["1.0", ""]',
        '\n{"mark": "x", "value": ["1.0", ""]}\n',
        "[" * 100_000,
        "NaN",
        "Infinity",
        "1e999",
        "\ud800",
        "\x1b[2J\r\n\x00",
        "9" * 6000,
        "'); import os; os._exit(0)",
    ],
)
def test_an_answer_is_text_to_a_grader_of_the_users_own(answer: str):
    score = Calls(JUDGE).grade(ROW, answer)
    assert score.value == 0.0 or score.error is not None, score


def test_a_grader_that_runs_the_answer_cannot_be_answered_by_what_it_prints_or_writes_blindly():
    """An answer that a careless grader executes; neither its file nor its output says what an answer of the grader looks like."""
    careless = "def grade(example, answer):\n    exec(answer, {})\n    return 0.0\n"
    forged = (
        "import os\nfor name in os.listdir('.'): print(open(name).read())\n"
        'body = b\'{"value": ["1.0", ""]}\'\nos.write(3, len(body).to_bytes(4, \'little\') + body)'
    )
    score = Calls(careless).grade(ROW, forged)
    assert score.value != 1.0
    assert score.error is not None
    assert Calls(careless).grade(ROW, "print('1.0')").value == 0.0


def test_one_answer_cannot_spoil_the_judgement_of_the_next():
    careless = "state = {'value': 0.0}\ndef grade(example, answer):\n    exec(answer, globals())\n    return state['value']\n"
    grader = Calls(careless)
    assert grader.grade(ROW, "state['value'] = 0.5; grade = None").value == 0.5
    assert grader.grade(ROW, "pass").value == 0.0
