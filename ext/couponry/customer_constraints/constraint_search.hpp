// A customer's best choice under cardinality constraints: the exact search; see reference/constraint_search.py,
// function by function.
//
// Compiled once per instruction set, so everything here has internal linkage.
#pragma once

#include <algorithm>
#include <cstdint>

#include "customer_constraints/branch_search.hpp"
#include "customer_constraints/whole_values.hpp"

namespace couponry {
namespace {

// What a search found. shortfall: how far it falls short of minimums; -1 where nothing keeps the rules
// and what is forced.
struct Found {
    int64_t shortfall, worth, most;
};

class ConstraintSearch : public BranchSearch {
public:
    // See `search_choice`. tried: whether the choice under the laminar family is known to break some other.
    Found search_choice(int64_t lower, int64_t upper, int64_t nodes, bool tried) noexcept {
        Found found;
        if (!begin(lower, upper, tried, found)) found = finish(nodes);
        assert_found(found);
        return found;
    }

protected:
    friend class CustomerParts;  // which makes customers of parts
    friend class SearchByParts;

    // Whether the choice under the laminar family is the best one, or none is possible (OUT).
    bool begin(int64_t lower, int64_t upper, bool tried, Found& found) noexcept {
        return words_ == 1 ? begin<1>(lower, upper, tried, found) : begin<0>(lower, upper, tried, found);
    }

    // Searches where it is not.
    Found finish(int64_t nodes) noexcept { return words_ == 1 ? finish<1>(nodes) : finish<0>(nodes); }

    // That the picks keep the caps and what is forced, are worth what is said, and that nothing better is said to be
    // impossible.
    void assert_found([[maybe_unused]] const Found& found) const noexcept {
#ifdef COUPONRY_ASSERTIONS
        if (found.shortfall < 0) return;
        COUPONRY_ASSERT(found.most >= found.worth);
        COUPONRY_ASSERT(count<0>(picks) <= (upper_ > 0 ? upper_ : 0));
        int64_t worth = 0, missing = lower_ - count<0>(picks);
        int64_t shortfall = missing > 0 ? missing : 0;
        for (int64_t t = 0; t < n_; ++t) {
            if (test(picks, t)) worth += value[t];
            COUPONRY_ASSERT(!test(forced_in, t) || test(picks, t));
            COUPONRY_ASSERT(!test(forced_out, t) || !test(picks, t));
        }
        COUPONRY_ASSERT(worth == found.worth);
        for (int64_t s = 0; s < constraints_; ++s) {
            const int64_t held = common<0>(picks, mask_ + s * words_);
            COUPONRY_ASSERT(held <= cap_[s]);
            if (held < least_[s]) shortfall += (least_[s] - held) * weight_[s];
        }
        COUPONRY_ASSERT(const_cast<ConstraintSearch*>(this)->broken_row(picks).row < 0 || count<0>(forced_in) > 0);
        COUPONRY_ASSERT(shortfall <= found.shortfall);  // a search that is cut off may fill more than it knew of
#endif
    }

private:
    int64_t given_ = 0, total_ = 0;  // what is forced in

    template <int W>
    bool begin(int64_t lower, int64_t upper, bool tried, Found& found) noexcept {
        lower_ = lower;
        upper_ = upper;
        positive_ = 0;
        for (int64_t t = 0; t < n_ && t < 64 && value[t] > 0; ++t) positive_ |= uint64_t{1} << t;
        for (int64_t s = 0; s < constraints_; ++s) {
            residual_[s] = cap_[s];
            need_[s] = least_[s];
        }
        given_ = total_ = 0;
        none<W>(picks);
        found = {-1, 0, 0};
        if (!take_forced<W>(given_, total_)) return true;
        close_full<W>(mask_, start_, given_);
        copy<W>(fixed_, picks);
        if (!tried) {
            const int64_t worth = total_ + walk<W>(start_, given_, lower_, picks);
            if (keeps_all<W>() && broken_row(picks).row < 0) {
                const int64_t missing = lower_ - count<W>(picks);
                found = {missing > 0 ? missing : 0, worth, worth};
                return true;
            }
        }
        copy<W>(picks, fixed_);
        return false;
    }

    template <int W>
    Found finish(int64_t nodes) noexcept {
        int64_t worth = 0;
        if (W == 1 && search_intervals(given_, total_, worth)) return best_found<W>(worth);
        Core core;
        const bool core_first = asks_for_nothing(given_);
        if (core_first && search_core<W>(given_, total_, nodes, core)) return best_found<W>(core.worth);
        if (search_families<W>(given_, total_, worth)) return best_found<W>(worth);
        if (!core_first && search_core<W>(given_, total_, nodes, core)) return best_found<W>(core.worth);
        if (core.worth == WORTH_NOTHING) return search_all<W>(nodes);
        return better_of<W>(core, search_all<W>(nodes));
    }

    template <int W>
    COUPONRY_INLINE Found best_found(int64_t worth) noexcept {
        copy<W>(picks, best_);
        return {missed_by<W>(picks), worth, worth};
    }

