"""The command line: ``couponry solve``, ``explain``, ``estimate``, ``verify``, ``demo`` and ``info``."""

from __future__ import annotations

import ctypes
import json
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from enum import IntEnum
from pathlib import Path
from types import FrameType
from typing import Any

import click

from .analysis.explain_files import explain_written
from .campaign import read_campaign
from .campaign_folder.size import folder_estimate
from .demo.run import run_demo
from .show_versions import show_versions
from .utils.atomic_folder import reserved_folder
from .utils.errors import InvalidInput
from .utils.version import __version__
from .verify import verify_result


class ExitStatus(IntEnum):
    """Exit statuses of every command, each with its meaning."""

    def __new__(cls, value: int, meaning: str) -> ExitStatus:
        """Make a status of a number and its meaning."""
        status = int.__new__(cls, value)
        status._value_ = value
        status.meaning = meaning
        return status

    meaning: str

    SOLVED = 0, "solved"
    PROBLEMS = 1, "verify found what does not hold"
    INVALID = 2, "invalid input"
    INFEASIBLE = 3, "proved infeasible"
    UNSOLVED = 4, "stopped with no feasible allocation"
    INTERRUPTED = 130, "interrupted"


EXIT_STATUS_OF_RESULT = {
    "optimal": ExitStatus.SOLVED,
    "feasible": ExitStatus.SOLVED,
    "infeasible": ExitStatus.INFEASIBLE,
    "unsolved": ExitStatus.UNSOLVED,
}

EXIT_STATUSES = ", ".join(f"{status.value} {status.meaning}" for status in ExitStatus)

BACKENDS = click.Choice(["native", "numba", "reference"])


def main(arguments: list[str] | None = None) -> None:
    """Run the command line and leave with its exit status.

    Parameters
    ----------
    arguments : list of str, optional
        Default: those of the process.
    """
    sys.exit(run(arguments))


def run(arguments: list[str] | None = None) -> int:
    """Run the command line.

    Parameters
    ----------
    arguments : list of str, optional
        Default: those of the process.

    Returns
    -------
    int
        The exit status; see `ExitStatus`.
    """
    signal.signal(signal.SIGTERM, _terminate)
    try:
        return int(cli.main(arguments, prog_name="couponry", standalone_mode=False) or 0)
    except click.exceptions.Exit as leaving:
        return leaving.exit_code
    except (click.Abort, KeyboardInterrupt):
        click.echo("couponry: interrupted", err=True)
        return ExitStatus.INTERRUPTED
    except click.ClickException as error:
        error.show()
        return ExitStatus.INVALID
    except (InvalidInput, ImportError, OSError, MemoryError) as error:
        line = " ".join(str(error).split())
        click.echo(f"couponry: error: {line}", err=True)
        return ExitStatus.INVALID


def _terminate(signum: int, frame: FrameType | None) -> None:
    """Leave in order when the process is told to end."""
    sys.exit(128 + signum)  # so that drafts of output folders are removed


@click.group(
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog=f"Exit status: {EXIT_STATUSES}.",
)
@click.version_option(__version__, prog_name="couponry")
def cli() -> None:
    """Decide which coupons every customer of a retailer gets, provably close to the best possible."""


