"""A fuzzer whose cases go wrong in every way that one can, for the tests of what runs fuzzers."""

from __future__ import annotations

import os
import time

from tests.fuzz.cases import Outcome


def run_case(number: int) -> Outcome:
    if number == 2:
        return Outcome(("odd one",), ("two is wrong",))
    if number == 3:
        raise ValueError("three raises")
    if number == 4:
        os._exit(7)
    if number == 6:
        time.sleep(600.0)
    return Outcome(("even" if number % 2 == 0 else "odd",))
