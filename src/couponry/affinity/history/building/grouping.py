"""Transactions grouped by customer, item and period, and put into that order by DuckDB."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from types import TracebackType

import numpy as np
import pyarrow as pa

from ....data import tables
from .duckdb_session import DuckDBSession, Resources
from .transactions import TABLE, Transactions


class GroupedPurchases:
    """Purchases ordered by customer, item and period; a context manager that removes its files on disk.

    Nothing that is kept depends on the order of the rows: amounts are summed as whole numbers.

    Parameters
    ----------
    transactions : Transactions
        Read once, here.
    catalogue : pyarrow.Table, optional
        Columns product and item, each row once: what a product counts as. None: products are items.
    resources : Resources
    watch : callable, optional
        Called with every batch of transactions before they are grouped.
    last_complete : callable, optional
        Called when all of them were read: the last period that is kept; None: all are.

    Attributes
    ----------
    customer_type : pyarrow.DataType
    items : pyarrow.Array
        Ids of the items, ascending.
    first, last : int
        Earliest and latest period; 0 and -1 if there are no purchases. Where later ones were left out, the last that
        is kept, whether anything was bought in it or not.
    """

    def __init__(
        self,
        transactions: Transactions,
        catalogue: pa.Table | None,
        resources: Resources,
        watch: Callable[[pa.RecordBatch], None] | None = None,
        last_complete: Callable[[], int | None] | None = None,
    ):
        self.customer_type = transactions.customer_type
        self._session = DuckDBSession(resources, "grouping the transactions", keep_order=False)
        try:
            self._group(transactions, catalogue, watch)
            last = None if last_complete is None else last_complete()
            if last is not None:
                self._session.execute(f"DELETE FROM grouped WHERE period > {last:d}")
            bounds = self._session.execute("SELECT min(period), max(period) FROM grouped")[0]
            self.first, self.last = 0, -1
            if bounds[0] is not None:
                self.first, self.last = bounds[0], bounds[1] if last is None else last
            found = self._session.table(
                "SELECT DISTINCT item FROM grouped WHERE item IS NOT NULL ORDER BY 1"
            )
            self.items: pa.Array = tables.ids(found, TABLE, "item")
        except BaseException:
            self._session.close()
            raise

    def __enter__(self) -> GroupedPurchases:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._session.close()

    def _group(
        self,
        transactions: Transactions,
        catalogue: pa.Table | None,
        watch: Callable[[pa.RecordBatch], None] | None,
    ) -> None:
        """Read the transactions into the table `grouped`, with items in place of products."""

        def batches() -> Iterator[pa.RecordBatch]:
            for batch in transactions.batches():
                if watch is not None:
                    watch(batch)
                yield batch

        query = "SELECT customer, product AS item, period, discounted, spend FROM purchases"
        if catalogue is not None:  # items have several products each: fewer rows to be ordered
            self._session.register("catalogue", catalogue)
            query = (
                "SELECT customer, item, period, max(discounted) AS discounted, CAST(sum(spend) AS BIGINT) AS spend "
                "FROM purchases LEFT JOIN catalogue USING (product) GROUP BY ALL"
            )
        with self._session.stream("purchases", transactions.schema, batches()):
            self._session.execute(f"CREATE TEMP TABLE grouped AS {query}")

    def ordered(self, items: pa.Array) -> Iterator[pa.Table]:
        """Read the purchases in order, a batch at a time.

        Parameters
        ----------
        items : pyarrow.Array
            Ids of all items that may occur, ascending.

        Yields
        ------
        pyarrow.Table
            customer, item (int64: its position in `items`, -1 if the catalogue lacks the product), period,
            discounted, spend.
        """
        known = pa.table({"item": items, "place": np.arange(len(items), dtype=np.int64)})
        self._session.register("known", known)
        yield from self._session.tables(
            "SELECT customer, coalesce(place, -1) AS item, period, discounted, spend "
            "FROM grouped LEFT JOIN known USING (item) ORDER BY 1, 2, 3"
        )
