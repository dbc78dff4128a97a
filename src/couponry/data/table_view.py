"""Tables as results give them: for Arrow, pandas, Polars, and whatever takes the Arrow stream protocol; with HTML."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from ..utils.html import rows_table

if TYPE_CHECKING:
    import pandas
    import polars

SHOWN_ROWS = 60
"""Rows of a table that a notebook shows; the rest is counted."""


class StreamedTable:
    """What gives a table: one method, `to_arrow`, makes it one for every library."""

    def to_arrow(self) -> pa.Table:
        """Return the table.

        Returns
        -------
        pyarrow.Table
            The same columns.
        """
        raise NotImplementedError

    def to_pandas(self) -> pandas.DataFrame:
        """Return the table as a pandas DataFrame.

        Returns
        -------
        pandas.DataFrame
            The same columns.

        Raises
        ------
        ImportError
            If pandas is not installed.
        """
        return self.to_arrow().to_pandas()

    def to_polars(self) -> polars.DataFrame:
        """Return the table as a Polars DataFrame.

        Returns
        -------
        polars.DataFrame
            The same columns.

        Raises
        ------
        ImportError
            If Polars is not installed.
        """
        try:
            import polars
        except ImportError:
            name = type(self).__name__
            raise ImportError(f"{name}.to_polars needs Polars: pip install polars") from None
        frame = polars.from_arrow(self.to_arrow())
        assert isinstance(frame, polars.DataFrame)
        return frame

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        return self.to_arrow().__arrow_c_stream__(requested_schema)


class TableView(StreamedTable):
    """A table of a result: a `pyarrow.Table`, which notebooks show, and which Polars, pandas and DuckDB take as it is.

    It has every method and attribute of `pyarrow.Table` besides its own.

    Parameters
    ----------
    table : pyarrow.Table
        Shared, not copied.

    Examples
    --------
    >>> import couponry
    >>> offers = {"offer": ["tea", "jam"], "supplier": ["A", "B"]}
    >>> candidates = {"customer": [1, 1, 2], "offer": ["tea", "jam", "tea"], "value": [2.0, 1.0, 3.0]}
    >>> table = couponry.Campaign(offers, candidates).solve().by("supplier")
    >>> len(table), table.column_names
    (2, ['supplier', 'coupons', 'customers', 'value'])
    >>> table["value"].to_pylist()
    [5.0, 1.0]
    """

    def __init__(self, table: pa.Table):
        self._table = table

    def to_arrow(self) -> pa.Table:
        """Return the table.

        Returns
        -------
        pyarrow.Table
            Without a copy.
        """
        return self._table

    def __len__(self) -> int:
        return len(self._table)

    def __getitem__(self, key: int | str) -> pa.ChunkedArray:
        return self._table[key]

    @property
    def num_rows(self) -> int:
        """Number of rows."""
        return len(self._table)

    @property
    def column_names(self) -> list[str]:
        """Names of the columns."""
        return list(self._table.column_names)

    @property
    def schema(self) -> pa.Schema:
        """Names and types of the columns."""
        return self._table.schema

    def to_pylist(self) -> list[dict[str, Any]]:
        """Return the rows as Python values.

        Returns
        -------
        list of dict
            One for each row.
        """
        return list(self._table.to_pylist())

    def equals(self, other: TableView | pa.Table) -> bool:
        """Tell whether another table has the same names, types and values.

        Parameters
        ----------
        other : TableView or pyarrow.Table
            To compare with.

        Returns
        -------
        bool
            Whether it has.
        """
        return bool(self._table.equals(as_arrow(other)))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, (TableView, pa.Table)) and self.equals(other)

    __hash__ = None  # type: ignore[assignment]  # as that of `pyarrow.Table`

    def __dataframe__(self, nan_as_null: bool = False, allow_copy: bool = True) -> Any:
        return self._table.__dataframe__(nan_as_null, allow_copy)

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            """Whatever else a `pyarrow.Table` has."""
            if (
                name.startswith("__") or name == "_table"
            ):  # asked for while it is copied or unpickled
                raise AttributeError(name)
            return getattr(self._table, name)

    def __dir__(self) -> list[str]:
        return sorted({*super().__dir__(), *dir(self._table)})

    def __repr__(self) -> str:
        return repr(self._table)

    def _repr_html_(self) -> str:
        return table_html(self._table)


def as_arrow(table: TableView | pa.Table) -> pa.Table:
    """Return a table as Arrow has it.

    Parameters
    ----------
    table : TableView or pyarrow.Table

    Returns
    -------
    pyarrow.Table
    """
    return table.to_arrow() if isinstance(table, TableView) else table


def table_html(table: pa.Table, caption: str = "", digits: int = 8) -> str:
    """Lay out a table for notebooks.

    Parameters
    ----------
    table : pyarrow.Table
    caption : str
    digits : int
        Significant digits of floats.

    Returns
    -------
    str
        HTML; names and values are escaped.
    """
    return _html(table.slice(0, SHOWN_ROWS), table.num_rows, caption, digits)


def first_rows_html(schema: pa.Schema, batches: Iterable[pa.RecordBatch], rows: int) -> str:
    """Lay out the first rows of a table that is made as it is read; no more of it is made.

    Parameters
    ----------
    schema : pyarrow.Schema
    batches : iterable of pyarrow.RecordBatch
        In order.
    rows : int
        Of the whole table.

    Returns
    -------
    str
        HTML; names and values are escaped.
    """
    first: list[pa.RecordBatch] = []
    left = min(rows, SHOWN_ROWS)
    for batch in batches if left else ():
        first.append(batch.slice(0, left))
        left -= first[-1].num_rows
        if not left:
            break
    return _html(pa.Table.from_batches(first, schema), rows)


def _html(first: pa.Table, rows: int, caption: str = "", digits: int = 8) -> str:
    """The first of so many rows, below a caption that counts them."""
    shown = [tuple(row.values()) for row in first.to_pylist()]
    counted = f"{len(shown)} of {rows:,} rows" if rows > len(shown) else ""
    said = ", ".join(filter(None, [caption, counted]))
    return rows_table(first.column_names, shown, caption=said, digits=digits)
