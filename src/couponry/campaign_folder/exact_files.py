"""The files of a result folder that make it a result again: solution.json and solution.npz.

solution.json has what result.json leaves to the session (the campaign's folder, digests of its parts, what tuned the
solver), and digests of the files beside it. solution.npz has prices in float64, curvature and plan, as arrays.
"""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..utils.arrays.recorded_arrays import seal, unseal
from ..utils.errors import InvalidInput
from ..utils.version import __version__

FORMAT, VERSION = "couponry solution", 1
HEAD, ARRAYS = "solution.json", "solution.npz"
SEALED = ("result.json", "limits.parquet", "infeasible.json", ARRAYS)
"""Files that are read at once, and held to digests."""

ALLOCATION, BACKUPS = "allocation.parquet", "backups.parquet"
"""What is read when it is asked for."""

END_BYTES = 1 << 16
"""How much of each of their files is held to a digest: their ends, where Parquet files say what is in them."""


@dataclass(frozen=True)
class ExactSolution:
    """What a result knows beyond the tables and result.json.

    Attributes
    ----------
    head : mapping
        What JSON has of it.
    arrays : mapping of str to ndarray
        The rest.
    """

    head: Mapping[str, Any]
    arrays: Mapping[str, NDArray[Any]]


def write_exact(draft: Path, exact: ExactSolution) -> None:
    """Write the two files, when all others of the folder are there.

    Parameters
    ----------
    draft : Path
        The folder.
    exact : ExactSolution
    """
    arrays: dict[str, Any] = dict(exact.arrays)
    np.savez_compressed(draft / ARRAYS, **arrays)
    digests = {name: _digest(draft / name) for name in SEALED if (draft / name).exists()}
    head = {"format": FORMAT, "version": VERSION, "couponry": __version__, "sha256": digests}
    head["allocation"] = _ends(draft / ALLOCATION)
    if (draft / BACKUPS).exists():
        head["backups"] = _ends(draft / BACKUPS)
    (draft / HEAD).write_text(seal({**head, **exact.head}) + "\n", encoding="utf-8")


def read_exact(folder: Path) -> ExactSolution:
    """Read the two files, and make sure that those beside them are as they were written.

    Parameters
    ----------
    folder : Path
        A result folder.

    Returns
    -------
    ExactSolution

    Raises
    ------
    InvalidInput
        If they are not there, damaged, or of another version.
    """
    label = f"result folder {str(folder)!r}"
    if not (folder / "result.json").is_file():
        raise InvalidInput(
            f"{label}: expected a folder that a result was saved to, with result.json"
        )
    if not (folder / HEAD).is_file():
        raise InvalidInput(
            f"{label}: it has no {HEAD}, which earlier versions did not write; solve again, with start= this folder"
        )
    try:
        head = unseal((folder / HEAD).read_text(encoding="utf-8"), HEAD)
        known = head.get("format"), head.get("version")
    except (ValueError, RecursionError, OSError) as error:
        raise InvalidInput(f"{label}: {HEAD} is damaged") from error
    if known != (FORMAT, VERSION):
        raise InvalidInput(
            f"{label}: {HEAD}: expected {FORMAT!r} of version {VERSION}, got {known[0]!r} of version {known[1]!r}; "
            "solve again, with start= this folder"
        )
    for name, digest in head["sha256"].items():
        if name in SEALED and _digest(folder / name) != digest:
            raise InvalidInput(f"{label}: {name} is not as it was written")
    for name, key in ((ALLOCATION, "allocation"), (BACKUPS, "backups")):
        if head.get(key, []) != _ends(folder / name):
            raise InvalidInput(f"{label}: {name} is not as it was written")
    try:
        with np.load(io.BytesIO((folder / ARRAYS).read_bytes()), allow_pickle=False) as file:
            return ExactSolution(head, {name: file[name] for name in file.files})
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise InvalidInput(f"{label}: {ARRAYS} is damaged") from error


def read_json(path: Path) -> dict[str, Any]:
    """Read a JSON file of a result folder.

    Parameters
    ----------
    path : Path

    Returns
    -------
    dict

    Raises
    ------
    InvalidInput
        If it cannot be read, or holds no object.
    """
    label = f"result folder {str(path.parent)!r}: {path.name}"
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise InvalidInput(f"{label}: cannot read it") from error
    if not isinstance(content, dict):
        raise InvalidInput(f"{label}: expected an object")
    return content


def _ends(path: Path) -> list[list[Any]]:
    """Name, size and SHA-256 of the end of each file of an allocation."""
    files = sorted(path.iterdir()) if path.is_dir() else [path] if path.exists() else []
    found = []
    for file in files:
        with file.open("rb") as opened:
            size = opened.seek(0, 2)
            opened.seek(max(0, size - END_BYTES))
            found.append([file.name, size, hashlib.sha256(opened.read()).hexdigest()])
    return found


def _digest(path: Path) -> str:
    """The SHA-256 of a file, empty where there is none."""
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError:
        return ""
