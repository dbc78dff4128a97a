// Faults that each sanitizer has to report: they show that it is awake.
#include <cstdint>
#include <cstdlib>
#include <thread>

static volatile int64_t one = 1;

extern "C" {

__attribute__((visibility("default"))) int read_past_the_end() {
    int* numbers = static_cast<int*>(std::malloc(10 * sizeof(int)));
    const int beyond = numbers[9 + one];
    std::free(numbers);
    return beyond;
}

__attribute__((visibility("default"))) int use_after_free() {
    volatile int* number = static_cast<int*>(std::malloc(sizeof(int)));
    std::free(const_cast<int*>(number));
    return *number;
}

__attribute__((visibility("default"))) int64_t overflow_a_sum() { return INT64_MAX + one; }

__attribute__((visibility("default"))) int32_t cast_too_much() { return static_cast<int32_t>(1e10 * static_cast<double>(one)); }

__attribute__((visibility("default"))) int race() {
    static int shared = 0;
    std::thread other([] { shared += 1; });
    shared += 1;
    other.join();
    return shared;
}

}  // extern "C"
