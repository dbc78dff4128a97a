"""A campaign as the solver takes it: items, rules and limits compiled to one problem over packed candidates."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from ..data.earlier.previous_pairs import PREVIOUS
from ..kernels import Backend, Shard
from ..solver.packed import HeldCandidates
from ..solver.problem import Problem
from ..utils.errors import InvalidInput
from ..utils.progress.watch import check_cancelled
from .campaign_data import CampaignData
from .checking.check import statement_findings, together
from .checking.effects import Compiled, effect_findings
from .checking.finding import Finding, refuse_errors
from .checking.reach import COUNTED_CANDIDATES, Counts, candidates_of_items
from .checking.statement import Statement
from .compiling.compile_limits import CompiledLimits, compile_limits, segment_of_customers
from .compiling.compile_rules import CompiledRules, compile_rules
from .compiling.measures import Amount, Amounts
from .compiling.messages.message_costs import MessageCosts
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
    costs : MessageCosts or None
        What messages cost: the problem's candidates are the campaign's and refunds.
    findings : tuple of Finding
        What its user may not have meant; no errors.
    """

    campaign: CampaignData
    items: Items
    item: NDArray[np.uint16] | NDArray[np.uint32]
    value: Amount
    limits: CompiledLimits
    rules: CompiledRules
    problem: Problem
    amounts: Amounts = field(repr=False)
    costs: MessageCosts | None = field(default=None, repr=False)
    findings: tuple[Finding, ...] = field(default=(), repr=False)

    def effects(self, *, thorough: bool = False) -> list[Finding]:
        """List what can never bind and what has no effect.

        Parameters
        ----------
        thorough : bool
            Count the candidates of each item however many there are: a pass over all of them.

        Returns
        -------
        list of Finding
        """
        limits = self.limits
        counted = thorough or len(self.item) <= COUNTED_CANDIDATES
        of_item = candidates_of_items(self.item, len(self.items)) if counted else None
        upper = self.rules.rules.upper
        compiled = Compiled(
            items=self.items,
            amounts=self.amounts,
            value=self.value,
            limits=limits.looked_up,
            parts=[None if limits.segment_of_item is not None else own for own, _ in limits.parts],
            rules=self.campaign.rules,
            counts=Counts.of(self.campaign.indptr, limits.segment, limits.segments, upper, of_item),
            has_minimum=statement_of(self.campaign).has_minimum,
            history_coupons=self.rules.history_coupons,
            history=self.campaign.history if self.campaign.rules else None,
        )
        return list(effect_findings(compiled))

    def given(self, start: int, chosen: NDArray[np.uint8]) -> NDArray[np.int64]:
        """Find which candidates of a block of units are chosen.

        Parameters
        ----------
        start : int
            First unit of the block.
        chosen : ndarray of uint8
            As a plan has it.

        Returns
        -------
        ndarray of int64
            Their positions among the campaign's candidates, ascending.
        """
        if self.costs is not None:
            return self.costs.given(start, chosen)
        return np.asarray(self.problem.shard.indptr[start] + np.flatnonzero(chosen.view(bool)))

    def coupon_amount(self, name: str) -> Amount | None:
        """Say what a column is made of.

        Parameters
        ----------
        name : str

        Returns
        -------
        Amount or None
            None where the campaign has no such column.
        """
        try:
            return self.amounts.of(name, name)
        except InvalidInput:
            return None

    def coupon_values(
        self, names: Sequence[str], chosen: NDArray[np.int64]
    ) -> dict[str, NDArray[np.float64]]:
        """Look up columns for some candidates.

        Parameters
        ----------
        names : sequence of str
        chosen : ndarray of int64, shape (n_chosen,)
            Positions of the candidates.

        Returns
        -------
        dict of str to ndarray of float64, shape (n_chosen,)
            In the order of the names; without those that the campaign has no column for.
        """
        item = self.item[chosen].astype(np.intp)
        values: dict[str, NDArray[np.floating]] = {}
        found = {}
        for name in names:
            amount = self.coupon_amount(name)
            if amount is None:
                continue
            total = amount.constant[item]
            for attribute, slope in amount.slopes.items():
                if attribute not in values:
                    values[attribute] = self.amounts.attributes[attribute].values[chosen]
                total = total + slope[item] * values[attribute]
            found[name] = total
        return found


