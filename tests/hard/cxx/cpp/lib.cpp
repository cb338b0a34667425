// What the program calls. Every answer tells the two versions apart.
#include "lib.hpp"
#include <cstdio>
#include <string>
#include <typeinfo>

namespace lib {
Noisy::Noisy() : value(SIDE * 3) {}
thread_local Noisy noisy;
} // namespace lib

extern "C" {

int NAME(version)() { return lib::version() * 10 + lib::more_version(); }

int NAME(counter)() {
    lib::counter += 1;
    return lib::more_counter();
}

int NAME(local)() {
    lib::local() += 1;
    return lib::more_local();
}

int NAME(virtual)() {
    const lib::Base *base = lib::more_derived();
    auto *derived = dynamic_cast<const lib::Derived *>(base);
    bool same = typeid(*base) == typeid(lib::Derived) && typeid(*base) != typeid(lib::Base);
    return derived && same ? derived->kind() : -1;
}

int NAME(scaled)() {
    std::vector<int> values;
    for (int i = 0; i < 5; i++) values.push_back(lib::scaled(i));
    return values.back() + static_cast<int>(lib::scaled(0.5) * 2);
}

int NAME(noisy)() {
    lib::noisy.value += 1;
    return lib::more_noisy();
}

int NAME(order)() { return lib::more_order(); }

void NAME(throws)() { throw shared::Error(SIDE * 11); }

void NAME(throws_standard)() { throw std::string("text"); }

// Code of the exception that the callback throws, 0 where it throws none.
int NAME(catches)(void (*callback)()) {
    try {
        callback();
    } catch (const shared::Error &error) {
        return std::string(error.what()) == "shared" ? error.code : -1;
    } catch (const std::string &text) {
        return static_cast<int>(text.size());
    }
    return 0;
}

// Through another plugin's Rust and back.
int NAME(catches_through)(void (*through)(void (*)())) {
    try {
        through(NAME(throws));
    } catch (const std::exception &error) {
        auto *mine = dynamic_cast<const shared::Error *>(&error);
        return mine ? mine->code : -1;
    }
    return 0;
}
}

namespace {
struct Last {
    ~Last() { std::printf("destroyed %d\n", SIDE); }
} last;
} // namespace

extern "C" const void *NAME(last)() { return &last; }
