"""The command line, ``couponry``: a file for each group of commands, and one for what they all end with."""

from __future__ import annotations

from .entry import cli, main, run
from .exit_status import EXIT_STATUSES, ExitStatus

__all__ = ["EXIT_STATUSES", "ExitStatus", "cli", "main", "run"]
