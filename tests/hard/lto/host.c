/* Two fat-LTO libraries and a thin-LTO one, which do not link together as cargo makes them. */
#include <stdio.h>

int hard_left_work(void), hard_right_work(void), hard_thin_work(void);
void hard_left_quiet(void), hard_right_quiet(void), hard_thin_quiet(void);

#ifdef NO_THIN
#define hard_thin_quiet() (void)0
#define hard_thin_work() 14
#endif

int main(void) {
    hard_left_quiet();
    hard_right_quiet();
    hard_thin_quiet();
    if (hard_left_work() != 12 || hard_right_work() != 13 || hard_thin_work() != 14) return 1;
    printf("all right\n");
    return 0;
}
