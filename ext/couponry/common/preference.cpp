// Sorting by preference, compiled once: candidates come here only when vectors cannot decide their order.
#include "common/preference.hpp"

#include <algorithm>

namespace couponry {
namespace {

struct Before {
    bool operator()(const Ranked& a, const Ranked& b) const noexcept {
        return a.rank != b.rank ? a.rank < b.rank : a.at < b.at;
    }
};

}  // namespace

void sort_ranked(Ranked* candidates, int64_t n) noexcept { std::sort(candidates, candidates + n, Before{}); }

void keep_first(Ranked* candidates, int64_t n, int64_t keep) noexcept {
    if (keep < n) std::nth_element(candidates, candidates + keep, candidates + n, Before{});
}

}  // namespace couponry
