"""Candidates in another order of their customers: made once, and kept where candidates are kept."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ...data.candidates import Candidates
from ...utils.arrays.array_store import Arrays, ArrayStore, save
from ...utils.arrays.blocks import row_blocks
from ...utils.arrays.derived_arrays import DerivedArrays
from ...utils.arrays.mapped_arrays import release_pages
from ...utils.arrays.ragged import ranges

FLAGS = ("offer", "role", "mandatory")
"""Arrays of candidates beside their columns."""


def in_order_of(candidates: Candidates, order: NDArray[np.int64]) -> Candidates:
    """Put candidates into another order of their customers.

    Parameters
    ----------
    candidates : Candidates
    order : ndarray of int64, shape (n_customers,)
        Numbers of the customers, each once, in the order to come.

    Returns
    -------
    Candidates
        The same where the order is.
    """
    if bool((order[1:] > order[:-1]).all()):
        return candidates
    digest = hashlib.sha256(order.tobytes()).hexdigest()
    return _reordered(candidates, order, digest)


def _reordered(candidates: Candidates, order: NDArray[np.int64], digest: str) -> Candidates:
    """The same candidates in order; their arrays are made, or found."""
    present = {name: getattr(candidates, name) for name in FLAGS}
    arrays = {name: array for name, array in present.items() if array is not None}
    columns = {f"column-{at}": array for at, array in enumerate(candidates.columns.values())}

    def make(store: ArrayStore) -> Arrays:
        count = np.diff(candidates.indptr)[order]
        indptr = np.concatenate([np.zeros(1, np.int64), np.cumsum(count)])
        made = {"order": save(store, "order", order), "indptr": save(store, "indptr", indptr)}
        for name, array in (arrays | columns).items():
            writer = store.writer(name, array.dtype)
            for start, stop in row_blocks(indptr):
                some = order[start:stop]
                writer.append(array[ranges(candidates.indptr[some], count[start:stop])])
            release_pages(array)
            made[name] = writer.finish()
        return made

    found = candidates.derived.get_or_make("ordered", [digest, *candidates.columns], make)
    named = zip(candidates.columns, columns, strict=True)
    return Candidates(
        candidates.customers.take(pa.array(order)),
        found["indptr"],
        found["offer"],
        found.get("role"),
        found.get("mandatory"),
        {name: found[file] for name, file in named},
        _OfOrder(candidates.derived, digest, found["order"]),
        candidates.notes,
    )


@dataclass(frozen=True)
class _OfOrder:
    """Arrays made of candidates in another order, kept beside those of the candidates as they were.

    Attributes
    ----------
    derived : DerivedArrays
        Of the candidates as they were.
    digest : str
        Of the order.
    order : ndarray of int64, shape (n_customers,)
    """

    derived: DerivedArrays
    digest: str
    order: NDArray[np.int64]

    def get_or_make(
        self, kind: str, key: Sequence[str], make: Callable[[ArrayStore], Arrays]
    ) -> Arrays:
        """Return the arrays of this kind and key, as `DerivedArrays` says."""
        return self.derived.get_or_make(kind, [self.digest, *key], make)

    @property
    def reopen(self) -> Any:
        """What returns the candidates again where they are in a store; None where they are in memory."""
        known = getattr(self.derived, "reopen", None)
        return None if known is None else _ReopenedInOrder(known, self.digest, self.order)


@dataclass(frozen=True)
class _ReopenedInOrder:
    """Candidates of a store in another order, as they are pickled."""

    reopen: Callable[[], Candidates]
    digest: str
    order: NDArray[np.int64]

    def __call__(self) -> Candidates:
        return _reordered(self.reopen(), self.order, self.digest)
