// Growing and freeing the working memory of an evaluation.
#include "common/scratch.hpp"

#include <cstdlib>

namespace couponry {

Scratch::Scratch() noexcept
    : key(small_key_),
      second(small_second_),
      given(small_given_),
      picks(small_picks_),
      ranked(small_ranked_) {}

Scratch::~Scratch() { std::free(heap_); }

bool Scratch::grow(int64_t n) noexcept {
    const int64_t words = (n + WORD - 1) / WORD * 2;  // twice: rows of growing length grow it seldom
    const int64_t room = words * WORD;
    const size_t ranked_bytes = static_cast<size_t>(room) * sizeof(Ranked);
    const size_t picks_bytes = static_cast<size_t>(words + CUSTOMERS) * sizeof(uint64_t);
    const size_t key_bytes = static_cast<size_t>(room + BEYOND) * sizeof(int32_t);
    void* bigger = std::malloc(ranked_bytes + picks_bytes + 3 * key_bytes);
    if (!bigger) return false;
    std::free(heap_);
    heap_ = bigger;
    char* at = static_cast<char*>(bigger);
    ranked = reinterpret_cast<Ranked*>(at);
    picks = reinterpret_cast<uint64_t*>(at += ranked_bytes);
    key = reinterpret_cast<int32_t*>(at += picks_bytes);
    second = reinterpret_cast<int32_t*>(at += key_bytes);
    given = reinterpret_cast<int32_t*>(at += key_bytes);
    capacity_ = room;
    return true;
}

Zeros::Zeros(int64_t n, int64_t bytes_each) noexcept
    : data(std::calloc(static_cast<size_t>(n > 0 ? n : 1), static_cast<size_t>(bytes_each))) {}

Zeros::~Zeros() { std::free(data); }

}  // namespace couponry
