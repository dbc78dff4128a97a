"""Reads campaign.toml: whatever stands in it becomes values of sizes that can be worked with, or one line."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

from ..utils.checks import shown
from ..utils.errors import InvalidInput

FILE = "campaign.toml"

MOST_LEVELS = 16
"""Lists and tables inside each other: a condition of a rule stands in the fourth level."""

INTEGERS = range(-(2**63), 2**63)
"""Whole numbers that TOML promises to hold."""


def read_toml(folder: Path) -> dict[str, Any]:
    """Read the campaign.toml of a folder.

    Parameters
    ----------
    folder : Path
        Campaign folder.

    Returns
    -------
    dict
        Its content, not yet checked for what it means.

    Raises
    ------
    InvalidInput
        Where there is no such file, or it is no TOML, nested too deep, or has a number that is too large.
    """
    path = folder / FILE
    if not path.is_file():
        raise InvalidInput(f"campaign folder {str(folder)!r}: no file {FILE}")
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise InvalidInput(f"{FILE}: cannot read it: {error.strerror}") from error
    except RecursionError:
        raise InvalidInput(
            f"{FILE}: expected at most {MOST_LEVELS} lists and tables inside each other, got more"
        ) from None
    except ValueError as error:  # no TOML, no UTF-8, or a number of thousands of digits
        raise InvalidInput(f"{FILE}: {_reason(error)}") from error
    _refuse_sizes(content)
    return content


def _reason(error: ValueError) -> str:
    """What was wrong with the text."""
    if isinstance(error, (tomllib.TOMLDecodeError, UnicodeDecodeError)):
        return str(error)
    return "expected whole numbers of at most 64 bits, got one of thousands of digits"


def _refuse_sizes(content: dict[str, Any]) -> None:
    """Refuse numbers that are too large, and values that are nested too deep."""
    waiting: list[tuple[str, Any, int]] = [("", content, 0)]
    while waiting:
        where, value, level = waiting.pop()
        if isinstance(value, int) and value not in INTEGERS:
            raise InvalidInput(
                f"{FILE}: {where}: expected a whole number of at most 64 bits, got {shown(value)}"
            )
        if not isinstance(value, (dict, list)):
            continue
        if level == MOST_LEVELS:
            raise InvalidInput(
                f"{FILE}: {where}: expected at most {MOST_LEVELS} lists and tables inside each other, got more"
            )
        parts = value.items() if isinstance(value, dict) else enumerate(value, 1)
        waiting += [(f"{where} {name}".strip(), part, level + 1) for name, part in parts]
