"""From a compiled problem to a certified allocation: dual method, repair, exact core, certificate.

    problem ──▶ lagrangian (prices in, usage out) ──▶ dual (best prices) ──▶ rounding (repair, fill) ──▶ solver
                     │                                                           │
                     └──▶ certificate (bound for the values as given)            └──▶ core (HiGHS on what is undecided)

Nothing here knows Arrow, files or the name of the engine that makes the passes.
"""
