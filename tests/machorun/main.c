/* machorun PROGRAM [ARGUMENTS]: runs a macOS program (Mach-O for x86_64 or arm64 that needs only libSystem) on
   Linux of the same CPU: maps it, fixes pointers up as dyld does, binds imports to the C library through shims,
   runs initialisers and calls its main function.

   An import without a shim ends the program, with its name, when it is called: nearly every program imports
   what it never calls. MACHORUN_VERBOSE=1 lists these. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <ucontext.h>
#include <unistd.h>
#include "machorun.h"

#if defined __x86_64__
#define CPU CPU_X86_64
#else
#define CPU CPU_ARM64
#endif
#define LIBSYSTEM "/usr/lib/libSystem.B.dylib"
/* Programs are linked for pages of 16 KiB at most. */
#define ALIGNMENT 65536

struct image image;
int verbose;

noreturn void die(const char *format, ...) {
    va_list list;
    va_start(list, format);
    fflush(stdout);
    fprintf(stderr, "machorun: ");
    vfprintf(stderr, format, list);
    fprintf(stderr, "\n");
    _exit(125);
}

/* Load commands, one after the other: NULL first, and NULL at their end. */
static u32 *next_command(u32 *command) {
    struct header *h = (struct header *)image.file;
    u8 *end = image.file + sizeof *h + h->size;
    u8 *next = command ? (u8 *)command + command[1] : image.file + sizeof *h;
    if (next >= end) return NULL;
    u32 *found = (u32 *)next;
    if (next + 8 > end || found[1] < 8 || found[1] > end - next) die("broken load command");
    return found;
}

/* Whether a segment has memory. __PAGEZERO is there that nothing is. */
static int has_memory(const struct segment *s) {
    return s->memory_size && strncmp(s->name, "__PAGEZERO", sizeof s->name);
}

static u8 *place_of(const struct segment *s) { return (u8 *)(s->address + image.slide); }

static void protect(const struct segment *s, int protection) {
    if (mprotect(place_of(s), (s->memory_size + 4095) & ~4095ull, protection)) die("mprotect: %s", strerror(errno));
}

