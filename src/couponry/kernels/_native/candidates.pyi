from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..contract import Packing, Shard

def number_offers(
    ids: NDArray[np.int32] | NDArray[np.int64],
    least: int,
    number: NDArray[np.int32],
    offer: NDArray[np.uint16] | NDArray[np.uint32],
    unchecked: bool = False,
) -> int: ...
def find_customers(
    customer: NDArray[np.int32] | NDArray[np.int64],
    offer: NDArray[np.uint16] | NDArray[np.uint32],
    start: NDArray[np.int64],
    unchecked: bool = False,
) -> int: ...
def find_stretches(
    customer: NDArray[np.int32] | NDArray[np.int64],
    offer: NDArray[np.uint16] | NDArray[np.uint32],
    begin: NDArray[np.int64],
    unchecked: bool = False,
) -> int: ...
def order_stretches(
    customer: NDArray[np.int64],
    begin: NDArray[np.int64],
    offer: NDArray[np.uint16] | NDArray[np.uint32],
    order: NDArray[np.int64],
    start: NDArray[np.int64],
    stretch: NDArray[np.int64],
    unchecked: bool = False,
) -> int: ...
def find_outside(values: NDArray[Any], low: float, high: float, unchecked: bool = False) -> int: ...
def price_candidates(
    shard: Shard,
    exact: NDArray[np.float64],
    packing: Packing,
    price: NDArray[np.float32],
    reduced: NDArray[np.float64],
    start: int,
    stop: int,
    quantity: NDArray[np.uint16],
    value: NDArray[np.float32],
    beyond: NDArray[np.uint8],
    *,
    unchecked: bool = False,
) -> None: ...
