import numpy as np
from numpy.typing import NDArray

from ..contract import Rules, Shard
from ..late_contract import Late
from ..undecided_contract import Undecided

def span(
    item: NDArray[np.uint16] | NDArray[np.uint32],
    values: NDArray[np.float32] | NDArray[np.float64],
    low: NDArray[np.float64],
    high: NDArray[np.float64],
    unchecked: bool = False,
) -> None: ...
def quantise(
    item: NDArray[np.uint16] | NDArray[np.uint32],
    values: NDArray[np.float32] | NDArray[np.float64],
    low: NDArray[np.float64],
    step: NDArray[np.float64],
    quantity: NDArray[np.uint16],
    fine: NDArray[np.uint8],
    error: NDArray[np.float64],
    fine_error: NDArray[np.float64],
    unchecked: bool = False,
) -> None: ...
def noise(
    shard: Shard,
    seed: int,
    start: int,
    stop: int,
    out: NDArray[np.uint16],
    *,
    unchecked: bool = False,
) -> None: ...
def evaluate(
    shard: Shard,
    rules: Rules,
    price: NDArray[np.float32],
    seed: int,
    start: int,
    stop: int,
    usage: NDArray[np.int64],
    chosen: NDArray[np.uint8],
    unit: int,
    cut: NDArray[np.int64],
    *,
    unchecked: bool = False,
) -> None: ...
def fix_choices(
    shard: Shard,
    rules: Rules,
    price: NDArray[np.float32],
    start: int,
    stop: int,
    bits: NDArray[np.uint8],
    threshold: NDArray[np.float32],
    fine: NDArray[np.uint8],
    usage: NDArray[np.int64],
    fine_usage: NDArray[np.int64],
    is_free: NDArray[np.uint8],
    chosen: NDArray[np.uint8],
    *,
    unchecked: bool = False,
) -> None: ...
def find_undecided(
    shard: Shard,
    upper: NDArray[np.int32],
    price: NDArray[np.float32],
    chosen: NDArray[np.uint8],
    bar: NDArray[np.float32],
    start: int,
    stop: int,
    undecided: Undecided,
    *,
    unchecked: bool = False,
) -> int: ...
def choose_undecided(
    undecided: Undecided,
    price: NDArray[np.float32],
    usage: NDArray[np.int64],
    *,
    unchecked: bool = False,
) -> None: ...
def prepare(late: Late, *, unchecked: bool = False) -> object: ...
def decide(late: object, start: int, stop: int, *, unchecked: bool = False) -> int: ...
def copy_runs(
    source: NDArray[np.uint8],
    begin: NDArray[np.int64],
    ptr: NDArray[np.int64],
    start: int,
    stop: int,
    out: NDArray[np.uint8],
    *,
    unchecked: bool = False,
) -> None: ...
def hash_blocks(
    words: NDArray[np.uint64],
    key: NDArray[np.uint64],
    out: NDArray[np.uint64],
    *,
    unchecked: bool = False,
) -> None: ...
def read_bytes(array: NDArray[np.uint8], start: int, stop: int) -> int: ...
def compiler() -> str: ...
def instruction_set() -> str: ...
def instruction_sets() -> list[str]: ...
def _use_instruction_set(name: str) -> None: ...
