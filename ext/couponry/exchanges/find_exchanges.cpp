// Finds, for each row, the exchange of up to three moves that gains most among those looked at.
#include <algorithm>
#include <new>
#include <vector>

#include "exchanges/exchanges.hpp"

namespace couponry {
namespace {

struct Found {
    double gain;
    int64_t move[3];
};

class Finder {
public:
    Finder(const RowMoves& moves, const Rooms& rooms, int64_t width) : moves_(moves), rooms_(rooms), width_(width) {}

    // See `exchange_of_row` in reference/exchanges/.
    Found of_row(int64_t row) {
        cheapest(row, true, users_);
        cheapest(row, false, givers_);
        load();
        room_ = rooms_.room[row];
        back_ = rooms_.back[row];
        found_ = {rooms_.least[row], {-1, -1, -1}};
        alone_or_two();
        three(rooms_.enough[row]);
        return found_;
    }

private:
    const RowMoves& moves_;
    const Rooms& rooms_;
    const int64_t width_;
    double room_ = 0.0, back_ = 0.0;
    Found found_{0.0, {-1, -1, -1}};
    std::vector<int64_t> users_, givers_;     // moves that use the row, and that relieve it, by what they use
    std::vector<double> use_, gain_;          // of the users
    std::vector<int64_t> customer_;           // the same
    std::vector<int64_t> best_, best_other_;  // see `users_of` in the reference

    // See `cheapest` in the reference.
    void cheapest(int64_t row, bool uses, std::vector<int64_t>& at) const {
        at.clear();
        for (int64_t m = moves_.ptr[row]; m < moves_.ptr[row + 1]; ++m)
            if (uses ? moves_.use[m] > 0.0 : moves_.use[m] < 0.0) at.push_back(m);
        if (static_cast<int64_t>(at.size()) > width_) {
            const auto by_cost = [this](int64_t a, int64_t b) {
                return moves_.cost[a] != moves_.cost[b] ? moves_.cost[a] < moves_.cost[b] : a < b;
            };
            std::nth_element(at.begin(), at.begin() + width_, at.end(), by_cost);
            at.resize(static_cast<size_t>(width_));
        }
        std::sort(at.begin(), at.end(), [this](int64_t a, int64_t b) {
            return moves_.use[a] != moves_.use[b] ? moves_.use[a] < moves_.use[b] : a < b;
        });
    }

    // The users side by side, and the best of each number of them: see `users_of` in the reference.
    void load() {
        const size_t n = users_.size();
        use_.resize(n);
        gain_.resize(n);
        customer_.resize(n);
        best_.resize(n);
        best_other_.resize(n);
        int64_t first = -1, second = -1;
        for (size_t k = 0; k < n; ++k) {
            use_[k] = moves_.use[users_[k]];
            gain_[k] = moves_.gain[users_[k]];
            customer_[k] = moves_.customer[users_[k]];
            const auto gain_at = [this](int64_t at) { return gain_[static_cast<size_t>(at)]; };
            const auto is_same = [this, k](int64_t at) { return customer_[k] == customer_[static_cast<size_t>(at)]; };
            if (first < 0 || gain_[k] > gain_at(first)) {
                if (first >= 0 && !is_same(first)) second = first;
                first = static_cast<int64_t>(k);
            } else if (!is_same(first) && (second < 0 || gain_[k] > gain_at(second))) {
                second = static_cast<int64_t>(k);
            }
            best_[k] = first;
            best_other_[k] = second;
        }
    }

    int64_t fitting(int64_t count, double room) const {
        return std::upper_bound(use_.begin(), use_.begin() + count, room) - use_.begin();
    }

    // See `best_of_others` in the reference.
    int64_t best_of_others(int64_t count, int64_t one, int64_t other) const {
        if (count <= 0) return -1;
        for (const auto* best : {&best_, &best_other_}) {
            const int64_t at = (*best)[static_cast<size_t>(count - 1)];
            if (at < 0) continue;
            const int64_t whose = customer_[static_cast<size_t>(at)];
            if (whose != one && whose != other) return at;
        }
        return -1;
    }

    double use(int64_t at) const { return use_[static_cast<size_t>(at)]; }
    double gain(int64_t at) const { return gain_[static_cast<size_t>(at)]; }
    int64_t user(int64_t at) const { return users_[static_cast<size_t>(at)]; }
    int64_t users() const { return static_cast<int64_t>(users_.size()); }

    void keep(double gain, double used, int64_t one, int64_t two, int64_t three) {
        if (gain > found_.gain && used >= -back_) found_ = {gain, {one, two, three}};
    }

    void alone_or_two() {
        const int64_t alone = best_of_others(fitting(users(), room_), -1, -1);
        if (alone >= 0) keep(gain(alone), use(alone), user(alone), -1, -1);
        for (const int64_t giver : givers_) {
            const int64_t whose = moves_.customer[giver];
            const int64_t other = best_of_others(fitting(users(), room_ - moves_.use[giver]), whose, whose);
            if (other < 0) continue;
            keep(moves_.gain[giver] + gain(other), moves_.use[giver] + use(other), giver, user(other), -1);
        }
    }

    void three(double enough) {
        for (size_t at = 0; at < givers_.size() && found_.gain < enough; ++at) {
            const int64_t giver = givers_[at], whose = moves_.customer[giver];
            const double room = room_ - moves_.use[giver];
            two_that_use(giver, whose, room, enough);
            two_that_give(at, giver, whose, room, enough);
        }
    }

    void two_that_use(int64_t giver, int64_t whose, double room, double enough) {
        const int64_t fit = fitting(users(), room);
        for (int64_t k = 0; k < fit && found_.gain < enough; ++k) {
            const int64_t theirs = customer_[static_cast<size_t>(k)];
            if (theirs == whose) continue;
            const int64_t other = best_of_others(fitting(k, room - use(k)), whose, theirs);
            if (other < 0) continue;
            const double total = moves_.gain[giver] + gain(k) + gain(other);
            keep(total, moves_.use[giver] + use(k) + use(other), giver, user(k), user(other));
        }
    }

    void two_that_give(size_t at, int64_t giver, int64_t whose, double room, double enough) {
        for (size_t before = 0; before < at && found_.gain < enough; ++before) {
            const int64_t second = givers_[before], theirs = moves_.customer[second];
            if (theirs == whose) continue;
            const int64_t other = best_of_others(fitting(users(), room - moves_.use[second]), whose, theirs);
            if (other < 0) continue;
            const double total = moves_.gain[giver] + moves_.gain[second] + gain(other);
            keep(total, moves_.use[giver] + moves_.use[second] + use(other), giver, second, user(other));
        }
    }
};

}  // namespace

int find_exchanges(const RowMoves& moves, const Rooms& rooms, int64_t width, int64_t start, int64_t stop,
                   View<int64_t> picked, View<double> gained) noexcept {
    try {
        Finder finder(moves, rooms, width);
        for (int64_t row = start; row < stop; ++row) {
            Found found{0.0, {-1, -1, -1}};
            if (moves.ptr[row] < moves.ptr[row + 1]) found = finder.of_row(row);
            gained[row] = found.move[0] < 0 ? 0.0 : found.gain;
            for (int64_t k = 0; k < 3; ++k) picked[3 * row + k] = found.move[k];
        }
    } catch (const std::bad_alloc&) {
        return NO_MEMORY;
    }
    return DONE;
}

}  // namespace couponry
