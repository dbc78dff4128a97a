"""Chooses the top offers of each customer by role: purchases times a similarity, in blocks, by several threads."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from ....kernels import load
from ....kernels.affinity_contract import Factors, OfferScoring
from ....utils.arrays.working_memory import WorkingMemory
from ....utils.errors import InvalidInput
from ..top_offers import TopOffers
from .choice_blocks import ChoiceBlocks
from .choice_inputs import (
    checked_above,
    checked_eligible,
    checked_links,
    checked_prior,
    checked_purchases,
    no_links,
)
from .role_inputs import checked_kinds, checked_quotas


class OfferChooser:
    """Choose offers for customers by what they bought, so many of each role.

    An offer for something that the customer bought is a reward; one of a kind that the customer bought, but not this,
    is an activation; everything else is an innovation.

    Parameters
    ----------
    similarity : sparse matrix or ndarray of float, shape (n_items, n_offers)
        How much a purchase of an item says for an offer. Any sign; explicit zeros count as links.
    quota : int, or mapping of str to int
        At most so many offers a customer of each role: ``{"reward": 8, "activation": 12, "innovation": 12}``; a role
        that is not named gets none. A number: so many in all, of whatever role (without `own` and `kinds`).
    own : sparse matrix or ndarray of float, shape (n_items, n_offers), optional
        Which items an offer is for, and what a purchase of each says for it: rewards are scored by this alone.
        Default: nothing is a reward.
    kinds : (ndarray of int, ndarray of int), optional
        Kinds of the items (n_items) and of the offers (n_offers), such as product types: integers from 0, -1 for none.
    prior : ndarray of float, shape (n_offers,), optional
        Added to every score but rewards', such as popularity. With it every offer can be chosen; without it only
        those that something bought is similar to.
    above : float
        Scores have to be larger than this.
    backend : {"native", "numba", "reference"}, optional
        Which kernels to run; all give the same bits.

    Attributes
    ----------
    shape : tuple of int
        Items and offers.
    width : int
        Offers that a customer gets at most.

    Raises
    ------
    InvalidInput
        If shapes do not agree, or a number is not finite in float32.

    Examples
    --------
    >>> import numpy as np
    >>> import scipy.sparse as sp
    >>> similarity = np.array([[0.9, 0.1, 0.0], [0.0, 0.2, 0.7]])
    >>> purchases = sp.csr_array(np.array([[1.0, 0.0], [2.0, 1.0]]))
    >>> found = OfferChooser(similarity, 1).choose(purchases)
    >>> found.customer.tolist(), found.offer.tolist()
    ([0, 1], [0, 0])
    """

    def __init__(
        self,
        similarity: Any,
        quota: int | Mapping[str, int],
        *,
        own: Any = None,
        kinds: tuple[Any, Any] | None = None,
        prior: Any = None,
        above: float = -np.inf,
        backend: str | None = None,
    ):
        self._similar, self.shape = checked_links(similarity, "similarity")
        items, offers = self.shape
        self._own = no_links(items)
        if own is not None:
            self._own, own_shape = checked_links(own, "own")
            if own_shape != self.shape:
                raise InvalidInput(
                    f"own: expected {items:,} x {offers:,} as similarity has, got {own_shape}"
                )
        self._quota = checked_quotas(quota, by_role=own is not None or kinds is not None)
        self._kinds = checked_kinds(kinds, self.shape)
        self._prior = checked_prior(prior, offers)
        self._above = checked_above(above)
        self.width = min(int(self._quota.sum()), offers)
        self._backend = load(backend)

    def __repr__(self) -> str:
        """Say what it chooses from."""
        return f"<OfferChooser of at most {self.width} of {self.shape[1]:,} offers by {self.shape[0]:,} items>"

    def blocks(
        self,
        purchases: Any,
        *,
        own_weight: Any = None,
        eligible: Any = None,
        threads: int | None = None,
    ) -> Iterator[TopOffers]:
        """Choose offers, some customers at a time.

        Parameters
        ----------
        purchases : sparse matrix of float, shape (n_customers, n_items)
            What each customer bought, and what it weighs: `csr_array` or `csr_matrix`, with indices of 32 or 64 bits.
        own_weight : ndarray of float32, shape (purchases.nnz,), optional
            Weights of the entries for rewards; default: the same weights.
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
        scoring = self._scoring(purchases, own_weight, eligible)
        return ChoiceBlocks(self._backend.unchecked, scoring, self.width, threads).each()

    def choose(
        self,
        purchases: Any,
        *,
        own_weight: Any = None,
        eligible: Any = None,
        threads: int | None = None,
        memory: WorkingMemory | None = None,
    ) -> TopOffers:
        """Choose the offers of all customers at once.

        Parameters
        ----------
        purchases : sparse matrix of float, shape (n_customers, n_items)
            As for `blocks`.
        own_weight, eligible, threads : optional
            As for `blocks`.
        memory : WorkingMemory, optional
            Where they are, until this thread chooses again; default: arrays of their own.

        Returns
        -------
        TopOffers
            The offers of all customers.

        Raises
        ------
        InvalidInput
            If shapes do not agree, or a number is not finite in float32.
        """
        scoring = self._scoring(purchases, own_weight, eligible)
        return ChoiceBlocks(self._backend.unchecked, scoring, self.width, threads).whole(memory)

    def _scoring(self, purchases: Any, own_weight: Any, eligible: Any) -> OfferScoring:
        """Return what the kernels score by: what customers bought, and what they may get."""
        items, offers = self.shape
        bought = checked_purchases(purchases, own_weight, items, "similarity has rows")
        return OfferScoring(
            bought=bought,
            similar=self._similar,
            own=self._own,
            kinds=self._kinds,
            offers=offers,
            prior=self._prior,
            factors=Factors.none(),
            eligible=checked_eligible(eligible, len(bought.indptr) - 1, offers),
            quota=self._quota,
            above=self._above,
        )
