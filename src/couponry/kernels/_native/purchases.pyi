import numpy as np
from numpy.typing import NDArray

from ..affinity_contract import GroupedRows, PurchaseColumns, PurchaseRows

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
