"""How much of each limit's sum candidates can come to at all: simple bounds, without a solve."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ...utils.arrays.blocks import blocks
from ...utils.arrays.mapped_arrays import release_pages
from ...utils.parallel import parallel_map, worker_count
from ..compiling.limit_groups import LimitGroups
from ..compiling.measures import Amounts

COUNTED_CANDIDATES = 1 << 22
"""Candidates up to which every solve counts those of each item: some milliseconds."""


class Reach(NamedTuple):
    """Bounds on the sum of each group of a limit, shape (n_groups,) each."""

    least: NDArray[np.float64]
    most: NDArray[np.float64]


class Counts(NamedTuple):
    """How many candidates, customers and coupons there can be.

    Attributes
    ----------
    of_item : ndarray of int64, shape (n_items,), or None
        Candidates of each item; None where they were not counted.
    customers : ndarray of int64, shape (n_segments,)
        Customers of each segment.
    coupons : ndarray of float64, shape (n_segments,)
        Coupons that the customers of each segment can have at most.
    most_candidates : int
        Of a customer.
    """

    of_item: NDArray[np.int64] | None
    customers: NDArray[np.int64]
    coupons: NDArray[np.float64]
    most_candidates: int

    @classmethod
    def of(
        cls,
        indptr: NDArray[np.int64],
        segment: NDArray[np.uint16],
        n_segments: int,
        upper: NDArray[np.int32],
        of_item: NDArray[np.int64] | None,
    ) -> Counts:
        """Count customers and coupons.

        Parameters
        ----------
        indptr : ndarray of int64, shape (n_customers + 1,)
        segment : ndarray of uint16, shape (n_customers or 1,)
        n_segments : int
        upper : ndarray of int32, shape (n_customers or 1,)
            Coupons of each customer at most.
        of_item : ndarray of int64, shape (n_items,), or None

        Returns
        -------
        Counts
        """
        customers, total, most = np.zeros(n_segments, np.int64), np.zeros(n_segments), 0
        for part in blocks(len(indptr) - 1):
            n = np.diff(indptr[part.start : part.stop + 1])
            coupons = np.minimum(n, upper if len(upper) == 1 else upper[part])
            most = max(most, int(n.max(initial=0)))
            if len(segment) == 1:
                customers[segment[0]] += len(n)
                total[segment[0]] += coupons.sum()
                continue
            customers += np.bincount(segment[part], minlength=n_segments)
            total += np.bincount(segment[part], coupons, n_segments)
        return cls(of_item, customers, total, most)

    def reach(self, groups: LimitGroups, part: NDArray[np.int64] | None, amounts: Amounts) -> Reach:
        """Bound what each group of a limit can come to.

        Parameters
        ----------
        groups : LimitGroups
            Not divided by anything.
        part : ndarray of int64, shape (n_segments,), or None
            The part of the customers that each segment is in for the limit, -1 for none; None: that is not told.
        amounts : Amounts

        Returns
        -------
        Reach
        """
        low, high = amounts.span_of(groups.above)
        high, low = np.maximum(high, 0.0), np.minimum(low, 0.0)
        selection, n_groups = groups.selection, len(groups.bounds)
        least, most, smallest, largest, coupons = np.zeros((5, n_groups))
        n_parts = len(selection.customers)
        if part is None:
            customers = np.full(n_parts, float(self.customers.sum()))
            most_coupons = np.full(n_parts, float(self.coupons.sum()))
        else:
            inside = part >= 0
            customers = np.bincount(part[inside], self.customers[inside], n_parts)
            most_coupons = np.bincount(part[inside], self.coupons[inside], n_parts)
        for who in range(n_parts):
            item, group = selection.pairs_of(who)
            times = np.full(len(item), float(customers[who]))
            if self.of_item is not None:
                times = np.minimum(times, self.of_item[item])
            np.add.at(most, group, times * high[item])
            np.add.at(least, group, times * low[item])
            np.maximum.at(largest, group, high[item])
            np.minimum.at(smallest, group, low[item])
            coupons[group] = most_coupons[who]
        return Reach(np.maximum(least, coupons * smallest), np.minimum(most, coupons * largest))


def candidates_of_items(item: NDArray[np.integer], n_items: int) -> NDArray[np.int64]:
    """Count the candidates of each item: one pass over all of them.

    Parameters
    ----------
    item : ndarray of int, shape (n_candidates,)
    n_items : int

    Returns
    -------
    ndarray of int64, shape (n_items,)
    """

    def of_block(block: slice) -> NDArray[np.int64]:
        found: NDArray[np.int64] = np.bincount(item[block], minlength=n_items)
        release_pages(item[block])
        return found

    whole = np.zeros(n_items, np.int64)
    for found in parallel_map(of_block, blocks(len(item)), worker_count()):
        whole += found
    return whole
