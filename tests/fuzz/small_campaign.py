"""Small campaigns as plain rows, for couponry and for the exact search alike; and as a script that repeats them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import pyarrow as pa

from couponry import Campaign, CustomerRule, Limit

Row = dict[str, Any]

STRINGS, WHOLE, LISTS = pa.string(), pa.int64(), pa.list_(pa.string())
TYPES: dict[str, pa.DataType] = {
    "product": STRINGS, "brand": STRINGS, "channels": LISTS, "day": WHOLE, "role": STRINGS, "mandatory": pa.bool_(),
    "segment": STRINGS, "household": STRINGS, "tags": LISTS, "age": WHOLE, "most": WHOLE, "least": WHOLE,
    "few": WHOLE, "points": WHOLE,
}  # fmt: skip
"""Of columns that are no floats; ids are what they are."""


def typed(rows: Sequence[Row], columns: Sequence[str]) -> pa.Table:
    """A table of rows, each column of its own type whatever is null."""
    arrays = {}
    for name in columns:
        cells = [row[name] for row in rows]
        if name in ("customer", "offer"):
            kind = STRINGS if any(isinstance(cell, str) for cell in cells) else WHOLE
        else:
            kind = TYPES.get(name, pa.float64())
        arrays[name] = pa.array(cells, kind)
    return pa.table(arrays)


@dataclass(frozen=True)
class Settings:
    """How a campaign is solved.

    Attributes
    ----------
    gap : float
    threads : int
    backend : str
    seed : int
    stages : str
        Which stages are forced, by options: a key of `tests.fuzz.solving.STAGES`.
    readings : int or None
        The time limit ends the solve at this reading of the clock; None: no limit.
    """

    gap: float = 5e-4
    threads: int = 1
    backend: str = "native"
    seed: int = 0
    stages: str = "default"
    readings: int | None = None


@dataclass(frozen=True)
class SmallCampaign:
    """Tables as rows, rules and limits.

    unit: the column of customers that says who belongs together. changes: bounds that replace those of limits in a
    second solve. is_written: campaign and result go through folders.
    """

    offers: list[Row]
    candidates: list[Row]
    customers: list[Row] | None
    history: list[Row] | None
    rules: list[CustomerRule]
    limits: list[Limit]
    value: str
    settings: Settings = Settings()
    changes: Mapping[Any, Mapping[str, float | None]] = field(default_factory=dict)
    is_written: bool = False
    features: frozenset[str] = frozenset()
    unit: str | None = None

    def table(self, name: str) -> pa.Table | None:
        """One of the four tables."""
        rows = getattr(self, name)
        if rows is None:
            return None
        columns = list(rows[0]) if rows else ["customer"]
        return typed(rows, columns)

    def campaign(self) -> Campaign:
        """For couponry."""
        tables = [self.table(name) for name in ("offers", "candidates", "customers", "history")]
        parts: dict[str, Any] = {"rules": self.rules, "limits": self.limits, "unit": self.unit}
        return Campaign(*tables, value=self.value, **parts)

    def changed(self) -> SmallCampaign:
        """With the bounds of the second solve."""
        limits = []
        for limit in self.limits:
            bounds = self.changes.get(limit.name)
            limits.append(limit if bounds is None else replace(limit, **bounds))  # type: ignore[arg-type]
        return replace(self, limits=limits, changes={})

    def script(self) -> str:
        """A Python program that makes and solves it, without anything of this folder."""
        lines = ["import pyarrow as pa", "from couponry import Campaign, CustomerRule, Limit", ""]
        for name in ("offers", "candidates", "customers", "history"):
            table = self.table(name)
            if table is None:
                lines.append(f"{name} = None")
                continue
            cells = ",\n".join(
                f"    {column!r}: pa.array({table[column].to_pylist()!r}, {_type_name(table[column].type)})"
                for column in table.column_names
            )
            lines.append(f"{name} = pa.table({{\n{cells},\n}})")
        for name, parts in (("rules", self.rules), ("limits", self.limits)):
            texts = "".join(f"    {_call(part)},\n" for part in parts)
            lines.append(f"{name} = [\n{texts}]")
        s = self.settings
        lines += [
            f"campaign = Campaign(offers, candidates, customers, history, rules=rules, limits=limits, "
            f"value={self.value!r}, unit={self.unit!r})",
            f"# stages: {s.stages}; the clock ends it at reading {s.readings}",
            f"result = campaign.solve(gap={s.gap!r}, threads={s.threads}, backend={s.backend!r}, seed={s.seed})",
        ]
        if self.changes:
            lines.append(
                f"result = campaign.changed(limits={dict(self.changes)!r}).solve(gap={s.gap!r}, start=result)"
            )
        lines += ["print(result.summary())", "print(result.limits, result.infeasible)"]
        return "\n".join(lines)


def _type_name(kind: pa.DataType) -> str:
    """How a type is written."""
    known = {
        STRINGS: "pa.string()",
        WHOLE: "pa.int64()",
        LISTS: "pa.list_(pa.string())",
        pa.bool_(): "pa.bool_()",
    }
    return known.get(kind, "pa.float64()")


def _call(part: CustomerRule | Limit) -> str:
    """A rule or limit as it is made, without what is the default."""
    fields = part.__dataclass_fields__
    default = type(part)()
    given = [
        f"{name}={getattr(part, name)!r}"
        for name in fields
        if getattr(part, name) != getattr(default, name)
    ]
    return f"{type(part).__name__}({', '.join(given)})"
