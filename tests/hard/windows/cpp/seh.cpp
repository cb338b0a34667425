// C++ that needs no library of C++: exceptions through a frame with a destructor, an inline function
// with a variable, a constructor that runs before main.

// Code that both plugins have uses the variable: it is one variable.
__attribute__((noinline)) inline int counted() {
    static int calls;
    return ++calls;
}

struct Guard {
    int *gone;
    ~Guard() { ++*gone; }
};

static int thrower(int value, int *gone) {
    Guard guard{gone};
    if (value > 2) throw value;
    return value;
}

static volatile int begun = 40;

struct Starter {
    int value;
    Starter() : value(begun + 1) {}
};

static Starter starter;

extern "C" int NAME(throws)(int value) {
    int gone = 0;
    try {
        thrower(value, &gone);
    } catch (int caught) {
        return caught * 100 + gone * 10 + (starter.value == 41);
    }
    return gone;
}

extern "C" int NAME(counted)() { return counted(); }
