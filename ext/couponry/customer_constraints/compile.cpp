// What customer rules come to for customers who need more than a greedy choice; see reference/customer_constraints.py.
#include "customer_constraints/compile.hpp"

#include <algorithm>
#include <new>
#include <vector>

#include "common/bits.hpp"
#include "common/set_layout.hpp"
#include "customer_constraints/compile_rows.hpp"
#include "customer_constraints/turns.hpp"

namespace couponry {
namespace {

// A constraint being made: what its head will say, and where its bits are.
struct Draft {
    int64_t cap, least, rule, must, size;
    double score;
    int64_t at;
    int64_t crossing, place;
};

struct Pair {
    int64_t a, b, rule;
};

int64_t size_of(const uint64_t* bits, int64_t words) {
    int64_t size = 0;
    for (int64_t w = 0; w < words; ++w) size += count_bits(bits[w]);
    return size;
}

bool crosses(const uint64_t* a, const uint64_t* b, int64_t words) {
    uint64_t both = 0, only_a = 0, only_b = 0;
    for (int64_t w = 0; w < words; ++w) {
        both |= a[w] & b[w];
        only_a |= a[w] & ~b[w];
        only_b |= b[w] & ~a[w];
    }
    return both && only_a && only_b;
}

double pressure(int64_t size, int64_t cap, double share) {
    double score = 1.0;
    for (int64_t t = 0; t < cap + 1; ++t) {
        const double wanted = share * static_cast<double>(size - t);
        score = score * (wanted / static_cast<double>(t + 1));
    }
    return score;
}

template <class Item>
class ConstraintCompiler {
public:
    ConstraintCompiler(View<const int64_t> indptr, const Item* item, const RuleSpec& spec)
        : indptr_(indptr),
          item_(item),
          spec_(spec),
          rows_of_(item, spec.measures, spec.requirements),
          slot_(static_cast<size_t>(spec.groups), -1),
          place_(static_cast<size_t>(spec.group.columns), -1) {}

    // The first customer whose words do not fit; stop: there is none.
    int64_t run(int64_t start, int64_t stop, int64_t* ptr, int64_t* constraints, int64_t room) {
        int64_t* const end = constraints + room;
        for (int64_t i = start; i < stop; ++i) {
            begin_ = indptr_[i];
            n_ = indptr_[i + 1] - begin_;
            words_ = (n_ + 63) / 64;
            drafts_.clear();
            bits_.clear();
            bool overlaps = add_groups(i);
            const size_t groups = drafts_.size();
            if (spec_.conflict_ptr.size > 1) {
                for (int64_t j = 0; j < n_; ++j) place_[at(j)] = j;
                add_conflicts();
                if (spec_.had_ptr.size > 1) add_barred(i);
                for (int64_t j = 0; j < n_; ++j) place_[at(j)] = -1;
            }
            if (rows_of_.any()) {
                rows_of_.make(i, begin_, n_);
                add_unmet();
            }
            add_mandatory();
            const int64_t row_words = static_cast<int64_t>(rows_of_.words.size());
            overlaps = overlaps || drafts_.size() > groups || row_words > 0;
            const int64_t sets = static_cast<int64_t>(drafts_.size()) * Constraints::words_each(n_);
            const int64_t needed = overlaps ? row_words + sets : 0;
            ptr[i + 1] = needed;
            if (needed == 0) continue;
            if (n_ > LongHead::BOUND_MASK || needed > end - constraints) return i;
            constraints = write(i, std::copy(rows_of_.words.begin(), rows_of_.words.end(), constraints));
        }
        return stop;
    }

private:
    View<const int64_t> indptr_;
    const Item* item_;
    const RuleSpec& spec_;
    RowCompiler<Item> rows_of_;
    std::vector<int64_t> slot_, place_;  // of a group, and of an item, among the customer's; -1: none
    std::vector<int32_t> met_, met_row_;
    std::vector<int32_t> met_at_, draft_of_;  // groups met of each candidate, by row; drafts of groups met; -1: none
    std::vector<uint64_t> met_bits_, bits_, adjacent_, covered_, common_;
    std::vector<Draft> drafts_;
    std::vector<const Draft*> nested_;
    std::vector<Pair> pairs_;
    std::vector<int64_t> rules_;
    std::vector<char> implied_;
    std::vector<ListedSet> listed_;
    std::vector<int64_t> turn_;
    TurnFinder turns_;
    int64_t begin_ = 0, n_ = 0, words_ = 0;

