"""Offers for what a customer did not buy: of those chosen by neighbours, a discovery model takes the likeliest."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ...data.roles import ROLES
from ...kernels import load
from ...kernels.affinity_contract import Chosen
from ...kernels.scores_contract import BegunTables
from ...utils.lazy_imports import sparse as sp
from ..scores.logistic import sigmoid
from .choosing.role_inputs import MAX_QUOTA
from .top_offers import TopOffers

POOL = 1.5
"""Offers that are chosen by neighbours for each that is taken.

With twice as many, those that are taken hold 8.7 % of the products that the Complete Journey's households begin after
week 20, in place of 8.6."""

REWARD = np.uint8(ROLES.index("reward"))


class NewOffers(NamedTuple):
    """Takes the likeliest offers for what customers did not buy.

    Attributes
    ----------
    tables : BegunTables
        Of a discovery model.
    quota : ndarray of int32, shape (n_roles,)
        At most so many offers of each role.
    """

    tables: BegunTables
    quota: NDArray[np.int32]

    @property
    def pool(self) -> NDArray[np.int32]:
        """Offers of each role that are to be chosen by neighbours, at most."""
        most = max(min(len(self.tables.prior), MAX_QUOTA), int(self.quota.max()))
        wanted = np.ceil(self.quota * [1.0, POOL, POOL])
        found: NDArray[np.int32] = np.minimum(wanted, most).astype(np.int32)
        return found

    def likeliest(self, chosen: TopOffers, bought: sp.csr_array) -> TopOffers:
        """Take the likeliest offers of each customer and role.

        Parameters
        ----------
        chosen : TopOffers
            By neighbours, of customers from row 0 on. Its arrays are written over.
        bought : csr_array of float32, shape (n_customers, n_items)
            What the customers bought, as it was chosen by.

        Returns
        -------
        TopOffers
            Rewards as they are; the scores of others are probabilities.
        """
        kept = Chosen(chosen.number, chosen.offer, chosen.role, chosen.score)
        kernels = load().unchecked
        indptr = bought.indptr.astype(np.int64, copy=False)
        item = bought.indices.astype(np.int32, copy=False)
        kernels.score_begun(self.tables, indptr, item, bought.data, kept)
        kernels.keep_likeliest(self.quota, kept)
        some = slice(int(kept.number.sum()))
        offer, role, score = kept.offer[some], kept.role[some], kept.score[some]
        rewards = np.flatnonzero(role == REWARD)  # few: a mask of all takes longer than they do
        found = sigmoid(score)
        found[rewards] = score[rewards]
        return TopOffers(chosen.first, kept.number, offer, role, found)
