"""Progress of a solve on standard error: a line per stage, through rich where it is a terminal."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

Report = Callable[[str, str], None]


@contextmanager
def reporter(wanted: bool) -> Iterator[Report | None]:
    """Something to call with a stage and a line on how it stands; None where nobody wants to see it."""
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
