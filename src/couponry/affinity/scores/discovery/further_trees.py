"""Boosted trees that go on from the log odds of a discovery model's regression, and a calibration of both together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..boosted_trees import BoostedTrees
from ..logistic import LogisticRegression, Sample
from .begun_samples import BegunSample


@dataclass(frozen=True)
class FurtherTrees:
    """Trees, and a calibration of the sum.

    Attributes
    ----------
    trees : BoostedTrees
    calibration : LogisticRegression
        From summed log odds to those of pairs.
    """

    trees: BoostedTrees
    calibration: LogisticRegression

    @classmethod
    def fitted(
        cls, trees: BoostedTrees, regression: LogisticRegression, samples: Sequence[BegunSample]
    ) -> FurtherTrees:
        """Fit a copy of trees.

        Parameters
        ----------
        trees : BoostedTrees
            With the arguments to be taken.
        regression : LogisticRegression
            What they go on from.
        samples : sequence of BegunSample
            At least one.

        Returns
        -------
        FurtherTrees

        Raises
        ------
        ImportError
            If LightGBM is not installed.
        """
        features = np.concatenate([one.features for one in samples])
        outcome = np.concatenate([one.outcome for one in samples])
        weight = np.concatenate([one.weighted().weight for one in samples])
        weight /= weight.mean(dtype=np.float64)
        start = regression.log_odds(features)
        copy = BoostedTrees(**trees.get_params(deep=False))
        copy.fit(features, outcome, weight, log_odds=start, names=samples[0].names)
        summed = copy.log_odds(features, start).astype(np.float32)[:, None]
        pairs = np.concatenate([one.stands_for for one in samples])
        calibration = LogisticRegression(0.0).fit([Sample(summed, outcome, pairs)])
        return cls(copy, calibration)

    def log_odds(
        self, columns: Sequence[NDArray[np.float32]], start: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """Compute the log odds of rows.

        Parameters
        ----------
        columns : sequence of ndarray of float32, shape (n_rows,)
            Features.
        start : ndarray of float64, shape (n_rows,)
            Log odds of the regression.

        Returns
        -------
        ndarray of float64, shape (n_rows,)
        """
        summed = self.trees.log_odds_of_columns(columns, start).astype(np.float32)
        return self.calibration.log_odds_of_columns([summed])
