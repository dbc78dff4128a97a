"""Chooses the top offers of each customer by role: purchases times a similarity, in blocks, by several threads."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...kernels import load
from ...kernels.affinity_contract import Chosen, Eligible, OfferScoring
from ...utils.errors import InvalidInput
from ...utils.parallel import parallel_map
from ...utils.threads import thread_count
from .choice_inputs import (
    check_columns,
    check_finite,
    checked_floats,
    checked_kinds,
    checked_links,
    checked_purchases,
    checked_quotas,
    checked_rows,
    no_links,
)
from .top_offers import TopOffers

BLOCK_PAIRS = 1 << 17
"""Purchases, and at most as many customers, that are worked on at a time."""


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
        self._prior = np.zeros(0, np.float32) if prior is None else checked_floats(prior, "prior")
        if prior is not None and len(self._prior) != offers:
            raise InvalidInput(f"prior: expected {offers:,} numbers, got {len(self._prior):,}")
        if np.isnan(above):
            raise InvalidInput(f"above: expected a number, got {above}")
        self._above = np.float32(above)
        self.width = min(int(self._quota.sum()), offers)
        self._kernels = load(backend).unchecked

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

        def choose_block(block: tuple[int, int]) -> TopOffers:
            start, stop = block
            chosen = Chosen.new(stop - start, self.width)
            return _top_offers(start, self._run(scoring, start, stop, chosen))

        return parallel_map(choose_block, _blocks(scoring.bought.indptr), thread_count(threads))

    def choose(
        self,
        purchases: Any,
        *,
        own_weight: Any = None,
        eligible: Any = None,
        threads: int | None = None,
    ) -> TopOffers:
        """Choose the offers of all customers at once.

        Parameters
        ----------
        purchases : sparse matrix of float, shape (n_customers, n_items)
            As for `blocks`.
        own_weight, eligible, threads : optional
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
        scoring = self._scoring(purchases, own_weight, eligible)
        whole = Chosen.new(len(scoring.bought.indptr) - 1, self.width)

        def choose_block(block: tuple[int, int]) -> None:
            self._run(scoring, *block, whole.part(*block, self.width))

        blocks = list(_blocks(scoring.bought.indptr))
        for _ in parallel_map(choose_block, blocks, thread_count(threads)):
            pass
        _close_gaps(whole, blocks, self.width)
        return _top_offers(0, whole)

    def _scoring(self, purchases: Any, own_weight: Any, eligible: Any) -> OfferScoring:
        """Return what the kernels score by: what customers bought, and what they may get."""
        items, offers = self.shape
        bought = checked_purchases(purchases, own_weight, items)
        allowed = Eligible(np.zeros(0, np.int64), np.zeros(0, np.int32))
        if eligible is not None:
            rows, customers = checked_rows(eligible, "eligible"), len(bought.indptr) - 1
            if rows.shape != (customers, offers):
                raise InvalidInput(
                    f"eligible: expected {customers:,} customers x {offers:,} offers, got {rows.shape}"
                )
            allowed = Eligible(rows.indptr, rows.column)
        return OfferScoring(
            bought=bought,
            similar=self._similar,
            own=self._own,
            kinds=self._kinds,
            offers=offers,
            prior=self._prior,
            eligible=allowed,
            quota=self._quota,
            above=self._above,
        )

    def _run(self, scoring: OfferScoring, start: int, stop: int, chosen: Chosen) -> Chosen:
        """Choose the offers of the customers start <= i < stop into `chosen`."""
        bought = scoring.bought
        part = slice(int(bought.indptr[start]), int(bought.indptr[stop]))
        check_columns(bought.item[part].view(np.int32), self.shape[0], "purchases")
        check_finite(bought.weight[part], "purchases", part.start)
        self._kernels.best_offers(scoring, start, stop, chosen)
        return chosen


def _top_offers(first: int, chosen: Chosen) -> TopOffers:
    count = int(chosen.number.sum())
    return TopOffers(
        first, chosen.number, chosen.offer[:count], chosen.role[:count], chosen.score[:count]
    )


def _close_gaps(chosen: Chosen, blocks: list[tuple[int, int]], width: int) -> None:
    """Move the offers of all blocks side by side; those of a block begin at its first customer times the width."""
    end = 0
    for start, stop in blocks:
        count, begin = int(chosen.number[start:stop].sum()), start * width
        if begin != end:
            for column in chosen[1:]:
                column[end : end + count] = column[begin : begin + count]
        end += count


def _blocks(indptr: NDArray[np.int64]) -> Iterator[tuple[int, int]]:
    """Yield ranges of customers of about BLOCK_PAIRS purchases, and at most as many customers."""
    start, customers = 0, len(indptr) - 1
    while start < customers:
        stop = int(np.searchsorted(indptr, indptr[start] + BLOCK_PAIRS, side="right")) - 1
        stop = min(max(stop, start + 1), customers, start + BLOCK_PAIRS)
        yield start, stop
        start = stop
