"""A classifier as scikit-learn knows it: fitted on a matrix and labels, probabilities of each class."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...utils.errors import InvalidInput
from ...utils.suggestions import listed
from ..parameters import Parameters

Rows = tuple[NDArray[np.float32], NDArray[np.bool_], NDArray[np.float32]]
"""Features, outcomes and weights of rows."""


class Classifier(Parameters):
    """A model of log odds that can be fitted on a matrix and labels of two kinds, too.

    Attributes
    ----------
    classes_ : ndarray, shape (2,)
        The labels, ascending; False and True where outcomes were given. Set by `fit`.
    n_features_in_ : int
        How many features there are; set by `fit`.
    feature_names_in_ : ndarray of str, shape (n_features,)
        Names of the columns, where it was fitted on a data frame.
    """

    classes_: NDArray[Any]
    n_features_in_: int
    feature_names_in_: NDArray[np.object_]

    def log_odds(self, features: NDArray[np.float32]) -> NDArray[np.float64]:
        """Compute the log odds of rows.

        Parameters
        ----------
        features : ndarray of float32, shape (n_rows, n_features)
            In the order in which the model was fitted.

        Returns
        -------
        ndarray of float64, shape (n_rows,)
            Of the second class.
        """
        raise NotImplementedError

    def predict_proba(self, matrix: Any) -> NDArray[np.float64]:
        """Compute the probabilities of both classes.

        Parameters
        ----------
        matrix : array-like of float, shape (n_rows, n_features)
            Or a data frame, with the columns that the model was fitted with.

        Returns
        -------
        ndarray of float64, shape (n_rows, 2)
            In the order of `classes_`.

        Raises
        ------
        InvalidInput
            If it is no matrix of finite numbers, or of other columns.
        """
        self._check_fitted()
        names = _column_names(matrix)
        if names is not None and names.tolist() != list(getattr(self, "feature_names_in_", names)):
            raise InvalidInput(
                f"X: expected the columns {listed(self.feature_names_in_)}, got {listed(names)}"
            )
        margin = self.log_odds(_checked_matrix(matrix, self.n_features_in_))
        return np.exp(-np.logaddexp(0.0, np.stack([margin, -margin], axis=1)))

    def _rows_of(self, samples: Any, labels: Any, weights: Any) -> Iterable[Rows]:
        """Return what was given as rows, and note what it consists of."""
        names = _column_names(samples)
        if labels is not None:
            rows, self.classes_ = _labelled_rows(samples, labels, weights)
            found: list[Rows] = [rows]
        elif hasattr(samples, "shape"):
            raise InvalidInput("fit: expected labels beside a matrix, got none")
        else:
            found, self.classes_ = list(samples), np.array([False, True])
        self.n_features_in_ = found[0][0].shape[1] if found else 0
        vars(self).pop("feature_names_in_", None)
        if names is not None:
            self.feature_names_in_ = names
        return found

    def __sklearn_tags__(self) -> Any:
        """Say what it is to scikit-learn, which alone asks."""
        from sklearn.utils import ClassifierTags, Tags, TargetTags

        tags = {
            "classifier_tags": ClassifierTags(multi_class=False),
            "regressor_tags": None,
            "transformer_tags": None,
        }
        return Tags(estimator_type="classifier", target_tags=TargetTags(required=True), **tags)


def _labelled_rows(matrix: Any, labels: Any, weights: Any) -> tuple[Rows, NDArray[Any]]:
    """Return the rows of a matrix with labels and weights, and both classes."""
    features = _checked_matrix(matrix, None)
    count = len(features)
    classes, codes = np.unique(np.asarray(labels), return_inverse=True)
    if len(classes) != 2 or codes.shape != (count,):
        kinds = f"{len(classes):,} kinds for {codes.size:,}"
        raise InvalidInput(f"y: expected labels of two kinds for {count:,} rows, got {kinds}")
    weight = np.ones(count, np.float32) if weights is None else np.asarray(weights, np.float32)
    if weight.shape != (count,) or not (np.isfinite(weight) & (weight >= 0.0)).all():
        raise InvalidInput(
            f"sample_weight: expected {count:,} finite numbers from 0 up, got an array of shape {weight.shape}"
        )
    return (features, codes == 1, weight), classes


def _checked_matrix(matrix: Any, columns: int | None) -> NDArray[np.float32]:
    """Return a matrix of features as float32; refuse another number of columns, and what is not finite."""
    given = np.asarray(matrix)
    if given.ndim != 2 or given.dtype.kind not in "biuf" or not given.shape[1]:
        raise InvalidInput(f"X: expected a matrix of numbers, got {given.dtype} {given.shape}")
    if columns is not None and given.shape[1] != columns:
        raise InvalidInput(
            f"X: expected {columns:,} columns as when fitted, got {given.shape[1]:,}"
        )
    with np.errstate(over="ignore"):
        features = np.asarray(given, np.float32)
    if not np.isfinite(features).all():
        row, column = np.argwhere(~np.isfinite(features))[0].tolist()
        raise InvalidInput(
            f"X: expected finite numbers of float32, got {given[row, column]} in row {row}, column {column}"
        )
    return features


def _column_names(matrix: Any) -> NDArray[np.object_] | None:
    """Return the names of a data frame's columns; None where it has none that are text."""
    names = list(getattr(matrix, "columns", ()))
    return np.array(names, object) if names and all(isinstance(n, str) for n in names) else None
