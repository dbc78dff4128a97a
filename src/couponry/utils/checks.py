"""Checks of single values that users hand over, and suggestions for misspelt names."""

from __future__ import annotations

import difflib
import math
import numbers
from collections.abc import Iterable
from typing import Any, TypeGuard

import numpy as np

from .errors import InvalidInput


def is_number(value: object) -> TypeGuard[float]:
    """Tell whether a value is a real number of Python or NumPy, infinite and NaN included.

    Truth values are not numbers.

    Parameters
    ----------
    value : object
        Whatever was given.

    Returns
    -------
    bool
        Whether it is one.
    """
    return isinstance(value, (int, float, np.integer, np.floating)) and not isinstance(value, bool)


def is_whole(value: object) -> bool:
    """Tell whether a value is of an integer type; 3.0 is not, nor are truth values.

    Parameters
    ----------
    value : object
        Whatever was given.

    Returns
    -------
    bool
        Whether it is one.
    """
    return isinstance(value, numbers.Integral) and not isinstance(value, bool)


def is_text(value: object) -> bool:
    """Tell whether a value is text that is not empty.

    Parameters
    ----------
    value : object
        Whatever was given.

    Returns
    -------
    bool
        Whether it is one.
    """
    return isinstance(value, str) and value != ""


def did_you_mean(name: object, known: Iterable[object]) -> str:
    """Suggest the known name that is nearest to an unknown one.

    Parameters
    ----------
    name : object
        What was given; only text can be near to something.
    known : iterable
        What could have been given. Values that are not text are passed over.

    Returns
    -------
    str
        ``"; did you mean 'x'?"``, to end a message with, or an empty text where no known name is near.

    Examples
    --------
    >>> did_you_mean("bugdet", ["budget", "stock"])
    "; did you mean 'budget'?"
    >>> did_you_mean("height", ["budget", "stock"])
    ''
    """
    if not isinstance(name, str):
        return ""
    near = difflib.get_close_matches(name, [k for k in known if isinstance(k, str)], n=1)
    return f"; did you mean {near[0]!r}?" if near else ""


def refuse_unknown_keys(given: Iterable[str], known: Iterable[str], label: str) -> None:
    """Refuse keys that nothing is known of.

    Parameters
    ----------
    given : iterable of str
    known : iterable of str
    label : str
        What the keys belong to, for the message.

    Raises
    ------
    InvalidInput
        With the first unknown key in alphabetical order, and the known one that is nearest.
    """
    known = set(known)
    for key in sorted(set(given) - known):
        raise InvalidInput(f"{label}: unknown key {key!r}{did_you_mean(key, sorted(known))}")


def check_name(name: Any, label: str) -> None:
    """Refuse a name that is no text, or empty.

    Parameters
    ----------
    name : object
        Whatever was given as a name.
    label : str
        What it belongs to, for messages.
    """
    if not is_text(name):
        raise InvalidInput(f"{label}: name: expected text, got {name!r}")


def check_number(value: Any, label: str) -> None:
    """Refuse a value that is given (not None) but is no finite number.

    Parameters
    ----------
    value : object
        Whatever was given.
    label : str
        What it belongs to, for messages.
    """
    if value is not None and not (is_number(value) and math.isfinite(value)):
        raise InvalidInput(f"{label}: expected a finite number, got {value!r}")
