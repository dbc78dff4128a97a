"""Rows a second and core through gradient-boosted trees, beside LightGBM's and scikit-learn's own predictions.

couponry scores LightGBM's very trees, and the sums are compared; scikit-learn's are of its own, as many and as large.
A bare read of the features is what no scoring of them beats. Seconds are those of all processors together.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")  # read at import: figures are of a core

import argparse
import copy
import json
import time
from collections.abc import Callable
from functools import partial
from importlib.util import find_spec
from typing import Any

import _paths  # noqa: F401
import lightgbm
import numpy as np
from benchmarks.support.hardware import describe, read_once
from benchmarks.support.timing import STATISTICS, Disturbance, interleaved
from numpy.typing import NDArray

from couponry.affinity import BoostedTrees
from couponry.affinity.scores.lightgbm_trees import SETTINGS, read_trees
from couponry.kernels.affinity_contract import Trees

LEAVES, LEAST_IN_LEAF, RATE = 31, 20, 0.05
BLOCK = 1 << 13  # rows that are scored at a time
CLOSE = 1e-12  # of log odds
Rows = tuple[NDArray[np.float32], NDArray[np.bool_]]


def rows_of(count: int, features: int, seed: int) -> Rows:
    """Features and outcomes that depend on some of them together, so that no tree is short of splits."""
    random = np.random.default_rng(seed)
    x = random.normal(size=(count, features)).astype(np.float32)
    x[:, ::3] = random.poisson(2.0, x[:, ::3].shape)
    signal = x[:, 0] * x[:, 1] + x[:, 2] * (x[:, 3] > 1) - x[:, 4] + x[:, 5 % features]
    return x, random.random(count) < 1.0 / (1.0 + np.exp(-0.5 * signal))


def first_trees(trees: Trees, count: int) -> Trees:
    """The first of some trees."""
    end = trees.ptr[count]
    return Trees(
        trees.ptr[: count + 1],
        trees.feature[:end],
        trees.threshold[:end],
        trees.mask[:end],
        trees.value[:count],
    )


def by_couponry(model: BoostedTrees, columns: list[NDArray[np.float32]]) -> NDArray[np.float64]:
    """Log odds of blocks of rows, one after the other."""
    return np.concatenate([model.log_odds_of_columns(block) for block in columns])


def model_of(trees: Trees, features: int) -> BoostedTrees:
    """A model of trees that were trained already."""
    model = BoostedTrees()
    model.trees_, model.names_ = trees, [f"x{i}" for i in range(features)]
    model.intercept_, model.starts_from_log_odds_ = 0.0, False
    return model


def scikit_learns(train: Rows, counts: list[int]) -> dict[int, Any]:
    """Models of as many trees; empty where scikit-learn is not installed."""
    if not find_spec("sklearn"):
        return {}
    from sklearn.ensemble import HistGradientBoostingClassifier

    most = HistGradientBoostingClassifier(
        max_iter=max(counts),
        max_leaf_nodes=LEAVES,
        min_samples_leaf=LEAST_IN_LEAF,
        learning_rate=RATE,
        early_stopping=False,
    ).fit(*train)
    found = {}
    for count in counts:
        found[count] = copy.copy(most)
        found[count]._predictors = most._predictors[:count]
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=50_000)
    parser.add_argument("--features", type=int, default=60)
    parser.add_argument("--trees", type=int, nargs="+", default=[100, 200, 400])
    parser.add_argument("--train", type=int, default=50_000, help="rows to train on")
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    train = rows_of(arguments.train, arguments.features, seed=1)
    x, _ = rows_of(arguments.rows, arguments.features, seed=2)
    columns = [
        np.ascontiguousarray(x[start : start + BLOCK].T) for start in range(0, len(x), BLOCK)
    ]
    settings = {
        **SETTINGS,
        "num_leaves": LEAVES,
        "learning_rate": RATE,
        "min_data_in_leaf": LEAST_IN_LEAF,
        "num_threads": 1,
    }
    rows = lightgbm.Dataset(*train, params=settings)
    booster = lightgbm.train(settings, rows, max(arguments.trees))
    trees, _ = read_trees(booster.dump_model(), arguments.features)
    works: dict[str, Callable[[], Any]] = {"bare read": partial(read_once, columns, 1)}
    nodes = {}
    for count in arguments.trees:
        model = model_of(first_trees(trees, count), arguments.features)
        mine = partial(by_couponry, model, columns)
        theirs = partial(booster.predict, x, raw_score=True, num_iteration=count, num_threads=1)
        apart = float(np.abs(mine() - theirs()).max())
        if apart > CLOSE:
            raise SystemExit(f"{count} trees: sums are up to {apart:.2g} apart")
        works[f"couponry, {count} trees"], works[f"lightgbm, {count} trees"] = mine, theirs
        nodes[count] = round(float(trees.ptr[count]) / count, 1)
    for count, other in scikit_learns(train, arguments.trees).items():
        works[f"scikit-learn, {count} trees"] = partial(other.decision_function, x)
    disturbance = Disturbance()
    seconds = interleaved(works, arguments.rounds, 90.0, clock=time.process_time)
    report: dict[str, Any] = {**describe(1), "inner_nodes_a_tree": nodes}
    for how, statistic in STATISTICS.items():
        report[how] = {
            "rows_a_processor_second": {
                name: round(arguments.rows / float(statistic(took)))
                for name, took in seconds.items()
            }
        }
    report["others_had"] = disturbance.shares()
    print(json.dumps(report, indent=1))


if __name__ == "__main__":
    main()
