"""Where the files of a store are: a folder, or a URI whose files are copied to this machine before they are mapped.

Object stores know neither folders nor renames. So files are put there whole, under names that have their digests, and
nobody looks for any but by name.
"""

from __future__ import annotations

import getpass
import os
import tempfile
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

from ...kernels import load
from ...utils.arrays.array_store import Arrays
from ...utils.arrays.recorded_arrays import DamagedArray
from ...utils.errors import InvalidInput, first_line
from .array_file import map_arrays, write_arrays

CACHE_VARIABLE = "COUPONRY_SHARD_CACHE"
"""Environment variable that names the folder which shards are copied to; else it is one among temporary files."""


class Place(Protocol):
    """Files by name."""

    def read_text(self, name: str) -> str:
        """Read a small file."""
        ...

    def put(self, name: str, file: Path) -> None:
        """Move a file of this machine here, whole or not at all, in place of one of that name."""
        ...

    def local_file(self, name: str) -> Path:
        """Find a file that can be mapped; one that is copied is copied once for all processes of this machine."""
        ...

    def forget(self, name: str) -> bool:
        """Remove the copy of a file, where it is one; tells whether it may be copied once more."""
        ...

    def names(self) -> list[str]:
        """List all files."""
        ...

    def remove(self, name: str) -> None:
        """Remove a file."""
        ...


def place_of(folder: str) -> Place:
    """Find a place by its name.

    Parameters
    ----------
    folder : str
        An absolute path, or a URI that PyArrow or fsspec knows.

    Returns
    -------
    Place

    Raises
    ------
    InvalidInput
        For a URI of a kind that neither knows.
    """
    return RemotePlace(folder) if is_uri(folder) else LocalPlace(Path(folder))


def is_uri(folder: str | Path) -> bool:
    """Tell whether a place is no path of this machine."""
    return "://" in str(folder)


class LocalPlace:
    """A folder that this machine reaches; see `Place`."""

    def __init__(self, folder: Path):
        self._folder = folder

    def read_text(self, name: str) -> str:
        """See `Place.read_text`."""
        return (self._folder / name).read_text(encoding="utf-8")

    def put(self, name: str, file: Path) -> None:
        """See `Place.put`; the file is in this folder already, under another name."""
        file.replace(self._folder / name)

    def local_file(self, name: str) -> Path:
        """See `Place.local_file`."""
        return self._folder / name

    def forget(self, name: str) -> bool:
        """See `Place.forget`."""
        return False

    def names(self) -> list[str]:
        """See `Place.names`."""
        return [path.name for path in self._folder.iterdir()]

    def remove(self, name: str) -> None:
        """See `Place.remove`."""
        (self._folder / name).unlink(missing_ok=True)


class RemotePlace:
    """Files by a URI; see `Place`.

    Parameters
    ----------
    uri : str
    """

    def __init__(self, uri: str):
        self._files, self._path = _file_system(uri)
        default = Path(tempfile.gettempdir()) / f"couponry-shards-{getpass.getuser()}"
        self._cache = Path(os.environ.get(CACHE_VARIABLE) or default)

    def read_text(self, name: str) -> str:
        """See `Place.read_text`."""
        with self._files.open_input_stream(self._at(name)) as stream:
            return bytes(stream.read()).decode()

    def put(self, name: str, file: Path) -> None:
        """See `Place.put`."""
        from pyarrow import fs

        self._files.create_dir(self._path, recursive=True)
        fs.copy_files(
            str(file),
            self._at(name),
            source_filesystem=fs.LocalFileSystem(),
            destination_filesystem=self._files,
        )
        file.unlink()

    def local_file(self, name: str) -> Path:
        """See `Place.local_file`."""
        from pyarrow import fs

        copy = self._cache / name
        if not copy.exists():
            self._cache.mkdir(mode=0o700, parents=True, exist_ok=True)
            draft = self._cache / f".{uuid.uuid4().hex}.draft"
            try:
                fs.copy_files(
                    self._at(name),
                    str(draft),
                    source_filesystem=self._files,
                    destination_filesystem=fs.LocalFileSystem(),
                )
                draft.replace(copy)
            finally:
                draft.unlink(missing_ok=True)
        return copy

    def forget(self, name: str) -> bool:
        """See `Place.forget`."""
        (self._cache / name).unlink(missing_ok=True)
        return True

    def names(self) -> list[str]:
        """See `Place.names`."""
        from pyarrow import fs

        found = self._files.get_file_info(fs.FileSelector(self._path, allow_not_found=True))
        return [info.base_name for info in found]

    def remove(self, name: str) -> None:
        """See `Place.remove`."""
        self._files.delete_file(self._at(name))

    def _at(self, name: str) -> str:
        return f"{self._path}/{name}"


def _file_system(uri: str) -> tuple[Any, str]:
    """The file system of a URI, as PyArrow has it, and the path there."""
    from pyarrow import ArrowException, fs

    try:
        found, path = fs.FileSystem.from_uri(uri)
    except (ArrowException, OSError, ValueError) as error:
        try:
            import fsspec

            of_uri, path = fsspec.core.url_to_fs(uri)
        except (ImportError, ValueError) as other:
            raise InvalidInput(
                f"shards {uri!r}: {first_line(error)}; fsspec does not know it either: {first_line(other)}"
            ) from None
        found = fs.PyFileSystem(fs.FSSpecHandler(of_uri))
    return found, path.rstrip("/")


@contextmanager
def drafts_of(folder: str) -> Iterator[Path]:
    """Make a folder of this machine from which files get to a store whole.

    Parameters
    ----------
    folder : str
        Of the store.

    Yields
    ------
    Path
    """
    if is_uri(folder):
        with tempfile.TemporaryDirectory(prefix="couponry-shards-") as drafts:
            yield Path(drafts)
    else:
        yield Path(folder)


def write_file(folder: str, prefix: str, arrays: Arrays, threads: int) -> tuple[str, str]:
    """Write arrays into a file of a store.

    Parameters
    ----------
    folder : str
        Of the store.
    prefix : str
        What the file's name begins with.
    arrays : dict of str to ndarray
    threads : int

    Returns
    -------
    name, digest : str
        Of the file.
    """
    with drafts_of(folder) as drafts:
        found = write_arrays(drafts, prefix, arrays, load().kernels.hash_blocks, threads)
        place_of(folder).put(found[0], drafts / found[0])
    return found


def map_file(
    folder: str, file: str, digest: str, threads: int, wanted: Callable[[str], bool]
) -> Arrays:
    """Map arrays of a file of a store; a copy that is damaged is copied once more.

    Parameters
    ----------
    folder : str
        Of the store.
    file, digest : str
        Name and digest of the file.
    threads : int
        How many to read with what has to be read.
    wanted : callable
        Tells by its name whether an array is wanted.

    Returns
    -------
    dict of str to ndarray
        By name, read only.

    Raises
    ------
    InvalidInput
        Where the file is missing, damaged or another one.
    """
    place, hash_blocks = place_of(folder), load().kernels.hash_blocks
    try:
        try:
            return map_arrays(place.local_file(file), digest, hash_blocks, threads, wanted)
        except DamagedArray:
            if not place.forget(file):
                raise
            return map_arrays(place.local_file(file), digest, hash_blocks, threads, wanted)
    except (DamagedArray, FileNotFoundError, NotADirectoryError) as error:
        what = "it is missing" if isinstance(error, OSError) else str(error)
        name = f"{folder}/{file}"
        raise InvalidInput(
            f"shard {name!r}: {what}; remove the folder, and have the shards written again"
        ) from None
