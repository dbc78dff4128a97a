"""Sums, different values and requirements: single customers against enumeration.

Single customers with every kind of rule are searched by all kernels, and compared with all of their subsets, for so
many seconds at most. `rule_campaigns.py` has whole campaigns.

    python -m tests.fuzz.rules --customers 100000 --seconds 3600
"""

from __future__ import annotations

import argparse
import itertools
import sys
import time
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tests.support.kernel_cases import Case, backend, backend_names, native_names, reference
from tests.support.random_campaigns import SUMS
from tests.support.row_cases import row_case

from couponry.kernels.reference.preference import number_of, order_of_choice
from couponry.kernels.reference.search_bounds import whole_values
from couponry.kernels.set_layout import MANDATORY_WEIGHT
from couponry.solver.cardinality_constraints import CardinalityConstraints
from couponry.solver.row_tables.customer_rows import CustomerRowTable

CUSTOMERS_OF_A_CASE = 200
LONGEST = 9  # candidates: 512 subsets


@dataclass
class Figures:
    """What was found so far."""

    customers: int = 0
    by_reference: int = 0
    cut_off: int = 0
    wrong: list[str] = field(default_factory=list)

    def summary(self) -> str:
        """In words."""
        first = (
            f"{self.customers} customers against enumeration, {self.by_reference} of them by the reference, too; "
            f"{self.cut_off} searches cut off"
        )
        return "\n".join([first, *self.wrong, f"{len(self.wrong)} wrong"])


def run_customers(
    first: int, count: int, share_by_reference: float, until: float, figures: Figures
) -> None:
    """Search for customers' best choices on all kernels, and among all subsets."""
    for seed in itertools.count(first):
        if figures.customers >= count or time.monotonic() > until:
            return
        with backend(native_names()[0]) as module:
            case = row_case(
                seed,
                module,
                customers=CUSTOMERS_OF_A_CASE,
                longest=LONGEST,
                items=14,
                ties=seed % 3 == 0,
                lower=[0, 0, 3][seed % 3],
                upper=6,
            )
        names = [name for name in backend_names() if name != "numba" or seed % 2 == 0]
        by_reference = seed % 100 < 100 * share_by_reference
        chosen = [on(name, case) for name in [*names, *(["reference"] if by_reference else [])]]
        for name, other in zip(names, chosen, strict=False):
            if any((one != theirs).any() for one, theirs in zip(chosen[0], other, strict=True)):
                figures.wrong.append(f"customers {seed}: {name} differs from {names[0]}")
        figures.cut_off += int(chosen[0][1][0])
        figures.customers += case.customers
        figures.by_reference += case.customers if by_reference else 0
        expected = enumerated(case)
        customer = np.repeat(np.arange(case.customers), np.diff(case.shard.indptr))
        for i in np.unique(customer[chosen[0][0] != expected])[:1].tolist():
            figures.wrong.append(f"customers {seed}: customer {i} has another choice than the best")


def on(name: str, case: Case) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """The choices of a case's customers by one of the kernels, and what was cut off."""
    chosen, cut = np.zeros(len(case.shard.item), np.uint8), np.zeros(2, np.int64)
    usage = np.zeros(case.price.shape, np.int64)
    arguments = (case.shard, case.rules, case.price, case.seed, 0, case.customers)
    if name == "reference":
        reference().evaluate(*arguments, usage, chosen, 0, cut)
    else:
        with backend(name) as module:
            module.evaluate(*arguments, usage, chosen, 0, cut)
    return chosen, cut


