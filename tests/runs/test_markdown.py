"""Text from data and models inside Markdown: it breaks nothing, on the page or on the terminal that prints it."""

from __future__ import annotations

import pytest

from burnish.runs.certificate import _quoted
from burnish.runs.markdown import block, cell, code

NASTY = "a\x1b[2Jb\u202ec\x9bd"


@pytest.mark.parametrize("place", [block, cell, code, lambda text: "".join(_quoted([{"text": text, "trained": True}]))])
def test_control_characters_are_spelled_out(place) -> None:
    made = place(NASTY)
    assert not set("\x1b\u202e\x9b") & set(made)
    assert "x1b" in made
    assert "u202e" in made


def test_text_stays_in_its_place() -> None:
    assert "\n" not in cell("one\ntwo | three")
    assert cell("a|b<c") == "a\\|b\\<c"
    assert code("a`b") == "`` a`b ``"
    assert block("one\n\n# two") == "    one\n    \n    # two"
    assert block("") == "    (empty)"
    assert len(block("x" * 2000)) < 900
