// Moves single coupons, the best move of all customers first, until no customer has one.
//
// The arithmetic is the reference's, operation by operation; what a candidate contributes on its own is computed
// once per look at its customer instead of once per pair of candidates.
#include <algorithm>
#include <cmath>
#include <limits>
#include <new>
#include <vector>

#include "local_search/group_counts.hpp"
#include "local_search/local_search.hpp"

namespace couponry {
namespace {

constexpr double INFINITE = std::numeric_limits<double>::infinity();

struct Move {
    double priority = INFINITE;  // infinite: there is none
    int64_t leaving = -1, into = -1;
};

// What a candidate brings or takes, whatever it is exchanged for.
struct Part {
    int64_t candidate;
    double reduced, objective;  // what a repair ranks moves by, and what filling does
    int64_t first, last;        // its rows, as positions in LimitRows
    int64_t terms;              // where its terms start
    uint8_t helps;
    bool soft;      // whether a row of it has a penalty
    bool relieves;  // whether its coming may lower the violation of a row, whatever leaves
};

// By how much a move changes the violation of rows, or what is paid for soft ones, and all that comes and goes in it.
struct Change {
    double net = 0.0, size = 0.0;

    void add(double part) {
        net = net + part;
        size = size + std::fabs(part);
    }
};

// One row of a candidate: its weight, and what the row's violation costs when the candidate comes and nothing leaves.
struct Term {
    double weight, violation, penalty;
};

struct Waiting {
    double priority;
    int64_t customer;
};

// The heap's order: least priority first, then the smallest customer number.
bool later(const Waiting& a, const Waiting& b) {
    return a.priority != b.priority ? a.priority > b.priority : a.customer > b.customer;
}

template <class Item>
class Improver {
public:
    explicit Improver(const LocalSearch& problem)
        : p_(problem),
          rows_(p_.rows),
          item_(p_.shard.items<Item>()),
          groups_(p_.shard, p_.rules),
          shift_(static_cast<size_t>(p_.activity.size)) {}

    void propose(int64_t start, int64_t stop, View<double> priority) {
        for (int64_t i = start; i < stop; ++i)
            if (priority[i] < INFINITE) priority[i] = best_move(i).priority;
    }

    Effort run(View<double> priority, int64_t patience, int64_t looks) {
        std::vector<Waiting> heap;
        for (int64_t i = 0; i < priority.size; ++i)
            if (priority[i] < INFINITE) heap.push_back({priority[i], i});
        std::make_heap(heap.begin(), heap.end(), later);

        Effort done{0, 0};
        int64_t idle = 0;
        while (!heap.empty() && idle < patience && done.looks < looks) {
            ++done.looks;
            ++idle;
            std::pop_heap(heap.begin(), heap.end(), later);
            const int64_t i = heap.back().customer;
            heap.pop_back();
            const Move move = best_move(i);
            priority[i] = move.priority;
            if (move.priority == INFINITE) continue;
            const Waiting again{move.priority, i};
            if (heap.empty() || !later(again, heap.front())) {
                make(move, i);
                ++done.moves;
                idle = 0;
            }
            heap.push_back(again);
            std::push_heap(heap.begin(), heap.end(), later);
        }
        return done;
    }

private:
    const LocalSearch& p_;
    const LimitRows& rows_;
    View<const Item> item_;
    GroupCounts<Item> groups_;
    std::vector<double> shift_;             // change of each row's activity by what leaves; zeros between candidates
    std::vector<Part> held_, free_;         // the customer's candidates, chosen or not
    std::vector<int32_t> every_, helping_;  // positions in `free_`: all of them, and of those whose coming may help
    std::vector<Term> terms_;

    double violation_of(int64_t row, double activity) const {
        if (activity > rows_.upper[row]) return activity - rows_.upper[row];
        if (activity < rows_.lower[row]) return rows_.lower[row] - activity;
        return 0.0;
    }

    double row_weight(int64_t j, int64_t e) const {
        const View<const double> coefficient = rows_.coefficient.row(j);
        double total = coefficient[0];
        for (int64_t c = 0; c < p_.exact.rows; ++c) {
            const double product = coefficient[1 + c] * p_.exact.row(c)[e];
            total = total + product;
        }
        return total;
    }

    double& shift(int64_t row) { return shift_[static_cast<size_t>(row)]; }
    const Term& term(int64_t at) const { return terms_[static_cast<size_t>(at)]; }

    int64_t cell_of(int64_t s, int64_t e) const { return s * p_.rules.group.columns + item_[e]; }

