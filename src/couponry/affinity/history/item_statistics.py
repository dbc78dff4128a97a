"""What a history says about its items: how many buy them, how many again, how lately, how often."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ...data import tables
from ...kernels.purchases_contract import FINENESS
from ...kernels.scores_contract import LATE_WEEKS
from ...utils.arrays.blocks import blocks
from ...utils.arrays.mapped_arrays import release_pages
from ...utils.parallel import parallel_map, worker_count
from .history_readings import Part
from .periods import PERIODS_PER_WEEK
from .purchase_history import PurchaseHistory

PRIOR_REPEATERS, PRIOR_BUYERS = 0.2, 2.0
"""Prior of a repeat rate: a tenth of two buyers."""

PRIOR_GAPS, PRIOR_GAP_WEEKS = 3.0, 4.0
"""Prior of the time between purchases of an item: three gaps of four weeks."""

PRIOR_SHARE = 1.0
"""Customers that buy any item besides those that were seen: what nobody bought has a share above 0."""

PRIOR_POPULARITY = 0.2
"""Decayed purchases of any item besides those that were seen."""

PRIOR_KNEW = 5.0
"""Customers besides those that were seen, of whom as many bought again as of any item."""

ADDED = "buyers", "repeaters", "popularity", "gaps", "gap_weeks", "knew", "again"
"""What adds up over customers."""


@dataclass(frozen=True)
class ItemStatistics:
    """Buyers, repeat buyers, popularity and usual gap between purchases of each item.

    Make them by `from_history`. A model keeps those that it was fitted with, and takes shares and rates of them: a
    customer's scores then do not depend on who else is scored.

    Attributes
    ----------
    buyers : ndarray of float64, shape (n_items,)
        Customers who bought the item.
    repeaters : ndarray of float64, shape (n_items,)
        Customers who bought it in more than one period.
    popularity : ndarray of float64, shape (n_items, n_half_lives)
        Decayed purchases of all customers, as of the history's last period.
    gaps, gap_weeks : ndarray of float64, shape (n_items,)
        How many gaps there are between a customer's purchases of it, and their weeks together.
    knew, again : ndarray of float64, shape (n_items, 2)
        Customers who had bought it before the last four and eight weeks, and those of them who bought it in these.
    items : pyarrow.Array, shape (n_items,)
        Ids of the items, ascending.
    customers : int
        Customers of the history.
    again_of_any : ndarray of float64, shape (2,)
        The same share of all items together.
    unit : {"day", "week"}
        What a period of the history is.

    Examples
    --------
    >>> import pyarrow as pa
    >>> from couponry.affinity import PurchaseHistory
    >>> rows = pa.table({"customer": [1, 1, 2], "product": [5, 5, 5], "week": [1, 5, 5]})
    >>> history = PurchaseHistory.from_transactions(rows, half_lives=[4.0])
    >>> statistics = ItemStatistics.from_history(history)
    >>> statistics.buyers.tolist(), statistics.repeaters.tolist(), statistics.popularity.tolist()
    ([2.0], [1.0], [[2.5]])
    """

    buyers: NDArray[np.float64]
    repeaters: NDArray[np.float64]
    popularity: NDArray[np.float64]
    gaps: NDArray[np.float64]
    gap_weeks: NDArray[np.float64]
    knew: NDArray[np.float64]
    again: NDArray[np.float64]
    items: pa.Array
    customers: int
    again_of_any: NDArray[np.float64]
    unit: str

    @classmethod
    def from_history(cls, history: PurchaseHistory) -> ItemStatistics:
        """Compute the statistics of a history's items.

        Parameters
        ----------
        history : PurchaseHistory
            Read in blocks, by several threads; sums are of whole numbers, so blocks and their order do not change them.

        Returns
        -------
        ItemStatistics
            One entry for each of the history's items.
        """
        total = no_counts(history)
        parts = blocks(len(history))
        for counts in parallel_map(lambda part: item_counts(history, part), parts, worker_count()):
            total += counts
        return cls.from_counts(total, history, len(history.customers))

    @classmethod
    def from_counts(
        cls, total: NDArray[np.float64], history: PurchaseHistory, customers: int
    ) -> ItemStatistics:
        """Compute the statistics of items whose counts have been added up.

        Parameters
        ----------
        total : ndarray of float64, shape (n_counts, n_items)
            The sum of `item_counts` of all pairs of all customers.
        history : PurchaseHistory
            Of any of them, or of nobody.
        customers : int
            How many there are.

        Returns
        -------
        ItemStatistics
            One entry for each of the history's items.
        """
        late = len(total) - 2 * len(LATE_WEEKS)
        buyers, repeaters, spans, gaps = total[:4]
        popularity, (knew, again) = total[4:late] / FINENESS, (total[late::2], total[late + 1 :: 2])
        gap_weeks = spans / history.periods_a_week
        any_item = again.sum(axis=1) / np.maximum(knew.sum(axis=1), 1.0)
        about = history.items, customers, any_item, history.unit
        by_item = popularity.T.copy(), gaps, gap_weeks, knew.T.copy(), again.T.copy()
        return cls(buyers, repeaters, *by_item, *about)

    @classmethod
    def of(cls, history: PurchaseHistory) -> ItemStatistics:
        """Compute the statistics of a history's items.

        .. deprecated:: 0.2
            Use `from_history`.

        Parameters
        ----------
        history : PurchaseHistory
            As for `from_history`.

        Returns
        -------
        ItemStatistics
            As from `from_history`.
        """
        warnings.warn(
            "ItemStatistics.of is deprecated: use ItemStatistics.from_history",
            DeprecationWarning,
            stacklevel=2,
        )
        return cls.from_history(history)

    @property
    def begun(self) -> NDArray[np.float64]:
        """Customers who bought the item for the first time in the last four and eight weeks; shape (n_items, 2)."""
        return self.buyers[:, None] - self.knew

    @property
    def gap(self) -> NDArray[np.float64]:
        """Weeks between a customer's purchases of the item, drawn to four where few gaps were seen."""
        prior = PRIOR_GAPS * PRIOR_GAP_WEEKS
        found: NDArray[np.float64] = (self.gap_weeks + prior) / (self.gaps + PRIOR_GAPS)
        return found

    @property
    def repeat_rate(self) -> NDArray[np.float64]:
        """Share of the buyers who bought more than once, drawn to a tenth where there are few."""
        return (self.repeaters + PRIOR_REPEATERS) / (self.buyers + PRIOR_BUYERS)

    @property
    def again_rate(self) -> NDArray[np.float64]:
        """Share of those who knew the item who bought it lately, drawn to that of any item; shape (n_items, 2)."""
        return (self.again + PRIOR_KNEW * self.again_of_any) / (self.knew + PRIOR_KNEW)

    @property
    def buyer_share(self) -> NDArray[np.float64]:
        """Share of the customers who bought the item; above 0."""
        return (self.buyers + PRIOR_SHARE) / (self.customers + PRIOR_SHARE)

    @property
    def popularity_rate(self) -> NDArray[np.float64]:
        """Decayed purchases of the item per customer, by half-life; above 0."""
        return (self.popularity + PRIOR_POPULARITY) / (self.customers + PRIOR_SHARE)

    def among(self, items: pa.Array) -> ItemStatistics:
        """Return the same statistics, of other items.

        Parameters
        ----------
        items : pyarrow.Array, shape (n_items,)
            Ids of items, ascending.

        Returns
        -------
        ItemStatistics
            One entry for each of them. Those that nobody was seen to buy have rates of what is expected of any item.
        """
        if items.equals(self.items):
            return self
        place = tables.positions(items, self.items)
        known = place >= 0

        def picked(values: NDArray[np.float64]) -> NDArray[np.float64]:
            found = np.zeros((len(items), *values.shape[1:]))
            found[known] = values[place[known]]
            return found

        return ItemStatistics(
            picked(self.buyers),
            picked(self.repeaters),
            picked(self.popularity),
            picked(self.gaps),
            picked(self.gap_weeks),
            picked(self.knew),
            picked(self.again),
            items,
            self.customers,
            self.again_of_any,
            self.unit,
        )

    def without_own(self, history: PurchaseHistory, pairs: Part) -> ItemStatistics:
        """Return the statistics of the items of a history's pairs, without what each pair itself adds to them.

        Parameters
        ----------
        history : PurchaseHistory
            That the statistics are of.
        pairs : slice or ndarray of int64
            Which of its pairs.

        Returns
        -------
        ItemStatistics
            One entry for each pair.
        """
        item, states = history.item[pairs], history.pairs
        times, decay = states.times[pairs], history.decay(pairs).astype(np.float64)
        weeks = (states.last[pairs] - states.first[pairs]) / history.periods_a_week
        late = [bought_again_lately(history, pairs, weeks) for weeks in LATE_WEEKS]
        before, again = (np.stack(columns, axis=1) for columns in zip(*late, strict=True))
        return replace(
            self,
            buyers=self.buyers[item] - 1.0,
            repeaters=self.repeaters[item] - (times > 1),
            popularity=np.maximum(self.popularity[item] - decay, 0.0),  # sums are rounded
            gaps=self.gaps[item] - (times - 1.0),
            gap_weeks=np.maximum(self.gap_weeks[item] - weeks, 0.0),
            knew=self.knew[item] - before,
            again=self.again[item] - again,
            items=self.items.take(pa.array(item)),
        )


