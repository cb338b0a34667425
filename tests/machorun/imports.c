/* What names lead to: the program's own symbols, shims, and traps for those that have none. */
#define _GNU_SOURCE
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include "machorun.h"

enum { ORDINAL_SELF = 0, ORDINAL_EXECUTABLE = -1, ORDINAL_WEAK = -3 };

static int is_defined(const struct symbol *s) { return !(s->type & N_STAB) && (s->type & N_TYPE) == N_SECT; }

/* The symbol at or before an address, and how far before. */
const char *nearest(u64 address, u64 *distance) {
    const char *best = NULL;
    *distance = ~0ull;
    for (u32 i = 0; i < image.symbol_count; i++) {
        const struct symbol *s = &image.symbols[i];
        u64 at = s->value + image.slide;
        if (is_defined(s) && at <= address && address - at < *distance) *distance = address - at, best = image.strings + s->name;
    }
    return best;
}

/* What the program itself defines for others. */
void *own(const char *name) {
    for (u32 i = 0; i < image.symbol_count; i++) {
        const struct symbol *s = &image.symbols[i];
        if (is_defined(s) && (s->type & N_EXT) && !strcmp(image.strings + s->name, name)) return (void *)(s->value + image.slide);
    }
    return NULL;
}

static void missing(const char *name) { die("the program called %s, which has no shim", name); }

/* A few instructions that go to `missing` with the name. */
static void *trap(const char *name) {
    enum { SIZE = 65536, EACH = 32 };
    static u8 *page;
    static size_t used = SIZE;
    if (used == SIZE) {
        page = mmap(NULL, SIZE, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (page == MAP_FAILED) die("no memory");
        used = 0;
    }
    u8 *at = page + used;
    used += EACH;
    u64 argument = (u64)name, target = (u64)missing;
#if defined __x86_64__
    memcpy(at, "\x48\xbf........\x48\xb8........\xff\xe0", 22); /* mov rdi, NAME; mov rax, MISSING; jmp rax */
    memcpy(at + 2, &argument, 8);
    memcpy(at + 12, &target, 8);
#else
    static const u32 code[4] = {0x58000080, 0x580000b0, 0xd61f0200, 0}; /* ldr x0, NAME; ldr x16, MISSING; br x16 */
    memcpy(at, code, 16);
    memcpy(at + 16, &argument, 8);
    memcpy(at + 24, &target, 8);
    __builtin___clear_cache((char *)at, (char *)at + EACH);
#endif
    return at;
}

void *import(const char *name, int ordinal, int weak) {
    if (ordinal == ORDINAL_WEAK || ordinal == ORDINAL_EXECUTABLE || ordinal == ORDINAL_SELF) {
        void *mine = own(name);
        if (mine) return mine;
    }
    void *found = shim(name);
    if (!found) {
        if (verbose) fprintf(stderr, "machorun: no shim for %s%s\n", name, weak ? " (weak)" : "");
        found = weak ? NULL : trap(name);
    }
    return found;
}
