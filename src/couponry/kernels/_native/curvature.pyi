import numpy as np
from numpy.typing import NDArray

from ..contract import (
    Changes,
    ChangesByRow,
    LossWeights,
    NearChanges,
    PriceSteps,
    Shard,
    StepModel,
)

def count_losses(
    shard: Shard,
    chosen: NDArray[np.uint8],
    loss: NDArray[np.float32],
    weights: LossWeights,
    first_bin: int,
    start: int,
    stop: int,
    count: NDArray[np.uint32],
    *,
    unchecked: bool = False,
) -> None: ...
def list_changes(
    shard: Shard,
    chosen: NDArray[np.uint8],
    partner: NDArray[np.int64],
    loss: NDArray[np.float32],
    near: NearChanges,
    start: int,
    stop: int,
    changes: Changes,
    reach: NDArray[np.int64],
    *,
    unchecked: bool = False,
) -> int: ...
def group_changes(
    changes: Changes,
    first: int,
    last: int,
    begins: NDArray[np.int64],
    change: NDArray[np.int64],
    moved: NDArray[np.float64],
    *,
    unchecked: bool = False,
) -> None: ...
def multiply_changes(
    changes: Changes,
    by_row: ChangesByRow,
    first: int,
    last: int,
    count: NDArray[np.int64],
    column: NDArray[np.int32],
    product: NDArray[np.float64],
    *,
    unchecked: bool = False,
) -> int: ...
def minimise_model(
    model: StepModel,
    right: NDArray[np.float64],
    step: NDArray[np.float64],
    tolerance: float,
    steps: int,
    *,
    unchecked: bool = False,
) -> int: ...
def move_prices(
    steps: PriceSteps,
    activity: NDArray[np.float64],
    start: int,
    stop: int,
    growth: float,
    shortening: float,
    longest_length: float,
    *,
    unchecked: bool = False,
) -> float: ...
