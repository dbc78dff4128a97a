"""How two models' log odds are merged: calibrated by role, and new items moved down as far as lists gain by it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ....data.roles import ROLES
from ...history.purchase_history import PurchaseHistory
from ..guards.level import Level, moved, shift_to_level
from ..guards.ranking import PLACES
from ..logistic import LogisticRegression, Sample
from .joint_pairs import REWARD, JointPairs

SHIFTS = (0.0, -0.25, -0.5, -1.0, -2.0)
"""What is tried to be added to the log odds of new items."""

BEHIND = -100.0
"""Added to the log odds of new items that come after all that the customer bought."""

LEAST_HAPPENED = 20
"""Purchases of a role below which its probabilities stay as they are."""

Calibration = tuple[LogisticRegression | None, ...]
"""From the log odds of each role to calibrated ones; None: as they are."""


class JointOutcome(NamedTuple):
    """What came of pairs in a window.

    Attributes
    ----------
    pairs : JointPairs
    bought : ndarray of bool, shape (n_pairs,)
    history : PurchaseHistory
        That they are of.
    weight : float
        How much the window counts.
    """

    pairs: JointPairs
    bought: NDArray[np.bool_]
    history: PurchaseHistory
    weight: float

    def level(self, role: int) -> Level:
        """Return how much of a role was bought."""
        return Level.of(self.bought[self.pairs.role == role], self.history)

    def of_role(self, role: int) -> Sample:
        """Return the log odds and outcomes of the pairs of a role."""
        mine = self.pairs.role == role
        weight = np.full(int(mine.sum()), self.weight, np.float32)
        return Sample(self.pairs.log_odds[mine][:, None], self.bought[mine], weight)


@dataclass(frozen=True)
class Shift:
    """How far new items are moved down.

    Attributes
    ----------
    log_odds : float
        Added to those of new items where lists are ordered; BEHIND where lists did not gain by them for certain.
    gains : dict of float to (float, float)
        Mean gain in NDCG at 20 of each shift that was tried against lists with new items behind all others, and its
        standard error.
    """

    log_odds: float
    gains: dict[float, tuple[float, float]]


def calibration_by_role(outcomes: Sequence[JointOutcome]) -> Calibration:
    """Fit a slope and an intercept of the log odds of each role, as far as there are pairs of it.

    Parameters
    ----------
    outcomes : sequence of JointOutcome
        Of the windows, the latest last.

    Returns
    -------
    tuple of LogisticRegression or None
        By role.
    """
    found: list[LogisticRegression | None] = []
    for role in range(3):
        samples = [one.of_role(role) for one in outcomes]
        latest = samples[-1].outcome
        fitted = None
        if LEAST_HAPPENED <= latest.sum() < len(latest):
            fitted = LogisticRegression(0.0).fit(samples)
        found.append(fitted if fitted is not None and fitted.coef_[0] > 0.0 else None)
    return tuple(found)


def levelled(
    calibration: Calibration,
    outcomes: Sequence[JointOutcome],
    pairs: JointPairs,
    history: PurchaseHistory,
) -> Calibration:
    """Shift calibrated log odds, so that customers begin as much as past windows let expect of them.

    Parameters
    ----------
    calibration : tuple of LogisticRegression or None
        As fitted on the windows.
    outcomes : sequence of JointOutcome
        Of the windows, the latest last.
    pairs : JointPairs
        By a longer history.
    history : PurchaseHistory
        That one.

    Returns
    -------
    tuple of LogisticRegression or None
    """
    found = list(calibration)
    for role, model in enumerate(calibration):
        if model is not None:
            log_odds = model.log_odds_of_columns([pairs.log_odds[pairs.role == role]])
            levels = [one.level(role) for one in outcomes]
            found[role] = moved(model, shift_to_level(levels, history, log_odds, ROLES[role]))
    return tuple(found)


def calibrated(pairs: JointPairs, calibration: Calibration) -> NDArray[np.float64]:
    """Return calibrated log odds.

    Parameters
    ----------
    pairs : JointPairs
    calibration : tuple of LogisticRegression or None

    Returns
    -------
    ndarray of float64, shape (n_pairs,)
    """
    found = pairs.log_odds.astype(np.float64)
    for role, model in enumerate(calibration):
        if model is not None:
            mine = pairs.role == role
            found[mine] = model.log_odds_of_columns([pairs.log_odds[mine]])
    return found


def validated_shift(
    pairs: JointPairs,
    log_odds: NDArray[np.float64],
    bought: NDArray[np.bool_],
    count: NDArray[np.int64],
) -> Shift:
    """Choose the shift of new items by which lists gain most for certain.

    Parameters
    ----------
    pairs : JointPairs
    log_odds : ndarray of float64, shape (n_pairs,)
        Of models that have not seen the window.
    bought : ndarray of bool, shape (n_pairs,)
        In the window.
    count : ndarray of int64, shape (n_customers,)
        Items that each customer bought in it.

    Returns
    -------
    Shift
        The one of the largest mean gain among those whose gain is above its standard error.
    """
    new = pairs.role != REWARD
    behind = _ndcg(pairs, log_odds + BEHIND * new, bought, count)
    gains = {}
    for shift in SHIFTS:
        gain = _ndcg(pairs, log_odds + shift * new, bought, count) - behind
        error = float(gain.std() / np.sqrt(max(len(gain), 1)))
        gains[shift] = (float(gain.mean()) if len(gain) else 0.0, error)
    certain = [shift for shift, (gain, error) in gains.items() if gain > error]
    return Shift(max(certain, key=lambda shift: gains[shift][0], default=BEHIND), gains)


def _ndcg(
    pairs: JointPairs,
    log_odds: NDArray[np.float64],
    bought: NDArray[np.bool_],
    count: NDArray[np.int64],
) -> NDArray[np.float64]:
    """Return NDCG at 20 of the customers who bought anything."""
    order, place = places(pairs, log_odds)
    listed = place < PLACES
    gain = 1.0 / np.log2(np.arange(2, PLACES + 2))
    gained = bought[order[listed]] * gain[place[listed]]
    summed = np.bincount(pairs.customer[order[listed]], gained, minlength=len(count))
    asked = count > 0
    ideal = np.append(0.0, np.cumsum(gain))[np.minimum(count[asked], PLACES)]
    found: NDArray[np.float64] = summed[asked] / ideal
    return found


def places(
    pairs: JointPairs, log_odds: NDArray[np.float64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return pairs from each customer's best, and the place of each in the customer's list.

    Parameters
    ----------
    pairs : JointPairs
    log_odds : ndarray of float64, shape (n_pairs,)

    Returns
    -------
    order : ndarray of int64, shape (n_pairs,)
        Pairs by customer, and from the largest log odds; equal ones by item.
    place : ndarray of int64, shape (n_pairs,)
        From 0, of the pairs in that order.
    """
    order = np.lexsort((-log_odds, pairs.customer))
    customer = pairs.customer[order]
    return order, np.arange(len(order)) - np.searchsorted(customer, customer)
