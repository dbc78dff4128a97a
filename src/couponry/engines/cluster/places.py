"""Where the files of a store are: a folder, or a URI whose files are copied to this machine before they are mapped.

Object stores know neither folders nor renames. So files are put there whole, under names that have their digests, and
nobody looks for any but by name.
"""

from __future__ import annotations

import getpass
import os
import tempfile
import uuid
from pathlib import Path
from typing import Any, Protocol

from ...utils.errors import InvalidInput, first_line

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
