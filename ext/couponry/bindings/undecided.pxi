# The boundary of what is undecided once prices hardly move; a part of evaluate.pyx.

from checks cimport not_flags

cdef extern from "evaluate/undecided.hpp" namespace "couponry" nogil:
    cdef cppclass Undecided:
        View[uint16_t] segment
        View[int64_t] ptr
        Table[int32_t] slots, item
        Table[float] own
        View[uint16_t] held

    cdef cppclass Finding:
        Shard shard
        View[const int32_t] upper
        const float* price
        int64_t segments, items, start, stop
        const uint8_t* chosen
        const float* bar

    int room_for_undecided(const Finding&, const Undecided&) noexcept


cdef int64_t TOGETHER, MOST_CANDIDATES
TOGETHER, MOST_CANDIDATES = 16, 64


cdef Undecided undecided_view(undecided) except *:
    cdef Undecided out
    out.segment = writable[uint16_t](undecided.segment)
    out.ptr = writable[int64_t](undecided.ptr)
    out.slots = writable_table[int32_t](undecided.slots)
    out.item = writable_table[int32_t](undecided.item)
    out.own = writable_table[float](undecided.own)
    out.held = writable[uint16_t](undecided.held)
    same(out.ptr.size, out.segment.size + 1, "undecided.ptr: offsets")
    same(out.slots.rows, out.segment.size, "undecided.slots: tiles")
    same(out.slots.columns, TOGETHER, "undecided.slots: customers of a tile")
    same(out.item.rows, out.held.size, "undecided.item: rows")
    same(out.item.columns, TOGETHER, "undecided.item: customers of a tile")
    same(out.own.rows, out.held.size, "undecided.own: rows")
    same(out.own.columns, TOGETHER, "undecided.own: customers of a tile")
    return out


def find_undecided(
    shard, const int32_t[::1] upper, const float[:, :, ::1] price, const uint8_t[::1] chosen,
    const float[:, ::1] bar, int64_t start, int64_t stop, undecided, *, bint unchecked=False,
):
    cdef Finding find
    cdef Undecided out = undecided_view(undecided)
    cdef int64_t tiles = 0
    cdef int status
    find.shard = shard_view(shard)
    find.upper = view[int32_t](upper)
    find.segments, find.items, find.start, find.stop = price.shape[1], price.shape[2], start, stop
    same(chosen.shape[0], block_of(find.shard, shard.item, start, stop), "chosen: candidates of these customers")
    same(price.shape[0], 1 + find.shard.quantity.rows, "price: 1 + attributes")
    within(price.shape[2], 0, 0x7FFFFFFF, "price: items")
    same(bar.shape[0], find.segments, "bar: segments")
    same(bar.shape[1], find.items, "bar: items")
    if find.upper.size != 1:
        same(find.upper.size, find.shard.indptr.size - 1, "upper: customers")
    if start == stop or find.segments == 0 or find.items == 0:
        out.ptr.data[0] = 0
        return 0
    find.price, find.bar = &price[0, 0, 0], &bar[0, 0]
    aligned(find.price, sizeof(float))
    aligned(find.bar, sizeof(float))
    find.chosen = &chosen[0] if chosen.shape[0] else NULL
    if not unchecked or ALWAYS_CHECKED:
        look_at_shard(find.shard, start, stop, find.segments, find.items)
        look_at_prices(find.price, price.shape[0] * find.segments * find.items)
        refuse(not_flags(b"chosen", find.chosen, chosen.shape[0]))
    status = room_for_undecided(find, out)
    if status == ROW_TOO_LONG:
        raise ValueError(f"shard: expected at most {MOST_CANDIDATES} candidates of a customer")
    if status == NO_ROOM:
        raise ValueError("undecided: expected room for all tiles that there may be, and their rows")
    with nogil:
        status = kernels().find_undecided(find, out, &tiles)
    check(status)
    return tiles


def choose_undecided(undecided, const float[:, ::1] price, int64_t[:, ::1] usage, *, bint unchecked=False):
    cdef Undecided undecided_ = undecided_view(undecided)
    cdef int64_t tiles = undecided_.segment.size, rows = undecided_.held.size, items = price.shape[1], tile
    same(usage.shape[0], price.shape[0], "usage: segments")
    same(usage.shape[1], items, "usage: items")
    within(items, 0, 0x7FFFFFFF, "price: items")
    if not unchecked or ALWAYS_CHECKED:
        refuse(not_offsets(b"undecided.ptr", undecided_.ptr.data, 0, tiles, rows))
        for tile in range(tiles):
            within(undecided_.ptr.data[tile + 1] - undecided_.ptr.data[tile], 0, MOST_CANDIDATES, "undecided.ptr: rows")
        refuse(not_within[uint16_t](b"undecided.segment", undecided_.segment.data, 0, tiles, 0, price.shape[0] - 1))
        refuse(not_within[int32_t](b"undecided.item", undecided_.item.data, 0, rows * TOGETHER, 0, items - 1))
    if tiles == 0 or price.shape[0] == 0 or items == 0:
        return
    aligned(&price[0, 0], sizeof(float))
    aligned(&usage[0, 0], sizeof(int64_t))
    if not unchecked or ALWAYS_CHECKED:
        look_at_prices(&price[0, 0], price.shape[0] * items)
    with nogil:
        kernels().choose_undecided(undecided_, &price[0, 0], items, &usage[0, 0])
