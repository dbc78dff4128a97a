"""`Report`: what a verification found."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

SHOWN_PROBLEMS = 20
"""Problems that a summary lists; it counts the others."""


@dataclass(frozen=True)
class Report:
    """What a verification found.

    Numbers are recomputed from the tables. They are None if the result has no allocation.

    Attributes
    ----------
    ok : bool
        True if everything that the result claims holds.
    problems : list of str
        One line for each thing that does not hold.
    status : str
        As the result claims. Of an allocation alone: feasible if there are no problems, else violated.
    objective : float or None
        Sum of the value column over the coupons given, less penalties and what messages cost.
    penalties : float or None
        Penalties of soft limits.
    bound : float or None
        As the result claims.
    bound_from_prices : float or None
        A bound that no allocation exceeds, recomputed from the prices in limits.parquet alone; as good as those prices.
    bound_is_proved : bool or None
        Whether that bound is no higher than the claimed one. If False, the claimed bound was only checked for
        consistency: it may come from an exact search, which prices do not show.
    gap : float or None
        Between the claimed bound and the recomputed objective.
    max_violation : float or None
        Largest violation of a hard limit, in that limit's own unit.
    allocated : int
        Coupons given.
    customers : int
        Customers who have candidates.
    candidates : int
        Candidates of all customers.
    customers_with_coupons : int or None
        Customers with at least one coupon.
    customers_below_min : int or None
        Customers with fewer coupons than a rule's `min`.
    customers_without_mandatory : int or None
        Customers who lack a mandatory offer.
    limits : int
        Limits that were checked; a limit counts once for each group.
    message_costs : float or None
        What messages cost, where a rule says so.
    """

    ok: bool
    problems: list[str]
    status: str
    objective: float | None = None
    penalties: float | None = None
    bound: float | None = None
    gap: float | None = None
    max_violation: float | None = None
    allocated: int = 0
    customers: int = 0
    candidates: int = 0
    customers_with_coupons: int | None = None
    customers_below_min: int | None = None
    customers_without_mandatory: int | None = None
    limits: int = 0
    bound_from_prices: float | None = None
    bound_is_proved: bool | None = None
    message_costs: float | None = None

    def as_dict(self) -> dict[str, Any]:
        """Return the report as plain values.

        Returns
        -------
        dict
            Ready for JSON.
        """
        return dataclasses.asdict(self)

    def summary(self) -> str:
        """Describe the report in a few lines of text.

        Returns
        -------
        str
            Facts, the verdict, and the first problems.
        """
        facts = {"status": self.status}
        if self.objective is not None:
            facts["objective"] = f"{self.objective:,.6f}"
        if self.gap is not None:
            facts["bound"] = f"{self.bound:,.6f} (gap {self.gap:.4%})"
        if self.bound_from_prices is not None:
            if self.bound_is_proved:
                facts["proof"] = "prices and tables alone prove the bound"
            else:
                facts["proof"] = f"prices alone prove {self.bound_from_prices:,.6f}, not the bound"
        if self.max_violation is not None:
            facts["violation"] = f"{self.max_violation:g} at most, of hard limits"
        facts["checked"] = (
            f"{self.allocated:,} coupons, {self.limits:,} limits, {self.customers:,} customers, "
            f"{self.candidates:,} candidates"
        )
        facts["verdict"] = "all holds" if self.ok else f"{len(self.problems):,} problems"
        lines = [f"{name:<12} {text}" for name, text in facts.items()]
        lines += [f"  {problem}" for problem in self.problems[:SHOWN_PROBLEMS]]
        if len(self.problems) > SHOWN_PROBLEMS:
            lines.append(f"  and {len(self.problems) - SHOWN_PROBLEMS:,} more")
        return "\n".join(lines)

    def __str__(self) -> str:
        return self.summary()
