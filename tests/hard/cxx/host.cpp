// Two versions of C and C++ code in one program: functions, tables of functions and variables that differ
// are each plugin's own; variables that agree, weak definitions and commons are one, as for any linker.
#include <cstdio>
#include <cstring>
#include <cwchar>
#include <thread>

#define PLUGIN(p) \
    int hard_##p##_version(); \
    int hard_##p##_counter(); \
    int hard_##p##_local(); \
    int hard_##p##_virtual(); \
    int hard_##p##_scaled(); \
    int hard_##p##_noisy(); \
    int hard_##p##_order(); \
    void hard_##p##_throws(); \
    void hard_##p##_throws_standard(); \
    int hard_##p##_catches(void (*)()); \
    int hard_##p##_catches_through(void (*)(void (*)())); \
    void hard_##p##_through_rust(void (*)()); \
    int hard_##p##_rust_drops(); \
    const void *hard_##p##_last(); \
    int hard_##p##_mood(); \
    int hard_##p##_weak(); \
    int hard_##p##_visible(); \
    int hard_##p##_common(); \
    int hard_##p##_ifunc(); \
    const char *hard_##p##_text(int); \
    const wchar_t *hard_##p##_wide(int); \
    double hard_##p##_number(int);

extern "C" {
PLUGIN(left)
PLUGIN(right)
// Plugins refer to this weakly.
int host_hook(int side) { return side; }
}

static int failures;
#define CHECK(c) ((c) ? (void)0 : (void)(failures++, std::fprintf(stderr, "FAILED line %d: %s\n", __LINE__, #c)))

static bool is(const char *text, const char *wanted) { return std::strcmp(text, wanted) == 0; }

static void texts(const char *(*text)(int), const wchar_t *(*wide)(int), int side) {
    CHECK(is(text(0), "version tail"));
    CHECK(is(text(1), "tail"));
    CHECK(is(text(2), "tail"));
    CHECK(is(text(3), "ther tail"));
    CHECK(is(text(4), side == 1 ? "of one" : "of two"));
    CHECK(is(text(5), "not merged"));
    CHECK(is(text(6), side == 1 ? "one" : "two"));
    CHECK(is(text(8), "on tail"));
    CHECK(is(text(10), ""));
    CHECK(is(text(11), "version tail\n"));
    CHECK(std::wcscmp(wide(0), L"tail") == 0);
    CHECK(std::wcscmp(wide(1), L"tail") == 0);
}

int main() {
    CHECK(hard_left_version() == 11 && hard_right_version() == 22);
    CHECK(hard_left_counter() == 11 && hard_right_counter() == 21);
    // One variable, made by whoever comes first.
    CHECK(hard_left_local() == 102 && hard_right_local() == 103);
    CHECK(hard_left_virtual() == 101 && hard_right_virtual() == 102);
    CHECK(hard_left_scaled() == 5 && hard_right_scaled() == 10);
    CHECK(hard_left_order() == 23407 && hard_right_order() == 23414);
    CHECK(hard_left_noisy() == 4 && hard_right_noisy() == 7);
    std::thread([] { CHECK(hard_left_noisy() == 4 && hard_right_noisy() == 7); }).join();
    CHECK(hard_left_noisy() == 5 && hard_right_noisy() == 8);

    CHECK(hard_left_catches(hard_left_throws) == 11);
    CHECK(hard_left_catches(hard_right_throws) == 22);
    CHECK(hard_right_catches(hard_left_throws) == 11);
    CHECK(hard_right_catches(hard_left_throws_standard) == 4);
    CHECK(hard_left_catches_through(hard_right_through_rust) == 11);
    CHECK(hard_right_catches_through(hard_left_through_rust) == 22);
    CHECK(hard_left_rust_drops() == 1 && hard_right_rust_drops() == 1);
    try {
        hard_left_through_rust(hard_right_throws_standard);
        CHECK(!"nothing thrown");
    } catch (...) {
        CHECK(hard_left_rust_drops() == 2);
    }
    CHECK(hard_left_last() != hard_right_last());

    // The left one's strong definition wins for both.
    CHECK(hard_left_mood() == 12 && hard_right_mood() == 2);
#ifdef WEAK_PULLS /* of Mach-O's linkers weak references pull members as others do */
    CHECK(hard_left_weak() == 111 && hard_right_weak() == 112);
#else
    CHECK(hard_left_weak() == 11 && hard_right_weak() == 12);
#endif
    CHECK(hard_left_visible() == 513 && hard_right_visible() == 1026);
    // One tally: 1, 2, and 2 more.
    CHECK(hard_left_common() == 17 && hard_left_common() == 27 && hard_right_common() == 47);
    CHECK(hard_left_ifunc() == 7 && hard_right_ifunc() == 14);
    texts(hard_left_text, hard_left_wide, 1);
    texts(hard_right_text, hard_right_wide, 2);
    CHECK(hard_left_number(0) == 1.5 && hard_right_number(0) == 3.0 && hard_left_number(1) == 2.25);
    if (failures == 0) std::printf("all right\n");
    return failures != 0;
}
