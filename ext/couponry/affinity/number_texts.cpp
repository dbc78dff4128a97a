// A hash table of texts with open addresses. Several threads may look texts up while one adds others: a slot is written
// last, and whoever reads it before finds nothing there.
#include "affinity/number_texts.hpp"

#include <algorithm>
#include <cstring>

#include "common/compiler.hpp"

namespace couponry {

namespace {

constexpr uint64_t MULTIPLIER = 0x100000001B3;
constexpr uint64_t LOW_HALF = 0xFFFFFFFFu;
constexpr int64_t TOGETHER = 32;  // texts the memory of which is asked for before the first of them is looked at

uint64_t scattered(uint64_t x) noexcept {
    x += 0x9E3779B97F4A7C15;
    x = (x ^ x >> 30) * 0xBF58476D1CE4E5B9;
    x = (x ^ x >> 27) * 0x94D049BB133111EB;
    return x ^ x >> 31;
}

#if defined(__GNUC__) || defined(__clang__)
COUPONRY_INLINE uint64_t read_slot(const uint64_t* slot) noexcept { return __atomic_load_n(slot, __ATOMIC_ACQUIRE); }
COUPONRY_INLINE void write_slot(uint64_t* slot, uint64_t word) noexcept {
    __atomic_store_n(slot, word, __ATOMIC_RELEASE);
}
#else
COUPONRY_INLINE uint64_t read_slot(const uint64_t* slot) noexcept {
    return *const_cast<const volatile uint64_t*>(slot);
}
COUPONRY_INLINE void write_slot(uint64_t* slot, uint64_t word) noexcept {
    *const_cast<volatile uint64_t*>(slot) = word;
}
#endif

// The texts of a table, and where each of some others stands in it.
class KnownTexts {
public:
    explicit KnownTexts(const TextTable& table) noexcept
        : table_(table),
          mask_(static_cast<uint64_t>(table.slot.size) - 1) {}

    COUPONRY_INLINE uint64_t first_slot(uint64_t hash) const noexcept { return hash & mask_; }
    COUPONRY_INLINE const uint64_t* slot(uint64_t hash) const noexcept { return table_.slot.data + first_slot(hash); }

    // Asks for what a text is compared with, of which the first slot was asked for before.
    COUPONRY_INLINE void ask_for_text(uint64_t hash) const noexcept {
        const uint64_t word = read_slot(slot(hash));
        if (word) prefetch_ahead(table_.end.data, static_cast<int64_t>(word & LOW_HALF) - 1);
    }
    COUPONRY_INLINE void ask_for_bytes(uint64_t hash) const noexcept {
        const uint64_t word = read_slot(slot(hash));
        if (word) prefetch_ahead(table_.data.data, table_.end[static_cast<int64_t>(word & LOW_HALF) - 1]);
    }

    // The number of a text; -1 where it is not there, and `at` is the slot for it then.
    COUPONRY_INLINE int64_t find(const uint8_t* text, int64_t length, uint64_t hash, uint64_t& at) const noexcept {
        for (at = first_slot(hash);; at = (at + 1) & mask_) {
            const uint64_t word = read_slot(table_.slot.data + at);
            if (word == 0) return -1;
            if (word >> 32 != hash >> 32) continue;
            const int64_t number = static_cast<int64_t>(word & LOW_HALF) - 1, begin = table_.end[number];
            if (table_.end[number + 1] - begin == length &&
                (length == 0 || std::memcmp(table_.data.data + begin, text, static_cast<size_t>(length)) == 0))
                return number;
        }
    }

    int64_t add(const uint8_t* text, int64_t length, uint64_t hash, uint64_t at) noexcept {
        const int64_t number = table_.known[0]++, begin = table_.end[number];
        if (length) std::memcpy(table_.data.data + begin, text, static_cast<size_t>(length));
        table_.end[number + 1] = begin + length;
        write_slot(table_.slot.data + at, (hash >> 32) << 32 | static_cast<uint64_t>(number + 1));
        return number;
    }

private:
    TextTable table_;
    uint64_t mask_;
};

}  // namespace

Fault texts_beyond(const Texts& texts) noexcept {
    return not_offsets("end", texts.end.data, 0, texts.count(), texts.data.size);
}

Fault table_beyond(const Texts& texts, const TextTable& table, View<const int64_t> number, bool adds) noexcept {
    const int64_t slots = table.slot.size, count = table.known[0];
    if (count < 0 || count >= table.end.size) return {"table.known", "no more than there are texts", 0};
    if (slots & (slots - 1)) return {"table.slot", "a power of two of slots", slots};
    const Fault fault = not_offsets("table.end", table.end.data, 0, count, table.data.size);
    if (fault.array) return fault;
    int64_t empty = 0, added = 0, bytes = 0;
    for (int64_t at = 0; at < slots; ++at) {
        empty += table.slot[at] == 0;
        if (table.slot[at] && ((table.slot[at] & LOW_HALF) == 0 || (table.slot[at] & LOW_HALF) > uint64_t(count)))
            return {"table.slot", "numbers of texts that are there", at};
    }
    for (int64_t r = 0; adds && r < texts.count(); ++r) {
        added += number[r] < 0;
        bytes += number[r] < 0 ? texts.end[r + 1] - texts.end[r] : 0;
    }
    if (empty <= added) return {"table.slot", "room for the texts, and an empty slot", slots};
    if (table.end.size - 1 - count < added) return {"table.end", "room for the texts", count};
    if (table.data.size - table.end[count] < bytes) return {"table.data", "room for the texts", table.end[count]};
    return NO_FAULT;
}

void hash_texts(const Texts& texts, const View<uint64_t>& hash) noexcept {
    for (int64_t r = 0; r < texts.count(); ++r) {
        uint64_t sum = 0;
        for (int64_t k = texts.end[r + 1]; k > texts.end[r]; --k) sum = (sum + texts.data[k - 1] + 1) * MULTIPLIER;
        hash[r] = scattered(sum);
    }
}

void number_texts(const Texts& texts, const View<const uint64_t>& hash, const TextTable& table,
                  const View<int64_t>& number, bool adds) noexcept {
    KnownTexts known(table);
    const int64_t n = texts.count();
    for (int64_t begin = 0; begin < n; begin += TOGETHER) {
        const int64_t end = std::min(begin + TOGETHER, n);
        for (int64_t r = begin; r < end; ++r) COUPONRY_PREFETCH(known.slot(hash[r]));
        for (int64_t r = begin; r < end; ++r) known.ask_for_text(hash[r]);
        for (int64_t r = begin; r < end; ++r) known.ask_for_bytes(hash[r]);
        for (int64_t r = begin; r < end; ++r) {
            if (number[r] >= 0) continue;
            const uint8_t* const text = texts.data.data + texts.end[r];
            const int64_t length = texts.end[r + 1] - texts.end[r];
            uint64_t at = 0;
            number[r] = known.find(text, length, hash[r], at);
            if (number[r] < 0 && adds) number[r] = known.add(text, length, hash[r], at);
        }
    }
}

}  // namespace couponry
