"""The offers that were chosen for customers, each with its role and score."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ...data.candidate_checks import offer_dtype
from ...data.candidate_rows import CandidateRows
from ...data.roles import ROLES
from ...utils.process.cached_property import cached_property


@dataclass(frozen=True)
class TopOffers:
    """Offers chosen for consecutive customers, in ascending order of customers and offers.

    Attributes
    ----------
    first : int
        Row of the purchases that the first customer is.
    number : ndarray of int32, shape (n_customers,)
        Offers of each customer.
    offer : ndarray of int32, shape (n_chosen,)
        Columns of the similarity.
    role : ndarray of uint8, shape (n_chosen,)
        0 reward, 1 activation, 2 innovation.
    score : ndarray of float32, shape (n_chosen,)
        What the offer was chosen by.
    """

    first: int
    number: NDArray[np.int32]
    offer: NDArray[np.int32]
    role: NDArray[np.uint8]
    score: NDArray[np.float32]

    @cached_property
    def customer(self) -> NDArray[np.int64]:
        """Row of the purchases that each offer is for, int64, shape (n_chosen,)."""
        return np.repeat(np.arange(self.first, self.first + len(self.number)), self.number)

    def rows(
        self, customers: pa.Array, offers: int, columns: Mapping[str, NDArray[np.float32]]
    ) -> CandidateRows:
        """Make candidates of the customers who get any.

        Parameters
        ----------
        customers : pyarrow.Array, shape (n_customers,)
            Ids.
        offers : int
            Number of offers.
        columns : mapping of str to ndarray of float32, shape (n_chosen,)
            Numbers of each candidate.

        Returns
        -------
        CandidateRows
            Offers, roles, and the columns.
        """
        some = np.flatnonzero(self.number)
        if len(some) < len(self.number):
            customers = customers.take(pa.array(some))
        about = {"offer": self.offer.astype(offer_dtype(offers)), "role": self.role + np.uint8(1)}
        return CandidateRows(
            customers,
            np.append(0, np.cumsum(self.number[some], dtype=np.int64)),
            {**about, **columns},
        )

    def table(self, customers: pa.Array, offers: pa.Array) -> pa.Table:
        """Make a table of candidates.

        Parameters
        ----------
        customers : pyarrow.Array
            Ids by row of the purchases.
        offers : pyarrow.Array, shape (n_offers,)
            Ids by column of the similarity.

        Returns
        -------
        pyarrow.Table
            Columns customer, offer, role, score, as Campaign takes them.
        """
        roles = pa.DictionaryArray.from_arrays(pa.array(self.role.astype(np.int8)), pa.array(ROLES))
        return pa.table(
            {
                "customer": customers.take(pa.array(self.customer)),
                "offer": offers.take(pa.array(self.offer)),
                "role": roles.cast(pa.string()),
                "score": self.score,
            }
        )
