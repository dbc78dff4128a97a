"""Purchase histories in a folder, or in memory: built whole or not at all, and opened again.

manifest.json            format, half-lives, unit, periods, and a record of the arrays; written last
customers.npy ...        the arrays, as `couponry.utils.arrays.array_store` writes them
states.json              how files looked that were known to be as written; see `couponry.utils.arrays.recorded_arrays`
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...data.candidate_store import hash_blocks
from ...utils.arrays.array_store import Arrays, ArrayStore, MemoryStore
from ...utils.arrays.recorded_arrays import (
    RecordedFolder,
    map_recorded,
    remember_states,
    seal,
    unseal,
)
from ...utils.atomic_folder import atomic_folder, reserved_folder
from ...utils.checks import is_whole
from ...utils.errors import InvalidInput
from ...utils.threads import thread_count
from .history_arrays import HistoryArrays

FORMAT = 3
"""Version of what is kept. Histories of earlier versions do not know the gaps between purchases, and are refused."""

MANIFEST = "manifest.json"


@dataclass(frozen=True)
class Coverage:
    """What the arrays of a history cover.

    Attributes
    ----------
    half_lives : tuple of float
        In weeks.
    unit : str
        What a period is, "day" or "week"; "" while nothing is covered.
    start, until : int
        First and last period; 0 and -1 while nothing is covered.
    left_out : int
        Transactions that were left out because their quantity was not above 0.
    guests : int
        Transactions that were left out because they had no customer.
    """

    half_lives: tuple[float, ...]
    unit: str = ""
    start: int = 0
    until: int = -1
    left_out: int = 0
    guests: int = 0

    def manifest(self) -> dict[str, Any]:
        """Return what is written into the manifest.

        Returns
        -------
        dict
            As JSON has it.
        """
        return {
            "format": FORMAT,
            "half_lives": list(self.half_lives),
            "unit": self.unit,
            "start": self.start,
            "until": self.until,
            "left_out": self.left_out,
            "guests": self.guests,
        }

    @classmethod
    def from_manifest(cls, manifest: Any) -> Coverage:
        """Read a manifest.

        Parameters
        ----------
        manifest : dict
            As JSON has it.

        Returns
        -------
        Coverage
        """
        return cls(
            tuple(manifest["half_lives"]),
            manifest["unit"],
            manifest["start"],
            manifest["until"],
            manifest["left_out"],
            manifest["guests"],
        )


Built = tuple[HistoryArrays, Coverage]
Builder = Callable[[ArrayStore, Path | None], tuple[Arrays, Coverage]]
"""Writes the arrays of a history into a store; takes a folder for what is put aside meanwhile, None: there is none."""


def build_history(
    folder: str | Path | None, build: Builder, updated: Coverage | None = None
) -> Built:
    """Build a history in memory, or in a folder that appears whole or not at all.

    Parameters
    ----------
    folder : str or pathlib.Path, optional
        A new folder, or one that holds a history, which is replaced. None: in memory.
    build : callable
    updated : Coverage, optional
        What the history covers that is updated: then no other one is replaced. None: any is.

    Returns
    -------
    HistoryArrays, Coverage

    Raises
    ------
    InvalidInput
        If the folder holds something else, or somebody is writing it.
    """
    if folder is None:
        arrays, coverage = build(MemoryStore(), None)
        return HistoryArrays.from_named(arrays), coverage
    path = Path(folder).absolute()
    with reserved_folder(path, overwrite=True, what="history"):
        _check_replaceable(path, updated)
        with atomic_folder(path, overwrite=True, what="history") as draft:
            with RecordedFolder(draft, hash_blocks()) as store:
                coverage = build(store, draft)[1]
            remember_states(draft, store.records)
            manifest = seal({**coverage.manifest(), "arrays": store.records})
            (draft / MANIFEST).write_text(manifest, encoding="utf-8")
        return open_history(path)


def _check_replaceable(path: Path, updated: Coverage | None) -> None:
    """Refuse a folder that holds something else than a history, or another one than the one that is updated."""
    is_history = (path / MANIFEST).is_file() and (path / "indptr.npy").is_file()
    if path.is_dir() and any(path.iterdir()) and not is_history:
        raise InvalidInput(
            f"folder {str(path)!r}: expected a new folder or that of a history, but it holds something else"
        )
    if updated is not None and path.is_dir() and any(path.iterdir()):
        there = open_history(path)[1]
        if there != updated:
            raise InvalidInput(
                f"history {str(path)!r}: expected the one that is updated, up to {updated.unit} {updated.until}, "
                f"got one up to {there.unit} {there.until}: somebody has updated it meanwhile; open it again"
            )


def open_history(folder: str | Path) -> Built:
    """Open a history in a folder, memory-mapped; InvalidInput if there is none.

    Parameters
    ----------
    folder : str or pathlib.Path

    Returns
    -------
    HistoryArrays, Coverage

    Raises
    ------
    InvalidInput
        If the folder holds no history of this format.
    """
    path = Path(folder).absolute()
    try:
        while True:
            before = path.stat()
            try:
                found = _read(path)
            except (OSError, ValueError):
                if os.path.samestat(path.stat(), before):
                    raise
                continue  # somebody has replaced it meanwhile
            if os.path.samestat(path.stat(), before):
                return found
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise InvalidInput(f"history {str(path)!r}: expected one, but {error}") from error


def _read(path: Path) -> Built:
    """The arrays of a history and what they cover."""
    text = (path / MANIFEST).read_text(encoding="utf-8")
    manifest = json.loads(text)
    found = manifest.get("format") if isinstance(manifest, dict) else None
    if is_whole(found) and found != FORMAT:
        raise ValueError(
            f"it is of format {found}, where this version keeps format {FORMAT}: build it anew from its transactions"
        )
    manifest = unseal(text, MANIFEST)
    coverage = Coverage.from_manifest(manifest)
    arrays = map_recorded(path, manifest["arrays"], hash_blocks(), thread_count())
    return HistoryArrays.from_named(arrays), coverage
