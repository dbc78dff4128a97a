# The boundary of decisions on one customer after another; a part of evaluate.pyx.

from contract cimport Table, View, table, view, writable, writable_table

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

cdef extern from "late/decide.hpp" namespace "couponry" nogil:
    cdef cppclass Charges:
        View[const int64_t] ptr, of_coupon, error
        View[const int32_t] row
        Table[const int64_t] of_quantity
        Table[const double] weight
        View[const double] unit
        Table[const uint8_t] covers

    cdef cppclass Account:
        View[const int64_t] above, below
        View[int64_t] used, error, pending, pending_error

    cdef cppclass Charged:
        View[int32_t] row
        View[int64_t] used, error, entries

    cdef cppclass Late:
        Pricing pricing
        Rules rules
        uint32_t seed
        Charges charges
        Account account
        Charged charged
        View[uint8_t] given
        View[int32_t] refused_by

    int c_decide "couponry::decide"(const Late&, int64_t, int64_t, int64_t*) noexcept


cdef int64_t LARGEST_UNITS, UNBOUNDED, LARGEST_CHARGE
LARGEST_UNITS, UNBOUNDED = 1 << 60, 1 << 62
LARGEST_CHARGE = 1 << 45  # of a packed coupon; a unit of a quantity may add 2^-16 of that


