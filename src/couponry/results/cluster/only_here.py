"""What a campaign whose customers stay on a cluster does not have, and is refused by a sentence."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ...model.rules import CustomerRule
from ...utils.errors import Unsupported

ONLY_HERE = (
    "a Campaign has it, solved with engine= this cluster; one whose customers stay on it does not"
)


def refuse_arguments(**asked: Any) -> None:
    """Refuse arguments of `Campaign` that need all customers in one process.

    Parameters
    ----------
    **asked
        By name; what is nothing was not asked for.

    Raises
    ------
    Unsupported
    """
    for argument, value in asked.items():
        if value:
            raise Unsupported(f"ClusterCampaign: {argument}: {ONLY_HERE}")


def refuse_costs(rules: Sequence[CustomerRule]) -> None:
    """Refuse rules that say what messages cost.

    Parameters
    ----------
    rules : sequence of CustomerRule

    Raises
    ------
    Unsupported
    """
    for rule in rules:
        if rule.cost is not None:
            raise Unsupported(f"{rule.label}: cost: {ONLY_HERE}")
