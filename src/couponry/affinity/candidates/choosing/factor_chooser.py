"""Chooses the top offers of each customer by role from factors, such as the embeddings of a two-tower model."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from ....kernels import load
from ....kernels.affinity_contract import Factors, OfferScoring
from ....utils.errors import InvalidInput
from ....utils.lazy_imports import sparse as sp
from ..top_offers import TopOffers
from .choice_blocks import ChoiceBlocks
from .choice_inputs import (
    checked_above,
    checked_eligible,
    checked_factors,
    checked_links,
    checked_prior,
    checked_purchases,
    no_links,
)
from .role_inputs import checked_kinds, checked_quotas


class FactorChooser:
    """Choose offers for customers by products of factors, so many of each role.

    An offer's score is its prior plus the product of its factors and the customer's. Without `own` and `kinds` all
    offers are innovations; with them what customers bought makes offers rewards and activations, as for `OfferChooser`.

    Scores are sums of float32 in the order of the factors, so a customer gets the same offers and the same bits alone
    or with others, by any number of threads, on any processor.

    Parameters
    ----------
    offer_factors : ndarray of float, shape (n_offers, n_factors)
        Factors of the offers.
    quota : int, or mapping of str to int
        As for `OfferChooser`: at most so many offers a customer, in all or of each role.
    own : sparse matrix or ndarray of float, shape (n_items, n_offers), optional
        Which items an offer is for, and what a purchase of each says for it: rewards are scored by this alone.
        Default: nothing is a reward.
    kinds : (ndarray of int, ndarray of int), optional
        Kinds of the items (n_items) and of the offers (n_offers): integers from 0, -1 for none.
    prior : ndarray of float, shape (n_offers,), optional
        Added to every score but rewards'.
    above : float
        Scores have to be larger than this.
    backend : {"native", "numba", "reference"}, optional
        Which kernels to run; all give the same bits.

    Attributes
    ----------
    shape : tuple of int
        Offers and factors.
    width : int
        Offers that a customer gets at most.

    Raises
    ------
    InvalidInput
        If shapes do not agree, or a number is not finite in float32.

    Examples
    --------
    >>> import numpy as np
    >>> chooser = FactorChooser([[1.0, 0.0], [0.0, 1.0], [0.5, 0.5]], 2)
    >>> found = chooser.choose([[2.0, 0.0], [1.0, 3.0]])
    >>> found.customer.tolist(), found.offer.tolist(), found.score.tolist()
    ([0, 0, 1, 1], [0, 2, 1, 2], [2.0, 1.0, 3.0, 2.0])
    """

    def __init__(
        self,
        offer_factors: Any,
        quota: int | Mapping[str, int],
        *,
        own: Any = None,
        kinds: tuple[Any, Any] | None = None,
        prior: Any = None,
        above: float = -np.inf,
        backend: str | None = None,
    ):
        factors = checked_factors(offer_factors, "offer_factors")
        self.shape = offers, _ = factors.shape
        self._factors = np.ascontiguousarray(factors.T)
        items = 0 if kinds is None else np.size(kinds[0])
        self._own = no_links(items)
        if own is not None:
            self._own, own_shape = checked_links(own, "own")
            items = own_shape[0] if kinds is None else items
            if own_shape != (items, offers):
                raise InvalidInput(f"own: expected {items:,} x {offers:,}, got {own_shape}")
        self._items = items
        self._quota = checked_quotas(quota, by_role=own is not None or kinds is not None)
        self._kinds = checked_kinds(kinds, (items, offers))
        self._prior = checked_prior(prior, offers)
        self._above = checked_above(above)
        self.width = min(int(self._quota.sum()), offers)
        self._backend = load(backend)

    def __repr__(self) -> str:
        """Say what it chooses from."""
        return f"<FactorChooser of at most {self.width} of {self.shape[0]:,} offers by {self.shape[1]:,} factors>"

    def blocks(
        self,
        customer_factors: Any,
        purchases: Any = None,
        *,
        own_weight: Any = None,
        eligible: Any = None,
        threads: int | None = None,
    ) -> Iterator[TopOffers]:
        """Choose offers, some customers at a time.

        Parameters
        ----------
        customer_factors : ndarray of float, shape (n_customers, n_factors)
            Factors of the customers: float32 by rows, which may lie in a file, is not copied.
        purchases : sparse matrix of float, shape (n_customers, n_items), optional
            What each customer bought, and what it weighs for rewards; needed with `own` or `kinds`.
        own_weight : ndarray of float32, shape (purchases.nnz,), optional
            Weights of the entries for rewards; default: those of `purchases`.
        eligible : sparse matrix, shape (n_customers, n_offers), optional
            Its entries are the offers that a customer may get; default: all.
        threads : int, optional
            Threads that work; default: the cores that may be used.

        Returns
        -------
        iterator of TopOffers
            The same offers for any blocks and any number of threads.

        Raises
        ------
        InvalidInput
            If shapes do not agree, or a number is not finite in float32.
        """
        scoring = self._scoring(customer_factors, purchases, own_weight, eligible)
        return ChoiceBlocks(self._backend.unchecked, scoring, self.width, threads).each()

    def choose(
        self,
        customer_factors: Any,
        purchases: Any = None,
        *,
        own_weight: Any = None,
        eligible: Any = None,
        threads: int | None = None,
    ) -> TopOffers:
        """Choose the offers of all customers at once.

        Parameters
        ----------
        customer_factors : ndarray of float, shape (n_customers, n_factors)
            As for `blocks`.
        purchases, own_weight, eligible, threads : optional
            As for `blocks`.

        Returns
        -------
        TopOffers
            The offers of all customers.

        Raises
        ------
        InvalidInput
            If shapes do not agree, or a number is not finite in float32.
        """
        scoring = self._scoring(customer_factors, purchases, own_weight, eligible)
        return ChoiceBlocks(self._backend.unchecked, scoring, self.width, threads).whole()

    def _scoring(
        self, customer_factors: Any, purchases: Any, own_weight: Any, eligible: Any
    ) -> OfferScoring:
        """Return what the kernels score by."""
        of_customers = checked_factors(customer_factors, "customer_factors", check_entries=False)
        offers, factors = self.shape
        if of_customers.shape[1] != factors:
            raise InvalidInput(
                f"customer_factors: expected {factors:,} columns as offer_factors has, got {of_customers.shape[1]:,}"
            )
        customers = len(of_customers)
        if purchases is None:
            if self._items:
                raise InvalidInput("purchases: expected them, since `own` or `kinds` go by them")
            purchases = sp.csr_array((customers, 0), dtype=np.float32)
        bought = checked_purchases(purchases, own_weight, self._items, "own and kinds have items")
        if len(bought.indptr) - 1 != customers:
            raise InvalidInput(
                f"purchases: expected {customers:,} customers as customer_factors has, got {len(bought.indptr) - 1:,}"
            )
        return OfferScoring(
            bought=bought,
            similar=no_links(self._items),
            own=self._own,
            kinds=self._kinds,
            offers=offers,
            prior=self._prior,
            factors=Factors(of_customers, self._factors),
            eligible=checked_eligible(eligible, customers, offers),
            quota=self._quota,
            above=self._above,
        )
