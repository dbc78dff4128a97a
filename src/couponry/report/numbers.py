"""Numbers as people read them."""

from __future__ import annotations

import math
from collections.abc import Sequence

NONE = "\u2013"
"""What stands for a number that is not there."""

MINUS = "\u2212"

PERCENT = "\u00a0%"
"""The sign with a space before it at which no line is broken."""

LEAST = 1e-4
"""Below that no digits are written."""

LEAST_PERCENT = 1e-4
"""Percentages that are not exceeded are at least that: nobody reads more digits."""


def amount(value: float | None) -> str:
    """Write a number: whole ones as such, large ones with two decimals, small ones with four digits.

    Parameters
    ----------
    value : float or None

    Returns
    -------
    str
    """
    if value is None or math.isnan(value):
        return NONE
    if 0 < abs(value) < LEAST:
        text = f"{'<' if value > 0 else '>'} {'-' if value < 0 else ''}{LEAST:.4f}"
    elif float(value).is_integer() and abs(value) < 1e15:
        text = f"{int(value):,}"
    elif abs(value) >= 1e15:
        text = f"{value:,.6g}"
    else:
        text = f"{value:,.2f}" if abs(value) >= 100 else f"{value:,.4g}"
    return text.replace("-", MINUS) if value < 0 else text


def aligned(values: Sequence[float]) -> list[str]:
    """Write numbers with so many decimals each that the largest has four digits.

    Parameters
    ----------
    values : sequence of float

    Returns
    -------
    list of str
    """
    largest = max((abs(value) for value in values), default=0.0)
    whole = math.floor(math.log10(largest)) + 1 if largest > 0 else 1
    decimals = min(6, max(0, 4 - max(1, whole)))
    return [f"{value:,.{decimals}f}".replace("-", MINUS) for value in values]


def signed(value: float | None) -> str:
    """Write a number with its sign; nothing is said of 0.

    Parameters
    ----------
    value : float or None

    Returns
    -------
    str
    """
    if value is None or math.isnan(value) or value == 0:
        return NONE
    return ("+" if value > 0 else MINUS) + amount(abs(value))


def counted(number: int, one: str, many: str | None = None) -> str:
    """Say how many things there are.

    Parameters
    ----------
    number : int
    one : str
        What one of them is called.
    many : str, optional
        What several are called; default: `one` and an s.

    Returns
    -------
    str
    """
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def percent_at_most(share: float) -> str:
    """Write a share as a percentage of two digits that it does not exceed, the least of them `LEAST_PERCENT`.

    Parameters
    ----------
    share : float
        Above 0.

    Returns
    -------
    str
    """
    percent = max(100.0 * share, LEAST_PERCENT)
    step = 10.0 ** (math.floor(math.log10(percent)) - 1)
    rounded = math.ceil(percent / step - 1e-9) * step
    digits = max(0, -math.floor(math.log10(step)))
    text = f"{rounded:,.{digits}f}"
    return (text.rstrip("0").rstrip(".") if "." in text else text) + PERCENT


def percent(share: float) -> str:
    """Write a share as a percentage of three digits.

    Parameters
    ----------
    share : float

    Returns
    -------
    str
    """
    return f"{100.0 * share:.3g}{PERCENT}"
