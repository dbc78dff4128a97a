import numpy as np
from numpy.typing import NDArray

from ..affinity_contract import GroupedStates
from ..purchases_contract import (
    GivenPurchases,
    GroupedRows,
    PurchaseBounds,
    PurchaseColumns,
    PurchaseRows,
    TextTable,
)

def order_purchases(
    columns: PurchaseColumns, rows: PurchaseRows, *, unchecked: bool = False
) -> None: ...
def place_purchases(
    columns: PurchaseColumns,
    shift: int,
    least: int,
    place: NDArray[np.int64],
    rows: PurchaseRows,
    *,
    unchecked: bool = False,
) -> None: ...
def gather_purchases(
    held: PurchaseRows,
    start: NDArray[np.int64],
    stop: NDArray[np.int64],
    at: int,
    rows: PurchaseRows,
    *,
    unchecked: bool = False,
) -> None: ...
def group_purchases(
    rows: PurchaseRows,
    rank: NDArray[np.uint32],
    first: int,
    last: int,
    grouped: GroupedRows,
    *,
    unchecked: bool = False,
) -> None: ...
def group_states(
    rows: PurchaseRows,
    rank: NDArray[np.uint32],
    first: int,
    last: int,
    factor: NDArray[np.float32],
    grouped: GroupedStates,
    *,
    unchecked: bool = False,
) -> None: ...
def count_purchases(
    rows: PurchaseRows,
    rank: NDArray[np.uint32],
    first: int,
    last: int,
    factor: NDArray[np.float32],
    until: int,
    late: NDArray[np.int64],
    counts: NDArray[np.float64],
    customers: NDArray[np.int64],
    *,
    unchecked: bool = False,
) -> None: ...
def hash_texts(
    end: NDArray[np.int64],
    data: NDArray[np.uint8],
    out: NDArray[np.uint64],
    *,
    unchecked: bool = False,
) -> None: ...
def number_texts(
    end: NDArray[np.int64],
    data: NDArray[np.uint8],
    hashed: NDArray[np.uint64],
    table: TextTable,
    number: NDArray[np.int64],
    adds: int,
    *,
    unchecked: bool = False,
) -> None: ...
def take_purchases(
    given: GivenPurchases,
    bounds: PurchaseBounds,
    columns: PurchaseColumns,
    seen: NDArray[np.uint8],
    found: NDArray[np.int64],
    *,
    unchecked: bool = False,
) -> None: ...
def count_ranges(
    customer: NDArray[np.int64],
    shift: int,
    least: int,
    count: NDArray[np.int64],
    *,
    unchecked: bool = False,
) -> None: ...
def hash_numbers(
    number: NDArray[np.int64], out: NDArray[np.uint64], *, unchecked: bool = False
) -> None: ...
