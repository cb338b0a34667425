/* Literals that the final linker merges with others, or with tails of others; references into the
   middle of them; constants that it merges by size. */
#include "plain.h"

int tally;
char grow[50];
extern int tally_aligned[4];

typedef __WCHAR_TYPE__ wide;

static const char *const table[] = {"version tail", "tail", "on tail", "other " "tail", "", "version tail\n"};

const char *NAME(text)(int which) {
    static const char plain[] = "not merged";
    switch (which) {
    case 0: return "version tail";
    case 1: return "version tail" + 8;
    case 2: return table[1];
    case 3: return table[3] + 1;
    case 4: return SIDE == 1 ? "of one" : "of two";
    case 5: return plain;
    case 6: return (SIDE == 1 ? "of one" : "of two") + 3;
    default: return table[which % 6];
    }
}

const wide *NAME(wide)(int which) { return which ? L"wide tail" + 5 : L"tail"; }

double NAME(number)(int which) {
    switch (which) {
    case 0: return 1.5 * SIDE;
    case 1: return 2.25;
    default: return which * 0.1 + 3.75;
    }
}

int plain_awake(void) { return 1; }

int strings_common(void) {
    grow[40] = grow[2]; /* past the end of the smaller one */
    return tally * 10 + grow[40] + tally_aligned[3];
}
int strings_visible(void) { return plain_hidden * 100 + plain_default; }
int strings_pick(void) { return plain_pick(); }
int (*strings_pick_address(void))(void) { return plain_pick; }
