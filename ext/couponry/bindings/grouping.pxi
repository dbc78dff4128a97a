# The boundary of the kernels that add purchases up; a part of purchases.pyx.

cdef extern from "affinity/group_purchases.hpp" namespace "couponry" nogil:
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

    cdef cppclass ItemCounting:
        Table[const float] factor
        int64_t until
        View[const int64_t] late
        Table[double] counts
        View[int64_t] customers

    int c_group_purchases "couponry::group_purchases"(
        const PurchaseRows&, View[const uint32_t], int64_t, int64_t, const GroupedRows&) noexcept
    Fault purchases_beyond(const PurchaseRows&, int64_t, int64_t, int64_t) noexcept
    int c_count_purchases "couponry::count_purchases"(
        const PurchaseRows&, View[const uint32_t], int64_t, int64_t, const ItemCounting&) noexcept
    Fault ranks_beyond(const PurchaseRows&, View[const uint32_t], int64_t) noexcept

cdef int64_t MOST_PERIODS = 1 << 31


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


def count_purchases(
    rows,
    const uint32_t[::1] rank,
    int64_t first,
    int64_t last,
    const float[:, ::1] factor,
    int64_t until,
    const int64_t[::1] late,
    double[:, ::1] counts,
    int64_t[::1] customers,
    *,
    bint unchecked=False,
):
    cdef PurchaseRows rows_ = rows_view(rows)
    cdef View[const uint32_t] rank_ = view[uint32_t](rank)
    cdef ItemCounting counting
    cdef int status
    counting.factor, counting.until, counting.late = table[float](factor), until, view[int64_t](late)
    counting.counts, counting.customers = writable_table[double](counts), writable[int64_t](customers)
    within(last - first, 0, MOST_PERIODS - 1, "last - first")
    within(until - last, 0, MOST_PERIODS - 1, "until - last")
    within(counting.factor.rows, until - first + 1, 0x7FFFFFFFFFFFFFFF, "factor: periods")
    same(counting.counts.columns, 4 + counting.factor.columns + 2 * counting.late.size, "counts: columns")
    same(counting.customers.size, 1, "customers: numbers")
    if not unchecked or ALWAYS_CHECKED:
        refuse(purchases_beyond(rows_, rank_.size, first, last))
        refuse(ranks_beyond(rows_, rank_, counting.counts.rows))
    with nogil:
        status = c_count_purchases(rows_, rank_, first, last, counting)
    check(status)
