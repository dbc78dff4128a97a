"""Compile customer rules into laminar groups, solved greedily, and rows and constraints where these are not all.

Groups are a laminar family where any two are disjoint or one lies within the other. Where that holds for a customer,
its best choice takes the best candidates that groups have room for, one after the other; where it does not, the choice
is searched under cardinality constraints, and under rows where rules bound sums or numbers of groups, or require
something.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...data.candidates import Candidates
from ...kernels import Backend, Rules, RuleSpec
from ...solver.rule_names import (
    UNLIMITED,
    RuleNames,
    largest_lower_bound,
    smallest_upper_bound,
)
from ...utils.errors import InvalidInput
from ..conflicts import ConflictRule
from ..contact_history import ContactHistory
from ..customers import Customers
from ..items import Items
from ..rule_bounds import NamedBounds, refuse_above_all, refuse_min_above_max
from ..rules import MANDATORY, CustomerRule
from .messages.message_costs import MessageCosts
from .row_rules.constraint_words import with_constraints
from .row_rules.measured_rules import SummedAmount, measured_rules
from .row_rules.requirements import RequirementRule, requirements_of
from .rule_groups import GroupRow
from .rule_spec import (
    GroupedRule,
    as_table,
    build_spec,
    group_conflicts,
    group_rule,
    group_table,
    may_need_constraints,
)


@dataclass(frozen=True)
class CompiledRules:
    """What customer rules are compiled to.

    Attributes
    ----------
    rules : Rules
        As the kernels take them.
    names : RuleNames
        Which rule is behind what.
    spec : RuleSpec
        What was agreed in full, but for amounts of candidates.
    history_coupons : int
        Coupons that customers with candidates have already had, whether rules count them or not.
    least_of_groups : list of (ndarray of int32, ndarray of int64)
        Of each rule about part of the offers that has a `min`: that bound, shape (n_units or 1,), and its groups. Of a
        rule that holds for each customer it is a pair for each member of a unit.
    summed : list of SummedAmount
        Which amounts of candidates rules sum: what the rows of `spec.measures.of_candidate` were.
    """

    rules: Rules
    names: RuleNames
    spec: RuleSpec
    history_coupons: int
    least_of_groups: list[tuple[NDArray[np.int32], NDArray[np.int64]]]
    summed: list[SummedAmount]


def compile_rules(
    rules: Sequence[CustomerRule],
    items: Items,
    item: NDArray[np.uint16] | NDArray[np.uint32],
    candidates: Candidates,
    customers: Customers,
    history: ContactHistory,
    backend: Backend,
    costs: MessageCosts | None = None,
) -> CompiledRules:
    """Compile customer rules.

    Parameters
    ----------
    rules : sequence of CustomerRule
    items : Items
    item : ndarray of uint16 or uint32, shape (n_candidates,)
        Item of each candidate.
    candidates : Candidates
    customers : Customers
    history : ContactHistory
    backend : Backend
    costs : MessageCosts, optional
        What messages cost: rules are those of candidates and refunds.

    Returns
    -------
    CompiledRules

    Raises
    ------
    InvalidInput
        Where rules make no sense for these tables.
    Unsupported
        Where a customer with constraints has too many candidates, or there are too many rules.
    """
    sorted_rules = _rules_by_subject(rules, items, candidates, customers, history, costs)
    lowers, uppers, grouped = sorted_rules.lowers, sorted_rules.uppers, sorted_rules.grouped
    refuse_above_all(lowers, uppers, customers)
    units = customers.units
    indptr = candidates.indptr if units is None else units.indptr(candidates)
    lowers, uppers = _less(lowers, sorted_rules.had_lower), _less(uppers, sorted_rules.had_upper)
    mandatory = np.zeros(0, np.uint8) if candidates.mandatory is None else candidates.mandatory
    if costs is not None:
        lowers, uppers = _beside_refunds(rules, (lowers, uppers), costs, sorted_rules)
        indptr, item, mandatory = costs.with_refunds, costs.item, costs.flags(mandatory)
    lower = largest_lower_bound([bound for _, bound in lowers])
    upper = smallest_upper_bound([bound for _, bound in uppers])
    spec = build_spec(
        grouped, sorted_rules.conflicts, len(rules), upper, items, candidates, history, units, mandatory,
    )  # fmt: skip
    spec, summed = _with_rows(spec, sorted_rules, items, candidates, customers, history, costs)
    compiled, numbers = _laminar_rules(grouped, lower, upper, len(items) + items.n_refunds)
    if may_need_constraints(spec):
        compiled = with_constraints(compiled, spec, item, indptr, backend)
    musts = [MANDATORY] if spec.mandatory.any() else []  # theirs is the last number
    of_all = [*(rule.name for rule in rules), *musts]
    names = RuleNames(lowers, uppers, [of_all[n] for n in numbers], of_all)
    least, spec = _least_of_groups(grouped), _without_amounts(spec)
    return CompiledRules(compiled, names, spec, len(history), least, summed)


def _without_amounts(spec: RuleSpec) -> RuleSpec:
    """The rules without candidates' amounts, 8 bytes for each rule and candidate, of which rows have been made."""
    amounts = np.zeros((len(spec.measures.of_candidate), 0), np.int64)
    return spec._replace(measures=spec.measures._replace(of_candidate=amounts))


