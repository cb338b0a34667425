// One library in two versions: all of it has vague linkage, and none may be taken from the other.
#pragma once
#include <stdexcept>
#include <vector>

#define NOINLINE __attribute__((noinline))

namespace lib {

NOINLINE inline int version() { return SIDE; }

inline int counter = SIDE * 10;

NOINLINE inline int &local() {
    static int value = SIDE * 100 + version();
    return value;
}

struct Base {
    virtual ~Base() = default;
    virtual int kind() const { return SIDE; }
};

struct Derived : Base {
    int kind() const override { return SIDE + 100; }
};

template <class T> NOINLINE T scaled(T value) { return value * SIDE; }

// Thread-local with a constructor: made by a function that other files call.
struct Noisy {
    int value;
    Noisy();
};
extern thread_local Noisy noisy;

int more_version();
int more_counter();
int more_local();
int more_noisy();
const Base *more_derived();
int more_order();

} // namespace lib

// The same in both versions: what one throws the other catches by type.
namespace shared {
struct Error : std::runtime_error {
    int code;
    explicit Error(int code) : std::runtime_error("shared"), code(code) {}
};
} // namespace shared

extern "C" {
int plain_mood(void);
}
