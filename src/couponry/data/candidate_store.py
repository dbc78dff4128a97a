"""Candidates kept in a folder: built whole or not at all, memory-mapped, used again while their input is the same.

store.json        format, sizes, columns, notes, what the store was built from, a record of its arrays; written last
customer.npy      int64 (n), or the bytes of text ids, uint8, with customer-ends.npy, int64 (n + 1)
indptr.npy        int64 (n + 1)
offer.npy         uint16 or uint32 (e)
role.npy          uint8 (e), where candidates have roles
mandatory.npy     uint8 (e), where the table says which candidates are
column-0.npy ...  float32 or float64 (e), the numeric columns
packed.* ...      folders of arrays that campaigns made of these, each with a record of them in arrays.json
states.json       how files looked that were known to be as written; see `couponry.utils.arrays.recorded_arrays`
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import uuid
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa

from ..utils.arrays.array_store import Arrays, ArrayStore, save
from ..utils.arrays.derived_arrays import SharedArrays
from ..utils.arrays.digests import HashBlocks
from ..utils.arrays.recorded_arrays import (
    RecordedFolder,
    map_recorded,
    remember_states,
    seal,
    unseal,
)
from ..utils.atomic_folder import atomic_folder, remove_folder, reserved_folder, tidy
from ..utils.errors import InvalidInput
from ..utils.threads import thread_count
from .candidate_checks import stated_backend
from .candidates import Candidates, build_candidates
from .external_sort import file_names
from .ids import TEXT, as_ids, digest_of
from .streams import Stream, file_state

FORMAT = 4
"""Version of the files' layout; a store of another version is built again."""

MANIFEST, RECORDS = "store.json", "arrays.json"


def open_or_build(folder: str | Path, stream: Stream, offers: pa.Array, threads: int) -> Candidates:
    """Return the candidates of a stream from a store, which is built first where there is none of the same input.

    Parameters
    ----------
    folder : str or Path
        The store.
    stream : Stream
        The candidates table.
    offers : pyarrow.Array
        Ids of the offers, ascending.
    threads : int

    Returns
    -------
    Candidates
        Memory-mapped.

    Raises
    ------
    InvalidInput
        Where the input is wrong, or the folder holds something else.
    """
    source = _source(stream, offers)
    return open_or_make(
        folder, source, lambda store: build_candidates(stream, offers, store, threads)
    )


def open_or_make(
    folder: str | Path, source: dict[str, Any] | None, make: Callable[[ArrayStore], Candidates]
) -> Candidates:
    """Return candidates from a store, which is made first where there is none of the same source.

    A store of another source is replaced. What cannot be told to be the same is made again.

    Parameters
    ----------
    folder : str or Path
        The store.
    source : dict or None
        What the candidates are made from, as JSON has it; None where that cannot be told, as of a stream that is not of
        files.
    make : callable
        Writes the candidates into the array store that it is given.

    Returns
    -------
    Candidates
        Memory-mapped.

    Raises
    ------
    InvalidInput
        Where the folder holds something else.
    """
    path = Path(folder).absolute()
    if not is_made_from(path, source):
        _check_replaceable(path)
        with reserved_folder(path, overwrite=True, what="store"):
            if not is_made_from(path, source):  # nor has anybody made it meanwhile
                _check_replaceable(path)
                _make(path, source, make)
    else:
        tidy(path)
    return _open(path)


def _check_replaceable(path: Path) -> None:
    """Refuse a folder that holds something else than a store."""
    if path.is_dir() and any(path.iterdir()) and not (path / MANIFEST).is_file():
        raise InvalidInput(
            f"store {str(path)!r}: expected a new folder or a store of candidates, but it holds something else"
        )