def enumerated(case: Case) -> NDArray[np.uint8]:
    """Everybody's best choice of all subsets; of equals, the first in the order of choice, taking before leaving."""
    shard, rules = case.shard, case.rules
    sets = CardinalityConstraints.of(shard, rules)
    rows = CustomerRowTable.of(rules, shard.indptr)
    chosen = np.zeros(len(shard.item), np.uint8)
    for i in range(case.customers):
        begin, end = shard.indptr[i : i + 2].tolist()
        if begin == end:
            continue
        value = reference_values(case, i)
        order = order_of_choice(value, case.seed, number_of(shard, i), shard.item, begin)
        whole, _ = whole_values(value)
        picks = np.array(list(itertools.product([1, 0], repeat=end - begin)), np.int64)
        subsets = np.empty_like(picks)
        subsets[:, order] = picks  # by position, in the order of choice
        size = subsets.sum(axis=1)
        kept = size <= rules.upper[i % len(rules.upper)]
        missed = np.maximum(0, int(rules.lower[i % len(rules.lower)]) - size)
        if rules.constraint_ptr[i] == rules.constraint_ptr[i + 1]:
            kept &= keeps_groups(case, i, subsets)
        for s in np.flatnonzero(sets.customer == i):
            held = subsets[:, sets.member[sets.member_of == s] - begin].sum(axis=1)
            kept &= held <= sets.cap[s]
            weight = MANDATORY_WEIGHT if sets.mandatory[s] else 1
            missed = missed + np.maximum(0, sets.least[s] - held) * weight
        for r in np.flatnonzero(rows.customer == i):
            kept &= keeps_row(rows, int(r), begin, subsets)
        best = np.lexsort((np.arange(len(subsets)), -(subsets @ whole), missed, ~kept))[0]
        chosen[begin:end] = subsets[best]
    return chosen


def reference_values(case: Case, i: int) -> NDArray[np.float32]:
    """Reduced values of a customer's candidates, as every kernel adds them up."""
    shard = case.shard
    begin, end = shard.indptr[i : i + 2].tolist()
    segment = int(shard.segment[i % len(shard.segment)])
    price = case.price[:, segment, shard.item[begin:end]]
    total = price[0].copy()
    for c in range(shard.quantity.shape[0]):
        total = total + price[1 + c] * shard.quantity[c, begin:end].astype(np.float32)
    return np.asarray(total + np.float32(0.0))


def keeps_groups(case: Case, i: int, subsets: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Which subsets keep the caps of laminar groups."""
    rules, shard = case.rules, case.shard
    kept = np.ones(len(subsets), bool)
    items = shard.item[shard.indptr[i] : shard.indptr[i + 1]]
    for row, group in enumerate(rules.group):
        cap = rules.cap[row, i % rules.cap.shape[1]]
        for g in set(group[items].tolist()) - {-1}:
            kept &= subsets[:, group[items] == g].sum(axis=1) <= cap
    return kept


def keeps_row(
    rows: CustomerRowTable, r: int, begin: int, subsets: NDArray[np.int64]
) -> NDArray[Any]:
    """Which subsets keep a row."""
    theirs = slice(rows.ptr[r], rows.ptr[r + 1])
    picked, weight = subsets[:, rows.member[theirs] - begin], rows.weight[theirs]
    total = picked @ weight
    if rows.counts_groups[r]:
        total = np.zeros(len(subsets), np.int64)
        for g in set(weight.tolist()) - {-1}:
            total += picked[:, weight == g].any(axis=1)
    return (picked.sum(axis=1) == 0) | ((rows.low[r] <= total) & (total <= rows.high[r]))


def main(arguments: list[str] | None = None) -> int:
    """Run it, and print the figures; 1 where anything is wrong."""
    parser = argparse.ArgumentParser("python -m tests.fuzz.rules", description=__doc__)
    parser.add_argument("--customers", type=int, default=10_000)
    parser.add_argument("--first", type=int, default=SUMS, help="seed of the first case")
    parser.add_argument("--seconds", type=float, default=600.0, help="at most")
    parser.add_argument("--reference", type=float, default=0.1, help="share of customers by it")
    given = parser.parse_args(arguments)
    figures = Figures()
    until = time.monotonic() + given.seconds
    run_customers(given.first, given.customers, given.reference, until, figures)
    print(figures.summary())
    return 1 if figures.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
