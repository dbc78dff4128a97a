"""Rows of a mixed-integer programme, collected one by one and built into a sparse matrix."""

from __future__ import annotations

import math

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray


class Rows:
    """Rows of a programme as they are added; a row with a penalty may be missed."""

    def __init__(self, variables: int):
        self.variables = variables
        self.row: list[NDArray[np.int64]] = []
        self.column: list[NDArray[np.int64]] = []
        self.weight: list[NDArray[np.float64]] = []
        self.lower: list[float] = []
        self.upper: list[float] = []
        self.penalty: list[float] = []

    @property
    def width(self) -> int:
        """Variables so far."""
        return self.variables + len(self.penalty)

    def variable(self) -> int:
        """One more variable, from 0 up, that costs nothing."""
        self.penalty.append(0.0)
        return self.width - 1

    def add(
        self,
        members: NDArray[np.int64],
        weight: NDArray[np.float64],
        lower: float,
        upper: float,
        penalty: float | None = None,
        unit: float = 1.0,
    ) -> None:
        if (
            penalty is not None
        ):  # one more variable: by how much the row is missed, in the limit's own unit
            sign = unit if math.isinf(upper) else -unit
            members = np.append(members, self.variables + len(self.penalty))
            weight = np.append(weight, sign)
            self.penalty.append(penalty)
        self.row.append(np.full(len(members), len(self.lower)))
        self.column.append(members)
        self.weight.append(weight)
        self.lower.append(lower)
        self.upper.append(upper)

    def build(
        self,
    ) -> tuple[sp.csr_array, NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
        """Matrix, lower and upper bounds of the rows, and costs of the added variables."""
        shape = (len(self.lower), self.variables + len(self.penalty))
        if not self.lower:
            return sp.csr_array(shape), np.zeros(0), np.zeros(0), np.zeros(0)
        triplets = (
            np.concatenate(self.weight),
            (np.concatenate(self.row), np.concatenate(self.column)),
        )
        matrix = sp.csr_array(triplets, shape=shape)
        return matrix, np.array(self.lower), np.array(self.upper), np.array(self.penalty)
