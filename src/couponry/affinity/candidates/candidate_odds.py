"""How likely a chosen offer is to be bought and to be redeemed: log odds as tables by role and offer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ...data.roles import ROLES
from ..scores.logistic import LogisticRegression
from ..scores.response import ResponseModel
from .best_offers import BestOffers

FEATURES = ("score", "score_squared", "popularity", "trips")
MOST_LOG_ODDS = 15.0
LEAST_SCORE = 1e-3

Floats = NDArray[np.float32]


def features(chosen: BestOffers, popularity: NDArray[np.float64], trips: Floats) -> Floats:
    """What the odds of buying are fitted on, float32 (chosen, FEATURES): logarithms of the score, also squared, of the
    offer's popularity (K) and of the customer's decayed trips (n)."""
    score = _log_score(chosen.score)
    of_offer = np.log(popularity).astype(np.float32)[chosen.offer]
    return np.stack([score, score * score, of_offer, _log_trips(trips)[chosen.customer]], axis=1)


class Odds(NamedTuple):
    """Log odds to buy = table[role, offer] + (score[role] + squared[role] s) s + trips[role] t, s and t logarithms of
    an offer's score and of a customer's decayed trips; to redeem: slope x those + shift[role, offer].

    table: float32 (3 K). score, squared, trips: float32 (3). shift: float32 (3 K), None: there is no response model.
    """

    table: Floats
    score: Floats
    squared: Floats
    trips: Floats
    slope: np.float32
    shift: Floats | None

    @classmethod
    def of(
        cls,
        regressions: Mapping[str, LogisticRegression],
        popularity: NDArray[np.float64],
        response: ResponseModel | None,
        offer_columns: Mapping[str, Any],
    ) -> Odds:
        """From logistic models by role on FEATURES; a role without one was never chosen: as good as never bought."""
        fitted = np.zeros((len(ROLES), 1 + len(FEATURES)))
        fitted[:, 0] = -MOST_LOG_ODDS
        for number, role in enumerate(ROLES):
            if role in regressions:
                fitted[number] = [regressions[role].intercept_, *regressions[role].coef_]
        intercept, score, squared, popular, trips = fitted.T
        table = intercept[:, None] + popular[:, None] * np.log(popularity)[None, :]
        slope, shift = np.float32(1.0), None
        if response is not None:
            columns: dict[str, Any] = {
                name: np.tile(np.asarray(values), len(ROLES))
                for name, values in offer_columns.items()
            }
            columns["p0"] = np.full(table.size, 0.5)  # log odds of 0
            columns["role"] = np.repeat(np.array(ROLES, object), table.shape[1])
            slope = np.float32(response.coefficients_.get("p0", 0.0))
            shift = response.log_odds(columns).astype(np.float32)
        single = [a.astype(np.float32) for a in (table.ravel(), score, squared, trips)]
        return cls(single[0], single[1], single[2], single[3], slope, shift)

    def probabilities(self, chosen: BestOffers, trips: Floats) -> tuple[Floats, Floats]:
        """To buy what was chosen (p0), and to redeem the coupon (p1; p0 where there is no response model), strictly
        between 0 and 1, of customers with these decayed trips."""
        role = chosen.role
        place = role.astype(np.int32) * np.int32(len(self.table) // len(ROLES)) + chosen.offer
        total, s = self.table[place], _log_score(chosen.score)
        total += (self.score[role] + self.squared[role] * s) * s
        total += self.trips[role] * _log_trips(trips)[chosen.customer]
        p0 = _probability(total)
        if self.shift is None:
            return p0, p0
        return p0, _probability(self.slope * total + self.shift[place])


def _probability(log_odds: Floats) -> Floats:
    most = np.float32(MOST_LOG_ODDS)
    found: Floats = np.float32(1) / (np.float32(1) + np.exp(-np.clip(log_odds, -most, most)))
    return found


def _log_score(score: Floats) -> Floats:
    return np.log(np.maximum(score, np.float32(LEAST_SCORE)))


def _log_trips(trips: Floats) -> Floats:
    return np.log(trips + np.float32(0.1))
