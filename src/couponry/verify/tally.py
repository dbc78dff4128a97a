"""Problems that many rows have in common: counted over blocks, and told once, with the first of them."""

from __future__ import annotations

from .claims import Claims

COUNT = "\0"
"""Stands in a problem for the number of rows or customers that have it."""


class Tally:
    """Counts what is wrong, kind by kind.

    Parameters
    ----------
    claims : Claims
        Receives a problem for each kind at the end.
    """

    def __init__(self, claims: Claims):
        self._claims = claims
        self._found: dict[str, tuple[int, str]] = {}

    def add(self, problem: str, count: int, first: str) -> None:
        """Count rows or customers with a problem.

        Parameters
        ----------
        problem : str
            The kind, with `COUNT` where the number belongs.
        count : int
            How many more have it; 0: none, but the kind keeps its place among the others.
        first : str
            Which is the first of these.
        """
        known, name = self._found.get(problem, (0, ""))
        self._found[problem] = (known + count, name if known else first if count else "")

    def finish(self) -> None:
        """Note the problems that were found."""
        for problem, (count, first) in self._found.items():
            if count:
                self._claims.note(problem.replace(COUNT, f"{count:,}") + first)
