"""The commands that show couponry and what it knows of its machine: ``demo`` and ``info``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from ..campaign import Campaign
from ..demo.run import run_demo
from ..folders import read_campaign
from ..show_versions import show_versions, versions
from ..utils.process.standard_streams import print_out
from .arguments import PathArgument
from .output import json_text


@click.command()
@click.option("--out", default="couponry-demo", show_default=True, type=PathArgument())
@click.option("--overwrite", is_flag=True, help="Replace the folder if it exists.")
@click.option("--threads", type=int, help="Default: COUPONRY_THREADS, else all usable cores.")
def demo(out: Path, overwrite: bool, threads: int | None) -> None:
    """Allocate two real grocery campaigns (dunnhumby's Complete Journey) and write all files to --out."""
    run_demo(out, overwrite=overwrite, threads=threads, say=print_out)


@click.command()
@click.argument("folder", required=False, type=PathArgument())
@click.option("--json", "as_json", is_flag=True, help="Print it as JSON.")
def info(folder: Path | None, as_json: bool) -> None:
    """Versions, backends and hardware; with FOLDER, what its campaign holds."""
    if folder is not None:
        campaign = read_campaign(folder)
        print_out(json_text(_held(campaign)) if as_json else campaign.summary())
    elif as_json:
        print_out(json_text(versions()))
    else:
        show_versions()


def _held(campaign: Campaign) -> dict[str, Any]:
    """What a campaign holds, as JSON has it."""
    history = campaign.history
    return {
        "name": campaign.name,
        "value": campaign.value,
        "offers": campaign.offers.num_rows,
        "customers": len(campaign.candidates.customers),
        "candidates": len(campaign.candidates),
        "history": 0 if history is None else history.num_rows,
        "rules": [rule.name for rule in campaign.rules],
        "limits": [limit.name for limit in campaign.limits],
    }
