"""The rows of a step are a function of seed and step, every row once an epoch."""

from __future__ import annotations

import numpy as np
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


@pytest.mark.parametrize(("rows", "window"), [(1000, 128), (1001, 128), (1023, 192), (130, 128), (500, 64), (77, 3)])
def test_windows_hold_every_row_once_an_epoch(rows, window):
    order = Order(seed=5, rows=rows, batch=7, epochs=2, window=window)
    flat = [i for s in range(-(-2 * rows // 7)) for i in order.rows_of(s)]
    assert [sorted(flat[e * rows : (e + 1) * rows]) for e in (0, 1)] == [list(range(rows))] * 2
    assert flat[:rows] == order.permutation(0).tolist()
    sizes = [len(order.part(0, place)[0]) for place in range(rows)]
    assert max(sizes) <= window
    assert all(order.part(0, place)[1] <= place < order.part(0, place)[1] + sizes[place] for place in range(rows))
    assert flat[:rows] != flat[rows:]
    assert order.rows_of(9) == Order(seed=5, rows=rows, batch=7, epochs=2, window=window).rows_of(9)
    assert order.rows_of(9) != Order(seed=6, rows=rows, batch=7, epochs=2, window=window).rows_of(9)


def test_one_window_has_the_order_of_rows_in_memory():
    streamed = Order(seed=3, rows=100, batch=8, epochs=2, window=100)
    assert [streamed.rows_of(s) for s in range(25)] == [Order(seed=3, rows=100, batch=8, epochs=2).rows_of(s) for s in range(25)]


def test_a_window_holds_rows_from_all_over_the_data():
    rows, window = 100_000, 6_400
    first = Order(seed=1, rows=rows, batch=32, epochs=2, window=window)
    taken = first.permutation(0, window)
    tenths = np.bincount(taken * 10 // rows, minlength=10)
    assert tenths.min() > 0
    assert np.abs(np.diff(taken)).mean() > rows / 5  # neighbours are as far apart as in a shuffle of all (a third of the rows)
    again = first.permutation(1, window)
    assert len(set(taken.tolist()) & set(again.tolist())) < window / 2


def test_rows_as_they_stand_need_no_list_of_all():
    order = Order(seed=1, rows=10**12, batch=5, epochs=1, shuffled=False, window=64)
    assert order.rows_of(10**11) == list(range(5 * 10**11, 5 * 10**11 + 5))
