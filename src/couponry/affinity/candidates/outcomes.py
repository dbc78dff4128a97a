"""Which of the offers that were chosen before a window were bought in it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ...data import tables
from ...utils.arrays.membership import is_among
from ...utils.lazy_imports import sparse as sp
from ..history.purchase_history import PurchaseHistory
from .assortment import Assortment
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
