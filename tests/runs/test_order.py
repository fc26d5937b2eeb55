"""The rows of a step are a function of seed and step, every row once an epoch."""

from __future__ import annotations

import pytest

from burnish.runs.order import Order


@pytest.mark.parametrize(("rows", "batch", "epochs"), [(10, 3, 3), (7, 4, 2), (5, 8, 3), (8, 4, 1), (1, 1, 2)])
def test_every_row_comes_once_an_epoch(rows, batch, epochs):
    order = Order(seed=3, rows=rows, batch=batch, epochs=epochs)
    steps = -(-rows * epochs // batch)
    taken = [order.rows_of(s) for s in range(steps)]
    assert all(len(t) == batch for t in taken[:-1])
    flat = [i for t in taken for i in t]
    assert [sorted(flat[e * rows : (e + 1) * rows]) for e in range(epochs)] == [list(range(rows))] * epochs


def test_a_step_depends_on_nothing_but_seed_and_step():
    order = Order(seed=3, rows=10, batch=3, epochs=3)
    backwards = [order.rows_of(s) for s in reversed(range(10))]
    assert backwards[::-1] == [Order(seed=3, rows=10, batch=3, epochs=3).rows_of(s) for s in range(10)]
    assert order.rows_of(2) != Order(seed=4, rows=10, batch=3, epochs=3).rows_of(2)


def test_epochs_are_shuffled_apart():
    order = Order(seed=0, rows=50, batch=50, epochs=2)
    assert order.rows_of(0) != order.rows_of(1)
