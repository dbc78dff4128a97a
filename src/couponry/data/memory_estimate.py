"""Memory and disk: how much a campaign needs, how much there is, and a refusal before the start rather than a crash.

Without a store everything is in memory. With one, candidates are memory-mapped: the system keeps as much of their
files in memory as is free, and needs none of it. What has to be in memory then is the work on blocks of candidates,
and what there is for each customer.
"""

from __future__ import annotations

import shutil
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from ..kernels.set_search import numbers_to_a_set
from ..utils.errors import InvalidInput
from ..utils.memory import available_memory, size_text
from ..utils.parallel import worker_count
from .external_sort import RUN_ROWS

# measured at the peak of reading, sorting, packing and solving: for each candidate, and for each of its
# numeric columns that the campaign uses
BYTES_PER_CANDIDATE = 64
BYTES_PER_VALUE = 30
# the interpreter, Arrow's buffers while files are decoded, and tables by offer
BASE = 512 << 20
# a row while a run is sorted or merged: as it was read, its key twice, and in its new place
BYTES_PER_SORTED_ROW = 48
BYTES_PER_SORTED_VALUE = 16
# a customer while solving: segment 2, bounds of rules 8, what it was given and is worth in a pass 16, rounded up
BYTES_PER_CUSTOMER = 32
# of purchase histories: a pair of customer and product, and how many of them transactions come to; a transaction while
# DuckDB groups and orders it; what DuckDB needs at least to go to disk; the sample, the model and blocks
BYTES_PER_PAIR = 36
PAIRS_PER_ROW = 0.6
BYTES_PER_GROUPED_ROW = 48
LEAST_GROUPING = 512 << 20
MAKING = 512 << 20
TEXT_ID = 24  # bytes of a text id, about


@dataclass(frozen=True)
class Size:
    """What decides how much a campaign needs.

    candidates, customers, offers: how many. columns: numeric columns of the
    candidates that the campaign uses. column_bytes: bytes of them for each candidate. roles: whether candidates have
    them. text_ids: whether customers' ids are text. in_order: whether candidates come by customer. table_bytes: of the
    customers table. sets: about how many sets of its candidates the rules of a customer come to, where they overlap,
    conflict or ask for minimums.
    """

    candidates: int
    customers: int
    offers: int
    columns: int
    column_bytes: int
    roles: bool
    text_ids: bool
    in_order: bool
    table_bytes: int
    sets: float = 0.0


@dataclass(frozen=True)
class Estimate:
    """What a campaign needs, in bytes, about.

    candidates, customers: how many; customers at most, or taken to have eight candidates each where files do not say.
    columns: how many numeric columns of the candidates it uses.
    memory: at the peak of reading and solving it without a store. memory_with_store: with one.
    disk: what the store takes. disk_while_building: what it takes for a while when it is built; more where candidates
    do not come by customer.
    available: memory that this process may still take; None: nobody says.
    """

    candidates: int
    customers: int
    columns: int
    memory: int
    memory_with_store: int
    disk: int
    disk_while_building: int
    available: int | None

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)

    def summary(self) -> str:
        """A few lines of text."""
        facts = {
            "candidates": f"{self.candidates:,}, {_columns(self.columns)}",
            "customers": f"about {self.customers:,}",
            "in memory": f"{size_text(self.memory)} of memory",
            "with a store": f"{size_text(self.memory_with_store)} of memory, {size_text(self.disk)} of disk "
            f"({size_text(self.disk_while_building)} while it is built)",
            "available": "unknown"
            if self.available is None
            else size_text(self.available) + " of memory",
        }
        return "\n".join(f"{name:<12} {text}" for name, text in facts.items())


