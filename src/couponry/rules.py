"""Customer rules: what holds for every customer on its own, and how it compiles to the arrays of the kernels."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import combinations
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from . import tables
from .ahead import in_order, workers
from .allocate.problem import UNLIMITED, RuleNames, lower_bound, upper_bound
from .candidates import Candidates
from .errors import InvalidInput, Unsupported
from .items import Items
from .kernels import Rules
from .space import blocks_of_customers, forget
from .where import Where

OVERLAP_CANDIDATES = 200_000  # up to here HiGHS decides rules that overlap without nesting


@dataclass(frozen=True)
class CustomerRule:
    """At least `min` and at most `max` coupons for each customer, among those that `where` is about.

    max, min: a whole number, or the name of an integer column of `customers`.
    by: a column of offers, or `role`: the bound holds for each distinct value.
    where: conditions on columns of offers and on `role`; see the campaign format.
    conflicts: pairs of offers of which a customer gets at most one (not supported yet).
    """

    name: str = ""
    max: int | str | None = None
    min: int | str | None = None
    by: str | None = None
    where: Where = field(default_factory=dict)
    conflicts: Any = None

    @property
    def label(self) -> str:
        return f"customer_rule {self.name!r}"

    @classmethod
    def parse(cls, spec: Mapping[str, Any], number: int) -> CustomerRule:
        """From a table of campaign.toml; unknown keys and wrong types are refused."""
        label = f"customer_rule {spec.get('name', number)!r}"
        unknown = sorted(set(spec) - set(cls.__dataclass_fields__))
        if unknown:
            raise InvalidInput(f"{label}: unknown key {unknown[0]!r}")
        check_name(spec, label)
        return cls(**{"name": f"rule {number}", **spec})

    def check(self) -> None:
        """Refuse what makes no sense in itself, and what is not supported yet, by name."""
        label = self.label
        if self.conflicts is not None:
            raise Unsupported(f"{label}: conflicts are not supported yet")
        for key in ("max", "min"):
            bound = getattr(self, key)
            if bound is None or (isinstance(bound, str) and bound):
                continue
            whole = isinstance(bound, (int, float, np.integer)) and not isinstance(bound, bool)
            if not whole or not 0 <= bound <= UNLIMITED or bound != int(bound):
                raise InvalidInput(
                    f"{label}: {key}: expected a whole number from 0 up or a column of customers, got {bound!r}"
                )
        if self.max is None and self.min is None:
            raise InvalidInput(f"{label}: expected max or min, got neither")
        if not isinstance(self.where, Mapping):
            raise InvalidInput(
                f"{label}: where: expected a table of conditions, got {self.where!r}"
            )
        if self.by is not None and not isinstance(self.by, str):
            raise InvalidInput(f"{label}: by: expected a column of offers, got {self.by!r}")
        if self.min is not None and (self.by or self.where):
            raise Unsupported(f"{label}: min together with by or where is not supported yet")
        if (
            isinstance(self.min, (int, float))
            and isinstance(self.max, (int, float))
            and self.min > self.max
        ):
            raise InvalidInput(f"{label}: min {self.min} is above max {self.max}")


def check_name(spec: Mapping[str, Any], label: str) -> None:
    """Refuse a name that is given but is no text, or empty."""
    if "name" in spec and (not isinstance(spec["name"], str) or not spec["name"]):
        raise InvalidInput(f"{label}: name: expected text, got {spec['name']!r}")


class Customers:
    """The customers table, looked up by candidates' customer."""

    def __init__(self, table: pa.Table | None, customers: pa.Array):
        self.table = table
        self._ids = customers
        self._rows: NDArray[np.int64] | None = None

    def rows(self, by_whom: str) -> NDArray[np.int64]:
        """Row of the customers table for each customer who has candidates (n)."""
        if self.table is None:
            raise InvalidInput(
                f"{by_whom}: it needs the table customers, which the campaign does not have"
            )
        if self._rows is None:
            known = tables.ids(self.table, "customers", "customer")
            if known.type != self._ids.type:
                raise InvalidInput(
                    f"table customers, column 'customer': expected {tables.kind_of_ids(self._ids)} "
                    f"as in table candidates, got {tables.kind_of_ids(known)}"
                )
            rows = tables.positions(self._ids, known)
            if (rows < 0).any():
                missing = self._ids[int((rows < 0).argmax())].as_py()
                raise InvalidInput(
                    f"table customers: customer {missing!r} of table candidates is not in it, and {by_whom} needs it"
                )
            self._rows = rows
        return self._rows

    def bound(self, bound: int | str | None, default: int, by_whom: str) -> NDArray[np.int32]:
        """A per-customer bound (n), or (1) where it is the same for all."""
        if bound is None:
            return np.array([default], np.int32)
        if not isinstance(bound, str):
            return np.array([int(bound)], np.int32)
        rows = self.rows(by_whom)
        assert_column(self.table, bound, by_whom)
        values = tables.numbers(self.table, "customers", bound)
        if (values < 0).any() or (values != np.floor(values)).any() or (values > UNLIMITED).any():
            row = int(((values < 0) | (values != np.floor(values)) | (values > UNLIMITED)).argmax())
            raise InvalidInput(
                f"table customers, column {bound!r}, row {row}: expected a whole number from 0 up for {by_whom}, "
                f"got {values[row]}"
            )
        return values[rows].astype(np.int32)


