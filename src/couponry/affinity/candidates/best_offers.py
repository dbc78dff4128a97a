"""The best offers of each customer, by role: histories times similarities, chosen in blocks, any number of threads."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ...data.roles import ROLES
from ...kernels.affinity_contract import Bought, Chosen, Eligible, Kinds, Links, kernels
from ...utils.errors import InvalidInput
from ...utils.lazy_imports import sparse as sp
from ...utils.parallel import parallel_map
from ...utils.threads import thread_count

PAIRS = 1 << 17  # worked on at a time
LARGEST = float(np.finfo(np.float32).max)


@dataclass(frozen=True)
class BestOffers:
    """The offers chosen for some customers, in ascending order of customers and offers.

    first: the row of the history that the first of n customers is. number: int32 (n), offers of each. offer: int32 (m),
    columns of the similarity. role: uint8 (m), places in `couponry.model.items.ROLES`. score: float32 (m).
    """

    first: int
    number: NDArray[np.int32]
    offer: NDArray[np.int32]
    role: NDArray[np.uint8]
    score: NDArray[np.float32]

    @cached_property
    def customer(self) -> NDArray[np.int64]:
        """Int64 (m), the row of the history that each offer is for."""
        return np.repeat(np.arange(self.first, self.first + len(self.number)), self.number)

    def table(self, customers: pa.Array, offers: pa.Array) -> pa.Table:
        """As candidates: customer, offer, role, score, of these ids."""
        roles = pa.DictionaryArray.from_arrays(pa.array(self.role.astype(np.int8)), pa.array(ROLES))
        return pa.table(
            {
                "customer": customers.take(pa.array(self.customer)),
                "offer": offers.take(pa.array(self.offer)),
                "role": roles.cast(pa.string()),
                "score": self.score,
            }
        )


class OfferChooser:
    """Chooses offers for customers by what they bought.

    similarity: (P, K), sparse or dense, of what may be bought and offers: how much an item says for an offer. Any
    sign; explicit zeros count as links.
    quota: at most so many offers a customer of each role: {"reward": 8, "activation": 12, "innovation": 12}; a role
    that is not named gets none. A number: so many in all, of whatever role (`own` and `kinds` are not taken then).
    own: (P, K): which items an offer is for, and what a purchase of each says for the offer. An offer for something
    that the customer bought is a reward, and is scored by `own` alone. None: nothing is a reward.
    kinds: (item kinds (P), offer kinds (K)), such as product types, integers from 0, -1 for none: an offer of a kind
    that the customer bought, but not this, is an activation. Everything else is an innovation.
    prior: (K), added to every score but rewards', such as popularity; with it every offer is a candidate, without it
    those that something bought is similar to.
    above: scores have to be larger than this.
    """

    def __init__(
        self,
        similarity: Any,
        quota: int | Mapping[str, int],
        *,
        own: Any = None,
        kinds: tuple[Any, Any] | None = None,
        prior: Any = None,
        above: float = -np.inf,
        backend: str | None = None,
    ):
        self._similar, (items, offers) = _links(similarity, "similarity")
        shape = (items, offers)
        nothing = Links.new(
            np.zeros(items + 1, np.int64), np.zeros(0, np.int32), np.zeros(0, np.float32)
        )
        self._own = nothing
        if own is not None:
            self._own, found = _links(own, "own")
            if found != shape:
                raise InvalidInput(
                    f"own: expected {shape[0]:,} x {shape[1]:,} as similarity has, got {found}"
                )
        self._quota = _quotas(quota, own is not None or kinds is not None)
        item, offer = (np.full(size, -1) for size in shape) if kinds is None else kinds
        self._kinds = _by_kind(_kind(item, items, "items"), _kind(offer, offers, "offers"))
        self._prior = np.zeros(0, np.float32) if prior is None else _floats(prior, "prior")
        if prior is not None and len(self._prior) != offers:
            raise InvalidInput(f"prior: expected {offers:,} numbers, got {len(self._prior):,}")
        if np.isnan(above):
            raise InvalidInput(f"above: expected a number, got {above}")
        self._above = np.float32(above)
        self.width = min(int(self._quota.sum()), offers)  # at most so many offers a customer
        self.shape, self._kernels = shape, kernels(backend).kernels

    def blocks(
        self,
        purchases: Any,
        *,
        own_weight: Any = None,
        eligible: Any = None,
        threads: int | None = None,
    ) -> Iterator[BestOffers]:
        """The best offers, some customers at a time; the same for any blocks and any number of threads.

        purchases: sparse (n, P), `csr_array` or `csr_matrix` with indices of 32 or 64 bits: what each customer bought
        and what it weighs. own_weight: float32, aligned with its entries, for rewards; default: the same weights.
        eligible: sparse (n, K), whose entries are the offers that a customer may get; None: all.
        """
        work = self._work(purchases, own_weight, eligible)

        def of(stretch: tuple[int, int]) -> BestOffers:
            start, stop = stretch
            return _chosen(
                start, self._run(work, start, stop, Chosen.new(stop - start, self.width))
            )

        return parallel_map(of, _stretches(work.bought.indptr), thread_count(threads))

    def choose(
        self,
        purchases: Any,
        *,
        own_weight: Any = None,
        eligible: Any = None,
        threads: int | None = None,
    ) -> BestOffers:
        """All of `blocks` at once."""
        work = self._work(purchases, own_weight, eligible)
        whole = Chosen.new(len(work.bought.indptr) - 1, self.width)

        def of(stretch: tuple[int, int]) -> None:
            self._run(work, *stretch, whole.part(*stretch, self.width))

        stretches = list(_stretches(work.bought.indptr))
        for _ in parallel_map(of, stretches, thread_count(threads)):
            pass
        end = 0
        for start, stop in stretches:  # side by side
            count, begin = int(whole.number[start:stop].sum()), start * self.width
            if begin != end:
                for column in whole[1:]:
                    column[end : end + count] = column[begin : begin + count]
            end += count
        return _chosen(0, whole)

    def _work(self, purchases: Any, own_weight: Any, eligible: Any) -> _Work:
        bought = _bought(purchases, own_weight, self.shape[0])
        allowed = Eligible(np.zeros(0, np.int64), np.zeros(0, np.int32))
        if eligible is not None:
            indptr, offer, _, shape = _csr(eligible, "eligible")
            customers = len(bought.indptr) - 1
            if shape != (customers, self.shape[1]):
                raise InvalidInput(
                    f"eligible: expected {customers:,} customers x {self.shape[1]:,} offers, got {shape}"
                )
            allowed = Eligible(indptr, offer)
        return _Work(bought, allowed)

    def _run(self, work: _Work, start: int, stop: int, chosen: Chosen) -> Chosen:
        part = slice(int(work.bought.indptr[start]), int(work.bought.indptr[stop]))
        _within(work.bought.item[part].view(np.int32), self.shape[0], "purchases")
        _finite(work.bought.weight[part], "purchases", part.start)
        self._kernels.best(
            work.bought, self._similar, self._own, self._kinds, self.shape[1], self._prior, work.eligible,
            self._quota, self._above, start, stop, chosen,
        )  # fmt: skip
        return chosen


class _Work(NamedTuple):
    bought: Bought
    eligible: Eligible


def _chosen(first: int, chosen: Chosen) -> BestOffers:
    count = int(chosen.number.sum())
    return BestOffers(
        first, chosen.number, chosen.offer[:count], chosen.role[:count], chosen.score[:count]
    )


def _stretches(indptr: NDArray[np.int64]) -> Iterator[tuple[int, int]]:
    """Ranges of customers of about PAIRS purchases, and at most as many customers."""
    start, customers = 0, len(indptr) - 1
    while start < customers:
        stop = int(np.searchsorted(indptr, indptr[start] + PAIRS, side="right")) - 1
        stop = min(max(stop, start + 1), customers, start + PAIRS)
        yield start, stop
        start = stop


def _bought(purchases: Any, own_weight: Any, items: int) -> Bought:
    indptr, item, weight, shape = _csr(purchases, "purchases", checked=False)
    if shape[1] != items:
        raise InvalidInput(
            f"purchases: expected {items:,} columns as similarity has rows, got {shape[1]:,}"
        )
    own = weight if own_weight is None else _floats(own_weight, "own_weight")
    if len(own) != len(weight):
        raise InvalidInput(f"own_weight: expected {len(weight):,} numbers, got {len(own):,}")
    return Bought(indptr, item.view(np.uint32), weight, own)


def _links(matrix: Any, what: str) -> tuple[Links, tuple[int, int]]:
    if not sp.issparse(matrix):
        dense = np.asarray(matrix)
        if dense.ndim != 2 or dense.dtype.kind not in "biuf":
            raise InvalidInput(
                f"{what}: expected numbers of items x offers, got {dense.dtype} of {dense.ndim} dimensions"
            )
        matrix = sp.csr_array(dense)
    indptr, offer, value, shape = _csr(matrix, what)
    return Links.new(indptr, offer, value), shape


def _csr(
    matrix: Any, what: str, *, checked: bool = True
) -> tuple[NDArray[np.int64], NDArray[np.int32], NDArray[np.float32], tuple[int, int]]:
    """Row offsets, columns ascending within rows and once each, values; the caller's arrays are left as they are.

    checked: False where whoever works on the rows looks at columns and values, which takes as long as reading them.
    """
    if not sp.issparse(matrix):
        raise InvalidInput(f"{what}: expected a sparse matrix, got {type(matrix).__name__}")
    canonical = matrix.format == "csr" and matrix.has_canonical_format  # which it remembers
    found = sp.csr_array(matrix)  # no copy of one that is of rows already
    if found.ndim != 2 or max(found.shape) >= 1 << 31:
        raise InvalidInput(f"{what}: expected fewer than 2**31 rows and columns, got {found.shape}")
    if not canonical:
        found = found.copy()
        found.sum_duplicates()
    columns, value = found.indices, found.data
    if checked or columns.dtype != np.int32:
        _within(columns, found.shape[1], what)
    if checked or value.dtype != np.float32:
        value = _floats(value, what)
    indptr = np.ascontiguousarray(found.indptr, np.int64)
    if (indptr[1:] < indptr[:-1]).any() or indptr[-1] > len(columns):
        raise InvalidInput(f"{what}: expected offsets of rows that ascend to {len(columns):,}")
    value = np.ascontiguousarray(value)
    return indptr, np.ascontiguousarray(columns, np.int32), value, found.shape


def _floats(values: Any, what: str) -> NDArray[np.float32]:
    given = np.asarray(values)
    if given.dtype.kind not in "biuf" or given.ndim != 1:
        raise InvalidInput(
            f"{what}: expected numbers, got {given.dtype} of {given.ndim} dimensions"
        )
    _finite(given, what)
    return np.ascontiguousarray(given, np.float32)


def _finite(values: NDArray[Any], what: str, first: int = 0) -> None:
    fine = np.isfinite(values) if values.dtype == np.float32 else np.abs(values * 1.0) <= LARGEST
    if not fine.all():
        place = int((~fine).argmax())
        raise InvalidInput(
            f"{what}: expected finite numbers of float32, got {values[place]} at {first + place:,}"
        )


def _within(columns: NDArray[np.integer], count: int, what: str) -> None:
    if len(columns) and (columns.min() < 0 or columns.max() >= count):
        raise InvalidInput(f"{what}: expected columns from 0 to {count - 1:,}")


def _kind(codes: Any, count: int, what: str) -> NDArray[np.int32]:
    given = np.asarray(codes)
    fine = given.dtype.kind in "iu" and given.shape == (count,)
    if not fine or (count and (given.min() < -1 or given.max() >= 1 << 30)):
        raise InvalidInput(
            f"kinds of {what}: expected {count:,} integers from -1 up, got {given.dtype} {given.shape}"
        )
    return np.ascontiguousarray(given, np.int32)


def _by_kind(item: NDArray[np.int32], offer: NDArray[np.int32]) -> Kinds:
    """Kinds numbered from 0 on as offers have them; what is of a kind that no offer has is of none."""
    kinds = np.unique(offer[offer >= 0])
    numbered = np.searchsorted(kinds, item).astype(np.int32)
    numbered[~np.isin(item, kinds)] = -1
    order = np.argsort(offer, kind="stable")[np.count_nonzero(offer < 0) :].astype(np.int32)
    ptr = np.searchsorted(offer[order], kinds).astype(np.int64)
    return Kinds(numbered, np.append(ptr, len(order)), order)


def _quotas(quota: int | Mapping[str, int], by_role: bool) -> NDArray[np.int32]:
    if isinstance(quota, Mapping):
        wrong = [role for role in quota if role not in ROLES]
        if wrong:
            raise InvalidInput(f"quota: expected roles among {', '.join(ROLES)}, got {wrong[0]!r}")
        found = [quota.get(role, 0) for role in ROLES]
    elif by_role:
        raise InvalidInput(
            "quota: expected a number for each role, since `own` or `kinds` tell them apart"
        )
    else:
        found = [0, 0, quota]
    for number in found:
        whole = isinstance(number, (int, np.integer)) and not isinstance(number, bool)
        if not whole or not 0 <= number <= 1 << 16:
            raise InvalidInput(f"quota: expected whole numbers from 0 to 65,536, got {number!r}")
    return np.array(found, np.int32)
