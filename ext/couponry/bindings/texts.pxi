# The boundary of the kernels that give numbers to texts; a part of purchases.pyx.

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
