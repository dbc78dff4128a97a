"""Bad input: what can be wrong with tables, their columns, ids and files."""

from __future__ import annotations

import pyarrow as pa
from tests.support.campaign_draft import Case

INF, NAN = float("inf"), float("nan")
CSV = "customer,offer,response,value\n1000,50,0.1,1.0\n1007,53,0.2,2.0\n"

BAD_TABLES: dict[str, Case] = {
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
        ("table candidates", "'value'", "row 0", f"{2**60 + 1:,}"),
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
    "cost of offers strings, which nothing sums": (
        lambda d: (
            d.drop("offers", "margin", "face_value", "issue_cost").each("offers", "cost", "cheap")
        ),
        ("table offers", "'cost'", "numbers", "string"),
    ),
    "value of offers strings, and another objective": (
        lambda d: (
            d.drop("candidates", "value", "response")
            .each("offers", "value", "1 euro off")
            .says(objective={"value": "weight"})
        ),
        ("table offers", "'value'", "numbers", "string"),
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
        ("table candidates", "'customer'", "9,223,372,036,854,775,808"),
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
}  # fmt: skip
