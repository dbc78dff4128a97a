"""How much each window counts: the less, the shorter its history is against the one that is to be scored."""

from __future__ import annotations

from collections.abc import Sequence

from ..training_windows import Window

POWER = 8.0
"""Exponent of the share of all history that a window's history has.

What grows with a history, such as weeks since a purchase or items known, is extrapolated from shorter ones. After
weeks 12 to 20 of the Complete Journey, windows that count the same rank up to 0.005 worse than the latest alone, which
foretells up to 1.7 times what happens. An exponent of 8 ranks as well as the latest alone, and foretells better."""

LEAST_WEIGHT = 1e-3
"""Weight against the latest window's below which a window is left out."""

LEAST_SHARE_OF_LATEST = 0.5
"""Share of all history that the latest window's has, below which no model is to be trusted."""


LEAST_SHARE_FOR_TREES = 2 / 3
"""The same for trees, which extrapolate worse than a logistic model."""


def weighted_windows(windows: Sequence[Window]) -> tuple[list[tuple[Window, float]], float]:
    """Return the windows that a model is fitted on, each with its weight, and how much history the latest one has.

    Parameters
    ----------
    windows : sequence of (PurchaseHistory, PurchaseHistory)
        A history, and what was bought in the window after it; at least one.

    Returns
    -------
    list of (window, float)
        In the order of their ends; the latest one's weight is 1.
    float
        Length of the latest one's history against all that is known at its end.
    """
    ordered = sorted(windows, key=lambda window: window[1].until)
    latest, window = ordered[-1]
    known = window.until - latest.start + 1
    shares = [(history.until - history.start + 1) / known for history, _ in ordered]
    weights = [min(share / shares[-1], 1.0) ** POWER for share in shares]
    kept = [
        (window, weight)
        for window, weight in zip(ordered, weights, strict=True)
        if weight >= LEAST_WEIGHT
    ]
    return kept, shares[-1]
