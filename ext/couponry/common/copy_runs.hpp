// Runs of entries, copied to where they follow one another; see `copy_runs` in reference/memory.py.
#pragma once

#include <cstdint>
#include <cstring>

#include "common/compiler.hpp"

namespace couponry {

inline void copy_runs(const uint8_t* source, int64_t bytes, const int64_t* begin, const int64_t* ptr, int64_t start,
                      int64_t stop, uint8_t* out) noexcept {
    constexpr int64_t AHEAD = 16;  // runs lie anywhere: those that come next are asked for in time
    for (int64_t r = start; r < stop; ++r) {
        if (r + AHEAD < stop) {
            const int64_t next = r + AHEAD;
            COUPONRY_PREFETCH(source + begin[next] * bytes);
            if (ptr[next + 1] > ptr[next])
                COUPONRY_PREFETCH(source + (begin[next] + ptr[next + 1] - ptr[next]) * bytes - 1);
        }
        std::memcpy(out + ptr[r] * bytes, source + begin[r] * bytes,
                    static_cast<size_t>((ptr[r + 1] - ptr[r]) * bytes));
    }
}

}  // namespace couponry