    // Lists the customer's candidates with what each contributes on its own.
    void prepare(int64_t s, int64_t begin, int64_t end) {
        held_.clear();
        free_.clear();
        terms_.clear();
        for (int64_t e = begin; e < end; ++e) {
            const int64_t cell = cell_of(s, e);
            Part part{e,
                      p_.fill ? 0.0 : p_.reduced.at(p_.exact, s, item_[e], e),
                      p_.fill ? p_.objective.at(p_.exact, s, item_[e], e) : 0.0,
                      rows_.ptr[cell],
                      rows_.ptr[cell + 1],
                      static_cast<int64_t>(terms_.size()),
                      p_.item_helps[cell],
                      false,
                      false};
            for (int64_t j = part.first; j < part.last; ++j) {
                const int64_t row = rows_.row[j];
                const double w = row_weight(j, e);
                const double at = p_.activity[row] + 0.0;
                const double change = violation_of(row, at + w) - violation_of(row, at);
                terms_.push_back({w, change * rows_.weight[row], change * rows_.penalty[row]});
                part.soft = part.soft || rows_.penalty[row] != 0.0;
            }
            (p_.chosen[e] ? held_ : free_).push_back(part);
        }
        every_.clear();
        helping_.clear();
        for (size_t at = 0; at < free_.size(); ++at) {
            every_.push_back(static_cast<int32_t>(at));
            if (free_[at].helps & 2) helping_.push_back(static_cast<int32_t>(at));
        }
        if (!p_.fill) find_relief();
    }

    // Whose coming may lower some row's violation, whichever of the held candidates leaves for it.
    void find_relief() {
        double reach = 0.0;  // no row's activity falls or rises by more when one leaves
        for (const Part& part : held_)
            for (int64_t j = part.first; j < part.last; ++j)
                reach = std::max(reach, std::fabs(term(part.terms + j - part.first).weight));
        for (Part& part : free_)
            for (int64_t j = part.first; j < part.last; ++j) {
                const int64_t row = rows_.row[j];
                const double w = term(part.terms + j - part.first).weight, at = p_.activity[row];
                part.relieves = part.relieves || (w > 0.0 && at - reach < rows_.lower[row]) ||
                                (w < 0.0 && at + reach > rows_.upper[row]);
            }
    }

    Move best_move(int64_t i) {
        const int64_t begin = p_.shard.indptr[i], end = p_.shard.indptr[i + 1];
        const int64_t s = of_customer(p_.shard.segment, i);
        bool any_helps = false;
        for (int64_t e = begin; e < end; ++e)
            any_helps = any_helps || (p_.item_helps[cell_of(s, e)] & (p_.chosen[e] ? 1 : 2)) != 0;
        if (!any_helps) return {};
        prepare(s, begin, end);
        groups_.start(i);
        for (const Part& part : held_) groups_.add(part.candidate, 1);
        const Move best = best_pair(i);
        for (const Part& part : held_) groups_.add(part.candidate, -1);
        return best;
    }

    Move best_pair(int64_t i) {
        const int64_t given = static_cast<int64_t>(held_.size());
        Move best;
        if (given < of_customer(p_.rules.upper, i)) {
            Part nothing{};
            nothing.candidate = -1;
            try_all(i, nothing, Change{}, Change{}, false, best);
        }
        for (const Part& out : held_) {
            Change violation, penalty;
            for (int64_t j = out.first; j < out.last; ++j) {
                const int64_t row = rows_.row[j];
                const double w = term(out.terms + j - out.first).weight;
                const double before = violation_of(row, p_.activity[row]);
                shift(row) = -w;
                const double change = violation_of(row, p_.activity[row] - w) - before;
                violation.add(change * rows_.weight[row]);
                penalty.add(change * rows_.penalty[row]);
            }
            try_all(i, out, violation, penalty, given > of_customer(p_.rules.lower, i), best);
            for (int64_t j = out.first; j < out.last; ++j) shift(rows_.row[j]) = 0.0;
        }
        return best;
    }

