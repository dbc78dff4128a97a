"""Checks what an offer chooser is given, and brings it into the form that the kernels take."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ....kernels.affinity_contract import Bought, Eligible, Links
from ....utils.errors import InvalidInput
from ....utils.lazy_imports import sparse as sp

LARGEST_FLOAT = float(np.finfo(np.float32).max)
MAX_SIZE = 1 << 31
"""Rows and columns that a matrix may have fewer than: kernels count them in int32."""


class Rows(NamedTuple):
    """A sparse matrix by rows, as the kernels take it: columns ascending within a row, each once."""

    indptr: NDArray[np.int64]
    column: NDArray[np.int32]
    value: NDArray[np.float32]
    shape: tuple[int, int]


def checked_rows(matrix: Any, what: str, *, check_entries: bool = True) -> Rows:
    """Return a sparse matrix by rows; the caller's arrays are left as they are.

    Parameters
    ----------
    matrix : sparse matrix
    what : str
        What it is, for errors.
    check_entries : bool
        False where whoever works on the rows looks at columns and values, which takes as long as reading them.

    Returns
    -------
    Rows
        Columns ascending within a row, each once.

    Raises
    ------
    InvalidInput
        If it is not sparse, too large, or has columns or values that make no sense.
    """
    if not sp.issparse(matrix):
        raise InvalidInput(f"{what}: expected a sparse matrix, got {type(matrix).__name__}")
    canonical = matrix.format == "csr" and matrix.has_canonical_format  # which it remembers
    csr = sp.csr_array(matrix)  # no copy of one that is of rows already
    if csr.ndim != 2 or max(csr.shape) >= MAX_SIZE:
        raise InvalidInput(f"{what}: expected fewer than 2**31 rows and columns, got {csr.shape}")
    if not canonical:
        csr = csr.copy()
        csr.sum_duplicates()
    columns, value = csr.indices, csr.data
    if check_entries or columns.dtype != np.int32:
        check_columns(columns, csr.shape[1], what)
    if check_entries or value.dtype != np.float32:
        value = checked_floats(value, what)
    indptr = np.ascontiguousarray(csr.indptr, np.int64)
    if (indptr[1:] < indptr[:-1]).any() or indptr[-1] > len(columns):
        raise InvalidInput(f"{what}: expected offsets of rows that ascend to {len(columns):,}")
    value = np.ascontiguousarray(value)
    return Rows(indptr, np.ascontiguousarray(columns, np.int32), value, csr.shape)


def checked_links(matrix: Any, what: str) -> tuple[Links, tuple[int, int]]:
    """Return links from items to offers, of a sparse or dense matrix, and its shape.

    Parameters
    ----------
    matrix : sparse matrix or array-like of float, shape (n_items, n_offers)
    what : str
        What it is, for errors.

    Returns
    -------
    links : Links
    shape : tuple of int
        Items and offers.

    Raises
    ------
    InvalidInput
        If it is not a matrix of numbers that are finite in float32.
    """
    if not sp.issparse(matrix):
        dense = np.asarray(matrix)
        if dense.ndim != 2 or dense.dtype.kind not in "biuf":
            raise InvalidInput(
                f"{what}: expected numbers of items x offers, got {dense.dtype} of {dense.ndim} dimensions"
            )
        matrix = sp.csr_array(dense)
    rows = checked_rows(matrix, what)
    return Links.new(rows.indptr, rows.column, rows.value), rows.shape


def no_links(items: int) -> Links:
    """Return links from no item to any offer.

    Parameters
    ----------
    items : int
        Number of items.

    Returns
    -------
    Links
    """
    indptr, offer = np.zeros(items + 1, np.int64), np.zeros(0, np.int32)
    return Links.new(indptr, offer, np.zeros(0, np.float32))


def checked_purchases(purchases: Any, own_weight: Any, items: int, as_what: str) -> Bought:
    """Return what customers bought; columns and values are checked where they are read.

    Parameters
    ----------
    purchases : sparse matrix of float, shape (n_customers, items)
    own_weight : array-like of float, shape (purchases.nnz,), optional
        Weights for rewards; None: the same weights.
    items : int
        Number of items.
    as_what : str
        What has so many, for errors.

    Returns
    -------
    Bought

    Raises
    ------
    InvalidInput
        If shapes do not agree.
    """
    rows = checked_rows(purchases, "purchases", check_entries=False)
    if rows.shape[1] != items:
        raise InvalidInput(
            f"purchases: expected {items:,} columns as {as_what}, got {rows.shape[1]:,}"
        )
    own = rows.value if own_weight is None else checked_floats(own_weight, "own_weight")
    if len(own) != len(rows.value):
        raise InvalidInput(f"own_weight: expected {len(rows.value):,} numbers, got {len(own):,}")
    return Bought(rows.indptr, rows.column.view(np.uint32), rows.value, own)


def checked_eligible(eligible: Any, customers: int, offers: int) -> Eligible:
    """Return the offers that each customer may get.

    Parameters
    ----------
    eligible : sparse matrix, shape (customers, offers), optional
        None: all offers.
    customers, offers : int
        How many there are.

    Returns
    -------
    Eligible

    Raises
    ------
    InvalidInput
        If the shape is another.
    """
    if eligible is None:
        return Eligible(np.zeros(0, np.int64), np.zeros(0, np.int32))
    rows = checked_rows(eligible, "eligible")
    if rows.shape != (customers, offers):
        raise InvalidInput(
            f"eligible: expected {customers:,} customers x {offers:,} offers, got {rows.shape}"
        )
    return Eligible(rows.indptr, rows.column)


def checked_prior(prior: Any, offers: int) -> NDArray[np.float32]:
    """Return what scores start from, or no numbers.

    Parameters
    ----------
    prior : array-like of float, shape (offers,), optional
    offers : int
        How many there are.

    Returns
    -------
    ndarray of float32, shape (offers,) or (0,)

    Raises
    ------
    InvalidInput
        If there are not as many finite numbers as offers.
    """
    if prior is None:
        return np.zeros(0, np.float32)
    numbers = checked_floats(prior, "prior")
    if len(numbers) != offers:
        raise InvalidInput(f"prior: expected {offers:,} numbers, got {len(numbers):,}")
    return numbers + np.float32(0.0)  # none is -0.0, which stands for offers that nothing links to


def checked_above(above: float) -> np.float32:
    """Return what scores have to be larger than.

    Parameters
    ----------
    above : float
        Infinities are fine.

    Returns
    -------
    float32

    Raises
    ------
    InvalidInput
        If it is no number.
    """
    if np.isnan(above):
        raise InvalidInput(f"above: expected a number, got {above}")
    return np.float32(above)


def checked_factors(factors: Any, what: str, *, check_entries: bool = True) -> NDArray[np.float32]:
    """Return factors as float32 by rows.

    Parameters
    ----------
    factors : array-like of float, shape (n, n_factors)
    what : str
        Whose they are, for errors.
    check_entries : bool
        False where whoever works on them looks at them.

    Returns
    -------
    ndarray of float32, shape (n, n_factors)

    Raises
    ------
    InvalidInput
        If it is not a matrix of one or more columns of numbers that are finite in float32.
    """
    given = np.asarray(factors)
    if given.ndim != 2 or given.dtype.kind not in "biuf" or not given.shape[1]:
        raise InvalidInput(f"{what}: expected a matrix of numbers, got {given.dtype} {given.shape}")
    if given.shape[0] >= MAX_SIZE:
        raise InvalidInput(f"{what}: expected fewer than 2**31 rows, got {given.shape[0]:,}")
    if check_entries or given.dtype != np.float32:
        check_finite(given.ravel(), what)
    return np.ascontiguousarray(given, np.float32)


def checked_floats(values: Any, what: str) -> NDArray[np.float32]:
    """Return numbers as float32; refuse those that are not finite there.

    Parameters
    ----------
    values : array-like of number, shape (n,)
    what : str
        What they are, for errors.

    Returns
    -------
    ndarray of float32, shape (n,)

    Raises
    ------
    InvalidInput
        With the first number that is not finite.
    """
    given = np.asarray(values)
    if given.dtype.kind not in "biuf" or given.ndim != 1:
        raise InvalidInput(
            f"{what}: expected numbers, got {given.dtype} of {given.ndim} dimensions"
        )
    check_finite(given, what)
    return np.ascontiguousarray(given, np.float32)


def check_finite(values: NDArray[Any], what: str, first: int = 0) -> None:
    """Refuse numbers that are not finite in float32.

    Parameters
    ----------
    values : ndarray of number, shape (n,)
    what : str
        What they are, for errors.
    first : int
        Number of the first of them, for errors.

    Raises
    ------
    InvalidInput
        With the first number that is not finite.
    """
    single = values.dtype == np.float32
    fine = np.isfinite(values) if single else np.abs(values * 1.0) <= LARGEST_FLOAT
    if not fine.all():
        place = int((~fine).argmax())
        raise InvalidInput(
            f"{what}: expected finite numbers of float32, got {values[place]} at {first + place:,}"
        )


def check_columns(columns: NDArray[np.integer], count: int, what: str) -> None:
    """Refuse columns outside 0 to count - 1.

    Parameters
    ----------
    columns : ndarray of int, shape (n,)
    count : int
        Number of columns.
    what : str
        What they are columns of, for errors.

    Raises
    ------
    InvalidInput
        If any is outside.
    """
    if len(columns) and (columns.min() < 0 or columns.max() >= count):
        raise InvalidInput(f"{what}: expected columns from 0 to {count - 1:,}")
