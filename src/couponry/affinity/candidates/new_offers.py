"""Offers for what a customer did not buy: of those chosen by neighbours, a discovery model takes the likeliest."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ...data.roles import ROLES
from ...utils.arrays.blocks import row_blocks
from ...utils.arrays.falling_order import falling_order
from ...utils.arrays.ragged import within
from ...utils.lazy_imports import sparse as sp
from ..scores.discovery.linear_scorer import LinearScorer
from ..scores.logistic import sigmoid
from .role_inputs import MAX_QUOTA
from .top_offers import TopOffers

POOL = 1.5
"""Offers that are chosen by neighbours for each that is taken.

With twice as many, those that are taken hold 8.7 % of the products that the Complete Journey's households begin after
week 20, in place of 8.6."""

BLOCK_OFFERS = 1 << 16
"""Chosen offers that are worked on at a time: few enough for what is computed of them to stay in the cache."""

REWARD = np.uint8(ROLES.index("reward"))


class NewOffers(NamedTuple):
    """Takes the likeliest offers for what customers did not buy.

    Attributes
    ----------
    scorer : LinearScorer
        Of a discovery model.
    prior : ndarray of float32, shape (n_offers,)
        What scores by neighbours start from.
    quota : ndarray of int32, shape (n_roles,)
        At most so many offers of each role.
    """

    scorer: LinearScorer
    prior: NDArray[np.float32]
    quota: NDArray[np.int32]

    @property
    def pool(self) -> NDArray[np.int32]:
        """Offers of each role that are to be chosen by neighbours, at most."""
        most = max(min(len(self.prior), MAX_QUOTA), int(self.quota.max()))
        wanted = np.ceil(self.quota * [1.0, POOL, POOL])
        found: NDArray[np.int32] = np.minimum(wanted, most).astype(np.int32)
        return found

    def likeliest(self, chosen: TopOffers, bought: sp.csr_array) -> TopOffers:
        """Take the likeliest offers of each customer and role.

        Parameters
        ----------
        chosen : TopOffers
            By neighbours, of customers from row 0 on.
        bought : csr_array of float32, shape (n_customers, n_items)
            What the customers bought, as it was chosen by.

        Returns
        -------
        TopOffers
            Rewards as they are; the scores of others are probabilities.
        """
        score, kept = chosen.score.copy(), np.ones(len(chosen.offer), bool)
        indptr = np.append(0, np.cumsum(chosen.number, dtype=np.int64))
        for start, stop in row_blocks(indptr, BLOCK_OFFERS):
            customers, pairs = slice(start, stop), slice(int(indptr[start]), int(indptr[stop]))
            new = np.flatnonzero(chosen.role[pairs] != REWARD) + pairs.start
            owner = np.repeat(np.arange(len(chosen.number[customers])), chosen.number[customers])
            customer, offer = owner[new - pairs.start], chosen.offer[new]
            said = chosen.score[new] - self.prior[offer]
            log_odds = self.scorer.log_odds(bought[customers], customer, offer, said)
            kept[new] = self._is_taken(customer, chosen.role[new], log_odds)
            score[new] = sigmoid(log_odds)
        owner = np.repeat(np.arange(len(chosen.number)), chosen.number)
        number = np.bincount(owner[kept], minlength=len(chosen.number)).astype(np.int32)
        return TopOffers(chosen.first, number, chosen.offer[kept], chosen.role[kept], score[kept])

    def _is_taken(
        self, customer: NDArray[np.int64], role: NDArray[np.uint8], log_odds: NDArray[np.float32]
    ) -> NDArray[np.bool_]:
        """Return which are among the likeliest of their customer and role; of equal ones the first are."""
        group = customer * len(ROLES) + role
        order = falling_order(group, log_odds)
        ordered = group[order]
        length = np.diff(np.flatnonzero(np.diff(ordered, prepend=-1, append=-1)))
        taken = np.zeros(len(group), bool)
        taken[order[within(length) < self.quota[role[order]]]] = True
        return taken
