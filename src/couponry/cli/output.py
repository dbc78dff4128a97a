"""What commands print and say: JSON, the line of an error, warnings."""

from __future__ import annotations

import json
import os
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any, NamedTuple

from ..model.checking.finding import CampaignWarning
from ..utils.errors import MAX_LINE, one_line
from ..utils.process.standard_streams import LostOutput, UnreadOutput, print_out, say
from ..utils.progress.watch import Progress
from .exit_status import ExitStatus

RED, YELLOW = "1;31", "1;33"
"""Colours as terminals know them, bold."""

_LOG_FORMAT = ContextVar("couponry_log_format", default="text")


def json_text(content: dict[str, Any]) -> str:
    """Content as JSON, as files have it."""
    return json.dumps(content, indent=1, allow_nan=False)


class Failure(NamedTuple):
    """What a command ends with that fails.

    Attributes
    ----------
    status : ExitStatus
    message : str
    kind : str or None
        What is said before the message: "error", "internal error" or nothing. None: the message is a page of help.
    """

    status: ExitStatus
    message: str
    kind: str | None = ""


def say_failure(failure: Failure, as_json: bool) -> ExitStatus:
    """Say on standard error what is wrong.

    Parameters
    ----------
    failure : Failure
    as_json : bool
        Print it on standard output, too, as the one JSON object that is expected there.

    Returns
    -------
    ExitStatus
        Of the failure.
    """
    status, message, kind = failure
    if kind == "error":  # other libraries quote what they were given, however long
        message = one_line(" ".join(message.split()))
    if kind is None:
        say(message)
    else:
        say_line("error", message, kind)
    if as_json:
        with suppress(LostOutput, UnreadOutput):
            error = {"exit_status": int(status), "meaning": status.meaning, "message": message}
            print_out(json_text({"error": error}))
    return status


def say_line(level: str, message: str, kind: str = "") -> None:
    """Say something on standard error, as the lines of the log are.

    Parameters
    ----------
    level : {"info", "warning", "error"}
    message : str
    kind : str
        What is said before it: "note", "warning", "error", "internal error" or nothing.
    """
    if _LOG_FORMAT.get() == "json":
        say_json(level, message=message)
        return
    colour = {"error": RED, "warning": YELLOW}.get(level)
    before = f"{coloured(kind, colour) if colour else kind}: " if kind else ""
    if level == "info" or kind == "internal error":
        say(f"couponry: {before}{one_line(message, None)}")
    else:
        most = MAX_LINE - len(f"couponry: {kind}: ")
        say(f"couponry: {before}{one_line(' '.join(message.split()), most)}")


def say_json(level: str, **content: Any) -> None:
    """Say a line of the log as a JSON object, with the time."""
    now = datetime.now(UTC).isoformat(timespec="milliseconds")
    say(json.dumps({"time": now, "level": level, **content}))


def told_as(quiet: bool) -> Progress:
    """Return how progress is told: not at all, as lines of JSON, or as suits standard error."""
    if quiet or _LOG_FORMAT.get() == "text":
        return not quiet
    return lambda event: say_json("info", message=str(event), progress=asdict(event))


def log_in(format: str) -> None:
    """Set the format of the lines on standard error: text or json."""
    _LOG_FORMAT.set(format)


def coloured(text: str, colour: str) -> str:
    """A text in a colour, where standard error is a terminal that shows colours and nobody asked for none."""
    stream = sys.stderr
    plain = os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb"
    if plain or stream is None or stream.closed or not stream.isatty():
        return text
    return f"\x1b[{colour}m{text}\x1b[0m"


@contextmanager
def warnings_said() -> Iterator[None]:
    """Have what campaigns were probably not meant to say in a line each on standard error, without a line of Python."""
    shown_otherwise = warnings.showwarning

    def say_it(message: Warning | str, category: type[Warning], *where: Any, **more: Any) -> None:
        if issubclass(category, CampaignWarning):
            say_line("warning", str(message), "warning")
        else:
            shown_otherwise(message, category, *where, **more)

    with warnings.catch_warnings():
        warnings.simplefilter("always", CampaignWarning)
        warnings.showwarning = say_it
        yield
