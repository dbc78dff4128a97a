// The best choice of a customer whose constraints are intervals, as rolling windows of a household's members are, at a
// price on coupons: `best_choice` of reference/parts/choose_by_parts.py, without putting anything else into order.
//
// The turns of constraints, found when rules are compiled, say where each candidate is among them. At each price the
// same choice is found as there: by dynamic programming in place of a flow, and by a search for those members whose
// choice breaks some other rule. Where anything is tied, or the price is not found, all is left to the search.
#pragma once

#include <cstdint>

#include "common/set_layout.hpp"
#include "evaluate/chain_count.hpp"
#include "evaluate/chain_flow.hpp"
#include "evaluate/chain_member.hpp"
#include "evaluate/chain_order.hpp"
#include "evaluate/chain_rows.hpp"
#include "evaluate/chain_subsets.hpp"

namespace couponry {
namespace {

class ChainChoice : private ChainOrder {
public:
    // Whether the best choice is found, where each search takes at most so many nodes; the picks are OUT then.
    bool choose(const Constraints& constraints, const int32_t* key, int64_t n, int64_t upper, int64_t nodes,
                uint64_t* picks) noexcept {
        if (upper < 1) return false;
        nodes_ = nodes;
        members_ = 0;
        searched_ = 0;
        if (!put_into_order(constraints, key, n, upper)) return false;
        has_rows_ = rows_.take(constraints.rows);
        if (constraints.is_short ? !choose_at(0, true) || count_bits(now_) > upper_ : !choose_by_price()) return false;
        put_picks(now_, picks);
        return chain_.keeps_implied(picks);
    }

private:
    static constexpr int64_t MOST_PRICES = 24, MOST_MEMBERS = 6;  // members that are searched
    static constexpr int64_t SET_WORDS = RowSteps::SET_WORDS;

    // Candidates that rules join, whose choice is searched for.
    struct Member {
        uint64_t places, needed;  // bits in the order of choice; those that rows may need
        uint64_t inside[SET_WORDS];
        int64_t first;   // interval
        bool is_listed;  // whether choices may be listed
        bool is_taken;   // whether `search` knows the candidates
        int64_t beyond;  // candidates that rows may need among those that are not in order
        int64_t rows;
        int64_t low[ChainSubsets::MOST_ROWS], high[ChainSubsets::MOST_ROWS];
        int64_t weight[ChainSubsets::MOST_ROWS][MOST_CANDIDATES + 1];  // of each place, and of others
        ChainMember search;
    };

    int64_t nodes_;
    uint64_t now_;           // a bit for each place in the order of choice
    uint64_t cheap_, dear_;  // choices at a lower and a higher price
    uint64_t searched_;      // candidates of members that are searched
    int64_t members_;
    ChainFlow flow_;
    bool has_rows_ = false;  // whether rows_ knows them
    ChainRows rows_;
    ChainSubsets subsets_;
    ChainCount count_of_;
    Member member_[MOST_MEMBERS];

    // See `choose_by_parts` and `price_between` there; false where it is not found at a price.
    bool choose_by_price() noexcept {
        cheap_ = dear_ = 0;
        int64_t low = 0, high = worth_[0] + 1, rank = greedy_rank();
        bool is_known = false;  // whether cheap_ is a choice at the lower price
        int64_t price = price_at(rank, low, high);
        if (price == BEYOND) return false;
        if (price < 0) price = 0;
        for (int64_t step = 0; step < MOST_PRICES; ++step) {
            if (!choose_at(price, !is_known)) return false;
            const int64_t given = count_bits(now_);
            if (given == upper_ || (price == 0 && given < upper_)) return true;
            if (given > upper_) {
                cheap_ = now_;
                low = price;
                is_known = true;
            } else {
                dear_ = now_;
                high = price;
            }
            rank += upper_ - given + half(upper_ - given);
            price = price_at(rank, low, high);
            if (price == BEYOND) return false;
            if (price >= 0) continue;
            if (!is_known) {
                price = 0;
                continue;
            }
            price = price_between(low, high, step % 2 ? upper_ : -1);
            if (price < 0) return false;
        }
        return false;
    }

