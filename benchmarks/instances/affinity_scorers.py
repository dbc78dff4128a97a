"""What ranks items of a split: simple scores, couponry's models, and next-basket methods of others."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
from benchmarks.instances.affinity_data import Level
from benchmarks.instances.affinity_split import Scores, Split
from benchmarks.peers.baskets import Baskets
from benchmarks.peers.tifu_knn import TifuKnn
from benchmarks.peers.up_cf import UpCf
from numpy.typing import NDArray

from couponry import Campaign, Targeting
from couponry.affinity import DiscoveryModel, JointModel, PersonalModel, RepeatScore
from couponry.data.roles import ROLES

NOTHING: Scores = (np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0))
HALF_LIVES = (8.0, 16.0, 32.0)
REPEAT, PLAIN = "decay x repeat rate", "PersonalModel, plain logistic"
QUOTA = {"reward": 40, "activation": 0, "innovation": 12}


@dataclass
class Choices:
    """Settings that were chosen on earlier cuts.

    Attributes
    ----------
    tifu, up_cf
        Of the methods of others.
    half_life : float, optional
        Of the simple score; None: chosen for each split where the window before it is predicted.
    """

    tifu: TifuKnn = field(default_factory=TifuKnn)
    up_cf: UpCf = field(default_factory=UpCf)
    half_life: float | None = None


@dataclass(frozen=True)
class Scored:
    """Scores of a split.

    Attributes
    ----------
    lists : Scores
        What lists are ordered by.
    begun : Scores, optional
        Those of pairs that are new to the household; None: those among `lists` count.
    probabilities : dict of str to Scores
        Probabilities to buy within the window, by what the pairs are.
    """

    lists: Scores
    begun: Scores | None = None
    probabilities: dict[str, Scores] = field(default_factory=dict)


def repeat_score(split: Split, half_life: float) -> Scores:
    """Decayed purchases x the item's repeat rate ** 0.5."""
    score = RepeatScore(half_life).fit(split.history).score(split.history)
    return split.own(score)


def best_half_life(level: Level, last: int, weeks: int) -> float:
    """The half-life that ranks best after an earlier week; 16 weeks where there is none."""
    if last < 1 or not level.sold_in(last + 1):
        return 16.0
    split = Split(level, last, weeks)
    found = {life: split.judge(*repeat_score(split, life))["ndcg@20"] for life in HALF_LIVES}
    return max(found, key=lambda life: found[life])


def _popularity(split: Split, choices: Choices) -> Scored:
    return Scored(NOTHING)


def _repeat(split: Split, choices: Choices) -> Scored:
    half_life = choices.half_life
    if half_life is None:
        half_life = best_half_life(split.level, split.last - split.weeks, split.weeks)
    return Scored(repeat_score(split, half_life))


def _personal(**arguments: Any) -> Callable[[Split, Choices], Scored]:
    def scored(split: Split, choices: Choices) -> Scored:
        model = PersonalModel(split.groups, **arguments).fit(split.windows)
        owned = split.own(model.score(split.history))
        return Scored(owned, probabilities={"bought before": owned})

    return scored


def _joint(split: Split, choices: Choices) -> Scored:
    models = PersonalModel(split.groups), DiscoveryModel(split.groups)
    found = JointModel(*models).fit(split.windows).score(split.history)
    assert found.items.equals(split.history.items)
    customer = split.truth.place[found.customer]

    def of(role: NDArray[np.bool_], score: NDArray[np.floating]) -> Scores:
        return customer[role], found.item[role], score[role]

    by_place = 1.0 / (1.0 + found.rank)
    probabilities = {
        name: of(found.role == number, found.probability) for number, name in enumerate(ROLES)
    }
    return Scored(
        of(found.role >= 0, by_place), of(found.role > 0, found.probability), probabilities
    )


def _tifu(split: Split, choices: Choices) -> Scored:
    return Scored(choices.tifu.scores(split, Baskets.before(split)))


def _up_cf(split: Split, choices: Choices) -> Scored:
    return Scored(choices.up_cf.scores(split, Baskets.before(split)))


def one_call(split: Split, offered: NDArray[np.int64]) -> Scores:
    """Candidates of `Campaign.from_transactions`, an offer an item, by their response.

    Parameters
    ----------
    split : Split
    offered : ndarray of int64
        Items that there are offers for, ascending.
    """
    level, history = split.level, split.history
    rows = level.purchases[level.purchases["week"] <= split.last].drop(columns=["week", "basket"])
    transactions = pa.Table.from_pandas(
        rows.rename(columns={"item": "product"}), preserve_index=False
    )
    items = history.items.take(pa.array(offered))
    found: Any = Campaign.from_transactions(
        pa.table({"offer": items, "product": items}),
        transactions,
        products=level.groups.rename_columns(["product", *level.groups.column_names[1:]]),
        targeting=Targeting(**QUOTA, window=split.weeks, until=history.until),
    ).candidates
    place = dict(zip(history.customers.to_pylist(), split.truth.place.tolist(), strict=True))
    customer = np.repeat([place[one] for one in found.customers.to_pylist()], np.diff(found.indptr))
    return customer, offered[found.offer.astype(np.int64)], found.columns["response"]


SCORERS: dict[str, Callable[[Split, Choices], Scored]] = {
    "popularity": _popularity,
    REPEAT: _repeat,
    "TIFU-KNN": _tifu,
    "UP-CF": _up_cf,
    PLAIN: _personal(guarded=False, trees=False, by_customer=True),
    "PersonalModel, no trees": _personal(trees=False),
    "PersonalModel, no near items": _personal(near_items=False),
    "PersonalModel": _personal(),
    "JointModel": _joint,
}
