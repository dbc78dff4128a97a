"""Numbers whose bits look drawn."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def scatter(x: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Mix the bits of 64-bit numbers, so that they look drawn at random: the finaliser of SplitMix64.

    Parameters
    ----------
    x : ndarray of uint64

    Returns
    -------
    ndarray of uint64
        Different numbers for different `x`.

    References
    ----------
    Steele, Lea and Flood (2014), "Fast splittable pseudorandom number generators", OOPSLA.
    """
    x = np.asarray(x + np.uint64(0x9E3779B97F4A7C15))
    x ^= x >> np.uint64(30)
    x *= np.uint64(0xBF58476D1CE4E5B9)
    x ^= x >> np.uint64(27)
    x *= np.uint64(0x94D049BB133111EB)
    x ^= x >> np.uint64(31)
    return x
