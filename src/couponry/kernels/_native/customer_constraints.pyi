import numpy as np
from numpy.typing import NDArray

from ..rules_contract import RuleSpec

def compile_constraints(
    indptr: NDArray[np.int64],
    item: NDArray[np.uint16] | NDArray[np.uint32],
    spec: RuleSpec,
    start: int,
    stop: int,
    ptr: NDArray[np.int64],
    constraints: NDArray[np.int64],
    *,
    unchecked: bool = False,
) -> int: ...
