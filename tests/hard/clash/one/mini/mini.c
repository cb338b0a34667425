#include "mini.h"

int mini_instances;

const char *mini_version(void) { return "mini 1"; }

void mini_init(struct mini *m) {
    mini_instances += 1;
    m->at = 0;
    m->step = mini_table[0];
}

int mini_next(struct mini *m) { return m->at += m->step; }
