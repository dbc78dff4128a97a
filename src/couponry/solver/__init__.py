"""A problem in, a certified plan out: prices, repair, and HiGHS where the gap asks for it.

    solve           the stages of a solve, in order
      stages/         what each of them does to the state of the solve
        dual/           prices that minimise the Lagrangian dual
        primal/         repair of everybody's best choice at these prices
        exact/          HiGHS on columns, on what prices leave undecided, on neighbourhoods
        infeasibility/  proofs that limits cannot hold together
    relaxation      the smallest changes to bounds, by a solve of its own
    options/        every number that tunes any of this

Knows no Arrow and no files.
"""
