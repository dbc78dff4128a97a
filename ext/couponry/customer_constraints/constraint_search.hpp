// A customer's best choice under cardinality constraints: the exact search; see reference/constraint_search.py,
// function by function.
//
// Compiled once per instruction set, so everything here has internal linkage.
#pragma once

#include <cstdint>
#include <cstring>

#include "customer_constraints/family_search.hpp"
#include "customer_constraints/whole_values.hpp"

namespace couponry {
namespace {

// What a search found. shortfall: how far it falls short of minimums; -1 where nothing keeps the rules
// and what is forced.
struct Found {
    int64_t shortfall, worth, most;
};

class ConstraintSearch : public FamilySearch {
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

    struct Explored {
        int64_t shortfall, worth, nodes;
    };

    // The best choice is added to best_ (OUT); free_ is used up.
    template <int W>
    Explored explore(const int64_t* worth_of, const uint64_t* mask, int64_t given, int64_t total, int64_t goal,
                     int64_t least_worth, int64_t nodes) noexcept {
        if (asking_) find_disjoint<W>(mask);
        none<W>(best_);
        int64_t depth = 0, shortfall = -1, worth = least_worth - 1;
        bool fresh = true;
        while (true) {
            if (--nodes < 0) break;
            if (fresh) {
                const int64_t now = shortfall_of(given);
                const bool better = goal < 0 ? shortfall < 0 || now < shortfall : now == goal && total > worth;
                if (better) {
                    shortfall = now;
                    worth = total;
                    none<W>(best_);
                    for (int64_t d = 0; d < depth; ++d) set(best_, taken_[d]);
                }
            }
            const Least least = least_shortfall<W>(mask, free_, given);
            bool hopeless;
            if (goal < 0)
                hopeless = least.shortfall >= shortfall;
            else
                hopeless = least.shortfall > goal || total + most_worth<W>(free_, given, goal, least.sure) <= worth;
            int64_t t = hopeless ? -1 : first<W>(free_);
            if (t >= 0) {
                COUPONRY_ASSERT(depth < n_);
                taken_[depth] = t;
                copy<W>(before_ + depth * words<W>(), free_);
                ++depth;
                take<W>(mask, t, 1);
                ++given;
                total += worth_of[t];
                clear(free_, t);
                close_full<W>(mask, free_, given);
                fresh = true;
                continue;
            }
            if (depth == 0) break;
            --depth;
            t = taken_[depth];
            take<W>(mask, t, -1);
            --given;
            total -= worth_of[t];
            copy<W>(free_, before_ + depth * words<W>());
            clear(free_, t);
            fresh = false;
        }
        while (depth > 0) take<W>(mask, taken_[--depth], -1);
        return {shortfall, worth, nodes};
    }

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
        if (W == 1 && search_intervals(given_, total_, worth)) {
            copy<W>(picks, best_);
            return {0, worth, worth};
        }
        if (W == 1 && can_be_priced(given_) && search_core(given_, total_, nodes, worth)) {
            copy<W>(picks, best_);
            return {0, worth, worth};
        }
        if (search_families<W>(given_, total_, worth)) {
            copy<W>(picks, best_);
            return {missed_by<W>(picks), worth, worth};
        }
        if (rows_ > 0) return under_rows<W>(given_, total_, nodes);
        return asking_ ? search_minimums<W>(given_, total_, nodes) : search_caps<W>(given_, total_, nodes);
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

