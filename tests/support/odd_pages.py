"""Results whose pages are hard to lay out: names of any length and script, and every rule that a report shows."""

from __future__ import annotations

from functools import cache

import numpy as np

from couponry import Campaign, CustomerRule, Limit, PreviousPlan, Result

LONG = "x" * 500
WORDS = "a limit that was named by a committee " * 8
ARABIC, EMOJI = "عرض خاص على الشاي", "👩‍👩‍👧‍👦☕️ family tea"
CUSTOMERS = 40


def odd_campaign() -> Campaign:
    """Long, Arabic, pictured and hostile names; costs of messages, a plan before, shares and soft limits."""
    random = np.random.default_rng(11)
    offers = [LONG, ARABIC, EMOJI, "<b>tea", "jam"]
    names = [f"{n}{(LONG, ARABIC, EMOJI, '')[n % 4]}" for n in range(CUSTOMERS)]
    each = len(offers)
    candidates = {
        "customer": np.repeat(names, each),
        "offer": offers * CUSTOMERS,
        "value": random.integers(1, 9, each * CUSTOMERS).astype(float),
        "cost": random.random(each * CUSTOMERS),
    }
    customers = {
        "customer": names,
        "segment": [(LONG, ARABIC, "old")[n % 3] for n in range(CUSTOMERS)],
    }
    return Campaign(
        {"offer": offers, "supplier": [LONG, ARABIC, EMOJI, "A", None], "title": offers[::-1]},
        candidates,
        customers,
        rules=[CustomerRule("slots", max=3), CustomerRule(WORDS, cost=[0.0, 0.5])],
        limits=[
            Limit(LONG, sum="cost", max=25.0),
            Limit(WORDS, by="supplier", min=12, max=30),
            Limit("share", where={"supplier": "A"}, share=True, min=0.3),
            Limit(ARABIC, where={"offer": "jam"}, min=39, mode="soft", penalty=1.5),
            Limit("measured", by="segment", ratio=("value", "cost"), max=1.0, mode="report"),
        ],
        previous=PreviousPlan({"customer": names, "offer": offers * 8}, keep=0.2),
        name=f"{EMOJI} {LONG}",
    )  # fmt: skip


@cache
def odd_results() -> dict[str, Result]:
    """One that was solved, and one in which nothing is feasible."""
    made = odd_campaign()
    hopeless = made.changed(add_limits=[Limit(f"{ARABIC} {LONG}", where={"offer": EMOJI}, min=100)])
    return {"odd": made.solve(threads=1), "hopeless": hopeless.solve(threads=1)}
