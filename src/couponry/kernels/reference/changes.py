"""Changes of single decisions counted by their losses, listed, and multiplied by what they move."""

from __future__ import annotations

import numpy as np

from ..contract import (
    LOSS_BITS_DROPPED,
    PARTS,
    Amounts,
    Bounds,
    Changes,
    ChangesByRow,
    Counts,
    Flags,
    Integer,
    LossWeights,
    NearChanges,
    Offsets,
    Prices,
    Shard,
    Sums,
)
from .preference import of_customer


def weight_of(shard: Shard, weights: LossWeights, segment: int, k: Integer, e: int) -> float:
    """What candidate e counts as: the least that it weighs in any attribute, at most 1."""
    weight = 1.0
    for a in range(len(weights.quantity)):
        step = weights.line[2 * a + 1, segment, k] * shard.quantity[weights.quantity[a], e]
        weight = min(weight, weights.line[2 * a, segment, k] + step)
    return max(weight, weights.least)


def count_losses(
    shard: Shard,
    chosen: Flags,
    loss: Prices,
    weights: LossWeights,
    first_bin: int,
    start: int,
    stop: int,
    count: Counts,
) -> None:
    """Count candidates by what changing their decision costs, in logarithmic bins of each (segment, item).

    A bin is read off the bits of a float32. What is below the first bin counts in the first, what is above the last in
    the last.

    Parameters
    ----------
    shard : Shard
    chosen : ndarray of uint8, shape (candidates of these customers,)
        The best choice.
    loss : ndarray of float32, shape (candidates of these customers,)
        From `alternatives`.
    weights : LossWeights
    first_bin : int
        The leading bits of what is counted in the first bin.
    start, stop : int
        Customers ``start <= i < stop``.
    count : ndarray of uint32, shape (1 or 2, S, K, bins)
        IN/OUT: `PARTS` for each candidate of full weight; where there are 2, what is chosen apart from what is not.
    """
    first = shard.indptr[start]
    bits = loss.view(np.int32)
    last = count.shape[3] - 1
    for i in range(start, stop):
        segment = of_customer(shard.segment, i)
        for e in range(shard.indptr[i], shard.indptr[i + 1]):
            k = np.int64(shard.item[e])
            place = (np.int64(bits[e - first]) >> LOSS_BITS_DROPPED) - first_bin
            place = max(min(place, last), np.int64(0))
            apart = 1 if count.shape[0] == 2 and not chosen[e - first] else 0
            parts = np.int64(weight_of(shard, weights, segment, k, e) * PARTS + 0.5)
            count[apart, segment, k, place] += np.uint32(parts)


def list_changes(
    shard: Shard,
    chosen: Flags,
    partner: Sums,
    loss: Prices,
    near: NearChanges,
    start: int,
    stop: int,
    changes: Changes,
    reach: Sums,
) -> int:
    """List the changes of single decisions that are near, and what they move the limits' rows by.

    Parameters
    ----------
    shard : Shard
    chosen : ndarray of uint8, shape (candidates of these customers,)
        The best choice.
    partner : ndarray of int64, shape (candidates of these customers,)
        From `alternatives`.
    loss : ndarray of float32, shape (candidates of these customers,)
        From `alternatives`.
    near : NearChanges
    start, stop : int
        Customers ``start <= i < stop``.
    changes : Changes
        OUT: with room for as many changes as there are candidates, and for all their rows and their partners'.
    reach : ndarray of int64, shape (L,)
        IN/OUT: to each row is added how many rows the changes have that move it.

    Returns
    -------
    int
        How many changes there are.
    """
    first = shard.indptr[start]
    made = 0
    at = 0
    for i in range(start, stop):
        segment = of_customer(shard.segment, i)
        for e in range(shard.indptr[i], shard.indptr[i + 1]):
            k = np.int64(shard.item[e])
            if not loss[e - first] < near.width[segment, k]:
                continue
            other = partner[e - first]
            factor = near.factor[segment, k] * (1.0 if other < 0 else near.swap)
            factor = factor if chosen[e - first] else -factor
            changes.ptr[made] = at
            end = move_rows(shard, near, segment, e, factor, changes, at, at)
            if other >= 0:
                end = move_rows(shard, near, segment, other, -factor, changes, at, end)
            for j in range(at, end):
                reach[changes.row[j]] += end - at
            at = end
            made += 1
    changes.ptr[made] = at
    return made


def move_rows(
    shard: Shard,
    near: NearChanges,
    segment: int,
    e: Integer,
    factor: float,
    changes: Changes,
    begin: int,
    end: int,
) -> int:
    """Add what candidate e moves its rows by, times a factor, to a change's entries; returns where these end now."""
    cell = np.int64(segment) * near.width.shape[1] + np.int64(shard.item[e])
    there = end
    for j in range(near.ptr[cell], near.ptr[cell + 1]):
        weight = near.coefficient[j, 0]
        for c in range(len(shard.quantity)):
            weight = weight + near.coefficient[j, 1 + c] * shard.quantity[c, e]
        row = near.row[j]
        place = begin
        while place < there and changes.row[place] != row:
            place += 1
        if place < there:
            changes.moved[place] += weight * factor
        else:
            changes.row[end] = row
            changes.moved[end] = weight * factor
            end += 1
    return end


