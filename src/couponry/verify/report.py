"""Report: what a verification found."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

SHOWN = 20  # problems in a summary


@dataclass(frozen=True)
class Report:
    """What a verification found.

    ok: whether all holds. problems: a line for each thing that does not. status: as the result claims. The rest is
    recomputed, None where the result has no allocation: objective (sum of the value column over the coupons given,
    less penalties), penalties, gap (between the claimed bound and this objective), max_violation (of hard limits,
    in the worst one's own unit), allocated, customers, candidates, customers_below_min, limits (rows checked).
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
    customers_below_min: int | None = None
    customers_without_mandatory: int | None = None
    limits: int = 0

    def as_dict(self) -> dict[str, Any]:
        """The report as plain values, for JSON."""
        return dataclasses.asdict(self)

    def summary(self) -> str:
        """A few lines of text."""
        facts = {"status": self.status}
        if self.objective is not None:
            facts["objective"] = f"{self.objective:,.6f}"
        if self.gap is not None:
            facts["bound"] = f"{self.bound:,.6f} (gap {self.gap:.4%})"
        if self.max_violation is not None:
            facts["violation"] = f"{self.max_violation:g} at most, of hard limits"
        facts["checked"] = (
            f"{self.allocated:,} coupons, {self.limits:,} limits, {self.customers:,} customers, "
            f"{self.candidates:,} candidates"
        )
        facts["verdict"] = "all holds" if self.ok else f"{len(self.problems):,} problems"
        lines = [f"{name:<12} {text}" for name, text in facts.items()]
        lines += [f"  {problem}" for problem in self.problems[:SHOWN]]
        if len(self.problems) > SHOWN:
            lines.append(f"  and {len(self.problems) - SHOWN:,} more")
        return "\n".join(lines)
