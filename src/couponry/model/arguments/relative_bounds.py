"""Checks of limits whose bounds are shares of a sum, or multiples of one over other coupons."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ...utils.checks import is_text, refuse_unknown_keys, shown
from ...utils.errors import InvalidInput
from ...utils.suggestions import did_you_mean

WHOLE_KEYS = ("where", "customers", "by")
"""What `relative_to` says of the coupons that a limit is relative to."""


def check_relative_to(
    whole: Any, own: Mapping[str, Any], by_columns: Sequence[str], label: str
) -> None:
    """Refuse what a limit is relative to where it makes no sense.

    Parameters
    ----------
    whole : object
        What was given as `relative_to`.
    own : mapping
        The limit's own `where` and `customers`.
    by_columns : sequence of str
        Columns of its `by`.
    label : str
        The limit, for messages.

    Raises
    ------
    InvalidInput
    """
    if not isinstance(whole, Mapping):
        raise InvalidInput(
            f"{label}: relative_to: expected where, customers and by, got {shown(whole)}"
        )
    refuse_unknown_keys(whole, WHOLE_KEYS, f"{label}: relative_to")
    for key in ("where", "customers"):
        if not isinstance(whole.get(key, {}), Mapping):
            raise InvalidInput(f"{label}: relative_to: {key}: expected a table of conditions")
    same: Sequence[str] = ()
    if "by" in whole:
        check_columns(whole["by"], f"{label}: relative_to: by")
        same = [whole["by"]] if is_text(whole["by"]) else whole["by"]
    for name in same:
        if name not in by_columns:
            raise InvalidInput(
                f"{label}: relative_to: by: expected some of the limit's own by, got {shown(name)}"
                f"{did_you_mean(name, by_columns)}"
            )
    is_alike = all(_is_same(own[key], whole.get(key, {})) for key in ("where", "customers"))
    if is_alike and set(same) == set(by_columns):
        raise InvalidInput(
            f"{label}: relative_to: expected other coupons than the limit's own, to which its sum is always 1 to 1"
        )


def check_share(own: Mapping[str, Any], by_columns: Sequence[str], label: str) -> None:
    """Refuse a share of all coupons that all coupons count in.

    Parameters
    ----------
    own, by_columns, label
        As `check_relative_to` takes them.

    Raises
    ------
    InvalidInput
    """
    if not by_columns and not any(len(conditions) for conditions in own.values()):
        raise InvalidInput(
            f"{label}: share: expected where, customers or by, which say whose share it is, got none of them"
        )


def check_divided_bound(bound: Any, is_share: bool, label: str) -> None:
    """Refuse a bound that no share is near, or no sum divided by another.

    Parameters
    ----------
    bound : float or None
        A finite number; None: no bound.
    is_share : bool
        Whether it is one of a share, which is never above 1.
    label : str
        Limit and argument, or table and row, for messages.

    Raises
    ------
    InvalidInput
    """
    if bound is None or 0 <= bound <= (1 if is_share else float("inf")):
        return
    expected = "a share from 0 to 1" if is_share else "a number from 0 up"
    near = f" (for {bound:g} %: {bound / 100:g})" if is_share and 1 < bound <= 100 else ""
    raise InvalidInput(f"{label}: expected {expected}, got {shown(bound)}{near}")


def check_columns(value: Any, label: str) -> None:
    """Refuse what is neither the name of a column nor a list of different ones.

    Parameters
    ----------
    value : object
        What was given.
    label : str
        Names it, for messages.

    Raises
    ------
    InvalidInput
    """
    names = [value] if is_text(value) else value
    if not isinstance(names, (list, tuple)) or not names or not all(map(is_text, names)):
        raise InvalidInput(f"{label}: expected the name of a column, got {shown(value)}")
    if len(set(names)) < len(names):
        raise InvalidInput(f"{label}: expected each column once, got {shown(value)}")


def _is_same(one: Any, other: Any) -> bool:
    """Whether two tables of conditions say the same in the same words."""
    try:
        return bool(dict(one) == dict(other))
    except (
        TypeError,
        ValueError,
    ):  # conditions may be arrays, which say of each value whether it is the same
        return one is other
