# The boundary of the kernels that put purchases into order and add them up.
# longer than most: all steps from transactions to histories hand on the same few tables of columns, which stand here once.
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

    cdef cppclass PurchaseRows:
        View[const int64_t] customer, spend
        View[const uint64_t] bought

    cdef cppclass GroupedRows:
        View[int64_t] counts, customer, customer_pairs, customer_trips, pair_purchases, spend, trip_spend
        View[uint32_t] pair_item
        View[int32_t] period, trip_period
        View[uint8_t] discounted, trip_discounted

    cdef cppclass Pairs:
        View[int32_t] times, first, last, discounted
        View[int64_t] spend, squared_gaps
        View[uint64_t] recent
        Table[float] decay

    cdef cppclass GroupedStates:
        View[int64_t] counts, customer, n_pairs
        View[uint32_t] item
        Pairs pairs, trips

    int c_group_states "couponry::group_states"(
        const PurchaseRows&, View[const uint32_t], int64_t, int64_t, const Table[const float]&,
        const GroupedStates&) noexcept

    int c_order_purchases "couponry::order_purchases"(const PurchaseColumns&, const OrderedRows&) noexcept
    Fault columns_beyond(const PurchaseColumns&) noexcept
    int c_group_purchases "couponry::group_purchases"(
        const PurchaseRows&, View[const uint32_t], int64_t, int64_t, const GroupedRows&) noexcept
    Fault purchases_beyond(const PurchaseRows&, int64_t, int64_t, int64_t) noexcept

cdef extern from "affinity/number_texts.hpp" namespace "couponry" nogil:
    cdef cppclass Texts:
        View[const int64_t] end
        View[const uint8_t] data

    cdef cppclass TextTable:
        View[int64_t] known, end
        View[uint64_t] slot
        View[uint8_t] data

    Fault texts_beyond(const Texts&) noexcept
    Fault table_beyond(const Texts&, const TextTable&, View[const int64_t], bint) noexcept
    void c_hash_texts "couponry::hash_texts"(const Texts&, View[uint64_t]) noexcept
    void c_number_texts "couponry::number_texts"(
        const Texts&, View[const uint64_t], const TextTable&, View[int64_t], bint) noexcept

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

cdef int64_t MOST_PERIODS = 1 << 31
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


cdef PlacedRows placed_view(rows) except *:
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
        same(small_customers.size, out.size, "rows.customer: rows")
    else:
        customers = writable[int64_t](rows.customer)
        out.customer = customers.data
        same(customers.size, out.size, "rows.customer: rows")
    if rows.spend.size == 0:  # not kept
        out.spend, out.spend_bytes = NULL, 0
    elif out.spend_bytes == 4:
        small_spends = writable[int32_t](rows.spend)
        out.spend = small_spends.data
        same(small_spends.size, out.size, "rows.spend: rows")
    else:
        spends = writable[int64_t](rows.spend)
        out.spend = spends.data
        same(spends.size, out.size, "rows.spend: rows")
    return out


def place_purchases(columns, int64_t shift, int64_t least, int64_t[::1] place, rows, *, bint unchecked=False):
    cdef PurchaseColumns columns_ = columns_view(columns)
    cdef View[int64_t] place_ = writable[int64_t](place)
    cdef View[const int64_t] places
    cdef PlacedRows rows_ = placed_view(rows)
    within(shift, 0, 63, "shift")
    if not unchecked or ALWAYS_CHECKED:
        places.data, places.size = place_.data, place_.size
        refuse(columns_beyond(columns_))
        refuse(places_beyond(columns_, shift, least, places, rows_.size))
    with nogil:
        c_place_purchases(columns_, shift, least, place_, rows_)


cdef PurchaseRows rows_view(rows) except *:
    """Purchases, the shapes of which agree."""
    cdef PurchaseRows out
    out.customer, out.bought = view[int64_t](rows.customer), view[uint64_t](rows.bought)
    out.spend = view[int64_t](rows.spend)
    same(out.bought.size, out.customer.size, "rows.bought: rows")
    if out.spend.size:
        same(out.spend.size, out.customer.size, "rows.spend: rows")
    return out


def group_purchases(rows, const uint32_t[::1] rank, int64_t first, int64_t last, grouped, *, bint unchecked=False):
    cdef PurchaseRows rows_ = rows_view(rows)
    cdef View[const uint32_t] rank_ = view[uint32_t](rank)
    cdef GroupedRows grouped_
    cdef int64_t count
    cdef int status
    grouped_.counts, grouped_.customer = writable[int64_t](grouped.counts), writable[int64_t](grouped.customer)
    grouped_.customer_pairs = writable[int64_t](grouped.customer_pairs)
    grouped_.customer_trips = writable[int64_t](grouped.customer_trips)
    grouped_.pair_item = writable[uint32_t](grouped.pair_item)
    grouped_.pair_purchases = writable[int64_t](grouped.pair_purchases)
    grouped_.period, grouped_.discounted = writable[int32_t](grouped.period), writable[uint8_t](grouped.discounted)
    grouped_.spend, grouped_.trip_period = writable[int64_t](grouped.spend), writable[int32_t](grouped.trip_period)
    grouped_.trip_discounted = writable[uint8_t](grouped.trip_discounted)
    grouped_.trip_spend = writable[int64_t](grouped.trip_spend)
    count = rows_.customer.size
    within(last - first, 0, MOST_PERIODS - 1, "last - first")
    same(grouped_.counts.size, 4, "grouped.counts: numbers")
    same(grouped_.customer.size, count, "grouped.customer: rows")
    same(grouped_.customer_pairs.size, count + 1, "grouped.customer_pairs: offsets")
    same(grouped_.customer_trips.size, count + 1, "grouped.customer_trips: offsets")
    same(grouped_.pair_item.size, count, "grouped.pair_item: rows")
    same(grouped_.pair_purchases.size, count + 1, "grouped.pair_purchases: offsets")
    same(grouped_.period.size, count, "grouped.period: rows")
    same(grouped_.discounted.size, count, "grouped.discounted: rows")
    same(grouped_.spend.size, count, "grouped.spend: rows")
    same(grouped_.trip_period.size, count, "grouped.trip_period: rows")
    same(grouped_.trip_discounted.size, count, "grouped.trip_discounted: rows")
    same(grouped_.trip_spend.size, count, "grouped.trip_spend: rows")
    if not unchecked or ALWAYS_CHECKED:
        refuse(purchases_beyond(rows_, rank_.size, first, last))
    with nogil:
        status = c_group_purchases(rows_, rank_, first, last, grouped_)
    check(status)


