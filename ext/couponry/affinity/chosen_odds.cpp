// Log odds of what was chosen for customers, one customer after the other; logarithms and exponentials by vectors.
#include "affinity/chosen_odds.hpp"

#include <algorithm>
#include <cmath>
#include <new>
#include <vector>

#include "affinity/variants.hpp"

namespace couponry {
namespace {

constexpr float LEAST_BOUGHT = 0.05F, LEAST_ITEMS = 0.3F, FEW_ITEMS = 10.0F;
constexpr float LEAST_SCORE = 1e-6F, LEAST_TRIPS = 0.1F;

OffersOfOne offers_of_one(const Chosen& chosen, int64_t first, int64_t end) noexcept {
    return {chosen.offer.data + first, chosen.role.data + first, chosen.score.data + first, end - first};
}

void take_logarithms_of(double* numbers, int64_t n) noexcept { affinity_kernels().take_logarithms(numbers, n); }
void take_logarithms_of(float* numbers, int64_t n) noexcept {
    affinity_kernels().take_logarithms_of_floats(numbers, n);
}
void take_exponentials_of(double* numbers, int64_t n) noexcept { affinity_kernels().take_exponentials(numbers, n); }
void take_exponentials_of(float* numbers, int64_t n) noexcept {
    affinity_kernels().take_exponentials_of_floats(numbers, n);
}

// Numbers of a customer, with room for whole vectors; 1 beyond them.
template <class Number>
class Numbers {
public:
    void resize(int64_t n) {
        constexpr int64_t AT_A_TIME = sizeof(Number) == sizeof(float) ? FLOATS_AT_A_TIME : NUMBERS_AT_A_TIME;
        const int64_t room = (n + AT_A_TIME - 1) / AT_A_TIME * AT_A_TIME;
        if (room > static_cast<int64_t>(numbers_.size())) numbers_.resize(static_cast<size_t>(room));
        for (int64_t k = n; k < room; ++k) numbers_[k] = 1;
        whole_ = room;
    }
    Number& operator[](int64_t k) noexcept { return numbers_[static_cast<size_t>(k)]; }
    Number operator[](int64_t k) const noexcept { return numbers_[static_cast<size_t>(k)]; }
    Number* data() noexcept { return numbers_.data(); }
    void take_logarithms() noexcept { take_logarithms_of(numbers_.data(), whole_); }
    void take_exponentials() noexcept { take_exponentials_of(numbers_.data(), whole_); }

private:
    std::vector<Number> numbers_;
    int64_t whole_ = 0;
};

class BegunScores {
public:
    BegunScores(const BegunTables& tables, const BoughtItems& bought, const Chosen& chosen)
        : tables_(tables),
          bought_(bought),
          chosen_(chosen),
          place_(static_cast<size_t>(tables.groups), 0) {}

    void all() {
        int64_t end = 0;
        for (int64_t i = 0; i < chosen_.number.size; ++i) {
            const int64_t first = end;
            end += chosen_.number[i];
            if (end > first) score(bought_.indptr[i], bought_.indptr[i + 1], first, end);
        }
    }

private:
    void score(int64_t begin, int64_t stop, int64_t first, int64_t end) {
        const int64_t items = stop - begin;
        const OffersOfOne offers = offers_of_one(chosen_, first, end);
        const OfferOdds& steps = affinity_kernels().offer_odds;
        amount_.resize(items + 1);
        for (int64_t e = 0; e < items; ++e) amount_[e] = bought_.weight[begin + e];
        amount_[items] = static_cast<float>(-items) / FEW_ITEMS;
        amount_.take_exponentials();
        const float few = amount_[items];
        float bought = 0.0F;
        for (int64_t e = 0; e < items; ++e) bought += amount_[e] - 1.0F;
        total_.resize(offers.count + 2);
        said_.resize(offers.count);
        steps.say_by_neighbours(tables_, offers, said_.data(), total_.data());
        total_[offers.count] = static_cast<float>(items) + 1.0F;
        total_[offers.count + 1] = bought + 1.0F;
        total_.take_logarithms();
        const float of_customer = tables_.customer[0] * total_[offers.count] +
                                  tables_.customer[1] * total_[offers.count + 1] + tables_.customer[2] * few;
        steps.add_up_begun(tables_, offers, said_.data(), {of_customer, few}, total_.data());
        for (int64_t g = 0; g < tables_.of_group.rows; ++g) add_groups(g, begin, stop, offers);
        steps.put_begun(offers, total_.data());
    }

    void add_groups(int64_t g, int64_t begin, int64_t stop, const OffersOfOne& offers) {
        const View<const int32_t> of_items = tables_.of_items.row(g);
        int32_t groups = 1;  // the first one stands for what was not bought of
        of_group_.resize(2 * (stop - begin + 1));
        of_group_[0] = LEAST_BOUGHT, of_group_[1] = LEAST_ITEMS;
        for (int64_t e = begin; e < stop; ++e) {
            int32_t& place = place_[of_items[bought_.item[e]]];
            if (place == 0) {
                place = groups++;
                of_group_[2 * place] = LEAST_BOUGHT, of_group_[2 * place + 1] = LEAST_ITEMS;
            }
            of_group_[2 * place] += amount_[e - begin] - 1.0F;
            of_group_[2 * place + 1] += 1.0F;
        }
        of_group_.resize(2 * groups);
        of_group_.take_logarithms();
        const float by_bought = tables_.of_group.row(g)[0], by_items = tables_.of_group.row(g)[1];
        for (int64_t at = 0; at < groups; ++at)
            of_group_[at] = by_bought * of_group_[2 * at] + by_items * of_group_[2 * at + 1];
        affinity_kernels().offer_odds.add_of_groups(offers, tables_.of_offers.row(g).data, place_.data(),
                                                    of_group_.data(), total_.data());
        for (int64_t e = begin; e < stop; ++e) place_[of_items[bought_.item[e]]] = 0;
    }

