"""Changes of single decisions in random cases: what the kernels that count, list and multiply them are given."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from couponry.kernels import (
    Changes,
    ChangesByRow,
    LimitRows,
    LossWeights,
    NearChanges,
    PriceSteps,
    Shard,
    StepModel,
    StepSearch,
)


def loss_weights(
    random: np.random.Generator, quantities: int, cells: tuple[int, int]
) -> LossWeights:
    """Weights by each of the quantities, some of which are too small to count, or too large."""
    line = random.random((2 * quantities, *cells))
    line[1::2] = (line[1::2] - 0.3) / 40_000
    return LossWeights(line, np.arange(quantities), 1 / 64)


def near_changes(
    random: np.random.Generator, rows: LimitRows, quantities: int, cells: tuple[int, int]
) -> NearChanges:
    """Widths that some losses are below, ties among them."""
    coefficient = random.normal(size=(len(rows.row), 1 + quantities))
    coefficient[:, 1:] /= 40_000
    width = np.round(random.random(cells), 1).astype(np.float32)
    return NearChanges(width, random.random(cells), 0.7, rows.ptr, rows.row, coefficient)


def room_for(shard: Shard, near: NearChanges, customers: slice) -> Changes:
    """Room for all changes that there may be of some customers."""
    candidates = int(shard.indptr[customers.stop] - shard.indptr[customers.start])
    entries = candidates * 2 * int(np.diff(near.ptr).max(initial=0))
    return Changes(
        np.zeros(candidates + 1, np.int64), np.zeros(entries, np.int32), np.zeros(entries)
    )


def changed(
    module: Any, case: Any, chosen: NDArray[np.uint8], partner: Any, loss: Any
) -> dict[str, Any]:
    """What the kernels about changes return or write, in two blocks of customers, and of rows."""
    shard, rows = case.shard, len(case.rows.lower)
    random = np.random.default_rng([case.seed, 3])
    quantities, cells = len(shard.quantity), case.price.shape[1:]
    weights = loss_weights(random, quantities, cells)
    near = near_changes(random, case.rows, quantities, cells)
    counts = [np.zeros((decisions, *cells, 12), np.uint32) for decisions in (1, 2)]
    equal = LossWeights(np.zeros((0, *cells)), np.zeros(0, np.int64), 1.0)
    reach = np.zeros(rows, np.int64)
    results: dict[str, Any] = {}
    half = case.customers // 2
    for start, stop in (half, case.customers), (0, half):
        begin, end = shard.indptr[[start, stop]]
        theirs = chosen[begin:end], loss[begin:end]
        for count, each in zip(counts, (weights, equal), strict=True):
            module.count_losses(shard, *theirs, each, 496, start, stop, count)
        changes = room_for(shard, near, slice(start, stop))
        made = module.list_changes(
            shard, theirs[0], partner[begin:end], theirs[1], near, start, stop, changes, reach
        )
        last = int(changes.ptr[made])
        listed = Changes(changes.ptr[: made + 1], changes.row[:last], changes.moved[:last])
        results |= {f"changes of {start}: {name}": a for name, a in listed._asdict().items()}
        by_row, products = grouped(module, listed, reach)
        results |= {f"in order, {start}: {name}": a for name, a in listed._asdict().items()}
        results |= {f"by row of {start}: {name}": a for name, a in by_row._asdict().items()}
        results[f"numbers of products of {start}"] = products
        halves = []
        for first, ends in (0, rows // 2), (rows // 2, rows):
            room = int(np.minimum(products, rows)[first:ends].sum())
            of_rows = np.zeros(ends - first, np.int64), np.zeros(room, np.int32), np.zeros(room)
            of_rows[2][:] = 7.0
            entries = module.multiply_changes(listed, by_row, first, ends, *of_rows)
            results[f"products of {start}, {first}"] = np.concatenate([[entries], *of_rows])
            halves.append((of_rows[0], of_rows[1][:entries], of_rows[2][:entries]))
        half = [np.concatenate(each) for each in zip(*halves, strict=True)]
        room = 2 * len(half[1])
        whole = np.zeros(rows + 1, np.int64), np.zeros(room, np.int32), np.zeros(room)
        entries = module.mirror_products(*half, *whole)
        results[f"matrix of {start}"] = np.concatenate([[entries], *whole])
    model, right, step = step_model(random, int(random.integers(1, 20)))
    results["steps"] = module.minimise_model(model, right, step, 1e-6, 50)
    results["step"] = step
    for rounds in 0, 8:
        search, slopes = step_search(random, len(step), rounds), random.normal(size=len(step))
        boxed, promised = np.full(len(step), 7.0), np.full(1, 7.0)
        guesses = module.minimise_in_box(model, slopes, search, boxed, promised)
        results[f"box, {rounds}"] = np.concatenate([[guesses], promised, boxed, model.free])
    for many in 0, 1, 7:
        n = int(random.integers(1, 20))
        following = results[f"step after {many}"] = np.full(n, 7.0)
        module.quasi_newton_step(*last_steps(random, n, many), 1e-10, following)
    steps, activity = price_steps(random, int(random.integers(1, 40)), rows)
    for start, stop in (0, len(steps.row) // 2), (len(steps.row) // 2, len(steps.row)):
        results[f"off before {start} moves"] = module.move_prices(
            steps, activity, start, stop, 1.2, 0.45, 1.5
        )
    results |= {f"moved {name}": a for name, a in steps._asdict().items()}
    return results | {
        "loss counts": counts[0],
        "loss counts by decision": counts[1],
        "reach": reach,
    }


def grouped(
    module: Any, changes: Changes, reach: NDArray[np.int64]
) -> tuple[ChangesByRow, NDArray[np.int64]]:
    """The entries of changes by row, in two parts, and how many products each row begins with."""
    made, entries, rows = len(changes.ptr) - 1, len(changes.row), len(reach)
    begins, products = np.full((2, rows + 1), 7), np.full((2, rows), 7)
    by_row = ChangesByRow(begins, np.zeros(entries, np.int64), np.zeros(entries, np.int64))
    for part, (first, last) in enumerate(((0, made // 3), (made // 3, made))):
        listed = begins[part], by_row.entry, by_row.end, products[part]
        module.group_changes(changes, first, last, reach, *listed)
    return by_row, products.sum(axis=0)


def step_search(random: np.random.Generator, n: int, rounds: int) -> StepSearch:
    """Bounds on n coordinates of a step, some of them 0, and so many guesses at most."""
    low, high = (random.random(n) * (random.random(n) < 0.8) for _ in range(2))
    return StepSearch(-low, high, rounds, n / 500, n / 20, 1e-2, 300)


def last_steps(
    random: np.random.Generator, n: int, many: int
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.uint8], NDArray[np.float64]]:
    """So many steps of n coordinates, what slopes changed by, some of it the wrong way; who is free, and slopes."""
    steps = random.normal(size=(many, n))
    turned = steps * random.random((many, n)) - (random.random((many, 1)) < 0.3) * steps
    free = (random.random(n) < 0.8).view(np.uint8)
    return steps, turned, free, random.normal(size=n)


def price_steps(
    random: np.random.Generator, n: int, rows: int
) -> tuple[PriceSteps, NDArray[np.float64]]:
    """N coordinates of the prices of some rows, some of them 0, and activities of these rows."""
    side = random.choice([-1.0, 1.0], n) * (0.5 + random.random(n))
    row = random.integers(0, rows, n)
    row[0] = rows - 1
    steps = PriceSteps(
        row=row,
        bound=random.integers(0, 9, n).astype(float),
        side=side,
        weight=np.sign(side) * random.random(n),
        curvature=0.1 + random.random(n),
        longest=random.random(n) * 9,
        highest=np.where(random.random(n) < 0.2, np.inf, random.random(n) * 4),
        point=np.where(random.random(n) < 0.3, 0.0, random.random(n) * 3),
        last=np.where(random.random(n) < 0.3, 0.0, random.normal(size=n)),
        length=random.random(n),
    )
    return steps, random.integers(0, 9, rows).astype(float)


def step_model(
    random: np.random.Generator, n: int
) -> tuple[StepModel, NDArray[np.float64], NDArray[np.float64]]:
    """A damped model of n coordinates, a right-hand side and a first guess, 0 where coordinates are not free."""
    changes = sp.csr_array(
        np.where(random.random((2 * n, n)) < 0.2, random.normal(size=(2 * n, n)), 0.0)
    )
    matrix = sp.csr_array(changes.T @ changes)
    damping = 0.01 + random.random(n) / 100
    free = random.random(n) < 0.8
    model = StepModel(
        matrix.indptr.astype(np.int64),
        matrix.indices.astype(np.int32),
        matrix.data,
        damping,
        matrix.diagonal() + damping,
        free.view(np.uint8),
    )
    return model, free * random.normal(size=n), free * random.normal(size=n) / 10
