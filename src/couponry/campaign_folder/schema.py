"""The JSON Schema of campaign.toml, by which editors complete it and underline what is wrong."""

from __future__ import annotations

from typing import Any

from ..affinity.targeting import MOST_OFFERS, MOST_WEEKS
from ..model.arguments.message_costs import MOST_MESSAGES
from ..model.campaign_checks import MOST_BACKUPS
from ..model.limits import MODES
from ..model.rules import MOST_DAYS
from .spec import SCHEMA

FILE = "campaign.schema.json"
"""What the schema is called beside a campaign.toml."""

DIRECTIVE = f"#:schema {FILE}\n"
"""The first line of a campaign.toml, which tells editors of it."""

Schema = dict[str, Any]

SCALAR: Schema = {"type": ["string", "number", "boolean"]}

CONDITION: Schema = {
    "description": "A value, a list of values (any of them), or a range with min and max (both ends in).",
    "anyOf": [
        SCALAR,
        {"type": "array", "items": SCALAR, "minItems": 1},
        {
            "type": "object",
            "properties": {"min": SCALAR, "max": SCALAR},
            "additionalProperties": False,
            "minProperties": 1,
        },
    ],
}


def campaign_schema() -> Schema:
    """Return the JSON Schema (draft 7) of campaign.toml.

    Returns
    -------
    dict
        Ready for JSON. Dates and times count as text, as editors of TOML take them.
    """
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "couponry campaign.toml",
        **_object(
            {
                "schema": {"const": SCHEMA, "description": "Version of this format."},
                "name": _text("Name of the campaign. Default: that of its folder."),
                "tables": _tables(),
                "objective": _object(
                    {"value": _text('Column whose sum is maximised. Default: "value".')}
                ),
                "backups": {
                    "type": "integer",
                    "minimum": 0,
                    "maximum": MOST_BACKUPS,
                    "description": "Most offers of a customer that are listed for coupons that fall out.",
                },
                "previous": _object(
                    {
                        "keep": _number(
                            "Share of the pairs that stays, where it still can.",
                            minimum=0,
                            maximum=1,
                        ),
                        "bonus": _number("What each pair that leaves costs.", minimum=0),
                        "gone": {
                            "type": "integer",
                            "minimum": 0,
                            "description": "Pairs that the table leaves out: they can no longer be given.",
                        },
                    },
                    description="How much of the table previous is to stay.",
                ),
                "unit": _object(
                    {
                        "column": _text(
                            "Column of customers, such as household: what rules hold for."
                        )
                    },
                    required=["column"],
                ),
                "candidates": _candidates(),
                "customer_rule": {"type": "array", "items": _customer_rule()},
                "limit": {"type": "array", "items": _limit()},
            },
            required=["schema", "tables"],
        ),
        "definitions": {"condition": CONDITION},
    }


def _object(properties: Schema, **more: Any) -> Schema:
    """A table with these keys and no others."""
    return {"type": "object", "properties": properties, "additionalProperties": False, **more}


def _text(description: str) -> Schema:
    return {"type": "string", "minLength": 1, "description": description}


def _columns(description: str) -> Schema:
    name: Schema = {"type": "string", "minLength": 1}
    names = {"type": "array", "items": name, "minItems": 1, "uniqueItems": True}
    return {"anyOf": [name, names], "description": description}


def _number(description: str, **more: Any) -> Schema:
    return {"type": "number", "description": description, **more}


def _flag(description: str) -> Schema:
    return {"type": "boolean", "description": description}


def _where(description: str) -> Schema:
    conditions = {"$ref": "#/definitions/condition"}
    return {"type": "object", "description": description, "additionalProperties": conditions}


def _days(description: str, least: int) -> Schema:
    return {"type": "integer", "minimum": least, "maximum": MOST_DAYS, "description": description}


def _tables() -> Schema:
    """The table [tables]."""
    descriptions = {
        "offers": "One row for each coupon that can be given.",
        "candidates": "One row for each pair of customer and offer that is possible.",
        "customers": "One row for each customer, with any attributes.",
        "history": "What customers have already got; it counts towards customer rules.",
        "previous": "What customers were given last: customer and offer.",
        "transactions": "Purchases that candidates are made of, in place of candidates.",
        "covers": "What each offer is good for: offer and product.",
        "redemptions": "Coupons of past campaigns: customer, family, depth and redeemed.",
        "products": "One row for each product, with what groups them.",
    }
    names: Schema = {"type": "string", "minLength": 1}
    files: Schema = {"anyOf": [names, {"type": "array", "items": names, "minItems": 1}]}
    properties = {name: {**files, "description": text} for name, text in descriptions.items()}
    either = [{"required": ["offers", name]} for name in ("candidates", "transactions")]
    return _object(properties, oneOf=either)


