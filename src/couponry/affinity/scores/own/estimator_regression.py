"""Lets an estimator of scikit-learn's kind do what the logistic regression does in a model of pairs."""

from __future__ import annotations

import copy
import inspect
from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ....utils.errors import InvalidInput
from ..logistic import Columns, LogisticRegression, Sample
from .scaled_log_odds import ScaledLogOdds

LEAST_PROBABILITY = 1e-7
"""Probabilities nearer to 0 or 1 are taken for this, so that they have log odds."""


class EstimatorRegression(ScaledLogOdds):
    """A classifier's probabilities, as log odds that can be scaled and shifted.

    Parameters
    ----------
    estimator : object
        With ``fit(X, y, sample_weight=...)`` and ``predict_proba(X)``; a copy is fitted, it stays as it is.

    Attributes
    ----------
    estimator_ : object
        The copy; set by `fit`.

    Raises
    ------
    InvalidInput
        If it cannot fit or predict probabilities.
    """

    def __init__(self, estimator: Any):
        super().__init__(0.0)
        self.estimator = estimator
        for method in ("fit", "predict_proba"):
            if not callable(getattr(estimator, method, None)):
                raise InvalidInput(
                    f"estimator: expected one with fit and predict_proba, got {type(estimator).__name__}"
                )

    def fit(
        self, samples: Iterable[Sample] | Any, y: Any = None, sample_weight: Any = None
    ) -> EstimatorRegression:
        """Fit a copy of the estimator.

        Parameters
        ----------
        samples : iterable of Sample, or array-like of float, shape (n_rows, n_features)
            Features, outcome and weight of each row; or a matrix of features.
        y, sample_weight : array-like, shape (n_rows,), optional
            With a matrix: labels of two kinds, and how much each row counts.

        Returns
        -------
        EstimatorRegression
            This model.

        Raises
        ------
        InvalidInput
            If outcomes are all the same, or rows weigh differently and the estimator takes no weights.
        """
        features, outcome, weight = (
            np.concatenate(columns)
            for columns in zip(*self._rows_of(samples, y, sample_weight), strict=True)
        )
        if outcome.all() or not outcome.any():
            raise InvalidInput(
                "fit: expected pairs with and pairs without the outcome, got only one kind"
            )
        weights = _named_weights(self.estimator, weight)
        self.estimator_ = copy.deepcopy(self.estimator)
        self.estimator_.fit(features, outcome, **weights)
        self._as_they_are()
        return self

    def log_odds(self, features: NDArray[np.float32]) -> NDArray[np.float64]:
        """Compute the log odds of rows.

        Parameters
        ----------
        features : ndarray of float32, shape (n_rows, n_features)
            In the order in which the model was fitted.

        Returns
        -------
        ndarray of float64, shape (n_rows,)
        """
        self._check_fitted()
        found = np.asarray(self.estimator_.predict_proba(features), np.float64)
        if found.shape != (len(features), 2) or not ((found >= 0.0) & (found <= 1.0)).all():
            raise InvalidInput(
                f"estimator: expected predict_proba to give {len(features):,} x 2 probabilities, got {found.shape}"
            )
        chance = np.clip(found[:, 1], LEAST_PROBABILITY, 1.0 - LEAST_PROBABILITY)
        return self.scaled(np.log(chance) - np.log1p(-chance))

    def log_odds_of_columns(self, columns: Columns) -> NDArray[np.float64]:
        """Compute the log odds of rows that are given by columns.

        Parameters
        ----------
        columns : sequence of ndarray of float32, shape (n_rows,)
            One for each feature, in the order in which the model was fitted.

        Returns
        -------
        ndarray of float64, shape (n_rows,)
        """
        return self.log_odds(np.stack(list(columns), axis=1))


def _named_weights(estimator: Any, weight: NDArray[np.float32]) -> dict[str, NDArray[np.float32]]:
    """Return weights of rows under the name that the estimator's `fit` has for them; none where all are the same."""
    if (weight == weight[0]).all():
        return {}
    steps = getattr(estimator, "steps", None)  # of a pipeline, whose last one takes them
    name, taker = ("", estimator) if not steps else (f"{steps[-1][0]}__", steps[-1][1])
    if "sample_weight" not in inspect.signature(taker.fit).parameters:
        raise InvalidInput(
            f"estimator: expected {type(taker).__name__}.fit to take sample_weight, since pairs weigh differently; "
            "they weigh the same with by_customer=False and guarded=False"
        )
    return {f"{name}sample_weight": weight}


def regression_of(estimator: Any, ridge: float) -> LogisticRegression:
    """Return what is fitted on a model's pairs.

    Parameters
    ----------
    estimator : object or None
        With `fit` and `predict_proba`; None: a logistic regression.
    ridge : float
        Of the logistic regression.

    Returns
    -------
    LogisticRegression

    Raises
    ------
    InvalidInput
        If the estimator cannot fit or predict probabilities.
    """
    return LogisticRegression(ridge) if estimator is None else EstimatorRegression(estimator)
