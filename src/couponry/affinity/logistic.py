"""Logistic regression by damped Newton steps, a block of rows at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..errors import InvalidInput

ROWS = 1 << 16  # worked on at a time
SMALLEST_STEP = 1e-6  # share of a Newton step below which halving it ends
CLIP = 35.0  # log odds beyond which probabilities are 0 or 1 in all but name


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
    Learning, 2nd ed., section 4.4.1), its steps halved until the loss goes down. The maximum is unique, so that there
    is no seed.
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
        mean = _weighted(parts, lambda x: x) / total
        square = _weighted(parts, lambda x: (x - mean) ** 2) / total
        scale = np.sqrt(square)
        scale[scale < 1e-9 * np.maximum(1.0, np.abs(mean))] = 1.0
        standard = (mean.astype(np.float32), scale.astype(np.float32))

        beta = np.zeros(len(mean) + 1)
        beta[0] = np.log(positive / (total - positive))
        penalty = np.full(len(beta), float(self.ridge))
        penalty[0] = 0.0
        best, slope, curvature = _derivatives(parts, standard, beta, penalty)
        self.n_iter_ = 0
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
            if previous - best <= self.tolerance * abs(best):
                break
        self.coef_ = beta[1:] / standard[1].astype(np.float64)
        self.intercept_ = float(beta[0] - (self.coef_ * standard[0].astype(np.float64)).sum())
        self.loss_ = best / total
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


def _weighted(
    parts: list[Sample], of: Callable[[NDArray[np.float64]], NDArray[np.float64]]
) -> NDArray[np.float64]:
    total = np.zeros(parts[0].features.shape[1])
    for part in parts:
        total += part.weight.astype(np.float64) @ of(part.features.astype(np.float64))
    return total


def _design(part: Sample, standard: tuple[NDArray[np.float32], NDArray[np.float32]]) -> NDArray:
    design = np.ones((len(part.outcome), part.features.shape[1] + 1), np.float32)
    design[:, 1:] = (part.features - standard[0]) / standard[1]
    return design


def _derivatives(
    parts: list[Sample],
    standard: tuple[NDArray[np.float32], NDArray[np.float32]],
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
