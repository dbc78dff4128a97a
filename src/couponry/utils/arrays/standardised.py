"""Standardised features of rows, in blocks: means and deviations, and matrices that products in a fixed order take."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from .fixed_order import PIECE_ROWS

MOST_KEPT = 1 << 25
"""Standardised features that are kept, 128 MiB; more are computed whenever they are asked for."""

Floats = NDArray[np.float32]


class Standard(NamedTuple):
    """Means and standard deviations of features.

    Attributes
    ----------
    mean, scale : ndarray of float32, shape (n_features,)
        The scale is 1 where a feature is the same for all.
    """

    mean: Floats
    scale: Floats

    @classmethod
    def of(cls, parts: Sequence[tuple[Floats, Floats]]) -> Standard:
        """Compute weighted means and deviations; what is away from the first rows' means is summed, in float64.

        Parameters
        ----------
        parts : sequence of (ndarray of float32, ndarray of float32)
            Features, shape (n_rows, n_features), and weights of some rows.

        Returns
        -------
        Standard
        """
        near = parts[0][0].mean(axis=0, dtype=np.float64)
        total, square = np.zeros((2, len(near)))
        weights = 0.0
        for features, single in parts:
            weight = single.astype(np.float64)
            away = features - near
            weights += float(weight.sum())
            total += np.einsum("i,ij->j", weight, away)
            away *= away
            square += np.einsum("i,ij->j", weight, away)
        mean = near + total / weights
        scale = np.sqrt(np.maximum(square / weights - (total / weights) ** 2, 0.0))
        scale[scale < 1e-7 * np.maximum(1.0, np.abs(mean))] = 1.0
        return cls(mean.astype(np.float32), scale.astype(np.float32))

    def design(self, features: Floats) -> Floats:
        """Standardise features, after a column of ones; rows of zeros fill up the last piece.

        Parameters
        ----------
        features : ndarray of float32, shape (n_rows, n_features)

        Returns
        -------
        ndarray of float32, shape (n, n_features + 1)
            n is the next multiple of `PIECE_ROWS`.
        """
        rows, width = features.shape
        design = np.zeros((-(-rows // PIECE_ROWS) * PIECE_ROWS, width + 1), np.float32)
        design[:rows, 0] = 1.0
        np.subtract(features, self.mean, out=design[:rows, 1:])
        design[:rows, 1:] /= self.scale
        return design


class Designs:
    """Standardised features of each part: kept where they are few, else computed whenever they are asked for.

    Parameters
    ----------
    parts : list of ndarray of float32, shape (n_rows, n_features)
    standard : Standard
    """

    def __init__(self, parts: list[Floats], standard: Standard):
        self._parts, self._standard = parts, standard
        self._kept: list[Floats] | None = None
        if sum(features.size for features in parts) <= MOST_KEPT:
            self._kept = list(self)

    def __iter__(self) -> Iterator[Floats]:
        """Iterate over the parts, as `Standard.design` gives them."""
        if self._kept is not None:
            return iter(self._kept)
        return map(self._standard.design, self._parts)
