"""Kinds of arguments and options that several commands take."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from ..utils.checks import check_path

BACKENDS = click.Choice(["native", "numba", "reference"])


class PathArgument(click.Path):
    """A path; what is no text or no path is refused like other bad input."""

    def __init__(self, **options: Any):
        super().__init__(path_type=Path, **options)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Turn an argument into a path."""
        check_path(value, param.get_error_hint(ctx).strip("'") if param and ctx else "path")
        return super().convert(value, param, ctx)
