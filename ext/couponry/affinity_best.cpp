// Scores of a customer's offers added up where they were touched, and the best of them found by counting.
#include "affinity_best.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <new>
#include <vector>

namespace couponry {
namespace {

constexpr int ROLES = 3;
constexpr int BINS = 256;

struct Scored {
    float score;
    int32_t offer;
};

struct Better {
    bool operator()(const Scored& a, const Scored& b) const noexcept {
        return a.score != b.score ? a.score > b.score : a.offer < b.offer;
    }
};

// Scores and offers of one role, side by side.
struct Candidates {
    std::vector<float> score;
    std::vector<int32_t> offer;
    int64_t count = 0;

    explicit Candidates(int64_t offers) : score(offers + 1), offer(offers + 1) {}
};

class Chooser {
  public:
    explicit Chooser(const Choice& choice)
        : work(choice),
          offers(choice.kinds.offer.size),
          seen(offers, -1),
          owned(offers, -1),
          may(offers, -1),
          kind(choice.most_kinds + 1, -1),
          score(offers),
          mine(offers),
          touched(offers + 1),
          owns(offers + 1),
          bin(offers + 1),
          by_role{Candidates(offers), Candidates(offers), Candidates(offers)} {
        ties.reserve(offers);
        int64_t width = 0;
        for (int r = 0; r < ROLES; ++r) width += work.quota[r];
        kept.reserve(width);
    }

    void of(int64_t i) noexcept {
        add_up(i);
        gather(i);
        kept.clear();
        for (int r = 0; r < ROLES; ++r) keep_best(by_role[r], r);
        std::sort(kept.begin(), kept.end(), [](const Kept& a, const Kept& b) { return a.offer < b.offer; });
        const int64_t row = i - work.start;
        for (size_t k = 0; k < kept.size(); ++k) {
            work.chosen.offer.row(row)[k] = kept[k].offer;
            work.chosen.role.row(row)[k] = static_cast<uint8_t>(kept[k].role);
            work.chosen.score.row(row)[k] = kept[k].score;
        }
        work.chosen.count[row] = static_cast<int32_t>(kept.size());
    }

  private:
    struct Kept {
        int32_t offer;
        int32_t role;
        float score;
    };

    void add_up(int64_t i) noexcept {
        const bool everything = work.prior.size > 0;
        touches = 0;
        owning = 0;
        if (everything) std::copy(work.prior.data, work.prior.data + offers, score.begin());
        const Links& similar = work.similar;
        for (int64_t e = work.bought.indptr[i]; e < work.bought.indptr[i + 1]; ++e) {
            const int64_t item = work.bought.item[e];
            const float weight = work.bought.weight[e];
            const int64_t end = similar.ptr[item + 1];
            if (everything) {
                for (int64_t l = similar.ptr[item]; l < end; ++l) {
                    const float part = weight * similar.value[l];
                    score[similar.offer[l]] = score[similar.offer[l]] + part;
                }
            } else {
                // without a branch: the list grows by an offer when it is touched for the first time
                for (int64_t l = similar.ptr[item]; l < end; ++l) {
                    const int32_t j = similar.offer[l];
                    const float part = weight * similar.value[l];
                    const bool fresh = seen[j] != i;
                    touched[touches] = j;
                    touches += fresh;
                    seen[j] = i;
                    score[j] = (fresh ? 0.0f : score[j]) + part;
                }
            }
            if (work.kinds.item[item] >= 0) kind[work.kinds.item[item]] = i;
            for (int64_t l = work.own.ptr[item]; l < work.own.ptr[item + 1]; ++l) {
                const int32_t j = work.own.offer[l];
                const float part = work.bought.own_weight[e] * work.own.value[l];
                if (owned[j] != i) {
                    owned[j] = i;
                    mine[j] = 0.0f;
                    owns[owning++] = j;
                }
                mine[j] = mine[j] + part;
            }
        }
    }