cdef Pairs states_view(states, int64_t count, int64_t half_lives) except *:
    """Room for states of so many pairs."""
    cdef Pairs out
    out.times, out.first = writable[int32_t](states.times), writable[int32_t](states.first)
    out.last, out.discounted = writable[int32_t](states.last), writable[int32_t](states.discounted)
    out.spend, out.squared_gaps = writable[int64_t](states.spend), writable[int64_t](states.squared_gaps)
    out.recent, out.decay = writable[uint64_t](states.recent), writable_table[float](states.decay)
    same(out.times.size, count, "states.times: rows")
    same(out.first.size, count, "states.first: rows")
    same(out.last.size, count, "states.last: rows")
    same(out.discounted.size, count, "states.discounted: rows")
    same(out.spend.size, count, "states.spend: rows")
    same(out.squared_gaps.size, count, "states.squared_gaps: rows")
    same(out.recent.size, count, "states.recent: rows")
    same(out.decay.rows, count, "states.decay: rows")
    same(out.decay.columns, half_lives, "states.decay: half-lives")
    return out


def group_states(
    rows,
    const uint32_t[::1] rank,
    int64_t first,
    int64_t last,
    const float[:, ::1] factor,
    grouped,
    *,
    bint unchecked=False,
):
    cdef PurchaseRows rows_ = rows_view(rows)
    cdef View[const uint32_t] rank_ = view[uint32_t](rank)
    cdef Table[const float] factor_ = table[float](factor)
    cdef GroupedStates grouped_
    cdef int64_t count = rows_.customer.size
    cdef int status
    grouped_.counts, grouped_.customer = writable[int64_t](grouped.counts), writable[int64_t](grouped.customer)
    grouped_.n_pairs, grouped_.item = writable[int64_t](grouped.n_pairs), writable[uint32_t](grouped.item)
    grouped_.pairs = states_view(grouped.pairs, count, factor_.columns)
    grouped_.trips = states_view(grouped.trips, count, factor_.columns)
    within(last - first, 0, MOST_PERIODS - 1, "last - first")
    within(factor_.rows, last - first + 1, 0x7FFFFFFFFFFFFFFF, "factor: periods")
    same(grouped_.counts.size, 2, "grouped.counts: numbers")
    same(grouped_.customer.size, count, "grouped.customer: rows")
    same(grouped_.n_pairs.size, count, "grouped.n_pairs: rows")
    same(grouped_.item.size, count, "grouped.item: rows")
    if not unchecked or ALWAYS_CHECKED:
        refuse(purchases_beyond(rows_, rank_.size, first, last))
    with nogil:
        status = c_group_states(rows_, rank_, first, last, factor_, grouped_)
    check(status)


cdef Texts texts_view(const int64_t[::1] end, const uint8_t[::1] data, bint unchecked) except *:
    """Texts that lie within their bytes."""
    cdef Texts out
    out.end, out.data = view[int64_t](end), view[uint8_t](data)
    within(out.end.size, 1, 0x7FFFFFFFFFFFFFFF, "end: offsets")
    if not unchecked or ALWAYS_CHECKED:
        refuse(texts_beyond(out))
    return out


def hash_texts(const int64_t[::1] end, const uint8_t[::1] data, uint64_t[::1] out, *, bint unchecked=False):
    cdef Texts texts = texts_view(end, data, unchecked)
    cdef View[uint64_t] out_ = writable[uint64_t](out)
    same(out_.size, texts.end.size - 1, "out: texts")
    with nogil:
        c_hash_texts(texts, out_)


def number_texts(
    const int64_t[::1] end,
    const uint8_t[::1] data,
    const uint64_t[::1] hashed,
    table,
    int64_t[::1] number,
    bint adds,
    *,
    bint unchecked=False,
):
    cdef Texts texts = texts_view(end, data, unchecked)
    cdef View[const uint64_t] hashed_ = view[uint64_t](hashed)
    cdef TextTable table_
    cdef View[int64_t] number_ = writable[int64_t](number)
    cdef View[const int64_t] numbers
    table_.known, table_.slot = writable[int64_t](table.known), writable[uint64_t](table.slot)
    table_.end, table_.data = writable[int64_t](table.end), writable[uint8_t](table.data)
    same(hashed_.size, texts.end.size - 1, "hashed: texts")
    same(number_.size, texts.end.size - 1, "number: texts")
    same(table_.known.size, 1, "table.known: numbers")
    within(table_.slot.size, 1, 0x7FFFFFFFFFFFFFFF, "table.slot: slots")
    within(table_.end.size, 1, 0x7FFFFFFFFFFFFFFF, "table.end: offsets")
    if not unchecked or ALWAYS_CHECKED:
        numbers.data, numbers.size = number_.data, number_.size
        refuse(table_beyond(texts, table_, numbers, adds))
    with nogil:
        c_number_texts(texts, hashed_, table_, number_, adds)


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
