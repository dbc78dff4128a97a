"""Which cells a rule or limit is about, and which of its groups they are in."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..errors import InvalidInput
from ..where import Where, rows_where, values_of
from .given import Given
from .rounding import Integers, Mask


def about(given: Given, where: Where, by_whom: str) -> Mask:
    """Which cells a `where` clause is about (cells)."""
    rest = dict(where)
    role = np.ones(len(given.roles), bool)
    if given.has_roles and "role" in rest:
        wanted = values_of(rest.pop("role"), by_whom)
        role = np.array([name in wanted for name in given.roles])
    return (role[:, None] & rows_where(given.offers, "offers", rest, by_whom)).ravel()


def groups(given: Given, by: str | None, by_whom: str) -> tuple[Integers, Integers, list[Any]]:
    """Pairs (cell, number of a group) by a column of offers, or `role`, and the groups' values."""
    every = np.arange(given.cells).reshape(len(given.roles), -1)
    if by is None:
        return every.ravel(), np.zeros(given.cells, np.int64), [None]
    if by == "role" and given.has_roles:
        cell = every[1:].ravel()
        return cell, cell // every.shape[1] - 1, given.roles[1:]
    if by not in given.offers.column_names:
        raise InvalidInput(f"{by_whom}: by: table offers has no column {by!r}")
    number: dict[Any, int] = {}
    pairs = {
        (offer, number.setdefault(one, len(number)))
        for offer, value in enumerate(given.offers[by].to_pylist())
        for one in (value if isinstance(value, list) else [value])
        if one is not None
    }
    offers, group = np.array(sorted(pairs), np.int64).reshape(-1, 2).T
    return every[:, offers].ravel(), np.tile(group, len(given.roles)), list(number)
