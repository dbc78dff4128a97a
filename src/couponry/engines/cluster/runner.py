"""Who runs tasks over shards: Spark, Dask, a pool of processes or this process. Two methods, `sum` and `map`.

A task is a recipe: a frozen dataclass that can be pickled and holds where candidates are, and what is asked of them. A
worker keeps nothing that must survive, so that whoever runs tasks may run one twice, elsewhere or at the same time, and
takes one of the answers.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any, Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from .first_of_unit import CUSTOMER, FIRST, plain, with_first_here
from .work import Rows, answer_of, packed_task, work_on_rows

POLL_SECONDS = 0.1
"""How often a runner that waits looks whether a pass was cancelled."""


class Task(Protocol):
    """Work on some shards; its answer depends on nothing but its fields and their numbers."""

    def __call__(self, shards: tuple[int, ...], threads: int) -> Any:
        """Do it, in a worker.

        Parameters
        ----------
        shards : tuple of int
            Numbers of shards, ascending.
        threads : int
            Threads that the worker may use.

        Returns
        -------
        object
            Can be pickled. For `Runner.sum`: a tuple of arrays of whole numbers, of any type, added up over the
            shards. For `Runner.map`: a list with an entry for each shard.
        """
        ...


class Runner:
    """Runs tasks: what engines over clusters ask for, all but how a task gets to a worker.

    Whoever runs tasks somewhere writes a class with `run`.

    Attributes
    ----------
    name : str
        What a result calls the engine.
    tasks : int
        Tasks that run at a time: shards are shared out among so many.
    threads : int
        Threads of each task.
    """

    name: str
    tasks: int
    threads: int

    def run(self, task: bytes, shares: Sequence[tuple[int, ...]]) -> list[bytes]:
        """Have `work.work(task, share, threads)` called for every share, anywhere, and return what comes back.

        Parameters
        ----------
        task : bytes
            The same for all shares.
        shares : sequence of tuple of int
            Numbers of shards, one tuple for each call.

        Returns
        -------
        list of bytes
            In the order of the shares; one answer for each, however often it was computed.
        """
        raise NotImplementedError

    def sum(self, task: Task, shards: Sequence[int]) -> tuple[NDArray[np.int64], ...]:
        """Add up what a task counts over all shards; each worker adds up its own first.

        Parameters
        ----------
        task : Task
        shards : sequence of int

        Returns
        -------
        tuple of ndarray of int64

        Raises
        ------
        InvalidInput
            Where a shard cannot be read, or a worker would not compute the same bits.
        """
        answers = self._answers(task, shards)
        total = tuple(table.astype(np.int64) for table in next(answers))
        for tables in answers:
            for sums, table in zip(total, tables, strict=True):
                sums += table
        return total

    def map(self, task: Task, shards: Sequence[int]) -> list[Any]:
        """Gather what a task makes of each shard.

        Parameters
        ----------
        task : Task
        shards : sequence of int

        Returns
        -------
        list
            In the order of the shards.

        Raises
        ------
        InvalidInput
            As `sum` does.
        """
        return [part for answer in self._answers(task, shards) for part in answer]

    def takes(self, table: Any) -> bool:
        """Tell whether a table is one of the cluster's own, as `on_rows` takes it beside those of PyArrow.

        Parameters
        ----------
        table : object

        Returns
        -------
        bool
        """
        return False

    def schema(self, table: Any) -> pa.Schema:
        """Tell the columns of a table that `on_rows` takes.

        Parameters
        ----------
        table : pyarrow.Table, or a table of the cluster

        Returns
        -------
        pyarrow.Schema
        """
        return table.schema

    def on_rows(
        self, task: Any, tables: Mapping[str, Any], customers: int, unit: str | None = None
    ) -> list[Any]:
        """Have a task done with the rows of tables, part by part; here, unless the runner has tables of its own.

        Parameters
        ----------
        task : callable
            Can be pickled; called as `task(number, rows, threads)`, see `work.work_on_rows`.
        tables : mapping of str to object
            Each with a column `customer`. The customers of the first one are parted, about `customers` to a part.
        customers : int
        unit : str, optional
            Column of the table `customers` that says who is one unit: units are parted, by their first customers.

        Returns
        -------
        list
            What the task returned for each part, in the customers' order.

        Raises
        ------
        InvalidInput
            What the task says instead.
        """
        packed, by = packed_task(task), CUSTOMER
        if unit is not None:
            tables, by = with_first_here(tables, unit), FIRST
        parts = enumerate(parts_by_customer(tables, customers, by))
        found = (work_on_rows(packed, n, iter(rows), self.threads) for n, rows in parts)
        return [answer_of(one) for one in found]

    def rows(self, task: Task, shards: Sequence[int], schema: pa.Schema) -> Any:
        """Make a table of what a task makes of shards; here, unless the runner has tables of its own.

        Parameters
        ----------
        task : Task
            Returns a table for each shard, and the same whenever it is asked.
        shards : sequence of int
        schema : pyarrow.Schema
            Of the tables.

        Returns
        -------
        pyarrow.Table, or a table of the cluster
            As `on_rows` takes it; workers make its rows when it is asked for them.
        """
        return pa.concat_tables([schema.empty_table(), *self.map(task, shards)])

    def close(self) -> None:
        """Give back what was started for it."""

    def _answers(self, task: Task, shards: Sequence[int]) -> Iterator[Any]:
        """Answers one after the other, none of which is held as it was sent while the next is unpacked."""
        found = self.run(packed_task(task), shared_out(shards, self.tasks))
        found.reverse()
        while found:
            yield answer_of(found.pop())


def parts_by_customer(
    tables: Mapping[str, pa.Table], customers: int, by: str = CUSTOMER
) -> Iterator[list[Rows]]:
    """Part the rows of tables by customers; rows of others than those of the first table are of the first part.

    Parameters
    ----------
    tables : mapping of str to pyarrow.Table
    customers : int
        Of a part.
    by : str
        Column that says who they are.

    Yields
    ------
    list of (str, pyarrow.RecordBatch)
    """
    first, *_ = tables.values()
    known = pc.unique(plain(first[by])).drop_null()
    known = known.take(pc.sort_indices(known))
    part = {}
    for name, table in tables.items():
        number = pc.index_in(plain(table[by]).cast(known.type), value_set=known)
        part[name] = pc.fill_null(pc.divide(number, customers), 0)
    for n in range(max(1, -(-len(known) // customers))):
        rows = [(name, table.filter(pc.equal(part[name], n))) for name, table in tables.items()]
        yield [(name, batch) for name, some in rows for batch in some.to_batches()]


def shared_out(shards: Sequence[int], tasks: int) -> list[tuple[int, ...]]:
    """Share shards out among tasks: consecutive ones, about as many each; none has nothing to do.

    Parameters
    ----------
    shards : sequence of int
    tasks : int
        At most.

    Returns
    -------
    list of tuple of int
    """
    count = max(1, min(tasks, len(shards)))
    cuts = [len(shards) * i // count for i in range(count + 1)]
    return [tuple(shards[start:stop]) for start, stop in pairwise(cuts)]
