"""Prices that are worth rounding, and the dual that they were found for."""

from __future__ import annotations

from dataclasses import dataclass

from ..lagrangian import Evaluation, Lagrangian
from ..sampling import Samples


@dataclass(frozen=True)
class PricePoint:
    """Prices that are worth rounding.

    Attributes
    ----------
    lagrangian : Lagrangian
        The dual that they were found for, maybe with noise.
    samples : Samples
        Samples of its customers.
    evaluation : Evaluation
        That dual at the prices.
    plain_dual : float
        Dual value at the prices without noise.
    """

    lagrangian: Lagrangian
    samples: Samples
    evaluation: Evaluation
    plain_dual: float
