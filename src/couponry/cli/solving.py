"""The commands that come before an allocation and make it: ``solve``, ``check`` and ``estimate``."""

from __future__ import annotations

from pathlib import Path

import click

from ..campaign_folder.size import folder_estimate
from ..campaign_folder.write import reserved_result
from ..folders import read_campaign
from ..kernels import BackendName
from ..model.checking.finding import Finding
from ..results.options import DEFAULT_GAP
from ..utils.errors import InvalidInput
from ..utils.process.standard_streams import native_output_to_stderr, print_out
from .arguments import BACKENDS, PathArgument, logging_options
from .engine import connected, engine_options
from .exit_status import EXIT_STATUS_OF_RESULT, ExitStatus
from .output import json_text, say_line, told_as, warnings_said


@click.command()
@click.argument("folder", type=PathArgument())
@click.option("--out", required=True, type=PathArgument(), help="Folder to write; must not exist.")
@click.option("--gap", default=DEFAULT_GAP, show_default=True, help="Stop at this relative gap.")
@click.option("--time-limit", type=float, help="Seconds; stop with the best allocation so far.")
@click.option("--threads", type=int, help="Default: COUPONRY_THREADS, else all usable cores.")
@click.option("--seed", default=0, show_default=True, help="Breaks ties.")
@click.option("--backend", type=BACKENDS, help="Default: native where it was built, else numba.")
@click.option(
    "--store",
    type=PathArgument(),
    help="Folder for candidates that do not fit in memory; kept, and used again while they are the same.",
)
@click.option(
    "--memory-limit", help="Such as 8GiB; refuse what needs more. Default: what is available."
)
@click.option(
    "--checkpoint",
    type=PathArgument(dir_okay=False),
    help="File that progress is kept in: the same command again goes on where it was killed.",
)
@click.option(
    "--start",
    type=PathArgument(exists=True),
    help="Warm start: folder of another result, whose prices to start from.",
)
@click.option("--overwrite", is_flag=True, help="Replace the output folder if it exists.")
@click.option(
    "--replace-solved",
    is_flag=True,
    help="With --overwrite: an infeasible outcome, too, replaces a folder that holds an allocation. "
    "Default: it goes to a folder beside it, OUT.infeasible.",
)
@click.option("--json", "as_json", is_flag=True, help="Print result.json on standard output.")
@engine_options
@logging_options
def solve(
    folder: Path,
    out: Path,
    gap: float,
    time_limit: float | None,
    threads: int | None,
    seed: int,
    backend: BackendName | None,
    store: Path | None,
    memory_limit: str | None,
    checkpoint: Path | None,
    start: Path | None,
    overwrite: bool,
    replace_solved: bool,
    as_json: bool,
    quiet: bool,
    engine: str | None,
    master: str | None,
    shards: str | None,
    shard_customers: int,
) -> int:
    """Allocate the campaign in FOLDER and write allocation, limits and certificate to the folder --out.

    A FOLDER with transactions in place of candidates is scored first: from purchases to coupons in one command.
    """
    apart = {"the campaign": folder, "the store": store, "the checkpoint": checkpoint}
    apart["the shards"] = None if shards is None or "://" in shards else Path(shards)
    with (
        reserved_result(out, overwrite=overwrite, apart=apart),
        connected(engine, master, shards, shard_customers) as cluster,
    ):
        with native_output_to_stderr(), warnings_said():
            campaign = read_campaign(folder, store, memory_limit, progress=told_as(quiet))
            result = campaign.solve(
                gap=gap, time_limit=time_limit, threads=threads, seed=seed, backend=backend,
                progress=told_as(quiet), checkpoint=checkpoint, start=start, engine=cluster,
            )  # fmt: skip
        if result.status != "unsolved":
            written = result.save(out, overwrite=overwrite, replace_solved=replace_solved)
            if written != out:
                say_line("info", f"{out} stays as it was; this outcome is in {written}")
    for finding in result.findings if not quiet else ():
        if finding.severity == "note":  # warnings were said before the search
            say_line("info", str(finding))
    print_out(json_text(result.as_dict()) if as_json else result.summary())
    status = EXIT_STATUS_OF_RESULT[result.status]
    if status != ExitStatus.SOLVED:
        say_line("info", f"{result.status}: {result.message}")
    return status


@click.command()
@click.argument("folder", type=PathArgument())
@click.option("--store", type=PathArgument(), help="As for solve.")
@click.option("--json", "as_json", is_flag=True, help="Print the findings as JSON.")
def check(folder: Path, store: Path | None, as_json: bool) -> int:
    """What the campaign in FOLDER says and its user may not have meant; nothing is solved.

    Errors are refused by solve; warnings are most probably mistakes; notes may well be meant.
    """
    try:
        with native_output_to_stderr():
            found = read_campaign(folder, store).check()
    except InvalidInput as error:
        found = [Finding.of_error(error)]
    content = {"findings": [finding.to_dict() for finding in found]}
    text = "\n".join(map(str, found)) or "nothing found"
    print_out(json_text(content) if as_json else text)
    errors = [finding for finding in found if finding.severity == "error"]
    if errors:
        say_line("error", errors[0].text, "error")
    return ExitStatus.INVALID if errors else ExitStatus.SOLVED


@click.command()
@click.argument("folder", type=PathArgument())
@click.option("--json", "as_json", is_flag=True, help="Print the estimate as JSON, in bytes.")
def estimate(folder: Path, as_json: bool) -> None:
    """How much memory and disk the campaign in FOLDER needs, without reading it."""
    needed = folder_estimate(folder)
    print_out(json_text(needed.as_dict()) if as_json else needed.summary())
