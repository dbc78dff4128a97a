"""Arrays in one file, which its digest identifies: written once, sent anywhere, mapped where it lies.

magic                16 bytes
length of header     8 bytes, little-endian
header               JSON
arrays               each from a multiple of 4,096 bytes on

The header says type, shape, place and digest of each array. The file's digest is the SHA-256 of magic and header, so
that whoever knows it can tell every byte. An array that was found whole is not read again as long as the system says
that nobody has touched the file.
"""

from __future__ import annotations

import hashlib
import json
import os
import time
import uuid
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from ...utils.arrays.array_store import Arrays
from ...utils.arrays.digests import HashBlocks, as_bytes, digest_of_array
from ...utils.arrays.mapped_arrays import map_file
from ...utils.arrays.recorded_arrays import SETTLED_NANOSECONDS, DamagedArray, file_state

MAGIC = b"couponry arrays\n"
LENGTH_BYTES = 8

NAMED_DIGITS = 32
"""Digits of its digest that a file's name has."""

SUFFIX, DRAFT = ".arrays", ".draft"
"""How the names end of a file, and of one that is being written."""

ALIGNMENT = 4096
"""Arrays begin at a multiple of so many bytes, on every machine: a page of most."""

_known: dict[
    tuple[str, str], list[int]
] = {}  # how files looked whose arrays this process found whole


MOST_KEPT = 64
"""Files that stay mapped in a process from task to task: a pass over what is mapped anew takes half as long again."""

_kept: dict[tuple[str | int, ...], NDArray[np.uint8]] = {}  # by digest and look, the last used last


def write_arrays(
    folder: Path,
    prefix: str,
    arrays: Mapping[str, NDArray[Any]],
    hash_blocks: HashBlocks,
    threads: int,
) -> tuple[str, str]:
    """Write arrays into a new file, in full or not at all; whoever writes the same ones makes the same file.

    Parameters
    ----------
    folder : Path
        Must exist.
    prefix : str
        What the file's name begins with, before the digest.
    arrays : mapping of str to ndarray
    hash_blocks : callable
        The kernel of any backend.
    threads : int
        How many to compute digests with.

    Returns
    -------
    name : str
        Of the file, which ends with `SUFFIX`.
    digest : str
        Of the file, in hexadecimal digits.
    """
    entries: dict[str, dict[str, Any]] = {}
    end = 0
    contiguous = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
    for name, array in contiguous.items():
        entries[name] = {
            "dtype": array.dtype.str,
            "shape": list(array.shape),
            "begin": end,
            "digest": digest_of_array(array, hash_blocks, threads).hex(),
        }
        end = _aligned(end + array.nbytes)
    header = json.dumps({"arrays": entries, "bytes": end}, sort_keys=True).encode()
    head = MAGIC + len(header).to_bytes(LENGTH_BYTES, "little") + header
    start = _aligned(len(head))
    digest = hashlib.sha256(head).hexdigest()
    name = f"{prefix}-{digest[:NAMED_DIGITS]}{SUFFIX}"
    draft = folder / f".{prefix}.{uuid.uuid4().hex}{DRAFT}"
    try:
        with draft.open("wb") as file:
            file.write(head)
            for array_name, array in contiguous.items():
                file.seek(start + entries[array_name]["begin"])
                file.write(as_bytes(array).data)
            file.truncate(start + end)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(folder / name)
    finally:
        draft.unlink(missing_ok=True)
    return name, digest


def map_arrays(
    path: Path,
    digest: str,
    hash_blocks: HashBlocks,
    threads: int,
    wanted: Callable[[str], bool] = lambda name: True,
) -> Arrays:
    """Map arrays of a file into memory, read only, if they are what was written.

    Parameters
    ----------
    path : Path
    digest : str
        Of `write_arrays`.
    hash_blocks : callable
        The kernel of any backend.
    threads : int
        How many to read with what has to be read.
    wanted : callable
        Tells by its name whether an array is wanted; others are neither mapped nor read. Default: all are.

    Returns
    -------
    dict of str to ndarray
        By name.

    Raises
    ------
    DamagedArray
        If they are not.
    OSError
        If it cannot be opened.
    """
    with path.open("rb") as file:
        head = file.read(len(MAGIC) + LENGTH_BYTES)
        length = int.from_bytes(head[len(MAGIC) :], "little") if head.startswith(MAGIC) else 0
        head += file.read(min(length, os.fstat(file.fileno()).st_size))
        if hashlib.sha256(head).hexdigest() != digest:
            raise DamagedArray("it is not the file that was written")
        header = json.loads(head[len(MAGIC) + LENGTH_BYTES :])
        start = _aligned(len(head))
        if os.fstat(file.fileno()).st_size != start + header["bytes"]:
            raise DamagedArray("it is shorter or longer than it was written")
        state = file_state(file.fileno())
        whole = _mapped(file, (digest, *state), start + header["bytes"])
    found = {
        name: _part_of(whole, start, entry)
        for name, entry in header["arrays"].items()
        if wanted(name)
    }
    is_settled = max(state[1:3]) < time.time_ns() - SETTLED_NANOSECONDS
    for name, array in found.items():
        if _known.get((digest, name)) == state:
            continue
        known = header["arrays"][name]["digest"]
        if digest_of_array(array, hash_blocks, threads).hex() != known:
            raise DamagedArray(f"its array {name!r} is not as it was written")
        if is_settled:
            _known[digest, name] = state
    return found


def _mapped(file: BinaryIO, key: tuple[str | int, ...], size: int) -> NDArray[np.uint8]:
    """Map a whole file, or find it mapped as the last task left it, its pages at hand."""
    whole = _kept.pop(key, None)
    if whole is None:
        whole = map_file(file, 0, np.dtype(np.uint8), (size,))
    if os.name == "posix":  # elsewhere a file that is mapped cannot be removed
        _kept[key] = whole
    for oldest in list(_kept)[:-MOST_KEPT]:
        _kept.pop(oldest, None)
    return whole


def _part_of(whole: NDArray[np.uint8], start: int, entry: Mapping[str, Any]) -> NDArray[Any]:
    """One array of a mapped file, whose arrays begin at `start`."""
    dtype, begin = np.dtype(entry["dtype"]), start + int(entry["begin"])
    size = dtype.itemsize * int(np.prod(entry["shape"], dtype=np.int64))
    part: NDArray[Any] = whole[begin : begin + size].view(dtype)
    return part.reshape(entry["shape"])


def _aligned(position: int) -> int:
    """The first multiple of `ALIGNMENT` at or after a position."""
    return -(-position // ALIGNMENT) * ALIGNMENT
