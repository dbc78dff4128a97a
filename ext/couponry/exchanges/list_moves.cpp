// Lists single moves for the rows whose residual capacity they might use, or add to, in an exchange.
//
// The arithmetic is the reference's, operation by operation; what a candidate is worth and weighs is computed once per
// look at its customer instead of once per pair of candidates.
#include <cmath>
#include <new>
#include <vector>

#include "exchanges/exchanges.hpp"
#include "local_search/group_counts.hpp"

namespace couponry {
namespace {

constexpr int64_t FITS_ALL = -1, FITS_NONE = -2;

// A candidate; -1: none.
struct Part {
    int64_t candidate;
    double worth;
    int64_t first, last;  // its rows, as positions in LimitRows
    int64_t weights;      // where its weights start
};

template <class Item>
class Lister {
public:
    Lister(const LocalSearch& problem, const OpenRows& open, const ListedMoves& moves)
        : p_(problem),
          rows_(p_.rows),
          open_(open),
          moves_(moves),
          item_(p_.shard.items<Item>()),
          groups_(p_.shard, p_.rules),
          shift_(static_cast<size_t>(p_.activity.size)),
          leaves_(static_cast<size_t>(p_.activity.size)) {}

    int64_t list(int64_t start, int64_t stop) {
        for (int64_t i = start; i < stop; ++i)
            if (is_near(i)) look_at(i);
        return made_;
    }

private:
    const LocalSearch& p_;
    const LimitRows& rows_;
    const OpenRows& open_;
    const ListedMoves& moves_;
    View<const Item> item_;
    GroupCounts<Item> groups_;
    std::vector<double> shift_;    // change of each row's activity by the present move; zeros between customers
    std::vector<uint8_t> leaves_;  // whether what leaves weighs in the row; zeros between customers
    std::vector<Part> held_, free_;
    std::vector<double> weight_;
    int64_t made_ = 0;

    double& shift(int64_t row) { return shift_[static_cast<size_t>(row)]; }
    uint8_t& leaves(int64_t row) { return leaves_[static_cast<size_t>(row)]; }
    double weight(const Part& part, int64_t j) const {
        return weight_[static_cast<size_t>(part.weights + j - part.first)];
    }

    int64_t cell_of(int64_t s, int64_t e) const { return s * p_.rules.group.columns + item_[e]; }

    bool is_near(int64_t i) const {
        const int64_t s = of_customer(p_.shard.segment, i);
        for (int64_t e = p_.shard.indptr[i]; e < p_.shard.indptr[i + 1]; ++e)
            if (p_.item_helps[cell_of(s, e)] != 0) return true;
        return false;
    }

    void prepare(int64_t i) {
        const int64_t s = of_customer(p_.shard.segment, i);
        held_.clear();
        free_.clear();
        weight_.clear();
        for (int64_t e = p_.shard.indptr[i]; e < p_.shard.indptr[i + 1]; ++e) {
            const int64_t cell = cell_of(s, e);
            const Part part{e, p_.objective.at(p_.exact, s, item_[e], e), rows_.ptr[cell], rows_.ptr[cell + 1],
                            static_cast<int64_t>(weight_.size())};
            for (int64_t j = part.first; j < part.last; ++j) weight_.push_back(rows_.weight_of(p_.exact, j, e));
            (p_.chosen[e] ? held_ : free_).push_back(part);
        }
    }

    void look_at(int64_t i) {
        prepare(i);
        groups_.start(i);
        for (const Part& part : held_) groups_.add(part.candidate, 1);
        const int64_t given = static_cast<int64_t>(held_.size());
        const Part nothing{-1, 0.0, 0, 0, 0};
        if (given < of_customer(p_.rules.upper, i)) try_all(i, nothing, false);
        for (const Part& out : held_) try_all(i, out, given > of_customer(p_.rules.lower, i));
        for (const Part& part : held_) groups_.add(part.candidate, -1);
    }

