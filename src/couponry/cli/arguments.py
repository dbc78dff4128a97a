"""Kinds of arguments and options that several commands take."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from ..utils.checks import check_path
from .output import log_in

Command = TypeVar("Command", bound=Callable[..., Any])

BACKENDS = click.Choice(["native", "numba", "reference"])


class PathArgument(click.Path):
    """A path; what is no text or no path is refused like other bad input."""

    def __init__(self, **options: Any):
        super().__init__(path_type=Path, **options)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Turn an argument into a path."""
        check_path(value, param.get_error_hint(ctx).strip("'") if param and ctx else "path")
        return super().convert(value, param, ctx)


def reading_options(command: Command) -> Command:
    """Add the options of commands that read a campaign."""
    limit = click.option(
        "--memory-limit", help="Such as 8GiB; refuse what needs more. Default: what is available."
    )
    store = click.option("--store", type=PathArgument(), help="Candidate store, as for solve.")
    return store(limit(command))


def solving_options(command: Command) -> Command:
    """Add the options of commands that solve again."""
    gap = click.option("--gap", type=float, help="Default: what it was solved to.")
    time_limit = click.option("--time-limit", type=float, help="Seconds for each solve.")
    threads = click.option("--threads", type=int, help="Default: as many as it was solved with.")
    return gap(time_limit(threads(command)))


def logging_options(command: Command) -> Command:
    """Add the options that say what stands on standard error."""
    quiet = click.option(
        "--quiet",
        is_flag=True,
        help="No progress and no notes on standard error; warnings all the same.",
    )
    log_format = click.option(
        "--log-format",
        type=click.Choice(["text", "json"]),
        default="text",
        show_default=True,
        is_eager=True,
        expose_value=False,
        callback=lambda context, parameter, value: log_in(value),
        help="Lines on standard error; json: an object a line.",
    )
    return log_format(quiet(command))
