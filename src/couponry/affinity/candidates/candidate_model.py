"""CandidateModel: the top offers of each role for any number of customers, and how likely each is, in blocks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ...data import tables
from ...data.candidate_batches import CandidateBlocks
from ...data.candidate_checks import offer_dtype
from ...data.candidate_rows import CandidateRows
from ...data.memory_estimate import BASE_BYTES
from ...data.roles import ROLES
from ...utils.errors import InvalidInput
from ...utils.lazy_imports import sparse as sp
from ...utils.memory import parse_size, size_text
from ...utils.parallel import parallel_map, worker_count
from ..history.item_statistics import ItemStatistics
from ..history.purchase_history import PurchaseHistory
from ..parameters import Parameters
from ..response.response_model import ResponseModel
from ..scores.features import check_like_fitted
from ..scores.logistic import LogisticRegression, Sample
from ..scores.offer_neighbours import offer_neighbours
from ..scores.own.pair_model import PairModel
from ..scores.personal.personal_model import PersonalModel
from ..scores.training_windows import Window, check_windows
from .assortment import Assortment
from .candidate_values import CandidateValues, candidate_values, value_notes
from .offer_chooser import OfferChooser
from .outcomes import bought_later
from .response_odds import ResponseOdds, fit_odds, odds_features
from .top_offers import TopOffers
from .weighted_purchases import (
    BLOCK_CUSTOMERS,
    BLOCK_PAIRS,
    CustomerRange,
    Histories,
    WeightedPurchases,
    customer_ranges,
    each_history,
)

BYTES_PER_CANDIDATE, BYTES_PER_PAIR = 48, 64
"""Memory of a block while it is worked on."""

BYTES_PER_ITEM, BYTES_PER_LINK = 64, 16
"""Memory of a model: of each item, and of each entry of the similarity."""

Columns = Mapping[str, Any]


class CandidateModel(Parameters):
    """Choose the offers that each customer may get, each with its role and a probability of response.

    Two stages, both without any Python loop over customers. First the top offers of each role are chosen
    (`OfferChooser`): rewards by the decayed frequency of what the customer bought of the offer's products, each times
    its repeat rate ** power (as in `RepeatScore`); activations and innovations by neighbours of what the customer
    bought lately (`offer_neighbours`), and by popularity. Then p0 is predicted: the probability that the customer buys,
    within a window, what the offer is good for. It is a logistic model for each role, of the score, the offer's
    popularity and the customer's trips, fitted on what the first stage chose before an earlier window of the same
    length. So it is calibrated for what the first stage chooses. Rewards of a PersonalModel keep its own probabilities.

    Parameters
    ----------
    assortment : Assortment
        What offers are good for.
    quota : mapping of str to int
        At most so many offers of each role: ``{"reward": 8, "activation": 12, "innovation": 12}``.
    half_life : float
        In weeks; one of the histories'.
    power : float
        Exponent of the repeat rate in the scores of rewards.
    neighbours : int
        How many offers a product is taken to be like.
    similarity : sparse matrix or ndarray, shape (n_items, n_offers), optional
        Instead of what is learned from purchases; items are those of the history that the model is fitted on.
    personal : PersonalModel, or any model with its `fit` and `scorer`, optional
        Ranks rewards: by how likely the customer buys again any of what the offer is good for. Fitted with this model,
        on the same windows. `OwnScores` makes one of any function. Default: decayed frequency x repeat rate ** power.
    response : ResponseModel, optional
        Turns p0 into the probability of redeeming a coupon. Default: the response is p0 itself, which says who likes
        the product and not what the coupon adds.
    offer_columns : mapping of str to array, shape (n_offers,), optional
        `category`, `depth` and other columns that the response model asks for.
    money : (array, array), optional
        Margin and discount of each offer, each of shape (n_offers,). Candidates then have a value, too: the least
        that the probabilities to buy without the coupon and to redeem it allow; `value_most` is the most
        (`incremental_bounds`).
    incremental_share : float, optional
        Share of the redeemed coupons that bring a purchase which would not have been made, from 0 to 1, as a group
        without coupons has shown. The value is then `incremental_value` of as many purchases more.
    backend : {"native", "numba", "reference"}, optional
        Which kernels to run; all give the same bits.

    Attributes
    ----------
    items_ : pyarrow.Array, shape (n_items,)
        Ids of the items; set by `fit`, as are all of the following.
    repeat_rate_ : ndarray of float64, shape (n_items,)
        Share of an item's buyers who bought it more than once.
    popularity_ : ndarray of float64, shape (n_offers,)
        Purchases per customer of what the offer is good for: log(1 + decayed purchases), summed over products.
    similarity_ : csr_array of float32, shape (n_items, n_offers)
        How much a purchase of an item says for an offer.
    regressions_ : dict of str to LogisticRegression
        By role.

    Raises
    ------
    InvalidInput
        If money is given without a response model.

    Examples
    --------
    >>> import numpy as np
    >>> import pyarrow as pa
    >>> random, n = np.random.default_rng(0), 500
    >>> who, what = random.integers(0, 40, n), random.integers(0, 9, n)
    >>> rows = pa.table({"customer": who, "product": what, "week": random.integers(1, 13, n)})
    >>> early = pa.array(rows["week"].to_numpy() <= 8)
    >>> late = pa.array(rows["week"].to_numpy() > 8)
    >>> before = PurchaseHistory.from_transactions(rows.filter(early), half_lives=[16.0])
    >>> window = PurchaseHistory.from_transactions(rows.filter(late), half_lives=[16.0])
    >>> assortment = Assortment(pa.table({"offer": ["a", "b"], "product": [1, 2]}))
    >>> model = CandidateModel(assortment, {"reward": 1, "innovation": 1}).fit([(before, window)])
    >>> model.candidates(before).offers.to_pylist(), sorted(model.regressions_)
    (['a', 'b'], ['innovation', 'reward'])
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
        personal: PairModel | None = None,
        response: ResponseModel | None = None,
        offer_columns: Columns | None = None,
        money: tuple[Any, Any] | None = None,
        incremental_share: float | None = None,
        backend: str | None = None,
    ):
        self.assortment, self.quota = assortment, quota
        self.half_life, self.power = half_life, power
        self.neighbours, self.similarity = neighbours, similarity
        self.personal, self.response, self.offer_columns = personal, response, offer_columns
        self.money, self.incremental_share, self.backend = money, incremental_share, backend
        candidate_values(money, incremental_share, has_response=response is not None)  # may refuse

    def fit(
        self,
        windows: Sequence[Window],
        known: PurchaseHistory | None = None,
        statistics: ItemStatistics | None = None,
    ) -> CandidateModel:
        """Fit the model on windows of the past; some tens of thousands of customers are enough.

        Parameters
        ----------
        windows : sequence of (PurchaseHistory, PurchaseHistory)
            A history, and what was bought in the window after it.
        known : PurchaseHistory, optional
            What repeat rates, popularity and neighbours are taken from for scoring, such as everything up to now.
            Default: the last window's history.
        statistics : ItemStatistics, optional
            What repeat rates and other statistics of items are taken from for scoring instead, such as everybody's.

        Returns
        -------
        CandidateModel
            This model.

        Raises
        ------
        InvalidInput
            If there is no window, one is not right after its history, windows are not alike, or a history lacks the
            half-life.
        """
        check_windows(windows)
        if self.personal is not None:
            self.personal.fit(windows, windows[-1][0] if known is None else known)
        samples: dict[str, list[Sample]] = {role: [] for role in ROLES}
        for history, later in windows:
            self._learn(history)
            chosen, features = self._chosen_features(history)
            outcome = bought_later(chosen, self.assortment, history, later)
            for number, role in enumerate(ROLES):
                mine = chosen.role == number
                weight = np.ones(int(mine.sum()), np.float32)
                samples[role].append(Sample(features[mine], outcome[mine], weight))
        fitted = {role: fit_odds(parts) for role, parts in samples.items()}
        self.regressions_ = {role: model for role, model in fitted.items() if model is not None}
        if known is not None or statistics is not None:
            self._learn(windows[-1][0] if known is None else known, statistics)
        return self

    def candidates(
        self,
        histories: Histories,
        source: dict[str, Any] | None = None,
        memory_limit: int | str | None = None,
    ) -> CandidateBlocks:
        """Make the candidates of any number of customers, for Campaign.

        They are made when they are asked for: ``Campaign(offers, model.candidates(history), store=...)`` writes them
        block by block.

        Parameters
        ----------
        histories : PurchaseHistory or callable
            A history, or a function that lists several one after the other, customers ascending, such as blocks of
            them that are read or made one at a time.
        source : dict, optional
            What the candidates are made from, as JSON has it, if a store of the same is to be used again.
        memory_limit : int or str, optional
            Bytes, or text such as "8GiB".

        Returns
        -------
        CandidateBlocks
            What Campaign takes as candidates.

        Raises
        ------
        InvalidInput
            If making them needs more memory than the limit, however many customers there are.
        """
        self._check_fitted()
        limit, threads = parse_size(memory_limit, "memory_limit"), worker_count()
        needed = BASE_BYTES + self.memory(threads)
        if limit is not None and needed > limit:
            raise InvalidInput(
                f"memory: making candidates of {len(self.items_):,} items and {self.similarity_.shape[1]:,} offers "
                f"with {threads} threads needs about {size_text(needed)}, but only {size_text(limit)} are allowed"
            )
        return CandidateBlocks(
            self.assortment.offers,
            next(each_history(histories)).customers.type,
            dict.fromkeys(self.columns, np.dtype(np.float32)),
            lambda threads, _: self.blocks(histories, threads),
            source=source,
            notes=self.notes,
        )

    @property
    def columns(self) -> list[str]:
        """Names of the numeric columns of the candidates."""
        return ["response", *(self._values.columns if self._values else [])]

    @property
    def notes(self) -> list[str]:
        """What responses and values of these candidates do not say, in a sentence each."""
        return value_notes(self._values, has_response=self.response is not None)

    def memory(self, threads: int) -> int:
        """Estimate the memory of the model and of the blocks that are worked on.

        Parameters
        ----------
        threads : int
            Threads that work on blocks.

        Returns
        -------
        int
            Bytes, about.
        """
        width: int = min(sum(self.quota.values()), self.similarity_.shape[1])
        block = BLOCK_CUSTOMERS * width * BYTES_PER_CANDIDATE + BLOCK_PAIRS * BYTES_PER_PAIR
        model = BYTES_PER_LINK * int(self.similarity_.nnz) + BYTES_PER_ITEM * len(self.items_)
        return model + (2 * threads + 1) * block

    def blocks(self, histories: Histories, threads: int = 1) -> Iterator[CandidateRows]:
        """Make candidates, some customers at a time.

        Parameters
        ----------
        histories : PurchaseHistory or callable
            As for `candidates`.
        threads : int
            Threads that work on blocks.

        Returns
        -------
        iterator of CandidateRows
            By customer: offer, role, response, and value if there is money; the same bits for any blocks and any
            number of threads.
        """
        self._check_fitted()
        chooser = self._chooser()
        given = self.regressions_, self.popularity_, self.response, self.offer_columns or {}
        odds = ResponseOdds.from_models(*given, own=isinstance(self.personal, PersonalModel))

        def make_rows(customers: CustomerRange) -> CandidateRows:
            bought = self._read(customers)
            chosen = chooser.choose(bought.matrix, own_weight=bought.own_weight, threads=1)
            return self._rows(customers, chosen, *odds.probabilities(chosen, bought.trips))

        return parallel_map(make_rows, customer_ranges(histories), threads)

    def _rows(
        self,
        part: CustomerRange,
        chosen: TopOffers,
        p0: NDArray[np.float32],
        p1: NDArray[np.float32],
    ) -> CandidateRows:
        """Return candidates of the customers who get any."""
        count = np.bincount(chosen.customer, minlength=part.stop - part.start)
        columns: dict[str, NDArray[Any]] = {
            "offer": chosen.offer.astype(offer_dtype(len(self.assortment.offers))),
            "role": chosen.role + np.uint8(1),
            "response": p1,
        }
        if self._values is not None:
            columns.update(self._values.of(chosen.offer, p0, p1))
        customers = part.history.customers[part.start : part.stop]
        some = np.flatnonzero(count)
        if len(some) < len(count):
            customers = customers.take(pa.array(some))
        return CandidateRows(customers, np.append(0, np.cumsum(count[some])), columns)

    @property
    def _values(self) -> CandidateValues | None:
        """Return what computes values, where there is money."""
        responds = self.response is not None
        return candidate_values(self.money, self.incremental_share, has_response=responds)

    def _learn(self, history: PurchaseHistory, statistics: ItemStatistics | None = None) -> None:
        """Take repeat rates, popularity and neighbours from a history."""
        self.items_ = self._items(history)
        self._covers, self._kind = self.assortment.among(self.items_)
        self._statistics = statistics or ItemStatistics.from_history(history)
        self.repeat_rate_ = self._statistics.among(self.items_).repeat_rate
        bought = self._read(CustomerRange.whole(history)).matrix
        buys = sp.csr_array(bought @ self._covers)
        total = np.zeros(buys.shape[1])
        np.add.at(total, buys.indices, buys.data.astype(np.float64))
        self.popularity_ = (total + 0.5) / (len(history.customers) + 1.0)
        self.similarity_ = self._similarity(bought)
        # popularity adds as much to scores as neighbours do, on average
        added = np.abs((bought @ self.similarity_).data).sum(dtype=np.float64)
        added = added / max(bought.shape[0], 1) or 1.0
        self._prior = (self.popularity_ / self.popularity_.sum() * added).astype(np.float32)

    def _items(self, history: PurchaseHistory) -> pa.Array:
        """Return the ids of the history's items and the assortment's products; of the items alone for a similarity."""
        if self.similarity is not None:
            return history.items
        self.assortment.among(history.items)  # refuses ids of another type
        ids = [array for array in (history.items, self.assortment.products) if len(array)]
        return tables.ranks(pa.concat_arrays(ids))[1]

    def _similarity(self, bought: sp.csr_array) -> sp.csr_array:
        """Return the similarity that is given, or that of what was bought."""
        if self.similarity is None:
            return offer_neighbours(bought, self._covers, keep=self.neighbours)
        found = sp.csr_array(self.similarity)
        if found.shape != self._covers.shape:
            raise InvalidInput(
                f"similarity: expected {self._covers.shape[0]:,} items of the history x {self._covers.shape[1]:,} "
                f"offers, got {found.shape}"
            )
        return found

    def _read(self, customers: CustomerRange) -> WeightedPurchases:
        """Return what customers bought, weighted."""
        check_like_fitted(customers.history, self._statistics)
        weight = (self.repeat_rate_**self.power).astype(np.float32)
        scorer = None
        if self.personal is not None:
            scorer = self.personal.scorer(customers.history, self._statistics)
        return customers.read(self.items_, weight, self.half_life, scorer)

    def _chooser(self) -> OfferChooser:
        kinds = self._kind, self.assortment.offer_kind
        return OfferChooser(
            self.similarity_, self.quota, own=self._covers, kinds=kinds, prior=self._prior, backend=self.backend
        )  # fmt: skip

    def _chosen_features(self, history: PurchaseHistory) -> tuple[TopOffers, NDArray[np.float32]]:
        """Return what the first stage chooses, and what the odds of buying it are fitted on."""
        bought = self._read(CustomerRange.whole(history))
        chosen = self._chooser().choose(bought.matrix, own_weight=bought.own_weight)
        return chosen, odds_features(chosen, self.popularity_, bought.trips)
