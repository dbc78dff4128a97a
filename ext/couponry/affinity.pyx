# The boundary of the native kernels of affinity: views of the caller's arrays, the GIL released.
"""The kernels of affinity in C++; `couponry.kernels.affinity_reference` says what each of them does."""

from libc.stdint cimport int32_t, int64_t, uint8_t

cdef extern from "views.hpp" namespace "couponry" nogil:
    cdef cppclass View[T]:
        T* data
        int64_t size

    cdef cppclass Table[T]:
        T* data
        int64_t rows, columns

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

ctypedef fused number:
    int32_t
    int64_t


cdef View[number] view(number[::1] array) noexcept:
    cdef View[number] found
    found.size = array.shape[0]
    found.data = &array[0] if array.shape[0] else NULL
    return found


def fold(
    const int64_t[::1] ptr, const int32_t[::1] period, const uint8_t[::1] discounted, const int64_t[::1] spend,
    const float[:, ::1] factor, pairs,
):
    """Take purchases up into the states of pairs, one period after the other."""
    cdef Purchases bought
    cdef Table[const float] factor_
    cdef Pairs pairs_
    cdef float[:, ::1] decay = pairs.decay
    if period.shape[0] == 0:
        return
    bought.ptr.size, bought.ptr.data = ptr.shape[0], &ptr[0]
    bought.period.size, bought.period.data = period.shape[0], &period[0]
    bought.discounted.size, bought.discounted.data = discounted.shape[0], &discounted[0]
    bought.spend.size, bought.spend.data = spend.shape[0], &spend[0]
    factor_.rows, factor_.columns = factor.shape[0], factor.shape[1]
    factor_.data = &factor[0, 0] if factor.shape[0] and factor.shape[1] else NULL
    pairs_.times = view[int32_t](pairs.times)
    pairs_.first = view[int32_t](pairs.first)
    pairs_.last = view[int32_t](pairs.last)
    pairs_.discounted = view[int32_t](pairs.discounted)
    pairs_.spend = view[int64_t](pairs.spend)
    pairs_.decay.rows, pairs_.decay.columns = decay.shape[0], decay.shape[1]
    pairs_.decay.data = &decay[0, 0] if decay.shape[0] and decay.shape[1] else NULL
    with nogil:
        c_fold(bought, factor_, pairs_)
