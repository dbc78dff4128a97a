import numpy as np
from numpy.typing import NDArray

from ..contract import LocalSearch, Rules, Shard
from ..exchanges_contract import ListedMoves, OpenRows, Rooms, RowMoves

def list_moves(
    shard: Shard,
    rules: Rules,
    search: LocalSearch,
    open_rows: OpenRows,
    start: int,
    stop: int,
    moves: ListedMoves,
    *,
    unchecked: bool = False,
) -> int: ...
def find_exchanges(
    moves: RowMoves,
    rooms: Rooms,
    width: int,
    start: int,
    stop: int,
    picked: NDArray[np.int64],
    gained: NDArray[np.float64],
    *,
    unchecked: bool = False,
) -> None: ...
