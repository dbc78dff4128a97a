"""Files that appear whole or not at all."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from ..checks import check_path
from ..errors import InvalidInput


def write_file(path: str | Path, data: bytes) -> Path:
    """Write a file, which appears whole or not at all.

    Parameters
    ----------
    path : str or Path
        An earlier file is replaced.
    data : bytes

    Returns
    -------
    Path

    Raises
    ------
    InvalidInput
        If it cannot be written.
    """
    check_path(path, "file")
    path = Path(path)
    draft = path.with_name(f".{path.name}.{os.getpid()}.{os.urandom(4).hex()}")
    try:
        with draft.open("xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    except OSError as error:
        with suppress(OSError):
            draft.unlink()
        raise InvalidInput(f"file {str(path)!r}: cannot write it: {error.strerror}") from error
    return path


def read_file(path: str | Path, what: str) -> bytes:
    """Read a file.

    Parameters
    ----------
    path : str or Path
    what : str
        What it is, for messages.

    Returns
    -------
    bytes

    Raises
    ------
    InvalidInput
        If it cannot be read.
    """
    check_path(path, what)
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise InvalidInput(f"{what} {str(path)!r}: cannot read it: {error.strerror}") from error
