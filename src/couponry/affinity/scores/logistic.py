"""Logistic regression by damped Newton steps, a block of rows at a time."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ...utils.errors import InvalidInput

ROWS = 1 << 13  # worked on at a time
FEW = 1 << 17  # rows that a fit starts on, where there are more than twice as many
CLOSE = 1e-4  # relative gain in the loss at which it goes on to all
SMALLEST_STEP = 1e-6  # share of a Newton step below which halving it ends
CLIP = 35.0  # log odds beyond which probabilities are 0 or 1 in all but name

Standard = tuple[NDArray[np.float32], NDArray[np.float32]]  # means and deviations of features


class Sample(NamedTuple):
    """features: float32 (rows, features). outcome: bool (rows). weight: float32 (rows)."""

    features: NDArray[np.float32]
    outcome: NDArray[np.bool_]
    weight: NDArray[np.float32]


class LogisticRegression:
    """P(1) = 1 / (1 + exp(-(intercept_ + x @ coef_))), fitted with a ridge on standardised features.

    ridge: penalty on the squared coefficients of standardised features; the intercept is free.
    most_steps: Newton steps at most. tolerance: relative gain in the loss at which it stops.

    After `fit`: coef_ float64 (features), intercept_ float, n_iter_ int, loss_ float, mean per weight.

    The method is iteratively reweighted least squares (Hastie, Tibshirani, Friedman: The Elements of Statistical
    Learning, 2nd ed., section 4.4.1), its steps halved until the loss goes down, first on some of the rows where there
    are many. The maximum is unique, so that there is no seed.
    """

    coef_: NDArray[np.float64]
    intercept_: float
    n_iter_: int
    loss_: float

    def __init__(self, ridge: float = 1.0, most_steps: int = 30, tolerance: float = 1e-8):
        self.ridge, self.most_steps, self.tolerance = ridge, most_steps, tolerance

    def fit(self, samples: Iterable[Sample]) -> LogisticRegression:
        """Raises InvalidInput where outcomes are all the same."""
        parts = [part for sample in samples for part in _blocks(sample)]
        total = sum(float(part.weight.sum(dtype=np.float64)) for part in parts)
        positive = sum(float(part.weight[part.outcome].sum(dtype=np.float64)) for part in parts)
        if not 0.0 < positive < total:
            raise InvalidInput(
                "fit: expected pairs with and pairs without the outcome, got only one kind"
            )
        standard = _standard(parts)
        beta = np.zeros(parts[0].features.shape[1] + 1)
        beta[0] = np.log(positive / (total - positive))
        self.n_iter_ = 0
        rows = sum(len(part.outcome) for part in parts)
        if rows > 2 * FEW:  # most of the way on some of the rows, as evenly spread as can be
            some = [_thinned(part, rows // FEW) for part in parts]
            beta, _ = self._newton(some, standard, beta, CLOSE)
        beta, loss = self._newton(parts, standard, beta, self.tolerance)
        self.coef_ = beta[1:] / standard[1].astype(np.float64)
        self.intercept_ = float(beta[0] - (self.coef_ * standard[0].astype(np.float64)).sum())
        self.loss_ = loss / total
        return self

    def _newton(
        self, parts: list[Sample], standard: Standard, beta: NDArray[np.float64], tolerance: float
    ) -> tuple[NDArray[np.float64], float]:
        """Coefficients of standardised features from beta on, and their loss."""
        penalty = np.full(len(beta), float(self.ridge))
        penalty[0] = 0.0
        best, slope, curvature = _derivatives(parts, standard, beta, penalty)
        while self.n_iter_ < self.most_steps:
            self.n_iter_ += 1
            step = np.linalg.lstsq(curvature, slope, rcond=None)[0]
            size = 1.0
            while True:
                found = _derivatives(parts, standard, beta - size * step, penalty)
                if found[0] <= best or size < SMALLEST_STEP:
                    break
                size /= 2.0
            if not found[0] <= best:
                break
            beta = beta - size * step
            previous, (best, slope, curvature) = best, found
            if previous - best <= tolerance * abs(best):
                break
        return beta, best

    def calibrated(self, samples: Iterable[Sample]) -> LogisticRegression:
        """Log odds times a number, plus another, so that probabilities are those of these samples; ranks stay.

        For a model that was fitted with other weights than it is to be calibrated for (Platt: Probabilistic outputs
        for support vector machines, 1999).
        """
        margins = [
            Sample(
                self.log_odds(sample.features).astype(np.float32)[:, None],
                sample.outcome,
                sample.weight,
            )
            for sample in samples
        ]
        found = LogisticRegression(0.0, self.most_steps, self.tolerance).fit(margins)
        factor = float(found.coef_[0])
        if factor <= 0.0:
            raise InvalidInput(
                "fit: expected outcomes that are likelier where they are foretold to be, got the contrary"
            )
        self.coef_ = self.coef_ * factor
        self.intercept_ = self.intercept_ * factor + found.intercept_
        return self

    def log_odds(self, features: NDArray[np.float32]) -> NDArray[np.float64]:
        """Log odds (rows) of features (rows, features): the same for a row whatever rows are beside it."""
        total = np.full(len(features), self.intercept_)
        for column, weight in enumerate(
            self.coef_
        ):  # a matrix product's order depends on its shape
            total += features[:, column] * weight
        return total

    def predict(self, features: NDArray[np.float32]) -> NDArray[np.float32]:
        """Probabilities (rows), float32."""
        return sigmoid(self.log_odds(features)).astype(np.float32)


def sigmoid(log_odds: NDArray[np.float64]) -> NDArray[np.float64]:
    """1 / (1 + exp(-x)), strictly between 0 and 1."""
    chance: NDArray[np.float64] = 1.0 / (1.0 + np.exp(-np.clip(log_odds, -CLIP, CLIP)))
    return chance


def _blocks(sample: Sample) -> Iterable[Sample]:
    for start in range(0, len(sample.outcome), ROWS):
        columns: list[Any] = [column[start : start + ROWS] for column in sample]
        yield Sample(*columns)


def _thinned(part: Sample, one_in: int) -> Sample:
    columns: list[Any] = [np.ascontiguousarray(column[::one_in]) for column in part]
    return Sample(*columns)


def _standard(parts: list[Sample]) -> Standard:
    """Means and deviations of features, weighted; sums of what is away from the first rows' means, in float64."""
    near = parts[0].features.mean(axis=0, dtype=np.float64)
    total, square = np.zeros((2, len(near)))
    weights = 0.0
    for part in parts:
        weight = part.weight.astype(np.float64)
        away = part.features - near
        weights += float(weight.sum())
        total += weight @ away
        away *= away
        square += weight @ away
    mean = near + total / weights
    scale = np.sqrt(np.maximum(square / weights - (total / weights) ** 2, 0.0))
    scale[scale < 1e-7 * np.maximum(1.0, np.abs(mean))] = 1.0
    return mean.astype(np.float32), scale.astype(np.float32)


def _design(part: Sample, standard: Standard) -> NDArray[np.float32]:
    design = np.empty((len(part.outcome), part.features.shape[1] + 1), np.float32)
    design[:, 0] = 1.0
    np.subtract(part.features, standard[0], out=design[:, 1:])
    design[:, 1:] /= standard[1]
    return design


def _derivatives(
    parts: list[Sample],
    standard: Standard,
    beta: NDArray[np.float64],
    penalty: NDArray[np.float64],
) -> tuple[float, NDArray[np.float64], NDArray[np.float64]]:
    """The loss, its slope and its curvature."""
    loss = 0.5 * float((penalty * beta**2).sum())
    slope, curvature = penalty * beta, np.diag(penalty)
    for part in parts:
        design = _design(part, standard)
        margin = (design @ beta.astype(np.float32)).astype(np.float64)
        fit = np.logaddexp(0.0, margin) - part.outcome * margin
        loss += float((part.weight * fit).sum())
        chance = sigmoid(margin)
        miss = part.weight * (chance - part.outcome)
        slope = slope + design.T @ miss.astype(np.float32)
        weight = (part.weight * chance * (1.0 - chance)).astype(np.float32)
        curvature = curvature + (design * weight[:, None]).T @ design
    return loss, slope, curvature
