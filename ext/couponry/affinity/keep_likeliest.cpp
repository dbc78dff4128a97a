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
constexpr int64_t FEW = 64;  // offers of a customer that are compared each with each

struct Offer {
    float score;
    int64_t place;
};

bool is_before(const Offer& one, const Offer& other) noexcept {
    return one.score > other.score || (one.score == other.score && one.place < other.place);
}

// A few offers of one role, in their order; the scores after them are below all others.
struct FewOffers {
    alignas(64) float score[FEW];
    int32_t place[FEW];
    int32_t count;
};

class Taken {
public:
    explicit Taken(const View<const int32_t>& quota) noexcept : quota_(quota) {}

    // Flags the offers from `begin` to `end` that the quotas of their roles have room for.
    const uint8_t* of(const Chosen& chosen, int64_t begin, int64_t end) {
        if (end - begin <= FEW) {
            flag_few(chosen, begin, end);
            return few_;
        }
        many_.assign(static_cast<size_t>(end - begin), 0);
        for (int64_t r = 0; r < ROLES; ++r) flag_many(chosen, begin, end, r);
        return many_.data();
    }

private:
    void flag_few(const Chosen& chosen, int64_t begin, int64_t end) noexcept {
        for (FewOffers& role : roles_) role.count = 0;
        for (int64_t d = begin; d < end; ++d) {
            FewOffers& role = roles_[chosen.role[d]];
            role.score[role.count] = chosen.score[d];
            role.place[role.count++] = static_cast<int32_t>(d - begin);
        }
        for (int64_t r = 0; r < ROLES; ++r) {
            FewOffers& role = roles_[r];
            uint64_t taken = ~uint64_t{0};
            if (role.count > quota_[r]) {
                std::fill(role.score + role.count, role.score + FEW, NOTHING);
                taken = affinity_kernels().largest_of_few(role.score, role.count, quota_[r]);
            }
            for (int32_t d = 0; d < role.count; ++d) few_[role.place[d]] = taken >> d & 1;
        }
    }

    void flag_many(const Chosen& chosen, int64_t begin, int64_t end, int64_t role) {
        some_.clear();
        for (int64_t d = begin; d < end; ++d)
            if (chosen.role[d] == role) some_.push_back({chosen.score[d], d});
        const int64_t count = std::min<int64_t>(quota_[role], static_cast<int64_t>(some_.size()));
        if (count < static_cast<int64_t>(some_.size()))
            std::nth_element(some_.begin(), some_.begin() + count, some_.end(), is_before);
        for (int64_t k = 0; k < count; ++k) many_[some_[k].place - begin] = 1;
    }

    static constexpr float NOTHING = -std::numeric_limits<float>::infinity();
    View<const int32_t> quota_;
    FewOffers roles_[ROLES];
    uint8_t few_[FEW];
    std::vector<uint8_t> many_;
    std::vector<Offer> some_;
};

void keep(const View<const int32_t>& quota, const Chosen& chosen) {
    Taken taken(quota);
    int64_t begin = 0, kept = 0;
    for (int64_t i = 0; i < chosen.number.size; ++i) {
        const int64_t end = begin + chosen.number[i], first = kept;
        const uint8_t* flags = taken.of(chosen, begin, end);
        for (int64_t d = begin; d < end; ++d) {
            chosen.offer[kept] = chosen.offer[d];
            chosen.role[kept] = chosen.role[d];
            chosen.score[kept] = chosen.score[d];
            kept += flags[d - begin];
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
