"""Compares what an allocation says of units with what the table customers says."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ...data.arrow_columns import one_array
from ..rounding import Integers, Mask


def differing(column: pa.ChunkedArray, rows: Integers, expected: pa.Array) -> Mask:
    """Find which of some rows of a column are not as expected; nulls are like nulls.

    Parameters
    ----------
    column : pyarrow.ChunkedArray
    rows : ndarray of int64, shape (n,)
    expected : pyarrow.Array, shape (n,)

    Returns
    -------
    ndarray of bool, shape (n,)
    """
    found = one_array(column).take(pa.array(rows))
    if pa.types.is_dictionary(found.type):
        found = found.dictionary_decode()
    try:
        found = found.cast(expected.type)
    except pa.ArrowException:
        return np.ones(len(rows), bool)
    if pa.types.is_null(expected.type):  # there is nothing to be equal
        return ~np.asarray(pc.is_null(found).to_numpy(zero_copy_only=False), bool)
    both_null = pc.and_(pc.is_null(found), pc.is_null(expected))
    same = pc.or_(pc.fill_null(pc.equal(found, expected), False), both_null)
    return ~np.asarray(same.to_numpy(zero_copy_only=False), bool)
