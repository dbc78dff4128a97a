"""`Cluster`: where a campaign is solved that is worked on in shards."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ...utils.checks import is_whole, shown
from ...utils.errors import InvalidInput
from ..checkpoint_file import CheckpointFile
from .engine import ClusterEngine
from .journaled import JournaledRunner
from .recipe import ShardRecipe, Shards
from .runner import Runner
from .store import absolute


@dataclass(frozen=True, eq=False)
class Cluster:
    """Solve over shards in a folder, by tasks that somebody runs.

    The allocation is that of a solve on one machine, bit for bit, however many shards and workers there are.

    Attributes
    ----------
    runner : Runner
        Runs tasks.
    store : str or Path
        Folder of the shards, which this process and all workers reach by the same name, or a URI of a file system that
        PyArrow or fsspec knows, such as `s3://bucket/shards`: workers then copy shards to a disk of their own. Shards
        of the same campaign that are there are used again.
    shard_customers : int
        Customers of a shard, where shards are written.

    Examples
    --------
    >>> import couponry, tempfile
    >>> campaign = couponry.Campaign(
    ...     {"offer": ["tea"]}, {"customer": [1, 2], "offer": ["tea", "tea"], "value": [2.0, 3.0]}
    ... )
    >>> runner = couponry.engines.InProcessRunner(threads=2)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     engine = couponry.engines.Cluster(runner, folder, shard_customers=1)
    ...     campaign.solve(engine=engine).objective
    5.0
    """

    runner: Runner
    store: str | Path
    shard_customers: int = 1_000_000

    def __post_init__(self) -> None:
        if not isinstance(self.runner, Runner):
            raise InvalidInput(f"runner: expected a Runner, got {shown(self.runner)}")
        if not isinstance(self.store, str | Path) or not str(self.store):
            raise InvalidInput(f"store: expected the path of a folder, got {shown(self.store)}")
        if not is_whole(self.shard_customers) or self.shard_customers < 1:
            raise InvalidInput(
                f"shard_customers: expected a whole number from 1 up, got {shown(self.shard_customers)}"
            )

    def place(self, name: str) -> str:
        """Name one of several stores of shards in the folder.

        Parameters
        ----------
        name : str

        Returns
        -------
        str
            An absolute path or a URI.
        """
        return f"{absolute(self.store)}/{name}"

    def engine(
        self,
        store: Shards,
        backend: str,
        seed: int,
        threads: int,
        journal: CheckpointFile | None = None,
    ) -> ClusterEngine:
        """Make the engine over shards.

        Parameters
        ----------
        store : Shards
        backend : str
            Name of the kernels' backend.
        seed : int
            Breaks ties.
        threads : int
            Of this process.
        journal : CheckpointFile, optional
            Where answers of tasks are written down, and looked up.

        Returns
        -------
        ClusterEngine
        """
        runner = self.runner if journal is None else JournaledRunner(self.runner, journal)
        return ClusterEngine(ShardRecipe(store, backend, seed), runner, threads)
