"""Ways through environments: tokens go on from tokens, what others write carries no loss, and every end is told."""

from __future__ import annotations

import math
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path

import numpy as np
import pytest
from acting import Script, open_policy, scripted, tool_model

from burnish.errors import CapabilityMissing, ConfigError
from burnish.evals.evaluate import evaluate
from burnish.protocols import Policy
from burnish.render.renderer import Renderer
from burnish.tasks import judging
from burnish.tasks.environment import Environment, Limits, OneAnswer, Setting, Turn, question_of
from burnish.tasks.rollout import Question, roll_out, sampling
from burnish.tasks.tooluse import ToolUse
from burnish.tools.calculator import calculator
from burnish.tools.function import schema
from burnish.types import Datum, Example, Message, Rollout, Score, ToolCall

END = "<|im_end|>"
CALL = '<tool_call>{"name": "calc", "arguments": {"expression": "6*7"}}</tool_call>' + END


@pytest.fixture(scope="module")
def model(tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Policy, Renderer]:
    return open_policy(tool_model(tiny_model, tmp_path_factory.mktemp("tools") / "model"))


@dataclass(frozen=True)
class Says:
    """1 where the reference stands in the answer; keeps what it saw."""

    name: str = "says"
    concurrency = 2
    seen: list[Example] = field(default_factory=list)

    def grade(self, example: Example, answer: str) -> Score:
        self.seen.append(example)
        return Score(value=float((example.reference or "") in answer), reason=f"said {answer!r}")


def ask(text: str = "6*7?", reference: str = "42") -> Example:
    return Example(
        messages=(Message(role="user", content=text), Message(role="assistant", content=reference)), reference=reference
    )


def questions(renderer: Renderer, *examples: Example) -> list[Question]:
    return [Question(index=n, example=e, ids=tuple(renderer.prompt_of(e))) for n, e in enumerate(examples)]


def go(model: tuple[Policy, Renderer], script: Script, setting: Setting | None, *examples: Example, grader: Says | None = None,
       samples: int = 1, limit: int = 100, seed: int = 0) -> list[list[Rollout]]:  # fmt: skip
    policy, renderer = model
    told, engine = scripted(policy, renderer, script)
    params = sampling(renderer, limit_tokens=limit, samples=samples)
    groups = roll_out(told, renderer, grader or Says(), questions(renderer, *(examples or (ask(),))), params, setting=setting)
    longest = max(sum(s.logprobs is not None for s in r.segments) for group in groups for r in group)
    assert len(engine.requests) == longest, "one request a turn"
    return groups


CALCULATOR = ToolUse(tools=(calculator(),), limits=Limits(turns=3, calls=2))


def by_turn(*said: str | None) -> Script:
    return lambda question, sample, turn: said[turn - 1]


def text(renderer: Renderer, rollout: Rollout) -> str:
    return renderer.tokenizer.decode(rollout.ids.tolist())


def test_the_tokens_are_those_of_the_template_and_only_drawn_ones_carry_loss(model) -> None:
    policy, renderer = model
    ((found,),) = go(model, by_turn(CALL, f"It is 42.{END}"), CALCULATOR)
    assert [s.role for s in found.segments] == ["user", "assistant", "tool", "assistant"]
    call = ToolCall(name="calc", arguments='{"expression": "6*7"}', id="call00000")
    trace = Example(
        messages=(
            Message(role="user", content="6*7?"),
            Message(role="assistant", tool_calls=(call,)),
            Message(role="tool", content="42", name="calc", tool_call_id="call00000"),
            Message(role="assistant", content="It is 42."),
        ),
        tools=(schema(calculator()),),
    )
    row = renderer.render(trace)
    size = len(found.ids)  # the template writes one more newline
    assert found.ids.tolist() == row.ids[:size].tolist()
    assert row.ids[size:].tolist() == renderer.tokenizer.encode("\n")
    assert found.drawn.tolist() == (row.weights[:size] > 0).tolist(), "what is learned from is what fine-tuning would learn from"
    assert found.messages == trace.messages
    assert (found.answer, found.score.value, found.stop_reason) == ("It is 42.", 1.0, "stop")
    computed = policy.forward([Datum.from_tokens(found.ids, np.ones(len(found.ids)))]).result()[0].logprobs
    drawn = found.drawn[1:]
    assert np.abs(computed[drawn] - found.logprobs[1:][drawn]).max() < 1e-4
    assert [s.turn for s in found.segments] == [0, 1, 1, 2]


