"""What compiling and verifying a campaign refuse alike of a limit: its table of bounds, and negative denominators."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from ..data import tables
from ..data.arrow_columns import labels
from ..utils.checks import shown
from ..utils.errors import InvalidInput
from ..utils.process.cached_property import cached_property
from ..utils.suggestions import known_names
from .arguments.relative_bounds import check_divided_bound
from .customers import Customers
from .limits import Limit, group_text

MOST_COUNTED = 8
"""Combinations of values for each group, up to which groups are counted by combination."""


@dataclass(frozen=True)
class GroupBounds:
    """The groups of a limit, and the bounds of each.

    Attributes
    ----------
    code : ndarray of int64, shape (n_groups, n_columns)
        Number of each group's value of each column of `by`; of a limit without groups, one row of no columns.
    distinct : tuple of list
        Values of each column, by their numbers.
    low, high : ndarray of float64, shape (n_groups,)
        NaN: none.
    """

    code: NDArray[np.int64]
    distinct: tuple[list[Any], ...]
    low: NDArray[np.float64]
    high: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.code)

    @classmethod
    def alike(
        cls, limit: Limit, code: NDArray[np.int64], distinct: Sequence[list[Any]]
    ) -> GroupBounds:
        """Give every group the bounds that the limit states.

        Parameters
        ----------
        limit : Limit
        code : ndarray of int64, shape (n_groups, n_columns)
        distinct : sequence of list
            Values of each column.

        Returns
        -------
        GroupBounds
        """
        low, high = (
            np.full(len(code), np.nan if b is None else b, float) for b in (limit.min, limit.max)
        )
        return cls(code, tuple(distinct), low, high)

    def value(self, group: int) -> Any:
        """Return what a group is called by: the value of one column, a tuple of several, None of none."""
        row = self.code[group].tolist()
        found = tuple(values[one] for values, one in zip(self.distinct, row, strict=True))
        return None if not found else found[0] if len(found) == 1 else found

    def name(self, group: int) -> str | None:
        """Name a group; None for that of a limit without groups."""
        return None if not self.distinct else group_text(self.value(group))

    def names(self) -> pa.Array:
        """Name every group.

        Returns
        -------
        pyarrow.StringArray
            Null for that of a limit without groups.
        """
        return self._names

    @cached_property
    def _names(self) -> pa.Array:
        if not self.distinct:
            return pa.nulls(len(self), pa.string())
        is_one = len(self.distinct) == 1
        parts = [
            pa.array([group_text(value if is_one else (value,)) for value in values], pa.string())
            for values in self.distinct
        ]
        texts = [part.take(pa.array(self.code[:, n])) for n, part in enumerate(parts)]
        return texts[0] if is_one else pc.binary_join_element_wise(*texts, ", ")


def read_bounds(limit: Limit) -> GroupBounds:
    """Read the bounds of a limit's table.

    Parameters
    ----------
    limit : Limit
        One with a table.

    Returns
    -------
    GroupBounds
        In the order of the table.

    Raises
    ------
    InvalidInput
        Where a value is missing, groups are there twice, or min is above max.
    """
    what = f"of {limit.label}"
    table = tables.as_table(limit.table, what)
    for name in limit.by_columns:
        tables.require(table, what, name)
    if not {"min", "max"} & set(table.column_names):
        raise InvalidInput(f"table {what}: expected a column 'min' or 'max', got neither")
    found = []
    for name in limit.by_columns:
        label = f"table {what}, column {name!r}"
        code, distinct = labels(table[name], label)
        if (code < 0).any():
            raise InvalidInput(f"{label}, row {int(code.argmin())}: expected a value, got null")
        found.append((code, distinct))
    low, high = (
        tables.numbers(table, what, name, nullable=True)
        if name in table.column_names
        else np.full(table.num_rows, np.nan)
        for name in ("min", "max")
    )
    code = np.stack([code for code, _ in found], axis=1)
    bounds = GroupBounds(code, tuple(distinct for _, distinct in found), low, high)
    _refuse_twice(bounds, limit)
    wrong = low > high
    if wrong.any():
        row = int(wrong.argmax())
        raise InvalidInput(f"table {what}, row {row}: min {low[row]} is above max {high[row]}")
    if limit.whole is not None:
        for name, bound in (("min", low), ("max", high)):
            outside = (bound < 0) | (bound > (1.0 if limit.share else np.inf))
            if outside.any():
                row = int(outside.argmax())
                label = f"table {what}, column {name!r}, row {row}"
                check_divided_bound(float(bound[row]), limit.share, label)
    return bounds


def _refuse_twice(bounds: GroupBounds, limit: Limit) -> None:
    """Refuse a table that has a group twice."""
    key = combined(bounds.code, bounds.distinct)
    is_dense = math.prod(map(len, bounds.distinct)) <= MOST_COUNTED * len(key)
    if is_dense and np.bincount(key).max(initial=0) <= 1:
        return  # as a rule, and counted in much less time than sorted
    _, first = np.unique(key, return_index=True)
    if len(first) < len(key):
        row = int(np.setdiff1d(np.arange(len(key)), first)[0])
        columns = ", ".join(map(repr, limit.by_columns))
        where = f"column{'s' if len(limit.by_columns) > 1 else ''} {columns}"
        raise InvalidInput(
            f"table of {limit.label}, {where}, row {row}: {shown(bounds.value(row))} is there twice"
        )


def combined(code: NDArray[np.int64], distinct: Sequence[list[Any]]) -> NDArray[np.int64]:
    """Number combinations of values.

    Parameters
    ----------
    code : ndarray of int64, shape (n, n_columns)
        Number of the value of each column; below 0: none.
    distinct : sequence of list
        Values of each column.

    Returns
    -------
    ndarray of int64, shape (n,)
        Ascending with the values, the first column first; -1 where any is missing.
    """
    key = np.zeros(len(code), np.int64)
    is_missing = np.zeros(len(code), bool)
    for column, values in enumerate(distinct):
        key = key * len(values) + code[:, column]
        is_missing |= code[:, column] < 0
    key[is_missing] = -1
    return key


def is_of_customers(
    name: str, of_offers: Sequence[str], customers: Customers, by_whom: str
) -> bool:
    """Tell whether `by` names a column of customers; one of offers goes before it.

    Parameters
    ----------
    name : str
    of_offers : sequence of str
        Columns of offers, and `role` where candidates have it.
    customers : Customers
    by_whom : str
        The limit that asks, for messages.

    Returns
    -------
    bool

    Raises
    ------
    InvalidInput
        Where neither has it.
    """
    if name in of_offers or name == "role":
        return False
    if name in customers.columns:
        return True
    if customers.table is None:
        near = known_names(name, of_offers, "columns")
        raise InvalidInput(f"{by_whom}: by: table offers has no column {name!r}{near}")
    near = known_names(name, list(dict.fromkeys([*of_offers, *customers.columns])), "they have")
    raise InvalidInput(f"{by_whom}: by: neither offers nor customers have a column {name!r}{near}")


def nothing_has_values(limit: Limit) -> InvalidInput:
    """Return the error that no coupon is in any group of a hard limit.

    Parameters
    ----------
    limit : Limit
        With `by`, and without a table.

    Returns
    -------
    InvalidInput
    """
    columns = ", ".join(map(repr, limit.by_columns))
    together = " together" if len(limit.by_columns) > 1 else ""
    return InvalidInput(
        f"{limit.label}: by: nothing that it is about has values of {columns}{together}, so that it would concern "
        "nothing; if that is meant, say may_be_empty"
    )


def negative_denominator(limit: Limit, offer: Any) -> InvalidInput:
    """Return what a division by something negative is refused with: it has no meaning as a linear row.

    Parameters
    ----------
    limit : Limit
    offer : int or str
        Id of an offer that has a candidate with a negative column.

    Returns
    -------
    InvalidInput
    """
    kind = "ratio" if limit.ratio is not None else "share" if limit.share else "relative_to"
    return InvalidInput(
        f"{limit.label}: {kind}: expected {limit.below!r} from 0 up, "
        f"got a negative one for offer {offer!r}"
    )


def refuse_other_keys(
    keys: list[Any], values: list[Any], limit: Limit, name: str, source: str
) -> None:
    """Refuse a table whose keys are of another type than the column that they are of: they would meet nothing.

    Parameters
    ----------
    keys, values : list
        Distinct values of the table of bounds, and of the column.
    limit : Limit
    name : str
        The column.
    source : {"offers", "customers"}
        Whose it is.

    Raises
    ------
    InvalidInput
    """

    def kinds(of: list[Any]) -> set[type]:
        return {float if type(value) in (int, float) else type(value) for value in of}

    if keys and values and not kinds(keys) <= kinds(values):
        raise InvalidInput(
            f"table of {limit.label}, column {name!r}: expected values like {values[0]!r} "
            f"as in table {source}, got {keys[0]!r}"
        )
