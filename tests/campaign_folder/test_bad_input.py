"""Bad input: one line that names where it is, what was expected and what came; nothing is written."""

from __future__ import annotations

import datetime
import signal
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from tests.support.campaigns import SLOTS, Tables, random_tables, replaced, spec, write_folder

from couponry import Campaign, CustomerRule, InvalidInput, Limit, cli, read_campaign

INF, NAN = float("inf"), float("nan")


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
CSV = "customer,offer,response,value\n1000,50,0.1,1.0\n1007,53,0.2,2.0\n"

# what is wrong: (how the draft is spoilt, what the line has to say)
CASES: dict[str, tuple[Spoil, tuple[str, ...]]] = {
    # ---- numbers
    "NaN value": (
        lambda d: d.put("candidates", "value", 4, NAN),
        ("table candidates", "'value'", "row 4", "finite", "nan"),
    ),
    "infinite value": (
        lambda d: d.put("candidates", "value", 7, -INF),
        ("table candidates", "'value'", "row 7", "finite", "-inf"),
    ),
    "infinite response": (
        lambda d: d.put("candidates", "response", 7, INF),
        ("table candidates", "'response'", "row 7", "finite", "inf"),
    ),
    "negative response": (
        lambda d: d.put("candidates", "response", 2, -0.01),
        ("table candidates", "'response'", "row 2", "0 to 1", "-0.01"),
    ),
    "response above 1": (
        lambda d: d.put("candidates", "response", 3, 1.5),
        ("table candidates", "'response'", "row 3", "0 to 1", "1.5"),
    ),
    "response above 1 in offers": (
        lambda d: d.drop("candidates", "response", "value").each("offers", "response", 1.5),
        ("table offers", "'response'", "row 0", "0 to 1", "1.5"),
    ),
    "NaN money": (
        lambda d: d.drop("candidates", "value").put("offers", "margin", 5, NAN),
        ("table offers", "'margin'", "row 5", "finite", "nan"),
    ),
    "NaN in a column that a limit sums": (
        lambda d: d.put("candidates", "weight", 9, NAN).limit(sum="weight", max=1.0),
        ("table candidates", "'weight'", "row 9", "finite", "nan"),
    ),
    "whole numbers that float64 does not hold": (
        lambda d: d.each("candidates", "value", 2**60 + 1),
        ("table candidates", "'value'", str(2**60 + 1)),
    ),
    "null value": (
        lambda d: d.put("candidates", "value", 11, None),
        ("table candidates", "'value'", "row 11", "number", "null"),
    ),
    "null in a column of offers that a limit sums": (
        lambda d: d.put("offers", "points", 1, None).limit(sum="points", max=1.0),
        ("table offers", "'points'", "row 1", "number", "null"),
    ),
    "response strings": (
        lambda d: d.cast("candidates", "response", pa.string()),
        ("table candidates", "'response'", "numbers", "string"),
    ),
    "value bool": (
        lambda d: d.each("candidates", "value", True),
        ("table candidates", "'value'", "numbers", "bool"),
    ),
    "a limit sums bools": (
        lambda d: d.each("offers", "flag", True).limit(sum="flag", max=1.0),
        ("table offers", "'flag'", "numbers", "bool"),
    ),
    "a limit sums strings": (
        lambda d: d.limit(sum="channel", max=1.0),
        ("table offers", "'channel'", "numbers", "string"),
    ),
    "value of dates": (
        lambda d: d.column(
            "candidates", "value", pa.array([0] * len(d.tables["candidates"]), pa.date32())
        ),
        ("table candidates", "'value'", "numbers", "date32"),
    ),
    # ---- ids
    "unknown offer": (
        lambda d: d.put("candidates", "offer", 5, 9999),
        ("table candidates", "'offer'", "row 5", "9999", "table offers"),
    ),
    "duplicate pair": (
        lambda d: d.rows("candidates", [*range(20), 3]),
        ("table candidates", "row 20", "customer 1000", "twice"),
    ),
    "duplicate offer": (
        lambda d: d.rows("offers", [*range(12), 3]),
        ("table offers", "'offer'", "row 12", "59", "twice"),
    ),
    "duplicate customer": (
        lambda d: d.rows("customers", [*range(20), 2]),
        ("table customers", "'customer'", "row 20", "1014", "twice"),
    ),
    "null customer": (
        lambda d: d.put("candidates", "customer", 8, None),
        ("table candidates", "'customer'", "row 8", "id", "null"),
    ),
    "null offer": (
        lambda d: d.put("offers", "offer", 3, None),
        ("table offers", "'offer'", "row 3", "id", "null"),
    ),
    "null in customers": (
        lambda d: d.put("customers", "customer", 3, None),
        ("table customers", "'customer'", "row 3", "id", "null"),
    ),
    "ids float": (
        lambda d: d.cast("candidates", "customer", pa.float64()),
        ("table candidates", "'customer'", "integers or strings", "double"),
    ),
    "ids of offers bool": (
        lambda d: d.each("offers", "offer", True),
        ("table offers", "'offer'", "integers or strings", "bool"),
    ),
    "ids beyond int64": (
        lambda d: d.cast("candidates", "customer", pa.uint64()).column(
            "candidates",
            "customer",
            pa.array([2**63 + i for i in range(len(d.tables["candidates"]))], pa.uint64()),
        ),
        ("table candidates", "'customer'", "9223372036854775808"),
    ),
    "offers strings, candidates integers": (
        lambda d: d.cast("offers", "offer", pa.string()),
        ("table candidates", "'offer'", "expected strings", "got integers"),
    ),
    "customers strings, candidates integers": (
        lambda d: d.cast("customers", "customer", pa.string()).rule(max="slots"),
        ("table customers", "'customer'", "expected integers", "got strings"),
    ),
    "customers missing one": (
        lambda d: d.rows("customers", list(range(1, 20))).rule(max="slots"),
        ("table customers", "1000", "customer_rule 'R'"),
    ),
    "customers missing one for a limit": (
        lambda d: d.rows("customers", list(range(1, 20))).limit(
            sum="count", max=3, customers={"segment": "gold"}
        ),
        ("table customers", "1000", "limit 'L'"),
    ),
    # ---- tables and columns that are not there
    "no column customer": (
        lambda d: d.drop("candidates", "customer"),
        ("table candidates", "'customer'", "got"),
    ),
    "no column offer in candidates": (
        lambda d: d.drop("candidates", "offer"),
        ("table candidates", "'offer'", "got customer"),
    ),
    "no column offer": (lambda d: d.drop("offers", "offer"), ("table offers", "'offer'", "got")),
    "no column customer in customers": (
        lambda d: d.drop("customers", "customer"),
        ("table customers", "'customer'", "got segment"),
    ),
    "neither value nor response": (
        lambda d: d.drop("candidates", "value", "response"),
        ("objective", "'value'", "'response'", "neither"),
    ),
    "objective on an unknown column": (
        lambda d: d.says(objective={"value": "profit"}),
        ("objective", "'profit'"),
    ),
    "no candidates": (lambda d: d.rows("candidates", []), ("table candidates", "row", "none")),
    "no offers": (lambda d: d.rows("offers", []), ("table offers", "row", "none")),
    "column twice": (
        lambda d: d.file("offers.csv", "offer,a,a\n50,1,2\n").named(offers="offers.csv"),
        ("table offers", "'a'", "2 times"),
    ),
    # ---- files
    "no candidates file": (
        lambda d: d.named(candidates="nowhere.parquet"),
        ("table candidates", "'nowhere.parquet'"),
    ),
    "a glob that meets nothing": (
        lambda d: d.named(candidates="part-*.parquet"),
        ("table candidates", "'part-*.parquet'"),
    ),
    "a list with a file that is not there": (
        lambda d: d.named(candidates=["candidates.parquet", "more.parquet"]),
        ("table candidates", "'more.parquet'"),
    ),
    "an empty list of files": (lambda d: d.named(candidates=[]), ("table candidates", "[]")),
    "a number as file": (lambda d: d.named(offers=3), ("table offers", "file", "3")),
    "an empty name of a file": (lambda d: d.named(offers=""), ("table offers", "file", "''")),
    "files whose columns do not fit": (
        lambda d: d.file("a.csv", CSV)
        .file("b.csv", CSV.replace("1000,50", "x,50"))
        .named(candidates=["a.csv", "b.csv"]),
        ("table candidates", "customer"),
    ),
    "files of which one lacks a column": (
        lambda d: d.file("a.csv", CSV)
        .file("b.csv", "customer,offer,response\n1014,50,0.5\n")
        .named(candidates=["a.csv", "b.csv"]),
        ("table candidates", "'value'", "b.csv"),
    ),
    "not a Parquet file": (
        lambda d: d.file("candidates.parquet", b"customer,offer\n1,2\n"),
        ("table candidates", "candidates.parquet", "cannot read"),
    ),
    "an empty Parquet file": (
        lambda d: d.file("candidates.parquet", b""),
        ("table candidates", "candidates.parquet", "cannot read"),
    ),
    "a CSV with a broken row": (
        lambda d: d.file("c.csv", CSV + "1007,56,0.2\n").named(candidates="c.csv"),
        ("table candidates", "c.csv", "#4", "Expected 4 columns, got 3"),
    ),
    "a CSV with a word among numbers": (
        lambda d: d.file("c.csv", CSV + "1014,50,often,2.0\n").named(candidates="c.csv"),
        ("table candidates", "'response'", "numbers", "string"),
    ),
    "an empty CSV": (
        lambda d: d.file("c.csv", "").named(candidates="c.csv"),
        ("table candidates", "c.csv"),
    ),
    "a folder that is not there": (
        lambda d: d.named(candidates="empty"),
        ("table candidates", "no file", "empty"),
    ),
    # ---- campaign.toml
    "bad TOML": (
        lambda d: d.file("campaign.toml", "schema = 1\n[tables\n"),
        ("campaign.toml", "line 2"),
    ),
    "TOML that is not UTF-8": (
        lambda d: d.file("campaign.toml", b"name = '\xff'"),
        ("campaign.toml", "utf-8"),
    ),
    "schema 2": (lambda d: d.says(schema=2), ("campaign.toml", "schema", "expected 1", "got 2")),
    "schema true": (lambda d: d.says(schema=True), ("campaign.toml", "schema", "True")),
    "no schema": (
        lambda d: d.file("campaign.toml", "[tables]\noffers = 'offers.parquet'\n"),
        ("campaign.toml", "schema", "expected 1", "None"),
    ),
    "unknown key": (lambda d: d.says(limits=[{"max": 1}]), ("campaign.toml", "'limits'")),
    "unknown table": (lambda d: d.named(shops="s.parquet"), ("campaign.toml", "'shops'")),
    "no tables": (
        lambda d: d.file("campaign.toml", "schema = 1\n"),
        ("campaign.toml", "[tables]"),
    ),
    "tables without candidates": (
        lambda d: d.file("campaign.toml", "schema = 1\n[tables]\noffers = 'offers.parquet'\n"),
        ("campaign.toml", "[tables]", "'candidates'"),
    ),
    "unknown key in objective": (
        lambda d: d.says(objective={"vaule": "x"}),
        ("[objective]", "vaule"),
    ),
    "objective by number": (lambda d: d.says(objective={"value": 1}), ("[objective]", "1")),
    "objective without a name": (lambda d: d.says(objective={"value": ""}), ("[objective]", "''")),
    "name not text": (lambda d: d.says(name=7), ("campaign.toml", "name", "7")),
    "a rule that is no table": (
        lambda d: d.file(
            "campaign.toml",
            "schema = 1\ncustomer_rule = 3\n[tables]\noffers = 'offers.parquet'\n"
            "candidates = 'candidates.parquet'\n",
        ),
        ("campaign.toml", "customer_rule"),
    ),
    "unknown key in a rule": (lambda d: d.rule(maximum=3), ("'R'", "'maximum'")),
    "unknown key in a limit": (lambda d: d.limit(maximum=3), ("'L'", "'maximum'")),
    "rule name a number": (lambda d: d.rules({"name": 3, "max": 1}), ("name", "3")),
    "rule name empty": (lambda d: d.rules({"name": "", "max": 1}), ("name", "''")),
    "limit name empty": (lambda d: d.limit(name="", sum="count", max=1), ("name", "''")),
    # ---- customer rules
    "rule: min above max": (lambda d: d.rule(min=4, max=3), ("'R'", "min 4", "max 3")),
    "rules: min above another's max": (
        lambda d: d.rules(SLOTS, {"name": "R", "min": 4}),
        ("'R'", "min 4", "max 3", "'slots'"),
    ),
    "per-customer min above max": (
        lambda d: d.put("customers", "least", 3, 9).rule(min="least", max="slots"),
        ("'R'", "min 9", "above max", "1021"),
    ),
    "rule without bounds": (lambda d: d.rule(by="product"), ("'R'", "max, min or conflicts")),
    "rule: max negative": (lambda d: d.rule(max=-1), ("'R'", "max", "-1")),
    "rule: max not whole": (lambda d: d.rule(max=2.5), ("'R'", "max", "2.5")),
    "rule: max NaN": (lambda d: d.rule(max=NAN), ("'R'", "max", "nan")),
    "rule: max infinite": (lambda d: d.rule(max=INF), ("'R'", "max", "inf")),
    "rule: max bool": (lambda d: d.rule(max=True), ("'R'", "max", "True")),
    "rule: max a list": (lambda d: d.rule(max=[1]), ("'R'", "max", "[1]")),
    "rule: by unknown": (lambda d: d.rule(max=1, by="colour"), ("'R'", "offers", "'colour'")),
    "rule: by a number": (lambda d: d.rule(max=1, by=3), ("'R'", "by", "3")),
    "rule: by role without roles": (
        lambda d: d.drop("candidates", "role").rule(max=1, by="role"),
        ("'R'", "'role'"),
    ),
    "rule: where unknown": (
        lambda d: d.rule(max=1, where={"colour": "red"}),
        ("'R'", "where", "offers", "'colour'"),
    ),
    "rule: where of another type": (
        lambda d: d.rule(max=1, where={"channel": [3]}),
        ("'R'", "'channel'", "string", "[3]"),
    ),
    "rule: where number is text": (
        lambda d: d.rule(max=1, where={"day": "monday"}),
        ("'R'", "'day'", "int64", "monday"),
    ),
    "rule: where number is bool": (
        lambda d: d.rule(max=1, where={"day": True}),
        ("'R'", "'day'", "int64", "True"),
    ),
    "rule: where mixed types": (
        lambda d: d.rule(max=1, where={"channel": ["mail", 3]}),
        ("'R'", "'channel'", "string", "3"),
    ),
    "rule: where empty list": (
        lambda d: d.rule(max=1, where={"channel": []}),
        ("'R'", "'channel'", "[]"),
    ),
    "rule: where nested list": (
        lambda d: d.rule(max=1, where={"channel": [["mail"]]}),
        ("'R'", "'channel'", "[['mail']]"),
    ),
    "rule: where no table": (lambda d: d.rule(max=1, where="mail"), ("'R'", "where", "mail")),
    "rule: where a range of text": (
        lambda d: d.rule(max=1, where={"day": {"min": "a"}}),
        ("'R'", "'day'", "numbers", "'a'"),
    ),
    "rule: where a range over strings": (
        lambda d: d.rule(max=1, where={"channel": {"min": 1}}),
        ("'R'", "'channel'", "numbers", "string"),
    ),
    "rule: where an empty range": (
        lambda d: d.rule(max=1, where={"day": {}}),
        ("'R'", "'day'", "range"),
    ),
    "rule: where a range upside down": (
        lambda d: d.rule(max=1, where={"day": {"min": 9, "max": 2}}),
        ("'R'", "'day'", "min 9", "max 2"),
    ),
    "rule: where a range with another key": (
        lambda d: d.rule(max=1, where={"day": {"from": 9}}),
        ("'R'", "'day'", "range", "from"),
    ),
    "rule: unknown role": (
        lambda d: d.rule(max=1, where={"role": "punishment"}),
        ("'R'", "'role'", "reward", "'punishment'"),
    ),
    "unknown role in candidates": (
        lambda d: d.put("candidates", "role", 6, "punishment"),
        ("table candidates", "'role'", "row 6", "reward", "'punishment'"),
    ),
    "roles numbers": (
        lambda d: d.each("candidates", "role", 1),
        ("table candidates", "'role'", "strings", "int64"),
    ),
    "rule: column without customers": (
        lambda d: d.without("customers").rule(max="slots"),
        ("'R'", "customers"),
    ),
    "rule: unknown column of customers": (
        lambda d: d.rule(max="slotz"),
        ("'R'", "customers", "'slotz'"),
    ),
    "rule: column of customers not whole": (
        lambda d: d.column("customers", "slots", [1.5] * 20).rule(max="slots"),
        ("table customers", "'slots'", "row 0", "whole", "1.5"),
    ),
    "rule: column of customers negative": (
        lambda d: d.put("customers", "slots", 4, -2).rule(max="slots"),
        ("table customers", "'slots'", "row 4", "whole", "-2"),
    ),
    "rule: column of customers null": (
        lambda d: d.put("customers", "slots", 4, None).rule(max="slots"),
        ("table customers", "'slots'", "row 4", "null"),
    ),
    "rule: column of customers text": (
        lambda d: d.rule(max="segment"),
        ("table customers", "'segment'", "numbers", "string"),
    ),
    "conflicts: no such file": (lambda d: d.rule(conflicts="c.parquet"), ("'R'", "c.parquet")),
    "conflicts: not a file name": (lambda d: d.rule(conflicts=3), ("'R'", "3")),
    "conflicts with max": (
        lambda d: d.rule(conflicts="c.parquet", max=1),
        ("'R'", "conflicts or max"),
    ),
    "conflicts: column missing": (
        lambda d: d.beside("c", offer_a=[50]).rule(conflicts="c.parquet"),
        ("of customer_rule 'R'", "'offer_b'"),
    ),
    "conflicts: unknown offer": (
        lambda d: d.beside("c", offer_a=[50, 53], offer_b=[53, 51]).rule(conflicts="c.parquet"),
        ("of customer_rule 'R'", "'offer_b'", "row 1", "51"),
    ),
    "conflicts: strings for integers": (
        lambda d: d.beside("c", offer_a=["x"], offer_b=["y"]).rule(conflicts="c.parquet"),
        ("of customer_rule 'R'", "'offer_a'", "integers", "strings"),
    ),
    "rule: min above max for one": (
        lambda d: d.put("customers", "least", 3, 9).rule(min="least", max=2, by="product"),
        ("'R'", "min 9", "max 2", "1021"),
    ),
    "mandatory not boolean": (
        lambda d: d.each("candidates", "mandatory", 1),
        ("table candidates", "'mandatory'", "true or false", "int64"),
    ),
    "history: no customers": (
        lambda d: d.history(offer=[50]),
        ("table history", "'customer'"),
    ),
    "history: customers of another kind": (
        lambda d: d.history(customer=["a"], offer=[50]),
        ("table history", "'customer'", "integers", "strings"),
    ),
    "history: unknown offer": (
        lambda d: d.history(customer=[1000], offer=[51]).rule(max=1, by="product"),
        ("table history", "'offer'", "row 0", "51", "'product'"),
    ),
    "history: another kind of day": (
        lambda d: d.history(customer=[1000], offer=[50], day=["x"]).rule(max=1, where={"day": {"max": 3}}),
        ("'R'", "numbers", "string"),
    ),
    # ---- limits
    "limit: min above max": (
        lambda d: d.limit(sum="count", min=4, max=3),
        ("'L'", "min 4", "max 3"),
    ),
    "limit: sum unknown": (
        lambda d: d.limit(sum="kudos", max=1),
        ("'L'", "candidates", "offers", "'kudos'"),
    ),
    "limit: sum a number": (lambda d: d.limit(sum=4, max=1), ("'L'", "sum", "4")),
    "limit: by unknown": (
        lambda d: d.limit(sum="count", max=1, by="colour"),
        ("'L'", "offers", "'colour'"),
    ),
    "limit: by a struct": (
        lambda d: d.each("offers", "shape", {"x": 1}).limit(max=1, by="shape"),
        ("'L'", "'shape'", "struct"),
    ),
    "limit: where a range of numbers over dates": (
        lambda d: d.column("offers", "day", pa.array(range(12), pa.timestamp("s"))).limit(
            max=1, where={"day": {"min": 3}}
        ),
        ("'L'", "'day'", "dates", "3"),
    ),
    "limit: where a range of dates upside down": (
        lambda d: d.column("offers", "day", pa.array(range(12), pa.date32())).limit(
            max=1,
            where={"day": {"min": datetime.date(2024, 5, 2), "max": datetime.date(2024, 5, 1)}},
        ),
        ("'L'", "'day'", "min 2024-05-02", "max 2024-05-01"),
    ),
    "limit: where unknown": (
        lambda d: d.limit(sum="count", max=1, where={"colour": "red"}),
        ("'L'", "where", "offers", "'colour'"),
    ),
    "limit: where of another type": (
        lambda d: d.limit(sum="count", max=1, where={"tags": 3}),
        ("'L'", "'tags'", "string", "[3]"),
    ),
    "limit: customers unknown": (
        lambda d: d.limit(sum="count", max=1, customers={"colour": "red"}),
        ("'L'", "customers", "'colour'"),
    ),
    "limit: customers without the table": (
        lambda d: d.without("customers").limit(sum="count", max=1, customers={"segment": "gold"}),
        ("'L'", "table customers"),
    ),
    "limit: no bounds": (lambda d: d.limit(sum="count"), ("'L'", "min or max")),
    "limit: max text": (lambda d: d.limit(sum="count", max="slots"), ("'L'", "max", "'slots'")),
    "limit: max bool": (lambda d: d.limit(sum="count", max=True), ("'L'", "max", "True")),
    "limit: min NaN": (lambda d: d.limit(sum="count", min=NAN), ("'L'", "min", "nan")),
    "limit: max infinite": (lambda d: d.limit(sum="count", max=INF), ("'L'", "max", "inf")),
    "limit: mode": (lambda d: d.limit(max=1, mode="firm"), ("'L'", "mode", "hard", "'firm'")),
    "limit: mode a list": (lambda d: d.limit(max=1, mode=["hard"]), ("'L'", "mode", "hard")),
    "limit: soft without penalty": (
        lambda d: d.limit(max=1, mode="soft"),
        ("'L'", "penalty", "None"),
    ),
    "limit: negative penalty": (
        lambda d: d.limit(max=1, mode="soft", penalty=-1),
        ("'L'", "penalty", "-1"),
    ),
    "limit: sum and ratio": (
        lambda d: d.limit(sum="value", ratio=["value", "cost"], min=1),
        ("'L'", "sum or ratio"),
    ),
    "limit: ratio of one": (lambda d: d.limit(ratio=["value"], min=1), ("'L'", "ratio", "two")),
    "limit: ratio of text": (lambda d: d.limit(ratio="value", min=1), ("'L'", "ratio", "two")),
    "limit: ratio to something negative": (
        lambda d: d.put("candidates", "weight", 3, -1.0).limit(ratio=["value", "weight"], min=1),
        ("'L'", "ratio", "'weight'", "negative"),
    ),
    "limit: table without by": (
        lambda d: d.bounds(supplier=[1], max=[2.0]).limit(max=1, table="bounds.parquet"),
        ("'L'", "table", "by"),
    ),
    "limit: table and max": (
        lambda d: d.bounds(supplier=[1], max=[2.0]).limit(
            by="supplier", max=1, table="bounds.parquet"
        ),
        ("'L'", "table", "both"),
    ),
    "limit: no such table": (
        lambda d: d.limit(by="supplier", table="nowhere.csv"),
        ("'L'", "'nowhere.csv'"),
    ),
    "limit: table a number": (lambda d: d.limit(by="supplier", table=3), ("'L'", "3")),
    "limit: table without its by": (
        lambda d: d.bounds(brand=["A"], max=[1.0]),
        ("'L'", "'supplier'", "brand"),
    ),
    "limit: table without bounds": (
        lambda d: d.bounds(supplier=[1]),
        ("'L'", "'min' or 'max'"),
    ),
    "limit: table row min above max": (
        lambda d: d.bounds(supplier=[0, 1], min=[1.0, 5.0], max=[2.0, 4.0]),
        ("'L'", "row 1", "min 5", "max 4"),
    ),
    "limit: table key twice": (
        lambda d: d.bounds(supplier=[0, 1, 1], max=[2.0, 4.0, 4.0]),
        ("'L'", "'supplier'", "row 2", "twice"),
    ),
    "limit: table key null": (
        lambda d: d.bounds(supplier=[0, None], max=[2.0, 4.0]),
        ("'L'", "'supplier'", "row 1", "null"),
    ),
    "limit: table bound NaN": (
        lambda d: d.bounds(supplier=[0, 1], max=[2.0, NAN]),
        ("'L'", "'max'", "row 1", "finite", "nan"),
    ),
    "limit: table bound text": (
        lambda d: d.bounds(supplier=[0, 1], max=["2", "3"]),
        ("'L'", "'max'", "numbers", "string"),
    ),
    "limit: table keys of another type": (
        lambda d: d.bounds(supplier=["0", "1"], max=[2.0, 3.0]),
        ("'L'", "'supplier'", "like 0", "got '0'"),
    ),
    # ---- arguments
    "negative gap": (lambda d: d.asks("--gap", "-0.1"), ("gap", "0 up", "-0.1")),
    "NaN gap": (lambda d: d.asks("--gap", "nan"), ("gap", "0 up", "nan")),
    "gap a word": (lambda d: d.asks("--gap", "small"), ("--gap", "small")),
    "threads 0": (lambda d: d.asks("--threads", "0"), ("threads", "1 up", "0")),
    "threads a half": (lambda d: d.asks("--threads", "0.5"), ("--threads", "0.5")),
    "seed a word": (lambda d: d.asks("--seed", "x"), ("--seed", "x")),
    "time limit 0": (lambda d: d.asks("--time-limit", "0"), ("time_limit", "above 0", "0")),
    "time limit NaN": (lambda d: d.asks("--time-limit", "nan"), ("time_limit", "nan")),
    "unknown backend": (lambda d: d.asks("--backend", "gpu"), ("--backend", "gpu")),
    "unknown option": (lambda d: d.asks("--fast"), ("--fast",)),
}  # fmt: skip


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Iterator[Callable[..., tuple[int, str]]]:
    """Runs the command line in this process; gives its exit status and the last line of standard error."""

    def command(*arguments: str | Path) -> tuple[int, str]:
        capsys.readouterr()
        status = cli.run([str(argument) for argument in arguments])
        printed = capsys.readouterr()
        assert printed.out == ""
        return status, printed.err

    before = signal.getsignal(signal.SIGTERM)
    yield command
    signal.signal(signal.SIGTERM, before)


