"""Where in the user's own code couponry was called."""

from __future__ import annotations

import sys

PACKAGE = __name__.partition(".")[0]


def user_stack_level() -> int:
    """Count the frames from the caller of this up to the first that is not couponry's own.

    Returns
    -------
    int
        What `warnings.warn` takes as `stacklevel` to name the user's own line; 1 where that is the caller's.
    """
    frame = sys._getframe(1)
    level = 1
    while frame.f_back is not None:
        if frame.f_globals.get("__name__", "").partition(".")[0] != PACKAGE:
            break
        frame, level = frame.f_back, level + 1
    return level
