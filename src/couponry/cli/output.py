"""What commands print and say: JSON, the line of an error, warnings."""

from __future__ import annotations

import json
import os
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, NamedTuple

from ..model.checking.finding import CampaignWarning
from ..utils.errors import MAX_MESSAGE, one_line
from ..utils.process.standard_streams import LostOutput, UnreadOutput, print_out, say
from .exit_status import ExitStatus

RED, YELLOW = "1;31", "1;33"
"""Colours as terminals know them, bold."""


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
    if kind is None:
        say(message)
    elif kind:
        say(error_line(message, kind))
    else:
        say(f"couponry: {message}")
    if as_json:
        with suppress(LostOutput, UnreadOutput):
            error = {"exit_status": int(status), "meaning": status.meaning, "message": message}
            print_out(json_text({"error": error}))
    return status


def error_line(message: str, kind: str = "error") -> str:
    """The line that says what is wrong; of messages of users' input it is short."""
    text = " ".join(message.split())
    return f"couponry: {coloured(kind, RED)}: {one_line(text) if kind == 'error' else text}"


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
            say(
                f"couponry: {coloured('warning', YELLOW)}: {one_line(str(message), MAX_MESSAGE - 2)}"
            )
        else:
            shown_otherwise(message, category, *where, **more)

    with warnings.catch_warnings():
        warnings.simplefilter("always", CampaignWarning)
        warnings.showwarning = say_it
        yield
