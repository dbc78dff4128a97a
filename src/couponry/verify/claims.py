"""The files of a result: what they claim, what is true instead, and the problems found, one by one or counted."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa

from ..data import tables
from ..utils.errors import InvalidInput
from .rounding import finite, is_close

KEYS = (
    "status", "objective", "bound", "gap", "max_violation", "allocated", "customers", "candidates",
    "full_passes", "seconds", "peak_memory_bytes", "threads", "backend", "engine", "seed", "version",
)  # fmt: skip
"""What result.json must say."""

COUNT = "\0"
"""Stands in a problem for the number of rows or customers that have it."""


class Claims:
    """One result folder, and what the checks have to say about it.

    Parameters
    ----------
    out : Path or None
        Result folder. None: an allocation alone, which claims nothing.

    Attributes
    ----------
    is_result : bool
        Whether there is a result folder.
    true : dict of str to object
        What was recomputed, by field of `Report`.
    problems : list of str
        One line for each.

    Raises
    ------
    InvalidInput
        If result.json cannot be read.
    """

    def __init__(self, out: Path | None):
        self.is_result = out is not None
        self._out = out or Path()
        self._result = {} if out is None else self.read_json("result.json")
        self.true: dict[str, Any] = {"bound": finite(self.get("bound")), "bound_from_prices": None}
        self.problems = [
            f"result.json: key {key!r} is missing"
            for key in KEYS
            if self.is_result and key not in self._result
        ]

    def has(self, name: str) -> bool:
        """Return whether the result has a file of this name.

        Parameters
        ----------
        name : str
            Name of a file.

        Returns
        -------
        bool
            True if it is there.
        """
        return (self._out / name).exists()

    def read_json(self, name: str) -> dict[str, Any]:
        """Read a JSON object of the result.

        Parameters
        ----------
        name : str
            Name of a file.

        Returns
        -------
        dict
            Its content.

        Raises
        ------
        InvalidInput
            If there is no such object.
        """
        what = f"result folder {str(self._out)!r}"
        try:
            content = json.loads((self._out / name).read_text(encoding="utf-8"))
        except OSError:
            raise InvalidInput(f"{what}: no file {name}") from None
        except ValueError as error:
            raise InvalidInput(f"{what}: {name}: {error}") from error
        if not isinstance(content, dict):
            raise InvalidInput(f"{what}: {name}: expected a JSON object")
        return content

    def path(self, name: str) -> Path:
        """Return where a file of the result is.

        Parameters
        ----------
        name : str
            Name of a file.

        Returns
        -------
        Path
        """
        return self._out / name

    def table(self, name: str) -> pa.Table | None:
        """Read a table of the result.

        Parameters
        ----------
        name : str
            Name of the table: of the file, without .parquet.

        Returns
        -------
        pyarrow.Table or None
            None, and a problem is noted, if it is missing.
        """
        file = f"{name}.parquet"
        if self.has(file):
            return tables.read(self._out, file, name)
        self.note(f"{file}: missing")
        return None

    def get(self, key: str) -> Any:
        """Return what result.json says.

        Parameters
        ----------
        key : str
            A key of result.json.

        Returns
        -------
        object
            None if it says nothing.
        """
        return self._result.get(key)

    def admitted_count(self, key: str) -> int:
        """Return how many result.json says that there are; 0 where it says nothing of the kind.

        Parameters
        ----------
        key : str
            A key of result.json.

        Returns
        -------
        int
        """
        said = self.get(key)
        return said if isinstance(said, int) and not isinstance(said, bool) else 0

    def admitted(self, key: str, most: float) -> float:
        """Return the error that result.json admits for a claim.

        Parameters
        ----------
        key : str
            A key of result.json.
        most : float
            Largest error that may be admitted; more is a problem.

        Returns
        -------
        float
            0 if what is admitted is a problem.
        """
        claimed = self.get(key)
        found = finite(0.0 if claimed is None else claimed)
        if found is None or not 0 <= found <= most:
            self.differs(f"result.json: {key}", f"at most {most}", repr(claimed))
            return 0.0
        return found

    def check(
        self,
        key: str,
        true: float,
        error: float | None = None,
        below: float = 0.0,
        above: float = 0.0,
    ) -> None:
        """Keep what is true, and compare result.json with it.

        Parameters
        ----------
        key : str
        true : float
        error : float, optional
            How far the claim may be off; default: not at all.
        below, above : float
            How far the claim may be off to one side, beside `error`.
        """
        self.true[key] = true
        claimed = nearest = self.get(key)
        number = finite(claimed)
        if number is not None:
            nearest = min(max(true, number - above), number + below)
        right = claimed == true if error is None else is_close(nearest, true, error)
        if key in self._result and not right:
            self.differs(f"result.json: {key}", true, repr(claimed))

    def differs(self, what: str, expected: Any, got: Any) -> None:
        """Note a claim that is not right.

        Parameters
        ----------
        what : str
            Which claim.
        expected : object
            What is true.
        got : object
            What the result says.
        """
        self.note(f"{what}: expected {expected}, got {got}")

    def note(self, problem: str) -> None:
        """Add a problem.

        Parameters
        ----------
        problem : str
            One line.
        """
        self.problems.append(problem)


class Tally:
    """Counts what is wrong, kind by kind; each block has its own, which are put together in their order."""

    def __init__(self) -> None:
        self._found: dict[str, tuple[int, str, int]] = {}
        self._admitted: dict[str, str] = {}

    def add(
        self, problem: str, count: int, first: str, row: int = 0, admitted: str | None = None
    ) -> None:
        """Count rows or customers with a problem.

        Parameters
        ----------
        problem : str
            The kind, with `COUNT` where the number belongs.
        count : int
            How many more have it; 0: none, but the kind keeps its place among the others.
        first : str
            Which is the first of these.
        row : int
            Row of the first; of two, the lower one is named. Default: they come in order.
        admitted : str, optional
            Key of result.json that says how many there may be.
        """
        if admitted is not None:
            self._admitted[problem] = admitted
        known, name, at = self._found.get(problem, (0, "", 0))
        if count and (not known or row < at):
            name, at = first, row
        self._found[problem] = (known + count, name, at)

    def merge(self, other: Tally) -> None:
        """Add what another tally counts.

        Parameters
        ----------
        other : Tally
            Of later rows or customers.
        """
        for problem, found in other._found.items():
            self.add(problem, *found, other._admitted.get(problem))

    def finish(self, claims: Claims) -> None:
        """Note the problems that were found.

        Parameters
        ----------
        claims : Claims
            Receives a problem for each kind.
        """
        for problem, (count, first, _) in self._found.items():
            key = self._admitted.get(problem)
            if count > (claims.admitted_count(key) if key else 0):
                claims.note(problem.replace(COUNT, f"{count:,}") + first)
