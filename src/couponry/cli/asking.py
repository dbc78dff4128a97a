"""The commands that ask what a result says, and whether it holds: ``explain`` and ``verify``."""

from __future__ import annotations

from pathlib import Path

import click

from ..analysis.explain_files import explain_written
from ..analysis.late.prices import Prices
from ..analysis.late.together.of_result import with_members
from ..folders import read_result
from ..utils.process.standard_streams import print_out
from ..verify import verify_allocation, verify_result
from .arguments import PathArgument
from .exit_status import ExitStatus
from .output import json_text


@click.command()
@click.argument("folder", type=PathArgument())
@click.argument("out", type=PathArgument())
@click.option("--customer", required=True, help="Id of the customer.")
@click.option(
    "--late",
    "candidates",
    type=PathArgument(),
    help="Candidates of customers who were not in the solve, the customer among them: what decide would give it now, "
    "were it the only one.",
)
@click.option("--customers", type=PathArgument(), help="With --late: what is known of them.")
@click.option("--history", type=PathArgument(), help="With --late: what they have had.")
@click.option(
    "--room", "room_file", type=PathArgument(), help="With --late: room.json of earlier decisions."
)
@click.option("--json", "as_json", is_flag=True, help="Print every candidate as JSON.")
def explain(
    folder: Path,
    out: Path,
    customer: str,
    candidates: Path | None,
    customers: Path | None,
    history: Path | None,
    room_file: Path | None,
    as_json: bool,
) -> None:
    """Why a customer of FOLDER got its coupons, and not others, in the result in the folder OUT."""
    if candidates is not None:
        result = read_result(out, folder)
        prices = Prices.of(result)
        room = prices.room(room_file)
        beside = with_members(result, customers, history, None)
        found = prices.explain(customer, candidates, *beside[:2], given=beside.given, room=room)
    elif customers or history or room_file:
        raise click.UsageError("--customers, --history and --room: expected --late, too")
    else:
        found = explain_written(folder, out, customer)
    print_out(json_text(found.as_dict()) if as_json else found.summary())


@click.command()
@click.argument("folder", type=PathArgument())
@click.argument("out", type=PathArgument())
@click.option("--store", type=PathArgument(), help="Candidate store, as for solve.")
@click.option("--json", "as_json", is_flag=True, help="Print the findings as JSON.")
def verify(folder: Path, out: Path, store: Path | None, as_json: bool) -> int:
    """Recompute from the tables of FOLDER everything that the result in the folder OUT claims.

    OUT may also be an allocation table alone, by anybody: a .parquet or .csv file.
    """
    alone = out.is_file() or out.suffix in (".parquet", ".csv")
    report = (verify_allocation if alone else verify_result)(folder, out, store)
    print_out(json_text(report.as_dict()) if as_json else report.summary())
    return ExitStatus.SOLVED if report.ok else ExitStatus.PROBLEMS
