"""Memory and disk that a campaign needs, estimated before the start.

Without a store everything is in memory. With one, candidates are memory-mapped: the system keeps as much of their
files in memory as is free, and needs none of it. What has to be in memory then is the work on blocks of candidates,
and what there is for each customer.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any

from ...kernels.set_layout import words_each
from ...utils.arrays.mapped_arrays import PAGE_CACHE_SHARE
from ...utils.memory import available_memory, size_text
from ...utils.parallel import worker_count
from ..external_sort import RUN_ROWS

BYTES_PER_CANDIDATE = 64
"""For each candidate, measured at the peak of reading, sorting, packing and solving."""

BYTES_PER_VALUE = 30
"""For each candidate and numeric column that the campaign uses, measured likewise."""

BASE_BYTES = 512 << 20
"""The interpreter, Arrow's buffers while files are decoded, and tables by offer."""

BYTES_PER_SORTED_ROW = 48
"""A row while a run is sorted or merged: as it was read, its key twice, and in its new place."""

BYTES_PER_SORTED_VALUE = 16
"""A value of such a row: as it was read, and in its new place."""

BYTES_PER_CUSTOMER = 40
"""A customer while solving: segment 2, bounds of rules 8, and what repair takes for those who are left free to it.

The latter came to 35 at the most that was measured, of 160 million customers, of whom 2.9 million were left free.
"""

BYTES_PER_BOUND = 4
"""A bound of a rule that differs by customer."""

BYTES_WHILE_LOOKED_UP = 12
"""A customer while such a bound is looked up, one at a time: as the table has it, and as a whole number."""

BYTES_PER_PREVIOUS_PAIR = 24
"""A pair of an earlier plan: its place among the candidates, as it was found, put together and digested."""

BYTES_PER_CELL = 1_000
"""An offer in a segment of customers, where limits tell any apart: its prices, sums, curvature and regrets.

It came to 780 to 880 in campaigns of 600,000 to 6 million such cells, with a limit on each.
"""

BYTES_PER_TEXT_ID = 24
"""About."""

PAIRS_PER_ROW = 0.6
"""Pairs of customer and product for each transaction, about."""

BYTES_PER_GROUPED_ROW = 24
"""A transaction while it is put into the order of customers, at most."""

MIN_GROUPING_BYTES = 512 << 20
"""What grouping needs at least, to go to disk with the rest."""

ASSUMED_DISK_RATE = 1e9
"""Bytes a second that a disk is taken to read where that is not measured: an ordinary solid-state disk."""

PASSES_FROM_DISK = 5
"""Times that packed candidates that are more than memory are read, about: samples, prices, fixing, the result."""

SCORING_BYTES = 512 << 20
"""The sample, the model and blocks, while candidates are made of purchases."""

FITTING_BYTES = 640 << 20
"""The sample and all that a model is fitted on, where that is done while purchases are grouped: where memory is short,
it is done afterwards."""


