r"""Text from data or from a model, made safe to look at: control characters are spelled out, so that it can neither move the
cursor nor recolour the terminal nor reverse the reading order, on a screen or in a file that is printed to one.
"""

from __future__ import annotations

import re

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069]")


def visible(text: str) -> str:
    r"""`text` with control characters written out (`\x1b`, `\u202e`); newlines and tabs stay."""
    return _CONTROL.sub(lambda m: m[0].encode("unicode_escape").decode("ascii"), text)