@pytest.mark.parametrize("case", CASES)
def test_one_line_and_nothing_written(
    case: str, tmp_path: Path, run: Callable[..., tuple[int, str]]
) -> None:
    spoil, expected = CASES[case]
    draft = spoil(Draft())
    draft.write(tmp_path / "campaign")
    status, printed = run(
        "solve", tmp_path / "campaign", "--out", tmp_path / "out", "--quiet", *draft.arguments
    )
    assert status == 2, printed
    lines = printed.strip().splitlines()
    if lines[0].startswith("Usage:"):  # what click says of options it cannot parse
        lines = lines[-1:]
    assert len(lines) == 1, printed
    missing = [part for part in expected if part not in lines[0]]
    assert not missing, f"{missing} not in: {lines[0]}"
    assert [path.name for path in tmp_path.iterdir()] == ["campaign"]


def test_the_draft_itself_is_good(tmp_path: Path, run: Callable[..., tuple[int, str]]) -> None:
    """Otherwise the cases would prove nothing."""
    Draft().write(tmp_path / "campaign")
    assert read_campaign(tmp_path / "campaign").solve().status == "optimal"


def test_truncated_parquet_at_any_length(tmp_path: Path, run: Callable[..., Any]) -> None:
    draft = Draft()
    draft.write(tmp_path / "campaign")
    path = tmp_path / "campaign" / "candidates.parquet"
    whole = path.read_bytes()
    for length in np.linspace(0, len(whole) - 1, 12).astype(int):
        path.write_bytes(whole[:length])
        status, printed = run("solve", path.parent, "--out", tmp_path / "out")
        assert status == 2
        assert "table candidates" in printed and "candidates.parquet" in printed
        assert len(printed.splitlines()) == 1
    # the same length, but a page in the middle overwritten
    path.write_bytes(whole[:200] + b"\xff" * 200 + whole[400:])
    status, printed = run("solve", path.parent, "--out", tmp_path / "out")
    assert status == 2 and "table candidates" in printed, printed
    assert not (tmp_path / "out").exists()


