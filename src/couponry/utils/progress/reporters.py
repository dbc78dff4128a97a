"""Who shows progress: a bar in a terminal, one in a notebook, or lines with the time on standard error."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from html import escape
from importlib import import_module
from typing import IO, Any, TextIO, cast

from ..process.standard_streams import say
from .event import ProgressEvent

Report = Callable[[ProgressEvent], object]

NOTEBOOK_SECONDS = 0.2
"""A notebook's bar is drawn anew no more often."""


@contextmanager
def reporter(wanted: bool) -> Iterator[Report | None]:
    """Show progress while the context lasts.

    Parameters
    ----------
    wanted : bool

    Yields
    ------
    callable or None
        To be called with each event; None where progress is not wanted.
    """
    if not wanted:
        yield None
    elif (display := _notebook_display()) is not None:
        yield _NotebookBar(display).show
    elif sys.stderr is None or sys.stderr.closed or not sys.stderr.isatty():
        yield _Lines().show
    else:
        with _terminal_bar(sys.stderr) as show:
            yield show


def _notebook_display() -> Callable[..., Any] | None:
    """What displays something that can be changed, where this is a notebook."""
    ipython = sys.modules.get("IPython")
    shell = None if ipython is None else ipython.get_ipython()
    if shell is None or not hasattr(shell, "kernel"):
        return None
    display: Callable[..., Any] = import_module("IPython.display").display
    return display


class _Lines:
    """A line with the time for each event that says more than the line before."""

    def __init__(self) -> None:
        self._stage: str | None = None

    def show(self, event: ProgressEvent) -> None:
        """Say an event, unless a stage that the line before was about begins once more."""
        if event.message or event.share is not None or event.stage != self._stage:
            say(f"{time.strftime('%Y-%m-%d %H:%M:%S')} {event}")
        self._stage = event.stage


class _NotebookBar:
    """A bar that is drawn anew as the work goes on."""

    def __init__(self, display: Callable[..., Any]):
        self._display = display
        self._handle: Any = None
        self._drawn = -NOTEBOOK_SECONDS

    def show(self, event: ProgressEvent) -> None:
        """Draw an event, unless one was drawn just now."""
        now = time.perf_counter()
        if now - self._drawn < NOTEBOOK_SECONDS and event.message:
            return
        self._drawn = now
        drawn = _Html(bar_html(event))
        if self._handle is None:
            self._handle = self._display(drawn, display_id=True)
        else:
            self._handle.update(drawn)


class _Html:
    """What notebooks show as HTML."""

    def __init__(self, text: str):
        self._text = text

    def _repr_html_(self) -> str:
        return self._text

    def __repr__(self) -> str:
        return "couponry"


def bar_html(event: ProgressEvent) -> str:
    """Draw a bar as HTML.

    Parameters
    ----------
    event : ProgressEvent

    Returns
    -------
    str
        Text is escaped.
    """
    value = "" if event.done is None else f' value="{event.done:.4f}"'
    return f'<progress max="1"{value}></progress> <code>{escape(str(event))}</code>'


@contextmanager
def _terminal_bar(stream: TextIO) -> Iterator[Report]:
    """A bar with the stage, the gap and the time, which goes on by itself, at the foot of a terminal."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = (
        SpinnerColumn(),
        TextColumn("{task.description:<9}", markup=False),
        BarColumn(24),
        TimeElapsedColumn(),
        TextColumn("{task.fields[line]}", markup=False),
    )
    console = Console(file=cast(IO[str], _Forgiving(stream)), highlight=False)
    with Progress(*columns, console=console, transient=True, refresh_per_second=4) as progress:
        bar = progress.add_task("couponry", total=None, line="")

        def show(event: ProgressEvent) -> None:
            line = ", ".join(filter(None, [event.standing, event.message]))
            done = event.done
            total = None if done is None else 1.0
            progress.update(
                bar, description=event.stage, total=total, completed=done or 0.0, line=line
            )

        yield show


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
