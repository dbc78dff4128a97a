"""What the kernels of exchanges are given: rows with residual capacity, and single moves that use it or add to it."""

from __future__ import annotations

from typing import NamedTuple

from .contract import Amounts, Bounds, Offsets, Sums


class OpenRows(NamedTuple):
    """Rows with a price whose residual capacity is worth something.

    A row with a positive price is *used* by its activity, and a row with a negative one by what its activity falls.

    Attributes
    ----------
    price : ndarray of float64, shape (L,)
        Price of a unit of each row, signed.
    idle : ndarray of float64, shape (L,)
        Objective that the row's residual capacity is worth at its price; 0: the row is closed, nothing is looked for.
    """

    price: Amounts
    idle: Amounts


class ListedMoves(NamedTuple):
    """Single moves of customers, each listed for a row that it uses or relieves.

    Attributes
    ----------
    row : ndarray of int32, shape (m,)
    customer : ndarray of int64, shape (m,)
    leaving, into : ndarray of int64, shape (m,)
        Candidates that go and come; -1: none.
    use : ndarray of float64, shape (m,)
        How much more of the row the move uses; negative: how much it relieves it by.
    gain : ndarray of float64, shape (m,)
        Objective that the move gains.
    """

    row: Bounds
    customer: Sums
    leaving: Sums
    into: Sums
    use: Amounts
    gain: Amounts


class RowMoves(NamedTuple):
    """Moves, row by row.

    Attributes
    ----------
    ptr : ndarray of int64, shape (L + 1,)
        Moves of each row.
    customer : ndarray of int64, shape (m,)
    use, gain : ndarray of float64, shape (m,)
        As in `ListedMoves`.
    cost : ndarray of float64, shape (m,)
        What the move loses of the objective beyond what it uses of the row is worth: no exchange that gains costs more,
        all in all, than the row's residual capacity is worth.
    """

    ptr: Offsets
    customer: Sums
    use: Amounts
    gain: Amounts
    cost: Amounts


class Rooms(NamedTuple):
    """What exchanges may use of each row, and what they must gain.

    Attributes
    ----------
    room : ndarray of float64, shape (L,)
        How much more of the row may be used.
    back : ndarray of float64, shape (L,)
        How much less of it must still be used; infinite: any.
    least, enough : ndarray of float64, shape (L,)
        An exchange must gain more than `least`. One that gains `enough` is taken without a look at any other of three
        moves.
    """

    room: Amounts
    back: Amounts
    least: Amounts
    enough: Amounts
