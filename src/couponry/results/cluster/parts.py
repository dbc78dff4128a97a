"""An allocation written by workers, shard by shard: a Parquet data set, and a manifest of the files that count.

Workers may be lost, and tasks run twice or at the same time. So every attempt writes a file of its own, and the driver,
which is told of one attempt for each shard, names these in the manifest. Files of others go: those that are there by
then are removed by the driver, and whoever is done later finds the manifest, and removes its own.
"""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from ...data.ids import as_ids
from ...engines.cluster.engine import ClusterEngine
from ...engines.cluster.places import drafts_of, is_uri, place_of
from ...engines.cluster.store import absolute
from ...engines.cluster.tasks import BlocksTask
from ...model.compiled_campaign import CompiledCampaign
from ...solver.plan import Plan
from ...utils.atomic_folder import check_new_folder
from ...utils.errors import InvalidInput
from ..coupon_rows import PlannedRows, as_they_came
from .shards import CUSTOMER_PTR, OFFER, attribute_array, shard_attributes
from .stated_customers import CUSTOMER, CUSTOMER_ENDS, UNIT_VALUE, read_values

FORMAT, MANIFEST = 1, "_manifest.json"
"""Version of the manifest, and its name, which says to readers of Parquet that it has no rows."""

PART = re.compile(r"\.?part-\d{6}-[0-9a-f]{32}\.parquet")
"""Names of files of attempts, and of their drafts."""

ROWS = 1 << 18
"""Coupons that a worker makes at a time."""


class WrittenPart(NamedTuple):
    """A file that an attempt has written."""

    file: str
    coupons: int
    customers: int


@dataclass(frozen=True, eq=False)
class Column:
    """A column of coupons: a constant of each item, and a slope of each item times what a candidate carries.

    Attributes
    ----------
    name : str
    constant : ndarray of float64, shape (n_items,)
    slopes : dict of str to ndarray of float64, shape (n_items,) each
        By the name of a shard's array.
    """

    name: str
    constant: NDArray[np.float64]
    slopes: dict[str, NDArray[np.float64]]


@dataclass(frozen=True, eq=False)
class ShardCoupons:
    """Makes the coupons of shards.

    Attributes
    ----------
    choices : BlocksTask
    offers : pyarrow.Array
        Ids, as rows of offers count them.
    schema : pyarrow.Schema
        Of the allocation.
    columns : tuple of Column
    items : int
        What has a number from here on is no coupon: refunds of what messages cost.
    refunds : int
        Of each unit, behind its candidates.
    unit : str or None
        Column of customers that says who is one unit.
    """

    choices: BlocksTask
    offers: pa.Array
    schema: pa.Schema
    columns: tuple[Column, ...]
    items: int
    refunds: int
    unit: str | None

    def batches(self, number: int, threads: int) -> tuple[int, Iterator[pa.RecordBatch]]:
        """Make the coupons of one shard.

        Parameters
        ----------
        number : int
            Of the shard.
        threads : int

        Returns
        -------
        int
            Customers who have any.
        iterator of pyarrow.RecordBatch
            Some of them at a time.
        """
        indptr, choice = self.choices.chosen(number, threads)
        arrays = self.choices.recipe.store.arrays(number, threads, self._is_read)
        chosen = np.flatnonzero(choice)
        chosen = chosen[arrays["item"][chosen] < self.items]
        unit = customer = np.searchsorted(indptr, chosen, side="right") - 1
        if self.unit is not None:
            place = chosen - self.refunds * unit
            customer = np.searchsorted(arrays[CUSTOMER_PTR], place, side="right") - 1
        distinct = len(customer) and 1 + int((np.diff(customer) > 0).sum())
        parts = (slice(start, start + ROWS) for start in range(0, len(chosen), ROWS))
        names = None if self.unit is None else read_values(arrays[UNIT_VALUE])

        def made() -> Iterator[pa.RecordBatch]:
            for rows in parts:
                named = None if names is None else names.take(pa.array(unit[rows]))
                yield self._batch(arrays, customer[rows], chosen[rows], named)

        return distinct, made()

    def _is_read(self, name: str) -> bool:
        """Whether an array of a shard is read."""
        known = {"item", OFFER, CUSTOMER, CUSTOMER_ENDS, CUSTOMER_PTR, UNIT_VALUE}
        return name in known or any(name in column.slopes for column in self.columns)

    def _batch(
        self,
        arrays: dict[str, NDArray[Any]],
        customer: NDArray[np.int64],
        at: NDArray[np.int64],
        names: pa.Array | None,
    ) -> pa.RecordBatch:
        """Make the coupons of some of a shard's candidates."""
        ids = as_ids(arrays[CUSTOMER], arrays.get(CUSTOMER_ENDS)).take(pa.array(customer))
        offer = self.offers.take(pa.array(arrays[OFFER][at]))
        kinds = self.schema.field("customer").type, self.schema.field("offer").type
        columns = [
            as_they_came(ids, kinds[0]),
            *([] if names is None else [names.cast(self.schema.field(1).type)]),
        ]
        columns.append(as_they_came(offer, kinds[1]))
        item = arrays["item"][at]
        for column in self.columns:
            total = column.constant[item]
            for name, slope in column.slopes.items():
                total = total + slope[item] * arrays[name][at]
            columns.append(pa.array(total))
        return pa.RecordBatch.from_arrays(columns, schema=self.schema)