    void gather(int64_t i) noexcept {
        const bool all_may = work.eligible.ptr.size == 0;
        if (!all_may)
            for (int64_t l = work.eligible.ptr[i]; l < work.eligible.ptr[i + 1]; ++l) may[work.eligible.offer[l]] = i;
        for (Candidates& role : by_role) role.count = 0;
        if (work.quota[0] > 0)
            for (int64_t k = 0; k < owning; ++k) {
                const int32_t j = owns[k];
                if (all_may || may[j] == i) put(by_role[0], mine[j], j);
            }
        const bool own_links = owning > 0;
        const bool everything = work.prior.size > 0;
        const int64_t count = everything ? offers : touches;
        for (int64_t k = 0; k < count; ++k) {
            const int32_t j = everything ? static_cast<int32_t>(k) : touched[k];
            if ((own_links && owned[j] == i) || !(all_may || may[j] == i)) continue;
            const int32_t its = work.kinds.offer[j];
            const bool known = its >= 0 && kind[its] == i;
            put(by_role[known ? 1 : 2], score[j], j);
        }
    }

    void put(Candidates& role, float value, int32_t offer) noexcept {
        role.score[role.count] = value;
        role.offer[role.count] = offer;
        role.count += value > work.above;
    }

    void take(const Candidates& role, int64_t k, int r) noexcept {
        kept.push_back({role.offer[k], r, role.score[k]});
    }

    // The best by (score, offer): whole bins of the scores' range from the top, and the last bin in exact order.
    void keep_best(const Candidates& role, int r) noexcept {
        const int64_t n = role.count, quota = work.quota[r];
        if (quota == 0) return;
        if (n <= quota) {
            for (int64_t k = 0; k < n; ++k) take(role, k, r);
            return;
        }
        float low = role.score[0], high = role.score[0];
        for (int64_t k = 1; k < n; ++k) {
            low = role.score[k] < low ? role.score[k] : low;
            high = role.score[k] > high ? role.score[k] : high;
        }
        const float scale = static_cast<float>(BINS - 1) / (high - low);
        int cut = 0;
        int64_t above_cut = 0;
        if (std::isfinite(scale) && std::isfinite(high - low)) {
            for (int64_t k = 0; k < n; ++k) {
                const int b = static_cast<int>((role.score[k] - low) * scale);
                bin[k] = static_cast<uint8_t>(b < BINS - 1 ? b : BINS - 1);
            }
            uint32_t counts[4][BINS];
            std::memset(counts, 0, sizeof counts);
            int64_t k = 0;
            for (; k + 4 <= n; k += 4)
                for (int lane = 0; lane < 4; ++lane) ++counts[lane][bin[k + lane]];
            for (; k < n; ++k) ++counts[0][bin[k]];
            for (cut = BINS - 1;; --cut) {
                const int64_t inside = int64_t{counts[0][cut]} + counts[1][cut] + counts[2][cut] + counts[3][cut];
                if (above_cut + inside >= quota) break;
                above_cut += inside;
            }
        } else {
            std::memset(bin.data(), 0, n);  // all the same, or infinite: nothing to count by
        }
        ties.clear();
        for (int64_t k = 0; k < n; ++k) {
            if (bin[k] < cut) continue;
            if (bin[k] > cut)
                take(role, k, r);
            else
                ties.push_back({role.score[k], role.offer[k]});
        }
        const int64_t left = quota - above_cut;
        std::nth_element(ties.begin(), ties.begin() + (left - 1), ties.end(), Better{});
        for (int64_t t = 0; t < left; ++t) kept.push_back({ties[t].offer, r, ties[t].score});
    }

    const Choice& work;
    int64_t offers;
    std::vector<int64_t> seen, owned, may, kind;  // the customer who touched it last
    std::vector<float> score, mine;
    std::vector<int32_t> touched, owns;
    std::vector<uint8_t> bin;
    Candidates by_role[ROLES];
    std::vector<Scored> ties;
    std::vector<Kept> kept;
    int64_t touches = 0, owning = 0;
};

}  // namespace

int best(const Choice& choice) noexcept {
    try {
        Chooser chooser(choice);
        for (int64_t i = choice.start; i < choice.stop; ++i) chooser.of(i);
    } catch (const std::bad_alloc&) {
        return NO_MEMORY;
    }
    return DONE;
}

}  // namespace couponry
