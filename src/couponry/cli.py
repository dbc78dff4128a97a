"""The command line: ``couponry solve``, ``check``, ``explain``, ``estimate``, ``verify``, ``demo`` and ``info``."""

from __future__ import annotations

import json
import os
import sys
import traceback
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from enum import IntEnum
from pathlib import Path
from typing import Any

import click

from .analysis.explain_files import explain_written
from .campaign import read_campaign
from .campaign_folder.size import folder_estimate
from .campaign_folder.write import reserved_result
from .demo.run import run_demo
from .model.checking.finding import CampaignWarning, Finding
from .show_versions import show_versions
from .utils.checks import check_path
from .utils.errors import InvalidInput, one_line
from .utils.process.signals import INTERRUPTED, TERMINATED, end_in_order
from .utils.process.standard_streams import (
    LostOutput,
    UnreadOutput,
    forget_unwritten,
    native_output_to_stderr,
    open_closed_descriptors,
    print_out,
    say,
)
from .utils.version import __version__
from .verify import verify_allocation, verify_result


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
    PROBLEMS = 1, "verify found what does not hold (or internal error or lost output)"
    INVALID = 2, "invalid input"
    INFEASIBLE = 3, "proved infeasible"
    UNSOLVED = 4, "stopped with no feasible allocation"
    INTERRUPTED = INTERRUPTED, "interrupted"
    UNREAD = 141, "standard output closed by its reader"
    TERMINATED = TERMINATED, "terminated"


EXIT_STATUS_OF_RESULT = {
    "optimal": ExitStatus.SOLVED,
    "feasible": ExitStatus.SOLVED,
    "infeasible": ExitStatus.INFEASIBLE,
    "unsolved": ExitStatus.UNSOLVED,
}

EXIT_STATUSES = ", ".join(f"{status.value} {status.meaning}" for status in ExitStatus)

BACKENDS = click.Choice(["native", "numba", "reference"])


DEBUG = "COUPONRY_DEBUG"
"""Environment variable that has internal errors shown with the lines that they come from."""


LACKS_OF_MEMORY = (
    "can't start new thread",
    "error return without exception set",
    "returned NULL without setting an exception",
)
"""Parts of messages of errors of other classes than MemoryError. The last two are what Python says of an extension
module that failed and raised nothing, as NumPy does when it gets no memory."""


class Interrupted(Exception):
    """Ctrl-C; click would print an empty line for KeyboardInterrupt, whatever becomes of standard error."""


class Commands(click.Group):
    """All commands."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            raise Interrupted from None


class PathArgument(click.Path):
    """A path; what is no text or no path is refused like other bad input."""

    def __init__(self, **options: Any):
        super().__init__(path_type=Path, **options)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Turn an argument into a path."""
        check_path(value, param.get_error_hint(ctx).strip("'") if param and ctx else "path")
        return super().convert(value, param, ctx)


def main(arguments: list[str] | None = None) -> None:
    """Run the command line and leave with its exit status.

    Parameters
    ----------
    arguments : list of str, optional
        Default: those of the process.
    """
    open_closed_descriptors()
    status = run(arguments)
    forget_unwritten()
    sys.exit(status)


def run(arguments: list[str] | None = None) -> int:
    """Run the command line. Whatever happens, it ends with an exit status, and with one line of what is wrong.

    Parameters
    ----------
    arguments : list of str, optional
        Default: those of the process.

    Returns
    -------
    int
        The exit status; see `ExitStatus`.
    """
    try:
        with end_in_order():
            return int(cli.main(arguments, prog_name="couponry", standalone_mode=False) or 0)
    except click.exceptions.Exit as leaving:
        return leaving.exit_code
    except (Interrupted, click.Abort, KeyboardInterrupt):
        say("couponry: interrupted")
        return ExitStatus.INTERRUPTED
    except SystemExit as leaving:
        if leaving.code != TERMINATED:  # click could not print its help
            return ExitStatus.UNREAD
        say("couponry: terminated")
        return ExitStatus.TERMINATED
    except UnreadOutput:
        return ExitStatus.UNREAD
    except LostOutput as error:
        say(_error_line(str(error)))
        return ExitStatus.PROBLEMS
    except click.exceptions.NoArgsIsHelpError as error:
        say(error.format_message())
        return ExitStatus.INVALID
    except click.UsageError as error:
        command = error.ctx.command_path if error.ctx is not None else "couponry"
        say(_error_line(f"{error.format_message().rstrip('.')} ({command} --help says more)"))
        return ExitStatus.INVALID
    except (InvalidInput, ImportError, OSError, click.ClickException) as error:
        say(_error_line(str(error) or type(error).__name__))
        return ExitStatus.INVALID
    except Exception as error:
        if not _is_lack_of_memory(error):
            return _internal_error(error)
        say(_error_line(f"not enough memory: {error}" if str(error) else "not enough memory"))
        return ExitStatus.INVALID


def _error_line(message: str) -> str:
    """The line that says what is wrong."""
    return f"couponry: error: {one_line(' '.join(message.split()))}"


def _is_lack_of_memory(error: Exception) -> bool:
    """Whether the system did not give what was asked of it."""
    return isinstance(error, MemoryError) or (
        isinstance(error, (RuntimeError, SystemError))
        and any(part in str(error) for part in LACKS_OF_MEMORY)
    )


