"""What couponry raises when it cannot do what it was asked to."""

from __future__ import annotations


class InvalidInput(ValueError):
    """The input is wrong: one line that names the table, column, row or argument, what was expected and what came."""


class Unsupported(InvalidInput):
    """The input is meaningful, but couponry cannot honour it yet and will not ignore it."""


class OutOfTime(Exception):
    """The time limit has passed; raised and caught inside a solve, never seen by callers."""