    static constexpr int64_t BEYOND = -2;  // a price at which candidates count that are not looked at

    static int64_t half(int64_t number) noexcept { return (number - (number & 1)) / 2; }

    int64_t price_at(int64_t rank, int64_t low, int64_t high) const noexcept {
        if (rank < 0 || rank >= listed_) return -1;
        if (rank >= count_) return BEYOND;
        const int64_t price = worth_[rank] + 1;
        return low < price && price < high ? price : -1;
    }

    // The multiple of 2^bits that is no more than a number.
    int64_t floor_to(int64_t number) const noexcept { return number - (number & ((int64_t{1} << scale_.bits) - 1)); }

    int64_t worth_of(uint64_t chosen) const noexcept {
        int64_t total = 0;
        for (; chosen; chosen &= chosen - 1) total += worth_[lowest_bit(chosen)];
        return total;
    }

    int64_t price_between(int64_t low, int64_t high, int64_t wanted) const noexcept {
        const int64_t apart = count_bits(cheap_) - count_bits(dear_), gained = worth_of(cheap_) - worth_of(dear_);
        const int64_t even = wanted < 0 ? gained / apart - (gained % apart < 0)  // as Python divides, rounding down
                                        : low + (high - low) / apart * (count_bits(cheap_) - wanted);
        const int64_t step = int64_t{1} << scale_.bits;
        int64_t price = floor_to(even) + 1;
        if (price <= low)
            price = floor_to(low) + 1 + (low > 0 ? step : 0);
        else if (price >= high)
            price = high - step;
        return low < price && price < high ? price : -1;
    }

    // The best choice at a price, OUT in now_; false where it is not found. anew: what cheap_ and dear_ have in common
    // says nothing.
    bool choose_at(int64_t price, bool anew) noexcept {
        if (price == 0 && listed_ > count_) return false;
        int64_t dearer = 0;  // that are worth more than the price
        for (int64_t r = 0; r < count_; ++r) dearer += worth_[r] > price;
        const uint64_t wanted = (dearer == 64 ? ~uint64_t{0} : (uint64_t{1} << dearer) - 1) & ~searched_;
        now_ = loose_ & wanted;
        flow_.clear();
        for (int64_t x = 0; x < chained_; ++x) {
            const int64_t r = rank_of(link_[x]);
            flow_.put(wanted >> r & 1, r, worth_[r] - price, begin_of(link_[x]), end_of(link_[x]));
        }
        if (!flow_.choose(chain_.units(), now_)) return false;
        if (!leave_broken()) return false;
        for (int64_t k = 0; k < members_; ++k)
            if (!choose_member(member_[k], price, anew)) return false;
        return true;
    }

    // Leaves all that is joined with what a choice breaks to searches, constraints that are no intervals and rows;
    // false where it cannot be.
    bool leave_broken() noexcept {
        if (chain_.others() == 0 && !constraints_->rows.at) return true;
        uint64_t picks[SET_WORDS] = {};
        put_picks(now_, picks);
        for (int64_t o = chain_.other_broken_by(picks); o >= 0; o = chain_.other_broken_by(picks)) {
            uint64_t inside[SET_WORDS] = {};
            for (int64_t w = 0; w < words_; ++w) inside[w] = chain_.word_of_other(o, w);
            if (!leave(inside, picks)) return false;
        }
        if (!has_rows_) {
            uint64_t inside[SET_WORDS] = {};
            while (chain_.row_broken_by(picks, inside))
                if (!leave(inside, picks)) return false;
            return true;
        }
        for (int64_t r = 0; r < rows_.count(); ++r) {  // one that is kept stays so without what rules join with others
            if (!rows_.is_broken(r, picks)) continue;
            uint64_t inside[SET_WORDS] = {};
            rows_.add_candidates(r, chain_.open(), inside);
            if (!leave(inside, picks)) return false;
        }
        return true;
    }