def _internal_error(error: Exception) -> int:
    """Say that couponry is wrong, not its input."""
    if os.environ.get(DEBUG):
        say("".join(traceback.format_exception(error)).rstrip())
    last = traceback.extract_tb(error.__traceback__)[-1]
    where = f"{Path(last.filename).name}:{last.lineno}"
    what = one_line(" ".join(f"{type(error).__name__}: {error}".split()), 180)
    say(f"couponry: internal error: {what} ({where}); {DEBUG}=1 shows the way there")
    return ExitStatus.PROBLEMS


@click.group(
    cls=Commands,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog=f"Exit status: {EXIT_STATUSES}.",
)
@click.version_option(__version__, prog_name="couponry")
def cli() -> None:
    """Decide which coupons every customer of a retailer gets, provably close to the best possible."""


@cli.command()
@click.argument("folder", type=PathArgument())
@click.option("--out", required=True, type=PathArgument(), help="Folder to write; must not exist.")
@click.option("--gap", default=5e-4, show_default=True, help="Stop at this relative gap.")
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
@click.option(
    "--quiet",
    is_flag=True,
    help="No progress and no notes on standard error; warnings all the same.",
)
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
    apart = {"the campaign": folder, "the store": store, "the checkpoint": checkpoint}
    with reserved_result(out, overwrite=overwrite, apart=apart):
        with native_output_to_stderr(), _warnings_said():
            campaign = read_campaign(folder, store, memory_limit, progress=not quiet)
            result = campaign.solve(
                gap=gap, time_limit=time_limit, threads=threads, seed=seed, backend=backend, progress=not quiet,
                checkpoint=checkpoint, start=start,
            )  # fmt: skip
        if result.status != "unsolved":
            written = result.write(out, overwrite=overwrite, replace_solved=replace_solved)
            if written != out:
                said = f"couponry: {out} stays as it was; this outcome is in {written}"
                say(one_line(said, None))
    for finding in result.findings if not quiet else ():
        if finding.severity == "note":  # warnings were said before the search
            say(f"couponry: {finding}")
    print_out(_json(result.as_dict()) if as_json else result.summary())
    status = EXIT_STATUS_OF_RESULT[result.status]
    if status != ExitStatus.SOLVED:
        say(one_line(f"couponry: {result.status}: {result.message}", None))
    return status


@cli.command()
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
    print_out(_json(content) if as_json else text)
    errors = [finding for finding in found if finding.severity == "error"]
    if errors:
        say(_error_line(errors[0].text))
    return ExitStatus.INVALID if errors else ExitStatus.SOLVED


@cli.command()
@click.argument("folder", type=PathArgument())
@click.argument("out", type=PathArgument())
@click.option("--customer", required=True, help="Id of the customer.")
@click.option("--json", "as_json", is_flag=True, help="Print every candidate as JSON.")
def explain(folder: Path, out: Path, customer: str, as_json: bool) -> None:
    """Why a customer of FOLDER got its coupons, and not others, in the result in the folder OUT."""
    found = explain_written(folder, out, customer)
    print_out(_json(found.as_dict()) if as_json else found.summary())


@cli.command()
@click.argument("folder", type=PathArgument())
@click.option("--json", "as_json", is_flag=True, help="Print the estimate as JSON, in bytes.")
def estimate(folder: Path, as_json: bool) -> None:
    """How much memory and disk the campaign in FOLDER needs, without reading it."""
    needed = folder_estimate(folder)
    print_out(_json(needed.as_dict()) if as_json else needed.summary())


@cli.command()
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
    print_out(_json(report.as_dict()) if as_json else report.summary())
    return ExitStatus.SOLVED if report.ok else ExitStatus.PROBLEMS


@cli.command()
@click.option("--out", default="couponry-demo", show_default=True, type=PathArgument())
@click.option("--overwrite", is_flag=True, help="Replace the folder if it exists.")
@click.option("--threads", type=int, help="Default: COUPONRY_THREADS, else all usable cores.")
def demo(out: Path, overwrite: bool, threads: int | None) -> None:
    """Allocate two real grocery campaigns (dunnhumby's Complete Journey) and write all files to --out."""
    run_demo(out, overwrite=overwrite, threads=threads, say=print_out)


@cli.command()
@click.argument("folder", required=False, type=PathArgument())
def info(folder: Path | None) -> None:
    """Versions, backends and hardware; with FOLDER, what its campaign holds."""
    if folder is None:
        show_versions()
        return
    print_out(read_campaign(folder).summary())


@contextmanager
def _warnings_said() -> Iterator[None]:
    """Have what campaigns were probably not meant to say in a line each on standard error, without a line of Python."""
    shown_otherwise = warnings.showwarning

    def say_it(message: Warning | str, category: type[Warning], *where: Any, **more: Any) -> None:
        if issubclass(category, CampaignWarning):
            say(one_line(f"couponry: warning: {message}"))
        else:
            shown_otherwise(message, category, *where, **more)

    with warnings.catch_warnings():
        warnings.simplefilter("always", CampaignWarning)
        warnings.showwarning = say_it
        yield


def _json(content: dict[str, Any]) -> str:
    """Content as JSON, as files have it."""
    return json.dumps(content, indent=1, allow_nan=False)
