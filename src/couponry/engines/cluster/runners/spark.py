"""`Spark`: solve over shards on a Spark session, classic or Connect."""

from __future__ import annotations

import gc
import re
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, wait
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from ....utils.checks import shown
from ....utils.errors import InvalidInput
from ....utils.progress.watch import check_cancelled
from ....utils.version import __version__
from ..cluster import Cluster
from ..first_of_unit import CUSTOMER, FIRST, SEEN
from ..runner import POLL_SECONDS, Runner, Task
from ..work import Rows, answer_of, packed_task, work, work_on_rows

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

Part = tuple[int, int, bytes]
"""What a task sends of the answer of a share: the number of that, where the bytes begin, and these."""

COLUMNS = ["share", "start", "answer"]
ANSWER = "share long, start long, answer binary"
"""The same as columns."""

UNIT = "unit"
"""What the column that says who is one unit is called meanwhile."""

PART_BYTES = 1 << 24
"""Bytes of an answer in a row: Spark copies rows whole several times, and has none of 2 GiB."""


NEEDED = frozenset({"couponry", "numpy", "pyarrow", "pandas"})
"""Modules that workers import."""

_MISSING = re.compile(r"No module named '(\w+)'")
_ANOTHER = re.compile(r"No module named 'couponry\.|<module 'couponry\.")

_REFUSED = re.compile(
    r"^(?:couponry\.utils\.errors\.)?(InvalidInput|PermissionError|OSError): (.+)$", re.M
)
"""The last line of what Python says of a worker's error: of ours, and of disks that are full or not to be written."""


class Spark(Cluster):
    """Solve over shards, by tasks on a Spark session.

    Parameters
    ----------
    session : pyspark.sql.SparkSession
        Of Spark 4.
    store : str or Path
        Folder of the shards, which the driver and all executors reach by the same name, or a URI; see `Cluster`.
    shard_customers : int
        Customers of a shard, where shards are written.
    tasks : int, optional
        Spark tasks of a pass. Default: as many as run at a time on the executors that are there now.

    Raises
    ------
    InvalidInput
        If an argument is something else.
    """

    def __init__(
        self,
        session: SparkSession,
        store: str | Path,
        shard_customers: int = 1_000_000,
        tasks: int | None = None,
    ):
        super().__init__(SparkRunner(session, tasks), store, shard_customers)