@pytest.mark.parametrize(
    ("said", "read"),
    [
        ("<tool_call>rubbish</tool_call>", "error: this call names no tool; there is calc"),
        (
            '<tool_call>{"name": "calc", "arguments": {"expression": 3}}</tool_call>',
            "error: calc: expression must be a text, not 3",
        ),
        ('<tool_call>{"name": "sum", "arguments": {}}</tool_call>', "error: there is no tool 'sum'; there is calc"),
        ('<tool_call>{"name": "calc", "arguments": "{"}</tool_call>', "error: calc: the arguments are not JSON"),
        ('<tool_call>{"name": "calc", "arguments": {"expression": "1/0"}}</tool_call>', "division by zero"),
    ],
)
def test_check_14_a_malformed_call_is_an_error_to_read(model, said: str, read: str) -> None:
    ((found,),) = go(model, by_turn(said + END, f"42{END}"), CALCULATOR)
    assert read in text(model[1], found)
    assert found.score.value == 1.0


def test_several_calls_are_answered_in_order_and_too_many_refused(model) -> None:
    calls = "".join(CALL.removesuffix(END).replace("6*7", f"{n}*10") for n in (1, 2, 3)) + END
    ((found,),) = go(model, by_turn(calls, f"42{END}"), CALCULATOR, limit=300)
    assert [m.content for m in found.messages if m.role == "tool"][:2] == ["10", "20"]
    assert "no more than 2 calls" in found.messages[4].content
    assert [m.tool_call_id for m in found.messages if m.role == "tool"] == ["call00000", "call00001", "call00002"]


def test_an_answer_that_is_cut_ends_its_way_and_reaches_no_environment(model) -> None:
    ((found,),) = go(model, by_turn(CALL), CALCULATOR, limit=20)
    assert (found.stop_reason, found.score.marks) == ("length", ("cut",))
    assert len(found.segments) == 2
    assert found.score.value == 0.0


def test_turns_and_room_end_a_way(model) -> None:
    ((found,),) = go(model, by_turn(CALL, CALL, CALL), CALCULATOR)
    assert found.score.marks == ("out of turns",)
    assert found.answer == ""
    assert sum(s.logprobs is not None for s in found.segments) == 3
    tokens = len(found.segments[0].ids) + len(found.segments[1].ids) + 3
    ((found,),) = go(model, by_turn(CALL, CALL), ToolUse(tools=(calculator(),), limits=Limits(tokens=tokens)))
    assert (found.stop_reason, found.score.marks) == ("length", ("out of room",))
    assert len(found.ids) >= tokens
    assert found.segments[-1].logprobs is None


def test_the_grader_sees_how_an_answer_came_about(model) -> None:
    grader = Says()
    go(model, by_turn(CALL, f"42{END}"), CALCULATOR, grader=grader)
    told = grader.seen[0].metadata[judging.TRANSCRIPT]
    assert [m["role"] for m in told] == ["user", "assistant", "tool", "assistant"]
    assert told[1]["tool_calls"] == [{"name": "calc", "arguments": '{"expression": "6*7"}'}]


