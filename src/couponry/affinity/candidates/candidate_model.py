"""Candidates of any number of customers: the best offers of each role, and how likely each is, in blocks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ...data import tables
from ...data.candidate_batches import CandidateBlocks
from ...data.candidate_checks import offer_dtype
from ...data.candidate_rows import Rows
from ...data.memory_estimate import BASE
from ...data.roles import ROLES
from ...utils.errors import InvalidInput
from ...utils.lazy_imports import sparse as sp
from ...utils.memory import parse_size, size_text
from ...utils.parallel import parallel_map, worker_count
from ..history.item_statistics import ItemStatistics
from ..history.purchase_history import PurchaseHistory
from ..scores.logistic import LogisticRegression, Sample
from ..scores.offer_neighbours import offer_neighbours
from ..scores.personal import Window, check_window
from ..scores.response import ResponseModel, incremental_value
from .assortment import Assortment
from .best_offers import BestOffers, OfferChooser
from .candidate_odds import FEATURES, Odds, features
from .weighed import CUSTOMERS, PAIRS, Histories, Part, listed, parts

BYTES_PER_CANDIDATE, BYTES_PER_PAIR = 48, 64  # of a block while it is worked on
UNKNOWN_REPEAT_RATE = 0.1  # of products that nobody bought: what few buyers are drawn to

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
    and others of each offer (K) that it asks for. money: margin and discount of each offer (K): candidates then have a
    value, too, (p1 - p0) x margin - p1 x discount; see `incremental_value`.

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
        money: tuple[Any, Any] | None = None,
        backend: str | None = None,
    ):
        self.assortment, self.quota = assortment, dict(quota)
        self.half_life, self.power = float(half_life), power
        self.neighbours, self.similarity = neighbours, similarity
        self.response, self.offer_columns = response, dict(offer_columns or {})
        self.money = None if money is None else tuple(np.asarray(a, np.float32) for a in money)
        if self.money is not None and response is None:
            raise InvalidInput("money: expected a response model beside it: p1 - p0 is what counts")
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
            chosen, columns = self._scored(history)
            outcome = self._bought(chosen, history, later)
            for number, role in enumerate(ROLES):
                mine = chosen.role == number
                weight = np.ones(int(mine.sum()), np.float32)
                found.setdefault(role, []).append(Sample(columns[mine], outcome[mine], weight))
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
        limit, threads = parse_size(memory_limit, "memory_limit"), worker_count()
        needed = BASE + self.memory(threads)
        if limit is not None and needed > limit:
            raise InvalidInput(
                f"memory: making candidates of {len(self.items_):,} items and {self.similarity_.shape[1]:,} offers "
                f"with {threads} threads needs about {size_text(needed)}, but only {size_text(limit)} are allowed"
            )
        return CandidateBlocks(
            self.assortment.offers,
            next(listed(histories)).customers.type,
            dict.fromkeys(self.columns, np.dtype(np.float32)),
            lambda threads, _: self.blocks(histories, threads),
            source=source,
        )

    @property
    def columns(self) -> list[str]:
        """The numeric columns of the candidates."""
        return ["response"] if self.money is None else ["response", "value"]

    def memory(self, threads: int) -> int:
        """Bytes, about, of the model and of the blocks that so many threads work on."""
        width = min(sum(self.quota.values()), self.similarity_.shape[1])
        block = CUSTOMERS * width * BYTES_PER_CANDIDATE + PAIRS * BYTES_PER_PAIR
        model = 16 * self.similarity_.nnz + 64 * len(self.items_)
        return model + (2 * threads + 1) * block

    def blocks(self, histories: Histories, threads: int = 1) -> Iterator[Rows]:
        """Candidates by customer: offer, role, response; the same bits for any blocks and number of threads."""
        chooser = self._chooser()
        odds = Odds.of(self.regressions_, self.popularity_, self.response, self.offer_columns)
        dtype = offer_dtype(len(self.assortment.offers))

        def of(part: Part) -> Rows:
            bought = part.read(self.items_, self._weight(), self.half_life)
            chosen = chooser.choose(bought.matrix, own_weight=bought.own_weight, threads=1)
            p0, p1 = odds.probabilities(chosen, bought.trips)
            count = np.bincount(chosen.customer, minlength=part.stop - part.start)
            columns: dict[str, NDArray[Any]] = {
                "offer": chosen.offer.astype(dtype),
                "role": chosen.role + np.uint8(1),
                "response": p1,
            }
            if self.money is not None:
                margin, discount = (of_offers[chosen.offer] for of_offers in self.money)
                columns["value"] = np.asarray(incremental_value(p0, p1, margin, discount))
            customers = part.history.customers[part.start : part.stop]
            some = np.flatnonzero(count)
            if len(some) < len(count):
                customers = customers.take(pa.array(some))
            return Rows(customers, np.append(0, np.cumsum(count[some])), columns)

        return parallel_map(of, parts(histories), threads)

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
        bought = Part.whole(history).read(self.items_, self._weight(), self.half_life).matrix
        buys = sp.csr_array(bought @ self._covers)
        total = np.zeros(buys.shape[1])
        np.add.at(total, buys.indices, buys.data.astype(np.float64))
        self.popularity_ = (total + 0.5) / (len(history.customers) + 1.0)
        self.similarity_ = self._similarity(bought)
        # popularity says as much as neighbours do, on average
        said = np.abs((bought @ self.similarity_).data).sum(dtype=np.float64)
        said = said / max(bought.shape[0], 1) or 1.0
        self._prior = (self.popularity_ / self.popularity_.sum() * said).astype(np.float32)

    def _similarity(self, bought: sp.csr_array) -> sp.csr_array:
        if self.similarity is None:
            return offer_neighbours(bought, self._covers, keep=self.neighbours)
        found = sp.csr_array(self.similarity)
        if found.shape != self._covers.shape:
            raise InvalidInput(
                f"similarity: expected {self._covers.shape[0]:,} items of the history x {self._covers.shape[1]:,} "
                f"offers, got {found.shape}"
            )
        return found

    def _weight(self) -> NDArray[np.float32]:
        return (self.repeat_rate_**self.power).astype(np.float32)

    def _chooser(self) -> OfferChooser:
        kinds = self._kind, self.assortment.offer_kind
        return OfferChooser(
            self.similarity_, self.quota, own=self._covers, kinds=kinds, prior=self._prior, backend=self.backend
        )  # fmt: skip

    def _scored(self, history: PurchaseHistory) -> tuple[BestOffers, NDArray[np.float32]]:
        bought = Part.whole(history).read(self.items_, self._weight(), self.half_life)
        chosen = self._chooser().choose(bought.matrix, own_weight=bought.own_weight)
        return chosen, features(chosen, self.popularity_, bought.trips)

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


def _constant(rate: float) -> LogisticRegression:
    """A model that says the same of everything."""
    found = LogisticRegression()
    found.coef_, found.intercept_ = np.zeros(len(FEATURES)), float(np.log(rate / (1 - rate)))
    found.n_iter_, found.loss_ = 0, 0.0
    return found