def assert_column(table: pa.Table | None, name: str, by_whom: str) -> None:
    if table is None or name not in table.column_names:
        raise InvalidInput(f"{by_whom}: table customers has no column {name!r}")


def compile_rules(
    rules: list[CustomerRule],
    items: Items,
    item: NDArray[np.integer],
    candidates: Candidates,
    customers: Customers,
) -> tuple[Rules, RuleNames, bool]:
    """The kernels' form of the rules, which rule is behind what, and whether their groups nest in every customer.

    Raises Unsupported where they do not and there are more candidates than HiGHS can be given.
    """
    lowers: list[tuple[str, NDArray[np.int32]]] = []
    uppers: list[tuple[str, NDArray[np.int32]]] = []
    groups: list[NDArray[np.int32]] = []
    caps: list[NDArray[np.int32]] = []
    kept: list[CustomerRule] = []
    total = 0
    for rule in rules:
        rule.check()
        least = customers.bound(rule.min, 0, rule.label)
        most = customers.bound(rule.max, UNLIMITED, rule.label)
        if not rule.by and not rule.where:
            lowers += [(rule.name, least)] if rule.min is not None else []
            uppers += [(rule.name, most)] if rule.max is not None else []
            continue
        group = _group_of_item(rule, items)
        # a group of no more items than its bound can never be too full
        size = np.bincount(group[group >= 0], minlength=1)
        group[(group >= 0) & (size[group] <= most.min())] = -1
        if (group >= 0).any():
            group = np.where(group >= 0, group + total, -1)
            total = int(group.max()) + 1
            groups.append(group.astype(np.int32))
            caps.append(most)
            kept.append(rule)
    lower, upper = lower_bound([b for _, b in lowers]), upper_bound([b for _, b in uppers])
    if (lower > upper).any():
        i = int(np.broadcast_to(lower > upper, max(len(lower), len(upper))).argmax())
        who = (
            f" for customer {candidates.customers[i].as_py()!r}"
            if max(len(lower), len(upper)) > 1
            else ""
        )
        low, high = lower[i % len(lower)], upper[i % len(upper)]
        raise InvalidInput(
            f"customer_rule {lowers[-1][0]!r}: min {low} is above max {high} "
            f"of customer_rule {uppers[-1][0]!r}{who}"
        )
    length = max((len(cap) for cap in caps), default=1)
    compiled = Rules(
        np.ascontiguousarray(lower),
        np.ascontiguousarray(upper),
        np.array(groups, np.int32).reshape(len(groups), len(items)),
        total,
        np.array([np.broadcast_to(cap, length) for cap in caps], np.int32).reshape(
            len(caps), length
        ),
    )
    overlap = _overlapping(kept, compiled, item, candidates)
    if overlap is not None and len(item) > OVERLAP_CANDIDATES:
        raise Unsupported(
            f"{overlap}: not supported yet for more than {OVERLAP_CANDIDATES:,} candidates"
        )
    names = RuleNames(lowers, uppers, [rule.name for rule in kept])
    return compiled, names, overlap is None


