"""Shards in a place that drivers and workers both reach, and the manifest that says which they are.

shards.json                format, shards, what differs by customer, what the shards were made from; written last
<number>-<digest>.arrays   a shard each; see `couponry.engines.cluster.array_file`

Files appear whole, and none is ever changed. A file's name has its digest, so that it does not matter how many attempts
write it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...kernels import Rules
from ...utils.arrays.array_store import Arrays
from ...utils.arrays.recorded_arrays import seal, unseal
from ...utils.errors import InvalidInput, first_line
from ...utils.files.locks import writing
from ...utils.parallel import parallel_map
from ..parts import by_customer, rules_of
from .array_file import DRAFT, SUFFIX
from .places import drafts_of, is_uri, map_file, place_of, write_file
from .shards import PASSED, Everybody, RulesBeside, arrays_of_rules

FORMAT = 3
"""Version of the files' layout; shards of another version are written anew."""

MANIFEST = "shards.json"


@dataclass(frozen=True)
class ShardEntry:
    """What a manifest says of a shard.

    Attributes
    ----------
    file : str
        Name within the store.
    digest : str
        Of the file.
    first, customers : int
        Number of its first customer in the whole campaign, and how many it has.
    candidates : int
    most_candidates : int
        Of one customer.
    """

    file: str
    digest: str
    first: int
    customers: int
    candidates: int
    most_candidates: int


@dataclass(frozen=True)
class ShardStore:
    """Shards that are there; a recipe that may be sent to workers.

    Attributes
    ----------
    folder : str
        An absolute path or a URI, the same for drivers and workers.
    digest : str
        Of the manifest, by which workers know that they read the same shards.
    """

    folder: str
    digest: str

    @classmethod
    def open(cls, folder: str | Path) -> ShardStore:
        """Open a store.

        Parameters
        ----------
        folder : str or Path

        Returns
        -------
        ShardStore

        Raises
        ------
        InvalidInput
            Where there is none, or one that cannot be read.
        """
        name = absolute(folder)
        return cls(name, hashlib.sha256(_manifest_text(name).encode()).hexdigest())

    @property
    def manifest(self) -> Manifest:
        """What the store says of itself, read once in a process.

        Raises
        ------
        InvalidInput
            Where the manifest is not the one that this store was opened with.
        """
        return _manifest(self.folder, self.digest)

    def arrays(
        self, number: int, threads: int, wanted: Callable[[str], bool] = PASSED.__contains__
    ) -> Arrays:
        """Map arrays of a shard.

        Parameters
        ----------
        number : int
        threads : int
            How many to read with what has to be read.
        wanted : callable
            Tells by its name whether an array is wanted. Default: those that passes read.

        Returns
        -------
        dict of str to ndarray
            By name, read only.

        Raises
        ------
        InvalidInput
            Where the shard is missing, damaged or another one.
        """
        entry = self.manifest.shards[number]
        return map_file(self.folder, entry.file, entry.digest, threads, wanted)

    def write_rules(self, rules: Rules) -> RulesBeside:
        """Write other rules for all customers beside the shards; they go with the next shards.

        Parameters
        ----------
        rules : Rules
            Of all customers.

        Returns
        -------
        RulesBeside

        Raises
        ------
        InvalidInput
            Where they cannot be written.
        """
        return written_rules(self.folder, self.manifest, rules, "rules")


@dataclass(frozen=True)
class Manifest:
    """What a store says of itself.

    Attributes
    ----------
    shards : tuple of ShardEntry
        In the customers' order.
    differing : frozenset of str
        What differs by customer; see `couponry.engines.parts.by_customer`.
    source : object
        What the shards were made from, as JSON has it.
    """

    shards: tuple[ShardEntry, ...]
    differing: frozenset[str]
    source: Any

    @property
    def customers(self) -> int:
        """Number of customers."""
        return sum(shard.customers for shard in self.shards)

    @property
    def candidates(self) -> int:
        """Number of candidates."""
        return sum(shard.candidates for shard in self.shards)


def written_rules(folder: str, manifest: Manifest, rules: Rules, name: str) -> RulesBeside:
    """Write other rules for all customers of some shards.

    Parameters
    ----------
    folder : str
    manifest : Manifest
    rules : Rules
        Of all customers.
    name : str
        Of the files, behind the shard's number.

    Returns
    -------
    RulesBeside

    Raises
    ------
    InvalidInput
        Where they cannot be written.
    """
    files = []
    try:
        for number, entry in enumerate(manifest.shards):
            own = rules_of(rules, entry.first, entry.first + entry.customers)
            files.append(write_file(folder, f"{number:06d}-{name}", arrays_of_rules(own), 1))
    except OSError as error:
        raise InvalidInput(f"shards {folder!r}: {first_line(error)}") from None
    return RulesBeside(folder, tuple(files), by_customer(None, rules))