    template <int W>
    Found search_all(int64_t nodes) noexcept {
        if (rows_ > 0) return under_rows<W>(given_, total_, nodes);
        return asking_ ? search_minimums<W>(given_, total_, nodes) : search_caps<W>(given_, total_, nodes);
    }

    // Of what two searches found, the second of which came OUT in the picks. No choice falls less short than the
    // core's.
    template <int W>
    Found better_of(const Core& core, Found found) noexcept {
        const int64_t least = missed_by<W>(of_core_);
        if (found.shortfall == least && found.most == found.worth) return found;
        if (found.shortfall > least) found = {least, WORTH_NOTHING, core.most};
        found.most = std::min(found.most, core.most);
        found.most = std::max(found.most, std::max(core.worth, found.worth) + 1);
        if (core.worth > found.worth) {
            copy<W>(picks, of_core_);
            found.worth = core.worth;
        }
        return found;
    }

    // Of a customer who has rows.
    template <int W>
    COUPONRY_INLINE Found under_rows(int64_t given, int64_t total, int64_t nodes) noexcept {
        copy<W>(mine_, fixed_);
        Best best = search_rows<W>(given, total, nodes);
        if (best.shortfall < 0 && best.most == WORTH_NOTHING) return {-1, 0, 0};
        if (best.shortfall < 0) {  // cut off at once: what is given in any case is all that is known
            best.shortfall = missed_by<W>(picks);
            best.worth = total;
            if (best.most <= total) best.most = total + 1;
        } else {
            copy<W>(picks, best_);
        }
        return {best.shortfall, best.worth, best.most > best.worth ? best.most : best.worth};
    }

    // Takes what is forced in, and marks what is neither forced in nor out; false where that breaks a cap.
    template <int W>
    COUPONRY_INLINE bool take_forced(int64_t& given, int64_t& total) noexcept {
        for (int64_t w = 0; w < words<W>(); ++w) {
            const int64_t left = n_ - 64 * w;
            start_[w] = (left >= 64 ? ~uint64_t{0} : (uint64_t{1} << left) - 1) & ~forced_in[w] & ~forced_out[w];
            for (uint64_t word = forced_in[w]; word; word &= word - 1) {
                const int64_t t = 64 * w + lowest_bit(word);
                for (int64_t s = 0; s < constraints_; ++s)
                    if (residual_[s] <= 0 && test(mask_ + s * words<W>(), t)) return false;
                if (given >= upper_) return false;
                take<W>(mask_, t, 1);
                set(picks, t);
                ++given;
                total += value[t];
            }
        }
        return true;
    }

    // Whether the picks keep all constraints, minimums included.
    template <int W>
    COUPONRY_INLINE bool keeps_all() const noexcept {
        bool kept = true;
        for (int64_t s = 0; s < constraints_; ++s) {
            const int64_t held = common<W>(picks, mask_ + s * words<W>());
            kept = kept && held <= cap_[s] && held >= least_[s];
        }
        return kept;
    }

    // Where no constraint asks for a minimum.
    template <int W>
    COUPONRY_INLINE Found search_caps(int64_t given, int64_t total, int64_t nodes) noexcept {
        const Explored found = branch<W>(given, total, nodes);
        if (found.shortfall < 0) {
            const int64_t worth = complete<W>(given, total);
            const int64_t missing = lower_ - count<W>(picks);
            return cut_off<W>(given, total, missing > 0 ? missing : 0, worth);
        }
        for (int64_t w = 0; w < words<W>(); ++w) picks[w] |= best_[w];
        if (found.nodes < 0) return cut_off<W>(given, total, found.shortfall, found.worth);
        return {found.shortfall, found.worth, found.worth};
    }

    // Where constraints ask for minimums: the least shortfall first, then the worth.
    template <int W>
    COUPONRY_INLINE Found search_minimums(int64_t given, int64_t total, int64_t nodes) noexcept {
        const Explored least = explore_shortfall<W>(given, total, nodes);
        const int64_t goal = least.shortfall;
        int64_t worth = complete<W>(given, least.worth);
        if (least.nodes < 0) return cut_off<W>(given, total, goal, worth);
        copy<W>(free_, start_);
        if (lower_ == 0)
            for (int64_t t = 0; t < n_; ++t)
                if (value[t] < 0 && gain_of<W>(t) == 0) clear(free_, t);
        const Explored found = explore<W>(value, mask_, given, total, goal, worth, least.nodes);
        if (found.shortfall >= 0) {
            for (int64_t w = 0; w < words<W>(); ++w) picks[w] = fixed_[w] | best_[w];
            worth = found.worth;
        }
        if (found.nodes < 0) return cut_off<W>(given, total, goal, worth);
        return {goal, worth, worth};
    }

    template <int W>
    Found cut_off(int64_t given, int64_t total, int64_t goal, int64_t worth) noexcept {
        const Least least = least_shortfall<W>(mask_, start_, given);
        const int64_t most = total + most_worth<W>(start_, given, goal, least.sure);
        return {goal, worth, most > worth ? most : worth + 1};
    }
};

}  // namespace
}  // namespace couponry
