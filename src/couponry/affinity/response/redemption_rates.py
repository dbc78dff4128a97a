"""What past campaigns say of the next one's redemptions: how readily customers redeem, and how many came lately."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...utils.checks import is_number, shown
from ...utils.errors import InvalidInput


def redemption_rates(redeemed: Any, campaigns: Any, *, prior: float = 1.0) -> NDArray[np.float64]:
    """Compute how many coupons each customer redeems of a campaign that it is sent.

    ``(redeemed + prior * mean) / (campaigns + prior)``, where the mean is that of all customers together. Unlike a
    number of past redemptions, a rate does not grow with the campaigns that were sent, and who was sent few is taken
    for average. Count what was known the day before the campaign begins.

    Parameters
    ----------
    redeemed : array of float, shape (n_customers,)
        Coupons redeemed so far.
    campaigns : array of float, shape (n_customers,)
        Campaigns sent so far.
    prior : float, default 1.0
        Campaigns that the mean of all customers counts as.

    Returns
    -------
    ndarray of float64, shape (n_customers,)
        Coupons a campaign, at least 0.

    Raises
    ------
    InvalidInput
        If numbers are negative or not finite, of different length, or the prior is not above 0.

    References
    ----------
    B. Efron, T. Hastie: Computer Age Statistical Inference, 2016, section 6.1 (empirical Bayes for counts).

    Examples
    --------
    >>> print(redemption_rates([4, 0, 0], [4, 4, 0]).round(2))
    [0.9 0.1 0.5]
    """
    counts = _counts("redeemed", redeemed)
    sent = _counts("campaigns", campaigns, len(counts))
    _check_positive("prior", prior)
    total = float(sent.sum())
    mean = float(counts.sum()) / total if total > 0 else 0.0
    return np.asarray((counts + prior * mean) / (sent + prior))


def recent_shift(
    expected: Any, redeemed: Any, days_ago: Any, *, half_life: float = 90.0, prior: float = 100.0
) -> float:
    """Compute by how much log odds are off lately, from campaigns that have ended.

    The logarithm of ``(sum of weight * redeemed + prior) / (sum of weight * expected + prior)``, where a campaign
    weighs half as much every half-life: what a gamma prior around 1 becomes, given Poisson counts. Give it to
    `ResponseModel.score` as `shift`.

    Parameters
    ----------
    expected : array of float, shape (n_campaigns,)
        Redemptions that were foretold of each campaign, by a model fitted before it began.
    redeemed : array of float, shape (n_campaigns,)
        Redemptions that came.
    days_ago : array of float, shape (n_campaigns,)
        Days since each ended.
    half_life : float, default 90.0
        In days.
    prior : float, default 100.0
        Redemptions, as foretold, that the prior counts as: campaigns differ by more than chance, and with fewer in all
        the shift stays near 0.

    Returns
    -------
    float
        What to add to log odds; 0 without campaigns.

    Raises
    ------
    InvalidInput
        If numbers are negative or not finite, of different length, or half-life or prior are not above 0.

    References
    ----------
    B. Efron, T. Hastie: Computer Age Statistical Inference, 2016, section 6.1 (empirical Bayes for counts).

    Examples
    --------
    >>> round(recent_shift([400.0, 200.0], [200, 200], days_ago=[0, 90]), 3)  # log((200 + 100 + 100) / 600)
    -0.405
    """
    foretold = _counts("expected", expected)
    came = _counts("redeemed", redeemed, len(foretold))
    age = _counts("days_ago", days_ago, len(foretold))
    _check_positive("prior", prior)
    _check_positive("half_life", half_life)
    weight = 0.5 ** (age / half_life)
    return float(np.log(((weight * came).sum() + prior) / ((weight * foretold).sum() + prior)))


def _counts(name: str, values: Any, length: int | None = None) -> NDArray[np.float64]:
    """Return numbers that are not negative, as many as there are to be."""
    try:
        found = np.asarray(values, np.float64)
    except (TypeError, ValueError):
        raise InvalidInput(f"{name}: expected numbers, got {shown(values)}") from None
    if found.ndim != 1 or (length is not None and len(found) != length):
        asked = "one dimension" if length is None else f"shape ({length},)"
        raise InvalidInput(f"{name}: expected an array of {asked}, got one of shape {found.shape}")
    wrong = ~(np.isfinite(found) & (found >= 0))
    if wrong.any():
        place = int(wrong.argmax())
        raise InvalidInput(f"{name}, place {place}: expected a number from 0, got {found[place]}")
    return found


def _check_positive(name: str, value: float) -> None:
    if not is_number(value) or not 0 < value < np.inf:
        raise InvalidInput(f"{name}: expected a number above 0, got {shown(value)}")
