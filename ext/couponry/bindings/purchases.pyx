# The boundary of the kernels that put purchases into order and add them up.
"""The kernels of purchases in C++; `couponry.kernels.reference` says what each of them does."""

from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t, uint64_t

from checks cimport ALWAYS_CHECKED, Fault, refuse, same, within
from contract cimport Table, View, aligned, check, table, view, writable, writable_table

cdef extern from "affinity/group_purchases.hpp" namespace "couponry" nogil:
    cdef cppclass PurchaseColumns:
        View[const int64_t] customer, spend
        View[const uint32_t] number
        View[const int32_t] period
        View[const uint8_t] discounted

    cdef cppclass OrderedRows:
        View[int64_t] customer, spend
        View[uint64_t] bought

    cdef cppclass PlacedRows:
        void* customer
        void* bought
        void* spend
        int64_t customer_bytes, bought_bytes, spend_bytes, size

    void c_place_purchases "couponry::place_purchases"(
        const PurchaseColumns&, int64_t, int64_t, View[int64_t], const PlacedRows&) noexcept
    Fault places_beyond(const PurchaseColumns&, int64_t, int64_t, View[const int64_t], int64_t) except +

    int c_order_purchases "couponry::order_purchases"(const PurchaseColumns&, const OrderedRows&) noexcept
    Fault columns_beyond(const PurchaseColumns&) noexcept

cdef extern from "affinity/gather_purchases.hpp" namespace "couponry" nogil:
    void c_gather_purchases "couponry::gather_purchases"(
        const PlacedRows&, View[const int64_t], View[const int64_t], int64_t, const OrderedRows&) noexcept
    Fault pieces_beyond(View[const int64_t], View[const int64_t], int64_t, int64_t, int64_t) noexcept

cdef extern from "affinity/take_purchases.hpp" namespace "couponry" nogil:
    cdef cppclass AnyColumn:
        const void* data
        int64_t size, bytes
        char kind

    cdef cppclass GivenPurchases:
        AnyColumn customer, product, period, quantity, spend, discount

    cdef cppclass PurchaseBounds:
        int64_t products, until
        double quantity, spend, discount

    cdef cppclass TakenPurchases:
        View[int64_t] customer, spend
        View[uint32_t] number
        View[int32_t] period
        View[uint8_t] discounted

    void c_take_purchases "couponry::take_purchases"(
        const GivenPurchases&, const PurchaseBounds&, const TakenPurchases&, View[uint8_t], View[int64_t]) noexcept
    void c_count_ranges "couponry::count_ranges"(View[const int64_t], int64_t, int64_t, View[int64_t]) noexcept
    Fault ranges_beyond(View[const int64_t], int64_t, int64_t, int64_t) noexcept
    void c_hash_numbers "couponry::hash_numbers"(View[const int64_t], View[uint64_t]) noexcept

cdef double MOST_SPEND = 9e16  # its hundredths are whole numbers of 64 bits


cdef PurchaseColumns columns_view(columns) except *:
    """Purchases column by column, the shapes of which agree."""
    cdef PurchaseColumns out
    cdef int64_t count
    out.customer, out.number = view[int64_t](columns.customer), view[uint32_t](columns.number)
    out.period, out.discounted = view[int32_t](columns.period), view[uint8_t](columns.discounted)
    out.spend = view[int64_t](columns.spend)
    count = out.customer.size
    same(out.number.size, count, "columns.number: rows")
    same(out.period.size, count, "columns.period: rows")
    same(out.discounted.size, count, "columns.discounted: rows")
    same(out.spend.size, count, "columns.spend: rows")
    return out