def _make(
    path: Path, source: dict[str, Any] | None, make: Callable[[ArrayStore], Candidates]
) -> None:
    """Make a store, in place of one that is there."""
    with atomic_folder(path, overwrite=True, what="store") as draft:
        with RecordedFolder(draft, hash_blocks()) as store:
            made = make(store)
            content, spans = _content(made), _spans_of(made)
            del made  # a draft has no name while it is mapped
        _check_unchanged(source)
        built = uuid.uuid4().hex
        manifest = {
            "format": FORMAT, "built": built, **content, "source": source, "arrays": store.records,
        }  # fmt: skip
        remember_states(draft, store.records)
        (draft / MANIFEST).write_text(seal(manifest), encoding="utf-8")
    derived = _DerivedFolders(path, built)
    for key, span in spans:
        derived.get_or_make("span", key, partial(_saved, span))


def _spans_of(made: Candidates) -> list[tuple[list[str], Arrays]]:
    """The spans that were found while rows were read."""
    return list(made.derived.remembered("span")) if isinstance(made.derived, SharedArrays) else []


def _saved(arrays: Arrays, store: ArrayStore) -> Arrays:
    """Arrays as a store has them."""
    return {name: save(store, name, array) for name, array in arrays.items()}


def _check_unchanged(source: dict[str, Any] | None) -> None:
    """Refuse files that have changed since reading them began: what was read may be of both."""
    for path, *state in (source or {}).get("files") or []:
        if not Path(path).exists() or file_state(Path(path)) != state:
            raise InvalidInput(f"table in {path!r}: it has changed while it was read; start again")


def hash_blocks() -> HashBlocks:
    """Return the kernel that digests of stored arrays are made by; every backend makes the same.

    Returns
    -------
    callable

    Raises
    ------
    InvalidInput
        If the environment names a backend that there is not.
    """
    kernel: HashBlocks = stated_backend().kernels.hash_blocks
    return kernel


def is_built_from(folder: str | Path, stream: Stream, offers: pa.Array) -> bool:
    """Tell whether a folder holds a store of this very input.

    Parameters
    ----------
    folder : str or Path
        The folder.
    stream : Stream
        The candidates table.
    offers : pyarrow.Array
        Ids of the offers, ascending.

    Returns
    -------
    bool
        False where there is no store, or where its input cannot be told.
    """
    return is_made_from(folder, _source(stream, offers))


def is_made_from(folder: str | Path, source: dict[str, Any] | None) -> bool:
    """Tell whether a folder holds a store of this very source.

    Parameters
    ----------
    folder : str or Path
        The folder.
    source : dict or None
        What candidates are made from; None where that cannot be told.

    Returns
    -------
    bool
        False where there is no store.

    Raises
    ------
    OSError
        Where that cannot be read: a store is not built again because files could not be opened for a moment.
    """
    try:
        manifest = _manifest(Path(folder))
    except (FileNotFoundError, NotADirectoryError, ValueError, RecursionError):
        return False
    same = manifest.get("format") == FORMAT
    return same and source is not None and bool(manifest.get("source") == source)


def _manifest(path: Path) -> dict[str, Any]:
    """What a store says of itself."""
    return unseal((path / MANIFEST).read_text(encoding="utf-8"), MANIFEST)


def _open(path: Path) -> Candidates:
    """The candidates of a store that is there."""
    kernel = hash_blocks()
    while True:
        before = path.stat()
        try:
            manifest = _manifest(path)
            kept = map_recorded(path, manifest["arrays"], kernel, thread_count())
        except (FileNotFoundError, ValueError) as error:
            if not os.path.samestat(path.stat(), before):
                continue  # somebody has replaced it meanwhile
            raise InvalidInput(
                f"store {str(path)!r}: {error}; remove it to build it again"
            ) from error
        if os.path.samestat(path.stat(), before):
            return _candidates(path, manifest, kept)


