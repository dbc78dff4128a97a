"""Bad input: what can be wrong with limits and with arguments."""

from __future__ import annotations

import datetime

import pyarrow as pa
from tests.support.campaign_draft import Case

INF, NAN = float("inf"), float("nan")
MAIL, GOLD = {"channel": "mail"}, {"segment": "gold"}

BAD_LIMITS: dict[str, Case] = {
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
    "limit: a share in percent": (
        lambda d: d.limit(share=True, where=MAIL, min=10),
        ("'L'", "min", "a share from 0 to 1", "got 10", "for 10 %: 0.1"),
    ),
    "limit: a share below 0": (
        lambda d: d.limit(share=True, where=MAIL, max=-0.1),
        ("'L'", "max", "from 0 to 1", "-0.1"),
    ),
    "limit: a share above 1 in a table": (
        lambda d: d.bounds(supplier=[0, 1], max=[0.5, 1.5]).limit(
            by="supplier", table="bounds.parquet", share=True
        ),
        ("'L'", "'max'", "row 1", "from 0 to 1", "1.5"),
    ),
    "limit: the share of all": (
        lambda d: d.limit(share=True, min=0.5),
        ("'L'", "share", "where, customers or by"),
    ),
    "limit: relative to itself": (
        lambda d: d.limit(where=MAIL, relative_to={"where": MAIL}, min=1.5),
        ("'L'", "relative_to", "other coupons than the limit's own"),
    ),
    "limit: relative and below 0": (
        lambda d: d.limit(where=MAIL, relative_to={}, min=-1),
        ("'L'", "min", "from 0 up", "-1"),
    ),
    "limit: relative to customers whom nobody has": (
        lambda d: d.limit(customers=GOLD, relative_to={"customers": {"segment": "platinum"}}, per_head=True, min=0.5),
        ("'L'", "relative_to", "'platinum'", "segment"),
    ),
    "limit: per head of customers who are not listed": (
        lambda d: d.rows("customers", [0, 1, 2]).limit(where=MAIL, relative_to={}, per_head=True, min=0.5),
        ("table customers", "'L'", "needs it"),
    ),
    "limit: by what nobody has": (
        lambda d: d.column("customers", "region", pa.nulls(20)).limit(by="region", max=1),
        ("'L'", "by", "'region'", "concern nothing"),
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
