"""`Room`: how much of each limit late customers have used, and whether there is room for more."""

from __future__ import annotations

import hashlib
import json
import math
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ...utils.errors import InvalidInput
from ...utils.files.whole_file import read_file, write_file
from .charges import Charge, Charges
from .terms import Kind, Terms

FORMAT, VERSION = "couponry room", 1

CLEARLY = 1.0 - 1e-9
"""Factor on a float that makes up for its rounding."""


class Room:
    """How much of each limit the decisions on late customers have used.

    `Prices.room` makes one, and `Prices.decide` uses one up. Many threads may use the same at once: no two of them are
    given the same room. Sums are of whole numbers, so that they do not depend on the order of decisions.

    Parameters
    ----------
    terms : Terms
        What is agreed, and what the allocation comes to.
    charges : Charges
        What coupons use.
    """

    def __init__(self, terms: Terms, charges: Charges):
        self._terms, self._charges = terms, charges
        limits, n_rows = terms.limits, len(terms.price)
        hard = np.isinf(limits.penalty)
        up = limits.upper - terms.activity - terms.error
        down = terms.activity - terms.error - limits.lower
        self._above = [self._units(r, up[r]) if hard[r] else None for r in range(n_rows)]
        self._below = [self._units(r, down[r]) if hard[r] else None for r in range(n_rows)]
        self._used, self._error = [0] * n_rows, [0] * n_rows
        self._least = charges.least_amounts()
        self._lock = threading.Lock()
        self._closed_pairs = np.zeros(len(charges.row), bool)
        self._closed: dict[Kind, NDArray[np.bool_] | None] = {}
        self._close(range(n_rows))

    def _units(self, row: int, room: float) -> int | None:
        """Room in units of a row, at least none; None where there is no bound."""
        if math.isinf(room):
            return None
        return max(0, math.floor(math.ldexp(room, int(self._charges.shift[row]))))

    def take(self, charge: Charge) -> list[int]:
        """Use room, unless a hard limit would break.

        Parameters
        ----------
        charge : Charge
            What would be used.

        Returns
        -------
        list of int
            Rows without enough room; none: it has been used.
        """
        with self._lock:
            all_used, all_errors, above, below = self._used, self._error, self._above, self._below
            broken = []
            for row, (used, error) in charge.items():
                if used > 0:
                    bound = above[row]
                    if bound is not None and all_used[row] + used + all_errors[row] + error > bound:
                        broken.append(row)
                elif used < 0:
                    bound = below[row]
                    if bound is not None and all_errors[row] + error - all_used[row] - used > bound:
                        broken.append(row)
            if not broken:
                for row, (used, error) in charge.items():
                    all_used[row] += used
                    all_errors[row] += error
            return broken

    def give_back(self, decisions: Any) -> None:
        """Take decisions back: what they have used may be used again.

        Parameters
        ----------
        decisions : LateDecisions or OneDecision
            Made with this room, and not taken back before.
        """
        with self._lock:
            self._add(decisions.charge, -1)
            self._closed_pairs[:] = False
            self._closed = {}
            self._close(range(len(self._used)))

    def excess(self, charge: Charge) -> dict[int, tuple[int, float]]:
        """Say by how much rows would break.

        Parameters
        ----------
        charge : Charge
            What would be used.

        Returns
        -------
        dict of int to tuple of int and float
            By row: 1 where it would be above its upper bound, -1 where below its lower one; and the amount.
        """
        found = {}
        with self._lock:
            for row, (used, error) in charge.items():
                if self._breaks(row, used, error):
                    above, below = self._over(row, used, error)
                    sign, units = (1, above) if above > 0 else (-1, below)
                    found[row] = sign, self._charges.as_amount(row, units)
        return found

    def close_full(self, rows: list[int]) -> None:
        """Look for items that some rows have no room for any more.

        Parameters
        ----------
        rows : list of int
            Numbers of the rows.
        """
        with self._lock:
            self._close(rows)

    def closed(self, kind: Kind) -> NDArray[np.bool_] | None:
        """Tell which items there is no room for.

        Parameters
        ----------
        kind : Kind
            Of the customer.

        Returns
        -------
        ndarray of bool, shape (n_items,), or None
            None where there is room for a coupon of each.
        """
        known = self._closed
        if kind in known:
            return known[kind]
        with self._lock:
            covers = self._terms.covers(kind)
            found = np.zeros(len(self._terms.items), bool)
            pairs = self._closed_pairs & covers[self._charges.row]
            found[self._charges.item[pairs]] = True
            self._closed[kind] = found if found.any() else None
            return self._closed[kind]

    def closing_rows(self, kind: Kind, item: int) -> list[int]:
        """List the rows that have no room for a coupon of an item.

        Parameters
        ----------
        kind : Kind
            Of the customer.
        item : int
            Its number.

        Returns
        -------
        list of int
            Numbers of the rows.
        """
        covers = self._terms.covers(kind)
        at = self._closed_pairs & (self._charges.item == item) & covers[self._charges.row]
        return [int(row) for row in self._charges.row[at]]

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
        measure = self._terms.limits.measures[self._terms.limits.measure_of_row[row]]
        return measure.name, measure.group

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
        with self._lock:
            used, error = list(self._used), list(self._error)
        terms, limits = self._terms, self._terms.limits
        measures = [limits.measures[m] for m in limits.measure_of_row.tolist()]
        amount = self._charges.as_amount
        spent = np.array([amount(r, units) for r, units in enumerate(used)])
        off = terms.error + np.array([amount(r, units) for r, units in enumerate(error)])
        finite = [
            np.where(np.isfinite(bound), bound, np.nan) for bound in (limits.lower, limits.upper)
        ]
        left = finite[1] - terms.activity - spent
        return pa.table(
            {
                "name": pa.array([m.name for m in measures], pa.string()),
                "group": pa.array([m.group for m in measures], pa.string()),
                "sum": pa.array([m.sum for m in measures], pa.string()),
                "mode": pa.array([m.mode for m in measures], pa.string()),
                "min": pa.array(finite[0], pa.float64(), from_pandas=True),
                "max": pa.array(finite[1], pa.float64(), from_pandas=True),
                "achieved": pa.array(terms.activity, pa.float64()),
                "used": pa.array(spent, pa.float64()),
                "error": pa.array(off, pa.float64()),
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
        with self._lock:
            content = {"used": [*map(str, self._used)], "error": [*map(str, self._error)]}
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
            used, error = ([int(units) for units in content[key]] for key in ("used", "error"))
            prices = content["prices"]
        except (ValueError, TypeError, KeyError) as problem:
            raise InvalidInput(
                f"room {str(path)!r}: expected a file that Room.save wrote"
            ) from problem
        if of != (FORMAT, VERSION):
            raise InvalidInput(f"room {str(path)!r}: expected version {VERSION}, got {of[1]!r}")
        if prices != self._digest() or len(used) != len(self._used) or len(error) != len(used):
            raise InvalidInput(
                f"room {str(path)!r}: expected one of these prices, got one of others"
            )
        with self._lock:
            self._used, self._error = used, error
            self._closed_pairs[:] = False
            self._closed = {}
            self._close(range(len(used)))

    def _digest(self) -> str:
        """What a room is of: prices, and units that it counts in."""
        terms = self._terms
        digest = hashlib.sha256()
        for array in (terms.price, terms.activity, terms.limits.upper, self._charges.shift):
            digest.update(np.ascontiguousarray(array).tobytes())
        return digest.hexdigest()

    # ---- what follows is called with the lock held

    def _over(self, row: int, used: int, error: int) -> tuple[int, int]:
        """By how many units a row would be above and below its bounds."""
        used, error = self._used[row] + used, self._error[row] + error
        above, below = self._above[row], self._below[row]
        return (
            0 if above is None else used + error - above,
            0 if below is None else error - used - below,
        )

    def _breaks(self, row: int, used: int, error: int) -> bool:
        """Whether a row would break. What adds nothing against a bound does not break it."""
        above, below = self._over(row, used, error)
        return (above > 0 and used > 0) or (below > 0 and used < 0)

    def _add(self, charge: Charge, sign: int) -> None:
        for row, (used, error) in charge.items():
            self._used[row] += sign * used
            self._error[row] += sign * error

    def _close(self, rows: Any) -> None:
        """Look for pairs of items and these rows that there is no room for."""
        left = np.full(len(self._used), np.nan)
        for row in rows:
            above = self._above[row]
            if above is not None:
                units = above - self._used[row] - self._error[row]
                left[row] = self._charges.as_amount(row, max(0, units))
        pairs = np.flatnonzero(np.isfinite(left)[self._charges.row])
        least = self._least[pairs]
        full = (least > 0) & (least * CLEARLY > left[self._charges.row[pairs]])
        if full.any() and not self._closed_pairs[pairs[full]].all():
            closed = self._closed_pairs.copy()
            closed[pairs[full]] = True
            self._closed_pairs = closed
            self._closed = {}
