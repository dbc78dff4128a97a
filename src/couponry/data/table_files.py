"""Files that a table is made of, the schema that they share, and `pyarrow.dataset`, which reads them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa

from ..utils.errors import InvalidInput
from ..utils.lazy_imports import LazyModule
from .arrow_columns import uuid_texts

if TYPE_CHECKING:
    import pyarrow.dataset as dataset
else:  # at its first use: it imports pandas wherever that is installed
    dataset = LazyModule("pyarrow.dataset")

__all__ = [
    "common_schema",
    "dataset",
    "first_line",
    "fitted",
    "list_files",
    "plain_schema",
]

UUID = pa.uuid()

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
        raise InvalidInput(f"table {what}: expected a file name or a list of them, got {name!r}")
    paths: list[Path] = []
    for pattern in names:
        if any(c in pattern for c in "*?[") and not (folder / pattern).exists():
            root, rest = (
                (Path("/"), pattern.lstrip("/")) if pattern.startswith("/") else (folder, pattern)
            )
            hits = sorted(hit for hit in root.glob(rest) if not hit.name.startswith(HIDDEN))
        else:
            hits = [folder / pattern]
        if not hits or not all(hit.exists() for hit in hits):
            raise InvalidInput(f"table {what}: no file {pattern!r} in {folder}")
        paths += hits
    return [file for path in paths for file in _inside(path, what)]


def _inside(path: Path, what: str) -> list[Path]:
    """The file itself, or the files of a folder."""
    if not path.is_dir():
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
    try:
        return with_text_of_uuids(part.select(schema.names)).cast(schema)
    except pa.ArrowException as error:
        raise InvalidInput(f"table {what}: its files do not fit: {first_line(error)}") from error


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
        Without views of strings and lists.

    Raises
    ------
    InvalidInput
    """
    check_names(schema.names, what)
    names = schema.names if columns is None else [c for c in columns if c in schema.names]
    return pa.schema(
        [schema.field(name).with_type(_plain_type(schema.field(name).type)) for name in names]
    )


def _plain_type(kind: pa.DataType) -> pa.DataType:
    """The type with views (as Polars hands them over) replaced by what Arrow's functions take; UUIDs are text."""
    if kind == pa.string_view() or kind == UUID:
        return pa.large_string()
    if pa.types.is_dictionary(kind) and kind.value_type == pa.string_view():
        return pa.dictionary(pa.int32(), pa.large_string())
    if any(test(kind) for test in (pa.types.is_list, pa.types.is_large_list, pa.types.is_list_view,
                                   pa.types.is_large_list_view, pa.types.is_fixed_size_list)):  # fmt: skip
        return pa.large_list(_plain_type(kind.value_type))
    return kind


def with_text_of_uuids(table: pa.Table) -> pa.Table:
    """Write UUIDs as text.

    Parameters
    ----------
    table : pyarrow.Table
        May have columns of UUIDs.

    Returns
    -------
    pyarrow.Table
        With text in their place, 36 characters each, lower case.
    """
    for place, field in enumerate(table.schema):
        if field.type == UUID:
            table = table.set_column(place, field.name, uuid_texts(table[field.name]))
    return table


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


def first_line(error: BaseException) -> str:
    """Return the first line of an error's message.

    Parameters
    ----------
    error : Exception
        Of Arrow, whose messages can be long.

    Returns
    -------
    str
        The name of its class where it has no message.
    """
    return (str(error).splitlines() or [type(error).__name__])[0]
