"""What couponry raises when it cannot do what it was asked to, and how its messages stay one short line."""

from __future__ import annotations

import re

MAX_LINE = 300
"""Characters of the longest line that the command line says about an error."""

MAX_MESSAGE = MAX_LINE - len("couponry: error: ")
"""Characters of the longest message: what the command line writes before it is part of the line."""


UNSAFE = re.compile(
    r"[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]"
)
"""What a terminal obeys, what turns the direction of text, and what no file can hold."""


def one_line(text: str, most: int | None = MAX_MESSAGE) -> str:
    r"""Make any text fit to be shown in one line: whatever a terminal would obey is escaped, and it is cut.

    Parameters
    ----------
    text : str
        May hold what users, files or other libraries say.
    most : int or None
        Characters to keep; of longer text the middle is left out. None: all.

    Returns
    -------
    str
        Encodable as UTF-8; without line ends, control characters, and characters that turn the direction of text.

    Examples
    --------
    >>> print(one_line("a\nb\x1b[31m"))
    a\nb\x1b[31m
    >>> one_line("0123456789" * 2, 11)
    '0123 … 6789'
    """
    if most is not None and len(text) > 4 * most:  # nobody waits for the escape of a gigabyte
        text = f"{text[: 2 * most]}{text[-2 * most :]}"
    line = UNSAFE.sub(lambda found: repr(found[0])[1:-1], text)
    if most is None or len(line) <= most:
        return line
    end = (most - 3) // 2
    return f"{line[: most - 3 - end]} … {line[-end:]}"


def first_line(error: BaseException) -> str:
    """Return the first line of an error's message.

    Parameters
    ----------
    error : Exception
        Of Arrow, whose messages can be long.

    Returns
    -------
    str
        The name of its class where it has no message.
    """
    return (str(error).splitlines() or [type(error).__name__])[0]


class InvalidInput(ValueError):
    """The input is wrong: one line that names the table, column, row or argument, what was expected and what came.

    Parameters
    ----------
    message : str
        Shown as `one_line` shows it.
    """

    def __init__(self, message: str):
        super().__init__(one_line(str(message)))


class Unsupported(InvalidInput):
    """The input is meaningful, but couponry cannot honour it yet and will not ignore it.

    Parameters
    ----------
    message : str
        Shown as `one_line` shows it.
    """


class CertificateError(Exception):
    """A certificate contradicts itself: a fault of couponry, never of the input, that no result must hide.

    Parameters
    ----------
    contradiction : str
        What contradicts what.
    """

    def __init__(self, contradiction: str):
        super().__init__(f"{contradiction}; please report it")


class OutOfTime(Exception):
    """The time limit has passed; raised and caught inside a solve, never seen by callers."""
