// The best move of one customer: one coupon comes, goes, or takes the place of another.
//
// The arithmetic is the reference's, operation by operation; what a candidate contributes on its own is computed
// once per look at its customer instead of once per pair of candidates.
#pragma once

#include <algorithm>
#include <cmath>
#include <limits>
#include <new>
#include <vector>

#include "common/scratch.hpp"
#include "local_search/alternatives.hpp"
#include "local_search/group_counts.hpp"
#include "local_search/local_search.hpp"

namespace couponry {

constexpr double INFINITE = std::numeric_limits<double>::infinity();

// What a candidate brings or takes, whatever it is exchanged for.
struct Part {
    int64_t candidate;
    double reduced, objective;  // what a repair ranks moves by, and what filling does
    int64_t first, last;        // its rows, as positions in LimitRows
    int64_t terms;              // where its terms start
    uint8_t helps;
    bool soft;      // whether a row of it has a penalty
    bool relieves;  // whether its coming may lower the violation of a row, whatever leaves
    bool weighed;   // whether its terms say what it weighs, and what it costs when nothing leaves
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

template <class Item>
class BestMoves {
public:
    explicit BestMoves(const LocalSearch& problem)
        : p_(problem),
          rows_(p_.rows),
          item_(p_.shard.items<Item>()),
          groups_(p_.shard, p_.rules),
          shift_(p_.activity.size, sizeof(double)),
          reach_(p_.fill ? 0 : p_.activity.size, sizeof(double)) {
        if (shift_.data == nullptr || reach_.data == nullptr) throw std::bad_alloc();
        for (int64_t row = 0; row < rows_.penalty.size; ++row) any_soft_ = any_soft_ || rows_.penalty[row] != 0.0;
    }

    Move best_move(int64_t i) {
        const int64_t begin = p_.shard.indptr[i], end = p_.shard.indptr[i + 1];
        const int64_t s = of_customer(p_.shard.segment, i);
        int64_t given = 0;
        uint8_t helps = 0;  // bit 1: somebody's leaving may help; bit 2: somebody's coming may
        for (int64_t e = begin; e < end; ++e) {
            given += p_.chosen[e] != 0;
            helps |= p_.item_helps[cell_of(s, e)] & (p_.chosen[e] ? 1 : 2);
        }
        if (!helps || (!p_.fill && !any_violated(s, begin, end))) return {};
        prepare(s, begin, end, helps);
        groups_.start(i);
        add_held(begin, end, 1);
        const Move best = best_pair(i, given);
        add_held(begin, end, -1);
        return best;
    }

    // Asks memory for what `worth_now` reads of a move's candidates.
    void prefetch(const Move& move) const noexcept {
        for (const int64_t e : {move.leaving, move.into}) {
            if (e < 0) continue;
            COUPONRY_PREFETCH(item_.data + e);
            COUPONRY_PREFETCH_TO_WRITE(p_.chosen.data + e);
            for (int64_t c = 0; c < p_.exact.rows; ++c) COUPONRY_PREFETCH(p_.exact.row(c).data + e);
        }
    }

    // What a move is worth now that others have been made; see `worth_now` in reference/local_search.py.
    double worth_now(int64_t i, const Move& move) {
        const int64_t s = of_customer(p_.shard.segment, i);
        const double lost = move.leaving >= 0 ? worth(s, move.leaving) : 0.0;
        double gain = -lost;
        if (move.into >= 0) gain = gain + worth(s, move.into);
        Change violation, penalty;
        const auto change_row = [&](int64_t row, double from, double to) {
            const double change = rows_.violation_of(row, to) - rows_.violation_of(row, from);
            violation.add(change * rows_.weight[row]);
            penalty.add(change * rows_.penalty[row]);
        };
        each_row(s, move.leaving, [&](int64_t row, double w) {
            shift(row) = -w;
            change_row(row, p_.activity[row], p_.activity[row] - w);
        });
        each_row(s, move.into, [&](int64_t row, double w) {
            const double at = p_.activity[row] + shift(row);
            change_row(row, at, at + w);
        });
        each_row(s, move.leaving, [&](int64_t row, double) { shift(row) = 0.0; });
        if (!p_.fill) return ratio(violation, gain);
        return violation.net > 0.0 || !gains(gain, penalty, Move{}) ? INFINITE : -(gain - penalty.net);
    }

