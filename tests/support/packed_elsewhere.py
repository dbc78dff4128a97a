"""Random campaigns whose customers are in shards: what workers pack, against what one machine does."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from couponry import ClusterCampaign
from couponry.engines import Cluster, InProcessRunner
from couponry.results.cluster.elsewhere import Elsewhere, packed_elsewhere
from couponry.solver.problem import Problem

from .random_campaigns import RandomCampaign
from .random_units import UnitCampaign

TABLES = "low", "step", "error", "fine_error", "quantity_of", "objective", "lower", "upper"


def stated(
    drawn: RandomCampaign | UnitCampaign, folder: Path, shards: int
) -> tuple[ClusterCampaign, Cluster]:
    """A random campaign whose customers, or households, are in shards."""
    units = drawn.campaign().data.n_units
    cluster = Cluster(InProcessRunner(1, 2), folder, -(-units // shards))
    made = drawn.drawn if isinstance(drawn, UnitCampaign) else drawn
    tables = made.offers, made.candidates, drawn.customers
    return ClusterCampaign(cluster, *tables, **drawn.parts), cluster


def packed(
    drawn: RandomCampaign | UnitCampaign, folder: Path, shards: int = 5
) -> tuple[Problem, Elsewhere]:
    """Its problem as workers make it, and what this process knows of that."""
    campaign, cluster = stated(drawn, folder, shards)
    found = packed_elsewhere(campaign._shards, cluster)
    assert len(found.store.manifest.shards) == shards
    return found.compiled_with(found.engine(cluster, 0, 1)).problem, found


def assert_same(far: Problem, local: Problem) -> None:
    """Every table and array of a problem, gathered, against one made on one machine."""
    assert all(np.array_equal(getattr(far, name), getattr(local, name)) for name in TABLES)
    assert abs(far.rows - local.rows).sum() == 0
    parts = zip((*far.shard[1:], *far.rules), (*local.shard[1:], *local.rules), strict=True)
    assert all(np.array_equal(one, other) for one, other in parts)
    assert np.array_equal(far.packed._held.fine, local.fine)  # type: ignore[attr-defined]
    assert all(map(np.array_equal, far.attributes, local.attributes))
    assert (far.rule_facts, far.customers, far.candidates) == (
        local.rule_facts,
        local.customers,
        local.candidates,
    )
