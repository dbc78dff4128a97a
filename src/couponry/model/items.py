"""Items: the offers, told apart by role only where a rule or limit asks for roles, and by members of units."""

from __future__ import annotations

import hashlib
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ..data.arrow_columns import flat_lists, holds_lists, labels
from ..data.candidate_checks import offer_dtype
from ..data.candidates import BY_OFFER, Candidates
from ..data.roles import ROLES
from ..data.where.filters import Where, rows_where, values_of
from ..kernels import load
from ..utils.arrays.array_store import Arrays, ArrayStore, save
from ..utils.arrays.blocks import row_blocks
from ..utils.arrays.mapped_arrays import release_pages
from ..utils.arrays.ragged import ranges
from ..utils.checks import shown
from ..utils.errors import InvalidInput
from ..utils.parallel import parallel_map, work_in_turns, worker_count
from ..utils.suggestions import did_you_mean, known_names
from .units.units import Units

NEW_AT_ONCE = 1 << 12
"""Candidates that are looked at together from one on that has an item that none had before."""


class Items:
    """Items: each an offer in one role for one member of a unit, numbered by member, then by offer, then by role.

    Within a unit an item is there once, and a unit's candidates are in order of their items.

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
    member : ndarray of int64, shape (n_items,), optional
        Place of the customer among those of its unit. Default: units are single customers.
    segment : ndarray of int64, shape (n_items,), optional
        Segment of the customer, where those of a unit may be in several. Default: segments are told of units.
    told_by : str
        What tells items apart, as a key for what is made of them; default: offer, and role where there is one.
    """

    def __init__(
        self,
        offers: pa.Table,
        offer: NDArray[np.int64],
        role: NDArray[np.int64] | None,
        has_roles: bool,
        member: NDArray[np.int64] | None = None,
        segment: NDArray[np.int64] | None = None,
        told_by: str = "",
    ):
        self.offers = offers
        self.offer = offer
        self.role = role
        self.has_roles = has_roles
        self.member = np.zeros(len(offer), np.int64) if member is None else member
        self.segment = segment
        self.n_refunds = 0  # items behind these that `compiling.messages` adds
        self.told_by = told_by or (BY_OFFER if role is None else "offer and role")

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
        self, by: str, by_whom: str, argument: str = "by"
    ) -> tuple[NDArray[np.int64], NDArray[np.int64], list[Any]]:
        """Group items by the distinct values of a column of offers, or of `role`.

        Where the column holds lists an item is in one group for each of its values; a null is in none.

        Parameters
        ----------
        by : str
            Name of the column.
        by_whom, argument : str
            The rule or limit that asks, and by which of its arguments, for messages.

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
                f"{by_whom}: {argument}: table offers has no column {by!r}"
                f"{known_names(by, column_names(self.offers, self.has_roles), 'columns')}"
            )
        column = self.offers[by]
        rows = np.arange(len(column))
        if holds_lists(column.type):
            rows, values_of_rows = flat_lists(column)
            column = pa.chunked_array([values_of_rows])
        code, values = labels(column, f"{by_whom}: {argument}: column {by!r} of offers")
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
    candidates: Candidates,
    offers: pa.Table,
    tell_roles_apart: bool,
    units: Units | None = None,
    segment: NDArray[np.uint16] | None = None,
) -> tuple[Items, NDArray[np.uint16] | NDArray[np.uint32]]:
    """Make items of candidates.

    Parameters
    ----------
    candidates : Candidates
    offers : pyarrow.Table
        In ascending order of its ids.
    tell_roles_apart : bool
        Whether a rule or limit does.
    units : Units, optional
        What rules hold for. Default: single customers.
    segment : ndarray of uint16, shape (n_customers,), optional
        Segment of each customer, where items tell it.

    Returns
    -------
    items : Items
    item : ndarray of uint16, or uint32 where they do not fit, shape (n_candidates,)
        Number of each candidate's item; where neither roles nor members are told apart that is the offer's row.
    """
    has_roles = candidates.role is not None
    role = candidates.role if tell_roles_apart else None
    if role is None and units is None:
        return Items(offers, np.arange(offers.num_rows), None, has_roles), candidates.offer
    code = _ItemCode(
        offers.num_rows,
        1 if role is None else 4,
        1 if segment is None else 1 + int(segment.max()),
        1 if units is None else units.most_members,
    )
    told_by = "" if units is None else _told_by(units, role is not None, segment)
    made = candidates.derived.get_or_make(
        "item",
        [told_by] if told_by else [],
        lambda store: _told_apart(_Coded(candidates, code, role, units, segment), store),
    )
    parts = code.parts(made["code"])
    items = Items(
        offers,
        parts.offer,
        None if role is None else parts.role,
        has_roles,
        None if units is None else parts.member,
        None if segment is None else parts.segment,
        told_by,
    )
    return items, made["item"]


class _Parts(NamedTuple):
    """What items are made of, an entry for each item or candidate."""

    member: NDArray[np.int64]
    offer: NDArray[np.int64]
    role: NDArray[np.int64]
    segment: NDArray[np.int64]


class _ItemCode(NamedTuple):
    """Codes of items, in their order: member, offer, role and segment as digits of one number."""

    offers: int
    roles: int
    segments: int
    members: int

    def of(self, parts: _Parts) -> NDArray[np.int64]:
        """The code of each."""
        of_offer = (parts.member * self.offers + parts.offer) * self.roles + parts.role
        return of_offer * self.segments + parts.segment

    def parts(self, code: NDArray[np.int64]) -> _Parts:
        """What has these codes."""
        rest, segment = np.divmod(code, self.segments)
        rest, role = np.divmod(rest, self.roles)
        member, offer = np.divmod(rest, self.offers)
        return _Parts(member, offer, role, segment)

    @property
    def size(self) -> int:
        """How many codes there are."""
        return self.members * self.offers * self.roles * self.segments


def _told_by(units: Units, by_role: bool, segment: NDArray[np.uint16] | None) -> str:
    """What tells items apart, as a key."""
    digest = hashlib.sha256(units.ptr.tobytes())
    if segment is not None:
        digest.update(segment.tobytes())
    return f"{'offer and role' if by_role else 'offer'} and member {digest.hexdigest()}"


class _Coded(NamedTuple):
    """Candidates, and what their items are told apart by."""

    candidates: Candidates
    code: _ItemCode
    role: NDArray[np.uint8] | None
    units: Units | None
    segment: NDArray[np.uint16] | None

    def codes(self, block: tuple[int, int]) -> NDArray[np.int32] | NDArray[np.int64]:
        """The codes of the candidates of some customers, which are let go of."""
        candidates, code, role, units, segment = self
        start, stop = block
        part = slice(*candidates.indptr[[start, stop]].tolist())
        if units is None and segment is None and role is not None:
            kind = np.int32 if code.size < 1 << 31 else np.int64
            short: NDArray[Any] = candidates.offer[part].astype(kind)
            short *= code.roles
            short += role[part]
            release_pages(candidates.offer[part], role[part])
            return short
        nothing = np.zeros(1, np.int64)
        count = np.diff(candidates.indptr[start : stop + 1])
        offer = candidates.offer[part].astype(np.int64)
        member = nothing if units is None else np.repeat(units.member[start:stop], count)
        whose = nothing if segment is None else np.repeat(segment[start:stop], count)
        in_role = nothing if role is None else role[part].astype(np.int64)
        found = code.of(_Parts(member.astype(np.int64), offer, in_role, whose.astype(np.int64)))
        release_pages(candidates.offer[part], *(() if role is None else (role[part],)))
        return found


def _told_apart(coded: _Coded, store: ArrayStore) -> Arrays:
    """`code`: int64 (n_items,), of each item. `item`: (n_candidates,), the candidates' items.

    Each offer has an item, whether it has candidates or not.
    """
    candidates, code = coded.candidates, coded.code
    kernels, threads = load().kernels, worker_count()
    place = np.full(code.size, -1, np.int32)  # -1: no candidate has been seen that has this code

    def see(block: tuple[int, int]) -> None:
        of_rows = coded.codes(block)
        at, room = 0, np.empty(len(of_rows), np.uint32)
        while True:
            # to the first that is new
            at += kernels.number_offers(of_rows[at:], 0, place, room[at:])
            if at == len(of_rows):
                return
            place[of_rows[at : at + NEW_AT_ONCE]] = 0  # whoever else writes there writes the same

    for _ in parallel_map(see, row_blocks(candidates.indptr), threads):
        pass
    offers = np.zeros(code.offers, bool)
    offers[code.parts(np.flatnonzero(place == 0)).offer] = True
    without = np.flatnonzero(~offers)
    place[code.of(_Parts(without * 0, without, without * 0, without * 0))] = 0
    kept = np.flatnonzero(place == 0)
    place[kept] = np.arange(len(kept))
    writer = store.writer("item", offer_dtype(len(kept)))

    def number(block: tuple[int, int]) -> NDArray[np.uint16] | NDArray[np.uint32]:
        of_rows = coded.codes(block)
        item = np.empty(len(of_rows), offer_dtype(len(kept)))
        kernels.number_offers(of_rows, 0, place, item)
        return item

    work_in_turns(number, writer.claim, row_blocks(candidates.indptr), threads)
    return {"code": save(store, "code", kept), "item": writer.finish()}
