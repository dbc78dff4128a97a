import numpy as np
from numpy.typing import NDArray

from ..affinity_contract import GroupedRows, PurchaseColumns, PurchaseRows, TextTable

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
def group_purchases(
    rows: PurchaseRows,
    rank: NDArray[np.uint32],
    first: int,
    last: int,
    grouped: GroupedRows,
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
