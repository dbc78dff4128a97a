"""Customer rules as they were agreed, as the kernel takes them that compiles them for single customers."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from .contract import NOBODY, Bounds, Flags, Offsets, Sums

NO_BOUNDS = np.zeros(0, np.int32)

MANDATORY, BEFORE_MANDATORY = 1, 2
"""Flags of mandatory candidates, and of those each of which comes before all that are mandatory."""


class MeasureSpec(NamedTuple):
    """Rules that bound what coupons come to: sums of amounts, or how many different groups they are of; M of them.

    Their bounds hold for each of their sets of items wherever a customer is given something of it. L layers put items
    into sets: several of one measure where an item is in several, in each of them once. Sets have numbers of their own.

    Attributes
    ----------
    set : ndarray of int32, shape (L, K)
        Set of an item; -1: the layer's measure is not about it.
    sets : int
        One more than the largest number of a set.
    measure : ndarray of int32, shape (L,)
        Measure of each layer.
    rule : ndarray of int32, shape (M,)
        Number of each measure's rule.
    counts_groups : ndarray of uint8, shape (M,)
        1: it counts different groups; 0: it adds up amounts.
    low, high : ndarray of int64, shape (M, n or 1)
        Bounds. Where it counts groups, `low` is no more than there are among a customer's candidates of the set.
    of_item : ndarray of int64, shape (M, K)
        Amount of an item, or its group; -1: it is of none.
    of_candidate : ndarray of int64, shape (A, e)
        Amounts of candidates.
    candidate_row : ndarray of int32, shape (M,)
        Row of `of_candidate` of each measure; -1: `of_item` tells.
    held_ptr : ndarray of int64, shape (n + 1,) or (1,)
        Entries of `held` of each customer; length 1: nobody has a history.
    held : ndarray of int64, shape (2, h)
        Sets, and an amount or group that the customer has had of each.
    """

    set: Bounds = np.zeros((0, 0), np.int32)
    sets: int = 0
    measure: Bounds = NO_BOUNDS
    rule: Bounds = NO_BOUNDS
    counts_groups: Flags = np.zeros(0, np.uint8)
    low: Sums = np.zeros((0, 1), np.int64)
    high: Sums = np.zeros((0, 1), np.int64)
    of_item: Sums = np.zeros((0, 0), np.int64)
    of_candidate: Sums = np.zeros((0, 0), np.int64)
    candidate_row: Bounds = NO_BOUNDS
    held_ptr: Offsets = NOBODY
    held: Sums = np.zeros((2, 0), np.int64)


class RequirementSpec(NamedTuple):
    """What items may be given only with one of some other items: N requirements, each of one item.

    Attributes
    ----------
    ptr : ndarray of int64, shape (K + 1,) or (1,)
        Requirements of each item; length 1: there are none.
    rule : ndarray of int32, shape (N,)
        Number of each one's rule.
    scope : ndarray of int32, shape (N,)
        Row of `inside` of each.
    inside : ndarray of uint8, shape (P, n or 1)
        1 for customers whom the requirements of a scope are about.
    item_ptr : ndarray of int64, shape (N + 1,)
        Entries of `item` of each requirement.
    item : ndarray of int32
        Items of which one is required.
    met_ptr : ndarray of int64, shape (n + 1,) or (1,)
        Entries of `met` of each customer; length 1: nobody has a history.
    met : ndarray of int32
        Requirements that the customer's history meets, ascending.
    """

    ptr: Offsets = NOBODY
    rule: Bounds = NO_BOUNDS
    scope: Bounds = NO_BOUNDS
    inside: Flags = np.zeros((0, 1), np.uint8)
    item_ptr: Offsets = NOBODY
    item: Bounds = NO_BOUNDS
    met_ptr: Offsets = NOBODY
    met: Bounds = NO_BOUNDS


class RuleSpec(NamedTuple):
    """Customer rules as they were agreed, of which `compile_constraints` makes the constraints of single customers.

    R rows, each a rule, or a part of one that puts items into several groups. Group numbers are those of no other
    rule. A pair of items that conflict is listed at both.

    Attributes
    ----------
    group : ndarray of int32, shape (R, K)
        Group of an item; -1: the row is not about it.
    groups : int
        One more than the largest group number.
    rule : ndarray of int32, shape (R,)
        Number of each row's rule.
    plain : ndarray of uint8, shape (R,)
        1: `Rules.group` has this row; 0: its groups may overlap among themselves.
    cap, least : ndarray of int32, shape (R, n or 1)
        At most, and at least, so many coupons of a group.
    upper : ndarray of int32, shape (n or 1,)
        At most so many coupons.
    held_ptr : ndarray of int64, shape (n + 1,) or (1,)
        Entries of `held` of each customer; length 1: nobody has a history.
    held : ndarray of int32, shape (2, h)
        Groups, and how many coupons of each the customer has had.
    had_ptr : ndarray of int64, shape (n + 1,) or (1,)
        Entries of `had` of each customer.
    had : ndarray of int32
        Items that the customer has had.
    conflict_ptr : ndarray of int64, shape (K + 1,) or (1,)
        Entries of `conflict` of each item; length 1: nothing conflicts.
    conflict : ndarray of int32
        Items in conflict with an item, ascending for each rule.
    conflict_rule : ndarray of int32
        Number of each conflict's rule.
    mandatory : ndarray of uint8, shape (e,) or (0,)
        MANDATORY, BEFORE_MANDATORY or 0; length 0: none is mandatory.
    mandatory_rule : int
        Number of the rule that mandatory candidates are given.
    measures : MeasureSpec
    requirements : RequirementSpec
    """

    group: Bounds
    groups: int
    rule: Bounds
    plain: Flags
    cap: Bounds
    least: Bounds
    upper: Bounds
    held_ptr: Offsets
    held: Bounds
    had_ptr: Offsets
    had: Bounds
    conflict_ptr: Offsets
    conflict: Bounds
    conflict_rule: Bounds
    mandatory: Flags
    mandatory_rule: int
    measures: MeasureSpec = MeasureSpec()
    requirements: RequirementSpec = RequirementSpec()
