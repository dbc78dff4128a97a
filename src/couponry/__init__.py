"""couponry: which coupons every customer of a retailer gets, decided in one batch and provably close to optimal.

Data flows one way::

    tables --> candidates --> rules and limits --> campaign --> solver (over engines and kernels) --> result

`Campaign` holds what a user states, and solves it. `Result` holds what came of it, and answers questions. A campaign
is also a folder of files: `read_campaign`, `write_campaign`, and the command line ``couponry``. `couponry.affinity`
makes candidates of purchases.

Names are imported at their first use: the command line can take care of Ctrl-C before anything large is imported.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from .show_versions import show_versions  # at once: its module has the same name

if TYPE_CHECKING:
    from .affinity.targeting import Targeting
    from .analysis.compare import Comparison
    from .analysis.decisions import Decision, Explanation
    from .analysis.fallen.replacements import Replacements
    from .analysis.frontier import Frontier
    from .analysis.late.decide_one import CustomerDecider
    from .analysis.late.late_decisions import LateDecisions, OneDecision
    from .analysis.late.prices import Prices
    from .analysis.late.room import Room
    from .analysis.late.together.late_members import LateMember
    from .analysis.price_ranges import PriceRanges
    from .campaign import Campaign
    from .campaign_folder.size import folder_estimate as memory_estimate
    from .cluster_campaign import ClusterCampaign
    from .cluster_result import ClusterResult
    from .data.sizes.memory_estimate import Estimate
    from .data.table_view import TableView
    from .folders import read_campaign, read_result, write_campaign
    from .model.checking.finding import CampaignWarning, Finding
    from .model.inputs.previous_plan import PreviousPlan
    from .model.limits import Limit
    from .model.rules import CustomerRule
    from .report.chart import Chart
    from .report.plots import Plots
    from .result import Result
    from .results.allocation import Allocation
    from .results.beside.backups import Backups
    from .utils.errors import InvalidInput, Unsupported
    from .utils.progress.cancel import Cancelled, CancelToken
    from .utils.progress.event import ProgressEvent
    from .utils.progress.watch import watch
    from .utils.version import __version__
    from .verify import Report, verify_allocation, verify_result

__all__ = [
    "Allocation",
    "Backups",
    "Campaign",
    "CampaignWarning",
    "CancelToken",
    "Cancelled",
    "Chart",
    "ClusterCampaign",
    "ClusterResult",
    "Comparison",
    "CustomerDecider",
    "CustomerRule",
    "Decision",
    "Estimate",
    "Explanation",
    "Finding",
    "Frontier",
    "InvalidInput",
    "LateDecisions",
    "LateMember",
    "Limit",
    "OneDecision",
    "Plots",
    "PreviousPlan",
    "PriceRanges",
    "Prices",
    "ProgressEvent",
    "Replacements",
    "Report",
    "Result",
    "Room",
    "TableView",
    "Targeting",
    "Unsupported",
    "__version__",
    "memory_estimate",
    "read_campaign",
    "read_result",
    "show_versions",
    "verify_allocation",
    "verify_result",
    "watch",
    "write_campaign",
]

_WHERE = {
    "Allocation": (".results.allocation", "Allocation"),
    "Backups": (".results.beside.backups", "Backups"),
    "Campaign": (".campaign", "Campaign"),
    "CampaignWarning": (".model.checking.finding", "CampaignWarning"),
    "CancelToken": (".utils.progress.cancel", "CancelToken"),
    "Cancelled": (".utils.progress.cancel", "Cancelled"),
    "Chart": (".report.chart", "Chart"),
    "ClusterCampaign": (".cluster_campaign", "ClusterCampaign"),
    "ClusterResult": (".cluster_result", "ClusterResult"),
    "Comparison": (".analysis.compare", "Comparison"),
    "CustomerDecider": (".analysis.late.decide_one", "CustomerDecider"),
    "CustomerRule": (".model.rules", "CustomerRule"),
    "Decision": (".analysis.decisions", "Decision"),
    "Estimate": (".data.sizes.memory_estimate", "Estimate"),
    "Explanation": (".analysis.decisions", "Explanation"),
    "Finding": (".model.checking.finding", "Finding"),
    "Frontier": (".analysis.frontier", "Frontier"),
    "InvalidInput": (".utils.errors", "InvalidInput"),
    "LateDecisions": (".analysis.late.late_decisions", "LateDecisions"),
    "LateMember": (".analysis.late.together.late_members", "LateMember"),
    "Limit": (".model.limits", "Limit"),
    "OneDecision": (".analysis.late.late_decisions", "OneDecision"),
    "Plots": (".report.plots", "Plots"),
    "PreviousPlan": (".model.inputs.previous_plan", "PreviousPlan"),
    "PriceRanges": (".analysis.price_ranges", "PriceRanges"),
    "Prices": (".analysis.late.prices", "Prices"),
    "ProgressEvent": (".utils.progress.event", "ProgressEvent"),
    "Replacements": (".analysis.fallen.replacements", "Replacements"),
    "Report": (".verify", "Report"),
    "Result": (".result", "Result"),
    "Room": (".analysis.late.room", "Room"),
    "TableView": (".data.table_view", "TableView"),
    "Targeting": (".affinity.targeting", "Targeting"),
    "Unsupported": (".utils.errors", "Unsupported"),
    "__version__": (".utils.version", "__version__"),
    "memory_estimate": (".campaign_folder.size", "folder_estimate"),
    "read_campaign": (".folders", "read_campaign"),
    "read_result": (".folders", "read_result"),
    "verify_allocation": (".verify", "verify_allocation"),
    "verify_result": (".verify", "verify_result"),
    "watch": (".utils.progress.watch", "watch"),
    "write_campaign": (".folders", "write_campaign"),
}
"""Module of each name, and its name there; tests/system/test_public_names.py holds the three lists to one another."""

_ROOMS = (
    "affinity",
    "analysis",
    "campaign_folder",
    "data",
    "engines",
    "kernels",
    "model",
    "report",
    "results",
    "solver",
    "verify",
)


def __getattr__(name: str) -> Any:
    """A name of the package at its first use, or one of its rooms."""
    if name in _WHERE:
        module, own_name = _WHERE[name]
        found = getattr(import_module(module, __name__), own_name)
        globals()[name] = found  # not asked for again
        return found
    if name in _ROOMS:
        return import_module(f".{name}", __name__)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__, *_ROOMS})
