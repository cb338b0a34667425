/* Time, the machine, and the program as the C library tells of it. */
#define _GNU_SOURCE
#include <errno.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>
#include "machorun.h"

static clockid_t clock_of(int id) {
    switch (id) { /* macOS' CLOCK_*: 4 and 5 raw monotonic, 6 monotonic, 8 and 9 raw uptime */
    case 0: return CLOCK_REALTIME;
    case 4: case 5: case 8: case 9: return CLOCK_MONOTONIC_RAW;
    case 12: return CLOCK_PROCESS_CPUTIME_ID;
    case 16: return CLOCK_THREAD_CPUTIME_ID;
    default: return CLOCK_MONOTONIC;
    }
}
static u64 nanoseconds(clockid_t id) {
    struct timespec t;
    clock_gettime(id, &t);
    return t.tv_sec * 1000000000ull + t.tv_nsec;
}
static int d_clock_gettime(int id, struct timespec *t) { return clock_gettime(clock_of(id), t); }
static u64 d_clock_nsec(int id) { return nanoseconds(clock_of(id)); }
static u64 d_mach_time(void) { return nanoseconds(CLOCK_MONOTONIC); }
static int d_timebase(u32 *i) { i[0] = i[1] = 1; return 0; } /* ticks are nanoseconds */

static long d_sysconf(int name) {
    static const int map[][2] = {{1, _SC_ARG_MAX}, {3, _SC_CLK_TCK}, {5, _SC_OPEN_MAX}, {29, _SC_PAGESIZE}, {56, _SC_IOV_MAX},
        {57, _SC_NPROCESSORS_CONF}, {58, _SC_NPROCESSORS_ONLN}, {70, _SC_GETGR_R_SIZE_MAX}, {71, _SC_GETPW_R_SIZE_MAX},
        {200, _SC_PHYS_PAGES}};
    for (size_t i = 0; i < COUNT(map); i++)
        if (map[i][0] == name) return sysconf(map[i][1]);
    errno = EINVAL;
    return -1;
}
/* Programs ask for numbers of CPUs alone. */
static int d_sysctlbyname(const char *name, void *out, size_t *size, void *in, size_t n) {
    (void)in, (void)n;
    if (strncmp(name, "hw.", 3) || !strstr(name, "cpu") || !out || *size < sizeof(int)) { errno = ENOENT; return -1; }
    *(int *)out = sysconf(_SC_NPROCESSORS_ONLN);
    *size = sizeof(int);
    return 0;
}
static int d_random(void *out, size_t n) { return getrandom(out, n, 0) == (ssize_t)n ? 0 : -1; }

/* Handlers of signals are ours, which name what crashed: programs are told that theirs was set. */
static int d_sigaction(int s, const void *new, void *old) { (void)s, (void)new; if (old) memset(old, 0, 16); return 0; }
static int d_sigaltstack(const void *new, u32 *old) {
    enum { MAC_SS_DISABLE = 4 };
    (void)new;
    if (old) memset(old, 0, 24), old[4] = MAC_SS_DISABLE;
    return 0;
}
static void *d_signal(int s, void *f) { (void)s, (void)f; return NULL; }

static void d_pattern16(char *to, const char *pattern, size_t n) { for (size_t i = 0; i < n; i++) to[i] = pattern[i & 15]; }
static void d_pattern8(char *to, const char *pattern, size_t n) { for (size_t i = 0; i < n; i++) to[i] = pattern[i & 7]; }
static void d_pattern4(char *to, const char *pattern, size_t n) { for (size_t i = 0; i < n; i++) to[i] = pattern[i & 3]; }
static void d_bzero(void *to, size_t n) { memset(to, 0, n); }

static int *d_argc(void) { return &image.argc; }
static char ***d_argv(void) { return &image.argv; }
static char ***d_environ(void) { return &environ; }
static int d_executable_path(char *out, u32 *size) {
    size_t n = strlen(image.path) + 1;
    int fits = *size >= n;
    *size = n;
    if (fits) memcpy(out, image.path, n);
    return fits ? 0 : -1;
}
static void d_assert(const char *function, const char *file, int line, const char *what) {
    die("assertion failed: %s (%s, %s:%d)", what, function, file, line);
}

const struct shim system_shims[] = {
    SHIM("clock_gettime", d_clock_gettime), SHIM("clock_gettime_nsec_np", d_clock_nsec),
    SHIM("mach_absolute_time", d_mach_time), SHIM("mach_continuous_time", d_mach_time), SHIM("mach_timebase_info", d_timebase),
    SHIM("sysconf", d_sysconf), SHIM("sysctlbyname", d_sysctlbyname), SHIM("CCRandomGenerateBytes", d_random),
    SHIM("getentropy", d_random), SHIM("sigaction", d_sigaction), SHIM("sigaltstack", d_sigaltstack), SHIM("signal", d_signal),
    SHIM("memset_pattern16", d_pattern16), SHIM("memset_pattern8", d_pattern8), SHIM("memset_pattern4", d_pattern4),
    SHIM("__bzero", d_bzero), SHIM("_NSGetArgc", d_argc), SHIM("_NSGetArgv", d_argv), SHIM("_NSGetEnviron", d_environ),
    SHIM("_NSGetExecutablePath", d_executable_path), SHIM("__assert_rtn", d_assert), {NULL, NULL}};
