from typing import Any

import numpy as np
from numpy.typing import NDArray

def number_offers(
    ids: NDArray[np.int32] | NDArray[np.int64],
    least: int,
    number: NDArray[np.int32],
    offer: NDArray[np.uint16] | NDArray[np.uint32],
    *,
    unchecked: bool = False,
) -> int: ...
def find_customers(
    customer: NDArray[np.int32] | NDArray[np.int64],
    offer: NDArray[np.uint16] | NDArray[np.uint32],
    start: NDArray[np.int64],
    *,
    unchecked: bool = False,
) -> int: ...
def find_outside(
    values: NDArray[Any], low: float, high: float, *, unchecked: bool = False
) -> int: ...
