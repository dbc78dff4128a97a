"""What a solve returns: the allocation, what came of every limit, and the certificate; and its files."""

from __future__ import annotations

import dataclasses
import html
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq

from .allocation import Allocation
from .explanation import Explanation
from .output import whole_folder
from .solved import Solved

if TYPE_CHECKING:
    from .price_ranges import PriceRanges


@dataclass(frozen=True)
class Result:
    """A solved campaign.

    status: optimal (within the asked gap), feasible (stopped earlier), infeasible (proved), unsolved (stopped with
    no feasible allocation). objective: sum of the value column over the coupons given, less the penalties of missed
    soft limits, and no more than that. objective_error: what it may be below that at most; 0 up to four million
    candidates, which are summed as given, and some 1e-7 of it beyond. bound: no allocation is worth more. gap: (bound
    - objective) / abs(bound). max_violation: of hard limits, in the worst one's own unit. customers_below_min: who
    cannot have as many coupons as their rules ask. customers_without_mandatory: who cannot have all that is mandatory
    for them. customers_cut_off: whose search for the best choice was cut off; the bound makes up for that.
    full_passes: passes over all candidates, samples counted by their share. method: dual, or dual+milp where HiGHS
    decided what prices left open. seconds: by stage.
    coupons: one row per coupon given, made when asked for. limits: one row per limit and group. infeasible: the
    conflict, or None. solved: what questions asked of the result later need.
    """

    status: str
    message: str
    objective: float | None
    objective_error: float | None
    bound: float | None
    gap: float | None
    max_violation: float | None
    allocated: int
    customers: int
    candidates: int
    customers_below_min: int
    customers_without_mandatory: int
    customers_cut_off: int
    full_passes: float
    nit: int
    method: str
    seconds: dict[str, float]
    peak_memory_bytes: int
    threads: int
    backend: str
    engine: str
    seed: int
    version: str
    name: str
    coupons: Allocation | None = field(repr=False)
    limits: pa.Table | None = field(repr=False)
    infeasible: dict[str, Any] | None = field(repr=False)
    solved: Solved | None = field(default=None, repr=False, compare=False)

    @property
    def allocation(self) -> pa.Table | None:
        """One row per coupon given, in memory, made at first use; `coupons` has the same rows in batches."""
        if self.coupons is None:
            return None
        made = self.__dict__.get("_allocation")
        if made is None:
            made = self.__dict__["_allocation"] = self.coupons.table()
        return made

    def explain(self, customer: Any) -> Explanation:
        """Why a customer got these coupons and not others: value, prices paid, what decided, the runner-up.

        customer: its id. Only its own candidates are looked at. Raises InvalidInput for a customer without candidates,
        or where there is no allocation.
        """
        from .explain import explain_result

        return explain_result(self, customer)

    def price_ranges(
        self,
        limits: Any = None,
        *,
        most: int = 20,
        move: float = 0.01,
        tolerance: float = 0.05,
        threads: int | None = None,
        time_limit: float | None = None,
    ) -> PriceRanges:
        """How far prices hold, checked by moving each limit's bound up and down and deciding the campaign again.

        limits: names, or (name, group) pairs; None: the `most` binding ones with the largest price times bound. move:
        share of the bound; shorter moves are tried where the price does not hold as far. tolerance: share of the price
        by which the worth of a unit may differ from it. time_limit: seconds; limits that are not reached are left out.
        Ratios have no range.
        """
        from .price_ranges import price_ranges

        return price_ranges(self, limits, most, move, tolerance, threads, time_limit)

    def as_dict(self) -> dict[str, Any]:
        """The content of result.json: everything but the tables."""
        tables = ("coupons", "limits", "infeasible", "solved")
        names = [f.name for f in dataclasses.fields(self) if f.name not in tables]
        return {name: getattr(self, name) for name in names}

    def summary(self) -> str:
        """A few lines of text."""
        return "\n".join(f"{name:<12} {text}" for name, text in self._facts())

    def _facts(self) -> list[tuple[str, str]]:
        facts = [("campaign", self.name), ("status", f"{self.status}: {self.message}")]
        if self.bound is not None and self.gap is not None:
            facts.append(("bound", f"{self.bound:,.6f} (gap {self.gap:.4%})"))
        if self.objective is not None:
            facts += [
                ("objective", f"{self.objective:,.6f}"),
                ("allocated", f"{self.allocated:,} coupons to {self.customers:,} customers"),
                ("violation", f"{self.max_violation:g} at most, of hard limits"),
            ]
        total = sum(self.seconds.values())
        facts += [
            (
                "work",
                f"{self.full_passes:.1f} passes over {self.candidates:,} candidates, {self.method}",
            ),
            ("time", f"{total:.2f} s on {self.threads} threads, {self.backend} backend"),
        ]
        return facts

    def _repr_html_(self) -> str:
        rows = "".join(
            f"<tr><th>{html.escape(name)}</th><td>{html.escape(text)}</td></tr>"
            for name, text in self._facts()
        )
        return f"<table>{rows}</table>"

    def write(self, folder: str | Path, *, overwrite: bool = False) -> Path:
        """Write allocation.parquet, limits.parquet and result.json, or infeasible.json, into a new folder.

        The folder appears whole or not at all. Raises InvalidInput where it exists, unless `overwrite` says to
        replace it.
        """
        with whole_folder(folder, overwrite=overwrite) as draft:
            if self.coupons is not None and self.limits is not None:
                self.coupons.write(draft / "allocation.parquet")
                pq.write_table(self.limits, draft / "limits.parquet")
            if self.infeasible is not None:
                write_json(draft / "infeasible.json", self.infeasible)
            write_json(draft / "result.json", self.as_dict())
        return Path(folder)


def write_json(path: Path, content: dict[str, Any]) -> None:
    path.write_text(json.dumps(content, indent=1, allow_nan=False) + "\n", encoding="utf-8")
