"""What the candidates of transactions are made from: a store of the same is used again."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

from ..data.ids import digest_of
from .candidates.candidate_model import CandidateModel
from .history.building.transactions import Transactions
from .scores import lightgbm_trees
from .targeting import Targeting

FORMAT = 5
"""Of how candidates are made: with another one here, stores of an earlier one are made again."""


def source_of(
    transactions: Transactions,
    model: CandidateModel,
    allowed: pa.Array | None,
    targeting: Targeting,
) -> dict[str, Any] | None:
    """Return what the candidates are made from.

    Parameters
    ----------
    transactions : Transactions
    model : CandidateModel
    allowed : pyarrow.Array, optional
        Ids of the customers who may be candidates.
    targeting : Targeting

    Returns
    -------
    dict, optional
        As JSON has it; None if transactions are not in files.
    """
    if transactions.files is None:
        return None
    money = [np.asarray(column, np.float32).tolist() for column in model.money or ()]
    groups = getattr(model.personal, "groups", None)
    depths = None if model.response is None else model.response.depths
    return {
        "made": FORMAT,
        "offers": digest_of(model.assortment.offers),
        "assortment": model.assortment.digest(),
        "groups": None if groups is None else groups.digest(),
        "trees": lightgbm_trees.is_installed(),
        "customers": None if allowed is None else digest_of(allowed),
        "targeting": targeting.as_dict(),
        "offer_columns": {name: list(of) for name, of in (model.offer_columns or {}).items()},
        "money": money,
        "files": transactions.files,
        **({} if depths is None else {"depths": depths.digest()}),
    }
