"""How samples end and are handed out: stop ids and strings, streaming, cancelling, constraints, failing callbacks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from sampling import TOKEN_BYTES, VOCAB, make_prompts, open_sampler, run, sample

from burnish.engine.sampler import Sampler
from burnish.errors import ConfigError
from burnish.types import SamplingParams


@pytest.fixture
def sampler(model_dirs: dict[str, Path]) -> Sampler:
    return open_sampler(model_dirs["qwen3-tied"], end_ids=(94,))


class Follow:
    """Allows one given token after another, then nothing more is said (None: all)."""

    def __init__(self, tokens: list[int]) -> None:
        self.tokens, self.seen = tokens, list[int]()

    def mask(self) -> np.ndarray | None:
        if len(self.seen) >= len(self.tokens):
            return None
        mask = np.zeros(VOCAB, dtype=bool)
        mask[self.tokens[len(self.seen)]] = True
        return mask

    def accept(self, token: int) -> None:
        self.seen.append(token)


def spell(text: str) -> list[int]:
    return [ord(c) - 32 for c in text]


def forced(text: str) -> list[Callable[[], Follow]]:
    return [lambda: Follow(spell(text))]


def test_a_constraint_decides_what_is_drawn_and_hears_of_it(sampler: Sampler) -> None:
    made: list[Follow] = []

    def make() -> Follow:
        made.append(Follow(spell("hello")))
        return made[-1]

    params = SamplingParams(limit_tokens=8, samples=2, temperature=1.5, top_p=0.5, stop_ids=())
    (pair,) = sample(sampler, [[1, 2]], params, constraints=[make])
    for one, constraint in zip(pair, made, strict=True):
        assert one.text.startswith("hello")
        assert constraint.seen == one.ids.tolist()
        assert one.sampled_logprobs[:5].tolist() == [0.0] * 5, "one allowed token has probability 1"
        assert (one.logprobs[:5] < -0.1).any()


def test_a_constraint_that_allows_nothing_fails_its_request_alone(sampler: Sampler) -> None:
    class Nothing(Follow):
        def mask(self) -> np.ndarray | None:
            return np.zeros(VOCAB, dtype=bool) if len(self.seen) == 2 else None

    other = sampler.submit([[1, 2, 3]], SamplingParams(limit_tokens=9, stop_ids=()))
    request = sampler.submit([[4], [5]], SamplingParams(limit_tokens=9, stop_ids=()), constraints=[None, lambda: Nothing([])])
    assert len(run(sampler, other)[0][0].ids) == 9
    with pytest.raises(ConfigError, match="no token is allowed for sample 0 of prompt 1"):
        request.results()
    assert sampler.idle


def test_what_a_constraint_raises_is_raised_by_its_request(sampler: Sampler) -> None:
    class Broken(Follow):
        def accept(self, token: int) -> None:
            raise KeyError(token)

    other = sampler.submit([[1, 2, 3]], SamplingParams(limit_tokens=9, stop_ids=()))
    request = sampler.submit([[4]], SamplingParams(limit_tokens=9), constraints=[lambda: Broken([])])
    run(sampler, other)
    with pytest.raises(KeyError):
        request.results()


def test_an_end_token_ends_the_text_before_it(sampler: Sampler) -> None:
    ((one,),) = sample(sampler, [[1]], SamplingParams(limit_tokens=20), constraints=[lambda: Follow([*spell("ab"), 94])])
    assert (one.ids.tolist(), one.text, one.stop_reason) == ([*spell("ab"), 94], "ab", "stop")
    never = SamplingParams(limit_tokens=4, stop_ids=())
    ((one,),) = sample(sampler, [[1]], never, constraints=[lambda: Follow([94] * 4)])
    assert (one.text, one.stop_reason) == ("~~~~", "length")
    own = SamplingParams(limit_tokens=20, stop_ids=(5, 66))
    ((one,),) = sample(sampler, [[1]], own, constraints=forced("abc"))
    assert (one.text, one.stop_reason) == ("a", "stop")


def test_special_tokens_are_left_out_of_the_text(model_dirs: dict[str, Path]) -> None:
    sampler = open_sampler(model_dirs["qwen3-tied"], special_ids=frozenset({3}))
    params = SamplingParams(limit_tokens=3)
    ((one,),) = sample(sampler, [[1]], params, constraints=[lambda: Follow([65, 3, 66])])
    assert one.text == "ab"


def test_a_stop_string_spans_tokens_and_ids_keep_it(sampler: Sampler) -> None:
    params = SamplingParams(limit_tokens=20, stop=("zz", "END"))
    ((one,),) = sample(sampler, [[1]], params, constraints=forced("the END of"))
    assert (one.text, one.stop_reason) == ("the ", "stop")
    assert one.ids.tolist() == spell("the END")
    assert len(one.logprobs) == 7


def test_streamed_text_is_the_samples_text(sampler: Sampler) -> None:
    heard: list[tuple[int, int, int, str]] = []
    params = SamplingParams(limit_tokens=30, samples=2, stop=("a", "e", "!!"), stop_ids=(), seed=8)
    drawn = sample(sampler, make_prompts(4), params, on_token=lambda *event: heard.append(event))
    for p, row in enumerate(drawn):
        for s, one in enumerate(row):
            events = [e for e in heard if e[:2] == (p, s)]
            assert [e[2] for e in events] == one.ids.tolist()
            assert "".join(e[3] for e in events) == one.text
            plain = b"".join(TOKEN_BYTES[i] for i in one.ids).decode("utf-8", "replace")
            assert plain.startswith(one.text)
    assert {o.stop_reason for row in drawn for o in row} == {"stop", "length"}


def test_streamed_characters_are_whole(model_dirs: dict[str, Path]) -> None:
    euro = "€".encode()
    spelled = [*TOKEN_BYTES[:93], euro[:1], euro[1:2], euro[2:]]
    sampler = open_sampler(model_dirs["qwen3-tied"], token_bytes=spelled)
    heard: list[str] = []
    params = SamplingParams(limit_tokens=6)
    follow = [*spell("1"), 93, 94, 95, 93, 94]
    ((one,),) = sample(
        sampler, [[1]], params, constraints=[lambda: Follow(follow)], on_token=lambda p, s, t, text: heard.append(text)
    )
    assert heard == ["1", "", "", "€", "", "\ufffd"]
    assert one.text == "1€\ufffd"


def test_cancel_frees_the_rows_and_keeps_what_was_drawn(sampler: Sampler) -> None:
    params = SamplingParams(limit_tokens=40, temperature=0.0, stop_ids=())
    narrow = Sampler(sampler.decoder, sampler.bank, token_bytes=TOKEN_BYTES, end_ids=(), limit_rows=3)
    request, other = narrow.submit(make_prompts(5), params), narrow.submit(make_prompts(1, seed=3), params)
    for _ in range(5):
        narrow.step()
    request.cancel()
    assert request.done
    assert not narrow.batch.rows
    drawn = [row[0] for row in request.results()]
    assert [len(s.ids) for s in drawn] == [5, 5, 5, 0, 0]
    assert {s.stop_reason for s in drawn} == {"cancelled"}
    assert drawn[0].text
    alone = sample(sampler, make_prompts(1, seed=3), params)
    assert run(narrow, other)[0][0].ids.tolist() == alone[0][0].ids.tolist()


def test_cancel_from_within_a_callback_stops_the_stream(sampler: Sampler) -> None:
    heard: list[int] = []

    def listen(prompt: int, index: int, token: int, text: str) -> None:
        heard.append(token)
        if len(heard) == 3:
            request.cancel()

    request = sampler.submit(make_prompts(2), SamplingParams(limit_tokens=40, stop_ids=()), on_token=listen)
    run(sampler, request)
    assert len(heard) == 3
    assert sampler.idle


def test_what_a_callback_raises_is_raised_by_its_request(sampler: Sampler) -> None:
    def listen(prompt: int, index: int, token: int, text: str) -> None:
        raise BrokenPipeError

    other = sampler.submit([[1, 2, 3]], SamplingParams(limit_tokens=9, stop_ids=()))
    request = sampler.submit([[4]], SamplingParams(limit_tokens=1), on_token=listen)
    run(sampler, other)
    with pytest.raises(BrokenPipeError):
        request.results()


def test_a_cancelled_request_that_never_ran_is_empty(sampler: Sampler) -> None:
    request = sampler.prepare([[1]], SamplingParams(limit_tokens=9, samples=2))
    request.cancel()
    assert [s.stop_reason for s in request.results()[0]] == ["cancelled"] * 2


def test_each_answer_is_handed_out_once_as_it_ends(sampler: Sampler) -> None:
    heard: list[tuple[int, int, list[int]]] = []
    params = [SamplingParams(limit_tokens=n, samples=2, stop_ids=()) for n in (7, 0, 3)]
    request = sampler.prepare([[1], [2], [3]], params, on_sample=lambda p, s, said: heard.append((p, s, said.ids.tolist())))
    sampler.enqueue(request, lambda route: 0)
    when: list[int] = []
    results = run(sampler, request, lambda n: when.append(len(heard)))
    assert sorted(heard) == [(p, s, each.ids.tolist()) for p, pair in enumerate(results) for s, each in enumerate(pair)]
    assert [p for p, _, _ in heard] == [1, 1, 2, 2, 0, 0]
    assert len(set(when)) == 3, "the short ones before the long ones are done"


def test_who_cannot_hear_an_answer_fails_alone(sampler: Sampler) -> None:
    def broken(*_: object) -> None:
        raise KeyError("deaf")

    other = sampler.submit([[1, 2, 3]], SamplingParams(limit_tokens=9, stop_ids=()))
    request = sampler.prepare([[4], [5]], SamplingParams(limit_tokens=3, stop_ids=()), on_sample=broken)
    sampler.enqueue(request, lambda route: 0)
    assert len(run(sampler, other)[0][0].ids) == 9
    with pytest.raises(KeyError, match="deaf"):
        request.results()


def test_a_place_draws_what_stands_there_in_a_larger_request(sampler: Sampler) -> None:
    prompts, params = make_prompts(4), SamplingParams(limit_tokens=12, samples=3, seed=5, stop_ids=())
    whole = sample(sampler, prompts, params)
    for place in ((1, 0), (3, 2)):
        alone = replace(params, samples=1, place=place)
        assert sample(sampler, [prompts[place[0]]], alone)[0][0].ids.tolist() == whole[place[0]][place[1]].ids.tolist()
