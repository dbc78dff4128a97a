"""Intervals of paired differences by bootstrap over households, and how far probabilities are off."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

RESAMPLES = 2000
BLOCK = 100
BINS = 20


def paired_interval(
    difference: NDArray[np.float64], resamples: int = RESAMPLES, seed: int = 0
) -> dict[str, float]:
    """The mean of paired differences, and the middle 95 % of the means of households drawn with replacement."""
    random, count = np.random.default_rng(seed), len(difference)

    def means() -> Iterator[NDArray[np.float64]]:
        for start in range(0, resamples, BLOCK):
            drawn = random.integers(0, count, (min(BLOCK, resamples - start), count))
            yield difference[drawn].mean(axis=1)

    low, high = np.quantile(np.concatenate(list(means())), [0.025, 0.975])
    return {
        "mean": round(float(difference.mean()), 5),
        "low": round(float(low), 5),
        "high": round(float(high), 5),
    }


def calibration_error(score: NDArray[np.float64], happened: NDArray[np.bool_]) -> float:
    """Mean distance of what was predicted from what happened, by twentieths of the pairs."""
    parts = np.array_split(np.argsort(score, kind="stable"), BINS)
    away = sum(abs(float(score[part].sum() - happened[part].sum())) for part in parts)
    return away / len(score)
