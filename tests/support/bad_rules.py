"""Bad input: what can be wrong with campaign.toml and with customer rules."""

from __future__ import annotations

import datetime

from tests.support.campaign_draft import Case
from tests.support.campaigns import SLOTS

INF, NAN = float("inf"), float("nan")

BAD_RULES: dict[str, Case] = {
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
    "conflicts with a max of 0": (
        lambda d: d.rule(conflicts="c.parquet", max=0),
        ("'R'", "conflicts or max"),
    ),
    "conflicts with a list as where": (
        lambda d: d.rule(conflicts="c.parquet", where=[]),
        ("'R'", "conflicts or where"),
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
        lambda d: d.history(customer=[1000], offer=[51]).rule(max=1, by="product", history=True),
        ("table history", "'offer'", "row 0", "51", "'product'"),
    ),
    "rule: window of no days": (lambda d: d.rule(max=1, window=0), ("'R'", "window", "from 1 to", "got 0")),
    "rule: window with min": (lambda d: d.rule(max=2, min=1, window=7), ("'R'", "window", "expected max")),
    "rule: window without max": (lambda d: d.rule(window=7), ("'R'", "expected max, min or conflicts")),
    "rule: window without days": (
        lambda d: d.drop("offers", "day").rule(max=1, window=7),
        ("'R'", "window", "table offers has no column 'day'"),
    ),
    "rule: window over text": (
        lambda d: d.each("offers", "day", "x").rule(max=1, window=7),
        ("'R'", "window", "column 'day'", "whole numbers or dates", "string"),
    ),
    "rule: within without conflicts": (lambda d: d.rule(max=1, within=7), ("'R'", "within", "expected conflicts")),
    "rule: ordered without conflicts": (lambda d: d.rule(max=1, ordered=True), ("'R'", "ordered", "conflicts")),
    "rule: within below 0": (
        lambda d: d.beside("conflicts", offer_a=[50], offer_b=[53]).rules(
            {"name": "R", "conflicts": "conflicts.parquet", "within": -1}
        ),
        ("'R'", "within", "from 0 to", "got -1"),
    ),
    "rule: sum of an unknown column": (
        lambda d: d.rule(sum="weigth", max=3),
        ("'R'", "sum", "neither candidates, offers nor customers", "'weigth'"),
    ),
    "rule: sum no text": (lambda d: d.rule(sum=3, max=3), ("'R'", "sum", "expected a column", "got 3")),
    "rule: sum of text": (lambda d: d.rule(sum="brand", max=3), ("'brand'", "numbers")),
    "rule: sum without bounds": (lambda d: d.rule(sum="cost"), ("'R'", "expected max, min or conflicts")),
    "rule: sum and distinct": (
        lambda d: d.rule(sum="cost", distinct="brand", max=3),
        ("'R'", "expected sum or distinct, got both"),
    ),
    "rule: sum with min above max": (
        lambda d: d.rule(sum="cost", min=2.5, max=2.25),
        ("'R'", "min 2.5", "above max 2.25"),
    ),
    "rule: infinite sum": (lambda d: d.rule(sum="cost", max=INF), ("'R'", "max", "expected a number", "inf")),
    "rule: sum by an unknown column of customers": (
        lambda d: d.rule(sum="cost", max="budgt"),
        ("'R'", "table customers has no column 'budgt'"),
    ),
    "rule: sum in a window with min": (
        lambda d: d.rule(sum="cost", min=1, window=7),
        ("'R'", "window", "expected max"),
    ),
    "rule: too fine a resolution": (
        lambda d: d.rule(sum="cost", max=1, resolution=1e-20),
        ("'R'", "resolution", "expected at least", "1e-20"),
    ),
    "rule: too coarse a resolution": (
        lambda d: d.rule(sum="cost", max=1, resolution=1e9),
        ("'R'", "resolution", "tells amounts apart", "'cost'", "1e+09"),
    ),
    "rule: amounts smaller than what they are counted in": (
        lambda d: d.column("candidates", "weight", [1e-9 * n for n in range(len(d.tables["candidates"]))]).rule(
            sum="weight", max=3e-9
        ),
        ("'R'", "resolution", "such as 1e-10", "'weight'", "got 1e-06"),
    ),
    "rule: days that no calendar has": (
        lambda d: d.put("offers", "day", 2, -(2**63)).rule(max=1, window=7),
        ("'R'", "window", "table offers, column 'day', row 2", "-1,000,000,000", "got -9223372036854775808"),
    ),
    "rule: resolution below 0": (
        lambda d: d.rule(sum="cost", max=1, resolution=-0.01),
        ("'R'", "resolution", "above 0", "-0.01"),
    ),
    "rule: resolution without sum": (
        lambda d: d.rule(max=1, resolution=0.01),
        ("'R'", "resolution", "expected sum"),
    ),
    "rule: sum of what the history lacks": (
        lambda d: d.history(customer=[1000], offer=[50]).rule(sum="response", max=1, history=True),
        ("'R'", "sum", "'response'", "history = false"),
    ),
    "rule: distinct by an unknown column": (
        lambda d: d.rule(distinct="bran", min=2),
        ("'R'", "distinct", "'bran'", "'brand'"),
    ),
    "rule: part of a different value": (
        lambda d: d.rule(distinct="brand", min=1.5),
        ("'R'", "min", "whole number", "1.5"),
    ),
    "requires: unknown offer": (
        lambda d: d.beside("requires", offer=[50], requires=[99]).rules(
            {"name": "R", "requires": "requires.parquet"}
        ),
        ("'R'", "'requires'", "row 0", "offer 99", "not in table offers"),
    ),
    "requires: no offer": (
        lambda d: d.beside("requires", offers=[50], requires=[53]).rules(
            {"name": "R", "requires": "requires.parquet"}
        ),
        ("'R'", "expected a column 'offer'"),
    ),
    "requires: a circle": (
        lambda d: d.beside("requires", offer=[50, 53, 56], requires=[53, 56, 50]).rules(
            {"name": "R", "requires": "requires.parquet"}
        ),
        ("'R'", "in a circle", "50, which requires 53, which requires 56, which requires 50"),
    ),
    "requires: itself": (
        lambda d: d.beside("requires", offer=[50], requires=[50]).rules(
            {"name": "R", "requires": "requires.parquet"}
        ),
        ("'R'", "in a circle", "50, which requires 50"),
    ),
    "requires: a circle across rules": (
        lambda d: d.beside("one", offer=[50, 56], requires=[53, 50]).beside("two", offer=[53], requires=[56]).rules(
            {"name": "R", "requires": "one.parquet"}, {"name": "S", "requires": "two.parquet"}
        ),
        ("customer_rules 'R', 'S'", "in a circle", "50, which requires 53, which requires 56, which requires 50"),
    ),
    "requires: within half a day": (
        lambda d: d.beside("requires", offer=[50], requires=[53], within=[0.5]).rules(
            {"name": "R", "requires": "requires.parquet"}
        ),
        ("'R'", "'within'", "row 0", "whole number of days", "0.5"),
    ),
    "requires: within days that are not there": (
        lambda d: d.drop("offers", "day").beside("requires", offer=[50], requires=[53]).rules(
            {"name": "R", "requires": "requires.parquet", "within": 3}
        ),
        ("'R'", "table offers has no column 'day'"),
    ),
    "requires: with a max": (
        lambda d: d.beside("requires", offer=[50], requires=[53]).rules(
            {"name": "R", "requires": "requires.parquet", "max": 1}
        ),
        ("'R'", "expected requires or max, got both"),
    ),
    "rule: customers no table": (lambda d: d.rule(max=1, customers=3), ("'R'", "customers", "got 3")),
    "rule: customers by an unknown column": (
        lambda d: d.rule(max=1, customers={"segmnt": "gold"}),
        ("'R'", "customers", "'segmnt'", "'segment'"),
    ),
    "rule: history text": (lambda d: d.rule(max=1, history="no"), ("'R'", "history", "'no'")),
    "rule: history of an unknown column": (
        lambda d: d.history(customer=[1000], offer=[50]).rule(max=1, history={"redeemed": True}),
        ("'R'", "history", "no column 'redeemed'", "customer, offer"),
    ),
    "history: dates beside numbers": (
        lambda d: d.history(customer=[1000], offer=[50], day=[datetime.date(2026, 11, 1)]).rule(max=1, window=7),
        ("'R'", "window", "table history, column 'day'", "expected whole numbers", "got dates"),
    ),
    "history: another kind of day": (
        lambda d: d.history(customer=[1000], offer=[50], day=["x"]).rule(max=1, where={"day": {"max": 3}}),
        ("'R'", "numbers", "string"),
    ),
}  # fmt: skip
