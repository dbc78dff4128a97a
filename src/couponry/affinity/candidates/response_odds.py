"""How likely a chosen offer is to be bought and to be redeemed: log odds as tables by role and offer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ...data.roles import ROLES
from ...kernels import load
from ...kernels.affinity_contract import Chosen
from ...kernels.scores_contract import LEAST_SCORE, MAX_LOG_ODDS, ResponseTables
from ...utils.errors import InvalidInput
from ..response.depth_response import DepthResponse
from ..response.response_model import ResponseModel
from ..scores.logistic import LogisticRegression, Sample
from .top_offers import TopOffers

FEATURES = ("score", "score_squared", "popularity", "trips")

Floats = NDArray[np.float32]


def odds_features(chosen: TopOffers, popularity: NDArray[np.float64], trips: Floats) -> Floats:
    """Compute what the odds of buying are fitted on.

    Parameters
    ----------
    chosen : TopOffers
    popularity : ndarray of float64, shape (n_offers,)
    trips : ndarray of float32, shape (n_customers,)
        Decayed trips.

    Returns
    -------
    ndarray of float32, shape (n_chosen, 4)
        Logarithms of the score, also squared, of the offer's popularity, and of the customer's trips.
    """
    score = _log_score(chosen.score)
    of_offer = np.log(popularity).astype(np.float32)[chosen.offer]
    return np.stack([score, score * score, of_offer, _log_trips(trips)[chosen.customer]], axis=1)


class OwnSlopes(NamedTuple):
    """How customers differ in what the depth of a discount does.

    Attributes
    ----------
    depths : DepthResponse
    depth, common : ndarray of float64, shape (n_offers,)
        Depth of each offer, and the slope that all customers are taken to have in it.
    """

    depths: DepthResponse
    depth: NDArray[np.float64]
    common: NDArray[np.float64]

    @classmethod
    def of(
        cls, response: ResponseModel | None, offer_columns: Mapping[str, Any]
    ) -> OwnSlopes | None:
        """Return how customers differ; None where nothing of that is known."""
        if response is None or response.depths is None or not response.depths.is_known_:
            return None
        if "depth" not in offer_columns:
            raise InvalidInput("offer_columns: expected 'depth' for customers' response to it")
        depth = np.asarray(offer_columns["depth"], np.float64)
        category = offer_columns.get("category")
        return cls(response.depths, depth, response.slope_of_depth(category, len(depth)))

    def moved(self, response: Floats, chosen: TopOffers, customers: pa.Array) -> Floats:
        """Return the probabilities of redeeming at each customer's own slope."""
        slope = self.depths.slopes(customers)[chosen.customer - chosen.first]
        return self.depths.moved(
            response, self.depth[chosen.offer], slope, self.common[chosen.offer]
        )


