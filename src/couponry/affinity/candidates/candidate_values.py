"""What candidates bring beyond what would be bought anyway, and what their numbers do not say."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ...utils.checks import shown
from ...utils.errors import InvalidInput
from ..response.incremental import incremental_bounds, incremental_value, new_purchases

RESPONSE_IS_BUYING = (
    "response is the probability to buy without a coupon: a value of response * (margin - face_value) credits sales "
    "that would have happened anyway; a response model and incremental values say what a coupon brings"
)
VALUE_OF_ALL_REDEEMED = (
    "a value of response * (margin - face_value) credits all redeemed coupons, also of those who would have bought "
    "anyway; incremental values do not"
)
VALUE_IS_THE_LEAST = (
    "value is the least that the probabilities to buy without the coupon and to redeem it allow, value_most the most: "
    "who buys more with it, only a group without coupons tells; incremental takes that share"
)

Floats = NDArray[np.float32]


class CandidateValues(NamedTuple):
    """Computes the values of candidates.

    Attributes
    ----------
    margin, discount : ndarray of float32, shape (n_offers,)
        Earned by a purchase, and given away by a redeemed coupon.
    share : float or None
        Share of the redeemed coupons that bring a purchase which would not have been made; None: nobody knows it.
    """

    margin: Floats
    discount: Floats
    share: float | None

    @property
    def columns(self) -> list[str]:
        """Names of the columns."""
        return ["value", "value_most"] if self.share is None else ["value"]

    def of(self, offer: NDArray[np.integer], p0: Floats, p1: Floats) -> dict[str, Floats]:
        """Compute the columns of candidates.

        Parameters
        ----------
        offer : ndarray of int, shape (n,)
        p0, p1 : ndarray of float32, shape (n,)
            Probabilities to buy without the coupon, and to redeem it.

        Returns
        -------
        dict of str to ndarray of float32, shape (n,)
            The value; or the least, as value, and the most.
        """
        margin, discount = self.margin[offer], self.discount[offer]
        known = {"buys_without": p0, "redeems": p1, "margin": margin, "discount": discount}
        if self.share is None:
            found = [*incremental_bounds(**known)]
        else:
            new = np.clip(np.float32(self.share) * p1, *new_purchases(p0, p1))
            found = [incremental_value(buys_with=p0 + new, **known)]
        return {
            name: values.astype(np.float32)
            for name, values in zip(self.columns, found, strict=True)
        }


def candidate_values(
    money: tuple[Any, Any] | None, share: float | None, *, has_response: bool
) -> CandidateValues | None:
    """Return what computes values; None where there is no money.

    Parameters
    ----------
    money : (array, array) or None
        Margin and discount of each offer.
    share : float or None
        Of the redeemed coupons that bring a purchase which would not have been made.
    has_response : bool
        Whether the response is that of redeeming.

    Returns
    -------
    CandidateValues or None

    Raises
    ------
    InvalidInput
        If nobody says how likely redeeming is, or the share is none.
    """
    if money is None:
        return None
    if not has_response:
        raise InvalidInput("money: expected a response model beside it: who redeems costs money")
    if share is not None and not 0 <= share <= 1:
        raise InvalidInput(f"incremental_share: expected a share from 0 to 1, got {shown(share)}")
    margin, discount = (np.asarray(column, np.float32) for column in money)
    return CandidateValues(margin, discount, share)


def value_notes(values: CandidateValues | None, *, has_response: bool) -> list[str]:
    """Say what responses and values of candidates do not say.

    Parameters
    ----------
    values : CandidateValues or None
        None: values follow from responses.
    has_response : bool
        Whether the response is that of redeeming.

    Returns
    -------
    list of str
        Sentences.
    """
    if values is None:
        return [VALUE_OF_ALL_REDEEMED if has_response else RESPONSE_IS_BUYING]
    return [VALUE_IS_THE_LEAST] if values.share is None else []