def test_output_folder_that_exists_or_cannot_be(
    tmp_path: Path, run: Callable[..., tuple[int, str]]
) -> None:
    Draft().write(tmp_path / "campaign")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine.txt").write_text("precious")
    (tmp_path / "file").write_text("precious")
    (tmp_path / "link").symlink_to(tmp_path / "full")
    (tmp_path / "dangling").symlink_to(tmp_path / "nowhere")
    for name in ("full", "file", "link", "dangling", "file/inside"):
        status, printed = run("solve", tmp_path / "campaign", "--out", tmp_path / name)
        assert status == 2, name
        assert name.split("/")[0] in printed and len(printed.splitlines()) == 1
    status, printed = run("solve", tmp_path / "campaign", "--out", tmp_path / "file", "--overwrite")
    assert status == 2 and (tmp_path / "file").read_text() == "precious"
    assert (tmp_path / "full" / "mine.txt").read_text() == "precious"
    assert [p.name for p in (tmp_path / "full").iterdir()] == ["mine.txt"]
    assert not (tmp_path / "nowhere").exists()


def test_campaign_folder_that_is_none(tmp_path: Path, run: Callable[..., tuple[int, str]]) -> None:
    for folder in (tmp_path, tmp_path / "nowhere"):
        status, printed = run("solve", folder, "--out", tmp_path / "out")
        assert status == 2 and "campaign.toml" in printed and len(printed.splitlines()) == 1