def _candidates() -> Schema:
    """The table [candidates]."""

    def whole(description: str, least: int, most: int) -> Schema:
        return {"type": "integer", "minimum": least, "maximum": most, "description": description}

    return _object(
        {
            "reward": whole("Most offers a customer for what it buys.", 0, MOST_OFFERS),
            "activation": whole("Most offers a customer for something of a kind that it buys.", 0, MOST_OFFERS),
            "innovation": whole("Most offers a customer for anything else.", 0, MOST_OFFERS),
            "kind": _text("Column of products that says of what kind they are."),
            "family": _text("Column of offers that says which are variants of one another, and chosen as one."),
            "window": whole("Weeks in which a response is looked for.", 1, MOST_WEEKS),
            "half_life": _number("Weeks after which a purchase counts half.", exclusiveMinimum=0),
            "until": {"type": ["integer", "string"], "description": "Last day, week or date that counts."},
            "timezone": _text('The shop\'s, such as "Europe/Berlin".'),
            "null_customers": {
                "enum": ["refuse", "skip"],
                "description": "What becomes of transactions without a customer.",
            },
            "columns": {
                "type": "object",
                "additionalProperties": {"type": "string"},
                "description": "Other names of columns of transactions.",
            },
            "response": {
                "type": "object",
                "additionalProperties": {"type": "number"},
                "description": "Coefficients of a ResponseModel.",
            },
            "incremental": {
                "anyOf": [{"type": "boolean"}, {"type": "number", "exclusiveMinimum": 0, "maximum": 1}],
                "description": "Share of redeemed coupons that bring a purchase which would not have been made.",
            },
        },
        description="How candidates are made of transactions.",
    )  # fmt: skip


def _customer_rule() -> Schema:
    """A table [[customer_rule]]."""
    bound: Schema = {"anyOf": [{"type": "number"}, {"type": "string", "minLength": 1}]}
    of = "A number, whole but for sums, or a column of customers."
    return _object(
        {
            "name": _text("What results and messages call the rule."),
            "max": {**bound, "description": f"Most coupons of a customer. {of}"},
            "min": {**bound, "description": f"Fewest coupons, as far as the customer can have them. {of}"},
            "by": _text("A column of offers: the bounds hold for each of its values."),
            "where": _where("Which offers the rule is about."),
            "customers": _where("Which customers it is about."),
            "window": _days("The max holds for every so many days on end.", 1),
            "sum": _text("The bounds hold for the sum of this column over a customer's coupons."),
            "resolution": _number("With sum: amounts count in whole multiples of it.", exclusiveMinimum=0),
            "distinct": _text("The bounds hold for the number of different values of this column of offers."),
            "requires": _text("A table of pairs offer, requires: what is given only with something else."),
            "conflicts": _text("A table of pairs offer_a, offer_b that no customer gets together."),
            "within": _days("With conflicts: only of offers at most so many days apart. With requires: earlier by.", 0),
            "ordered": _flag("With conflicts: only of an offer_b that is not sent before offer_a."),
            "each": {
                "enum": ["customer"],
                "description": "With [unit]: the rule holds for each customer, not for all of a unit together.",
            },
            "cost": {
                "type": "array",
                "items": {"anyOf": [{"type": "number", "minimum": 0}, {"type": "string", "minLength": 1}]},
                "minItems": 1,
                "maxItems": MOST_MESSAGES,
                "description": "What the first message costs, the second, and so on; or columns of customers.",
            },
            "history": {
                "anyOf": [{"type": "boolean"}, _where("")],
                "description": "Whether coupons of the history count, or which of them.",
            },
            "may_be_empty": _flag("It is meant that the rule may concern nothing."),
        },
        anyOf=[{"required": [key]} for key in ("max", "min", "conflicts", "requires", "cost")],
        **_counts_unless("sum"),
        description="What must hold for each customer.",
    )  # fmt: skip


def _counts_unless(key: str) -> Schema:
    """Bounds that are numbers are whole and from 0 up, unless there is another key."""
    whole: Schema = {"if": {"type": "number"}, "then": {"type": "integer", "minimum": 0}}
    return {
        "if": {"not": {"required": [key]}},
        "then": {"properties": {"max": whole, "min": whole}},
    }


def _limit() -> Schema:
    """A table [[limit]]."""
    return _object(
        {
            "name": _text("What results and messages call the limit."),
            "sum": _text('What is summed: "count", "cost", "response", "value" or a column. Default: "count".'),
            "max": _number("Largest sum."),
            "min": _number("Least sum."),
            "where": _where("Which offers the limit is about."),
            "customers": _where("Which customers it is about."),
            "by": _columns('A column of offers or customers, or "role": one limit for each of its values; or several.'),
            "table": _text("With by: a table of the bounds of each value."),
            "ratio": {
                "type": "array",
                "items": {"type": "string"},
                "minItems": 2,
                "maxItems": 2,
                "description": "In place of sum: two columns, whose sums are divided.",
            },
            "share": _flag("The bounds are shares of the same sum over all coupons."),
            "relative_to": _object(
                {
                    "where": _where("Over which offers that sum is."),
                    "customers": _where("Over which customers it is."),
                    "by": _columns("Columns of the limit's own by: it is over those of the same value."),
                },
                description="The bounds are multiples of the same sum over other coupons.",
            ),
            "per_head": _flag("With relative_to: both sums are per customer whom they are over."),
            "mode": {
                "enum": list(MODES),
                "description": "Kept, violated at a penalty, or measured alone. Default: hard.",
            },
            "penalty": _number("Of a soft limit: value lost per unit that it is violated by.", minimum=0),
            "may_be_empty": _flag("It is meant that the limit may concern nothing."),
        },
        description="What must hold for all customers together.",
    )  # fmt: skip