    void make(int64_t i, const Move& move) {
        const int64_t s = of_customer(p_.shard.segment, i);
        if (move.leaving >= 0) p_.chosen[move.leaving] = 0;
        if (move.into >= 0) p_.chosen[move.into] = 1;
        each_row(s, move.leaving, [&](int64_t row, double w) { p_.activity[row] -= w; });
        each_row(s, move.into, [&](int64_t row, double w) { p_.activity[row] += w; });
    }

private:
    const LocalSearch& p_;
    const LimitRows& rows_;
    View<const Item> item_;
    GroupCounts<Item> groups_;
    Zeros shift_;                    // change of each row's activity by what leaves; zeros between candidates
    Zeros reach_;                    // the most that a held candidate weighs in each row; zeros between customers
    std::vector<Part> held_, free_;  // the customer's candidates that a move may be of, chosen or not
    // Positions in `free_`: all of them, and of those whose coming may help; and of each those that relieve.
    std::vector<int32_t> every_, helping_, every_relief_, helping_relief_;
    double most_reduced_ = 0.0;  // of what relieves nothing
    bool any_soft_ = false;      // whether any row has a penalty
    std::vector<Term> terms_;    // room for at least as many as the customer's candidates have

    // What a repair, or filling, goes by.
    double worth(int64_t s, int64_t e) const {
        return (p_.fill ? p_.objective : p_.reduced).at(p_.exact, s, item_[e], e);
    }

    // Each row of candidate e (-1: none), and its weight there.
    template <class Visit>
    void each_row(int64_t s, int64_t e, Visit visit) const {
        if (e < 0) return;
        const int64_t cell = cell_of(s, e);
        for (int64_t j = rows_.ptr[cell]; j < rows_.ptr[cell + 1]; ++j)
            visit(rows_.row[j], rows_.weight_of(p_.exact, j, e));
    }

    bool any_violated(int64_t s, int64_t begin, int64_t end) const {
        for (int64_t e = begin; e < end; ++e)
            for (int64_t cell = cell_of(s, e), j = rows_.ptr[cell]; j < rows_.ptr[cell + 1]; ++j)
                if (rows_.violation_of(rows_.row[j], p_.activity[rows_.row[j]]) > 0.0) return true;
        return false;
    }

    double& shift(int64_t row) { return static_cast<double*>(shift_.data)[row]; }
    double& reach(int64_t row) { return static_cast<double*>(reach_.data)[row]; }
    Term& term(int64_t at) { return terms_[static_cast<size_t>(at)]; }

    int64_t cell_of(int64_t s, int64_t e) const { return s * p_.rules.group.columns + item_[e]; }

    void add_held(int64_t begin, int64_t end, int32_t by) {
        for_each_chosen(p_.chosen.data + begin, end - begin, [&](int64_t j) { groups_.add(begin + j, by); });
    }

    // Lists the customer's candidates with what each contributes on its own: where nobody's leaving may help, only
    // those whose coming may can come, and the other way round. What filling brings in is not weighed before it is
    // clear that it gains.
    void prepare(int64_t s, int64_t begin, int64_t end, uint8_t helps) {
        held_.clear();
        free_.clear();
        int64_t terms = 0;
        for (int64_t e = begin; e < end; ++e) {
            const int64_t cell = cell_of(s, e);
            const uint8_t own = p_.chosen[e] ? 1 : 2;
            if (!(helps & ~own) && !(p_.item_helps[cell] & own)) continue;
            Part part{e,
                      p_.fill ? 0.0 : p_.reduced.at(p_.exact, s, item_[e], e),
                      p_.fill ? p_.objective.at(p_.exact, s, item_[e], e) : 0.0,
                      rows_.ptr[cell],
                      rows_.ptr[cell + 1],
                      terms,
                      p_.item_helps[cell],
                      false,
                      false,
                      false};
            terms += part.last - part.first;
            if (terms > static_cast<int64_t>(terms_.size())) terms_.resize(static_cast<size_t>(2 * terms));
            for (int64_t j = part.first; j < part.last && p_.fill && any_soft_; ++j)
                part.soft = part.soft || rows_.penalty[rows_.row[j]] != 0.0;
            const bool is_held = p_.chosen[e] != 0;
            for (int64_t j = part.first; j < part.last && (is_held || !p_.fill); ++j)
                term(part.terms + j - part.first).weight = rows_.weight_of(p_.exact, j, e);
            (is_held ? held_ : free_).push_back(part);
        }
        if (!p_.fill) find_relief();
        for (std::vector<int32_t>* list : {&every_, &helping_, &every_relief_, &helping_relief_}) list->clear();
        most_reduced_ = -INFINITE;
        for (size_t at = 0; at < free_.size(); ++at) {
            const Part& part = free_[at];
            const auto position = static_cast<int32_t>(at);
            const bool helps = (part.helps & 2) != 0;
            every_.push_back(position);
            if (helps) helping_.push_back(position);
            if (part.relieves && helps) helping_relief_.push_back(position);
            if (part.relieves)
                every_relief_.push_back(position);
            else
                most_reduced_ = std::max(most_reduced_, part.reduced);
        }
    }