# ---- what only the Python API can get wrong

TABLES = random_tables(customers=20)


def campaign(**changed: Any) -> Campaign:
    return Campaign(**{**TABLES, "rules": [CustomerRule("slots", max=3)], **changed})


API: dict[str, tuple[Callable[[], Any], tuple[str, ...]]] = {
    "offers a list": (lambda: campaign(offers=[1, 2]), ("table offers", "Arrow", "list")),
    "offers nothing": (lambda: campaign(offers=None), ("table offers", "Arrow", "NoneType")),
    "columns of unequal length": (
        lambda: campaign(offers={"offer": [1, 2], "margin": [1.0]}),
        ("table offers", "2", "1"),
    ),
    "a file that is not there": (
        lambda: campaign(offers="nowhere.parquet"),
        ("table offers", "nowhere.parquet"),
    ),
    "a column twice": (
        lambda: campaign(
            offers=pa.Table.from_arrays([pa.array([1]), pa.array([1])], names=["offer", "offer"])
        ),
        ("table offers", "'offer'", "2 times"),
    ),
    "where a column of dates, text": (
        lambda: campaign(
            offers=replaced(TABLES["offers"], "day", pa.array(range(12), pa.date32())),
            rules=[CustomerRule("R", max=1, where={"day": {"min": "tomorrow"}})],
        ).solve(),
        ("'R'", "'day'", "tomorrow"),
    ),
    "rules that are no rules": (lambda: campaign(rules=[{"max": 3}]), ("rules", "CustomerRule")),
    "limits that are no limits": (lambda: campaign(limits=[{"max": 3}]), ("limits", "Limit")),
    "one rule instead of a list": (
        lambda: campaign(rules=CustomerRule("R", max=3)),
        ("rules", "CustomerRule"),
    ),
    "objective not a name": (lambda: campaign(value=None), ("value", "None")),
    "gap text": (lambda: campaign().solve(gap="small"), ("gap", "'small'")),
    "gap bool": (lambda: campaign().solve(gap=True), ("gap", "True")),
    "threads a half": (lambda: campaign().solve(threads=1.5), ("threads", "1.5")),
    "threads NaN": (lambda: campaign().solve(threads=NAN), ("threads", "nan")),
    "threads text": (lambda: campaign().solve(threads="all"), ("threads", "'all'")),
    "seed a float": (lambda: campaign().solve(seed=1.0), ("seed", "1.0")),
    "seed bool": (lambda: campaign().solve(seed=True), ("seed", "True")),
    "time limit text": (lambda: campaign().solve(time_limit="1 h"), ("time_limit", "'1 h'")),
    "backend": (lambda: campaign().solve(backend="gpu"), ("backend", "'gpu'")),
    "limit with a nested penalty": (
        lambda: campaign(limits=[Limit("L", max=[1])]),
        ("'L'", "max", "[1]"),
    ),
}


