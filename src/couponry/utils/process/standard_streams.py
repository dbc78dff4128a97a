"""Standard output and error of a command: closed, full or broken ones cost what is said, and never what is written."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TextIO

from ..errors import one_line
from .c_library import c_library

STANDARD_DESCRIPTORS = (0, 1, 2)


class LostOutput(Exception):
    """Standard output took less than it was given: its disk is full, or it fails in another way."""


class UnreadOutput(Exception):
    """Nobody reads standard output any more."""


def open_closed_descriptors() -> None:
    """Give closed standard streams a descriptor: else the next file that is opened becomes one of them.

    Whoever closes a stream does not want what goes there: it goes nowhere.
    """
    for descriptor in STANDARD_DESCRIPTORS:
        try:
            os.fstat(descriptor)
        except OSError:
            opened = os.open(os.devnull, os.O_RDWR)  # the lowest that is free
            if opened != descriptor:
                os.dup2(opened, descriptor)
                os.close(opened)


def print_out(text: str) -> None:
    """Print to standard output, all of it, now.

    Parameters
    ----------
    text : str
        Control characters, and those that its encoding does not have, are escaped; line ends are kept.

    Raises
    ------
    UnreadOutput
        Where nobody reads it any more.
    LostOutput
        Where it could not be written.
    """
    stream = _usable(sys.stdout)
    if stream is None:
        return
    try:
        lines = "\n".join(one_line(line, None) for line in text.split("\n"))
        stream.write(_encodable(lines, stream) + "\n")
        stream.flush()
    except BrokenPipeError as error:
        raise UnreadOutput from error
    except (OSError, ValueError) as error:
        raise LostOutput(f"standard output: {error}") from error


def say(line: str) -> None:
    """Say a line on standard error, as far as it takes it.

    Parameters
    ----------
    line : str
    """
    stream = _usable(sys.stderr)
    if stream is not None:
        with suppress(OSError, ValueError):
            stream.write(_encodable(line, stream) + "\n")
            stream.flush()


def forget_unwritten() -> None:
    """Let the interpreter end without a word of what standard streams did not take."""
    for descriptor, stream in ((1, sys.stdout), (2, sys.stderr)):
        try:
            if stream is not None:
                stream.flush()
        except (OSError, ValueError):
            with suppress(OSError):
                nowhere = os.open(os.devnull, os.O_WRONLY)
                os.dup2(nowhere, descriptor)
                os.close(nowhere)


@contextmanager
def native_output_to_stderr() -> Iterator[None]:
    """Send what native code prints to standard error: HiGHS says a word now and then, whatever it is asked."""
    libc = c_library()
    with suppress(OSError, ValueError, AttributeError):
        sys.stdout.flush()
    kept = os.dup(1)
    os.dup2(2, 1)
    try:
        yield
    finally:
        libc.fflush(None)  # C keeps its own buffer, which must not end up behind the result
        os.dup2(kept, 1)
        os.close(kept)


def _usable(stream: TextIO | None) -> TextIO | None:
    """The stream, unless it was closed."""
    return None if stream is None or stream.closed else stream


def _encodable(text: str, stream: TextIO) -> str:
    """The text with everything escaped that the stream's encoding does not have."""
    encoding = getattr(stream, "encoding", None) or "utf-8"
    return text.encode(encoding, "backslashreplace").decode(encoding)
