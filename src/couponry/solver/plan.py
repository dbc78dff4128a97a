"""Compact form of an allocation: a price table, and the choices of the few customers whom it does not decide."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..engines.protocol import Engine


@dataclass(frozen=True)
class Plan:
    """An allocation of every customer, without an array of all candidates.

    Fixed customers take their best choice at `price`. Free customers, whose choice was changed by repair, are listed.

    Attributes
    ----------
    engine : Engine
        Makes the pass that lists the choices.
    price : ndarray of float32, shape (1 + n_quantities, n_segments, n_items)
        Price table at which fixed customers choose.
    free : ndarray of int64, shape (n_free,)
        Row numbers of free customers, ascending.
    free_choice : ndarray of uint8, shape (n_free_candidates,)
        1 for each of their candidates that is allocated, else 0.
    usage : ndarray of float64, shape (1 + n_attributes, n_segments, n_items)
        Coupons, and sums of each attribute, over all customers.
    usage_error : ndarray of float64, same shape
        Bound on what rounding to packed precision may hide in `usage`; 0 where values were summed as given.
    activity : ndarray of float64, shape (n_rows,)
        Sums of weights in each row.
    objective : float
        Lower bound of the allocation's objective, penalties included: rounding is subtracted.
    feasible : bool
        True if every hard limit holds for any rounding within `usage_error`.
    moves : int
        Moves that repair and filling made.
    usage_at_price : ndarray of float64, same shape as `usage`, optional
        About what everybody's best choice at `price` uses, free customers' included, where a pass said so.
    """

    engine: Engine
    price: NDArray[np.float32]
    free: NDArray[np.int64]
    free_choice: NDArray[np.uint8]
    usage: NDArray[np.float64]
    usage_error: NDArray[np.float64]
    activity: NDArray[np.float64]
    objective: float
    feasible: bool
    moves: int
    usage_at_price: NDArray[np.float64] | None = None

    @property
    def coupons(self) -> int:
        """Coupons that are allocated."""
        return int(self.usage[0].sum())

    def blocks(self) -> Iterator[tuple[int, int, NDArray[np.uint8]]]:
        """List the allocation block by block.

        Yields
        ------
        start, stop : int
            Customers of the block.
        choice : ndarray of uint8
            1 for each of their candidates that is allocated, else 0.
        """
        return self.engine.blocks(self.price, self.free, self.free_choice)

    def whole_choice(self) -> NDArray[np.uint8]:
        """The choice of all candidates at once, for campaigns that are no burden to hold."""
        return np.concatenate([choice for _, _, choice in self.blocks()])
