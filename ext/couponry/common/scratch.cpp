// Growing and freeing the working memory of an evaluation.
#include "common/scratch.hpp"

#include "common/debug.hpp"

#include <cstdlib>

namespace couponry {

Scratch::Scratch() noexcept
    : key(small_key_),
      second(small_second_),
      given(small_given_),
      picks(small_picks_),
      ranked(small_ranked_) {
    if (GUARD > 0) capacity_ = -1;  // everything on the heap, behind guards
}

Scratch::~Scratch() { std::free(heap_); }

bool Scratch::grow(int64_t n) noexcept {
    const int64_t words = (n + WORD - 1) / WORD * 2;  // twice: rows of growing length grow it seldom
    const int64_t room = words * WORD;
    const size_t ranked_bytes = static_cast<size_t>(room) * sizeof(Ranked);
    const size_t picks_bytes = static_cast<size_t>(words + CUSTOMERS) * sizeof(uint64_t);
    const size_t key_bytes = static_cast<size_t>(room + BEYOND) * sizeof(int32_t);
    void* bigger = std::malloc(ranked_bytes + picks_bytes + 3 * key_bytes + 5 * static_cast<size_t>(GUARD));
    if (!bigger) return false;
    std::free(heap_);
    heap_ = bigger;
    char* at = static_cast<char*>(bigger);
    const auto some = [&](size_t bytes) {
        char* const array = at;
        guard(at += bytes);
        at += GUARD;
        return array;
    };
    ranked = reinterpret_cast<Ranked*>(some(ranked_bytes));
    picks = reinterpret_cast<uint64_t*>(some(picks_bytes));
    key = reinterpret_cast<int32_t*>(some(key_bytes));
    second = reinterpret_cast<int32_t*>(some(key_bytes));
    given = reinterpret_cast<int32_t*>(some(key_bytes));
    capacity_ = room;
    return true;
}

Zeros::Zeros(int64_t n, int64_t bytes_each) noexcept
    : data(std::calloc(static_cast<size_t>(n > 0 ? n : 1), static_cast<size_t>(bytes_each))) {}

Zeros::~Zeros() { std::free(data); }

}  // namespace couponry
