"""Customers who are in shards already, as an earlier campaign has stated them."""

from __future__ import annotations

import base64
from typing import Any, NamedTuple

import pyarrow as pa

from ...data import tables
from ...data.earlier.previous_pairs import PREVIOUS, PairCounts
from ...data.ids import digest_of
from ...engines.cluster.cluster import Cluster
from ...engines.cluster.store import ShardStore
from ...model.campaign_data import CampaignData
from ...utils.errors import InvalidInput
from .heads import read_heads
from .packing import UNITS

CANDIDATES = "candidates"


class StatedBefore(NamedTuple):
    """Customers who are in shards already.

    Attributes
    ----------
    store : ShardStore
    schemas : dict of str to pyarrow.Schema
        Of the tables, for `stated_without_customers`.
    counts : dict of str to object
        `heads` and `previous` as `CampaignData` has them.
    """

    store: ShardStore
    schemas: dict[str, pa.Schema]
    counts: dict[str, Any]


def ingested(cluster: Cluster) -> StatedBefore:
    """Find shards of customers as they were stated, which were written before.

    Parameters
    ----------
    cluster : Cluster

    Returns
    -------
    StatedBefore

    Raises
    ------
    InvalidInput
        Where there are none.
    """
    store = ShardStore.open(cluster.place(CANDIDATES))
    source = store.manifest.source
    schemas = {
        name: pa.ipc.read_schema(pa.py_buffer(base64.b64decode(text)))
        for name, text in source["schemas"].items()
    }
    heads = read_heads(source["heads"]) if "heads" in source else None
    previous = PairCounts(*source[PREVIOUS]) if PREVIOUS in source else None
    return StatedBefore(store, schemas, {"heads": heads, PREVIOUS: previous})


def check_offers(store: ShardStore, campaign: CampaignData) -> None:
    """Refuse shards that were written with other offers, whose rows candidates name.

    Parameters
    ----------
    store : ShardStore
    campaign : CampaignData

    Raises
    ------
    InvalidInput
    """
    if store.manifest.source["offers"] != offers_digest(campaign):
        raise InvalidInput(
            f"shards {store.folder!r}: they were written with other offers; state the candidates again"
        )


def check_unit_of(store: ShardStore, unit: str | None) -> None:
    """Refuse shards that were written with other units: they would be cut elsewhere.

    Parameters
    ----------
    store : ShardStore
    unit : str or None
        Column of customers that says who is one unit.

    Raises
    ------
    InvalidInput
    """
    known = store.manifest.source.get(UNITS, {}).get("column")
    if known != unit:
        had = "without a unit" if known is None else f"with unit {known!r}"
        raise InvalidInput(
            f"shards {store.folder!r}: they were written {had}; state the candidates again"
        )


def offers_digest(campaign: CampaignData) -> str:
    """A digest of the ids of offers, whose rows candidates name.

    Parameters
    ----------
    campaign : CampaignData

    Returns
    -------
    str
    """
    return digest_of(tables.ids(campaign.offers, "offers", "offer"))