    // Whose coming may lower some row's violation, whichever of the held candidates leaves for it.
    void find_relief() {
        for (const Part& part : held_)
            for (int64_t j = part.first; j < part.last; ++j) {
                double& most = reach(rows_.row[j]);
                most = std::max(most, std::fabs(term(part.terms + j - part.first).weight));
            }
        for (Part& part : free_)
            for (int64_t j = part.first; j < part.last && !part.relieves; ++j) {
                const int64_t row = rows_.row[j];
                const double w = term(part.terms + j - part.first).weight, at = p_.activity[row];
                part.relieves =
                    (w > 0.0 && at - reach(row) < rows_.lower[row]) || (w < 0.0 && at + reach(row) > rows_.upper[row]);
            }
        for (const Part& part : held_)
            for (int64_t j = part.first; j < part.last; ++j) reach(rows_.row[j]) = 0.0;
    }

    // Fills in what a candidate weighs, and what it costs when it comes and nothing leaves.
    void weigh(Part& part) {
        for (int64_t j = part.first; j < part.last; ++j) {
            Term& own = term(part.terms + j - part.first);
            const int64_t row = rows_.row[j];
            if (p_.fill) own.weight = rows_.weight_of(p_.exact, j, part.candidate);
            const double at = p_.activity[row] + 0.0;
            const double change = rows_.violation_of(row, at + own.weight) - rows_.violation_of(row, at);
            own.violation = change * rows_.weight[row];
            own.penalty = change * rows_.penalty[row];
        }
        part.weighed = true;
    }

    Move best_pair(int64_t i, int64_t given) {
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
                const double before = rows_.violation_of(row, p_.activity[row]);
                shift(row) = -w;
                const double change = rows_.violation_of(row, p_.activity[row] - w) - before;
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
        // What relieves no row only adds to the violation: mostly none of it is worth a look.
        const bool any =
            p_.fill || (-violation.net > 1e-12 && !is_worse(-out.reduced + most_reduced_, violation.net, best));
        const std::vector<int32_t>& all = any ? every_ : every_relief_;
        const std::vector<int32_t>& helping = any ? helping_ : helping_relief_;
        for (const int32_t at : leaving_helps ? all : helping) {
            Part& in = free_[static_cast<size_t>(at)];
            const double gain_reduced = -out.reduced + in.reduced;
            const double gain_objective = -out.objective + in.objective;
            // Most pairs end here, before their rows are looked at. Filling: without soft rows the penalty is known.
            // Repairing: what relieves no row only adds to the violation, so the ratio is at least this one.
            if (p_.fill && !in.soft && !gains(gain_objective, penalty, best)) continue;
            if (!p_.fill && !in.relieves && (-violation.net <= 1e-12 || is_worse(gain_reduced, violation.net, best)))
                continue;
            if (!in.weighed) weigh(in);
            Change with_violation = violation, with_penalty = penalty;
            add_rows(in, with_violation, with_penalty);
            consider(with_violation, with_penalty, gain_reduced, gain_objective, {0.0, out.candidate, in.candidate}, i,
                     best);
        }
    }

    // Keeps the move if it is better than the best so far and the groups have room for it.
    void consider(const Change& violation, const Change& penalty, double gain_reduced, double gain_objective, Move move,
                  int64_t i, Move& best) {
        if (p_.fill && (violation.net > 0.0 || !gains(gain_objective, penalty, best))) return;
        move.priority = p_.fill ? -(gain_objective - penalty.net) : ratio(violation, gain_reduced);
        if (move.priority >= best.priority) return;
        if (groups_.fits(i, move.into, move.leaving)) best = move;
    }

    // Reduced value lost per unit of violation removed; infinite where nothing is, but for what rounding makes of it.
    static double ratio(const Change& violation, double gain_reduced) {
        if (violation.net >= -1e-12 || violation.net >= -1e-11 * violation.size) return INFINITE;
        return (-gain_reduced > 0.0 ? -gain_reduced : 0.0) / -violation.net;
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
            const double change = rows_.violation_of(row, at + own.weight) - rows_.violation_of(row, at);
            violation.add(change * rows_.weight[row]);
            penalty.add(change * rows_.penalty[row]);
        }
    }
};

}  // namespace couponry
