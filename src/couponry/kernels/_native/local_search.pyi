import numpy as np
from numpy.typing import NDArray

from ..contract import LocalSearch, Moves, Rules, Shard

def alternatives(
    shard: Shard,
    rules: Rules,
    price: NDArray[np.float32],
    chosen: NDArray[np.uint8],
    start: int,
    stop: int,
    partner: NDArray[np.int64],
    loss: NDArray[np.float32],
    *,
    unchecked: bool = False,
) -> None: ...
def backups(
    shard: Shard,
    rules: Rules,
    value: NDArray[np.float64],
    chosen: NDArray[np.uint8],
    seed: int,
    start: int,
    stop: int,
    rank: NDArray[np.uint8],
    instead: NDArray[np.uint8],
    *,
    unchecked: bool = False,
) -> None: ...
def regret(
    shard: Shard,
    rules: Rules,
    exact: NDArray[np.float64],
    reduced: NDArray[np.float64],
    chosen: NDArray[np.uint8],
    seed: int,
    start: int,
    stop: int,
    out: NDArray[np.float64],
    *,
    unchecked: bool = False,
) -> None: ...
def choose_exactly(
    shard: Shard,
    rules: Rules,
    exact: NDArray[np.float64],
    reduced: NDArray[np.float64],
    seed: int,
    start: int,
    stop: int,
    chosen: NDArray[np.uint8],
    unit: int,
    cut: NDArray[np.int64],
    *,
    unchecked: bool = False,
) -> None: ...
def sum_choice(
    shard: Shard,
    exact: NDArray[np.float64],
    chosen: NDArray[np.uint8],
    start: int,
    stop: int,
    usage: NDArray[np.float64],
    *,
    unchecked: bool = False,
) -> None: ...
def propose(
    shard: Shard,
    rules: Rules,
    search: LocalSearch,
    moves: Moves,
    start: int,
    stop: int,
    *,
    unchecked: bool = False,
) -> None: ...
def make_moves(
    shard: Shard,
    rules: Rules,
    search: LocalSearch,
    moves: Moves,
    looks: int,
    in_rounds: bool,
    *,
    unchecked: bool = False,
) -> tuple[int, int, float]: ...