def _items_of(
    campaign: CampaignData, customers: Customers
) -> tuple[Items, NDArray[np.uint16] | NDArray[np.uint32]]:
    """Items of a campaign's candidates; they tell the customers' segments where those of some unit are in several."""
    units, segment = campaign.units, None
    if units is not None:
        has_roles = campaign.candidates.role is not None
        segment = segment_of_customers(
            campaign.limits, campaign.offers, customers, has_roles=has_roles
        )
        segment = None if units.differs_at(segment) is None else segment
    by_role = campaign.tells_roles_apart
    return items_of(campaign.candidates, campaign.offers, by_role, units, segment)


def _problem(
    campaign: CampaignData,
    amounts: Amounts,
    limits: CompiledLimits,
    rules: CompiledRules,
    costs: MessageCosts | None,
    item: NDArray[np.uint16] | NDArray[np.uint32],
    backend: Backend,
) -> Problem:
    """What the solver takes: candidates, and refunds of messages where these cost anything."""
    attributes, indptr, constant = [*amounts.attributes.values()], campaign.indptr, 0.0
    if costs is None:
        packed, objective = amounts.packed(), limits.objective
    else:
        attributes, indptr, item = costs.attributes(amounts), costs.with_refunds, costs.item
        packed, objective = costs.packed(attributes, backend), costs.objective(limits)
        constant = -costs.constant
    shard = Shard(0, indptr, item, packed.quantity, limits.segment)
    values = tuple(attribute.values for attribute in attributes)
    return Problem(
        packed=HeldCandidates(shard, rules.rules, values, packed.fine),
        low=packed.low,
        step=packed.step,
        error=packed.error,
        quantity_of=packed.quantity_of,
        fine_error=packed.fine_error,
        objective=objective,
        rows=limits.rows,
        lower=limits.lower,
        upper=limits.upper,
        penalty=limits.penalty,
        integer=limits.integer,
        rule_names=rules.names,
        constant=constant,
    )


def statement_of(campaign: CampaignData) -> Statement:
    """Return what is checked of a campaign before it is compiled.

    Parameters
    ----------
    campaign : CampaignData

    Returns
    -------
    Statement
    """
    return Statement(
        campaign.offers,
        (*campaign.candidate_names, *([PREVIOUS] if campaign.previous else [])),
        campaign.customers,
        campaign.history,
        campaign.rules,
        campaign.limits,
        campaign.value,
        campaign.candidates.notes,
    )


def compile_campaign(
    campaign: CampaignData, backend: Backend, *, refuse: bool = True
) -> CompiledCampaign:
    """Compile a campaign to a problem for the solver.

    Parameters
    ----------
    campaign : CampaignData
    backend : Backend
        Packs candidates; every backend packs them to the same bits.
    refuse : bool
        Whether to look for what cannot have been meant, and to refuse it; not for a part of a campaign's customers.

    Returns
    -------
    CompiledCampaign
        Of this campaign.

    Raises
    ------
    InvalidInput
        With one line that names the rule, limit, table or column that is wrong.
    """
    said = statement_findings(statement_of(campaign)) if refuse else []
    refuse_errors(said)
    candidates = campaign.candidates
    customers = Customers(
        campaign.customers, candidates.customers, campaign.units, heads=campaign.heads
    )
    items, item = _items_of(campaign, customers)
    amounts = Amounts(items, item, candidates, backend, customers, campaign.candidate_names)
    value = amounts.of(campaign.value, "objective")
    limits = compile_limits(campaign.limits, value, items, amounts, customers)
    history = ContactHistory(
        campaign.history, candidates.customers, campaign.offers, campaign.rules, customers
    )
    costs = MessageCosts.of(campaign.rules, items, item, campaign.indptr, customers, history)
    items.n_refunds = 0 if costs is None else costs.n_refunds
    rules = compile_rules(
        campaign.rules, items, item, candidates, customers, history, backend, costs
    )
    if costs is not None:
        limits = costs.limits(limits)
    check_cancelled()
    problem = _problem(campaign, amounts, limits, rules, costs, item, backend)
    compiled = CompiledCampaign(
        campaign, items, item, value, limits, rules, problem, amounts, costs
    )
    if not refuse:
        return compiled
    check_cancelled()
    return replace(compiled, findings=tuple(together(said, compiled.effects())))
