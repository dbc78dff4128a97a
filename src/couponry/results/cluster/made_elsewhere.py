"""Tasks of workers that make the candidates of customers whose transactions were kept, and write them."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa

from ...affinity.candidates.candidate_model import CandidateModel
from ...affinity.cluster_pipeline import KeptRows
from ...data import tables
from ...data.candidate_batches import CandidateBlocks
from ...data.candidates import Candidates
from ...data.earlier.previous_pairs import PREVIOUS
from ...engines.cluster.places import write_file
from ...engines.cluster.store import write_shard
from ...model.campaign_checks import check_customers
from ...model.campaign_data import CampaignData
from ...model.contact_history import check_history
from ...utils.arrays.array_store import MemoryStore
from .ingestion import Ingested
from .previous_elsewhere import look_up
from .stated_before import CANDIDATES
from .stated_customers import StatedCustomers


@dataclass(frozen=True, eq=False)
class CandidatesOfParts:
    """The candidates of the customers of parts, made when asked for.

    Attributes
    ----------
    rows : KeptRows
    model : CandidateModel
        Fitted.
    campaign : CampaignData
        Stated without customers.
    """

    rows: KeptRows
    model: CandidateModel
    campaign: CampaignData

    def of(self, number: int, threads: int) -> Candidates | None:
        """Make the candidates of the customers of a part.

        Parameters
        ----------
        number : int
            Of the part.
        threads : int

        Returns
        -------
        Candidates or None
            None where nobody has one.
        """
        rows, campaign = self.rows, self.campaign
        if not rows.has_purchases(number):
            return None
        history, allowed = rows.history(number, threads), None
        if campaign.customers is not None:
            customers = rows.table(number, "customers", threads).combine_chunks()
            check_customers(customers)
            allowed = tables.ids(customers, "customers", "customer")
        found = []
        for block in self.model.blocks(history, threads):
            if allowed is not None:
                block = block.of_customers(tables.positions(block.customers, allowed) >= 0)
            found.append(block)
        if not any(map(len, found)):
            return None
        blocks = CandidateBlocks(
            self.model.assortment.offers,
            history.customers.type,
            dict.fromkeys(self.model.columns, np.dtype(np.float32)),
            lambda *_: iter(found),
        )
        made = blocks.collect(MemoryStore(), threads)
        columns = [name for name in campaign.candidates.columns if name in made.columns]
        return replace(made, columns={name: made.columns[name] for name in columns})


@dataclass(frozen=True, eq=False)
class CandidatesTask:
    """Make the candidates of the customers of parts, and write them.

    Attributes
    ----------
    candidates : CandidatesOfParts
    folder : str
        Where shards are written: a path or a URI.
    has_plan : bool
        Whether there is an earlier plan.
    """

    candidates: CandidatesOfParts
    folder: str
    has_plan: bool

    def __call__(self, shards: tuple[int, ...], threads: int) -> list[Ingested]:
        """See `engines.cluster.runner.Task`; no entry where nobody has a candidate."""
        return [self._written(number, threads) for number in shards]

    def _written(self, number: int, threads: int) -> Ingested:
        made, counts = self.candidates.of(number, threads), None
        if made is None:
            return Ingested(None, None)
        customers, past = (self._table(name, number, threads) for name in ("customers", "history"))
        if past is not None:
            check_history(past)
        if self.has_plan:
            pairs = self.candidates.rows.table(number, PREVIOUS, threads)
            made, counts = look_up(made, self.candidates.campaign, pairs, threads)
        stated = StatedCustomers.of_rows(made, customers, past)
        arrays = {**stated.arrays(), "first": np.zeros(1, np.int64)}
        return Ingested(write_shard(self.folder, number, arrays, threads), None, counts)

    def _table(self, name: str, number: int, threads: int) -> pa.Table | None:
        if getattr(self.candidates.campaign, name) is None:
            return None
        return self.candidates.rows.table(number, name, threads).combine_chunks()


@dataclass(frozen=True, eq=False)
class CandidateFilesTask:
    """Make the candidates of the customers of parts, and write them beside their rows.

    Attributes
    ----------
    candidates : CandidatesOfParts
    """

    candidates: CandidatesOfParts

    def __call__(self, shards: tuple[int, ...], threads: int) -> list[tuple[str, str] | None]:
        """See `engines.cluster.runner.Task`; name and digest of a file, none where nobody has a candidate."""
        return [self._written(number, threads) for number in shards]

    def _written(self, number: int, threads: int) -> tuple[str, str] | None:
        made = self.candidates.of(number, threads)
        if made is None:
            return None
        arrays = StatedCustomers(made, None, None).arrays()
        return write_file(
            self.candidates.rows.folder, f"{number:06d}-{CANDIDATES}", arrays, threads
        )
