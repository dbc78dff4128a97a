"""The commands that make campaign folders, and help with them: ``score`` and ``schema``."""

from __future__ import annotations

from pathlib import Path

import click

from ..campaign_folder.schema import campaign_schema
from ..campaign_folder.spec import read_spec
from ..folders import read_campaign, write_campaign
from ..utils.errors import InvalidInput
from ..utils.process.standard_streams import native_output_to_stderr, print_out
from .arguments import PathArgument, logging_options, reading_options
from .output import json_text, told_as, warnings_said


@click.command()
@click.argument("folder", type=PathArgument())
@click.option(
    "--out", required=True, type=PathArgument(), help="Campaign folder to write; must not exist."
)
@reading_options
@click.option("--overwrite", is_flag=True, help="Replace the folder if it exists.")
@logging_options
def score(
    folder: Path,
    out: Path,
    store: Path | None,
    memory_limit: str | None,
    overwrite: bool,
    quiet: bool,
) -> None:
    """Make candidates of the transactions in FOLDER, and write them as a campaign folder that solve takes."""
    if read_spec(folder).targeting is None:
        raise InvalidInput("score: campaign.toml: [tables]: expected transactions, got candidates")
    with native_output_to_stderr(), warnings_said():
        campaign = read_campaign(folder, store, memory_limit, progress=told_as(quiet))
        written = write_campaign(campaign, out, overwrite=overwrite)
    print_out(f"{written}\n{campaign.summary()}")


@click.command()
def schema() -> None:
    """Print the JSON Schema of campaign.toml, which editors check and complete it by."""
    print_out(json_text(campaign_schema()))
