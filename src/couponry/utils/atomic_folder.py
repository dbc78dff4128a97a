"""Folders that appear whole or not at all, and that are replaced in one step."""

from __future__ import annotations

import errno
import os
import re
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from .errors import InvalidInput
from .files.exchange import exchange
from .files.locks import lock_file, writing

DRAFT, OLD = "draft", "old"
"""How the names end of a folder that is being written, and of one that holds what is being replaced."""

FULL = (errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC))
"""What the system says where a disk, or what a user may have of it, is full."""


def check_new_folder(
    folder: str | Path,
    *,
    overwrite: bool = False,
    holds: str | None = None,
    what: str = "output folder",
) -> None:
    """Refuse an output folder that exists, unless it may be replaced, or that cannot be made.

    Parameters
    ----------
    folder : str or Path
        The output folder.
    overwrite : bool
        Whether it may be replaced.
    holds : str, optional
        Name of a file by which a folder that may be replaced is known; an empty one may be, too. Default: any may be.
    what : str
        What the folder is, for messages.

    Raises
    ------
    InvalidInput
    """
    path = Path(folder)
    if path.is_symlink():
        raise InvalidInput(
            f"{what} {str(path)!r}: expected a new folder, but it is a symbolic link; name what it points to"
        )
    if path.exists() and (not overwrite or not path.is_dir()):
        there = "it exists" if path.is_dir() else "it is a file"
        raise InvalidInput(f"{what} {str(path)!r}: expected a new folder, but {there}")
    if holds is not None and path.exists() and not (path / holds).exists() and any(path.iterdir()):
        raise InvalidInput(
            f"{what} {str(path)!r}: expected a new folder or one with a file {holds}, which may be replaced; "
            "it holds something else"
        )
    parent = path.absolute().parent
    existing = next(p for p in (parent, *parent.parents) if p.exists())
    if not existing.is_dir() or not os.access(existing, os.W_OK):
        raise InvalidInput(f"{what} {str(path)!r}: cannot write in {str(existing)!r}")


@contextmanager
def reserved_folder(
    folder: str | Path,
    *,
    overwrite: bool = False,
    holds: str | None = None,
    what: str = "output folder",
    wait: bool = False,
) -> Iterator[None]:
    """Be the only one to write an output folder, before there is anything to write.

    What runs that were killed have left behind is tidied up: drafts go, and a folder that one of them was about to
    replace is put back.

    Parameters
    ----------
    folder : str or Path
    overwrite : bool
        Whether it may be replaced.
    holds : str, optional
        As `check_new_folder` takes it.
    what : str
        What the folder is, for messages.
    wait : bool
        Wait for whoever is at work on it.

    Raises
    ------
    InvalidInput
        As `check_new_folder` does, and where somebody else is writing the folder.
    """
    path = Path(folder).absolute()
    check_new_folder(path, overwrite=overwrite, holds=holds, what=what)
    made = [parent for parent in path.parents if not parent.exists()]
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        with writing(path, what, wait=wait):
            _recover(path)
            check_new_folder(
                path, overwrite=overwrite, holds=holds, what=what
            )  # it may be there by now
            yield
    finally:
        for parent in made:  # innermost first
            try:
                parent.rmdir()
            except OSError:  # there is something in it
                break


@contextmanager
def atomic_folder(
    folder: str | Path,
    *,
    overwrite: bool = False,
    holds: str | None = None,
    what: str = "output folder",
    wait: bool = False,
) -> Iterator[Path]:
    """Make a folder that appears whole or not at all.

    Parameters
    ----------
    folder : str or Path
    overwrite : bool
        Replace a folder that is there.
    holds : str, optional
        As `check_new_folder` takes it.
    what : str
        What the folder is, for messages.
    wait : bool
        Wait for whoever is at work on it.

    Yields
    ------
    Path
        A draft folder beside it to write into, which takes the place of `folder` when all went well and is removed
        otherwise.

    Raises
    ------
    InvalidInput
        As `reserved_folder` does.
    OSError
        Of the folder, too, where the disk is full, or where the system names no file.
    """
    path = Path(folder).absolute()
    with reserved_folder(path, overwrite=overwrite, holds=holds, what=what, wait=wait):
        draft = _beside(path, DRAFT)
        try:
            draft.chmod(0o755)
            yield draft
            _sync_tree(draft)
            _put(draft, path)
        except OSError as error:
            if error.errno is None or (error.errno not in FULL and error.filename is not None):
                raise  # it says of which file
            there = "is as it was" if path.exists() else "was not made"
            full = f"{os.strerror(error.errno)}; {what} {str(path)!r} {there}"
            raise OSError(error.errno, full) from error
        finally:
            _remove(draft)  # by now it may be what was replaced


