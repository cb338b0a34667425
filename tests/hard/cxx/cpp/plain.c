/* C with everything that linkers treat specially. */
#include "plain.h"

/* Common symbols: merged with those of strings.c, the largest size wins. */
int tally;
char grow[16];
int tally_aligned[4] __attribute__((aligned(64)));

__attribute__((weak)) int plain_mood(void) { return 1; }

/* `strong.c` has a strong one; only version 1 has that file, which something else pulls too. */
#if SIDE == 1
int strong_anchor(void);
#else
static int strong_anchor(void) { return 0; }
#endif

int NAME(mood)(void) { return plain_mood() + 10 * strong_anchor(); }

/* Weak references: nobody has the first, the program has the second, and the third is a member of
   this very library that nothing pulls, so it stays away. */
extern int plain_absent(void) __attribute__((weak));
extern int host_hook(int) __attribute__((weak));
extern int plain_dormant(void) __attribute__((weak));
extern int plain_awake(void) __attribute__((weak));

int NAME(weak)(void) {
    return (plain_absent ? 1000 : 0) + (plain_dormant ? 100 : 0) + (plain_awake ? 10 : 0)
        + (host_hook ? host_hook(SIDE) : 0);
}

__attribute__((visibility("hidden"))) int plain_hidden = SIDE * 5;
__attribute__((visibility("protected"))) int plain_protected = SIDE * 6;
__attribute__((visibility("default"))) int plain_default = SIDE * 7;

int NAME(visible)(void) { return strings_visible() + plain_protected; }

int NAME(common)(void) {
    tally += SIDE;
    grow[2] = 3;
    tally_aligned[3] = 4;
    return strings_common() + (((unsigned long)tally_aligned & 63) == 0 ? 0 : 100);
}

#if defined __gnu_linux__ && (defined __x86_64__ || defined __i386__ || defined __aarch64__)
static int pick_one(void) { return SIDE * 7; }
static int (*pick_resolve(void))(void) { return pick_one; }
int plain_pick(void) __attribute__((ifunc("pick_resolve")));
#else
int plain_pick(void) { return SIDE * 7; }
#endif

int NAME(ifunc)(void) {
    int (*volatile through)(void) = plain_pick;
    return plain_pick() == through() && strings_pick() == through() && strings_pick_address() == through
        ? plain_pick() : -1;
}