@cli.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.option(
    "--out", required=True, type=click.Path(path_type=Path), help="Folder to write; must not exist."
)
@click.option("--gap", default=5e-4, show_default=True, help="Stop at this relative gap.")
@click.option("--time-limit", type=float, help="Seconds; stop with the best allocation so far.")
@click.option("--threads", type=int, help="Default: COUPONRY_THREADS, else all usable cores.")
@click.option("--seed", default=0, show_default=True, help="Breaks ties.")
@click.option("--backend", type=BACKENDS, help="Default: native where it was built, else numba.")
@click.option(
    "--store",
    type=click.Path(path_type=Path),
    help="Folder for candidates that do not fit in memory; kept, and used again while they are the same.",
)
@click.option(
    "--memory-limit", help="Such as 8GiB; refuse what needs more. Default: what is available."
)
@click.option(
    "--checkpoint",
    type=click.Path(path_type=Path, dir_okay=False),
    help="File that progress is kept in: the same command again goes on where it was killed.",
)
@click.option(
    "--start",
    type=click.Path(path_type=Path, exists=True),
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
@click.option("--quiet", is_flag=True, help="No progress on standard error.")
def solve(
    folder: Path,
    out: Path,
    gap: float,
    time_limit: float | None,
    threads: int | None,
    seed: int,
    backend: str | None,
    store: Path | None,
    memory_limit: str | None,
    checkpoint: Path | None,
    start: Path | None,
    overwrite: bool,
    replace_solved: bool,
    as_json: bool,
    quiet: bool,
) -> int:
    """Allocate the campaign in FOLDER and write allocation, limits and certificate to the folder --out.

    A FOLDER with transactions in place of candidates is scored first: from purchases to coupons in one command.
    """
    with reserved_folder(out, overwrite=overwrite):  # a second run is told so before it solves
        with _native_output_to_stderr():
            campaign = read_campaign(folder, store, memory_limit, progress=not quiet)
            result = campaign.solve(
                gap=gap, time_limit=time_limit, threads=threads, seed=seed, backend=backend, progress=not quiet,
                checkpoint=checkpoint, start=start,
            )  # fmt: skip
        if result.status != "unsolved":
            written = result.write(out, overwrite=overwrite, replace_solved=replace_solved)
            if written != out:
                click.echo(
                    f"couponry: {out} stays as it was; this outcome is in {written}", err=True
                )
    click.echo(_json(result.as_dict()) if as_json else result.summary())
    status = EXIT_STATUS_OF_RESULT[result.status]
    if status != ExitStatus.SOLVED:
        click.echo(f"couponry: {result.status}: {result.message}", err=True)
    return status


@cli.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.argument("out", type=click.Path(path_type=Path))
@click.option("--customer", required=True, help="Id of the customer.")
@click.option("--json", "as_json", is_flag=True, help="Print every candidate as JSON.")
def explain(folder: Path, out: Path, customer: str, as_json: bool) -> None:
    """Why a customer of FOLDER got its coupons, and not others, in the result in the folder OUT."""
    found = explain_written(folder, out, customer)
    click.echo(_json(found.as_dict()) if as_json else found.summary())


@cli.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print the estimate as JSON, in bytes.")
def estimate(folder: Path, as_json: bool) -> None:
    """How much memory and disk the campaign in FOLDER needs, without reading it."""
    needed = folder_estimate(folder)
    click.echo(_json(needed.as_dict()) if as_json else needed.summary())


@cli.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.argument("out", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print the findings as JSON.")
def verify(folder: Path, out: Path, as_json: bool) -> int:
    """Recompute from the tables of FOLDER everything that the result in the folder OUT claims."""
    report = verify_result(folder, out)
    click.echo(_json(report.as_dict()) if as_json else report.summary())
    return ExitStatus.SOLVED if report.ok else ExitStatus.PROBLEMS


@cli.command()
@click.option("--out", default="couponry-demo", show_default=True, type=click.Path(path_type=Path))
@click.option("--overwrite", is_flag=True, help="Replace the folder if it exists.")
@click.option("--threads", type=int, help="Default: COUPONRY_THREADS, else all usable cores.")
def demo(out: Path, overwrite: bool, threads: int | None) -> None:
    """Allocate two real grocery campaigns (dunnhumby's Complete Journey) and write all files to --out."""
    run_demo(out, overwrite=overwrite, threads=threads, say=click.echo)


@cli.command()
@click.argument("folder", required=False, type=click.Path(path_type=Path))
def info(folder: Path | None) -> None:
    """Versions, backends and hardware; with FOLDER, what its campaign holds."""
    if folder is None:
        show_versions()
        return
    click.echo(read_campaign(folder).summary())


@contextmanager
def _native_output_to_stderr() -> Iterator[None]:
    """Send what native code prints to standard error: HiGHS says a word now and then, whatever it is asked."""
    libc = ctypes.CDLL(None)
    sys.stdout.flush()
    kept = os.dup(1)
    os.dup2(2, 1)
    try:
        yield
    finally:
        libc.fflush(None)  # C keeps its own buffer, which must not end up behind the result
        os.dup2(kept, 1)
        os.close(kept)


def _json(content: dict[str, Any]) -> str:
    """Content as JSON, as files have it."""
    return json.dumps(content, indent=1, allow_nan=False)


if __name__ == "__main__":
    main()
