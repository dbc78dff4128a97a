"""Items: the offers, told apart by role only where a rule or limit asks for roles."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ..data.arrow_columns import flat_lists, holds_lists, labels
from ..data.candidate_checks import offer_dtype
from ..data.candidates import Candidates
from ..data.roles import ROLES
from ..data.where.filters import Where, rows_where, values_of
from ..utils.arrays.array_store import Arrays, ArrayStore, save
from ..utils.arrays.blocks import blocks
from ..utils.arrays.mapped_arrays import release_pages
from ..utils.arrays.ragged import ranges
from ..utils.checks import shown
from ..utils.errors import InvalidInput
from ..utils.suggestions import did_you_mean, known_names


class Items:
    """Items: each an offer in one role, numbered by offer, then by role.

    Parameters
    ----------
    offers : pyarrow.Table
        In ascending order of its ids.
    offer : ndarray of int64, shape (n_items,)
        Row of `offers`.
    role : ndarray of int64, shape (n_items,), or None
        Code of the role; None where roles are not told apart.
    has_roles : bool
        Whether candidates have roles, told apart or not.
    """

    def __init__(
        self,
        offers: pa.Table,
        offer: NDArray[np.int64],
        role: NDArray[np.int64] | None,
        has_roles: bool,
    ):
        self.offers = offers
        self.offer = offer
        self.role = role
        self.has_roles = has_roles

    def __len__(self) -> int:
        return len(self.offer)

    def where(self, where: Where, by_whom: str) -> NDArray[np.bool_]:
        """Find the items for which every condition holds.

        Parameters
        ----------
        where : mapping
            Conditions on columns of offers, and on `role`.
        by_whom : str
            The rule or limit that asks, for messages.

        Returns
        -------
        ndarray of bool, shape (n_items,)

        Raises
        ------
        InvalidInput
        """
        rest = dict(where)
        mask = np.ones(len(self), bool)
        if self.role is not None and "role" in rest:
            wanted = wanted_roles(rest.pop("role"), by_whom)
            mask &= np.isin(self.role, [1 + ROLES.index(name) for name in wanted])
        known = column_names(self.offers, self.has_roles)
        return mask & rows_where(self.offers, "offers", rest, by_whom, known=known)[self.offer]

    def groups(
        self, by: str, by_whom: str
    ) -> tuple[NDArray[np.int64], NDArray[np.int64], list[Any]]:
        """Group items by the distinct values of a column of offers, or of `role`.

        Where the column holds lists an item is in one group for each of its values; a null is in none.

        Parameters
        ----------
        by : str
            Name of the column.
        by_whom : str
            The rule or limit that asks, for messages.

        Returns
        -------
        item, group : ndarray of int64, shape (n_pairs,)
            Pairs of an item and the number of a group that it is in, by item.
        values : list
            The value of each group, ascending.

        Raises
        ------
        InvalidInput
        """
        if by == "role" and self.role is not None:
            item = np.flatnonzero(self.role > 0)
            return item, self.role[item] - 1, list(ROLES)
        if by not in self.offers.column_names:
            raise InvalidInput(
                f"{by_whom}: by: table offers has no column {by!r}"
                f"{known_names(by, column_names(self.offers, self.has_roles), 'columns')}"
            )
        column = self.offers[by]
        rows = np.arange(len(column))
        if holds_lists(column.type):
            rows, values_of_rows = flat_lists(column)
            column = pa.chunked_array([values_of_rows])
        code, values = labels(column, f"{by_whom}: by: column {by!r} of offers")
        pairs = np.unique(np.stack([rows, code], axis=1)[code >= 0], axis=0)
        first = np.searchsorted(pairs[:, 0], self.offer, side="left")
        count = np.searchsorted(pairs[:, 0], self.offer, side="right") - first
        item = np.repeat(np.arange(len(self)), count)
        return item, pairs[ranges(first, count), 1], values


def column_names(offers: pa.Table, has_roles: bool) -> list[str]:
    """List what rules and limits can name: the columns of offers, and `role` where candidates have it.

    Parameters
    ----------
    offers : pyarrow.Table
    has_roles : bool

    Returns
    -------
    list of str
    """
    return list(dict.fromkeys([*offers.column_names, *(["role"] if has_roles else [])]))


def wanted_roles(test: Any, by_whom: str) -> list[str]:
    """Read a condition on `role`.

    Parameters
    ----------
    test : object
        The condition.
    by_whom : str
        The rule or limit that it is of, for messages.

    Returns
    -------
    list of str
        The roles that fulfil it.

    Raises
    ------
    InvalidInput
        Where it names what is no role.
    """
    wanted: list[str] = values_of(test, f"{by_whom}: where 'role'")
    for name in wanted:
        if not isinstance(name, str) or name not in ROLES:
            raise InvalidInput(
                f"{by_whom}: where 'role': expected one of {', '.join(ROLES)}, got {shown(name)}"
                f"{did_you_mean(name, ROLES)}"
            )
    return wanted


def items_of(
    candidates: Candidates, offers: pa.Table, tell_roles_apart: bool
) -> tuple[Items, NDArray[np.uint16] | NDArray[np.uint32]]:
    """Make items of candidates.

    Parameters
    ----------
    candidates : Candidates
    offers : pyarrow.Table
        In ascending order of its ids.
    tell_roles_apart : bool
        Whether a rule or limit does.

    Returns
    -------
    items : Items
    item : ndarray of uint16, or uint32 where they do not fit, shape (n_candidates,)
        Number of each candidate's item; where roles are not told apart that is the offer's row.
    """
    if not tell_roles_apart or candidates.role is None:
        has_roles = candidates.role is not None
        return Items(offers, np.arange(offers.num_rows), None, has_roles), candidates.offer
    role = candidates.role
    made = candidates.derived.get_or_make(
        "item", [], lambda store: _items_by_role(candidates, role, offers.num_rows, store)
    )
    return Items(offers, made["code"] // 4, made["code"] % 4, True), made["item"]


def _items_by_role(
    candidates: Candidates, role: NDArray[np.uint8], n_offers: int, store: ArrayStore
) -> Arrays:
    """`code`: int64 (n_items,), 4 * offer + role of each item. `item`: (n_candidates,), the candidates' items."""
    seen = np.zeros(4 * n_offers, bool)
    for part in blocks(len(candidates)):
        seen[_code(candidates, role, part)] = True
    without = ~seen.reshape(-1, 4).any(axis=1)
    seen[4 * np.flatnonzero(without)] = True
    kept = np.flatnonzero(seen)
    number = (np.cumsum(seen) - 1).astype(offer_dtype(len(kept)))
    writer = store.writer("item", number.dtype)
    for part in blocks(len(candidates)):
        writer.append(number[_code(candidates, role, part)])
    return {"code": save(store, "code", kept), "item": writer.finish()}


def _code(candidates: Candidates, role_of: NDArray[np.uint8], part: slice) -> NDArray[np.int64]:
    """4 * offer + role of some candidates."""
    offer, role = candidates.offer[part], role_of[part]
    code: NDArray[np.int64] = offer.astype(np.int64) * 4 + role
    release_pages(offer, role)
    return code