def estimate(size: Size) -> Estimate:
    """What a campaign of this size needs."""
    item = 2 if size.offers <= 65_536 else 4
    row = item + size.roles + size.column_bytes
    customer = 16 + TEXT_ID * size.text_ids  # id and indptr
    stored = size.candidates * row + size.customers * customer
    packed = size.candidates * (3 * size.columns + item * size.roles)
    # a run has each customer again whom it has rows of: nearly each row's where rows come in any order
    runs = 0 if size.in_order else size.candidates * (row + customer)
    sorting = min((worker_count() + 1) * RUN_ROWS, size.candidates)
    sorting *= BYTES_PER_SORTED_ROW + BYTES_PER_SORTED_VALUE * size.columns
    tables = 2 * size.table_bytes
    per_customer = size.customers * (BYTES_PER_CUSTOMER + 8 * (size.table_bytes > 0))
    sets = bytes_of_sets(size)
    memory = (
        size.candidates * (BYTES_PER_CANDIDATE + BYTES_PER_VALUE * size.columns) + tables + sets
    )
    return Estimate(
        candidates=size.candidates,
        customers=size.customers,
        columns=size.columns,
        memory=memory,
        memory_with_store=min(memory, BASE + tables + max(sorting, per_customer + sets)),
        disk=stored + packed,
        disk_while_building=stored + max(packed, runs),
        available=available_memory(),
    )


def estimate_with_history(size: Size, rows: int) -> Estimate:
    """What a campaign of this size needs whose candidates are made of so many transactions."""
    solving = estimate(size)
    pairs = int(rows * PAIRS_PER_ROW)
    history = pairs * BYTES_PER_PAIR + size.customers * (BYTES_PER_PAIR + 8)
    grouping = min(rows * BYTES_PER_GROUPED_ROW, LEAST_GROUPING)
    making = BASE + MAKING + grouping
    return replace(
        solving,
        memory=making + history + solving.memory,
        memory_with_store=max(making, solving.memory_with_store),
        disk_while_building=history
        + max(rows * BYTES_PER_GROUPED_ROW, solving.disk_while_building),
    )


def bytes_of_sets(size: Size) -> int:
    """What the sets of all customers take, and where each customer's begin; see `kernels.Rules`."""
    if size.sets == 0:
        return 0
    width = -(-size.candidates // max(1, size.customers))
    return int(8 * size.customers * (1 + size.sets * numbers_to_a_set(width)))


def check(needed: Estimate, limit: int | None, *, with_store: bool) -> None:
    """Refuse, with the sizes, a campaign that cannot fit; limit: bytes that it may take, None: what is available."""
    there = needed.available if limit is None else limit
    least = needed.memory_with_store
    if there is None or (least if with_store else needed.memory) <= there:
        return
    what = f"memory: {needed.candidates:,} candidates with {_columns(needed.columns)} need about "
    given = f"only {size_text(there)} {'are available' if limit is None else 'are allowed'}"
    if with_store:
        raise InvalidInput(f"{what}{size_text(least)} even with a store, but {given}")
    hint = ""
    if least <= there:
        hint = (
            f"; with a store (--store DIR, or store= in Python) {size_text(least)} of memory and "
            f"{size_text(needed.disk)} of disk are enough"
        )
    elif least < needed.memory:
        hint = f"; with a store they would still need {size_text(least)} of memory"
    raise InvalidInput(f"{what}{size_text(needed.memory)}, but {given}{hint}")


def check_disk(needed: Estimate, store: str | Path) -> None:
    """Refuse, with the sizes, a store that cannot be built where it is asked to be."""
    path = Path(store).absolute()
    existing = next(folder for folder in (path, *path.parents) if folder.exists())
    free = shutil.disk_usage(existing).free
    if needed.disk_while_building > free:
        raise InvalidInput(
            f"disk: store {str(path)!r} of {needed.candidates:,} candidates needs about "
            f"{size_text(needed.disk_while_building)} while it is built, but only {size_text(free)} are free"
        )


def _columns(count: int) -> str:
    return f"{count} numeric column{'' if count == 1 else 's'}"
