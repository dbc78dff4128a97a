"""What the kernels of affinity are given, and which backend runs them: native, numba or reference, as everywhere.

affinity_reference.py    plain Python, the specification
affinity_numba.py        the same text, compiled at first use
_affinity                C++ (sources in ext/), compiled when the package is built
"""

from __future__ import annotations

import importlib
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from . import Backend, load

_MODULES = {
    "native": "._affinity",
    "numba": ".affinity_numba",
    "reference": ".affinity_reference",
}


class Pairs(NamedTuple):
    """The states of (customer, item) pairs, e of them; H half-lives."""

    times: NDArray[np.int32]  # (e), periods in which the customer bought the item
    first: NDArray[np.int32]  # (e), the first of them
    last: NDArray[np.int32]  # (e)
    discounted: NDArray[np.int32]  # (e), how many of them at a discount
    spend: NDArray[np.int64]  # (e), hundredths of the currency
    decay: NDArray[np.float32]  # (e, H), decayed count of the periods, as of the last one

    @classmethod
    def new(cls, pairs: int, half_lives: int) -> Pairs:
        """Pairs that nothing was bought of yet."""
        times, first, last, discounted = np.zeros((4, pairs), np.int32)
        return cls(
            times,
            first,
            last,
            discounted,
            np.zeros(pairs, np.int64),
            np.zeros((pairs, half_lives), np.float32),
        )


def kernels(name: str | None = None) -> Backend:
    """The backend to run, chosen as `kernels.load` chooses; its module holds the kernels of affinity."""
    chosen = load(name).name
    return Backend(chosen, importlib.import_module(_MODULES[chosen], __package__))
