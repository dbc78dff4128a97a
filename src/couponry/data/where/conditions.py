"""Conditions of the `where` grammar as plain Python values, whatever library they came from."""

from __future__ import annotations

import datetime
import enum
import math
import uuid
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import pyarrow as pa

from ...utils.checks import shown
from ...utils.errors import InvalidInput

Where = Mapping[str, Any]
"""Conditions by column: a value, a list of values (any of them), or ``{"min": ..., "max": ...}`` (both ends in)."""


def plain_where(where: Where, label: str) -> dict[str, Any]:
    """Make plain values of conditions.

    Parameters
    ----------
    where : mapping
        Conditions by column. Values may be of Python, NumPy, pandas, Polars or Arrow; several of them a list, a set, an
        array or a Series.
    label : str
        What they belong to, for messages.

    Returns
    -------
    dict
        Conditions by column: a value, a list of values, or a dict with min and max.

    Raises
    ------
    InvalidInput
        Where a column is not named by text, or a condition names no value.
    """
    for name in where:
        if not isinstance(name, str):
            raise InvalidInput(f"{label}: expected the name of a column, got {shown(name)}")
    return {name: plain_condition(test, f"{label} {name!r}") for name, test in where.items()}


def plain_condition(test: Any, label: str) -> Any:
    """Make plain values of one condition.

    Parameters
    ----------
    test : object
        A value, several, or a range.
    label : str
        What it belongs to, for messages.

    Returns
    -------
    object
        A value, a list of values, or a dict with min and max.

    Raises
    ------
    InvalidInput
        Where it names no value.
    """
    if isinstance(test, Mapping):
        if not test or not set(test) <= {"min", "max"}:
            raise InvalidInput(f"{label}: expected a range {{min, max}}, got {shown(dict(test))}")
        return {key: plain_value(bound) for key, bound in test.items()}
    several = _several(test)
    if several is None:
        several = [test]
        found: Any = plain_value(test)
        values = [found]
    else:
        found = values = [plain_value(value) for value in several]
    if not values or any(_is_no_value(value) for value in values):
        raise InvalidInput(
            f"{label}: expected a value, a list of values or a range, got {shown(test)}"
        )
    return found


def values_of(test: Any, label: str) -> list[Any]:
    """List the values that a condition names.

    Parameters
    ----------
    test : object
        The condition, which is no range.
    label : str
        What it belongs to, for messages.

    Returns
    -------
    list
        At least one plain value.

    Raises
    ------
    InvalidInput
        Where it names none, or something that is no value.
    """
    found = plain_condition(test, label)
    return found if isinstance(found, list) else [found]


def plain_value(value: Any) -> Any:
    """Make a value of Python of one of NumPy, pandas or Arrow.

    Parameters
    ----------
    value : object

    Returns
    -------
    object
        The same value; a UUID as text.
    """
    if isinstance(value, enum.Enum):
        value = value.value
    if isinstance(value, (np.datetime64, np.timedelta64)) and not np.isnat(value):
        days = np.datetime_data(value.dtype)[0] in ("Y", "M", "W", "D")
        value = value.astype("datetime64[D]" if days else "datetime64[us]").item()
    elif isinstance(value, np.generic) or (isinstance(value, np.ndarray) and value.ndim == 0):
        value = value.item()
    elif isinstance(value, pa.Scalar):
        value = value.as_py()
    if isinstance(value, uuid.UUID):
        return str(value)
    if isinstance(value, datetime.datetime) and hasattr(value, "to_pydatetime"):
        return value.to_pydatetime(warn=False)
    return value


def as_time(value: Any) -> Any:
    """Read a date or a time from text as ISO 8601 has it.

    Parameters
    ----------
    value : object
        Such as "2026-11-28" or "2026-11-28T09:20".

    Returns
    -------
    object
        A date or a datetime; what is no text as it is.

    Raises
    ------
    ValueError
        For other text.
    """
    if not isinstance(value, str):
        return value
    try:
        return datetime.date.fromisoformat(value)
    except ValueError:
        return datetime.datetime.fromisoformat(value)


def _several(test: Any) -> list[Any] | None:
    """The values of a condition that has several; None for a single one."""
    if isinstance(test, (str, bytes)) or (isinstance(test, np.ndarray) and test.ndim == 0):
        return None
    if isinstance(test, (set, frozenset)):
        return sorted(test, key=repr)  # in an order that does not depend on the process
    for to_list in ("to_pylist", "to_list"):  # Arrow; pandas and Polars, whose own values these are
        if hasattr(test, to_list):
            return list(getattr(test, to_list)())
    return list(test) if isinstance(test, Iterable) else None


def _is_no_value(value: Any) -> bool:
    """Whether this is nothing that a column can hold: null, not a number, or several values."""
    if value is None or isinstance(value, (Mapping, list, tuple, set, frozenset, np.ndarray)):
        return True
    if isinstance(value, float) and math.isnan(value):
        return True
    return type(value).__name__ in ("NaTType", "NAType")
