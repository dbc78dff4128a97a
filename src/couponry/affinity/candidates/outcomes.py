"""What came of offers that were chosen before a window: which were bought in it, and the odds of that by role."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from ...data import tables
from ...data.roles import ROLES
from ...utils.arrays.membership import is_among
from ...utils.lazy_imports import sparse as sp
from ..history.customer_part import customers_spread
from ..history.purchase_history import PurchaseHistory
from ..scores.guards.level import CUSTOMERS_OF_LEVEL, Level, periods_of, shift_to_level
from ..scores.logistic import LogisticRegression, Sample
from .assortment import Assortment
from .response_odds import Floats, fit_odds
from .top_offers import TopOffers


def bought_later(
    chosen: TopOffers, assortment: Assortment, history: PurchaseHistory, later: PurchaseHistory
) -> NDArray[np.bool_]:
    """Return whether each customer bought in the window what each chosen offer is good for.

    Parameters
    ----------
    chosen : TopOffers
        Of the history's customers.
    assortment : Assortment
    history, later : PurchaseHistory
        A history, and what was bought in the window after it.

    Returns
    -------
    ndarray of bool, shape (n_chosen,)
    """
    offers = len(assortment.offers)
    covers, _ = assortment.among(later.items)
    ones = np.ones(len(later), np.float32)
    shape = (len(later.customers), len(later.items))
    bought = sp.csr_array((ones, later.item.astype(np.int64), later.indptr), shape=shape)
    found = sp.coo_array(bought @ covers)
    customer = tables.positions(later.customers, history.customers)[found.row]
    truth = np.sort((customer * offers + found.col)[customer >= 0])
    return is_among(chosen.customer * offers + chosen.offer, truth)


class RoleOdds:
    """What came of chosen offers in past windows, added one window after the other, the latest last."""

    def __init__(self) -> None:
        self._samples: dict[str, list[Sample]] = {role: [] for role in ROLES}
        self._levels: dict[str, list[Level]] = {role: [] for role in ROLES}

    def add(
        self,
        chosen: TopOffers,
        features: Floats,
        outcome: NDArray[np.bool_],
        history: PurchaseHistory,
    ) -> None:
        """Add a window.

        Parameters
        ----------
        chosen : TopOffers
        features : ndarray of float32, shape (n_chosen, n_features)
            As of `odds_features`.
        outcome : ndarray of bool, shape (n_chosen,)
            What was bought in the window.
        history : PurchaseHistory
            That offers were chosen by.
        """
        for number, role in enumerate(ROLES):
            mine = chosen.role == number
            weight = np.ones(int(mine.sum()), np.float32)
            self._samples[role].append(Sample(features[mine], outcome[mine], weight))
            self._levels[role].append(Level.of(outcome[mine], history))

    def fitted(self) -> dict[str, LogisticRegression]:
        """Fit the odds of each role that was chosen.

        Returns
        -------
        dict of str to LogisticRegression
        """
        found = {role: fit_odds(parts) for role, parts in self._samples.items()}
        return {role: model for role, model in found.items() if model is not None}

    def shift(
        self,
        regressions: dict[str, LogisticRegression],
        history: PurchaseHistory,
        choose: Callable[[PurchaseHistory], tuple[TopOffers, Floats]],
    ) -> None:
        """Shift odds in place, so that customers buy as much as past windows let expect of them.

        Parameters
        ----------
        regressions : dict of str to LogisticRegression
            By role.
        history : PurchaseHistory
            Nothing is shifted where it is no longer than that of the latest window.
        choose : callable
            Chooses offers by a history, and computes their `odds_features`.
        """
        if not len(history) or periods_of(history) <= self._levels[ROLES[0]][-1].periods:
            return
        some = customers_spread(history, CUSTOMERS_OF_LEVEL)
        chosen, features = choose(some)
        for role, model in regressions.items():
            log_odds = model.log_odds(features[chosen.role == ROLES.index(role)])
            model.intercept_ += shift_to_level(self._levels[role], some, log_odds, role)
