"""The command ``couponry``, also as python -m couponry: takes care of Ctrl-C before anything is imported."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable

from .utils.process.signals import end_at_once


def main() -> None:
    """Run the command line and leave with its exit status."""
    end_at_once()
    _command_line()()


def _command_line() -> Callable[[], None]:
    """Import the command line; where that fails, as with too little memory, leave with status 1 and one line."""
    try:
        from .cli import main as command_line
    except (ImportError, MemoryError, OSError, RuntimeError, SystemError) as error:
        if os.environ.get("COUPONRY_DEBUG"):
            raise
        said = " ".join(f"{type(error).__name__}: {error}".split())[:220]
        sys.exit(f"couponry: internal error: cannot be loaded, too little memory? {said}")
    return command_line


if __name__ == "__main__":
    main()