    // Everything that may come for what leaves.
    void try_all(int64_t i, const Part& out, bool may_just_leave) {
        const Part nothing{-1, 0.0, 0, 0, 0};
        for (int64_t j = out.first; j < out.last; ++j) {
            shift(rows_.row[j]) = -weight(out, j) + 0.0;
            leaves(rows_.row[j]) = 1;
        }
        if (may_just_leave) consider(i, out, nothing);
        for (const Part& in : free_) {
            for (int64_t j = in.first; j < in.last; ++j) {
                const int64_t row = rows_.row[j];
                shift(row) = shift(row) + weight(in, j);
            }
            consider(i, out, in);
            for (int64_t j = in.first; j < in.last; ++j) shift(rows_.row[j]) = 0.0;
            for (int64_t j = out.first; j < out.last; ++j) shift(rows_.row[j]) = -weight(out, j) + 0.0;
        }
        for (int64_t j = out.first; j < out.last; ++j) {
            shift(rows_.row[j]) = 0.0;
            leaves(rows_.row[j]) = 0;
        }
    }

    void consider(int64_t i, const Part& out, const Part& in) {
        const int64_t violated = violated_row(out, in);
        if (violated == FITS_NONE) return;
        const double gain = -out.worth + in.worth;
        if (!is_listed(out, violated, gain, false) && !is_listed(in, violated, gain, true)) return;
        if (!groups_.fits(i, in.candidate, out.candidate)) return;
        list_for_rows(i, out, in, out, violated, gain, false);
        list_for_rows(i, out, in, in, violated, gain, true);
    }

    // The one row that a move violates more than it is; FITS_ALL: none; FITS_NONE: more, or a penalty changes.
    int64_t violated_row(const Part& out, const Part& in) {
        int64_t violated = FITS_ALL;
        for (const bool comes : {false, true}) {
            const Part& part = comes ? in : out;
            for (int64_t j = part.first; j < part.last; ++j) {
                const int64_t row = rows_.row[j];
                if (comes && leaves(row)) continue;
                const double at = p_.activity[row];
                const double change = rows_.violation_of(row, at + shift(row)) - rows_.violation_of(row, at);
                if (change * rows_.penalty[row] != 0.0) return FITS_NONE;
                if (change * rows_.weight[row] > 0.0) {
                    if (violated != FITS_ALL) return FITS_NONE;
                    violated = row;
                }
            }
        }
        return violated;
    }

    double use_of(int64_t row) { return open_.price[row] > 0.0 ? shift(row) : -shift(row); }

    bool belongs(int64_t row, int64_t violated, double gain, bool comes) {
        if ((comes && leaves(row)) || !(violated == FITS_ALL || violated == row)) return false;
        const double use = use_of(row), product = std::fabs(open_.price[row]) * use;
        return use != 0.0 && open_.idle[row] > 0.0 && product - gain < open_.idle[row];
    }

    bool is_listed(const Part& part, int64_t violated, double gain, bool comes) {
        for (int64_t j = part.first; j < part.last; ++j)
            if (belongs(rows_.row[j], violated, gain, comes)) return true;
        return false;
    }

    // For the rows of what leaves, or for the other rows of what comes.
    void list_for_rows(int64_t i, const Part& out, const Part& in, const Part& part, int64_t violated, double gain,
                       bool comes) {
        for (int64_t j = part.first; j < part.last; ++j) {
            const int64_t row = rows_.row[j];
            if (!belongs(row, violated, gain, comes)) continue;
            if (made_ < moves_.row.size) {
                moves_.row[made_] = static_cast<int32_t>(row);
                moves_.customer[made_] = i;
                moves_.leaving[made_] = out.candidate;
                moves_.into[made_] = in.candidate;
                moves_.use[made_] = use_of(row);
                moves_.gain[made_] = gain;
            }
            ++made_;
        }
    }
};

}  // namespace

int list_moves(const LocalSearch& problem, const OpenRows& open, int64_t start, int64_t stop, const ListedMoves& moves,
               int64_t* made) noexcept {
    try {
        if (problem.shard.item_bytes == 2)
            *made = Lister<uint16_t>(problem, open, moves).list(start, stop);
        else
            *made = Lister<uint32_t>(problem, open, moves).list(start, stop);
    } catch (const std::bad_alloc&) {
        return NO_MEMORY;
    }
    return DONE;
}

}  // namespace couponry