    size_t at(int64_t j) const { return static_cast<size_t>(item_[begin_ + j]); }
    uint64_t* bits(int64_t from) { return bits_.data() + from; }

    uint64_t* add(int64_t cap, int64_t least, int64_t rule, int64_t must) {
        drafts_.push_back({cap, least, rule, must, 0, 0.0, static_cast<int64_t>(bits_.size()), 0, 0});
        bits_.resize(bits_.size() + static_cast<size_t>(words_), 0);
        return bits(drafts_.back().at);
    }

    static void set(uint64_t* bits, int64_t j) { bits[j / 64] |= uint64_t{1} << (j % 64); }
    static bool test(const uint64_t* bits, int64_t j) { return bits[j / 64] >> (j % 64) & 1; }

    // Groups that can bind or ask for a minimum; whether they overlap.
    bool add_groups(int64_t i) {
        met_.clear();
        met_row_.clear();
        met_bits_.clear();
        met_at_.assign(static_cast<size_t>(spec_.group.rows * n_), -1);
        const Item* const item = item_ + begin_;
        int64_t* const slots = slot_.data();
        for (int64_t row = 0; row < spec_.group.rows; ++row) {
            const int32_t* const group = spec_.group.row(row).data;
            int32_t* const at = met_at_.data() + row * n_;
            for (int64_t j = 0, n = n_; j < n; ++j) {
                const int32_t g = group[item[j]];
                if (g < 0) continue;
                int64_t& slot = slots[g];
                if (slot < 0) {
                    slot = static_cast<int64_t>(met_.size());
                    met_.push_back(g);
                    met_row_.push_back(static_cast<int32_t>(row));
                    met_bits_.resize(met_bits_.size() + static_cast<size_t>(words_), 0);
                }
                set(met_bits_.data() + slot * words_, j);
                at[j] = static_cast<int32_t>(slot);
            }
        }
        bool overlaps = false;
        draft_of_.assign(met_.size(), -1);
        for (size_t m = 0; m < met_.size(); ++m) {
            const int32_t g = met_[m];
            const int64_t row = met_row_[m];
            slot_[static_cast<size_t>(g)] = -1;
            const uint64_t* theirs = met_bits_.data() + static_cast<int64_t>(m) * words_;
            const int64_t size = size_of(theirs, words_);
            int64_t held = 0;
            if (spec_.held_ptr.size > 1)
                for (int64_t h = spec_.held_ptr[i]; h < spec_.held_ptr[i + 1]; ++h)
                    if (spec_.held.row(0)[h] == g) held += spec_.held.row(1)[h];
            const int64_t room = of_customer(spec_.cap.row(row), i) - held;
            const int64_t asked = of_customer(spec_.least.row(row), i) - held;
            const int64_t cap = std::min(size, std::max<int64_t>(0, room));
            const int64_t least = std::min(size, std::max<int64_t>(0, asked));
            if (cap == size && least == 0) continue;
            overlaps = overlaps || !(spec_.plain[row] && least == 0 && held == 0);
            draft_of_[m] = static_cast<int32_t>(drafts_.size());
            std::copy(theirs, theirs + words_, add(cap, least, spec_.rule[row], 0));
            for (size_t s = 0; s + 1 < drafts_.size() && !overlaps; ++s)
                overlaps = drafts_[s].rule != drafts_.back().rule &&
                           crosses(bits(drafts_[s].at), bits(drafts_.back().at), words_);
        }
        if (overlaps) drop_implied();
        return overlaps;
    }

    // Drops groups that bind never before another one of their rule does.
    void drop_implied() {
        implied_.assign(drafts_.size(), 0);
        for (size_t s = 0; s < drafts_.size(); ++s) implied_[s] = drafts_[s].least <= 0 && is_implied(s);
        size_t kept = 0;
        for (size_t s = 0; s < drafts_.size(); ++s)
            if (!implied_[s]) drafts_[kept++] = drafts_[s];
        drafts_.resize(kept);
    }

    // Whether another group has all candidates of one, and binds as soon: one of those with the first of them.
    bool is_implied(size_t s) {
        const Draft& draft = drafts_[s];
        const uint64_t* const own = bits(draft.at);
        int64_t first = 0;
        while (own[first] == 0) ++first;
        first = 64 * first + lowest_bit(own[first]);
        for (int64_t row = 0; row < spec_.group.rows; ++row) {
            const int32_t met = met_at_[static_cast<size_t>(row * n_ + first)];
            const int32_t t = met < 0 ? -1 : draft_of_[static_cast<size_t>(met)];
            if (t < 0 || static_cast<size_t>(t) == s) continue;
            if (implies(drafts_[static_cast<size_t>(t)], draft, static_cast<size_t>(t) < s)) return true;
        }
        return false;
    }

