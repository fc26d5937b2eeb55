"""Sessions: a module in the sandbox that answers calls, keeps what it keeps, fails clearly, and can be begun anew."""

from __future__ import annotations

import threading

import pytest

from burnish.errors import CallFailed, SessionEnded, UserError
from burnish.tools import sandbox, sandbox_pool
from burnish.tools.sandbox import Limits, session
from burnish.tools.sandbox_launch import How
from burnish.tools.sandbox_session import _parse

TASK = """
import os
kept = {}
class Environment:
    def __init__(self, start): self.at = start
def start(number):
    kept[len(kept)] = Environment(number)
    return len(kept) - 1
def step(number, by):
    kept[number].at += by
    return {"at": kept[number].at, "text": "é\\n\\x1b[31m"}
def half(n): return n / 0
def inner(n): return half(n)
def spin():
    while True: pass
def swallow():
    while True:
        try: spin()
        except Exception: pass
def sleep():
    import time; time.sleep(60)
def leave(code): os._exit(code)
def abort(): os.abort()
def give(what): return eval(what)
def say(text): print(text); return len(text)
def stuck(): "a" * 100_000 in "a" * 99_999 + "b" * 10; sum(range(10 ** 13))
"""
LIMITS = Limits(timeout_s=0.3)


def test_state_stays_between_calls(how: How):
    with session(TASK) as task:
        assert [task.call("start", n) for n in (10, 20)] == [0, 1]
        assert task.call("step", 0, 5) == {"at": 15, "text": "é\n\x1b[31m"}
        assert task.call("step", 1, 1)["at"] == 21
        assert task.call("step", 0, 1)["at"] == 16
        task.restart()
        with pytest.raises(CallFailed, match="KeyError: 0"):
            task.call("step", 0, 1)
    assert not task.alive
    with pytest.raises(SessionEnded, match="has ended"):
        task.call("start", 1)


def test_two_sessions_know_nothing_of_each_other(how: How):
    with session(TASK) as one, session(TASK) as two:
        assert (one.call("start", 1), two.call("start", 2), one.call("start", 3)) == (0, 0, 1)
        one.call("give", "open('left', 'w').close()")
        assert two.call("give", "os.listdir()") == []
    with session(TASK) as three:
        assert three.call("give", "os.listdir()") == []
        assert three.call("start", 1) == 0


def test_what_a_call_raises_is_told_with_its_line_and_the_session_goes_on():
    with session(TASK) as task:
        with pytest.raises(
            CallFailed, match=r"inner failed: ZeroDivisionError: division by zero \(task.py, line 12, in half\)"
        ) as e:
            task.call("inner", 1)
        assert "in inner" in e.value.__notes__[0]
        assert "sandbox" not in e.value.__notes__[0]
        with pytest.raises(CallFailed, match="has no function 'nothing'"):
            task.call("nothing")
        with pytest.raises(CallFailed, match="takes 1 positional argument but 2 were given"):
            task.call("half", 1, 2)
        assert task.call("start", 1) == 0


def test_a_module_that_cannot_be_loaded_is_told():
    with pytest.raises(CallFailed, match="the module failed: ModuleNotFoundError: No module named 'burnish'"):
        session("import burnish")
    with pytest.raises(CallFailed, match="SyntaxError"):
        session("def")
    with pytest.raises(UserError, match="not text"):
        session("'\ud800'")


@pytest.mark.parametrize("function", ["spin", "swallow", "sleep"])
def test_a_call_is_bounded_and_the_session_goes_on(how: How, function: str):
    with session(TASK, limits=LIMITS) as task:
        task.call("start", 1)
        with pytest.raises(CallFailed, match=f"{function} failed: .*(processor's time|stood still)"):
            task.call(function)
        assert task.call("start", 2) == 1


def test_what_never_comes_back_ends_the_session():
    with session(TASK, limits=LIMITS) as task:
        with pytest.raises(SessionEnded, match=r"stuck did not come back: .*its time is over"):
            task.call("stuck")
        assert not task.alive
        task.restart()
        assert task.call("start", 1) == 0


@pytest.mark.parametrize(
    ("call", "told"), [(("leave", 3), "exit code 3"), (("leave", 0), "exit code 0"), (("abort",), "signal 6")]
)
def test_a_crash_is_told(how: How, call: tuple[str, ...], told: str):
    with session(TASK) as task:
        with pytest.raises(SessionEnded, match=told):
            task.call(*call)
        with pytest.raises(SessionEnded, match="has ended"):
            task.call("start", 1)
        task.restart()
        assert task.call("start", 1) == 0


