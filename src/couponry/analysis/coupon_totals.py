"""What the coupons of a block of customers come to, in groups and for each customer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, Protocol

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ..model.campaign_data import CampaignData
from ..model.compiled_campaign import CompiledCampaign
from ..results.shortfalls import Choices
from ..utils.process.cached_property import cached_property

SUMMED = {"response": "redemptions", "cost": "cost", "value": "value"}
"""Columns of coupons that are added up, and what their sums are called."""

MOST_COMPARED = 24
"""Coupons of a customer up to which each is compared with those before it; beyond that they are sorted by group."""


class Allocated(Protocol):
    """What is added up: a solution, or a shard of one."""

    @property
    def campaign(self) -> CampaignData:
        """As it was solved."""
        ...

    @property
    def compiled(self) -> CompiledCampaign:
        """As the solver took it."""
        ...

    @property
    def plan(self) -> Choices | None:
        """The allocation."""
        ...

    @property
    def customers(self) -> int:
        """How many there are."""
        ...

    @property
    def status(self) -> str:
        """How the solve ended."""
        ...

    @property
    def threads(self) -> int:
        """That may work at it."""
        ...


def summed_columns(result: Allocated) -> list[str]:
    """Return the columns that are added up, of those that coupons have.

    Parameters
    ----------
    result : Allocated

    Returns
    -------
    list of str
    """
    have = result.campaign.coupon_columns()
    return [name for name in SUMMED if name in have]


class CouponGroups(NamedTuple):
    """Groups of coupons.

    Attributes
    ----------
    values : list
        What each group has in common, in ascending order; None comes last: nothing.
    kind : pyarrow.DataType
        Of the values.
    of_coupons : callable
        Called as ``of_coupons(positions, customers)`` for coupons by their candidates' positions and customers'
        numbers; gives pairs of a coupon and a group that it is in, by coupon. None in place of coupons: each is in one.
    """

    values: list[Any]
    kind: pa.DataType
    of_coupons: Callable[
        [NDArray[np.int64], NDArray[np.int64]], tuple[NDArray[np.int64] | None, NDArray[np.int64]]
    ]


class GroupTotals(NamedTuple):
    """What the coupons of a block of customers come to in each group."""

    coupons: NDArray[np.int64]
    customers: NDArray[np.int64]
    sums: list[NDArray[np.float64]]

    @classmethod
    def zeros(cls, groups: int, sums: int) -> GroupTotals:
        """Nothing yet in any of some groups."""
        nothing = np.zeros(groups, np.int64), np.zeros(groups, np.int64)
        return cls(*nothing, [np.zeros(groups) for _ in range(sums)])

    def add(self, other: GroupTotals) -> None:
        """Add the totals of another block, in place."""
        self.coupons[:] += other.coupons
        self.customers[:] += other.customers
        for total, part in zip(self.sums, other.sums, strict=True):
            total += part


class CustomerTotals(NamedTuple):
    """What each customer got.

    Attributes
    ----------
    coupons : ndarray of int32, shape (n_customers,)
    sums : dict of str to ndarray of float64, shape (n_customers,) each
        Of what coupons have: `redemptions`, `cost` and `value`.
    """

    coupons: NDArray[np.int32]
    sums: dict[str, NDArray[np.float64]]

    @classmethod
    def zeros(cls, result: Allocated) -> CustomerTotals:
        """Nothing yet for any customer of a result."""
        names = [SUMMED[name] for name in summed_columns(result)]
        sums = {name: np.zeros(result.customers) for name in names}
        return cls(np.zeros(result.customers, np.int32), sums)

    def set(self, coupons: Coupons) -> None:
        """Set what the customers of a block got, who are in no other one."""
        if not len(coupons.customers):
            return
        first, last = int(coupons.customers[0]), int(coupons.customers[-1]) + 1
        local = coupons.customers - first
        self.coupons[first:last] = np.bincount(local, minlength=last - first)
        for amounts, total in zip(coupons.amounts, self.sums.values(), strict=True):
            total[first:last] = np.bincount(local, amounts, last - first)


class Coupons:
    """The coupons of a block of customers, by customer.

    Parameters
    ----------
    positions : ndarray of int64, shape (n_coupons,)
        Of their candidates.
    customers : ndarray of int64, shape (n_coupons,)
        Numbers of their customers, ascending.
    amounts : list of ndarray of float64, shape (n_coupons,) each
        What each adds to each sum.
    """

    def __init__(
        self,
        positions: NDArray[np.int64],
        customers: NDArray[np.int64],
        amounts: list[NDArray[np.float64]],
    ):
        self.positions, self.customers, self.amounts = positions, customers, amounts

    def totals(self, grouping: CouponGroups) -> GroupTotals:
        """Return what the coupons come to in each group."""
        size = len(grouping.values)
        coupon, group = grouping.of_coupons(self.positions, self.customers)
        amounts, customers = self.amounts, self.customers
        if coupon is not None:
            amounts, customers = [each[coupon] for each in amounts], customers[coupon]
        sums = [np.bincount(group, each, size).astype(np.float64, copy=False) for each in amounts]
        narrow = group.astype(np.min_scalar_type(size))
        if coupon is None and len(self._of_same_customer) < MOST_COMPARED:
            reached = group[self._is_first(narrow)]
        else:
            reached = _firsts(customers, narrow)
        return GroupTotals(
            np.bincount(group, minlength=size), np.bincount(reached, minlength=size), sums
        )

    @cached_property
    def _of_same_customer(self) -> list[NDArray[np.bool_]]:
        """For 1, 2, ... back: whether the coupon that many before is the same customer's; as far as any is."""
        found: list[NDArray[np.bool_]] = []
        while len(found) < MOST_COMPARED:
            back = len(found) + 1
            same: NDArray[np.bool_] = self.customers[back:] == self.customers[:-back]
            if not same.any():
                break
            found.append(same)
        return found

    def _is_first(self, group: NDArray[Any]) -> NDArray[np.bool_]:
        """Whether each coupon is the first one of its customer in its group."""
        first = np.ones(len(group), bool)
        for back, same in enumerate(self._of_same_customer, 1):
            first[back:] &= ~(same & (group[back:] == group[:-back]))
        return first


def _firsts(customers: NDArray[np.int64], group: NDArray[Any]) -> NDArray[Any]:
    """The group of the first coupon of each customer in each group; coupons come by customer."""
    order = np.argsort(group, kind="stable")  # narrow numbers are sorted by counting
    group, customers = group[order], customers[order]
    is_first = np.ones(len(order), bool)
    is_first[1:] = (group[1:] != group[:-1]) | (customers[1:] != customers[:-1])
    return group[is_first]
