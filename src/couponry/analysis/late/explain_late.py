"""Explains what one late customer was given."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ...data.roles import ROLES
from ...model.campaign_data import CampaignData
from ...model.compiled_campaign import compile_campaign
from ..customer_subproblem import CustomerSubproblem
from ..decisions import Explanation
from ..explain import number_of_customer
from ..explain_files import rows_of_customer
from ..reasons import Reasons
from .batch import LateBatch
from .price_list import row_names
from .room import Room


def explain_late(
    batch: LateBatch,
    flags: NDArray[np.bool_],
    raised: NDArray[np.float64],
    room: Room,
    customer: Any,
) -> Explanation:
    """Explain why a late customer got these coupons and not others.

    Parameters
    ----------
    batch : LateBatch
        Who was decided.
    flags : ndarray of bool, shape (n_candidates,)
        What was given.
    raised : ndarray of float64, shape (n_rows,)
        By how much prices were raised.
    room : Room
        What has been used of each limit.
    customer : int or str
        Its id.

    Returns
    -------
    Explanation

    Raises
    ------
    InvalidInput
        If it was not decided.
    """
    terms = batch.terms
    number = number_of_customer(batch.candidates.customers, customer)
    campaign = _campaign_of_one(batch, number)
    compiled = compile_campaign(campaign, terms.backend, refuse=False)
    known = {name: row for row, name in enumerate(row_names(terms.limits))}
    rows = np.array([known[name] for name in row_names(compiled.limits)], np.int64)
    prices, activity = (terms.price + raised)[rows], (terms.activity + room.used())[rows]
    seed = terms.prices.agreed.seed
    subproblem = CustomerSubproblem.at_prices(compiled.problem, 0, prices, terms.backend, seed)
    own = slice(*batch.indptr[[number, number + 1]].tolist())
    who = campaign.candidates.customers[0].as_py()
    reasons = Reasons(
        campaign, who, subproblem, compiled.limits, flags[own], activity, "what limits have left"
    )
    return reasons.explanation(0)


def _campaign_of_one(batch: LateBatch, number: int) -> CampaignData:
    """The campaign with one late customer alone."""
    agreed, candidates = batch.terms.prices.agreed, batch.candidates
    own = slice(*batch.indptr[[number, number + 1]].tolist())
    whom = candidates.customers[number]
    columns: dict[str, Any] = {
        "customer": pa.repeat(whom, own.stop - own.start),
        "offer": batch.terms.offer_ids.take(pa.array(candidates.offer[own])),
        **{name: column[own] for name, column in candidates.columns.items()},
    }
    if candidates.role is not None:
        columns["role"] = [(None, *ROLES)[code] for code in candidates.role[own]]
    if candidates.mandatory is not None:
        columns["mandatory"] = candidates.mandatory[own].astype(bool)
    customers, history = (
        None if table is None else rows_of_customer(table, what, whom.as_py())
        for table, what in ((batch.customers, "customers"), (batch.history, "history"))
    )
    return CampaignData.make(
        agreed.offers,
        pa.table(columns),
        customers,
        history,
        rules=agreed.rules,
        limits=agreed.limits,
        value=agreed.value,
        name=agreed.name,
    )
