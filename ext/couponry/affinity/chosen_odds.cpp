// Log odds of what was chosen for customers, one customer after the other; logarithms and exponentials by vectors.
#include "affinity/chosen_odds.hpp"

#include <algorithm>
#include <cmath>
#include <new>
#include <vector>

#include "affinity/variants.hpp"

namespace couponry {
namespace {

constexpr double LEAST_SAID = 10.0, LEAST_BOUGHT = 0.05, LEAST_ITEMS = 0.3, FEW_ITEMS = 10.0;
constexpr double LEAST_SCORE = 1e-6, MAX_LOG_ODDS = 15.0;

// Numbers of a customer, with room for whole vectors; 1 beyond them.
class Numbers {
public:
    void resize(int64_t n) {
        const int64_t room = (n + NUMBERS_AT_A_TIME - 1) / NUMBERS_AT_A_TIME * NUMBERS_AT_A_TIME;
        if (room > static_cast<int64_t>(numbers_.size())) numbers_.resize(static_cast<size_t>(room));
        for (int64_t k = n; k < room; ++k) numbers_[k] = 1.0;
        whole_ = room;
    }
    double& operator[](int64_t k) noexcept { return numbers_[static_cast<size_t>(k)]; }
    double operator[](int64_t k) const noexcept { return numbers_[static_cast<size_t>(k)]; }
    void take_logarithms() noexcept { affinity_kernels().take_logarithms(numbers_.data(), whole_); }
    void take_exponentials() noexcept { affinity_kernels().take_exponentials(numbers_.data(), whole_); }

private:
    std::vector<double> numbers_;
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
        const int64_t items = stop - begin, offers = end - first;
        amount_.resize(items + 1);
        for (int64_t e = 0; e < items; ++e) amount_[e] = static_cast<double>(bought_.weight[begin + e]);
        amount_[items] = static_cast<double>(-items) / FEW_ITEMS;
        amount_.take_exponentials();
        const double few = amount_[items];
        double bought = 0.0;
        for (int64_t e = 0; e < items; ++e) bought += amount_[e] - 1.0;
        total_.resize(offers + 2);
        said_.resize(static_cast<size_t>(offers));
        for (int64_t k = 0; k < offers; ++k) {
            const float by = chosen_.score[first + k] - tables_.prior[chosen_.offer[first + k]];
            said_[k] = static_cast<double>(by) / static_cast<double>(tables_.near[0]);
            total_[k] = std::max(said_[k], 0.0) + LEAST_SAID;
        }
        total_[offers] = static_cast<double>(items) + 1.0;
        total_[offers + 1] = bought + 1.0;
        total_.take_logarithms();
        const double of_customer = of(tables_.customer, 0) * total_[offers] +
                                   of(tables_.customer, 1) * total_[offers + 1] + of(tables_.customer, 2) * few;
        for (int64_t k = 0; k < offers; ++k) {
            const int32_t offer = chosen_.offer[first + k];
            const double root = std::copysign(std::sqrt(std::abs(said_[k])), said_[k]);
            total_[k] = of(tables_.offer, offer) + of(tables_.near, 1) * total_[k] + of(tables_.near, 2) * root;
            total_[k] += of_customer + few * of(tables_.popular, offer);
        }
        for (int64_t g = 0; g < tables_.of_group.rows; ++g) add_groups(g, begin, stop, first, end);
        for (int64_t k = 0; k < offers; ++k) {  // without a branch on the role, which nobody can foretell
            const float either[] = {chosen_.score[first + k], static_cast<float>(total_[k])};
            chosen_.score[first + k] = either[chosen_.role[first + k] != 0];
        }
    }

