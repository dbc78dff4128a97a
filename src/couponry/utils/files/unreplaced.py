"""A folder whose files belong together is read from one version of it, or it is said that it was replaced meanwhile."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from ..errors import InvalidInput


@contextmanager
def unreplaced(folder: Path, what: str) -> Iterator[None]:
    """Refuse a folder that is replaced while its files are read: they would be of two versions.

    Parameters
    ----------
    folder : Path
        If there is none, whoever reads it says so.
    what : str
        What the folder is, for messages.

    Raises
    ------
    InvalidInput
        When all is read, or as soon as anything cannot be, if another folder has the name by then.
    """
    with ExitStack() as stack:
        try:
            before = os.stat(folder)
            if hasattr(
                os, "O_DIRECTORY"
            ):  # else folders cannot be opened, as on Windows, which numbers them once
                descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
                stack.callback(os.close, descriptor)
                before = os.fstat(descriptor)  # no other folder gets its number while it is open
        except OSError:
            yield
            return
        try:
            yield
        except (InvalidInput, OSError) as error:
            _check(before, folder, what, error)
            raise
        _check(before, folder, what, None)


def _check(before: os.stat_result, folder: Path, what: str, cause: Exception | None) -> None:
    """Refuse a folder that is no longer the one that was there before."""
    try:
        same = os.path.samestat(before, os.stat(folder))
    except OSError:  # for a moment it has no name
        same = False
    if not same:
        raise InvalidInput(
            f"{what} {str(folder)!r}: it was replaced while it was read; start again"
        ) from cause
