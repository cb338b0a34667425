/* Functions of variable arguments. On arm64 macOS passes these on the stack, Linux in registers first: there
   a few instructions call the function with a pointer to them, which is what a va_list of Linux says that has
   no registers left. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include "machorun.h"

/* FUNCTION(type of the result, name, register of the first variable argument, named arguments). */
#if defined __x86_64__
#define FUNCTION(result, name, first, ...) static result name(__VA_ARGS__, ...)
#define START(list, last) va_start(list, last)
#define VARIADIC(name, function) SHIM(name, function)
#else
#define FUNCTION(result, name, first, ...) \
    void variadic_##name(void); \
    __asm__(".text\nvariadic_" #name ":\n mov " first ", sp\n b " #name "\n"); \
    result name(__VA_ARGS__, void *arguments); \
    result name(__VA_ARGS__, void *arguments)
/* The AAPCS64's va_list. */
struct linux_list { void *stack, *general, *vector; int general_offset, vector_offset; };
_Static_assert(sizeof(struct linux_list) == sizeof(va_list), "va_list");
#define START(list, last) (*(struct linux_list *)&(list) = (struct linux_list){arguments, NULL, NULL, 0, 0})
#define VARIADIC(name, function) SHIM(name, variadic_##function)
#endif

FUNCTION(int, d_printf, "x1", const char *format) {
    va_list list;
    START(list, format);
    int n = vprintf(format, list);
    va_end(list);
    return n;
}
FUNCTION(int, d_fprintf, "x2", FILE *file, const char *format) {
    va_list list;
    START(list, format);
    int n = vfprintf(file, format, list);
    va_end(list);
    return n;
}
FUNCTION(int, d_snprintf, "x3", char *out, size_t size, const char *format) {
    va_list list;
    START(list, format);
    int n = vsnprintf(out, size, format, list);
    va_end(list);
    return n;
}
FUNCTION(int, d_sscanf, "x2", const char *text, const char *format) {
    va_list list;
    START(list, format);
    int n = vsscanf(text, format, list);
    va_end(list);
    return n;
}

enum { MAC_O_CREAT = 0x200 };
static int open_flags(int flags) {
    static const u32 map[][2] = {{4, O_NONBLOCK}, {8, O_APPEND}, {0x80, O_SYNC}, {0x100, O_NOFOLLOW}, {MAC_O_CREAT, O_CREAT},
        {0x400, O_TRUNC}, {0x800, O_EXCL}, {0x20000, O_NOCTTY}, {0x100000, O_DIRECTORY}, {0x1000000, O_CLOEXEC}};
    int mine = flags & O_ACCMODE;
    for (size_t i = 0; i < COUNT(map); i++)
        if (flags & map[i][0]) mine |= map[i][1];
    return mine;
}
FUNCTION(int, d_open, "x2", const char *path, int flags) {
    int mode = 0;
    if (flags & MAC_O_CREAT) {
        va_list list;
        START(list, flags);
        mode = va_arg(list, int);
        va_end(list);
    }
    return open(path, open_flags(flags), mode);
}
FUNCTION(int, d_openat, "x3", int folder, const char *path, int flags) {
    enum { MAC_AT_FDCWD = -2 };
    int mode = 0;
    if (flags & MAC_O_CREAT) {
        va_list list;
        START(list, flags);
        mode = va_arg(list, int);
        va_end(list);
    }
    return openat(folder == MAC_AT_FDCWD ? AT_FDCWD : folder, path, open_flags(flags), mode);
}

FUNCTION(int, d_fcntl, "x2", int fd, int command) {
    /* Those up to F_SETFL have the same numbers. */
    enum { MAC_F_DUPFD_CLOEXEC = 67, MAC_O_NONBLOCK = 4, MAC_O_APPEND = 8 };
    va_list list;
    START(list, command);
    long argument = va_arg(list, long);
    va_end(list);
    switch (command) {
    case F_DUPFD: case F_GETFD: case F_SETFD: return fcntl(fd, command, argument);
    case F_GETFL: {
        int f = fcntl(fd, F_GETFL);
        return f < 0 ? f : (f & O_ACCMODE) | (f & O_NONBLOCK ? MAC_O_NONBLOCK : 0) | (f & O_APPEND ? MAC_O_APPEND : 0);
    }
    case F_SETFL:
        return fcntl(fd, F_SETFL, (argument & MAC_O_NONBLOCK ? O_NONBLOCK : 0) | (argument & MAC_O_APPEND ? O_APPEND : 0));
    case MAC_F_DUPFD_CLOEXEC: return fcntl(fd, F_DUPFD_CLOEXEC, argument);
    default: errno = EINVAL; return -1;
    }
}

const struct shim variadic_shims[] = {
    VARIADIC("printf", d_printf), VARIADIC("fprintf", d_fprintf), VARIADIC("snprintf", d_snprintf),
    VARIADIC("sscanf", d_sscanf), VARIADIC("open", d_open), VARIADIC("openat", d_openat), VARIADIC("fcntl", d_fcntl), {NULL, NULL}};
