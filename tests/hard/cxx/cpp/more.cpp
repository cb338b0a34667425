// The second file: what has vague linkage must be one with the first file's.
#include "lib.hpp"

namespace {

int order;

// Runs before main, in the order of priorities whatever the order in the file.
__attribute__((constructor(300))) void third() { order = order * 10 + 3; }
__attribute__((constructor(200))) void second() { order = order * 10 + 2; }

struct Starter {
    int value;
    Starter() : value(lib::version() * 7) { order = order * 10 + 4; }
} starter;

} // namespace

namespace lib {

int more_version() { return version(); }
int more_counter() { return counter; }
int more_local() { return local(); }
int more_noisy() { return noisy.value; }

const Base *more_derived() {
    static const Derived derived;
    return &derived;
}

// 234, and the constructed object's value.
int more_order() { return order * 100 + starter.value; }

} // namespace lib