def order_purchases(columns, rows, *, bint unchecked=False):
    cdef PurchaseColumns columns_ = columns_view(columns)
    cdef OrderedRows rows_
    cdef int64_t count = columns_.customer.size
    cdef int status
    rows_.customer, rows_.bought = writable[int64_t](rows.customer), writable[uint64_t](rows.bought)
    rows_.spend = writable[int64_t](rows.spend)
    same(rows_.customer.size, count, "rows.customer: rows")
    same(rows_.bought.size, count, "rows.bought: rows")
    same(rows_.spend.size, count, "rows.spend: rows")
    if not unchecked or ALWAYS_CHECKED:
        refuse(columns_beyond(columns_))
    with nogil:
        status = c_order_purchases(columns_, rows_)
    check(status)


cdef PlacedRows placed_view(rows, str what) except *:
    """Rows that purchases are put into, the shapes of which agree."""
    cdef PlacedRows out
    cdef View[uint32_t] small_customers, small_words
    cdef View[uint64_t] words
    cdef View[int64_t] customers, spends
    cdef View[int32_t] small_spends
    out.customer_bytes, out.spend_bytes = rows.customer.itemsize, rows.spend.itemsize
    out.bought_bytes = rows.bought.itemsize
    if out.bought_bytes == 4:
        small_words = writable[uint32_t](rows.bought)
        out.bought, out.size = small_words.data, small_words.size
    else:
        words = writable[uint64_t](rows.bought)
        out.bought, out.size = words.data, words.size
    if out.customer_bytes == 4:
        small_customers = writable[uint32_t](rows.customer)
        out.customer = small_customers.data
        same(small_customers.size, out.size, f"{what}.customer: rows")
    else:
        customers = writable[int64_t](rows.customer)
        out.customer = customers.data
        same(customers.size, out.size, f"{what}.customer: rows")
    if rows.spend.size == 0:  # not kept
        out.spend, out.spend_bytes = NULL, 0
    elif out.spend_bytes == 4:
        small_spends = writable[int32_t](rows.spend)
        out.spend = small_spends.data
        same(small_spends.size, out.size, f"{what}.spend: rows")
    else:
        spends = writable[int64_t](rows.spend)
        out.spend = spends.data
        same(spends.size, out.size, f"{what}.spend: rows")
    return out


def place_purchases(columns, int64_t shift, int64_t least, int64_t[::1] place, rows, *, bint unchecked=False):
    cdef PurchaseColumns columns_ = columns_view(columns)
    cdef View[int64_t] place_ = writable[int64_t](place)
    cdef View[const int64_t] places
    cdef PlacedRows rows_ = placed_view(rows, "rows")
    within(shift, 0, 63, "shift")
    if not unchecked or ALWAYS_CHECKED:
        places.data, places.size = place_.data, place_.size
        refuse(columns_beyond(columns_))
        refuse(places_beyond(columns_, shift, least, places, rows_.size))
    with nogil:
        c_place_purchases(columns_, shift, least, place_, rows_)


def gather_purchases(
    held, const int64_t[::1] start, const int64_t[::1] stop, int64_t at, rows, *, bint unchecked=False
):
    cdef PlacedRows held_ = placed_view(held, "held")
    cdef View[const int64_t] start_ = view[int64_t](start), stop_ = view[int64_t](stop)
    cdef OrderedRows rows_
    rows_.customer, rows_.bought = writable[int64_t](rows.customer), writable[uint64_t](rows.bought)
    rows_.spend = writable[int64_t](rows.spend)
    same(stop_.size, start_.size, "stop: pieces")
    same(rows_.bought.size, rows_.customer.size, "rows.bought: rows")
    if rows_.spend.size:
        same(rows_.spend.size, rows_.customer.size, "rows.spend: rows")
    within(at, 0, rows_.customer.size, "at")
    if not unchecked or ALWAYS_CHECKED:
        refuse(pieces_beyond(start_, stop_, held_.size, at, rows_.customer.size))
    with nogil:
        c_gather_purchases(held_, start_, stop_, at, rows_)


