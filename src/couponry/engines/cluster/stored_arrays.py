"""Arrays as files of a store: written whole, wherever it is, and mapped, copied to this machine where they must be."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from ...kernels import load
from ...utils.arrays.array_store import Arrays
from ...utils.arrays.recorded_arrays import DamagedArray
from ...utils.errors import InvalidInput
from .array_file import map_arrays, write_arrays
from .places import is_uri, place_of


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
        raise InvalidInput(f"shard {name!r}: {what}; write the shards again") from None
