"""Candidates of any number of customers: the best offers of each role, and how likely each is, in blocks."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import scipy.sparse as sp
from numpy.typing import NDArray

from .. import tables
from ..ahead import in_order, workers
from ..candidate_blocks import CandidateBlocks
from ..errors import InvalidInput
from ..intake import offer_dtype
from ..items import ROLES
from ..memory import BASE, parse_size, size_text
from ..rows import Rows
from ..space import blocks_of_customers, forget
from .assortment import Assortment
from .best import BestOffers, OfferChooser
from .history import PurchaseHistory, factors
from .item_statistics import ItemStatistics
from .logistic import LogisticRegression, Sample
from .offer_neighbours import offer_neighbours
from .personal import Window, check_window
from .response import ResponseModel

PAIRS, CUSTOMERS = 1 << 18, 1 << 15  # worked on at a time, at most
BYTES_PER_CANDIDATE, BYTES_PER_PAIR = 48, 64  # of a block while it is worked on
FEATURES = ("score", "score_squared", "popularity", "trips")
UNKNOWN_REPEAT_RATE = 0.1  # of products that nobody bought: what few buyers are drawn to
MOST_LOG_ODDS = 15.0
LEAST_SCORE = 1e-3

Histories = PurchaseHistory | Callable[[], Iterator[PurchaseHistory]]
Columns = Mapping[str, Any]


class CandidateModel:
    """The offers that each customer may get, each with its role and a probability of response.

    Two stages, both without anything in Python per customer. First the best offers of each role are chosen
    (`OfferChooser`): rewards by the decayed frequency of what the customer bought of the offer's products, each times
    its repeat rate ** power, as RepeatScore has it; activations and innovations by neighbours of what the customer
    bought lately (`offer_neighbours`), and by popularity. Then the probability that the customer buys what the offer is
    good for within a window, p0: a logistic model for each role of the score, the offer's popularity and the customer's
    trips, fitted on an earlier window of the same length on what the first stage chooses there, and so calibrated for
    what it chooses.

    assortment: what offers are good for. quota: at most so many offers of each role, such as {"reward": 8,
    "activation": 12, "innovation": 12}. half_life: in weeks, one of the histories'. neighbours: how many offers a
    product is taken to be like. similarity: instead of what is learned from purchases, (P, K) of the items of the
    history that the model is fitted on, and offers.
    response: turns p0 into the probability of redeeming a coupon; None: the response is p0, how likely the customer is
    to buy it anyway, which says who likes the product and not what the coupon adds. offer_columns: `category`, `depth`
    and others of each offer (K) that it asks for.

    After `fit`: items_ (ids), repeat_rate_ (P), popularity_ (K): share of the customers who bought it lately,
    similarity_ (P, K), regressions_ by role.
    """

    items_: pa.Array
    repeat_rate_: NDArray[np.float64]
    popularity_: NDArray[np.float64]
    similarity_: sp.csr_array
    regressions_: dict[str, LogisticRegression]

    def __init__(
        self,
        assortment: Assortment,
        quota: Mapping[str, int],
        *,
        half_life: float = 16.0,
        power: float = 0.5,
        neighbours: int = 50,
        similarity: Any = None,
        response: ResponseModel | None = None,
        offer_columns: Columns | None = None,
        backend: str | None = None,
    ):
        self.assortment, self.quota = assortment, dict(quota)
        self.half_life, self.power = float(half_life), power
        self.neighbours, self.similarity = neighbours, similarity
        self.response, self.offer_columns = response, dict(offer_columns or {})
        self.backend = backend

    def fit(
        self, windows: Sequence[Window], known: PurchaseHistory | None = None
    ) -> CandidateModel:
        """windows: (history, what was bought in the window after it). known: what repeat rates, popularity and
        neighbours are taken from in the end, such as everything up to now; default: the last window's history.

        Some tens of thousands of customers are enough.
        """
        if not windows:
            raise InvalidInput("windows: expected at least one, got none")
        found: dict[str, list[Sample]] = {}
        for history, later in windows:
            check_window(history, later)
            self._learn(history)
            chosen, features = self._scored(history)
            outcome = self._bought(chosen, history, later)
            for number, role in enumerate(ROLES):
                mine = chosen.role == number
                weight = np.ones(int(mine.sum()), np.float32)
                found.setdefault(role, []).append(Sample(features[mine], outcome[mine], weight))
        self.regressions_ = {}
        for role, samples in found.items():
            outcomes = np.concatenate([sample.outcome for sample in samples])
            if len(outcomes) == 0:
                continue
            if outcomes.all() or not outcomes.any():  # too few to tell: a rate for all of them
                self.regressions_[role] = _constant((outcomes.sum() + 0.5) / (len(outcomes) + 1.0))
            else:
                self.regressions_[role] = LogisticRegression().fit(samples)
        if known is not None:
            self._learn(known)
        return self

    def candidates(
        self,
        histories: Histories,
        source: dict[str, Any] | None = None,
        memory_limit: int | str | None = None,
    ) -> CandidateBlocks:
        """The candidates of the customers of a history, or of several (a function that begins to list them): one after
        the other, customers ascending, such as blocks of them that are read or made one at a time.

        Made when they are asked for: `Campaign(offers, model.candidates(history), store=...)` writes them block by
        block. source: what they are made from, if a store of the same is to be used again. memory_limit: bytes, or text
        such as "8GiB": InvalidInput, with the sizes, where making them needs more, however many customers there are.
        """
        limit, threads = parse_size(memory_limit, "memory_limit"), workers()
        needed = BASE + self.memory(threads)
        if limit is not None and needed > limit:
            raise InvalidInput(
                f"memory: making candidates of {len(self.items_):,} items and {self.similarity_.shape[1]:,} offers "
                f"with {threads} threads needs about {size_text(needed)}, but only {size_text(limit)} are allowed"
            )
        return CandidateBlocks(
            self.assortment.offers,
            next(_listed(histories)).customers.type,
            {"response": np.dtype(np.float32)},
            lambda threads, _: self.blocks(histories, threads),
            source=source,
        )

    def memory(self, threads: int) -> int:
        """Bytes, about, of the model and of the blocks that so many threads work on."""
        width = min(sum(self.quota.values()), self.similarity_.shape[1])
        block = CUSTOMERS * width * BYTES_PER_CANDIDATE + PAIRS * BYTES_PER_PAIR
        model = 16 * self.similarity_.nnz + 64 * len(self.items_)
        return model + (2 * threads + 1) * block

    def blocks(self, histories: Histories, threads: int = 1) -> Iterator[Rows]:
        """Candidates by customer: offer, role, response; the same bits for any blocks and number of threads."""
        chooser, odds = self._chooser(), self._odds()
        dtype = offer_dtype(len(self.assortment.offers))

        def of(part: _Part) -> Rows:
            bought, trips = part.read(self.items_, self._weight(), self.half_life)
            chosen = chooser.choose(bought.matrix, own_weight=bought.own_weight, threads=1)
            response = odds.response(chosen, trips)
            count = np.bincount(chosen.customer, minlength=part.stop - part.start)
            columns = {
                "offer": chosen.offer.astype(dtype),
                "role": chosen.role + np.uint8(1),
                "response": response,
            }
            customers = part.history.customers[part.start : part.stop]
            some = np.flatnonzero(count)
            if len(some) < len(count):
                customers = customers.take(pa.array(some))
            return Rows(customers, np.append(0, np.cumsum(count[some])), columns)

        return in_order(of, _parts(histories), threads)

    def _learn(self, history: PurchaseHistory) -> None:
        """Take repeat rates, popularity and neighbours from a history."""
        if self.half_life not in history.half_lives:
            raise InvalidInput(
                f"half_life: expected one of the history's, {', '.join(f'{x:g}' for x in history.half_lives)}, "
                f"got {self.half_life:g}"
            )
        if self.similarity is None:
            ids = [a for a in (history.items, self.assortment.products) if len(a)]
            self.assortment.among(history.items)  # ids of the same type
            self.items_ = tables.ranks(pa.concat_arrays(ids))[1]
        else:
            self.items_ = history.items
        self._covers, self._kind = self.assortment.among(self.items_)
        self.repeat_rate_ = np.full(len(self.items_), UNKNOWN_REPEAT_RATE)
        place = tables.positions(history.items, self.items_)
        self.repeat_rate_[place] = ItemStatistics.of(history).repeat_rate
        whole = _Part(history, 0, len(history.customers))
        bought = whole.read(self.items_, self._weight(), self.half_life)[0].matrix
        buys = sp.csr_array(bought @ self._covers)
        total = np.zeros(buys.shape[1])
        np.add.at(total, buys.indices, buys.data.astype(np.float64))
        self.popularity_ = (total + 0.5) / (len(history.customers) + 1.0)
        self.similarity_ = (
            offer_neighbours(bought, self._covers, keep=self.neighbours)
            if self.similarity is None
            else sp.csr_array(self.similarity)
        )
        # popularity says as much as neighbours do, on average
        said = np.abs((bought @ self.similarity_).data).sum(dtype=np.float64) / max(
            bought.shape[0], 1
        )
        self._prior = (self.popularity_ / self.popularity_.sum() * said).astype(np.float32)

    def _weight(self) -> NDArray[np.float32]:
        return (self.repeat_rate_**self.power).astype(np.float32)

    def _chooser(self) -> OfferChooser:
        kinds = self._kind, self.assortment.offer_kind
        return OfferChooser(
            self.similarity_, self.quota, own=self._covers, kinds=kinds, prior=self._prior, backend=self.backend
        )  # fmt: skip

    def _scored(self, history: PurchaseHistory) -> tuple[BestOffers, NDArray[np.float32]]:
        whole = _Part(history, 0, len(history.customers))
        bought, trips = whole.read(self.items_, self._weight(), self.half_life)
        chosen = self._chooser().choose(bought.matrix, own_weight=bought.own_weight)
        score = _log_score(chosen.score)
        popularity = np.log(self.popularity_).astype(np.float32)[chosen.offer]
        columns = (score, score * score, popularity, _log_trips(trips)[chosen.customer])
        return chosen, np.stack(columns, axis=1)

    def _bought(
        self, chosen: BestOffers, history: PurchaseHistory, later: PurchaseHistory
    ) -> NDArray[np.bool_]:
        """Whether each customer bought in the window what each chosen offer is good for."""
        offers = len(self.assortment.offers)
        covers, _ = self.assortment.among(later.items)
        ones = np.ones(len(later), np.float32)
        shape = (len(later.customers), len(later.items))
        bought = sp.csr_array((ones, later.item.astype(np.int64), later.indptr), shape=shape)
        found = sp.coo_array(bought @ covers)
        who = tables.positions(later.customers, history.customers)[found.row]
        truth = who * offers + found.col
        return np.isin(chosen.customer * offers + chosen.offer, truth[who >= 0])

    def _odds(self) -> _Odds:
        """Log odds of a response as tables by role and offer."""
        shape = (len(ROLES), len(self.assortment.offers))
        fitted = np.zeros((len(ROLES), 1 + len(FEATURES)))
        for number, role in enumerate(ROLES):
            if role in self.regressions_:
                one = self.regressions_[role]
                fitted[number] = [one.intercept_, *one.coef_]
            elif self.quota.get(role, 0):
                fitted[
                    number, 0
                ] = -MOST_LOG_ODDS  # never chosen when fitted: as good as never bought
        intercept, score, squared, popularity, trips = fitted.T
        table = intercept[:, None] + popularity[:, None] * np.log(self.popularity_)[None, :]
        if self.response is not None:
            columns: dict[str, Any] = {
                name: np.tile(np.asarray(values), len(ROLES))
                for name, values in self.offer_columns.items()
            }
            columns["p0"] = np.full(shape[0] * shape[1], 0.5)  # log odds of 0
            columns["role"] = np.repeat(np.array(ROLES, object), shape[1])
            slope = self.response.coefficients_.get("p0", 0.0)
            table = slope * table + self.response.log_odds(columns).reshape(shape)
            score, squared, trips = slope * score, slope * squared, slope * trips
        tables = (a.astype(np.float32) for a in (table.ravel(), score, squared, trips))
        return _Odds(*tables)


class _Odds(NamedTuple):
    """Log odds = table[role, offer] + (score[role] + squared[role] * s) * s + trips[role] * t, s and t logarithms of an
    offer's score and of a customer's decayed trips.

    table: float32 (3 K). score, squared, trips: float32 (3).
    """

    table: NDArray[np.float32]
    score: NDArray[np.float32]
    squared: NDArray[np.float32]
    trips: NDArray[np.float32]

    def response(self, chosen: BestOffers, trips: NDArray[np.float32]) -> NDArray[np.float32]:
        """Probabilities of what was chosen, strictly between 0 and 1, of customers with these decayed trips."""
        offers = len(self.table) // len(ROLES)
        role = chosen.role
        total = self.table[role.astype(np.int32) * np.int32(offers) + chosen.offer]
        s = _log_score(chosen.score)
        total += (self.score[role] + self.squared[role] * s) * s
        total += self.trips[role] * _log_trips(trips)[chosen.customer]
        np.clip(total, -MOST_LOG_ODDS, MOST_LOG_ODDS, out=total)
        found: NDArray[np.float32] = 1 / (1 + np.exp(-total))
        return found


def _log_score(score: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.log(np.maximum(score, np.float32(LEAST_SCORE)))


def _log_trips(trips: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.log(trips + np.float32(0.1))


class _Weighed(NamedTuple):
    """matrix: sparse (customers, P), for neighbours. own_weight: of its entries, for rewards."""

    matrix: sp.csr_array
    own_weight: NDArray[np.float32]


@dataclass(frozen=True)
class _Part:
    """The customers start <= i < stop of a history."""

    history: PurchaseHistory
    start: int
    stop: int

    def read(
        self, items: pa.Array, weight: NDArray[np.float32], half_life: float
    ) -> tuple[_Weighed, NDArray[np.float32]]:
        """What they bought, of these items, and their decayed trips."""
        history = self.history
        h = history.half_lives.index(half_life)
        factor = factors(history.half_lives, history.unit, history.until - history.start + 1)[:, h]
        ends = history.indptr[self.start : self.stop + 1]
        part = slice(int(ends[0]), int(ends[-1]))
        age = history.until - history.pairs.last[part]
        decay = history.pairs.decay[part, h] * factor[age]
        item, indptr = history.item[part].astype(np.int64), ends - ends[0]
        if not history.items.equals(items):
            item = tables.positions(history.items, items)[item]
            kept = item >= 0
            if not kept.all():
                indptr = np.append(0, np.cumsum(kept))[indptr]
                item, decay = item[kept], decay[kept]
        lately = np.log1p(decay)
        matrix = sp.csr_array((lately, item, indptr), shape=(self.stop - self.start, len(items)))
        matrix.has_canonical_format = True  # ascending for a customer, and once each
        trips = history.trips.decay[self.start : self.stop, h]
        trips = trips * factor[history.until - history.trips.last[self.start : self.stop]]
        forget(history.item[part], history.pairs.last[part], history.pairs.decay[part])
        return _Weighed(matrix, decay * weight[item]), trips


def _parts(histories: Histories) -> Iterator[_Part]:
    for history in _listed(histories):
        for start, stop in blocks_of_customers(history.indptr, PAIRS):
            for first in range(start, stop, CUSTOMERS):
                yield _Part(history, first, min(first + CUSTOMERS, stop))


def _listed(histories: Histories) -> Iterator[PurchaseHistory]:
    return iter([histories]) if isinstance(histories, PurchaseHistory) else histories()


def _constant(rate: float) -> LogisticRegression:
    """A model that says the same of everything."""
    found = LogisticRegression()
    found.coef_, found.intercept_ = np.zeros(len(FEATURES)), float(np.log(rate / (1 - rate)))
    found.n_iter_, found.loss_ = 0, 0.0
    return found