@pytest.mark.parametrize("case", API)
def test_python_api(case: str) -> None:
    call, expected = API[case]
    with pytest.raises(InvalidInput) as caught:
        call()
    message = str(caught.value)
    assert "\n" not in message
    missing = [part for part in expected if part not in message]
    assert not missing, f"{missing} not in: {message}"


# ---- unusual, but right


def test_more_than_65535_offers(tmp_path: Path) -> None:
    """Item numbers need 32 bits then; the best coupon of each customer is still the one given."""
    offers, customers = 70_000, 300
    rng = np.random.default_rng(3)
    first = np.concatenate([np.arange(65_000, 70_000, 50), rng.integers(0, 69_990, 200)])
    offer = np.unique(first[:customers])
    candidates = pa.table(
        {
            "customer": np.repeat(np.arange(len(offer)), 2),
            "offer": np.stack([offer, offer + 1], axis=1).ravel(),
            "value": np.tile([1.0, 2.0], len(offer)),
        }
    )
    result = Campaign(
        {"offer": np.arange(offers), "points": np.arange(offers)},
        candidates,
        rules=[CustomerRule("slots", max=1)],
        limits=[Limit("points", sum="points", mode="report")],
    ).solve()
    assert result.allocation.to_arrow()["offer"].to_pylist() == (offer + 1).tolist()
    assert result.objective == 2.0 * len(offer)
    assert result.limits["achieved"].to_pylist() == [float((offer + 1).sum())]


