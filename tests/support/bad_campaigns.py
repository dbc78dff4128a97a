"""Bad input of every kind that a campaign folder and the command line can have, by name."""

from __future__ import annotations

from tests.support.bad_limits import BAD_LIMITS
from tests.support.bad_rules import BAD_RULES
from tests.support.bad_sizes import BAD_SIZES
from tests.support.bad_tables import BAD_TABLES
from tests.support.campaign_draft import Case

CASES: dict[str, Case] = {**BAD_TABLES, **BAD_RULES, **BAD_LIMITS, **BAD_SIZES}
