"""Reads and checks campaign.toml, with the tables of its rules and limits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pyarrow as pa

from ..affinity.targeting import Targeting
from ..data import tables
from ..model.campaign_checks import check_backups, check_parts
from ..model.limits import Limit
from ..model.rules import CustomerRule
from ..utils.checks import check_path, refuse_unknown_keys, shown
from ..utils.errors import InvalidInput
from ..utils.suggestions import known_names
from .toml_file import read_toml

SCHEMA = 1
SECTIONS = {
    "schema",
    "name",
    "tables",
    "objective",
    "unit",
    "backups",
    "previous",
    "candidates",
    "customer_rule",
    "limit",
}
OF_TRANSACTIONS = ("transactions", "covers", "products", "redemptions")
"""Tables that candidates can be made of."""

TABLES = {"offers", "candidates", "customers", "history", "previous", *OF_TRANSACTIONS}


@dataclass(frozen=True)
class Spec:
    """What campaign.toml says.

    Attributes
    ----------
    name : str
        Name of the campaign.
    tables : mapping of str to str or list of str
        Files of each table.
    value : str
        Column whose sum is maximised.
    rules : list of CustomerRule
        Their tables are read.
    limits : list of Limit
        Their tables are read.
    targeting : Targeting or None
        How candidates are made of transactions. None if the folder has a table of candidates.
    backups : int
        Backups of a customer, at most.
    previous : mapping
        What is said of the table `previous`, as `PreviousPlan` takes it.
    unit : str or None
        Column of customers that says who is one unit.
    """

    name: str
    tables: Mapping[str, str | list[str]]
    value: str
    rules: list[CustomerRule]
    limits: list[Limit]
    targeting: Targeting | None
    backups: int = 0
    previous: Mapping[str, Any] = field(default_factory=dict)
    unit: str | None = None


def read_spec(folder: Path) -> Spec:
    """Read campaign.toml, and the tables that its rules and limits bring along.

    Parameters
    ----------
    folder : Path
        Campaign folder.

    Returns
    -------
    Spec

    Raises
    ------
    InvalidInput
        With one line that names what is wrong; unknown keys are refused.
    """
    spec = _read_toml(folder)
    rules = [CustomerRule.parse(part, n) for n, part in enumerate(_parts(spec, "customer_rule"), 1)]
    for number, rule in enumerate(rules):
        rule.check()
        for key in ("conflicts", "requires"):
            if getattr(rule, key) is not None:
                table = tables.read(folder, _named(getattr(rule, key)), f"of {rule.label}")
                rules[number] = replace(rule, **{key: table})
    limits = []
    for n, part in enumerate(_parts(spec, "limit"), 1):
        limit = Limit.parse(part, n)
        limit.check()
        if limit.table is not None:
            limit = replace(
                limit, table=tables.read(folder, _named(limit.table), f"of limit {limit.name!r}")
            )
        limits.append(limit)
    value = _column(spec, "objective", "value") or "value"
    unit = _column(spec, "unit", "column") if "unit" in spec else None
    if "unit" in spec and unit is None:
        raise InvalidInput("campaign.toml: [unit]: expected column, got nothing")
    name = spec.get("name", folder.absolute().name)
    made = "transactions" in spec["tables"]
    if not made and "candidates" in spec:
        raise InvalidInput(
            "campaign.toml: [candidates]: expected a table of transactions to make them of"
        )
    targeting = Targeting.parse(spec.get("candidates", {})) if made else None
    checked_limits = list(check_parts(limits, "limit", Limit))
    checked_rules = list(check_parts(rules, "rule", CustomerRule))
    backups = spec.get("backups", 0)
    check_backups(backups, value)
    parts = (spec["tables"], value, checked_rules, checked_limits, targeting, backups)
    return Spec(name, *parts, _previous(spec), unit)


def _previous(spec: Mapping[str, Any]) -> dict[str, Any]:
    """What the table [previous] says."""
    asked = spec.get("previous", {})
    if not isinstance(asked, Mapping):
        raise InvalidInput(f"campaign.toml: [previous]: expected a table, got {shown(asked)}")
    refuse_unknown_keys(asked, {"keep", "bonus", "gone"}, "campaign.toml: [previous]")
    if asked and "previous" not in spec["tables"]:
        raise InvalidInput(
            "campaign.toml: [previous]: expected a table previous in [tables], what was given last"
        )
    return dict(asked)


def _column(spec: Mapping[str, Any], section: str, key: str) -> str | None:
    """The column that a section of one key names; None where it does not."""
    said = spec.get(section, {})
    if not isinstance(said, Mapping):
        raise InvalidInput(f"campaign.toml: [{section}]: expected {key}, got {shown(said)}")
    refuse_unknown_keys(said, {key}, f"campaign.toml: [{section}]")
    column = said.get(key)
    if key in said and (not isinstance(column, str) or not column):
        raise InvalidInput(
            f"campaign.toml: [{section}] {key}: expected a column, got {shown(column)}"
        )
    return column


def _named(table: Any) -> str | list[str]:
    """The file, or files, that campaign.toml names as the table of a rule or limit."""
    name: str | list[str] = table
    return name


def _read_toml(folder: Path) -> dict[str, Any]:
    """The content of campaign.toml, its keys and tables checked."""
    check_path(folder, "campaign folder")
    spec = read_toml(folder)
    refuse_unknown_keys(spec, SECTIONS, "campaign.toml")
    if spec.get("schema") != SCHEMA or isinstance(spec["schema"], bool):
        raise InvalidInput(
            f"campaign.toml: schema: expected {SCHEMA}, got {shown(spec.get('schema'))}"
        )
    if not isinstance(spec.get("name", ""), str):
        raise InvalidInput(f"campaign.toml: name: expected text, got {shown(spec['name'])}")
    names = spec.get("tables")
    if not isinstance(names, Mapping):
        raise InvalidInput("campaign.toml: expected [tables] with offers and candidates")
    for name in sorted(set(names) - TABLES):
        raise InvalidInput(
            f"campaign.toml: [tables]: unknown table {name!r}{known_names(name, sorted(TABLES))}"
        )
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
    """The entries of an array of tables."""
    parts = spec.get(key, [])
    if not isinstance(parts, list) or not all(isinstance(part, dict) for part in parts):
        raise InvalidInput(f"campaign.toml: {key}: expected [[{key}]] tables")
    return parts


def read_table(folder: Path, spec: Spec, what: str) -> pa.Table | None:
    """Read a table of a campaign folder.

    Parameters
    ----------
    folder : Path
        Campaign folder.
    spec : Spec
        Its campaign.toml.
    what : str
        Name of the table.

    Returns
    -------
    pyarrow.Table or None
        None if the folder has no table of that name.
    """
    return tables.read(folder, spec.tables[what], what) if what in spec.tables else None
