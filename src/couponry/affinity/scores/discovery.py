"""The probability that a customer begins to buy an item: neighbours of what the customer buys, and popularity."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ...data import tables
from ...utils.errors import InvalidInput
from ...utils.lazy_imports import sparse as sp
from ...utils.parallel import parallel_map, worker_count
from ..history.item_statistics import ItemStatistics
from ..history.purchase_history import PurchaseHistory
from .logistic import LogisticRegression, Sample
from .personal import FEWEST, Window, check_window, codes_of, unweighted
from .personal_features import Codes
from .similarity import cosine, ease

Weights = Callable[[PurchaseHistory, slice], NDArray[np.float32]]
CUSTOMERS = 128  # scored at a time


def bought(history: PurchaseHistory, part: slice) -> NDArray[np.float32]:
    """1 for whatever was bought."""
    return np.ones(part.stop - part.start, np.float32)


def lately(history: PurchaseHistory, part: slice) -> NDArray[np.float32]:
    """log(1 + purchases), decayed at the middle one of the half-lives from 16 weeks down."""
    lives = history.half_lives
    h = max((i for i, life in enumerate(lives) if life <= 16), default=0)
    return np.log1p(history.decay(part)[:, h])


@dataclass(frozen=True)
class Given:
    """A similarity from outside, such as of embeddings: (Q, Q), sparse or dense, of items with these ids (Q)."""

    similarity: Any
    items: pa.Array

    def among(self, ids: pa.Array) -> NDArray[np.float32]:
        """The similarity of other items, (P, P); 0 where one of them is unknown."""
        place = tables.positions(ids, self.items)
        known = np.flatnonzero(place >= 0)
        found = np.zeros((len(ids), len(ids)), np.float32)
        rows = self.similarity[place[known]][:, place[known]]
        found[np.ix_(known, known)] = rows.toarray() if sp.issparse(rows) else rows
        return found


@dataclass(frozen=True)
class Neighbours:
    """A similarity of items, and how a customer's purchases weigh in it.

    name: in features. weights: of the pairs of a history. similarity: from the sparse matrix (n, P) of those to a
    matrix (P, P), or one that is given.
    """

    name: str
    weights: Weights
    similarity: Callable[[Any], NDArray[np.float32]] | Given


NEIGHBOURS = (
    Neighbours("ease", bought, lambda x: ease(x, 1000.0)),
    Neighbours("lately_ease", lately, lambda x: ease(x, 400.0)),
    Neighbours("lately_cosine", lately, cosine),
)


class Begun(NamedTuple):
    """Pairs that a customer may begin to buy, ordered by customer and item.

    customer, item: int64, places in the history's customers and items. score: float32, probabilities.
    """

    customer: NDArray[np.int64]
    item: NDArray[np.int64]
    score: NDArray[np.float32]


class DiscoveryModel:
    """The probability that a customer buys, within a window, an item that the customer did not buy before.

    A logistic model on what neighbours say (items like those that the customer buys, by several similarities), on
    popularity now and before, and on what the customer buys of the item's groups. Each customer is offered the
    `keep` items that neighbours name first and the `keep` / 2 that sell most; others are not scored.

    items: how many of the most bought items take part, others having too few buyers to say anything.
    neighbours: see Neighbours. groups: as for PersonalModel. by_customer: whether every customer counts the same
    when coefficients are fitted; probabilities are calibrated for pairs either way.

    After `fit`: names_, regression_.
    """

    names_: list[str]
    regression_: LogisticRegression

    def __init__(
        self,
        groups: Any = None,
        *,
        items: int = 4000,
        keep: int = 300,
        neighbours: Sequence[Neighbours] = NEIGHBOURS,
        ridge: float = 1.0,
        by_customer: bool = True,
    ):
        if not neighbours:
            raise InvalidInput("neighbours: expected at least one, got none")
        self.groups, self.items, self.keep = groups, items, keep
        self.neighbours, self.ridge, self.by_customer = tuple(neighbours), ridge, by_customer

    def fit(self, windows: Sequence[Window]) -> DiscoveryModel:
        """windows: (history, what was bought in the window after it)."""
        samples = []
        for history, later in windows:
            check_window(history, later)
            known = _Known(self, history)
            place = tables.positions(later.customers, history.customers)
            item = tables.positions(later.items, history.items)[later.item]
            who = np.repeat(place, np.diff(later.indptr))
            truth = np.sort(known.key(who, item)[(who >= 0) & (item >= 0)])
            for customer, found, features in known.stretches():
                outcome = np.isin(known.key(customer, found), truth)
                self.names_ = list(features)
                weight = np.ones(len(outcome), np.float32)
                if self.by_customer:
                    begun = np.bincount(customer - customer[0], weights=outcome)
                    weight = (1.0 / np.maximum(begun, FEWEST))[customer - customer[0]]
                samples.append(Sample(_stacked(features), outcome, weight.astype(np.float32)))
        if not samples:
            raise InvalidInput("windows: expected at least one, got none")
        self.regression_ = LogisticRegression(self.ridge).fit(samples)
        if self.by_customer:
            self.regression_.calibrated([unweighted(sample) for sample in samples])
        return self

    def score(self, history: PurchaseHistory) -> Begun:
        """Items that customers may begin to buy, and how likely; the same bits for any number of threads."""
        parts = list(self.blocks(history))
        columns = (np.concatenate(column) for column in zip(*parts, strict=True))
        return Begun(*columns)

    def blocks(self, history: PurchaseHistory) -> Iterator[Begun]:
        """The same, some customers at a time."""
        for customer, item, features in _Known(self, history).stretches():
            if list(features) != self.names_:
                raise InvalidInput(
                    "history: expected the half-lives and groups that the model was fitted with"
                )
            yield Begun(customer, item, self.regression_.predict(_stacked(features)))


class _Known:
    """What a model makes of a history: the items that take part (K), similarities, statistics."""

    def __init__(self, model: DiscoveryModel, history: PurchaseHistory):
        self._model, self._history = model, history
        statistics = ItemStatistics.of(history)
        now = statistics.popularity[:, 0] if history.half_lives else statistics.buyers
        middle = len(history.half_lives) // 3
        if history.half_lives:
            now = statistics.popularity[:, middle]
        order = np.argsort(-(statistics.buyers + 2 * now), kind="stable")
        self._items = np.sort(order[: model.items])
        self._place = np.full(len(history.items), -1)
        self._place[self._items] = np.arange(len(self._items))
        self._statistics, self._groups = statistics, codes_of(model.groups, history)
        best = np.argsort(-now[self._items], kind="stable")
        self._popular = np.sort(best[: model.keep // 2])
        customers = len(history.customers)
        self._similar = []
        for one in model.neighbours:
            if isinstance(one.similarity, Given):
                similarity = one.similarity.among(history.items.take(pa.array(self._items)))
            else:
                similarity = one.similarity(self._matrix(one.weights, 0, customers))
            if similarity.shape != (len(self._items),) * 2:
                raise InvalidInput(
                    f"neighbours {one.name!r}: expected a similarity of {len(self._items):,} x {len(self._items):,} "
                    f"items, got {similarity.shape}"
                )
            self._similar.append(np.ascontiguousarray(similarity, np.float32))
        self._mean = [float(np.abs(s).mean()) or 1.0 for s in self._similar]
        self._columns = _columns(statistics, history, self._groups, self._items)

    def key(self, customer: NDArray[np.int64], item: NDArray[np.int64]) -> NDArray[np.int64]:
        found: NDArray[np.int64] = customer * len(self._history.items) + item
        return found

    def stretches(
        self,
    ) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64], dict[str, NDArray[np.float32]]]]:
        """Customers, items and features of the pairs to be scored."""
        customers = len(self._history.customers)
        parts = ((a, min(a + CUSTOMERS, customers)) for a in range(0, customers, CUSTOMERS))
        for found in parallel_map(self._of, parts, worker_count()):
            if len(found[0]):
                yield found

    def _matrix(self, weights: Weights, start: int, stop: int) -> sp.csr_array:
        history = self._history
        part = slice(int(history.indptr[start]), int(history.indptr[stop]))
        place = self._place[history.item[part]]
        who = np.repeat(np.arange(stop - start), np.diff(history.indptr[start : stop + 1]))
        kept = place >= 0
        entries = (weights(history, part)[kept], (who[kept], place[kept]))
        return sp.csr_array(entries, shape=(stop - start, len(self._items)))

    def _of(
        self, stretch: tuple[int, int]
    ) -> tuple[NDArray[np.int64], NDArray[np.int64], dict[str, NDArray[np.float32]]]:
        start, stop = stretch
        history, model = self._history, self._model
        own = self._matrix(bought, start, stop).toarray() > 0
        said = [
            self._matrix(one.weights, start, stop) @ similarity
            for one, similarity in zip(model.neighbours, self._similar, strict=True)
        ]
        mask = self._first(said, own)
        row, column = np.nonzero(mask)
        found: dict[str, NDArray[np.floating]] = {}
        for one, score, mean in zip(model.neighbours, said, self._mean, strict=True):
            x = score[row, column].astype(np.float64) / mean
            found[one.name] = np.log(np.maximum(x, 0.0) + 10.0)
            found[f"{one.name}_root"] = np.sign(x) * np.sqrt(np.abs(x))
        for name, values in self._columns.items():
            found[name] = values[column]
        part = slice(int(history.indptr[start]), int(history.indptr[stop]))
        who = np.repeat(np.arange(stop - start), np.diff(history.indptr[start : stop + 1]))
        amount = np.expm1(lately(history, part).astype(np.float64))
        item = history.item[part].astype(np.int64)
        known = np.bincount(who, minlength=stop - start)
        found["known_items"] = np.log(known + 1.0)[row]
        found["bought"] = np.log(np.bincount(who, weights=amount, minlength=stop - start) + 1.0)[
            row
        ]
        for name, group in self._groups.items():
            size = int(group.max()) + 1
            cell = who * size + group[item]
            wanted = row * size + group[self._items][column]
            total = np.bincount(cell, weights=amount, minlength=(stop - start) * size)
            count = np.bincount(cell, minlength=(stop - start) * size)
            found[f"{name}_bought"] = np.log(total[wanted] + 0.05)
            found[f"{name}_items"] = np.log(count[wanted] + 0.3)
        features = {name: values.astype(np.float32) for name, values in found.items()}
        return row + start, self._items[column], features

    def _first(self, said: list[NDArray[np.float32]], own: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """The pairs to be scored: those that neighbours name first, ties by item, and what sells most."""
        keep = min(self._model.keep, own.shape[1])
        total = sum(s / m for s, m in zip(said, self._mean, strict=True))
        ranked = np.where(own, -np.inf, np.asarray(total, np.float64))
        cut = -np.partition(-ranked, keep - 1, axis=1)[:, keep - 1 : keep] if keep else np.inf
        mask = ranked >= cut
        mask[:, self._popular] = True
        mask &= ~own
        return mask


def _columns(
    statistics: ItemStatistics, history: PurchaseHistory, groups: Codes, items: NDArray[np.int64]
) -> dict[str, NDArray[np.float64]]:
    """Features of items alone."""
    found = {"buyers": np.log(statistics.buyers[items] + 1.0)}
    for h, life in enumerate(history.half_lives):
        found[f"popularity_{life:g}"] = np.log(statistics.popularity[items, h] + 0.2)
    found["repeat_rate"] = np.log(statistics.repeat_rate[items])
    last = statistics.popularity[:, -1] if history.half_lives else statistics.buyers
    for name, group in groups.items():
        size = np.bincount(group, weights=last)[group[items]]
        found[f"{name}_size"] = np.log(size + 1.0)
        found[f"{name}_share"] = np.log((last[items] + 0.1) / (size + 1.0))
    return found


def _stacked(features: dict[str, NDArray[np.float32]]) -> NDArray[np.float32]:
    return np.stack(list(features.values()), axis=1)
