"""Stop strings and streamed text."""

from __future__ import annotations

import pytest

from burnish.engine.stops import StopText


def feed(stop: tuple[str, ...], *pieces: bytes) -> tuple[list[str], StopText]:
    text = StopText(stop)
    out = []
    for piece in pieces:
        out.append(text.push(piece))
        if text.stopped:
            return out, text
    return [*out, text.finish()], text


def test_a_stop_string_spans_tokens_and_nothing_of_it_is_shown() -> None:
    out, text = feed(("END",), b"one E", b"N", b"D two")
    assert out == ["one ", "", ""]
    assert text.stopped
    assert text.text == "one "


def test_a_beginning_that_does_not_become_a_stop_string_is_released() -> None:
    out, text = feed(("END",), b"an E", b"N", b"Ter", b" EN")
    assert out == ["an ", "", "ENTer", " ", "EN"]
    assert not text.stopped
    assert text.text == "an ENTer EN"


def test_the_stop_string_that_begins_first_wins() -> None:
    _, text = feed(("world", "lo w"), b"hello world")
    assert text.text == "hel"


def test_a_repeated_beginning_is_not_missed() -> None:
    _, text = feed(("aab",), b"a", b"a", b"a", b"b")
    assert text.stopped
    assert text.text == "a"


def test_characters_are_shown_whole() -> None:
    euro = "€".encode()
    out, text = feed((), b"1" + euro[:1], euro[1:2], euro[2:] + b"!")
    assert out == ["1", "", "€!", ""]
    assert text.text == "1€!"


def test_a_stop_string_of_many_bytes_spans_tokens() -> None:
    data = "a€b".encode()
    _, text = feed(("€b",), data[:2], data[2:3], data[3:])
    assert text.stopped
    assert text.text == "a"


@pytest.mark.parametrize("data", [b"ok \xff\xfe x", b"cut \xe2\x82", b"\xc3\xc3\xa9"])
def test_bytes_that_are_no_text_stream_as_they_decode(data: bytes) -> None:
    out, text = feed(("never",), *(data[i : i + 1] for i in range(len(data))))
    assert "".join(out) == text.text == data.decode("utf-8", "replace")