cdef AnyColumn any_column(array, str kinds, str what) except *:
    """Numbers of any type of these kinds: i1, i2, i4, i8, u1, u2, u4, f4 and f8."""
    cdef AnyColumn out
    cdef const uint8_t[::1] data = array.view("u1")
    kind, size = array.dtype.kind, array.itemsize
    if kind not in kinds or not array.dtype.isnative or size > 8 or (kind == "u" and size > 4) or (kind == "f" and size < 4) or array.ndim != 1:
        raise ValueError(f"{what}: expected numbers of 8 to 64 bits, got {array.dtype}")
    out.size, out.bytes = array.shape[0], size
    out.kind = ord(kind)
    out.data = <const void*>&data[0] if out.size else NULL
    aligned(out.data, size)
    return out


def take_purchases(given, bounds, columns, uint8_t[::1] seen, int64_t[::1] found, *, bint unchecked=False):
    cdef GivenPurchases given_
    cdef PurchaseBounds bounds_
    cdef TakenPurchases columns_
    cdef View[uint8_t] seen_ = writable[uint8_t](seen)
    cdef View[int64_t] found_ = writable[int64_t](found)
    cdef int64_t count
    given_.customer = any_column(given.customer, "iu", "given.customer")
    given_.product = any_column(given.product, "iu", "given.product")
    given_.period = any_column(given.period, "iu", "given.period")
    given_.quantity = any_column(given.quantity, "iuf", "given.quantity")
    given_.spend = any_column(given.spend, "iuf", "given.spend")
    given_.discount = any_column(given.discount, "iuf", "given.discount")
    bounds_.products, bounds_.until = bounds.products, bounds.until
    bounds_.quantity, bounds_.spend, bounds_.discount = bounds.quantity, bounds.spend, bounds.discount
    within(bounds_.products, 0, seen_.size, "bounds.products")
    within(bounds_.products, 0, 1 << 32, "bounds.products")
    if not 0.0 <= bounds_.spend <= MOST_SPEND:
        raise ValueError(f"bounds.spend: expected 0 to {MOST_SPEND}, got {bounds_.spend}")
    columns_.customer, columns_.number = writable[int64_t](columns.customer), writable[uint32_t](columns.number)
    columns_.period, columns_.discounted = writable[int32_t](columns.period), writable[uint8_t](columns.discounted)
    columns_.spend = writable[int64_t](columns.spend)
    count = given_.customer.size
    same(given_.product.size, count, "given.product: rows")
    same(given_.period.size, count, "given.period: rows")
    if given_.quantity.size:
        same(given_.quantity.size, count, "given.quantity: rows")
    if given_.spend.size:
        same(given_.spend.size, count, "given.spend: rows")
    if given_.discount.size:
        same(given_.discount.size, count, "given.discount: rows")
    same(columns_.customer.size, count, "columns.customer: rows")
    same(columns_.number.size, count, "columns.number: rows")
    same(columns_.period.size, count, "columns.period: rows")
    same(columns_.discounted.size, count, "columns.discounted: rows")
    same(columns_.spend.size, count, "columns.spend: rows")
    same(found_.size, 9, "found: numbers")
    with nogil:
        c_take_purchases(given_, bounds_, columns_, seen_, found_)


def count_ranges(
    const int64_t[::1] customer, int64_t shift, int64_t least, int64_t[::1] count, *, bint unchecked=False,
):
    cdef View[const int64_t] customer_ = view[int64_t](customer)
    cdef View[int64_t] count_ = writable[int64_t](count)
    within(shift, 0, 63, "shift")
    if not unchecked or ALWAYS_CHECKED:
        refuse(ranges_beyond(customer_, shift, least, count_.size))
    with nogil:
        c_count_ranges(customer_, shift, least, count_)


def hash_numbers(const int64_t[::1] number, uint64_t[::1] out, *, bint unchecked=False):
    cdef View[const int64_t] number_ = view[int64_t](number)
    cdef View[uint64_t] out_ = writable[uint64_t](out)
    same(out_.size, number_.size, "out: numbers")
    with nogil:
        c_hash_numbers(number_, out_)


include "grouping.pxi"

include "texts.pxi"
