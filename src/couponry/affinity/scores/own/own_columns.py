"""Feature columns of the user's own: of pairs, customers or items, from a function or a table, as features of pairs."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Mapping
from dataclasses import dataclass
from operator import methodcaller
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ....data import tables
from ....utils.errors import InvalidInput
from ....utils.process.cached_property import cached_property
from ....utils.suggestions import listed
from ...history.customer_part import customer_part
from ...history.purchase_history import PurchaseHistory

WHOSE = ("pair", "customer", "item")
LARGEST_FLOAT = float(np.finfo(np.float32).max)

Floats = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class OwnColumn:
    """A feature that a model does not make itself, such as a customer's age or an item's margin.

    Attributes
    ----------
    by : {"pair", "customer", "item"}
        What it has a number for: each (customer, item) pair of a history, each customer, or each item.
    values : callable, mapping or table
        A function from a history to a number for each of its pairs, customers or items; or, of customers or items, a
        mapping from ids to numbers, or a table of two columns: the ids, called `customer` or `item`, and the numbers.
        A function of pairs or customers is given some customers at a time. It must look at each of them alone: then
        scores do not depend on who else is scored.
    missing : float, optional
        What ids have that the mapping or table lacks. Default: they are refused.

    Raises
    ------
    InvalidInput
        If `by` is something else, or values are no function, mapping or table of finite numbers.

    Examples
    --------
    >>> import numpy as np
    >>> age = OwnColumn("customer", {17: 34.0, 18: 61.0}, missing=45.0)
    >>> spend = OwnColumn("pair", lambda history: np.log1p(history.pairs.spend))
    """

    by: str
    values: Any
    missing: float | None = None

    def __post_init__(self) -> None:
        """Refuse what is no column."""
        if self.by not in WHOSE:
            raise InvalidInput(f"OwnColumn: expected by {', '.join(WHOSE)}, got {self.by!r}")
        if self.missing is not None:
            _checked([self.missing], 1, "OwnColumn, missing")
        if not callable(self.values):
            if self.by == "pair":
                raise InvalidInput("OwnColumn by pair: expected a function from a history")
            _ = self._known  # refuses now what is no table

    @cached_property
    def _known(self) -> tuple[pa.Array, Floats]:
        """Ids in ascending order, and the numbers of each."""
        what = f"OwnColumn by {self.by}"
        if isinstance(self.values, Mapping):
            ids = pa.array(list(self.values))
            given = pa.table({self.by: ids, "value": pa.array(list(self.values.values()))})
        else:
            given = tables.as_table(self.values, what)
        names = [name for name in given.column_names if name != self.by]
        if len(given.column_names) != 2 or len(names) != 1:
            columns = listed(given.column_names)
            raise InvalidInput(f"{what}: expected columns {self.by!r} and one more, got {columns}")
        place, ids = tables.ranks(tables.ids(given, what, self.by))
        if len(ids) < len(place):
            raise InvalidInput(f"{what}: expected each id once, got {len(place):,} of {len(ids):,}")
        values = np.empty(len(place), np.float32)
        values[place] = _checked(tables.numbers(given, what, names[0]), len(place), what)
        return ids, values

    def of(self, history: PurchaseHistory, ids: pa.Array, what: str) -> Floats:
        """Return the numbers of a history's pairs, customers or items.

        Parameters
        ----------
        history : PurchaseHistory
            Of some customers.
        ids : pyarrow.Array
            Its customers or items.
        what : str
            Which column this is, for errors.

        Returns
        -------
        ndarray of float32, shape (n,)
            In the order of the history.

        Raises
        ------
        InvalidInput
            If there is not a finite number for each.
        """
        if callable(self.values):
            count = len(history) if self.by == "pair" else len(ids)
            return _checked(self.values(history), count, what)
        known, values = self._known
        if len(known) and len(ids) and known.type != ids.type:
            kinds = tables.kind_of_ids(ids), tables.kind_of_ids(known)
            raise InvalidInput(f"{what}: expected ids that are {kinds[0]}, got {kinds[1]}")
        place = _positions(ids, known)
        if self.missing is None and (place < 0).any():
            first = ids[int((place < 0).argmax())].as_py()
            raise InvalidInput(f"{what}: there is nothing of {self.by} {first!r}; say missing=...")
        found = np.full(len(ids), self.missing or 0.0, np.float32)
        found[place >= 0] = values[place[place >= 0]]
        return found


class OwnFeatures:
    """A user's own columns for one history, as features of its pairs.

    Parameters
    ----------
    columns : mapping of str to OwnColumn, optional
        By name of the feature.
    history : PurchaseHistory

    Raises
    ------
    InvalidInput
        If a column is none, or there is not a finite number for each item.
    """

    def __init__(self, columns: Mapping[str, OwnColumn] | None, history: PurchaseHistory):
        self._columns, self._history = dict(columns or {}), history
        for name, column in self._columns.items():
            if not isinstance(column, OwnColumn):
                raise InvalidInput(
                    f"columns, {name!r}: expected an OwnColumn, got {type(column).__name__}"
                )
        self._of_items = {
            name: column.of(history, history.items, f"columns, {name!r}")
            for name, column in self._columns.items()
            if column.by == "item"
        }

    def of(self, history: PurchaseHistory) -> OwnFeatures:
        """Return the same columns for another history.

        Parameters
        ----------
        history : PurchaseHistory

        Returns
        -------
        OwnFeatures
        """
        return OwnFeatures(self._columns, history)

    def __bool__(self) -> bool:
        """Whether there are any."""
        return bool(self._columns)

    def added_to(
        self,
        features: dict[str, Any],
        start: int,
        stop: int,
        asked: NDArray[np.int64] | None = None,
    ) -> dict[str, Any]:
        """Return features and after them the user's, of pairs of the customers start <= i < stop.

        Parameters
        ----------
        features : dict of str to ndarray, shape (n_pairs,)
        start, stop : int
            Range of customers.
        asked : ndarray of int64, shape (n_pairs,), optional
            Which of all pairs of these customers, ascending. Default: all.

        Returns
        -------
        dict of str to ndarray, shape (n_pairs,)
            The user's in float32.

        Raises
        ------
        InvalidInput
            If a name is there already, or there is not a finite number for each pair or customer.
        """
        if not self._columns:
            return features
        part = customer_part(self._history, start, stop)
        customer = np.repeat(np.arange(stop - start), np.diff(part.indptr))
        some = slice(None) if asked is None else asked
        return self._added(features, part, customer[some], part.item[some], some)

    def added_to_new(
        self,
        features: dict[str, Any],
        customers: tuple[int, int],
        customer: NDArray[np.int64],
        item: NDArray[np.int64],
    ) -> dict[str, Any]:
        """Return features and after them the user's, of pairs of customers and items that they did not buy.

        Parameters
        ----------
        features : dict of str to ndarray, shape (n_pairs,)
        customers : (int, int)
            Range of customers.
        customer : ndarray of int64, shape (n_pairs,)
            Positions in the range.
        item : ndarray of int64, shape (n_pairs,)
            Positions in the history's items.

        Returns
        -------
        dict of str to ndarray, shape (n_pairs,)
            The user's in float32.

        Raises
        ------
        InvalidInput
            If a name is there already, a column is of pairs, or there is not a finite number for each customer.
        """
        if not self._columns:
            return features
        of_pairs = [name for name, column in self._columns.items() if column.by == "pair"]
        if of_pairs:
            raise InvalidInput(
                f"columns, {of_pairs[0]!r}: expected columns of customers and items, got one of pairs: what was not "
                "bought yet is in no history"
            )
        return self._added(features, customer_part(self._history, *customers), customer, item)

    def _added(
        self,
        features: dict[str, Any],
        part: PurchaseHistory,
        customer: Any,
        item: Any,
        pairs: Any = slice(None),
    ) -> dict[str, Any]:
        """Return features and the user's, of pairs of a customer of a part of the history and an item."""
        found = dict(features)
        for name, column in self._columns.items():
            if name in features:
                raise InvalidInput(f"columns, {name!r}: expected a name of no feature of the model")
            if column.by == "item":
                found[name] = self._of_items[name][item]
                continue
            values = column.of(part, part.customers, f"columns, {name!r}")
            found[name] = values[pairs] if column.by == "pair" else values[customer]
        return found


def _checked(values: Any, count: int, what: str) -> Floats:
    """Return as many numbers as float32; refuse those that are not finite there."""
    given = np.asarray(values)
    if given.shape != (count,) or given.dtype.kind not in "biuf":
        raise InvalidInput(
            f"{what}: expected {count:,} numbers, got {given.dtype} of shape {given.shape}"
        )
    fine = np.abs(given * 1.0) <= LARGEST_FLOAT
    if not fine.all():
        row = int((~fine).argmax())
        raise InvalidInput(
            f"{what}: expected finite numbers of float32, got {given[row]} at {row:,}"
        )
    return given.astype(np.float32)


def _positions(ids: pa.Array, known: pa.Array) -> NDArray[np.int64]:
    """Return where ids are among known ones, -1 where they are not; both ascend.

    Of a long table only what lies between the first and the last is looked at.
    """
    if not len(ids) or not len(known):
        return np.full(len(ids), -1)
    as_python = methodcaller("as_py")
    low = bisect_left(known, ids[0].as_py(), key=as_python)
    high = bisect_right(known, ids[-1].as_py(), lo=low, key=as_python)
    place = tables.positions(ids, known.slice(low, high - low))
    return np.where(place >= 0, place + low, -1)
