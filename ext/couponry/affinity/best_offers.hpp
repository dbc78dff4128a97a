// The best offers of each customer and role; see `best_offers` in reference/affinity.py.
#pragma once

#include <cstdint>

#include "common/checks.hpp"
#include "common/views.hpp"

namespace couponry {

struct Bought {
    View<const int64_t> indptr;
    View<const uint32_t> item;
    View<const float> weight, own_weight;
};

struct Link {
    int32_t offer;
    float value;
};

struct Links {
    View<const int64_t> ptr;
    View<const Link> link;
};

struct Kinds {
    View<const int32_t> item;  // the kind of each item, -1 for none
    View<const int64_t> ptr;   // the offers of kind k are offer[ptr[k]] : offer[ptr[k + 1]]
    View<const int32_t> offer;
};

struct Eligible {
    View<const int64_t> ptr;
    View<const int32_t> offer;
};

struct Factors {
    Table<const float> customer, offer;  // (n, F), (F, K); F = 0: none
};

struct Chosen {
    View<int32_t> number;
    View<int32_t> offer;
    View<uint8_t> role;
    View<float> score;
};

struct Choice {
    Bought bought;
    Links similar, own;
    Kinds kinds;
    int64_t offers;
    View<const float> prior;
    Factors factors;
    Eligible eligible;
    View<const int32_t> quota;
    float above;
    int64_t start, stop;
    Chosen chosen;
};

constexpr int64_t SET_WORDS = 8;  // of sets of offers of a kind, that are joined at once
constexpr int64_t HANDS = 128;    // that scores are dealt into; see affinity/choose.hpp

// Whether every offer is a candidate, whatever links to it.
inline bool all_are_candidates(const Choice& choice) noexcept {
    return choice.prior.size > 0 || choice.factors.offer.rows > 0;
}

// Working memory, a word of 64 offers padded to the full; what customers share is as at the start after each of them.
struct Room {
    int64_t words;
    float *score, *mine;  // of each offer: by similarity, by what the customer owns; -0.0 where nothing is linked
    uint64_t *own, *kind, *may;  // bit sets of offers: linked to by `own`, of a kind bought, eligible
    const uint64_t* of_kind;     // the offers of each kind as such a set, after an empty one; null: they are too many
    int64_t set_words;           // of such a set, a multiple of SET_WORDS, as room for `kind` is
    uint8_t* live;               // words whose scores were touched; null where all are gone through anyway
    int32_t* word;               // the words to go through, ascending
    int32_t* seen;               // of each kind: the last customer who bought of it, from 1
    uint64_t* mask[3];           // the candidates of each role
    float* hands;                // the largest scores of some candidates each
    float* few_score;            // candidates that reach the bar
    int32_t* few;
    int32_t* owned;        // offers linked to by `own`, each once
    uint64_t* won;         // the chosen among them
    float* kept_score[3];  // of each role, ascending in offers
    int32_t* kept[3];
    const float* start;   // what scores by factors start from; beyond the offers no number
    const float* panels;  // factors of the offers of one word after the other, 64 side by side
    float* by_factors;    // scores of some customers
    int64_t at_a_time;    // how many customers
};

// Links to offers that there are not, or of values that are no finite numbers.
inline Fault offers_beyond(const char* array, const Links& links, int64_t offers) noexcept {
    for (int64_t l = 0; l < links.link.size; ++l) {
        const Link& link = links.link.data[l];
        if (link.offer < 0 || link.offer >= offers || !std::isfinite(link.value))
            return {array, "offers that there are, and finite values", l};
    }
    return NO_FAULT;
}

int best_offers(const Choice&) noexcept;

}  // namespace couponry
