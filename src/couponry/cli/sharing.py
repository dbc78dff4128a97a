"""The commands that give a result to others: ``report`` and ``export``."""

from __future__ import annotations

from pathlib import Path

import click

from ..folders import read_result
from ..report.render import checked_file
from ..report.spreadsheets import export_csv, export_xlsx
from ..utils.process.standard_streams import native_output_to_stderr, print_out
from ..utils.progress.watch import watch
from .arguments import PathArgument, logging_options, reading_options
from .bounds import frontier_bounds
from .output import told_as


@click.command()
@click.argument("folder", type=PathArgument())
@click.argument("out", type=PathArgument())
@click.option(
    "-o",
    "--output",
    "page",
    default="report.html",
    show_default=True,
    type=PathArgument(dir_okay=False),
    help="File to write; replaced where it exists.",
)
@click.option(
    "--ranges",
    default=0,
    show_default=True,
    type=click.IntRange(0, 1000),
    help="So many of the dearest limits are decided again with their bounds moved.",
)
@click.option(
    "--frontier",
    "frontiers",
    multiple=True,
    help="The best value over a range of a bound, as the command frontier takes it. Several times.",
)
@reading_options
@logging_options
def report(
    folder: Path,
    out: Path,
    page: Path,
    ranges: int,
    frontiers: tuple[str, ...],
    store: Path | None,
    memory_limit: str | None,
    quiet: bool,
) -> None:
    """Write a page of HTML about a result, for those who did not solve it.

    The result is in the folder OUT, and its campaign in FOLDER.
    """
    checked_file(page)  # before anything is read
    with native_output_to_stderr(), watch(told_as(quiet)):
        result = read_result(out, folder, store=store, memory_limit=memory_limit)
        names = [limit.name for limit in result.campaign.limits]
        asked = [frontier_bounds(text, names) for text in frontiers]
        written = result.report(
            page,
            ranges=result.price_ranges(most=ranges) if ranges else None,
            frontiers=[result.frontier(name, **options) for name, options in asked],
        )
    print_out(str(written))


@click.command()
@click.argument("out", type=PathArgument())
@click.option("--csv", "csv_folder", type=PathArgument(), help="Folder to write CSV files to.")
@click.option("--xlsx", "workbook", type=PathArgument(), help="Workbook to write.")
@click.option("--overwrite", is_flag=True, help="Replace what is there.")
def export(out: Path, csv_folder: Path | None, workbook: Path | None, overwrite: bool) -> None:
    """Write the result in the folder OUT for spreadsheets: its coupons, its limits and what it comes to."""
    if csv_folder is None and workbook is None:
        raise click.UsageError("expected --csv or --xlsx, got neither")
    result = read_result(out)
    if csv_folder is not None:
        print_out(str(export_csv(result, csv_folder, overwrite=overwrite)))
    if workbook is not None:
        print_out(str(export_xlsx(result, workbook, overwrite=overwrite)))