    bool implies(const Draft& other, const Draft& draft, bool first) {
        if (other.rule != draft.rule || other.cap > draft.cap) return false;
        const uint64_t* const theirs = bits(other.at);
        const uint64_t* const own = bits(draft.at);
        uint64_t only_own = 0, only_theirs = 0;
        for (int64_t w = 0; w < words_; ++w) {
            only_own |= own[w] & ~theirs[w];
            only_theirs |= theirs[w] & ~own[w];
        }
        return !only_own && (first || only_theirs || other.cap < draft.cap);
    }

    void add_conflicts() {
        pairs_.clear();
        rules_.clear();
        for (int64_t a = 0; a < n_; ++a)
            for (int64_t c = spec_.conflict_ptr[static_cast<int64_t>(at(a))];
                 c < spec_.conflict_ptr[static_cast<int64_t>(at(a)) + 1]; ++c) {
                const int64_t b = place_[static_cast<size_t>(spec_.conflict[c])];
                if (b > a) pairs_.push_back({a, b, spec_.conflict_rule[c]});
            }
        if (pairs_.empty()) return;
        // of several rules for a pair the first counts
        std::stable_sort(pairs_.begin(), pairs_.end(),
                         [](const Pair& x, const Pair& y) { return x.a != y.a ? x.a < y.a : x.b < y.b; });
        const auto same = [](const Pair& x, const Pair& y) { return x.a == y.a && x.b == y.b; };
        pairs_.erase(std::unique(pairs_.begin(), pairs_.end(), same), pairs_.end());
        for (const Pair& pair : pairs_)
            if (std::find(rules_.begin(), rules_.end(), pair.rule) == rules_.end()) rules_.push_back(pair.rule);
        const size_t matrix = static_cast<size_t>(n_ * words_);
        adjacent_.assign(matrix * rules_.size(), 0);
        covered_.assign(matrix, 0);
        for (const Pair& pair : pairs_) {
            set(adjacent(pair.rule, pair.a), pair.b);
            set(adjacent(pair.rule, pair.b), pair.a);
        }
        for (const Pair& pair : pairs_)
            if (!test(covered_.data() + pair.a * words_, pair.b)) add_clique(pair);
    }

    uint64_t* adjacent(int64_t rule, int64_t j) {
        const int64_t which = std::find(rules_.begin(), rules_.end(), rule) - rules_.begin();
        return adjacent_.data() + (which * n_ + j) * words_;
    }

    // Candidates that all conflict with each other, the pair among them.
    void add_clique(const Pair& pair) {
        uint64_t* const clique = add(1, 0, pair.rule, 0);
        set(clique, pair.a);
        set(clique, pair.b);
        common_.assign(adjacent(pair.rule, pair.a), adjacent(pair.rule, pair.a) + words_);
        const auto narrow = [&](int64_t j) {
            const uint64_t* with = adjacent(pair.rule, j);
            for (size_t w = 0; w < common_.size(); ++w) common_[w] &= with[w];
        };
        narrow(pair.b);
        for (int64_t c = 0; c < n_; ++c) {
            if (!test(common_.data(), c)) continue;
            set(clique, c);
            narrow(c);
        }
        for (int64_t c = 0; c < n_; ++c)
            if (test(clique, c))
                for (int64_t w = 0; w < words_; ++w) covered_[static_cast<size_t>(c * words_ + w)] |= clique[w];
    }

    // Candidates in conflict with what the customer has had, by rule.
    void add_barred(int64_t i) {
        const size_t first = drafts_.size();
        for (int64_t h = spec_.had_ptr[i]; h < spec_.had_ptr[i + 1]; ++h)
            for (int64_t c = spec_.conflict_ptr[spec_.had[h]]; c < spec_.conflict_ptr[spec_.had[h] + 1]; ++c) {
                const int64_t j = place_[static_cast<size_t>(spec_.conflict[c])];
                if (j < 0) continue;
                size_t s = first;
                while (s < drafts_.size() && drafts_[s].rule != spec_.conflict_rule[c]) ++s;
                if (s == drafts_.size()) add(0, 0, spec_.conflict_rule[c], 0);
                set(bits(drafts_[s].at), j);
            }
    }

