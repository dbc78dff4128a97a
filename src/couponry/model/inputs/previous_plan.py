"""`PreviousPlan`: what customers were given last, and how much of it is to stay."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from ...data.earlier.previous_pairs import PREVIOUS, PairCounts
from ...data.streams import Stream
from ...utils.checks import as_float, check_number, is_number, is_whole, shown
from ...utils.errors import InvalidInput
from ...utils.table_types import RowSource
from ..limits import Limit

KEPT, BY_BONUS = "kept", "kept, by bonus"
"""What the limits on what stays are called."""


@dataclass(frozen=True)
class PreviousPlan:
    """What customers were given last, and how much of it is to stay.

    Candidates have a column `previous`, 1 where the earlier plan gave the pair and else 0. Limits may sum it.

    Parameters
    ----------
    table : Allocation, table or path
        Columns `customer` and `offer`: the allocation of an earlier result, or anything that `Campaign` takes as
        candidates.
    keep : float, optional
        Share, from 0 to 1, of the pairs that stay, of those that are still candidates: a hard limit, called ``kept``.
        Without it that limit is only reported.
    bonus : float, optional
        What a pair that stays is worth beside its value, in the unit of the objective: each one that could stay and
        does not costs as much, by a soft limit called ``kept, by bonus``.
    gone : int
        Pairs that the table leaves out because they can no longer be given; `write_campaign` says so of them.

    Raises
    ------
    InvalidInput
        When a campaign is made with it, if a number makes no sense.

    See Also
    --------
    Result.previous : How many pairs stayed, left and came.

    Examples
    --------
    >>> import couponry
    >>> offers = {"offer": ["tea", "jam"]}
    >>> candidates = {"customer": [1, 1, 2, 2], "offer": ["tea", "jam"] * 2, "value": [2.0, 1.9, 3.0, 1.0]}
    >>> last = {"customer": [1, 2], "offer": ["jam", "jam"]}
    >>> one = couponry.CustomerRule("one", max=1)
    >>> result = couponry.Campaign(
    ...     offers, candidates, rules=[one], previous=couponry.PreviousPlan(last, keep=0.5)
    ... ).solve()
    >>> result.previous
    {'pairs': 2, 'candidates': 2, 'stayed': 1, 'left': 1, 'came': 1}
    """

    table: RowSource | Stream
    keep: float | None = None
    bonus: float | None = None
    gone: int = 0

    def check(self) -> None:
        """Refuse numbers that make no sense.

        Raises
        ------
        InvalidInput
        """
        keep, bonus = self.keep, self.bonus
        if keep is not None and (not is_number(keep) or not 0 <= as_float(keep) <= 1):
            raise InvalidInput(f"previous: keep: expected a share from 0 to 1, got {shown(keep)}")
        if not is_whole(self.gone) or self.gone < 0:
            raise InvalidInput(
                f"previous: gone: expected a whole number from 0 up, got {shown(self.gone)}"
            )
        check_number(bonus, "previous: bonus")
        if bonus is not None and bonus < 0:
            raise InvalidInput(f"previous: bonus: expected a number from 0 up, got {shown(bonus)}")

    def limits(self, counts: PairCounts, others: Sequence[Limit]) -> list[Limit]:
        """Make the limits on what stays.

        Parameters
        ----------
        counts : PairCounts
            Of this plan.
        others : sequence of Limit
            Those that there are besides.

        Returns
        -------
        list of Limit
            One of them is called ``kept``, unless another one is.
        """
        still, made = counts.candidates, []
        if self.keep is not None:
            share = Fraction(repr(float(self.keep)))  # as it was written: 0.95 of 20 is 19
            made.append(Limit(KEPT, sum=PREVIOUS, min=math.ceil(share * still)))
        elif all(limit.name != KEPT for limit in others):  # else its user has stated it
            made.append(Limit(KEPT, sum=PREVIOUS, mode="report"))
        if self.bonus is not None:
            one = Limit(BY_BONUS, sum=PREVIOUS, min=still, mode="soft", penalty=self.bonus)
            made.append(one)
        return made
