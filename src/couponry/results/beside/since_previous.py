"""How many coupons of an earlier plan stayed, left and came."""

from __future__ import annotations

from ...data.earlier.previous_pairs import PREVIOUS
from ...model.compiled_campaign import CompiledCampaign
from ...solver.plan import Plan


def since_previous(compiled: CompiledCampaign, plan: Plan) -> dict[str, int] | None:
    """Compare an allocation with the earlier plan that its campaign names.

    Parameters
    ----------
    compiled : CompiledCampaign
    plan : Plan

    Returns
    -------
    dict of str to int, or None
        `pairs` of the earlier plan, those of them that are still `candidates`, those that `stayed` and that `left`, and
        pairs that `came`. None where the campaign names no earlier plan.
    """
    counts = compiled.campaign.previous
    if counts is None:
        return None
    amount = compiled.amounts.of(PREVIOUS, PREVIOUS)
    of_items = plan.usage[:, :, : len(compiled.items)]  # refunds of messages come behind them
    usage = dict(zip(compiled.limits.attributes, of_items[1:].sum(axis=1), strict=True))
    total = float(amount.constant @ of_items[0].sum(axis=0))
    total += sum(float(slope @ usage[name]) for name, slope in amount.slopes.items())
    stayed = round(total)  # a whole number, but for how it was packed
    return {
        "pairs": counts.pairs,
        "candidates": counts.candidates,
        "stayed": stayed,
        "left": counts.pairs - stayed,
        "came": int(of_items[0].sum()) - stayed,
    }
