"""Progress on standard error: a line for each stage, or one line that changes where that is a terminal."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

Report = Callable[[str, str], None]
"""Takes the name of a stage, and a line on how it stands."""


@contextmanager
def reporter(wanted: bool) -> Iterator[Report | None]:
    """Show progress while the context lasts.

    Parameters
    ----------
    wanted : bool

    Yields
    ------
    callable or None
        To be called with the name of a stage and a line on how it stands; None where progress is not wanted.
    """
    if not wanted:
        yield None
        return
    from rich.console import Console

    console = Console(stderr=True, highlight=False)
    if not sys.stderr.isatty():
        yield lambda stage, line: console.print(f"{stage}: {line}" if line else stage)
        return
    with console.status("couponry") as status:
        yield lambda stage, line: status.update(f"{stage}: {line}" if line else stage)
