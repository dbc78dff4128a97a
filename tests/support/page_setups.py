"""What has to be there before the code of a page runs: names, and files in the folder that it runs in."""

from __future__ import annotations

import contextlib
import io
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from pyarrow import csv
from tests.support.journey import scored

import couponry as cp
from couponry.demo.run import demo_campaign

ROOT = Path(__file__).resolve().parents[2]
Names = dict[str, Any]
TABLES = ("offers", "candidates")


def quickstart(folder: Path) -> Names:
    """The campaign of examples/quickstart.py, solved."""
    names: Names = {}
    with contextlib.redirect_stdout(io.StringIO()):
        exec((ROOT / "examples" / "quickstart.py").read_text(encoding="utf-8"), names)
    return names


def small(folder: Path) -> Names:
    """A campaign of 1,000 customers with a budget and suppliers, solved; as FOLDER and DIR, too."""
    random = np.random.default_rng(3)
    offers = {
        "offer": ["tea", "jam", "oats", "rice"],
        "supplier": ["Aldgate", "Aldgate", "Bexley", "Bexley"],
        "margin": [1.2, 2.0, 1.5, 1.8],
        "face_value": [0.5, 0.75, 0.6, 0.7],
    }
    candidates = {
        "customer": np.repeat(np.arange(1_000), 4),
        "offer": offers["offer"] * 1_000,
        "response": random.beta(1, 8, 4_000),
    }
    campaign = cp.Campaign(
        offers,
        candidates,
        rules=[cp.CustomerRule("slots", max=2)],
        limits=[
            cp.Limit("budget", sum="cost", max=150.0),
            cp.Limit("promised", by="supplier", min=600),
        ],
    )
    result = campaign.solve()
    cp.write_campaign(campaign, folder / "FOLDER")
    result.save(folder / "DIR")
    return {"campaign": campaign, "result": result}


def small_tables(folder: Path) -> Names:
    """The same campaign as FOLDER and as tables, not solved yet."""
    campaign = small(folder)["campaign"]
    shutil.rmtree(folder / "DIR")
    tables = {name: pq.read_table(folder / "FOLDER" / f"{name}.parquet") for name in TABLES}
    return {**tables, "rules": campaign.rules, "limits": campaign.limits}


def late_customers(folder: Path) -> Names:
    """The same campaign as FOLDER and DIR, and candidates of customers who come later in two files."""
    small(folder)
    first = pq.read_table(folder / "FOLDER" / "candidates.parquet").slice(0, 12)
    for name, customers in (("late", (-1, -2, 9_999)), ("more", (-3, -4, -5))):
        late = first.set_column(0, "customer", pa.array(np.repeat(customers, 4)))
        pq.write_table(late, folder / f"{name}.parquet")
        csv.write_csv(late, folder / f"{name}.csv")
    return {}


def campaign_folder(folder: Path) -> Names:
    """The same campaign as the folder that pages read as "campaign"."""
    small(folder)
    (folder / "FOLDER").rename(folder / "campaign")
    return {}


def demo_folders(folder: Path) -> Names:
    """What `couponry demo` leaves of campaign 18."""
    campaign = demo_campaign(scored(18), scored(18).candidates, "response", "campaign 18")
    cp.write_campaign(campaign, folder / "couponry-demo" / "campaign-18")
    campaign.solve(threads=2).save(folder / "couponry-demo" / "allocation-18")
    return {}


SETUPS: dict[str, Callable[[Path], Names]] = {
    "README.md": demo_folders,
    "docs/answers.md": quickstart,
    "docs/checks.md": quickstart,
    "docs/clusters.md": campaign_folder,
    "docs/command_line.md": small,
    "docs/large_campaigns.md": small_tables,
    "docs/late_customers.md": late_customers,
    "docs/report.md": small,
    "docs/start.md": demo_folders,
}
"""By page; pages that are not here need nothing."""


def prepare(page: Path, folder: Path) -> Names:
    """Make what a page needs in an empty folder; gives the names that its code begins with."""
    setup = SETUPS.get(page.relative_to(ROOT).as_posix())
    return setup(folder) if setup else {}
