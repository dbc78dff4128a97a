"""The arrays of a history, written from aggregated purchases that come in order."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from ...data import tables
from ...data.ids import IdWriter
from ...kernels.affinity_contract import Pairs
from ...utils.array_store import Arrays, ArrayStore, save
from ...utils.errors import InvalidInput
from .aggregates import TABLE, Aggregates, Ordered, evenly
from .purchases import PERIODS_A_WEEK


@dataclass(frozen=True)
class Taking:
    """How aggregated purchases are taken up; arguments as `PurchaseHistory.from_aggregates` has them, checked."""

    unit: str
    columns: Mapping[str, str] | None
    half_lives: tuple[float, ...]
    as_of: str
    start: int | None
    until: int | None

    def __post_init__(self) -> None:
        if self.unit not in PERIODS_A_WEEK:
            raise InvalidInput(f"unit: expected day or week, got {self.unit!r}")
        if self.as_of not in ("last", "until"):
            raise InvalidInput(f"as_of: expected last or until, got {self.as_of!r}")
        if self.until is None and self.as_of == "until":
            raise InvalidInput("until: expected the period that decayed counts are as of")

    def arrays(
        self,
        rows: Any,
        trips: Any,
        space: ArrayStore,
        *,
        memory: int | None,
        threads: int,
        spill: Path | None,
    ) -> tuple[Arrays, tuple[int, int]]:
        """The arrays of a history, and the first and the last period that it covers."""
        a_week = PERIODS_A_WEEK[self.unit]

        def ordered(given: Any, *keys: str) -> Ordered:
            checked = Aggregates.of(
                given, keys, self.columns, self.half_lives, a_week, self.as_of, self.until or 0
            )
            return Ordered(checked, memory=memory, threads=threads, spill=spill)

        of_trips = None if trips is None else ordered(trips, "customer")
        pairs = ordered(rows, "customer", "product")
        arrays = written(pairs, of_trips, space, self.half_lives, a_week)
        first = min(int(arrays[f"{name}-first"].min()) for name in ("pairs", "trips"))
        last = max(int(arrays[f"{name}-last"].max()) for name in ("pairs", "trips"))
        start = first if self.start is None else self.start
        until = last if self.until is None else self.until
        if start > first or until < last:
            raise InvalidInput(
                f"table {TABLE}: expected periods from {start} to {until}, got {first} to {last}"
            )
        return arrays, (start, until)


Batch = tuple[list[pa.Array], Pairs]


def written(
    rows: Ordered,
    trips: Ordered | None,
    space: ArrayStore,
    half_lives: tuple[float, ...],
    periods_a_week: int,
) -> Arrays:
    """The arrays of a history by name, as PurchaseHistory keeps them.

    trips: of each customer; None: a customer is taken to come as often as its most bought item is bought, evenly from
    the first purchase to the last.
    """
    none = Pairs.new(0, len(half_lives))
    customers: IdWriter | None = None
    writers = {
        f"pairs-{name}": space.writer(f"pairs-{name}", a.dtype)
        for name, a in none._asdict().items()
    }
    indptr, item = space.writer("indptr", np.int64), space.writer("item", np.uint32)
    indptr.append(np.zeros(1, np.int64))
    derived: list[Pairs] = []
    count = 0
    for (customer, product), states in _of_whole_customers(rows.batches()):
        begins = _begins(customer)
        if customers is None:
            customers = IdWriter(space, "customers", customer.type)
        customers.append(customer.take(pa.array(begins)))
        indptr.append(np.append(begins[1:], len(customer)) + count)
        item.append(tables.positions(product, rows.items).astype(np.uint32))
        for name, array in states._asdict().items():
            writers[f"pairs-{name}"].append(array.reshape(-1))
        if trips is None:
            derived.append(_at_least(states, begins, half_lives, periods_a_week))
        count += len(customer)
    if customers is None:
        raise InvalidInput(f"table {TABLE}: expected at least one row, got none")
    if len(rows.items) >= 1 << 32:
        raise InvalidInput(f"items: expected fewer than 2**32, got {len(rows.items):,}")
    ids, kept = customers.finish()
    items = IdWriter(space, "items", rows.items.type)
    items.append(rows.items)
    arrays = {
        **dict(zip(("customers", "customers-ends"), kept, strict=False)),
        **dict(zip(("items", "items-ends"), items.finish()[1], strict=False)),
        "indptr": indptr.finish(),
        "item": item.finish(),
    }
    for name, writer in writers.items():
        arrays[name] = writer.finish((count, len(half_lives)) if name.endswith("-decay") else None)
    of_customers = _joined(derived) if trips is None else _among(trips, ids, len(half_lives))
    for name, array in of_customers._asdict().items():
        arrays[f"trips-{name}"] = save(space, f"trips-{name}", array)
    return arrays


def _of_whole_customers(batches: Iterator[Batch]) -> Iterator[Batch]:
    """The same rows, the last customer of a batch kept back until all of it is there."""
    waiting: list[Batch] = []
    for ids, states in batches:
        if len(ids[0]) == 0:
            continue
        waiting.append((ids, states))
        joined = [pa.concat_arrays([part[0][k] for part in waiting]) for k in range(len(ids))]
        whole = joined, _joined([part[1] for part in waiting])
        cut = pc.index(pc.equal(joined[0], joined[0][-1]), True).as_py()
        if cut:
            yield [one[:cut] for one in joined], _part(whole[1], 0, cut)
        waiting = [([one[cut:] for one in joined], _part(whole[1], cut, len(joined[0])))]
    yield from waiting


def _begins(customer: pa.Array) -> NDArray[np.int64]:
    """Where each customer's rows begin."""
    other = pc.not_equal(customer[1:], customer[:-1]).to_numpy(zero_copy_only=False)
    return np.flatnonzero(np.append(True, other))


def _at_least(
    states: Pairs, begins: NDArray[np.int64], half_lives: tuple[float, ...], periods_a_week: int
) -> Pairs:
    times, last = (np.maximum.reduceat(a, begins) for a in (states.times, states.last))
    first = np.minimum.reduceat(states.first, begins)
    span = last.astype(np.int64) - first
    times = np.maximum(times, np.where(span > 0, 2, 1)).astype(np.int32)
    discounted = np.maximum.reduceat(states.discounted, begins)
    decay = [evenly(times, span, life * periods_a_week) for life in half_lives]
    table = np.stack(decay, axis=1) if decay else np.zeros((len(times), 0))
    spend = np.add.reduceat(states.spend, begins)
    return Pairs(times, first, last, discounted, spend, table.astype(np.float32))


def _among(trips: Ordered, customers: pa.Array, half_lives: int) -> Pairs:
    """The trips of these customers; those of others are passed over."""
    found = Pairs.new(len(customers), half_lives)
    for (ids,), states in trips.batches():
        place = tables.positions(ids, customers)
        known = place >= 0
        mine: Any
        theirs: Any
        for mine, theirs in zip(found, states, strict=True):
            mine[place[known]] = theirs[known]
    if (found.times == 0).any():
        lost = customers[int((found.times == 0).argmax())].as_py()
        raise InvalidInput(f"table trips: customer {lost!r} has purchases, but no trips")
    return found


def _joined(parts: list[Pairs]) -> Pairs:
    columns: list[Any] = [np.concatenate(column) for column in zip(*parts, strict=True)]
    return Pairs(*columns)


def _part(pairs: Pairs, start: int, stop: int) -> Pairs:
    columns: list[Any] = [array[start:stop] for array in pairs]
    return Pairs(*columns)