def test_offers_just_below_and_above_16_bits_agree() -> None:
    candidates = {"customer": [1, 1, 2], "offer": [0, 65_535, 65_535], "value": [1.0, 2.0, 3.0]}
    limit = Limit("cap", max=1, where={"last": 1})
    found = []
    for offers in (65_536, 65_537):
        table = {"offer": np.arange(offers), "last": (np.arange(offers) == 65_535).astype(int)}
        result = Campaign(
            table, candidates, rules=[CustomerRule("slots", max=1)], limits=[limit]
        ).solve()
        found.append(result.allocation.to_arrow().to_pylist())
    assert found[0] == found[1]
    assert [(row["customer"], row["offer"]) for row in found[0]] == [(1, 0), (2, 65_535)]


def test_uint64_ids_within_int64_and_large_ids_are_kept() -> None:
    big = 2**63 - 1
    result = Campaign(
        {"offer": pa.array([big - 1, big], pa.uint64())},
        {"customer": [-big - 1, big], "offer": [big, big - 1], "value": [1.0, 2.0]},
        limits=[Limit("all", mode="report")],
    ).solve()
    assert result.allocation.to_arrow()["customer"].to_pylist() == [-big - 1, big]
    assert result.allocation.to_arrow()["offer"].to_pylist() == [big, big - 1]


def test_names_and_ids_of_any_alphabet() -> None:
    customers = ["", "ß", "日本", "a\nb", "😀"]
    result = Campaign(
        {"offer": ["Ärmel", ""]},
        {"customer": customers, "offer": ["", "Ärmel", "", "", "Ärmel"], "value": [1.0] * 5},
        limits=[Limit("größtes „Limit“ 😀", max=4)],
    ).solve()
    given = result.allocation.to_arrow()["customer"].to_pylist()
    assert len(given) == 4 and given == sorted(given, key=str.encode)
    assert result.limits["name"].to_pylist() == ["größtes „Limit“ 😀"]
