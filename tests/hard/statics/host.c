/* Statics of a shared crate are one in the program, those of the plugins apart. Compiled with
   -DAPART for libraries prelinked one by one, where the shared crate's are apart too. */
#include <stdint.h>
#include <stdio.h>

#define PLUGIN(p) \
    int hard_##p##_shared_count(void); \
    int hard_##p##_own_count(void); \
    int hard_##p##_push(void); \
    int hard_##p##_once(int); \
    int hard_##p##_twins(void); \
    int hard_##p##_local(void); \
    const uint64_t *hard_##p##_shared_key(void); \
    const uint64_t *hard_##p##_own_key(void);
PLUGIN(left)
PLUGIN(right)

#ifdef APART
enum { ONE = 0 };
#else
enum { ONE = 1 };
#endif

static int failures;
#define CHECK(c) ((c) ? (void)0 : (void)(failures++, fprintf(stderr, "FAILED line %d: %s\n", __LINE__, #c)))

int main(void) {
    CHECK(hard_left_shared_count() == 1);
    CHECK(hard_right_shared_count() == (ONE ? 2 : 1));
    CHECK(hard_left_own_count() == 1 && hard_left_own_count() == 2);
    CHECK(hard_right_own_count() == 1);
    CHECK(hard_left_push() == 1);
    CHECK(hard_right_push() == (ONE ? 2 : 1));
    CHECK(hard_left_once(3) == 3);
    CHECK(hard_right_once(4) == (ONE ? 3 : 4));
    CHECK(hard_left_twins() == 0);
    CHECK(hard_right_twins() == (ONE ? 100 : 0));
    CHECK(hard_left_local() == 1);
    CHECK(hard_right_local() == (ONE ? 2 : 1));
    CHECK((hard_left_shared_key() == hard_right_shared_key()) == ONE);
    CHECK(hard_left_own_key() != hard_right_own_key());
    CHECK(hard_left_own_key() != hard_left_shared_key());
    CHECK(*hard_left_own_key() == *hard_right_shared_key());
    if (failures == 0) printf("all right\n");
    return failures != 0;
}