def write_store(
    folder: str | Path, everybody: Everybody, cuts: NDArray[np.int64], source: Any, threads: int
) -> ShardStore:
    """Write shards, and the manifest last.

    Parameters
    ----------
    folder : str or Path
        Made where it does not exist.
    everybody : Everybody
    cuts : ndarray of int64, shape (n_shards + 1,)
        First customer of each shard, and the number of customers.
    source : object
        What they are made from, as JSON has it.
    threads : int

    Returns
    -------
    ShardStore

    Raises
    ------
    InvalidInput
        Where the folder cannot be written, holds something else, or somebody else is writing it.
    """
    name = absolute(folder)

    def write(number: int) -> ShardEntry:
        start, stop = (int(customer) for customer in cuts[[number, number + 1]])
        return write_shard(name, number, everybody.arrays_of(start, stop), 1)

    differing = by_customer(everybody.shard, everybody.rules)
    try:
        with written_by_one(name):
            entries = list(parallel_map(write, range(len(cuts) - 1), threads))
            return write_manifest(name, entries, differing, source)
    except OSError as error:
        raise InvalidInput(f"shards {name!r}: {first_line(error)}") from None


@contextmanager
def written_by_one(folder: str) -> Iterator[None]:
    """Be the only one who writes a folder; of URIs nobody can be.

    Parameters
    ----------
    folder : str
        An absolute path or a URI.

    Raises
    ------
    InvalidInput
        Where it holds something else, or somebody else is writing it.
    """
    if is_uri(folder):
        yield
        return
    Path(folder).mkdir(parents=True, exist_ok=True)
    names = place_of(folder).names()
    if MANIFEST not in names and not all(name.endswith((SUFFIX, DRAFT)) for name in names):
        raise InvalidInput(
            f"shards {folder!r}: expected a new folder or a store of shards, but it holds something else"
        )
    with writing(folder, "store of shards"):
        yield


def write_shard(folder: str, number: int, arrays: Arrays, threads: int) -> ShardEntry:
    """Write one shard, in any process; another attempt writes the same file.

    Parameters
    ----------
    folder : str
        Of the store: an absolute path or a URI.
    number : int
        Its place among the shards.
    arrays : dict of str to ndarray
        Of `Everybody.arrays_of`.
    threads : int

    Returns
    -------
    ShardEntry
        For the manifest.
    """
    name, digest = write_file(folder, f"{number:06d}", arrays, threads)
    indptr = arrays["indptr"]
    return ShardEntry(
        name,
        digest,
        int(arrays["first"][0]),
        len(indptr) - 1,
        int(indptr[-1]),
        int(np.diff(indptr).max(initial=0)),
    )


def write_manifest(
    folder: str,
    entries: Sequence[ShardEntry],
    differing: frozenset[str],
    source: Any,
    stays: Sequence[str] = (),
) -> ShardStore:
    """Commit shards: from now on they are the store, and those of the one before are removed.

    Parameters
    ----------
    folder : str
        An absolute path or a URI.
    entries : sequence of ShardEntry
        In the customers' order.
    differing : frozenset of str
        What differs by customer.
    source : object
        What they were made from, as JSON has it.
    stays : sequence of str
        Other files of the folder that are not removed.

    Returns
    -------
    ShardStore
    """
    content = {
        "format": FORMAT,
        "source": source,
        "differing": sorted(differing),
        "shards": [asdict(entry) for entry in entries],
    }
    place = place_of(folder)
    with drafts_of(folder) as drafts:
        draft = drafts / f".{MANIFEST}"
        draft.write_text(seal(content), encoding="utf-8")
        place.put(MANIFEST, draft)
    kept = {*stays, *(entry.file for entry in entries)}
    for name in place.names():
        if name.endswith((SUFFIX, DRAFT)) and name not in kept:
            place.remove(name)  # whoever maps it keeps it
    return ShardStore.open(folder)


def absolute(folder: str | Path) -> str:
    """Name a store so that every process reaches it by that name.

    Parameters
    ----------
    folder : str or Path

    Returns
    -------
    str
        An absolute path, or a URI.
    """
    return str(folder).rstrip("/") if is_uri(folder) else str(Path(folder).absolute())


def _manifest_text(folder: str) -> str:
    try:
        return place_of(folder).read_text(MANIFEST)
    except (OSError, ValueError) as error:
        raise InvalidInput(f"shards {folder!r}: {first_line(error)}") from None


@lru_cache(maxsize=8)
def _manifest(folder: str, digest: str) -> Manifest:
    text = _manifest_text(folder)
    if hashlib.sha256(text.encode()).hexdigest() != digest:
        raise InvalidInput(f"shards {folder!r}: they were written anew since they were opened")
    try:
        content = unseal(text, MANIFEST)
    except ValueError as error:
        raise InvalidInput(f"shards {folder!r}: {error}") from None
    if content["format"] != FORMAT:
        raise InvalidInput(
            f"shards {folder!r}: expected format {FORMAT}, got {content['format']}; remove the "
            "folder, and have the shards written again"
        )
    shards = tuple(ShardEntry(**entry) for entry in content["shards"])
    return Manifest(shards, frozenset(content["differing"]), content["source"])
