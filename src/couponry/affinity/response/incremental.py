"""What a coupon brings beyond what would have been bought anyway, of the probabilities of three events."""

from __future__ import annotations

import warnings
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ...utils.checks import shown
from ...utils.errors import InvalidInput

ROUNDING = 1e-6
"""By how much probabilities in float32 may miss what must hold between them."""


class IncrementalBounds(NamedTuple):
    """The least and the most that coupons can be worth.

    Attributes
    ----------
    least, most : ndarray of float, shape (n_pairs,)
        Expected value of each pair, in the currency.
    """

    least: NDArray[np.floating]
    most: NDArray[np.floating]


def incremental_value(
    *old: Any,
    margin: Any = None,
    discount: Any = None,
    buys_with: Any = None,
    buys_without: Any = None,
    redeems: Any = None,
    **deprecated: Any,
) -> NDArray[np.floating]:
    """Compute what a coupon brings beyond what would have been bought anyway.

    ``(buys_with - buys_without) * margin - redeems * discount``: three events, and a probability of each. Who buys with
    the coupon need not redeem it. Two of them do not tell what a coupon is worth; see `incremental_bounds`. The value
    is as good as ``buys_with - buys_without`` is: test it with a group that gets no coupons.

    Parameters
    ----------
    *old : array or float
        Deprecated: ``p0, p1, margin, discount`` by position, where p1 stands for two events.
    margin : ndarray of float, shape (n_pairs,), or float
        Earned by a purchase at the full price, in the currency.
    discount : ndarray of float, shape (n_pairs,), or float
        Given away by a redeemed coupon, in the currency.
    buys_with : ndarray of float, shape (n_pairs,), or float
        Probability to buy within the window with the coupon, redeemed or not.
    buys_without : ndarray of float, shape (n_pairs,), or float
        Probability to buy within the window without the coupon.
    redeems : ndarray of float, shape (n_pairs,), or float
        Probability to redeem the coupon; at most `buys_with`.
    **deprecated : array or float
        Deprecated: p0 and p1 by name.

    Returns
    -------
    ndarray of float, shape (n_pairs,)
        Expected value of each pair, in the currency.

    Raises
    ------
    InvalidInput
        If one of the three is missing, is no probability, or more coupons are redeemed than purchases made.

    Examples
    --------
    >>> value = incremental_value(
    ...     buys_with=0.3, buys_without=0.25, redeems=0.1, margin=2.0, discount=0.5
    ... )
    >>> round(float(value), 2)
    0.05
    """
    if old or deprecated:
        return _of_two(old, {**deprecated, "margin": margin, "discount": discount})
    given = {"buys_with": buys_with, "buys_without": buys_without, "redeems": redeems}
    _check_given({**given, "margin": margin, "discount": discount})
    with_, without, redeemed = (_probability(name, value) for name, value in given.items())
    _check_redeemers_buy(redeemed, with_)
    value: NDArray[np.floating] = (with_ - without) * margin - redeemed * discount
    return value


def incremental_bounds(
    *, buys_without: Any, redeems: Any, margin: Any, discount: Any
) -> IncrementalBounds:
    """Compute the least and the most that a coupon can bring, where nobody knows who buys with it.

    Who redeems a coupon buys, and a coupon keeps nobody from buying. So those who buy with it are at least as many as
    redeem it and as buy without it, and at most both together.

    Parameters
    ----------
    buys_without : ndarray of float, shape (n_pairs,), or float
        Probability to buy within the window without the coupon.
    redeems : ndarray of float, shape (n_pairs,), or float
        Probability to redeem the coupon.
    margin : ndarray of float, shape (n_pairs,), or float
        Earned by a purchase at the full price, in the currency; not below 0.
    discount : ndarray of float, shape (n_pairs,), or float
        Given away by a redeemed coupon, in the currency.

    Returns
    -------
    IncrementalBounds
        As `incremental_value` of the fewest and of the most who can buy with the coupon.

    Raises
    ------
    InvalidInput
        If a probability is none.

    Examples
    --------
    >>> found = incremental_bounds(buys_without=0.25, redeems=0.1, margin=2.0, discount=0.5)
    >>> [round(float(value), 2) for value in found]
    [-0.05, 0.15]
    """
    without, redeemed = _probability("buys_without", buys_without), _probability("redeems", redeems)
    fewest, most = (
        incremental_value(
            buys_with=without + new, buys_without=without, redeems=redeemed, margin=margin, discount=discount
        )
        for new in new_purchases(without, redeemed)
    )  # fmt: skip
    return IncrementalBounds(np.minimum(fewest, most), np.maximum(fewest, most))


def new_purchases(
    buys_without: NDArray[np.floating], redeems: NDArray[np.floating]
) -> tuple[NDArray[np.floating], NDArray[np.floating]]:
    """Return by how much buying can be more likely with a coupon, at least and at most.

    Parameters
    ----------
    buys_without, redeems : ndarray of float, shape (n_pairs,)

    Returns
    -------
    least, most : ndarray of float, shape (n_pairs,)
    """
    return np.maximum(redeems - buys_without, 0), np.minimum(redeems, 1 - buys_without)


def _probability(name: str, values: Any) -> NDArray[np.floating]:
    """Return probabilities; refuse what is none."""
    found = np.asarray(values)
    if found.dtype.kind != "f":
        found = found.astype(np.float64)
    if not ((found >= 0) & (found <= 1 + ROUNDING)).all():
        raise InvalidInput(f"{name}: expected probabilities from 0 to 1, got {shown(values)}")
    return found


def _check_given(numbers: dict[str, Any]) -> None:
    """Refuse a call that leaves one out."""
    missing = [name for name, value in numbers.items() if value is None]
    if missing:
        raise InvalidInput(
            f"incremental_value: expected {', '.join(numbers)}, got no {' and no '.join(missing)}; what two "
            "probabilities allow is told by incremental_bounds"
        )


def _check_redeemers_buy(redeemed: NDArray[np.floating], with_: NDArray[np.floating]) -> None:
    """Refuse more redeemed coupons than purchases."""
    if (redeemed > with_ + ROUNDING).any():
        raise InvalidInput(
            "redeems: expected at most buys_with, as who redeems a coupon buys, got up to "
            f"{float(np.max(redeemed - with_)):g} more"
        )


def _of_two(old: tuple[Any, ...], named: dict[str, Any]) -> NDArray[np.floating]:
    """Return the value of p0 and p1, as it was before there were names for three events."""
    warnings.warn(
        "incremental_value(p0, p1, margin, discount) is deprecated: p1 stands for buying with the coupon and for "
        "redeeming it, which are two events; name buys_with, buys_without and redeems, or use incremental_bounds",
        DeprecationWarning,
        stacklevel=3,
    )
    names = ("p0", "p1", "margin", "discount")
    given = {name: value for name, value in named.items() if value is not None}
    given.update(zip(names, old, strict=False))
    if set(given) != set(names) or len(old) > len(names):
        raise InvalidInput(
            f"incremental_value: expected {', '.join(names)}, got {', '.join(given)}"
        )
    value: NDArray[np.floating] = (given["p1"] - given["p0"]) * given["margin"] - given[
        "p1"
    ] * given["discount"]
    return value
