"""Files that a table is made of, the schema that they share, and `pyarrow.dataset`, which reads them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa

from ..utils.checks import check_path, shown
from ..utils.errors import InvalidInput, first_line
from ..utils.lazy_imports import LazyModule
from .arrow_columns import without_empty_chunks
from .plain_types import as_type, plain_type
from .refusals.near_misses import hint_of_file

if TYPE_CHECKING:
    import pyarrow.dataset as dataset
else:  # at its first use: it imports pandas wherever that is installed
    dataset = LazyModule("pyarrow.dataset")

__all__ = [
    "common_schema",
    "dataset",
    "empty_table",
    "fitted",
    "in_blocks",
    "list_files",
    "plain_schema",
    "reading",
]

ALL_COLUMNS = b"couponry.columns"
"""Where the metadata of a schema keep the names of all columns, of which some were not read."""

HIDDEN = ("_", ".")
"""How the names begin of what writers leave beside their files: _SUCCESS, .0.parquet.crc."""


def list_files(folder: Path, name: str | list[str], what: str) -> list[Path]:
    """List the files of a table.

    Parameters
    ----------
    folder : Path
        What `name` is relative to.
    name : str or list of str
        The files, as `tables.read` takes them.
    what : str
        Name of the table, for messages.

    Returns
    -------
    list of Path
        At least one.

    Raises
    ------
    InvalidInput
    """
    names = name if isinstance(name, list) else [name]
    if not names or not all(isinstance(n, str) and n for n in names):
        raise InvalidInput(
            f"table {what}: expected a file name or a list of them, got {shown(name)}"
        )
    try:
        paths = [path for pattern in names for path in _meant_by(pattern, folder, what)]
        return [file for path in paths for file in _inside(path, what)]
    except OSError as error:
        raise InvalidInput(
            f"table {what}: cannot look for {shown(name)}: {error.strerror}"
        ) from error


def _meant_by(pattern: str, folder: Path, what: str) -> list[Path]:
    """The files and folders that a name stands for."""
    check_path(pattern, f"table {what}")
    if any(c in pattern for c in "*?[") and not (folder / pattern).exists():
        root, rest = folder, pattern
        if pattern.startswith("/"):
            root, rest = Path("/"), pattern.lstrip("/")
        try:
            hits = sorted(hit for hit in root.glob(rest) if not hit.name.startswith(HIDDEN))
        except (ValueError, IndexError) as error:
            raise InvalidInput(f"table {what}: {shown(pattern)}: {first_line(error)}") from error
    else:
        hits = [folder / pattern]
    if not hits or not all(hit.exists() for hit in hits):
        raise InvalidInput(f"table {what}: no file {pattern!r} in {folder}")
    return hits


def _inside(path: Path, what: str) -> list[Path]:
    """The file itself, or the files of a folder."""
    if not path.is_dir():
        if not path.is_file():  # it may be waited for, or never end
            raise InvalidInput(
                f"table {what}: expected a file or a folder, got a pipe, socket or device: {path}"
            )
        return [path]
    found = [
        file
        for file in sorted(path.rglob("*"))
        if file.is_file() and not any(p.startswith(HIDDEN) for p in file.relative_to(path).parts)
    ]
    if not found:
        raise InvalidInput(f"table {what}: no file in folder {path}")
    return found


def common_schema(paths: list[Path], schemas: list[pa.Schema], what: str) -> pa.Schema:
    """Find the schema of a table in several files; they must have the same columns, of types that fit.

    Parameters
    ----------
    paths : list of Path
        The files.
    schemas : list of pyarrow.Schema
        Of each file.
    what : str
        Name of the table, for messages.

    Returns
    -------
    pyarrow.Schema
        With types that hold the values of all files.

    Raises
    ------
    InvalidInput
    """
    names = set().union(*(schema.names for schema in schemas))
    for path, schema in zip(paths, schemas, strict=True):
        for missing in sorted(names - set(schema.names)):  # or its rows would be without a value
            raise InvalidInput(
                f"table {what}: {path} has no column {missing!r}, but other files of the table have"
            )
    try:
        return pa.unify_schemas(schemas, promote_options="permissive")
    except pa.ArrowException as error:
        raise InvalidInput(f"table {what}: its files do not fit: {first_line(error)}") from error


def fitted(part: pa.Table, schema: pa.Schema, what: str) -> pa.Table:
    """Give a part of a table the columns and types of the whole.

    Parameters
    ----------
    part : pyarrow.Table
        The part.
    schema : pyarrow.Schema
        Of the whole.
    what : str
        Name of the table, for messages.

    Returns
    -------
    pyarrow.Table
        Of that schema.

    Raises
    ------
    InvalidInput
    """
    columns = []
    for field in schema:
        try:
            column = as_type(without_empty_chunks(part[field.name]), field.type)
            column.validate()  # lists that PyArrow could not make plain
            columns.append(column)
        except pa.ArrowException as error:
            raise InvalidInput(
                f"table {what}, column {field.name!r}: its parts do not fit: {first_line(error)}"
            ) from error
    return pa.table(columns, schema)


def in_blocks(batches: Iterable[pa.Table], rows: Callable[[], int]) -> Iterator[pa.Table]:
    """Yield the same rows in tables of as many rows as `rows()` says each time; the last has what is left.

    Parameters
    ----------
    batches : iterable of pyarrow.Table
        Of one schema.
    rows : callable
        Returns the number of rows of the next table.

    Yields
    ------
    pyarrow.Table
        The next rows.
    """
    waiting: list[pa.Table] = []
    count = 0
    for batch in batches:
        waiting.append(batch)
        count += len(batch)
        while count >= (size := rows()):  # asked once: another thread may change what it says
            table = pa.concat_tables(waiting)
            yield table.slice(0, size)
            count -= size
            waiting = [table.slice(size)] if count else []
    if count:
        yield pa.concat_tables(waiting)


def empty_table(schema: pa.Schema) -> pa.Table:
    """Make a table without rows, of any types: `Schema.empty_table` has none for unions.

    Parameters
    ----------
    schema : pyarrow.Schema

    Returns
    -------
    pyarrow.Table
    """
    return pa.table([pa.chunked_array([], field.type) for field in schema], schema)


def plain_schema(schema: pa.Schema, what: str, columns: list[str] | None) -> pa.Schema:
    """Find the schema of these columns (None: all), with types that Arrow's functions take.

    Parameters
    ----------
    schema : pyarrow.Schema
        Of a table.
    what : str
        Name of the table, for messages.
    columns : list of str or None
        Those to keep, as far as they are there.

    Returns
    -------
    pyarrow.Schema
        Of plain types.

    Raises
    ------
    InvalidInput
    """
    check_names(schema.names, what)
    names = schema.names if columns is None else [c for c in columns if c in schema.names]
    every = all_columns(schema)
    metadata = {ALL_COLUMNS: json.dumps(every)} if len(names) < len(every) else None
    fields = [pa.field(name, plain_type(schema.field(name).type)) for name in names]
    return pa.schema(fields, metadata)


def remember_columns(table: pa.Table, names: list[str]) -> pa.Table:
    """Keep with a table which columns it has where it came from.

    Parameters
    ----------
    table : pyarrow.Table
        Of some of the columns.
    names : list of str
        All columns.

    Returns
    -------
    pyarrow.Table
        The same rows.
    """
    return table.replace_schema_metadata({ALL_COLUMNS: json.dumps(names)})


def all_columns(schema: pa.Schema) -> list[str]:
    """List the columns that a table had where it came from, those that were not read, too.

    Parameters
    ----------
    schema : pyarrow.Schema
        As `plain_schema` made it.

    Returns
    -------
    list of str
    """
    kept = (schema.metadata or {}).get(ALL_COLUMNS)
    return schema.names if kept is None else list(json.loads(kept))


def check_names(names: list[str], what: str) -> None:
    """Refuse a table that has two columns of one name.

    Parameters
    ----------
    names : list of str
        Names of the columns.
    what : str
        Name of the table, for messages.

    Raises
    ------
    InvalidInput
    """
    for name in names:
        if names.count(name) > 1:
            raise InvalidInput(f"table {what}: column {name!r} is there {names.count(name)} times")


@contextmanager
def reading(path: Path, what: str) -> Iterator[None]:
    """Turn errors of reading a file into InvalidInput that names the table and the file.

    Parameters
    ----------
    path : Path
        The file.
    what : str
        Name of the table, for messages.
    """
    try:
        yield
    except InvalidInput:
        raise
    except (pa.ArrowException, OSError, ValueError) as error:
        line = first_line(error)
        near = hint_of_file(path, line)
        raise InvalidInput(f"table {what}: cannot read {path}: {line}{near}") from error
