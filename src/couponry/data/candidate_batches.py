"""Candidates that come by customer, a block at a time, from whatever makes them; written as they come."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ..data.roles import ROLES
from ..utils.array_store import ArrayStore, FolderStore
from ..utils.errors import InvalidInput
from .candidate_checks import offer_dtype
from .candidate_rows import Rows
from .candidates import Candidates
from .external_sort import SortedWriter
from .ids import is_before


@dataclass(frozen=True)
class CandidateBlocks:
    """What makes candidates: blocks of customers in ascending order of their ids, each customer in one block.

    offers: ids, ascending. customer: the type of the customers' ids, int64 or large_string. columns: the numeric
    columns, with their types, float32 or float64.
    blocks: from a number of threads, and a folder for what would take too much memory (None: there is none), which is
    left empty, to the blocks; their `offer` are places in `offers`, ascending for a customer, of
    `offer_dtype`, and their `role` codes (uint8, 0: none), where `roles` says that there are any.
    source: what they are made from, as JSON has it, so that a store of the same can be used again; None: it cannot be
    told.
    """

    offers: pa.Array
    customer: pa.DataType
    columns: dict[str, np.dtype[Any]]
    blocks: Callable[[int, Path | None], Iterator[Rows]]
    roles: bool = True
    source: dict[str, Any] | None = None

    def gathered(self, space: ArrayStore, threads: int) -> Candidates:
        """All candidates, in a space. Raises InvalidInput where blocks are not what they should be."""
        dtypes: dict[str, np.dtype[Any]] = {"offer": offer_dtype(len(self.offers))}
        if self.roles:
            dtypes["role"] = np.dtype(np.uint8)
        writer = SortedWriter(space, {**dtypes, **self.columns}, self.customer)
        last: Any = None
        scratch = space.folder if isinstance(space, FolderStore) else None
        for rows in self.blocks(threads, scratch):
            if len(rows):
                last = self._checked(rows, last)
                writer.append(rows)
        if writer.rows == 0:
            raise InvalidInput("candidates: expected at least one, got none")
        whole = writer.finish()
        columns = dict(whole.columns)
        offer, role = columns.pop("offer"), columns.pop("role", None)
        return Candidates(whole.customers, whole.ends, offer, role, None, columns)

    def _checked(self, rows: Rows, last: Any) -> Any:
        """The last customer of a block that is as it should be; `last`: that of the block before."""
        first = rows.customers[0].as_py()
        if last is not None and not is_before(last, first):
            raise InvalidInput(
                f"candidates: expected customers in ascending order, got {first!r} after {last!r}"
            )
        begins = np.zeros(len(rows), bool)
        begins[rows.ends[:-1][np.diff(rows.ends) > 0]] = True
        offer = rows.columns["offer"]
        if int(offer.max()) >= len(self.offers):
            raise InvalidInput(
                f"candidates: expected offers below {len(self.offers):,}, got {int(offer.max()):,}"
            )
        if not (begins[1:] | (offer[1:] > offer[:-1])).all():
            raise InvalidInput("candidates: expected each customer's offers in ascending order")
        if self.roles and int(rows.columns["role"].max()) > len(ROLES):
            raise InvalidInput(
                f"candidates: expected roles up to {len(ROLES)}, got {int(rows.columns['role'].max())}"
            )
        for name in self.columns:
            _check_numbers(rows.columns[name], name)
        return rows.customers[len(rows.customers) - 1].as_py()


def _check_numbers(values: NDArray[Any], name: str) -> None:
    low, high = float(values.min()), float(values.max())  # NaN where there is one
    if not (np.isfinite(low) and np.isfinite(high)):
        raise InvalidInput(f"candidates, column {name!r}: expected finite numbers, got {low}")
    if name == "response" and (low < 0 or high > 1):
        outside = low if low < 0 else high
        raise InvalidInput(
            f"candidates, column 'response': expected probabilities from 0 to 1, got {outside}"
        )
