"""Columns of customers that are summed: what each of a customer's candidates counts."""

from __future__ import annotations

import hashlib

import numpy as np
from numpy.typing import NDArray

from ...data.candidates import Candidates
from ...utils.arrays.array_store import Arrays, ArrayStore
from ...utils.arrays.blocks import row_blocks


def values_of_customers(
    name: str, values: NDArray[np.float64], candidates: Candidates
) -> tuple[str, NDArray[np.floating]]:
    """Give each candidate what its customer has in a column.

    Parameters
    ----------
    name : str
        Name of the column.
    values : ndarray of float64, shape (n_customers,)
    candidates : Candidates

    Returns
    -------
    source : str
        Names the values, for what is kept in a store.
    values : ndarray of float32 or float64, shape (n_candidates,)
        float32 where that holds every value.
    """
    with np.errstate(over="ignore"):
        kind = np.dtype(np.float32 if (values.astype(np.float32) == values).all() else np.float64)
    digest = hashlib.sha256(values.tobytes()).hexdigest()

    def make(store: ArrayStore) -> Arrays:
        writer = store.writer("values", kind)
        for start, stop in row_blocks(candidates.indptr):
            count = np.diff(candidates.indptr[start : stop + 1])
            writer.append(np.repeat(values[start:stop].astype(kind), count))
        return {"values": writer.finish()}

    made = candidates.derived.get_or_make(f"of-customers-{name}", [digest], make)
    return f"column {name} of customers {digest}", made["values"]
