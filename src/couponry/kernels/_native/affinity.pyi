import numpy as np
from numpy.typing import NDArray

from ..affinity_contract import (
    Chosen,
    OfferScoring,
    Pairs,
    Trees,
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
def own_neighbours(
    ptr: NDArray[np.int64],
    item: NDArray[np.int32],
    weight: NDArray[np.float32],
    similarity: NDArray[np.float32],
    out: NDArray[np.float32],
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
def _use_instruction_set(name: str) -> None: ...
