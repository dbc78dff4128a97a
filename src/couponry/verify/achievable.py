"""How many coupons a customer can have under rules about parts of the offers."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from typing import NamedTuple

import numpy as np
from scipy.optimize import Bounds, LinearConstraint, milp

from .inputs import Given
from .rounding import Floats, Integers, Mask, sum_by


@dataclass(frozen=True)
class Group:
    """A customer rule about part of the offers. code: int64 (cells), group or -1. cap: (n), for each group."""

    code: Integers
    cap: Floats

    @property
    def width(self) -> int:
        return int(self.code.max(initial=-1)) + 2

    def keys(self, customer: Integers, cell: Integers) -> Integers:
        """A number for each customer and group (0: in none of them)."""
        return customer * self.width + self.code[cell] + 1


class _Bound(NamedTuple):
    """A rule among some candidates, where it can bind: (set of each candidate or -1, size of it, its cap)."""

    member: Integers
    size: Integers
    cap: Floats


def most_coupons(given: Given, rules: list[Group], wanted: Mask) -> Floats:
    """The most coupons under these rules that each `wanted` customer can have (n); 0 for the others."""
    rows = np.flatnonzero(wanted[given.customer])
    rows = rows[np.argsort(given.customer[rows], kind="stable")]
    who, cell = given.customer[rows], given.cell(rows)
    binding = []
    for rule in rules:
        _, member, size = np.unique(rule.keys(who, cell), return_inverse=True, return_counts=True)
        cap = rule.cap[who]
        binds = (rule.code[cell] >= 0) & (size[member] > cap)
        if binds.any():
            binding.append(_Bound(np.where(binds, member, -1), size[member], cap))
    most = sum_by(who, _fill(binding, len(rows)), len(wanted)).round()
    crossing = [who[_cross(a, b)] for a, b in combinations(binding, 2)]
    for customer in np.unique(np.concatenate([*crossing, who[:0]])):
        own = slice(*np.searchsorted(who, [customer, customer + 1]))
        most[customer] = _most_of_one([(b.member[own], b.cap[own]) for b in binding])
    return most


def _fill(bounds: list[_Bound], candidates: int) -> Floats:
    """Shares of candidates whose sum over a customer is the most coupons, where the sets nest.

    Smaller sets first: each set that holds more than its cap is scaled down to it, which keeps the sets inside
    it within theirs.
    """
    share = np.ones(candidates)
    for size in sorted({size for b in bounds for size in np.unique(b.size[b.member >= 0])}):
        for member, sizes, cap in bounds:
            rows = np.flatnonzero((member >= 0) & (sizes == size))
            total = sum_by(member[rows], share[rows], 0)[member[rows]]
            full = total > cap[rows]
            share[rows[full]] *= cap[rows[full]] / total[full]
    return share


def _cross(a: _Bound, b: _Bound) -> Integers:
    """Candidates where a set of one rule and a set of the other overlap, neither inside the other."""
    both = np.flatnonzero((a.member >= 0) & (b.member >= 0))
    pair = a.member[both] * (int(b.member.max(initial=0)) + 1) + b.member[both]
    _, member, common = np.unique(pair, return_inverse=True, return_counts=True)
    return both[common[member] < np.minimum(a.size[both], b.size[both])]


def _most_of_one(bounds: list[tuple[Integers, Floats]]) -> float:
    """The most coupons of one customer whose sets overlap in any way, by a small integer program."""
    sets = [(of == one, cap[0]) for of, cap in bounds for one in set(of.tolist()) - {-1}]
    matrix, cap = (np.array(part, float) for part in zip(*sets, strict=True))
    every = np.ones(matrix.shape[1])
    within = LinearConstraint(matrix, -np.inf, cap)
    found = milp(-every, constraints=within, integrality=every, bounds=Bounds(0, 1))
    return float(round(-found.fun))