class Guess(Environment):
    """Say the number: each turn pays a tenth of how near it is; over after the right one."""

    forks = True

    def __init__(self) -> None:
        self.state = 0

    def start(self, example: Example) -> Sequence[Message]:
        self.wanted = int(example.reference or 0)
        return question_of(example)

    def step(self, message: Message) -> Turn:
        self.state += 1
        said = int(message.content)  # raises for what is no number: this environment has a bug
        if said == self.wanted:
            return Turn(done=True, reward=1.0, reason="found")
        said_more = Message(role="user", content="more" if said < self.wanted else "less")
        return Turn(messages=(said_more,), reward=0.1)

    def state_key(self) -> str | None:
        return f"asked {self.state}"

    def fork(self) -> Guess:
        other = Guess()
        other.wanted, other.state = self.wanted, self.state
        return other


@dataclass(frozen=True)
class Of:
    """Environments of a class."""

    make: type[Environment] = Guess
    limits: Limits = field(default_factory=Limits)

    def open(self) -> Environment:
        return self.make()


def test_turns_are_paid_and_the_sum_is_added_to_the_grade(model) -> None:
    ((found,),) = go(model, by_turn(f"1{END}", f"5{END}", f"3{END}"), Of(), ask("?", "3"))
    assert [s.reward for s in found.segments if s.logprobs is not None] == [0.1, 0.1, 1.0]
    assert [s.state for s in found.segments if s.logprobs is not None] == ["asked 0", "asked 1", "asked 2"]
    assert found.score.parts == (("says", 1.0), ("turns", pytest.approx(1.2)))
    assert found.reward == pytest.approx(2.2)
    assert "found" in found.score.reason
    assert [m.content for m in found.messages] == ["?", "1", "more", "5", "less", "3"]


def test_a_failure_of_an_environment_is_an_error_and_no_zero_and_the_others_go_on(model) -> None:
    ((bad, good),) = go(model, lambda q, s, t: f"{'x' if s == 0 else 3}{END}", Of(), ask("?", "3"), samples=2)
    assert math.isnan(bad.reward)
    assert "invalid literal" in (bad.score.error or "")
    assert good.reward == 2.0


class Odd(OneAnswer):
    def step(self, message: Message) -> Turn:
        return {"nothing": Turn(), "nan": Turn(done=True, reward=math.nan)}[message.content]


@pytest.mark.parametrize(("said", "why"), [("nothing", "nothing to read"), ("nan", "no number")])
def test_turns_that_make_no_sense_are_errors(model, said: str, why: str) -> None:
    ((found,),) = go(model, by_turn(said + END), Of(Odd))
    assert math.isnan(found.reward)
    assert why in (found.score.error or "")


class Broken(OneAnswer):
    def start(self, example: Example) -> Sequence[Message]:
        raise OSError("no board")


def test_an_environment_that_does_not_start_is_an_error(model) -> None:
    policy, renderer = model
    ((found,),) = roll_out(
        policy, renderer, Says(), questions(renderer, ask()), sampling(renderer, limit_tokens=5), setting=Of(Broken)
    )
    assert "no board" in (found.score.error or "")
    assert not found.drawn.any()