    // Everything that may come for what leaves, whose own change of violation and penalty is given.
    void try_all(int64_t i, const Part& out, Change violation, Change penalty, bool may_just_leave, Move& best) {
        const bool leaving_helps = (out.helps & 1) != 0;
        if (may_just_leave && leaving_helps)
            consider(violation, penalty, -out.reduced, -out.objective, {0.0, out.candidate, -1}, i, best);
        for (const int32_t at : leaving_helps ? every_ : helping_) {
            const Part& in = free_[static_cast<size_t>(at)];
            const double gain_reduced = -out.reduced + in.reduced;
            const double gain_objective = -out.objective + in.objective;
            // Most pairs end here, before their rows are looked at. Filling: without soft rows the penalty is known.
            // Repairing: what relieves no row only adds to the violation, so the ratio is at least this one.
            if (p_.fill && !in.soft && !gains(gain_objective, penalty, best)) continue;
            if (!p_.fill && !in.relieves && (-violation.net <= 1e-12 || is_worse(gain_reduced, violation.net, best)))
                continue;
            Change with_violation = violation, with_penalty = penalty;
            add_rows(in, with_violation, with_penalty);
            consider(with_violation, with_penalty, gain_reduced, gain_objective, {0.0, out.candidate, in.candidate}, i,
                     best);
        }
    }

    // Keeps the move if it is better than the best so far and the groups have room for it.
    void consider(const Change& violation, const Change& penalty, double gain_reduced, double gain_objective, Move move,
                  int64_t i, Move& best) const {
        if (p_.fill) {
            if (violation.net > 0.0 || !gains(gain_objective, penalty, best)) return;
            move.priority = -(gain_objective - penalty.net);
        } else {
            if (violation.net >= -1e-12 || violation.net >= -1e-11 * violation.size) return;
            move.priority = (-gain_reduced > 0.0 ? -gain_reduced : 0.0) / -violation.net;
            if (move.priority >= best.priority) return;
        }
        if (groups_.fits(i, move.into, move.leaving)) best = move;
    }

    // Whether -gain_reduced / -violation surely reaches the best ratio: a product with some room for its rounding.
    static bool is_worse(double gain_reduced, double violation, const Move& best) {
        return -gain_reduced > best.priority * -violation * (1.0 + 1e-12);
    }

    // What rounding makes of changes that cancel is no gain: moves would go round in circles.
    static bool gains(double gain_objective, const Change& penalty, const Move& best) {
        const double gain = gain_objective - penalty.net;
        const double least = 1e-12 * std::fabs(gain_objective) + 1e-9 * penalty.size;
        return !(gain <= least || -gain >= best.priority);
    }

    // What the rows of an incoming candidate add, after what leaves has shifted them.
    void add_rows(const Part& in, Change& violation, Change& penalty) {
        for (int64_t j = in.first; j < in.last; ++j) {
            const int64_t row = rows_.row[j];
            const Term& own = term(in.terms + j - in.first);
            if (shift(row) == 0.0) {
                violation.add(own.violation);
                penalty.add(own.penalty);
                continue;
            }
            const double at = p_.activity[row] + shift(row);
            const double change = violation_of(row, at + own.weight) - violation_of(row, at);
            violation.add(change * rows_.weight[row]);
            penalty.add(change * rows_.penalty[row]);
        }
    }

    void make(const Move& move, int64_t i) {
        const int64_t s = of_customer(p_.shard.segment, i);
        if (move.leaving >= 0) {
            p_.chosen[move.leaving] = 0;
            const int64_t cell = cell_of(s, move.leaving);
            for (int64_t j = rows_.ptr[cell]; j < rows_.ptr[cell + 1]; ++j)
                p_.activity[rows_.row[j]] -= row_weight(j, move.leaving);
        }
        if (move.into >= 0) {
            p_.chosen[move.into] = 1;
            const int64_t cell = cell_of(s, move.into);
            for (int64_t j = rows_.ptr[cell]; j < rows_.ptr[cell + 1]; ++j)
                p_.activity[rows_.row[j]] += row_weight(j, move.into);
        }
    }
};

}  // namespace

int propose(const LocalSearch& problem, int64_t start, int64_t stop, View<double> priority) noexcept {
    try {
        if (problem.shard.item_bytes == 2)
            Improver<uint16_t>(problem).propose(start, stop, priority);
        else
            Improver<uint32_t>(problem).propose(start, stop, priority);
    } catch (const std::bad_alloc&) {
        return NO_MEMORY;
    }
    return DONE;
}

int improve(const LocalSearch& problem, View<double> priority, int64_t patience, int64_t looks, Effort* done) noexcept {
    try {
        if (problem.shard.item_bytes == 2)
            *done = Improver<uint16_t>(problem).run(priority, patience, looks);
        else
            *done = Improver<uint32_t>(problem).run(priority, patience, looks);
    } catch (const std::bad_alloc&) {
        return NO_MEMORY;
    }
    return DONE;
}

}  // namespace couponry
