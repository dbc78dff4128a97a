"""The commands that ask what other bounds would come to: ``what-if``, ``frontier`` and ``compare``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from ..analysis.compare import compare_saved
from ..folders import read_result
from ..result import Result
from ..utils.process.standard_streams import native_output_to_stderr, print_out
from ..utils.progress.watch import watch
from .arguments import PathArgument, logging_options, reading_options, solving_options
from .bounds import frontier_bounds, limit_changes
from .exit_status import EXIT_STATUS_OF_RESULT, ExitStatus
from .output import json_text, told_as, warnings_said


@click.command("what-if")
@click.argument("folder", type=PathArgument())
@click.argument("out", type=PathArgument())
@click.option(
    "--limit",
    "changes",
    multiple=True,
    help="Another bound: NAME.max=+10%, NAME.max=-200 (200 less), NAME.min=500, NAME.max=none or "
    "NAME[GROUP].min=500. Several times.",
)
@click.option("--drop-limit", "dropped", multiple=True, help="A limit to leave out. Several times.")
@solving_options
@reading_options
@logging_options
@click.option("--json", "as_json", is_flag=True, help="Print the comparison as JSON.")
def what_if(
    folder: Path,
    out: Path,
    changes: tuple[str, ...],
    dropped: tuple[str, ...],
    as_json: bool,
    store: Path | None,
    memory_limit: str | None,
    quiet: bool,
    **solving: Any,
) -> int:
    """What the campaign in FOLDER, solved in the folder OUT, comes to under other bounds; it is solved again.

    The exit status is that of the changed campaign.
    """
    if not changes and not dropped:
        raise click.UsageError("expected --limit or --drop-limit, got neither")
    with native_output_to_stderr(), warnings_said(), watch(told_as(quiet)):
        result = read_result(out, folder, store=store, memory_limit=memory_limit)
        names = _limit_names(result)
        found = result.what_if(limits=limit_changes(changes, names), drop_limits=dropped, **solving)
    print_out(json_text(found.as_dict()) if as_json else found.summary())
    return EXIT_STATUS_OF_RESULT[found.after.status]


@click.command()
@click.argument("folder", type=PathArgument())
@click.argument("out", type=PathArgument())
@click.option(
    "--limit",
    "asked",
    required=True,
    help="Bounds to try: NAME.max=800:1200:5 (evenly spaced), NAME.max=80%:120%:5 (of the bound as it is) or "
    "NAME.max=800,900,1000.",
)
@solving_options
@reading_options
@logging_options
@click.option("--json", "as_json", is_flag=True, help="Print the frontier as JSON.")
def frontier(
    folder: Path,
    out: Path,
    asked: str,
    as_json: bool,
    store: Path | None,
    memory_limit: str | None,
    quiet: bool,
    **solving: Any,
) -> None:
    """The best value over a range of one bound of the campaign in FOLDER, solved in the folder OUT.

    Each bound is solved from its neighbour's prices. Bounds at which nothing is feasible are listed as such.
    """
    with native_output_to_stderr(), warnings_said(), watch(told_as(quiet)):
        result = read_result(out, folder, store=store, memory_limit=memory_limit)
        name, options = frontier_bounds(asked, _limit_names(result))
        found = result.frontier(name, **options, **solving)
    print_out(json_text(found.as_dict()) if as_json else found.summary())


@click.command()
@click.argument("before", type=PathArgument())
@click.argument("after", type=PathArgument())
@click.option("--json", "as_json", is_flag=True, help="Print the comparison as JSON.")
def compare(before: Path, after: Path, as_json: bool) -> int:
    """What the result in the folder AFTER has that the one in BEFORE has not; no table of a campaign is read."""
    found = compare_saved(read_result(before), read_result(after))
    print_out(json_text(found.as_dict()) if as_json else found.summary())
    return ExitStatus.SOLVED


def _limit_names(result: Result) -> list[str]:
    """Names of the limits that the campaign of a result has."""
    return [limit.name for limit in result.campaign.limits]
