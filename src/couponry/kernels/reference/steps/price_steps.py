"""Steps of each price by itself."""

from __future__ import annotations

from ...contract import Amounts
from ...steps_contract import PriceSteps


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
