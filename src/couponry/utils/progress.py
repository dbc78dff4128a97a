"""Progress on standard error: a line for each stage, or one line that changes where that is a terminal."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import IO, TextIO, cast

from .errors import one_line
from .process.standard_streams import say

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
    if sys.stderr is None or sys.stderr.closed or not sys.stderr.isatty():
        yield lambda stage, line: say(_text(stage, line))
        return
    from rich.console import Console

    with Console(file=cast(IO[str], _Forgiving(sys.stderr)), highlight=False).status(
        "couponry"
    ) as status:
        yield lambda stage, line: status.update(_text(stage, line))


def _text(stage: str, line: str) -> str:
    """How a stage stands."""
    return one_line(f"{stage}: {line}" if line else stage, None)


class _Forgiving:
    """A terminal that may go away: what it does not take is lost, and nothing else."""

    def __init__(self, stream: TextIO):
        self._stream = stream
        self.encoding = stream.encoding

    def isatty(self) -> bool:
        """It was one."""
        return True

    def fileno(self) -> int:
        """The terminal's."""
        return self._stream.fileno()

    def write(self, text: str) -> int:
        """Write as much as the terminal takes."""
        with suppress(OSError, ValueError):
            self._stream.write(text)
        return len(text)

    def flush(self) -> None:
        """Have the terminal show it."""
        with suppress(OSError, ValueError):
            self._stream.flush()
