# The boundary of the kernels of affinity.
"""The kernels of affinity in C++; `couponry.kernels.reference` says what each of them does."""

from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t

from contract cimport Table, View, check, table, view, writable, writable_table

cdef extern from "affinity/fold_purchases.hpp" namespace "couponry" nogil:
    cdef cppclass Purchases:
        View[const int64_t] ptr
        View[const int32_t] period
        View[const uint8_t] discounted
        View[const int64_t] spend

    cdef cppclass Pairs:
        View[int32_t] times, first, last, discounted
        View[int64_t] spend
        Table[float] decay

    void c_fold_purchases "couponry::fold_purchases"(
        const Purchases&, const Table[const float]&, const Pairs&) noexcept

cdef extern from "affinity/best_offers.hpp" namespace "couponry" nogil:
    cdef cppclass Bought:
        View[const int64_t] indptr
        View[const uint32_t] item
        View[const float] weight, own_weight

    cdef cppclass Link:
        pass

    cdef cppclass Links:
        View[const int64_t] ptr
        View[const Link] link

    cdef cppclass Kinds:
        View[const int32_t] item, offer
        View[const int64_t] ptr

    cdef cppclass Eligible:
        View[const int64_t] ptr
        View[const int32_t] offer

    cdef cppclass Chosen:
        View[int32_t] number, offer
        View[uint8_t] role
        View[float] score

    cdef cppclass Choice:
        Bought bought
        Links similar, own
        Kinds kinds
        int64_t offers
        View[const float] prior
        Eligible eligible
        View[const int32_t] quota
        float above
        int64_t start, stop
        Chosen chosen

    int c_best_offers "couponry::best_offers"(const Choice&) noexcept
    bint use_variant(const char*) noexcept


cdef Links links_view(links) except *:
    cdef Links out
    cdef const int32_t[:, ::1] pair = links.pair
    out.ptr = view[int64_t](links.ptr)
    out.link.size = pair.shape[0]
    out.link.data = <const Link*>&pair[0, 0] if pair.shape[0] else NULL
    return out


def fold_purchases(
    const int64_t[::1] ptr, const int32_t[::1] period, const uint8_t[::1] discounted, const int64_t[::1] spend,
    const float[:, ::1] factor, pairs,
):
    cdef Purchases bought
    cdef Table[const float] factor_ = table[float](factor)
    cdef Pairs pairs_
    if period.shape[0] == 0:
        return
    bought.ptr, bought.period = view[int64_t](ptr), view[int32_t](period)
    bought.discounted, bought.spend = view[uint8_t](discounted), view[int64_t](spend)
    pairs_.times = writable[int32_t](pairs.times)
    pairs_.first = writable[int32_t](pairs.first)
    pairs_.last = writable[int32_t](pairs.last)
    pairs_.discounted = writable[int32_t](pairs.discounted)
    pairs_.spend = writable[int64_t](pairs.spend)
    pairs_.decay = writable_table[float](pairs.decay)
    with nogil:
        c_fold_purchases(bought, factor_, pairs_)


def best_offers(scoring, int64_t start, int64_t stop, chosen):
    cdef Choice choice
    cdef int status
    bought, kinds, eligible = scoring.bought, scoring.kinds, scoring.eligible
    choice.bought.indptr = view[int64_t](bought.indptr)
    choice.bought.item = view[uint32_t](bought.item)
    choice.bought.weight = view[float](bought.weight)
    choice.bought.own_weight = view[float](bought.own_weight)
    choice.similar, choice.own = links_view(scoring.similar), links_view(scoring.own)
    choice.kinds.item, choice.kinds.ptr = view[int32_t](kinds.item), view[int64_t](kinds.ptr)
    choice.kinds.offer = view[int32_t](kinds.offer)
    choice.offers = scoring.offers
    choice.prior, choice.quota = view[float](scoring.prior), view[int32_t](scoring.quota)
    choice.above = scoring.above
    choice.eligible.ptr = view[int64_t](eligible.ptr)
    choice.eligible.offer = view[int32_t](eligible.offer)
    choice.start, choice.stop = start, stop
    choice.chosen.number, choice.chosen.offer = writable[int32_t](chosen.number), writable[int32_t](chosen.offer)
    choice.chosen.role, choice.chosen.score = writable[uint8_t](chosen.role), writable[float](chosen.score)
    with nogil:
        status = c_best_offers(choice)
    check(status)


def _use_instruction_set(name):
    """Switch to another instruction set, for tests and benchmarks; nothing else may be running a kernel."""
    if not use_variant(name.encode()):
        raise ValueError(f"expected an instruction set that runs here, got {name!r}")
