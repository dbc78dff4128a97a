"""Counts units, customers or several, that an allocation leaves below a minimum, or without a mandatory offer."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from ..kernels import RuleSpec, Shard
from ..model.compiling.compile_rules import CompiledRules
from ..utils.arrays.blocks import blocks


class Choices(Protocol):
    """What customers are given: a plan, or a part of one."""

    def blocks(self) -> Iterator[tuple[int, int, NDArray[np.uint8]]]:
        """List choices, as `Plan.blocks` does."""
        ...


@dataclass(frozen=True)
class Shortfalls:
    """How many customers have less than their rules ask for.

    Attributes
    ----------
    below_min : int
        Customers with fewer coupons than a rule's `min`.
    without_mandatory : int
        Customers who lack a mandatory offer.
    """

    below_min: int = 0
    without_mandatory: int = 0


def shortfalls(compiled: CompiledRules, shard: Shard, plan: Choices) -> Shortfalls:
    """Count the shortfalls of an allocation, in one pass over it where there can be any.

    Parameters
    ----------
    compiled : CompiledRules
    shard : Shard
        All customers' candidates.
    plan : Choices
        The allocation.

    Returns
    -------
    Shortfalls
    """
    below = without = 0
    for _, short, lacking in short_customers(compiled, shard, plan):
        below += int(short.sum())
        without += int(lacking.sum())
    return Shortfalls(below, without)


def short_customers(
    compiled: CompiledRules, shard: Shard, plan: Choices
) -> Iterator[tuple[int, NDArray[np.bool_], NDArray[np.bool_]]]:
    """Find the customers who have less than their rules ask for, a block at a time; nothing where there can be none.

    Parameters
    ----------
    compiled : CompiledRules
    shard : Shard
        All customers' candidates.
    plan : Choices
        The allocation.

    Yields
    ------
    start : int
        The first customer of the block.
    short, lacking : ndarray of bool
        Masks of the block's customers with fewer coupons than a rule's `min`, and without a mandatory offer.
    """
    agreed, asked = compiled.spec, compiled.rules.lower
    by_group = bool(compiled.least_of_groups)
    if not asked.any() and not by_group and not len(agreed.mandatory):
        return
    only_number = not len(compiled.rules.group) and len(compiled.rules.constraint_ptr) == 1
    if only_number and not by_group:  # nothing but their number of candidates can stand in the way
        for part in blocks(len(shard.indptr) - 1):
            start, stop = part.start, part.stop
            count = np.diff(shard.indptr[start : stop + 1])
            short = count < _of_block(asked, start, stop)
            yield start, short, np.zeros(len(short), bool)
        return
    for start, stop, chosen in plan.blocks():
        ends = shard.indptr[start : stop + 1]
        customer = np.repeat(np.arange(stop - start), np.diff(ends))
        allocated = chosen.view(bool)
        count = np.bincount(customer[allocated], minlength=stop - start)
        short = count < _of_block(asked, start, stop)
        if by_group:
            item = shard.item[ends[0] : ends[-1]][allocated]
            short |= _short_of_groups(compiled, customer[allocated], item, start, stop)
        lacking = np.zeros(stop - start, bool)
        if len(agreed.mandatory):
            lacking[customer[(agreed.mandatory[ends[0] : ends[-1]] != 0) & ~allocated]] = True
        yield start, short, lacking


def _short_of_groups(
    compiled: CompiledRules,
    customer: NDArray[np.int64],
    item: NDArray[np.integer],
    start: int,
    stop: int,
) -> NDArray[np.bool_]:
    """Mask of the customers start <= i < stop who have fewer than a rule's `min` of any group that it has.

    customer, item: of each coupon, customers counted from `start`.
    """
    spec = compiled.spec
    short = np.zeros(stop - start, bool)
    held, held_count = _held(spec, start, stop)
    for bound, groups in compiled.least_of_groups:
        rows = np.flatnonzero(np.isin(spec.group, groups).any(axis=1))
        least = _of_block(bound, start, stop)
        keys = [np.zeros(0, np.int64)]
        for group in spec.group[rows][:, item]:
            inside = np.isin(group, groups)  # and of no other member of the unit
            keys.append(customer[inside] * spec.groups + group[inside])
        key = np.concatenate(keys)
        of_rule = np.isin(held % max(1, spec.groups), groups)
        weight = np.concatenate([np.ones(len(key), np.int64), held_count[of_rule]])
        key, place = np.unique(np.concatenate([key, held[of_rule]]), return_inverse=True)
        count = np.bincount(place, weight, len(key))
        who = (key // spec.groups).astype(np.int64)
        enough = np.bincount(who[count >= least[who]], minlength=stop - start)
        short |= (least > 0) & (enough < len(groups))
    return short


def _held(spec: RuleSpec, start: int, stop: int) -> tuple[NDArray[np.int64], NDArray[np.integer]]:
    """Keys (customer * groups + group) of what customers start <= i < stop have had, and how many of each."""
    if len(spec.held_ptr) <= 1:
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    theirs = slice(spec.held_ptr[start], spec.held_ptr[stop])
    who = np.repeat(np.arange(stop - start), np.diff(spec.held_ptr[start : stop + 1]))
    return who * spec.groups + spec.held[0, theirs], spec.held[1, theirs]


def _of_block(bound: NDArray[Any], start: int, stop: int) -> NDArray[Any]:
    """Entries of the customers start <= i < stop of an array of length n or 1."""
    return np.broadcast_to(bound, stop - start) if len(bound) == 1 else bound[start:stop]
