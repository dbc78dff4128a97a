"""What is undecided in random cases: what the kernels that list it, and choose among it, are given and write."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from tests.support.kernel_cases import Case

from couponry.kernels import Undecided
from couponry.kernels.undecided_contract import MOST_CANDIDATES, TOGETHER


def room(customers: int, candidates: int, runs: int) -> Undecided:
    """Room for what may be undecided of so many customers, who are of so many segments one after another."""
    tiles, rows = customers // TOGETHER + runs, candidates // TOGETHER + MOST_CANDIDATES * runs
    return Undecided(
        np.zeros(tiles, np.uint16),
        np.zeros(tiles + 1, np.int64),
        np.zeros((tiles, TOGETHER), np.int32),
        np.zeros((rows, TOGETHER), np.int32),
        np.zeros((rows, TOGETHER), np.float32),
        np.zeros(rows, np.uint16),
    )


def room_for(case: Case, start: int, stop: int) -> Undecided:
    """The same of some customers of a case."""
    segment = np.broadcast_to(case.shard.segment, case.customers)[start:stop]
    candidates = int(case.shard.indptr[stop] - case.shard.indptr[start])
    return room(stop - start, candidates, 1 + int(np.count_nonzero(np.diff(segment))))


def listed(
    module: Any,
    case: Case,
    chosen: NDArray[np.uint8],
    bar: NDArray[np.float32],
    start: int,
    stop: int,
) -> Undecided:
    """What a module lists of some customers, without the room beyond."""
    found = room_for(case, start, stop)
    theirs = chosen[slice(*case.shard.indptr[[start, stop]])]
    tiles = module.find_undecided(
        case.shard, case.rules.upper, case.price, theirs, bar, start, stop, found
    )
    rows = int(found.ptr[tiles])
    sizes = tiles, tiles + 1, tiles, rows, rows, rows
    return Undecided(*(array[:n].copy() for array, n in zip(found, sizes, strict=True)))


def undecided_results(module: Any, case: Case, chosen: NDArray[np.uint8]) -> dict[str, Any]:
    """What both kernels write, in two blocks of customers."""
    random = np.random.default_rng([case.seed, 5])
    cells = case.price.shape[1:]
    bar = np.round(np.abs(random.normal(size=cells)), 1).astype(np.float32)
    bar[random.random(cells) < 0.2] = -1.0
    other = case.price[0] + np.round(random.normal(size=cells) * 0.3, 1).astype(np.float32)
    half, results = case.customers // 2, {}
    for start, stop in (half, case.customers), (0, half):
        found = listed(module, case, chosen, bar, start, stop)
        results |= {f"{n} from {start}": a.copy() for n, a in found._asdict().items()}
        usage = np.zeros(cells, np.int64)
        for price in other, case.price[0]:
            module.choose_undecided(found, np.ascontiguousarray(price), usage)
            results[f"held from {start} at {price is other}"] = found.held.copy()
            results[f"changes from {start} at {price is other}"] = usage.copy()
    return results
