/* Finds what stands for a function of libSystem, and lists those that are the same on Linux: of same numbers,
   layouts and ways of calling. */
#define _GNU_SOURCE
#include <dirent.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <wchar.h>
#include "machorun.h"

typedef int wide __attribute__((mode(TI)));
typedef unsigned unsigned_wide __attribute__((mode(TI)));
wide __divti3(wide, wide);
wide __modti3(wide, wide);
unsigned_wide __udivti3(unsigned_wide, unsigned_wide);
unsigned_wide __umodti3(unsigned_wide, unsigned_wide);

extern int __cxa_atexit(void (*)(void *), void *, void *);
extern void __stack_chk_fail(void);
static u64 stack_guard = 0x5bd1e995c3a50aff;

#define SAME(name) {"_" #name, (void *)name}
const struct shim same_shims[] = {
    SHIM("__stdinp", &stdin), SHIM("__stdoutp", &stdout), SHIM("__stderrp", &stderr), SHIM("environ", &environ),
    /* Room for all that these keep is in libSystem's jmp_buf too. */
    SHIM("setjmp", _setjmp), SHIM("_setjmp", _setjmp), SHIM("longjmp", longjmp), SHIM("_longjmp", longjmp),
    SHIM("__stack_chk_guard", &stack_guard), SAME(__stack_chk_fail), SAME(__cxa_atexit),
    /* compiler-rt is in libSystem. */
    SAME(__divti3), SAME(__modti3), SAME(__udivti3), SAME(__umodti3),
    SAME(_exit), SAME(abort), SAME(aligned_alloc), SAME(atexit), SAME(bzero), SAME(calloc), SAME(chdir), SAME(close),
    SAME(closedir), SAME(dirfd), SAME(dup), SAME(dup2), SAME(exit), SAME(fflush), SAME(fputc), SAME(fputs), SAME(free),
    SAME(ftruncate), SAME(fwrite), SAME(getcwd), SAME(getenv), SAME(getpid), SAME(getuid), SAME(isatty), SAME(kill),
    SAME(lseek), SAME(malloc), SAME(memchr), SAME(memcmp), SAME(memcpy), SAME(memmove), SAME(memset), SAME(mkdir),
    SAME(madvise), SAME(mprotect), SAME(munmap), SAME(nanosleep), SAME(opendir), SAME(pause), SAME(pipe), SAME(poll),
    SAME(posix_memalign), SAME(pread), SAME(pthread_detach), SAME(pthread_getspecific), SAME(pthread_join),
    SAME(pthread_key_delete), SAME(pthread_self), SAME(pthread_setspecific), SAME(putchar), SAME(puts), SAME(pwrite),
    SAME(qsort), SAME(read), SAME(readlink), SAME(readv), SAME(realloc), SAME(realpath), SAME(rename), SAME(rmdir),
    SAME(sched_yield), SAME(setenv), SAME(strchr), SAME(strcmp), SAME(strcpy), SAME(strdup), SAME(strlen), SAME(strncmp),
    SAME(strncpy), SAME(strrchr), SAME(strstr), SAME(strtol), SAME(strtoul), SAME(unlink), SAME(unsetenv), SAME(usleep),
    SAME(waitpid), SAME(wcscmp), SAME(wcslen), SAME(wmemchr), SAME(wmemcmp), SAME(write), SAME(writev), {NULL, NULL}};

void *shim(const char *name) {
    static const struct shim *const tables[] = {variadic_shims, thread_shims, thread_local_shims, system_shims, file_shims,
                                                error_shims, image_shims, same_shims};
    /* `_open$NOCANCEL`, `_fstat$INODE64` and the like are one function here. */
    size_t length = strcspn(name, "$");
    for (size_t t = 0; t < COUNT(tables); t++)
        for (const struct shim *s = tables[t]; s->name; s++)
            if (!strncmp(s->name, name, length) && !s->name[length]) return s->to;
    return NULL;
}
