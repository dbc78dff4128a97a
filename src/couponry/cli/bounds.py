"""Bounds as commands take them: changed ones (``NAME.max=+10%``), and those of a frontier (``NAME.max=a:b:n``)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np

from ..utils.checks import shown
from ..utils.errors import InvalidInput

SIDES = ("min", "max")

MOST_BOUNDS = 1000
"""Bounds of a frontier."""


class NamedBound(NamedTuple):
    """A bound of a limit, and what is said of it.

    Attributes
    ----------
    limit : str
    group : str or None
    side : {"min", "max"}
    value : str
    """

    limit: str
    group: str | None
    side: str
    value: str


def limit_changes(texts: Iterable[str], names: Iterable[str]) -> dict[Any, dict[str, Any]]:
    """Read changes of bounds.

    Parameters
    ----------
    texts : iterable of str
        Such as ``budget.max=+10%``, ``budget.max=-200``, ``budget.max=800``, ``budget.max=none`` or, of one group,
        ``commitments[Aldgate].min=500``.
    names : iterable of str
        Of the limits that there are.

    Returns
    -------
    dict
        As `Campaign.changed` takes them.

    Raises
    ------
    InvalidInput
    """
    changes: dict[Any, dict[str, Any]] = {}
    known = list(names)
    for text in texts:
        found = named_bound(text, "--limit", "NAME.max=+10%", known)
        key = found.limit if found.group is None else (found.limit, found.group)
        changes.setdefault(key, {})[found.side] = _change(found.value)
    return changes


def frontier_bounds(text: str, names: Iterable[str]) -> tuple[str, dict[str, Any]]:
    """Read which bounds a frontier is asked for.

    Parameters
    ----------
    text : str
        Such as ``budget.max=800:1200:5`` (five bounds, evenly spaced), ``budget.max=80%:120%:5`` (of the bound as it
        is) or ``budget.max=800,900,1000``.
    names : iterable of str
        Of the limits that there are.

    Returns
    -------
    name : str
        Of the limit.
    options : dict
        As `Campaign.frontier` takes them.

    Raises
    ------
    InvalidInput
    """
    example = "NAME.max=80%:120%:5"
    found = named_bound(text, "--limit", example, list(names))
    parts = found.value.split(":")
    spaced = len(parts) == 3
    numbers = parts[:2] if spaced else found.value.split(",")
    shares = [number.strip().endswith("%") for number in numbers]
    try:
        values = [float(number.strip().removesuffix("%")) for number in numbers]
        count = int(parts[2]) if spaced else len(values)
    except ValueError:
        count = 0
    if not 1 <= count <= MOST_BOUNDS or len(set(shares)) != 1 or (spaced and count < 2):
        raise InvalidInput(
            f"--limit: expected from, to and how many, such as {example}, got {shown(found.value)}"
        )
    bounds = np.linspace(values[0], values[-1], count).tolist() if spaced else values
    options: dict[str, Any] = {"side": found.side, "group": found.group}
    if shares[0]:
        return found.limit, options | {"factors": [bound / 100.0 for bound in bounds]}
    return found.limit, options | {"bounds": bounds}


def named_bound(text: str, option: str, example: str, names: list[str]) -> NamedBound:
    """Take a text apart that says something of a bound.

    Parameters
    ----------
    text : str
        ``NAME.SIDE=VALUE`` or ``NAME[GROUP].SIDE=VALUE``.
    option : str
        Where it was given, for messages.
    example : str
        For messages.
    names : list of str
        Of the limits that there are: a name may have brackets itself.

    Returns
    -------
    NamedBound

    Raises
    ------
    InvalidInput
    """
    head, equals, value = text.rpartition("=")
    limit, _, side = head.strip().rpartition(".")
    if not equals or not limit or side not in SIDES or not value.strip():
        raise InvalidInput(f"{option}: expected a bound such as {example}, got {shown(text)}")
    if limit in names or not limit.endswith("]") or "[" not in limit:
        return NamedBound(limit, None, side, value.strip())
    name, _, group = limit[:-1].partition("[")
    return NamedBound(name, group, side, value.strip())


def _change(value: str) -> Any:
    """A new bound: a number, none, or, with a sign, by how much it changes."""
    if value.lower() == "none":
        return None
    try:
        return value if value[0] in "+-" else float(value)
    except ValueError:
        return value  # which is refused with what else there is
