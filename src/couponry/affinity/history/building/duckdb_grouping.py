"""Transactions put into the order of customers by DuckDB."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Self

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from ....data import tables
from ....data.ids import count_up_to
from ....kernels.purchases_contract import NO_ITEM, PurchaseRows
from .duckdb_session import DuckDBSession, Resources
from .grouping import PURPOSE, CustomerRows, RangeOfPurchases, Watching, older_blocks
from .packed_rows import pack
from .transactions import TABLE, Transactions


class DuckDBPurchases:
    """Purchases by customer in a table of DuckDB; see `GroupedPurchases`.

    Parameters
    ----------
    transactions : Transactions
        Read once, here.
    catalogue : pyarrow.Table, optional
        Columns product and item, each row once: what a product counts as. None: products are items.
    resources : Resources
    watching : Watching

    Attributes
    ----------
    customer_type : pyarrow.DataType
    items : pyarrow.Array
    first, last, rows, threads : int
    """

    def __init__(
        self,
        transactions: Transactions,
        catalogue: pa.Table | None,
        resources: Resources,
        watching: Watching,
    ):
        self.customer_type = transactions.customer_type
        self.threads, self.held_bytes = resources.threads, resources.memory or 0
        self._session = DuckDBSession(resources, PURPOSE, keep_order=False)
        try:
            self._group(transactions, catalogue, watching)
            last = watching.last_kept()
            if last is not None:
                self._session.execute(f"DELETE FROM grouped WHERE period > {last:d}")
            bounds = self._session.execute(
                "SELECT min(period), max(period), count(*) FROM grouped"
            )[0]
            self.first, self.last, self.rows = 0, -1, int(bounds[2])
            if bounds[0] is not None:
                self.first, self.last = bounds[0], bounds[1] if last is None else last
            found = self._session.table(
                "SELECT DISTINCT item FROM grouped WHERE item IS NOT NULL ORDER BY 1"
            )
            self.items: pa.Array = tables.ids(found, TABLE, "item")
        except BaseException:
            self._session.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._session.close()

    def _group(
        self, transactions: Transactions, catalogue: pa.Table | None, watching: Watching
    ) -> None:
        """Read the transactions into the table `grouped`, with items in place of products."""

        def batches() -> Iterator[pa.RecordBatch]:
            for batch in transactions.batches():
                watching.see(batch)
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

    def ranges(
        self, items: pa.Array, old: pa.Array, indptr: NDArray[np.int64]
    ) -> Iterator[RangeOfPurchases]:
        """Hand on the purchases, a range of customers at a time; see `GroupedPurchases`.

        Parameters
        ----------
        items, old : pyarrow.Array
        indptr : ndarray of int64

        Yields
        ------
        RangeOfPurchases
        """
        rank, start = np.arange(len(items), dtype=np.uint32), 0
        for table in self._whole_customers(items):
            customer, begin = tables.ids(table, TABLE, "customer"), 0
            stop = count_up_to(old, customer[len(customer) - 1].as_py())
            for _, b in older_blocks(indptr[start : stop + 1]) or [(0, 0)]:
                end = len(customer)
                if start + b < stop:
                    end = count_up_to(customer, old[start + b - 1].as_py())
                part = table.slice(begin, end - begin)
                yield RangeOfPurchases(start + b, partial(_customer_rows, part, rank))
                begin = end
            start = stop
        for _, b in older_blocks(indptr[start:]):
            yield RangeOfPurchases(start + b, None)

    def _whole_customers(self, items: pa.Array) -> Iterator[pa.Table]:
        """Yield the purchases by customer, all of a customer in one table; item: its position, or NO_ITEM."""
        known = pa.table({"item": items, "place": np.arange(len(items), dtype=np.uint32)})
        self._session.register("known", known)
        query = (
            f"SELECT customer, coalesce(place, {NO_ITEM}) AS item, period, discounted, spend "
            "FROM grouped LEFT JOIN known USING (item) ORDER BY 1"
        )
        waiting: list[pa.Table] = []
        for table in self._session.tables(query):
            whole = pa.concat_tables([*waiting, table]).combine_chunks()
            same = pc.equal(whole["customer"], whole["customer"][-1])
            cut = pc.index(same, True).as_py()  # they are in order: all before belong to others
            if cut:
                yield whole.slice(0, cut)
            waiting = [whole.slice(cut)]
        yield from waiting


def _customer_rows(table: pa.Table, rank: NDArray[np.uint32]) -> CustomerRows:
    """Return purchases by customer as the kernels take them."""
    code, ids = tables.ranks(tables.ids(table, TABLE, "customer"))
    names = ("item", "period", "discounted", "spend")
    item, period, discounted, spend = (table[name].combine_chunks().to_numpy() for name in names)
    rows = PurchaseRows(code, pack(item, period, discounted), spend)
    return CustomerRows(rows, rank, lambda codes: ids.take(pa.array(codes)))