    // Leaves some candidates, and all that is joined with them, to a search, and out of a choice and its picks.
    bool leave(const uint64_t* inside, uint64_t* picks) noexcept {
        if (!add_member(inside)) return false;
        now_ &= ~searched_;
        for (int64_t w = 0; w < words_; ++w) picks[w] &= ~member_[members_ - 1].inside[w];
        return true;
    }

    // Leaves all that is joined with some candidates to a search; false where it cannot be.
    bool add_member(const uint64_t* some) noexcept {
        if (constraints_->is_short || members_ == MOST_MEMBERS || !rows_.are_few()) return false;
        Member& member = member_[members_++];
        for (int64_t w = 0; w < SET_WORDS; ++w) member.inside[w] = some[w];
        for (int64_t o = 0; o < chain_.others(); ++o) chain_.add_other(o, member.inside);  // mostly all there is to it
        ChainMember::join(*constraints_, rows_, chain_.open(), member.inside);
        member.is_taken = false;
        member.places = places_of(member.inside);
        member.is_listed =
            has_rows_ && (list_rows(member) || (add_needed(member) && list_rows(member))) && has_few_intervals(member);
        searched_ |= member.places;
        return true;
    }

    // Lists a member's rows; false where they are too many, or need candidates that are not in order.
    bool list_rows(Member& member) const noexcept {
        member.rows = member.beyond = 0;
        member.needed = 0;
        for (int64_t r = 0; r < rows_.count(); ++r) {
            const Row& row = rows_.row(r);
            if (!is_of(member, row)) continue;
            const bool has_room = member.rows < ChainSubsets::MOST_ROWS;
            int64_t* const weight = member.weight[has_room ? member.rows : 0];
            if (has_room)
                for (uint64_t word = member.places; word; word &= word - 1) weight[lowest_bit(word)] = 0;
            const uint64_t asks = row.low() > -NO_BOUND, bounds = row.high() < NO_BOUND;
            uint64_t told = 0, needed = 0;
            int64_t others = 0;
            for (int64_t x = 0, entries = row.entries(); x < entries;
                 ++x) {  // without a branch that cannot be foretold
                const int64_t j = row.candidate(x), its = row.weight(x);
                const uint64_t helps = (asks & (its > 0)) | (bounds & (its < 0));
                const uint64_t is_told = positive_[j / WORD] >> (j % WORD) & 1;
                const int64_t at = is_told ? rank_[j] : MOST_CANDIDATES;
                if (has_room) weight[at] = its;
                told |= is_told << (at % MOST_CANDIDATES);
                needed |= (helps & is_told) << (at % MOST_CANDIDATES);
                others += static_cast<int64_t>(helps & ~is_told & (chain_.open()[j / WORD] >> (j % WORD)));
            }
            if (!told) {
                member.beyond += others;
                continue;
            }
            if (others > 0 || !has_room) return false;
            member.low[member.rows] = row.low();
            member.high[member.rows++] = row.high();
            member.needed |= needed;
        }
        return true;
    }

    static bool is_of(const Member& member, const Row& row) noexcept {
        return Lanes::sets_of(row, member.inside, member.inside) != 0;
    }

    // Puts candidates that a member's rows may need behind those in order; false where there are too many, or some are
    // tied.
    bool add_needed(Member& member) noexcept {
        uint64_t needed[MOST_WORDS] = {};
        for (int64_t r = 0; r < rows_.count(); ++r) rows_.add_needed(r, needed);
        int64_t count = count_ + added_;
        const int64_t first = count;
        for (int64_t w = 0; w < words_; ++w)
            for (uint64_t word = needed[w] & member.inside[w] & ~positive_[w]; word; word &= word - 1) {
                if (count == MOST_CANDIDATES) return false;
                const int64_t j = WORD * w + lowest_bit(word);
                int64_t place = count++;
                for (; place > first && key_[at_[place - 1]] <= key_[j]; --place) {
                    if (key_[at_[place - 1]] == key_[j]) return false;
                    at_[place] = at_[place - 1];
                }
                at_[place] = static_cast<int16_t>(j);
            }
        for (int64_t place = first; place < count; ++place) put_behind(place);
        added_ = count - count_;
        member.places = places_of(member.inside);
        return true;
    }

