/* Registries that the linker gathers: linkme's sections and inventory's constructors. With
   -DONLY_LEFT the program has one of the two plugins; with -DAPART they were prelinked one by one. */
#include <stdio.h>

#define PLUGIN(p) \
    int hard_##p##_parts(void); \
    int hard_##p##_entries(void); \
    int hard_##p##_own(void); \
    int hard_##p##_mine(void); \
    int hard_##p##_started(void);
PLUGIN(left)
PLUGIN(right)

static int failures;
#define CHECK(c) ((c) ? (void)0 : (void)(failures++, fprintf(stderr, "FAILED line %d: %s\n", __LINE__, #c)))

int main(void) {
#if defined ONLY_LEFT || defined APART
    CHECK(hard_left_parts() == 1 + 30);
    CHECK(hard_left_entries() == 1 + 10);
#else
    CHECK(hard_left_parts() == 1 + 30 + 300);
    CHECK(hard_left_entries() == 1 + 10 + 100);
#endif
    CHECK(hard_left_own() == 30);
    CHECK(hard_left_mine() == 20);
    CHECK(hard_left_started() == 10);
#ifndef ONLY_LEFT
#ifdef APART
    CHECK(hard_right_parts() == 1 + 300);
    CHECK(hard_right_entries() == 1 + 100);
#else
    CHECK(hard_right_parts() == 1 + 30 + 300);
    CHECK(hard_right_entries() == 1 + 10 + 100);
#endif
    CHECK(hard_right_own() == 300);
    CHECK(hard_right_mine() == 200);
    CHECK(hard_right_started() == 100);
#endif
    if (failures == 0) printf("all right\n");
    return failures != 0;
}