class ShardRows(Protocol):
    """Makes rows of shards: of coupons, or of backups."""

    @property
    def schema(self) -> pa.Schema:
        """Of the rows."""
        ...

    def batches(self, number: int, threads: int) -> tuple[int, Iterator[pa.RecordBatch]]:
        """Make the rows of one shard; see `ShardCoupons.batches`."""
        ...


@dataclass(frozen=True, eq=False)
class WriteTask:
    """Write the rows of shards.

    Attributes
    ----------
    rows : ShardRows
    folder : str
    """

    rows: ShardRows
    folder: str

    def __call__(self, shards: tuple[int, ...], threads: int) -> list[WrittenPart]:
        """See `engines.cluster.runner.Task`."""
        return [self._write(number, threads) for number in shards]

    def _write(self, number: int, threads: int) -> WrittenPart:
        """Write the coupons of one shard, under a name that no other attempt has."""
        customers, batches = self.rows.batches(number, threads)
        name = f"part-{number:06}-{uuid.uuid4().hex}.parquet"
        place, coupons = place_of(self.folder), 0
        with drafts_of(self.folder) as drafts:
            draft = drafts / f".{name}"
            try:
                with pq.ParquetWriter(draft, self.rows.schema) as writer:
                    for batch in batches:
                        writer.write_batch(batch)
                        coupons += batch.num_rows
                place.put(name, draft)
            finally:
                draft.unlink(missing_ok=True)
        if MANIFEST in place.names():  # another attempt counts
            place.remove(name)
        return WrittenPart(name, coupons, customers)


def coupons_of_shards(rows: PlannedRows) -> Callable[[Sequence[int]], ShardCoupons]:
    """Make what makes the coupons of some shards.

    Parameters
    ----------
    rows : PlannedRows
        Of a solve over shards.

    Returns
    -------
    callable
        Called with the numbers of shards.

    """
    plan = rows.plan
    choices = engine_of(plan).blocks_task(plan.price, plan.free, plan.free_choice)
    compiled, columns = rows.compiled, tuple(_columns(rows.compiled))
    refunds = 0 if compiled.costs is None else compiled.costs.n_refunds
    unit, items = compiled.campaign.unit, len(compiled.items)
    return lambda shards: ShardCoupons(
        choices(shards), rows.offers, rows.schema, columns, items, refunds, unit
    )


def engine_of(plan: Plan) -> ClusterEngine:
    """Find the engine over shards that a plan lists its choices by.

    Parameters
    ----------
    plan : Plan

    Returns
    -------
    ClusterEngine

    Raises
    ------
    InvalidInput
        Where the campaign was solved elsewhere.
    """
    engine = plan.engine
    if not isinstance(engine, ClusterEngine):
        raise InvalidInput(
            f"allocation: expected one that was solved over shards, got one of engine {engine.name}; use Result.save"
        )
    return engine


def write_parts(
    plan: Plan,
    of_shards: Callable[[Sequence[int]], ShardRows],
    rows: int | None,
    folder: str | Path,
) -> list[Path | str]:
    """Have the workers that solved a campaign write its allocation, or its backups.

    Parameters
    ----------
    plan : Plan
        Of a solve over shards.
    of_shards : callable
        Makes what makes the rows of some shards, whose numbers it is called with.
    rows : int or None
        How many there are in all, where that is known.
    folder : str or Path
        A new folder, which this process and all workers reach by the same name, or a URI.

    Returns
    -------
    list of Path, or of str
        The files that count, in the customers' order.

    Raises
    ------
    InvalidInput
        Where the campaign was solved elsewhere, or the folder holds something else.
    """
    engine, name = engine_of(plan), absolute(folder)
    if not is_uri(name) and not _is_left_over(name):
        check_new_folder(Path(name))
        Path(name).mkdir(parents=True)
    place = place_of(name)
    if not _is_left_over(name):
        raise InvalidInput(f"folder {name!r}: expected a new one, but it holds something else")
    for file in place.names():
        place.remove(file)
    parts = engine.map_shards(lambda shards: WriteTask(of_shards(shards), name))
    _commit(name, parts, rows)
    if is_uri(name):
        return [f"{name}/{part.file}" for part in parts]
    return [Path(name) / part.file for part in parts]


def _columns(compiled: CompiledCampaign) -> Iterator[Column]:
    """Columns of coupons beside customer and offer."""
    arrays = {
        name: attribute_array(number) for number, name in enumerate(shard_attributes(compiled))
    }
    for name in compiled.campaign.coupon_columns():
        amount = compiled.coupon_amount(name)
        if amount is not None:
            slopes = {arrays[attribute]: slope for attribute, slope in amount.slopes.items()}
            yield Column(name, amount.constant, slopes)


def _is_left_over(folder: str) -> bool:
    """Whether a folder holds nothing but what a run that was killed has left."""
    if not is_uri(folder) and not Path(folder).is_dir():
        return False
    return all(PART.fullmatch(name) for name in place_of(folder).names())


def _commit(folder: str, parts: list[WrittenPart], rows: int | None) -> None:
    """Say which files count, and remove all others."""
    coupons = sum(part.coupons for part in parts)
    if rows not in (None, coupons):
        raise RuntimeError(f"parts of an allocation have other coupons than its plan, {rows:,}")
    content = {"format": FORMAT, "coupons": coupons, "parts": [part._asdict() for part in parts]}
    place = place_of(folder)
    with drafts_of(folder) as drafts:
        draft = drafts / f".{MANIFEST}"
        draft.write_text(json.dumps(content, indent=1), encoding="utf-8")
        place.put(MANIFEST, draft)
    kept = {MANIFEST, *(part.file for part in parts)}
    for name in place.names():
        if name not in kept:
            place.remove(name)
