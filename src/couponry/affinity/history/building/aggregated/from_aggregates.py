"""Builds the arrays of a history from aggregated purchases."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from .....data import tables
from .....data.ids import IdWriter
from .....kernels.affinity_contract import Pairs
from .....utils.arrays.array_store import Arrays, ArrayStore, save
from .....utils.errors import InvalidInput
from ...history_arrays import write_items
from ...history_folder import Built, Coverage, build_history
from ...pair_states import concatenate_states, slice_states
from ...periods import check_span
from ..duckdb_session import Resources
from ..even_spacing import even_decay, even_recent, even_squared_gaps
from .aggregate_order import OrderedAggregates
from .aggregates import (
    TABLE,
    AggregateBatch,
    AggregateOptions,
    AggregateReader,
)


def build_from_aggregates(
    rows: Any,
    trips: Any,
    options: AggregateOptions,
    resources: Resources,
    folder: str | Path | None,
) -> Built:
    """Build a history from aggregated purchases.

    Parameters
    ----------
    rows : table-like
        One row per customer and product.
    trips : table-like, optional
        One row per customer.
    options : AggregateOptions
    resources : Resources
        For DuckDB; its scratch folder is ignored where the history has a folder of its own.
    folder : str or pathlib.Path, optional
        Where the history is kept; None: in memory.

    Returns
    -------
    HistoryArrays, Coverage

    Raises
    ------
    InvalidInput
        If rows are not what they should be.
    """

    def build(store: ArrayStore, scratch: Path | None) -> tuple[Arrays, Coverage]:
        used = resources._replace(scratch=scratch)

        def ordered(given: Any, *keys: str) -> OrderedAggregates:
            return OrderedAggregates(AggregateReader(given, keys, options), used)

        ordered_trips = None if trips is None else ordered(trips, "customer")
        ordered_rows = ordered(rows, "customer", "product")
        arrays = _written(ordered_rows, ordered_trips, store, options)
        return arrays, _coverage(arrays, options)

    return build_history(folder, build)


def _coverage(arrays: Arrays, options: AggregateOptions) -> Coverage:
    """Return what the history covers; refuse periods outside what was asked for."""
    first = min(int(arrays[f"{name}-first"].min()) for name in ("pairs", "trips"))
    last = max(int(arrays[f"{name}-last"].max()) for name in ("pairs", "trips"))
    start = first if options.start is None else options.start
    until = last if options.until is None else options.until
    if start > first or until < last:
        raise InvalidInput(
            f"table {TABLE}: expected periods from {start} to {until}, got {first} to {last}"
        )
    check_span(start, until)
    return Coverage(options.half_lives, options.unit, start, until)


def _written(
    rows: OrderedAggregates,
    trips: OrderedAggregates | None,
    store: ArrayStore,
    options: AggregateOptions,
) -> Arrays:
    """Write the arrays of a history into a store; return them by name."""
    written = _write_pairs(rows, store, options, derive_trips=trips is None)
    if written is None:
        raise InvalidInput(f"table {TABLE}: expected at least one row, got none")
    if trips is None:
        of_customers = concatenate_states(written.derived_trips)
    else:
        of_customers = _trips_of(trips, written.customers, len(options.half_lives))
    trip_arrays = {
        f"trips-{name}": save(store, f"trips-{name}", array)
        for name, array in of_customers._asdict().items()
    }
    return {**written.arrays, **write_items(rows.items, store), **trip_arrays}


class _WrittenPairs(NamedTuple):
    """Arrays of customers and pairs by name, the customers' ids, and trips derived from pairs."""

    arrays: Arrays
    customers: pa.Array
    derived_trips: list[Pairs]


