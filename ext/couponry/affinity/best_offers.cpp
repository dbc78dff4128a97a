// Working memory for the choice of offers.
#include "affinity/best_offers.hpp"

#include <algorithm>
#include <limits>
#include <new>
#include <numeric>
#include <vector>

#include "affinity/variants.hpp"

namespace couponry {
namespace {

constexpr int64_t WORD = 64;
constexpr int64_t FLAGS_FROM = 1 << 14;  // offers; so many are not gone through for each customer
constexpr int64_t SETS_UP_TO = 1 << 16;  // words of 64 offers that the sets of all kinds have together
constexpr int64_t SETS_FROM = 64;        // customers for whom these are made
constexpr int64_t AT_A_TIME = 1 << 16;   // scores by factors, which stay in the cache
constexpr float NO_SCORE = std::numeric_limits<float>::quiet_NaN();

// Scores that begin with a line of the cache, as vectors like them.
struct Scores {
    struct alignas(64) Line {
        float score[16];
    };
    std::vector<Line> lines;

    void assign(int64_t n, float value) {
        Line line;
        for (float& score : line.score) score = value;
        lines.assign((n + 15) / 16, line);
    }
    float* data() noexcept { return lines.empty() ? nullptr : lines.data()->score; }
};

struct Memory {
    Scores score, mine, hands, few_score, kept_score[3], start, panels, by_factors;
    std::vector<uint64_t> own, kind, may, of_kind, mask[3], won;
    std::vector<uint8_t> live;
    std::vector<int32_t> word, seen, few, owned, kept[3];
    int64_t at_a_time = 0, set_words = 0;

    explicit Memory(const Choice& choice) {
        const int64_t words = (choice.offers + WORD - 1) / WORD, room = WORD * words;
        const bool everything = all_are_candidates(choice);
        score.assign(room, everything ? NO_SCORE : -0.0f);
        mine.assign(room, -0.0f);
        for (auto* bits : {&own, &mask[0], &mask[1], &mask[2]}) bits->assign(words, 0);
        set_words = (words + SET_WORDS - 1) / SET_WORDS * SET_WORDS;
        kind.assign(set_words, 0);
        may.assign(words, choice.eligible.ptr.size ? 0 : ~uint64_t{0});
        won.assign(words + 1, 0);
        hands.assign(HANDS, 0.0f);
        few_score.assign(room + WORD, 0.0f);
        few.assign(room + WORD, 0);
        owned.assign(room + 1, 0);
        for (int r = 0; r < 3; ++r) {
            kept_score[r].assign(room + WORD, 0.0f);
            kept[r].assign(room + WORD, 0);
        }
        if (!everything && choice.offers >= FLAGS_FROM) live.assign(words + 8, 0);
        word.resize(words + 8);
        std::iota(word.begin(), word.end(), 0);
        seen.assign(choice.kinds.ptr.size, 0);
        const bool many = choice.stop - choice.start >= SETS_FROM;
        if (many && live.empty() && choice.kinds.ptr.size * set_words <= SETS_UP_TO) make_sets(choice.kinds);
        if (choice.factors.offer.rows) make_panels(choice, words);
    }

    void make_sets(const Kinds& kinds) {
        of_kind.assign(kinds.ptr.size * set_words, 0);
        for (int64_t k = 0; k + 1 < kinds.ptr.size; ++k)
            for (int64_t l = kinds.ptr[k]; l < kinds.ptr[k + 1]; ++l)
                of_kind[(k + 1) * set_words + kinds.offer[l] / WORD] |= uint64_t{1} << (kinds.offer[l] % WORD);
    }

    void make_panels(const Choice& choice, int64_t words) {
        const Table<const float>& of = choice.factors.offer;
        const int64_t room = WORD * words;
        start.assign(room, NO_SCORE);
        for (int64_t j = 0; j < choice.offers; ++j) start.data()[j] = choice.prior.size ? choice.prior[j] : 0.0f;
        panels.assign(room * of.rows, 0.0f);
        for (int64_t f = 0; f < of.rows; ++f)
            for (int64_t j = 0; j < choice.offers; ++j)
                panels.data()[(j / WORD * of.rows + f) * WORD + j % WORD] = of.row(f)[j];
        at_a_time = std::clamp<int64_t>(AT_A_TIME / std::max<int64_t>(room, 1), 4, 64) / 4 * 4;
        by_factors.assign(at_a_time * room, 0.0f);
    }

    Room room() noexcept {
        return {static_cast<int64_t>(own.size()),
                score.data(),
                mine.data(),
                own.data(),
                kind.data(),
                may.data(),
                of_kind.empty() ? nullptr : of_kind.data(),
                set_words,
                live.empty() ? nullptr : live.data(),
                word.data(),
                seen.data(),
                {mask[0].data(), mask[1].data(), mask[2].data()},
                hands.data(),
                few_score.data(),
                few.data(),
                owned.data(),
                won.data(),
                {kept_score[0].data(), kept_score[1].data(), kept_score[2].data()},
                {kept[0].data(), kept[1].data(), kept[2].data()},
                start.data(),
                panels.data(),
                by_factors.data(),
                at_a_time};
    }
};

}  // namespace

int best_offers(const Choice& choice) noexcept {
    try {
        Memory memory(choice);
        affinity_kernels().choose(choice, memory.room());
    } catch (const std::bad_alloc&) {
        return NO_MEMORY;
    }
    return DONE;
}

}  // namespace couponry
