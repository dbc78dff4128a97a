"""The report of a result: one page of HTML, offline, for screens and for paper."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ..analysis.frontier import Frontier
from ..analysis.price_ranges import PriceRanges
from ..results.solution import CampaignSolution
from .provenance import provenance_section
from .render import checked_file, page_of, part, write_page
from .sections import (
    Section,
    Totals,
    breakdown_section,
    conflict_section,
    customers_section,
    help_section,
    limits_section,
    way_out_section,
)
from .verdict import figures, verdict


def report_page(
    result: CampaignSolution,
    *,
    ranges: PriceRanges | None = None,
    frontiers: Sequence[Frontier] = (),
) -> str:
    """Make the report of a result.

    Parameters
    ----------
    result : CampaignSolution
    ranges : PriceRanges, optional
        Shown among what would help.
    frontiers : sequence of Frontier
        Shown among what would help.

    Returns
    -------
    str
        A page of HTML.
    """
    cost: float | None = None
    found: list[Section | None]
    if result.plan is not None:
        totals = Totals.of(result)
        cost = totals.cost
        found = [
            limits_section(result),
            breakdown_section(result, totals),
            help_section(result, ranges, frontiers),
            customers_section(result, totals),
        ]
    else:
        conflict = result.infeasible
        found = [] if conflict is None else [conflict_section(conflict), way_out_section(conflict)]
    sections = [section for section in [*found, provenance_section(result)] if section is not None]
    body = part(
        "report",
        name=result.name,
        verdict=verdict(result, cost),
        figures=figures(result, cost),
        sections=sections,
    )
    return page_of(result.name, body, result.status)


def write_report(
    result: CampaignSolution,
    path: str | Path,
    *,
    ranges: PriceRanges | None = None,
    frontiers: Sequence[Frontier] = (),
) -> Path:
    """Write the report of a result as a file.

    Parameters
    ----------
    result : CampaignSolution
    path : str or Path
        The file; replaced where it exists.
    ranges, frontiers : optional
        As `report_page` takes them.

    Returns
    -------
    Path
        The file.
    """
    checked_file(path)  # before the work
    return write_page(report_page(result, ranges=ranges, frontiers=frontiers), path)
