"""The demo's data, loaded and scored once by a process."""

from __future__ import annotations

import functools

from couponry.demo.journey import Journey
from couponry.demo.journey import load_journey as load
from couponry.demo.scoring import ScoredCampaign, score_campaign


@functools.cache
def journey() -> Journey:
    return load()


@functools.cache
def scored(number: int) -> ScoredCampaign:
    return score_campaign(journey(), number)
