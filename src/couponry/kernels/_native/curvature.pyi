import numpy as np
from numpy.typing import NDArray

from ..contract import (
    Changes,
    ChangesByRow,
    LossWeights,
    NearChanges,
    Shard,
)
from ..steps_contract import PriceSteps, StepModel, StepSearch

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
    reach: NDArray[np.int64],
    begins: NDArray[np.int64],
    entry: NDArray[np.int64],
    end: NDArray[np.int64],
    products: NDArray[np.int64],
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
def mirror_products(
    count: NDArray[np.int64],
    half_column: NDArray[np.int32],
    half_product: NDArray[np.float64],
    indptr: NDArray[np.int64],
    column: NDArray[np.int32],
    product: NDArray[np.float64],
    *,
    unchecked: bool = False,
) -> int: ...
def minimise_in_box(
    model: StepModel,
    gradient: NDArray[np.float64],
    search: StepSearch,
    step: NDArray[np.float64],
    promised: NDArray[np.float64],
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
def quasi_newton_step(
    steps: NDArray[np.float64],
    turned: NDArray[np.float64],
    free: NDArray[np.uint8],
    slope: NDArray[np.float64],
    least_curvature: float,
    step: NDArray[np.float64],
    *,
    unchecked: bool = False,
) -> None: ...
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
