"""A DuckDB connection with a memory limit and a scratch folder that is removed with it."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple

import pyarrow as pa

from ....utils.errors import InvalidInput, first_line
from ....utils.memory import size_text
from ....utils.progress.cancel import Cancelled
from ....utils.progress.watch import current_watch

MISSING = 'purchase histories need the package duckdb: pip install "couponry[affinity]"'
BATCH_ROWS = 1 << 20
"""Rows of an ordered result that are read at a time."""


class Resources(NamedTuple):
    """What grouping and ordering may use.

    Attributes
    ----------
    memory : int, optional
        Bytes before they go to disk; None: what there is, or DuckDB's own default.
    threads : int
    scratch : pathlib.Path, optional
        Where what goes to disk is put; None: the system's place for temporary files.
    """

    memory: int | None
    threads: int
    scratch: Path | None


class DuckDBSession:
    """A DuckDB database in memory that goes to disk at its limit; a context manager.

    Parameters
    ----------
    resources : Resources
    purpose : str
        What it is used for, such as "grouping the transactions": for errors.
    keep_order : bool
        Whether rows keep their order where a query does not say one.

    Raises
    ------
    ImportError
        If DuckDB is not installed.
    """

    def __init__(self, resources: Resources, purpose: str, *, keep_order: bool = True):
        try:
            import duckdb
        except ImportError as error:
            raise ImportError(MISSING) from error
        self._duckdb: Any = duckdb
        self._memory, self._purpose = resources.memory, purpose
        self._scratch = tempfile.TemporaryDirectory(prefix="couponry-", dir=resources.scratch)
        settings: dict[str, Any] = {
            "threads": resources.threads,
            "temp_directory": self._scratch.name,
        }
        if not keep_order:
            settings["preserve_insertion_order"] = False
        if resources.memory is not None:
            settings["memory_limit"] = f"{resources.memory}B"
        try:
            with self._errors():
                self._connection: Any = duckdb.connect(":memory:", config=settings)
        except BaseException:
            self._scratch.cleanup()
            raise

    def __enter__(self) -> DuckDBSession:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection and remove what it put on disk."""
        self._connection.close()
        self._scratch.cleanup()

    def register(self, name: str, table: pa.Table) -> None:
        """Make an Arrow table known by a name.

        Parameters
        ----------
        name : str
        table : pyarrow.Table
        """
        self._connection.register(name, table)

    @contextmanager
    def stream(
        self, name: str, schema: pa.Schema, batches: Iterable[pa.RecordBatch]
    ) -> Iterator[None]:
        """Make record batches known by a name; an error of theirs is raised as it was, not as DuckDB wraps it.

        Parameters
        ----------
        name : str
        schema : pyarrow.Schema
        batches : iterable of pyarrow.RecordBatch
            Read once, by the first query that names them.

        Yields
        ------
        None
            While queries may name them.
        """
        failed: list[BaseException] = []

        def guarded() -> Iterator[pa.RecordBatch]:
            try:
                yield from batches
            except BaseException as error:
                failed.append(error)
                raise

        self._connection.register(name, pa.RecordBatchReader.from_batches(schema, guarded()))
        try:
            yield
        except Exception:
            if failed:
                raise failed[0] from None
            raise
        self._connection.unregister(name)

    def execute(self, query: str) -> Any:
        """Run a query and return its rows as tuples; InvalidInput if memory runs out.

        Parameters
        ----------
        query : str

        Returns
        -------
        list of tuple

        Raises
        ------
        InvalidInput
            If memory runs out.
        OSError
            If DuckDB cannot read or write what it must.
        """
        with self._errors():
            return self._connection.execute(query).fetchall()

    def table(self, query: str) -> pa.Table:
        """Run a query and return its result as one table.

        Parameters
        ----------
        query : str

        Returns
        -------
        pyarrow.Table

        Raises
        ------
        InvalidInput
            If memory runs out.
        OSError
            If DuckDB cannot read or write what it must.
        """
        with self._errors():
            return self._connection.sql(query).to_arrow_table()

    def tables(self, query: str) -> Iterator[pa.Table]:
        """Run a query and return its result a batch of rows at a time.

        Parameters
        ----------
        query : str

        Yields
        ------
        pyarrow.Table
            At most BATCH_ROWS rows.

        Raises
        ------
        InvalidInput
            If memory runs out.
        OSError
            If DuckDB cannot read or write what it must.
        """
        with self._errors():
            reader = self._connection.sql(query).to_arrow_reader(BATCH_ROWS)
        while True:
            with self._errors():
                batch = next(reader, None)
            if batch is None:
                return
            yield pa.table(batch)

    @contextmanager
    def _errors(self) -> Iterator[None]:
        """Say what a lack of memory, or an error of the system, was met with; whoever cancels ends the query."""
        cancel = current_watch().cancel
        connection = getattr(self, "_connection", None)  # none while it is opened
        try:
            if cancel is None or connection is None:
                yield
            else:
                with cancel.calling(connection.interrupt):
                    yield
        except self._duckdb.InterruptException:
            if cancel is None or not cancel.is_cancelled:
                raise
            raise Cancelled from None
        except self._duckdb.OutOfMemoryException as error:
            allowed = "what is available" if self._memory is None else size_text(self._memory)
            raise InvalidInput(
                f"memory: {self._purpose} needs more than {allowed}: {first_line(error)}"
            ) from None
        except self._duckdb.IOException as error:
            raise OSError(f"{self._purpose}: {first_line(error)}") from None
