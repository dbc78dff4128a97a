"""Questions about a result whose customers are on a cluster, answered by workers a shard at a time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from .. import kernels
from ..model.campaign_data import CampaignData
from ..model.compiled_campaign import CompiledCampaign
from ..results.beside.listed_backups import backups_of_customer
from ..results.cluster.packing import StatedShards
from ..results.cluster.parts import engine_of
from ..results.cluster.planned.planned_shards import (
    PlannedShards,
    ShardChoices,
    numbered,
    planned_shards,
)
from ..results.cluster.stated_customers import StatedCustomers
from ..results.cluster.witnesses import compiled_customers
from ..results.solution import CampaignSolution
from ..utils.errors import InvalidInput
from ..utils.process.cached_property import cached_property
from .breakdown import breakdown
from .customer_subproblem import CustomerSubproblem
from .decisions import Explanation
from .explain import NO_ALLOCATION, number_of_customer, without_candidates
from .reasons import Reasons


@dataclass(frozen=True, eq=False)
class ShardOfResult:
    """What is added up of one shard; see `coupon_totals.Allocated`."""

    compiled: CompiledCampaign
    plan: ShardChoices
    threads: int
    status: str = "feasible"

    @property
    def campaign(self) -> CampaignData:
        """The shard's customers, among witnesses, to whom nothing is given here."""
        return self.compiled.campaign

    @cached_property
    def customers(self) -> int:
        """How many there are."""
        return len(self.campaign.candidates.customers)


@dataclass(frozen=True, eq=False)
class BreakdownTask:
    """Add up what shards' coupons come to by a column."""

    planned: PlannedShards
    column: str
    table: str | None

    def __call__(self, shards: tuple[int, ...], threads: int) -> list[pa.Table | None]:
        """See `engines.cluster.runner.Task`; the sums of all shards stand in the first place."""
        found = []
        for number in shards:
            part = ShardOfResult(*self.planned.planned(number, threads), threads)
            found.append(breakdown(part, self.column, self.table))
        return [_added(found), *([None] * (len(shards) - 1))]


def breakdown_elsewhere(
    result: CampaignSolution, shards: StatedShards, column: str, table: str | None
) -> pa.Table:
    """Add up what an allocation comes to by a column; see `breakdown`.

    Parameters
    ----------
    result : CampaignSolution
        Its own campaign is of the witnesses alone.
    shards : StatedShards
    column : str
    table : {"offers", "customers"}, optional

    Returns
    -------
    pyarrow.Table

    Raises
    ------
    InvalidInput
        If there is no such column, or the result has no allocation.
    """
    if result.plan is None:
        raise InvalidInput(f"by: expected an allocation, got a result that is {result.status}")
    planned = planned_shards(shards, StatedCustomers.of_campaign(result.campaign), result.plan)
    parts = engine_of(result.plan).map_shards(lambda n: BreakdownTask(planned(n), column, table))
    return _added([part for part in parts if part is not None])


def _added(parts: Sequence[pa.Table]) -> pa.Table:
    """Sum tables of the same columns by their first one, whose nulls come last."""
    first, *rest = parts[0].column_names
    groups = [part[first].drop_null().to_pylist() for part in parts]
    whole = pa.concat_tables(parts)
    found = whole.group_by(first, use_threads=False).aggregate([(name, "sum") for name in rest])
    found = found.rename_columns(
        [first, *rest] if found.column_names[0] == first else [*rest, first]
    )
    if any(group != groups[0] for group in groups):
        found = found.sort_by(first)
    nothing = pc.is_null(found[first])
    found = pa.concat_tables([found.filter(pc.invert(nothing)), found.filter(nothing)])
    return found.select(parts[0].column_names).cast(parts[0].schema).combine_chunks()


class Found(NamedTuple):
    """A customer, or its unit: the number among all, as it was stated, what it is given, and the customer's id."""

    number: int
    stated: StatedCustomers
    allocated: NDArray[np.bool_]
    customer: Any


@dataclass(frozen=True, eq=False)
class FindTask:
    """Look for a customer, by its id."""

    planned: PlannedShards
    customer: Any

    def __call__(self, shards: tuple[int, ...], threads: int) -> list[Found | None]:
        """See `engines.cluster.runner.Task`."""
        return [self._found(number, threads) for number in shards]

    def _found(self, number: int, threads: int) -> Found | None:
        shards, choices = self.planned.shards, self.planned.choices
        stated = shards.stated(number, threads)
        ids = stated.candidates.customers
        try:
            at = number_of_customer(ids, self.customer)
        except InvalidInput as error:
            if str(error) == str(without_candidates(self.customer)):
                return None
            raise
        unit = at if stated.units is None else int(stated.units.of_customer[at])
        indptr, chosen = choices.chosen(number, threads)
        own = chosen[indptr[unit] : indptr[unit + 1]].astype(bool)
        found = stated.some(np.array([unit]))
        return Found(shards.first(number) + unit, found, own, ids[at].as_py())


def explain_elsewhere(result: CampaignSolution, shards: StatedShards, customer: Any) -> Explanation:
    """Explain why a customer got its coupons and not others.

    Parameters
    ----------
    result : CampaignSolution
        Its own campaign is of the witnesses alone.
    shards : StatedShards
    customer : int or str
        Id of the customer.

    Returns
    -------
    Explanation

    Raises
    ------
    InvalidInput
        If the customer has no candidates, or the result no allocation.
    """
    if result.plan is None:
        raise InvalidInput(f"{NO_ALLOCATION}, got one that is {result.status}")
    witnesses = StatedCustomers.of_campaign(result.campaign)
    planned = planned_shards(shards, witnesses, result.plan)
    parts = engine_of(result.plan).map_shards(lambda n: FindTask(planned(n), customer))
    found = next((part for part in parts if part is not None), None)
    if found is None:
        raise without_candidates(customer)
    backend = kernels.load(result.backend)
    whole, own = found.stated.among(witnesses)
    compiled = compiled_customers(whole, shards.campaign, backend)
    subproblem = CustomerSubproblem.at_prices(
        compiled.problem, own.start, result.prices, backend, result.seed, found.number
    )
    first = found.number - own.start
    listed = backups_of_customer(
        numbered(compiled, first), result.prices, own.start, found.allocated, backend, result.seed
    )
    reasons = Reasons(
        compiled.campaign,
        found.customer,
        subproblem,
        compiled.limits,
        found.allocated,
        result.plan.activity,
        backups=listed,
    )
    return reasons.explanation(own.start)
