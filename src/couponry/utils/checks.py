"""Checks of single values that users hand over."""

from __future__ import annotations

import math
import numbers
import reprlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any, TypeGuard

import numpy as np

from .errors import InvalidInput
from .suggestions import known_names

LARGEST_NUMBER = 1e30
"""Largest size of a number in tables, bounds and penalties: sums and prices made of such numbers stay finite."""

MAX_SHOWN = 80
"""Characters of a value in a message."""


class _ShortRepr(reprlib.Repr):
    """Values as Python writes them, cut, however large, deep or odd they are."""

    def __init__(self) -> None:
        super().__init__()
        self.maxlevel = 3
        self.maxstring = self.maxother = MAX_SHOWN

    def repr_int(self, x: int, level: int) -> str:
        """Python refuses to write whole numbers of thousands of digits."""
        if abs(x) < 10**40:
            return str(x)
        digits = int(x.bit_length() * math.log10(2)) + 1
        return f"a whole number of about {digits:,} digits"


_SHORT_REPR = _ShortRepr()


def shown(value: object) -> str:
    """Write any value for a message, as Python does, but short and without fail.

    Parameters
    ----------
    value : object
        Whatever was given.

    Returns
    -------
    str
        One line.

    Examples
    --------
    >>> shown(["a", 1.5])
    "['a', 1.5]"
    >>> shown(10**5000)
    'a whole number of about 5,001 digits'
    """
    return " ".join(_SHORT_REPR.repr(value).split())


def as_float(value: float) -> float:
    """Turn a number of Python or NumPy into a float; whole numbers beyond all floats are infinite.

    Parameters
    ----------
    value : int or float
        What `is_number` says is one.

    Returns
    -------
    float
        The nearest one.
    """
    try:
        return float(value)
    except OverflowError:
        return math.copysign(math.inf, value > 0 or -1)


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
    """Tell whether a value is text that is not empty, and that files can hold: no half of a surrogate pair.

    Parameters
    ----------
    value : object
        Whatever was given.

    Returns
    -------
    bool
        Whether it is one.
    """
    return isinstance(value, str) and value != "" and is_unicode(value)


def is_unicode(text: str) -> bool:
    """Tell whether text can be written as UTF-8: paths and arguments that are not have halves of surrogate pairs.

    Parameters
    ----------
    text : str

    Returns
    -------
    bool
    """
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


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
        raise InvalidInput(f"{label}: unknown key {key!r}{known_names(key, sorted(known))}")


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
        raise InvalidInput(f"{label}: name: expected text, got {shown(name)}")


def check_flag(value: Any, label: str) -> None:
    """Refuse a value that is neither true nor false.

    Parameters
    ----------
    value : object
        Whatever was given.
    label : str
        What it belongs to, for messages.
    """
    if not isinstance(value, (bool, np.bool_)):
        raise InvalidInput(f"{label}: expected true or false, got {shown(value)}")


def check_number(value: Any, label: str) -> None:
    """Refuse a value that is given (not None) but is no finite number, or too large to be summed.

    Parameters
    ----------
    value : object
        Whatever was given.
    label : str
        What it belongs to, for messages.

    Raises
    ------
    InvalidInput
    """
    if value is None:
        return
    if not is_number(value) or not math.isfinite(as_float(value)):
        raise InvalidInput(f"{label}: expected a finite number, got {shown(value)}")
    if abs(as_float(value)) > LARGEST_NUMBER:
        raise InvalidInput(
            f"{label}: expected a number from {-LARGEST_NUMBER:g} to {LARGEST_NUMBER:g}, got {shown(value)}"
        )


def check_path(path: str | Path, label: str) -> None:
    """Refuse a path that no file of this system has, or whose name is not text.

    Parameters
    ----------
    path : str or Path
    label : str
        What it belongs to, for messages.

    Raises
    ------
    InvalidInput
    """
    text = str(path)
    if "\0" in text or not is_unicode(text):
        raise InvalidInput(f"{label}: expected a path in UTF-8, got {shown(text)}")