@cython.auto_pickle(False)
cdef class _Prepared:
    """What `decide` is given, looked at: whatever stays true while nobody changes it."""

    cdef Late work
    cdef readonly object late  # keeps the arrays

    def __cinit__(self, late):
        self.late = late
        self.fill(late)
        self.agree()

    cdef int fill(self, late) except -1:
        cdef Late* work = &self.work
        cdef Pricing* pricing = &self.work.pricing
        cdef const float[:, :, ::1] price = late.price
        cdef const double[:, :, ::1] reduced = late.reduced
        pricing.shard = shard_view(late.shard)
        pricing.shard.quantity.columns = late.shard.item.shape[0]  # they are not looked at
        pricing.shard.given_at.size = pricing.shard.given_value.size = 0
        pricing.exact = table[double](late.exact)
        pricing.low, pricing.high = table[double](late.packing.low), table[double](late.packing.high)
        pricing.step = table[double](late.packing.step)
        pricing.quantity_of = view[int64_t](late.packing.quantity_of)
        pricing.segments, pricing.items = price.shape[1], price.shape[2]
        same(reduced.shape[1], price.shape[1], "reduced: segments")
        same(reduced.shape[2], price.shape[2], "reduced: items")
        pricing.quantity = writable_table[uint16_t](late.choice.quantity)
        pricing.value = writable[float](late.choice.value)
        pricing.beyond = writable[uint8_t](late.choice.beyond)
        work.given = writable[uint8_t](late.choice.given)
        work.refused_by = writable[int32_t](late.choice.refused_by)
        work.rules = rules_view(late.rules)
        work.seed = late.seed & 0xFFFFFFFF
        work.charges.ptr = view[int64_t](late.charges.ptr)
        work.charges.row = view[int32_t](late.charges.row)
        work.charges.of_coupon = view[int64_t](late.charges.of_coupon)
        work.charges.of_quantity = table[int64_t](late.charges.of_quantity)
        work.charges.error = view[int64_t](late.charges.error)
        work.charges.weight = table[double](late.charges.weight)
        work.charges.unit = view[double](late.charges.unit)
        work.charges.covers = table[uint8_t](late.charges.covers)
        work.account.above = view[int64_t](late.account.above)
        work.account.below = view[int64_t](late.account.below)
        work.account.used = writable[int64_t](late.account.used)
        work.account.error = writable[int64_t](late.account.error)
        work.account.pending = writable[int64_t](late.account.pending)
        work.account.pending_error = writable[int64_t](late.account.pending_error)
        work.charged.row = writable[int32_t](late.charged.row)
        work.charged.used = writable[int64_t](late.charged.used)
        work.charged.error = writable[int64_t](late.charged.error)
        work.charged.entries = writable[int64_t](late.charged.entries)
        same(price.shape[0], 1 + pricing.quantity.rows, "price: 1 + quantities")
        same(reduced.shape[0], 1 + pricing.exact.rows, "reduced: 1 + attributes")
        if pricing.segments and pricing.items:
            pricing.price, pricing.reduced = &price[0, 0, 0], &reduced[0, 0, 0]
            aligned(pricing.price, sizeof(float))
            aligned(pricing.reduced, sizeof(double))
        return 0

    cdef int agree(self) except -1:
        """Whether the shapes of all arrays agree."""
        cdef Late* work = &self.work
        cdef Pricing* pricing = &self.work.pricing
        cdef Charges* charges = &self.work.charges
        cdef int64_t attributes = pricing.exact.rows, candidates = pricing.shard.quantity.columns
        cdef int64_t pairs = charges.row.size, rows = charges.unit.size, a
        within(pricing.items, 0, 0x7FFFFFFF, "price: items")
        rules_agree(pricing.shard, work.rules, pricing.items)
        same(pricing.exact.columns, candidates, "exact: candidates")
        for found, what in (
            ((pricing.low.rows, pricing.low.columns), "low"),
            ((pricing.high.rows, pricing.high.columns), "high"),
            ((pricing.step.rows, pricing.step.columns), "step"),
        ):
            same(found[0], attributes, f"packing.{what}: attributes")
            same(found[1], pricing.items, f"packing.{what}: items")
        same(pricing.quantity_of.size, attributes, "packing.quantity_of: attributes")
        for a in range(attributes):
            within(pricing.quantity_of.data[a], -1, pricing.quantity.rows - 1, "packing.quantity_of")
        same(pricing.quantity.columns, candidates, "choice.quantity: candidates")
        same(pricing.value.size, candidates, "choice.value: candidates")
        same(pricing.beyond.size, candidates, "choice.beyond: candidates")
        same(work.given.size, candidates, "choice.given: candidates")
        same(work.refused_by.size, candidates, "choice.refused_by: candidates")
        same(charges.ptr.size, pricing.items + 1, "charges.ptr: offsets")
        same(charges.of_coupon.size, pairs, "charges.of_coupon: pairs")
        same(charges.of_quantity.rows, pairs, "charges.of_quantity: pairs")
        same(charges.of_quantity.columns, pricing.quantity.rows, "charges.of_quantity: quantities")
        same(charges.error.size, pairs, "charges.error: pairs")
        same(charges.weight.rows, pairs, "charges.weight: pairs")
        same(charges.weight.columns, 1 + attributes, "charges.weight: 1 + attributes")
        same(charges.covers.rows, pricing.segments, "charges.covers: segments")
        same(charges.covers.columns, rows, "charges.covers: rows")
        same(work.account.above.size, rows, "account.above: rows")
        same(work.account.below.size, rows, "account.below: rows")
        same(work.account.used.size, rows, "account.used: rows")
        same(work.account.error.size, rows, "account.error: rows")
        same(work.account.pending.size, rows, "account.pending: rows")
        same(work.account.pending_error.size, rows, "account.pending_error: rows")
        same(work.charged.used.size, work.charged.row.size, "charged.used: entries")
        same(work.charged.error.size, work.charged.row.size, "charged.error: entries")
        return same(work.charged.entries.size, 1, "charged.entries: numbers")

    cdef int look_at_numbers(self, const char* what, View[const int64_t] numbers, int64_t low, int64_t high) except -1:
        return refuse(not_within[int64_t](what, numbers.data, 0, numbers.size, low, high))

    cdef int look_at_account(self) except -1:
        """Refuse sums that may become too large to be added."""
        cdef Account* account = &self.work.account
        cdef int64_t rows = account.used.size
        self.look_at_numbers(b"account.above", account.above, -UNBOUNDED, UNBOUNDED)
        self.look_at_numbers(b"account.below", account.below, -UNBOUNDED, UNBOUNDED)
        refuse(not_within[int64_t](b"account.used", account.used.data, 0, rows, -LARGEST_UNITS, LARGEST_UNITS))
        refuse(not_within[int64_t](b"account.error", account.error.data, 0, rows, 0, LARGEST_UNITS))
        refuse(not_within[int64_t](b"account.pending", account.pending.data, 0, rows, 0, 0))
        return refuse(not_within[int64_t](b"account.pending_error", account.pending_error.data, 0, rows, 0, 0))

    cdef int look(self, int64_t start, int64_t stop) except -1:
        """Refuse what leads out of the arrays, and numbers that are too large."""
        cdef Pricing* pricing = &self.work.pricing
        cdef Charges* charges = &self.work.charges
        look_at_shard(pricing.shard, start, stop, pricing.segments, pricing.items)
        look_at_rules(pricing.shard, self.work.rules, start, stop)
        look_at_prices(pricing.price, (1 + pricing.quantity.rows) * pricing.segments * pricing.items)
        refuse(not_offsets(b"charges.ptr", charges.ptr.data, 0, pricing.items, charges.row.size))
        refuse(not_within[int32_t](b"charges.row", charges.row.data, 0, charges.row.size, 0, charges.unit.size - 1))
        self.look_at_numbers(b"charges.of_coupon", charges.of_coupon, -LARGEST_CHARGE, LARGEST_CHARGE)
        self.look_at_numbers(b"charges.error", charges.error, 0, LARGEST_CHARGE)
        refuse(not_within[int64_t](
            b"charges.of_quantity", charges.of_quantity.data, 0, charges.of_quantity.rows * charges.of_quantity.columns,
            -LARGEST_CHARGE >> 16, LARGEST_CHARGE >> 16))
        self.look_at_account()
        return refuse(not_within[int64_t](
            b"charged.entries", self.work.charged.entries.data, 0, 1, 0, self.work.charged.row.size))


def prepare(late, *, bint unchecked=False):
    return _Prepared(late)


def decide(late, int64_t start, int64_t stop, *, bint unchecked=False):
    cdef _Prepared prepared = late if isinstance(late, _Prepared) else _Prepared(late)
    cdef int64_t refused = 0
    cdef int status
    block_of(prepared.work.pricing.shard, prepared.late.shard.item, start, stop)
    if start == stop or prepared.work.pricing.segments == 0 or prepared.work.pricing.items == 0:
        return 0
    if not unchecked or ALWAYS_CHECKED:
        prepared.look(start, stop)
    with nogil:
        status = c_decide(prepared.work, start, stop, &refused)
    check(status)
    return refused
