"""Quality of scores on the Complete Journey: weeks 49-52 predicted from 1-48; models chosen on 45-48 from 1-44."""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from typing import Any

import _paths  # noqa: F401
import numpy as np
from benchmarks.instances.affinity_data import Level, levels
from benchmarks.instances.affinity_split import Split
from benchmarks.support.hardware import describe
from numpy.typing import NDArray

from couponry.affinity import (
    DiscoveryModel,
    JointModel,
    PersonalModel,
    PurchaseHistory,
    RepeatScore,
)
from couponry.data.roles import ROLES
from couponry.utils.threads import thread_count

TUNING, TEST = 44, 48
HALF_LIVES = (8.0, 16.0, 32.0)
NOTHING = (np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--level", choices=["product", "type"], action="append")
    parser.add_argument(
        "--part", choices=["personal", "new"], help="default: both, and them together"
    )
    arguments = parser.parse_args()
    report: dict[str, Any] = describe(thread_count())
    data = levels()
    report["rows"] = len(data["product"].purchases)
    for name in arguments.level or list(data):
        report[name] = _level(data[name], arguments.part)
    print(json.dumps(report, indent=1))


def _level(level: Level, part: str | None) -> dict[str, Any]:
    test = Split(level, TEST)
    report: dict[str, Any] = {"popularity": test.judge(*NOTHING)}
    if part != "new":
        by_customer = _personal(Split(level, TUNING), test, report)
    if part != "personal":
        _new(test, report)
    if part is None:
        report["joint list"] = _joint(test, by_customer)
    return report


def _personal(tuning: Split, test: Split, report: dict[str, Any]) -> bool:
    """What is bought again: the half-life, and whether customers count the same, are chosen on the tuning window."""

    half_life = _best(
        HALF_LIVES, lambda life: tuning.judge(*tuning.own(_repeat(life, tuning.history)))
    )
    report["decay x repeat rate"] = {
        "half_life": half_life,
        **test.judge(*test.own(_repeat(half_life, test.history))),
    }

    def tried(by_customer: bool) -> dict[str, float]:
        model, _ = _fitted(PersonalModel, tuning, by_customer)
        return tuning.judge(*tuning.own(model.score(tuning.history)))

    by_customer = _best((False, True), tried)
    personal, seconds = _fitted(PersonalModel, test, by_customer)
    owned = test.own(personal.score(test.history))
    report["personal"] = {
        "by_customer": by_customer,
        "features": len(personal.names_),
        "fit_seconds": seconds,
        **test.judge(*owned),
        "calibration": calibration(owned[2], test.happened),
    }
    return by_customer


def _new(test: Split, report: dict[str, Any]) -> None:
    discovery, seconds = _fitted(DiscoveryModel, test, True)
    found = discovery.score(test.history)
    begun = (test.truth.place[found.customer], found.item, found.score)
    report["new items"] = {
        "features": len(discovery.names_),
        "fit_seconds": seconds,
        **test.judge_new(*begun),
        "coverage": round(
            float(np.isin(test.new.keys, begun[0] * test.new.items + begun[1]).mean()), 4
        ),
        "popularity": test.judge_new(*NOTHING),
    }


def _joint(test: Split, by_customer: bool) -> dict[str, Any]:
    """Both in one list; predicted purchases over those that happened by role."""
    models = PersonalModel(test.groups, by_customer=by_customer), DiscoveryModel(test.groups)
    joint = JointModel(*models).fit(test.windows)
    found = joint.score(test.history)
    customer = test.truth.place[found.customer]
    happened = np.isin(customer * test.truth.items + found.item, test.truth.keys)
    sums = {
        name: round(float(found.probability[mine].sum() / happened[mine].sum()), 3)
        for name, mine in ((name, found.role == role) for role, name in enumerate(ROLES))
        if happened[mine].any()
    }
    return {
        **test.judge(customer, found.item, 1.0 / (1.0 + found.rank)),
        "shift of new items": joint.shift_.log_odds,
        "predicted / happened": sums,
    }


def _repeat(life: float, history: PurchaseHistory) -> NDArray[np.float32]:
    return RepeatScore(life).fit(history).score(history)


def _fitted(kind: Any, split: Split, by_customer: bool) -> tuple[Any, float]:
    started = time.perf_counter()
    model = kind(split.groups, by_customer=by_customer).fit(split.windows)
    return model, round(time.perf_counter() - started, 1)


def _best(choices: Any, judge: Callable[[Any], dict[str, float]]) -> Any:
    """The choice whose recall and NDCG together are best on the tuning window."""
    found = {choice: judge(choice) for choice in choices}
    return max(found, key=lambda choice: found[choice]["recall@20"] + found[choice]["ndcg@20"])


def calibration(score: NDArray[np.floating], happened: NDArray[np.bool_]) -> list[dict[str, float]]:
    """Predicted against what happened, by tenths of the probability's logarithm."""
    order = np.argsort(score, kind="stable")
    return [
        {
            "pairs": len(part),
            "predicted": round(float(score[part].mean()), 5),
            "happened": round(float(happened[part].mean()), 5),
        }
        for part in np.array_split(order, 10)
    ]


if __name__ == "__main__":
    main()
