"""Logistic regression by damped Newton steps, a block of rows at a time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from ...kernels import load
from ...utils.arrays.fixed_order import product_in_order, solve_in_order
from ...utils.arrays.standardised import Designs, Standard
from ...utils.errors import InvalidInput
from ...utils.progress.watch import go_on
from .classifier import Classifier

Float = TypeVar("Float", bound="np.floating[Any]")

BLOCK_ROWS = 1 << 13
"""Rows that are worked on at a time."""

FIRST_ROWS = 1 << 17
"""Rows that a fit starts on where there are more than twice as many."""

FIRST_TOLERANCE = 1e-4
"""Relative gain in the loss at which a fit goes on from the first rows to all of them."""

TURNED_ROWS = 1 << 12
"""Rows that are turned into columns at a time: a column of a matrix by rows takes as long to read as all of them."""

SMALLEST_STEP = 1e-6
"""Share of a Newton step below which it is not halved any more."""

LARGEST_LOG_ODDS = 35.0
"""Log odds beyond which probabilities are 0 or 1 in all but name."""


Columns = Sequence[NDArray[np.float32]] | NDArray[np.float32]
"""Features by columns: an array of each, or a matrix with one in each row."""


class Sample(NamedTuple):
    """Rows that a logistic regression is fitted on.

    Attributes
    ----------
    features : ndarray of float32, shape (n_rows, n_features)
        One column for each feature.
    outcome : ndarray of bool, shape (n_rows,)
        What is to be predicted.
    weight : ndarray of float32, shape (n_rows,)
        How much each row counts.
    """

    features: NDArray[np.float32]
    outcome: NDArray[np.bool_]
    weight: NDArray[np.float32]


class _Loss(NamedTuple):
    """The loss at some coefficients, and the log odds of each part's rows there."""

    value: float
    margins: list[NDArray[np.float64]]