class ResponseOdds(NamedTuple):
    """Log odds to buy and to redeem, as tables.

    With s and t the logarithms of an offer's score and of a customer's decayed trips, the log odds to buy are
    ``table[role, offer] + (score[role] + squared[role] s) s + trips[role] t``; those to redeem are
    ``slope x those + shift[role, offer]``. Rewards of a PersonalModel have its own probabilities: odds that were fitted
    on the window that it was fitted on would trust it too much.

    Attributes
    ----------
    tables : ResponseTables
    own_slopes : OwnSlopes or None
        Of customers; None: all have the same.
    """

    tables: ResponseTables
    own_slopes: OwnSlopes | None = None

    @classmethod
    def from_models(
        cls,
        regressions: Mapping[str, LogisticRegression],
        popularity: NDArray[np.float64],
        response: ResponseModel | None,
        offer_columns: Mapping[str, Any],
        *,
        own: bool = False,
    ) -> ResponseOdds:
        """Tabulate logistic models and a response model.

        Parameters
        ----------
        regressions : mapping of str to LogisticRegression
            By role, on FEATURES. A role without one was never chosen: as good as never bought.
        popularity : ndarray of float64, shape (n_offers,)
        response : ResponseModel, optional
        offer_columns : mapping of str to array, shape (n_offers,)
            What the response model asks for.
        own : bool
            Whether scores of rewards are -log(1 - probability to buy).

        Returns
        -------
        ResponseOdds
        """
        fitted = np.zeros((len(ROLES), 1 + len(FEATURES)))
        fitted[:, 0] = -MAX_LOG_ODDS
        for number, role in enumerate(ROLES):
            if role in regressions:
                fitted[number] = [regressions[role].intercept_, *regressions[role].coef_]
        intercept, score, squared, popular, trips = fitted.T
        table = intercept[:, None] + popular[:, None] * np.log(popularity)[None, :]
        slope, shift = 1.0, table[:0]
        if response is not None:
            columns: dict[str, Any] = {
                name: np.tile(np.asarray(values), len(ROLES))
                for name, values in offer_columns.items()
            }
            columns["p0"] = np.full(table.size, 0.5)  # log odds of 0
            columns["role"] = np.repeat(np.array(ROLES, object), table.shape[1])
            slope = float(response.coefficients_.get("p0", 0.0))
            shift = response.log_odds(columns).reshape(table.shape)
        tables = ResponseTables(
            table=table.astype(np.float32),
            score=score.astype(np.float32),
            squared=squared.astype(np.float32),
            trips=trips.astype(np.float32),
            slope=slope,
            shift=shift.astype(np.float32),
            own=int(own),
        )
        return cls(tables, OwnSlopes.of(response, offer_columns))

    def probabilities(
        self, chosen: TopOffers, trips: Floats, customers: pa.Array
    ) -> tuple[Floats, Floats]:
        """Compute the probabilities to buy and to redeem what was chosen, strictly between 0 and 1.

        Parameters
        ----------
        chosen : TopOffers
        trips : ndarray of float32, shape (n_customers,)
            Decayed trips.
        customers : pyarrow.Array, shape (n_customers,)
            Their ids.

        Returns
        -------
        p0 : ndarray of float32, shape (n_chosen,)
            To buy it without a coupon.
        p1 : ndarray of float32, shape (n_chosen,)
            To redeem the coupon; p0 if there is no response model.
        """
        p0 = np.empty(len(chosen.offer), np.float32)
        p1 = np.empty(len(p0), np.float32) if len(self.tables.shift) else p0
        given = Chosen(chosen.number, chosen.offer, chosen.role, chosen.score)
        load().unchecked.response_odds(self.tables, trips, given, p0, p1)
        return p0, p1 if self.own_slopes is None else self.own_slopes.moved(p1, chosen, customers)


def fit_odds(samples: list[Sample]) -> LogisticRegression | None:
    """Fit the odds that chosen offers of one role are bought.

    Parameters
    ----------
    samples : list of Sample
        Features as of `odds_features`.

    Returns
    -------
    LogisticRegression, optional
        The same rate for all if outcomes are all the same; None if there are no rows.
    """
    outcomes = np.concatenate([sample.outcome for sample in samples])
    if len(outcomes) == 0:
        return None
    if not outcomes.all() and outcomes.any():
        return LogisticRegression().fit(samples)
    rate = (outcomes.sum() + 0.5) / (len(outcomes) + 1.0)
    constant = LogisticRegression()
    constant.coef_, constant.intercept_ = np.zeros(len(FEATURES)), float(np.log(rate / (1 - rate)))
    constant.n_iter_, constant.loss_ = 0, 0.0
    return constant


def _log_score(score: Floats) -> Floats:
    logarithm: Floats = np.log(np.maximum(score, np.float32(LEAST_SCORE)))
    return logarithm


def _log_trips(trips: Floats) -> Floats:
    logarithm: Floats = np.log(trips + np.float32(0.1))
    return logarithm
