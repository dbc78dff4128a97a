"""Log odds of another model, that can be scaled and shifted."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..logistic import LogisticRegression


class ScaledLogOdds(LogisticRegression):
    """Log odds of another model, that can be scaled and shifted as those of a logistic regression are."""

    def _as_they_are(self) -> None:
        """Neither scale nor shift them, as long as nothing is calibrated."""
        self.coef_, self.intercept_ = np.ones(1), 0.0

    def scaled(self, log_odds: NDArray[np.float64]) -> NDArray[np.float64]:
        """Scale and shift log odds of the other model, in place.

        Parameters
        ----------
        log_odds : ndarray of float64, shape (n_rows,)

        Returns
        -------
        ndarray of float64, shape (n_rows,)
            The same array.
        """
        log_odds *= self.coef_[0]
        log_odds += self.intercept_
        return log_odds
