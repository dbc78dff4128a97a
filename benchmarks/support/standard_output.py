"""Standard output for figures alone: HiGHS prints a line of its own at times, past Python."""

from __future__ import annotations

import os
from typing import TextIO


def for_figures_alone() -> TextIO:
    """Standard output, as a file of its own; whatever else this process prints goes to standard error from now on."""
    output = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    return output
