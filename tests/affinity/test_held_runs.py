"""Rows of runs in memory: ranges of them, whatever blocks they are in."""

import numpy as np
import pytest

from couponry.affinity.history.building.runs import held_runs
from couponry.affinity.history.building.runs.run import Holding
from couponry.kernels import load
from couponry.kernels.purchases_contract import PurchaseRows

NARROW = Holding(np.uint32, np.uint64, None)
WIDE = Holding(np.int64, np.uint64, np.int32)


def test_ranges_are_read_out_of_all_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(held_runs, "BLOCK_ROWS", 4)
    rng = np.random.default_rng(3)
    held, cuts, expected, places = held_runs.HeldRuns(load().unchecked), [], [[], [], []], set()
    for run, (holding, size) in enumerate([(NARROW, 3), (NARROW, 2), (WIDE, 40), (NARROW, 5)] * 5):
        rows, place = held.take(holding, size)
        rows.customer[:] = np.sort(rng.integers(0, 99, size))
        rows.bought[:] = rng.integers(0, 1 << 60, size)
        rows.spend[:] = rng.integers(1, 99, len(rows.spend))
        held.add(run, place)
        places.add(place.block)
        cuts.append(np.array([0, *np.sort(rng.integers(0, size + 1, 2)), size]))
        for number, one in enumerate(expected):
            part = slice(cuts[-1][number], cuts[-1][number + 1])
            spend = rows.spend[part] if len(rows.spend) else np.zeros(size, np.int32)[part]
            one += zip(rows.customer[part], rows.bought[part], spend, strict=True)
    held.cut(cuts)
    assert len(places) > 3
    for number, one in enumerate(expected):
        assert held.count(number) == len(one) > 0
        room = PurchaseRows.new(len(one))
        assert held.read(number, room) == len(one)
        assert sorted(zip(*room, strict=True)) == sorted(one)


def test_blocks_get_larger_as_there_are_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(held_runs, "BLOCK_ROWS", 64)
    held = held_runs.HeldRuns(load().unchecked)
    blocks = [held.take(NARROW, 32)[1].block for _ in range(2 + 4 + 8 + 16 + 16 + 1)]
    assert np.bincount(blocks).tolist() == [2, 4, 8, 16, 16, 1]
