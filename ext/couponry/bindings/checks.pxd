# What the kernels are given is checked here: shapes at every call, contents where the caller has not done so.
#
# `unchecked`, the last argument of every kernel, says that the caller knows what the arrays hold; debug builds look all
# the same. Nothing that is refused has been read outside of its array.

from libc.stdint cimport int64_t, uint8_t

from contract cimport Rules, Shard

cdef extern from "common/checks.hpp" namespace "couponry" nogil:
    cdef bint ALWAYS_CHECKED

    cdef cppclass Fault:
        const char* array
        const char* expected
        int64_t at

    Fault not_within[T](const char*, const T*, int64_t, int64_t, int64_t, int64_t) noexcept
    Fault not_finite[T](const char*, const T*, int64_t) noexcept
    Fault not_flags(const char*, const uint8_t*, int64_t) noexcept
    Fault not_offsets(const char*, const int64_t*, int64_t, int64_t, int64_t) noexcept
    Fault items_beyond(const char*, const void*, int64_t, int64_t, int64_t, int64_t) noexcept
    Fault c_shard_fault "couponry::shard_fault"(const Shard&, int64_t, int64_t, int64_t, int64_t) noexcept
    Fault c_rules_fault "couponry::rules_fault"(const Shard&, const Rules&, int64_t, int64_t) noexcept


cdef inline int refuse(Fault fault) except -1:
    """Raise what was found, if anything was."""
    if fault.array != NULL:
        raise ValueError(
            f"{fault.array.decode()}: expected {fault.expected.decode()}, got another one at {fault.at}")
    return 0


cdef inline int same(int64_t found, int64_t expected, str what) except -1:
    """Refuse an array of another length."""
    if found != expected:
        raise ValueError(f"{what}: expected {expected}, got {found}")
    return 0


cdef inline int one_or(int64_t found, int64_t customers, str what) except -1:
    """Refuse an array that is neither of one entry for everybody nor of one for each customer."""
    if found != 1 and found != customers:
        raise ValueError(f"{what}: expected 1 or {customers}, got {found}")
    return 0


cdef inline int offsets_of(int64_t found, int64_t rows, str what) except -1:
    """Refuse offsets that are neither of all rows nor say that there are none."""
    if found > 1 and found != rows + 1:
        raise ValueError(f"{what}: expected 1 or {rows + 1} offsets, got {found}")
    return 0


cdef inline int within(int64_t found, int64_t low, int64_t high, str what) except -1:
    """Refuse a number out of its range."""
    if found < low or found > high:
        raise ValueError(f"{what}: expected {low} to {high}, got {found}")
    return 0


cdef inline int64_t customers_of(int64_t offsets, int64_t start, int64_t stop) except -1:
    """Number of customers, by the length of indptr; start and stop are two of them."""
    cdef int64_t customers = offsets - 1
    if customers < 0:
        raise ValueError("indptr: expected at least one offset, got none")
    if not 0 <= start <= stop <= customers:
        raise ValueError(f"start, stop: expected 0 <= start <= stop <= {customers}, got {start}, {stop}")
    return customers


cdef inline int64_t block_of(const Shard& shard, items, int64_t start, int64_t stop) except -1:
    """Number of candidates of some customers; the shapes of a shard agree."""
    cdef int64_t customers = customers_of(shard.indptr.size, start, stop)
    cdef int64_t candidates = items.shape[0]
    cdef int64_t begin = shard.indptr.data[start], end = shard.indptr.data[stop]
    same(shard.quantity.columns, candidates, "shard.quantity: candidates")
    one_or(shard.segment.size, customers, "shard.segment: customers")
    if shard.number.size:
        same(shard.number.size, customers, "shard.number: customers")
    same(shard.given_value.size, shard.given_at.size, "shard.given_value: numbers")
    if not 0 <= begin <= end <= candidates:
        raise ValueError(f"shard.indptr: expected ascending offsets up to {candidates}, got {begin} and {end}")
    return end - begin


cdef inline int rules_agree(const Shard& shard, const Rules& rules, int64_t items) except -1:
    """Whether the shapes of rules agree, with the shard's and among each other."""
    cdef int64_t customers = shard.indptr.size - 1
    one_or(rules.lower.size, customers, "rules.lower: customers")
    one_or(rules.upper.size, customers, "rules.upper: customers")
    same(rules.cap.rows, rules.group.rows, "rules.cap: rules")
    if rules.group.rows:
        one_or(rules.cap.columns, customers, "rules.cap: customers")
        same(rules.group.columns, items, "rules.group: items")
    within(rules.groups, 0, 0x7FFFFFFF, "rules.groups")
    within(rules.nodes, 0, 0x7FFFFFFFFFFFFFFF, "rules.nodes")
    offsets_of(rules.constraint_ptr.size, customers, "rules.constraint_ptr")
    return 0


cdef inline int look_at_shard(
    const Shard& shard, int64_t start, int64_t stop, int64_t segments, int64_t items
) except -1:
    """Refuse offsets, items or segments that lead out of their arrays."""
    cdef Fault fault
    with nogil:
        fault = c_shard_fault(shard, start, stop, segments, items)
    return refuse(fault)


cdef inline int look_at_rules(const Shard& shard, const Rules& rules, int64_t start, int64_t stop) except -1:
    """The same for groups and constraints, of a shard that was looked at."""
    cdef Fault fault
    with nogil:
        fault = c_rules_fault(shard, rules, start, stop)
    return refuse(fault)


cdef inline int look_at_prices(const float* price, int64_t n) except -1:
    """Refuse prices that are no finite numbers."""
    cdef Fault fault
    with nogil:
        fault = not_finite[float](b"price", price, n)
    return refuse(fault)
