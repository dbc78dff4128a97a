# What the boundary modules share: the C++ contract, and views of the caller's arrays.
#
# Python allocates. What arrays are made of is checked here: dtypes by typed views, shapes and contents by `checks`.
# Naming: a Python argument `x` becomes the C++ value `x_`.

from libc.stdint cimport int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t

cdef extern from "common/views.hpp" namespace "couponry" nogil:
    cdef cppclass View[T]:
        T* data
        int64_t size

    cdef cppclass Table[T]:
        T* data
        int64_t rows, columns

    cdef cppclass Shard:
        int64_t first, item_bytes
        View[const int64_t] indptr
        const void* item
        Table[const uint16_t] quantity
        View[const uint16_t] segment
        View[const int64_t] number, given_at
        View[const float] given_value

    cdef cppclass Rules:
        View[const int32_t] lower, upper
        Table[const int32_t] group, cap
        int64_t groups, nodes
        View[const int64_t] constraint_ptr, constraints

    cdef cppclass Cut:
        int64_t searches, slack

    cdef int NO_MEMORY, ROW_TOO_LONG, NO_ROOM

ctypedef fused number_t:
    uint8_t
    uint16_t
    uint32_t
    int32_t
    int64_t
    uint64_t
    float
    double


cdef inline int aligned(const void* data, int64_t bytes) except -1:
    """Refuse numbers that begin where no number of their size can: vectors of them would be read amiss."""
    if <uint64_t>data % <uint64_t>bytes:
        raise ValueError(f"expected arrays of numbers at multiples of their {bytes} bytes, got one that is not aligned")
    return 0


cdef inline View[const number_t] view(const number_t[::1] array) except *:
    """Read-only view of a one-dimensional array."""
    cdef View[const number_t] out
    out.size = array.shape[0]
    out.data = &array[0] if out.size else NULL
    aligned(out.data, sizeof(number_t))
    return out


cdef inline View[number_t] writable(number_t[::1] array) except *:
    """View of a one-dimensional array that the kernel writes to."""
    cdef View[number_t] out
    out.size = array.shape[0]
    out.data = &array[0] if out.size else NULL
    aligned(out.data, sizeof(number_t))
    return out


cdef inline Table[const number_t] table(const number_t[:, ::1] array) except *:
    """Read-only view of a two-dimensional array."""
    cdef Table[const number_t] out
    out.rows, out.columns = array.shape[0], array.shape[1]
    out.data = &array[0, 0] if out.rows and out.columns else NULL
    aligned(out.data, sizeof(number_t))
    return out


cdef inline Table[number_t] writable_table(number_t[:, ::1] array) except *:
    """View of a two-dimensional array that the kernel writes to."""
    cdef Table[number_t] out
    out.rows, out.columns = array.shape[0], array.shape[1]
    out.data = &array[0, 0] if out.rows and out.columns else NULL
    aligned(out.data, sizeof(number_t))
    return out


cdef inline const void* item_data(item) except? NULL:
    """Where an array of items, uint16 or uint32, begins."""
    if item.itemsize == 2:
        return view[uint16_t](item).data
    return view[uint32_t](item).data  # refuses what is neither


cdef inline Shard shard_view(shard) except *:
    cdef Shard out
    out.first = shard.first
    out.indptr = view[int64_t](shard.indptr)
    out.item_bytes = shard.item.itemsize
    out.item = item_data(shard.item)
    out.quantity = table[uint16_t](shard.quantity)
    out.segment = view[uint16_t](shard.segment)
    out.number = view[int64_t](shard.number)
    out.given_at = view[int64_t](shard.given_at)
    out.given_value = view[float](shard.given_value)
    return out


cdef inline Rules rules_view(rules) except *:
    cdef Rules out
    out.lower = view[int32_t](rules.lower)
    out.upper = view[int32_t](rules.upper)
    out.group = table[int32_t](rules.group)
    out.groups = rules.groups
    out.cap = table[int32_t](rules.cap)
    out.constraint_ptr = view[int64_t](rules.constraint_ptr)
    out.constraints = view[int64_t](rules.constraints)
    out.nodes = rules.nodes
    return out


cdef inline int check(int status) except -1:
    """Raise what a kernel's status code stands for."""
    if status == NO_MEMORY:
        raise MemoryError("native kernel: no memory for its working arrays")
    if status == ROW_TOO_LONG:
        raise ValueError("shard: a customer has more than 2**31 - 1 candidates")
    if status == NO_ROOM:
        raise ValueError("changes: expected room for all that is found, got too little")
    return 0
