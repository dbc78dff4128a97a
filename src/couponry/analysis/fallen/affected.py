"""Units of a campaign some of whose coupons fell out, and their candidates."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Affected:
    """Some units, and their candidates one after the other.

    Attributes
    ----------
    unit : ndarray of int64, shape (n_units,)
    indptr : ndarray of int64, shape (n_units + 1,)
        Candidates of each.
    position : ndarray of int64, shape (n_candidates,)
        Where they are in the campaign.
    chosen, cancelled : ndarray of bool, shape (n_candidates,)
    """

    unit: NDArray[np.int64]
    indptr: NDArray[np.int64]
    position: NDArray[np.int64]
    chosen: NDArray[np.bool_]
    cancelled: NDArray[np.bool_]

    def of_candidates(self, by_unit: NDArray[Any]) -> NDArray[Any]:
        """Give each candidate what there is of its unit.

        Parameters
        ----------
        by_unit : ndarray, shape (n_units,)

        Returns
        -------
        ndarray, shape (n_candidates,)
        """
        return np.repeat(by_unit, np.diff(self.indptr))

    def summed(self, by_candidate: NDArray[Any]) -> NDArray[Any]:
        """Sum up over the candidates of each unit.

        Parameters
        ----------
        by_candidate : ndarray, shape (n_candidates,)

        Returns
        -------
        ndarray, shape (n_units,)
        """
        before = np.concatenate([[0], np.cumsum(by_candidate)])
        return np.asarray(before[self.indptr[1:]] - before[self.indptr[:-1]])

    def some(self, which: NDArray[np.bool_]) -> Affected:
        """Return some of the units.

        Parameters
        ----------
        which : ndarray of bool, shape (n_units,)

        Returns
        -------
        Affected
        """
        kept = self.of_candidates(which)
        return Affected(
            self.unit[which],
            np.concatenate([[0], np.cumsum(np.diff(self.indptr)[which])]),
            self.position[kept],
            self.chosen[kept],
            self.cancelled[kept],
        )
