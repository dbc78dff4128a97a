"""A step of a damped quadratic model, by conjugate gradients, and between bounds by guesses of who is at which."""

from __future__ import annotations

import numpy as np

from ...contract import Amounts
from ...steps_contract import StepModel, StepSearch


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


def times_model(model: StepModel, step: Amounts, out: Amounts, all_of_it: bool) -> None:
    """The damped matrix times a step; or at the free coordinates alone, where the step is 0 at all others."""
    for i in range(len(step)):
        if not (all_of_it or model.free[i]):
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
    times_model(model, step, image, False)
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
        times_model(model, towards, image, False)
        curved = dot(towards, image)
        if not curved > 0.0:
            return made
        length = now / curved
        for i in range(n):
            step[i] = step[i] + length * towards[i]
            rest[i] = rest[i] - length * image[i]
        before = now
    return steps


def minimise_in_box(
    model: StepModel, gradient: Amounts, search: StepSearch, step: Amounts, promised: Amounts
) -> int:
    """Find the best step of a model between two bounds, by guesses of which coordinates are at which bound.

    Where the last guess promises nothing, as guesses may go round in a circle, the step is downhill along the gradient.

    Parameters
    ----------
    model : StepModel
        `free` is OUT: which coordinates were at neither bound in the last guess.
    gradient : ndarray of float64, shape (N,)
    search : StepSearch
    step : ndarray of float64, shape (N,)
        OUT
    promised : ndarray of float64, shape (1,)
        OUT: by how much the model is lower there.

    Returns
    -------
    int
        How many guesses were made.
    """
    low, high, n = search.low, search.high, len(gradient)
    end = np.zeros(
        n, np.int8
    )  # of its interval that each coordinate is at: -1, 1, or 0 for neither
    right, guess, image = np.zeros(n, np.float64), np.zeros(n, np.float64), np.zeros(n, np.float64)
    for i in range(n):  # first as if no other one moved
        step[i] = 0.0
        alone = -gradient[i] / model.diagonal[i]
        end[i] = -1 if alone < low[i] else (1 if alone > high[i] else 0)
    before, made = n, 0
    while made < search.rounds:
        made += 1
        for i in range(n):
            model.free[i] = end[i] == 0
            step[i] = low[i] if end[i] < 0 else (high[i] if end[i] > 0 else 0.0)
        times_model(model, step, image, True)
        for i in range(n):
            right[i] = -(gradient[i] + image[i]) if model.free[i] else 0.0
            guess[i] = guess[i] if model.free[i] else 0.0
        minimise_model(model, right, guess, search.tolerance, search.steps)
        step[:] = np.where(model.free, guess, step)
        times_model(model, step, image, True)
        changed = 0
        for i in range(n):
            now = end_after(end[i], step[i], gradient[i] + image[i], low[i], high[i])
            changed += 1 if now != end[i] else 0
            end[i] = now
        if changed <= search.settled or before <= changed <= search.restless:
            break
        before = changed
    for i in range(n):
        step[i] = within(step[i], low[i], high[i])
    promised[0] = promise_of(model, gradient, step, image)
    if not promised[0] > 0.0:
        go_downhill(model, gradient, search, step, image)
        promised[0] = promise_of(model, gradient, step, image)
    return made


def end_after(end: int, step: float, slope: float, low: float, high: float) -> int:
    """Which end of its interval a coordinate is at in the guess after one."""
    if end == 0:
        return -1 if step < low else (1 if step > high else 0)
    return 0 if (slope < 0.0 and end < 0) or (slope > 0.0 and end > 0) else end


def go_downhill(
    model: StepModel, gradient: Amounts, search: StepSearch, step: Amounts, image: Amounts
) -> None:
    """Step along the gradient, as far as bounds and the model's curvature say; `image` is working memory."""
    for i in range(len(step)):
        alone = -gradient[i] / model.diagonal[i]
        step[i] = within(alone, search.low[i], search.high[i])
    times_model(model, step, image, True)
    curved, downhill = dot(step, image), -dot(gradient, step)
    share = downhill / curved if curved > 0.0 and downhill < curved else 1.0
    for i in range(len(step)):
        step[i] = share * step[i]


def within(number: float, low: float, high: float) -> float:
    """The nearest number between two others."""
    return low if number < low else (high if number > high else number)


def promise_of(model: StepModel, gradient: Amounts, step: Amounts, image: Amounts) -> float:
    """By how much the model is lower after a step; `image` is working memory."""
    times_model(model, step, image, True)
    for i in range(len(step)):
        image[i] = gradient[i] + 0.5 * image[i]
    return -dot(step, image)
