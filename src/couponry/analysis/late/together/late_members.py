"""`LateMember`: a late customer who is decided with others, and the tables of several."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from ....utils.errors import InvalidInput


class LateMember(NamedTuple):
    """A late customer of a household.

    Parameters
    ----------
    customer : int or str
        Its id.
    offers : sequence
        Ids of the offers that it may be given, each once; none of a member who is there for what it has.
    values : mapping
        By column of candidates: an array, or a list, of as many numbers.
    about : mapping, optional
        By column of customers, the household's among them: what is known of this one.
    roles : sequence of str, optional
        Role of each offer, where candidates have roles.
    mandatory : sequence of bool, optional
        Which of the offers must be given, as far as rules and limits allow.
    """

    customer: int | str
    offers: Sequence[Any] = ()
    values: Mapping[str, Any] = {}  # nothing writes into it
    about: Mapping[str, Any] | None = None
    roles: Sequence[str | None] | None = None
    mandatory: Sequence[bool] | None = None


def tables_of(
    members: Sequence[LateMember], columns: Sequence[str], about: Sequence[str]
) -> tuple[pa.Table, pa.Table | None]:
    """Make the tables of late customers.

    Parameters
    ----------
    members : sequence of LateMember
    columns : sequence of str
        Of candidates.
    about : sequence of str
        Columns of customers.

    Returns
    -------
    pyarrow.Table
        Candidates.
    pyarrow.Table or None
        Customers; None where nothing is asked of them.

    Raises
    ------
    InvalidInput
        Where something is missing.
    """
    sizes = [len(member.offers) for member in members]
    rows: dict[str, Any] = {
        "customer": [m.customer for m, n in zip(members, sizes, strict=True) for _ in range(n)],
        "offer": [offer for member in members for offer in member.offers],
    }
    try:
        for name in columns:
            parts = [
                np.asarray(m.values[name], float) if n else np.zeros(0)
                for m, n in zip(members, sizes, strict=True)
            ]
            rows[name] = np.concatenate([np.zeros(0), *parts])
        for name, field in (("role", "roles"), ("mandatory", "mandatory")):
            if any(getattr(member, field) is not None for member in members):
                nothing = None if name == "role" else False
                rows[name] = [
                    one
                    for member, n in zip(members, sizes, strict=True)
                    for one in (getattr(member, field) or [nothing] * n)
                ]
        known = {name: [(member.about or {})[name] for member in members] for name in about}
        candidates = pa.table(rows)
    except (KeyError, TypeError, ValueError, pa.ArrowException) as error:
        wanted = ", ".join([*columns, *about])
        raise InvalidInput(
            f"members: expected of each {wanted}, as many numbers as offers: {error}"
        ) from None
    if not known:
        return candidates, None
    return candidates, pa.table({"customer": [member.customer for member in members], **known})