def added_statistics(parts: Sequence[ItemStatistics]) -> ItemStatistics:
    """Add up the statistics of histories of different customers: those of one history of all of them.

    Parameters
    ----------
    parts : sequence of ItemStatistics
        At least one, of histories that end alike.

    Returns
    -------
    ItemStatistics
    """
    first = parts[0]
    if len(parts) == 1:
        return first
    items = tables.ranks(pa.concat_arrays([part.items for part in parts]))[1]
    a_week = PERIODS_PER_WEEK[first.unit]
    total: dict[str, NDArray[np.float64]] = {}
    for part in parts:
        of_all = part.among(items)
        for name in ADDED:
            counts = getattr(of_all, name)
            if name == "gap_weeks":
                counts = np.rint(counts * a_week)  # whole periods, which add up exactly
            total[name] = total[name] + counts if name in total else counts
    any_item = total["again"].sum(axis=0) / np.maximum(total["knew"].sum(axis=0), 1.0)
    total["gap_weeks"] = total["gap_weeks"] / a_week
    customers = sum(part.customers for part in parts)
    return ItemStatistics(
        **total, items=items, customers=customers, again_of_any=any_item, unit=first.unit
    )


def no_counts(history: PurchaseHistory) -> NDArray[np.float64]:
    """Return counts of a history's items to which those of its pairs are added.

    Parameters
    ----------
    history : PurchaseHistory

    Returns
    -------
    ndarray of float64, shape (n_counts, n_items)
    """
    return np.zeros((4 + len(history.half_lives) + 2 * len(LATE_WEEKS), len(history.items)))


