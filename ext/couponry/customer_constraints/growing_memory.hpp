// Memory of a search, cut into arrays one after the other: kept for the next customer, and grown where one needs more.
//
// Compiled once per instruction set, so everything here has internal linkage.
#pragma once

#include <cstdint>
#include <cstdlib>

#include "common/debug.hpp"

namespace couponry {
namespace {

class GrowingMemory {
public:
    static constexpr int64_t GAP = GUARD / static_cast<int64_t>(sizeof(int64_t));  // behind each array

    GrowingMemory() noexcept = default;
    ~GrowingMemory() { std::free(memory_); }
    GrowingMemory(const GrowingMemory&) = delete;
    GrowingMemory& operator=(const GrowingMemory&) = delete;

    // Begins anew, with room for so many numbers, gaps among them; false when there is no memory for it.
    bool reserve(int64_t needed) noexcept {
        if (needed > capacity_) {
            std::free(memory_);
            capacity_ = 2 * needed;
            memory_ = static_cast<int64_t*>(std::malloc(static_cast<size_t>(capacity_) * sizeof(int64_t)));
            if (!memory_) {
                capacity_ = 0;
                return false;
            }
        }
        take_guards_away(memory_, static_cast<size_t>(capacity_) * sizeof(int64_t));
        at_ = memory_;
        return true;
    }

    // The next array, of so many numbers.
    int64_t* some(int64_t count) noexcept {
        int64_t* const array = at_;
        guard(at_ += count);
        at_ += GAP;
        return array;
    }

    // The next array, of so many words of bits.
    uint64_t* bits(int64_t count) noexcept { return reinterpret_cast<uint64_t*>(some(count)); }

private:
    int64_t capacity_ = 0;
    int64_t* memory_ = nullptr;
    int64_t* at_ = nullptr;
};

}  // namespace
}  // namespace couponry
