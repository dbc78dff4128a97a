"""A good campaign folder that a test spoils before it is written."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
from tests.support.campaigns import SLOTS, Tables, random_tables, replaced, spec, write_folder


@dataclass
class Draft:
    """A good campaign folder that a case spoils before it is written."""

    tables: Tables = field(default_factory=lambda: random_tables(customers=20))
    spec: dict[str, Any] = field(default_factory=spec)
    more: Tables = field(default_factory=dict)
    files: dict[str, bytes] = field(default_factory=dict)
    arguments: list[str] = field(default_factory=list)

    def write(self, folder: Path) -> None:
        write_folder(folder, self.tables, self.spec, **self.more)
        for name, content in self.files.items():
            (folder / name).write_bytes(content)

    # ---- ways to spoil it, each returning the draft

    def put(self, table: str, column: str, row: int, value: Any) -> Draft:
        """Another value in one row."""
        values = self.tables[table][column].to_pylist()
        values[row] = value
        return self.column(table, column, pa.array(values))

    def column(self, table: str, column: str, values: Any) -> Draft:
        self.tables[table] = replaced(self.tables[table], column, values)
        return self

    def each(self, table: str, column: str, value: Any) -> Draft:
        return self.column(table, column, pa.array([value] * self.tables[table].num_rows))

    def cast(self, table: str, column: str, kind: pa.DataType) -> Draft:
        return self.column(table, column, self.tables[table][column].cast(kind))

    def drop(self, table: str, *columns: str) -> Draft:
        self.tables[table] = self.tables[table].drop(list(columns))
        return self

    def rows(self, table: str, rows: list[int]) -> Draft:
        self.tables[table] = self.tables[table].take(pa.array(rows, pa.int64()))
        return self

    def without(self, table: str) -> Draft:
        del self.tables[table]
        return self

    def rule(self, **keys: Any) -> Draft:
        self.spec["customer_rule"] = [SLOTS, {"name": "R", **keys}]
        return self

    def beside(self, name: str, **columns: Any) -> Draft:
        """Another table beside the campaign's."""
        self.more[name] = pa.table(columns)
        return self

    def history(self, **columns: Any) -> Draft:
        self.spec["tables"]["history"] = "history.parquet"
        return self.beside("history", **columns)

    def rules(self, *rules: dict[str, Any]) -> Draft:
        self.spec["customer_rule"] = list(rules)
        return self

    def limit(self, **keys: Any) -> Draft:
        self.spec["limit"] = [{"name": "L", **keys}]
        return self

    def bounds(self, **columns: Any) -> Draft:
        """A limit by supplier whose bounds are this table's."""
        self.more["bounds"] = pa.table(columns)
        return self.limit(sum="count", by="supplier", table="bounds.parquet")

    def says(self, **keys: Any) -> Draft:
        """Other keys in campaign.toml."""
        self.spec.update(keys)
        return self

    def named(self, **names: Any) -> Draft:
        """Other names in [tables]."""
        self.spec["tables"].update(names)
        return self

    def file(self, name: str, content: bytes | str) -> Draft:
        self.files[name] = content.encode() if isinstance(content, str) else content
        return self

    def asks(self, *arguments: str) -> Draft:
        self.arguments = list(arguments)
        return self


Spoil = Callable[[Draft], Draft]

# how a draft is spoilt, and what the one line about it has to say
Case = tuple[Spoil, tuple[str, ...]]
