"""Trains trees by LightGBM and reads them into the arrays that the kernels score."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...kernels.affinity_contract import MOST_LEAVES, Trees
from ...utils.progress.own_thread import on_own_thread
from ...utils.progress.watch import check_cancelled, go_on
from .lightgbm_library import Booster

MISSING = 'BoostedTrees are trained by the package lightgbm: pip install "couponry[trees]"'

SETTINGS = {
    "objective": "binary",
    "boost_from_average": False,
    "use_missing": False,
    "bagging_freq": 1,
    # the same bits by any number of threads: a feature's histogram is summed by one of them, in the order of the rows
    "deterministic": True,
    "force_col_wise": True,
    "enable_bundle": False,  # of columns that are hardly ever other than 0 at once: here there are hardly any
    "verbosity": -1,
    "bin_construct_sample_cnt": 20_000,  # a tenth of LightGBM's: bins are found in half the time
}
"""What LightGBM is always told."""


def is_installed() -> bool:
    """Return whether trees can be trained.

    Returns
    -------
    bool
    """
    return find_spec("lightgbm") is not None


def train_trees(
    features: NDArray[np.float32],
    outcome: NDArray[np.bool_],
    weight: NDArray[np.float32],
    start: NDArray[np.float64],
    trees: int,
    settings: dict[str, Any],
) -> tuple[Trees, NDArray[np.float64]]:
    """Train trees of at most 32 leaves on finite features.

    Parameters
    ----------
    features : ndarray of float32, shape (n_rows, n_features)
    outcome : ndarray of bool, shape (n_rows,)
    weight : ndarray of float32, shape (n_rows,)
    start : ndarray of float64, shape (n_rows,)
        Log odds that the trees start from.
    trees : int
        How many, at most.
    settings : dict
        Parameters of LightGBM beside `SETTINGS`.

    Returns
    -------
    Trees
    gain : ndarray of float64, shape (n_features,)
        What splits by each feature took off the loss.

    Raises
    ------
    ImportError
        If LightGBM is not installed.
    """
    check_cancelled()
    given = features, outcome, weight, start, {**SETTINGS, **settings}
    try:  # seconds, within which it asks nobody whether it should go on
        begun = on_own_thread(lambda: Booster(*given))
    except ImportError as error:
        raise ImportError(MISSING) from error
    with begun as booster:
        for tree in range(1, trees + 1):
            booster.add_tree()
            go_on("fit", f"tree {tree} of {trees}", tree / trees)
        return read_trees(booster.dump(), features.shape[1])


def read_trees(model: dict[str, Any], features: int) -> tuple[Trees, NDArray[np.float64]]:
    """Read trees from what LightGBM's ``Booster.dump_model`` returns.

    Parameters
    ----------
    model : dict
        Trees of numbers without missing values.
    features : int
        How many there are.

    Returns
    -------
    Trees
        They send every row of float32 numbers down the same way.
    gain : ndarray of float64, shape (n_features,)
        What splits by each feature took off the loss.
    """
    nodes: list[tuple[int, float, int, float]] = []
    ends = [0]
    value = np.zeros((len(model["tree_info"]), MOST_LEAVES))
    for t, tree in enumerate(model["tree_info"]):
        leaves: list[float] = []
        _read_from(tree["tree_structure"], nodes, leaves)
        ends.append(len(nodes))
        value[t, : len(leaves)] = leaves
    feature = np.array([node[0] for node in nodes], np.int32)
    threshold = rounded_down(np.array([node[1] for node in nodes], np.float64))
    mask = np.array([node[2] for node in nodes], np.uint32)
    gain: NDArray[np.float64] = np.zeros(features)
    np.add.at(gain, feature, [node[3] for node in nodes])
    return Trees(np.array(ends, np.int64), feature, threshold, mask, value), gain


def _read_from(
    node: dict[str, Any], nodes: list[tuple[int, float, int, float]], leaves: list[float]
) -> None:
    """Append the inner nodes, as feature, threshold, mask and gain, and the leaves from a node on."""
    if "leaf_value" in node:
        leaves.append(node["leaf_value"])
        return
    if node["decision_type"] != "<=" or node["missing_type"] != "None":
        raise ValueError(
            f"expected splits of numbers without missing values, got {node['decision_type']!r}, "
            f"{node['missing_type']!r}"
        )
    first = len(leaves)
    _read_from(node["left_child"], nodes, leaves)
    to_the_left = (1 << len(leaves)) - (1 << first)
    mask = 0xFFFFFFFF ^ to_the_left
    nodes.append((node["split_feature"], node["threshold"], mask, node["split_gain"]))
    _read_from(node["right_child"], nodes, leaves)


def rounded_down(thresholds: NDArray[np.float64]) -> NDArray[np.float32]:
    """Return the largest float32 up to each threshold: the same float32 values are above it.

    Parameters
    ----------
    thresholds : ndarray of float64, shape (n,)

    Returns
    -------
    ndarray of float32, shape (n,)
    """
    with np.errstate(over="ignore"):  # beyond all float32: an infinity
        nearest = thresholds.astype(np.float32)
    below = np.nextafter(nearest, np.float32(-np.inf))
    return np.where(nearest > thresholds, below, nearest)
