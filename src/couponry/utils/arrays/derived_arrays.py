"""Arrays that are made of other arrays, and kept so that whoever needs the same ones again need not make them again."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any, Protocol

from numpy.typing import NDArray

from .array_store import Arrays, ArrayStore, MemoryStore

KEPT_BYTES = 1 << 20
"""Arrays up to this size are kept in memory whether anybody holds them or not."""


class DerivedArrays(Protocol):
    """Makes arrays of others, or finds those that were made before."""

    def get_or_make(
        self, kind: str, key: Sequence[str], make: Callable[[ArrayStore], Arrays]
    ) -> Arrays:
        """Return arrays that were made before of the same kind and key, or make them.

        Parameters
        ----------
        kind : str
            What the arrays are.
        key : sequence of str
            Everything that they depend on besides the arrays that they are made of.
        make : callable
            Writes them into the store that it is given, and returns them by the names that it writes them under.

        Returns
        -------
        dict of str to ndarray
            The arrays by name.
        """


class SharedArrays:
    """Derived arrays in memory, shared by whoever needs the same ones as long as somebody holds them.

    Large ones are not kept alive for their own sake. Of each kind the last are remembered; of the kind ``"span"``
    the last of each key, as a folder has them.
    """

    def __init__(self) -> None:
        self._last: dict[tuple[str, ...], tuple[tuple[str, ...], Callable[[], Arrays | None]]] = {}

    def __reduce__(self) -> tuple[type[SharedArrays], tuple[()]]:
        """Another process, or a copy, makes its own: what is remembered here is not its to hold."""
        return SharedArrays, ()

    def get_or_make(
        self, kind: str, key: Sequence[str], make: Callable[[ArrayStore], Arrays]
    ) -> Arrays:
        """Return the arrays of this kind and key, as `DerivedArrays` says.

        Parameters
        ----------
        kind : str
            What the arrays are.
        key : sequence of str
            Everything that they depend on besides the arrays that they are made of.
        make : callable
            Writes them into the store that it is given.

        Returns
        -------
        dict of str to ndarray
            The arrays by name.
        """
        slot = (kind, *key) if kind == "span" else (kind,)
        last, recall = self._last.get(slot, ((), lambda: None))
        found = recall() if last == tuple(key) else None
        if found is None:
            found = make(MemoryStore())
            self._last[slot] = tuple(key), _remember(found)
        return found

    def remembered(self, kind: str) -> Iterator[tuple[list[str], Arrays]]:
        """Yield the arrays of a kind that are there without being made.

        Parameters
        ----------
        kind : str

        Yields
        ------
        tuple of list of str and dict of str to ndarray
            Their key, and the arrays.
        """
        for slot, (key, recall) in self._last.items():
            found = recall() if slot[0] == kind else None
            if found is not None:
                yield list(key), found


def _remember(arrays: Arrays) -> Callable[[], Arrays | None]:
    """What returns the same arrays again, or None once a large one has been given up by everybody."""
    refs: dict[str, Callable[[], NDArray[Any] | None]] = {
        name: weakref.ref(array) if array.nbytes > KEPT_BYTES else partial(_same, array)
        for name, array in arrays.items()
    }

    def recall() -> Arrays | None:
        found = {name: ref() for name, ref in refs.items()}
        alive = {name: array for name, array in found.items() if array is not None}
        return alive if len(alive) == len(refs) else None

    return recall


def _same(array: NDArray[Any]) -> NDArray[Any]:
    return array
