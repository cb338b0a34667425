/* Panics inside a plugin, through shared code, in threads and from one plugin to another. Compiled
   with -DAPART for prelinked libraries (each has its own std: a foreign panic ends the program), and
   with -DNAMELESS where inner names were dropped. */
#include <stdio.h>

#define PLUGIN(p) \
    int hard_##p##_catches(void); \
    int hard_##p##_joins(void); \
    void hard_##p##_panics(void); \
    int hard_##p##_catches_from(void (*)(void)); \
    int hard_##p##_sees_names(void); \
    void hard_##p##_quiet(void);
PLUGIN(left)
PLUGIN(right)

static int failures;
#define CHECK(c) ((c) ? (void)0 : (void)(failures++, fprintf(stderr, "FAILED line %d: %s\n", __LINE__, #c)))

int main(void) {
    hard_left_quiet();
    hard_right_quiet();
    CHECK(hard_left_catches() == 1);
    CHECK(hard_right_catches() == 1);
    CHECK(hard_left_joins() == 1);
    CHECK(hard_right_joins() == 1);
#ifdef APART
    CHECK(hard_left_catches_from(hard_left_panics) == 1);
#else
    CHECK(hard_left_catches_from(hard_right_panics) == 1);
    CHECK(hard_right_catches_from(hard_left_panics) == 1);
#endif
#if defined(NO_NAMES)
    /* The program's names are in a file of their own, which is not there. */
#elif defined(NAMELESS)
    CHECK(hard_left_sees_names() >= 2);
    CHECK(hard_right_sees_names() >= 2);
#else
    CHECK(hard_left_sees_names() == 3);
    CHECK(hard_right_sees_names() == 3);
#endif
    if (failures == 0) printf("all right\n");
    return failures != 0;
}