def group_changes(
    changes: Changes,
    first: int,
    last: int,
    reach: Sums,
    begins: Sums,
    entry: Offsets,
    end: Offsets,
    products: Sums,
) -> None:
    """List the entries of some changes by row; several parts of all changes make up `ChangesByRow`.

    Parameters
    ----------
    changes : Changes
        IN/OUT: the entries of each change are put into the order of what their rows reach; of equal ones, of the rows.
    first, last : int
        Those of them that are listed, ``first <= change < last``.
    reach : ndarray of int64, shape (L,)
        Of all changes, from `list_changes`.
    begins : ndarray of int64, shape (L + 1,)
        OUT: where the entries of each row begin, and where the last ones end; the first ones begin where the changes'
        own entries do.
    entry : ndarray of int64, shape (entries of all changes,)
        OUT: which of the changes' entries each is, ascending within a row.
    end : ndarray of int64, shape (entries of all changes,)
        OUT: where those of its change end.
    products : ndarray of int64, shape (L,)
        OUT: how many entries there are from each row's own ones to the end of their change.
    """
    rows = len(begins) - 1
    begins[:] = 0
    products[:] = 0
    for m in range(first, last):
        stop = changes.ptr[m + 1]
        for j in range(changes.ptr[m], stop):
            row, moved = changes.row[j], changes.moved[j]
            at = j
            while at > changes.ptr[m] and comes_before(reach, row, changes.row[at - 1]):
                changes.row[at], changes.moved[at] = changes.row[at - 1], changes.moved[at - 1]
                at -= 1
            changes.row[at], changes.moved[at] = row, moved
            begins[row + 1] += 1
        for j in range(changes.ptr[m], stop):
            products[changes.row[j]] += stop - j
    begins[0] = changes.ptr[first]
    for r in range(rows):
        begins[r + 1] += begins[r]
    filled = begins[:-1].copy()
    for m in range(first, last):
        for j in range(changes.ptr[m], changes.ptr[m + 1]):
            r = changes.row[j]
            entry[filled[r]] = j
            end[filled[r]] = changes.ptr[m + 1]
            filled[r] += 1


def comes_before(reach: Sums, row: Integer, other: Integer) -> bool:
    """Whether a row reaches less than another one."""
    return bool(reach[row] < reach[other] or (reach[row] == reach[other] and row < other))


def multiply_changes(
    changes: Changes,
    by_row: ChangesByRow,
    first: int,
    last: int,
    count: Sums,
    column: Bounds,
    product: Amounts,
) -> int:
    """Sum up the products of what changes move rows by: some rows of one half of a symmetric matrix.

    An entry is in the row that reaches less. What nearly all changes move, as a budget, has hardly any then: else its
    row alone would take two fifths of the time.

    Parameters
    ----------
    changes : Changes
    by_row : ChangesByRow
        Its entries, from `group_changes`.
    first, last : int
        The rows that are summed up, ``first <= row < last``.
    count : ndarray of int64, shape (last - first,)
        OUT: entries of each row.
    column : ndarray of int32
        OUT: with room for all entries, the other row of each, by row, in the order in which changes name them.
    product : ndarray of float64
        OUT: the sum over changes of what they move the two by, multiplied, in the changes' order.

    Returns
    -------
    int
        How many entries there are.
    """
    place = np.full(
        by_row.begins.shape[1] - 1, -1, np.int64
    )  # of each row in the one that is summed up
    end = 0
    for r in range(first, last):
        begin = end
        for part in range(len(by_row.begins)):
            for t in range(by_row.begins[part, r], by_row.begins[part, r + 1]):
                own = changes.moved[by_row.entry[t]]
                for j in range(by_row.entry[t], by_row.end[t]):
                    other = changes.row[j]
                    if place[other] < begin:
                        place[other] = end
                        column[end] = other
                        product[end] = 0.0
                        end += 1
                    product[place[other]] += own * changes.moved[j]
        count[r - first] = end - begin
    return end


def mirror_products(
    count: Sums,
    half_column: Bounds,
    half_product: Amounts,
    indptr: Sums,
    column: Bounds,
    product: Amounts,
) -> int:
    """Put a symmetric matrix together from one half of it.

    Parameters
    ----------
    count : ndarray of int64, shape (L,)
        Entries of each row of the half, from `multiply_changes`.
    half_column : ndarray of int32
    half_product : ndarray of float64
    indptr : ndarray of int64, shape (L + 1,)
        OUT: where the entries of each row begin.
    column : ndarray of int32
        OUT: with room for twice as many, in the order of the half's rows, those it has itself among the others.
    product : ndarray of float64
        OUT

    Returns
    -------
    int
        How many entries there are.
    """
    rows = len(count)
    indptr[:] = 0
    at = 0
    for r in range(rows):
        for j in range(at, at + count[r]):
            indptr[r + 1] += 1
            if half_column[j] != r:
                indptr[half_column[j] + 1] += 1
        at += count[r]
    for r in range(rows):
        indptr[r + 1] += indptr[r]
    filled = indptr[:-1].copy()
    at = 0
    for r in range(rows):
        for j in range(at, at + count[r]):
            other = np.int64(half_column[j])
            column[filled[r]], product[filled[r]] = other, half_product[j]
            filled[r] += 1
            if other != r:
                column[filled[other]], product[filled[other]] = r, half_product[j]
                filled[other] += 1
        at += count[r]
    return indptr[rows]
