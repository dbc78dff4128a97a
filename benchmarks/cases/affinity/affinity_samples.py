"""Models fitted on a sample of the Complete Journey's households score all of them; one call beside models of all.

    python benchmarks/cases/affinity/affinity_samples.py [--level product] [--last 48] [--part sample]

Sample: PersonalModel fitted on 30 and 10 % of the households, several draws, beside one of all: predicted over actual
purchases of all and of those that it was not fitted on, and the expected calibration error of twentieths of the pairs,
of all; and the level of a draw: what its households bought in the windows that models are fitted on, over what the
model of all foretells of them. One call: NDCG at 20 of `Campaign.from_transactions` with the 3,000 most bought items as
offers, beside that of a model fitted on everybody; processor seconds of both.
"""

from __future__ import annotations

import argparse
import json
import time
from dataclasses import replace
from typing import Any

import _paths  # noqa: F401
import numpy as np
import pyarrow as pa
from benchmarks.instances.affinity_data import Level, Truth, levels, ranked
from benchmarks.instances.affinity_scorers import REPEAT, SCORERS, Choices
from benchmarks.instances.affinity_split import Scores, Split
from benchmarks.support.hardware import describe
from benchmarks.support.intervals import calibration_error
from numpy.typing import NDArray

from couponry import Campaign, Targeting
from couponry.affinity import PersonalModel
from couponry.affinity.scores.training_windows import bought_again
from couponry.utils.threads import thread_count

DRAWS = {1.0: 1, 0.3: 4, 0.1: 4}
LEVEL_DRAWS = 2000
OFFERS = 3000
TARGETING = Targeting(reward=40, activation=6, innovation=6, kind="category")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--level", choices=["product", "type"], default="product")
    parser.add_argument("--last", type=int, default=48, help="last week that is known")
    parser.add_argument("--part", choices=["sample", "one call"], help="default: both")
    arguments = parser.parse_args()
    level = levels()[arguments.level]
    report: dict[str, Any] = describe(thread_count())
    if arguments.part != "one call":
        report["sample"] = _samples(level, arguments.last)
    if arguments.part != "sample":
        report["one call"] = _one_call(level, arguments.last)
    print(json.dumps(report, indent=1))


def _samples(level: Level, last: int) -> list[dict[str, float]]:
    """Models of some households, judged on all."""
    test = Split(level, last)
    households = np.unique(level.purchases["customer"])
    owner = np.repeat(test.history.customers.to_numpy(), np.diff(test.history.indptr))
    found: list[dict[str, float]] = []
    for share, draw in ((share, draw) for share, draws in DRAWS.items() for draw in range(draws)):
        size = int(len(households) * share)
        some = np.random.default_rng(draw).choice(households, size, replace=False)
        rows = level.purchases[level.purchases["customer"].isin(some)]
        model = PersonalModel(test.groups).fit(Split(replace(level, purchases=rows), last).windows)
        score = model.score(test.history).astype(np.float64)
        others = ~np.isin(owner, some)
        if not found:
            levels = _Levels(model, test, households)
        found.append({"share": share, **_foretold(score, test.happened, others), **levels.of(some)})
    return found


class _Levels:
    """How much more than a model of all foretells households bought in the windows that models are fitted on."""

    def __init__(self, model: PersonalModel, test: Split, households: NDArray[Any]):
        self._households = households
        self._sums = np.zeros((2, len(households)))
        for history, later in test.windows:
            place = np.searchsorted(households, history.customers.to_numpy(zero_copy_only=False))
            owner = np.repeat(place, np.diff(history.indptr))
            for total, of_pairs in zip(
                self._sums, (bought_again(history, later), model.score(history)), strict=True
            ):
                total += np.bincount(owner, of_pairs.astype(np.float64), minlength=len(households))

    def of(self, some: NDArray[Any]) -> dict[str, float]:
        """The level of some households, and by how much that of as many drawn at random differs."""
        random = np.random.default_rng(99)
        size, everybody = len(some), len(self._households)
        if size == everybody:
            return {}
        drawn = [
            self._level(random.choice(everybody, size, replace=False)) for _ in range(LEVEL_DRAWS)
        ]
        level = self._level(np.searchsorted(self._households, some))
        return {"level": round(level, 3), "deviation of levels": round(float(np.std(drawn)), 4)}

    def _level(self, places: NDArray[np.int64]) -> float:
        happened, foretold = self._sums[:, places].sum(axis=1) / self._sums.sum(axis=1)
        return float(happened / foretold)


def _foretold(
    score: NDArray[np.float64], happened: NDArray[np.bool_], others: NDArray[np.bool_]
) -> dict[str, float]:
    report = {
        "predicted / happened": round(float(score.sum() / happened.sum()), 3),
        "calibration error": round(calibration_error(score, happened), 4),
    }
    if others.any():
        report["of others"] = round(float(score[others].sum() / happened[others].sum()), 3)
    return report


def _one_call(level: Level, last: int) -> dict[str, Any]:
    """Lists of one call, and of models fitted on everybody, among the same offers."""
    test = Split(level, last)
    top = np.sort(np.argsort(-test.buyers, kind="stable")[:OFFERS])
    offered = np.zeros(len(test.history.items), bool)
    offered[top] = True
    keys = test.truth.keys[offered[test.truth.keys % test.truth.items]]
    truth = Truth(keys, test.truth.items, test.truth.customers, test.truth.place)
    fill = np.where(offered, test.buyers, 0.0)

    def judged(scores: Scores) -> dict[str, float]:
        customer, item, score = (column[offered[scores[1]]] for column in scores)
        return truth.judge(ranked(truth, customer, item, score, fill))

    started = time.process_time()
    found = _candidates(level, last, test.history.items.take(pa.array(top)))
    seconds = time.process_time() - started
    place = dict(zip(test.history.customers.to_pylist(), test.truth.place.tolist(), strict=True))
    customer = np.repeat([place[one] for one in found.customers.to_pylist()], np.diff(found.indptr))
    listed = customer, top[found.offer.astype(np.int64)], found.columns["response"]
    report: dict[str, Any] = {
        "one call": {"processor_seconds": round(seconds, 1), **judged(listed)}
    }
    for name in ("JointModel", "PersonalModel", REPEAT):
        started = time.process_time()
        scored = SCORERS[name](test, Choices(half_life=16.0))
        seconds = round(time.process_time() - started, 1)
        report[name] = {"processor_seconds": seconds, **judged(scored.lists)}
    return report


def _candidates(level: Level, last: int, items: pa.Array) -> Any:
    """Candidates of one call, an offer an item."""
    rows = level.purchases[level.purchases["week"] <= last].drop(columns=["week", "basket"])
    products = level.groups.rename_columns(["product", *level.groups.column_names[1:]])
    return Campaign.from_transactions(
        pa.table({"offer": items, "product": items}),
        pa.Table.from_pandas(rows.rename(columns={"item": "product"}), preserve_index=False),
        products=products,
        targeting=TARGETING,
    ).candidates


if __name__ == "__main__":
    main()
