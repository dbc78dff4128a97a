"""`Room`: how much of each limit late customers have used, and whether there is room for more."""

from __future__ import annotations

import hashlib
import json
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ...kernels.late_contract import UNBOUNDED, Account
from ...utils.errors import InvalidInput
from ...utils.files.whole_file import read_file, write_file
from .charges import ChargedRows, Use, added
from .terms import Terms

FORMAT, VERSION = "couponry room", 2

NAMING = ("name", "group", "sum", "mode")
"""Columns that say of which limit a row is."""


class Room:
    """How much of each limit the decisions on late customers have used.

    `Prices.room` makes one, and `Prices.decide` uses one up. Many threads may use the same at once: no two of them are
    given the same room. Sums are of whole numbers, so that they do not depend on the order of decisions.

    Parameters
    ----------
    terms : Terms
        What is agreed, and what the allocation comes to.
    charges : ChargedRows
        What coupons use.

    Attributes
    ----------
    lock : threading.Lock
        Whoever reads or writes the account holds it.
    account : couponry.kernels.late_contract.Account
    """

    def __init__(self, terms: Terms, charges: ChargedRows):
        self._terms, self._charges = terms, charges
        self.lock = threading.Lock()
        above, below = (
            np.where(np.isfinite(bound), np.floor(bound * charges.unit), UNBOUNDED).astype(np.int64)
            for bound in (charges.up, charges.down)
        )
        self.account = Account(above, below, *np.zeros((4, len(above)), np.int64))

    def take(self, use: Use) -> bool:
        """Use room, unless a hard limit would break. What adds nothing against a bound does not break it.

        Parameters
        ----------
        use : Use
            What would be used.

        Returns
        -------
        bool
            Whether there was room, and it has been used.
        """
        with self.lock:
            if self._overdrawn(use).any():
                return False
            account = self.account
            account.used[:], account.error[:] = added(Use(account.used, account.error), use)
        return True

    def overdrawn(self, use: Use) -> NDArray[np.bool_]:
        """Tell which hard limits' rows would break.

        Parameters
        ----------
        use : Use
            What would be used.

        Returns
        -------
        ndarray of bool, shape (n_rows,)
            False where they are soft, or have no such bound.
        """
        with self.lock:
            return self._overdrawn(use)

    def _overdrawn(self, use: Use) -> NDArray[np.bool_]:
        account = self.account
        then = added(Use(account.used, account.error), use)
        rises = (use.used > 0) & (then.used + then.error > account.above)
        falls = (use.used < 0) & (then.error - then.used > account.below)
        found: NDArray[np.bool_] = rises | falls
        return found

    def left(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return how far what is used may rise and fall yet, in units of each row, at least 0.

        Returns
        -------
        up, down : ndarray of int64, shape (n_rows,)
            `UNBOUNDED`, about, where by any amount.
        """
        account = self.account
        with self.lock:
            up = account.above - account.used - account.error
            down = account.below + account.used - account.error
        return np.maximum(up, 0), np.maximum(down, 0)

    def used(self) -> NDArray[np.float64]:
        """Return what has been used of each row.

        Returns
        -------
        ndarray of float64, shape (n_rows,)
            In its own unit.
        """
        with self.lock:
            return np.asarray(self.account.used / self._charges.unit)

    def full_pairs(self, charges: ChargedRows) -> NDArray[np.bool_]:
        """Tell which pairs of an item and a row have no room for any packed coupon of it, whatever else is given.

        Parameters
        ----------
        charges : ChargedRows
            Whose pairs they are.

        Returns
        -------
        ndarray of bool, shape (n_pairs,)
            In the order of the charges.
        """
        least, only_rises = charges.least_units(), ~charges.may_fall()[charges.row]
        return np.asarray(only_rises & (least > 0) & (least > self.left()[0][charges.row]))

    def give_back(self, decisions: Any) -> None:
        """Take decisions back: what they have used may be used again.

        Parameters
        ----------
        decisions : LateDecisions or OneDecision
            Made with this room, and not taken back before.
        """
        with self.lock:
            for row, (used, error) in decisions.charge.items():
                self.account.used[row] -= used
                self.account.error[row] -= error

    def label(self, row: int) -> tuple[str, str | None]:
        """Name the limit that a row is of.

        Parameters
        ----------
        row : int
            Its number.

        Returns
        -------
        tuple of str and str or None
            Its name and group.
        """
        limits = self._terms.limits
        return limits.measures.names[int(limits.measure_of_row[row])]

    def to_arrow(self) -> pa.Table:
        """Say what has been used of each limit, and what is left.

        Returns
        -------
        pyarrow.Table
            For each row of a limit that is kept or priced: `name`, `group`, `sum`, `mode`; `min` and `max`, those of a
            ratio as what its first sum less the bound times its second must keep; `achieved` by the allocation;
            `used` by late customers; `error`, how far both may be off together; `left` below the maximum, null where
            there is none.
        """
        with self.lock:
            used, error = (units / self._charges.unit for units in self.account[2:4])
        terms, limits = self._terms, self._terms.limits
        columns = limits.measures.columns()
        named = {name: columns[name].take(pa.array(limits.measure_of_row)) for name in NAMING}
        finite = [
            np.where(np.isfinite(bound), bound, np.nan) for bound in (limits.lower, limits.upper)
        ]
        left = finite[1] - terms.activity - used
        return pa.table(
            {
                **named,
                "min": pa.array(finite[0], pa.float64(), from_pandas=True),
                "max": pa.array(finite[1], pa.float64(), from_pandas=True),
                "achieved": pa.array(terms.activity, pa.float64()),
                "used": pa.array(used, pa.float64()),
                "error": pa.array(terms.error + error, pa.float64()),
                "left": pa.array(left, pa.float64(), from_pandas=True),
            }
        )

    def save(self, path: str | Path) -> Path:
        """Write what has been used to a file, which appears whole or not at all.

        Parameters
        ----------
        path : str or Path
            An earlier file is replaced.

        Returns
        -------
        Path
            The file.
        """
        with self.lock:
            content = {"used": self.account.used.tolist(), "error": self.account.error.tolist()}
        head = {"format": FORMAT, "version": VERSION, "prices": self._digest()}
        return write_file(path, json.dumps({**head, **content}).encode())

    def load(self, path: str | Path) -> None:
        """Take over what has been used from a file, in place of what this room has used.

        Parameters
        ----------
        path : str or Path
            What `save` wrote.

        Raises
        ------
        InvalidInput
            If it is no such file, or one of other prices.
        """
        data = read_file(path, "room")
        try:
            content = json.loads(data)
            of = content["format"], content["version"]
            used, error = (np.array(content[key], np.int64) for key in ("used", "error"))
            prices = content["prices"]
        except (ValueError, TypeError, KeyError, OverflowError) as problem:
            raise InvalidInput(
                f"room {str(path)!r}: expected a file that Room.save wrote"
            ) from problem
        if of != (FORMAT, VERSION):
            raise InvalidInput(f"room {str(path)!r}: expected version {VERSION}, got {of[1]!r}")
        shape = self.account.used.shape
        if prices != self._digest() or used.shape != shape or error.shape != shape:
            raise InvalidInput(
                f"room {str(path)!r}: expected one of these prices, got one of others"
            )
        with self.lock:
            self.account.used[:], self.account.error[:] = used, error

    def _digest(self) -> str:
        """What a room is of: prices, and units that it counts in."""
        terms = self._terms
        digest = hashlib.sha256()
        for array in (terms.price, terms.activity, terms.limits.upper, self._charges.unit):
            digest.update(np.ascontiguousarray(array).tobytes())
        return digest.hexdigest()