def _with_rows(
    spec: RuleSpec,
    rules: _SortedRules,
    items: Items,
    candidates: Candidates,
    customers: Customers,
    history: ContactHistory,
    costs: MessageCosts | None,
) -> tuple[RuleSpec, list[SummedAmount]]:
    """The rules with those about sums, numbers of groups, and what is required; and which amounts they sum."""
    measured = measured_rules(rules.measured, items, candidates, customers, history)
    units = customers.units
    n_units = len(candidates.customers) if units is None else len(units)
    required = requirements_of(rules.required, items, history, n_units, units)
    measures, past = measured.spec, spec.group.shape[1] - measured.spec.set.shape[1]
    if past:  # items of the history, and refunds, which come after the others, are in none
        measures = measures._replace(
            set=np.pad(measures.set, ((0, 0), (0, past)), constant_values=-1),
            of_item=np.pad(measures.of_item, ((0, 0), (0, past))),
        )
        if len(required.ptr) > 1:
            required = required._replace(ptr=np.pad(required.ptr, (0, past), mode="edge"))
    if costs is not None and len(measures.of_candidate):
        nothing = np.zeros((1, costs.n_refunds), np.int64)
        amounts = [costs.beside(of_rule, nothing) for of_rule in measures.of_candidate]
        measures = measures._replace(of_candidate=np.stack(amounts))
    return spec._replace(measures=measures, requirements=required), measured.summed


def _refuse_costs(rule: CustomerRule, costs: MessageCosts | None) -> None:
    """Refuse costs of messages where no refunds stand for them."""
    if costs is None:
        raise InvalidInput(
            f"{rule.label}: cost: expected a campaign whose customers are all at hand, in this process, "
            "and are decided on in one solve"
        )


def _least_of_groups(
    grouped: Sequence[GroupedRule],
) -> list[tuple[NDArray[np.int32], NDArray[np.int64]]]:
    """The `min` of each rule that has one, and its groups."""
    return [asked for rule in grouped for asked in rule.asked if asked[0].any()]


@dataclass(frozen=True)
class _SortedRules:
    """Customer rules by what they are about: all coupons, groups of offers, pairs of them, sums, or what is required.

    had: of each bound on all coupons, in the order of lowers and uppers, what customers have had that counts.
    """

    lowers: NamedBounds
    uppers: NamedBounds
    grouped: list[GroupedRule]
    conflicts: list[ConflictRule]
    measured: list[tuple[int, CustomerRule]]
    required: list[RequirementRule]
    had_lower: list[NDArray[np.int64]]
    had_upper: list[NDArray[np.int64]]