class LogisticRegression(Classifier):
    """Logistic regression with a ridge on standardised features.

    ``P(1) = 1 / (1 + exp(-(intercept_ + x @ coef_)))``.

    Parameters
    ----------
    ridge : float
        Penalty on the squared coefficients of standardised features; the intercept is free.
    most_steps : int
        Newton steps at most.
    tolerance : float
        Relative gain in the loss at which it stops.

    Attributes
    ----------
    coef_ : ndarray of float64, shape (n_features,)
        Coefficients of the features as they are given; set by `fit`.
    intercept_ : float
        Log odds where all features are 0; set by `fit`.
    n_iter_ : int
        Newton steps that were taken; set by `fit`.
    loss_ : float
        Penalised negative log likelihood per unit of weight; set by `fit`.
    classes_ : ndarray, shape (2,)
        Labels, ascending, or False and True; set by `fit`.
    n_features_in_ : int
        How many features there are; set by `fit`.
    feature_names_in_ : ndarray of str, shape (n_features,)
        Names of the columns; set by `fit` where it is given a data frame.

    Notes
    -----
    The method is iteratively reweighted least squares [1]_, its steps halved until the loss goes down; first on some
    of the rows where there are many. The minimum is unique, so there is no seed.

    References
    ----------
    .. [1] T. Hastie, R. Tibshirani, J. Friedman: The Elements of Statistical Learning, 2nd edition, 2009, section
       4.4.1.

    Examples
    --------
    >>> import numpy as np
    >>> from couponry.affinity import Sample
    >>> x = np.array([[0.0], [1.0], [2.0], [3.0]], np.float32)
    >>> sample = Sample(x, np.array([False, True, False, True]), np.ones(4, np.float32))
    >>> model = LogisticRegression().fit([sample])
    >>> print(model.predict(x).round(2))
    [0.35 0.45 0.55 0.65]
    """

    coef_: NDArray[np.float64]
    intercept_: float
    n_iter_: int
    loss_: float

    def __init__(self, ridge: float = 1.0, most_steps: int = 30, tolerance: float = 1e-8):
        self.ridge, self.most_steps, self.tolerance = ridge, most_steps, tolerance

    def fit(
        self, samples: Iterable[Sample] | Any, y: Any = None, sample_weight: Any = None
    ) -> LogisticRegression:
        """Find the coefficients.

        Parameters
        ----------
        samples : iterable of Sample, or array-like of float, shape (n_rows, n_features)
            Features (float32, shape (n_rows, n_features)), outcome (bool) and weight (float32) of each row; or a
            matrix of features.
        y : array-like, shape (n_rows,), optional
            With a matrix: labels of two kinds.
        sample_weight : array-like of float, shape (n_rows,), optional
            With a matrix: how much each row counts. Default: 1.

        Returns
        -------
        LogisticRegression
            This model.

        Raises
        ------
        InvalidInput
            If outcomes are all the same, or numbers are not finite.
        """
        given = self._rows_of(samples, y, sample_weight)
        parts = [part for sample in given for part in _blocks(Sample(*sample))]
        total = sum(float(part.weight.sum(dtype=np.float64)) for part in parts)
        positive = sum(float(part.weight[part.outcome].sum(dtype=np.float64)) for part in parts)
        if not 0.0 < positive < total:
            raise InvalidInput(
                "fit: expected pairs with and pairs without the outcome, got only one kind"
            )
        standard = Standard.of([(part.features, part.weight) for part in parts])
        beta = np.zeros(parts[0].features.shape[1] + 1)
        beta[0] = np.log(positive / (total - positive))
        self.n_iter_ = 0
        rows = sum(len(part.outcome) for part in parts)
        if rows > 2 * FIRST_ROWS:  # most of the way on some of the rows, as evenly spread as can be
            some = [_thinned(part, rows // FIRST_ROWS) for part in parts]
            beta, _ = self._newton(some, standard, beta, FIRST_TOLERANCE)
        beta, loss = self._newton(parts, standard, beta, self.tolerance)
        self.coef_ = beta[1:] / standard.scale.astype(np.float64)
        shift = (self.coef_ * standard.mean.astype(np.float64)).sum()
        self.intercept_ = float(beta[0] - shift)
        self.loss_ = loss / total
        return self

    def _newton(
        self, parts: list[Sample], standard: Standard, beta: NDArray[np.float64], tolerance: float
    ) -> tuple[NDArray[np.float64], float]:
        """Return the coefficients of standardised features, searched from `beta` on, and their loss."""
        penalty = np.full(len(beta), float(self.ridge))
        penalty[0] = 0.0
        designs = Designs([part.features for part in parts], standard)
        best = _loss(parts, designs, beta, penalty)
        while self.n_iter_ < self.most_steps:
            self.n_iter_ += 1
            go_on("fit", f"step {self.n_iter_} of a logistic regression, loss {best.value:,.6g}")
            step = solve_in_order(*_derivatives(parts, designs, best.margins, beta, penalty))
            size = 1.0
            while True:
                found = _loss(parts, designs, beta - size * step, penalty)
                if found.value <= best.value or size < SMALLEST_STEP:
                    break
                size /= 2.0
            if not found.value <= best.value:
                break
            beta = beta - size * step
            previous, best = best.value, found
            if previous - best.value <= tolerance * abs(best.value):
                break
        return beta, best.value

    def calibrated(self, samples: Iterable[Sample]) -> LogisticRegression:
        """Scale and shift the log odds in place, so that probabilities are those of other samples.

        For a model that was fitted with other weights than it is to be calibrated for. Ranks stay as they are.

        Parameters
        ----------
        samples : iterable of Sample
            The rows, with the weights, that probabilities are to be right for.

        Returns
        -------
        LogisticRegression
            This model.

        Raises
        ------
        InvalidInput
            If outcomes are less likely where the model predicts them to be likelier.

        References
        ----------
        J. Platt: Probabilistic Outputs for Support Vector Machines and Comparisons to Regularized Likelihood Methods.
        Advances in Large Margin Classifiers, 1999, section 2.
        """
        margins = [
            Sample(
                self.log_odds(sample.features).astype(np.float32)[:, None],
                sample.outcome,
                sample.weight,
            )
            for sample in samples
        ]
        fitted = LogisticRegression(0.0, self.most_steps, self.tolerance).fit(margins)
        factor = float(fitted.coef_[0])
        if factor <= 0.0:
            raise InvalidInput(
                "fit: expected outcomes that are likelier where they are predicted to be, got the contrary"
            )
        self.coef_ = self.coef_ * factor
        self.intercept_ = self.intercept_ * factor + fitted.intercept_
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
            The same for a row whatever rows are beside it.
        """
        if not len(features):
            return self.log_odds_of_columns(list(features.T))
        parts = range(0, len(features), TURNED_ROWS)
        turned = (np.ascontiguousarray(features[first : first + TURNED_ROWS].T) for first in parts)
        return np.concatenate([self.log_odds_of_columns(columns) for columns in turned])

    def log_odds_of_columns(self, columns: Columns) -> NDArray[np.float64]:
        """Compute the log odds of rows that are given by columns, which takes half the time.

        Parameters
        ----------
        columns : sequence of ndarray of float32, shape (n_rows,), or ndarray, shape (n_features, n_rows)
            One for each feature, in the order in which the model was fitted; at least one.

        Returns
        -------
        ndarray of float64, shape (n_rows,)
            The same bits as those of `log_odds`.
        """
        self._check_fitted()
        total = np.full(len(columns[0]), self.intercept_)
        # a matrix product would add in an order that depends on its shape
        if isinstance(columns, np.ndarray) and columns.dtype == np.float32:
            load().unchecked.add_columns(np.ascontiguousarray(columns), self.coef_, total)
            return total
        part = np.empty_like(total)
        for column, weight in zip(columns, self.coef_, strict=True):
            total += np.multiply(column, weight, out=part)
        return total

    def predict_columns(self, columns: Sequence[NDArray[np.float32]]) -> NDArray[np.float32]:
        """Compute the probabilities of rows that are given by columns.

        Parameters
        ----------
        columns : sequence of ndarray of float32, shape (n_rows,)
            As for `log_odds_of_columns`.

        Returns
        -------
        ndarray of float32, shape (n_rows,)
            The same bits as those of `predict`.
        """
        return sigmoid(self.log_odds_of_columns(columns)).astype(np.float32)

    def predict(self, features: NDArray[np.float32]) -> NDArray[np.float32]:
        """Compute the probabilities of rows.

        Parameters
        ----------
        features : ndarray of float32, shape (n_rows, n_features)
            In the order in which the model was fitted.

        Returns
        -------
        ndarray of float32, shape (n_rows,)
            Probabilities.
        """
        return sigmoid(self.log_odds(features)).astype(np.float32)


def sigmoid(log_odds: NDArray[Float]) -> NDArray[Float]:
    """Return 1 / (1 + exp(-x)), above 0, and in float64 below 1.

    Parameters
    ----------
    log_odds : ndarray of float32 or float64, shape (n,)

    Returns
    -------
    ndarray of the same type, shape (n,)
    """
    found: NDArray[Float] = np.clip(log_odds, -LARGEST_LOG_ODDS, LARGEST_LOG_ODDS)
    np.negative(found, out=found)
    np.exp(found, out=found)
    found += 1.0
    np.reciprocal(found, out=found)
    return found


def unweighted(sample: Sample) -> Sample:
    """Return the same rows, each counting the same.

    Parameters
    ----------
    sample : Sample

    Returns
    -------
    Sample
    """
    return sample._replace(weight=np.ones(len(sample.outcome), np.float32))


def _blocks(sample: Sample) -> Iterator[Sample]:
    for start in range(0, len(sample.outcome), BLOCK_ROWS):
        columns: list[Any] = [column[start : start + BLOCK_ROWS] for column in sample]
        yield Sample(*columns)


def _thinned(part: Sample, one_in: int) -> Sample:
    columns: list[Any] = [np.ascontiguousarray(column[::one_in]) for column in part]
    return Sample(*columns)


def _loss(
    parts: list[Sample],
    designs: Designs,
    beta: NDArray[np.float64],
    penalty: NDArray[np.float64],
) -> _Loss:
    loss, margins = 0.5 * float((penalty * beta**2).sum()), []
    for part, design in zip(parts, designs, strict=True):
        # einsum, unlike a product of matrix and vector, adds in the same order on any number of threads
        rows = design[: len(part.outcome)]
        margin = np.einsum("ij,j->i", rows, beta.astype(np.float32)).astype(np.float64)
        fit = np.logaddexp(0.0, margin) - part.outcome * margin
        loss += float((part.weight * fit).sum())
        margins.append(margin)
    return _Loss(loss, margins)


def _derivatives(
    parts: list[Sample],
    designs: Designs,
    margins: list[NDArray[np.float64]],
    beta: NDArray[np.float64],
    penalty: NDArray[np.float64],
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the curvature of the loss and its slope; they take longer than the loss, and the last step needs none."""
    slope, curvature = penalty * beta, np.diag(penalty)
    for part, design, margin in zip(parts, designs, margins, strict=True):
        rows = len(part.outcome)
        chance = sigmoid(margin)
        weighed = np.zeros((len(design), len(beta) + 1), np.float32)
        weight = (part.weight * chance * (1.0 - chance)).astype(np.float32)
        np.multiply(design[:rows], weight[:, None], out=weighed[:rows, :-1])
        weighed[:rows, -1] = part.weight * (chance - part.outcome)
        products = product_in_order(weighed, design)
        curvature = curvature + products[:-1]
        slope = slope + products[-1]
    return curvature, slope
