"""Digests of the parts of a campaign, by which a result that was written knows whether it is still of that campaign."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from ..data import tables
from ..data.ids import TEXT, text_buffers
from ..data.plain_types import LISTS
from ..model.campaign_checks import TABLES_OF_PARTS
from ..model.campaign_data import CampaignData
from ..model.limits import Limit
from ..model.rules import CustomerRule
from ..utils.arrays.digests import HashBlocks, digest_of_arrays

MOST_NAMED = 3
"""Parts that a message names; the rest is counted."""


def campaign_digests(
    campaign: CampaignData, hash_blocks: HashBlocks, threads: int
) -> dict[str, str]:
    """Compute a digest of each part of a campaign that its results depend on.

    Ids and numbers count as what they are, in whatever integer, text or float type they came. The order of candidates
    does not count, that of the other tables does.

    Parameters
    ----------
    campaign : CampaignData
    hash_blocks : callable
        The kernel of any backend.
    threads : int
        How many to work with.

    Returns
    -------
    dict of str to str
        By the name of the part, as a message has it.
    """
    found = {"objective": campaign.value}
    if campaign.backups:
        found["backups"] = str(campaign.backups)
    if campaign.unit is not None:
        found["unit"] = campaign.unit
    candidates = campaign.candidates
    arrays: dict[str, list[NDArray[Any]]] = {
        "pairs of customer and offer": [
            *_plain_arrays(candidates.customers), candidates.indptr, candidates.offer,
        ],
        "roles of candidates": [] if candidates.role is None else [candidates.role],
        "mandatory candidates": [] if candidates.mandatory is None else [candidates.mandatory],
    }  # fmt: skip
    for name, values in candidates.columns.items():
        arrays[f"column {name!r} of candidates"] = [values]
    for what in ("offers", "customers", "history"):
        table: pa.Table | None = getattr(campaign, what)
        if table is not None:
            for name in table.column_names:
                arrays[f"column {name!r} of {what}"] = list(_plain_arrays(table[name]))
    for name, of_part in arrays.items():
        if of_part:
            found[name] = digest_of_arrays(of_part, hash_blocks, threads).hex()
    parts: list[CustomerRule | Limit] = [*campaign.rules, *campaign.limits]
    found["order of rules and limits"] = _digest([part.label for part in parts])
    for part in parts:
        found[part.label] = _digest(_stated(part, hash_blocks, threads))
    return found


def differences(then: Mapping[str, str], now: Mapping[str, str]) -> str:
    """Name the parts in which two campaigns differ.

    Parameters
    ----------
    then, now : mapping of str to str
        Of `campaign_digests`.

    Returns
    -------
    str
        Empty where they are the same.
    """
    names = [name for name in {**then, **now} if then.get(name) != now.get(name)]
    order = "order of rules and limits"
    if len(names) > 1 and order in names:
        names.remove(order)  # what was added or left out says as much
    said = [
        f"{name} (new)" if name not in then else f"{name} (gone)" if name not in now else name
        for name in names[:MOST_NAMED]
    ]
    more = len(names) - len(said)
    return ", ".join(said) + (f" and {more} more" if more else "")


def _stated(part: CustomerRule | Limit, hash_blocks: HashBlocks, threads: int) -> dict[str, Any]:
    """What a rule or limit states, in the form that a file of it is read back as."""
    stated: dict[str, Any] = {}
    for name in part.__dataclass_fields__:
        value = getattr(part, name)
        if name in TABLES_OF_PARTS and value is not None:
            table = tables.as_table(value, f"of {part.label}")
            arrays = [a for column in table.column_names for a in _plain_arrays(table[column])]
            digest = digest_of_arrays(arrays, hash_blocks, threads).hex()
            stated[name] = [table.column_names, digest]
        elif value is not None and value is not False:
            stated[name] = _plain(value)
    return stated


def _plain(value: Any) -> Any:
    """A value of a rule or limit as JSON has it; one is the same whichever library it came from."""
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, Mapping):
        return {str(key): _plain(each) for key, each in value.items()}
    if isinstance(value, (set, frozenset)):
        return sorted((_plain(each) for each in value), key=repr)
    for method in ("to_pylist", "to_list", "tolist"):  # of Arrow, pandas and Polars, NumPy
        if hasattr(value, method):
            value = getattr(value, method)()
            break
    if isinstance(value, (list, tuple)):
        return [_plain(each) for each in value]
    return value if isinstance(value, (bool, int, float, str)) else str(value)


def _digest(content: Any) -> str:
    """The SHA-256 of something that JSON has."""
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def _plain_arrays(column: pa.Array | pa.ChunkedArray) -> Iterator[NDArray[Any]]:
    """The values of a column as arrays, the same however Arrow holds them."""
    array = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    kind = array.type
    if pa.types.is_dictionary(kind):
        array = array.dictionary_decode()
        kind = array.type
    if array.null_count:
        yield array.is_null().to_numpy(zero_copy_only=False)
    if any(is_list(kind) for is_list in LISTS):
        yield pc.fill_null(pc.list_value_length(array), -1).to_numpy()
        yield from _plain_arrays(pc.list_flatten(array))
    elif pa.types.is_boolean(kind):
        yield pc.fill_null(array, False).to_numpy(zero_copy_only=False)
    elif pa.types.is_integer(kind) or pa.types.is_floating(kind):
        wide = pa.float64() if pa.types.is_floating(kind) else _wide_integer(kind)
        yield np.asarray(pc.fill_null(array.cast(wide), 0))
    else:
        ends, letters = text_buffers(pc.fill_null(_as_text(array), ""))
        yield ends - ends[0]
        yield letters[ends[0] : ends[-1]]


def _as_text(array: pa.Array) -> pa.Array:
    """Text, and whatever else text can be made of."""
    try:
        return array.cast(TEXT)
    except pa.ArrowException:
        if pa.types.is_timestamp(array.type):  # of a time zone that nobody knows
            return array.view(pa.int64()).cast(TEXT)
        return pa.array([None if v is None else repr(v) for v in array.to_pylist()], TEXT)


def _wide_integer(kind: pa.DataType) -> pa.DataType:
    return pa.uint64() if pa.types.is_uint64(kind) else pa.int64()