def item_counts(history: PurchaseHistory, part: slice) -> NDArray[np.float64]:
    """Count what some pairs add to each item's buyers, repeaters, spans, gaps, popularity, and late counts.

    Parameters
    ----------
    history : PurchaseHistory
    part : slice
        Which of its pairs.

    Returns
    -------
    ndarray of float64, shape (n_counts, n_items)
        Whole numbers: sums of them are the same in any order.
    """
    item, states, size = history.item[part].astype(np.intp), history.pairs, len(history.items)
    times, span = states.times[part], states.last[part] - states.first[part]
    rows = [
        np.bincount(item, minlength=size),
        np.bincount(
            item, times > 1, minlength=size
        ),  # as weights: selecting takes four times as long
        np.bincount(item, span, minlength=size),
        np.bincount(item, times - 1, minlength=size),
    ]
    for decay in history.decay(part).T:
        rows.append(np.bincount(item, np.rint(decay * FINENESS), minlength=size))
    for weeks in LATE_WEEKS:
        for some in bought_again_lately(history, part, weeks):
            rows.append(np.bincount(item, some, minlength=size))
    release_pages(
        history.item[part], times, states.first[part], states.last[part], states.decay[part]
    )
    return np.stack(rows).astype(np.float64)


def late_periods(history: PurchaseHistory) -> NDArray[np.int64]:
    """Return the first period of the last weeks that purchases are counted in, for each number of weeks.

    Parameters
    ----------
    history : PurchaseHistory

    Returns
    -------
    ndarray of int64, shape (n_weeks,)
    """
    weeks = np.array(LATE_WEEKS, np.int64)
    return history.until + 1 - weeks * history.periods_a_week


def bought_again_lately(
    history: PurchaseHistory, pairs: Part, weeks: int
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Return which pairs were bought before the last weeks of a history, and which of these were again then.

    Parameters
    ----------
    history : PurchaseHistory
    pairs : slice or ndarray of int64
        Which pairs.
    weeks : int

    Returns
    -------
    before, again : ndarray of bool, shape (n_pairs,)
    """
    begin = history.until - weeks * history.periods_a_week + 1
    before = history.pairs.first[pairs] < begin
    return before, before & (history.pairs.last[pairs] >= begin)