@dataclass(frozen=True)
class CampaignSize:
    """What decides how much memory and disk a campaign needs.

    Attributes
    ----------
    candidates, customers, offers : int
        How many.
    columns : int
        Numeric columns of the candidates that the campaign uses.
    column_bytes : int
        Bytes of those columns for each candidate.
    roles : bool
        Whether candidates have roles.
    text_ids : bool
        Whether customers' ids are text.
    in_order : bool
        Whether candidates come by customer.
    table_bytes : int
        Size of the customers table, decoded.
    constraints : float
        About how many cardinality constraints the rules of a customer come to, where they overlap, conflict or ask for
        minimums.
    row_words : float
        About how many words a customer's rows take, of rules about sums, different values and requirements.
    bounds : int
        Bounds of rules that are columns of the customers table.
    previous : int
        Pairs that an earlier plan gave.
    segments : int
        Segments of customers that limits tell apart.
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
    constraints: float = 0.0
    row_words: float = 0.0
    bounds: int = 0
    previous: int = 0
    segments: int = 1


@dataclass(frozen=True)
class Estimate:
    """About how much a campaign needs.

    Attributes
    ----------
    candidates : int
    customers : int
        At most; or taken to have eight candidates each where files do not say.
    columns : int
        Numeric columns of the candidates that it uses.
    memory, memory_with_store : int
        Bytes at the peak of reading and solving it, without a store and with one.
    disk : int
        Bytes of the store.
    disk_while_building : int
        Bytes of the store while it is built: more where candidates do not come by customer.
    available : int or None
        Bytes of memory that this process may still take; None where the system does not say.
    pass_bytes : int
        Bytes of a store that each pass of a solve reads.
    pass_bytes_from_disk : int
        Those of them that are read from the disk each time, since the system cannot keep them in memory.
    disk_rate : float
        Bytes a second that the disk reads.
    disk_rate_measured : bool
        Whether that was measured; else it is assumed.
    """

    candidates: int
    customers: int
    columns: int
    memory: int
    memory_with_store: int
    disk: int
    disk_while_building: int
    available: int | None
    pass_bytes: int
    pass_bytes_from_disk: int
    disk_rate: float = ASSUMED_DISK_RATE
    disk_rate_measured: bool = False

    def as_dict(self) -> dict[str, Any]:
        """Return the attributes by name.

        Returns
        -------
        dict
            As JSON has them.
        """
        return asdict(self)

    def summary(self) -> str:
        """Say it in a few lines of text.

        Returns
        -------
        str
            A line for each fact.
        """
        facts = {
            "candidates": f"{self.candidates:,}, {columns_text(self.columns)}",
            "customers": f"about {self.customers:,}",
            "in memory": f"{size_text(self.memory)} of memory",
            "with a store": f"{size_text(self.memory_with_store)} of memory, {size_text(self.disk)} of disk "
            f"({size_text(self.disk_while_building)} while it is built)",
            "available": "unknown"
            if self.available is None
            else size_text(self.available) + " of memory",
            "each pass": f"reads {size_text(self.pass_bytes)} of a store, {self._from_disk()}",
        }
        return "\n".join(f"{name:<12} {text}" for name, text in facts.items())

    def __str__(self) -> str:
        return self.summary()

    def _from_disk(self) -> str:
        """Where passes find the store, and what they take where that is the disk."""
        if not self.pass_bytes_from_disk:
            return "which stay in memory"
        seconds = self.pass_bytes_from_disk / self.disk_rate
        how = "measured on the campaign's files" if self.disk_rate_measured else "assumed"
        return (
            f"{size_text(self.pass_bytes_from_disk)} from the disk: {seconds:.1f} s at {self.disk_rate / 1e9:.2f} GB/s "
            f"({how}), about {PASSES_FROM_DISK} times in a solve"
        )


def estimate(size: CampaignSize) -> Estimate:
    """Estimate what a campaign of this size needs.

    Parameters
    ----------
    size : CampaignSize
        What decides it.

    Returns
    -------
    Estimate
        Measured on campaigns of many sizes, and rounded up.
    """
    item = 2 if size.offers <= 65_536 else 4
    row = item + size.roles + size.column_bytes
    customer = 16 + BYTES_PER_TEXT_ID * size.text_ids  # id and indptr
    stored = size.candidates * row + size.customers * customer
    packed = size.candidates * (3 * size.columns + item * size.roles)
    # each run has ids of the customers in it: about one a row, where rows come in any order
    runs = 0 if size.in_order else size.candidates * (row + customer)
    sorting = min((worker_count() + 1) * RUN_ROWS, size.candidates)
    sorting *= BYTES_PER_SORTED_ROW + BYTES_PER_SORTED_VALUE * size.columns
    tables = 2 * size.table_bytes
    per_customer = size.customers * (BYTES_PER_CUSTOMER + 8 * (size.table_bytes > 0))
    constraints = _constraint_bytes(size)
    if size.bounds:
        constraints += size.customers * (BYTES_PER_BOUND * size.bounds + BYTES_WHILE_LOOKED_UP)
    cells = BYTES_PER_CELL * size.segments * size.offers if size.segments > 1 else 0
    memory = (
        size.candidates * (BYTES_PER_CANDIDATE + BYTES_PER_VALUE * size.columns)
        + tables
        + constraints
        + size.previous * BYTES_PER_PREVIOUS_PAIR
        + cells
    )
    available = available_memory()
    passes = size.candidates * (item + 2 * size.columns)
    cached = passes if available is None else int(PAGE_CACHE_SHARE * available)
    return Estimate(
        candidates=size.candidates,
        customers=size.customers,
        columns=size.columns,
        memory=memory,
        memory_with_store=min(
            memory,
            BASE_BYTES
            + tables
            + max(
                sorting,
                per_customer + constraints + cells,
                size.previous * BYTES_PER_PREVIOUS_PAIR,
            ),
        ),
        disk=stored + packed,
        disk_while_building=stored + max(packed, runs),
        available=available,
        pass_bytes=passes,
        pass_bytes_from_disk=max(0, passes - cached),
    )


def estimate_with_history(size: CampaignSize, rows: int) -> Estimate:
    """Estimate what a campaign of this size needs whose candidates are made of so many transactions.

    Parameters
    ----------
    size : CampaignSize
        Of the campaign that comes of it.
    rows : int
        Number of transactions.

    Returns
    -------
    Estimate
        Of making candidates and solving.
    """
    solving = estimate(size)
    grouped = rows * BYTES_PER_GROUPED_ROW
    making = BASE_BYTES + SCORING_BYTES + min(grouped, MIN_GROUPING_BYTES)
    return replace(
        solving,
        memory=making + solving.memory,
        memory_with_store=max(making, solving.memory_with_store),
        disk_while_building=grouped + solving.disk_while_building,
    )


def _constraint_bytes(size: CampaignSize) -> int:
    """The rows and cardinality constraints of all customers, and where each customer's begin; see `kernels.Rules`."""
    if size.constraints == 0 and size.row_words == 0:
        return 0
    width = -(-size.candidates // max(1, size.customers))
    return int(8 * size.customers * (1 + size.row_words + size.constraints * words_each(width)))


def columns_text(count: int) -> str:
    """Say how many numeric columns there are."""
    return f"{count} numeric column{'' if count == 1 else 's'}"
