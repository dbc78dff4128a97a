"""Arguments that nobody expects: each of Python's interface gets each odd value in turn, and answers or says one line.

Fields of rules and limits, conditions, arguments of campaigns, solves, changes and questions get `ODD_CELLS` and
`NO_TABLES` of `tests/support/odd_containers.py`. What comes is a result or `InvalidInput` of one line.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable
from functools import cache
from typing import Any

from tests.fuzz.cases import Outcome, main
from tests.fuzz.tables import wrong_line
from tests.support.odd_containers import NO_TABLES, ODD_CELLS
from tests.support.odd_folders import GOOD_TABLES

from couponry import Campaign, CustomerRule, InvalidInput, Limit, Result

TABLES = {name: GOOD_TABLES[name] for name in ("offers", "candidates", "customers")}
VALUES = (*ODD_CELLS, *NO_TABLES)
COLUMNS = ("brand", "day", "points", "tags", "role")


@cache
def solved() -> tuple[Campaign, Result]:
    """A campaign with a limit and a rule, and its result."""
    campaign = Campaign(**TABLES, rules=[CustomerRule("R", max=2)], limits=[Limit("L", max=5)])
    return campaign, campaign.solve(gap=1e-2, threads=1)


def _campaign(**given: Any) -> None:
    campaign = Campaign(**TABLES, **given)
    campaign.check()
    campaign.summary()
    campaign.solve(gap=1e-2, threads=1, time_limit=5).summary()


def _rule(key: str) -> Callable[[Any], Any]:
    return lambda value: _campaign(rules=[CustomerRule(**{"name": "R", "max": 2, key: value})])


def _conflicts(key: str) -> Callable[[Any], Any]:
    rule = {"name": "R", "conflicts": GOOD_TABLES["conflicts"]}
    return lambda value: _campaign(rules=[CustomerRule(**{**rule, key: value})])


def _limit(key: str) -> Callable[[Any], Any]:
    return lambda value: _campaign(limits=[Limit(**{"name": "L", "max": 5, key: value})])


def _condition(column: str, form: Callable[[Any], Any]) -> Callable[[Any], Any]:
    return lambda value: _campaign(limits=[Limit("L", max=5, where={column: form(value)})])


def _argument(key: str) -> Callable[[Any], Any]:
    return lambda value: _campaign(**{key: value})


def _option(key: str) -> Callable[[Any], Any]:
    return lambda value: solved()[0].solve(**{"threads": 1, "time_limit": 5, key: value})


def _change(key: str, form: Callable[[Any], Any] = lambda value: value) -> Callable[[Any], Any]:
    return lambda value: solved()[0].changed(**{key: form(value)})


TARGETS: dict[str, Callable[[Any], Any]] = {
    **{f"rule: {key}": _rule(key) for key in CustomerRule.__dataclass_fields__},
    **{f"rule of conflicts: {key}": _conflicts(key) for key in CustomerRule.__dataclass_fields__},
    **{f"limit: {key}": _limit(key) for key in Limit.__dataclass_fields__},
    **{f"where {column}": _condition(column, lambda value: value) for column in COLUMNS},
    **{f"where {column} in a list": _condition(column, lambda value: [value, "A"]) for column in COLUMNS},
    **{f"where {column} from": _condition(column, lambda value: {"min": value}) for column in COLUMNS},
    **{f"campaign: {key}": _argument(key) for key in ("value", "name", "rules", "limits")},
    **{f"solve: {key}": _option(key) for key in ("gap", "time_limit", "threads", "seed", "backend", "start",
                                                 "solver_options")},
    **{f"changed: {key}": _change(key) for key in ("limits", "rules", "offers", "add_limits", "add_rules",
                                                   "drop_limits", "drop_rules")},
    "changed: a limit": _change("limits", lambda value: {"L": value}),
    "changed: a bound": _change("limits", lambda value: {"L": {"max": value}}),
    "changed: a rule's bound": _change("rules", lambda value: {"R": {"max": value}}),
    "changed: an offer": _change("offers", lambda value: {50: value}),
    "changed: an amount": _change("offers", lambda value: {50: {"margin": value}}),
    "what_if": lambda value: solved()[0].what_if(solved()[1], limits={"L": {"max": value}}),
    "explain": lambda value: solved()[1].explain(value),
    "frontier: limit": lambda value: solved()[0].frontier(value, [1]),
    "frontier: bounds": lambda value: solved()[0].frontier("L", value),
    "frontier: a bound": lambda value: solved()[0].frontier("L", [value]),
}  # fmt: skip


def run_case(number: int) -> Outcome:
    """Give one target one value."""
    target = list(TARGETS)[number % len(TARGETS)]
    try:
        value = VALUES[number // len(TARGETS) % len(VALUES)]()
    except Exception:  # nobody can make it
        return Outcome(("no value",))
    with warnings.catch_warnings(action="ignore"):
        try:
            TARGETS[target](value)
        except InvalidInput as error:
            return Outcome((target.split(":")[0], "refused"), tuple(wrong_line(str(error))))
    return Outcome((target.split(":")[0], "taken"))


if __name__ == "__main__":
    sys.exit(main("tests.fuzz.arguments", __doc__.splitlines()[0]))
