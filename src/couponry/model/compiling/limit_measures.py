"""What is measured of limits: a sum for each limit and group, with its bounds, as arrays."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, overload

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ...utils.process.cached_property import cached_property
from ..limit_bounds import GroupBounds
from ..limits import Limit


@dataclass(frozen=True, slots=True)
class Measure:
    """One limit for one group: what it is called and asked to be.

    Attributes
    ----------
    name : str
        Of the limit.
    group : str or None
        Value of the limit's `by`, as `group_text` has it.
    sum : str
        What is summed, as `Limit.sum_text` has it.
    min, max : float or None
    mode : str
    penalty : float
        0.0 where the limit has none.
    """

    name: str
    group: str | None
    sum: str
    min: float | None
    max: float | None
    mode: str
    penalty: float


class Measures(Sequence[Measure]):
    """The measures of some limits, group by group; each is made when it is asked for.

    Parameters
    ----------
    limits : sequence of Limit
    bounds : sequence of GroupBounds
        Groups of each limit.

    Attributes
    ----------
    low, high : ndarray of float64, shape (n_measures,)
        NaN: none.
    penalty : ndarray of float64, shape (n_measures,)
        0 where the limit has none.
    """

    def __init__(self, limits: Sequence[Limit], bounds: Sequence[GroupBounds]):
        self._limits, self._bounds = list(limits), list(bounds)
        self._sizes = [len(each) for each in bounds]
        self._first = np.cumsum([0, *self._sizes])
        none = np.zeros(0)
        self.low: NDArray[np.float64] = np.concatenate([none, *(each.low for each in bounds)])
        self.high: NDArray[np.float64] = np.concatenate([none, *(each.high for each in bounds)])
        self.penalty = self._repeated([limit.penalty or 0.0 for limit in limits], float)

    def __len__(self) -> int:
        return int(self._first[-1])

    @overload
    def __getitem__(self, number: int) -> Measure: ...

    @overload
    def __getitem__(self, number: slice) -> list[Measure]: ...

    def __getitem__(self, number: int | slice) -> Measure | list[Measure]:
        if isinstance(number, slice):
            return [self[one] for one in range(*number.indices(len(self)))]
        number = range(len(self))[number]
        which = int(np.searchsorted(self._first, number, side="right")) - 1
        group = self._bounds[which].name(number - int(self._first[which]))
        low, high = float(self.low[number]), float(self.high[number])
        return _measure(self._limits[which], group, low, high)

    def __iter__(self) -> Iterator[Measure]:
        for limit, bounds in zip(self._limits, self._bounds, strict=True):
            ends = bounds.names().to_pylist(), bounds.low.tolist(), bounds.high.tolist()
            for group, low, high in zip(*ends, strict=True):
                yield _measure(limit, group, low, high)

    @cached_property
    def names(self) -> list[tuple[str, str | None]]:
        """Name and group of each one, without the rest."""
        return [
            (limit.name, group)
            for limit, bounds in zip(self._limits, self._bounds, strict=True)
            for group in bounds.names().to_pylist()
        ]

    def of_mode(self, mode: str) -> NDArray[np.bool_]:
        """Tell which measures are of limits of a mode.

        Parameters
        ----------
        mode : {"hard", "soft", "report"}

        Returns
        -------
        ndarray of bool, shape (n_measures,)
        """
        return self._repeated([limit.mode == mode for limit in self._limits], bool)

    def columns(self) -> dict[str, pa.Array]:
        """Return name, group, sum, min, max and mode as columns.

        Returns
        -------
        dict of str to pyarrow.Array
        """
        words = {
            "name": [limit.name for limit in self._limits],
            "sum": [limit.sum_text() for limit in self._limits],
            "mode": [limit.mode for limit in self._limits],
        }
        of_limit = np.arange(len(self._limits)).repeat(self._sizes)
        texts = {name: pa.array(word, pa.string()).take(of_limit) for name, word in words.items()}
        groups = [bounds.names() for bounds in self._bounds]
        return {
            "name": texts["name"],
            "group": pa.concat_arrays([pa.array([], pa.string()), *groups]),
            "sum": texts["sum"],
            "min": pa.array(self.low, pa.float64(), from_pandas=True),
            "max": pa.array(self.high, pa.float64(), from_pandas=True),
            "mode": texts["mode"],
        }

    def _repeated(self, of_limits: list[Any], dtype: type) -> NDArray[Any]:
        """A value of each limit, for each of its measures."""
        return np.array(of_limits, dtype).repeat(self._sizes)


def _measure(limit: Limit, group: str | None, low: float, high: float) -> Measure:
    """One measure of a limit; NaN: no bound."""
    return Measure(
        limit.name,
        group,
        limit.sum_text(),
        None if low != low else low,
        None if high != high else high,
        limit.mode,
        float(limit.penalty or 0.0),
    )
