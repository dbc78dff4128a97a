"""Response to coupons: the odds of buying anyway, moved by role, discount and proneness; what it is worth; variants."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ...data import tables
from ...data.roles import ROLES
from ...utils.errors import InvalidInput
from .logistic import LogisticRegression, Sample, sigmoid

Columns = Mapping[str, Any]
SPECIAL = ("p0", "role", "category", "depth")
STEPS = 200  # of a bisection: more than float64 has bits


class ResponseModel:
    """Log odds of redeeming = intercept + a log odds of p0 + role effect + category effect x depth + other columns.

    p0 is the probability to buy without a coupon, of whatever model: it says who likes the product, and is not what a
    coupon adds. Coefficients are given, or fitted on past campaigns.

    Columns of (customer, offer) pairs: `p0` (strictly between 0 and 1); and where they exist `role` (reward,
    activation, innovation, or null), `category` (any labels) with `depth` (the discount as a share of the price), and
    any other numeric columns, such as `proneness` (how readily the customer uses coupons), as they are.

    coefficients: by name, `intercept`, `p0`, `role=reward` ..., `depth`, `category=tea` ... (of the depth), and the
    names of other columns; what is not named is 0. ridge: see LogisticRegression.

    After `fit`: coefficients_ (or as given), n_iter_.
    """

    coefficients_: dict[str, float]
    n_iter_: int

    def __init__(self, coefficients: Mapping[str, float] | None = None, *, ridge: float = 1.0):
        self.coefficients, self.ridge = coefficients, ridge
        if coefficients is not None:
            self.coefficients_ = {name: float(value) for name, value in coefficients.items()}

    def fit(self, campaigns: Sequence[tuple[Columns, NDArray[np.bool_]]]) -> ResponseModel:
        """campaigns: columns of all pairs that were mailed, and whether each was redeemed."""
        designs = [_design(columns) for columns, _ in campaigns]
        if not designs:
            raise InvalidInput("campaigns: expected at least one, got none")
        names = list(dict.fromkeys(name for design in designs for name in design))
        samples = []
        for design, (_, redeemed) in zip(designs, campaigns, strict=True):
            rows = len(design["p0"])
            if len(redeemed) != rows:
                raise InvalidInput(
                    f"redeemed: expected one for each of {rows:,} pairs, got {len(redeemed):,}"
                )
            zero = np.zeros(rows, np.float32)
            features = np.stack([design.get(name, zero) for name in names], axis=1)
            samples.append(Sample(features, np.asarray(redeemed, bool), np.ones(rows, np.float32)))
        fitted = LogisticRegression(self.ridge).fit(samples)
        coefficients = zip(names, fitted.coef_.tolist(), strict=True)
        self.coefficients_ = {"intercept": fitted.intercept_, **dict(coefficients)}
        self.n_iter_ = fitted.n_iter_
        return self

    def log_odds(self, columns: Columns) -> NDArray[np.float64]:
        """Log odds of the pairs; roles, categories and columns that were not there when fitted add nothing."""
        design = _design(columns)
        total = np.full(len(design["p0"]), self.coefficients_.get("intercept", 0.0))
        for name, values in design.items():
            total += self.coefficients_.get(name, 0.0) * values
        return total

    def score(self, columns: Columns, *, rate: float | None = None) -> NDArray[np.float32]:
        """Probabilities of redemption (p1), float32.

        rate: the share of the pairs that is expected to be redeemed in this campaign (as seen in its first days, or in
        campaigns of its kind); the log odds are shifted until the mean is that.
        """
        found = self.log_odds(columns)
        if rate is not None:
            found = found + calibration_shift(found, rate)
        return sigmoid(found).astype(np.float32)


def calibration_shift(log_odds: NDArray[np.float64], rate: float) -> float:
    """What is to be added to log odds for their probabilities to have this mean."""
    if not 0.0 < rate < 1.0 or len(log_odds) == 0:
        raise InvalidInput(
            f"rate: expected a share between 0 and 1 of at least one pair, got {rate!r}"
        )
    low, high = -100.0 - float(log_odds.max()), 100.0 - float(log_odds.min())
    for _ in range(STEPS):
        middle = (low + high) / 2
        if float(sigmoid(log_odds + middle).mean()) < rate:
            low = middle
        else:
            high = middle
    return (low + high) / 2


def incremental_value(
    p0: NDArray[np.floating],
    p1: NDArray[np.floating],
    margin: NDArray[np.floating] | float,
    discount: NDArray[np.floating] | float,
) -> NDArray[np.floating]:
    """(p1 - p0) margin - p1 discount: what a coupon brings beyond what would have been bought anyway.

    It is as good as p1 - p0 is: a p0 that is too low counts as brought by the coupon what was not. Test it with a
    group that gets no coupons.
    """
    return (p1 - p0) * margin - p1 * discount


def variants(offers: Any, depths: Sequence[float]) -> pa.Table:
    """Each offer at several discounts: a table of its rows, once for each depth.

    offers: `offer` (ids) and `price`, and any other columns. Adds `family` (the id of the offer that it is a variant
    of, for a rule of at most one in each), `depth`, `face_value` (depth x price), and makes `offer` text such as
    `tea-0.25`.
    """
    given = tables.as_table(offers, "offers")
    tables.require(given, "offers", "offer", "price")
    wrong = [depth for depth in depths if not 0.0 <= depth <= 1.0]
    if wrong or len(set(depths)) < len(depths) or not depths:
        raise InvalidInput(
            f"depths: expected distinct shares of the price from 0 to 1, got {list(depths)!r}"
        )
    price = tables.numbers(given, "offers", "price")
    families = tables.ids(given, "offers", "offer")
    parts = []
    for depth in depths:
        part = given.drop_columns(
            [n for n in ("depth", "face_value", "family") if n in given.column_names]
        )
        names = pa.array([f"{family}-{depth:g}" for family in families.to_pylist()])
        part = part.set_column(part.column_names.index("offer"), "offer", names)
        part = part.append_column("family", families)
        part = part.append_column("depth", pa.array(np.full(len(given), float(depth))))
        parts.append(part.append_column("face_value", pa.array(depth * price)))
    return pa.concat_tables(parts)


def _design(columns: Columns) -> dict[str, NDArray[np.float32]]:
    """What coefficients are multiplied with, float32 (pairs) by name."""
    if "p0" not in columns:
        raise InvalidInput(f"columns: expected 'p0', got {', '.join(columns) or 'none'}")
    p0 = np.asarray(columns["p0"], np.float64)
    outside = ~((p0 > 0.0) & (p0 < 1.0))
    if outside.any():
        row = int(outside.argmax())
        raise InvalidInput(
            f"column 'p0', row {row}: expected a probability strictly between 0 and 1, got {p0[row]}"
        )
    found = {"p0": np.log(p0) - np.log1p(-p0)}
    if "role" in columns:
        labels = np.asarray(columns["role"], object)
        for role in ROLES:
            found[f"role={role}"] = (labels == role).astype(np.float64)
    if "depth" in columns:
        found["depth"] = np.asarray(columns["depth"], np.float64)
    if "category" in columns:
        if "depth" not in columns:
            raise InvalidInput("columns: expected 'depth' beside 'category'")
        for label in sorted(set(np.asarray(columns["category"], object).tolist()), key=str):
            mine = np.asarray(columns["category"], object) == label
            found[f"category={label}"] = mine * found["depth"]
    for name in columns:
        if name not in SPECIAL:
            found[name] = np.asarray(columns[name], np.float64)
    for name, values in found.items():
        if len(values) != len(p0):
            raise InvalidInput(
                f"column {name!r}: expected a number for each of {len(p0):,} pairs, got {len(values):,}"
            )
        if not np.isfinite(values).all():
            row = int((~np.isfinite(values)).argmax())
            raise InvalidInput(
                f"column {name!r}, row {row}: expected a finite number, got {values[row]}"
            )
    return {name: values.astype(np.float32) for name, values in found.items()}