def _group_of_item(rule: CustomerRule, items: Items) -> NDArray[np.int64]:
    """Group number of each item under a rule, -1 where the rule is not about it."""
    about = items.where(rule.where, rule.label)
    if rule.by is None:
        return np.where(about, 0, -1)
    if rule.by in items.offers.column_names and items.lists(rule.by):
        raise Unsupported(f"{rule.label}: by a column of lists ({rule.by!r}) is not supported yet")
    item, code, _ = items.groups(rule.by, rule.label)
    group = np.full(len(items), -1)
    group[item] = code
    return np.where(about, group, -1)


def _overlapping(
    rules: list[CustomerRule], compiled: Rules, item: NDArray[np.integer], candidates: Candidates
) -> str | None:
    """Says which two rules' groups overlap without nesting among some customer's candidates; None: none do."""
    for a, b in combinations(range(len(rules)), 2):
        group_a, group_b = compiled.group[a], compiled.group[b]
        nobody = np.zeros(len(group_a), np.int64)
        if not _overlap(nobody, group_a, group_b, None, None).any():
            continue
        pair = _Pair(a, b, compiled, item, candidates.indptr)
        for customers in in_order(
            pair.overlapping, blocks_of_customers(candidates.indptr), workers()
        ):
            if len(customers):
                customer = candidates.customers[int(customers[0])].as_py()
                return (
                    f"{rules[a].label} and {rules[b].label} overlap without nesting "
                    f"(customer {customer!r})"
                )
    return None


class _Pair(NamedTuple):
    """Two rules, looked at for some customers at a time."""

    a: int
    b: int
    rules: Rules
    item: NDArray[np.integer]
    indptr: NDArray[np.int64]

    def overlapping(self, customers: tuple[int, int]) -> NDArray[np.int64]:
        """Customers start <= i < stop for whom groups of the two overlap, neither inside the other, once per coupon."""
        start, stop = customers
        ends = self.indptr[start : stop + 1]
        who = np.repeat(np.arange(stop - start), np.diff(ends))
        item, group = self.item[ends[0] : ends[-1]], self.rules.group
        cap_a, cap_b = (_caps(self.rules.cap[rule], start, stop) for rule in (self.a, self.b))
        wrong = _overlap(who, group[self.a][item], group[self.b][item], cap_a, cap_b)
        forget(item)
        return start + who[wrong]


def _caps(cap: NDArray[np.int32], start: int, stop: int) -> NDArray[np.int32]:
    """Bounds of the customers start <= i < stop, from an array of length n or 1."""
    return np.broadcast_to(cap, stop - start) if len(cap) == 1 else cap[start:stop]


def _overlap(
    who: NDArray[np.int64],
    group_a: NDArray[np.int32],
    group_b: NDArray[np.int32],
    cap_a: NDArray[np.int32] | None,
    cap_b: NDArray[np.int32] | None,
) -> NDArray[np.bool_]:
    """Mask of the rows in whose customer `who` a group of a and a group of b overlap, neither inside the other.

    Groups that are no larger than their bound within the customer cannot bind and do not count.
    """
    width_a, width_b = int(group_a.max()) + 1, int(group_b.max()) + 1

    def size(key: NDArray[np.int64]) -> NDArray[np.int64]:
        _, inverse, count = np.unique(key, return_inverse=True, return_counts=True)
        return count[inverse]

    in_a, in_b = group_a >= 0, group_b >= 0
    size_a, size_b = (
        size(np.where(in_a, who * width_a + group_a, -1)),
        size(np.where(in_b, who * width_b + group_b, -1)),
    )
    both = in_a & in_b
    pair = (who * width_a + group_a) * width_b + group_b
    size_ab = size(np.where(both, pair, -1))
    wrong = both & (size_ab < size_a) & (size_ab < size_b)
    if cap_a is not None and cap_b is not None:
        wrong &= (size_a > cap_a[who]) & (size_b > cap_b[who])
    return wrong
