"""How two allocations differ, coupon by coupon, a range of customers at a time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from ..results.allocation import Allocation
from ..results.coupon_rows import UNIT
from ..utils.errors import InvalidInput


@dataclass(frozen=True)
class Moved:
    """How two allocations of the same candidates differ.

    Attributes
    ----------
    customers : int
        Customers with other coupons.
    come : int
        Coupons that only the second allocation has.
    gone : int
        Coupons that only the first allocation has.
    """

    customers: int
    come: int
    gone: int


def moved_coupons(before: Allocation, after: Allocation) -> Moved:
    """Compare two allocations: those ordered by customer a range at a time, those of units of several all at once.

    Parameters
    ----------
    before, after : Allocation

    Returns
    -------
    Moved

    Raises
    ------
    InvalidInput
        If ids of one are integers, and of the other text.
    """
    customers = come = gone = 0
    by_customer = not any(UNIT in (each.schema.metadata or {}) for each in (before, after))
    for was, now in _ranges(_Reader(before), _Reader(after), by_customer=by_customer):
        both = pa.concat_tables([_signed(was, -1), _signed(now, 1)])
        found = both.group_by(["customer", "offer"], use_threads=False).aggregate([("side", "sum")])
        moved = found.filter(pc.not_equal(found["side_sum"], 0))
        come += pc.sum(pc.greater(moved["side_sum"], 0)).as_py() or 0
        gone += pc.sum(pc.less(moved["side_sum"], 0)).as_py() or 0
        customers += pc.count_distinct(moved["customer"]).as_py()
    return Moved(customers, come, gone)


class _Reader:
    """The pairs of customer and offer of an allocation, as far as they were asked for.

    Attributes
    ----------
    rows : pyarrow.Table
        Read, and not yet taken.
    is_done : bool
        Whether nothing more is to be read.
    """

    def __init__(self, allocation: Allocation):
        self._batches = allocation.batches()
        self._kinds = [
            pa.int64()
            if pa.types.is_integer(allocation.schema.field(name).type)
            else pa.large_string()
            for name in ("customer", "offer")
        ]
        self.schema = pa.schema(list(zip(("customer", "offer"), self._kinds, strict=True)))
        self.rows = self.schema.empty_table()
        self.is_done = False

    def read(self) -> None:
        """Read the next rows, if there are any."""
        batch = next((each for each in self._batches if len(each)), None)
        if batch is None:
            self.is_done = True
            return
        more = pa.table([batch["customer"], batch["offer"]], self.schema.names).cast(self.schema)
        self.rows = pa.concat_tables([self.rows, more])

    @property
    def last(self) -> pa.Scalar:
        """The customer of the last row that was read."""
        return self.rows["customer"][-1]

    def take_below(self, customer: pa.Scalar) -> pa.Table:
        """Take the rows of customers before one."""
        count = pc.sum(pc.less(self.rows["customer"], customer)).as_py() or 0
        taken, self.rows = self.rows.slice(0, count), self.rows.slice(count)
        return taken


def _ranges(
    one: _Reader, other: _Reader, *, by_customer: bool
) -> Iterator[tuple[pa.Table, pa.Table]]:
    """The rows of both allocations of one range of customers after the other; all at once where they have no order."""
    if one.schema != other.schema:
        raise InvalidInput(
            "compare: expected ids of one kind in both results, got integers and text"
        )
    readers = (one, other)
    while True:
        for reader in readers:
            if not len(reader.rows) and not reader.is_done:
                reader.read()
        unread = [reader for reader in readers if not reader.is_done]
        if not unread:
            break
        if not by_customer:
            for reader in unread:
                reader.read()
            continue
        first = min(unread, key=lambda reader: reader.last.as_py())
        # customers before the last one that was read are there as a whole
        parts = [reader.take_below(first.last) for reader in readers]
        if any(map(len, parts)):
            yield parts[0], parts[1]
        else:
            first.read()
    yield one.rows, other.rows


def _signed(rows: pa.Table, sign: int) -> pa.Table:
    """Rows with the side that they are of."""
    return rows.append_column("side", pa.repeat(pa.scalar(sign, pa.int8()), len(rows)))
