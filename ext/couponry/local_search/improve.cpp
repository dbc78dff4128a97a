// Makes the customers' best moves, the best of all first, and looks at those again who had none any more.
#include <algorithm>
#include <new>
#include <utility>
#include <vector>

#include "local_search/best_move.hpp"

namespace couponry {
namespace {

// The customers that wait with a move: a binary heap, least priority first, then the smallest number.
class Waiting {
public:
    explicit Waiting(const Moves& moves) : priority_(moves.priority), heap_(moves.waiting), count_(moves.counts[0]) {}

    bool any() const { return count_ > 0; }
    int64_t first() const { return heap_[0]; }

    bool before(int64_t a, int64_t b) const {
        return priority_[a] != priority_[b] ? priority_[a] < priority_[b] : a < b;
    }

    void push(int64_t customer) {
        int64_t at = count_++;
        while (at > 0 && before(customer, heap_[(at - 1) / 2])) {
            heap_[at] = heap_[(at - 1) / 2];
            at = (at - 1) / 2;
        }
        heap_[at] = customer;
    }

    int64_t pop() {
        const int64_t least = heap_[0], last = heap_[--count_];
        int64_t at = 0;
        for (int64_t child = 1; child < count_; child = 2 * at + 1) {
            if (child + 1 < count_ && before(heap_[child + 1], heap_[child])) ++child;
            if (!before(heap_[child], last)) break;
            heap_[at] = heap_[child];
            at = child;
        }
        if (count_ > 0) heap_[at] = last;
        return least;
    }

private:
    View<double> priority_;
    View<int64_t> heap_;
    int64_t& count_;
};

template <class Item>
void propose_of(const LocalSearch& problem, const Moves& moves, int64_t start, int64_t stop) {
    BestMoves<Item> best(problem);
    for (int64_t at = start; at < stop; ++at) moves.set(moves.aside[at], best.best_move(moves.aside[at]));
}

template <class Item>
Effort make_moves_of(const LocalSearch& problem, const Moves& moves, int64_t looks) {
    BestMoves<Item> best(problem);
    Waiting waiting(moves);
    for (int64_t at = 0; at < moves.counts[1]; ++at)
        if (moves.priority[moves.aside[at]] < INFINITE) waiting.push(moves.aside[at]);
    moves.counts[1] = 0;

    Effort done{0, 0, 0.0};
    while (waiting.any() && done.looks < looks) {
        ++done.looks;
        const int64_t i = waiting.pop();
        const Move move = best.best_move(i);
        moves.set(i, move);
        if (move.priority < INFINITE && (!waiting.any() || waiting.before(i, waiting.first()))) {
            best.make(i, move);
            ++done.moves;
            if (problem.fill) done.gain = done.gain - move.priority;
        }
        if (move.priority < INFINITE) waiting.push(i);
    }
    return done;
}

// A customer who has a move, and its priority.
struct Turn {
    double priority;
    int64_t customer;

    bool operator<(const Turn& other) const {
        return priority != other.priority ? priority < other.priority : customer < other.customer;
    }
};

constexpr std::ptrdiff_t AHEAD = 4;  // turns for which memory is asked for what a move reads
constexpr int64_t ONE_IN = 16;       // customers for each whose priority is looked at to guess who are first

// A priority that hardly more customers than wanted are before: told by one in so many of them.
double likely_last(const Moves& moves, int64_t customers, int64_t wanted) {
    std::vector<double> some;
    some.reserve(static_cast<size_t>(customers / ONE_IN + 1));
    for (int64_t at = 0; at < customers; at += ONE_IN) some.push_back(moves.priority[moves.aside[at]]);
    const auto rank = static_cast<size_t>(wanted / ONE_IN + wanted / (4 * ONE_IN) + 16);
    if (rank >= some.size()) return INFINITE;
    const auto last = some.begin() + static_cast<std::ptrdiff_t>(rank);
    std::nth_element(some.begin(), last, some.end());
    return *last;
}

// The first customers' turns, in their order: as many as are wanted, if there are, and perhaps more after them.
std::vector<Turn> first_turns(const Moves& moves, int64_t customers, int64_t wanted) {
    std::vector<Turn> turns;
    for (double most = likely_last(moves, customers, wanted);; most = INFINITE) {
        turns.clear();
        for (int64_t at = 0; at < customers; ++at) {
            const int64_t i = moves.aside[at];
            if (moves.priority[i] <= most) turns.push_back({moves.priority[i], i});
        }
        if (most == INFINITE || static_cast<int64_t>(turns.size()) >= wanted) break;
    }
    if (static_cast<int64_t>(turns.size()) > wanted) {
        const auto next = turns.begin() + static_cast<std::ptrdiff_t>(wanted);
        std::nth_element(turns.begin(), next, turns.end());
        turns.erase(next, turns.end());
    }
    std::sort(turns.begin(), turns.end());
    return turns;
}

template <class Item>
Effort make_round_of(const LocalSearch& problem, const Moves& moves, int64_t looks) {
    int64_t &waiting = moves.counts[0], &aside = moves.counts[1];
    for (int64_t at = 0; at < waiting; ++at) moves.aside[aside++] = moves.waiting[at];
    waiting = 0;
    int64_t with_move = 0;
    for (int64_t at = 0; at < aside; ++at) {
        const int64_t i = moves.aside[at];
        if (moves.priority[i] < INFINITE) moves.aside[with_move++] = i;
    }
    aside = with_move;
    looks = std::min(looks, aside);
    const std::vector<Turn> turns = first_turns(moves, aside, looks + 1);  // and whose turn would be next

    BestMoves<Item> best(problem);
    Effort done{0, looks, 0.0};
    const auto end = turns.begin() + static_cast<std::ptrdiff_t>(looks);
    for (auto turn = turns.begin(); turn != end; ++turn) {
        if (end - turn > 2 * AHEAD) moves.prefetch(turn[2 * AHEAD].customer);
        if (end - turn > AHEAD) best.prefetch(moves.of(turn[AHEAD].customer));
        const int64_t i = turn->customer;
        Move move = moves.of(i);
        move.priority = best.worth_now(i, move);
        moves.set(i, move);
        const bool is_last = turn + 1 == turns.end();
        if (!(move.priority < INFINITE) || (!is_last && !(Turn{move.priority, i} < turn[1]))) continue;
        best.make(i, move);
        ++done.moves;
        if (problem.fill) done.gain = done.gain - move.priority;
    }
    return done;
}

template <class Item>
Effort make_some_of(const LocalSearch& problem, const Moves& moves, int64_t looks, bool in_rounds) {
    return in_rounds ? make_round_of<Item>(problem, moves, looks) : make_moves_of<Item>(problem, moves, looks);
}

}  // namespace

int propose(const LocalSearch& problem, const Moves& moves, int64_t start, int64_t stop) noexcept {
    try {
        if (problem.shard.item_bytes == 2)
            propose_of<uint16_t>(problem, moves, start, stop);
        else
            propose_of<uint32_t>(problem, moves, start, stop);
    } catch (const std::bad_alloc&) {
        return NO_MEMORY;
    }
    return DONE;
}

int make_moves(const LocalSearch& problem, const Moves& moves, int64_t looks, bool in_rounds, Effort* done) noexcept {
    try {
        if (problem.shard.item_bytes == 2)
            *done = make_some_of<uint16_t>(problem, moves, looks, in_rounds);
        else
            *done = make_some_of<uint32_t>(problem, moves, looks, in_rounds);
    } catch (const std::bad_alloc&) {
        return NO_MEMORY;
    }
    return DONE;
}

}  // namespace couponry
