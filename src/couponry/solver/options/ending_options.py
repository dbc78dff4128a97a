"""Options: when a solve ends whose gap stays open."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class EndingOptions:
    """When a solve ends that has an allocation, and whose gap no longer narrows.

    Work is counted in candidates passed over, as `WorkOptions` counts it, so that no clock decides what comes out.
    """

    vain_work: float = 4.0
    """What may be done since the gap last narrowed, in multiples of all that was done until then. `math.inf`: a solve
    goes through all its stages, however long that takes."""

    least_vain_work: float = 1e9
    """What may be done in vain in any case, in candidates passed over: a second of passes, some of other work."""

    narrowed: float = 0.9
    """Share of the gap when it last narrowed that it must get below for it to have narrowed again."""
