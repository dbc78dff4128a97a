"""Families of offers, such as one product at several discounts: chosen as one, and given out each."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ...data.arrow_columns import labels
from .top_offers import TopOffers


class Families(NamedTuple):
    """Which offers are variants of one another.

    Attributes
    ----------
    of_offer : ndarray of int32, shape (n_offers,)
        Family of each offer, from 0, in the order of their first offers.
    ptr : ndarray of int64, shape (n_families + 1,)
        Entries of `member` of each.
    member : ndarray of int32, shape (n_offers,)
        Offers, family by family, ascending within each.
    """

    of_offer: NDArray[np.int32]
    ptr: NDArray[np.int64]
    member: NDArray[np.int32]

    @classmethod
    def of_column(cls, column: pa.ChunkedArray, label: str) -> Families:
        """Put offers with the same value into one family; those without one are alone.

        Parameters
        ----------
        column : pyarrow.ChunkedArray, shape (n_offers,)
        label : str
            What it is, for messages.

        Returns
        -------
        Families

        Raises
        ------
        InvalidInput
            If its values cannot be compared, as lists.
        """
        code = labels(column, label)[0].astype(np.int64)
        alone = np.flatnonzero(code < 0)
        code[alone] = code.max(initial=-1) + 1 + np.arange(len(alone))
        _, first, inverse = np.unique(code, return_index=True, return_inverse=True)
        rank = np.empty(len(first), np.int64)
        rank[np.argsort(first)] = np.arange(len(first))
        of_offer = rank[inverse.reshape(-1)].astype(np.int32)
        member = np.argsort(of_offer, kind="stable").astype(np.int32)
        ptr = np.searchsorted(of_offer[member], np.arange(len(first) + 1))
        return cls(of_offer, ptr.astype(np.int64), member)

    def __len__(self) -> int:
        return len(self.ptr) - 1

    @property
    def largest(self) -> int:
        """Offers of the largest family."""
        return int(np.diff(self.ptr).max(initial=0))

    def all_of(self, chosen: TopOffers) -> TopOffers:
        """Give out all offers of the families that were chosen.

        Parameters
        ----------
        chosen : TopOffers
            Of families.

        Returns
        -------
        TopOffers
            Of offers, each with the role and the score of its family.
        """
        size = np.diff(self.ptr)[chosen.offer]
        row = np.repeat(np.arange(len(size)), size)
        within = np.arange(len(row)) - np.repeat(np.cumsum(size) - size, size)
        offer = self.member[self.ptr[chosen.offer[row]] + within]
        customer = chosen.customer[row] - chosen.first
        order = np.argsort(customer * len(self.of_offer) + offer, kind="stable")
        number = np.bincount(customer, minlength=len(chosen.number)).astype(np.int32)
        row = row[order]
        return TopOffers(chosen.first, number, offer[order], chosen.role[row], chosen.score[row])
