"""Columns of Arrow tables as single arrays, and columns that hold lists taken apart."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray


def one_array(column: pa.ChunkedArray | pa.Array) -> pa.Array:
    """Return a column as one array.

    Parameters
    ----------
    column : pyarrow.ChunkedArray or pyarrow.Array
        The column.

    Returns
    -------
    pyarrow.Array
        The same values.
    """
    if isinstance(column, pa.ChunkedArray):
        column = column.combine_chunks()
    return pa.concat_arrays(column.chunks) if isinstance(column, pa.ChunkedArray) else column


def holds_lists(kind: pa.DataType) -> bool:
    """Tell whether a column of this type holds several values a row.

    Parameters
    ----------
    kind : pyarrow.DataType
        Type of the column.

    Returns
    -------
    bool
        Whether it is a type of lists.
    """
    return bool(pa.types.is_list(kind) or pa.types.is_large_list(kind))


def flat_lists(column: pa.ChunkedArray | pa.Array) -> tuple[NDArray[np.int64], pa.Array]:
    """Take the lists of a column apart: the row of each value, and the values.

    Parameters
    ----------
    column : pyarrow.ChunkedArray or pyarrow.Array
        A column of lists.
    """
    whole = one_array(column)
    rows: NDArray[np.int64] = pc.list_parent_indices(whole).to_numpy()
    return rows, pc.list_flatten(whole)