    const BegunTables& tables_;
    const BoughtItems& bought_;
    const Chosen& chosen_;
    std::vector<int32_t> place_;  // of each group among those of the customer at hand, 0: none
    Numbers<float> amount_, said_, total_, of_group_;
};

class ResponseOdds {
public:
    ResponseOdds(const ResponseTables& tables, const Chosen& chosen, const Responses& responses)
        : tables_(tables),
          chosen_(chosen),
          responses_(responses) {}

    void all(const View<const float>& trips) {
        const OfferOdds& steps = affinity_kernels().offer_odds;
        int64_t end = 0;
        for (int64_t i = 0; i < chosen_.number.size; ++i) {
            const int64_t first = end;
            end += chosen_.number[i];
            if (end == first) continue;
            const OffersOfOne offers = offers_of_one(chosen_, first, end);
            to_buy(trips[i] + LEAST_TRIPS, offers);
            steps.write_probabilities(total_.data(), offers.count, responses_.p0.data + first);
            if (tables_.shift.rows == 0) continue;
            steps.shift_odds(tables_, offers, total_.data());
            steps.write_probabilities(total_.data(), offers.count, responses_.p1.data + first);
        }
    }

private:
    // Own ones are put in afterwards, of float64, as what is left of an exponential less 1 may be little.
    void to_buy(float trips, const OffersOfOne& offers) {
        const int64_t own = list_own(offers);
        total_.resize(offers.count + 1);
        for (int64_t k = 0; k < offers.count; ++k) total_[k] = std::max(offers.score[k], LEAST_SCORE);
        total_[offers.count] = trips;
        own_.resize(own);
        for (int64_t n = 0; n < own; ++n) own_[n] = static_cast<double>(std::min(total_[place_[n]], MAX_LOG_ODDS));
        own_.take_exponentials();
        for (int64_t n = 0; n < own; ++n) own_[n] -= 1.0;
        own_.take_logarithms();
        total_.take_logarithms();
        affinity_kernels().offer_odds.look_up_odds(tables_, offers, total_[offers.count], total_.data());
        for (int64_t n = 0; n < own; ++n) total_[place_[n]] = static_cast<float>(own_[n]);
    }

    // Lists where the personal model's own probabilities are kept, without a branch: nobody can foretell the role of
    // the next offer. How many they are.
    int64_t list_own(const OffersOfOne& offers) {
        if (tables_.own == 0) return 0;
        int64_t own = 0;
        if (place_.size() <= static_cast<size_t>(offers.count)) place_.resize(static_cast<size_t>(offers.count) + 1);
        for (int64_t k = 0; k < offers.count; ++k) {
            place_[own] = k;
            own += offers.role[k] == 0;
        }
        return own;
    }

    const ResponseTables& tables_;
    const Chosen& chosen_;
    const Responses& responses_;
    Numbers<float> total_;
    Numbers<double> own_;
    std::vector<int64_t> place_;
};

template <class Work>
int done(Work work) noexcept {
    try {
        work();
    } catch (const std::bad_alloc&) {
        return NO_MEMORY;
    }
    return DONE;
}

}  // namespace

Fault offers_fault(const Chosen& chosen, int64_t offers) noexcept {
    int64_t all = 0;
    for (int64_t i = 0; i < chosen.number.size; ++i) {
        all += chosen.number[i];
        if (chosen.number[i] < 0 || all > chosen.offer.size) return {"chosen.number", "as many offers as there are", i};
    }
    return first_fault(not_within("chosen.offer", chosen.offer.data, 0, all, 0, offers - 1),
                       not_within("chosen.role", chosen.role.data, 0, all, 0, 2),
                       not_finite("chosen.score", chosen.score.data, all));
}

Fault begun_fault(const BegunTables& tables, const BoughtItems& bought, const Chosen& chosen) noexcept {
    const int64_t customers = chosen.number.size, groups = tables.groups;
    const Fault offsets = not_offsets("indptr", bought.indptr.data, 0, customers, bought.item.size);
    if (offsets.array) return offsets;
    const auto codes = [groups](const char* name, const Table<const int32_t>& of) {
        return not_within(name, of.data, 0, of.rows * of.columns, 0, groups - 1);
    };
    const Fault items = tables.of_group.rows == 0
                            ? NO_FAULT
                            : not_within("item", bought.item.data, bought.indptr[0], bought.indptr[customers], 0,
                                         tables.of_items.columns - 1);
    return first_fault(items, codes("tables.of_items", tables.of_items), codes("tables.of_offers", tables.of_offers),
                       offers_fault(chosen, tables.offer.size));
}

int score_begun(const BegunTables& tables, const BoughtItems& bought, const Chosen& chosen) noexcept {
    return done([&] { BegunScores(tables, bought, chosen).all(); });
}

int response_odds(const ResponseTables& tables, const View<const float>& trips, const Chosen& chosen,
                  const Responses& responses) noexcept {
    return done([&] { ResponseOdds(tables, chosen, responses).all(trips); });
}

}  // namespace couponry
