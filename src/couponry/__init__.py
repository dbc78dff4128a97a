"""couponry: which coupons every customer of a retailer gets, decided in one batch and provably close to optimal.

Data flows one way:

    tables ──▶ candidates, items ──▶ rules, limits ──▶ campaign ──▶ allocate (over engines, kernels) ──▶ result
"""

from __future__ import annotations

from .campaign import Campaign
from .errors import InvalidInput, Unsupported
from .folder import memory_estimate, read_campaign, write_campaign
from .limits import Limit
from .memory import Estimate
from .result import Result
from .rules import CustomerRule
from .targeting import Targeting
from .version import __version__
from .versions import show_versions

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
