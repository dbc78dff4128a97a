"""Items: the offers, told apart by role only where a rule or limit asks for roles."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from ..data import tables
from ..data.candidate_checks import offer_dtype
from ..data.candidates import Candidates
from ..data.filters import Where, rows_where, values_of
from ..data.roles import ROLES
from ..utils.array_store import Arrays, ArrayStore, save
from ..utils.blocks import blocks
from ..utils.errors import InvalidInput
from ..utils.mapped_arrays import release_pages
from ..utils.ragged import ranges


class Items:
    """K items, each an offer (row of `offers`) in one role; item numbers ascend by offer, then by role.

    offers: the offers table in ascending order of its ids.
    offer: int64 (K), row of `offers`. role: int64 (K), code of the role, or None where roles are not told apart.
    """

    def __init__(self, offers: pa.Table, offer: NDArray[np.int64], role: NDArray[np.int64] | None):
        self.offers = offers
        self.offer = offer
        self.role = role

    def __len__(self) -> int:
        return len(self.offer)

    def where(self, where: Where, by_whom: str) -> NDArray[np.bool_]:
        """Mask of the items that a `where` clause is about."""
        rest = dict(where)
        mask = np.ones(len(self), bool)
        if self.role is not None and "role" in rest:
            wanted = values_of(rest.pop("role"), f"{by_whom}: where 'role'")
            for name in wanted:
                if name not in ROLES:
                    raise InvalidInput(
                        f"{by_whom}: where 'role': expected one of {', '.join(ROLES)}, got {name!r}"
                    )
            mask &= np.isin(self.role, [1 + ROLES.index(name) for name in wanted])
        return mask & rows_where(self.offers, "offers", rest, by_whom)[self.offer]

    def groups(
        self, by: str, by_whom: str
    ) -> tuple[NDArray[np.int64], NDArray[np.int64], list[Any]]:
        """Pairs (item, group number) by the distinct values of a column of offers, or of `role`, and those values.

        Where the column holds lists an item is in one group for each of its values; a null is in none.
        """
        if by == "role" and self.role is not None:
            item = np.flatnonzero(self.role > 0)
            return item, self.role[item] - 1, list(ROLES)
        if by not in self.offers.column_names:
            raise InvalidInput(f"{by_whom}: by: table offers has no column {by!r}")
        column = self.offers[by]
        rows = np.arange(len(column))
        if self.lists(by):
            flat = column.combine_chunks()
            flat = pa.concat_arrays(flat.chunks) if isinstance(flat, pa.ChunkedArray) else flat
            rows = pc.list_parent_indices(flat).to_numpy()
            column = pa.chunked_array([pc.list_flatten(flat)])
        if pa.types.is_nested(column.type):
            raise InvalidInput(f"{by_whom}: by: column {by!r} of offers holds {column.type}")
        code, values = tables.labels(column)
        pairs = np.unique(np.stack([rows, code], axis=1)[code >= 0], axis=0)
        first = np.searchsorted(pairs[:, 0], self.offer, side="left")
        count = np.searchsorted(pairs[:, 0], self.offer, side="right") - first
        item = np.repeat(np.arange(len(self)), count)
        return item, pairs[ranges(first, count), 1], values

    def lists(self, by: str) -> bool:
        """Whether a column of offers holds several values a row."""
        kind = self.offers.schema.field(by).type
        return pa.types.is_list(kind) or pa.types.is_large_list(kind)


def items_of(
    candidates: Candidates, offers: pa.Table, tell_roles_apart: bool
) -> tuple[Items, NDArray[np.uint16] | NDArray[np.uint32]]:
    """The items that the candidates are made of, and the item number of each candidate.

    Item numbers are uint16 where they fit, else uint32; where roles are not told apart they are the offers' rows.
    """
    if not tell_roles_apart or candidates.role is None:
        return Items(offers, np.arange(offers.num_rows), None), candidates.offer
    made = candidates.derived.get_or_make(
        "item", [], lambda space: _items_by_role(candidates, offers.num_rows, space)
    )
    return Items(offers, made["code"] // 4, made["code"] % 4), made["item"]


def _items_by_role(candidates: Candidates, offers: int, space: ArrayStore) -> Arrays:
    """code: int64 (K), 4 * offer + role of each item. item: (e), the candidates' items."""
    seen = np.zeros(4 * offers, bool)
    for part in blocks(len(candidates)):
        seen[_code(candidates, part)] = True
    without = ~seen.reshape(-1, 4).any(axis=1)
    seen[4 * np.flatnonzero(without)] = True
    kept = np.flatnonzero(seen)
    number = (np.cumsum(seen) - 1).astype(offer_dtype(len(kept)))
    writer = space.writer("item", number.dtype)
    for part in blocks(len(candidates)):
        writer.append(number[_code(candidates, part)])
    return {"code": save(space, "code", kept), "item": writer.finish()}


def _code(candidates: Candidates, part: slice) -> NDArray[np.int64]:
    assert candidates.role is not None
    offer, role = candidates.offer[part], candidates.role[part]
    code = offer.astype(np.int64) * 4 + role
    release_pages(offer, role)
    return code
