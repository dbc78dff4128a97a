"""`ProgressEvent`: how a piece of work stands."""

from __future__ import annotations

import math
from dataclasses import dataclass

from ..errors import one_line


@dataclass(frozen=True)
class ProgressEvent:
    """How a piece of work stands; what a `progress` callable is called with.

    Attributes
    ----------
    stage : str
        What is being done: "pack", "dual", "rounding", "way out", "result" and others in a solve.
    message : str
        How it stands in a few words; empty where a stage begins.
    passes : float
        Passes made over all candidates.
    bound : float or None
        No allocation is worth more; None where none is known yet.
    objective : float or None
        Of the best allocation so far.
    gap : float or None
        Relative distance between the two.
    asked_gap : float or None
        At which a solve stops.
    seconds : float
        Since the work began.
    seconds_left : float or None
        Until the time limit; None without one.
    share : float or None
        Of the work that is done, from 0 to 1: of a sweep's bounds, or of rows. None where that is not known.

    Examples
    --------
    >>> print(ProgressEvent("dual", "prices from 65,536 customers", gap=0.0123, asked_gap=5e-4, seconds=1.5))
    dual: prices from 65,536 customers, gap 0.0123 of 0.0005 asked, 1.5 s
    """

    stage: str
    message: str = ""
    passes: float = 0.0
    bound: float | None = None
    objective: float | None = None
    gap: float | None = None
    asked_gap: float | None = None
    seconds: float = 0.0
    seconds_left: float | None = None
    share: float | None = None

    def __str__(self) -> str:
        said = [self.message, self.standing, f"{self.seconds:.1f} s"]
        return one_line(f"{self.stage}: {', '.join(filter(None, said))}", None)

    @property
    def standing(self) -> str:
        """The gap, or the share that is done, in words; empty where neither is known."""
        if self.gap is not None and self.asked_gap is not None:
            return f"gap {self.gap:.3g} of {self.asked_gap:.3g} asked"
        if self.gap is not None:
            return f"gap {self.gap:.3g}"
        return "" if self.share is None else f"{self.share:.0%}"

    @property
    def done(self) -> float | None:
        """How far a bar should be filled, from 0 to 1: by `share`, or by the gap, whose logarithm falls steadily."""
        if self.share is not None:
            return min(1.0, max(0.0, self.share))
        if self.gap is None:
            return None
        least = math.log(max(self.asked_gap or 0.0, 1e-9))
        now = math.log(min(1.0, max(self.gap, 1e-9)))
        return min(1.0, now / least) if least < 0 else 1.0
