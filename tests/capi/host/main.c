/* Calls what checks the libraries that the program is linked with: CHECKS(one) says which. */
#include <stdio.h>

#define DECLARE(name) int check_##name(void);
#define ENTRY(name) {#name, check_##name},
CHECKS(DECLARE)

static const struct {
    const char *name;
    int (*check)(void);
} checks[] = {CHECKS(ENTRY)};

int main(void) {
    int failed = 0;
    unsigned count = sizeof checks / sizeof *checks;
    /* Twice: the second time, what the first one has set up is there. */
    for (unsigned i = 0; i < 2 * count; i++)
        if (checks[i % count].check()) {
            printf("%s failed\n", checks[i % count].name);
            failed = 1;
        }
    if (!failed)
        printf("all right: %u libraries\n", count);
    return failed;
}