def test_one_that_hangs_is_given_up(model, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(judging, "LIMIT_S", 0.2)
    hang = threading.Event()

    class Hangs(OneAnswer):
        def step(self, message: Message) -> Turn:
            hang.wait(30)
            return Turn(done=True)

    ((found,),) = go(model, by_turn(f"42{END}"), Of(Hangs))
    hang.set()
    assert "took more than" in (found.score.error or "")


def test_one_answer_is_what_a_task_without_an_environment_is_bit_by_bit(model) -> None:
    free: Script = lambda q, s, t: None  # noqa: E731
    rows = [ask(f"{n}?") for n in range(5)]
    plain, acted = (go(model, free, s, *rows, samples=3, limit=12, seed=4) for s in (None, Of(OneAnswer)))
    for one, other in zip(chain(*plain), chain(*acted), strict=True):
        assert one.ids.tolist() == other.ids.tolist()
        assert one.logprobs.tolist() == other.logprobs.tolist()
        if one.stop_reason == "stop":
            assert (one.answer, one.score) == (other.answer, other.score)


class Talk(OneAnswer):
    """Ends at once where the question says so, else after three turns."""

    def start(self, example: Example) -> Sequence[Message]:
        self.left = 1 if "short" in example.messages[0].content else 3
        return question_of(example)

    def step(self, message: Message) -> Turn:
        self.left -= 1
        return Turn(done=True) if not self.left else Turn(messages=(Message(role="user", content="go on"),))


def test_what_is_drawn_does_not_depend_on_who_else_speaks(model) -> None:
    script: Script = lambda q, s, t: f"ab{END}" if t < 3 else None  # noqa: E731
    alone, beside = (go(model, script, Of(Talk), ask("short" if s else "long"), ask("x"), samples=3, limit=9) for s in (1, 0))
    assert [r.ids.tolist() for r in alone[1]] == [r.ids.tolist() for r in beside[1]]
    last = [r.segments[-1].ids.tolist() for r in alone[1]]
    assert len({tuple(ids) for ids in last}) == 3, "the ways of one question draw apart"
    again = go(model, script, Of(Talk), ask("short"), ask("x"), samples=3, limit=9)
    assert [r.logprobs.tolist() for r in again[1]] == [r.logprobs.tolist() for r in alone[1]]


def test_answers_are_graded_while_others_are_drawn(model) -> None:
    graded = threading.Event()

    @dataclass(frozen=True)
    class Notes(Says):
        def grade(self, example: Example, answer: str) -> Score:
            graded.set()
            return super().grade(example, answer)

    policy, renderer = model
    told, engine = scripted(policy, renderer, lambda q, s, t: f"a{END}" if s == 0 else "b" * 30 + END)
    waited: list[bool] = []

    def sample(*args, **more):
        own = more.pop("on_sample")
        return inner(*args, on_sample=lambda q, s, said: (own(q, s, said), s == 0 and waited.append(graded.wait(10))), **more)

    inner, engine.sample = engine.sample, sample
    params = sampling(renderer, limit_tokens=40, samples=2)
    roll_out(told, renderer, Notes(), questions(renderer, ask()), params)
    assert waited == [True]


def test_a_template_that_knows_no_tools_is_refused_by_name(tiny_model: Path) -> None:
    policy, renderer = open_policy(tiny_model)
    with pytest.raises(ConfigError, match="cannot be used with tools") as caught:
        roll_out(policy, renderer, Says(), questions(renderer, ask()), sampling(renderer, limit_tokens=5), setting=CALCULATOR)
    assert "does not show the tools" in caught.value.seen


def test_what_an_environment_can_do_it_says() -> None:
    assert Guess.forks
    assert not OneAnswer.forks
    with pytest.raises(CapabilityMissing, match="cannot be forked"):
        OneAnswer().fork()
    assert OneAnswer().state_key() is None
    one = CALCULATOR.open()
    one.start(ask())
    call = Message(role="assistant", tool_calls=(ToolCall(name="calc", arguments='{"expression": "1"}'),))
    one.step(call)
    other = one.fork()
    assert [e.step(call).messages[0].content for e in (one, one, other)] == ["1", one.step(call).messages[0].content, "1"]


def test_the_question_of_a_trace_is_what_comes_before_it() -> None:
    call = Message(role="assistant", tool_calls=(ToolCall(name="calc", arguments="{}"),))
    system, user, answer = (
        Message(role="system", content="s"),
        Message(role="user", content="u"),
        Message(role="assistant", content="a"),
    )
    result = Message(role="tool", content="1")
    assert question_of(Example(messages=(system, user, call, result, answer))) == (system, user)
    assert question_of(Example(messages=(user, answer, user, call, result, answer))) == (user, answer, user)
    assert question_of(Example(messages=(system, answer))) == (system,)
    assert question_of(Example(messages=(user,))) == (user,)


def test_what_going_on_is_worth_is_tried_in_copies(model) -> None:
    """Two ways of "3": one finds it at its third turn, the other at once. From before the second turn of the first, three copies
    go on: one finds it, one breaks its environment, one finds it a turn later; from before its third, one never does."""
    said = {0: "153", 1: "3", 8: "3", 9: "x", 10: "13", 11: "11", 12: "3", 13: "3"}  # by sample; copies have numbers of their own
    begun = {0: 1, 1: 1, 8: 4, 9: 4, 10: 4, 11: 5, 12: 5, 13: 5}  # at which request

    def script(question: int, sample: int, request: int) -> str:
        return said[sample][request - begun[sample]] + END

    policy, renderer = model
    setting, asked = Of(limits=Limits(turns=4)), questions(renderer, ask("?", "3"))
    found = {}
    for values in (0, 3):
        told, engine = scripted(policy, renderer, script)
        params = sampling(renderer, limit_tokens=20, samples=2)
        (found[values],) = roll_out(told, renderer, Says(), asked, params, setting=setting, values=values)
        assert len(engine.requests) == (3 if values == 0 else 6), "one request a turn, and copies of all turns share theirs"
    first, second = ([s for s in way.segments if s.logprobs is not None] for way in found[3])
    assert [s.value for s in first] == pytest.approx([2.1, (2.0 + 2.1) / 2, (0.2 + 2.0 + 2.0) / 3])
    assert [s.value for s in second] == pytest.approx([2.1])
    for plain, tried in zip(found[0], found[3], strict=True):
        assert plain.reward == tried.reward
        assert plain.ids.tolist() == tried.ids.tolist(), "the ways are what they were"
        assert all(s.value is None for s in plain.segments)


def test_values_of_an_environment_that_does_not_fork_are_refused(model) -> None:
    policy, renderer = model
    params = sampling(renderer, limit_tokens=5)
    with pytest.raises(ConfigError, match="cannot be gone on from anew"):
        roll_out(policy, renderer, Says(), questions(renderer, ask()), params, setting=Of(OneAnswer), values=2)


class Unwritable(Environment):
    """Says at its start, and then, what the question holds."""

    def start(self, example: Example) -> Sequence[Message]:
        self.then = example.messages[0].content
        return (Message(role="user", content="?" * 2000 if self.then == "long" else "go"),)

    def step(self, message: Message) -> Turn:
        return Turn(messages=(Message(role="user", content="half \ud800"),))


def test_what_cannot_be_written_or_has_no_room_fails_alone_and_is_never_a_zero(model) -> None:
    script: Script = lambda q, s, t: f"a{END}"  # noqa: E731
    policy, renderer = model
    told, _ = scripted(policy, renderer, script)
    params = sampling(renderer, limit_tokens=20, samples=1)
    asked = questions(renderer, ask("long"), ask("half"))
    (long,), (half,) = roll_out(told, renderer, Says(), asked, params, setting=Of(Unwritable, Limits(turns=3, tokens=600)))
    assert long.score.error is not None
    assert "nothing can be answered" in long.score.error
    assert half.score.error is not None
    assert "cannot go on" in half.score.error
    assert math.isnan(long.reward + half.reward)


def test_without_a_grader_answers_are_found_with_tools_as_well_and_the_given_trace_is_not_shown(model) -> None:
    call = ToolCall(name="calc", arguments='{"expression": "6*7"}')
    trace = Example(
        messages=(
            Message(role="user", content="6*7?"),
            Message(role="assistant", tool_calls=(call,)),
            Message(role="tool", content="42", name="calc"),
            Message(role="assistant", content="It is 42."),
        ),
        tools=(schema(calculator()),),
    )
    policy, renderer = model
    told, engine = scripted(policy, renderer, by_turn(CALL, f"So 42.{END}"))
    found = evaluate(told, renderer, [trace], grader=None, limit_tokens=100, setting=CALCULATOR)
    (item,) = found.items
    assert [a.text for a in item.answers] == ["So 42."]
    assert item.answers[0].score is None
    assert len(engine.requests) == 2
    asked = len(renderer.prompt(trace.messages[:1], trace.tools))
    assert item.prompt_tokens == asked < len(renderer.prompt_of(trace))
