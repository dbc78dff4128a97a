"""A folder whose files belong together is read from one version of it, or it is said that it was replaced meanwhile."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
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
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    except OSError:
        yield
        return
    try:
        try:
            yield
        except (InvalidInput, OSError) as error:
            _check(descriptor, folder, what, error)
            raise
        _check(descriptor, folder, what, None)
    finally:
        os.close(descriptor)


def _check(descriptor: int, folder: Path, what: str, cause: Exception | None) -> None:
    """Refuse a folder that is no longer the one that was opened, which keeps its number while it is open."""
    try:
        same = os.path.samestat(os.fstat(descriptor), os.stat(folder))
    except OSError:  # for a moment it has no name
        same = False
    if not same:
        raise InvalidInput(
            f"{what} {str(folder)!r}: it was replaced while it was read; start again"
        ) from cause
