"""The commands that show couponry and what it knows of its machine: ``demo`` and ``info``."""

from __future__ import annotations

from pathlib import Path

import click

from ..demo.run import run_demo
from ..folders import read_campaign
from ..show_versions import show_versions
from ..utils.process.standard_streams import print_out
from .arguments import PathArgument


@click.command()
@click.option("--out", default="couponry-demo", show_default=True, type=PathArgument())
@click.option("--overwrite", is_flag=True, help="Replace the folder if it exists.")
@click.option("--threads", type=int, help="Default: COUPONRY_THREADS, else all usable cores.")
def demo(out: Path, overwrite: bool, threads: int | None) -> None:
    """Allocate two real grocery campaigns (dunnhumby's Complete Journey) and write all files to --out."""
    run_demo(out, overwrite=overwrite, threads=threads, say=print_out)


@click.command()
@click.argument("folder", required=False, type=PathArgument())
def info(folder: Path | None) -> None:
    """Versions, backends and hardware; with FOLDER, what its campaign holds."""
    if folder is None:
        show_versions()
        return
    print_out(read_campaign(folder).summary())
