// Takes the likeliest of the offers that were chosen for customers, and moves them side by side.
#include "affinity/keep_likeliest.hpp"

#include <algorithm>
#include <new>
#include <vector>

namespace couponry {
namespace {

struct Offer {
    float score;
    int64_t place;
};

bool is_before(const Offer& one, const Offer& other) noexcept {
    return one.score > other.score || (one.score == other.score && one.place < other.place);
}

// Flags the offers of a role, from `begin` to `end`, that its quota has room for.
void take(const Chosen& chosen, int64_t begin, int64_t end, uint8_t role, int64_t quota, std::vector<Offer>& some,
          std::vector<uint8_t>& taken) {
    some.clear();
    for (int64_t d = begin; d < end; ++d)
        if (chosen.role[d] == role) some.push_back({chosen.score[d], d});
    const int64_t count = std::min<int64_t>(quota, static_cast<int64_t>(some.size()));
    if (count < static_cast<int64_t>(some.size()))
        std::nth_element(some.begin(), some.begin() + count, some.end(), is_before);
    for (int64_t k = 0; k < count; ++k) taken[some[k].place - begin] = 1;
}

void keep(View<const int32_t> quota, const Chosen& chosen) {
    std::vector<Offer> some;
    std::vector<uint8_t> taken;
    int64_t begin = 0, kept = 0;
    for (int64_t i = 0; i < chosen.number.size; ++i) {
        const int64_t end = begin + chosen.number[i], first = kept;
        taken.assign(static_cast<size_t>(end - begin), 0);
        for (int64_t r = 0; r < quota.size; ++r)
            take(chosen, begin, end, static_cast<uint8_t>(r), quota[r], some, taken);
        for (int64_t d = begin; d < end; ++d) {
            if (!taken[d - begin]) continue;
            chosen.offer[kept] = chosen.offer[d];
            chosen.role[kept] = chosen.role[d];
            chosen.score[kept++] = chosen.score[d];
        }
        chosen.number[i] = static_cast<int32_t>(kept - first);
        begin = end;
    }
}

}  // namespace

Fault chosen_fault(const Chosen& chosen, View<const int32_t> quota) noexcept {
    int64_t all = 0;
    for (int64_t i = 0; i < chosen.number.size; ++i) {
        all += chosen.number[i];
        if (chosen.number[i] < 0 || all > chosen.offer.size) return {"chosen.number", "as many offers as there are", i};
    }
    if (all < chosen.offer.size) return {"chosen.number", "as many offers as there are", chosen.number.size};
    return first_fault(not_within("quota", quota.data, 0, quota.size, 0, INT32_MAX),
                       not_within("chosen.role", chosen.role.data, 0, all, 0, quota.size - 1),
                       not_finite("chosen.score", chosen.score.data, all));
}

int keep_likeliest(View<const int32_t> quota, const Chosen& chosen) noexcept {
    try {
        keep(quota, chosen);
    } catch (const std::bad_alloc&) {
        return NO_MEMORY;
    }
    return DONE;
}

}  // namespace couponry
