"""Commands that decide after the solve: ``decide`` on late customers, ``replace`` where coupons fell out."""

from __future__ import annotations

from pathlib import Path

import click

from ..analysis.fallen.replacements import REPLACEMENTS
from ..analysis.late.late_decisions import DECISIONS
from ..analysis.late.prices import Prices
from ..analysis.late.together.of_result import Beside, with_members
from ..folders import read_result
from ..results.solution import CampaignSolution
from ..utils.atomic_folder import check_new_folder
from ..utils.process.standard_streams import native_output_to_stderr, print_out
from ..utils.progress.watch import watch
from .arguments import PathArgument, logging_options, reading_options
from .bounds import limit_changes
from .output import json_text, told_as


@click.command()
@click.argument(
    "paths", nargs=-1, required=True, type=PathArgument(), metavar="FOLDER DIR CANDIDATES"
)
@click.option("-o", "--output", "out", required=True, type=PathArgument(), help="Folder to write.")
@click.option("--customers", type=PathArgument(), help="Table of what is known of the customers.")
@click.option("--history", type=PathArgument(), help="Table of what they have had.")
@click.option(
    "--given",
    type=PathArgument(),
    help="Table of coupons, customer and offer, that they or others of their households have since the solve.",
)
@click.option(
    "--room",
    "room_file",
    type=PathArgument(),
    help="room.json of earlier decisions, which have used some of what there is.",
)
@click.option(
    "--limit",
    "changes",
    multiple=True,
    help="A bound for all customers together, such as NAME.max=500, where the solve kept some back. Several times.",
)
@click.option("--save-prices", type=PathArgument(), help="File to keep the prices in, too.")
@click.option("--threads", type=int, help="Default: all cores that this process may use.")
@click.option("--overwrite", is_flag=True, help="Replace the folder if decisions are in it.")
@reading_options
@logging_options
@click.option("--json", "as_json", is_flag=True, help="Print what was decided as JSON.")
def decide(
    paths: tuple[Path, ...],
    out: Path,
    customers: Path | None,
    history: Path | None,
    given: Path | None,
    room_file: Path | None,
    changes: tuple[str, ...],
    save_prices: Path | None,
    threads: int | None,
    overwrite: bool,
    as_json: bool,
    store: Path | None,
    memory_limit: str | None,
    quiet: bool,
) -> None:
    """Decide on customers who were not in the solve, at its prices and within what its limits have left.

    The campaign is in FOLDER, its result in the folder DIR, and the customers' candidates in the file CANDIDATES. In
    place of FOLDER and DIR a file will do that --save-prices or Prices.save wrote. The folder that is written has
    allocation.parquet, refused.parquet, room.parquet, decisions.json, and room.json for --room.
    """
    if len(paths) not in (2, 3):
        raise click.UsageError(
            f"expected FOLDER DIR CANDIDATES, or a file of prices and CANDIDATES, got {len(paths)} paths"
        )
    check_new_folder(out, overwrite=overwrite, holds=DECISIONS)  # before anything is read
    with native_output_to_stderr(), watch(told_as(quiet)):
        prices, result = _prices(paths[:-1], changes, store, memory_limit)
        beside = Beside(customers, history, given)
        if result is not None:
            beside = with_members(result, *beside)
        found = prices.decide(
            paths[-1],
            *beside[:2],
            given=beside.given,
            room=prices.room(room_file),
            threads=threads,
            decided=None if result is None else result.campaign.candidates.customers,
        )
        if save_prices is not None:
            prices.save(save_prices)
        found.save(out, overwrite=overwrite)
    print_out(json_text(found.as_dict()) if as_json else found.summary())


@click.command()
@click.argument("folder", type=PathArgument())
@click.argument("result_folder", metavar="DIR", type=PathArgument())
@click.argument("cancelled", type=PathArgument())
@click.option("-o", "--output", "out", required=True, type=PathArgument(), help="Folder to write.")
@click.option("--threads", type=int, help="Default: as many as the result was solved with.")
@click.option("--overwrite", is_flag=True, help="Replace the folder if replacements are in it.")
@reading_options
@logging_options
@click.option("--json", "as_json", is_flag=True, help="Print the counts as JSON.")
def replace(
    folder: Path,
    result_folder: Path,
    cancelled: Path,
    out: Path,
    threads: int | None,
    overwrite: bool,
    as_json: bool,
    store: Path | None,
    memory_limit: str | None,
    quiet: bool,
) -> None:
    """Say what comes in the place of coupons that fell out, however many of one customer's.

    The campaign is in FOLDER, its result in the folder DIR. The file CANCELLED has a row for each coupon that is not
    given after all, customer and offer, or offers alone that are cancelled for everybody. The folder that is written
    has come.parquet, go.parquet and replacements.json.
    """
    check_new_folder(out, overwrite=overwrite, holds=REPLACEMENTS)  # before anything is read
    with native_output_to_stderr(), watch(told_as(quiet)):
        result = read_result(result_folder, folder, store=store, memory_limit=memory_limit)
        found = result.replacements(cancelled, threads=threads)
        found.save(out, overwrite=overwrite)
    print_out(json_text(found.as_dict()) if as_json else found.summary())


def _prices(
    paths: tuple[Path, ...],
    changes: tuple[str, ...],
    store: Path | None,
    memory_limit: str | None,
) -> tuple[Prices, CampaignSolution | None]:
    """The prices, and the result that they are of, where that is at hand."""
    if len(paths) == 1:
        if changes:
            raise click.UsageError(
                "--limit: a file of prices has its bounds; expected FOLDER and DIR"
            )
        return Prices.load(paths[0]), None
    result = read_result(paths[1], paths[0], store=store, memory_limit=memory_limit)
    names = [limit.name for limit in result.campaign.limits]
    prices = Prices.of(result, limit_changes(changes, names) if changes else None)
    return prices, result
