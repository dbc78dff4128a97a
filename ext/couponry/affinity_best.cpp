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
constexpr int LANES = 4;
constexpr int AHEAD = 6;  // purchases that links are fetched ahead of

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
          score(offers, 0.0f),
          linked(offers, 0),
          mine(offers, Cell{0.0f, 0}),
          may(offers, 0),
          kind(choice.most_kinds + 1, 0),
          chosen((offers + 63) / 64, 0),
          role_of(offers, 0),
          plain(choice.own.offer.size == 0 && choice.eligible.ptr.size == 0 && choice.most_kinds == 0),
          touched(offers + 1),
          owns(offers + 1),
          bin(offers + 1),
          by_role{Candidates(offers), Candidates(offers), Candidates(offers)} {
        ties.reserve(offers);
    }

    void of(int64_t i) noexcept {
        now = static_cast<int32_t>(i - work.start) + 1;
        add_up(i);
        gather(i);
        for (int r = 0; r < ROLES; ++r) keep_best(by_role[r], r);
        write(i - work.start);
        for (int64_t k = 0; k < touches; ++k) {
            score[touched[k]] = 0.0f;
            linked[touched[k]] = 0;
        }
    }

  private:
    // What an offer has come to, and for which customer, so that nothing need be cleared.
    struct Cell {
        float score;
        int32_t of;
    };

    // The chosen offers in ascending order.
    void write(int64_t row) noexcept {
        int32_t* const offer = work.chosen.offer.row(row).data;
        uint8_t* const role = work.chosen.role.row(row).data;
        float* const its_score = work.chosen.score.row(row).data;
        int32_t count = 0;
        for (size_t word = 0; word < chosen.size(); ++word) {
            for (uint64_t left = chosen[word]; left; left &= left - 1) {
                const int32_t j = static_cast<int32_t>(64 * word) + lowest_bit(left);
                offer[count] = j;
                role[count] = role_of[j];
                its_score[count] = role_of[j] == 0 ? mine[j].score : score[j];
                ++count;
            }
            chosen[word] = 0;
        }
        work.chosen.count[row] = count;
    }

    static int lowest_bit(uint64_t bits) noexcept {
#if defined(__GNUC__) || defined(__clang__)
        return __builtin_ctzll(bits);
#else
        int place = 0;
        while (!(bits >> place & 1)) ++place;
        return place;
#endif
    }

    void add_up(int64_t i) noexcept {
        const bool everything = work.prior.size > 0;
        touches = 0;
        owning = 0;
        if (everything) std::copy(work.prior.data, work.prior.data + offers, score.begin());
        const Links& similar = work.similar;
        const int64_t begin = work.bought.indptr[i], stop = work.bought.indptr[i + 1];
        for (int64_t e = begin; e < stop; ++e) {
            if (e + AHEAD < stop) {
                const int64_t next = similar.ptr[work.bought.item[e + AHEAD]];
                COUPONRY_PREFETCH(similar.offer.data + next);
                COUPONRY_PREFETCH(similar.value.data + next);
            }
            const int64_t item = work.bought.item[e];
            const float weight = work.bought.weight[e];
            const int64_t end = similar.ptr[item + 1];
            if (everything) {
                for (int64_t l = similar.ptr[item]; l < end; ++l) {
                    const int32_t j = similar.offer[l];
                    const float part = weight * similar.value[l];
                    score[j] = score[j] + part;
                }
            } else {
                // without a branch: the list grows by an offer when it is touched for the first time
                for (int64_t l = similar.ptr[item]; l < end; ++l) {
                    const int32_t j = similar.offer[l];
                    const float part = weight * similar.value[l];
                    touched[touches] = j;
                    touches += 1 - linked[j];
                    linked[j] = 1;
                    score[j] = score[j] + part;
                }
            }
            if (plain) continue;
            if (work.kinds.item[item] >= 0) kind[work.kinds.item[item]] = now;
            for (int64_t l = work.own.ptr[item]; l < work.own.ptr[item + 1]; ++l) {
                const int32_t j = work.own.offer[l];
                const float part = work.bought.own_weight[e] * work.own.value[l];
                const bool fresh = mine[j].of != now;
                owns[owning] = j;
                owning += fresh;
                mine[j] = Cell{(fresh ? 0.0f : mine[j].score) + part, now};
            }
        }
    }

    void gather(int64_t i) noexcept {
        for (Candidates& role : by_role) role.count = 0;
        const bool everything = work.prior.size > 0;
        const int64_t count = everything ? offers : touches;
        if (plain) {
            for (int64_t k = 0; k < count; ++k) {
                const int32_t j = everything ? static_cast<int32_t>(k) : touched[k];
                put(by_role[2], score[j], j);
            }
            return;
        }
        const bool all_may = work.eligible.ptr.size == 0;
        if (!all_may)
            for (int64_t l = work.eligible.ptr[i]; l < work.eligible.ptr[i + 1]; ++l) may[work.eligible.offer[l]] = now;
        for (int64_t k = 0; k < owning; ++k) {
            const int32_t j = owns[k];
            if (all_may || may[j] == now) put(by_role[0], mine[j].score, j);
        }
        for (int64_t k = 0; k < count; ++k) {
            const int32_t j = everything ? static_cast<int32_t>(k) : touched[k];
            if (mine[j].of == now || !(all_may || may[j] == now)) continue;
            const int32_t its = work.kinds.offer[j];
            const bool known = its >= 0 && kind[its] == now;
            put(by_role[known ? 1 : 2], score[j], j);
        }
    }

    void put(Candidates& role, float value, int32_t offer) noexcept {
        role.score[role.count] = value;
        role.offer[role.count] = offer;
        role.count += value > work.above;
    }

    void take(int32_t j, int r) noexcept {
        chosen[j >> 6] |= uint64_t{1} << (j & 63);
        role_of[j] = static_cast<uint8_t>(r);
    }

    // The best by (score, offer): whole bins of the scores' range from the top, and the last bin in exact order.
    void keep_best(const Candidates& role, int r) noexcept {
        const int64_t n = role.count, quota = work.quota[r];
        if (quota == 0) return;
        if (n <= quota) {
            for (int64_t k = 0; k < n; ++k) take(role.offer[k], r);
            return;
        }
        float lows[LANES], highs[LANES];  // so that one comparison need not wait for the one before
        for (int lane = 0; lane < LANES; ++lane) lows[lane] = highs[lane] = role.score[0];
        int64_t m = 0;
        for (; m + LANES <= n; m += LANES)
            for (int lane = 0; lane < LANES; ++lane) {
                const float value = role.score[m + lane];
                lows[lane] = value < lows[lane] ? value : lows[lane];
                highs[lane] = value > highs[lane] ? value : highs[lane];
            }
        for (; m < n; ++m) {
            lows[0] = role.score[m] < lows[0] ? role.score[m] : lows[0];
            highs[0] = role.score[m] > highs[0] ? role.score[m] : highs[0];
        }
        const float low = *std::min_element(lows, lows + LANES), high = *std::max_element(highs, highs + LANES);
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
                take(role.offer[k], r);
            else
                ties.push_back({role.score[k], role.offer[k]});
        }
        const int64_t left = quota - above_cut;
        std::nth_element(ties.begin(), ties.begin() + (left - 1), ties.end(), Better{});
        for (int64_t t = 0; t < left; ++t) take(ties[t].offer, r);
    }

    const Choice& work;
    int64_t offers;
    std::vector<float> score;  // by similarity, 0 for what this customer's purchases are not linked to
    std::vector<uint8_t> linked;  // whether they are
    std::vector<Cell> mine;  // scores of the customer's own
    std::vector<int32_t> may, kind;  // the customer who may have it, who bought of it
    std::vector<uint64_t> chosen;  // a bit for each offer
    std::vector<uint8_t> role_of;
    bool plain;  // neither rewards nor kinds nor lists of what is eligible
    std::vector<int32_t> touched, owns;
    std::vector<uint8_t> bin;
    Candidates by_role[ROLES];
    std::vector<Scored> ties;
    int64_t touches = 0, owning = 0;
    int32_t now = 0;  // the customer, from 1
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