class SparkRunner(Runner):
    """Runs tasks on a Spark session: a job for each question, and one Spark task for each share of the shards.

    Spark runs what was lost with an executor again by itself. Tasks ask nothing of each other.

    Parameters
    ----------
    session : pyspark.sql.SparkSession
        Of Spark 4; classic or Connect.
    tasks : int, optional
        Tasks that run at a time. Default: the cores of all executors that are there, by `spark.task.cpus`.

    Notes
    -----
    A Spark task costs some 0.05 s of processor time, whatever it does: one for each executor, with as many threads as
    that has cores (`spark.task.cpus` equal to `spark.executor.cores`), is cheapest.
    """

    name = "spark"

    def __init__(self, session: SparkSession, tasks: int | None = None):
        if not hasattr(session, "range"):
            raise InvalidInput(f"session: expected a SparkSession, got {shown(session)}")
        self._session = session
        self.threads = int(session.conf.get("spark.task.cpus", None) or 1)
        self.tasks = tasks or max(1, _cores(session) // self.threads)
        # a job of an RDD takes half of what one of a DataFrame does, and Connect has the latter alone
        self._by_rdd = not _is_remote()
        self._parts = dict[int, Any]()

    def run(self, task: bytes, shares: Sequence[tuple[int, ...]]) -> list[bytes]:
        """See `Runner.run`."""
        count, share = len(shares), _Share(task, tuple(shares), self.threads)
        if self._by_rdd:
            parts = self._parts_of(count).mapPartitionsWithIndex(share.of_part)
            return _whole(self._finished(parts.collect))
        numbers = self._session.range(0, count, 1, count)  # a partition for each
        return _whole(self._finished(numbers.mapInArrow(share, ANSWER).collect))

    def _parts_of(self, count: int) -> Any:
        """An RDD of so many parts with nothing in them, made once."""
        if count not in self._parts:
            self._parts[count] = self._session.sparkContext.parallelize([], count)
        return self._parts[count]

    def takes(self, table: Any) -> bool:
        """See `Runner.takes`: DataFrames of Spark, classic or Connect."""
        return hasattr(table, "mapInArrow")

    def schema(self, table: Any) -> pa.Schema:
        """See `Runner.schema`."""
        return table.limit(0).toArrow().schema if self.takes(table) else table.schema

    def on_rows(
        self, task: Any, tables: Mapping[str, Any], customers: int, unit: str | None = None
    ) -> list[Any]:
        """See `Runner.on_rows`: Spark parts and sorts the rows, and hands them to workers."""
        frames = {
            name: table if self.takes(table) else self._session.createDataFrame(table)
            for name, table in tables.items()
        }
        by = CUSTOMER
        if unit is not None:
            frames, by = _with_first(frames, unit), FIRST
        first, *_ = frames.values()
        distinct = first.selectExpr(f"approx_count_distinct({_quoted(by)}) AS number")
        [[number]] = self._finished(distinct.collect)
        parts = max(1, -(-int(number) // customers))
        rows = _one_table(frames, by).repartitionByRange(parts, _quoted(by))
        rows = rows.sortWithinPartitions(_quoted(by))
        packed = packed_task(task)
        answers = rows.mapInArrow(_RowsOfPart(packed, tuple(frames), by, self.threads), ANSWER)
        return [answer_of(found) for found in _whole(self._finished(answers.collect))]

    def rows(self, task: Task, shards: Sequence[int], schema: pa.Schema) -> Any:
        """See `Runner.rows`: a DataFrame, a part of it for each shard."""
        from pyspark.sql.pandas.types import from_arrow_schema

        numbers = self._session.range(0, len(shards), 1, len(shards))
        made = _RowsOfShards(packed_task(task), tuple(shards), self.threads)
        return numbers.mapInArrow(made, from_arrow_schema(schema))

    def _finished(self, ask: Callable[[], list[Any]]) -> list[Any]:
        """Wait for a job in a thread of its own, and end it where this thread is told to stop."""
        from pyspark import InheritableThread

        tag = f"couponry-{uuid.uuid4().hex}"
        done: Future[list[Any]] = Future()
        if _is_remote():
            add, cancel = self._session.addTag, self._session.interruptTag
        else:  # whose session tags do not reach jobs of Python
            context = self._session.sparkContext
            add, cancel = context.addJobTag, context.cancelJobsWithTag

        def collect() -> None:
            add(tag)  # of this thread, which ends with the job
            try:
                done.set_result(ask())
            except BaseException as error:
                done.set_exception(error)

        thread = InheritableThread(collect, session=self._session, daemon=True)
        thread.start()
        try:
            while not wait([done], POLL_SECONDS).done:
                check_cancelled()
        except BaseException:
            while not wait([done], POLL_SECONDS).done:  # it may not have begun
                cancel(tag)
            raise
        finally:
            thread.join()
        return _told(done)


@dataclass(frozen=True)
class _Share:
    """What a Spark task does: the share of its number, which is that of its part of an RDD, or the row that it gets."""

    task: bytes
    shares: tuple[tuple[int, ...], ...]
    threads: int

    def __call__(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """See `answers`; of a DataFrame."""
        for batch in batches:
            yield from map(_row, self.answers(batch.column(0).to_pylist()))

    def answers(self, numbers: Iterable[int]) -> Iterator[Part]:
        """Parts of the answers of shares."""
        for number in numbers:
            yield from _parts(number, work(self.task, self.shares[number], self.threads))
        _keep_what_is_imported()

    def of_part(self, number: int, nothing: Iterable[Any]) -> Iterator[Part]:
        """See `answers`; of a part of an RDD, which is read to its end, or else Spark ends the worker."""
        assert not list(nothing)
        return self.answers([number])


@dataclass(frozen=True)
class _RowsOfPart:
    """What a Spark task does with its part of the rows of tables."""

    task: bytes
    names: tuple[str, ...]
    by: str
    threads: int

    def __call__(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        from pyspark import TaskContext

        context = TaskContext.get()
        assert context is not None
        number = context.partitionId()
        rows = (part for batch in batches for part in self._by_table(batch))
        yield from map(_row, _parts(number, work_on_rows(self.task, number, rows, self.threads)))

    def _by_table(self, batch: pa.RecordBatch) -> Iterator[Rows]:
        """Rows of each table, of a batch of `_one_table`."""
        if len(self.names) == 1:
            yield self.names[0], batch
            return
        for name in self.names:
            own = batch.filter(batch.column(name).is_valid())
            if own.num_rows:
                struct = own.column(name)
                columns = {self.by: own.column(self.by)}
                for place, field in enumerate(struct.type):
                    columns[field.name] = struct.flatten()[place]
                yield name, pa.RecordBatch.from_pydict(columns)


@dataclass(frozen=True)
class _RowsOfShards:
    """What a Spark task does to make rows of shards, of which it gets the places in their list."""

    task: bytes
    shards: tuple[int, ...]
    threads: int

    def __call__(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            for place in batch.column(0).to_pylist():
                [table] = answer_of(work(self.task, (self.shards[place],), self.threads))
                yield from table.to_batches()


def _with_first(frames: Mapping[str, Any], unit: str) -> dict[str, Any]:
    """Tables with the first customer of each row's unit; see `first_of_unit`."""
    from pyspark.sql import functions as f

    candidates, *_ = frames.values()
    seen = candidates.select(CUSTOMER).distinct().withColumn(SEEN, f.lit(True))
    said = f.col(_quoted(unit))
    said = f.when(said.cast("string") != "", said)  # empty text says nothing, as null does
    members = frames["customers"].select(CUSTOMER, said.alias(UNIT))
    members = members.join(seen, CUSTOMER, "left")
    counted = members.where(f.col(_quoted(SEEN)) & f.col(UNIT).isNotNull())
    firsts = counted.groupBy(UNIT).agg(f.min(CUSTOMER).alias(FIRST))
    known = members.join(firsts, UNIT, "left").select(CUSTOMER, _quoted(FIRST))
    known = known.dropDuplicates([CUSTOMER])
    own = f.coalesce(f.col(_quoted(FIRST)), f.col(CUSTOMER))
    return {
        name: frame.join(known, CUSTOMER, "left").withColumn(FIRST, own)
        for name, frame in frames.items()
    }


def _quoted(name: str) -> str:
    """A column's name as Spark's expressions take it, whatever it has in it."""
    return "`" + name.replace("`", "``") + "`"


def _one_table(frames: Mapping[str, Any], by: str) -> Any:
    """Tables as one: a column to part by, and for each table a struct of its other columns, null in others' rows."""
    from functools import reduce

    from pyspark.sql import functions as f

    if len(frames) == 1:
        return next(iter(frames.values()))
    parts = []
    for name, frame in frames.items():
        others = [_quoted(column) for column in frame.columns if column != by] or [_quoted(by)]
        parts.append(frame.select(_quoted(by), f.struct(*others).alias(name)))
    return reduce(lambda one, other: one.unionByName(other, allowMissingColumns=True), parts)


@cache
def _keep_what_is_imported() -> None:
    """Have Python's collector, which Spark calls after each task, look no more at what lives as long as the worker."""
    gc.collect()
    gc.freeze()


def _parts(number: int, answer: bytes) -> Iterator[Part]:
    """An answer as it is sent."""
    for start in range(0, len(answer), PART_BYTES):
        yield number, start, answer[start : start + PART_BYTES]


def _row(part: Part) -> pa.RecordBatch:
    """The same as a row of a DataFrame."""
    return pa.RecordBatch.from_arrays([pa.array([value]) for value in part], COLUMNS)


def _whole(rows: list[Any]) -> list[bytes]:
    """Answers, in order, of what was sent, which is let go of on the way."""
    rows.sort(reverse=True)
    answers = list[bytes]()
    while rows:
        number, parts = rows[-1][0], list[bytes]()
        while rows and rows[-1][0] == number:
            parts.append(rows.pop()[2])
        answers.append(b"".join(parts))
    return answers


def _is_remote() -> bool:
    """Whether sessions are of Spark Connect."""
    from pyspark.sql import is_remote

    return bool(is_remote())


def _cores(session: SparkSession) -> int:
    """Cores of all executors: Spark cuts a range into so many parts."""
    parts = session.range(1 << 16).selectExpr("spark_partition_id() AS part")
    [[last]] = parts.agg({"part": "max"}).collect()
    return int(last) + 1


def _told(done: Future[list[Any]]) -> list[Any]:
    """What a job came to; what has gone wrong in a worker is said in a line."""
    try:
        return done.result()
    except Exception as error:
        said = _line_of(str(error))
        if said is None:
            raise
        raise InvalidInput(said) from error


def _line_of(text: str) -> str | None:
    """What an error of Spark's comes to that would come again wherever the task ran; None: another one."""
    missing = _MISSING.search(text)
    if missing and missing[1] in NEEDED:
        return (
            f"engine spark: expected couponry and what it needs on every worker, but there is no {missing[1]}; install "
            "it there, send an environment along with spark.archives, or have PYSPARK_PYTHON name a Python that has it"
        )
    if "spark.driver.maxResultSize" in text:
        return "engine spark: answers of workers are larger than spark.driver.maxResultSize allows; set it higher"
    if _ANOTHER.search(text):
        return f"worker: expected couponry {__version__} as on the driver, got another version"
    refused = _REFUSED.search(text)
    if refused is None:
        return None
    kind, said = refused.groups()
    return str(said) if kind == InvalidInput.__name__ else f"worker: {kind}: {said}"
