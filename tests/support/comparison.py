"""A campaign solved by couponry beside HiGHS, and every claim of the result recomputed from the tables."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from tests.support.one_rule import Drawn
from tests.support.oracle import Optimum, Oracle, Reach, Stop

import couponry
from couponry import Campaign
from couponry.result import Result
from couponry.solver.options import DEFAULT_OPTIONS, SolverOptions


@dataclass(frozen=True)
class Comparison:
    """One campaign solved by both. Values are None where there is no allocation.

    wrong: everything that does not hold, in words. shortfall: of couponry's objective to HiGHS's, in % of the
    latter (below 0 where HiGHS was the one that stopped early). above: how far couponry's bound is above the best
    allocation known, in % of it; below 0 the bound is wrong. behind_bound: couponry's shortfall to HiGHS's bound.
    """

    seed: int
    status: str
    method: str
    customers: int
    candidates: int
    objective: float | None
    bound: float | None
    highs: Optimum
    seconds: float
    highs_seconds: float
    wrong: list[str]

    @property
    def unit(self) -> float:
        return max(abs(self.highs.value or 0.0), abs(self.objective or 0.0), 1e-9)

    @property
    def shortfall(self) -> float | None:
        if self.objective is None or self.highs.value is None:
            return None
        return 100.0 * (self.highs.value - self.objective) / self.unit

    @property
    def behind_bound(self) -> float | None:
        if self.objective is None or not np.isfinite(self.highs.bound):
            return None
        return 100.0 * (self.highs.bound - self.objective) / self.unit

    @property
    def above(self) -> float | None:
        known = [value for value in (self.objective, self.highs.value) if value is not None]
        if self.bound is None or not known:
            return None
        return 100.0 * (self.bound - max(known)) / self.unit


def positions(oracle: Oracle, allocation: pa.Table) -> tuple[NDArray[np.bool_], list[str]]:
    """The candidates that an allocation table gives, and what is wrong with it as a table."""
    row_of = {
        pair: n for n, pair in enumerate(zip(oracle.customer_id, oracle.offer_id, strict=True))
    }
    pairs = list(
        zip(allocation["customer"].to_pylist(), allocation["offer"].to_pylist(), strict=True)
    )
    wrong = []
    if len(set(pairs)) < len(pairs):
        wrong.append("a coupon is given twice")
    unit = dict(zip(oracle.customers, oracle.unit_of_customer.tolist(), strict=True))
    order = [(unit.get(customer, -1), customer) for customer, _ in pairs]
    if order != sorted(order):
        wrong.append("the allocation is not ordered by customer")
    rows = np.array([row_of.get(pair, -1) for pair in pairs], np.int64)
    if (rows < 0).any():
        wrong.append("a pair is given that is no candidate")
    rows = rows[rows >= 0]
    chosen = np.zeros(len(oracle.offer), bool)
    chosen[rows] = True
    for name in ("value", "response", "cost"):
        if name in allocation.column_names and len(rows) == len(pairs):
            stated = allocation[name].to_numpy()
            if not np.allclose(stated, oracle.amount(name)[rows], rtol=1e-12, atol=1e-12):
                wrong.append(f"column {name} of the allocation is not that of the candidates")
    return chosen, wrong


def verify(
    oracle: Oracle, reach: Reach, result: Result
) -> tuple[NDArray[np.bool_] | None, list[str]]:
    """The choice behind a result, and everything that does not hold of it, recomputed from the tables."""
    if result.allocation is None or result.limits is None:
        return None, [f"no allocation: {result.status}, {result.message}"]
    chosen, wrong = positions(oracle, result.allocation.to_arrow())
    wrong += oracle.broken(chosen, reach)
    objective = oracle.objective(chosen)
    size = float(np.abs(oracle.value[chosen]).sum()) + abs(objective)
    if abs((result.objective or 0.0) - objective) > TOLERANCE_OBJECTIVE * size:
        wrong.append(f"objective {result.objective} is {objective} by the tables")
    stated = {(row["name"], row["group"]): row["achieved"] for row in result.limits.to_pylist()}
    for measure in oracle.measures:
        got, said = oracle.activity(measure, chosen), stated.get(measure.key, "nothing")
        if np.isnan(got) and (said is None or said != said):
            continue
        size = float(np.abs(measure.weight[chosen]).sum()) if measure.below is None else abs(got)
        if not isinstance(said, float) or abs(said - got) > TOLERANCE_OBJECTIVE * max(size, 1e-9):
            wrong.append(f"limit {measure.key}: achieved {said}, by the tables {got}")
    return chosen, wrong


TOLERANCE_OBJECTIVE = 1e-9  # relative to the sum of absolute values: two orders of a float64 sum


@dataclass(frozen=True)
class Yardstick:
    """A campaign's oracle, what each customer can have, and HiGHS's best with the seconds that it took."""

    oracle: Oracle
    reach: Reach
    found: Optimum
    seconds: float


def measure_by_highs(drawn: Drawn, stop: Stop) -> Yardstick:
    """Solve a campaign by HiGHS; where it finds nothing better in time, the planted allocation stands."""
    oracle = drawn.oracle()
    reach = oracle.reach()
    broken = oracle.broken(drawn.planted, reach)
    if broken:
        raise RuntimeError(f"seed {drawn.seed} is not feasible by construction: {broken}")
    started = time.perf_counter()
    found = oracle.solve(reach, stop)
    taken = time.perf_counter() - started
    if found.chosen is not None and oracle.broken(found.chosen, reach):
        # HiGHS keeps rows to its own tolerance: such a choice is no allocation, its value no yardstick
        found = replace(found, value=None, chosen=None)
    floor = oracle.objective(drawn.planted)
    if found.value is None or found.value < floor:
        found = replace(found, value=floor, chosen=drawn.planted)
    return Yardstick(oracle, reach, found, taken)


def compare(
    drawn: Drawn,
    by: Yardstick,
    *,
    time_limit: float | None = None,
    options: SolverOptions = DEFAULT_OPTIONS,
    folder: Path | None = None,
) -> Comparison:
    """Solve by couponry with its default settings on one thread; check, and compare with HiGHS.

    folder: where campaign and result are written, and read and checked by `couponry verify`; None: nowhere.
    """
    result: Result | None = None
    chosen = None
    started = time.perf_counter()
    campaign = drawn.campaign() if folder is None else drawn.campaign(backups=3)
    try:
        result = campaign.solve(threads=1, time_limit=time_limit, solver_options=options)
    except Exception as error:  # one crash must not hide what the other seeds show
        wrong = [f"{type(error).__name__}: {error}"]
    seconds = time.perf_counter() - started
    if result is not None:
        chosen, wrong = verify(by.oracle, by.reach, result)
    if result is not None and folder is not None:
        wrong += written(campaign, result, folder)
    return Comparison(
        drawn.seed,
        "crashed" if result is None else result.status,
        "none" if result is None else result.method,
        len(by.oracle.customers),
        len(by.oracle.offer),
        None if chosen is None else by.oracle.objective(chosen),
        None if result is None else result.bound,
        by.found,
        seconds,
        by.seconds,
        wrong,
    )


def written(campaign: Campaign, result: Result, folder: Path) -> list[str]:
    """What `couponry verify` finds wrong with campaign and result once both are written."""
    campaign = couponry.write_campaign(campaign, folder / "campaign")
    report = couponry.verify_result(campaign, result.write(folder / "result"))
    return [f"verify: {problem}" for problem in report.problems]
