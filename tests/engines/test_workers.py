"""Blocks of customers: each is worked on once, by one worker, and an error of any worker ends the pass."""

from __future__ import annotations

import threading

import numpy as np
import pytest

from couponry.engines import workers
from couponry.engines.cut_off import CutOffCounts
from couponry.engines.subset import positions_of
from couponry.engines.workers import block_cuts, share_out

CANDIDATES_EACH = np.array([3, 0, 5, 1, 0, 0, 12, 2, 2, 0])
INDPTR = np.concatenate([[0], np.cumsum(CANDIDATES_EACH)])


@pytest.mark.parametrize("candidates", [1, 2, 4, 7, 25, 1000])
def test_blocks_hold_everybody_in_order(candidates: int) -> None:
    cuts = block_cuts(INDPTR, candidates)
    assert cuts[0] == 0 and cuts[-1] == len(CANDIDATES_EACH)
    assert (np.diff(cuts) > 0).all()
    # no customer is cut in two, so a block is longer by less than one customer's candidates
    assert (np.diff(INDPTR[cuts]) < candidates + CANDIDATES_EACH.max()).all()


def test_few_candidates_are_cut_for_all_threads() -> None:
    indptr = np.arange(0, 10_001, 10)
    assert len(block_cuts(indptr, 8_000)) - 1 == len(block_cuts(indptr, 8_000, threads=1)) - 1 == 2
    assert len(block_cuts(indptr, 8_000, threads=8)) - 1 == 16
    assert len(block_cuts(indptr, 8_000, threads=1_000)) - 1 == 20  # none smaller than a sixteenth


def test_customers_without_candidates() -> None:
    assert block_cuts(np.zeros(4, np.int64), 10).tolist() == [0, 3]
    assert block_cuts(np.zeros(1, np.int64), 10).tolist() == [0]


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_each_customer_is_worked_on_once(threads: int) -> None:
    cuts = np.arange(0, 101, 3)
    done, workers = np.zeros(cuts[-1], int), set()
    lock = threading.Lock()

    def work(worker: int, start: int, stop: int) -> None:
        with lock:
            done[start:stop] += 1
            workers.add(worker)

    share_out(work, cuts, threads)
    assert (done == 1).all()
    assert workers <= set(range(threads))


@pytest.mark.parametrize("threads", [1, 3])
def test_an_error_ends_the_pass(threads: int) -> None:
    done = []

    def work(worker: int, start: int, stop: int) -> None:
        if start >= 10:
            raise ZeroDivisionError("no such block")
        done.append(start)

    with pytest.raises(ZeroDivisionError, match="no such block"):
        share_out(work, np.arange(1_001), threads)
    assert len(done) < 100
    customers: list[int] = []
    share_out(lambda _, start, stop: customers.extend(range(start, stop)), np.arange(101), threads)
    assert sorted(customers) == list(range(100))  # nobody is left in the midst of something


def test_nothing_to_do() -> None:
    share_out(lambda *_: pytest.fail("there is no block"), np.zeros(1, np.int64), 4)


def test_what_is_cut_off_is_summed_in_whole_numbers() -> None:
    price = np.array([[[1.0, -3.0]], [[0.5, 0.25]]], np.float32)
    counts = CutOffCounts.at_prices(3, price)
    largest = 3.0 + 65_536 * 0.5
    assert 2.0**counts.unit <= largest / 2**29
    for worker, (customers, units) in enumerate([(1, 5), (0, 0), (2, 7)]):
        counts.by_worker[worker] += [customers, units]
    assert counts.total() == (3, 12 * 2.0**counts.unit)


def test_positions_of_some_customers() -> None:
    some = np.array([0, 1, 3, 6])
    expected = [e for i in some for e in range(INDPTR[i], INDPTR[i + 1])]
    assert positions_of(INDPTR, some).tolist() == expected


def test_slack_is_counted_in_units_that_go_with_the_largest_prices() -> None:
    price = np.full((2, 1, 1), 4e36, np.float32)  # with quantities more than float32 holds
    largest = 4e36 * 65_537
    total = CutOffCounts.at_prices(1, price)
    assert total.unit == CutOffCounts(1, largest).unit > CutOffCounts(1, 4e36).unit


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_arrays_are_joined_as_numpy_joins_them(
    threads: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workers, "LEAST_JOINED", 4)
    parts = [np.arange(size, dtype=np.int32) for size in (0, 3, 1, 0, 7)]
    for some in (parts, parts[:1], parts[1:2]):
        together = workers.joined(some, threads)
        assert together.dtype == np.int32
        assert np.array_equal(together, np.concatenate(some))
        rows = [np.stack([part, -part]) for part in some]
        assert np.array_equal(workers.joined(rows, threads), np.concatenate(rows, axis=1))
