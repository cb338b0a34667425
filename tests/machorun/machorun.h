/* What the parts of machorun know of each other. */
#ifndef MACHORUN_H
#define MACHORUN_H
#include <stddef.h>
#include <stdnoreturn.h>
#include "macho.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

/* The program, as it is mapped. */
struct image {
    const char *path;
    int argc;
    char **argv;
    u8 *file;
    u64 file_size;
    u8 *base; /* where its Mach-O header is */
    u64 span; /* bytes of memory from there */
    intptr_t slide; /* what an address of the file has to have added */
    struct segment *segments[32];
    int segment_count;
    const struct symbol *symbols;
    u32 symbol_count;
    const char *strings;
    u8 *eh_frame, *unwind_info;
    u64 eh_frame_size, unwind_info_size;
    /* Initial values of thread locals, of which the last have none: they are zero. */
    u8 *thread_template;
    u64 thread_size, thread_filled;
};
extern struct image image;
extern int verbose;

/* main.c */
noreturn void die(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* imports.c */
const char *nearest(u64 address, u64 *distance);
void *own(const char *name);
void *import(const char *name, int ordinal, int weak);

/* fixups.c */
void fix_up(const u32 *info, const u8 *chains);

/* thread_locals.c */
void thread_local_thunk(void);

/* A function or variable of libSystem by what stands for it. Each table ends with a name of NULL. */
struct shim { const char *name; void *to; };
#define SHIM(name, what) {"_" name, (void *)(what)}
extern const struct shim variadic_shims[], thread_shims[], thread_local_shims[], system_shims[], file_shims[], error_shims[],
    image_shims[], same_shims[];

/* shims.c */
void *shim(const char *name);

/* errors.c: numbers of errors, of Linux and of macOS. */
int error_to_mac(int e);

#endif