def _candidates(path: Path, manifest: dict[str, Any], kept: Arrays) -> Candidates:
    """The candidates that a store's arrays are."""
    names = file_names(["offer", *manifest["flags"], *manifest["columns"]])
    arrays = {name: kept[file] for name, file in names.items()}
    customer, indptr, ends = kept["customer"], kept["indptr"], kept.get("customer-ends")
    offer, role = arrays.pop("offer"), arrays.pop("role", None)
    mandatory = arrays.pop("mandatory", None)
    derived = _DerivedFolders(path, manifest["built"])
    derived.tidy()
    notes = tuple(manifest["notes"])
    return Candidates(
        as_ids(customer, ends), indptr, offer, role, mandatory, arrays, derived, notes
    )


class _DerivedFolders:
    """Arrays made of those of a store, in folders inside it: one of each kind, but for spans, which are small.

    built: identifies the store that they are made of. The folder may hold another one by the time that they are
    written.
    """

    def __init__(self, folder: Path, built: str):
        self._folder, self._built = folder, built

    def get_or_make(
        self, kind: str, key: Sequence[str], make: Callable[[ArrayStore], Arrays]
    ) -> Arrays:
        digest = hashlib.sha256(json.dumps([self._built, *key]).encode()).hexdigest()
        folder = self._folder / f"{kind}.{digest[:32]}"
        found = self._find(folder)
        if found:
            return found
        # whoever makes arrays of one kind waits for others who do
        what = "arrays of store"
        with reserved_folder(self._folder / kind, overwrite=True, what=what, wait=True):
            found = self._find(folder)
            if found:
                return found
            self._remove_drafts(kind)
            for other in self._folder.glob(f"{kind}.*") if kind != "span" else ():
                remove_folder(other)  # whoever maps them keeps them
            with atomic_folder(folder, overwrite=True, what=what) as draft:
                with RecordedFolder(draft, hash_blocks()) as store:
                    make(store)
                remember_states(draft, store.records)
                (draft / RECORDS).write_text(seal(store.records), encoding="utf-8")
            found = self._find(folder)  # mapped where they stay
            if not found:
                raise InvalidInput(
                    f"store {str(self._folder)!r}: its files were changed while they were written; start again"
                )
            return found

    def tidy(self) -> None:
        """Remove what killed runs have left, except of kinds that somebody is writing."""
        with suppress(OSError):
            for kind in {path.name.split(".")[1] for path in self._folder.glob(".*.*")}:
                with suppress(InvalidInput), reserved_folder(self._folder / kind, overwrite=True):
                    self._remove_drafts(kind)

    def reopen(self) -> Candidates:
        """Return the candidates of the store that these arrays are made of: what is pickled in place of candidates."""
        found = _open(self._folder)
        if not isinstance(found.derived, _DerivedFolders) or found.derived._built != self._built:
            raise InvalidInput(
                f"store {str(self._folder)!r}: it was built anew since the candidates in it were pickled"
            )
        return found

    def _remove_drafts(self, kind: str) -> None:
        """Remove drafts of this kind under any key."""
        for draft in self._folder.glob(f".{kind}.*.draft"):
            shutil.rmtree(draft, ignore_errors=True)

    def _find(self, folder: Path) -> Arrays:
        """The arrays of a folder; none where they are not whole, or not what was written."""
        kernel = hash_blocks()
        try:
            records = unseal((folder / RECORDS).read_text(encoding="utf-8"), RECORDS)
            return map_recorded(folder, records, kernel, thread_count())
        except (OSError, ValueError, RecursionError):
            return {}


def _content(candidates: Candidates) -> dict[str, Any]:
    """What the manifest says of the arrays."""
    return {
        "customers": len(candidates.customers),
        "candidates": len(candidates),
        "ids": "text" if candidates.customers.type == TEXT else "integers",
        "flags": [name for name in ("role", "mandatory") if getattr(candidates, name) is not None],
        "columns": list(candidates.columns),
        "notes": list(candidates.notes),
    }


def _source(stream: Stream, offers: pa.Array) -> dict[str, Any] | None:
    """What the candidates are made from, as JSON has it; None where it cannot be told."""
    if stream.files is None:
        return None
    return {
        "offers": digest_of(offers),
        "columns": [[field.name, str(field.type)] for field in stream.schema],
        "files": stream.files,
    }
