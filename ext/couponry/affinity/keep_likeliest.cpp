// Takes the likeliest of the offers that were chosen for customers, and moves them side by side.
#include "affinity/keep_likeliest.hpp"

#include <algorithm>
#include <limits>
#include <new>
#include <vector>

#include "affinity/variants.hpp"

namespace couponry {
namespace {

constexpr int64_t ROLES = 3;
constexpr int64_t FEW = 64;  // offers of a customer that are looked at all at once

struct Offer {
    float score;
    int64_t place;
};

bool is_before(const Offer& one, const Offer& other) noexcept {
    return one.score > other.score || (one.score == other.score && one.place < other.place);
}

// A score that has a place among others, whatever it is: what is no number, the last one.
float numbered(float score) noexcept { return score == score ? score : -std::numeric_limits<float>::infinity(); }

// Flags the offers of any number from `begin` to `end` that the quotas of their roles have room for.
class Taken {
public:
    explicit Taken(const View<const int32_t>& quota) noexcept : quota_(quota) {}

    const uint8_t* of(const Chosen& chosen, int64_t begin, int64_t end) {
        flags_.assign(static_cast<size_t>(end - begin), 0);
        for (int64_t r = 0; r < ROLES; ++r) flag(chosen, begin, end, r);
        return flags_.data();
    }

private:
    void flag(const Chosen& chosen, int64_t begin, int64_t end, int64_t role) {
        some_.clear();
        for (int64_t d = begin; d < end; ++d)
            if (chosen.role[d] == role) some_.push_back({numbered(chosen.score[d]), d});
        const int64_t count = std::min<int64_t>(quota_[role], static_cast<int64_t>(some_.size()));
        if (count < static_cast<int64_t>(some_.size()))
            std::nth_element(some_.begin(), some_.begin() + count, some_.end(), is_before);
        for (int64_t k = 0; k < count; ++k) flags_[some_[k].place - begin] = 1;
    }

    View<const int32_t> quota_;
    std::vector<uint8_t> flags_;
    std::vector<Offer> some_;
};

int64_t take_many(const Chosen& chosen, const uint8_t* flags, int64_t begin, int64_t end, int64_t to) noexcept {
    const int64_t first = to;
    for (int64_t d = begin; d < end; ++d) {
        chosen.offer[to] = chosen.offer[d];
        chosen.role[to] = chosen.role[d];
        chosen.score[to] = chosen.score[d];
        to += flags[d - begin];
    }
    return to - first;
}

void keep(const View<const int32_t>& quota, const Chosen& chosen) {
    Taken taken(quota);
    int64_t begin = 0, kept = 0;
    for (int64_t i = 0; i < chosen.number.size; ++i) {
        const int64_t end = begin + chosen.number[i];
        const bool few = end - begin <= FEW && begin + FEW <= chosen.offer.size;
        const int64_t count = few ? affinity_kernels().take_few(chosen, quota, begin, end - begin, kept)
                                  : take_many(chosen, taken.of(chosen, begin, end), begin, end, kept);
        chosen.number[i] = static_cast<int32_t>(count);
        begin = end, kept += count;
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
