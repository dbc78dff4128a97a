"""Checks what roles of offers go by: kinds of items and offers, and how many offers of each role."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ....data.roles import ROLES
from ....kernels.affinity_contract import Kinds
from ....utils.checks import is_whole
from ....utils.errors import InvalidInput

MAX_QUOTA = 1 << 16
MAX_KIND = 1 << 30


def checked_kinds(kinds: tuple[Any, Any] | None, shape: tuple[int, int]) -> Kinds:
    """Return the kind of each item, and the offers of each kind; without kinds, no item or offer has one.

    Parameters
    ----------
    kinds : (array-like of int, array-like of int), optional
        Kinds of the items and of the offers, -1 for none.
    shape : tuple of int
        Items and offers.

    Returns
    -------
    Kinds

    Raises
    ------
    InvalidInput
        If there is not one integer for each.
    """
    item, offer = (np.full(size, -1) for size in shape) if kinds is None else kinds
    return _by_kind(
        _checked_codes(item, shape[0], "items"), _checked_codes(offer, shape[1], "offers")
    )


def _checked_codes(codes: Any, count: int, what: str) -> NDArray[np.int32]:
    given = np.asarray(codes)
    fine = given.dtype.kind in "iu" and given.shape == (count,)
    if not fine or (count and (given.min() < -1 or given.max() >= MAX_KIND)):
        raise InvalidInput(
            f"kinds of {what}: expected {count:,} integers from -1 up, got {given.dtype} {given.shape}"
        )
    return np.ascontiguousarray(given, np.int32)


def _by_kind(item: NDArray[np.int32], offer: NDArray[np.int32]) -> Kinds:
    """Number the kinds of offers from 0; items of other kinds count as of none."""
    kinds = np.unique(offer[offer >= 0])
    numbered = np.searchsorted(kinds, item).astype(np.int32)
    numbered[~np.isin(item, kinds)] = -1
    order = np.argsort(offer, kind="stable")[np.count_nonzero(offer < 0) :].astype(np.int32)
    ptr = np.searchsorted(offer[order], kinds).astype(np.int64)
    return Kinds(numbered, np.append(ptr, len(order)), order)


def checked_quotas(quota: int | Mapping[str, int], *, by_role: bool) -> NDArray[np.int32]:
    """Return the quota of each role; one number is the quota of innovations, as everything is without roles.

    Parameters
    ----------
    quota : int, or mapping of str to int
        One number for all roles, or a number for each role.
    by_role : bool
        Whether roles are told apart, so that one number is not enough.

    Returns
    -------
    ndarray of int32, shape (n_roles,)

    Raises
    ------
    InvalidInput
        If a role is unknown, or a number is not from 0 to 65,536.
    """
    if isinstance(quota, Mapping):
        wrong = [role for role in quota if role not in ROLES]
        if wrong:
            raise InvalidInput(f"quota: expected roles among {', '.join(ROLES)}, got {wrong[0]!r}")
        numbers = [quota.get(role, 0) for role in ROLES]
    elif by_role:
        raise InvalidInput(
            "quota: expected a number for each role, since `own` or `kinds` tell them apart"
        )
    else:
        numbers = [0, 0, quota]
    for number in numbers:
        if not is_whole(number) or not 0 <= number <= MAX_QUOTA:
            raise InvalidInput(f"quota: expected whole numbers from 0 to 65,536, got {number!r}")
    return np.array(numbers, np.int32)