def _rules_by_subject(
    rules: Sequence[CustomerRule],
    items: Items,
    candidates: Candidates,
    customers: Customers,
    history: ContactHistory,
    costs: MessageCosts | None,
) -> _SortedRules:
    """Look up each rule's bounds and groups."""
    found = _SortedRules([], [], [], [], [], [], [], [])
    units = customers.units
    n_units = len(candidates.customers) if units is None else len(units)
    first_group = 0
    for number, rule in enumerate(rules):
        rule.check()
        if rule.cost is not None:
            _refuse_costs(rule, costs)
            continue
        if rule.is_measured:
            found.measured.append((number, rule))
            continue
        if rule.requires is not None:
            inside = customers.scope_of(rule)
            found.required.append(RequirementRule(number, rule, inside))
            continue
        if rule.conflicts is not None:
            pairs = ConflictRule(number, rule, customers.scope_of(rule))
            found.conflicts.append(pairs)
            if pairs.is_for_all:
                continue
            grouped = group_conflicts(pairs, first_group, items, history, units)
        else:
            least, most = customers.bounds_of(rule)
            if rule.is_about_all:
                had = np.bincount(history.unit[history.where(rule)], minlength=n_units)
                if rule.min is not None:
                    found.lowers.append((rule.name, least))
                    found.had_lower.append(had)
                if rule.max is not None:
                    found.uppers.append((rule.name, most))
                    found.had_upper.append(had)
                continue
            refuse_min_above_max(rule, least, most, customers)
            grouped = group_rule(rule, number, (least, most), first_group, items, history, units)
        found.grouped.append(grouped)
        first_group += grouped.n_groups
    return found


def _beside_refunds(
    rules: Sequence[CustomerRule],
    bounds: tuple[NamedBounds, NamedBounds],
    costs: MessageCosts,
    found: _SortedRules,
) -> tuple[NamedBounds, NamedBounds]:
    """Bounds of candidates with refunds among them; those of coupons alone become groups (`found` is IN/OUT)."""
    lowers, uppers = bounds
    number = {rule.name: n for n, rule in enumerate(rules)}
    none, unlimited = np.zeros(1, np.int32), np.full(1, UNLIMITED, np.int32)
    first = sum(rule.n_groups for rule in found.grouped)
    nothing = np.zeros(0, np.int64)

    def add(
        name: str, group: NDArray[np.int64], cap: NDArray[np.int32], least: NDArray[np.int32]
    ) -> None:
        at = first + len(added)
        row = GroupRow(number[name], np.where(group >= 0, at, -1), True, cap, least)
        added.append(GroupedRule([row], 1, [(least, np.array([at]))], nothing, nothing))

    added: list[GroupedRule] = []
    coupons = np.zeros(len(costs.items), np.int64)
    for name, most in uppers:
        add(name, coupons, most, none)
    if lowers:
        least = largest_lower_bound([bound for _, bound in lowers])
        add(lowers[-1][0], coupons, unlimited, least)
    kept: NamedBounds = []
    for rule in costs.rules:
        if rule is costs.of_all:
            kept.append((rule.rule.name, rule.cap))
        else:
            add(rule.rule.name, costs.group(rule), rule.cap, none)
    found.grouped.extend(added)
    return [], kept


def _less(bounds: NamedBounds, history_coupons: Sequence[NDArray[np.int64]]) -> NamedBounds:
    """Bounds on coupons once those that customers have had are taken off them."""
    left = []
    for (name, bound), had in zip(bounds, history_coupons, strict=True):
        if had.any():
            bound = np.maximum(0, bound.astype(np.int64) - had).astype(np.int32)
        left.append((name, bound))
    return left


def _laminar_rules(
    grouped: Sequence[GroupedRule], lower: NDArray[np.int32], upper: NDArray[np.int32], n_items: int
) -> tuple[Rules, list[int]]:
    """The rules without constraints, and the number of the rule behind each row of groups."""
    rows = [row for rule in grouped for row in rule.rows if row.plain and row.can_bind()]
    length = max((len(row.cap) for row in rows), default=1)
    compiled = Rules(
        lower=np.ascontiguousarray(lower),
        upper=np.ascontiguousarray(upper),
        group=group_table(rows, n_items),
        groups=sum(rule.n_groups for rule in grouped),
        cap=as_table([row.cap for row in rows], length),
    )
    return compiled, [row.rule for row in rows]
