"""couponry: which coupons every customer of a retailer gets, decided in one batch and provably close to optimal.

Data flows one way:

    tables ──▶ candidates, items ──▶ rules, limits ──▶ campaign ──▶ allocate (over engines, kernels) ──▶ result
"""

from __future__ import annotations

from .affinity.targeting import Targeting
from .campaign import Campaign, read_campaign, write_campaign
from .campaign_folder.size import folder_estimate as memory_estimate
from .data.memory_estimate import Estimate
from .model.limits import Limit
from .model.rules import CustomerRule
from .result import Result
from .show_versions import show_versions
from .utils.errors import InvalidInput, Unsupported
from .utils.version import __version__

__all__ = [
    "Campaign",
    "CustomerRule",
    "Estimate",
    "InvalidInput",
    "Limit",
    "Result",
    "Targeting",
    "Unsupported",
    "__version__",
    "memory_estimate",
    "read_campaign",
    "show_versions",
    "write_campaign",
]
