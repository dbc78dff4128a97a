"""Writes a campaign or a result as a folder, whole or not at all."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from typing import Any, Protocol

import pyarrow as pa
import pyarrow.parquet as pq

from ..data import tables
from ..data.earlier.previous_pairs import PREVIOUS
from ..data.table_view import TableView, as_arrow
from ..model.campaign_data import CampaignData
from ..model.limits import Limit
from ..model.rules import CustomerRule
from ..utils.atomic_folder import atomic_folder, remove_folder, reserved_folder
from ..utils.errors import InvalidInput
from ..utils.toml_writer import dumps
from .exact_files import ALLOCATION, BACKUPS, ExactSolution, write_exact
from .schema import DIRECTIVE, FILE, campaign_schema
from .spec import SCHEMA

SPEC, RESULT = "campaign.toml", "result.json"

WITHOUT_ALLOCATION = ("infeasible", "unsolved")
"""Statuses of results that have no allocation."""


def write_campaign_data(
    campaign: CampaignData, folder: str | Path, *, overwrite: bool = False
) -> Path:
    """Write a campaign as a folder that `couponry.read_campaign` takes.

    Candidates carry the columns that the campaign uses. The folder appears whole or not at all.

    Parameters
    ----------
    campaign : CampaignData
    folder : str or Path
        Folder to write; must not exist.
    overwrite : bool
        Replace the folder if it exists.

    Returns
    -------
    Path
        The folder.

    Raises
    ------
    InvalidInput
        If the folder exists, unless `overwrite` says to replace it.
    """
    spec: dict[str, Any] = {
        "schema": SCHEMA,
        "name": campaign.name,
        "tables": {"offers": "offers.parquet", "candidates": "candidates.parquet"},
        "objective": {"value": campaign.value},
        **({} if campaign.unit is None else {"unit": {"column": campaign.unit}}),
    }
    if campaign.backups:
        spec["backups"] = campaign.backups
    with atomic_folder(folder, overwrite=overwrite, holds=SPEC) as draft:
        pq.write_table(campaign.offers, draft / "offers.parquet")
        _write_parts(campaign.candidates_tables(), draft / "candidates.parquet")
        if campaign.customers is not None:
            spec["tables"]["customers"] = "customers.parquet"
            pq.write_table(campaign.customers, draft / "customers.parquet")
        if campaign.history is not None:
            spec["tables"]["history"] = "history.parquet"
            pq.write_table(campaign.history, draft / "history.parquet")
        if campaign.previous is not None:  # what is asked of it is among the limits
            gone = campaign.previous.pairs - campaign.previous.candidates
            spec["tables"][PREVIOUS] = f"{PREVIOUS}.parquet"
            spec |= {PREVIOUS: {"gone": gone}} if gone else {}
            _write_parts(campaign.previous_tables(), draft / f"{PREVIOUS}.parquet")
        write_spec(spec, campaign.rules, campaign.limits, draft)
        _tell_editors(draft)
    return Path(folder)


def _tell_editors(draft: Path) -> None:
    """Write the schema of campaign.toml beside it, and name it there."""
    text = (draft / SPEC).read_text(encoding="utf-8")
    (draft / SPEC).write_text(DIRECTIVE + text, encoding="utf-8")
    schema = json.dumps(campaign_schema(), indent=1)
    (draft / FILE).write_text(schema + "\n", encoding="utf-8")


def write_spec(
    spec: Mapping[str, Any], rules: Sequence[CustomerRule], limits: Sequence[Limit], draft: Path
) -> None:
    """Write campaign.toml, and the tables of rules and limits beside it.

    Parameters
    ----------
    spec : mapping
        What it says besides rules and limits.
    rules : sequence of CustomerRule
    limits : sequence of Limit
    draft : Path
        Folder.
    """
    agreed = {
        "customer_rule": [_rule_entry(rule, n, draft) for n, rule in enumerate(rules, 1)],
        "limit": [_limit_entry(limit, n, draft) for n, limit in enumerate(limits, 1)],
    }
    (draft / SPEC).write_text(dumps({**spec, **agreed}), encoding="utf-8")


def _write_parts(parts: Iterator[pa.Table], path: Path) -> None:
    """Write a table's parts, of which there is one at least, to one file."""
    first = next(parts)
    with pq.ParquetWriter(path, first.schema) as writer:
        for part in chain([first], parts):
            writer.write_table(part)


def _rule_entry(rule: CustomerRule, number: int, draft: Path) -> dict[str, Any]:
    """A rule as campaign.toml has it; its table is written beside it."""
    entry = _stated_fields(rule)
    for key in ("conflicts", "requires"):
        table = getattr(rule, key)
        if table is not None:
            entry[key] = f"{key}-{number}.parquet"
            pq.write_table(tables.as_table(table, f"of {rule.label}"), draft / entry[key])
    return entry


def _limit_entry(limit: Limit, number: int, draft: Path) -> dict[str, Any]:
    """A limit as campaign.toml has it; its table is written beside it."""
    entry = _stated_fields(limit)
    if limit.table is not None:
        entry["table"] = f"limit-{number}.parquet"
        pq.write_table(tables.as_table(limit.table, f"of {limit.label}"), draft / entry["table"])
    if limit.ratio is not None:
        entry.pop("sum")
    return entry


