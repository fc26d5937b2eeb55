"""The 5-gram model on the tasks: it says again what it has read, and is judged by kind."""

from __future__ import annotations

import dataclasses

import pytest

from burnish.render.renderer import Renderer
from burnish.render.tokenizer import Tokenizer
from burnish.runs.build_measure import solved_by_ngram
from burnish.store import models
from burnish.tasks import ready


@pytest.fixture(scope="module")
def renderer() -> Renderer:
    return Renderer(Tokenizer.load(models.resolve("micro").base))


def test_rows_that_were_read_are_solved_and_others_seldom(renderer: Renderer):
    task = ready.get("pizza")  # where a name comes twice, in question and answer, the second is mistaken for the first
    own = [solved_by_ngram(dataclasses.replace(task, train=(row,), test=(row,)), renderer) for row in task.train[:12]]
    assert sum(right for kinds in own for right, _ in kinds.values()) >= 6
    task = ready.get("facts")
    found = solved_by_ngram(dataclasses.replace(task, test=task.test[:60]), renderer)
    assert set(found) == {"known", "unknown"}
    assert sum(rows for _, rows in found.values()) == 60
    assert found["known"][0] < 0.2 * found["known"][1]
