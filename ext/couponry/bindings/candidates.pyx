# The boundary of the kernels that take candidates in.
"""The kernels of candidates' rows in C++; `couponry.kernels.reference` says what each of them does."""

from libc.stdint cimport int32_t, int64_t, uint8_t, uint16_t, uint32_t

from checks cimport (
    ALWAYS_CHECKED, Fault, block_of, look_at_prices, look_at_shard, not_offsets, not_within, refuse, same, within,
)
from contract cimport Shard, Table, View, aligned, check, shard_view, table, view, writable, writable_table

cdef extern from "candidates/read_rows.hpp" namespace "couponry" nogil:
    int64_t c_number_offers "couponry::number_offers"[I, O](
        const I*, int64_t, int64_t, View[const int32_t], O*) noexcept
    int64_t c_find_customers "couponry::find_customers"[I, O](const I*, const O*, int64_t, int64_t*) noexcept
    int64_t c_find_outside "couponry::find_outside"[V](const V*, int64_t, double, double) noexcept

cdef extern from "candidates/order_rows.hpp" namespace "couponry" nogil:
    cdef cppclass Stretches:
        View[const int64_t] customer, begin
        View[int64_t] order, start, stretch

    int64_t c_find_stretches "couponry::find_stretches"[I, O](const I*, const O*, int64_t, int64_t*) noexcept
    int c_order_stretches "couponry::order_stretches"[O](const Stretches&, const O*, int64_t*) noexcept

cdef extern from "candidates/price_candidates.hpp" namespace "couponry" nogil:
    cdef cppclass Pricing:
        Shard shard
        Table[const double] exact, low, high, step
        View[const int64_t] quantity_of
        const float* price
        const double* reduced
        int64_t segments, items, start, stop
        Table[uint16_t] quantity
        View[float] value
        View[uint8_t] beyond

    void c_price_candidates "couponry::price_candidates"(const Pricing&) noexcept

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
    const id_t[::1] ids, int64_t least, const int32_t[::1] number, offer_t[::1] offer, bint unchecked=False,
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
    const id_t[::1] customer, const offer_t[::1] offer, int64_t[::1] start, bint unchecked=False,
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


def find_stretches(
    const id_t[::1] customer, const offer_t[::1] offer, int64_t[::1] begin, bint unchecked=False,
):
    cdef int64_t rows = customer.shape[0], found
    same(offer.shape[0], rows, "offer: rows")
    same(begin.shape[0], rows + 1, "begin: rows + 1")
    aligned(&begin[0], sizeof(int64_t))
    if rows == 0:
        begin[0] = 0
        return 0
    aligned(&customer[0], sizeof(id_t))
    aligned(&offer[0], sizeof(offer_t))
    with nogil:
        found = c_find_stretches(&customer[0], &offer[0], rows, &begin[0])
    return found


def order_stretches(
    const int64_t[::1] customer, const int64_t[::1] begin, const offer_t[::1] offer,
    int64_t[::1] order, int64_t[::1] start, int64_t[::1] stretch, bint unchecked=False,
):
    cdef Stretches work
    cdef int64_t rows = offer.shape[0], found = 0
    cdef int status
    work.customer, work.begin = view[int64_t](customer), view[int64_t](begin)
    work.order, work.start = writable[int64_t](order), writable[int64_t](start)
    work.stretch = writable[int64_t](stretch)
    same(work.begin.size, work.customer.size + 1, "begin: stretches + 1")
    same(work.order.size, rows, "order: rows")
    same(work.start.size, work.customer.size, "start: stretches")
    same(work.stretch.size, work.customer.size, "stretch: stretches")
    within(work.begin.data[0], 0, 0, "begin: the first")
    within(work.begin.data[work.customer.size], rows, rows, "begin: the last")
    if rows == 0:
        return 0
    aligned(&offer[0], sizeof(offer_t))
    if not unchecked or ALWAYS_CHECKED:
        refuse(not_offsets(b"begin", work.begin.data, 0, work.customer.size, rows))
    with nogil:
        status = c_order_stretches(work, &offer[0], &found)
    check(status)
    return found


def find_outside(const value_t[::1] values, double low, double high, bint unchecked=False):
    cdef int64_t rows = values.shape[0], found
    if rows == 0:
        return 0
    aligned(&values[0], sizeof(value_t))
    with nogil:
        found = c_find_outside(&values[0], rows, low, high)
    return found


def price_candidates(
    shard, const double[:, ::1] exact, packing, const float[:, :, ::1] price, const double[:, :, ::1] reduced,
    int64_t start, int64_t stop, uint16_t[:, ::1] quantity, float[::1] value, uint8_t[::1] beyond,
    *, bint unchecked=False,
):
    cdef const double[:, ::1] low = packing.low, high = packing.high, step = packing.step
    cdef Pricing work
    cdef int64_t candidates = shard.item.shape[0], block, a
    work.shard = shard_view(shard)
    work.shard.quantity.columns = candidates  # they are not looked at
    block = block_of(work.shard, shard.item, start, stop)
    work.exact, work.quantity = table[double](exact), writable_table[uint16_t](quantity)
    work.low, work.high, work.step = table[double](low), table[double](high), table[double](step)
    work.quantity_of = view[int64_t](packing.quantity_of)
    work.value, work.beyond = writable[float](value), writable[uint8_t](beyond)
    work.segments, work.items = price.shape[1], price.shape[2]
    work.start, work.stop = start, stop
    same(low.shape[0], exact.shape[0], "packing.low: attributes")
    same(low.shape[1], price.shape[2], "packing.low: items")
    same(high.shape[0], exact.shape[0], "packing.high: attributes")
    same(high.shape[1], price.shape[2], "packing.high: items")
    same(step.shape[0], exact.shape[0], "packing.step: attributes")
    same(step.shape[1], price.shape[2], "packing.step: items")
    same(exact.shape[1], candidates, "exact: candidates")
    same(work.quantity_of.size, exact.shape[0], "packing.quantity_of: attributes")
    same(price.shape[0], 1 + quantity.shape[0], "price: 1 + quantities")
    same(reduced.shape[0], 1 + exact.shape[0], "reduced: 1 + attributes")
    same(reduced.shape[1], price.shape[1], "reduced: segments")
    same(reduced.shape[2], price.shape[2], "reduced: items")
    same(quantity.shape[1], candidates, "quantity: candidates")
    same(value.shape[0], candidates, "value: candidates")
    same(beyond.shape[0], candidates, "beyond: candidates")
    for a in range(work.quantity_of.size):
        within(work.quantity_of.data[a], -1, quantity.shape[0] - 1, "packing.quantity_of")
    if block == 0 or work.segments == 0 or work.items == 0:
        return
    aligned(&price[0, 0, 0], sizeof(float))
    aligned(&reduced[0, 0, 0], sizeof(double))
    if not unchecked or ALWAYS_CHECKED:
        look_at_shard(work.shard, start, stop, price.shape[1], price.shape[2])
        look_at_prices(&price[0, 0, 0], price.shape[0] * price.shape[1] * price.shape[2])
    work.price, work.reduced = &price[0, 0, 0], &reduced[0, 0, 0]
    with nogil:
        c_price_candidates(work)