static void read_file(const char *path) {
    int fd = open(path, O_RDONLY);
    struct stat st;
    if (fd < 0 || fstat(fd, &st)) die("%s: %s", path, strerror(errno));
    image.path = path;
    image.file_size = st.st_size;
    image.file = mmap(NULL, st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    close(fd);
    struct header *h = (struct header *)image.file;
    if (image.file == MAP_FAILED || image.file_size < sizeof *h || h->magic != MH_MAGIC_64 || h->type != MH_EXECUTE)
        die("%s: not a 64-bit Mach-O program", path);
    if (h->cpu != CPU) die("%s: for another CPU", path);
    if (h->size > image.file_size - sizeof *h) die("%s: load commands past its end", path);
}

/* Copies segments to a place of their own, apart as far as the file says. */
static void map_segments(void) {
    u64 low = ~0ull, high = 0, preferred = 0;
    for (u32 *c = NULL; (c = next_command(c));) {
        struct segment *s = (struct segment *)c;
        if (c[0] != LC_SEGMENT_64) continue;
        if (image.segment_count == COUNT(image.segments)) die("too many segments");
        image.segments[image.segment_count++] = s;
        if (!has_memory(s)) continue;
        if (s->address < low) low = s->address;
        if (s->address + s->memory_size > high) high = s->address + s->memory_size;
        if (s->offset == 0 && s->file_size) preferred = s->address;
    }
    image.span = high - low;
    u8 *memory = mmap(NULL, image.span + ALIGNMENT, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED) die("no memory");
    memory = (u8 *)(((u64)memory + ALIGNMENT - 1) & ~(u64)(ALIGNMENT - 1));
    image.slide = (intptr_t)memory - (intptr_t)low;
    image.base = (u8 *)(preferred + image.slide);
    for (int i = 0; i < image.segment_count; i++) {
        struct segment *s = image.segments[i];
        if (!has_memory(s)) continue;
        if (s->offset > image.file_size || s->file_size > image.file_size - s->offset || s->file_size > s->memory_size)
            die("segment past the file's end");
        protect(s, PROT_READ | PROT_WRITE);
        memcpy(place_of(s), image.file + s->offset, s->file_size);
    }
}

/* Fixups are done: what may be run, and what may not be written. */
static void protect_segments(void) {
    for (int i = 0; i < image.segment_count; i++) {
        struct segment *s = image.segments[i];
        if (!has_memory(s)) continue;
        /* VM_PROT_* are the bits of PROT_*. */
        protect(s, s->flags & SG_READ_ONLY ? PROT_READ : (int)s->protection);
        __builtin___clear_cache((char *)place_of(s), (char *)place_of(s) + s->file_size);
    }
}

static struct section *initialisers[64];
static int initialiser_count;

static void read_section(struct section *s) {
    u8 *at = (u8 *)(s->address + image.slide);
    if (!strncmp(s->name, "__eh_frame", sizeof s->name)) image.eh_frame = at, image.eh_frame_size = s->size;
    if (!strncmp(s->name, "__unwind_info", sizeof s->name)) image.unwind_info = at, image.unwind_info_size = s->size;
    switch (s->flags & 0xff) {
    case S_THREAD_LOCAL_REGULAR:
    case S_THREAD_LOCAL_ZEROFILL:
        /* As dyld: from the first section of either kind to the end of the last. */
        if (!image.thread_template) image.thread_template = at;
        image.thread_size = at + s->size - image.thread_template;
        if ((s->flags & 0xff) == S_THREAD_LOCAL_REGULAR) image.thread_filled = image.thread_size;
        break;
    case S_THREAD_LOCAL_VARIABLES:
        for (struct variable *v = (struct variable *)at; (u8 *)(v + 1) <= at + s->size; v++) v->thunk = thread_local_thunk;
        break;
    case S_MOD_INIT_FUNC_POINTERS:
    case S_INIT_FUNC_OFFSETS:
        if (initialiser_count == COUNT(initialisers)) die("too many sections of initialisers");
        initialisers[initialiser_count++] = s;
        break;
    }
}

typedef int entry_point(int, char **, char **, char **);

static void run_initialisers(char **envp, char **apple) {
    for (int i = 0; i < initialiser_count; i++) {
        struct section *s = initialisers[i];
        int offsets = (s->flags & 0xff) == S_INIT_FUNC_OFFSETS;
        for (u64 at = 0; at < s->size; at += offsets ? 4 : 8) {
            u8 *from = (u8 *)(s->address + image.slide + at);
            entry_point *f = offsets ? (entry_point *)(image.base + *(u32 *)from) : *(entry_point **)from;
            f(image.argc, image.argv, envp, apple);
        }
    }
}

static void crashed(int signal, siginfo_t *info, void *context) {
    ucontext_t *c = context;
#if defined __x86_64__
    u64 pc = c->uc_mcontext.gregs[REG_RIP], from = *(u64 *)c->uc_mcontext.gregs[REG_RSP];
#else
    u64 pc = c->uc_mcontext.pc, from = c->uc_mcontext.regs[30];
#endif
    u64 at, back;
    const char *name = nearest(pc, &at), *caller = nearest(from, &back);
    die("signal %d at %#lx (address %p), %s+%#lx, called near %s+%#lx", signal, (long)(pc - image.slide), info->si_addr,
        name ? name : "?", (long)at, caller ? caller : "?", (long)back);
}

int main(int argc, char **argv, char **envp) {
    verbose = getenv("MACHORUN_VERBOSE") != NULL;
    if (argc < 2) die("usage: machorun PROGRAM [ARGUMENTS]");
    image.argc = argc - 1, image.argv = argv + 1;
    read_file(argv[1]);
    map_segments();

    u64 entry = ~0ull;
    const u8 *chains = NULL;
    const u32 *info = NULL;
    for (u32 *c = NULL; (c = next_command(c));) {
        switch (c[0] & ~LC_REQ_DYLD) {
        case LC_SYMTAB:
            image.symbols = (struct symbol *)(image.file + c[2]), image.symbol_count = c[3];
            image.strings = (char *)image.file + c[4];
            break;
        case LC_MAIN: memcpy(&entry, c + 2, 8); break;
        case LC_DYLD_INFO: info = c; break;
        case LC_DYLD_CHAINED_FIXUPS: chains = image.file + c[2]; break;
        case LC_LOAD_DYLIB:
            if (strcmp((char *)c + c[2], LIBSYSTEM)) fprintf(stderr, "machorun: %s is not loaded\n", (char *)c + c[2]);
        }
    }
    if (entry == ~0ull) die("no LC_MAIN");
    fix_up(info, chains);
    for (int i = 0; i < image.segment_count; i++) {
        struct section *s = (struct section *)(image.segments[i] + 1);
        for (u32 j = 0; j < image.segments[i]->sections; j++) read_section(s + j);
    }
    protect_segments();

    /* What fails says so: nobody wants the memory of it beside the tests. */
    setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
    struct sigaction action = {.sa_sigaction = crashed, .sa_flags = SA_SIGINFO | SA_ONSTACK};
    static const int signals[] = {SIGSEGV, SIGBUS, SIGILL, SIGTRAP, SIGFPE};
    for (size_t i = 0; i < COUNT(signals); i++) sigaction(signals[i], &action, NULL);
    char *apple[] = {image.argv[0], NULL};
    run_initialisers(envp, apple);
    exit(((entry_point *)(image.base + entry))(image.argc, image.argv, envp, apple));
}
