"""How many coupons a customer can have under rules about parts of the offers."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from typing import NamedTuple

import numpy as np
import scipy

from ..block import Block
from ..rounding import Floats, Integers, Mask, sum_by
from .small_programs import solve_program


@dataclass(frozen=True)
class CellGroups:
    """A customer rule that bounds the coupons of each of several groups of cells.

    Attributes
    ----------
    code : ndarray of int64, shape (n_cells,)
        Group of each cell, -1 if it is in none.
    cap : ndarray of float64, shape (n_customers,)
        Most coupons of each group.
    """

    code: Integers
    cap: Floats

    @property
    def width(self) -> int:
        """Number of groups, and one for none of them."""
        return int(self.code.max(initial=-1)) + 2

    def keys(self, customer: Integers, cell: Integers) -> Integers:
        """Number the groups of all customers.

        Parameters
        ----------
        customer : ndarray of int64, shape (n,)
            Customer of each candidate.
        cell : ndarray of int64, shape (n,)
            Cell of each candidate.

        Returns
        -------
        ndarray of int64, shape (n,)
            A number for each customer and group; the lowest of a customer stands for no group.
        """
        return customer * self.width + self.code[cell] + 1


class _BindingRule(NamedTuple):
    """A rule where it can bind: sets of candidates that hold more than their cap.

    member: set of each candidate, -1 if it is in none. size: of that set. cap: of that set.
    """

    member: Integers
    size: Integers
    cap: Floats


def most_coupons(block: Block, rules: list[CellGroups], wanted: Mask) -> Floats:
    """Return the most coupons that some customers can have under rules with maximums.

    Parameters
    ----------
    block : Block
        The candidates of some customers.
    rules : list of CellGroups
    wanted : ndarray of bool, shape (n_units,)
        The units to look at; no rule holds for each customer.

    Returns
    -------
    ndarray of float64, shape (n_units,)
        0 for the units that are not wanted.
    """
    rows = np.flatnonzero(wanted[block.unit])
    rows = rows[np.argsort(block.unit[rows], kind="stable")]
    who, cell = block.unit[rows], block.cell(rows)
    binding = []
    for rule in rules:
        _, member, size = np.unique(rule.keys(who, cell), return_inverse=True, return_counts=True)
        cap = rule.cap[who]
        binds = (rule.code[cell] >= 0) & (size[member] > cap)
        if binds.any():
            binding.append(_BindingRule(np.where(binds, member, -1), size[member], cap))
    most = sum_by(who, _fill(binding, len(rows)), len(wanted)).round()
    crossing = [who[_cross(a, b)] for a, b in combinations(binding, 2)]
    for customer in np.unique(np.concatenate([*crossing, who[:0]])):
        own = slice(*np.searchsorted(who, [customer, customer + 1]))
        most[customer] = _most_of_one([(b.member[own], b.cap[own]) for b in binding])
    return most


def _fill(rules: list[_BindingRule], candidates: int) -> Floats:
    """Shares of candidates whose sum over a customer is the most coupons, for laminar sets.

    Smaller sets first: each set that holds more than its cap is scaled down to it. Sets inside it stay within theirs.
    """
    share = np.ones(candidates)
    for size in sorted({size for b in rules for size in np.unique(b.size[b.member >= 0])}):
        for member, sizes, cap in rules:
            rows = np.flatnonzero((member >= 0) & (sizes == size))
            total = sum_by(member[rows], share[rows], 0)[member[rows]]
            full = total > cap[rows]
            share[rows[full]] *= cap[rows[full]] / total[full]
    return share


def _cross(a: _BindingRule, b: _BindingRule) -> Integers:
    """Candidates where a set of one rule and a set of the other overlap, neither inside the other."""
    both = np.flatnonzero((a.member >= 0) & (b.member >= 0))
    pair = a.member[both] * (int(b.member.max(initial=0)) + 1) + b.member[both]
    _, member, common = np.unique(pair, return_inverse=True, return_counts=True)
    crossing = common[member] < np.minimum(a.size[both], b.size[both])
    return np.asarray(both[crossing])


def _most_of_one(rules: list[tuple[Integers, Floats]]) -> float:
    """The most coupons of one customer whose sets overlap in any way, by a small integer program."""
    sets = [(of == one, cap[0]) for of, cap in rules for one in set(of.tolist()) - {-1}]
    matrix, cap = (np.array(part, float) for part in zip(*sets, strict=True))
    every = np.ones(matrix.shape[1])
    found = solve_program(
        -every,
        constraints=scipy.optimize.LinearConstraint(matrix, -np.inf, cap),
        integrality=every,
        bounds=scipy.optimize.Bounds(0, 1),
    )
    return float(round(-found.fun))
