"""A campaign as the solver takes it: items, rules and limits compiled to one problem over packed candidates."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from ..kernels import Backend, Shard
from ..solver.problem import Problem
from ..utils.errors import InvalidInput
from .campaign_data import CampaignData
from .compiling.compile_limits import CompiledLimits, compile_limits
from .compiling.compile_rules import CompiledRules, compile_rules
from .compiling.measures import Amount, Amounts
from .contact_history import ContactHistory
from .customers import Customers
from .items import Items, items_of


@dataclass(frozen=True, eq=False)
class CompiledCampaign:
    """What `compile_campaign` makes of a campaign.

    Attributes
    ----------
    campaign : CampaignData
        What it was made of.
    items : Items
    item : ndarray of uint16 or uint32, shape (n_candidates,)
        Item of each candidate.
    value : Amount
        The objective.
    limits : CompiledLimits
    rules : CompiledRules
    problem : Problem
        What the solver takes.
    amounts : Amounts
        Looks further columns up.
    """

    campaign: CampaignData
    items: Items
    item: NDArray[np.uint16] | NDArray[np.uint32]
    value: Amount
    limits: CompiledLimits
    rules: CompiledRules
    problem: Problem
    amounts: Amounts = field(repr=False)

    def coupon_values(self, name: str, chosen: NDArray[np.int64]) -> NDArray[np.float64] | None:
        """Look up a column for some candidates.

        Parameters
        ----------
        name : str
        chosen : ndarray of int64, shape (n_chosen,)
            Positions of the candidates.

        Returns
        -------
        ndarray of float64, shape (n_chosen,), or None
            None where the campaign has no such column.
        """
        try:
            amount = self.amounts.of(name, name)
        except InvalidInput:
            return None
        total = amount.constant[self.item[chosen]]
        for attribute, slope in amount.slopes.items():
            values = self.amounts.attributes[attribute].values[chosen]
            total = total + slope[self.item[chosen]] * values
        return total


def compile_campaign(campaign: CampaignData, backend: Backend) -> CompiledCampaign:
    """Compile a campaign to a problem for the solver.

    Parameters
    ----------
    campaign : CampaignData
    backend : Backend
        Packs candidates; every backend packs them to the same bits.

    Returns
    -------
    CompiledCampaign
        Of this campaign.

    Raises
    ------
    InvalidInput
        With one line that names the rule, limit, table or column that is wrong.
    """
    candidates = campaign.candidates
    items, item = items_of(candidates, campaign.offers, campaign.tells_roles_apart)
    customers = Customers(campaign.customers, candidates.customers)
    amounts = Amounts(items, item, candidates, backend)
    value = amounts.of(campaign.value, "objective")
    limits = compile_limits(campaign.limits, value, items, amounts, customers)
    history = ContactHistory(
        campaign.history, candidates.customers, campaign.offers, campaign.rules
    )
    rules = compile_rules(campaign.rules, items, item, candidates, customers, history, backend)
    packed = amounts.packed()
    problem = Problem(
        shard=Shard(0, candidates.indptr, item, packed.quantity, limits.segment),
        rules=rules.rules,
        attributes=tuple(attribute.values for attribute in amounts.attributes.values()),
        low=packed.low,
        step=packed.step,
        error=packed.error,
        quantity_of=packed.quantity_of,
        fine=packed.fine,
        fine_error=packed.fine_error,
        objective=limits.objective,
        rows=limits.rows,
        lower=limits.lower,
        upper=limits.upper,
        penalty=limits.penalty,
        integer=limits.integer,
        rule_names=rules.names,
    )
    return CompiledCampaign(campaign, items, item, value, limits, rules, problem, amounts)
