/* One plugin's external is another plugin's internal: together they still link. */
#include <stdio.h>

int hard_needs_sum(void), hard_gives_number(void);

int main(void) {
    if (hard_gives_number() != 7 || hard_needs_sum() != 110) return 1;
    printf("all right\n");
    return 0;
}