def tidy(folder: Path) -> None:
    """Remove what killed runs have left beside a folder that is whole; not while somebody is writing it.

    Parameters
    ----------
    folder : Path
    """
    with suppress(InvalidInput, OSError):  # it is being written, or nothing can be
        left = [*_all_beside(folder, DRAFT), *_all_beside(folder, OLD), lock_file(folder)]
        if any(path.exists() for path in left):
            with reserved_folder(folder, overwrite=True):
                pass


def remove_folder(folder: Path, is_right: Callable[[Path], bool] = Path.is_dir) -> None:
    """Remove a folder, whole or not at all; leave it where it is something else or somebody is writing it.

    Parameters
    ----------
    folder : Path
        Need not exist; its parent must.
    is_right : callable
        Tells of the folder whether it is what is to be removed. Default: any folder.
    """
    try:
        with reserved_folder(folder, overwrite=True):
            if is_right(folder):
                aside = _beside(folder, DRAFT)
                try:
                    os.rename(folder, aside / OLD)
                finally:
                    _remove(aside)
    except (InvalidInput, PermissionError):
        pass  # it is no folder, or is being written, or Windows keeps it since somebody has files in it open


def _put(draft: Path, path: Path) -> None:
    """Put a draft in its place, where there may be a folder, which takes the draft's place."""
    if not path.exists():
        os.rename(draft, path)
    elif not exchange(draft, path):
        aside = _beside(path, OLD)
        kept = aside / OLD
        try:
            os.rename(path, kept)
            os.rename(draft, path)
        except BaseException as error:
            if kept.exists() and not path.exists():
                os.rename(kept, path)
            if isinstance(
                error, PermissionError
            ):  # Windows moves no folder of which a file is open
                raise InvalidInput(
                    f"output folder {str(path)!r}: cannot replace it ({error.strerror}); close whatever has files in "
                    "it open, or name another folder"
                ) from error
            raise
        finally:
            if path.exists():  # else the next run puts back what is kept
                _remove(aside)
    sync_folder(path.parent)


def _recover(path: Path) -> None:
    """Tidy up after runs that were killed; nobody else is writing the folder."""
    for aside in _all_beside(path, OLD):
        if (aside / OLD).exists() and not path.exists():
            os.rename(aside / OLD, path)
            sync_folder(path.parent)
        _remove(aside)
    for draft in _all_beside(path, DRAFT):
        _remove(draft)


def _remove(folder: Path) -> None:
    """Remove a folder as far as that can be done, also one that was made read-only when it was whole."""
    shutil.rmtree(folder, ignore_errors=True)
    if folder.exists():
        for place, _, _ in os.walk(folder):
            with suppress(OSError):
                os.chmod(place, 0o700)
        shutil.rmtree(folder, ignore_errors=True)


def _beside(path: Path, ending: str) -> Path:
    """Make a new folder beside another one."""
    return Path(tempfile.mkdtemp(prefix=f".{path.name}.", suffix=f".{ending}", dir=path.parent))


def _all_beside(path: Path, ending: str) -> list[Path]:
    """The folders that were made beside another one, and of no folder whose name begins alike."""
    name = re.compile(rf"\.{re.escape(path.name)}\.[^.]+\.{ending}")
    try:
        return sorted(found for found in path.parent.iterdir() if name.fullmatch(found.name))
    except PermissionError:  # a folder that may be written into, but not listed
        return []


def _sync_tree(folder: Path) -> None:
    """Have the system write a folder to the disk, and everything in it."""
    for place, _, files in os.walk(folder, topdown=False, onerror=_raise):
        for file in sorted(files):
            sync_folder(Path(place, file))
        sync_folder(Path(place))


def _raise(error: OSError) -> None:
    raise error


def sync_folder(path: Path) -> None:
    """Have the system write the names in a folder to the disk, or a file.

    Parameters
    ----------
    path : Path
    """
    if hasattr(os, "O_DIRECTORY"):
        descriptor = os.open(path, os.O_RDONLY)
    elif (
        path.is_dir()
    ):  # as on Windows, which opens no folders, and whose file systems keep a journal of names
        return
    else:
        descriptor = os.open(path, os.O_RDWR)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