    // Candidates that require what the customer neither has had nor can have, by rule.
    void add_unmet() {
        const size_t first = drafts_.size();
        for (const Unmet& unmet : rows_of_.unmet) {
            size_t s = first;
            while (s < drafts_.size() && drafts_[s].rule != unmet.rule) ++s;
            if (s == drafts_.size()) add(0, 0, unmet.rule, 0);
            set(bits(drafts_[s].at), unmet.candidate);
        }
    }

    // All that is mandatory, as one constraint. What comes before that has constraints of its own, so many that one of
    // it weighs more than all that are mandatory.
    void add_mandatory() {
        if (spec_.mandatory.size == 0) return;
        const uint8_t* const flags = spec_.mandatory.data + begin_;
        const int64_t size = std::count(flags, flags + n_, MANDATORY);
        for (int64_t j = 0; j < n_; ++j)
            for (int64_t s = 0; flags[j] == BEFORE_MANDATORY && s <= size; ++s)
                set(add(1, 1, spec_.mandatory_rule, 1), j);
        if (size == 0) return;
        uint64_t* const must = add(size, size, spec_.mandatory_rule, 1);
        for (int64_t j = 0; j < n_; ++j)
            if (flags[j] == MANDATORY) set(must, j);
    }

    // Where the next customer's words go.
    int64_t* write(int64_t i, int64_t* out) {
        const double upper = of_customer(spec_.upper, i);
        const double share = std::min(1.0, upper / static_cast<double>(n_));
        for (Draft& draft : drafts_) {
            draft.size = size_of(bits(draft.at), words_);
            if (draft.cap < draft.size) draft.score = pressure(draft.size, draft.cap, share);
        }
        std::stable_sort(drafts_.begin(), drafts_.end(),
                         [](const Draft& a, const Draft& b) { return a.score > b.score; });
        nested_.clear();
        for (Draft& draft : drafts_) {
            const bool binds = 0 < draft.cap && draft.cap < draft.size;
            draft.crossing = 0;
            draft.place = n_ + 1;
            if (!binds) continue;
            for (const Draft* before : nested_)
                draft.crossing = draft.crossing || crosses(bits(before->at), bits(draft.at), words_);
            if (draft.crossing) continue;
            draft.place = draft.size;
            nested_.push_back(&draft);
        }
        std::stable_sort(drafts_.begin(), drafts_.end(),
                         [](const Draft& a, const Draft& b) { return a.place < b.place; });
        find_turns();
        for (size_t s = 0; s < drafts_.size(); ++s) {
            const Draft& draft = drafts_[s];
            const int64_t crossing = draft.crossing;
            if (n_ <= Constraints::SHORT) {
                const int64_t rule = draft.rule | turn_[s] << SHORT_RULE_BITS, has_turn = turn_[s] > 0;
                const int64_t head = ShortHead::pack(draft.cap, draft.least, rule, draft.must, crossing) |
                                     has_turn << ShortHead::TURN_FROM;
                *out++ = head << SHORT_HEAD_FROM | static_cast<int64_t>(*bits(draft.at));
                continue;
            }
            *out++ = LongHead::pack(draft.cap, draft.least, draft.rule, draft.must, crossing) |
                     turn_[s] << LongHead::TURN_FROM;
            for (int64_t w = 0; w < words_; ++w) *out++ = static_cast<int64_t>(bits(draft.at)[w]);
        }
        return out;
    }

    void find_turns() {
        listed_.clear();
        for (const Draft& draft : drafts_)
            listed_.push_back({draft.cap, draft.least, draft.rule, draft.crossing != 0, bits(draft.at)});
        const std::vector<int64_t>& rows = rows_of_.words;
        turns_.find(listed_, Rows::of(rows.data(), static_cast<int64_t>(rows.size())), n_, turn_);
    }
};

}  // namespace

int compile_constraints(View<const int64_t> indptr, const void* item, int64_t item_bytes, const RuleSpec& spec,
                        int64_t start, int64_t stop, int64_t* ptr, int64_t* constraints, int64_t room,
                        int64_t* done) noexcept {
    try {
        *done = item_bytes == 2 ? ConstraintCompiler<uint16_t>(indptr, static_cast<const uint16_t*>(item), spec)
                                      .run(start, stop, ptr, constraints, room)
                                : ConstraintCompiler<uint32_t>(indptr, static_cast<const uint32_t*>(item), spec)
                                      .run(start, stop, ptr, constraints, room);
        return DONE;
    } catch (const std::bad_alloc&) {
        return NO_MEMORY;
    }
}

}  // namespace couponry
