# The boundary of the native kernels of affinity: views of the caller's arrays, the GIL released.
"""The kernels of affinity in C++; `couponry.kernels.affinity_reference` says what each of them does."""

from . import _native

from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t

cdef extern from "views.hpp" namespace "couponry" nogil:
    cdef cppclass View[T]:
        T* data
        int64_t size

    cdef cppclass Table[T]:
        T* data
        int64_t rows, columns

    cdef int NO_MEMORY

cdef extern from "affinity_fold.hpp" namespace "couponry" nogil:
    cdef cppclass Purchases:
        View[const int64_t] ptr
        View[const int32_t] period
        View[const uint8_t] discounted
        View[const int64_t] spend

    cdef cppclass Pairs:
        View[int32_t] times, first, last, discounted
        View[int64_t] spend
        Table[float] decay

    void c_fold "couponry::fold"(const Purchases&, const Table[const float]&, const Pairs&) noexcept

cdef extern from "affinity_best.hpp" namespace "couponry" nogil:
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

    int c_best "couponry::best"(const Choice&) noexcept
    bint use_best(const char*) noexcept

ctypedef fused number:
    uint8_t
    int32_t
    uint32_t
    int64_t
    float


cdef View[number] view(number[::1] array) noexcept:
    cdef View[number] found
    found.size = array.shape[0]
    found.data = &array[0] if array.shape[0] else NULL
    return found


cdef View[const number] fixed(const number[::1] array) noexcept:
    cdef View[const number] found
    found.size = array.shape[0]
    found.data = &array[0] if array.shape[0] else NULL
    return found


cdef Table[number] table(number[:, ::1] array) noexcept:
    cdef Table[number] found
    found.rows, found.columns = array.shape[0], array.shape[1]
    found.data = &array[0, 0] if array.shape[0] and array.shape[1] else NULL
    return found


cdef Links links(given):
    cdef Links found
    cdef const int32_t[:, ::1] pair = given.pair
    found.ptr = fixed[int64_t](given.ptr)
    found.link.size = pair.shape[0]
    found.link.data = <const Link*>&pair[0, 0] if pair.shape[0] else NULL
    return found


def fold(
    const int64_t[::1] ptr, const int32_t[::1] period, const uint8_t[::1] discounted, const int64_t[::1] spend,
    const float[:, ::1] factor, pairs,
):
    """Take purchases up into the states of pairs, one period after the other."""
    cdef Purchases bought
    cdef Table[const float] factor_
    cdef Pairs pairs_
    if period.shape[0] == 0:
        return
    bought.ptr, bought.period = fixed[int64_t](ptr), fixed[int32_t](period)
    bought.discounted, bought.spend = fixed[uint8_t](discounted), fixed[int64_t](spend)
    factor_.rows, factor_.columns = factor.shape[0], factor.shape[1]
    factor_.data = &factor[0, 0] if factor.shape[0] and factor.shape[1] else NULL
    pairs_.times = view[int32_t](pairs.times)
    pairs_.first = view[int32_t](pairs.first)
    pairs_.last = view[int32_t](pairs.last)
    pairs_.discounted = view[int32_t](pairs.discounted)
    pairs_.spend = view[int64_t](pairs.spend)
    pairs_.decay = table[float](pairs.decay)
    with nogil:
        c_fold(bought, factor_, pairs_)


def best(bought, similar, own, kinds, int64_t offers, const float[::1] prior, eligible, const int32_t[::1] quota,
         float above, int64_t start, int64_t stop, chosen):
    """The best offers of each role of the customers start <= i < stop."""
    cdef Choice choice
    cdef int status
    choice.bought.indptr = fixed[int64_t](bought.indptr)
    choice.bought.item = fixed[uint32_t](bought.item)
    choice.bought.weight = fixed[float](bought.weight)
    choice.bought.own_weight = fixed[float](bought.own_weight)
    choice.similar, choice.own = links(similar), links(own)
    choice.kinds.item, choice.kinds.ptr = fixed[int32_t](kinds.item), fixed[int64_t](kinds.ptr)
    choice.kinds.offer = fixed[int32_t](kinds.offer)
    choice.offers = offers
    choice.prior, choice.quota, choice.above = fixed[float](prior), fixed[int32_t](quota), above
    choice.eligible.ptr = fixed[int64_t](eligible.ptr)
    choice.eligible.offer = fixed[int32_t](eligible.offer)
    choice.start, choice.stop = start, stop
    choice.chosen.number, choice.chosen.offer = view[int32_t](chosen.number), view[int32_t](chosen.offer)
    choice.chosen.role, choice.chosen.score = view[uint8_t](chosen.role), view[float](chosen.score)
    with nogil:
        status = c_best(choice)
    if status == NO_MEMORY:
        raise MemoryError("choosing offers: not enough memory")


def _use_instruction_set(name):
    """Switch to another instruction set, for tests and benchmarks; nothing else may be running a kernel."""
    if not use_best(name.encode()):
        raise ValueError(f"expected an instruction set that runs here, got {name!r}")


_use_instruction_set(_native.instruction_set())
