"""PurchaseHistory: who bought what, how often and how lately, in blocks by customer; a new week is taken up in place.

manifest.json            format, unit, half-lives, periods; written last
customers.npy ...        the arrays below, as `couponry.utils.array_store` writes them
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from ...data import tables
from ...data.ids import IdWriter, as_ids
from ...data.memory_estimate import PAIRS_PER_ROW
from ...kernels.affinity_contract import Pairs
from ...utils.array_store import Arrays, ArrayStore, FolderStore, MemoryStore
from ...utils.atomic_folder import abandoned_drafts, atomic_folder
from ...utils.errors import InvalidInput
from ...utils.mapped_arrays import map_array
from ...utils.memory import parse_size, size_text
from ...utils.threads import thread_count
from .from_aggregates import Taking
from .grouping import Grouped
from .merging import Merging
from .purchases import MOST_PERIODS, PERIODS_A_WEEK, Purchases

FORMAT = 1
MANIFEST = "manifest.json"
HALF_LIVES = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0)


@dataclass(frozen=True)
class PurchaseHistory:
    """Purchases of n customers, by item (a product, or whatever products were mapped to); e (customer, item) pairs.

    customers: ids, ascending (n). items: ids, ascending (P). The arrays are in memory or memory-mapped, read only.
    indptr: int64 (n + 1), the pairs of each customer. item: uint32 (e), places in `items`, ascending for a customer.
    pairs: their states (e), see `couponry.kernels.affinity_contract.Pairs`; its spend and discounted are 0 where the
    transactions did not say.
    trips: the same for each customer's purchases of anything (n).
    half_lives: in weeks (H). unit: what a period is, `day` or `week`. start, until: the first and the last period
    that is covered. left_out: transactions that were left out, as their quantity was not above 0.

    A pair counts a period once, however many transactions there were in it. Its decayed sums follow a recursion over
    its own periods in ascending order, in float32 (`fold` in `kernels/affinity_reference.py`), as of its own last
    period. So a later week changes only the pairs that were bought in it, and the result is what the whole history at
    once would have given, bit for bit.
    """

    customers: pa.Array
    items: pa.Array
    indptr: NDArray[np.int64]
    item: NDArray[np.uint32]
    pairs: Pairs
    trips: Pairs
    half_lives: tuple[float, ...]
    unit: str
    start: int
    until: int
    left_out: int = 0

    @classmethod
    def from_transactions(
        cls,
        transactions: Any,
        *,
        columns: Mapping[str, str] | None = None,
        catalogue: Any = None,
        half_lives: Sequence[float] = HALF_LIVES,
        until: int | None = None,
        folder: str | Path | None = None,
        memory_limit: int | str | None = None,
        threads: int | None = None,
    ) -> PurchaseHistory:
        """Group transactions out of core.

        transactions: a Parquet or CSV file, glob or folder, or anything that speaks the Arrow stream protocol, or an
        iterator of record batches. Columns: `customer` and `product` (integers or strings); one of `day` (whole
        numbers or dates), `date` (dates) and `week` (whole numbers); and where they exist `quantity` (rows of 0 or
        less are left out: returns), `spend`, and `discount` (any but 0: bought at a discount). columns: other names
        of them, such as {"customer": "household_id"}.
        catalogue: a table of `product` and `item`: purchases of a product count as purchases of its items (a coupon
        that is good for several products, a brand, a category), of each where there are several. Products that it
        lacks count as trips alone.
        until: the last period that the transactions cover, default: the last that is there.
        folder: where the history is kept, memory-mapped; default: in memory. It appears whole or not at all.
        memory_limit: what DuckDB may take before it goes to disk, such as "8GiB". What cannot fit in memory is refused
        with its size before it starts, as far as Parquet files tell.

        Raises InvalidInput, and ImportError where DuckDB is not installed.
        """
        purchases = Purchases.of(transactions, columns)
        memory = parse_size(memory_limit, "memory_limit")
        if folder is None and memory is not None:
            _check_memory(purchases, memory, len(half_lives))
        return cls.grouped(
            purchases,
            catalogue=catalogue,
            half_lives=half_lives,
            until=until,
            folder=folder,
            memory=memory,
            threads=threads,
        )

    @classmethod
    def from_aggregates(
        cls,
        rows: Any,
        *,
        unit: str,
        trips: Any = None,
        columns: Mapping[str, str] | None = None,
        half_lives: Sequence[float] = HALF_LIVES,
        as_of: str = "last",
        start: int | None = None,
        until: int | None = None,
        folder: str | Path | None = None,
        memory_limit: int | str | None = None,
        threads: int | None = None,
    ) -> PurchaseHistory:
        """Take up purchases that were aggregated elsewhere.

        rows: as for `from_transactions`, one row per `customer` and `product`: `times`, in how many periods it was
        bought; `last`, when last; and where they exist `first`, `discounted` (in how many of them at a discount),
        `spend`, and decayed counts `decay_4`, `decay_16` ... by half-life in weeks. Decayed counts that are not there
        are those of purchases that lie evenly from first to last. Rows by customer and product are taken as they come;
        others are ordered by DuckDB, on disk where `memory_limit` is reached.
        unit: what a period is, `day` (whole numbers or dates) or `week`. trips: the same of each customer's purchases
        of anything, without `product`; default: a customer comes as often as its most bought item is bought.
        as_of: decayed counts are as of each row's `last`, or as of `until`. start, until: the periods that are covered,
        default: those that are there. Other arguments: as for `from_transactions`.

        `history.aggregates()` gives just such tables. Raises InvalidInput.
        """
        lives = cls._empty(half_lives).half_lives
        memory = parse_size(memory_limit, "memory_limit")
        taking = Taking(unit, columns, lives, as_of, start, until)

        def make(space: ArrayStore, spill: Path | None) -> tuple[Arrays, dict[str, Any]]:
            arrays, (first, last) = taking.arrays(
                rows, trips, space, memory=memory, threads=thread_count(threads), spill=spill
            )
            check_span(first, last)
            covered = {"unit": unit, "start": first, "until": last, "left_out": 0}
            return arrays, {"format": FORMAT, "half_lives": list(lives), **covered}

        return _kept(folder, make)

    def aggregates(self) -> tuple[pa.Table, pa.Table]:
        """The pairs and the trips as tables that `from_aggregates` takes; all of them in memory."""

        def states(pairs: Pairs) -> dict[str, Any]:
            columns: dict[str, Any] = {name: getattr(pairs, name) for name in Pairs._fields[:4]}
            columns["spend"] = pairs.spend / 100.0
            for h, life in enumerate(self.half_lives):
                columns[f"decay_{life:g}"] = np.ascontiguousarray(pairs.decay[:, h])
            return columns

        who = np.repeat(np.arange(len(self.customers)), np.diff(self.indptr))
        ids = {
            "customer": self.customers.take(pa.array(who)),
            "product": self.items.take(pa.array(self.item.astype(np.int64))),
        }
        return (
            pa.table({**ids, **states(self.pairs)}),
            pa.table({"customer": self.customers, **states(self.trips)}),
        )

    @classmethod
    def grouped(
        cls,
        purchases: Purchases,
        *,
        catalogue: Any = None,
        half_lives: Sequence[float] = HALF_LIVES,
        until: int | None = None,
        folder: str | Path | None = None,
        memory: int | None = None,
        threads: int | None = None,
        watch: Callable[[pa.RecordBatch], None] | None = None,
    ) -> PurchaseHistory:
        """As `from_transactions`, of purchases that are checked as they are read.

        memory: bytes. watch: is called with all purchases, a batch after the other.
        """
        empty = cls._empty(half_lives)
        return empty._with(purchases, catalogue, until, folder, memory, threads, watch)

    def update(
        self,
        transactions: Any,
        *,
        columns: Mapping[str, str] | None = None,
        catalogue: Any = None,
        until: int | None = None,
        folder: str | Path | None = None,
        memory_limit: int | str | None = None,
        threads: int | None = None,
    ) -> PurchaseHistory:
        """This history and later transactions: exactly what all of them at once would have given.

        Arguments as for `from_transactions`; folder: another one, or that of this history, which is replaced.
        Raises InvalidInput where transactions are not all later than `self.until`.
        """
        purchases = Purchases.of(transactions, columns)
        memory = parse_size(memory_limit, "memory_limit")
        return self._with(purchases, catalogue, until, folder, memory, threads)

    @classmethod
    def open(cls, folder: str | Path) -> PurchaseHistory:
        """The history that is kept in a folder, memory-mapped."""
        path = Path(folder).absolute()
        try:
            manifest = json.loads((path / MANIFEST).read_text(encoding="utf-8"))
            if manifest["format"] != FORMAT:
                raise ValueError(f"expected format {FORMAT}, got {manifest['format']!r}")
            arrays = {file.stem: map_array(file) for file in path.glob("*.npy")}
            return cls._of(arrays, manifest)
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise InvalidInput(f"history {str(path)!r}: expected one, but {error}") from error

    def __len__(self) -> int:
        return len(self.item)

    @property
    def periods_a_week(self) -> int:
        return PERIODS_A_WEEK[self.unit]

    def decay(self, pairs: slice, as_of: int | None = None) -> NDArray[np.float32]:
        """Decayed sums (pairs, H) as of the end of a period, default `until`."""
        return self._decayed(self.pairs, pairs, as_of)

    def trip_decay(self, customers: slice, as_of: int | None = None) -> NDArray[np.float32]:
        """Decayed trips (customers, H) as of the end of a period, default `until`."""
        return self._decayed(self.trips, customers, as_of)

    def _decayed(self, pairs: Pairs, part: slice, as_of: int | None) -> NDArray[np.float32]:
        as_of = self.until if as_of is None else as_of
        if as_of < self.until:
            raise InvalidInput(
                f"as_of: expected {self.until} (the last period of the history) or later, got {as_of}"
            )
        factor = factors(self.half_lives, self.unit, as_of - self.start + 1)
        return pairs.decay[part] * factor[as_of - pairs.last[part].astype(np.int64)]

    @classmethod
    def _empty(cls, half_lives: Sequence[float]) -> PurchaseHistory:
        lives = tuple(float(life) for life in half_lives)
        if not all(0 < life < float("inf") for life in lives):
            raise InvalidInput(
                f"half_lives: expected numbers of weeks above 0, got {list(half_lives)!r}"
            )
        none = pa.array([], pa.int64())
        pairs, trips = Pairs.new(0, len(lives)), Pairs.new(0, len(lives))
        indptr, item = np.zeros(1, np.int64), np.zeros(0, np.uint32)
        return cls(none, none, indptr, item, pairs, trips, lives, "", 0, -1)

    def _with(
        self,
        purchases: Purchases,
        catalogue: Any,
        until: int | None,
        folder: str | Path | None,
        memory: int | None,
        threads: int | None,
        watch: Callable[[pa.RecordBatch], None] | None = None,
    ) -> PurchaseHistory:
        if self.unit and purchases.unit != self.unit:
            raise InvalidInput(
                f"table transactions: expected a column of a {self.unit} as in the history, "
                f"got one of a {purchases.unit}"
            )
        if len(self.customers) and purchases.customer != self.customers.type:
            raise InvalidInput(
                "table transactions, column 'customer': expected "
                f"{tables.kind_of_ids(self.customers)} as in the history"
            )

        def make(space: ArrayStore, spill: Path | None) -> tuple[Arrays, dict[str, Any]]:
            with Grouped(
                purchases,
                None if catalogue is None else _checked_catalogue(catalogue, purchases.product),
                memory=memory,
                threads=thread_count(threads),
                spill=spill,
                watch=watch,
            ) as grouped:
                manifest = self._manifest(grouped, purchases, until)
                return _merged(self, grouped, manifest, space), manifest

        return _kept(folder, make)

    def _manifest(
        self, grouped: Grouped, purchases: Purchases, until: int | None
    ) -> dict[str, Any]:
        there = grouped.last >= grouped.first
        fresh = not self.unit
        if there and not fresh and grouped.first <= self.until:
            raise InvalidInput(
                f"table transactions: expected periods after {self.until}, the last of the history, got {grouped.first}"
            )
        last = grouped.last if there else self.until
        if until is not None and until < last:
            raise InvalidInput(f"until: expected {last} or later, got {until}")
        start = grouped.first if fresh else self.start
        last = last if until is None else until
        if fresh and not there:
            raise InvalidInput("table transactions: expected at least one purchase, got none")
        check_span(start, last)
        return {
            "format": FORMAT,
            "half_lives": list(self.half_lives),
            "unit": purchases.unit,
            "start": start,
            "until": last,
            "left_out": self.left_out + purchases.left_out,
        }

    @classmethod
    def _of(cls, arrays: Arrays, manifest: dict[str, Any]) -> PurchaseHistory:
        def pairs(name: str) -> Pairs:
            return Pairs(*(arrays[f"{name}-{part}"] for part in Pairs._fields))

        return cls(
            as_ids(arrays["customers"], arrays.get("customers-ends")),
            as_ids(arrays["items"], arrays.get("items-ends")),
            arrays["indptr"],
            arrays["item"],
            pairs("pairs"),
            pairs("trips"),
            tuple(manifest["half_lives"]),
            manifest["unit"],
            manifest["start"],
            manifest["until"],
            manifest["left_out"],
        )


def factors(half_lives: Sequence[float], unit: str, periods: int) -> NDArray[np.float32]:
    """What is left of a purchase 0, 1, ... periods later, float32 (periods, H)."""
    gap = np.arange(periods)[:, None] / PERIODS_A_WEEK[unit]
    return np.exp2(-gap / np.array(half_lives)[None, :]).astype(np.float32)


def check_span(start: int, last: int) -> None:
    """Refuse periods so far apart that some of them are a mistake."""
    if last - start >= MOST_PERIODS:
        raise InvalidInput(
            f"table transactions: expected at most {MOST_PERIODS:,} periods, got {start} to {last}"
        )


def _check_memory(purchases: Purchases, memory: int, half_lives: int) -> None:
    """Refuse, with the sizes, a history in memory that cannot fit there."""
    paths = [Path(path) for path, *_ in purchases.files or []]
    rows = sum(pq.read_metadata(path).num_rows for path in paths if path.suffix.lower() != ".csv")
    needed = int(rows * PAIRS_PER_ROW * (28 + 4 * half_lives))
    if needed > memory:
        raise InvalidInput(
            f"memory: the history of {rows:,} transactions needs about {size_text(needed)}, but only "
            f"{size_text(memory)} are allowed; with a folder (folder=) it is kept on disk"
        )


def _checked_catalogue(catalogue: Any, kind: pa.DataType) -> pa.Table:
    table = tables.as_table(catalogue, "catalogue", ["product", "item"])
    tables.require(table, "catalogue", "product", "item")
    product = tables.ids(table, "catalogue", "product")
    if product.type != kind:
        raise InvalidInput(
            f"table catalogue, column 'product': expected {'integers' if kind == pa.int64() else 'strings'} "
            f"as in table transactions, got {tables.kind_of_ids(product)}"
        )
    found = pa.table({"product": product, "item": tables.ids(table, "catalogue", "item")})
    return found.group_by(["product", "item"]).aggregate([])  # or doubles would be counted twice


def _kept(
    folder: str | Path | None,
    make: Callable[[ArrayStore, Path | None], tuple[Arrays, dict[str, Any]]],
) -> PurchaseHistory:
    """What `make` writes into the space that it is given, with a folder for what is put aside meanwhile."""
    if folder is None:
        return PurchaseHistory._of(*make(MemoryStore(), None))
    path = Path(folder).absolute()
    if path.is_dir() and any(path.iterdir()) and not (path / MANIFEST).is_file():
        raise InvalidInput(
            f"folder {str(path)!r}: expected a new folder or that of a history, but it holds something else"
        )
    for draft in abandoned_drafts(path):
        shutil.rmtree(draft, ignore_errors=True)
    with atomic_folder(path, overwrite=True) as draft:
        _, manifest = make(FolderStore(draft), draft)
        (draft / MANIFEST).write_text(json.dumps(manifest, indent=1), encoding="utf-8")
    return PurchaseHistory.open(path)


def _merged(
    history: PurchaseHistory, grouped: Grouped, manifest: dict[str, Any], space: ArrayStore
) -> Arrays:
    old, new = history.items, grouped.items
    if len(old) and len(new) and old.type != new.type:
        raise InvalidInput(
            f"table transactions: expected {tables.kind_of_ids(old)} as items, as in the history, "
            f"got {tables.kind_of_ids(new)}"
        )
    both = [ids for ids in (old, new) if len(ids)] or [new]
    items = tables.ranks(pa.concat_arrays(both))[1]
    if len(items) >= 1 << 32:
        raise InvalidInput(f"items: expected fewer than 2**32, got {len(items):,}")
    periods = manifest["until"] - manifest["start"] + 1
    factor = factors(history.half_lives, manifest["unit"], periods)
    merging = Merging(history, items, factor, space, grouped.customer)
    for table in grouped.ordered(items):
        merging.add(table)
    arrays = merging.finish()
    writer = IdWriter(space, "items", items.type)
    writer.append(items)
    names = ("items", "items-ends")
    return {**arrays, **dict(zip(names, writer.finish()[1], strict=False))}
