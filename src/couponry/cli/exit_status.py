"""Exit statuses of the command line, and what they mean."""

from __future__ import annotations

from enum import IntEnum

from ..utils.process.signals import INTERRUPTED, TERMINATED


class ExitStatus(IntEnum):
    """Exit statuses of every command, each with its meaning."""

    def __new__(cls, value: int, meaning: str) -> ExitStatus:
        """Make a status of a number and its meaning."""
        status = int.__new__(cls, value)
        status._value_ = value
        status.meaning = meaning
        return status

    meaning: str

    SOLVED = 0, "solved"
    PROBLEMS = 1, "verify found what does not hold (or internal error or lost output)"
    INVALID = 2, "invalid input"
    INFEASIBLE = 3, "proved infeasible"
    UNSOLVED = 4, "stopped with no feasible allocation"
    INTERRUPTED = INTERRUPTED, "interrupted"
    UNREAD = 141, "standard output closed by its reader"
    TERMINATED = TERMINATED, "terminated"


EXIT_STATUS_OF_RESULT = {
    "optimal": ExitStatus.SOLVED,
    "feasible": ExitStatus.SOLVED,
    "infeasible": ExitStatus.INFEASIBLE,
    "unsolved": ExitStatus.UNSOLVED,
}

EXIT_STATUSES = ", ".join(f"{status.value} {status.meaning}" for status in ExitStatus)
