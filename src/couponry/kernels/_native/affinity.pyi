import numpy as np
from numpy.typing import NDArray

from ..affinity_contract import (
    Chosen,
    OfferScoring,
    Pairs,
    Trees,
)
from ..scores_contract import (
    BegunTables,
    ItemCoefficients,
    ItemValues,
    PairOdds,
    PairReadings,
    ResponseTables,
)

def fold_purchases(
    ptr: NDArray[np.int64],
    period: NDArray[np.int32],
    discounted: NDArray[np.uint8],
    spend: NDArray[np.int64],
    factor: NDArray[np.float32],
    pairs: Pairs,
    *,
    unchecked: bool = False,
) -> None: ...
def best_offers(
    scoring: OfferScoring, start: int, stop: int, chosen: Chosen, *, unchecked: bool = False
) -> None: ...
def keep_likeliest(
    quota: NDArray[np.int32], chosen: Chosen, *, unchecked: bool = False
) -> None: ...
def pair_features(
    readings: PairReadings,
    numbers: ItemValues,
    near: ItemCoefficients,
    start: int,
    stop: int,
    asked: NDArray[np.int64],
    out: NDArray[np.float32],
    *,
    unchecked: bool = False,
) -> None: ...
def pair_log_odds(
    readings: PairReadings,
    numbers: ItemValues,
    near: ItemCoefficients,
    start: int,
    stop: int,
    asked: NDArray[np.int64],
    model: PairOdds,
    out: NDArray[np.float64],
    *,
    unchecked: bool = False,
) -> None: ...
def score_begun(
    tables: BegunTables,
    indptr: NDArray[np.int64],
    item: NDArray[np.int32],
    weight: NDArray[np.float32],
    chosen: Chosen,
    *,
    unchecked: bool = False,
) -> None: ...
def response_odds(
    tables: ResponseTables,
    trips: NDArray[np.float32],
    chosen: Chosen,
    p0: NDArray[np.float32],
    p1: NDArray[np.float32],
    *,
    unchecked: bool = False,
) -> None: ...
def score_trees(
    trees: Trees,
    columns: NDArray[np.float32],
    out: NDArray[np.float64],
    *,
    unchecked: bool = False,
) -> None: ...
def add_columns(
    columns: NDArray[np.float32],
    weight: NDArray[np.float64],
    out: NDArray[np.float64],
    *,
    unchecked: bool = False,
) -> None: ...
def _use_instruction_set(name: str) -> None: ...