    void add_groups(int64_t g, int64_t begin, int64_t stop, int64_t first, int64_t end) {
        const View<const int32_t> of_items = tables_.of_items.row(g), of_offers = tables_.of_offers.row(g);
        int32_t groups = 1;  // the first one stands for what was not bought of
        of_group_.resize(2 * (stop - begin + 1));
        of_group_[0] = LEAST_BOUGHT, of_group_[1] = LEAST_ITEMS;
        for (int64_t e = begin; e < stop; ++e) {
            int32_t& place = place_[of_items[bought_.item[e]]];
            if (place == 0) {
                place = groups++;
                of_group_[2 * place] = LEAST_BOUGHT, of_group_[2 * place + 1] = LEAST_ITEMS;
            }
            of_group_[2 * place] += amount_[e - begin] - 1.0;
            of_group_[2 * place + 1] += 1.0;
        }
        of_group_.resize(2 * groups);
        of_group_.take_logarithms();
        const double by_bought = of(tables_.of_group.row(g), 0), by_items = of(tables_.of_group.row(g), 1);
        for (int64_t d = first; d < end; ++d) {
            const int32_t at = place_[of_offers[chosen_.offer[d]]];
            total_[d - first] += by_bought * of_group_[2 * at] + by_items * of_group_[2 * at + 1];
        }
        for (int64_t e = begin; e < stop; ++e) place_[of_items[bought_.item[e]]] = 0;
    }

    static double of(const View<const float>& table, int64_t k) noexcept { return static_cast<double>(table[k]); }

    const BegunTables& tables_;
    const BoughtItems& bought_;
    const Chosen& chosen_;
    std::vector<int32_t> place_;  // of each group among those of the customer at hand, 0: none
    Numbers amount_, total_, of_group_;
    std::vector<double> said_;
};

class ResponseOdds {
public:
    ResponseOdds(const ResponseTables& tables, const Chosen& chosen, const Responses& responses)
        : tables_(tables),
          chosen_(chosen),
          responses_(responses) {}

    void all(const View<const float>& trips) {
        int64_t end = 0;
        for (int64_t i = 0; i < chosen_.number.size; ++i) {
            const int64_t first = end;
            end += chosen_.number[i];
            if (end == first) continue;
            to_buy(static_cast<double>(trips[i]) + 0.1, first, end);
            write(responses_.p0.data + first, end - first);
            if (tables_.shift.rows == 0) continue;
            for (int64_t d = first; d < end; ++d)
                total_[d - first] = tables_.slope * total_[d - first] +
                                    static_cast<double>(tables_.shift.row(chosen_.role[d])[chosen_.offer[d]]);
            write(responses_.p1.data + first, end - first);
        }
    }

private:
    // Without a branch on whose probability it is: nobody can foretell the role of the next offer.
    void to_buy(double trips, int64_t first, int64_t end) {
        const int64_t offers = end - first;
        int64_t own = 0;
        total_.resize(offers + 1);
        odds_.resize(offers + 1);
        for (int64_t k = 0; k < offers; ++k) {
            total_[k] = std::max(static_cast<double>(chosen_.score[first + k]), LEAST_SCORE);
            odds_[own] = std::min(total_[k], MAX_LOG_ODDS);
            own += is_own(first + k);
        }
        total_[offers] = trips;
        odds_.resize(own);
        odds_.take_exponentials();
        for (int64_t k = 0; k < own; ++k) odds_[k] -= 1.0;
        odds_.take_logarithms();
        total_.take_logarithms();
        const double came = total_[offers];
        own = 0;
        for (int64_t k = 0; k < offers; ++k) {
            const uint8_t r = chosen_.role[first + k];
            const double s = total_[k];
            const double curve =
                (static_cast<double>(tables_.score[r]) + static_cast<double>(tables_.squared[r]) * s) * s;
            const double either[] = {static_cast<double>(tables_.table.row(r)[chosen_.offer[first + k]]) + curve +
                                         static_cast<double>(tables_.trips[r]) * came,
                                     odds_[own]};
            total_[k] = either[is_own(first + k)];
            own += is_own(first + k);
        }
    }

    // 1 where the personal model's own probability is kept, else 0.
    int64_t is_own(int64_t d) const noexcept { return int64_t{tables_.own != 0} & int64_t{chosen_.role[d] == 0}; }

    // 1 / (1 + exp(-log odds)) of the customer's offers.
    void write(float* to, int64_t offers) {
        odds_.resize(offers);
        for (int64_t k = 0; k < offers; ++k) odds_[k] = -std::min(std::max(total_[k], -MAX_LOG_ODDS), MAX_LOG_ODDS);
        odds_.take_exponentials();
        for (int64_t k = 0; k < offers; ++k) to[k] = static_cast<float>(1.0 / (1.0 + odds_[k]));
    }

    const ResponseTables& tables_;
    const Chosen& chosen_;
    const Responses& responses_;
    Numbers total_, odds_;
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
