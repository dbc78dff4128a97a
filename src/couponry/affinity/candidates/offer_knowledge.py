"""What is known of offers before any customer is looked at: how they sell, and what purchases say for them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ...data import tables
from ...utils.crew import call_together
from ...utils.errors import InvalidInput
from ...utils.lazy_imports import sparse as sp
from ...utils.threads import thread_count
from ..history.customer_part import customers_spread
from ..history.item_statistics import ItemStatistics
from ..history.joined_history import with_items
from ..history.purchase_history import PurchaseHistory
from ..scores.discovery.known_items import KnownItems
from ..scores.discovery.linear_scorer import LinearScorer, linear_scorer
from ..scores.discovery_model import DiscoveryModel
from ..scores.features import groups_of_items
from ..scores.item_neighbours import recent_weights
from ..scores.offer_neighbours import offer_neighbours
from ..scores.own.pair_model import PairModel
from ..scores.training_windows import Window

MOST_CUSTOMERS = 2048
"""Customers of a window that a discovery model is fitted on: more change its few dozen coefficients little."""

SHARE_OF_POPULARITY = 0.5
"""How much popularity adds to scores where a discovery model's neighbours add 1: chosen where weeks 21-24 of the
Complete Journey are predicted."""


class LinksToOffers(NamedTuple):
    """What says for offers that a customer did not buy.

    Attributes
    ----------
    popularity : ndarray of float64, shape (n_offers,)
        Purchases per customer of what an offer is good for: log(1 + decayed purchases), summed over products.
    similarity : csr_array of float32, shape (n_items, n_offers)
        How much a purchase of an item says for an offer.
    prior : ndarray of float32, shape (n_offers,)
        What scores start from.
    """

    popularity: NDArray[np.float64]
    similarity: sp.csr_array
    prior: NDArray[np.float32]

    @classmethod
    def learned(
        cls, bought: sp.csr_array, covers: sp.csr_array, similarity: sp.csr_array, share: float
    ) -> LinksToOffers:
        """Learn how offers sell, and let popularity add to scores in proportion to what neighbours add on average.

        Parameters
        ----------
        bought : csr_array of float32, shape (n_customers, n_items)
        covers, similarity : csr_array of float32, shape (n_items, n_offers)
        share : float
            How much popularity adds, where neighbours add 1.

        Returns
        -------
        LinksToOffers
        """
        buys = sp.csr_array(bought @ covers)
        total = np.zeros(buys.shape[1])
        np.add.at(total, buys.indices, buys.data.astype(np.float64))
        popularity = (total + 0.5) / (bought.shape[0] + 1.0)
        added = np.abs((bought @ similarity).data).sum(dtype=np.float64)
        added = share * added / max(bought.shape[0], 1) or 1.0
        prior = (popularity / popularity.sum() * added).astype(np.float32)
        return cls(popularity, similarity, prior)


def similarity_of(
    bought: sp.csr_array, covers: sp.csr_array, given: Any, neighbours: int
) -> sp.csr_array:
    """Return the similarity that is given, or that of what was bought.

    Parameters
    ----------
    bought : csr_array of float32, shape (n_customers, n_items)
    covers : csr_array of float32, shape (n_items, n_offers)
    given : sparse matrix or ndarray, shape (n_items, n_offers), optional
    neighbours : int
        How many offers an item is taken to be like.

    Returns
    -------
    csr_array of float32, shape (n_items, n_offers)

    Raises
    ------
    InvalidInput
        If the one given has another shape.
    """
    if given is None:
        return offer_neighbours(bought, covers, keep=neighbours)
    found = sp.csr_array(given)
    if found.shape != covers.shape:
        raise InvalidInput(
            f"similarity: expected {covers.shape[0]:,} items of the history x {covers.shape[1]:,} "
            f"offers, got {found.shape}"
        )
    return found


def have_offers(asked: pa.Array, items: pa.Array, covers: sp.csr_array) -> NDArray[np.bool_]:
    """Return which items any offer is good for.

    Parameters
    ----------
    asked : pyarrow.Array, shape (n_asked,)
        Ids.
    items : pyarrow.Array, shape (n_items,)
        Ids, ascending.
    covers : csr_array, shape (n_items, n_offers)

    Returns
    -------
    ndarray of bool, shape (n_asked,)
    """
    # the last one, which position -1 reads, is of ids that are none of the items
    has_any = np.diff(covers.indptr, append=covers.nnz) > 0
    found: NDArray[np.bool_] = has_any[tables.positions(asked, items)]
    return found


def fit_models(
    personal: PairModel | None,
    discovery: DiscoveryModel | None,
    windows: Sequence[Window],
    known: PurchaseHistory,
) -> list[KnownItems | None]:
    """Fit the models of a candidate model, both at once where two threads may work, on half of the threads each.

    Parameters
    ----------
    personal : PairModel, optional
    discovery : DiscoveryModel, optional
        As `fit_discovery` takes it.
    windows : sequence of (PurchaseHistory, PurchaseHistory)
    known : PurchaseHistory
        What they know of items for scoring.

    Returns
    -------
    list of KnownItems or None
        What the discovery model learned of each window's history, if there is one.

    Raises
    ------
    InvalidInput
        As each of them does.
    """
    learned: list[KnownItems | None] = [None] * len(windows)

    def fit_personal() -> None:
        if personal is not None:
            personal.fit(windows, known)

    def fit_the_other() -> None:
        if discovery is not None:
            learned[:] = fit_discovery(discovery, windows, known)

    call_together(fit_personal, fit_the_other, thread_count())
    return learned


def fit_discovery(
    model: DiscoveryModel, windows: Sequence[Window], known: PurchaseHistory
) -> list[KnownItems]:
    """Fit a discovery model on some customers of the windows.

    Parameters
    ----------
    model : DiscoveryModel
        Logistic, of one kind of neighbours that weigh recent purchases, without customers to ask.
    windows : sequence of (PurchaseHistory, PurchaseHistory)
    known : PurchaseHistory
        What it knows of items for scoring.

    Returns
    -------
    list of KnownItems
        What it learned of each window's history.

    Raises
    ------
    InvalidInput
        If it is another model, or there is nothing to be begun.
    """
    one = len(model.neighbours) == 1 and model.neighbours[0].weights is recent_weights
    if not one or model.customers or model.trees is not False or model.estimator is not None:
        raise InvalidInput(
            "discovery: expected a DiscoveryModel of one kind of neighbours with recent weights, customers=0 and "
            "trees=False"
        )
    learned = [model.learned(history) for history, _ in windows]
    some = [(customers_spread(history, MOST_CUSTOMERS), later) for history, later in windows]
    by_history = {id(history): knows for (history, _), knows in zip(some, learned, strict=True)}
    model.fit_with(some, known, lambda one: by_history.get(id(one)) or model.learned(one))
    return learned


def offer_scorer(
    model: DiscoveryModel,
    knows: KnownItems,
    history: PurchaseHistory,
    statistics: ItemStatistics,
    covers: sp.csr_array,
) -> LinearScorer:
    """Return what scores offers for what customers did not buy.

    Parameters
    ----------
    model : DiscoveryModel
        Fitted.
    knows : KnownItems
        What it knows of items.
    history : PurchaseHistory
        That this was learned from.
    statistics : ItemStatistics, shape (n_items,)
        Of all items that offers may be good for.
    covers : csr_array, shape (n_items, n_offers)

    Returns
    -------
    LinearScorer
    """
    groups = groups_of_items(model.groups, with_items(history, statistics.items))
    fitted = model.regression_, model.names_
    return linear_scorer(*fitted, knows, statistics, groups, covers, history.half_lives)
