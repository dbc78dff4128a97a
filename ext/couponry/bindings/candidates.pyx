# The boundary of the kernels that take candidates in.
"""The kernels of candidates' rows in C++; `couponry.kernels.reference` says what each of them does."""

from libc.stdint cimport int32_t, int64_t, uint16_t, uint32_t

from checks cimport ALWAYS_CHECKED, Fault, not_within, refuse, same
from contract cimport View, aligned, view

cdef extern from "candidates/read_rows.hpp" namespace "couponry" nogil:
    int64_t c_number_offers "couponry::number_offers"[I, O](
        const I*, int64_t, int64_t, View[const int32_t], O*) noexcept
    int64_t c_find_customers "couponry::find_customers"[I, O](const I*, const O*, int64_t, int64_t*) noexcept
    int64_t c_find_outside "couponry::find_outside"[V](const V*, int64_t, double, double) noexcept

ctypedef fused id_t:
    int32_t
    int64_t

ctypedef fused offer_t:
    uint16_t
    uint32_t

ctypedef fused value_t:
    float
    double

cdef int64_t MOST_16, MOST_32
MOST_16, MOST_32 = 0xFFFF, 0x7FFFFFFF


def number_offers(
    const id_t[::1] ids, int64_t least, const int32_t[::1] number, offer_t[::1] offer, *, bint unchecked=False,
):
    cdef View[const int32_t] number_ = view[int32_t](number)
    cdef int64_t rows = ids.shape[0], found
    same(offer.shape[0], rows, "offer: rows")
    if rows == 0:
        return 0
    aligned(&ids[0], sizeof(id_t))
    aligned(&offer[0], sizeof(offer_t))
    if not unchecked or ALWAYS_CHECKED:
        refuse(not_within[int32_t](
            b"number", number_.data, 0, number_.size, -1, MOST_16 if sizeof(offer_t) == 2 else MOST_32))
    with nogil:
        found = c_number_offers(&ids[0], rows, least, number_, &offer[0])
    return found


def find_customers(
    const id_t[::1] customer, const offer_t[::1] offer, int64_t[::1] start, *, bint unchecked=False,
):
    cdef int64_t rows = customer.shape[0], found
    same(offer.shape[0], rows, "offer: rows")
    same(start.shape[0], rows, "start: rows")
    if rows == 0:
        return 0
    aligned(&customer[0], sizeof(id_t))
    aligned(&offer[0], sizeof(offer_t))
    aligned(&start[0], sizeof(int64_t))
    with nogil:
        found = c_find_customers(&customer[0], &offer[0], rows, &start[0])
    return found


def find_outside(const value_t[::1] values, double low, double high, *, bint unchecked=False):
    cdef int64_t rows = values.shape[0], found
    if rows == 0:
        return 0
    aligned(&values[0], sizeof(value_t))
    with nogil:
        found = c_find_outside(&values[0], rows, low, high)
    return found
