// One of the plugins, which links as built: exceptions of C++ and Rust, thread locals with constructors,
// initialisers, and what is one for a whole program.
#include <cstdio>
#include <cstring>
#include <thread>

extern "C" {
int hard_left_version(), hard_left_counter(), hard_left_local(), hard_left_virtual(), hard_left_scaled();
int hard_left_noisy(), hard_left_order(), hard_left_catches(void (*)());
int hard_left_catches_through(void (*)(void (*)()));
int hard_left_rust_drops(), hard_left_mood(), hard_left_weak(), hard_left_visible(), hard_left_common();
void hard_left_throws(), hard_left_throws_standard(), hard_left_through_rust(void (*)());
const char *hard_left_text(int);
int host_hook(int side) { return side; }
}

static int failures;
#define CHECK(c) ((c) ? (void)0 : (void)(failures++, std::fprintf(stderr, "FAILED line %d: %s\n", __LINE__, #c)))

int main() {
    CHECK(hard_left_version() == 11 && hard_left_counter() == 11 && hard_left_local() == 102);
    CHECK(hard_left_virtual() == 101 && hard_left_scaled() == 5 && hard_left_order() == 23407);
    CHECK(hard_left_noisy() == 4);
    std::thread([] { CHECK(hard_left_noisy() == 4); }).join();
    CHECK(hard_left_noisy() == 5);
    CHECK(hard_left_catches(hard_left_throws) == 11 && hard_left_catches(hard_left_throws_standard) == 4);
    CHECK(hard_left_catches_through(hard_left_through_rust) == 11 && hard_left_rust_drops() == 1);
#ifdef WEAK_PULLS
    CHECK(hard_left_weak() == 111);
#else
    CHECK(hard_left_weak() == 11);
#endif
    CHECK(hard_left_mood() == 12 && hard_left_visible() == 513 && hard_left_common() == 17);
    CHECK(std::strcmp(hard_left_text(3), "ther tail") == 0);
    if (failures == 0) std::printf("all right\n");
    return failures != 0;
}
