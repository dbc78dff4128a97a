"""What comes in the place of coupons that fell out, several of one customer at once: it is decided again at the prices.

What customers have left they keep, and what was cancelled is never given. Among what is left each customer gets what is
worth most at the prices of the limits, under all of its rules, and no more coupons than it had. No limit counts them.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from ... import kernels
from ...data import tables
from ...engines.local import LocalEngine
from ...engines.subset import positions_of
from ...kernels import Backend
from ...model.compiled_campaign import CompiledCampaign
from ...results.coupon_rows import PlannedRows
from ...results.solution import CampaignSolution
from ...solver.plan import Plan
from ...utils.atomic_folder import atomic_folder
from ...utils.errors import InvalidInput
from .affected import Affected
from .remainder import choose_again

CANCELLED = "cancelled"
"""The table that is asked about, as messages call it."""

REPLACEMENTS = "replacements.json"
"""By which a folder of replacements is known, which may be replaced."""


@dataclass(frozen=True)
class Replacements:
    """Coupons that come where others fell out.

    Attributes
    ----------
    come : pyarrow.Table
        A row for each coupon that comes: what an allocation has, and `reduced`, its value less what the limits charge
        for it. By customer, or by unit where rules hold for one.
    go : pyarrow.Table
        A row for each coupon that is given no more, with `cancelled`: false where rules do not let the customer keep it
        without what was cancelled.
    """

    come: pa.Table
    go: pa.Table

    def as_dict(self) -> dict[str, Any]:
        """Return the counts as plain Python values.

        Returns
        -------
        dict
            Customers whose coupons fall out, coupons cancelled, coupons that come, and those lost with the cancelled.
        """
        is_out = self.go[CANCELLED].to_numpy()
        return {
            "customers": len(pc.unique(self.go["customer"])),
            "cancelled": int(is_out.sum()),
            "come": len(self.come),
            "lost_with_them": int((~is_out).sum()),
        }

    def summary(self) -> str:
        """Say it in a line.

        Returns
        -------
        str
            How many coupons go and come.
        """
        count = self.as_dict()
        lost = count["lost_with_them"]
        also = f", {lost:,} more cannot stay without them" if lost else ""
        return (
            f"{count['cancelled']:,} coupons of {count['customers']:,} customers fall out{also}; "
            f"{count['come']:,} come in their place, counted in no limit"
        )

    def __str__(self) -> str:
        return self.summary()

    def save(self, folder: str | Path, *, overwrite: bool = False) -> Path:
        """Save both tables as a folder, which appears whole or not at all.

        It holds come.parquet, go.parquet and replacements.json.

        Parameters
        ----------
        folder : str or Path
            Folder to write; must not exist.
        overwrite : bool
            Replace the folder if replacements are in it.

        Returns
        -------
        Path
            The folder that was written.

        Raises
        ------
        InvalidInput
            If the folder exists, unless it may be replaced.
        """
        with atomic_folder(folder, overwrite=overwrite, holds=REPLACEMENTS) as draft:
            pq.write_table(self.come, draft / "come.parquet")
            pq.write_table(self.go, draft / "go.parquet")
            text = json.dumps(self.as_dict(), indent=1, allow_nan=False)
            (draft / REPLACEMENTS).write_text(text + "\n", encoding="utf-8")
        return Path(folder)


class _Cancelled:
    """Which candidates are not to be given any more.

    Parameters
    ----------
    compiled : CompiledCampaign
    table : pyarrow.Table
        With `offer`, and `customer` unless offers are cancelled for everybody.
    """

    def __init__(self, compiled: CompiledCampaign, table: pa.Table):
        tables.require(table, CANCELLED, "offer")
        candidates = self._candidates = compiled.campaign.candidates
        offer_ids = tables.ids(compiled.campaign.offers, "offers", "offer")
        self._offers = len(offer_ids)
        self._key = offer = _known(table, "offer", offer_ids, "offers")
        self.customer: NDArray[np.int64] | None = None
        if "customer" in table.column_names:
            self.customer = _known(table, "customer", candidates.customers, "candidates")
            self._key = self.customer * self._offers + offer

    def at(self, positions: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Tell which candidates are cancelled."""
        key = self._candidates.offer[positions].astype(np.int64)
        if self.customer is not None:
            key = key + self._candidates.customer_of(positions) * self._offers
        return np.isin(key, self._key)


