"""Folders that appear whole or not at all."""

from __future__ import annotations

import fcntl
import glob
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .errors import InvalidInput


def check_new_folder(folder: str | Path, *, overwrite: bool = False) -> None:
    """Refuse an output folder that exists, unless it may be replaced, or that cannot be made.

    Parameters
    ----------
    folder : str or Path
        The output folder.
    overwrite : bool
        Whether it may be replaced.

    Raises
    ------
    InvalidInput
    """
    path = Path(folder)
    if path.is_symlink() or (path.exists() and (not overwrite or not path.is_dir())):
        raise InvalidInput(f"output folder {str(path)!r}: expected a new folder, but it exists")
    parent = path.absolute().parent
    existing = next(p for p in (parent, *parent.parents) if p.exists())
    if not existing.is_dir() or not os.access(existing, os.W_OK):
        raise InvalidInput(f"output folder {str(path)!r}: cannot write in {str(existing)!r}")


@contextmanager
def atomic_folder(folder: str | Path, *, overwrite: bool = False) -> Iterator[Path]:
    """Make a folder that appears whole or not at all.

    Parameters
    ----------
    folder : str or Path
    overwrite : bool
        Replace a folder that is there.

    Yields
    ------
    Path
        A draft folder beside it to write into, renamed to `folder` when all went well and removed otherwise.

    Raises
    ------
    InvalidInput
        As `check_new_folder` does.
    """
    path = Path(folder).absolute()
    check_new_folder(path, overwrite=overwrite)
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(prefix=f".{path.name}.", suffix=".draft", dir=path.parent))
    lock = os.open(draft, os.O_RDONLY)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)  # ends with the process: a draft without it is nobody's
        draft.chmod(0o755)
        yield draft
        for file in sorted(draft.rglob("*")):
            if file.is_file():
                with file.open("rb") as handle:
                    os.fsync(handle.fileno())
        if overwrite and path.exists():
            aside = Path(tempfile.mkdtemp(prefix=f".{path.name}.", suffix=".old", dir=path.parent))
            os.rename(path, aside / "old")
            os.rename(draft, path)
            shutil.rmtree(aside)
        else:
            os.rename(draft, path)
    except BaseException:
        shutil.rmtree(draft, ignore_errors=True)
        raise
    finally:
        os.close(lock)


def abandoned_drafts(folder: str | Path) -> list[Path]:
    """Find the drafts of a folder that processes left behind when they were killed.

    Parameters
    ----------
    folder : str or Path
        The folder that the drafts were to become.

    Returns
    -------
    list of Path
        Drafts that no process is at work on.
    """
    path, found = Path(folder).absolute(), []
    for draft in path.parent.glob(f".{glob.escape(path.name)}.*.draft"):
        try:
            lock = os.open(draft, os.O_RDONLY)
        except OSError:
            continue
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            found.append(draft)
        except OSError:  # its process is at work
            pass
        finally:
            os.close(lock)
    return found
