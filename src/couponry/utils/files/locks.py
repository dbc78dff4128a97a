"""Locks between processes, for what one of them writes at a time; a lock ends with the process that holds it."""

from __future__ import annotations

import errno
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from ..errors import InvalidInput

NO_LOCKS = (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.EINVAL)
"""Errors of file systems that know no locks: on these, nothing is locked."""

BINARY = getattr(os, "O_BINARY", 0)
"""Flag with which Windows opens a file as it is; other systems have no other way."""

_held: dict[Path, tuple[int, int]] = {}  # by path: process and thread that hold its lock
_guard = threading.Lock()


def try_lock(descriptor: int, *, wait: bool = False) -> bool:
    """Lock an open file or folder until its descriptor is closed.

    Parameters
    ----------
    descriptor : int
    wait : bool
        Wait until whoever holds the lock lets go of it.

    Returns
    -------
    bool
        False where somebody else holds the lock.
    """
    from filelock import lock_descriptor  # here, because most of what is imported never locks

    try:
        return lock_descriptor(descriptor, blocking=wait)
    except OSError as error:
        if error.errno not in NO_LOCKS:
            raise
    return True


@contextmanager
def writing(path: str | Path, what: str, *, wait: bool = False) -> Iterator[None]:
    """Be the only one to write a folder.

    The lock is a file beside the folder, which is removed in the end. A thread that holds it may ask for it again.

    Parameters
    ----------
    path : str or Path
        The folder, which need not exist; its parent must.
    what : str
        What the folder is, for messages.
    wait : bool
        Wait for whoever is at work.

    Raises
    ------
    InvalidInput
        Where somebody else is at work, unless they are waited for.
    """
    path, me = Path(path).absolute(), (os.getpid(), threading.get_ident())
    with _guard:
        is_ours = _held.get(path) == me
    if is_ours:
        yield
        return
    name = lock_file(path)
    descriptor = _locked(name, wait)
    if descriptor is None:
        raise InvalidInput(busy(what, path))
    try:
        with _guard:
            _held[path] = me
        yield
    finally:
        with _guard:
            _held.pop(path, None)
        _remove(name, descriptor)


def busy(what: str, path: Path) -> str:
    """Say that somebody else is at work.

    Parameters
    ----------
    what : str
        What the file or folder is.
    path : Path

    Returns
    -------
    str
        One sentence.
    """
    return f"{what} {str(path)!r}: another run is writing it; wait until that has ended, or name another one"


def lock_file(path: Path) -> Path:
    """Name the file that stands beside a folder while it is written.

    Parameters
    ----------
    path : Path
        The folder.

    Returns
    -------
    Path
    """
    return path.parent / f".{path.name}.lock"


def _locked(name: Path, wait: bool) -> int | None:
    """The descriptor of a lock file that is locked; None where somebody else holds it."""
    while True:
        descriptor = os.open(name, os.O_RDWR | os.O_CREAT | BINARY, 0o666)
        try:
            if not try_lock(descriptor, wait=wait):
                os.close(descriptor)
                return None
            if _is_named(name, descriptor):
                return descriptor
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)  # its last holder has removed it


def _remove(name: Path, descriptor: int) -> None:
    """Remove a lock file, and let go of it."""
    try:
        name.unlink()  # while it is locked: whoever waits for it finds that it is another file by now
    except (
        PermissionError
    ):  # Windows removes no open files, so nobody's who has opened it meanwhile either
        os.close(descriptor)
        with suppress(OSError):
            name.unlink()
        return
    except OSError:
        pass
    os.close(descriptor)


def _is_named(name: Path, descriptor: int) -> bool:
    """Whether an open file still has this name."""
    try:
        return os.path.samestat(os.stat(name), os.fstat(descriptor))
    except FileNotFoundError:
        return False
