"""Level: how many purchases a model foretells, against how many the windows before let expect."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from ....utils.arrays.fixed_order import dot_in_order
from ...history.purchase_history import PurchaseHistory
from ..logistic import LogisticRegression, sigmoid
from .window_weights import POWER

GROWTH = {"reward": 0.2, "activation": -0.2, "innovation": -0.5}
"""Exponents by which a customer's purchases grow with the length of the history: of what was bought before, of what is
new of a known kind, and of what is of a new kind.

After weeks 8 to 24 of the Complete Journey they are 0.55 to 0.08 for rewards, -0.1 to -0.2 for activations and -0.8 to
-0.3 for innovations; 0.2 for rewards of UCI Online Retail, on average."""

TRUSTED_GROWTH = 0.1
"""Growth of a history, as a logarithm, from which past windows are trusted more than what a model foretells.

After weeks 12, 16 and 20 of the Complete Journey, where histories grow by 0.41, 0.29 and 0.22, a `PersonalModel` that
is not shifted foretells 1.51, 1.20 and 1.04 times the product types that are bought again, past windows 0.96 to 0.99
times. A year's history grows by 0.09 in four weeks."""

CUSTOMERS_OF_LEVEL = 1 << 13
"""Customers of whom it is seen how many purchases a model foretells: 50 to 100 thousand purchases."""

NEWTON_STEPS = 8
"""Of the search for a shift of log odds: each doubles the digits."""


LARGEST_SHIFT = 1.0
"""Of log odds: 2.7 times the odds, where a model extrapolated from 8 weeks to 12 was 1.5 times off."""

Model = TypeVar("Model", bound=LogisticRegression)


class Level(NamedTuple):
    """What was bought in a window, of what a model is about.

    Attributes
    ----------
    rate : float
        Purchases per customer of the history before the window.
    periods : int
        That this history covers.
    """

    rate: float
    periods: int

    @classmethod
    def of(cls, outcome: NDArray[np.bool_], history: PurchaseHistory) -> Level:
        """Return the level of a window.

        Parameters
        ----------
        outcome : ndarray of bool, shape (n_pairs,)
            Which pairs were bought in it.
        history : PurchaseHistory
            Before it.

        Returns
        -------
        Level
        """
        return cls(int(outcome.sum()) / max(len(history.customers), 1), periods_of(history))


def periods_of(history: PurchaseHistory) -> int:
    """Return how many periods a history covers.

    Parameters
    ----------
    history : PurchaseHistory

    Returns
    -------
    int
    """
    return history.until - history.start + 1


def expected_rate(levels: Sequence[Level], periods: int, foretold: float, role: str) -> float:
    """Return purchases per customer in the window after a history, between what a model and what past windows say.

    Parameters
    ----------
    levels : sequence of Level
        Of the past windows, the latest last.
    periods : int
        That the history covers.
    foretold : float
        What the model says.
    role : str
        What purchases are of: one of GROWTH.

    Returns
    -------
    float
        `foretold` where the history is no longer than that of the latest window, or nothing is known.
    """
    latest = levels[-1].periods
    growth = float(np.log(periods / latest))
    weights = [min(then / latest, 1.0) ** POWER for _, then in levels]
    grown = [rate * (periods / then) ** GROWTH[role] for rate, then in levels]
    before = sum(w * rate for w, rate in zip(weights, grown, strict=True)) / sum(weights)
    if growth <= 0.0 or before <= 0.0 or foretold <= 0.0:
        return foretold
    share = growth**2 / (growth**2 + TRUSTED_GROWTH**2)
    return float(foretold ** (1.0 - share) * before**share)


def shift_to_level(
    levels: Sequence[Level], history: PurchaseHistory, log_odds: NDArray[np.float64], role: str
) -> float:
    """Return what is to be added to log odds, so that customers buy as often as is to be expected.

    Parameters
    ----------
    levels : sequence of Level
        Of the past windows, the latest last.
    history : PurchaseHistory
        A longer one.
    log_odds : ndarray of float64, shape (n_pairs,)
        Of its customers' pairs.
    role : str
        What they are: one of GROWTH.

    Returns
    -------
    float
        0 where nothing is to be expected of them.
    """
    customers = len(history.customers)
    foretold = float(sigmoid(log_odds).sum()) / max(customers, 1)
    expected = expected_rate(levels, periods_of(history), foretold, role)
    if expected == foretold:
        return 0.0
    return shift_to(log_odds, expected * customers)


def shift_to(log_odds: NDArray[np.float64], expected: float) -> float:
    """Return what is to be added to log odds so that probabilities have a given sum.

    Parameters
    ----------
    log_odds : ndarray of float64, shape (n_pairs,)
    expected : float
        Above 0.

    Returns
    -------
    float
        LARGEST_SHIFT at most, up or down.
    """
    shift, every = 0.0, np.ones(len(log_odds))
    for _ in range(NEWTON_STEPS):
        chance = sigmoid(log_odds + shift)
        total, slope = dot_in_order(every, chance), dot_in_order(chance, 1.0 - chance)
        # of the logarithm of the sum, which is nearly straight where probabilities are small
        shift += float(np.log(expected / total) * total / max(slope, 1e-9))
        shift = min(max(shift, -LARGEST_SHIFT), LARGEST_SHIFT)
    return shift


def moved(model: Model, shift: float) -> Model:
    """Return a model with log odds to which a number is added.

    Parameters
    ----------
    model : LogisticRegression
        Stays as it is.
    shift : float

    Returns
    -------
    LogisticRegression
    """
    found = copy.copy(model)
    found.intercept_ += shift
    return found