def _stated_fields(part: CustomerRule | Limit) -> dict[str, Any]:
    """The fields of a rule or limit that say something."""
    fields = {name: getattr(part, name) for name in part.__dataclass_fields__}
    return {
        name: value
        for name, value in fields.items()
        if value is not None
        and (value is not False or name == "history")
        and not (isinstance(value, Mapping) and not value and name != "relative_to")
    }


class WritableAllocation(Protocol):
    """What is asked of an allocation here."""

    def write(self, path: Path) -> None:
        """Write it to a Parquet file, or to a folder of them.

        Parameters
        ----------
        path : Path
            File or folder, which must not exist.
        """


def write_result(
    folder: str | Path,
    allocation: WritableAllocation | None,
    limits: TableView | pa.Table | None,
    infeasible: Mapping[str, Any] | None,
    content: Callable[[], Mapping[str, Any]],
    exact: ExactSolution | None = None,
    *,
    backups: WritableAllocation | None = None,
    overwrite: bool = False,
    replace_solved: bool = False,
) -> Path:
    """Write a result as a folder, which appears whole or not at all.

    A result without an allocation does not replace one that has one: it is written beside that, into a folder whose
    name ends in its status, such as ``OUT.infeasible``. What stands there from an earlier run is replaced, and is
    removed when `overwrite` has put an allocation into `folder`.

    Parameters
    ----------
    folder : str or Path
        Folder to write; must not exist.
    allocation : WritableAllocation or None
        Becomes allocation.parquet.
    limits : TableView, pyarrow.Table or None
        Becomes limits.parquet.
    infeasible : mapping or None
        Becomes infeasible.json.
    content : callable
        Returns what becomes result.json; asked when tables are written, on the way of which customers are counted.
    exact : ExactSolution, optional
        What `couponry.read_result` needs beyond that; becomes solution.json and solution.npz.
    backups : WritableAllocation, optional
        Becomes backups.parquet.
    overwrite : bool
        Replace the folder if it exists.
    replace_solved : bool
        Replace it even where it holds an allocation and this result has none.

    Returns
    -------
    Path
        The folder that was written.

    Raises
    ------
    InvalidInput
        If the folder exists, unless `overwrite` says to replace it.
    """
    path = Path(folder)
    with reserved_folder(path, overwrite=overwrite, holds=RESULT):
        if allocation is None and not replace_solved and (path / ALLOCATION).exists():
            path = _beside(path, content()["status"])
            overwrite = _is_outcome(path)
        tables_of = {ALLOCATION: allocation, BACKUPS: backups} if limits is not None else {}
        _write_files(path, tables_of, limits, infeasible, content, exact, overwrite=overwrite)
        if overwrite and allocation is not None:
            for status in WITHOUT_ALLOCATION:
                remove_folder(_beside(path, status), _is_outcome)
    return path


@contextmanager
def reserved_result(
    folder: Path, *, overwrite: bool, apart: Mapping[str, Path | None]
) -> Iterator[None]:
    """Be the only one to write a result, from before there is one.

    Parameters
    ----------
    folder : Path
        Folder to write.
    overwrite : bool
        Replace an earlier result.
    apart : mapping of str to Path or None
        What must not lie within the folder, which would replace it, by name.

    Raises
    ------
    InvalidInput
        If the folder must not be written, or somebody else is writing it.
    """
    out = Path(os.path.realpath(folder))
    for name, path in apart.items():
        if path is not None and out in Path(os.path.realpath(path / "file")).parents:
            raise InvalidInput(
                f"output folder {str(folder)!r}: expected another one than that of {name} {str(path)!r}, "
                "which it would replace"
            )
    with reserved_folder(folder, overwrite=overwrite, holds=RESULT):
        yield


def _beside(folder: Path, status: str) -> Path:
    """Where a result goes that has no allocation, and must not replace one that has."""
    named = folder if folder.name not in ("", "..") else folder.resolve()
    return named.with_name(f"{named.name}.{status}")


def _is_outcome(folder: Path) -> bool:
    """Whether a folder holds a result without an allocation, and not something else that has its name."""
    return (folder / RESULT).is_file() and not (folder / ALLOCATION).exists()


def _write_files(
    path: Path,
    coupons: Mapping[str, WritableAllocation | None],
    limits: TableView | pa.Table | None,
    infeasible: Mapping[str, Any] | None,
    content: Callable[[], Mapping[str, Any]],
    exact: ExactSolution | None,
    *,
    overwrite: bool,
) -> None:
    """Write the files of a result; coupons: what is written a block at a time, by name."""
    with atomic_folder(path, overwrite=overwrite, holds=RESULT) as draft:
        for name, rows in coupons.items():
            if rows is not None:
                rows.write(draft / name)
        if limits is not None:
            pq.write_table(as_arrow(limits), draft / "limits.parquet")
        if infeasible is not None:
            _write_json(draft / "infeasible.json", infeasible)
        _write_json(draft / RESULT, content())
        if exact is not None:
            write_exact(draft, exact)


def _write_json(path: Path, content: Mapping[str, Any]) -> None:
    """Write a JSON file."""
    path.write_text(json.dumps(content, indent=1, allow_nan=False) + "\n", encoding="utf-8")