def replacements(result: CampaignSolution, cancelled: pa.Table, threads: int = 1) -> Replacements:
    """Decide again on customers some of whose coupons fell out.

    Parameters
    ----------
    result : CampaignSolution
        With an allocation.
    cancelled : pyarrow.Table
        Coupons that are not given after all, and candidates that must not come: `customer` and `offer`. Without
        `customer` an offer is cancelled for everybody.
    threads : int, default 1

    Returns
    -------
    Replacements

    Raises
    ------
    InvalidInput
        Where the result has no allocation, or the table names what there is not.
    """
    plan, compiled = result.plan, result.compiled
    if plan is None:
        raise InvalidInput(
            f"cancelled: expected a result with an allocation, got one that is {result.status}"
        )
    backend = kernels.load(result.backend)
    which = _Cancelled(compiled, cancelled)
    part = _affected(compiled, plan, which, backend, result.seed)
    value = _reduced(compiled, result.prices, part.position)
    chosen = choose_again(compiled.campaign, part, value, backend, threads, result.seed)
    rows = PlannedRows(compiled, plan)
    come, go = np.flatnonzero(chosen & ~part.chosen), np.flatnonzero(part.chosen & ~chosen)
    return Replacements(
        pa.table({**rows.columns(part.position[come]), "reduced": value[come]}),
        pa.table({**rows.columns(part.position[go]), CANCELLED: part.cancelled[go]}),
    )


def _known(table: pa.Table, name: str, known: pa.Array, where: str) -> NDArray[np.int64]:
    """Numbers of a column's ids; all of them must be known."""
    found = tables.ids(table, CANCELLED, name)
    if len(found):
        tables.check_kind_of_ids(found, known, f"table {CANCELLED}, column {name!r}", where)
    number = tables.positions(found, known)
    if (number < 0).any():
        row = int((number < 0).argmax())
        raise InvalidInput(
            f"table {CANCELLED}, column {name!r}, row {row}: {found[row].as_py()!r} is not in table {where}"
        )
    return number


def _affected(
    compiled: CompiledCampaign, plan: Plan, which: _Cancelled, backend: Backend, seed: int
) -> Affected:
    """The units that have a coupon which is cancelled."""
    units, indptr = compiled.campaign.units, compiled.campaign.indptr
    if which.customer is not None:
        whose = which.customer if units is None else units.of_customer[which.customer]
        unit = np.unique(whose).astype(np.int64)
    else:
        found = [np.zeros(0, np.int64)]
        for start, stop, choice in plan.blocks():
            given = compiled.given(start, choice)
            fallen = given[which.at(given)]
            found.append(start + np.searchsorted(indptr[start : stop + 1], fallen, "right") - 1)
        unit = np.unique(np.concatenate(found))
    chosen = choice_of(compiled, plan, unit, backend, seed)
    chosen = chosen[~_is_refund(compiled, unit)]
    position = positions_of(indptr, unit)
    ends = np.concatenate([[0], np.cumsum(indptr[unit + 1] - indptr[unit])])
    part = Affected(unit, ends, position, chosen, which.at(position))
    return part.some(part.summed(part.chosen & part.cancelled) > 0)


def _is_refund(compiled: CompiledCampaign, unit: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Which of some units' candidates in the problem are refunds, that stand behind the others."""
    indptr = compiled.problem.shard.indptr
    size = indptr[unit + 1] - indptr[unit]
    refunds = 0 if compiled.costs is None else compiled.costs.n_refunds
    from_end = np.repeat(np.cumsum(size), size) - np.arange(int(size.sum()))
    return np.asarray(from_end <= refunds)


def choice_of(
    compiled: CompiledCampaign, plan: Plan, unit: NDArray[np.int64], backend: Backend, seed: int
) -> NDArray[np.bool_]:
    """Say what a plan gives some units, for their candidates one after the other.

    Parameters
    ----------
    compiled : CompiledCampaign
    plan : Plan
    unit : ndarray of int64, shape (n_units,)
        Numbers of units, ascending.
    backend : Backend
    seed : int

    Returns
    -------
    ndarray of bool, shape (n_candidates,)
        Refunds among them where messages cost something.
    """
    shard, rules = plan.engine.of_customers(unit)
    if not len(shard.number):
        shard = shard._replace(number=unit)
    chosen, _ = LocalEngine(shard, rules, backend, 1, seed).choose(plan.price)
    indptr = compiled.problem.shard.indptr
    size = indptr[plan.free + 1] - indptr[plan.free]
    own = np.concatenate([[0], np.cumsum(size)])
    at = np.minimum(np.searchsorted(plan.free, unit), max(0, len(plan.free) - 1))
    is_free = plan.free[at] == unit if len(plan.free) else np.zeros(len(unit), bool)
    of_part = positions_of(shard.indptr, np.flatnonzero(is_free))
    chosen[of_part] = plan.free_choice[positions_of(own, at[is_free])]
    return chosen.astype(bool)


def _reduced(
    compiled: CompiledCampaign, prices: NDArray[np.float64], position: NDArray[np.int64]
) -> NDArray[np.float64]:
    """What candidates are worth less what the limits charge for them."""
    problem = compiled.problem
    if compiled.costs is not None:  # refunds stand behind each unit's candidates
        unit = np.searchsorted(compiled.campaign.indptr, position, "right") - 1
        position = position + compiled.costs.n_refunds * unit
    charged = (problem.rows.T @ prices).reshape(problem.objective.shape)
    reduced, cell = problem.objective - charged, problem.cells(position)
    value: NDArray[np.float64] = reduced[0].ravel()[cell]
    for amount, attribute in zip(reduced[1:], problem.attributes, strict=True):
        value += amount.ravel()[cell] * attribute[position]
    return value
