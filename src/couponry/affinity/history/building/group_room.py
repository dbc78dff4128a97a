"""Room for what purchases of a range of customers come to."""

from __future__ import annotations

from threading import local
from typing import Any

from ....kernels.affinity_contract import GroupedStates
from ....kernels.purchases_contract import GroupedRows
from ..pair_states import slice_states


class GroupRoom(local):
    """Room for what rows come to, of each thread, which is used again: new memory costs more than what is written.

    Parameters
    ----------
    n_half_lives : int
    """

    def __init__(self, n_half_lives: int) -> None:
        self._n_half_lives = n_half_lives
        self._grouped, self._states = GroupedRows.new(0), GroupedStates.new(0, n_half_lives)

    def of_purchases(self, rows: int) -> GroupedRows:
        """Return room for so many rows, until the thread asks again.

        Parameters
        ----------
        rows : int

        Returns
        -------
        GroupedRows
        """
        spare = len(self._grouped.customer) - rows
        if spare < 0:
            self._grouped = GroupedRows.new(rows)
            spare = 0
        arrays: list[Any] = [array[: len(array) - spare] for array in self._grouped[1:]]
        return GroupedRows(self._grouped.counts, *arrays)

    def of_states(self, rows: int) -> GroupedStates:
        """Return room for the states that so many rows come to, until the thread asks again.

        Parameters
        ----------
        rows : int

        Returns
        -------
        GroupedStates
        """
        if len(self._states.customer) < rows:
            self._states = GroupedStates.new(rows, self._n_half_lives)
        room = self._states
        return GroupedStates(
            room.counts, room.customer[:rows], room.n_pairs[:rows], room.item[:rows],
            slice_states(room.pairs, 0, rows), slice_states(room.trips, 0, rows),
        )  # fmt: skip