def _write_pairs(
    rows: OrderedAggregates, store: ArrayStore, options: AggregateOptions, *, derive_trips: bool
) -> _WrittenPairs | None:
    """Write customers, pairs and their states; None if there are no rows."""
    n_half_lives = len(options.half_lives)
    writers = {
        f"pairs-{name}": store.writer(f"pairs-{name}", array.dtype)
        for name, array in Pairs.new(0, n_half_lives)._asdict().items()
    }
    indptr, item = store.writer("indptr", np.int64), store.writer("item", np.uint32)
    indptr.append(np.zeros(1, np.int64))
    customers: IdWriter | None = None
    derived: list[Pairs] = []
    count = 0
    for (customer, product), states in _whole_customers(rows.batches()):
        begins = _begins(customer)
        if customers is None:
            customers = IdWriter(store, "customers", customer.type)
        customers.append(customer.take(pa.array(begins)))
        indptr.append(np.append(begins[1:], len(customer)) + count)
        item.append(tables.positions(product, rows.items).astype(np.uint32))
        for name, array in states._asdict().items():
            writers[f"pairs-{name}"].append(array.reshape(-1))
        if derive_trips:
            derived.append(_derived_trips(states, begins, options))
        count += len(customer)
    if customers is None:
        return None
    ids, kept = customers.finish()
    arrays = {
        **dict(zip(("customers", "customers-ends"), kept, strict=False)),
        "indptr": indptr.finish(),
        "item": item.finish(),
    }
    for name, writer in writers.items():
        is_matrix = name.endswith("-decay")
        arrays[name] = writer.finish((count, n_half_lives) if is_matrix else None)
    return _WrittenPairs(arrays, ids, derived)


def _whole_customers(batches: Iterator[AggregateBatch]) -> Iterator[AggregateBatch]:
    """Yield the same rows, the last customer of a batch kept back until all of it is there."""
    waiting: list[AggregateBatch] = []
    for ids, states in batches:
        if len(ids[0]) == 0:
            continue
        waiting.append((ids, states))
        joined = [pa.concat_arrays([part[0][k] for part in waiting]) for k in range(len(ids))]
        all_states = concatenate_states([part[1] for part in waiting])
        cut = pc.index(pc.equal(joined[0], joined[0][-1]), True).as_py()
        if cut:
            yield [one[:cut] for one in joined], slice_states(all_states, 0, cut)
        rest = slice_states(all_states, cut, len(joined[0]))
        waiting = [([one[cut:] for one in joined], rest)]
    yield from waiting


def _begins(customer: pa.Array) -> NDArray[np.int64]:
    """Return where each customer's rows begin."""
    other = pc.not_equal(customer[1:], customer[:-1]).to_numpy(zero_copy_only=False)
    return np.flatnonzero(np.append(True, other))


def _derived_trips(states: Pairs, begins: NDArray[np.int64], options: AggregateOptions) -> Pairs:
    """Return trips of customers of whom only pairs are known.

    A customer is taken to come as often as its most bought item is bought, evenly from the first purchase to the last.
    """
    times, last = (np.maximum.reduceat(a, begins) for a in (states.times, states.last))
    first = np.minimum.reduceat(states.first, begins)
    span = last.astype(np.int64) - first
    times = np.maximum(times, np.where(span > 0, 2, 1)).astype(np.int32)
    discounted = np.maximum.reduceat(states.discounted, begins)
    decay = [
        even_decay(times, span, half_life * options.periods_per_week)
        for half_life in options.half_lives
    ]
    table = np.stack(decay, axis=1) if decay else np.zeros((len(times), 0))
    return Pairs(
        times,
        first,
        last,
        discounted,
        np.add.reduceat(states.spend, begins),
        even_squared_gaps(times, span),
        even_recent(times, span),
        table.astype(np.float32),
    )


def _trips_of(trips: OrderedAggregates, customers: pa.Array, n_half_lives: int) -> Pairs:
    """Return the trips of these customers; those of others are passed over."""
    found = Pairs.new(len(customers), n_half_lives)
    for (ids,), states in trips.batches():
        place = tables.positions(ids, customers)
        known = place >= 0
        target: Any
        source: Any
        for target, source in zip(found, states, strict=True):
            target[place[known]] = source[known]
    if (found.times == 0).any():
        lost = customers[int((found.times == 0).argmax())].as_py()
        raise InvalidInput(f"table trips: customer {lost!r} has purchases, but no trips")
    return found