    bool has_few_intervals(Member& member) const noexcept {
        int64_t first = INT64_MAX, behind = 0;
        for (uint64_t word = member.places & ~loose_; word; word &= word - 1) {
            const int64_t r = lowest_bit(word);
            first = begin_[r] < first ? begin_[r] : first;
            behind = end_[r] > behind ? end_[r] : behind;
        }
        member.first = behind > 0 ? first : 0;
        return behind - member.first <= ChainSubsets::MOST_INTERVALS;
    }

    // Adds a member's best choice at a price to now_; false where it is not found, or not among the best candidates.
    bool choose_member(Member& member, int64_t price, bool anew) noexcept {
        if (!anew && ((cheap_ ^ dear_) & member.places) == 0) {
            now_ |= cheap_ & member.places;
            return true;
        }
        if (member.is_listed && choose_listed(member, price)) return true;
        uint64_t picks[MOST_WORDS] = {}, others = 0;
        if (!member.is_taken) {
            if (!member.search.take(*constraints_, chain_.open(), member.inside, key_, scale_)) return false;
            member.is_taken = true;
        }
        if (!member.search.choose(price, nodes_, picks)) return false;
        for (int64_t w = 0; w < words_; ++w) others |= picks[w] & ~positive_[w];
        now_ |= places_of(picks);
        return others == 0;
    }

    // How many nodes a search of some candidates, and others, so many in all, has at most.
    int64_t nodes_of(uint64_t open, int64_t all) noexcept {
        if (all < WORD - 2 && int64_t{2} << all <= nodes_) return int64_t{2} << all;
        count_of_.begin(count_bits(open & loose_));
        for (uint64_t word = open & ~loose_; word; word &= word - 1)
            count_of_.put(begin_[lowest_bit(word)], end_[lowest_bit(word)]);
        return count_of_.nodes(chain_.units(), all - count_bits(open));
    }

    // The same from a list of all choices, where these are so few that no search of them is cut off.
    bool choose_listed(const Member& member, int64_t price) noexcept {
        uint64_t open = member.needed;
        for (uint64_t word = member.places; word; word &= word - 1)
            open |= static_cast<uint64_t>(worth_[lowest_bit(word)] > price) << lowest_bit(word);
        const int64_t m = count_bits(open);
        if (m > ChainSubsets::MOST || nodes_of(open, m + member.beyond) > nodes_) return false;
        uint64_t picks[MOST_WORDS];
        put_picks(open, picks);
        int64_t rows = member.rows, other[ChainSubsets::MOST_ROWS];  // others that may bind are rows, too
        for (int64_t o = 0; o < chain_.others(); ++o) {
            if (chain_.held_of_other(o, picks) <= chain_.cap_of_other(o)) continue;
            if (rows == ChainSubsets::MOST_ROWS) return false;
            other[rows++] = o;
        }
        subsets_.begin(chain_.units(), rows);
        for (int64_t x = 0; x < member.rows; ++x) subsets_.bound(x, member.low[x], member.high[x]);
        for (int64_t x = member.rows; x < rows; ++x) subsets_.bound(x, 0, chain_.cap_of_other(other[x]));
        for (uint64_t word = open; word; word &= word - 1) {
            const int64_t r = lowest_bit(word), is_in = end_[r] > 0 ? 1 : 0;
            int64_t* const weight = subsets_.put(word & (0 - word), worth_[r] - price,
                                                 is_in * (begin_[r] - member.first), is_in * (end_[r] - member.first));
            for (int64_t x = 0; x < member.rows; ++x) weight[x] = member.weight[x][r];
            for (int64_t x = member.rows; x < rows; ++x)
                weight[x] = chain_.word_of_other(other[x], at_[r] / WORD) >> (at_[r] % WORD) & 1;
        }
        uint64_t chosen = 0;
        if (!subsets_.choose(chosen)) return false;
        now_ |= chosen;
        return true;
    }
};

}  // namespace
}  // namespace couponry
