#include "mini.h"

int mini_instances = 40;

const char *mini_version(void) { return "mini 2"; }

void mini_init(struct mini *m) {
    mini_instances += 1;
    m->at = 1;
    m->factor = mini_table[7];
    m->low = m->high = 0;
}

int mini_next(struct mini *m) { return m->at *= m->factor; }
