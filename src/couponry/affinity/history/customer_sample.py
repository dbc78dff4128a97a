"""A sample of customers with all of their rows, taken while the rows of everybody go by."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ...data.ids import TEXT, text_buffers
from ...kernels.hashing import scatter
from ...utils.ragged import within

ROWS = 1 << 20  # a few tens of thousands of customers, for most retailers
PRIME = np.uint64(0x100000001B3)


class CustomerSample:
    """Keeps the rows of those customers whose hash is below a threshold, halved whenever they are too many.

    So the sample is the same for any order of the rows: the largest threshold 2 ** -k with at most `rows` rows.
    """

    def __init__(self, rows: int | None = None):
        self._most = ROWS if rows is None else rows
        self._parts: list[pa.Table] = []
        self._hashes: list[NDArray[np.uint64]] = []
        self._halved = 0
        self._count = 0

    def add(self, batch: pa.RecordBatch) -> None:
        """Look at more rows; `batch` has a column `customer`, int64 or large_string."""
        self._keep(pa.table(batch), hash_of(batch["customer"]))
        while self._count > self._most and self._halved < 64:
            self._halved += 1
            parts, hashes = self._parts, self._hashes
            self._parts, self._hashes, self._count = [], [], 0
            for part, hashed in zip(parts, hashes, strict=True):
                self._keep(part, hashed)

    def table(self) -> pa.Table | None:
        """The rows of the sample; None where no rows came by."""
        return pa.concat_tables(self._parts) if self._parts else None

    def _keep(self, rows: pa.Table, hashed: NDArray[np.uint64]) -> None:
        if self._halved:
            kept = hashed < np.uint64((1 << 64) >> self._halved)
            rows, hashed = rows.filter(pa.array(kept)), hashed[kept]
        self._parts.append(rows)
        self._hashes.append(hashed)
        self._count += len(rows)


def hash_of(ids: pa.Array) -> NDArray[np.uint64]:
    """64 bits of each id, mixed."""
    if ids.type != TEXT:
        return scatter(ids.to_numpy().view(np.uint64))
    ends, data = text_buffers(ids)
    length = np.diff(ends)
    place = within(length)
    powers = np.cumprod(np.full(int(length.max(initial=0)) + 1, PRIME, np.uint64), dtype=np.uint64)
    summed = np.zeros(len(data[ends[0] : ends[-1]]) + 1, np.uint64)  # modulo 2 ** 64
    np.cumsum(
        (data[ends[0] : ends[-1]].astype(np.uint64) + np.uint64(1)) * powers[place], out=summed[1:]
    )
    bounds = ends - ends[0]
    return scatter(summed[bounds[1:]] - summed[bounds[:-1]])
