/* Two versions of one C library in one program, each plugin with its own. */
#include <stdio.h>

int hard_one_version(void), hard_one_third(void), hard_one_instances(void);
int hard_two_version(void), hard_two_third(void), hard_two_instances(void);

static int failures;
#define CHECK(c) ((c) ? (void)0 : (void)(failures++, fprintf(stderr, "FAILED line %d: %s\n", __LINE__, #c)))

/* The program may have a function of such a name too. */
const char *mini_version(void) { return "mini 3"; }

int main(void) {
    CHECK(hard_one_version() == 1);
    CHECK(hard_two_version() == 2);
    CHECK(hard_one_third() == 3);
    CHECK(hard_two_third() == 64);
    CHECK(hard_one_instances() == 1);
    CHECK(hard_two_instances() == 41);
    CHECK(mini_version()[5] == '3');
    if (failures == 0) printf("all right\n");
    return failures != 0;
}
