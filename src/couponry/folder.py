"""The campaign folder: campaign.toml and its tables, read and written."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from . import memory, tables
from .campaign import Campaign, sorted_offers
from .errors import InvalidInput
from .footers import footers
from .intake import KEYS
from .limits import Limit
from .memory import Estimate, Size
from .output import whole_folder
from .rules import CustomerRule, expected_sets
from .store import is_built
from .stream import stream_files
from .targeting import Targeting
from .toml import dumps

SCHEMA = 1
SECTIONS = {"schema", "name", "tables", "objective", "candidates", "customer_rule", "limit"}
OF_TRANSACTIONS = ("transactions", "covers", "products")  # what candidates can be made of
TABLES = {"offers", "candidates", "customers", "history", *OF_TRANSACTIONS}
CANDIDATES_PER_CUSTOMER = 8  # taken for granted where files do not say how many customers there are


@dataclass(frozen=True)
class Spec:
    """What campaign.toml says: the tables' names, the column to maximise, rules and limits (their tables read).

    targeting: how candidates are made of transactions; None: the folder has a table of candidates.
    """

    name: str
    tables: Mapping[str, str | list[str]]
    value: str
    rules: list[CustomerRule]
    limits: list[Limit]
    targeting: Targeting | None


def read_campaign(
    folder: str | Path,
    store: str | Path | None = None,
    memory_limit: int | str | None = None,
    progress: bool = False,
) -> Campaign:
    """Read a campaign folder.

    store: a folder that candidates are packed into and memory-mapped from, for campaigns that do not fit in memory;
    see `Campaign`. memory_limit: bytes, or text such as "8GiB", that reading and solving may take; None: what is
    available. progress: report on standard error how the making of candidates of transactions stands.

    Raises InvalidInput, with one line that names what is wrong. What cannot fit is refused before it is read.
    """
    folder = Path(folder)
    spec = read_spec(folder)
    if spec.targeting is not None:
        return _of_transactions(folder, spec, spec.targeting, store, memory_limit, progress)
    names = spec.tables
    wanted = Campaign.candidate_columns(spec.limits, spec.value)
    limit = memory.parse_size(memory_limit, "memory_limit")
    needed = memory.estimate(_size(folder, spec))
    memory.check(needed, limit, with_store=store is not None)
    offers = tables.read(folder, names["offers"], "offers")
    rows = stream_files(folder, names["candidates"], "candidates", sorted(wanted))
    if store is not None and not is_built(
        store, rows, tables.ids(sorted_offers(offers), "offers", "offer")
    ):
        memory.check_disk(needed, store)
    return Campaign(
        offers,
        rows,
        read_table(folder, spec, "customers"),
        read_table(folder, spec, "history"),
        rules=spec.rules,
        limits=spec.limits,
        value=spec.value,
        name=spec.name,
        store=store,
    )


def _of_transactions(
    folder: Path,
    spec: Spec,
    targeting: Targeting,
    store: str | Path | None,
    memory_limit: int | str | None,
    progress: bool,
) -> Campaign:
    from .affinity.purchases import wanted

    columns = wanted(targeting.columns)
    return Campaign.from_transactions(
        tables.read(folder, spec.tables["offers"], "offers"),
        stream_files(folder, spec.tables["transactions"], "transactions", columns),
        read_table(folder, spec, "covers"),
        read_table(folder, spec, "products"),
        read_table(folder, spec, "customers"),
        read_table(folder, spec, "history"),
        targeting=targeting,
        rules=spec.rules,
        limits=spec.limits,
        value=spec.value,
        name=spec.name,
        store=store,
        memory_limit=memory_limit,
        progress=progress,
    )


def read_table(folder: Path, spec: Spec, what: str) -> pa.Table | None:
    """A table of a campaign folder; None where it has none of that name."""
    return tables.read(folder, spec.tables[what], what) if what in spec.tables else None


def read_candidates(folder: Path, spec: Spec, columns: list[str] | None = None) -> pa.Table:
    """The candidates in a campaign folder, as its table has them, or made again of its transactions."""
    if spec.targeting is None:
        return tables.read(folder, spec.tables["candidates"], "candidates", columns)
    return pa.concat_tables(
        _of_transactions(folder, spec, spec.targeting, None, None, False).candidates_tables()
    )


def memory_estimate(folder: str | Path) -> Estimate:
    """What the campaign in a folder needs, with and without a store, from the footers of its Parquet files alone.

    CSV files have none and count as nothing. Raises InvalidInput, with one line that names what is wrong.
    """
    folder = Path(folder)
    spec = read_spec(folder)
    if spec.targeting is None:
        return memory.estimate(_size(folder, spec))
    from .from_transactions import estimate

    files = [
        str(path) for path in tables.files(folder, spec.tables["transactions"], "transactions")
    ]
    offers = footers(folder, spec.tables["offers"], "offers", "offer")
    return estimate(files, offers.rows, spec.targeting)


def _size(folder: Path, spec: Spec) -> Size:
    names = spec.tables
    rows = footers(folder, names["candidates"], "candidates", "customer")
    offers = footers(folder, names["offers"], "offers", "offer")
    wanted = Campaign.candidate_columns(spec.limits, spec.value) - {*KEYS}
    kinds = [rows.schema.field(name).type for name in rows.schema.names if name in wanted]
    # no more customers than rows of table customers, or than integers between the least and the largest id
    known, table_bytes = [], 0
    if rows.ids is not None and isinstance(rows.ids[0], int):
        known.append(rows.ids[1] - rows.ids[0] + 1)
    if "customers" in names:
        table = footers(folder, names["customers"], "customers", "customer")
        known.append(table.rows)
        table_bytes = table.size
    told = [count for count in known if 0 < count <= rows.rows]
    customers = min(told) if told else -(-rows.rows // CANDIDATES_PER_CUSTOMER)
    return Size(
        candidates=rows.rows,
        customers=customers,
        offers=offers.rows,
        columns=len(kinds),
        column_bytes=sum(4 if kind == pa.float32() else 8 for kind in kinds),
        roles="role" in rows.schema.names,
        text_ids=rows.ids is None or isinstance(rows.ids[0], str),
        in_order=rows.in_order,
        table_bytes=table_bytes,
        sets=expected_sets(spec.rules, rows.rows / max(1, customers), offers.rows),
    )


def read_spec(folder: Path) -> Spec:
    """Read campaign.toml, and the tables that its rules and limits bring along; unknown keys are refused."""
    spec = _read_toml(folder)
    rules = [CustomerRule.parse(part, n) for n, part in enumerate(_parts(spec, "customer_rule"), 1)]
    for number, rule in enumerate(rules):
        rule.check()
        if rule.conflicts is not None:
            table = tables.read(folder, rule.conflicts, f"of {rule.label}")
            rules[number] = replace(rule, conflicts=table)
    limits = []
    for n, part in enumerate(_parts(spec, "limit"), 1):
        limit = Limit.parse(part, n)
        limit.check()
        if limit.table is not None:
            limit = replace(
                limit, table=tables.read(folder, limit.table, f"of limit {limit.name!r}")
            )
        limits.append(limit)
    objective = spec.get("objective", {})
    if not isinstance(objective, Mapping) or set(objective) - {"value"}:
        raise InvalidInput(f"campaign.toml: [objective]: expected value, got {objective!r}")
    value = objective.get("value", "value")
    if not isinstance(value, str) or not value:
        raise InvalidInput(f"campaign.toml: [objective] value: expected a column, got {value!r}")
    name = spec.get("name", folder.absolute().name)
    made = "transactions" in spec["tables"]
    if not made and "candidates" in spec:
        raise InvalidInput(
            "campaign.toml: [candidates]: expected a table of transactions to make them of"
        )
    targeting = Targeting.parse(spec.get("candidates", {})) if made else None
    return Spec(name, spec["tables"], value, rules, limits, targeting)


def _read_toml(folder: Path) -> dict[str, Any]:
    path = folder / "campaign.toml"
    if not path.is_file():
        raise InvalidInput(f"campaign folder {str(folder)!r}: no file campaign.toml")
    try:
        spec = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InvalidInput(f"campaign.toml: {error}") from error
    unknown = sorted(set(spec) - SECTIONS)
    if unknown:
        raise InvalidInput(f"campaign.toml: unknown key {unknown[0]!r}")
    if spec.get("schema") != SCHEMA or isinstance(spec["schema"], bool):
        raise InvalidInput(f"campaign.toml: schema: expected {SCHEMA}, got {spec.get('schema')!r}")
    if not isinstance(spec.get("name", ""), str):
        raise InvalidInput(f"campaign.toml: name: expected text, got {spec['name']!r}")
    names = spec.get("tables")
    if not isinstance(names, Mapping):
        raise InvalidInput("campaign.toml: expected [tables] with offers and candidates")
    for name in sorted(set(names) - TABLES):
        raise InvalidInput(f"campaign.toml: [tables]: unknown table {name!r}")
    if "candidates" in names and "transactions" in names:
        raise InvalidInput("campaign.toml: [tables]: expected candidates or transactions, got both")
    if "transactions" not in names:
        for name in OF_TRANSACTIONS[1:]:
            if name in names:
                raise InvalidInput(
                    f"campaign.toml: [tables]: table {name!r} goes with transactions, which are missing"
                )
    for name in ("offers", "transactions" if "transactions" in names else "candidates"):
        if name not in names:
            raise InvalidInput(f"campaign.toml: [tables]: table {name!r} is missing")
    return spec


def _parts(spec: dict[str, Any], key: str) -> list[dict[str, Any]]:
    parts = spec.get(key, [])
    if not isinstance(parts, list) or not all(isinstance(part, dict) for part in parts):
        raise InvalidInput(f"campaign.toml: {key}: expected [[{key}]] tables")
    return parts


def write_campaign(campaign: Campaign, folder: str | Path, *, overwrite: bool = False) -> Path:
    """Write a campaign as a folder that `read_campaign` and `couponry solve` take.

    Candidates carry the columns that the campaign uses. The folder appears whole or not at all.
    """
    spec: dict[str, Any] = {
        "schema": SCHEMA,
        "name": campaign.name,
        "tables": {"offers": "offers.parquet", "candidates": "candidates.parquet"},
        "objective": {"value": campaign.value},
    }
    with whole_folder(folder, overwrite=overwrite) as draft:
        pq.write_table(campaign.offers, draft / "offers.parquet")
        _write_parts(campaign.candidates_tables(), draft / "candidates.parquet")
        if campaign.customers is not None:
            spec["tables"]["customers"] = "customers.parquet"
            pq.write_table(campaign.customers, draft / "customers.parquet")
        if campaign.history is not None:
            spec["tables"]["history"] = "history.parquet"
            pq.write_table(campaign.history, draft / "history.parquet")
        spec["customer_rule"] = []
        for number, rule in enumerate(campaign.rules, 1):
            part = _given(rule)
            if rule.conflicts is not None:
                part["conflicts"] = f"conflicts-{number}.parquet"
                pq.write_table(
                    tables.as_table(rule.conflicts, f"of {rule.label}"), draft / part["conflicts"]
                )
            spec["customer_rule"].append(part)
        spec["limit"] = []
        for number, limit in enumerate(campaign.limits, 1):
            part = _given(limit)
            if limit.table is not None:
                part["table"] = f"limit-{number}.parquet"
                pq.write_table(
                    tables.as_table(limit.table, f"of {limit.label}"), draft / part["table"]
                )
            if limit.ratio is not None:
                part.pop("sum")
            spec["limit"].append(part)
        (draft / "campaign.toml").write_text(dumps(spec), encoding="utf-8")
    return Path(folder)


def _write_parts(parts: Iterator[pa.Table], path: Path) -> None:
    """Write a table's parts, of which there is one at least, to one file."""
    first = next(parts)
    with pq.ParquetWriter(path, first.schema) as writer:
        for part in chain([first], parts):
            writer.write_table(part)


def _given(part: CustomerRule | Limit) -> dict[str, Any]:
    """A rule's or limit's fields that say something."""
    fields = {name: getattr(part, name) for name in part.__dataclass_fields__}
    return {
        name: value
        for name, value in fields.items()
        if value is not None and not (isinstance(value, Mapping) and not value)
    }
