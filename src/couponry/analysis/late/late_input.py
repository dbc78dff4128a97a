"""What the kernel that decides on one customer after another is given."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ...kernels import Rules, Shard
from ...kernels.late_contract import Charged, Charges, Late, LateChoice
from .room import Room
from .terms import Terms


def late_input(
    terms: Terms,
    shard: Shard,
    rules: Rules,
    exact: NDArray[np.float64],
    tables: tuple[NDArray[np.float32], NDArray[np.float64]],
    charges: Charges,
    room: Room,
    listed: int = 0,
) -> Late:
    """Put together what decides on some customers, with room for what is found.

    Parameters
    ----------
    terms : Terms
    shard : Shard
    rules : Rules
    exact : ndarray of float64, shape (n_attributes, n_candidates)
    tables : pair of ndarray
        Of `Terms.tables`.
    charges : couponry.kernels.late_contract.Charges
        By the same kinds of customers.
    room : Room
        What is charged.
    listed : int
        Entries that there is room for in the list of what is charged.

    Returns
    -------
    Late
    """
    n, quantities = len(shard.item), terms.quantities
    choice = LateChoice(
        np.zeros((quantities, n), np.uint16),
        np.zeros(n, np.float32),
        np.zeros(n, np.uint8),
        np.zeros(n, np.uint8),
        np.zeros(n, np.int32),
    )
    used, error = np.zeros((2, listed), np.int64)
    charged = Charged(np.zeros(listed, np.int32), used, error, np.zeros(1, np.int64))
    seed = terms.prices.agreed.seed
    return Late(
        shard, rules, exact, terms.packing, *tables, seed, charges, room.account, charged, choice
    )