NESTED = "[__import__('sys').setrecursionlimit(10**7)] and __import__('functools').reduce(lambda a, _: [a], range(10**6), [])"


@pytest.mark.parametrize(
    ("what", "told"),
    [
        ("float('nan')", "not JSON compliant"),
        ("[float('inf')]", "not JSON compliant"),
        ("{1, 2}", "not JSON serializable"),
        ("b'x'", "not JSON serializable"),
        ("'x' * 10 ** 7", "characters of JSON"),
        ("'x' * 10 ** 9", "MemoryError"),
    ],
)
def test_what_is_no_json_is_not_taken(what: str, told: str):
    with session(TASK) as task:
        with pytest.raises(CallFailed, match=told):
            task.call("give", what)
        assert task.call("give", "1") == 1


def test_nesting_without_end_harms_nobody_outside():
    with session(TASK, limits=Limits(memory_bytes=1 << 30)) as task, pytest.raises(CallFailed):
        task.call("give", NESTED)


def forge(body: str) -> str:
    """A call that writes this where answers are written, before its own."""
    return f"[(b := {body}), os.write(3, len(b).to_bytes(4, 'little') + b), __import__('time').sleep(0.5)]"


@pytest.mark.parametrize(
    "body",
    [
        "b'['*10**6",
        "b'{\"value\": NaN}'",
        "b'{\"value\": 1e999' ",
        "b'[1]'",
        "b'\\xff\\xfe'",
        "b'{\"value\": ' + b'9' * 10**5 + b'}'",
    ],
)
def test_a_forged_answer_is_parsed_with_care(body: str):
    with session(TASK) as task:
        with pytest.raises(CallFailed, match=r"no JSON|no answer"):
            task.call("give", forge(body))
        assert not task.alive, "what comes next may be the answer to another call"


def test_half_characters_do_not_get_out():
    with session(TASK) as task:
        assert task.call("give", "'a\\ud800b'") == "a?b"
    assert _parse(b'{"mark": "m", "value": {"\\uD800": ["\\ud83d\\ude00"]}}', "m")["value"] == {"?": ["\U0001f600"]}


def test_an_answer_that_was_not_asked_for_ends_the_session():
    """The answer of the call itself, which a forged one has overtaken, is never taken for that of the next call."""
    body = b'{"value": "forged"}'
    with session(TASK) as task:
        with pytest.raises(CallFailed, match="no answer"):
            task.call("give", f"os.write(3, {len(body).to_bytes(4, 'little') + body!r})")
        with pytest.raises(SessionEnded, match="has ended"):
            task.call("give", "2")


def test_an_answer_longer_than_any_is_not_read():
    with session(TASK) as task, pytest.raises(SessionEnded, match="too much"):
        task.call("give", "os.write(3, b'\\xff\\xff\\xff\\xff') and __import__('time').sleep(0.5)")


def test_what_a_call_prints_is_kept():
    with session(TASK) as task:
        assert task.call("say", "hello") == 5
        assert task.printed == "hello\n"
        task.call("start", 1)
        assert task.printed == ""
        task.call("say", "x" * 100_000)
        assert len(task.printed) == 16 << 10


def test_calls_of_several_threads_take_turns():
    with session(TASK) as task:
        threads = [threading.Thread(target=task.call, args=("start", n)) for n in range(20)]
        for each in threads:
            each.start()
        for each in threads:
            each.join()
        assert task.call("start", 0) == 20


def test_a_server_is_used_again_after_a_session():
    sandbox_pool.close()
    with session(TASK) as task:
        task.call("start", 1)
        first = task._server
    with session(TASK) as task:
        assert task._server is first
        assert task.call("start", 1) == 0
    with session(TASK, strict=True) as task:
        assert task._server is not first


def test_an_idle_server_that_was_killed_is_replaced():
    sandbox.run("")
    for server in sandbox_pool._IDLE:
        assert server._process is not None
        server._process.kill()
        server._process.wait()
    assert sandbox.run("print(1)").stdout == "1\n"
    with session(TASK) as task:
        assert task.call("start", 1) == 0
