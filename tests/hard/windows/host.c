/* Imports of DLLs and C++ exceptions of two plugins. */
#include <stdio.h>

unsigned hard_left_process(void), hard_right_process(void);
int hard_left_language(void);
int hard_left_catches_cxx(void), hard_right_catches_cxx(void);
int hard_left_count(void), hard_right_count(void);

static int failures;
#define CHECK(c) ((c) ? (void)0 : (void)(failures++, fprintf(stderr, "FAILED line %d: %s\n", __LINE__, #c)))

int main(void) {
    CHECK(hard_right_process() != 0);
    CHECK(hard_right_catches_cxx() == 911);
    CHECK(hard_right_count() == 1);
#ifndef ONLY_RIGHT
    CHECK(hard_left_process() == hard_right_process());
    CHECK(hard_left_language() == 1);
    CHECK(hard_left_catches_cxx() == 711);
#ifdef APART
    CHECK(hard_left_count() == 1);
#else
    CHECK(hard_left_count() == 2);
#endif
#endif
    if (failures == 0) printf("all right\n");
    return failures != 0;
}
