"""What a result's prices hold for late customers: what was agreed, how candidates were packed, and each limit's row."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ...data.earlier.previous_pairs import PREVIOUS
from ...kernels import MAX_QUANTITY
from ...model.campaign_checks import same_parts
from ...model.campaign_data import CampaignData
from ...model.changes import changed
from ...model.compiling.compile_limits import CompiledLimits
from ...model.compiling.coupon_columns import summable
from ...model.compiling.messages.message_costs import COST
from ...model.items import Items
from ...model.limits import Limit
from ...model.rules import CustomerRule
from ...results.solution import CampaignSolution
from ...utils.errors import InvalidInput

RowName = tuple[str, str | None, int]
"""A row of the limits: name and group of its limit, and which row of these it is."""


@dataclass(frozen=True, eq=False)
class Agreed:
    """A campaign without its candidates, customers and history.

    Attributes
    ----------
    name, value : str
    offers : pyarrow.Table
        In ascending order of its ids.
    rules : tuple of CustomerRule
    limits : tuple of Limit
    customer_type : pyarrow.DataType
        Of the customers' ids, as they came.
    columns : tuple of str
        Numeric columns of candidates that the campaign used.
    candidate_names : tuple of str
        All columns of its candidates, for messages.
    coupon_columns : tuple of str
        What an allocation states of each coupon.
    has_roles : bool
        Whether candidates had roles.
    seed : int
        What ties are broken by.
    unit : str or None
        Column of customers that says who is one unit.
    """

    name: str
    value: str
    offers: pa.Table
    rules: tuple[CustomerRule, ...]
    limits: tuple[Limit, ...]
    customer_type: pa.DataType
    columns: tuple[str, ...]
    candidate_names: tuple[str, ...]
    coupon_columns: tuple[str, ...]
    has_roles: bool
    seed: int
    unit: str | None = None

    @property
    def together(self) -> bool:
        """Whether candidates are decided on with others, or what a message costs depends on how many there are."""
        return self.unit is not None or any(rule.cost is not None for rule in self.rules)

    @property
    def asked_columns(self) -> tuple[str, ...]:
        """Numeric columns that late candidates must have: whatever was made of an earlier plan is 0 for them."""
        made = PREVIOUS not in self.candidate_names
        return tuple(name for name in self.columns if name != PREVIOUS or not made)

    @property
    def by_customers(self) -> tuple[str, ...]:
        """Columns of customers that limits tell groups apart by."""
        names = dict.fromkeys(name for limit in self.limits for name in limit.by_columns)
        return tuple(n for n in names if n != "role" and n not in self.offers.column_names)

    @property
    def of_customers(self) -> tuple[str, ...]:
        """Columns of customers that the objective or limits sum."""
        names = dict.fromkeys([self.value, *(n for limit in self.limits for n in limit.columns())])
        known = {*self.columns, *self.offers.column_names}
        return tuple(summable(name for name in names if name not in known))

    @property
    def of_customers_in_rules(self) -> tuple[str, ...]:
        """Columns of customers that customer rules sum."""
        known = {*self.columns, *self.offers.column_names, "count", "cost", "value"}
        names = dict.fromkeys(str(rule.sum) for rule in self.rules if rule.sum is not None)
        return tuple(name for name in names if name not in known)


@dataclass(frozen=True, eq=False)
class PackedOver:
    """How candidates were packed.

    Attributes
    ----------
    code : ndarray of int64, shape (n_items,), or (0,)
        4 * offer + role of each item; empty where roles are not told apart.
    names : tuple of str
        Attributes, and columns that were the same throughout each item.
    low, high : ndarray of float64, shape (n_names, n_items)
        What each of them was packed over; inf and -inf where an item had no candidates.
    least, step : ndarray of float64, shape (n_names, n_items)
        It was packed as ``least + step * quantity``.
    quantity_of : ndarray of int64, shape (n_names,)
        In which quantity; -1: in none.
    """

    code: NDArray[np.int64]
    names: tuple[str, ...]
    low: NDArray[np.float64]
    high: NDArray[np.float64]
    least: NDArray[np.float64]
    step: NDArray[np.float64]
    quantity_of: NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class PricedRows:
    """What the solve found of each row of the limits.

    Attributes
    ----------
    names : list of RowName
    price : ndarray of float64, shape (n_rows,)
        Signed.
    activity, error : ndarray of float64, shape (n_rows,)
        What the allocation comes to, and how far that may be off.
    """

    names: list[RowName]
    price: NDArray[np.float64]
    activity: NDArray[np.float64]
    error: NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class PriceList:
    """All that late customers are decided by.

    Attributes
    ----------
    agreed : Agreed
    packed : PackedOver
    rows : PricedRows
    """

    agreed: Agreed
    packed: PackedOver
    rows: PricedRows


def row_names(limits: CompiledLimits) -> list[RowName]:
    """Name the rows of limits.

    Parameters
    ----------
    limits : CompiledLimits

    Returns
    -------
    list of RowName
        In their order.
    """
    seen: Counter[int] = Counter()
    names = []
    of_measure = limits.measures.names
    for number in limits.measure_of_row.tolist():
        names.append((*of_measure[number], seen[number]))
        seen[number] += 1
    return names


def price_list_of(solution: CampaignSolution, limits: Mapping[Any, Any] | None = None) -> PriceList:
    """Take from a solution what late customers are decided by.

    Parameters
    ----------
    solution : CampaignSolution
    limits : mapping, optional
        Bounds that hold for all customers together, where they are others than those of the solve; by name, as
        `Campaign.changed` takes them.

    Returns
    -------
    PriceList

    Raises
    ------
    InvalidInput
        If the solution has no allocation, or a change is more than another bound.
    """
    plan, compiled, campaign = solution.plan, solution.compiled, solution.campaign
    if plan is None:
        raise InvalidInput(
            f"prices: expected a result with an allocation, got one that is {solution.status}"
        )
    candidates, problem = campaign.candidates, compiled.problem
    kind = campaign.customer_type
    agreed = Agreed(
        name=campaign.name,
        value=campaign.value,
        offers=campaign.offers,
        rules=campaign.rules,
        limits=_with_groups(
            _with_bounds(campaign, limits) if limits else campaign.limits, compiled.limits
        ),
        customer_type=kind.value_type if pa.types.is_dictionary(kind) else kind,
        columns=tuple(candidates.columns),
        candidate_names=campaign.candidate_names,
        coupon_columns=tuple(campaign.coupon_columns()),
        has_roles=candidates.role is not None,
        seed=solution.seed,
        unit=campaign.unit,
    )
    rows = PricedRows(
        row_names(compiled.limits),
        solution.prices,
        problem.rows @ plan.usage.ravel(),
        abs(problem.rows) @ plan.usage_error.ravel(),
    )
    return PriceList(agreed, _packed_over(solution), rows)


def _with_groups(limits: Sequence[Limit], compiled: CompiledLimits) -> tuple[Limit, ...]:
    """Limits by columns of customers with a table of their groups: late customers are decided without the others.

    Raises
    ------
    InvalidInput
        Where a limit sets sums over some customers against sums over others.
    """
    found = []
    for limit, groups in zip(limits, compiled.looked_up, strict=True):
        of_customers = groups.selection.customers
        if not of_customers.is_same_as(groups.below_selection.customers):
            raise InvalidInput(
                f"prices: {limit.label}: expected limits that one customer's coupons count in by themselves, got one "
                "relative to those of other customers"
            )
        if of_customers.columns and limit.table is None:
            bounds = groups.bounds
            values = {
                name: [values[code] for code in bounds.code[:, n].tolist()]
                for n, (name, values) in enumerate(
                    zip(limit.by_columns, bounds.distinct, strict=True)
                )
            }
            ends = {
                key: pa.array([end] * len(bounds), pa.float64())
                for key, end in (("min", limit.min), ("max", limit.max))
            }
            limit = replace(limit, table=pa.table({**values, **ends}), min=None, max=None)
        found.append(limit)
    return tuple(found)


def _with_bounds(campaign: CampaignData, limits: Mapping[Any, Any]) -> tuple[Limit, ...]:
    """The limits of a campaign with other bounds; what the allocation comes to is known of the same sums alone."""
    others = changed(campaign, limits=limits).limits
    for own, other in zip(campaign.limits, others, strict=True):
        as_before = replace(other, min=own.min, max=own.max, table=own.table)
        if not same_parts([own], [as_before]):
            raise InvalidInput(f"prices: {own.label}: expected other bounds, got another limit")
        if own.is_divided and not same_parts([own], [other]):
            raise InvalidInput(
                f"prices: {own.label}: expected other bounds of sums, got some of a ratio: solve again with them"
            )
    return others


def _packed_over(solution: CampaignSolution) -> PackedOver:
    """How the candidates of a solution were packed: of an offer in a role, over what all members' were."""
    compiled = solution.compiled
    items, problem, amounts = compiled.items, compiled.problem, compiled.amounts
    table = solution.campaign.customers
    of_customers = [] if table is None else summable(table.column_names)
    names = [name for name in compiled.limits.attributes if name != COST]
    same = [
        name
        for name in dict.fromkeys(
            ["value", "cost", *solution.campaign.candidates.columns, *of_customers]
        )
        if name not in names and (known := amounts.known(name)) is not None and not known.slopes
    ]
    spans = [amounts.attributes[name].span for name in names]
    constants = [amounts.of(name, name).constant for name in same]
    shape, count = (len(constants), len(items)), len(names)
    constant = np.array(constants, float).reshape(shape)
    found = (count, len(items))
    own = slice(len(items))  # refunds of what messages cost are behind them
    over = PackedOver(
        code=np.zeros(0, np.int64) if items.role is None else 4 * items.offer + items.role,
        names=(*names, *same),
        low=np.concatenate([np.array([span.low for span in spans]).reshape(found), constant]),
        high=np.concatenate([np.array([span.high for span in spans]).reshape(found), constant]),
        least=np.concatenate([problem.low[:count, own].reshape(found), constant]),
        step=np.concatenate([problem.step[:count, own].reshape(found), np.zeros(shape)]),
        quantity_of=np.concatenate([problem.quantity_of[:count], np.full(len(same), -1)]),
    )
    return over if solution.campaign.units is None else _of_all_members(over, items)


def _of_all_members(over: PackedOver, items: Items) -> PackedOver:
    """Pack what members have of an offer in a role over all that any of them has."""
    if items.role is None:
        code, at = np.arange(items.offers.num_rows), items.offer
    else:
        code, at = np.unique(over.code, return_inverse=True)
        at = at.reshape(-1)
    shape = len(over.names), len(code)
    low, high = np.full(shape, np.inf), np.full(shape, -np.inf)
    for name in range(len(over.names)):
        seen = over.low[name] <= over.high[name]
        np.minimum.at(low[name], at[seen], over.low[name][seen])
        np.maximum.at(high[name], at[seen], over.high[name][seen])
    is_packed = over.quantity_of >= 0
    high[~is_packed] = low[~is_packed]  # whatever else some have is beyond
    high[np.isinf(low)] = -np.inf
    least = np.where(np.isfinite(low), low, 0.0)
    width = np.where(np.isfinite(low), high - least, 0.0)
    return PackedOver(
        code if items.role is not None else over.code,
        over.names,
        low,
        high,
        least,
        width / MAX_QUANTITY,
        over.quantity_of,
    )
