"""Backups of customers whom this process never saw: listed by workers, some shards at a time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ...kernels import load
from ...solver.plan import Plan
from ..cluster.packing import StatedShards
from ..cluster.parts import engine_of, write_parts
from ..cluster.planned.planned_shards import PlannedShards, numbered, planned_shards
from ..cluster.planned.rows_elsewhere import ListTask
from ..cluster.stated_customers import StatedCustomers
from ..coupon_rows import PlannedRows
from .backups import BackupRows


@dataclass(frozen=True, eq=False)
class ShardBackups:
    """Lists the backups of shards.

    Attributes
    ----------
    planned : PlannedShards
    prices : ndarray of float64, shape (n_rows,)
        Signed.
    seed : int
        Breaks ties.
    """

    planned: PlannedShards
    prices: NDArray[np.float64]
    seed: int

    @property
    def schema(self) -> pa.Schema:
        """Of the backups, as those of the witnesses have it."""
        nobody = self.planned.shards.compiled_witnesses(self.planned.witnesses)
        return self._rows(nobody, None).schema

    def batches(self, number: int, threads: int) -> tuple[int, Iterator[pa.RecordBatch]]:
        """List the backups of one shard; see `ShardCoupons.batches`.

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
        """
        compiled, choices = self.planned.planned(number, threads)
        first = self.planned.shards.first(number)
        rows = self._rows(numbered(compiled, first - choices.start), choices, threads)
        found = list(rows.batches())
        return rows.customers, iter(found)

    def _rows(self, compiled: Any, plan: Any, threads: int = 1) -> BackupRows:
        backend = load(self.planned.shards.backend)
        return BackupRows(PlannedRows(compiled, plan), self.prices, backend, threads, self.seed)


class BackupsElsewhere:
    """Rows of backups; see `BackupRows`.

    Parameters
    ----------
    shards : StatedShards
    witnesses : StatedCustomers
    plan : Plan
    prices : ndarray of float64, shape (n_rows,)
        Signed.
    seed : int
    """

    def __init__(
        self,
        shards: StatedShards,
        witnesses: StatedCustomers,
        plan: Plan,
        prices: NDArray[np.float64],
        seed: int,
    ):
        self.plan = plan
        self._planned = planned_shards(shards, witnesses, plan)
        self._prices, self._seed = prices, seed
        self.schema: pa.Schema = self.of_shards([]).schema
        self._counts: tuple[int, int] | None = None

    def of_shards(self, shards: Sequence[int]) -> ShardBackups:
        """Make what lists the backups of some shards.

        Parameters
        ----------
        shards : sequence of int
            Their numbers.

        Returns
        -------
        ShardBackups
        """
        return ShardBackups(self._planned(shards), self._prices, self._seed)

    def write_on_workers(self, folder: str | Path) -> list[Path | str]:
        """Have the workers write the backups.

        Parameters
        ----------
        folder : str or Path
            As `write_parts` takes it.

        Returns
        -------
        list of Path, or of str
        """
        return write_parts(self.plan, self.of_shards, None, folder)

    @property
    def coupons(self) -> int:
        """How many rows there are; counted on the way of `batches`, or else in a pass at first use."""
        return self._counted()[0]

    @property
    def customers(self) -> int:
        """Customers with at least one backup; counted like `coupons`."""
        return self._counted()[1]

    def _counted(self) -> tuple[int, int]:
        if self._counts is None:
            for _ in self.batches():
                pass
        assert self._counts is not None
        return self._counts

    def batches(self) -> Iterator[pa.RecordBatch]:
        """Have the backups of some shards listed after those of others.

        Yields
        ------
        pyarrow.RecordBatch
        """
        rows = customers = 0
        listed = engine_of(self.plan).in_turns(lambda shards: ListTask(self.of_shards(shards)))
        for _, (own, written) in listed:
            customers += own
            for batch in pa.ipc.open_stream(written):
                rows += batch.num_rows
                yield batch
        self._counts = rows, customers
