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
        if np.array_equal(space.row, np.arange(space.rows)):
            matrix = self.matrix.copy()
        else:  # rows with two prices, or none
            matrix = self.matrix[space.row][:, space.row]
        side = space.sign * space.scale
        matrix.data *= side[matrix.indices] * np.repeat(side, np.diff(matrix.indptr))
        return matrix, self.bandwidth[space.row]

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