    // The best choice is added to best_ (OUT).
    template <int W>
    Explored branch(int64_t given, int64_t total, int64_t nodes) noexcept {
        copy<W>(free_, start_);
        none<W>(best_);
        none<W>(mine_);
        int64_t depth = 0, shortfall = -1, worth = total;
        while (true) {
            if (--nodes < 0) break;
            none<W>(marked_);
            const int64_t now = total + walk<W>(free_, given, lower_, marked_);
            const int64_t missing = lower_ - given - count<W>(marked_), lacks = missing > 0 ? missing : 0;
            bool better = shortfall < 0 || lacks < shortfall;
            if (!better && lacks == shortfall && now >= worth) {
                for (int64_t w = 0; w < words<W>(); ++w) spare_[w] = marked_[w] | mine_[w];
                better = now > worth || comes_first<W>(spare_, best_);
            }
            int64_t full = -1;
            if (better) {
                for (int64_t s = 0; s < constraints_ && full < 0; ++s)
                    if (crosses_[s] && common<W>(marked_, mask_ + s * words<W>()) > residual_[s]) full = s;
                if (full < 0) {
                    shortfall = lacks;
                    worth = now;
                    for (int64_t w = 0; w < words<W>(); ++w) best_[w] = marked_[w] | mine_[w];
                }
            }
            if (full >= 0) {
                for (int64_t w = 0; w < words<W>(); ++w) spare_[w] = marked_[w] & mask_[full * words<W>() + w];
                const int64_t t = first<W>(spare_);
                COUPONRY_ASSERT(depth < n_ && t >= 0);
                taken_[depth] = t;
                copy<W>(before_ + depth * words<W>(), free_);
                ++depth;
                take<W>(mask_, t, 1);
                ++given;
                total += value[t];
                set(mine_, t);
                clear(free_, t);
                close_full<W>(mask_, free_, given);
                continue;
            }
            if (depth == 0) break;
            --depth;
            const int64_t t = taken_[depth];
            take<W>(mask_, t, -1);
            --given;
            total -= value[t];
            clear(mine_, t);
            copy<W>(free_, before_ + depth * words<W>());
            clear(free_, t);
        }
        while (depth > 0) take<W>(mask_, taken_[--depth], -1);
        return {shortfall, worth, nodes};
    }

    template <int W>
    Found cut_off(int64_t given, int64_t total, int64_t goal, int64_t worth) noexcept {
        const Least least = least_shortfall<W>(mask_, start_, given);
        const int64_t most = total + most_worth<W>(start_, given, goal, least.sure);
        return {goal, worth, most > worth ? most : worth + 1};
    }

    // By how much a candidate lessens the shortfall.
    template <int W>
    int64_t gain_of(int64_t t) const noexcept {
        int64_t gain = 0;
        if (asking_)
            for (int64_t s = 0; s < constraints_; ++s)
                if (least_[s] > 0 && test(mask_ + s * words<W>(), t)) gain += weight_[s];
        return gain;
    }

    // The least shortfall, searched for by what helps most first; the picks are a choice that falls short by no more.
    template <int W>
    Explored explore_shortfall(int64_t given, int64_t total, int64_t nodes) noexcept {
        for (int64_t t = 0; t < n_; ++t) {  // a stable sort: most help no set, or one
            const int64_t gain = gain_of<W>(t);
            other_value_[t] = gain;
            int64_t at = t;
            for (; at > 0 && other_value_[turn_[at - 1]] < gain; --at) turn_[at] = turn_[at - 1];
            turn_[at] = t;
        }
        none<W>(free_);
        std::memset(other_mask_, 0, static_cast<size_t>(constraints_ * words<W>()) * sizeof(uint64_t));
        for (int64_t at = 0; at < n_; ++at) {
            const int64_t t = turn_[at];
            if (test(start_, t) && (lower_ > 0 || other_value_[t] > 0)) set(free_, at);
            for (int64_t s = 0; s < constraints_; ++s)
                if (test(mask_ + s * words<W>(), t)) set(other_mask_ + s * words<W>(), at);
        }
        for (int64_t at = 0; at < n_; ++at) other_value_[at] = value[turn_[at]];
        const Explored found = explore<W>(other_value_, other_mask_, given, total, -1, WORTH_NOTHING, nodes);
        for (int64_t at = 0; at < n_; ++at)
            if (test(best_, at)) set(picks, turn_[at]);
        return found;
    }

    // Adds to the picks, worth so much, what is worth something and fits.
    template <int W>
    int64_t complete(int64_t given, int64_t worth) noexcept {
        for (int64_t w = 0; w < words<W>(); ++w) spare_[w] = picks[w] & ~fixed_[w];
        given += count<W>(spare_);
        for (int64_t s = 0; s < constraints_; ++s) left_[s] = residual_[s] - common<W>(spare_, mask_ + s * words<W>());
        for (int64_t w = 0; w < words<W>(); ++w) spare_[w] = start_[w] & ~picks[w];
        for (int64_t t; given < upper_ && (t = first<W>(spare_)) >= 0;) {
            clear(spare_, t);
            bool fits = value[t] > 0;
            for (int64_t s = 0; s < constraints_; ++s)
                fits = fits && (left_[s] > 0 || !test(mask_ + s * words<W>(), t));
            if (!fits) continue;
            set(picks, t);
            ++given;
            worth += value[t];
            for (int64_t s = 0; s < constraints_; ++s) left_[s] -= test(mask_ + s * words<W>(), t);
        }
        return worth;
    }
};

}  // namespace
}  // namespace couponry
