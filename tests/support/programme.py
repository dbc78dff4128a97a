"""Mixed-integer programmes for HiGHS: as one, or part by part where they fall apart."""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import scipy.optimize
import scipy.sparse as sp
from numpy.typing import NDArray

PART = 40
"""Variables that parts are solved together up to: HiGHS takes long to prove one of thousands of customers at once."""


class Stop(NamedTuple):
    """When HiGHS may stop.

    Attributes
    ----------
    gap : float
        Relative, between its choice and its bound.
    nodes : int, optional
        Of its search; default: as many as it takes. What holds it in tests, whose outcome must not depend on time.
    seconds : float, optional
        For benchmarks; default: as long as it takes.
    presolve : bool
        False where two soft rows are alike but for what they are missed by: HiGHS 1.12 has been seen to merge them,
        and to end with less than the best as the best.
    """

    gap: float = 1e-6
    nodes: int | None = None
    seconds: float | None = None
    presolve: bool = True


EXACT = Stop(gap=0.0)


@dataclass(frozen=True)
class Solution:
    """How HiGHS ended, values of the variables (n), or None, and what the costs are at least."""

    status: str
    values: NDArray[np.float64] | None
    least: float


@dataclass(frozen=True)
class Programme:
    """The least sum of costs (n) of variables from 0 up, the first `binary` of which are 0 or 1, under rows."""

    cost: NDArray[np.float64]
    binary: int
    matrix: sp.csr_array
    lower: NDArray[np.float64]
    upper: NDArray[np.float64]

    def solve(self, stop: Stop) -> Solution:
        """By HiGHS; exactly, part by part."""
        if stop != EXACT:
            return self._solve_whole(stop)
        values, least = np.zeros(len(self.cost)), 0.0
        for columns in self._parts():
            found = self._of(columns)._solve_whole(stop)
            if found.values is None or found.status != "optimal":
                return Solution(found.status, None, -math.inf)
            values[columns] = found.values
            least += found.least
        return Solution("optimal", values, least)

    def _parts(self) -> Iterator[NDArray[np.int64]]:
        """Variables, in rising order, that no row ties to those of other parts."""
        rows, columns = self.matrix.shape
        ties = sp.block_array([[None, self.matrix], [self.matrix.T, None]]) if rows else None
        labels = np.arange(columns)
        if ties is not None:
            labels = sp.csgraph.connected_components(ties, directed=False)[1][rows:]
        sizes = np.bincount(labels)
        bins = (np.cumsum(sizes) - sizes) // PART
        part = bins[labels]
        order = np.argsort(part, kind="stable")
        yield from np.split(order, np.flatnonzero(np.diff(part[order])) + 1)

    def _of(self, columns: NDArray[np.int64]) -> Programme:
        """The part with these variables."""
        matrix = self.matrix[:, columns]
        kept = np.flatnonzero(np.diff(matrix.indptr))
        binary = int(np.searchsorted(columns, self.binary))
        return Programme(
            self.cost[columns], binary, matrix[kept], self.lower[kept], self.upper[kept]
        )

    def _solve_whole(self, stop: Stop) -> Solution:
        extra = len(self.cost) - self.binary
        kinds = np.concatenate([np.ones(self.binary), np.zeros(extra)])
        rows = (self.matrix, self.lower, self.upper)
        found = _milp(
            self.cost,
            constraints=scipy.optimize.LinearConstraint(*rows) if len(self.lower) else None,
            bounds=scipy.optimize.Bounds(0.0, np.where(kinds == 1.0, 1.0, np.inf)),
            integrality=kinds,
            options=_options(stop),
        )
        status = {0: "optimal", 1: "stopped", 2: "infeasible"}.get(found.status, "unknown")
        least = found.mip_dual_bound
        known = least is not None and np.isfinite(least)
        return Solution(status, found.x, least if known else -math.inf)


def _options(stop: Stop) -> dict[str, Any]:
    """SciPy's options for HiGHS."""
    options: dict[str, Any] = {"mip_rel_gap": stop.gap, "threads": 1, "presolve": stop.presolve}
    if stop.nodes is not None:
        options["node_limit"] = stop.nodes
    if stop.seconds is not None:
        options["time_limit"] = stop.seconds
    return options


def _milp(*arguments: Any, **options: Any) -> Any:
    """HiGHS on one thread: SciPy hands options that it does not know on, with a warning that says so."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Unrecognized options detected", RuntimeWarning)
        return scipy.optimize.milp(*arguments, **options)
