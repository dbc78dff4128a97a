"""Curvature of the dual by the limits' rows, which campaigns that are much the same have in common."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ....utils.lazy_imports import sparse as sp
from ..price_space import PriceSpace


@dataclass(frozen=True)
class RowCurvature:
    """Second derivatives of the dual by the signed prices of every two rows, estimated from a sample.

    Attributes
    ----------
    matrix : csr_array of float64, shape (n_rows, n_rows)
        By how much activities fall as prices rise, in `unit`.
    bandwidth : ndarray of float64, shape (n_rows,)
        Reduced value within which changes counted, as a mean over the items of each row.
    unit : float
        Unit of the dual value.
    """

    matrix: sp.csr_array
    bandwidth: NDArray[np.float64]
    unit: float

    def in_space(self, space: PriceSpace) -> tuple[sp.csr_array, NDArray[np.float64]]:
        """Express it in the coordinates of a price space.

        Parameters
        ----------
        space : PriceSpace

        Returns
        -------
        matrix : csr_array of float64, shape (n_coordinates, n_coordinates)
        bandwidth : ndarray of float64, shape (n_coordinates,)
        """
        matrix = self.matrix
        if not space.has_each_row_once:  # rows with two prices, or none
            matrix = matrix[space.row][:, space.row]
        return _scaled(matrix, space), self.bandwidth[space.row]

    def by_row(self) -> RowCurvature:
        """Return it as it is: see `ListedCurvature`."""
        return self

    def as_arrays(self) -> dict[str, NDArray[Any]]:
        """Return it as arrays; `of_arrays` makes it of them again.

        Returns
        -------
        dict of str to ndarray
        """
        return {
            "indptr": self.matrix.indptr,
            "indices": self.matrix.indices,
            "data": self.matrix.data,
            "bandwidth": self.bandwidth,
            "unit": np.array([self.unit]),
        }

    @classmethod
    def of_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> RowCurvature:
        """Make it of arrays.

        Parameters
        ----------
        arrays : mapping of str to ndarray
            From `as_arrays`.

        Returns
        -------
        RowCurvature
        """
        bandwidth = np.asarray(arrays["bandwidth"], np.float64)
        parts = (arrays["data"], arrays["indices"], arrays["indptr"])
        matrix = sp.csr_array(parts, shape=(len(bandwidth), len(bandwidth)))
        return cls(matrix, bandwidth, float(arrays["unit"][0]))

    def of_rows(self, rows: NDArray[np.int64], share: float) -> RowCurvature:
        """Take over what a campaign with some of these rows has of it.

        Parameters
        ----------
        rows : ndarray of int64, shape (n_rows of the other campaign,)
            Which of these rows each of its rows is.
        share : float
            Customers that it has for each one here.

        Returns
        -------
        RowCurvature
        """
        matrix = self.matrix[rows][:, rows] * share
        return RowCurvature(sp.csr_array(matrix), self.bandwidth[rows], self.unit)


@dataclass(frozen=True)
class ListedCurvature:
    """The same of rows in the order of a price space's coordinates, of which each row has one.

    Attributes
    ----------
    matrix : csr_array of float64, shape (n_rows, n_rows)
    bandwidth : ndarray of float64, shape (n_rows,)
        By row of the problem.
    unit : float
    row : ndarray of int64, shape (n_rows,)
        Row of the problem that each of the matrix's is.
    """

    matrix: sp.csr_array
    bandwidth: NDArray[np.float64]
    unit: float
    row: NDArray[np.int64]

    def in_space(self, space: PriceSpace) -> tuple[sp.csr_array, NDArray[np.float64]]:
        """Express it in the coordinates of a price space; see `RowCurvature.in_space`."""
        if not np.array_equal(space.row, self.row):
            return self.by_row().in_space(space)
        return _scaled(self.matrix, space), self.bandwidth[space.row]

    def by_row(self) -> RowCurvature:
        """Bring its rows into the order of the problem's.

        Returns
        -------
        RowCurvature
        """
        place = np.argsort(self.row)
        return RowCurvature(self.matrix[place][:, place], self.bandwidth, self.unit)


def _scaled(matrix: sp.csr_array, space: PriceSpace) -> sp.csr_array:
    """Derivatives by signed prices, expressed in coordinates."""
    side = space.sign * space.scale
    data = matrix.data * (side[matrix.indices] * np.repeat(side, np.diff(matrix.indptr)))
    return sp.csr_array((data, matrix.indices, matrix.indptr), shape=matrix.shape)
