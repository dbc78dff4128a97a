"""Changes of single decisions counted by their losses, listed and multiplied; a step of the model that they make."""

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
    Prices,
    PriceSteps,
    Shard,
    StepModel,
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
    changes: Changes, first: int, last: int, begins: Sums, change: Sums, moved: Amounts
) -> None:
    """List the entries of some changes by row; several parts of all changes make up `ChangesByRow`.

    Parameters
    ----------
    changes : Changes
    first, last : int
        Those of them that are listed, ``first <= change < last``.
    begins : ndarray of int64, shape (L + 1,)
        OUT: where the entries of each row begin, and where the last ones end; the first ones begin where the changes'
        own entries do.
    change : ndarray of int64, shape (entries of all changes,)
        OUT: the change that each entry is of, ascending within a row.
    moved : ndarray of float64, shape (entries of all changes,)
        OUT: what it moves the row by.
    """
    rows = len(begins) - 1
    begins[:] = 0
    for j in range(changes.ptr[first], changes.ptr[last]):
        begins[changes.row[j] + 1] += 1
    begins[0] = changes.ptr[first]
    for r in range(rows):
        begins[r + 1] += begins[r]
    filled = begins[:-1].copy()
    for m in range(first, last):
        for j in range(changes.ptr[m], changes.ptr[m + 1]):
            r = changes.row[j]
            change[filled[r]] = m
            moved[filled[r]] = changes.moved[j]
            filled[r] += 1


def multiply_changes(
    changes: Changes,
    by_row: ChangesByRow,
    first: int,
    last: int,
    count: Sums,
    column: Bounds,
    product: Amounts,
) -> int:
    """Sum up the products of what changes move rows by: some rows of a symmetric matrix.

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
                m = by_row.change[t]
                for j in range(changes.ptr[m], changes.ptr[m + 1]):
                    other = changes.row[j]
                    if place[other] < begin:
                        place[other] = end
                        column[end] = other
                        product[end] = 0.0
                        end += 1
                    product[place[other]] += by_row.moved[t] * changes.moved[j]
        count[r - first] = end - begin
    return end


def dot(a: Amounts, b: Amounts) -> float:
    """Sum of products, in four sums side by side."""
    first, second, third, fourth = 0.0, 0.0, 0.0, 0.0
    whole = len(a) - len(a) % 4
    for j in range(0, whole, 4):
        first = first + a[j] * b[j]
        second = second + a[j + 1] * b[j + 1]
        third = third + a[j + 2] * b[j + 2]
        fourth = fourth + a[j + 3] * b[j + 3]
    for j in range(whole, len(a)):
        first = first + a[j] * b[j]
    return (first + second) + (third + fourth)


def times_model(model: StepModel, step: Amounts, out: Amounts) -> None:
    """The damped matrix times a step, at the free coordinates; others are 0 in the step and in what comes out."""
    for i in range(len(step)):
        if not model.free[i]:
            out[i] = 0.0
            continue
        even, odd = 0.0, 0.0
        begin, end = model.indptr[i], model.indptr[i + 1]
        whole = end - (end - begin) % 2
        for j in range(begin, whole, 2):
            even = even + model.value[j] * step[model.column[j]]
            odd = odd + model.value[j + 1] * step[model.column[j + 1]]
        for j in range(whole, end):
            even = even + model.value[j] * step[model.column[j]]
        out[i] = (even + odd) + model.damping[i] * step[i]


def minimise_model(
    model: StepModel, right: Amounts, step: Amounts, tolerance: float, steps: int
) -> int:
    """Solve for the free coordinates of a step, by conjugate gradients preconditioned with the diagonal.

    Parameters
    ----------
    model : StepModel
    right : ndarray of float64, shape (N,)
        Right-hand side; 0 at coordinates that are not free.
    step : ndarray of float64, shape (N,)
        IN/OUT: a first guess, and the solution; 0 at coordinates that are not free.
    tolerance : float
        Residual, relative to the right-hand side, below which it is one.
    steps : int
        Iterations, at most.

    Returns
    -------
    int
        How many were made.
    """
    n = len(right)
    towards, image = np.zeros(n, np.float64), np.zeros(n, np.float64)
    times_model(model, step, image)
    rest = right - image
    enough = tolerance * tolerance * dot(right, right)
    before = 1.0
    for made in range(steps):
        if not dot(rest, rest) > enough:
            return made
        image[:] = rest / model.diagonal
        now = dot(rest, image)
        share = now / before if made > 0 else 0.0
        for i in range(n):
            towards[i] = image[i] + share * towards[i]
        times_model(model, towards, image)
        curved = dot(towards, image)
        if not curved > 0.0:
            return made
        length = now / curved
        for i in range(n):
            step[i] = step[i] + length * towards[i]
            rest[i] = rest[i] - length * image[i]
        before = now
    return steps


def move_prices(
    steps: PriceSteps,
    activity: Amounts,
    start: int,
    stop: int,
    growth: float,
    shortening: float,
    longest_length: float,
) -> float:
    """Move prices each by itself, as far as its own limit asks for, less far where it has just gone too far.

    Parameters
    ----------
    steps : PriceSteps
        IN/OUT.
    activity : ndarray of float64, shape (L,)
        Of each row at these prices.
    start, stop : int
        Coordinates that move, ``start <= k < stop``.
    growth, shortening : float
        Factors on a length where the slope has the sign that it had before, and where it has turned.
    longest_length : float

    Returns
    -------
    float
        By how many typical coupons activities are beyond the bounds, and short of those whose coordinate is not 0,
        before the prices move; in two sums side by side.
    """
    even, odd = 0.0, 0.0
    for k in range(start, stop):
        beyond = activity[steps.row[k]] - steps.bound[k]
        off = beyond * steps.weight[k]
        towards = beyond * steps.side[k]
        at = steps.point[k]
        if not at > 0.0:
            off = off if off > 0.0 else 0.0
            towards = towards if towards > 0.0 else 0.0
        if (k - start) % 2 == 0:
            even = even + abs(off)
        else:
            odd = odd + abs(off)
        turned = towards * steps.last[k]
        factor = growth if turned > 0.0 else (shortening if turned < 0.0 else 1.0)
        length = steps.length[k] * factor
        length = length if length < longest_length else longest_length
        step, longest = length * towards / steps.curvature[k], steps.longest[k]
        step = step if step < longest else longest
        moved = at + (step if step > -longest else -longest)
        moved = moved if moved > 0.0 else 0.0
        steps.last[k] = towards
        steps.length[k] = length
        steps.point[k] = moved if moved < steps.highest[k] else steps.highest[k]
    return even + odd
