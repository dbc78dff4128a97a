"""couponry: which coupons every customer of a retailer gets, decided in one batch and provably close to optimal.

Data flows one way::

    tables --> candidates --> rules and limits --> campaign --> solver (over engines and kernels) --> result

`Campaign` holds what a user states, and solves it. `Result` holds what came of it, and answers questions. A campaign
is also a folder of files: `read_campaign`, `write_campaign`, and the command line ``couponry``. `couponry.affinity`
makes candidates of purchases.
"""

from __future__ import annotations

from .affinity.targeting import Targeting
from .analysis.compare import Comparison
from .analysis.decisions import Decision, Explanation
from .analysis.frontier import Frontier
from .analysis.price_ranges import PriceRanges
from .campaign import Campaign, read_campaign, write_campaign
from .campaign_folder.size import folder_estimate as memory_estimate
from .data.memory_estimate import Estimate
from .model.limits import Limit
from .model.rules import CustomerRule
from .result import Result
from .results.allocation import Allocation
from .show_versions import show_versions
from .utils.errors import InvalidInput, Unsupported
from .utils.version import __version__
from .verify import Report, verify_result

__all__ = [
    "Allocation",
    "Campaign",
    "Comparison",
    "CustomerRule",
    "Decision",
    "Estimate",
    "Explanation",
    "Frontier",
    "InvalidInput",
    "Limit",
    "PriceRanges",
    "Report",
    "Result",
    "Targeting",
    "Unsupported",
    "__version__",
    "memory_estimate",
    "read_campaign",
    "show_versions",
    "verify_result",
    "write_campaign",
]
