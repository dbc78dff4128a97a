"""The command line as a whole: its group of commands, and the exit status of whatever happens."""

from __future__ import annotations

import os
import sys
import traceback
from pathlib import Path
from typing import Any

import click

from ..utils.errors import InvalidInput, one_line
from ..utils.process.signals import TERMINATED, end_in_order
from ..utils.process.standard_streams import (
    LostOutput,
    UnreadOutput,
    forget_unwritten,
    open_closed_descriptors,
    say,
)
from ..utils.version import __version__
from . import about, asking, changing, deciding, files, sharing, solving
from .exit_status import EXIT_STATUSES, ExitStatus
from .output import Failure, log_in, say_failure

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


@click.group(
    cls=Commands,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog=f"Exit status: {EXIT_STATUSES}.",
)
@click.version_option(__version__, prog_name="couponry")
def cli() -> None:
    """Decide which coupons every customer of a retailer gets, provably close to the best possible."""


for command in (
    solving.solve,
    solving.check,
    solving.estimate,
    files.score,
    asking.verify,
    asking.explain,
    changing.what_if,
    changing.frontier,
    changing.compare,
    deciding.decide,
    deciding.replace,
    sharing.report,
    sharing.export,
    files.schema,
    about.demo,
    about.info,
):
    command.epilog = cli.epilog
    cli.add_command(command)


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
    log_in("text")
    as_json = "--json" in (sys.argv[1:] if arguments is None else arguments)
    try:
        with end_in_order():
            return int(cli.main(arguments, prog_name="couponry", standalone_mode=False) or 0)
    except click.exceptions.Exit as leaving:
        return leaving.exit_code
    except SystemExit as leaving:
        if leaving.code == 0:  # a shell asked how to complete a command
            return ExitStatus.SOLVED
        if leaving.code != TERMINATED:  # click could not print its help
            return ExitStatus.UNREAD
        return say_failure(Failure(ExitStatus.TERMINATED, "terminated"), as_json)
    except UnreadOutput:
        return ExitStatus.UNREAD
    except BaseException as error:
        failure = _failure(error)
        if failure is None:
            raise
        return say_failure(failure, as_json and not isinstance(error, LostOutput))


def _failure(error: BaseException) -> Failure | None:
    """What is said of an error, and the exit status; None of what is none of ours."""
    if isinstance(error, (Interrupted, click.Abort, KeyboardInterrupt)):
        return Failure(ExitStatus.INTERRUPTED, "interrupted")
    if isinstance(error, LostOutput):
        return Failure(ExitStatus.PROBLEMS, str(error), "error")
    if isinstance(error, click.exceptions.NoArgsIsHelpError):
        return Failure(ExitStatus.INVALID, error.format_message(), None)
    if isinstance(error, click.UsageError):
        command = error.ctx.command_path if error.ctx is not None else "couponry"
        message = f"{error.format_message().rstrip('.')} ({command} --help says more)"
        return Failure(ExitStatus.INVALID, message, "error")
    if isinstance(error, (InvalidInput, ImportError, OSError, click.ClickException)):
        return Failure(ExitStatus.INVALID, str(error) or type(error).__name__, "error")
    if not isinstance(error, Exception):
        return None
    if not _is_lack_of_memory(error):
        return _internal_error(error)
    message = f"not enough memory: {error}" if str(error) else "not enough memory"
    return Failure(ExitStatus.INVALID, message, "error")


def _is_lack_of_memory(error: Exception) -> bool:
    """Whether the system did not give what was asked of it."""
    return isinstance(error, MemoryError) or (
        isinstance(error, (RuntimeError, SystemError))
        and any(part in str(error) for part in LACKS_OF_MEMORY)
    )


def _internal_error(error: Exception) -> Failure:
    """Say that couponry is wrong, not its input."""
    if os.environ.get(DEBUG):
        say("".join(traceback.format_exception(error)).rstrip())
    last = traceback.extract_tb(error.__traceback__)[-1]
    where = f"{Path(last.filename).name}:{last.lineno}"
    what = one_line(" ".join(f"{type(error).__name__}: {error}".split()), 180)
    message = f"{what} ({where}); {DEBUG}=1 shows the way there"
    return Failure(ExitStatus.PROBLEMS, message, "internal error")
