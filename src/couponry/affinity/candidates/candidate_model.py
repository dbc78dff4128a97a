"""CandidateModel: the top offers of each role for any number of customers, and how likely each is, in blocks."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import chain
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ...data.candidate_batches import CandidateBlocks
from ...data.candidate_rows import CandidateRows
from ...data.roles import ROLES
from ...data.sizes.memory_estimate import BASE_BYTES
from ...utils.arrays.working_memory import WorkingMemory
from ...utils.errors import InvalidInput
from ...utils.lazy_imports import sparse as sp
from ...utils.memory import parse_size, size_text
from ...utils.parallel import parallel_map, worker_count
from ..history.item_statistics import ItemStatistics
from ..history.purchase_history import PurchaseHistory
from ..history.ranged_history import RangedHistory
from ..parameters import Parameters
from ..response.response_model import ResponseModel
from ..scores.discovery.known_items import KnownItems
from ..scores.discovery_model import DiscoveryModel
from ..scores.features import check_like_fitted
from ..scores.logistic import LogisticRegression
from ..scores.own.pair_model import PairModel, PairScorer
from ..scores.personal.personal_model import PersonalModel
from ..scores.training_windows import Window, check_windows
from .assortment import Assortment
from .candidate_values import candidate_values, value_notes
from .choosing.offer_chooser import OfferChooser
from .choosing.role_inputs import checked_quotas
from .new_offers import NewOffers
from .offer_knowledge import (
    SHARE_OF_POPULARITY,
    LinksToOffers,
    fit_models,
    have_offers,
    offer_scorer,
    similarity_of,
)
from .outcomes import RoleOdds, bought_later
from .response_odds import ResponseOdds, odds_features
from .scored_customers import Scored, scored_parts
from .top_offers import TopOffers
from .weighted_purchases import (
    CustomerRange,
    Histories,
    WeightedPurchases,
    each_history,
    memory_of_blocks,
)


class CandidateModel(Parameters):
    """Choose the offers that each customer may get, each with its role and a probability of response.

    First the top offers of each role are chosen (`OfferChooser`): rewards by the decayed frequency of what the customer
    bought of the offer's products, each times its repeat rate ** power (as in `RepeatScore`), or by a PersonalModel;
    activations and innovations by neighbours of what the customer bought lately (`offer_neighbours`), and by
    popularity; with a DiscoveryModel half as many again by its neighbours, of which it takes the likeliest. Then p0 is
    predicted: the probability that the customer buys, within a window, what the offer is good for. It is a logistic
    model for each role, of the score, the offer's popularity and the customer's trips, fitted on what the first stage
    chose before an earlier window of the same length. So it is calibrated for what the first stage chooses. Rewards of
    a PersonalModel keep its own probabilities.

    Parameters
    ----------
    assortment : Assortment
        What offers are good for.
    quota : mapping of str to int
        At most so many offers of each role, ``{"reward": 8, "activation": 12, "innovation": 12}``; of an assortment
        with families so many of these, and all offers of each.
    half_life : float
        In weeks; one of the histories'.
    power : float
        Exponent of the repeat rate in the scores of rewards.
    neighbours : int
        Offers that a product is taken to be like.
    similarity : sparse matrix or ndarray, shape (n_items, n_offers), optional
        Instead of what is learned; items are those of the history that the model is fitted on.
    personal : PersonalModel, or any model with its `fit` and `scorer`, optional
        Ranks rewards: by how likely the customer buys again any of what the offer is good for. Fitted with this model.
        `OwnScores` makes one of any function. Default: decayed frequency x repeat rate ** power.
    discovery : DiscoveryModel, optional
        Ranks activations and innovations: by how likely the customer begins to buy what the offer is good for. Of one
        kind of neighbours that weigh recent purchases, customers=0, trees=False: its log odds then are sums of a few
        tables (`LinearScorer`). Fitted with this model, in place of `neighbours` and `similarity`.
    response : ResponseModel, optional
        Turns p0 into the probability of redeeming a coupon. Default: the response is p0 itself.
    offer_columns : mapping of str to array, shape (n_offers,), optional
        What the response model asks for, such as `category` and `depth`.
    money : (array, array), optional
        Margin and discount of each offer, each of shape (n_offers,). Candidates then have a value, too: the least that
        the probabilities to buy without the coupon and to redeem it allow, and the most as `value_most`.
    incremental_share : float, optional
        Share of the redeemed coupons that bring a new purchase, from 0 to 1, as a group without coupons has shown. The
        value is then `incremental_value` of as many purchases more.
    backend : {"native", "numba", "reference"}, optional
        Which kernels to run; all give the same bits.

    Attributes
    ----------
    items_ : pyarrow.Array, shape (n_items,)
        Ids of the items; set by `fit`, as are all of the following.
    repeat_rate_ : ndarray of float64, shape (n_items,)
        Share of an item's buyers who bought it more than once.
    popularity_ : ndarray of float64, shape (n_offers,), or one for each family
        Purchases per customer of what the offer is good for: log(1 + decayed purchases), summed over products.
    similarity_ : csr_array of float32, shape (n_items, n_offers)
        How much a purchase of an item says for an offer.
    regressions_ : dict of str to LogisticRegression
        By role.

    Raises
    ------
    InvalidInput
        Of money without a response model, or a similarity beside families.

    Examples
    --------
    >>> import numpy as np
    >>> import pyarrow as pa
    >>> random, n = np.random.default_rng(0), 500
    >>> who, what = random.integers(0, 40, n), random.integers(0, 9, n)
    >>> rows = pa.table({"customer": who, "product": what, "week": random.integers(1, 13, n)})
    >>> parts = [rows.filter(pa.array((rows["week"].to_numpy() > 8) == late)) for late in (False, True)]
    >>> before, window = (PurchaseHistory.from_transactions(p, half_lives=[16.0]) for p in parts)
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
        discovery: DiscoveryModel | None = None,
        response: ResponseModel | None = None,
        offer_columns: Mapping[str, Any] | None = None,
        money: tuple[Any, Any] | None = None,
        incremental_share: float | None = None,
        backend: str | None = None,
    ):
        self.assortment, self.quota = assortment, quota
        self.half_life, self.power = half_life, power
        self.neighbours, self.similarity = neighbours, similarity
        self.personal, self.discovery = personal, discovery
        self.response, self.offer_columns = response, offer_columns
        self.money, self.incremental_share, self.backend = money, incremental_share, backend
        self._values = candidate_values(money, incremental_share, has_response=response is not None)
        self._families, self._among = assortment.families, assortment.chosen_among
        if self._families is not None and similarity is not None:
            raise InvalidInput("similarity: expected none for an assortment with families, got one")

    def fit(
        self,
        windows: Sequence[Window],
        known: PurchaseHistory | None = None,
        statistics: ItemStatistics | Callable[[], ItemStatistics] | None = None,
    ) -> CandidateModel:
        """Fit the model on windows of the past; some tens of thousands of customers are enough.

        Parameters
        ----------
        windows : sequence of (PurchaseHistory, PurchaseHistory)
            A history, and what was bought in the window after it.
        known : PurchaseHistory, optional
            What repeat rates, popularity and neighbours are taken from for scoring. Default: the last window's history.
        statistics : ItemStatistics or callable, optional
            What repeat rates and other statistics of items are taken from instead, or a function that returns it.

        Returns
        -------
        CandidateModel
            This model.

        Raises
        ------
        InvalidInput
            If there is no window, one is not right after its history, windows differ, or a history lacks the half-life.
        """
        check_windows(windows)
        at_the_end = windows[-1][0] if known is None else known
        learned = fit_models(self.personal, self.discovery, windows, at_the_end)
        odds = RoleOdds()
        for (history, later), knows in zip(windows, learned, strict=True):
            self._learn(history, None, knows)
            chosen, features = self._chosen_features(history)
            odds.add(chosen, features, bought_later(chosen, self._among, history, later), history)
        self.regressions_ = odds.fitted()
        if known is not None or statistics is not None:
            knows = None if self.discovery is None else self.discovery.known_
            self._learn(at_the_end, statistics() if callable(statistics) else statistics, knows)
        odds.shift(self.regressions_, at_the_end, self._chosen_features)
        return self

    def candidates(
        self,
        histories: Histories,
        source: dict[str, Any] | None = None,
        memory_limit: int | str | None = None,
    ) -> CandidateBlocks:
        """Make the candidates of any number of customers, for Campaign.

        They are made when they are asked for, block by block: ``Campaign(offers, model.candidates(history))``.

        Parameters
        ----------
        histories : PurchaseHistory or callable
            A history, or a function that lists several one after the other, customers ascending.
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
        limit, most = parse_size(memory_limit, "memory_limit"), worker_count()
        needed = BASE_BYTES + self.memory(most)
        if limit is not None and needed > limit:
            sizes = f"{len(self.items_):,} items and {self.similarity_.shape[1]:,} offers"
            raise InvalidInput(
                f"memory: making candidates of {sizes} with {most} threads needs about {size_text(needed)}, "
                f"but only {size_text(limit)} are allowed"
            )
        return CandidateBlocks(
            self.assortment.offers,
            next(each_history(histories)).customers.type,
            dict.fromkeys(self.columns, np.dtype(np.float32)),
            lambda threads, _: self.blocks(histories, min(threads, most)),
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
        depths = None if self.response is None else self.response.depths
        said = value_notes(self._values, has_response=self.response is not None)
        return said if depths is None else [*said, depths.note_]

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
        width: int = min(int(self._pool.sum()), self.similarity_.shape[1])
        width *= 1 if self._families is None else self._families.largest
        return memory_of_blocks(int(self.similarity_.nnz), len(self.items_), width, threads)

    def blocks(
        self, histories: Histories | RangedHistory, threads: int = 1
    ) -> Iterator[CandidateRows]:
        """Make candidates, some customers at a time.

        Parameters
        ----------
        histories : PurchaseHistory, callable, or RangedHistory
            As for `candidates`.
        threads : int
            Threads that work on blocks.

        Returns
        -------
        iterator of CandidateRows
            By customer: offer, role, response, and value if there is money; the same bits by any blocks and threads.
        """
        self._check_fitted()
        chooser = self._chooser()
        families, popularity = self._families, self.popularity_
        popularity = popularity if families is None else popularity[families.of_offer]
        given = self.regressions_, popularity, self.response, self.offer_columns or {}
        odds = ResponseOdds.from_models(*given, own=isinstance(self.personal, PersonalModel))
        memory = WorkingMemory()

        def make_rows(customers: CustomerRange, scorer: PairScorer | None) -> CandidateRows:
            bought = self._read(customers, scorer)
            chosen = self._chosen(chooser, bought, memory)
            chosen = chosen if families is None else families.all_of(chosen)
            ids = customers.history.customers[customers.start : customers.stop]
            p0, p1 = odds.probabilities(chosen, bought.trips, ids)
            columns = {"response": p1}
            if self._values is not None:
                columns.update(self._values.of(chosen.offer, p0, p1))
            del bought  # views of what is given back
            customers.release()
            return chosen.rows(ids, len(self.assortment.offers), columns)

        def make_part(part: Callable[[], Iterator[Scored]]) -> list[CandidateRows]:
            return [make_rows(*scored) for scored in part()]

        parts = scored_parts(histories, self._scorer)
        return chain.from_iterable(parallel_map(make_part, parts, threads))

    def _learn(
        self,
        history: PurchaseHistory,
        statistics: ItemStatistics | None = None,
        knows: KnownItems | None = None,
    ) -> None:
        """Take repeat rates, popularity and neighbours from a history, and what discovery learned."""
        items = history.items  # those that a similarity is of
        self.items_ = items if self.similarity is not None else self._among.with_products(items)
        self._covers, self._kind = self._among.among(self.items_)
        self._statistics = statistics or ItemStatistics.from_history(history)
        among = self._statistics.among(self.items_)
        self.repeat_rate_ = among.repeat_rate
        bought = self._read(CustomerRange.whole(history)).matrix
        self._pool, self._new = checked_quotas(self.quota, by_role=True), None
        if self.discovery is None or knows is None:
            similarity = similarity_of(bought, self._covers, self.similarity, self.neighbours)
            links = LinksToOffers.learned(bought, self._covers, similarity, 1.0)
        else:
            scorer = offer_scorer(self.discovery, knows, history, among, self._covers)
            links = LinksToOffers.learned(bought, self._covers, scorer.links, SHARE_OF_POPULARITY)
            self._new = NewOffers(scorer.tables._replace(prior=links.prior), self._pool)
            self._pool = self._new.pool
        self.popularity_, self.similarity_, self._prior = links

    def _scorer(self, history: PurchaseHistory) -> PairScorer | None:
        """Return what scores rewards, if a model does."""
        if isinstance(self.personal, PersonalModel):
            offered = have_offers(history.items, self.items_, self._covers)
            return self.personal.scorer(history, self._statistics, offered)
        return None if self.personal is None else self.personal.scorer(history, self._statistics)

    def _read(
        self, customers: CustomerRange, scorer: PairScorer | None = None
    ) -> WeightedPurchases:
        """Return what customers bought, weighted, and scored if there is a scorer."""
        check_like_fitted(customers.history, self._statistics)
        weight = (self.repeat_rate_**self.power).astype(np.float32)
        recent = self.discovery is not None
        return customers.read(self.items_, weight, self.half_life, scorer, recent=recent)

    def _chooser(self) -> OfferChooser:
        given: dict[str, Any] = {"own": self._covers, "prior": self._prior, "backend": self.backend}
        given["kinds"] = self._kind, self._among.offer_kind
        pool = dict(zip(ROLES, self._pool.tolist(), strict=True))
        return OfferChooser(self.similarity_, pool, **given)

    def _chosen(
        self, chooser: OfferChooser, bought: WeightedPurchases, memory: WorkingMemory | None = None
    ) -> TopOffers:
        """Return the offers that customers get; in working memory, which one thread has."""
        own, threads = bought.own_weight, None if memory is None else 1
        chosen = chooser.choose(bought.matrix, own_weight=own, threads=threads, memory=memory)
        return chosen if self._new is None else self._new.likeliest(chosen, bought.matrix)

    def _chosen_features(self, history: PurchaseHistory) -> tuple[TopOffers, NDArray[np.float32]]:
        """Return what the first stage chooses, and what the odds of buying it are fitted on."""
        bought = self._read(CustomerRange.whole(history), self._scorer(history))
        chosen = self._chosen(self._chooser(), bought)
        return chosen, odds_features(chosen, self.popularity_, bought.trips)
