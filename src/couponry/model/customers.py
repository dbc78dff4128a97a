"""What is known of the customers who have candidates: the rows and columns of table customers."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ..data import tables
from ..solver.problem import UNLIMITED
from ..utils.errors import InvalidInput


class Customers:
    """The customers table, looked up by candidates' customer."""

    def __init__(self, table: pa.Table | None, customers: pa.Array):
        self.table = table
        self._ids = customers
        self._rows: NDArray[np.int64] | None = None

    def rows(self, by_whom: str) -> NDArray[np.int64]:
        """Row of the customers table for each customer who has candidates (n)."""
        if self.table is None:
            raise InvalidInput(
                f"{by_whom}: it needs the table customers, which the campaign does not have"
            )
        if self._rows is None:
            known = tables.ids(self.table, "customers", "customer")
            if known.type != self._ids.type:
                raise InvalidInput(
                    f"table customers, column 'customer': expected {tables.kind_of_ids(self._ids)} "
                    f"as in table candidates, got {tables.kind_of_ids(known)}"
                )
            rows = tables.positions(self._ids, known)
            if (rows < 0).any():
                missing = self._ids[int((rows < 0).argmax())].as_py()
                raise InvalidInput(
                    f"table customers: customer {missing!r} of table candidates is not in it, and {by_whom} needs it"
                )
            self._rows = rows
        return self._rows

    def bound(self, bound: int | str | None, default: int, by_whom: str) -> NDArray[np.int32]:
        """A per-customer bound (n), or (1) where it is the same for all."""
        if bound is None:
            return np.array([default], np.int32)
        if not isinstance(bound, str):
            return np.array([int(bound)], np.int32)
        rows = self.rows(by_whom)
        assert_column(self.table, bound, by_whom)
        values = tables.numbers(self.table, "customers", bound)
        if (values < 0).any() or (values != np.floor(values)).any() or (values > UNLIMITED).any():
            row = int(((values < 0) | (values != np.floor(values)) | (values > UNLIMITED)).argmax())
            raise InvalidInput(
                f"table customers, column {bound!r}, row {row}: expected a whole number from 0 up for {by_whom}, "
                f"got {values[row]}"
            )
        return values[rows].astype(np.int32)


def assert_column(table: pa.Table | None, name: str, by_whom: str) -> None:
    if table is None or name not in table.column_names:
        raise InvalidInput(f"{by_whom}: table customers has no column {name!r}")
