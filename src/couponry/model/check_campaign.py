"""`Campaign.check`: everything that a campaign says and its user may not have meant."""

from __future__ import annotations

from ..kernels import Backend
from ..utils.errors import InvalidInput
from .campaign_data import CampaignData
from .checking.check import statement_findings, together
from .checking.effects import customers_without_candidates
from .checking.finding import Finding, by_severity
from .compiled_campaign import CompiledCampaign, compile_campaign, statement_of


def check_campaign(
    campaign: CampaignData, backend: Backend, compiled: CompiledCampaign | None = None
) -> list[Finding]:
    """List errors, warnings and notes of a campaign; nothing is solved.

    Parameters
    ----------
    campaign : CampaignData
    backend : Backend
        Packs candidates.
    compiled : CompiledCampaign, optional
        The same campaign, where it has been compiled before.

    Returns
    -------
    list of Finding
        Errors first.
    """
    found = statement_findings(statement_of(campaign))
    try:
        compiled = compiled or compile_campaign(campaign, backend, refuse=False)
    except InvalidInput as error:
        return by_severity([*found, Finding.of_error(error)])
    effects = compiled.effects(thorough=True)
    if campaign.customers is not None:
        effects += customers_without_candidates(campaign.customers, campaign.candidates.customers)
    return together(found, effects)
